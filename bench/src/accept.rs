//! Durable accepts a second, beside a bare handler and a bare insert on the same disk.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use booking_core::store::Store;
use booking_host::{Host, HostParts, SystemClock};
use chrono::Utc;

use crate::Scale;
use crate::bare::{self, Served, Table};
use crate::load::{Load, Requests, Until, load};
use crate::played::Played;
use crate::report::{Figure, Report};
use crate::stats::Sample;
use crate::town::{Running, Town, listener, parse, store};

const NAME: &str = "accept";
/// So many stays follow each other before their days come again, for other guests.
const STAYS: u64 = 2_000;
/// The share of the bare insert that the host is to reach.
const AIM: f64 = 0.8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// A handler that inserts into one table.
    Insert,
    /// The host, with nobody working on what is due.
    Host,
    /// A handler.
    Handler,
    /// The host, worker and instant vendors included.
    Working,
}

impl What {
    const ALL: [Self; 4] = [Self::Insert, Self::Host, Self::Handler, Self::Working];

    fn words(self) -> &'static str {
        match self {
            Self::Insert => "bare insert",
            Self::Host => "host",
            Self::Handler => "bare handler",
            Self::Working => "host at work",
        }
    }
}

pub(crate) async fn run(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let town = Town::default();
    let requests = requests(&town)?;
    let mut shares = Vec::new();
    for connections in scale.connections {
        let mut rounds: Vec<Vec<Load>> = What::ALL.iter().map(|_| Vec::new()).collect();
        for _ in 0..scale.rounds {
            // Side by side, since the disk is another one in the next minute.
            for (what, loads) in What::ALL.into_iter().zip(&mut rounds) {
                loads.push(measure(what, &town, *connections, scale, &requests).await?);
            }
        }
        shares.extend(rounds.iter().flatten().filter_map(Load::share));
        figures(*connections, &rounds, report);
    }
    let share = Sample::of(shares);
    report.add(
        NAME,
        [Figure::median("of one processor, the client took", &Sample::of([share.median() * 100.0]), "%")],
    );
    report.note(NAME, "host: SQLite FULL, path secret checked, body parsed, each delivery another booking; its router alone, so that nobody works on what is due");
    report.note(NAME, "host at work: the whole host with simulators at once; accepts while it makes codes and sends messages on the same processors");
    Ok(())
}

fn figures(connections: usize, rounds: &[Vec<Load>], report: &mut Report) {
    for (what, loads) in What::ALL.into_iter().zip(rounds) {
        report.add(NAME, answers(format!("{connections} connections, {}", what.words()), loads));
    }
    // The first two are the limit and the host.
    let share = share(&rounds[1], &rounds[0]);
    let ratio = Figure::median(format!("{connections} connections, host / bare insert"), &share, "");
    report.add(NAME, [ratio.at_least(AIM)]);
}

/// How many answers a second there were, and how long they took.
pub(crate) fn answers(what: String, loads: &[Load]) -> [Figure; 3] {
    let took = |name: &str, share| {
        let each = loads.iter().map(|load| Sample::millis(load.answers.iter().copied()).percentile(share));
        Figure::median(format!("    {name}"), &Sample::of(each), "ms")
    };
    let rates = Sample::of(loads.iter().map(Load::rate));
    [Figure::median(what, &rates, "/s"), took("p50", 0.5), took("p99", 0.99)]
}

/// The share of a limit that was reached, round by round.
pub(crate) fn share(loads: &[Load], limits: &[Load]) -> Sample {
    Sample::of(loads.iter().zip(limits).map(|(load, limit)| load.rate() / limit.rate()))
}

/// Webhooks that never repeat each other.
pub(crate) fn requests(town: &Town) -> anyhow::Result<Requests> {
    let now = Utc::now();
    town.requests((0..STAYS).map(|number| town.stay(number, now)))
}

/// A host over this store, with nobody working on what is due.
pub(crate) async fn router_alone(
    town: &Town,
    folder: &Path,
    store: Arc<dyn Store>,
) -> anyhow::Result<Served> {
    let mut parts =
        HostParts::with_transport(Played::new(town.simulators(), Arc::new(SystemClock), Duration::ZERO));
    parts.store = Some(store);
    let addr = listener().await?.local_addr()?;
    let host = Host::build(parse(&town.config(folder, addr))?, parts).await?;
    bare::serve(host.router()).await
}

async fn measure(
    what: What,
    town: &Town,
    connections: usize,
    scale: &Scale,
    requests: &Requests,
) -> anyhow::Result<Load> {
    let folder = scale.folder()?;
    match what {
        What::Handler => {
            let served = bare::serve(bare::handler()).await?;
            drive(&[served.addr], connections, scale, requests).await
        }
        What::Insert => {
            let table = Table::open(folder.path())?;
            let served = bare::serve(table.handler()).await?;
            let load = drive(&[served.addr], connections, scale, requests).await;
            drop(served);
            drop(table);
            load
        }
        What::Host => {
            let served = router_alone(town, folder.path(), Arc::new(store(folder.path())?)).await?;
            drive(&[served.addr], connections, scale, requests).await
        }
        What::Working => {
            let clock = Arc::new(SystemClock);
            let mut parts = HostParts::with_transport(Played::new(town.simulators(), clock, Duration::ZERO));
            parts.store = Some(Arc::new(store(folder.path())?));
            let running = Running::start(town, folder.path(), parts).await?;
            let load = drive(&[running.addr], connections, scale, requests).await;
            running.stop().await?;
            load
        }
    }
}

/// A tenth of the time to get warm, then the measured load with bookings that were not sent yet.
pub(crate) async fn drive(
    addrs: &[SocketAddr],
    connections: usize,
    scale: &Scale,
    requests: &Requests,
) -> anyhow::Result<Load> {
    /// More than is sent while it gets warm.
    const FRESH: u64 = 1_000_000;
    load(addrs, connections, Until::Elapsed(scale.window / 10), Arc::clone(requests)).await?;
    let requests = Arc::clone(requests);
    load(addrs, connections, Until::Elapsed(scale.window), Arc::new(move |number| requests(FRESH + number)))
        .await
}
