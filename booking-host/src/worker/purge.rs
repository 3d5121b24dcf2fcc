//! Forgetting: what is older than the retention goes, once nothing of it is left on a door.

use booking_core::TenantSlug;
use booking_core::store::{Kind, PlanRecord, PlanState, Record, StoreError, Tx, Write};
use booking_engine::Engine;
use chrono::{DateTime, TimeDelta, Utc};

/// How many stays are forgotten in one call.
const STAYS: usize = 200;
/// How many plans are looked at in one call.
const PLANS: usize = 200;

/// Forgets what is older than `retention`. Answers how many stays are left, because somebody works on them.
pub(super) async fn purge(
    engine: &Engine,
    now: DateTime<Utc>,
    retention: TimeDelta,
) -> Result<u64, StoreError> {
    let older_than = now - retention;
    let over = engine.forgettable(older_than).await?;
    let (mut inbox, mut audit, mut records, mut left) = (0, 0, 0, 0);
    // At least one call: old inbox rows and audit entries belong to no stay.
    let first = over.len().min(STAYS);
    let chunks = std::iter::once(&over[..first]).chain(over[first..].chunks(STAYS));
    for stays in chunks {
        let purged = engine.store().purge(now, older_than, stays).await?;
        inbox += purged.inbox;
        audit += purged.audit;
        records += purged.records;
        left += purged.left;
    }
    let mut plans = 0;
    for tenant in engine.tenants() {
        plans += forget_plans(engine, &tenant.slug, now, older_than).await?;
    }
    let stays = over.len() as u64 - left;
    tracing::info!(stays, left, inbox, audit, records, plans, "forgot what is too old");
    Ok(left)
}

/// Forgets the plans of a tenant that nobody can apply any more. Answers how many.
async fn forget_plans(
    engine: &Engine,
    tenant: &TenantSlug,
    now: DateTime<Utc>,
    older_than: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let (mut forgotten, mut after) = (0, None::<String>);
    loop {
        let rows = engine.store().rows(Kind::Plan, tenant, after.as_deref(), PLANS).await?;
        let Some(last) = rows.last() else { return Ok(forgotten) };
        after = Some(last.record.key().id);
        let is_over =
            |record: &Record| matches!(record, Record::Plan(plan) if is_over(plan, now, older_than));
        let over = rows.iter().map(|row| &row.record).filter(|record| is_over(record));
        let writes: Vec<Write> = over.map(|record| Write::Delete(record.key())).collect();
        forgotten += writes.len();
        let _ = engine.store().commit(Tx { writes, ..Tx::new(now) }).await?;
    }
}

/// A plan that was never applied holds digits that nobody will get. What became of one that was is told for as long as
/// anything is; one that is being applied stays whatever its age.
fn is_over(plan: &PlanRecord, now: DateTime<Utc>, older_than: DateTime<Utc>) -> bool {
    match plan.state {
        PlanState::Drafted => plan.expires_at <= now,
        PlanState::Approved | PlanState::Begun => false,
        PlanState::Applied | PlanState::Refused => plan.expires_at <= older_than,
    }
}
