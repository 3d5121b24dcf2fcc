//! `cargo xtask world`: histories of the deterministic world, fast.

use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::call::Call;

/// Built for speed, but not as slowly as what is released.
const RUN: &str = "run --profile world -q -p booking-world --";
/// Built for hours.
const LONG_RUN: &str = "run --profile world-long -q -p booking-world --";
/// Where a test run begins, and how many stays it lives through from there.
const KNOWN: (u64, u64) = (7, 4_000);
/// How many stays it lives through that nobody has seen yet: about a minute.
const FRESH: u64 = 20_000;

/// The histories that are kept, then a fixed number of known ones, and some that are other ones with every commit.
pub(crate) fn calls(seed: u64) -> [Call; 3] {
    let run = |seed: u64, stays: u64| {
        Call::cargo(RUN).with(["run", "--seed", &seed.to_string(), "--stays", &stays.to_string()])
    };
    [Call::cargo(RUN).with(["directed"]), run(KNOWN.0, KNOWN.1), run(seed, FRESH)]
}

/// A number for the present commit: each has histories of its own, and whoever runs them again gets the same.
pub(crate) fn seed_of_commit(root: &Path) -> u64 {
    let head = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root).output();
    let text = head.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let text = text.and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
    text.get(..12).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(1)
}

/// How much of the world to live through.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The seed of the first history.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many stays to live through.
    #[arg(long, default_value_t = 10_000)]
    stays: u64,
    /// For how many hours, however many stays that are.
    #[arg(long)]
    hours: Option<f64>,
    /// Tells the story of the seed's history alone.
    #[arg(long, conflicts_with_all = ["stays", "hours"])]
    replay: bool,
    /// Prints what was reached.
    #[arg(long)]
    coverage: bool,
    /// Draws many stays for most histories, and doors and sources that are read seldom: more stays in less time.
    #[arg(long)]
    busy: bool,
}

impl Options {
    fn call(&self) -> Call {
        let call = Call::cargo(if self.hours.is_some() { LONG_RUN } else { RUN });
        let seed = self.seed.to_string();
        let drawn: &[&str] = if self.busy { &["--with", "busy"] } else { &[] };
        if self.replay {
            return call.with(["replay", "--seed", &seed]).with(drawn.iter().copied());
        }
        let call = call
            .with(["run", "--seed", &seed, "--stays", &self.stays.to_string()])
            .with(drawn.iter().copied());
        let call = match self.hours {
            Some(hours) => call.with(["--hours", &hours.to_string()]),
            None => call,
        };
        if self.coverage { call.with(["--coverage"]) } else { call }
    }
}

/// Runs it.
///
/// # Errors
///
/// When a promise is broken, or nothing could be begun.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let call = options.call();
    println!("    {call}");
    anyhow::ensure!(call.run(root)?, "a promise is broken; the seed stands above");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soak_goes_by_hours() {
        let options =
            Options { seed: 7, stays: 10, hours: Some(0.5), replay: false, coverage: true, busy: true };
        assert_eq!(
            options.call().to_string(),
            "cargo run --profile world-long -q -p booking-world -- run --seed 7 --stays 10 --with busy --hours 0.5 --coverage"
        );
        let story = Options { replay: true, hours: None, busy: false, ..options };
        assert_eq!(
            story.call().to_string(),
            "cargo run --profile world -q -p booking-world -- replay --seed 7"
        );
    }
}
