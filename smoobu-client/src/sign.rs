//! Signed requests, as Smoobu demands them: [`SmoobuSigner`].

use std::fmt;

use booking_core::signature::{Algorithm, Encoding, Hmac};
use booking_core::{Rng, VendorError};
use booking_http::{Signer, VendorPath};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::config::SmoobuConfig;
use crate::webhook::hex;

const LEGACY_KEY: HeaderName = HeaderName::from_static("api-key");
const KEY: HeaderName = HeaderName::from_static("x-api-key");
const NONCE: HeaderName = HeaderName::from_static("x-nonce");
const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");

/// Adds Smoobu's four headers to a request: key, time, nonce and signature; or, where
/// [`legacy_api_key`](SmoobuConfig::legacy_api_key) is set, the old key alone.
///
/// The query must be the one that Smoobu will sort it to; the requests of this crate are built so.
#[derive(Clone)]
pub struct SmoobuSigner {
    key: HeaderValue,
    hmac: Option<Hmac>,
}

impl SmoobuSigner {
    /// A signer with the keys of the configuration.
    ///
    /// # Errors
    ///
    /// [`Fault::Configuration`](booking_core::Fault::Configuration) with all that is wrong with the configuration.
    pub fn new(config: &SmoobuConfig) -> Result<Self, VendorError> {
        config.check()?;
        let mut key = HeaderValue::from_str(config.api_key.expose())
            .map_err(|_| VendorError::configuration("smoobu: api_key cannot stand in a header"))?;
        key.set_sensitive(true);
        let secret = if config.legacy_api_key { None } else { config.api_secret.as_ref() };
        let hmac = secret
            .map(|secret| Hmac::new(Algorithm::Sha256, Encoding::Base64, std::slice::from_ref(secret)))
            .transpose()
            .map_err(|error| {
                VendorError::configuration("smoobu: api_secret cannot sign").with_source(error)
            })?;
        Ok(Self { key, hmac })
    }
}

impl fmt::Debug for SmoobuSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmoobuSigner").field("legacy", &self.hmac.is_none()).finish_non_exhaustive()
    }
}

impl Signer for SmoobuSigner {
    fn sign(
        &self,
        request: &mut http::Request<Bytes>,
        now: DateTime<Utc>,
        rng: &dyn Rng,
    ) -> Result<(), VendorError> {
        let Some(hmac) = &self.hmac else {
            request.headers_mut().insert(LEGACY_KEY, self.key.clone());
            return Ok(());
        };
        let mut bytes = [0_u8; 16];
        rng.fill(&mut bytes);
        let nonce = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
        let timestamp = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let path = request.extensions().get::<VendorPath>();
        let lines = canonical(
            request.method().as_str(),
            path.map_or(request.uri().path(), |path| path.0.as_str()),
            request.uri().query().unwrap_or_default(),
            &timestamp,
            &nonce,
            request.body(),
        );
        let signature = hmac.sign(&[lines.as_bytes(), self.key.as_bytes()]);
        let headers = request.headers_mut();
        headers.insert(KEY, self.key.clone());
        for (name, text) in [(TIMESTAMP, timestamp), (NONCE, nonce), (SIGNATURE, signature)] {
            let value = HeaderValue::try_from(text)
                .map_err(|_| VendorError::configuration("smoobu: the signature cannot stand in a header"))?;
            headers.insert(name, value);
        }
        Ok(())
    }
}

/// The lines that are signed, up to the last one, which is the key.
fn canonical(method: &str, path: &str, query: &str, timestamp: &str, nonce: &str, body: &[u8]) -> String {
    let method = method.to_ascii_uppercase();
    let body = hex(&Sha256::digest(body));
    format!("{method}\n{path}\n{query}\n{timestamp}\n{nonce}\n{body}\n")
}

#[cfg(test)]
mod tests {
    use booking_core::Secret;
    use booking_core::conformance::SeededRng;

    use super::*;

