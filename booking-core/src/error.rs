//! What went wrong at a vendor, told by what the caller can do about it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Whose fault it is, and so who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Our configuration: a wrong id, a lock that the account does not have.
    Configuration,
    /// The vendor refused who we are.
    Credentials,
    /// The vendor refused what we asked.
    Request,
    /// The vendor failed or answered nonsense.
    Vendor,
    /// Nothing or only a part came through.
    Network,
}

/// Whether trying again may help, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not without a change by somebody.
    Never,
    /// Not before this long from now: the vendor said so, or our own pacing does.
    After(Duration),
    /// After a delay of the caller's choice.
    Backoff,
}

/// What became of a write that did not succeed. Reads are always [`Outcome::NotApplied`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Certainly nothing was changed.
    NotApplied,
    /// It may have been applied: look before anything else is written.
    Unknown,
}

/// A failed call to a vendor.
///
/// `Display` is one line without personal data, tokens or URLs: clients put only fixed words, status numbers and
/// scrubbed vendor texts into it.
#[derive(Debug)]
pub struct VendorError {
    /// Whose fault it is.
    pub fault: Fault,
    /// Whether to try again.
    pub retry: Retry,
    /// What became of the write.
    pub outcome: Outcome,
    detail: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl VendorError {
    /// An error; `detail` is one line and holds nothing personal or secret.
    #[must_use]
    pub fn new(fault: Fault, retry: Retry, outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { fault, retry, outcome, detail: detail.into(), source: None }
    }

    /// The configuration is wrong; nothing was changed.
    #[must_use]
    pub fn configuration(detail: impl Into<String>) -> Self {
        Self::new(Fault::Configuration, Retry::Never, Outcome::NotApplied, detail)
    }

    /// The vendor's answer could not be used. Whether a write was applied is unknown.
    #[must_use]
    pub fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(Fault::Vendor, Retry::Backoff, Outcome::Unknown, detail)
    }

    /// The same error as the result of a read: nothing can have been changed.
    #[must_use]
    pub fn of_read(mut self) -> Self {
        self.outcome = Outcome::NotApplied;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The line of [`fmt::Display`].
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for VendorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for VendorError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
