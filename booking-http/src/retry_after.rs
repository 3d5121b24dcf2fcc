//! When a vendor asks us to come back, in the forms in which vendors say it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::RETRY_AFTER;

/// Numbers above this are a Unix time, since no vendor means 31 years.
const ABSOLUTE: u64 = 1_000_000_000;

/// The standard `Retry-After`.
#[must_use]
pub fn standard(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    from_header(headers, RETRY_AFTER.as_str(), now)
}

/// The latest time that any header of this name tells, read by [`parse`].
///
/// ```
/// use booking_http::retry_after;
/// use chrono::{DateTime, Utc};
/// use http::HeaderMap;
/// use std::time::Duration;
///
/// /// Either header may come; the later time counts.
/// fn hint(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
///     retry_after::standard(headers, now)
///         .max(retry_after::from_header(headers, "x-ratelimit-retry-after", now))
/// }
/// # let mut headers = HeaderMap::new();
/// # headers.insert("x-ratelimit-retry-after", "1798797660".parse().unwrap());
/// # let now = "2027-01-01T09:20:00Z".parse().unwrap();
/// # assert_eq!(hint(&headers, now), Some(Duration::from_secs(2460)));
/// ```
#[must_use]
pub fn from_header(headers: &HeaderMap, name: &str, now: DateTime<Utc>) -> Option<Duration> {
    headers.get_all(name).iter().filter_map(|value| parse(value.to_str().ok()?, now)).max()
}

/// Reads seconds, a Unix time in seconds (any number above 1,000,000,000), or an HTTP date.
///
/// A time that has passed is a wait of zero; what is none of these is `None`.
#[must_use]
pub fn parse(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        let number = value.parse().unwrap_or(u64::MAX);
        if number <= ABSOLUTE {
            return Some(Duration::from_secs(number));
        }
        let at = i64::try_from(number).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        return Some(at.map_or(Duration::MAX, |at| until(at, now)));
    }
    DateTime::parse_from_rfc2822(value).ok().map(|at| until(at.to_utc(), now))
}

fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (at - now).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        #[track_caller]
        fn check(value: &str, expected: Option<u64>) {
            // 1_798_797_600 in Unix time.
            let now = "2027-01-01T10:00:00Z".parse().unwrap();
            assert_eq!(parse(value, now), expected.map(Duration::from_secs), "{value:?}");
        }
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("1000000000", Some(1_000_000_000));
        check("1000000001", Some(0));
        check("1798797660", Some(60));
        check("1798797600", Some(0));
        check("1798797599", Some(0));
        check("Fri, 01 Jan 2027 10:01:30 GMT", Some(90));
        check("Fri, 01 Jan 2027 09:59:00 GMT", Some(0));
        for nonsense in ["", "-5", "+5", "1.5", "soon", "Fri, 41 Jan 2027 10:01:30 GMT", "١٢"] {
            check(nonsense, None);
        }
        let endless = "9".repeat(30);
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(parse(&endless, now), Some(Duration::MAX));
        assert_eq!(parse(&u64::MAX.to_string(), now), Some(Duration::MAX));
    }

    #[test]
    fn the_latest_of_several_counts() {
        let mut headers = HeaderMap::new();
        for value in ["5", "nonsense", "7", "6"] {
            headers.append(RETRY_AFTER, value.parse().unwrap());
        }
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(standard(&headers, now), Some(Duration::from_secs(7)));
        assert_eq!(from_header(&headers, "x-ratelimit-retry-after", now), None);
    }
}
