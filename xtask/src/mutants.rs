//! `cargo xtask mutants`: bugs planted one by one, each of which the simulated world or a test must notice.

use std::path::Path;

use anyhow::Context as _;

use crate::call::Call;

/// Where what has bugs in it is built, so that it is never mixed up with what has none.
const TARGET: &str = "target/planted";
/// What the world's report begins a line with when no promise noticed a bug.
const MISSED: &str = "MISSED ";

fn planted(arguments: &str) -> Call {
    Call::cargo(arguments).variable("RUSTFLAGS", "--cfg staykey_planted").variable("CARGO_TARGET_DIR", TARGET)
}

/// Hunts every bug, first in the world, then with the tests.
///
/// # Errors
///
/// When a bug is noticed by neither.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let world = planted("run --profile world -q -p booking-world -- mutants");
    println!("    {world}");
    let mut missed = Vec::new();
    let hunted = world.run_reading(root, |line| missed.extend(name_of(line)))?;
    anyhow::ensure!(hunted, "the world did not run");
    let tests =
        "nextest run -p booking-core -p booking-store -p booking-engine --features booking-core/conformance";
    let healthy = planted(tests).variable("STAYKEY_PLANTED", "");
    if !missed.is_empty() {
        anyhow::ensure!(healthy.succeeds(root), "the tests fail with no bug planted: {healthy}");
    }
    let mut unnoticed = Vec::new();
    for bug in missed {
        let passed = planted(tests).variable("STAYKEY_PLANTED", &bug).succeeds(root);
        println!("{bug:<28} {}", if passed { "NOT NOTICED" } else { "caught by a test" });
        unnoticed.extend(passed.then_some(bug));
    }
    anyhow::ensure!(unnoticed.is_empty(), "nobody notices: {}", unnoticed.join(", "));
    Ok(())
}

fn name_of(line: &str) -> Option<String> {
    let rest = line.strip_prefix(MISSED)?;
    rest.split_whitespace().next().map(str::to_owned).context("a name").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_read_from_the_report() {
        for (line, name) in [
            ("MISSED brake-off (3000 stays, 9.1 s): The brake never stops anything.", Some("brake-off")),
            ("no-claims   caught by no-pin-twice after 12 steps", None),
            ("MISSED ", None),
        ] {
            assert_eq!(name_of(line).as_deref(), name, "{line}");
        }
    }
}
