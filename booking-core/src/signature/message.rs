//! Signatures in headers, over the body alone or over a timestamp and the body.

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Hmac, Part, SignatureError, Tolerance, parse_timestamp};

/// A header with an HMAC over the exact bytes of the body.
///
/// Such a signature has no time: whoever once saw a request can send it again, so the receiver must recognise
/// what it has had before.
///
/// ```
/// use booking_core::Secret;
/// use booking_core::signature::{Algorithm, BodySignature, Encoding, Hmac, SignatureError};
/// use http::HeaderName;
///
/// // Meta's, of the WhatsApp Cloud API:
/// let check = BodySignature::new(
///     HeaderName::from_static("x-hub-signature-256"),
///     Hmac::new(Algorithm::Sha256, Encoding::LowerHex, &[Secret::new("app secret")])?,
/// )
/// .prefix("sha256=");
///
/// let headers = check.sign(b"{}");
/// assert_eq!(check.verify(&headers, b"{}"), Ok(()));
/// assert_eq!(check.verify(&headers, b"{ }"), Err(SignatureError::Mismatch));
/// # Ok::<(), SignatureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodySignature {
    hmac: Hmac,
    signature: SignatureHeader,
}

impl BodySignature {
    /// One signature without a prefix in `header`.
    #[must_use]
    pub const fn new(header: HeaderName, hmac: Hmac) -> Self {
        Self { hmac, signature: SignatureHeader::new(header) }
    }

    /// Each signature must begin with exactly this text, such as `sha256=`.
    ///
    /// # Panics
    ///
    /// On anything but visible ASCII and blanks.
    #[must_use]
    pub fn prefix(mut self, prefix: &'static str) -> Self {
        self.signature.prefix = header_text(prefix);
        self
    }

    /// The header may hold several signatures between such characters, of which one must match.
    #[must_use]
    pub const fn separator(mut self, separator: char) -> Self {
        self.signature.separator = Some(separator);
        self
    }

    /// Whether the header holds a signature of the body by one of the keys.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Missing`], [`SignatureError::Malformed`], [`SignatureError::Mismatch`].
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
        self.hmac.verify_any(&[body], self.signature.read(headers)?)
    }

    /// The header that [`verify`](Self::verify) accepts with this body.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([self.signature.write(&self.hmac.sign(&[body]))])
    }
}

/// One or two headers with a timestamp and an HMAC over the timestamp as sent, a full stop and the exact
/// bytes of the body.
///
/// ```
/// use std::time::Duration;
///
/// use booking_core::Secret;
/// use booking_core::signature::{
///     Algorithm, Encoding, Hmac, SignatureError, TimestampedSignature, Tolerance,
/// };
/// use chrono::{DateTime, TimeDelta};
/// use http::HeaderName;
///
/// // ElevenLabs sends `ElevenLabs-Signature: t=1789999995,v0=a64b…`:
/// let check = TimestampedSignature::in_fields(
///     HeaderName::from_static("elevenlabs-signature"),
///     "t",
///     "v0",
///     Hmac::new(Algorithm::Sha256, Encoding::LowerHex, &[Secret::new("wsec_…")])?,
///     Tolerance::new(Duration::from_secs(1800), Duration::from_secs(300)),
/// );
///
/// let sent = DateTime::from_timestamp(1_789_999_995, 0).expect("in range");
/// let headers = check.sign(b"{}", sent);
/// assert_eq!(check.verify(&headers, b"{}", sent + TimeDelta::seconds(5)), Ok(sent));
/// assert_eq!(
///     check.verify(&headers, b"{}", sent + TimeDelta::hours(1)),
///     Err(SignatureError::Stale { age_seconds: 3600 }),
/// );
/// # Ok::<(), SignatureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimestampedSignature {
    hmac: Hmac,
    tolerance: Tolerance,
    layout: Layout,
}

#[derive(Clone, Debug)]
enum Layout {
    Fields { header: HeaderName, timestamp: &'static str, signature: &'static str },
    Headers { timestamp: HeaderName, signature: SignatureHeader },
}

