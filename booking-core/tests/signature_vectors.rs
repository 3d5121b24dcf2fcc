//! The signature vectors of the vendors' fact sheets, which live outside the project: `STAYKEY_VENDOR_FACTS`
//! names their folder. Without it these tests say so and prove nothing.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use booking_core::Secret;
use booking_core::signature::{
    Algorithm, BodySignature, Encoding, Hmac, SignatureError, TimestampedSignature, Tolerance,
    parse_timestamp, verify_sha256,
};
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// The vectors under `member` of a file, none when there is no folder.
#[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
fn vectors(file: &str, member: &str) -> Vec<Value> {
    let Some(folder) = std::env::var_os("STAYKEY_VENDOR_FACTS") else {
        eprintln!("SKIPPED {file}: set STAYKEY_VENDOR_FACTS to the folder with vectors/{file}");
        return Vec::new();
    };
    let path = PathBuf::from(folder).join("vectors").join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("STAYKEY_VENDOR_FACTS is set, but {}: {error}", path.display()));
    let document: Value = serde_json::from_str(&text).expect("vectors are JSON");
    let vectors = document[member].as_array().expect("an array of vectors").clone();
    assert!(!vectors.is_empty(), "{file} holds no vectors");
    vectors
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap_or_else(|| panic!("{member} of {}", vector["name"]))
}

fn now(vector: &Value) -> DateTime<Utc> {
    DateTime::from_timestamp(vector["now"].as_i64().expect("now"), 0).expect("in range")
}

fn hmac(algorithm: Algorithm, encoding: Encoding, key: &str) -> Hmac {
    Hmac::new(algorithm, encoding, &[Secret::new(key)]).expect("a key")
}

#[test]
fn elevenlabs_signatures() {
    let header = HeaderName::from_static("elevenlabs-signature");
    for vector in vectors("elevenlabs-signature.json", "vectors") {
        let check = TimestampedSignature::in_fields(
            header.clone(),
            "t",
            "v0",
            hmac(Algorithm::Sha256, Encoding::LowerHex, text(&vector, "secret")),
            Tolerance::new(Duration::from_secs(1800), Duration::from_secs(300)),
        );
        let value = HeaderValue::from_str(text(&vector, "header")).expect("a header");
        let sent = HeaderMap::from_iter([(header.clone(), value)]);
        let verdict = check.verify(&sent, text(&vector, "body").as_bytes(), now(&vector));
        assert_eq!(
            verdict.is_ok(),
            text(&vector, "recommended") == "accept",
            "{}: {verdict:?}",
            vector["name"]
        );
    }
}

#[test]
fn whatsapp_signatures() {
    let header = HeaderName::from_static("x-hub-signature-256");
    for vector in vectors("whatsapp-signature.json", "signature_vectors") {
        let check = BodySignature::new(
            header.clone(),
            hmac(Algorithm::Sha256, Encoding::LowerHex, text(&vector, "app_secret")),
        )
        .prefix("sha256=");
        let sent: HeaderMap = vector["header"]
            .as_str()
            .map(|value| (header.clone(), HeaderValue::from_str(value).expect("a header")))
            .into_iter()
            .collect();
        let body = STANDARD.decode(text(&vector, "body_base64")).expect("base64");
        let verdict = check.verify(&sent, &body);
        assert_eq!(Some(verdict.is_ok()), vector["valid"].as_bool(), "{}: {verdict:?}", vector["name"]);
        if verdict.is_ok() {
            assert_eq!(check.sign(&body), sent, "{}", vector["name"]);
        }
    }
}

#[test]
fn mailgun_signatures() {
    for vector in vectors("mailgun-signature.json", "vectors") {
        let hmac = hmac(Algorithm::Sha256, Encoding::Hex, text(&vector, "signing_key"));
        let signature = &vector["signature"];
        let timestamp = match &signature["timestamp"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // That there is a token is for whoever reads the body to see.
        let Some(token) = signature["token"].as_str() else {
            assert_eq!(vector["accept"], false);
            continue;
        };
        let sent = text(signature, text(&vector, "compare"));
        let verdict = hmac.verify(&[timestamp.as_bytes(), token.as_bytes()], sent);
        assert_eq!(
            Some(verdict.is_ok()),
            vector["signature_valid"].as_bool(),
            "{}: {verdict:?}",
            vector["name"]
        );

        let age = parse_timestamp(&timestamp)
            .and_then(|at| Tolerance::both(Duration::from_secs(900)).check(at, now(&vector)));
        let reason = vector["reject_reason"].as_str();
        assert_eq!(
            matches!(age, Err(SignatureError::Stale { .. })),
            reason == Some("stale"),
            "{}",
            vector["name"]
        );
        assert_eq!(
            matches!(age, Err(SignatureError::Future { .. })),
            reason == Some("future"),
            "{}",
            vector["name"]
        );
        // A second use of a token is for whoever keeps them to see.
        if reason != Some("token already seen") {
            assert_eq!(Some(verdict.and(age).is_ok()), vector["accept"].as_bool(), "{}", vector["name"]);
        }
    }
}

#[test]
fn twilio_signatures() {
    for vector in vectors("twilio-signature.json", "vectors") {
        let name = &vector["name"];
        let algorithm = match text(&vector, "algorithm") {
            "HMAC_SHA1" => Algorithm::Sha1,
            "HMAC_SHA256" => Algorithm::Sha256,
            other => panic!("{other} of {name}"),
        };
        let hmac = hmac(algorithm, Encoding::Base64, text(&vector, "token"));

        let mut fields: Vec<(&str, &str)> = vector["params"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|pair| (pair[0].as_str().expect("a key"), pair[1].as_str().expect("a value")))
            .collect();
        fields.sort_unstable();
        fields.dedup();
        let fields: String = fields.into_iter().flat_map(|(key, value)| [key, value]).collect();

        // Twilio is not consistent about ports, so a receiver tries the URL with and without.
        let url = text(&vector, "url");
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (authority, path) = rest.split_at(rest.find('/').expect("a path"));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let other = match host.rsplit_once(':') {
            Some((_, port)) => {
                format!("{scheme}://{}{path}", authority.trim_end_matches(&format!(":{port}")))
            }
            None => format!("{scheme}://{authority}:{}{path}", if scheme == "https" { 443 } else { 80 }),
        };
        let sent = text(&vector, "signature");
        let mut verdict = hmac
            .verify(&[url.as_bytes(), fields.as_bytes()], sent)
            .or_else(|_| hmac.verify(&[other.as_bytes(), fields.as_bytes()], sent));
        if let Some(body) = vector["body"].as_str() {
            let digest = url.split_once("bodySHA256=").expect("a digest").1;
            verdict = verdict.and(verify_sha256(body.as_bytes(), digest));
        }
        assert_eq!(Some(verdict.is_ok()), vector["valid"].as_bool(), "{name}: {verdict:?}");
        if let Some(signed) = vector["string_to_sign"].as_str() {
            assert_eq!(hmac.sign(&[signed.as_bytes()]), sent, "{name}");
        }
    }
}
