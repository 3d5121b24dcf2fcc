//! `cargo xtask soak`: the real program under load, killed at random, and asked afterwards whether it kept its promises.
//!
//! See README.md for what it does and what it looks at.

#![allow(
    clippy::disallowed_methods,
    reason = "processes live in real time, and the soak owns tasks as a host does"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

mod folder;
mod journal;
mod judge;
mod leak;
mod process;
mod report;
mod run;
mod stream;
mod town;

/// The real program under load, killed at random.
#[derive(Debug, Parser)]
#[command(name = "booking-soak", bin_name = "cargo xtask soak")]
struct Options {
    /// The program of the host.
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
    /// Another program, of an older version: the second of several hosts runs it, beside the others on one database, as
    /// it is while an upgrade is under way. The hosts start in order, so --binary is the first to find the database.
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// Where hosts keep what they know.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    store: StoreKind,
    /// How many hosts share it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    hosts: u8,
    /// What the stream of bookings and of troubles is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many processes to kill.
    #[arg(long, default_value_t = 100, conflicts_with = "minutes")]
    kills: u64,
    /// For how long to make trouble, however many kills that are.
    #[arg(long)]
    minutes: Option<u64>,
    /// Where the figures are written for machines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the logs of the hosts are left.
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    /// A file, for one host.
    Sqlite,
    /// A server of the installed package, started for this run.
    Postgres,
}

/// How long it goes on.
#[derive(Clone, Copy, Debug)]
enum Length {
    Kills(u64),
    Minutes(u64),
}

impl Options {
    fn length(&self) -> Length {
        self.minutes.map_or(Length::Kills(self.kills), Length::Minutes)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match soak(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: seed {}: {error:#}", options.seed);
            ExitCode::FAILURE
        }
    }
}

/// Whether every promise was kept, and asked for.
fn soak(options: &Options) -> anyhow::Result<bool> {
    if !cfg!(target_os = "linux") {
        println!("!!! it moves a process's clock, which it can do on Linux only: NOTHING WAS KILLED !!!");
        return Ok(true);
    }
    anyhow::ensure!(
        options.store == StoreKind::Postgres || options.hosts == 1,
        "an SQLite file is for one host: --store postgres"
    );
    anyhow::ensure!(
        options.beside.is_none() || options.hosts > 1,
        "--beside is the second host's: --hosts 2"
    );
    println!("seed {}, {:?}, {} host(s)", options.seed, options.store, options.hosts);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // The hosts are started on this thread, with which they die.
    let report = runtime.block_on(async {
        tokio::select! {
            report = run::run(options) => report,
            _ = told_to_stop() => Err(anyhow::anyhow!("interrupted")),
        }
    })?;
    print!("{}", report.table());
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", report.json()))?;
    }
    Ok(report.is_good())
}

async fn told_to_stop() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        told = tokio::signal::ctrl_c() => told,
        _ = terminate.recv() => Ok(()),
    }
}