impl TimestampedSignature {
    /// Both in one header as comma-separated `name=value` fields, in any order: exactly one `timestamp`
    /// field, one or more `signature` fields, of which one must match. Fields with other names are passed
    /// over.
    ///
    /// # Panics
    ///
    /// On names with anything but visible ASCII.
    #[must_use]
    pub fn in_fields(
        header: HeaderName,
        timestamp: &'static str,
        signature: &'static str,
        hmac: Hmac,
        tolerance: Tolerance,
    ) -> Self {
        let layout =
            Layout::Fields { header, timestamp: header_text(timestamp), signature: header_text(signature) };
        Self { hmac, tolerance, layout }
    }

    /// Each in a header of its own.
    #[must_use]
    pub const fn in_headers(
        timestamp: HeaderName,
        signature: HeaderName,
        hmac: Hmac,
        tolerance: Tolerance,
    ) -> Self {
        let layout = Layout::Headers { timestamp, signature: SignatureHeader::new(signature) };
        Self { hmac, tolerance, layout }
    }

    /// Each signature in a header of its own must begin with exactly this text, such as `sha256=`. Without
    /// effect on signatures in fields.
    ///
    /// # Panics
    ///
    /// On anything but visible ASCII and blanks.
    #[must_use]
    pub fn prefix(mut self, text: &'static str) -> Self {
        if let Layout::Headers { signature, .. } = &mut self.layout {
            signature.prefix = header_text(text);
        }
        self
    }

    /// The header of the signature may hold several of them between such characters, of which one must match.
    /// Without effect on signatures in fields.
    #[must_use]
    pub const fn separator(mut self, character: char) -> Self {
        if let Layout::Headers { signature, .. } = &mut self.layout {
            signature.separator = Some(character);
        }
        self
    }

    /// Whether one of the keys signed this timestamp and body, and the timestamp is near enough to `now`.
    /// Returns the time of signing.
    ///
    /// The MAC is checked before the age, so that [`SignatureError::Stale`] and [`SignatureError::Future`]
    /// speak of requests that are genuine: a late retry, a replay or a wrong clock.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Missing`], [`SignatureError::Malformed`], [`SignatureError::Mismatch`],
    /// [`SignatureError::Stale`], [`SignatureError::Future`].
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, SignatureError> {
        let (timestamp, signatures) = match &self.layout {
            Layout::Fields { header, timestamp, signature } => {
                read_fields(headers, header, timestamp, signature)?
            }
            Layout::Headers { timestamp, signature } => {
                (text(headers, timestamp, Part::Timestamp)?, signature.read(headers)?)
            }
        };
        let signed_at = parse_timestamp(timestamp)?;
        self.hmac.verify_any(&[timestamp.as_bytes(), b".", body], signatures)?;
        self.tolerance.check(signed_at, now)?;
        Ok(signed_at)
    }

    /// The headers that [`verify`](Self::verify) accepts with this body around the time `at`.
    #[must_use]
    pub fn sign(&self, body: &[u8], at: DateTime<Utc>) -> HeaderMap {
        let time = at.timestamp().to_string();
        let mac = self.hmac.sign(&[time.as_bytes(), b".", body]);
        match &self.layout {
            Layout::Fields { header, timestamp, signature } => {
                let fields = format!("{timestamp}={time},{signature}={mac}");
                HeaderMap::from_iter([(header.clone(), header_value(fields))])
            }
            Layout::Headers { timestamp, signature } => {
                HeaderMap::from_iter([(timestamp.clone(), header_value(time)), signature.write(&mac)])
            }
        }
    }
}

#[derive(Clone, Debug)]
struct SignatureHeader {
    name: HeaderName,
    prefix: &'static str,
    separator: Option<char>,
}

impl SignatureHeader {
    const fn new(name: HeaderName) -> Self {
        Self { name, prefix: "", separator: None }
    }

