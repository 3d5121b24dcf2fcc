//! `cargo xtask world`: histories of the deterministic world, fast.

use std::path::Path;

use clap::Args;

use crate::call::Call;

/// Built for speed, but not as slowly as what is released.
const RUN: &str = "run --profile world -q -p booking-world --";
/// What the histories of a test run may have in them: what holds by now. A seed means a history only together with it.
const HOLDS: &str = "--first";
/// How many stays a test run lives through.
const STAYS: u64 = 5_000;
/// Where a test run begins. Fresh seeds still find a broken promise about once in some thousand stays: they are for the hand,
/// until they hold.
const SEED: u64 = 7;

/// The histories that are kept, and then a fixed number of stays.
pub(crate) fn calls() -> [Call; 2] {
    let (seed, stays) = (SEED.to_string(), STAYS.to_string());
    let fresh = ["run", HOLDS, "--seed", &seed, "--stays", &stays];
    [Call::cargo(RUN).with(["directed"]), Call::cargo(RUN).with(fresh)]
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
    /// Draws more than the test run does: other keypads, modes, bad lists. Some of it is known to break promises.
    #[arg(long)]
    wide: bool,
}

impl Options {
    fn call(&self) -> Call {
        let call = Call::cargo(RUN);
        let seed = self.seed.to_string();
        let drawn = (!self.wide).then_some(HOLDS);
        if self.replay {
            return call.with(["replay"]).with(drawn).with(["--seed", &seed]);
        }
        let call = call.with(["run"]).with(drawn).with(["--seed", &seed, "--stays", &self.stays.to_string()]);
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
            Options { seed: 7, stays: 10, hours: Some(0.5), replay: false, coverage: true, wide: true };
        assert_eq!(
            options.call().to_string(),
            "cargo run --profile world -q -p booking-world -- run --seed 7 --stays 10 --hours 0.5 --coverage"
        );
        let story = Options { replay: true, wide: false, ..options };
        assert_eq!(
            story.call().to_string(),
            "cargo run --profile world -q -p booking-world -- replay --first --seed 7"
        );
    }
}
