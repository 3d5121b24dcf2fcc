//! What is done beside the work: numbers, and forgetting.

use std::collections::BTreeMap;

use booking_core::store::{Kind, Record, Store, StoreError};
use booking_engine::AlertKind;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Worker, purge};
use crate::metrics::Queue;

/// How often the gauges are brought up to date.
const GAUGES_EVERY: TimeDelta = TimeDelta::seconds(15);
const ALERTS_EVERY: TimeDelta = TimeDelta::seconds(60);
/// How often what is no longer needed is forgotten.
const PURGE_EVERY: TimeDelta = TimeDelta::days(1);
const PURGE_AGAIN: TimeDelta = TimeDelta::hours(1);
/// How many rows are read at once.
const BATCH: usize = 500;
/// Beyond this many waiting keys the gauges say no more than that.
const MOST_COUNTED: usize = 20_000;

/// Never ends; dropped anywhere, it leaves nothing half done.
pub(super) async fn keep_up(worker: &Worker) {
    tokio::join!(gauges(worker), alerts(worker), purges(worker));
}

async fn gauges(worker: &Worker) {
    loop {
        let now = worker.clock.now();
        worker.metrics.upkeep();
        match queue(&**worker.engine.store(), now).await {
            Ok(queue) => worker.metrics.queue(queue),
            Err(error) => {
                worker.metrics.store_error();
                tracing::warn!(%error, "the queue cannot be counted");
            }
        }
        worker.clock.sleep_until(now + GAUGES_EVERY).await;
    }
}

async fn alerts(worker: &Worker) {
    loop {
        let now = worker.clock.now();
        match open_alerts(worker).await {
            Ok(open) => open.into_iter().for_each(|(kind, count)| worker.metrics.alerts(kind, count)),
            Err(error) => {
                worker.metrics.store_error();
                tracing::warn!(%error, "the open alerts cannot be counted");
            }
        }
        worker.clock.sleep_until(now + ALERTS_EVERY).await;
    }
}

async fn purges(worker: &Worker) {
    loop {
        let now = worker.clock.now();
        // What keeps a purge from being made tonight, or made whole, does not keep it from being tried in an hour.
        let every = match purge::purge(&worker.engine, now, worker.retention).await {
            Ok(0) => PURGE_EVERY,
            Ok(_) => PURGE_AGAIN,
            Err(error) => {
                worker.metrics.store_error();
                tracing::error!(%error, "what is too old cannot be forgotten");
                PURGE_AGAIN
            }
        };
        worker.clock.sleep_until(now + every).await;
    }
}

async fn queue(store: &dyn Store, now: DateTime<Utc>) -> Result<Queue, StoreError> {
    let mut queue = Queue::default();
    let (mut after, mut counted) = (None, 0);
    loop {
        let rows = store.work(after.as_ref(), BATCH).await?;
        let Some(last) = rows.last() else { return Ok(queue) };
        after = Some(last.work.clone());
        counted += rows.len();
        for row in rows {
            let leased = row.leased_until.is_some_and(|until| until > now);
            queue.leased += u64::from(leased);
            queue.failing += u64::from(row.failures > 0);
            if let Some(due) = row.due_at.filter(|due| *due <= now && !leased) {
                queue.due += 1;
                queue.oldest = queue.oldest.max((now - due).to_std().unwrap_or_default());
            }
        }
        if counted >= MOST_COUNTED {
            return Ok(queue);
        }
    }
}

async fn open_alerts(worker: &Worker) -> Result<BTreeMap<&'static str, u64>, StoreError> {
    let mut open: BTreeMap<&'static str, u64> =
        AlertKind::ALL.into_iter().map(|kind| (kind.key(), 0)).collect();
    for tenant in worker.engine.tenants() {
        let mut after: Option<String> = None;
        loop {
            let rows = worker.engine.store().rows(Kind::Alert, &tenant.slug, after.as_deref(), BATCH).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.record.key().id);
            for row in &rows {
                if let Record::Alert(alert) = &row.record
                    && alert.closed_at.is_none()
                {
                    // Whatever a row says, the label is a word of ours.
                    let kind = AlertKind::parse(&alert.kind).map_or("other", AlertKind::key);
                    *open.entry(kind).or_default() += 1;
                }
            }
        }
    }
    Ok(open)
}
