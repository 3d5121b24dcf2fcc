//! Requests as values: what is asked, and how often it may be sent.

use std::fmt;

use booking_core::VendorError;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::settings::Base;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Everything that a form field may not hold as it is; the space becomes a plus sign afterwards.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// How often a request may reach the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// Changes nothing, so it is sent again after any passing failure, and an outcome is never unknown.
    Read,
    /// A write that may be applied twice without harm: it names the thing and its whole new state, or carries an
    /// idempotency key.
    Repeatable,
    /// A write that must not be applied twice. Sent again only where the first one certainly never began: no
    /// connection, or 429.
    Once,
}

/// The path as the vendor knows it, without the prefix of the base URL.
///
/// In the extensions of the request that a [`Signer`](crate::Signer) and a [`Transport`](crate::Transport) see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorPath(pub String);

/// How many bytes of an answer a [`Transport`](crate::Transport) may read, in the extensions of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

/// A request to a vendor, as a value that can be built and tested without sending it.
///
/// `Debug` shows method, label, safety and the length of the body, and nothing else.
#[derive(Clone)]
pub struct VendorRequest {
    /// The method.
    pub method: Method,
    /// The path as the vendor's documentation writes it, beginning with `/`, percent-encoded (see
    /// [`path_segment`]).
    pub path: String,
    /// The query without `?`, already percent-encoded; sent exactly so.
    pub query: Option<String>,
    /// Headers besides those of the signer.
    pub headers: HeaderMap,
    /// The exact bytes of the body.
    pub body: Bytes,
    /// How often it may reach the vendor.
    pub safety: Safety,
    /// What errors, logs and metrics call it: method and route pattern, as in `GET /api/reservations/{id}`. Never
    /// anything of a single booking.
    pub label: &'static str,
}

impl VendorRequest {
    /// A request without query, headers and body.
    #[must_use]
    pub fn new(method: Method, label: &'static str, path: impl Into<String>, safety: Safety) -> Self {
        Self {
            method,
            path: path.into(),
            query: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            safety,
            label,
        }
    }

    /// A `GET` that changes nothing.
    #[must_use]
    pub fn get(label: &'static str, path: impl Into<String>) -> Self {
        Self::new(Method::GET, label, path, Safety::Read)
    }

    /// A `POST`.
    #[must_use]
    pub fn post(label: &'static str, path: impl Into<String>, safety: Safety) -> Self {
        Self::new(Method::POST, label, path, safety)
    }

    /// Adds pairs to the query, in this order, encoded as RFC 3986 asks (a space is `%20`, `[` is `%5B`).
    #[must_use]
    pub fn with_query_pairs<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (name, value) in pairs {
            let query = self.query.get_or_insert_default();
            if !query.is_empty() {
                query.push('&');
            }
            query.extend(utf8_percent_encode(name.as_ref(), RESERVED));
            query.push('=');
            query.extend(utf8_percent_encode(value.as_ref(), RESERVED));
        }
        self
    }

    /// Sets a header, in place of an earlier one of that name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Makes `body` the body, as JSON.
    ///
    /// # Errors
    ///
    /// When `body` cannot be written as JSON, for instance a map whose keys are no texts.
    pub fn with_json(mut self, body: &(impl Serialize + ?Sized)) -> Result<Self, VendorError> {
        // The cause is left out: it is made by the type and may repeat a value.
        self.body = serde_json::to_vec(body)
            .map_err(|_| {
                VendorError::configuration(format!("{}: request cannot be written as JSON", self.label))
            })?
            .into();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// Makes `pairs` the body, as `application/x-www-form-urlencoded`, in this order.
    ///
    /// A space is `+`, a plus sign `%2B`; brackets in names are `%5B` and `%5D`, which servers read as `[` and `]`.
    #[must_use]
    pub fn with_form<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut form = String::new();
        for (name, value) in pairs {
            if !form.is_empty() {
                form.push('&');
            }
            form.extend(utf8_percent_encode(name.as_ref(), FORM));
            form.push('=');
            form.extend(utf8_percent_encode(value.as_ref(), FORM));
        }
        self.body = form.replace(' ', "+").into();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self
    }

    /// The request as it is sent, but for what the signer adds.
    pub(crate) fn build(&self, base: &Base, limit: BodyLimit) -> Result<http::Request<Bytes>, VendorError> {
        let wrong = |what: &str| VendorError::configuration(format!("{}: {what}", self.label));
        if !self.path.starts_with('/') || !is_sent_unchanged(&self.path, b"") {
            return Err(wrong("path must begin with a slash and be percent-encoded"));
        }
        if self.path.split('/').any(is_dot_segment) {
            return Err(wrong("path holds a segment of dots"));
        }
        let mut target = format!("{}{}", base.prefix, self.path);
        if let Some(query) = &self.query {
            if !is_sent_unchanged(query, b"?[]") || query.contains('\'') {
                return Err(wrong("query must be percent-encoded"));
            }
            target.push('?');
            target.push_str(query);
        }
        let target = PathAndQuery::try_from(target).map_err(|_| wrong("path or query cannot be sent"))?;
        let uri = Uri::builder()
            .scheme(base.scheme.clone())
            .authority(base.authority.clone())
            .path_and_query(target)
            .build()
            .map_err(|_| wrong("address cannot be sent"))?;
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        request.extensions_mut().insert(VendorPath(self.path.clone()));
        request.extensions_mut().insert(limit);
        Ok(request)
    }
}

