//! The worker: claims what is due and works on it, so many keys at once, and not too many of one tenant.

pub(crate) mod errand;
mod purge;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use booking_core::store::{Kind, Lease, Places, Record, Store};
use booking_core::{Clock, TenantSlug};
use booking_engine::{AlertKind, Done, Engine, WorkError};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::config::WorkerConfig;
use crate::metrics::{Metrics, Queue};

/// Between two looks when a look showed nothing although something was said to be due.
const LEAST_NAP: TimeDelta = TimeDelta::milliseconds(50);
/// How often the gauges are brought up to date.
const GAUGES_EVERY: TimeDelta = TimeDelta::seconds(15);
const ALERTS_EVERY: TimeDelta = TimeDelta::seconds(60);
/// How often what is no longer needed is forgotten.
const PURGE_EVERY: TimeDelta = TimeDelta::days(1);
/// How many rows are read at once.
const BATCH: usize = 500;
/// Beyond this many waiting keys the gauges say no more than that.
const MOST_COUNTED: usize = 20_000;

/// Works on an engine's keys until it is told to stop.
pub(crate) struct Worker {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: WorkerConfig,
    pub(crate) retention: TimeDelta,
    pub(crate) metrics: Arc<Metrics>,
    /// Rung when there is new work.
    pub(crate) wake: Arc<Notify>,
    /// Set when no more work is to be begun.
    pub(crate) stop: CancellationToken,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What became of a lease.
type Ended = (TenantSlug, Result<Done, Trouble>);

enum Trouble {
    Work(WorkError),
    Panic,
}

/// What is under way.
#[derive(Default)]
struct Load {
    tasks: JoinSet<Ended>,
    /// How many of each tenant.
    running: BTreeMap<TenantSlug, usize>,
}

impl Worker {
    /// Works until [`Worker::stop`], then ends what was begun, for at most `drain`. Returns whether all of it ended.
    pub(crate) async fn run(self, drain: Duration) -> bool {
        let mut load = Load::default();
        let (mut gauges_at, mut alerts_at, mut purge_at) =
            (self.clock.now(), self.clock.now(), self.clock.now());
        while !self.stop.is_cancelled() {
            let now = self.clock.now();
            if now >= gauges_at {
                gauges_at = now + GAUGES_EVERY;
                self.gauge().await;
            }
            if now >= alerts_at {
                alerts_at = now + ALERTS_EVERY;
                self.count_alerts().await;
            }
            if now >= purge_at {
                // What keeps a purge from being made tonight does not keep it from being tried in an hour.
                let done = purge::purge(&self.engine, now, self.retention).await;
                purge_at = now + if done { PURGE_EVERY } else { TimeDelta::hours(1) };
            }
            let next = self.fill(&mut load).await;
            self.metrics.working(load.tasks.len());
            let until = next.min(gauges_at).max(self.clock.now() + LEAST_NAP);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                Some(ended) = load.tasks.join_next() => self.end(&mut load, ended.ok()),
                () = self.wake.notified() => {}
                () = self.clock.sleep_until(until) => {}
            }
        }
        self.drain(load, drain).await
    }

    /// Begins as much as there is room for. Returns when to look again.
    async fn fill(&self, load: &mut Load) -> DateTime<Utc> {
        let soon =
            self.clock.now() + TimeDelta::from_std(self.settings.look_every).unwrap_or(TimeDelta::seconds(5));
        let mut looked_at;
        loop {
            looked_at = self.clock.now();
            let places = Places {
                free: self.settings.concurrency.saturating_sub(load.tasks.len()),
                per_tenant: self.settings.per_tenant,
                taken: load.running.clone(),
            };
            if places.free == 0 {
                // Whatever ends next makes room.
                return soon;
            }
            let leases = match self.engine.claim(&places).await {
                Ok(leases) => leases,
                Err(error) => {
                    self.metrics.store_error();
                    tracing::error!(%error, "work cannot be claimed");
                    return soon;
                }
            };
            if leases.is_empty() {
                break;
            }
            leases.into_iter().for_each(|lease| self.begin(load, lease));
        }
        // What is due already is of tenants that have their share: what ends next makes room for them.
        match self.engine.store().next_due(Some(looked_at)).await {
            Ok(next) => next.map_or(soon, |next| next.min(soon)),
            Err(error) => {
                self.metrics.store_error();
                tracing::error!(%error, "the next work cannot be read");
                soon
            }
        }
    }

