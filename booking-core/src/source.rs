//! Booking systems.

use async_trait::async_trait;
use chrono::NaiveDate;

use crate::booking::Booking;
use crate::error::VendorError;
use crate::id::ExternalId;
use crate::marker::Marker;
use crate::secret::Pin;
use crate::world::Call;

/// What a source says of one booking. A failed read is an error, never one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It exists and holds.
    Found(Box<Booking>),
    /// It exists and is cancelled.
    Cancelled(Box<Booking>),
    /// The source knows no such booking. Alone this never takes a guest's code away.
    NotFound,
}

/// Which stays a full read asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRange {
    /// Stays that depart on this day or later, so guests in the house are included.
    pub departing_from: NaiveDate,
    /// Stays that arrive on this day or earlier.
    pub arriving_until: NaiveDate,
}

/// Where the next page of a full read begins; only the source that made it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// One entry of a list that could not be read. It does not spoil the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Whose entry it is, where at least that could be read.
    pub reference: Option<ExternalId>,
    /// What was wrong, without personal data.
    pub problem: String,
}

/// One page of a full read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Each entry, readable or an error of its own; cancelled ones and blocks are included.
    pub items: Vec<Result<Booking, Unreadable>>,
    /// Where to go on. `None` says: that was all, the read is complete.
    pub next: Option<Cursor>,
}

/// The codes of a stay to be written into its booking.
#[derive(Clone, Debug)]
pub struct WriteBack {
    /// The booking.
    pub reference: ExternalId,
    /// What the guest types, for each door by its name, soonest passed first.
    pub codes: Vec<(String, Pin)>,
}

/// What became of a write-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenBack {
    /// It is there.
    Written,
    /// The source has no place for it.
    Unsupported,
    /// A value is there already and cannot be changed: staff must know.
    CannotUpdate,
}

/// A booking system of a tenant.
///
/// # Contract
///
/// - [`booking`](Self::booking) asks the system itself. An answer that cannot be read is an error, not
///   [`Lookup::NotFound`].
/// - [`page`](Self::page) lists every stay in the range: guests already in the house, cancelled stays and blocks
///   included. Pages are followed from `None` until `next` is `None`; a page that fails is an error, and the read
///   is then not complete. One bad entry is an `Err` in the page.
/// - All dates and times are local to the property; nothing is converted.
/// - [`marker`](Self::marker) is the same for one reference for ever, and different for different references.
///
/// `booking_core::conformance::booking_source` checks it.
#[async_trait]
pub trait BookingSource: Send + Sync {
    /// Asks for one booking.
    async fn booking(&self, call: Call, reference: &ExternalId) -> Result<Lookup, VendorError>;

    /// Reads one page of all stays in the range, the first one for `None`.
    async fn page(&self, call: Call, range: DateRange, from: Option<&Cursor>) -> Result<Page, VendorError>;

    /// Writes a stay's codes into its booking. Only called where the operator switched it on.
    async fn write_back(&self, call: Call, codes: &WriteBack) -> Result<WrittenBack, VendorError>;

    /// The token that names the booking on a code; `None` when the reference does not fit into one.
    fn marker(&self, reference: &ExternalId) -> Option<Marker>;

    /// The reference that a marker of this source names; `None` for any other marker.
    fn marked(&self, marker: &Marker) -> Option<ExternalId>;

    /// Whether it tells of changes by webhooks. Where it should and does not, staff hears of it.
    fn tells(&self) -> bool {
        true
    }

    /// A cheap authenticated read that shows whether the account works.
    async fn check(&self, call: Call) -> Result<(), VendorError>;
}