impl fmt::Debug for VendorRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorRequest")
            .field("method", &self.method)
            .field("label", &self.label)
            .field("safety", &self.safety)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Encodes one segment of a path, slashes included.
///
/// ```
/// assert_eq!(booking_http::path_segment("AB 12/3"), "AB%2012%2F3");
/// ```
#[must_use]
pub fn path_segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Whether no URL library between here and the wire has a reason to rewrite the text, which may be signed.
fn is_sent_unchanged(text: &str, also: &[u8]) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&b) || also.contains(&b))
}

/// URL libraries drop such segments, written out or encoded, and would send another path than the one signed.
fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use crate::settings::VendorSettings;

    use super::*;

    fn built(base: &str, request: &VendorRequest) -> Result<String, VendorError> {
        let base = VendorSettings::new("test", base).check().unwrap();
        request.build(&base, BodyLimit(1)).map(|request| request.uri().to_string())
    }

    #[test]
    fn addresses() {
        #[track_caller]
        fn check(base: &str, path: &str, expected: &str) {
            let request = VendorRequest::get("GET /", path);
            assert_eq!(built(base, &request).unwrap(), expected, "{base} + {path}");
        }
        check("https://api.example.com", "/api/me", "https://api.example.com/api/me");
        check("https://api.example.com/", "/api/me", "https://api.example.com/api/me");
        check("http://127.0.0.1:9/smoobu", "/api/me", "http://127.0.0.1:9/smoobu/api/me");
        check("http://[::1]:9/a/b/", "/", "http://[::1]:9/a/b/");
        check("https://api.example.com", "/a/%C5%BC%2F..b", "https://api.example.com/a/%C5%BC%2F..b");
    }

    #[test]
    fn the_signer_sees_both_paths() {
        let base = VendorSettings::new("test", "http://127.0.0.1:9/smoobu").check().unwrap();
        let request = VendorRequest::get("GET /api/me", "/api/me").build(&base, BodyLimit(7)).unwrap();
        assert_eq!(request.uri().path(), "/smoobu/api/me");
        assert_eq!(request.extensions().get(), Some(&VendorPath("/api/me".to_owned())));
        assert_eq!(request.extensions().get(), Some(&BodyLimit(7)));
    }

    #[test]
    fn what_would_not_arrive_as_signed_is_refused() {
        #[track_caller]
        fn check(path: &str, query: Option<&str>) {
            let mut request = VendorRequest::get("GET /x", path);
            request.query = query.map(str::to_owned);
            let error = built("https://api.example.com", &request).unwrap_err();
            assert_eq!(error.retry, booking_core::Retry::Never, "{path} {query:?}");
            assert!(!error.to_string().contains("4711"), "{error}");
        }
        for path in
            ["", "4711", "/4711 a", "/4711?a=b", "/4711#a", "/żółw", "/a\"b", "/a\\b", "/4711\r\nX: y"]
        {
            check(path, None);
        }
        for path in ["/a/../4711", "/a/./b", "/..", "/a/%2e%2E", "/a/.%2e/4711"] {
            check(path, None);
        }
        for query in ["a=4711 b", "a=#4711", "a=4711'", "a=\"4711", "ż=1", "a=4711\nb"] {
            check("/", Some(query));
        }
    }

    #[test]
    fn query_pairs() {
        #[track_caller]
        fn check(pairs: &[(&str, &str)], expected: Option<&str>) {
            let request = VendorRequest::get("GET /", "/").with_query_pairs(pairs.iter().copied());
            assert_eq!(request.query.as_deref(), expected);
            built("https://api.example.com", &request).unwrap();
        }
        check(&[], None);
        check(&[("b", "2"), ("a", "1"), ("b", "0")], Some("b=2&a=1&b=0"));
        check(&[("ids[]", "a b+c&d=e/f?g'h")], Some("ids%5B%5D=a%20b%2Bc%26d%3De%2Ff%3Fg%27h"));
        check(&[("name", "Zażółć~-._"), ("", "")], Some("name=Za%C5%BC%C3%B3%C5%82%C4%87~-._&="));
    }

    #[test]
    fn query_pairs_are_appended() {
        let request =
            VendorRequest::get("GET /", "/").with_query_pairs([("a", "1")]).with_query_pairs([("b", "2")]);
        assert_eq!(request.query.as_deref(), Some("a=1&b=2"));
    }

    #[test]
    fn forms() {
        #[track_caller]
        fn check(pairs: &[(&str, &str)], expected: &str) {
            let request = VendorRequest::post("POST /", "/", Safety::Once).with_form(pairs.iter().copied());
            assert_eq!(request.body, expected);
            assert_eq!(request.headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
        }
        check(&[], "");
        check(&[("to", "+48 600"), ("text", "a=b&c%")], "to=%2B48+600&text=a%3Db%26c%25");
        check(&[("share[name]", "Żaneta*-._~")], "share%5Bname%5D=%C5%BBaneta*-._%7E");
    }

    #[test]
    fn json_bodies() {
        let request = VendorRequest::post("POST /", "/", Safety::Once).with_json(&[1, 2]).unwrap();
        assert_eq!(
            (&request.body[..], &request.headers[CONTENT_TYPE]),
            (&b"[1,2]"[..], &HeaderValue::from_static("application/json"))
        );
        let keys = std::collections::BTreeMap::from([((1, 2), "4711")]);
        let error = VendorRequest::post("POST /", "/", Safety::Once).with_json(&keys).unwrap_err();
        assert_eq!(error.to_string(), "POST /: request cannot be written as JSON");
    }
}
