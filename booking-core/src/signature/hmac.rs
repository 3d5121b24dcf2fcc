//! HMAC over bytes that the caller puts together.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Keys, Part, SignatureError};
use crate::Secret;

/// The hash under the HMAC. It is configured, never chosen by the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC-SHA-256, 32 bytes.
    Sha256,
    /// HMAC-SHA-1, 20 bytes, only for vendors that offer nothing else.
    Sha1,
}

/// How a MAC is written as text. Signing writes hex in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Hex; upper case is read too.
    Hex,
    /// Hex in lower case only, for vendors that never send another.
    LowerHex,
    /// Base64 with the standard alphabet and padding.
    Base64,
}

impl Encoding {
    fn encode(self, mac: &[u8]) -> String {
        match self {
            Self::Hex | Self::LowerHex => encode_hex(mac),
            Self::Base64 => STANDARD.encode(mac),
        }
    }

    fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::LowerHex if text.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
            Self::Hex | Self::LowerHex => decode_hex(text),
            Self::Base64 => STANDARD.decode(text).ok(),
        }
    }
}

/// HMAC with one or several keys over any bytes: what the other signature checks are made of, and the one to
/// use where a vendor signs something of its own.
///
/// The message is given in parts that are joined without anything between them. The joints are not protected
/// by the MAC, so see to it that the same bytes cannot be cut in another way that means something else.
///
/// Twilio signs the URL and the sorted form fields:
///
/// ```
/// use booking_core::Secret;
/// use booking_core::signature::{Algorithm, Encoding, Hmac, SignatureError};
///
/// let hmac = Hmac::new(Algorithm::Sha1, Encoding::Base64, &[Secret::new("12345")])?;
/// let parts: Vec<&[u8]> = [
///     "https://example.com/myapp.php?foo=1&bar=2",
///     "CallSid", "CA1234567890ABCDE",
///     "Caller", "+14158675310",
///     "Digits", "1234",
///     "From", "+14158675310",
///     "To", "+18005551212",
/// ]
/// .into_iter()
/// .map(str::as_bytes)
/// .collect();
///
/// let signature = hmac.sign(&parts);
/// assert_eq!(hmac.verify(&parts, &signature), Ok(()));
/// assert_eq!(hmac.verify(&parts[..9], &signature), Err(SignatureError::Mismatch));
/// # Ok::<(), SignatureError>(())
/// ```
///
/// Mailgun signs a timestamp and a token, both from the body:
///
/// ```
/// use std::time::Duration;
///
/// use booking_core::Secret;
/// use booking_core::signature::{Algorithm, Encoding, Hmac, SignatureError, Tolerance, parse_timestamp};
/// use chrono::{DateTime, Utc};
///
/// fn verify(
///     hmac: &Hmac, timestamp: &str, token: &str, signature: &str, now: DateTime<Utc>,
/// ) -> Result<(), SignatureError> {
///     hmac.verify(&[timestamp.as_bytes(), token.as_bytes()], signature)?;
///     Tolerance::both(Duration::from_secs(900)).check(parse_timestamp(timestamp)?, now)
/// }
///
/// let hmac = Hmac::new(Algorithm::Sha256, Encoding::Hex, &[Secret::new("signing-key")])?;
/// let now = parse_timestamp("1790000000")?;
/// let signature = hmac.sign(&[b"1789999997", b"a-token"]);
/// assert_eq!(verify(&hmac, "1789999997", "a-token", &signature, now), Ok(()));
/// assert_eq!(verify(&hmac, "1789999997", "b-token", &signature, now), Err(SignatureError::Mismatch));
/// # Ok::<(), SignatureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hmac {
    algorithm: Algorithm,
    encoding: Encoding,
    keys: Keys,
}

