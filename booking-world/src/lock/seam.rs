//! Where whoever runs a world steps between a caller and its vendor.

use std::time::Duration as StdDuration;

use async_trait::async_trait;
use booking_core::{Call, DoorKey, Fault, Outcome, Retry, VendorError};

/// What a caller asks of its vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockOp {
    /// The keypads of the account.
    Doors,
    /// The codes on a keypad.
    Codes,
    /// A new code.
    Create,
    /// New fields of a code.
    Replace,
    /// A code to take off.
    Delete,
    /// Whether the account works.
    Check,
}

impl LockOp {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Doors, Self::Codes, Self::Create, Self::Replace, Self::Delete, Self::Check];

    /// Whether it may change something.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Replace | Self::Delete)
    }
}

/// What becomes of one call.
#[derive(Debug, Default)]
pub enum Verdict {
    /// It goes its way.
    #[default]
    Go,
    /// Nothing is done, and this is the answer; of a read its outcome is made [`Outcome::NotApplied`].
    Refuse(VendorError),
    /// Nothing is done, and nobody answers.
    TimeoutBefore,
    /// It is done, and the answer is lost.
    TimeoutAfter,
    /// The answer cannot be read.
    Nonsense {
        /// Whether it was done all the same.
        applied: bool,
    },
    /// A list shows what was true so long ago. Anything else goes its way.
    Stale(StdDuration),
    /// A list is whole and empty, for all that its reader can see. Anything else goes its way.
    EmptyList,
    /// A list breaks off in the middle and says so. Anything else goes its way.
    TruncatedList,
    /// Nothing is done: asked too often, and this is how long to wait.
    RateLimited(StdDuration),
    /// It is done at once, and the answer comes so much later, or, past the call's deadline, never.
    Slow(StdDuration),
}

/// How a list is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    Not,
    Stale(StdDuration),
    Empty,
    Truncated,
}

/// A verdict sorted by when it strikes.
#[derive(Debug)]
pub(super) struct Course {
    /// What is answered in place of any effect.
    pub(super) before: Option<VendorError>,
    /// What is answered after the effect, whatever it was.
    pub(super) after: Option<VendorError>,
    pub(super) spoilt: Spoilt,
    pub(super) slow: StdDuration,
}

impl Course {
    const SMOOTH: Self = Self { before: None, after: None, spoilt: Spoilt::Not, slow: StdDuration::ZERO };

    fn before(error: VendorError) -> Self {
        Self { before: Some(error), ..Self::SMOOTH }
    }

    fn after(error: VendorError) -> Self {
        Self { after: Some(error), ..Self::SMOOTH }
    }

    fn spoilt(spoilt: Spoilt) -> Self {
        Self { spoilt, ..Self::SMOOTH }
    }
}

impl From<Verdict> for Course {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Go => Self::SMOOTH,
            Verdict::Refuse(error) => Self::before(error),
            Verdict::TimeoutBefore => Self::before(no_answer()),
            Verdict::TimeoutAfter => Self::after(no_answer()),
            Verdict::Nonsense { applied: false } => Self::before(nonsense()),
            Verdict::Nonsense { applied: true } => Self::after(nonsense()),
            Verdict::Stale(by) => Self::spoilt(Spoilt::Stale(by)),
            Verdict::EmptyList => Self::spoilt(Spoilt::Empty),
            Verdict::TruncatedList => Self::spoilt(Spoilt::Truncated),
            Verdict::RateLimited(wait) => Self::before(VendorError::new(
                Fault::Vendor,
                Retry::After(wait),
                Outcome::NotApplied,
                "asked too often: status 429",
            )),
            Verdict::Slow(slow) => Self { slow, ..Self::SMOOTH },
        }
    }
}

/// What an honest adapter makes of silence.
pub(super) fn no_answer() -> VendorError {
    VendorError::new(Fault::Network, Retry::Backoff, Outcome::Unknown, "no answer")
}

fn nonsense() -> VendorError {
    VendorError::unreadable("an answer that cannot be read")
}

/// Two awaits around the effect of each call: where time passes, where faults are decided, and where a host may die
/// before the effect or after it.
#[async_trait]
pub trait Seam: Send + Sync {
    /// Before the effect. It must be back before the call's deadline.
    async fn enter(&self, call: Call, op: LockOp, keypad: Option<&DoorKey>) -> Verdict;

    /// After the effect, whether there was one or not.
    async fn leave(&self, op: LockOp, keypad: Option<&DoorKey>);
}

/// No time passes and nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSeam;

#[async_trait]
impl Seam for NoSeam {
    async fn enter(&self, _call: Call, _op: LockOp, _keypad: Option<&DoorKey>) -> Verdict {
        Verdict::Go
    }

    async fn leave(&self, _op: LockOp, _keypad: Option<&DoorKey>) {}
}
