//! What stands around a parser: a vendor that answers what is given, a clock that leaps, and drivers.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use booking_core::conformance::SeededRng;
use booking_core::{Call, Rng, VendorError};
use booking_http::Transport;
use booking_http::testing::{FnTransport, LeapingClock};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// When all of it happens.
pub(crate) const NOW: DateTime<Utc> = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).expect("in range");

pub(crate) fn clock() -> Arc<LeapingClock> {
    Arc::new(LeapingClock::new(NOW))
}

pub(crate) fn rng() -> Arc<dyn Rng> {
    Arc::new(SeededRng::new(1))
}

/// A call with time for every retry.
pub(crate) fn call() -> Call {
    Call::until(NOW + TimeDelta::hours(1))
}

/// Drives what waits for nothing.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("neither the network nor the clock makes anybody wait")
}

/// What a vendor answers: a byte for the status, a line for `Retry-After`, and the body.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, headers: HeaderMap::new(), body: body.into() }
    }

    /// Statuses that clients tell apart, of which any byte names one.
    pub(crate) fn read(data: &[u8]) -> Self {
        const STATUSES: [u16; 16] =
            [200, 200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 409, 410, 422, 429, 503];
        let (status, rest) = choice(data, STATUSES.len());
        let (header, body) = line(rest);
        let mut headers = HeaderMap::new();
        if !header.is_empty()
            && let Ok(value) = HeaderValue::from_bytes(header)
        {
            headers.insert(http::header::RETRY_AFTER, value.clone());
            headers.insert(http::header::CONTENT_TYPE, value);
        }
        let status = StatusCode::from_u16(STATUSES[status]).unwrap();
        Self { status, headers, body: Bytes::copy_from_slice(body) }
    }

    fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// A vendor that answers by path.
pub(crate) fn vendor(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Arc<dyn Transport> {
    Arc::new(FnTransport::new(move |request: http::Request<Bytes>, _: Duration| {
        Ok(answer(request.uri().path()).response())
    }))
}

/// The first byte as one of `of`, and the rest. Printable, so that samples can be written by hand: `0` is the first.
pub(crate) fn choice(data: &[u8], of: usize) -> (usize, &[u8]) {
    match data.split_first() {
        Some((first, rest)) => (usize::from(first.wrapping_sub(b'0')) % of, rest),
        None => (0, data),
    }
}

/// The first line, and what comes after it.
pub(crate) fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// The word by which what must not be repeated is known.
pub(crate) const PLANTED: &str = "planted";

/// An error tells a class, and nothing of what was received: neither the planted word nor digits that could be a PIN
/// or a telephone.
pub(crate) fn says_nothing(error: &(impl Display + Debug)) {
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.to_lowercase().contains(PLANTED), "repeated: {text}");
    }
    // `Debug` has times to wait, too.
    assert!(longest_number(&error.to_string()) < 5, "a number: {error}");
}

/// What is true of every error of a vendor's answer.
pub(crate) fn sound(error: &VendorError) {
    says_nothing(error);
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.ends_with('.') && text.len() < 500, "one line: {text}");
}

pub(crate) fn longest_number(text: &str) -> usize {
    text.split(|c: char| !c.is_numeric()).map(|digits| digits.chars().count()).max().unwrap_or(0)
}
