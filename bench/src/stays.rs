//! Stays a second, from the webhook to a code that is proven and a guest who is told, all of it on disk.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use booking_core::store::{Commit, Store, Tx, WorkKey, Write};
use booking_host::{HostParts, SystemClock};
use booking_sim::Operation;
use chrono::Utc;

use crate::Scale;
use crate::load::{Until, load, post};
use crate::played::Played;
use crate::report::{Figure, Report};
use crate::stats::Sample;
use crate::town::{Running, Town, hook, store, strangers};
use crate::watched::Watched;

const NAME: &str = "stays";
/// How many webhooks, or bare loops, are under way at once.
const AT_ONCE: usize = 64;
/// The share of the bare loop that the host is to reach.
const AIM: f64 = 0.5;
/// What counts as no slow-down.
const AS_FAST: f64 = 0.9;

/// The changes of each stay, in order.
type Changes = BTreeMap<WorkKey, Vec<Tx>>;

pub(crate) struct Work {
    pub(crate) rate: f64,
    /// The share of the time in which the simulators worked.
    pub(crate) vendors: f64,
    /// How many single rows, and how many lists of them, were read for a stay.
    reads: [f64; 2],
    /// How often a door was read for a stay: one read may prove many codes.
    lists: f64,
}

pub(crate) async fn run(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let (many, one) = (Town::default(), Town { doors: 1, ..Town::default() });
    let (_, changes) = alone(&many, scale, scale.stays, 0, true).await?;
    let (mut hosts, mut bares, mut empty, mut full) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        hosts.push(alone(&many, scale, scale.stays, 0, false).await?.0);
        bares.push(replay(scale, changes.clone()).await?);
        empty.push(alone(&one, scale, scale.stays_on_one, 0, false).await?.0);
        full.push(alone(&one, scale, scale.stays_on_one, scale.strangers, false).await?.0);
    }
    let rates = |works: &[Work]| Sample::of(works.iter().map(|work| work.rate));
    let vendors = |works: &[Work]| Sample::of(works.iter().map(|work| work.vendors * 100.0));
    let share = Sample::of(hosts.iter().zip(&bares).map(|(host, bare)| host.rate / bare));
    let slower = Sample::of(full.iter().zip(&empty).map(|(full, empty)| full.rate / empty.rate));
    let transactions = Sample::of(changes.values().map(|txs| number(txs.len() as u64)));
    let reads = |works: &[Work], which: usize| Sample::of(works.iter().map(|work| work.reads[which]));
    let lists = |works: &[Work]| Sample::of(works.iter().map(|work| work.lists));
    let strangers = scale.strangers;
    report.add(
        NAME,
        [
            Figure::median("host, 50 doors", &rates(&hosts), "stays/s"),
            Figure::median("    of that time, the simulators took", &vendors(&hosts), "%"),
            Figure::median("    single rows read a stay", &reads(&hosts, 0), ""),
            Figure::median("    lists read a stay", &reads(&hosts, 1), ""),
            Figure::median("    reads of a door a stay", &lists(&hosts), "calls"),
            Figure::median("bare loop of the same transactions", &Sample::of(bares), "stays/s"),
            Figure::median("transactions a stay", &transactions, "").at_most(4.0),
            Figure::median("host / bare loop", &share, "").at_least(AIM),
            Figure::median("host, one door", &rates(&empty), "stays/s"),
            Figure::median("    of that time, the simulators took", &vendors(&empty), "%"),
            Figure::median(
                format!("host, one door with {strangers} foreign codes"),
                &rates(&full),
                "stays/s",
            ),
            Figure::median("    of that time, the simulators took", &vendors(&full), "%"),
            Figure::median("    reads of the door a stay", &lists(&full), "calls"),
            Figure::median("with foreign codes / without", &slower, "").at_least(AS_FAST),
        ],
    );
    report.note(NAME, "bare loop: what the host has written, recorded, written again into a fresh store without leases, 64 stays at once");
    report.note(NAME, "the simulators work within the same process: their share is no work of the host");
    report.note(NAME, "the earlier system, measured elsewhere: 916 stays/s on one core with instant vendors, a fifth of that with 2 000 codes");
    Ok(())
}

/// How fast one host on SQLite works on so many stays.
pub(crate) async fn alone(
    town: &Town,
    scale: &Scale,
    count: u64,
    foreign: u64,
    keep: bool,
) -> anyhow::Result<(Work, Changes)> {
    let folder = scale.folder()?;
    let store: Arc<dyn Store> = Arc::new(store(folder.path())?);
    work(town, scale, vec![store], count, foreign, keep).await
}

