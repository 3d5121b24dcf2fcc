//! One errand instead of all that is due: the work on some keys, for a program that ends with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use booking_core::Clock;
use booking_core::store::{StoreError, Tx, WorkKey, Write};
use booking_engine::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;

/// How many keys are made due, and worked on, at once.
const BATCH: usize = 64;
/// Between two looks at a key that was said to be due and could not be had.
const LEAST_NAP: TimeDelta = TimeDelta::milliseconds(50);

/// Works on these keys, which become due now, until `done` is over; what was begun then may end for at most `drain`.
/// Returns whether it did. No other key is touched: other hosts may be working on them.
pub(crate) async fn run(
    engine: &Arc<Engine>,
    clock: &dyn Clock,
    wanted: &BTreeSet<WorkKey>,
    look_every: TimeDelta,
    drain: Duration,
    done: impl Future<Output = ()>,
) -> Result<bool, StoreError> {
    let mut errand = Errand { engine, clock, look_every, tasks: JoinSet::new(), look_at: BTreeMap::new() };
    let worked = errand.work(wanted, done).await;
    // Whatever came between, a call to a vendor that is under way is not dropped.
    let ended = errand.drain(drain).await;
    worked.map(|()| ended)
}

struct Errand<'e> {
    engine: &'e Arc<Engine>,
    clock: &'e dyn Clock,
    look_every: TimeDelta,
    /// What is under way; each tells its key, and when that is due again.
    tasks: JoinSet<(WorkKey, Option<DateTime<Utc>>)>,
    /// When to look at each key that is not.
    look_at: BTreeMap<WorkKey, DateTime<Utc>>,
}

impl Errand<'_> {
    async fn work(
        &mut self,
        wanted: &BTreeSet<WorkKey>,
        done: impl Future<Output = ()>,
    ) -> Result<(), StoreError> {
        self.make_due(wanted).await?;
        let mut done = std::pin::pin!(done);
        loop {
            self.fill().await?;
            let soonest = self.look_at.values().min().copied().filter(|_| self.tasks.len() < BATCH);
            let until = soonest.unwrap_or_else(|| self.clock.now() + self.look_every);
            // Nowhere else: a claim that is given up half way may have been made all the same.
            tokio::select! {
                biased;
                () = &mut done => return Ok(()),
                Some(ended) = self.tasks.join_next() => if let Ok((work, next)) = ended {
                    self.look_again(work, next);
                },
                () = self.clock.sleep_until(until) => {}
            }
        }
    }

    async fn make_due(&mut self, wanted: &BTreeSet<WorkKey>) -> Result<(), StoreError> {
        let now = self.clock.now();
        for chunk in wanted.iter().collect::<Vec<_>>().chunks(BATCH) {
            let due = |work: &WorkKey| Write::Due { work: work.clone(), at: now, priority: Some(now) };
            let writes = chunk.iter().map(|work| due(work)).collect();
            let _ = self.engine.store().commit(Tx { writes, ..Tx::new(now) }).await?;
        }
        self.look_at = wanted.iter().map(|work| (work.clone(), now)).collect();
        Ok(())
    }

    /// Begins as much as there is room for.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let ripe: Vec<WorkKey> =
            self.look_at.iter().filter(|(_, at)| **at <= now).map(|(work, _)| work.clone()).collect();
        for work in ripe.into_iter().take(BATCH.saturating_sub(self.tasks.len())) {
            let Some(lease) = self.engine.claim_key(&work).await? else {
                self.look_again(work, None);
                continue;
            };
            self.look_at.remove(&work);
            let engine = Arc::clone(self.engine);
            self.tasks.spawn(async move {
                let worked = engine.work(lease).await;
                let next =
                    worked.inspect_err(|error| tracing::warn!(key = %work, %error, "work was given up"));
                (work, next.ok().and_then(|done| done.next))
            });
        }
        Ok(())
    }

    /// A mark may make it due sooner than its own work said.
    fn look_again(&mut self, work: WorkKey, next: Option<DateTime<Utc>>) {
        let now = self.clock.now();
        let soon = now + self.look_every;
        self.look_at.insert(work, next.map_or(soon, |next| next.min(soon)).max(now + LEAST_NAP));
    }

    /// Lets what was begun end. Returns whether it did.
    async fn drain(mut self, drain: Duration) -> bool {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        tokio::time::timeout(drain, all).await.is_ok()
    }
}
