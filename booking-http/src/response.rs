//! Answers, and reading them without repeating what they hold.

use std::fmt;

use booking_core::VendorError;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// A complete answer with any status but 408, 429 and 5xx.
///
/// `Debug` shows the status and the length of the body, and nothing else.
#[derive(Clone)]
#[non_exhaustive]
pub struct VendorResponse {
    /// The status. 3xx is not followed, 4xx is for the client to judge.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The exact bytes of the body.
    pub body: Bytes,
    /// Whether an earlier attempt of this same write may have been applied, so that a "duplicate" or "no such code"
    /// may be the echo of our own first attempt. Always `false` for [`Safety::Read`](crate::Safety::Read) and
    /// [`Safety::Once`](crate::Safety::Once).
    pub repeated: bool,
}

impl VendorResponse {
    /// An answer, for tests of what reads answers.
    #[must_use]
    pub fn new(status: StatusCode, headers: HeaderMap, body: impl Into<Bytes>) -> Self {
        Self { status, headers, body: body.into(), repeated: false }
    }

    /// Reads the body as JSON. `label` is that of the request.
    ///
    /// # Errors
    ///
    /// [`VendorError::unreadable`] (after a read: add [`VendorError::of_read`]). It names the path of the field that
    /// did not fit, never its value.
    pub fn json<T: DeserializeOwned>(&self, label: &str) -> Result<T, VendorError> {
        let unreadable =
            |what: &str| VendorError::unreadable(format!("{label}: answer {} {what}", self.status.as_u16()));
        if self.is_html() {
            return Err(unreadable("is HTML where JSON was expected"));
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            // The cause is left out: serde_json repeats the value.
            let what = match error.inner().classify() {
                serde_json::error::Category::Data => {
                    let missing = missing_field(&error.inner().to_string());
                    format!("has an unexpected shape at {}{missing}", path(error.path()))
                }
                serde_json::error::Category::Eof if self.body.is_empty() => "is empty".to_owned(),
                serde_json::error::Category::Eof => "is JSON that ends early".to_owned(),
                _ => "is not JSON".to_owned(),
            };
            unreadable(&what)
        })?;
        json.end().map_err(|_| unreadable("has more after its JSON"))?;
        Ok(value)
    }

    /// Whether this is a web page, such as a log-in form or the error page of a proxy, whatever its status says.
    #[must_use]
    pub fn is_html(&self) -> bool {
        let declared = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"));
        let start = self.body.trim_ascii_start();
        declared
            || [&b"<!doctype html"[..], b"<html"]
                .iter()
                .any(|tag| start.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag)))
    }
}

impl fmt::Debug for VendorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorResponse")
            .field("status", &self.status.as_u16())
            .field("body_len", &self.body.len())
            .field("repeated", &self.repeated)
            .finish_non_exhaustive()
    }
}

/// The path without what may be data: keys of a map can be anything, names of fields are identifiers.
fn path(path: &serde_path_to_error::Path) -> String {
    let mut text = String::from("$");
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } if is_identifier(key) => {
                text.push('.');
                text.push_str(key);
            }
            Segment::Enum { variant } if is_identifier(variant) => {
                text.push('.');
                text.push_str(variant);
            }
            _ => text.push_str(".…"),
        }
    }
    text
}

fn missing_field(message: &str) -> String {
    message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
        .filter(|name| is_identifier(name))
        .map(|name| format!(" (no {name})"))
        .unwrap_or_default()
}

fn is_identifier(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && text.bytes().filter(u8::is_ascii_digit).count() <= 3
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use booking_core::{Fault, Outcome, Retry};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only parsed")]
    struct Codes {
        codes: Vec<Code>,
        #[serde(default)]
        by_guest: BTreeMap<String, u32>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only parsed")]
    struct Code {
        id: u64,
        #[serde(rename = "valid-to")]
        valid_to: Option<String>,
    }

    fn response(content_type: &str, body: &str) -> VendorResponse {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        VendorResponse::new(StatusCode::OK, headers, body.to_owned())
    }

    #[test]
    fn errors_name_the_field_and_not_its_value() {
        #[track_caller]
        fn check(body: &str, expected: &str) {
            let error = response("application/json", body).json::<Codes>("GET /codes").unwrap_err();
            assert_eq!(error.to_string(), format!("GET /codes: answer 200 {expected}"));
            assert_eq!(
                (error.fault, error.retry, error.outcome),
                (Fault::Vendor, Retry::Backoff, Outcome::Unknown)
            );
            assert!(std::error::Error::source(&error).is_none(), "the cause would repeat the value");
        }
        check(r#"{"codes": [{"id": 1}, {"id": "48210937"}]}"#, "has an unexpected shape at $.codes[1].id");
        check(r#"{"codes": [{"id": 1, "valid-to": 4}]}"#, "has an unexpected shape at $.codes[0].valid-to");
        check(r#"{"codes": [{}]}"#, "has an unexpected shape at $.codes[0] (no id)");
        check(r#"{"codes": {"Ada": 1}}"#, "has an unexpected shape at $.codes");
        check(
            r#"{"codes": [], "by_guest": {"Ada Example": "x"}}"#,
            "has an unexpected shape at $.by_guest.…",
        );
        check(
            r#"{"codes": [], "by_guest": {"48600100200": "x"}}"#,
            "has an unexpected shape at $.by_guest.…",
        );
        check(r#""4821""#, "has an unexpected shape at $");
        check(r#"{"codes": [{"id": 1"#, "is JSON that ends early");
        check("", "is empty");
        check("Pin 4821 refused", "is not JSON");
        check(r#"{"codes": []} 4821"#, "has more after its JSON");
        check("<!DOCTYPE html><title>4821</title>", "is HTML where JSON was expected");
    }

    #[test]
    fn json_is_read_whatever_the_content_type_says() {
        let codes: Codes = response("text/plain", "\n{\"codes\": []}\n").json("GET /codes").unwrap();
        assert!(codes.codes.is_empty());
    }

    #[test]
    fn pages_are_told_from_data() {
        for (content_type, body, html) in [
            ("text/html; charset=utf-8", "", true),
            ("Text/HTML", "{}", true),
            ("application/json", " \n<!doctype HTML>", true),
            ("text/plain", "<HTML lang=en>", true),
            ("text/plain", "<htm", false),
            ("application/json", "{}", false),
            ("text/plain", "", false),
            ("application/xml", "<?xml version='1.0'?>", false),
        ] {
            assert_eq!(response(content_type, body).is_html(), html, "{content_type} {body}");
        }
    }
}
