//! What was done in a world: what promises are held against.

use booking_core::store::{AlertRecord, BookingRecord, CodeRecord};
use booking_core::{ExternalId, MessageId, Pin, VendorCodeId};
use chrono::{DateTime, NaiveDateTime, Utc};

use crate::coverage::Step;

/// A code on a keypad, whoever plays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnDoor {
    /// The vendor's id.
    pub(crate) id: VendorCodeId,
    /// The digits that the keypad stores.
    pub(crate) stored: Pin,
    /// The text with the markers.
    pub(crate) note: String,
    /// From when it works, by the door's own clock.
    pub(crate) start: Option<NaiveDateTime>,
    /// Until when.
    pub(crate) end: Option<NaiveDateTime>,
    /// Whether it is switched on.
    pub(crate) active: bool,
    /// Whether it was deleted and waits to be dropped.
    pub(crate) leaving: bool,
}

/// What a read of a keypad shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    /// All that is there.
    #[default]
    Whole,
    /// What was there, or a part, without a word for it.
    Other,
    /// Nothing, without a word for it.
    Empty,
    /// A part that is called one.
    Part,
    /// A failure.
    Failed,
}

/// Something that was done.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// A host changed what a keypad's cloud holds.
    Wrote {
        /// Which host.
        host: usize,
        /// Which keypad.
        keypad: usize,
        /// How many its door had before it.
        generation: u32,
        /// What kind of write.
        step: Step,
        /// What was there before the write.
        before: Vec<OnDoor>,
        /// What is there after it.
        after: Vec<OnDoor>,
    },
    /// A host was shown a keypad's list, or a failure.
    Read {
        /// Which host.
        host: usize,
        /// Which keypad.
        keypad: usize,
        /// How many its door had before it.
        generation: u32,
        /// What it was shown.
        view: View,
    },
    /// A guest heard something.
    Heard {
        /// Whose guest.
        tenant: usize,
        /// By which of its channels.
        channel: usize,
        /// To whom: a reference or a telephone.
        to: String,
        /// The message, where the channel tells.
        id: Option<MessageId>,
        /// The text.
        body: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// Staff was told of an alert.
    StaffHeard {
        /// Whose staff.
        tenant: usize,
    },
    /// A source was asked.
    Asked,
    /// A source was read.
    Paged,
    /// A message was looked for.
    Found,
    /// The store took a ledger entry.
    Code(Box<CodeRecord>),
    /// The store took a booking.
    Booking(Box<BookingRecord>),
    /// The store took an alert.
    Alert(Box<AlertRecord>),
    /// The store took an entry that was found on a door.
    Adopted,
    /// The store took a line of the audit trail; only told in stories.
    Noted(String),
    /// The store took a change under a lease that had run out, or that another holds.
    Late,
    /// The store marked a row of the inbox as read that came after what the work has seen.
    Skipped,
    /// A plan did not come to rest.
    Parked,
    /// A keypad refused digits that it has.
    Duplicate {
        /// Which keypad.
        keypad: usize,
        /// The entry that wanted them.
        code: Box<CodeRecord>,
    },
    /// A webhook was acknowledged.
    Acknowledged {
        /// What it was about.
        reference: Option<ExternalId>,
        /// Whether it counted as a repetition.
        duplicate: bool,
    },
}

impl Deed {
    /// The step of a plan that it is, for the counts.
    #[must_use]
    pub(crate) fn step(&self) -> Option<Step> {
        Some(match self {
            Self::Wrote { step, .. } => *step,
            Self::Read { .. } => Step::Read,
            Self::Heard { .. } => Step::Told,
            Self::Asked => Step::Asked,
            Self::Paged => Step::Paged,
            Self::Found => Step::Found,
            Self::Code(code) if code.state == booking_core::store::CodeState::Removed => Step::Proven,
            Self::Adopted => Step::Adopted,
            Self::Alert(alert) if alert.closed_at.is_none() => Step::Alerted,
            Self::Acknowledged { .. } => Step::Accepted,
            Self::Code(_)
            | Self::Booking(_)
            | Self::Alert(_)
            | Self::Noted(_)
            | Self::Late
            | Self::Skipped
            | Self::Parked
            | Self::StaffHeard { .. }
            | Self::Duplicate { .. } => return None,
        })
    }
}