    fn begin(&self, load: &mut Load, lease: Lease) {
        let tenant = lease.work.tenant().clone();
        *load.running.entry(tenant.clone()).or_default() += 1;
        let (engine, metrics) = (Arc::clone(&self.engine), Arc::clone(&self.metrics));
        let (kind, key) = (lease.work.kind(), lease.work.to_string());
        let span = tracing::info_span!("work", kind, key, attempt = lease.failures + 1);
        let task = async move {
            let started = Instant::now();
            let result = match AssertUnwindSafe(engine.work(lease)).catch_unwind().await {
                Ok(result) => result.map_err(Trouble::Work),
                Err(_) => Err(Trouble::Panic),
            };
            report(&metrics, kind, &result, started.elapsed());
            (tenant, result)
        };
        load.tasks.spawn(task.instrument(span));
    }

    fn end(&self, load: &mut Load, ended: Option<Ended>) {
        let Some((tenant, _)) = ended else {
            // A task that was aborted: only a runtime that ends does that.
            return;
        };
        if let Some(running) = load.running.get_mut(&tenant) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                load.running.remove(&tenant);
            }
        }
    }

    /// Lets what was begun end.
    async fn drain(&self, mut load: Load, drain: Duration) -> bool {
        let running = load.tasks.len();
        tracing::info!(running, seconds = drain.as_secs(), "no more work is begun");
        let all = async { while load.tasks.join_next().await.is_some() {} };
        let ended = tokio::time::timeout(drain, all).await.is_ok();
        if !ended {
            let left = load.tasks.len();
            tracing::warn!(left, "work was cut off; it is due again when its lease ends");
            // Written down before it was tried, whatever was under way is repaired by the next run.
            load.tasks.abort_all();
        }
        self.metrics.working(load.tasks.len());
        ended
    }

    async fn gauge(&self) {
        self.metrics.upkeep();
        let now = self.clock.now();
        match queue(&**self.engine.store(), now).await {
            Ok(queue) => self.metrics.queue(queue),
            Err(error) => {
                self.metrics.store_error();
                tracing::warn!(%error, "the queue cannot be counted");
            }
        }
    }

    async fn count_alerts(&self) {
        let mut open: BTreeMap<&'static str, u64> =
            AlertKind::ALL.into_iter().map(|kind| (kind.key(), 0)).collect();
        for tenant in self.engine.tenants() {
            let mut after: Option<String> = None;
            loop {
                let rows = match self
                    .engine
                    .store()
                    .rows(Kind::Alert, &tenant.slug, after.as_deref(), BATCH)
                    .await
                {
                    Ok(rows) => rows,
                    Err(_) => return self.metrics.store_error(),
                };
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
        open.into_iter().for_each(|(kind, count)| self.metrics.alerts(kind, count));
    }
}

/// One line and one count for what a piece of work came to.
fn report(metrics: &Metrics, kind: &'static str, result: &Result<Done, Trouble>, took: Duration) {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let word = match result {
        Ok(done) => {
            let next = done.next.map(|next| next.to_rfc3339()).unwrap_or_default();
            if done.failed {
                tracing::warn!(millis, next, "worked; something failed and is tried again");
                "failed"
            } else {
                tracing::info!(millis, next, "worked");
                "done"
            }
        }
        Err(Trouble::Panic) => {
            tracing::error!(millis, "work panicked; it is due again when its lease ends");
            "panicked"
        }
        Err(Trouble::Work(error)) => {
            tracing::warn!(millis, %error, "work was given up");
            match error {
                WorkError::Store(_) => "store",
                WorkError::Fenced => "fenced",
                _ => "other",
            }
        }
    };
    metrics.work(kind, word, took);
}

async fn queue(store: &dyn Store, now: DateTime<Utc>) -> Result<Queue, booking_core::store::StoreError> {
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