impl Hmac {
    /// Any of `keys` verifies; the first signs. Keys are used as their UTF-8 bytes, prefixes such as `whsec_`
    /// included.
    ///
    /// # Errors
    ///
    /// [`SignatureError::NoKeys`] and [`SignatureError::BlankKey`].
    pub fn new(algorithm: Algorithm, encoding: Encoding, keys: &[Secret]) -> Result<Self, SignatureError> {
        Ok(Self { algorithm, encoding, keys: Keys::new(keys)? })
    }

    /// The signature of the joined parts, with the first key.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> String {
        let key = self.keys.first();
        let mac = match self.algorithm {
            Algorithm::Sha256 => start::<hmac::Hmac<Sha256>>(key, parts).finalize().into_bytes().to_vec(),
            Algorithm::Sha1 => start::<hmac::Hmac<Sha1>>(key, parts).finalize().into_bytes().to_vec(),
        };
        self.encoding.encode(&mac)
    }

    /// Whether one of the keys made `signature` over the joined parts.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Missing`] for a blank signature, [`SignatureError::Malformed`] where it is not a MAC
    /// of this algorithm in this encoding, [`SignatureError::Mismatch`] where no key made it.
    pub fn verify(&self, parts: &[&[u8]], signature: &str) -> Result<(), SignatureError> {
        self.verify_any(parts, [signature])
    }

    /// Whether one of the keys made one of the signatures over the joined parts. Unreadable ones among
    /// readable ones are passed over, because vendors put new kinds beside the old.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify): missing when all are blank or there are none, malformed when none is
    /// readable.
    ///
    /// ```
    /// # use booking_core::Secret;
    /// # use booking_core::signature::{Algorithm, Encoding, Hmac, Part, SignatureError};
    /// let hmac = Hmac::new(Algorithm::Sha256, Encoding::Hex, &[Secret::new("key")])?;
    /// let good = hmac.sign(&[b"body"]);
    /// assert_eq!(hmac.verify_any(&[b"body"], ["other", &good]), Ok(()));
    /// assert_eq!(hmac.verify_any(&[b"body"], []), Err(SignatureError::Missing(Part::Signature)));
    /// # Ok::<(), SignatureError>(())
    /// ```
    pub fn verify_any<'a>(
        &self,
        parts: &[&[u8]],
        signatures: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SignatureError> {
        let size = match self.algorithm {
            Algorithm::Sha256 => <Sha256 as Digest>::output_size(),
            Algorithm::Sha1 => <Sha1 as Digest>::output_size(),
        };
        let mut error = SignatureError::Missing(Part::Signature);
        let mut macs = Vec::new();
        for signature in signatures.into_iter().filter(|text| !text.trim().is_empty()) {
            error = SignatureError::Malformed(Part::Signature);
            macs.extend(self.encoding.decode(signature).filter(|mac| mac.len() == size));
        }
        if macs.is_empty() {
            return Err(error);
        }
        let matches = |key| match self.algorithm {
            Algorithm::Sha256 => is_any(&start::<hmac::Hmac<Sha256>>(key, parts), &macs),
            Algorithm::Sha1 => is_any(&start::<hmac::Hmac<Sha1>>(key, parts), &macs),
        };
        if self.keys.iter().any(matches) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

fn start<M: Mac + KeyInit>(key: &Secret, parts: &[&[u8]]) -> M {
    let mut mac =
        <M as KeyInit>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

fn is_any<M: Mac + Clone>(mac: &M, candidates: &[Vec<u8>]) -> bool {
    candidates.iter().any(|candidate| mac.clone().verify_slice(candidate).is_ok())
}

/// Whether `digest` is the SHA-256 of `body` in hex of either case.
///
/// This proves nothing by itself: use it where the digest stands in something signed, such as the
/// `bodySHA256` parameter in the URL of Twilio's JSON webhooks.
///
/// # Errors
///
/// [`SignatureError::Missing`] for a blank digest, [`SignatureError::Malformed`] where it is not 64 hex
/// digits, [`SignatureError::Mismatch`] for another body.
///
/// ```
/// use booking_core::signature::{SignatureError, verify_sha256};
///
/// let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
/// assert_eq!(verify_sha256(b"abc", digest), Ok(()));
/// assert_eq!(verify_sha256(b"abd", digest), Err(SignatureError::Mismatch));
/// ```
pub fn verify_sha256(body: &[u8], digest: &str) -> Result<(), SignatureError> {
    if digest.trim().is_empty() {
        return Err(SignatureError::Missing(Part::Signature));
    }
    let sent = decode_hex(digest)
        .filter(|bytes| bytes.len() == <Sha256 as Digest>::output_size())
        .ok_or(SignatureError::Malformed(Part::Signature))?;
    let same: bool = Sha256::digest(body).as_slice().ct_eq(&sent).into();
    if same { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MALFORMED: Result<(), SignatureError> = Err(SignatureError::Malformed(Part::Signature));
    const MISMATCH: Result<(), SignatureError> = Err(SignatureError::Mismatch);
    const MISSING: Result<(), SignatureError> = Err(SignatureError::Missing(Part::Signature));

    fn hmac(algorithm: Algorithm, encoding: Encoding, keys: &[&str]) -> Hmac {
        let keys: Vec<_> = keys.iter().map(|key| Secret::new(*key)).collect();
        Hmac::new(algorithm, encoding, &keys).unwrap()
    }

    /// RFC 2202 and RFC 4231, case 2 of each; and an empty message and a key longer than a block, from
    /// Python.
    #[test]
    fn known_vectors() {
        let long = "k".repeat(131);
        for (algorithm, encoding, key, message, expected) in [
            (
                Algorithm::Sha1,
                Encoding::Hex,
                "Jefe",
                "what do ya want for nothing?",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                Algorithm::Sha256,
                Encoding::LowerHex,
                "Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                Algorithm::Sha1,
                Encoding::Base64,
                "Jefe",
                "what do ya want for nothing?",
                "7/zfauXrL6LSdBbV8YTfnCWafHk=",
            ),
            (
                Algorithm::Sha256,
                Encoding::Hex,
                "k",
                "",
                "8bb990c40a7d61cb97597a942125025be50ac8beb74436e3735b98893a7f6620",
            ),
            (
                Algorithm::Sha256,
                Encoding::Hex,
                &long,
                "x",
                "5e7df641fef282dee7244c5dd15b5bd8cf84ca3483ca5685fc31cef5dd361622",
            ),
        ] {
            let hmac = hmac(algorithm, encoding, &[key]);
            assert_eq!(hmac.sign(&[message.as_bytes()]), expected);
            assert_eq!(hmac.verify(&[message.as_bytes()], expected), Ok(()));
        }
    }

    #[test]
    fn parts_are_joined() {
        let hmac = hmac(Algorithm::Sha256, Encoding::Hex, &["key"]);
        let signature = hmac.sign(&[b"timestamp", b".", b"body"]);
        assert_eq!(hmac.verify(&[b"timestamp.body"], &signature), Ok(()));
        assert_eq!(hmac.verify(&[b"timestamp", b"body"], &signature), MISMATCH);
        assert_eq!(hmac.verify(&[], &hmac.sign(&[b""])), Ok(()));
    }

    #[test]
    fn case_of_hex() {
        let lower = hmac(Algorithm::Sha256, Encoding::Hex, &["key"]).sign(&[b"body"]);
        let upper = lower.to_uppercase();
        let mixed = format!("{}{}", &lower[..32], &upper[32..]);
        for (encoding, signature, expected) in [
            (Encoding::Hex, &lower, Ok(())),
            (Encoding::Hex, &upper, Ok(())),
            (Encoding::Hex, &mixed, Ok(())),
            (Encoding::LowerHex, &lower, Ok(())),
            (Encoding::LowerHex, &upper, MALFORMED),
            (Encoding::LowerHex, &mixed, MALFORMED),
        ] {
            let hmac = hmac(Algorithm::Sha256, encoding, &["key"]);
            assert_eq!(hmac.verify(&[b"body"], signature), expected, "{encoding:?} {signature}");
        }
    }

    #[test]
    fn unreadable_signatures() {
        let hex = hmac(Algorithm::Sha256, Encoding::Hex, &["key"]);
        let good = hex.sign(&[b"body"]);
        for (signature, expected) in [
            (String::new(), MISSING),
            ("  ".into(), MISSING),
            (good[..62].into(), MALFORMED),
            (good[..63].into(), MALFORMED),
            (format!("{good}00"), MALFORMED),
            (format!(" {good}"), MALFORMED),
            (format!("sha256={good}"), MALFORMED),
            (format!("+{}", &good[1..]), MALFORMED),
            ("z".repeat(64), MALFORMED),
            ("é".repeat(32), MALFORMED),
            ("0".repeat(64), MISMATCH),
        ] {
            assert_eq!(hex.verify(&[b"body"], &signature), expected, "{signature:?}");
        }

        let base64 = hmac(Algorithm::Sha1, Encoding::Base64, &["Jefe"]);
        for (signature, expected) in [
            ("7/zfauXrL6LSdBbV8YTfnCWafHk=", Ok(())),
            ("7_zfauXrL6LSdBbV8YTfnCWafHk=", MALFORMED),
            ("7/zfauXrL6LSdBbV8YTfnCWafHk", MALFORMED),
            ("7/zfauXrL6LSdBbV8YTfnCWafHl=", MALFORMED),
            ("7/zfauXrL6LSdBbV8YTf", MALFORMED),
            ("AAzfauXrL6LSdBbV8YTfnCWafHk=", MISMATCH),
        ] {
            assert_eq!(
                base64.verify(&[b"what do ya want for nothing?"], signature),
                expected,
                "{signature:?}"
            );
        }
    }

    #[test]
    fn another_algorithm_never_verifies() {
        for encoding in [Encoding::Hex, Encoding::LowerHex, Encoding::Base64] {
            let sha1 = hmac(Algorithm::Sha1, encoding, &["key"]);
            let sha256 = hmac(Algorithm::Sha256, encoding, &["key"]);
            assert_eq!(sha256.verify(&[b"body"], &sha1.sign(&[b"body"])), MALFORMED);
            assert_eq!(sha1.verify(&[b"body"], &sha256.sign(&[b"body"])), MALFORMED);
        }
        let cut = &hmac(Algorithm::Sha256, Encoding::Hex, &["key"]).sign(&[b"body"])[..40];
        assert_eq!(hmac(Algorithm::Sha1, Encoding::Hex, &["key"]).verify(&[b"body"], cut), MISMATCH);
    }

    #[test]
    fn rotated_keys() {
        let old = hmac(Algorithm::Sha256, Encoding::Hex, &["old"]);
        let both = hmac(Algorithm::Sha256, Encoding::Hex, &["new", "old"]);
        let new = hmac(Algorithm::Sha256, Encoding::Hex, &["new"]);
        assert_eq!(both.verify(&[b"body"], &old.sign(&[b"body"])), Ok(()));
        assert_eq!(new.verify(&[b"body"], &both.sign(&[b"body"])), Ok(()), "the first key signs");
        assert_eq!(new.verify(&[b"body"], &old.sign(&[b"body"])), MISMATCH);
    }

    #[test]
    fn several_signatures() {
        let hmac = hmac(Algorithm::Sha256, Encoding::Hex, &["key"]);
        let good = hmac.sign(&[b"body"]);
        let wrong = "0".repeat(64);
        for (signatures, expected) in [
            (vec![&*good, &*wrong], Ok(())),
            (vec![&*wrong, &*good], Ok(())),
            (vec!["00", "", &*good], Ok(())),
            (vec![&*wrong, &*wrong], MISMATCH),
            (vec!["00", &*wrong], MISMATCH),
            (vec!["00", "zz"], MALFORMED),
            (vec!["", " "], MISSING),
            (vec![], MISSING),
        ] {
            assert_eq!(hmac.verify_any(&[b"body"], signatures.clone()), expected, "{signatures:?}");
        }
    }

    #[test]
    fn construction_wants_keys() {
        let new = |keys: &[Secret]| Hmac::new(Algorithm::Sha256, Encoding::Hex, keys).map(|_| ());
        assert_eq!(new(&[]), Err(SignatureError::NoKeys));
        assert_eq!(new(&[Secret::new("good"), Secret::new("")]), Err(SignatureError::BlankKey));
    }

    #[test]
    fn keys_never_print_themselves() {
        let debug = format!("{:?}", hmac(Algorithm::Sha256, Encoding::Hex, &["hunter2-key"]));
        assert!(!debug.contains("hunter2"), "{debug}");
    }

    #[test]
    fn digests() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for (body, digest, expected) in [
            ("", empty, Ok(())),
            ("", &empty.to_uppercase(), Ok(())),
            ("x", empty, MISMATCH),
            ("", &empty[..62], MALFORMED),
            ("", "", MISSING),
        ] {
            assert_eq!(verify_sha256(body.as_bytes(), digest), expected, "{body} {digest}");
        }
    }

    fn algorithm() -> impl Strategy<Value = Algorithm> {
        prop_oneof![Just(Algorithm::Sha256), Just(Algorithm::Sha1)]
    }

    fn encoding() -> impl Strategy<Value = Encoding> {
        prop_oneof![Just(Encoding::Hex), Just(Encoding::LowerHex), Just(Encoding::Base64)]
    }

    fn flip(bytes: &mut [u8], bit: usize) {
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_no_flipped_bit_does(
            algorithm in algorithm(),
            encoding in encoding(),
            // A trailing NUL of a key shorter than a block is lost in HMAC's padding; secrets have none.
            key in "[!-~]{1,100}",
            message in prop::collection::vec(any::<u8>(), 1..300),
            cut in any::<prop::sample::Index>(),
            bit: usize,
        ) {
            let hmac = hmac(algorithm, encoding, &[&key]);
            let signature = hmac.sign(&[&message]);
            let (head, tail) = message.split_at(cut.index(message.len()));
            prop_assert_eq!(hmac.verify(&[head, tail], &signature), Ok(()));

            let mut changed = message.clone();
            flip(&mut changed, bit);
            prop_assert_eq!(hmac.verify(&[&changed], &signature), MISMATCH);

            let mut changed = encoding.decode(&signature).unwrap();
            flip(&mut changed, bit);
            prop_assert_eq!(hmac.verify(&[&message], &encoding.encode(&changed)), MISMATCH);

            // In the text of lenient hex, the flip may be one of case.
            let mut changed = signature.clone().into_bytes();
            flip(&mut changed, bit);
            if let Ok(changed) = String::from_utf8(changed) {
                let case_only = encoding == Encoding::Hex && changed.eq_ignore_ascii_case(&signature);
                prop_assert_eq!(hmac.verify(&[&message], &changed).is_ok(), case_only);
            }

            let mut changed = key.into_bytes();
            flip(&mut changed, bit);
            let usable = |key: &String| !key.trim().is_empty() && !key.ends_with('\0');
            if let Some(changed) = String::from_utf8(changed).ok().filter(usable) {
                let other = self::hmac(algorithm, encoding, &[&changed]);
                prop_assert_eq!(other.verify(&[&message], &signature), MISMATCH);
            }
        }

        #[test]
        fn any_text_is_refused_calmly(algorithm in algorithm(), encoding in encoding(), text: String) {
            prop_assert!(hmac(algorithm, encoding, &["key"]).verify(&[b"body"], &text).is_err());
        }

        #[test]
        fn hex_round_trips(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(decode_hex(&encode_hex(&bytes)), Some(bytes));
        }
    }
}
