//! What is let in the demo, and the keypads on its doors.

use chrono::{DateTime, NaiveDate, TimeZone as _, Utc};
use chrono_tz::Tz;

/// Where the flats are.
pub(super) const ZONE: Tz = Tz::Europe__Warsaw;
pub(super) const CHECK_IN: (u32, u32) = (15, 0);
pub(super) const CHECK_OUT: (u32, u32) = (12, 0);
/// How many digits are drawn; with a prefix of two, guests press eight.
pub(super) const PIN_LENGTH: u8 = 6;

/// A flat with one keypad.
#[derive(Debug)]
pub(super) struct Flat {
    /// Its number at Smoobu.
    pub(super) apartment: u64,
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// Its lock and keypad at The Keys.
    pub(super) lock: u64,
    pub(super) keypad: &'static str,
    /// What is pressed before each PIN, and never sent to The Keys.
    pub(super) prefix: &'static str,
}

pub(super) const STUDIO: &Flat = &Flat {
    apartment: 500_001,
    id: "studio",
    name: "Harbour Studio",
    lock: 4411,
    keypad: "AbCd1234",
    prefix: "31",
};
pub(super) const LOFT: &Flat = &Flat {
    apartment: 500_002,
    id: "loft",
    name: "Lighthouse Loft",
    lock: 4422,
    keypad: "EfGh5678",
    prefix: "77",
};
/// The apartment of the earlier system's sample.
pub(super) const SAMPLE: &Flat = &Flat {
    apartment: 123_456,
    id: "sample",
    name: "Sample Flat",
    lock: 4433,
    keypad: "IjKl9012",
    prefix: "52",
};
pub(super) const FLATS: [&Flat; 3] = [STUDIO, LOFT, SAMPLE];

/// Today where the flats are.
pub(super) fn today() -> NaiveDate {
    Utc::now().with_timezone(&ZONE).date_naive()
}

/// A local time as an instant. None of the times used here falls into the hour that a clock change skips.
pub(super) fn at(day: NaiveDate, (hour, minute): (u32, u32)) -> DateTime<Utc> {
    let local = day.and_hms_opt(hour, minute, 0).unwrap_or_default();
    ZONE.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |at| at.to_utc())
}