    #[test]
    fn the_vectors_of_the_fact_sheet() {
        #[track_caller]
        fn check(
            [secret, key]: [&str; 2],
            [method, path, query, time, nonce, body]: [&str; 6],
            signature: &str,
        ) {
            let hmac = Hmac::new(Algorithm::Sha256, Encoding::Base64, &[Secret::new(secret)]).unwrap();
            let lines = canonical(method, path, query, time, nonce, body.as_bytes());
            assert_eq!(hmac.sign(&[lines.as_bytes(), key.as_bytes()]), signature, "{lines}");
        }
        check(
            ["your_api_secret", "usr_live_abc123"],
            [
                "GET",
                "/api/reservations",
                "from=2026-04-01&to=2026-04-10",
                "2026-04-01T12:00:00Z",
                "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                "",
            ],
            "Bu2/61pneyRyjQejH7PoCJC2P8iRm3NnC9R6CGFOQho=",
        );
        check(
            ["test-secret", "test-key"],
            [
                "get",
                "/api/reservations",
                "departureFrom=2027-03-01&excludeBlocked=true&page=1&pageSize=100",
                "2027-03-01T08:30:00Z",
                "11111111-2222-4333-8444-555555555555",
                "",
            ],
            "BjBuRE31klp7TCB2aYYvQpsB5YMrQLOAPiNzwzTLhJk=",
        );
        check(
            ["test-secret", "test-key"],
            [
                "POST",
                "/api/reservations/9001/messages/send-message-to-guest",
                "",
                "2027-03-01T08:30:00Z",
                "11111111-2222-4333-8444-555555555555",
                r#"{"subject":"Code","messageBody":"Zażółć 1234"}"#,
            ],
            "Ebbub1fRWELnZLIYX4aCnkTig46GE4B5kdYOnfjT8FM=",
        );
    }

    fn signed(config: &SmoobuConfig, rng: &SeededRng) -> http::Request<Bytes> {
        let mut request =
            http::Request::get("https://sim.example/smoobu/api/me?a=1").body(Bytes::new()).unwrap();
        request.extensions_mut().insert(VendorPath("/api/me".into()));
        let now = "2027-03-01T08:30:00.987Z".parse().unwrap();
        SmoobuSigner::new(config).unwrap().sign(&mut request, now, rng).unwrap();
        request
    }

    #[test]
    fn each_attempt_has_a_nonce_of_its_own() {
        let config = SmoobuConfig::new(Secret::new("test-key"), Secret::new("test-secret"));
        let rng = SeededRng::new(7);
        let (first, second) = (signed(&config, &rng), signed(&config, &rng));
        assert_eq!(first.headers()["x-timestamp"], "2027-03-01T08:30:00Z");
        assert_ne!(first.headers()["x-nonce"], second.headers()["x-nonce"]);
        let nonce: uuid::Uuid = first.headers()["x-nonce"].to_str().unwrap().parse().unwrap();
        assert_eq!(nonce.get_version_num(), 4);
        // The prefix of the base URL is not signed.
        let lines = canonical("GET", "/api/me", "a=1", "2027-03-01T08:30:00Z", &nonce.to_string(), b"");
        let hmac = Hmac::new(Algorithm::Sha256, Encoding::Base64, &[Secret::new("test-secret")]).unwrap();
        let signature = first.headers()["x-signature"].to_str().unwrap();
        assert_eq!(hmac.verify(&[lines.as_bytes(), b"test-key"], signature), Ok(()));
        assert!(first.headers()["x-api-key"].is_sensitive() && !first.headers().contains_key("api-key"));
    }

    #[test]
    fn the_legacy_key_goes_alone() {
        let config =
            SmoobuConfig { api_key: Secret::new("old-key"), legacy_api_key: true, ..SmoobuConfig::default() };
        let request = signed(&config, &SeededRng::new(7));
        assert_eq!(request.headers().keys().collect::<Vec<_>>(), ["api-key"]);
    }
}
