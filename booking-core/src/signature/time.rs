//! Timestamps of signed requests.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Part, SignatureError};

/// How far a signed timestamp may be from our clock, both ways.
///
/// Whole seconds count: what is exactly as old as allowed still passes.
///
/// ```
/// use std::time::Duration;
///
/// use booking_core::signature::{SignatureError, Tolerance};
/// use chrono::{DateTime, TimeDelta};
///
/// let tolerance = Tolerance::new(Duration::from_secs(1800), Duration::from_secs(300));
/// let now = DateTime::from_timestamp(1_790_000_000, 0).expect("in range");
///
/// assert_eq!(tolerance.check(now - TimeDelta::seconds(1800), now), Ok(()));
/// assert_eq!(
///     tolerance.check(now + TimeDelta::seconds(301), now),
///     Err(SignatureError::Future { ahead_seconds: 301 }),
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    past: Duration,
    future: Duration,
}

impl Tolerance {
    /// At most `past` old, and at most `future` ahead.
    #[must_use]
    pub const fn new(past: Duration, future: Duration) -> Self {
        Self { past, future }
    }

    /// The same both ways.
    #[must_use]
    pub const fn both(limit: Duration) -> Self {
        Self::new(limit, limit)
    }

    /// Whether `signed_at` is near enough to `now`.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Stale`] and [`SignatureError::Future`].
    pub fn check(self, signed_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), SignatureError> {
        let age_seconds = now.timestamp() - signed_at.timestamp();
        let limit = if age_seconds < 0 { self.future } else { self.past };
        if age_seconds.unsigned_abs() <= limit.as_secs() {
            Ok(())
        } else if age_seconds < 0 {
            Err(SignatureError::Future { ahead_seconds: -age_seconds })
        } else {
            Err(SignatureError::Stale { age_seconds })
        }
    }
}

/// Reads Unix time in whole seconds: 1 to 12 decimal digits and nothing else.
///
/// No sign, no blank, no fraction; milliseconds are too long and so never taken for a far future.
///
/// # Errors
///
/// [`SignatureError::Missing`] for no text, [`SignatureError::Malformed`] for anything but such digits.
///
/// ```
/// use booking_core::signature::{Part, SignatureError, parse_timestamp};
///
/// assert_eq!(parse_timestamp("1790000000")?.to_rfc3339(), "2026-09-21T14:13:20+00:00");
/// for text in ["abc", "-1790000000", "1790000000.5", "1790000000000"] {
///     assert_eq!(parse_timestamp(text), Err(SignatureError::Malformed(Part::Timestamp)));
/// }
/// # Ok::<(), SignatureError>(())
/// ```
pub fn parse_timestamp(text: &str) -> Result<DateTime<Utc>, SignatureError> {
    if text.is_empty() {
        return Err(SignatureError::Missing(Part::Timestamp));
    }
    if text.len() > 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SignatureError::Malformed(Part::Timestamp));
    }
    text.parse()
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or(SignatureError::Malformed(Part::Timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn both_ends_are_inclusive() {
        let tolerance = Tolerance::new(Duration::from_secs(900), Duration::from_secs(60));
        let now = 1_790_000_000;
        for (signed_at, expected) in [
            (now, Ok(())),
            (now - 900, Ok(())),
            (now - 901, Err(SignatureError::Stale { age_seconds: 901 })),
            (now + 60, Ok(())),
            (now + 61, Err(SignatureError::Future { ahead_seconds: 61 })),
            (0, Err(SignatureError::Stale { age_seconds: now })),
        ] {
            assert_eq!(tolerance.check(at(signed_at), at(now)), expected, "{signed_at}");
        }
    }

    #[test]
    fn fractions_of_our_clock_do_not_count() {
        let now = DateTime::from_timestamp(1_790_000_000, 999_999_999).unwrap();
        assert_eq!(Tolerance::both(Duration::from_secs(300)).check(at(1_789_999_700), now), Ok(()));
        assert_eq!(Tolerance::both(Duration::ZERO).check(at(1_790_000_000), now), Ok(()));
    }

    #[test]
    fn any_time_can_be_compared_with_any_other() {
        for tolerance in [Tolerance::both(Duration::ZERO), Tolerance::both(Duration::MAX)] {
            for (a, b) in [
                (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC),
                (DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC),
            ] {
                assert_eq!(tolerance.check(a, b).is_ok(), tolerance == Tolerance::both(Duration::MAX));
            }
        }
    }

    #[test]
    fn timestamps_are_digits() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1790000000", Some(1_790_000_000)),
            ("01771250400", Some(1_771_250_400)),
            ("999999999999", Some(999_999_999_999)),
            ("1790000000000", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("1e9", None),
            ("1.0", None),
            ("NaN", None),
            ("١٢٣", None),
            ("", None),
        ] {
            assert_eq!(parse_timestamp(text).ok().map(|time| time.timestamp()), expected, "{text:?}");
        }
    }
}
