//! Who may call: signed requests, the legacy key, and the limit per minute.

use std::collections::{BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{SmoobuConfig, error, too_many};
use crate::web::{self, Call};

/// How far the caller's clock may be off.
const SKEW: chrono::Duration = chrono::Duration::minutes(5);
/// How long a nonce is remembered; far longer than a timestamp stays good.
const NONCE_MEMORY: chrono::Duration = chrono::Duration::hours(1);

/// What survives from call to call.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    nonces: BTreeSet<String>,
    nonce_times: VecDeque<(DateTime<Utc>, String)>,
    minute: i64,
    calls: u32,
}

impl Gate {
    /// Counts the call and checks its credentials.
    pub(super) fn pass(
        &mut self,
        config: &SmoobuConfig,
        call: &Call<'_>,
    ) -> Result<(), Box<Response<Bytes>>> {
        let minute = call.now.timestamp().div_euclid(60);
        if minute != self.minute {
            (self.minute, self.calls) = (minute, 0);
        }
        self.calls = self.calls.saturating_add(1);
        if self.calls > config.limit_per_minute {
            let next = (minute + 1) * 60;
            let hint = if config.limit_hint_absolute { next } else { next - call.now.timestamp() };
            return Err(Box::new(too_many(&hint.to_string())));
        }
        self.credentials(config, call).map_err(|detail| Box::new(error(401, "Unauthorized", detail)))
    }

    /// Says in the headers what is left of this minute.
    pub(super) fn stamp(&self, config: &SmoobuConfig, response: &mut Response<Bytes>) {
        let left = config.limit_per_minute.saturating_sub(self.calls);
        web::set_header(response, "x-ratelimit-limit", &config.limit_per_minute.to_string());
        web::set_header(response, "x-ratelimit-remaining", &left.to_string());
    }

    fn credentials(&mut self, config: &SmoobuConfig, call: &Call<'_>) -> Result<(), &'static str> {
        let Some(signature) = call.header("x-signature") else {
            return match call.header("api-key") {
                Some(key) if config.accept_legacy_key && same(key, &config.api_key) => Ok(()),
                Some(_) => Err("the key is not accepted"),
                None => Err("verification error"),
            };
        };
        let key = call.header("x-api-key").ok_or("X-API-Key is missing")?;
        let timestamp = call.header("x-timestamp").ok_or("X-Timestamp is missing")?;
        let nonce = call.header("x-nonce").ok_or("X-Nonce is missing")?;
        if !same(key, &config.api_key) {
            return Err("unknown key");
        }
        let at = NaiveDateTime::parse_from_str(timestamp, "%Y-%m-%dT%H:%M:%SZ")
            .map_err(|_| "X-Timestamp is not UTC with whole seconds")?
            .and_utc();
        if (call.now - at).abs() > SKEW {
            return Err("X-Timestamp is too far off");
        }
        if !is_uuid(nonce) {
            return Err("X-Nonce is not a UUID");
        }
        if !is_canonical_query(call.query) {
            return Err("the query is not the sorted, encoded one");
        }
        let canonical = Canonical {
            method: call.method.as_str(),
            path: call.path,
            query: call.query,
            timestamp,
            nonce,
            body: call.body,
            key,
        };
        if !same(signature, &canonical.sign(&config.api_secret)) {
            return Err("wrong signature");
        }
        while let Some((seen, old)) = self.nonce_times.front()
            && call.now - *seen > NONCE_MEMORY
        {
            self.nonces.remove(old);
            self.nonce_times.pop_front();
        }
        if !self.nonces.insert(nonce.to_owned()) {
            return Err("the nonce was used before");
        }
        self.nonce_times.push_back((call.now, nonce.to_owned()));
        Ok(())
    }
}

/// The seven lines that are signed.
#[derive(Debug)]
pub(super) struct Canonical<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) nonce: &'a str,
    pub(super) body: &'a [u8],
    pub(super) key: &'a str,
}

