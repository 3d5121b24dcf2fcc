//! Durable accepts a second, beside a bare handler and a bare insert on the same disk.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use booking_host::{Host, HostParts, SystemClock};
use chrono::Utc;

use crate::Scale;
use crate::bare::{self, Table};
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
    let now = Utc::now();
    let requests = town.requests((0..STAYS).map(|number| town.stay(number, now)))?;
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
    let rates: Vec<Vec<f64>> = rounds.iter().map(|loads| loads.iter().map(Load::rate).collect()).collect();
    for (what, (loads, rates)) in What::ALL.into_iter().zip(rounds.iter().zip(&rates)) {
        let rates = Sample::of(rates.iter().copied());
        report.add(
            NAME,
            [Figure::median(format!("{connections} connections, {}", what.words()), &rates, "/s")],
        );
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let each =
                loads.iter().map(|load| Sample::millis(load.answers.iter().copied()).percentile(share));
            report.add(NAME, [Figure::median(format!("    {name}"), &Sample::of(each), "ms")]);
        }
    }
    // The first two are the limit and the host.
    let ratios = rates[0].iter().zip(&rates[1]).map(|(limit, host)| host / limit);
    let ratio =
        Figure::median(format!("{connections} connections, host / bare insert"), &Sample::of(ratios), "");
    report.add(NAME, [ratio.at_least(AIM)]);
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
            drive(served.addr, connections, scale, requests).await
        }
        What::Insert => {
            let table = Table::open(folder.path())?;
            let served = bare::serve(table.handler()).await?;
            let load = drive(served.addr, connections, scale, requests).await;
            drop(served);
            drop(table);
            load
        }
        What::Host => {
            let clock = Arc::new(SystemClock);
            let mut parts = HostParts::with_transport(Played::new(town.simulators(), clock, Duration::ZERO));
            parts.store = Some(Arc::new(store(folder.path())?));
            let addr = listener().await?.local_addr()?;
            let host = Host::build(parse(&town.config(folder.path(), addr))?, parts).await?;
            let served = bare::serve(host.router()).await?;
            drive(served.addr, connections, scale, requests).await
        }
        What::Working => {
            let clock = Arc::new(SystemClock);
            let mut parts = HostParts::with_transport(Played::new(town.simulators(), clock, Duration::ZERO));
            parts.store = Some(Arc::new(store(folder.path())?));
            let running = Running::start(town, folder.path(), parts).await?;
            let load = drive(running.addr, connections, scale, requests).await;
            running.stop().await?;
            load
        }
    }
}

/// A tenth of the time to get warm, then the measured load with bookings that were not sent yet.
async fn drive(
    addr: SocketAddr,
    connections: usize,
    scale: &Scale,
    requests: &Requests,
) -> anyhow::Result<Load> {
    /// More than is sent while it gets warm.
    const FRESH: u64 = 1_000_000;
    load(addr, connections, Until::Elapsed(scale.window / 10), Arc::clone(requests)).await?;
    let requests = Arc::clone(requests);
    load(addr, connections, Until::Elapsed(scale.window), Arc::new(move |number| requests(FRESH + number)))
        .await
}
