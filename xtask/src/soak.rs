//! `cargo xtask soak`: the program under load, killed at random.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::call::Call;

/// What a short run kills.
const FEW: u64 = 10;
/// The seeds of the short runs: webhooks are believed with the one and looked after with the other.
const SEEDS: [u64; 2] = [1, 2];

/// What to kill, and how often.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// For how many minutes to make trouble.
    #[arg(long, conflicts_with = "kills")]
    minutes: Option<u64>,
    /// How many processes to kill; 100 where neither is given.
    #[arg(long)]
    kills: Option<u64>,
    /// Where hosts keep what they know.
    #[arg(long, value_enum, default_value_t = Store::Sqlite)]
    store: Store,
    /// How many hosts share it.
    #[arg(long, default_value_t = 1)]
    hosts: u8,
    /// What bookings and troubles are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Another program, of an older version, which the second of several hosts runs.
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// Where the figures are written for machines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the logs of the hosts are left.
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Store {
    /// A file, for one host.
    Sqlite,
    /// A server of the installed package.
    Postgres,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A run of what was built there.
fn call(built: &str, store: Store, hosts: u8, seed: u64) -> Call {
    let (hosts, seed) = (hosts.to_string(), seed.to_string());
    let binary = format!("{built}/axum-host");
    Call::program(&format!("{built}/booking-soak"), "").with([
        "--binary",
        &binary,
        "--store",
        store.name(),
        "--hosts",
        &hosts,
        "--seed",
        &seed,
    ])
}

/// The step of the test run: what the tests have built, killed a few times on each store.
pub(crate) fn calls(target: Option<&str>) -> [Call; 3] {
    // With the features of the tests before it, so that nothing is built anew.
    let build = Call::cargo("build --workspace --all-features --bin axum-host --bin booking-soak");
    let built = format!("{}/debug", target.unwrap_or("target"));
    let few = |store, hosts, seed| call(&built, store, hosts, seed).with(["--kills", &FEW.to_string()]);
    [build, few(Store::Sqlite, 1, SEEDS[0]), few(Store::Postgres, 3, SEEDS[1])]
}

impl Options {
    fn calls(&self, target: &str) -> [Call; 2] {
        let built = format!("{target}/world");
        let mut run = call(&built, self.store, self.hosts, self.seed);
        run = match self.minutes {
            Some(minutes) => run.with(["--minutes", &minutes.to_string()]),
            None => run.with(["--kills", &self.kills.unwrap_or(100).to_string()]),
        };
        for (name, path) in [("--beside", &self.beside), ("--json", &self.json), ("--logs", &self.logs)] {
            if let Some(path) = path {
                run = run.with([name, &path.display().to_string()]);
            }
        }
        [Call::cargo("build --profile world -q -p axum-host -p booking-soak"), run]
    }
}

/// Builds and runs it.
///
/// # Errors
///
/// When a promise is broken, or nothing could be begun.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    for call in options.calls(&target) {
        println!("    {call}");
        anyhow::ensure!(call.run(root)?, "failed: {call}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_built_before_it_is_killed() {
        let options = Options {
            minutes: None,
            kills: None,
            store: Store::Postgres,
            hosts: 3,
            seed: 7,
            beside: Some("old".into()),
            json: Some("a.json".into()),
            logs: None,
        };
        let shown = |options: &Options| options.calls("target").map(|call| call.to_string());
        assert_eq!(
            shown(&options),
            [
                "cargo build --profile world -q -p axum-host -p booking-soak",
                "target/world/booking-soak --binary target/world/axum-host --store postgres --hosts 3 --seed 7 --kills 100 --beside old --json a.json"
            ]
        );
        let long = Options {
            minutes: Some(60),
            store: Store::Sqlite,
            hosts: 1,
            beside: None,
            json: None,
            ..options
        };
        assert!(shown(&long)[1].ends_with("--store sqlite --hosts 1 --seed 7 --minutes 60"));
    }
}
