//! What can go wrong between an adapter and its vendor, as the suites ask for it and the stand-ins do it.

use std::time::Duration;

use crate::error::{Fault, Outcome, Retry, VendorError};
use crate::id::DoorKey;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The vendor does nothing and nobody answers.
    NoAnswer,
    /// The vendor does what it is asked, but its answer is lost.
    AnswerLost,
    /// The vendor does nothing and answers a page of HTML with the status of success.
    Html,
    /// The vendor does nothing and its answer, with the status of success, breaks off in the middle.
    CutOff,
    /// The answer has the status of success and holds `null` where its content belongs.
    Null,
    /// The vendor does nothing and answers with an error of its own (500).
    ServerError,
    /// The vendor does nothing and says that it was asked too often; this is how long it wants to be left alone.
    TooMany(Duration),
    /// The vendor does nothing and refuses who asks.
    Refused,
}

/// Which calls go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum On {
    /// All of them.
    #[default]
    All,
    /// Those that only look.
    Reads,
    /// Those that change something.
    Writes,
}

/// A trouble to come: on which calls, and how often.
///
/// ```
/// use booking_core::conformance::{Planted, Trouble};
///
/// // The next write is done, but its answer is lost.
/// let lost_answer = Planted::new(Trouble::AnswerLost).on_writes().times(1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Planted {
    trouble: Trouble,
    on: On,
    door: Option<DoorKey>,
    times: Option<u32>,
}

impl Planted {
    /// On every call, until it is mended.
    pub fn new(trouble: Trouble) -> Self {
        Self { trouble, on: On::All, door: None, times: None }
    }

    /// Only on these calls.
    pub fn on(mut self, on: On) -> Self {
        self.on = on;
        self
    }

    /// Only on calls that look.
    pub fn on_reads(self) -> Self {
        self.on(On::Reads)
    }

    /// Only on calls that change something.
    pub fn on_writes(self) -> Self {
        self.on(On::Writes)
    }

    /// Only on calls about this door.
    pub fn on_door(mut self, door: DoorKey) -> Self {
        self.door = Some(door);
        self
    }

    /// Only this often.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// The troubles in force, first planted first.
#[derive(Debug, Default)]
pub(super) struct Troubles(Vec<Planted>);

impl Troubles {
    pub(super) fn plant(&mut self, planted: Planted) {
        self.0.push(planted);
    }

    pub(super) fn mend(&mut self) {
        self.0.clear();
    }

    fn strike(&mut self, on: On, door: Option<&DoorKey>) -> Option<Trouble> {
        let at = self.0.iter().position(|planted| {
            (planted.on == On::All || planted.on == on)
                && planted.door.as_ref().is_none_or(|wanted| Some(wanted) == door)
                && planted.times != Some(0)
        })?;
        let planted = &mut self.0[at];
        planted.times = planted.times.map(|times| times - 1);
        Some(planted.trouble)
    }

    /// What happens to a read.
    pub(super) fn read(&mut self, door: Option<&DoorKey>) -> Result<(), VendorError> {
        match self.strike(On::Reads, door) {
            None => Ok(()),
            Some(trouble) => Err(trouble.error().of_read()),
        }
    }

    /// What happens to a write: an error before it, or `Ok` with the error that follows its effect.
    pub(super) fn write(&mut self, door: Option<&DoorKey>) -> Result<Option<VendorError>, VendorError> {
        match self.strike(On::Writes, door) {
            None => Ok(None),
            Some(trouble @ (Trouble::AnswerLost | Trouble::Null)) => Ok(Some(trouble.error())),
            Some(trouble) => Err(trouble.error()),
        }
    }
}

impl Trouble {
    /// The error that an honest adapter makes of it when it was writing.
    fn error(self) -> VendorError {
        match self {
            Self::NoAnswer | Self::AnswerLost => {
                VendorError::new(Fault::Network, Retry::Backoff, Outcome::Unknown, "no answer")
            }
            Self::Html | Self::CutOff | Self::Null => {
                VendorError::unreadable("an answer that cannot be read")
            }
            Self::ServerError => VendorError::new(
                Fault::Vendor,
                Retry::Backoff,
                Outcome::Unknown,
                "the vendor failed: status 500",
            ),
            Self::TooMany(wait) => VendorError::new(
                Fault::Vendor,
                Retry::After(wait),
                Outcome::NotApplied,
                "asked too often: status 429",
            ),
            Self::Refused => refused(),
        }
    }
}

pub(super) fn refused() -> VendorError {
    VendorError::new(Fault::Credentials, Retry::Never, Outcome::NotApplied, "the vendor refused who we are")
}
