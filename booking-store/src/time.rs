//! Times as both stores keep them: whole microseconds UTC.

use std::time::Duration;

use booking_core::store::StoreError;
use chrono::{DateTime, Utc};

/// Microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) i64);

impl Micros {
    /// The time, finer parts cut off.
    pub(crate) fn of(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros())
    }

    /// The time some while later; the end of time where that is beyond it.
    pub(crate) fn plus(self, by: Duration) -> Self {
        let end = DateTime::<Utc>::MAX_UTC.timestamp_micros();
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(by).min(end))
    }

    pub(crate) fn utc(self) -> Result<DateTime<Utc>, StoreError> {
        DateTime::from_timestamp_micros(self.0)
            .ok_or_else(|| StoreError::Damaged("a time beyond all calendars".to_owned()))
    }
}

/// The earlier of two times, where `None` is no time at all.
pub(crate) fn earlier(one: Option<Micros>, other: Option<Micros>) -> Option<Micros> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
