//! The worker: claims what is due and works on it, so many keys at once, and not too many of one tenant.

pub(crate) mod errand;
mod purge;
mod upkeep;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use booking_core::store::{Lease, Places};
use booking_core::{Clock, TenantSlug};
use booking_engine::{Done, Engine, WorkError};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::config::WorkerConfig;
use crate::metrics::Metrics;

/// Between two looks when a look showed nothing although something was said to be due.
const LEAST_NAP: TimeDelta = TimeDelta::milliseconds(50);

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
        // Side by side: what is due waits for no gauge and no purge, and who stops it waits for neither.
        tokio::select! {
            () = self.work(&mut load) => {}
            () = upkeep::keep_up(&self) => {}
        }
        self.drain(load, drain).await
    }

    async fn work(&self, load: &mut Load) {
        while !self.stop.is_cancelled() {
            let next = self.fill(load).await;
            self.metrics.working(load.tasks.len());
            let until = next.max(self.clock.now() + LEAST_NAP);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                Some(ended) = load.tasks.join_next() => self.end(load, ended.ok()),
                () = self.wake.notified() => {}
                () = self.clock.sleep_until(until) => {}
            }
        }
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
                WorkError::Store(_) => {
                    metrics.store_error();
                    "store"
                }
                WorkError::Fenced => "fenced",
                _ => "other",
            }
        }
    };
    metrics.work(kind, word, took);
}

#[cfg(test)]
mod tests {
    use booking_core::store::StoreError;

    use super::*;

    #[test]
    fn work_that_the_store_failed_counts_among_its_errors() {
        let metrics = Metrics::new();
        let counts = |line: &str| {
            let shown = metrics.render();
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        };
        for (error, errors) in
            [(WorkError::Fenced, 0), (WorkError::Store(StoreError::Unavailable("disk".to_owned())), 1)]
        {
            report(&metrics, "grant", &Err(Trouble::Work(error)), Duration::ZERO);
            counts(&format!("staykey_store_errors_total {errors}"));
        }
        for result in ["fenced", "store"] {
            counts(&format!("staykey_work_total{{kind=\"grant\",result=\"{result}\"}} 1"));
        }
    }
}