    /// The signatures with the right prefix, without it.
    fn read<'a>(&self, headers: &'a HeaderMap) -> Result<Vec<&'a str>, SignatureError> {
        let value = text(headers, &self.name, Part::Signature)?;
        let all: Vec<_> = match self.separator {
            Some(separator) => value.split(separator).map(str::trim).collect(),
            None => vec![value],
        };
        let readable: Vec<_> = all.into_iter().filter_map(|one| one.strip_prefix(self.prefix)).collect();
        if readable.is_empty() { Err(SignatureError::Malformed(Part::Signature)) } else { Ok(readable) }
    }

    fn write(&self, mac: &str) -> (HeaderName, HeaderValue) {
        (self.name.clone(), header_value(format!("{}{mac}", self.prefix)))
    }
}

fn read_fields<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
    timestamp_name: &str,
    signature_name: &str,
) -> Result<(&'a str, Vec<&'a str>), SignatureError> {
    let (mut timestamp, mut signatures) = (None, Vec::new());
    for (name, value) in
        text(headers, header, Part::Signature)?.split(',').filter_map(|field| field.trim().split_once('='))
    {
        if name == signature_name {
            signatures.push(value);
        } else if name == timestamp_name && timestamp.replace(value).is_some() {
            return Err(SignatureError::Malformed(Part::Timestamp));
        }
    }
    Ok((timestamp.ok_or(SignatureError::Missing(Part::Timestamp))?, signatures))
}

/// The only value of a header, as trimmed text.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName, part: Part) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(if headers.contains_key(name) {
            SignatureError::Malformed(part)
        } else {
            SignatureError::Missing(part)
        });
    };
    let text = value.to_str().map_err(|_| SignatureError::Malformed(part))?.trim();
    if text.is_empty() { Err(SignatureError::Missing(part)) } else { Ok(text) }
}

