//! The way of a booking with vendors that answer at once and with vendors that take their time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use booking_core::Clock;
use booking_host::{HostParts, SystemClock};
use booking_sim::Operation;
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

use crate::Scale;
use crate::load::{Connection, post};
use crate::played::{Call, Played, chain};
use crate::report::{Figure, Report};
use crate::stats::Sample;
use crate::town::{Running, Town, hook, store};
use crate::watched::Watched;

const NAME: &str = "vendors";
/// "In milliseconds."
const ANSWER: f64 = 10.0;
/// Older than a read of a door may be, and a token lives; younger than the next full read.
const COLD: i64 = 20 * 60;
/// The client's own pacing towards Smoobu is no part of the way.
const BREATH: Duration = Duration::from_millis(50);

/// A case: the latency of each call, and how much the host knows already.
#[derive(Clone, Copy, Debug)]
struct Case {
    latency: u64,
    trust: bool,
    warm: bool,
}

impl Case {
    fn words(self) -> String {
        let Self { latency, trust, warm } = self;
        let (mode, state) = (if trust { "trust" } else { "reread" }, if warm { "warm" } else { "cold" });
        format!("{latency} ms a call, {mode}, {state}")
    }
}

/// One booking on its way.
#[derive(Debug)]
struct Way {
    answer: Duration,
    door: Duration,
    told: Duration,
    calls: usize,
    door_after: usize,
    told_after: usize,
}

/// The machine's clock, which can be moved forward.
#[derive(Debug, Default)]
struct Moved(AtomicI64);

impl Moved {
    fn by(&self) -> TimeDelta {
        TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl Clock for Moved {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.by()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        SystemClock.sleep_until(at - self.by()).await;
    }
}

pub(crate) async fn run(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    for latency in [0, 50] {
        for trust in [true, false] {
            for warm in [true, false] {
                let case = Case { latency, trust, warm };
                let mut rounds = Vec::new();
                for _ in 0..scale.rounds {
                    rounds.push(ways(case, scale).await?);
                }
                figures(case, &rounds, report);
            }
        }
    }
    report.note(NAME, "warm: a token held, the door read less than ten minutes ago; cold: neither. Told by SMS and in the booking's thread");
    report.note(
        NAME,
        "calls in a row: the longest chain of calls of which each began after the one before had ended",
    );
    report.note(
        NAME,
        "the earlier system, measured elsewhere: 5 calls in a row, its answer after 267 ms at 50 ms a call",
    );
    Ok(())
}

fn figures(case: Case, rounds: &[Vec<Way>], report: &mut Report) {
    let times = |of: fn(&Way) -> Duration| {
        Sample::of(rounds.iter().map(|ways| Sample::millis(ways.iter().map(of)).median()))
    };
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    let most = |of: fn(&Way) -> usize| rounds.iter().flatten().map(of).max().unwrap_or_default() as f64;
    report.add(
        NAME,
        [
            Figure::median(format!("{}: answer", case.words()), &times(|way| way.answer), "ms")
                .at_most(ANSWER),
            Figure::median("    code on the door", &times(|way| way.door), "ms"),
            Figure::median("    guest told", &times(|way| way.told), "ms"),
            Figure::one("    calls, at most", most(|way| way.calls), "calls"),
        ],
    );
    // Calls that take no time are over before the next could stand beside them.
    if case.latency == 0 {
        return;
    }
    let door = Figure::one(
        "    calls in a row until the code is on the door, at most",
        most(|way| way.door_after),
        "calls",
    );
    let told = Figure::one(
        "    calls in a row until the guest is told, at most",
        most(|way| way.told_after),
        "calls",
    );
    let asked = if case.trust { 0.0 } else { 1.0 };
    report.add(
        NAME,
        if case.warm { [door.at_most(1.0 + asked), told.at_most(3.0 + asked)] } else { [door, told] },
    );
}

async fn ways(case: Case, scale: &Scale) -> anyhow::Result<Vec<Way>> {
    let mut ways = Vec::new();
    if case.warm {
        let mut scene = Scene::start(case, scale).await?;
        // One that is not counted: whatever happens once only has then happened.
        for number in 0..=scale.samples {
            ways.push(scene.way(number).await?);
            tokio::time::sleep(BREATH).await;
        }
        scene.running.stop().await?;
        ways.remove(0);
    } else {
        for number in 0..scale.samples {
            let mut scene = Scene::start(case, scale).await?;
            scene.clock.0.store(COLD, Ordering::SeqCst);
            ways.push(scene.way(number).await?);
            scene.running.stop().await?;
        }
    }
    Ok(ways)
}

struct Scene {
    town: Town,
    clock: Arc<Moved>,
    played: Arc<Played>,
    watched: Arc<Watched>,
    running: Running,
    connection: Connection,
    _folder: TempDir,
}

impl Scene {
    async fn start(case: Case, scale: &Scale) -> anyhow::Result<Self> {
        let town =
            Town { flats: 4, doors: 4, trust: case.trust, guest: &["sms", "thread"], ..Town::default() };
        let folder = scale.folder()?;
        let clock = Arc::new(Moved::default());
        let mut sims = town.simulators();
        sims.thekeys.config.token_lifetime = Duration::from_secs(15 * 60);
        let played = Played::new(sims, clock.clone(), Duration::from_millis(case.latency));
        let watched = Watched::new(Arc::new(store(folder.path())?));
        let mut parts = HostParts::with_transport(played.clone());
        parts.store = Some(watched.clone());
        parts.clock = clock.clone();
        let running = Running::start(&town, folder.path(), parts).await?;
        let mut connection = Connection::open(running.addr).await?;
        connection.get("/readyz").await?;
        watched.at_rest(scale.reads(&town)).await?;
        Ok(Self { town, clock, played, watched, running, connection, _folder: folder })
    }

    async fn way(&mut self, number: u64) -> anyhow::Result<Way> {
        let stay = self.town.stay(number, Utc::now());
        self.played.sims().smoobu.create_booking(self.clock.now(), stay.clone());
        let body = self.town.webhooks([stay]).pop().context("no webhook")?;
        self.played.take_calls();
        let done = self.watched.stays();
        let begun = Instant::now();
        let answer = self.connection.send(&post(&hook(), &body)).await?;
        self.watched.until_stays(done + 1).await?;
        let calls = self.played.take_calls();
        let last = |operations: &[Operation]| {
            let ends =
                calls.iter().filter(|call| operations.contains(&call.operation)).map(|call| call.ended);
            ends.max().with_context(|| format!("none of {operations:?} was called"))
        };
        let door = last(&[Operation::CreateCode])?;
        let told = last(&[Operation::SendSms])?.max(last(&[Operation::SendToGuest])?);
        let after = |end: Instant| chain(calls.iter().filter(|call: &&Call| call.ended <= end));
        Ok(Way {
            answer,
            door: door - begun,
            told: told - begun,
            calls: calls.len(),
            door_after: after(door),
            told_after: after(told),
        })
    }
}
