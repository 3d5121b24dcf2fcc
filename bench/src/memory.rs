//! The memory of a host, as its operator sees it: that of a process of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use booking_sim::{SimConfig, SimServer};
use chrono::Utc;

use crate::Scale;
use crate::load::{Connection, Until, load};
use crate::report::{Figure, Report};
use crate::town::{Town, listener};

const NAME: &str = "memory";
/// Mebibytes.
const IDLE: f64 = 20.0;
const AFTER: f64 = 40.0;
/// How many webhooks come at once.
const AT_ONCE: usize = 16;
/// So long a host is left alone before it counts as idle.
const REST: Duration = Duration::from_secs(2);
/// The number of the first booking that is over.
const OVER: u64 = 5_000_000;
const PATIENCE: Duration = Duration::from_secs(300);

/// What a process has of the machine's memory, in mebibytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident {
    pub(crate) now: f64,
    pub(crate) most: f64,
}

/// The resident memory of a process.
pub(crate) fn resident(process: &str) -> anyhow::Result<Resident> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key))?;
        value.split_whitespace().next()?.parse::<f64>().ok()
    };
    let (now, most) = line("VmRSS:").zip(line("VmHWM:")).context("no VmRSS")?;
    Ok(Resident { now: now / 1024.0, most: most / 1024.0 })
}

/// Ends its process when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn run(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let folder = scale.folder()?;
    let server = SimServer::start(SimConfig::default(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let flats = 100.min(scale.bookings);
    let town =
        Town { flats, doors: flats, simulators: Some(format!("http://{}", server.addr)), ..Town::default() };
    *server.state.lock() = town.simulators();
    let addr = listener().await?.local_addr()?;
    let config = folder.path().join("staykey.toml");
    std::fs::write(&config, town.config(folder.path(), addr))?;
    let log = std::fs::File::create(folder.path().join("host.log"))?;
    let child = Command::new(&scale.binary)
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    let mut process = Process(child.with_context(|| scale.binary.display().to_string())?);
    let id = process.0.id().to_string();
    let mut connection = ready(&mut process, addr).await?;
    tokio::time::sleep(REST).await;
    let idle = resident(&id)?;

    let begun = Instant::now();
    let every = (scale.bookings / scale.live.max(1)).max(1);
    let now = Utc::now();
    let live = town.requests((0..scale.live).map(|number| town.stay(number, now)))?;
    let over = town.requests((0..scale.live).map(|number| town.past_stay(number, now)))?;
    // Numbers of their own, which no stay to come has.
    let requests = move |number: u64| {
        if number.is_multiple_of(every) { live(number / every) } else { over(OVER + number) }
    };
    load(&[addr], AT_ONCE, Until::Sent(scale.bookings), Arc::new(requests)).await?;
    let sent = resident(&id)?;
    while worked(&connection.get("/metrics").await?) < scale.bookings {
        ensure!(begun.elapsed() < PATIENCE, "the bookings are not worked on after five minutes");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let took = begun.elapsed();
    tokio::time::sleep(REST).await;
    let after = resident(&id)?;
    let told = server.state.lock().log().applied(booking_sim::Operation::SendSms);
    let expected = scale.bookings.div_ceil(every);
    ensure!(told == expected, "{told} messages for {expected} stays to come");
    drop(process);
    server.shutdown().await;
    report.add(
        NAME,
        [
            Figure::one("idle", idle.now, "MiB").at_most(IDLE),
            Figure::one("all webhooks taken", sent.now, "MiB"),
            Figure::one(format!("after {} bookings", scale.bookings), after.now, "MiB").at_most(AFTER),
            Figure::one("at most", after.most, "MiB"),
            Figure::one("that took", took.as_secs_f64(), "s"),
        ],
    );
    report.note(
        NAME,
        format!("one booking of {every} is to come, with a code on one of 100 doors and a guest who is told; the others are over"),
    );
    Ok(())
}

async fn ready(process: &mut Process, addr: SocketAddr) -> anyhow::Result<Connection> {
    let begun = Instant::now();
    loop {
        if let Ok(mut connection) = Connection::open(addr).await
            && connection.get("/readyz").await.is_ok()
        {
            return Ok(connection);
        }
        let ended = process.0.try_wait()?;
        ensure!(ended.is_none(), "the host has ended: {ended:?}");
        ensure!(begun.elapsed() < PATIENCE, "the host does not get ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many pieces of work on stays have been done, by the numbers of the host.
fn worked(metrics: &str) -> u64 {
    let line = metrics.lines().find(|line| {
        line.starts_with("staykey_work_total{")
            && line.contains("kind=\"grant\"")
            && line.contains("result=\"done\"")
    });
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_this_process_is_known() {
        let resident = resident("self").unwrap();
        assert!(resident.now > 0.5 && resident.most >= resident.now, "{resident:?}");
        assert!(super::resident("no-process").is_err());
    }

    #[test]
    fn done_work_is_read_from_the_numbers() {
        let metrics = "# TYPE staykey_work_total counter\n\
                       staykey_work_total{kind=\"door\",result=\"done\"} 7\n\
                       staykey_work_total{kind=\"grant\",result=\"failed\"} 1\n\
                       staykey_work_total{kind=\"grant\",result=\"done\"} 42\n";
        assert_eq!(worked(metrics), 42);
        assert_eq!(worked(""), 0);
    }
}
