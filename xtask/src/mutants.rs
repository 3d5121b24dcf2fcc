//! `cargo xtask mutants`: bugs planted one by one, each of which the simulated world or a test must notice.

use std::path::Path;
use std::time::Instant;

use crate::call::Call;

/// Where what has bugs in it is built, so that it is never mixed up with what has none.
const TARGET: &str = "target/planted";
/// The tests of what bugs are planted in.
const TESTS: &str =
    "nextest run -p booking-core -p booking-store -p booking-engine --features booking-core/conformance";
/// What names the bug for tests.
const BUG: &str = "STAYKEY_PLANTED";
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
    let hunted = world.run_reading(root, |line| missed.extend(bug_of(line)))?;
    anyhow::ensure!(hunted, "the world did not run");
    if missed.is_empty() {
        return Ok(());
    }
    let healthy = planted(TESTS).variable(BUG, "");
    println!("    {healthy}");
    anyhow::ensure!(healthy.succeeds(root), "the tests fail with no bug planted: {healthy}");
    let mut unnoticed = Vec::new();
    for bug in missed {
        match noticing(root, &bug)? {
            Some(test) => println!("{bug:<28} {test}"),
            None => unnoticed.push(bug),
        }
    }
    anyhow::ensure!(unnoticed.is_empty(), "nobody notices: {}", unnoticed.join(", "));
    Ok(())
}

/// The first test that fails with this bug alive, and after how long.
#[expect(clippy::disallowed_methods, reason = "tells people how fast it is")]
fn noticing(root: &Path, bug: &str) -> anyhow::Result<Option<String>> {
    let begun = Instant::now();
    let mut failed = None;
    let passed = planted(TESTS).variable(BUG, bug).read(root, |line| {
        failed = failed.take().or_else(|| test_of(line).map(str::to_owned));
    })?;
    anyhow::ensure!(passed || failed.is_some(), "the tests did not run with {bug} alive");
    let seconds = begun.elapsed().as_secs_f64();
    Ok(failed.map(|test| format!("caught by the test {test} in {seconds:.1} s")))
}

/// The bug that a line of the world's report says it missed.
fn bug_of(line: &str) -> Option<String> {
    line.strip_prefix(MISSED)?.split_whitespace().next().map(str::to_owned)
}

/// The test that a line of nextest says failed.
fn test_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let failed = ["FAIL [", "TIMEOUT [", "SIGABRT ["].iter().any(|start| line.starts_with(start));
    line.split_whitespace().next_back().filter(|_| failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_read_from_the_report() {
        for (line, name) in [
            (
                "MISSED brake-off (and 600 drawn stays, 9.1 s): The brake never stops anything.",
                Some("brake-off"),
            ),
            ("no-claims                    no-pin-twice                       120     0.1  seed 7", None),
            ("MISSED ", None),
        ] {
            assert_eq!(bug_of(line).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn the_test_that_failed_is_read_from_nextest() {
        for (line, name) in [
            ("        FAIL [   0.061s] (17/412) booking-engine::it c08_two_hosts", Some("c08_two_hosts")),
            ("        PASS [   0.061s] (17/412) booking-engine::it c08_two_hosts", None),
            ("     Summary [   9.2s] 412 tests run", None),
        ] {
            assert_eq!(test_of(line), name, "{line}");
        }
    }
}
