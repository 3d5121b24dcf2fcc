//! Messages to people.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::VendorError;
use crate::id::{ExternalId, MessageId};
use crate::parse::Invalid;
use crate::world::Call;

/// A phone number in international form: `+` and 7 to 15 digits. `Debug` shows only its last two digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Parses the international form without blanks. Messy numbers are for `booking_engine` to normalise.
    ///
    /// # Errors
    ///
    /// [`Invalid`] unless it is `+`, a digit from 1 to 9, and 6 to 14 more digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let valid = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("phone number", "+ and 7 to 15 digits"))
        }
    }

    /// The number with its `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber(…{})", &self.0[self.0.len() - 2..])
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

/// Who a message is for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Recipient {
    /// A telephone.
    Phone(PhoneNumber),
    /// The guest of a booking, in the source's own thread.
    Thread(ExternalId),
    /// Whoever reads the channel, as configured (staff).
    Channel,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Phone(_) => "Phone(…)",
            Self::Thread(_) => "Thread(…)",
            Self::Channel => "Channel",
        })
    }
}

/// The kind of way a message takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Channel {
    /// Text messages to telephones.
    Sms,
    /// The booking system's own messages.
    Thread,
    /// A file or a recording: for tests and trials.
    Record,
}

/// What a channel can carry, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageLimits {
    /// The most segments of a text message; `None` where texts are not split.
    pub sms_segments: Option<usize>,
    /// The most characters; `None` where none is known.
    pub characters: Option<usize>,
    /// Whether a subject is shown.
    pub subject: bool,
}

impl MessageLimits {
    /// No limits, with a subject.
    pub const NONE: Self = Self { sms_segments: None, characters: None, subject: true };

    /// A text message of at most `segments`, without a subject.
    #[must_use]
    pub const fn sms(segments: usize) -> Self {
        Self { sms_segments: Some(segments), characters: None, subject: false }
    }
}

/// One text to one person. `Debug` shows neither the text nor whom it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// Ours, the same for each attempt: the vendor's send-once key where it takes one.
    pub id: MessageId,
    /// Who it is for.
    pub recipient: Recipient,
    /// The subject, for channels that show one.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The language of the text (BCP 47).
    pub language: String,
    /// When the first attempt was made; a look-up searches from here.
    pub first_tried: DateTime<Utc>,
    /// When the last attempt was made; until the vendor has had time to show it, a look-up cannot say no.
    pub last_tried: DateTime<Utc>,
}

impl fmt::Debug for OutgoingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingMessage")
            .field("id", &self.id)
            .field("recipient", &self.recipient)
            .field("characters", &self.body.chars().count())
            .finish_non_exhaustive()
    }
}

/// The vendor's word that it took a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The vendor's id of it, where it gives one.
    pub vendor_id: Option<String>,
}

/// What a look-up after an unknown outcome found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was sent.
    Yes(Receipt),
    /// It certainly was not.
    No,
    /// The vendor cannot tell.
    CannotTell,
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// This recipient cannot be reached this way, now or later: try another channel.
    #[error("undeliverable: {0}")]
    Undeliverable(String),
    /// Anything else.
    #[error(transparent)]
    Vendor(#[from] VendorError),
}

/// A way to tell people.
///
/// # Contract
///
/// - One call of [`send`](Self::send) sends at most once. Where it is not certain what became of it, the error's
///   outcome is [`Outcome::Unknown`](crate::Outcome::Unknown).
/// - [`find`](Self::find) tells after an unknown outcome whether the message went out; it never says
///   [`Sent::No`] while it may yet.
/// - No error text holds the message, the recipient or a token.
///
/// `booking_core::conformance::notifier` checks it.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// The kind of way.
    fn channel(&self) -> Channel;

    /// What it can carry.
    fn limits(&self) -> MessageLimits;

    /// Sends.
    async fn send(&self, call: Call, message: &OutgoingMessage) -> Result<Receipt, NotifyError>;

    /// Looks for a message whose outcome is unknown.
    async fn find(&self, call: Call, message: &OutgoingMessage) -> Result<Sent, VendorError>;

    /// A cheap authenticated read that shows whether the account works.
    async fn check(&self, call: Call) -> Result<(), VendorError>;
}
