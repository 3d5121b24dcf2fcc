//! What a suite found, case by case.

use std::fmt;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

/// How one case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It holds.
    Passed,
    /// The harness or the vendor cannot do what the case needs; nothing was proved.
    Skipped(String),
    /// It does not hold; this is what was seen.
    Failed(String),
}

/// The verdicts of one suite.
///
/// A suite never stops at the first failure, and a case that panics fails alone. Whoever runs one asserts both that
/// nothing failed and which cases were skipped, so that a case cannot fall silent:
///
/// ```text
/// let report = lock_provider::run(Harness::new).await;
/// report.assert_passed();
/// assert_eq!(report.skipped(), ["a_full_keypad"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Report {
    suite: &'static str,
    cases: Vec<(&'static str, Verdict)>,
}

impl Report {
    pub(super) fn new(suite: &'static str) -> Self {
        Self { suite, cases: Vec::new() }
    }

    pub(super) fn add(&mut self, case: &'static str, ended: CaseResult) {
        let verdict = match ended {
            Ok(()) => Verdict::Passed,
            Err(Stop::Skip(why)) => Verdict::Skipped(why),
            Err(Stop::Fail(why)) => Verdict::Failed(why),
        };
        self.cases.push((case, verdict));
    }

    /// Every case with its verdict, in the order in which they ran.
    #[must_use]
    pub fn cases(&self) -> &[(&'static str, Verdict)] {
        &self.cases
    }

    /// The names of the cases that proved nothing.
    #[must_use]
    pub fn skipped(&self) -> Vec<&'static str> {
        self.named(|verdict| matches!(verdict, Verdict::Skipped(_)))
    }

    /// The names of the cases that failed.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.named(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// Ends a test.
    ///
    /// # Panics
    ///
    /// When a case failed; the text names every failed case and what was seen, and every skipped one.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.failed().is_empty(), "{self}");
    }

    fn named(&self, wanted: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
        self.cases.iter().filter(|(_, verdict)| wanted(verdict)).map(|(name, _)| *name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "conformance of {}: {} of {} cases failed",
            self.suite,
            self.failed().len(),
            self.cases.len()
        )?;
        for (name, verdict) in &self.cases {
            match verdict {
                Verdict::Passed => {}
                Verdict::Skipped(why) => write!(f, "\n  skipped {name}: {why}")?,
                Verdict::Failed(why) => write!(f, "\n  FAILED {name}: {why}")?,
            }
        }
        Ok(())
    }
}

/// Why a case ended early.
#[derive(Debug)]
pub(super) enum Stop {
    Skip(String),
    Fail(String),
}

impl From<crate::Invalid> for Stop {
    fn from(error: crate::Invalid) -> Self {
        Self::Fail(format!("the suite or the adapter made an invalid value: {error}"))
    }
}

pub(super) type CaseResult<T = ()> = Result<T, Stop>;

pub(super) fn skip<T>(why: impl Into<String>) -> CaseResult<T> {
    Err(Stop::Skip(why.into()))
}

pub(super) fn fail<T>(why: impl Into<String>) -> CaseResult<T> {
    Err(Stop::Fail(why.into()))
}

/// Runs one case; a panic in it becomes its failure.
pub(super) async fn run_case(case: impl Future<Output = CaseResult>) -> CaseResult {
    match AssertUnwindSafe(case).catch_unwind().await {
        Ok(ended) => ended,
        Err(panic) => fail(format!("panicked: {}", panic_text(&*panic))),
    }
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "(no text)".to_owned())
}

/// Turns an unexpected error into a failure that says what was being done.
pub(super) trait OrFail<T> {
    fn or_fail(self, doing: &str) -> CaseResult<T>;
}

impl<T, E: std::error::Error> OrFail<T> for Result<T, E> {
    fn or_fail(self, doing: &str) -> CaseResult<T> {
        self.map_err(|error| Stop::Fail(format!("{doing}: {error}")))
    }
}

/// Fails the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::conformance::report::Stop::Fail(format!($($text)+)));
        }
    };
}

/// Runs each case with a harness of its own.
macro_rules! cases {
    ($report:ident, $make:ident, [$($case:ident),* $(,)?]) => {$(
        $report.add(stringify!($case), $crate::conformance::report::run_case(async {
            let harness = $make();
            $case(&harness).await
        }).await);
    )*};
}

pub(super) use {cases, ensure};

/// Fails the case when an error's text, or the text of one of its causes, or its `Debug`, holds one of `planted`.
pub(super) fn says_nothing_of(error: &(dyn std::error::Error + 'static), planted: &[String]) -> CaseResult {
    let mut texts = vec![format!("{error:?}")];
    let mut next = Some(error);
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    for (number, secret) in planted.iter().enumerate() {
        let leaked = texts.iter().any(|text| !secret.is_empty() && text.contains(secret.as_str()));
        ensure!(
            !leaked,
            "an error's text holds planted value {number} (of {} characters)",
            secret.chars().count()
        );
    }
    Ok(())
}
