//! One errand instead of all that is due: the work on some keys, for a program that ends with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use booking_core::Clock;
use booking_core::store::{Finish, Lease, Places, StoreError, Tx, WorkKey, Write};
use booking_engine::Engine;
use chrono::TimeDelta;
use tokio::task::JoinSet;

/// How many keys are claimed at once.
const BATCH: usize = 64;
/// Between two looks when a look showed nothing although something was said to be due.
const LEAST_NAP: TimeDelta = TimeDelta::milliseconds(50);

/// Works on these keys, which become due now, until `done` is over; what was begun then may end for at most `drain`.
/// Returns whether it did. Whatever else is due is left as it is.
pub(crate) async fn run(
    engine: &Arc<Engine>,
    clock: &dyn Clock,
    wanted: &BTreeSet<WorkKey>,
    look_every: TimeDelta,
    drain: Duration,
    done: impl Future<Output = ()>,
) -> Result<bool, StoreError> {
    let now = clock.now();
    let due = |work: &WorkKey| Write::Due { work: work.clone(), at: now, priority: Some(now) };
    for chunk in wanted.iter().collect::<Vec<_>>().chunks(BATCH) {
        let writes = chunk.iter().map(|work| due(work)).collect();
        let _ = engine.store().commit(Tx { writes, ..Tx::new(now) }).await?;
    }
    // A store hands out whatever is due: what nobody wants now is held until the end.
    let (mut tasks, mut held) = (JoinSet::new(), Vec::new());
    let mut done = std::pin::pin!(done);
    loop {
        let leases = engine.claim(&Places::free(BATCH)).await?;
        let found = !leases.is_empty();
        for lease in leases {
            if !wanted.contains(&lease.work) {
                held.push(lease);
                continue;
            }
            let engine = Arc::clone(engine);
            tasks.spawn(async move {
                let key = lease.work.to_string();
                if let Err(error) = engine.work(lease).await {
                    tracing::warn!(key, %error, "work was given up");
                }
            });
        }
        let next = if found { None } else { engine.store().next_due(None).await? };
        let soon = clock.now() + look_every;
        let until = if found { clock.now() } else { next.map_or(soon, |next| next.min(soon)) };
        tokio::select! {
            biased;
            () = &mut done => break,
            Some(_) = tasks.join_next() => {}
            () = clock.sleep_until(until.max(clock.now() + LEAST_NAP)) => {}
        }
    }
    let all = async { while tasks.join_next().await.is_some() {} };
    let ended = tokio::time::timeout(drain, all).await.is_ok();
    give_back(engine, clock, &held).await;
    Ok(ended)
}

/// What was only held is due as it was.
async fn give_back(engine: &Engine, clock: &dyn Clock, held: &[Lease]) {
    let now = clock.now();
    for lease in held {
        let finish = Finish { next: Some(now), failed: lease.failures > 0, priority: None };
        let tx = Tx { finish: Some(finish), ..Tx::under(now, lease) };
        // Where that fails the lease runs out.
        let _ = engine.store().commit(tx).await;
    }
}
