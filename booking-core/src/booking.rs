//! Bookings as their sources tell them.

use std::fmt;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::id::{ExternalId, UnitRef};
use crate::parse::Invalid;

/// The days of a stay: arrival, and the day of departure, which is not slept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "(NaiveDate, NaiveDate)", into = "(NaiveDate, NaiveDate)")]
pub struct StayDates {
    arrival: NaiveDate,
    departure: NaiveDate,
}

impl StayDates {
    /// The days from `arrival` to `departure`; both may be the same day (day use).
    ///
    /// # Errors
    ///
    /// [`Invalid`] when the departure lies before the arrival.
    pub fn new(arrival: NaiveDate, departure: NaiveDate) -> Result<Self, Invalid> {
        if departure < arrival {
            return Err(Invalid::new("stay", "a departure that is not before the arrival"));
        }
        Ok(Self { arrival, departure })
    }

    /// The day of arrival, in the property's zone.
    #[must_use]
    pub fn arrival(&self) -> NaiveDate {
        self.arrival
    }

    /// The day of departure, in the property's zone.
    #[must_use]
    pub fn departure(&self) -> NaiveDate {
        self.departure
    }
}

impl TryFrom<(NaiveDate, NaiveDate)> for StayDates {
    type Error = Invalid;
    fn try_from((arrival, departure): (NaiveDate, NaiveDate)) -> Result<Self, Invalid> {
        Self::new(arrival, departure)
    }
}

impl From<StayDates> for (NaiveDate, NaiveDate) {
    fn from(dates: StayDates) -> Self {
        (dates.arrival, dates.departure)
    }
}

/// Why a booking has no usable days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DateProblem {
    /// Arrival or departure is missing.
    Missing,
    /// A date that cannot be read.
    Unreadable,
    /// Departure before arrival.
    Reversed,
}

/// What kind of entry a booking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookingKind {
    /// A guest's stay.
    Stay,
    /// An owner's block or a "not available" entry: nobody gets a code.
    Block,
}

/// Whether a stay holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookingStatus {
    /// It holds.
    Confirmed,
    /// It was cancelled.
    Cancelled,
}

/// The source's own number or time of a change: of two revisions of one booking the greater is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision(pub i64);

/// Who stays. All fields are as the source has them, messy or missing. `Debug` tells only which are there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// The name to greet.
    pub name: Option<String>,
    /// The phone number, not yet parsed.
    pub phone: Option<String>,
    /// The e-mail address, not yet parsed.
    pub email: Option<String>,
    /// The language, not yet parsed.
    pub language: Option<String>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |field: &Option<String>| if field.is_some() { "…" } else { "-" };
        f.debug_struct("Guest")
            .field("name", &there(&self.name))
            .field("phone", &there(&self.phone))
            .field("email", &there(&self.email))
            .field("language", &self.language.as_deref().map(|_| "…"))
            .finish()
    }
}

/// A stay as its source tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// The source's id.
    pub reference: ExternalId,
    /// What is let, as the source names it; `None` where the source does not say.
    pub unit: Option<UnitRef>,
    /// The unit's name for people, as the source has it.
    pub unit_name: Option<String>,
    /// Stay or block.
    pub kind: BookingKind,
    /// Confirmed or cancelled.
    pub status: BookingStatus,
    /// Who stays.
    pub guest: Guest,
    /// The days, local to the property, or why there are none.
    pub dates: Result<StayDates, DateProblem>,
    /// The agreed check-in time, local; `None` means the unit's own.
    pub check_in: Option<NaiveTime>,
    /// The agreed check-out time, local; `None` means the unit's own.
    pub check_out: Option<NaiveTime>,
    /// The source's own revision, where it has one.
    pub revision: Option<Revision>,
}

impl Booking {
    /// Whether this tells the same as `other`, revision aside.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        Self { revision: None, ..self.clone() } == Self { revision: None, ..other.clone() }
    }
}
