//! Why a command did not do what it was asked, and how commands end.

use std::fmt;
use std::process::ExitCode;

use booking_host::api::ErrorView;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// All of it.
    Complete = 0,
    Error = 1,
    Usage = 2,
    /// Something was refused, could not be read or is failing.
    Partial = 4,
    /// Nothing was done.
    Refused = 5,
    /// Try again later, in the words of mail servers (`EX_TEMPFAIL`).
    Later = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked, and what to do about it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) exit: Exit,
    pub(super) view: ErrorView,
    /// Whether trying again later may help.
    pub(super) passes: bool,
}

pub(super) type Answer<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn new(exit: Exit, error: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        let view = ErrorView { error: error.to_string(), remedy: remedy.to_string(), ..ErrorView::default() };
        Self { exit, view, passes: true }
    }

    pub(super) fn error(error: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self::new(Exit::Error, error, remedy)
    }

    pub(super) fn usage(error: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, error, remedy)
    }

    /// There is no such thing; those that there are.
    pub(super) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let remedy = match &known[..] {
            [] => format!("there is no {what} at all in the configuration"),
            known => format!("there is: {}", known.join(", ")),
        };
        Self::error(format!("there is no {what} `{name}`"), remedy)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::error(error, "")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.view.error)?;
        if !self.view.candidates.is_empty() {
            write!(f, "\n  {}", self.view.candidates.join("\n  "))?;
        }
        if !self.view.remedy.is_empty() {
            write!(f, "\n  {}", self.view.remedy)?;
        }
        Ok(())
    }
}