fn header_text(text: &'static str) -> &'static str {
    let _checked = HeaderValue::from_static(text);
    text
}

fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("prefixes and names were checked, times and MACs are ASCII")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::Secret;
    use crate::signature::{Algorithm, Encoding};

    const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");
    const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");
    const NOW: i64 = 1_790_000_000;

    const MALFORMED: Result<(), SignatureError> = Err(SignatureError::Malformed(Part::Signature));
    const MISSING: Result<(), SignatureError> = Err(SignatureError::Missing(Part::Signature));
    const MISMATCH: Result<(), SignatureError> = Err(SignatureError::Mismatch);

    fn hmac(keys: &[&str]) -> Hmac {
        let keys: Vec<_> = keys.iter().map(|key| Secret::new(*key)).collect();
        Hmac::new(Algorithm::Sha256, Encoding::Hex, &keys).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn headers<const N: usize>(pairs: [(HeaderName, &str); N]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn in_fields() -> TimestampedSignature {
        let tolerance = Tolerance::new(Duration::from_secs(1800), Duration::from_secs(300));
        TimestampedSignature::in_fields(SIGNATURE, "t", "v0", hmac(&["key"]), tolerance)
    }

    fn in_headers() -> TimestampedSignature {
        let tolerance = Tolerance::both(Duration::from_secs(300));
        let key = "test-secret-not-a-credential";
        TimestampedSignature::in_headers(TIMESTAMP, SIGNATURE, hmac(&[key]), tolerance).prefix("sha256=")
    }

    /// Hospitable's published vector, whose body is compact unlike in their page, and a composed one.
    #[test]
    fn body_vectors() {
        for (key, body, signature, expected) in [
            (
                "123456",
                r#"{"foo":"bar"}"#,
                "cc99bf5947391ddb0d0d9866f5b9d3a68e8b273c5ac8f699b4ae2399a7433118",
                Ok(()),
            ),
            (
                "123456",
                r#"{"foo": "bar"}"#,
                "cc99bf5947391ddb0d0d9866f5b9d3a68e8b273c5ac8f699b4ae2399a7433118",
                MISMATCH,
            ),
            (
                "b3duZXJAZXhhbXBsZS5jb20=",
                r#"{"id":"01JABCDEF0123456789ABCDEFG","action":"reservation.changed","created":"2026-01-02T03:04:05Z","version":"v2","data":{}}"#,
                "aed5979beb083696f9c96621c93d8440ceac9cf09df3fdcd8787c573af980335",
                Ok(()),
            ),
        ] {
            let check = BodySignature::new(SIGNATURE, hmac(&[key]));
            assert_eq!(check.verify(&headers([(SIGNATURE, signature)]), body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn body_signatures() {
        let good = hmac(&["key"]).sign(&[b"body"]);
        let old = hmac(&["old"]).sign(&[b"body"]);
        let wrong = "0".repeat(64);
        let plain = BodySignature::new(SIGNATURE, hmac(&["key"]));
        let prefixed = plain.clone().prefix("sha256=");
        let commas = prefixed.clone().separator(',');
        let blanks = plain.clone().prefix("v1,").separator(' ');
        let rotated = BodySignature::new(SIGNATURE, hmac(&["key", "old"])).separator(',');
        for (check, header, expected) in [
            (&plain, good.clone(), Ok(())),
            (&plain, format!("  {good}\t"), Ok(())),
            (&plain, wrong.clone(), MISMATCH),
            (&plain, old.clone(), MISMATCH),
            (&plain, good[..60].to_owned(), MALFORMED),
            (&plain, format!("sha256={good}"), MALFORMED),
            (&plain, format!("{good},{good}"), MALFORMED),
            (&plain, "é".to_owned(), MALFORMED),
            (&plain, String::new(), MISSING),
            (&prefixed, format!("sha256={good}"), Ok(())),
            (&prefixed, good.clone(), MALFORMED),
            (&prefixed, format!("sha1={good}"), MALFORMED),
            (&prefixed, format!("SHA256={good}"), MALFORMED),
            (&prefixed, format!("sha256= {good}"), MALFORMED),
            (&prefixed, "sha256=".to_owned(), MISSING),
            (&commas, format!("sha256={good}"), Ok(())),
            (&commas, format!("sha256={wrong}, sha256={good}"), Ok(())),
            (&commas, format!("sha256={wrong},sha256={old}"), MISMATCH),
            (&commas, format!("sha256={wrong},{good}"), MISMATCH),
            (&commas, ",".to_owned(), MALFORMED),
            (&blanks, format!("v2,{wrong} v1,{good}"), Ok(())),
            (&blanks, format!("v1,{wrong}  v1,{wrong}"), MISMATCH),
            (&blanks, format!("v1a,{good}"), MALFORMED),
            (&rotated, old.clone(), Ok(())),
            (&rotated, format!("{wrong},{old}"), Ok(())),
            (&rotated, wrong.clone(), MISMATCH),
        ] {
            assert_eq!(check.verify(&headers([(SIGNATURE, &header)]), b"body"), expected, "{header:?}");
        }
        assert_eq!(plain.verify(&HeaderMap::new(), b"body"), MISSING);
        assert_eq!(plain.verify(&headers([(SIGNATURE, &good)]), b"bodY"), MISMATCH);
        let twice = headers([(SIGNATURE, &good), (SIGNATURE, &wrong)]);
        assert_eq!(plain.verify(&twice, b"body"), MALFORMED);
        assert_eq!(commas.verify(&twice, b"body"), MALFORMED);
    }

    /// The vectors of the project's fact sheet about Oracle.
    #[test]
    fn timestamp_vectors() {
        let v1 = r#"{"eventType":"GUEST_CHECKOUT","eventId":"v-1","hotelId":"H1","roomNumber":"7"}"#;
        for (time, body, mac) in [
            ("1771250400", v1, "8645dd6ea5c18bb90b90f67676adeb7a63e36e7a1e38f0cc3445c5da07a84a7c"),
            ("1771250400", "", "27b56f0134e55717be95cbe3a4b4f2122a5a34eba0e85a9a8cb7e32f478f462b"),
            (
                "1771250400",
                r#"{"reason":"café"}"#,
                "e930ee60e15aab82ca7c1396985ce46ef067cfd856459397d39588786b1da33e",
            ),
            ("1771250400", "{\"a\":1}\n", "f5d29929d267e02f594fc857e7671a2643b0c4ba53eee8a1929fb6485f7e689a"),
            ("01771250400", v1, "c836f0deae231b257fefada4f7084be0a1ad401162ba717d808270163fae9ce8"),
        ] {
            let sent = headers([(TIMESTAMP, time), (SIGNATURE, &format!("sha256={mac}"))]);
            let now = at(1_771_250_400);
            assert_eq!(in_headers().verify(&sent, body.as_bytes(), now), Ok(now), "{time} {body}");
        }
    }

    #[test]
    fn the_time_window() {
        for (age, expected) in [
            (0, Ok(at(NOW))),
            (1800, Ok(at(NOW - 1800))),
            (1801, Err(SignatureError::Stale { age_seconds: 1801 })),
            (-300, Ok(at(NOW + 300))),
            (-301, Err(SignatureError::Future { ahead_seconds: 301 })),
            (-86_400, Err(SignatureError::Future { ahead_seconds: 86_400 })),
        ] {
            let sent = in_fields().sign(b"body", at(NOW - age));
            assert_eq!(in_fields().verify(&sent, b"body", at(NOW)), expected, "{age}");
        }
    }

    /// Stale is said only of what the vendor signed.
    #[test]
    fn forgery_is_told_before_age() {
        let mut sent = in_headers().sign(b"body", at(NOW - 1000));
        assert_eq!(
            in_headers().verify(&sent, b"body", at(NOW)),
            Err(SignatureError::Stale { age_seconds: 1000 })
        );
        assert_eq!(in_headers().verify(&sent, b"other", at(NOW)), Err(SignatureError::Mismatch));
        sent.insert(TIMESTAMP, HeaderValue::from(NOW));
        assert_eq!(in_headers().verify(&sent, b"body", at(NOW)), Err(SignatureError::Mismatch));
    }

    /// Even when signed with the right key.
    #[test]
    fn odd_times_are_refused() {
        for time in ["abc", "-1790000000", "1790000000000", "1790000000.0", "NaN", "1 790000000", "é"] {
            let mac = hmac(&["test-secret-not-a-credential"]).sign(&[time.as_bytes(), b".", b"body"]);
            let sent = headers([(TIMESTAMP, time), (SIGNATURE, &format!("sha256={mac}"))]);
            assert_eq!(
                in_headers().verify(&sent, b"body", at(NOW)),
                Err(SignatureError::Malformed(Part::Timestamp)),
                "{time}"
            );
        }
    }

    #[test]
    fn headers_apart() {
        let sign = || in_headers().sign(b"body", at(NOW));
        let verify = |sent: &HeaderMap| in_headers().verify(sent, b"body", at(NOW)).map(|_| ());

        let mut sent = sign();
        sent.remove(SIGNATURE);
        assert_eq!(verify(&sent), MISSING);

        let mut sent = sign();
        sent.remove(TIMESTAMP);
        assert_eq!(verify(&sent), Err(SignatureError::Missing(Part::Timestamp)));

        let mut sent = sign();
        sent.append(TIMESTAMP, HeaderValue::from(NOW));
        assert_eq!(verify(&sent), Err(SignatureError::Malformed(Part::Timestamp)));

        let mut sent = sign();
        sent.append(SIGNATURE, HeaderValue::from_static("sha256=00"));
        assert_eq!(verify(&sent), MALFORMED);

        let mut sent = sign();
        let two = format!("sha256={},{}", "0".repeat(64), sent[SIGNATURE].to_str().unwrap());
        sent.insert(SIGNATURE, two.parse().unwrap());
        assert_eq!(verify(&sent), MALFORMED);
        assert!(in_headers().separator(',').verify(&sent, b"body", at(NOW)).is_ok());
    }

    #[test]
    fn fields() {
        let mac = hmac(&["key"]).sign(&[b"1790000000.body"]);
        let wrong = "0".repeat(64);
        for (header, expected) in [
            (format!("t=1790000000,v0={mac}"), Ok(())),
            (format!("v0={mac},t=1790000000"), Ok(())),
            (format!("t=1790000000, v0={mac}"), Ok(())),
            (format!("t=1790000000,v1=00ff,x,v0={mac},"), Ok(())),
            (format!("t=1790000000,v0={wrong},v0={mac}"), Ok(())),
            (format!("t=1790000000,v0={mac},v0={wrong}"), Ok(())),
            (format!("t=1790000000,v0={wrong}"), MISMATCH),
            (format!("t=1790000001,v0={mac}"), MISMATCH),
            (format!("t=01790000000,v0={mac}"), MISMATCH),
            (format!("t=1790000000,v0={}", &mac[..63]), MALFORMED),
            (format!("t=1790000000,v0=sha256={mac}"), MALFORMED),
            (format!("t=1790000000;v0={mac}"), Err(SignatureError::Malformed(Part::Timestamp))),
            (format!("t=1790000000,v1={mac}"), MISSING),
            (format!("t=1790000000,V0={mac}"), MISSING),
            ("t=1790000000,v0=".to_owned(), MISSING),
            ("t=1790000000".to_owned(), MISSING),
            (String::new(), MISSING),
            (format!("v0={mac}"), Err(SignatureError::Missing(Part::Timestamp))),
            (format!("t=,v0={mac}"), Err(SignatureError::Missing(Part::Timestamp))),
            (format!("t=1790000000,t=1790000000,v0={mac}"), Err(SignatureError::Malformed(Part::Timestamp))),
            (format!("t=1,t=1790000000,v0={mac}"), Err(SignatureError::Malformed(Part::Timestamp))),
        ] {
            let sent = headers([(SIGNATURE, &header)]);
            assert_eq!(in_fields().verify(&sent, b"body", at(NOW)).map(|_| ()), expected, "{header:?}");
        }
        assert_eq!(in_fields().verify(&HeaderMap::new(), b"body", at(NOW)).map(|_| ()), MISSING);
    }

    #[test]
    fn base64_in_fields_keeps_its_padding() {
        let hmac = Hmac::new(Algorithm::Sha1, Encoding::Base64, &[Secret::new("key")]).unwrap();
        let check = TimestampedSignature::in_fields(
            SIGNATURE,
            "t",
            "s",
            hmac,
            Tolerance::both(Duration::from_secs(60)),
        );
        assert_eq!(check.verify(&check.sign(b"body", at(NOW)), b"body", at(NOW)), Ok(at(NOW)));
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_no_flipped_bit_does(
            body in prop::collection::vec(any::<u8>(), 1..200),
            seconds in 0..999_999_999_999i64,
            bit: usize,
        ) {
            let now = at(seconds);
            let mut changed = body.clone();
            let index = bit % (body.len() * 8);
            changed[index / 8] ^= 1 << (index % 8);

            for check in [in_fields(), in_headers(), in_headers().separator(',')] {
                let sent = check.sign(&body, now);
                prop_assert_eq!(check.verify(&sent, &body, now), Ok(now));
                prop_assert_eq!(check.verify(&sent, &changed, now), Err(SignatureError::Mismatch));
            }
            let check = BodySignature::new(SIGNATURE, hmac(&["key"])).prefix("sha256=");
            prop_assert_eq!(check.verify(&check.sign(&body), &body), Ok(()));
            prop_assert_eq!(check.verify(&check.sign(&body), &changed), MISMATCH);
        }

        #[test]
        fn any_headers_are_refused_calmly(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..3),
            fields in "(t=[0-9]{1,13}|v0=[0-9a-fA-F]{0,66}|[a-z=, ]{0,3}|,){0,6}",
        ) {
            let mut sent = HeaderMap::new();
            for value in values.iter().map(Vec::as_slice).chain([fields.as_bytes()]) {
                for name in [SIGNATURE, TIMESTAMP] {
                    sent.append(name, HeaderValue::from_bytes(value).unwrap_or(HeaderValue::from_static("x")));
                }
            }
            prop_assert!(in_fields().verify(&sent, b"body", at(NOW)).is_err());
            prop_assert!(in_headers().verify(&sent, b"body", at(NOW)).is_err());
        }
    }
}
