//! `cargo xtask bench`: how fast the whole of it is, each figure beside its limit of the same minute.
//!
//! See README.md for what each benchmark measures.

#![allow(
    clippy::disallowed_methods,
    reason = "it measures real time, and owns tasks and threads as a host does"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use booking_host::config::LogConfig;
use booking_host::{Ended, Host, HostParts, telemetry};
use chrono::Utc;
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::json;
use tempfile::TempDir;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

mod accept;
mod bare;
mod claims;
mod database;
mod hosts;
mod load;
mod memory;
mod planner;
mod played;
mod report;
mod size;
mod stats;
mod stays;
mod town;
mod vendors;
mod watched;

use crate::report::Report;
use crate::town::Town;

/// How fast the whole of it is.
#[derive(Debug, Parser)]
#[command(name = "booking-bench", bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Task>,
    /// Runs only these benchmarks; all but `compile` otherwise.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Name>,
    /// How often each figure is taken; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Where the figures are written for machines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program of the host; the one beside this program otherwise.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Also measures what takes minutes to prepare.
    #[arg(long)]
    large: bool,
    /// So little of each that it takes seconds: the figures mean nothing.
    #[arg(long, hide = true)]
    tiny: bool,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// The ready host, and nothing else: what is measured where that program was not built.
    #[command(hide = true)]
    Serve {
        /// Its configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

/// A benchmark; they run in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Durable accepts a second.
    Accept,
    /// The way of a booking, with vendors that take their time.
    Vendors,
    /// Stays a second, all the way.
    Stays,
    /// Hosts that share a database.
    Hosts,
    /// What claiming costs, by how much is due.
    Claims,
    /// The planner, and full syncs.
    Planner,
    /// The memory of a host.
    Memory,
    /// The size of the program.
    Size,
    /// How long it takes to build.
    Compile,
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Vendors => "vendors",
            Self::Stays => "stays",
            Self::Hosts => "hosts",
            Self::Claims => "claims",
            Self::Planner => "planner",
            Self::Memory => "memory",
            Self::Size => "size",
            Self::Compile => "compile",
        }
    }

    async fn run(self, scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
        match self {
            Self::Accept => accept::run(scale, report).await,
            Self::Vendors => vendors::run(scale, report).await,
            Self::Stays => stays::run(scale, report).await,
            Self::Hosts => hosts::run(scale, report).await,
            Self::Claims => claims::run(scale, report).await,
            Self::Planner => planner::run(scale, report).await,
            Self::Memory => memory::run(scale, report).await,
            Self::Size => size::size(scale, report),
            Self::Compile => size::compile(scale, report),
        }
    }
}

/// How much of everything.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    pub(crate) rounds: usize,
    /// How long a load lasts.
    pub(crate) window: Duration,
    pub(crate) connections: &'static [usize],
    /// So many hosts share a database.
    pub(crate) hosts: &'static [usize],
    /// How many bookings go their way with each latency.
    pub(crate) samples: u64,
    pub(crate) stays: u64,
    pub(crate) stays_on_one: u64,
    pub(crate) strangers: u64,
    /// So many keys are due.
    pub(crate) due: &'static [u64],
    /// So often keys are claimed.
    pub(crate) claims: u64,
    pub(crate) plans: &'static [u64],
    pub(crate) sync: u64,
    pub(crate) bookings: u64,
    /// How many of them are to come.
    pub(crate) live: u64,
    /// The program of the host.
    pub(crate) binary: PathBuf,
    /// Where databases are made: the disk of the build.
    pub(crate) disk: PathBuf,
}

impl Scale {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let disk = own.parent().context("no folder")?.to_owned();
        let binary = arguments.binary.clone();
        let binary =
            binary.unwrap_or_else(|| disk.join(format!("axum-host{}", std::env::consts::EXE_SUFFIX)));
        let rounds = usize::from(arguments.rounds);
        Ok(if arguments.tiny {
            Self {
                rounds,
                window: Duration::from_millis(100),
                connections: &[2],
                hosts: &[1, 2],
                samples: 1,
                stays: 20,
                stays_on_one: 10,
                strangers: 20,
                due: &[10, 40],
                claims: 3,
                plans: &[20, 40],
                sync: 20,
                bookings: 60,
                live: 6,
                binary,
                disk,
            }
        } else {
            Self {
                rounds,
                window: Duration::from_secs(1),
                connections: &[1, 16, 64],
                hosts: &[1, 2, 4],
                samples: 10,
                stays: 1_500,
                stays_on_one: 500,
                strangers: 2_000,
                due: if arguments.large { &[10, 1_000, 100_000, 1_000_000] } else { &[10, 1_000, 100_000] },
                claims: 50,
                plans: &[1_000, 10_000, 100_000],
                sync: 10_000,
                bookings: 100_000,
                live: 5_000,
                binary,
                disk,
            }
        })
    }

    /// A folder on the disk of the build, gone when it is dropped.
    pub(crate) fn folder(&self) -> anyhow::Result<TempDir> {
        Ok(tempfile::Builder::new().prefix("staykey-bench-").tempdir_in(&self.disk)?)
    }

    /// How much work a host of this town has when it starts: its source, its doors, its notices.
    pub(crate) fn reads(&self, town: &Town) -> u64 {
        town.doors + 2
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &arguments.command {
        Some(Task::Serve { config }) => runtime.block_on(serve(config)),
        None => runtime.block_on(measure(arguments)),
    }
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let scale = Scale::new(arguments)?;
    let folder = scale.folder()?;
    log_to(&folder.path().join("host.log"))?;
    let wanted = |name: &Name| match arguments.only.is_empty() {
        true => *name != Name::Compile,
        false => arguments.only.contains(name),
    };
    let (mut report, mut failed, begun) = (Report::default(), Vec::new(), Instant::now());
    for name in Name::value_variants().iter().copied().filter(wanted) {
        let started = Instant::now();
        println!("==> {}", name.text());
        if let Err(error) = name.run(&scale, &mut report).await {
            // The others' figures are none the worse for it.
            eprintln!("error: {}: {error:#}", name.text());
            failed.push(name.text());
        }
        println!("{}  ({:.0} s)\n", report.table(name.text()), started.elapsed().as_secs_f64());
    }
    let (aims, met) = report.aims();
    println!("{met} of {aims} aims met, {:.0} s", begun.elapsed().as_secs_f64());
    if let Some(path) = &arguments.json {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let about = json!({
            "at": Utc::now().to_rfc3339(), "rounds": scale.rounds, "tiny": arguments.tiny,
            "processors": cores, "load": load.trim(), "seconds": begun.elapsed().as_secs(),
        });
        let text = format!("{:#}\n", report.json(&about));
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
        println!("{}", path.display());
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

/// Every host logs as one does: as much, and into a file.
fn log_to(path: &Path) -> anyhow::Result<()> {
    let layer = telemetry::layer(&LogConfig::default(), Mutex::new(File::create(path)?))
        .map_err(|error| anyhow!(error))?;
    Ok(tracing_subscriber::registry().with(layer).try_init()?)
}

async fn serve(path: &Path) -> anyhow::Result<()> {
    let config = town::parse(&std::fs::read_to_string(path)?)?;
    telemetry::init(&config.log).map_err(|error| anyhow!(error))?;
    let listener = tokio::net::TcpListener::bind(config.server.listen).await?;
    let _: Ended =
        Host::build(config, HostParts::new()?).await?.run(listener, std::future::pending()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        for name in Name::value_variants() {
            assert_eq!(name.to_possible_value().unwrap().get_name(), name.text());
        }
    }
}
