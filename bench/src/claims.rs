//! What it costs to claim work and to give it back, by how much of it is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use booking_core::BookingId;
use booking_core::store::{Commit, Finish, Places, Store, Tx, WorkKey, Write};
use booking_test_servers::postgres::ask;
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

use crate::Scale;
use crate::database::{self, Database};
use crate::report::{Figure, Report};
use crate::stats::Sample;
use crate::town::{store, tenant};

const NAME: &str = "claims";
/// So many keys are claimed at once.
const LIMIT: usize = 16;
/// Nothing here takes so long.
const LEASE: Duration = Duration::from_secs(600);
/// So many keys are made due by one change.
const FILL: u64 = 5_000;
/// How many times as much the most keys may cost.
const AIM: f64 = 2.0;

/// A store in which so much is due.
struct Queue {
    words: &'static str,
    due: u64,
    store: Arc<dyn Store>,
    /// How long the first claim took.
    first: Duration,
    rounds: Vec<Cost>,
    _folder: Option<TempDir>,
}

/// In the middle, in milliseconds a key.
struct Cost {
    claim: f64,
    /// Until all are given back.
    whole: f64,
}

pub(crate) async fn run(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let database = Database::start(scale, NAME, report).await?;
    let mut stores = [Vec::new(), Vec::new()];
    for due in scale.due.iter().copied() {
        stores[0].push(Queue::sqlite(scale, due).await?);
        stores[1].push(Queue::postgres(&database, due).await?);
    }
    for _ in 0..scale.rounds {
        for queue in stores.iter_mut().flatten() {
            // A tenth to get warm.
            queue.round(scale.claims / 10).await?;
            let cost = queue.round(scale.claims).await?;
            queue.rounds.push(cost);
        }
    }
    for queues in &stores {
        figures(queues, report);
    }
    report.note(NAME, "a claim of 16 keys (10 where no more are due), each given back at once, due again, by a change of its own, one after the other: p50, a key");
    report
        .note(NAME, "the first claim after all became due, of 16 keys as a whole, is no part of the others");
    Ok(())
}

fn figures(queues: &[Queue], report: &mut Report) {
    let costs = |queue: &Queue, of: fn(&Cost) -> f64| Sample::of(queue.rounds.iter().map(of));
    for queue in queues {
        report.add(
            NAME,
            [
                Figure::median(
                    format!("{}, {} keys due: claimed and given back", queue.words, queue.due),
                    &costs(queue, |cost| cost.whole),
                    "ms",
                ),
                Figure::median("    claimed", &costs(queue, |cost| cost.claim), "ms"),
                Figure::one("    the first claim", queue.first.as_secs_f64() * 1e3, "ms"),
            ],
        );
    }
    let [few, .., many] = queues else { return };
    let ratio = |of: fn(&Cost) -> f64| {
        Sample::of(many.rounds.iter().zip(&few.rounds).map(|(many, few)| of(many) / of(few)))
    };
    let words = format!("{}, {} keys / {}", few.words, many.due, few.due);
    report.add(
        NAME,
        [
            Figure::median(format!("{words}: claimed and given back"), &ratio(|cost| cost.whole), "")
                .at_most(AIM),
            Figure::median(format!("{words}: claimed"), &ratio(|cost| cost.claim), "").at_most(AIM),
        ],
    );
}

impl Queue {
    async fn sqlite(scale: &Scale, due: u64) -> anyhow::Result<Self> {
        let folder = scale.folder()?;
        let store = store(folder.path())?;
        let since = since();
        let mut next = 0;
        while next < due {
            let mut tx = Tx::new(since);
            for number in next..due.min(next + FILL) {
                let priority = Some(since + TimeDelta::microseconds(i64::try_from(number % 1_000)?));
                tx.writes.push(Write::Due { work: work(number)?, at: since, priority });
            }
            next += FILL;
            let end = store.commit(tx).await?;
            ensure!(matches!(end, Commit::Done { .. }), "{end:?}");
        }
        Self::filled("SQLite", due, Arc::new(store), Some(folder)).await
    }

    async fn postgres(database: &Database, due: u64) -> anyhow::Result<Self> {
        let url = database.url().await;
        let store = database::store(&url).await?;
        let since = since().timestamp_micros();
        // By changes it would take minutes.
        let rows = format!(
            "INSERT INTO work (rank, tenant, id, due_at, priority, token, failures)
            SELECT 0, '{}', translate(lpad(number::text, 12, '0'), '0123456789', 'abcdefghij'),
                {since}, {since} + number % 1000, 0, 0
            FROM generate_series(0, {due} - 1) AS number",
            tenant()
        );
        ask(&url, &rows).await;
        let queue = Self::filled("PostgreSQL", due, store, None).await?;
        // As the server does by itself within minutes after so many changes.
        ask(&url, "VACUUM ANALYZE work").await;
        Ok(queue)
    }

    async fn filled(
        words: &'static str,
        due: u64,
        store: Arc<dyn Store>,
        folder: Option<TempDir>,
    ) -> anyhow::Result<Self> {
        let mut queue =
            Self { words, due, store, first: Duration::ZERO, rounds: Vec::new(), _folder: folder };
        queue.first = queue.turn().await?.0;
        Ok(queue)
    }

    async fn round(&self, claims: u64) -> anyhow::Result<Cost> {
        let (mut claim, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..claims.max(1) {
            let turn = self.turn().await?;
            claim.push(turn.0);
            whole.push(turn.1);
        }
        let keys = self.keys();
        let middle = |times| Sample::millis(times).median() / f64::from(keys);
        Ok(Cost { claim: middle(claim), whole: middle(whole) })
    }

    /// How many keys a claim gets.
    fn keys(&self) -> u32 {
        let limit = u32::try_from(LIMIT).unwrap_or(u32::MAX);
        u32::try_from(self.due).map_or(limit, |due| due.min(limit))
    }

    /// Claims, and gives everything back to the end of the queue. Returns how long the claim took, and all of it.
    async fn turn(&self) -> anyhow::Result<(Duration, Duration)> {
        let begun = Instant::now();
        let leases = self.store.claim_work(Utc::now(), LEASE, &Places::free(LIMIT)).await?;
        let claimed = begun.elapsed();
        let keys = usize::try_from(self.keys())?;
        ensure!(leases.len() == keys, "{} keys claimed of {} that are due", leases.len(), self.due);
        for lease in leases {
            let now = Utc::now();
            let mut tx = Tx::under(now, &lease);
            tx.finish = Some(Finish { next: Some(now), failed: false, priority: Some(now) });
            let end = self.store.commit(tx).await?;
            ensure!(matches!(end, Commit::Done { .. }), "{end:?}");
        }
        Ok((claimed, begun.elapsed()))
    }
}

/// When everything became due.
fn since() -> DateTime<Utc> {
    Utc::now() - TimeDelta::hours(1)
}

/// The key with this number: its digits as letters.
fn work(number: u64) -> anyhow::Result<WorkKey> {
    let id: String = format!("{number:012}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
    Ok(WorkKey::Grant(tenant(), BookingId::parse(&id)?))
}
