//! `cargo xtask bench`: the benchmarks, built as what is released.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::call::Call;

/// The host as it is released: its size is a figure, and its process is looked at. Built alone, since what the
/// benchmarks need besides must not be in it.
const HOST: &str = "build --release -q -p axum-host";
const RUN: &str = "run --release -q -p booking-bench --";
/// Where the figures go, if nobody says otherwise.
const FIGURES: &str = "bench.json";

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Runs only these benchmarks: accept, vendors, stays, hosts, claims, planner, memory, size, compile. All but the last otherwise.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// How often each figure is taken; the median counts.
    #[arg(long)]
    rounds: Option<u8>,
    /// Also measures what takes minutes to prepare: claims among a million keys.
    #[arg(long)]
    large: bool,
    /// Where the figures are written for machines; `bench.json` in the folder of the build otherwise.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    fn calls(&self, figures: &Path) -> [Call; 2] {
        let figures = self.json.as_deref().unwrap_or(figures).display().to_string();
        let run = Call::cargo(RUN).with(["--json", &figures]);
        let run = match &self.only {
            Some(only) => run.with(["--only", only]),
            None => run,
        };
        let run = match self.rounds {
            Some(rounds) => run.with(["--rounds", &rounds.to_string()]),
            None => run,
        };
        let run = if self.large { run.with(["--large"]) } else { run };
        [Call::cargo(HOST), run]
    }
}

/// Builds and runs them.
///
/// # Errors
///
/// When something does not build, or a benchmark could not be made. A figure that misses its aim is no error.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| "target".into(), PathBuf::from);
    for call in options.calls(&target.join(FIGURES)) {
        println!("    {call}");
        anyhow::ensure!(call.run(root)?, "failed: {call}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_built_before_it_is_measured() {
        let figures = Path::new("target/bench.json");
        let shown = |options: Options| options.calls(figures).map(|call| call.to_string());
        assert_eq!(
            shown(Options { only: None, rounds: None, large: false, json: None }),
            [
                "cargo build --release -q -p axum-host",
                "cargo run --release -q -p booking-bench -- --json target/bench.json"
            ]
        );
        let options = Options {
            only: Some("accept,size".into()),
            rounds: Some(5),
            large: true,
            json: Some("a.json".into()),
        };
        assert_eq!(
            shown(options)[1],
            "cargo run --release -q -p booking-bench -- --json a.json --only accept,size --rounds 5 --large"
        );
    }
}
