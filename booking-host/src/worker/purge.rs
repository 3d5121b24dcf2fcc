//! Forgetting: what is older than the retention goes, once nothing of it is left on a door.

use booking_core::store::StoreError;
use booking_engine::Engine;
use chrono::{DateTime, TimeDelta, Utc};

/// How many stays are forgotten in one call.
const STAYS: usize = 200;

/// Forgets what is older than `retention`. Returns whether it could.
pub(super) async fn purge(engine: &Engine, now: DateTime<Utc>, retention: TimeDelta) -> bool {
    match forget(engine, now - retention).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "what is too old cannot be forgotten");
            false
        }
    }
}

async fn forget(engine: &Engine, older_than: DateTime<Utc>) -> Result<(), StoreError> {
    let over = engine.forgettable(older_than).await?;
    let (mut inbox, mut audit, mut records) = (0, 0, 0);
    // At least one call: old inbox rows and audit entries belong to no stay.
    let first = over.len().min(STAYS);
    let chunks = std::iter::once(&over[..first]).chain(over[first..].chunks(STAYS));
    for stays in chunks {
        let purged = engine.store().purge(older_than, stays).await?;
        inbox += purged.inbox;
        audit += purged.audit;
        records += purged.records;
    }
    tracing::info!(stays = over.len(), inbox, audit, records, "forgot what is too old");
    Ok(())
}