/// Sends the webhooks of so many stays and waits until every guest is told. Each of these stores has a host of its own,
/// and the webhooks go to all of them.
pub(crate) async fn work(
    town: &Town,
    scale: &Scale,
    stores: Vec<Arc<dyn Store>>,
    count: u64,
    foreign: u64,
    keep: bool,
) -> anyhow::Result<(Work, Changes)> {
    let folder = scale.folder()?;
    let mut sims = town.simulators();
    strangers(&mut sims, 0, foreign);
    let played = Played::new(sims, Arc::new(SystemClock), Duration::ZERO);
    let (mut hosts, mut all): (Vec<Running>, Option<Arc<Watched>>) = (Vec::new(), None);
    for (number, store) in (1..).zip(stores) {
        let watched = match &all {
            None => Watched::new(store),
            Some(all) => Watched::beside(all, store),
        };
        let mut parts = HostParts::with_transport(played.clone());
        parts.store = Some(watched.clone());
        hosts.push(Running::start(town, folder.path(), parts).await?);
        watched.at_rest(number * scale.reads(town)).await?;
        all = Some(watched);
    }
    let watched = all.context("no host")?;
    if keep {
        watched.keep();
    }
    let bodies = town.webhooks((0..count).map(|number| town.stay(number, Utc::now())));
    let requests: Vec<Vec<u8>> = bodies.iter().map(|body| post(&hook(), body)).collect();
    let (before, read) = (watched.stays(), watched.reads());
    played.take_busy();
    let listed = played.sims().log().seen(Operation::ListCodes);
    let begun = Instant::now();
    let send = move |number| requests[usize::try_from(number).unwrap_or_default()].clone();
    let addrs: Vec<SocketAddr> = hosts.iter().map(|host| host.addr).collect();
    load(&addrs, AT_ONCE, Until::Sent(count), Arc::new(send)).await?;
    watched.until_stays(before + count).await?;
    let took = watched.last().context("no stay ended")? - begun;
    let busy = played.take_busy();
    let [gets, lists] = watched.reads();
    let listed = {
        let sims = played.sims();
        let done = [Operation::CreateCode, Operation::SendSms].map(|operation| sims.log().applied(operation));
        ensure!(done == [count, count], "{done:?} codes and messages of {count} stays");
        sims.log().seen(Operation::ListCodes) - listed
    };
    let changes = watched.take_kept();
    for host in hosts {
        host.stop().await?;
    }
    let each = |reads: u64| number(reads) / number(count);
    let work = Work {
        rate: number(count) / took.as_secs_f64(),
        vendors: busy.as_secs_f64() / took.as_secs_f64(),
        reads: [each(gets - read[0]), each(lists - read[1])],
        lists: each(listed),
    };
    Ok((work, changes))
}

/// Writes the same again, one change of a stay after the other, so many stays at once. Returns stays a second.
async fn replay(scale: &Scale, changes: Changes) -> anyhow::Result<f64> {
    let folder = scale.folder()?;
    let store = Arc::new(store(folder.path())?);
    let count = number(changes.len() as u64);
    let stays: Vec<Vec<Tx>> =
        changes.into_iter().map(|(work, txs)| txs.into_iter().map(|tx| freed(&work, tx)).collect()).collect();
    let stays = Arc::new(Mutex::new(stays));
    let begun = Instant::now();
    let loops: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (store, stays) = (Arc::clone(&store), Arc::clone(&stays));
            tokio::spawn(async move {
                loop {
                    let next = stays.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some(stay) = next else { return anyhow::Ok(()) };
                    for tx in stay {
                        let end = store.commit(tx).await?;
                        ensure!(matches!(end, Commit::Done { .. }), "{end:?}");
                    }
                }
            })
        })
        .collect();
    for each in loops {
        each.await??;
    }
    Ok(count / begun.elapsed().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "a count")]
fn number(count: u64) -> f64 {
    count as f64
}

/// The same change without a lease: nobody claims in a bare loop.
fn freed(work: &WorkKey, mut tx: Tx) -> Tx {
    tx.lease = None;
    let due = tx.finish.take().and_then(|finish| Some((finish.next?, finish.priority)));
    tx.writes.extend(due.map(|(at, priority)| Write::Due { work: work.clone(), at, priority }));
    tx
}
