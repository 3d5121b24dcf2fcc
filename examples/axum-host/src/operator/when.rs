//! Times as people write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::fault::{Answer, Fault};

/// So long ago, a local day or minute, or a time with its zone.
pub(super) fn read(text: &str, zone: Tz, now: DateTime<Utc>) -> Answer<DateTime<Utc>> {
    let found = ago(text).and_then(|ago| now.checked_sub_signed(ago)).or_else(|| moment(text, zone));
    found.ok_or_else(|| {
        Fault::usage(
            format!("`{text}` is no time"),
            "write so long ago (90m, 12h, 7d), a local time (2026-11-24 or \"2026-11-24 18:00\"), or \
             2026-11-24T18:00:00Z",
        )
    })
}

fn ago(text: &str) -> Option<TimeDelta> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 = number.parse().ok().filter(|number| *number >= 0)?;
    match unit {
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    }
}

fn moment(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").ok().or_else(|| {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0))
    })?;
    // In the hour that a clock change repeats, the first; in the one that it skips, as if it had not.
    let at = zone.from_local_datetime(&local).earliest();
    Some(at.map_or_else(|| local.and_utc(), |at| at.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("90m", Some("2026-11-24T10:30:00Z")),
            ("12h", Some("2026-11-24T00:00:00Z")),
            ("7d", Some("2026-11-17T12:00:00Z")),
            ("2026-11-24", Some("2026-11-23T23:00:00Z")),
            ("2026-11-24 18:00", Some("2026-11-24T17:00:00Z")),
            ("2026-11-24T18:00:00+02:00", Some("2026-11-24T16:00:00Z")),
            ("", None),
            ("ż", None),
            ("-1d", None),
            ("yesterday", None),
            ("9999999999999999d", None),
        ] {
            let read = read(text, Tz::Europe__Warsaw, now).ok();
            assert_eq!(read, expected.map(|at| at.parse().unwrap()), "{text}");
        }
    }
}
