//! Hosts that share a PostgreSQL database: durable accepts a second, and stays a second.

use std::sync::Arc;

use booking_core::store::Store;

use crate::Scale;
use crate::accept::{answers, drive, requests, router_alone, share};
use crate::bare::{self, PostgresTable, Served};
use crate::database::{self, Database};
use crate::load::{Load, Requests};
use crate::report::{Figure, Report};
use crate::stats::Sample;
use crate::stays::{self, Work};
use crate::town::Town;

const NAME: &str = "hosts";
/// The share of the bare insert that one host is to reach where most arrives at once.
const AIM: f64 = 0.8;

#[derive(Clone, Copy, Debug)]
enum What {
    /// A handler that inserts into one table of the same server.
    Insert,
    /// So many hosts, with nobody working on what is due.
    Hosts(usize),
    /// A handler.
    Handler,
}

impl What {
    fn words(self) -> String {
        match self {
            Self::Insert => "bare insert".to_owned(),
            Self::Hosts(count) => hosts(count),
            Self::Handler => "bare handler".to_owned(),
        }
    }
}

fn hosts(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}

pub(crate) async fn run(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let database = Database::start(scale, NAME, report).await?;
    let town = Town::default();
    accepts(&database, &town, scale, report).await?;
    stays(&database, &town, scale, report).await?;
    report.note(NAME, "all hosts, the client and the simulators share one process, and the database the machine with them: more hosts have no more processors");
    report.note(NAME, "each measurement has a new database of the same server, which answers once it is on disk; no host beyond the number of connections is asked");
    Ok(())
}

async fn accepts(database: &Database, town: &Town, scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let requests = requests(town)?;
    let many = scale.hosts.iter().copied().map(What::Hosts);
    let whats: Vec<What> = [What::Handler, What::Insert].into_iter().chain(many).collect();
    for connections in scale.connections {
        let mut rounds: Vec<Vec<Load>> = whats.iter().map(|_| Vec::new()).collect();
        for _ in 0..scale.rounds {
            // Side by side, since the disk is another one in the next minute.
            for (what, loads) in whats.iter().zip(&mut rounds) {
                loads.push(measure(*what, database, town, *connections, scale, &requests).await?);
            }
        }
        for (what, loads) in whats.iter().zip(&rounds) {
            report.add(NAME, answers(format!("{connections} connections, {}", what.words()), loads));
        }
        let limits = &rounds[1];
        for (count, loads) in scale.hosts.iter().zip(&rounds[2..]) {
            let words = format!("{connections} connections, {} / bare insert", hosts(*count));
            let ratio = Figure::median(words, &share(loads, limits), "");
            let is_aim = *count == 1 && scale.connections.last() == Some(connections);
            report.add(NAME, [if is_aim { ratio.at_least(AIM) } else { ratio }]);
        }
    }
    report.note(NAME, "accepts: routers alone, so that nobody works on what is due; connections are spread evenly over the hosts");
    Ok(())
}

async fn measure(
    what: What,
    database: &Database,
    town: &Town,
    connections: usize,
    scale: &Scale,
    requests: &Requests,
) -> anyhow::Result<Load> {
    let url = database.url().await;
    let mut served = Vec::new();
    match what {
        What::Handler => served.push(bare::serve(bare::handler()).await?),
        What::Insert => served.push(bare::serve(PostgresTable::open(&url).await?.handler()).await?),
        What::Hosts(count) => {
            let folder = scale.folder()?;
            for _ in 0..count {
                served.push(router_alone(town, folder.path(), database::store(&url).await?).await?);
            }
        }
    }
    let addrs: Vec<_> = served.iter().map(|served: &Served| served.addr).collect();
    drive(&addrs, connections, scale, requests).await
}

async fn stays(database: &Database, town: &Town, scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let (mut sqlite, mut one, mut two) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        sqlite.push(stays::alone(town, scale, scale.stays, 0, false).await?.0);
        one.push(together(1, database, town, scale).await?);
        two.push(together(2, database, town, scale).await?);
    }
    let rates = |works: &[Work]| Sample::of(works.iter().map(|work| work.rate));
    let vendors = |works: &[Work]| Sample::of(works.iter().map(|work| work.vendors * 100.0));
    for (words, works) in
        [("SQLite, 1 host", &sqlite), ("PostgreSQL, 1 host", &one), ("PostgreSQL, 2 hosts", &two)]
    {
        report.add(
            NAME,
            [
                Figure::median(format!("stays, {words}"), &rates(works), "stays/s"),
                Figure::median("    of that time, the simulators took", &vendors(works), "%"),
            ],
        );
    }
    let ratio =
        |works: &[Work], to: &[Work]| Sample::of(works.iter().zip(to).map(|(work, to)| work.rate / to.rate));
    report.add(
        NAME,
        [
            Figure::median("stays, PostgreSQL / SQLite, 1 host each", &ratio(&one, &sqlite), ""),
            Figure::median("stays, PostgreSQL, 2 hosts / 1 host", &ratio(&two, &one), ""),
        ],
    );
    report.note(NAME, "stays: from the first webhook to the last guest told, codes proven; exactly one code and one message a stay, or nothing is measured");
    Ok(())
}

/// How fast so many hosts work on stays whose webhooks go to all of them.
async fn together(hosts: usize, database: &Database, town: &Town, scale: &Scale) -> anyhow::Result<Work> {
    let url = database.url().await;
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..hosts {
        stores.push(database::store(&url).await?);
    }
    Ok(stays::work(town, scale, stores, scale.stays, 0, false).await?.0)
}
