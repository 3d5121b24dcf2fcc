//! What staff must know, by kind.

use std::fmt;

/// A kind of trouble. Its text is the message `staff-` and [`AlertKind::key`] in the locales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AlertKind {
    /// A stay in a unit without doors in the configuration.
    UnmappedUnit,
    /// A cancellation while the guest is in the house.
    CancelledInHouse,
    /// A booking that vanished from its source while the guest is in the house.
    VanishedInHouse,
    /// A stay without usable dates.
    UnusableDates,
    /// A door whose codes cannot be read.
    DoorUnreadable,
    /// A code that is not proven near arrival.
    CodeNotProven,
    /// A code that should be gone and cannot be taken off its door.
    CodeNotRemoved,
    /// No free PIN on a door.
    PinSpaceExhausted,
    /// A guest who could not be told.
    MessageUndeliverable,
    /// A booking that its source no longer finds, without a second witness yet.
    GoneUnconfirmed,
    /// A code that could not be written into its booking.
    WriteBackStuck,
    /// A code that was changed or removed by somebody else.
    Drift,
    /// A code whose marker is not one of ours, or two different ones.
    ForeignMarker,
    /// A source that cannot be read.
    SourceFailing,
    /// A lock account that refuses us, or whose configuration does not fit: a wrong id, another time zone.
    LockCredentials,
    /// A source whose complete reads lack so much that what is missing counts for nothing.
    SourceSuspect,
    /// A source that has changes and tells none of them.
    WebhooksSilent,
    /// Two stays of one unit at the same time: an early arrival meets a late departure.
    TurnoverConflict,
    /// Two bookings that look like one stay under two ids of its source.
    SameStayTwice,
    /// A keypad that a door had before and that cannot be reached, with codes of ours on it.
    FormerKeypad,
    /// A keypad that its account no longer shows: it was replaced or reset, and is to be bound anew.
    KeypadGone,
    /// More codes would be removed before their time than the brake allows.
    Brake,
    /// A guest got a backup code, because the own one could not be put on the door in time.
    BackupIssued,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::UnmappedUnit,
        Self::CancelledInHouse,
        Self::VanishedInHouse,
        Self::UnusableDates,
        Self::DoorUnreadable,
        Self::CodeNotProven,
        Self::CodeNotRemoved,
        Self::PinSpaceExhausted,
        Self::MessageUndeliverable,
        Self::GoneUnconfirmed,
        Self::WriteBackStuck,
        Self::Drift,
        Self::ForeignMarker,
        Self::SourceFailing,
        Self::LockCredentials,
        Self::SourceSuspect,
        Self::WebhooksSilent,
        Self::TurnoverConflict,
        Self::SameStayTwice,
        Self::FormerKeypad,
        Self::KeypadGone,
        Self::Brake,
        Self::BackupIssued,
    ];

    /// Whether full reads of sources open it at a stay, and close it again: the stay's own plan knows nothing of it.
    pub(crate) const fn is_of_reads(self) -> bool {
        matches!(self, Self::TurnoverConflict | Self::SameStayTwice)
    }

    /// The word in texts, logs and the store.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::UnmappedUnit => "unmapped-unit",
            Self::CancelledInHouse => "cancelled-in-house",
            Self::VanishedInHouse => "vanished-in-house",
            Self::UnusableDates => "unusable-dates",
            Self::DoorUnreadable => "door-unreadable",
            Self::CodeNotProven => "code-not-proven",
            Self::CodeNotRemoved => "code-not-removed",
            Self::PinSpaceExhausted => "pin-space-exhausted",
            Self::MessageUndeliverable => "message-undeliverable",
            Self::GoneUnconfirmed => "gone-unconfirmed",
            Self::WriteBackStuck => "write-back-stuck",
            Self::Drift => "drift",
            Self::ForeignMarker => "foreign-marker",
            Self::SourceFailing => "source-failing",
            Self::LockCredentials => "lock-credentials",
            Self::SourceSuspect => "source-suspect",
            Self::WebhooksSilent => "webhooks-silent",
            Self::TurnoverConflict => "turnover-conflict",
            Self::SameStayTwice => "same-stay-twice",
            Self::FormerKeypad => "former-keypad",
            Self::KeypadGone => "keypad-gone",
            Self::Brake => "brake",
            Self::BackupIssued => "backup-issued",
        }
    }

    /// The kind of this key.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
