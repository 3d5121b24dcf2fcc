//! How many tests passed and failed, read from what the test runners print.

use std::fmt;
use std::ops::AddAssign;

/// Tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// That ran to a good end.
    pub(crate) passed: u64,
    /// That did not: failed, timed out, could not be started.
    pub(crate) failed: u64,
}

impl Count {
    /// From nextest's last line.
    pub(crate) fn from_nextest(line: &str) -> Option<Self> {
        let (_, counts) = line.trim_start().strip_prefix("Summary [")?.split_once("run:")?;
        Some(Self::from_parts(counts.split(',')))
    }

    /// From the line that ends each run of `cargo test`, of which there are many.
    pub(crate) fn from_cargo_test(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        Some(Self::from_parts(counts.split(';')))
    }

    fn from_parts<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut count = Self::default();
        for part in parts {
            let (number, what) = part.trim().split_once(' ').unwrap_or_default();
            let Ok(number) = number.parse::<u64>() else { continue };
            if what.starts_with("passed") {
                count.passed += number;
            } else if ["failed", "exec failed", "timed out"].iter().any(|bad| what.starts_with(bad)) {
                count.failed += number;
            }
        }
        count
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(count: Option<Count>, passed: u64, failed: u64) {
        assert_eq!(count, Some(Count { passed, failed }));
    }

    #[test]
    fn nextest_is_understood() {
        check(Count::from_nextest("     Summary [   0.003s] 1 test run: 1 passed, 0 skipped"), 1, 0);
        check(
            Count::from_nextest(
                "     Summary [ 9.0s] 12/13 tests run: 8 passed (1 slow, 2 flaky), 2 failed, 1 exec failed, 1 timed out, 0 skipped",
            ),
            8,
            4,
        );
        assert_eq!(Count::from_nextest("    Starting 13 tests across 2 binaries"), None);
    }

    #[test]
    fn cargo_test_is_understood() {
        let line = "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        check(Count::from_cargo_test(line), 5, 2);
        assert_eq!(Count::from_cargo_test("test result_is_read ... ok"), None);
    }
}
