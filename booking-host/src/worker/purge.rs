//! Forgetting: what is older than the retention goes, once nothing of it is left on a door.

use booking_core::store::{CodeState, Kind, Record, Store, StoreError};
use booking_core::{BookingId, TenantSlug};
use booking_engine::Engine;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

/// How many rows are read at once.
const BATCH: usize = 500;
/// How many stays are forgotten in one call.
const STAYS: usize = 200;

/// Forgets what is older than `retention`. Returns whether it could.
pub(super) async fn purge(engine: &Engine, now: DateTime<Utc>, retention: TimeDelta) -> bool {
    let older_than = now - retention;
    match forget(engine, older_than).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "what is too old cannot be forgotten");
            false
        }
    }
}

async fn forget(engine: &Engine, older_than: DateTime<Utc>) -> Result<(), StoreError> {
    let store = &**engine.store();
    let mut over = Vec::new();
    for tenant in engine.tenants() {
        over.extend(stays_over(store, &tenant.slug, older_than).await?);
    }
    let (mut inbox, mut audit, mut records) = (0, 0, 0);
    // At least one call: old inbox rows and audit entries belong to no stay.
    let first = over.len().min(STAYS);
    let chunks = std::iter::once(&over[..first]).chain(over[first..].chunks(STAYS));
    for stays in chunks {
        let purged = store.purge(older_than, stays).await?;
        inbox += purged.inbox;
        audit += purged.audit;
        records += purged.records;
    }
    tracing::info!(stays = over.len(), inbox, audit, records, "forgot what is too old");
    Ok(())
}

/// The stays that ended before `older_than` and have no code left on a door.
async fn stays_over(
    store: &dyn Store,
    tenant: &TenantSlug,
    older_than: DateTime<Utc>,
) -> Result<Vec<(TenantSlug, BookingId)>, StoreError> {
    let mut over = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let rows = store.rows(Kind::Booking, tenant, after.as_deref(), BATCH).await?;
        let Some(last) = rows.last() else { return Ok(over) };
        after = Some(last.record.key().id);
        for row in rows {
            let Record::Booking(record) = row.record else { continue };
            let dates = record.booking.as_ref().and_then(|booking| booking.dates.as_ref().ok());
            let ended =
                dates.map_or(record.created_at, |dates| dates.departure().and_time(NaiveTime::MIN).and_utc());
            // A day for zones behind UTC.
            if ended + TimeDelta::days(1) < older_than && !has_code(store, tenant, &record.id).await? {
                over.push((tenant.clone(), record.id));
            }
        }
    }
}

async fn has_code(store: &dyn Store, tenant: &TenantSlug, stay: &BookingId) -> Result<bool, StoreError> {
    let rows = store.stay(tenant, stay).await?;
    Ok(rows.iter().any(|row| matches!(&row.record, Record::Code(code) if code.state != CodeState::Removed)))
}
