//! Checks of who sent a webhook.

use std::time::Duration;

use booking_core::Secret;
use booking_core::signature::{
    Algorithm, BodySignature, Encoding, HeaderSecret, Hmac, SignatureError, TimestampedSignature, Tolerance,
    verify_sha256,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::rig::{NOW, choice, line, says_nothing};

const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");
const TIME: HeaderName = HeaderName::from_static("x-time");

fn refused<T>(result: Result<T, SignatureError>) -> bool {
    result.inspect_err(says_nothing).is_err()
}

/// A byte for the scheme, a line for each of two headers, and the body. What was made with the key is taken; of
/// anything else only the same text in another spelling is.
pub(crate) fn signatures(data: &[u8]) {
    let (scheme, rest) = choice(data, 6);
    let ((header, rest), encoding) =
        (line(rest), [Encoding::Hex, Encoding::LowerHex, Encoding::Base64][scheme % 3]);
    let (time, body) = line(rest);
    let mut headers = HeaderMap::new();
    for (name, value) in [(SIGNATURE, header), (TIME, time)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    let algorithm = if scheme < 3 { Algorithm::Sha256 } else { Algorithm::Sha1 };
    let keys = [Secret::new("this year's"), Secret::new("last year's")];
    let hmac = Hmac::new(algorithm, encoding, &keys).unwrap();
    let tolerance = Tolerance::both(Duration::from_secs(300));

    let of_body = BodySignature::new(SIGNATURE, hmac.clone()).prefix("sha256=").separator(',');
    let made = of_body.sign(body);
    assert_eq!(of_body.verify(&made, body), Ok(()));
    assert!(refused(of_body.verify(&made, &[body, b"."].concat())), "another body");
    if !refused(of_body.verify(&headers, body)) {
        let given = headers[SIGNATURE].to_str().unwrap().to_lowercase();
        let ours = keys.iter().any(|key| {
            let one = Hmac::new(algorithm, encoding, std::slice::from_ref(key)).unwrap();
            given.contains(&one.sign(&[body]).to_lowercase())
        });
        assert!(ours, "a signature that the key did not make");
    }

    let fields = TimestampedSignature::in_fields(SIGNATURE, "t", "v1", hmac.clone(), tolerance);
    let apart = TimestampedSignature::in_headers(TIME, SIGNATURE, hmac.clone(), tolerance);
    for timed in [fields, apart] {
        let made = timed.sign(body, NOW);
        assert_eq!(timed.verify(&made, body, NOW), Ok(NOW));
        assert!(refused(timed.verify(&made, body, NOW + chrono::TimeDelta::seconds(301))), "stale");
        if let Ok(at) = timed.verify(&headers, body, NOW) {
            assert!((at - NOW).num_seconds().abs() <= 300, "stale, and taken");
        }
    }

    let bearer = HeaderSecret::bearer(&keys).unwrap();
    let mut sent = bearer.sign().unwrap();
    assert_eq!(bearer.verify(&sent), Ok(()));
    if let Ok(value) = HeaderValue::from_bytes(header) {
        // Blanks behind a value are no part of it.
        let value_sent = header.trim_ascii_end();
        let ours = keys.iter().any(|key| value_sent.ends_with(key.expose().as_bytes()));
        sent.insert(http::header::AUTHORIZATION, value);
        assert!(refused(bearer.verify(&sent)) || ours);
    }
    if let Ok(text) = std::str::from_utf8(header) {
        let _ = refused(verify_sha256(body, text));
        let _ = refused(hmac.verify(&[body], text));
    }
}
