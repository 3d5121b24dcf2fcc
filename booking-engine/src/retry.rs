//! When to try again: soon where the guest is near, patiently where not.

use booking_core::{Retry, VendorError};
use chrono::{DateTime, Duration, Utc};

/// The shortest wait after a failure.
const LEAST: Duration = Duration::seconds(5);
/// The longest wait after a failure.
const MOST: Duration = Duration::minutes(30);

/// The wait after `failures` failures in a row: doubling from five seconds to half an hour, but never more than an
/// eighth of the time that is left before access begins at `opens`, and never less than five seconds.
#[must_use]
pub fn delay(failures: u32, now: DateTime<Utc>, opens: Option<DateTime<Utc>>) -> Duration {
    let doubled = LEAST * 2_i32.saturating_pow(failures.min(12));
    let by_arrival = opens.map_or(MOST, |opens| {
        // A guest who may already stand at the door is worth a try a minute.
        if opens <= now { Duration::minutes(1) } else { (opens - now) / 8 }
    });
    doubled.min(MOST).min(by_arrival).max(LEAST)
}

/// The same, obeying what the vendor said.
#[must_use]
pub fn after(
    error: &VendorError,
    failures: u32,
    now: DateTime<Utc>,
    opens: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let own = delay(failures, now, opens);
    now + match error.retry {
        Retry::After(wait) => Duration::from_std(wait).unwrap_or(MOST).max(Duration::seconds(1)),
        Retry::Backoff => own,
        // Somebody must change something first; looking again now and then notices that.
        Retry::Never => own.max(Duration::minutes(5)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_but_shrink_near_arrival() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let in_days = Some(now + Duration::days(10));
        let in_minutes = Some(now + Duration::minutes(8));
        for (failures, opens, seconds) in [
            (0, in_days, 5),
            (1, in_days, 10),
            (6, in_days, 320),
            (40, in_days, 1800),
            (40, None, 1800),
            (6, in_minutes, 60),
            (0, in_minutes, 5),
            (40, Some(now - Duration::hours(1)), 60),
            (40, Some(now + Duration::seconds(8)), 5),
        ] {
            assert_eq!(delay(failures, now, opens), Duration::seconds(seconds), "{failures} {opens:?}");
        }
    }
}
