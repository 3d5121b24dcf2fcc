//! Small helpers for requests and answers; nothing here knows a vendor.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use crate::operation::Operation;

/// What RFC 3986 calls unreserved stays as it is; all else is encoded.
const RFC_3986: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One request, cut into what the vendors look at. The path has no vendor prefix any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) operation: Operation,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

impl<'a> Call<'a> {
    /// The value of a header, if it is plain text.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The n-th part of the path, percent-decoded.
    pub(crate) fn segment(&self, index: usize) -> String {
        self.path.split('/').filter(|part| !part.is_empty()).nth(index).map(decode_path).unwrap_or_default()
    }

    /// The n-th part of the path as a number.
    pub(crate) fn id(&self, index: usize) -> Option<u64> {
        self.segment(index).parse().ok()
    }

    /// Whether the body is said to be of this media type.
    pub(crate) fn is_type(&self, media: &str) -> bool {
        self.header("content-type")
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(media))
    }

    /// The first value of a query parameter.
    pub(crate) fn query_value(&self, key: &str) -> Option<String> {
        pairs(self.query).into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// What a vendor answered, and whether the call changed anything.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Bytes>,
    pub(crate) applied: bool,
}

impl Answer {
    pub(crate) fn read(response: Response<Bytes>) -> Self {
        Self { response, applied: false }
    }

    pub(crate) fn applied(response: Response<Bytes>) -> Self {
        Self { response, applied: true }
    }
}

pub(crate) fn raw(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn json(status: u16, value: &Value) -> Response<Bytes> {
    // Values have text keys only, which can always be written.
    raw(status, "application/json", serde_json::to_vec(value).unwrap_or_default())
}

pub(crate) fn text(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    raw(status, "text/plain; charset=utf-8", body)
}

pub(crate) fn html_status(status: u16) -> Response<Bytes> {
    const PAGE: &str = "<!DOCTYPE html><html><body><h1>Maintenance</h1></body></html>";
    raw(status, "text/html; charset=utf-8", PAGE)
}

/// Sets a header whose value is made at run time; a value that cannot be a header is left out.
pub(crate) fn set_header(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The pairs of a query or of a form body, decoded; `+` is a space, as in HTML forms.
pub(crate) fn pairs(raw: &str) -> Vec<(String, String)> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form(key), decode_form(value))
        })
        .collect()
}

pub(crate) fn encode(value: &str) -> String {
    utf8_percent_encode(value, RFC_3986).to_string()
}

pub(crate) fn decode_path(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

fn decode_form(value: &str) -> String {
    decode_path(&value.replace('+', " "))
}

/// `true`, `1` and their like; anything else is false.
pub(crate) fn truthy(value: &str) -> bool {
    matches!(value.trim(), "1" | "true" | "True" | "TRUE" | "yes" | "on")
}

/// Durations in JSON are seconds, with a fraction where there is one.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(value.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A time plus a standard duration; the end of time where that is too far.
pub(crate) fn later(at: DateTime<Utc>, by: std::time::Duration) -> DateTime<Utc> {
    chrono::Duration::from_std(by)
        .ok()
        .and_then(|by| at.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