impl Canonical<'_> {
    pub(super) fn sign(&self, secret: &str) -> String {
        let lines = [
            self.method.to_ascii_uppercase(),
            self.path.to_owned(),
            self.query.to_owned(),
            self.timestamp.to_owned(),
            self.nonce.to_owned(),
            hex(&Sha256::digest(self.body)),
            self.key.to_owned(),
        ];
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
        mac.update(lines.join("\n").as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// Puts the four headers of a signed call onto a request, for tests that speak to the simulator without a client.
/// The request's path must be Smoobu's own (`/api/...`, with or without the prefix of the loopback server) and its
/// query already sorted and encoded.
///
/// ```
/// use booking_sim::smoobu::sign_request;
/// use bytes::Bytes;
///
/// let mut request = http::Request::get("/api/me").body(Bytes::new()).expect("a request");
/// let now = "2027-03-01T08:30:00Z".parse().expect("a time");
/// sign_request(&mut request, "key", "secret", now, "11111111-2222-4333-8444-555555555555");
/// assert!(request.headers().contains_key("x-signature"));
/// ```
pub fn sign_request(request: &mut Request<Bytes>, key: &str, secret: &str, now: DateTime<Utc>, nonce: &str) {
    let timestamp = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let signature = Canonical {
        method: request.method().as_str(),
        path: crate::Vendor::Smoobu.own_path(request.uri().path()),
        query: request.uri().query().unwrap_or_default(),
        timestamp: &timestamp,
        nonce,
        body: request.body(),
        key,
    }
    .sign(secret);
    for (name, value) in
        [("x-api-key", key), ("x-timestamp", &timestamp), ("x-nonce", nonce), ("x-signature", &signature)]
    {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            request.headers_mut().insert(name, value);
        }
    }
}

fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    parts.len() == 5
        && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| {
            part.len() == length && part.chars().all(|character| character.is_ascii_hexdigit())
        })
}

/// Whether the query is the one that Smoobu would have signed: every key and value encoded as RFC 3986 says, the
/// encoded pairs sorted.
pub(super) fn is_canonical_query(query: &str) -> bool {
    let sent: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    let encoded = sent.iter().all(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        [key, value].iter().all(|part| web::encode(&web::decode_path(part)) == **part)
    });
    encoded && sent.is_sorted() && sent.join("&") == query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_fact_sheet() {
        let check = |secret, key, method, path, query, timestamp, nonce, body: &str, signature| {
            let canonical = Canonical { method, path, query, timestamp, nonce, body: body.as_bytes(), key };
            assert_eq!(canonical.sign(secret), signature, "{method} {path}?{query}");
        };
        check(
            "your_api_secret",
            "usr_live_abc123",
            "GET",
            "/api/reservations",
            "from=2026-04-01&to=2026-04-10",
            "2026-04-01T12:00:00Z",
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "",
            "Bu2/61pneyRyjQejH7PoCJC2P8iRm3NnC9R6CGFOQho=",
        );
        check(
            "test-secret",
            "test-key",
            "GET",
            "/api/reservations",
            "departureFrom=2027-03-01&excludeBlocked=true&page=1&pageSize=100",
            "2027-03-01T08:30:00Z",
            "11111111-2222-4333-8444-555555555555",
            "",
            "BjBuRE31klp7TCB2aYYvQpsB5YMrQLOAPiNzwzTLhJk=",
        );
        check(
            "test-secret",
            "test-key",
            "POST",
            "/api/reservations/9001/messages/send-message-to-guest",
            "",
            "2027-03-01T08:30:00Z",
            "11111111-2222-4333-8444-555555555555",
            r#"{"subject":"Code","messageBody":"Zażółć 1234"}"#,
            "Ebbub1fRWELnZLIYX4aCnkTig46GE4B5kdYOnfjT8FM=",
        );
    }

    #[test]
    fn only_a_sorted_and_encoded_query_is_canonical() {
        let check = |query, expected| assert_eq!(is_canonical_query(query), expected, "{query}");
        check("", true);
        check("page=1&pageSize=100", true);
        check("apartments%5B%5D=2&to=2027-03-01%2010%3A00", true);
        check("pageSize=100&page=1", false);
        check("apartments[]=2", false);
        check("to=2027-03-01+10:00", false);
        check("a=1&&b=2", false);
    }
}
