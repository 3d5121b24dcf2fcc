//! How a webhook proves who sent it: small, synchronous checks without a clock or I/O of their own.
//!
//! | The vendor … | Check |
//! | --- | --- |
//! | signs the body | [`BodySignature`] |
//! | signs a timestamp and the body | [`TimestampedSignature`] |
//! | signs something of its own (URL and form fields, timestamp and token) | [`Hmac`], with [`Tolerance`] |
//! | sends a fixed token | [`HeaderSecret`] |
//! | sends nothing, but keeps the URL that it was given | [`PathSecret`] |
//! | sends from known addresses | [`AllowList`], beside one of the others |
//!
//! All of them hold to the same rules:
//!
//! - The bytes that are checked are the bytes that were received: never parse and print before a check.
//! - Several keys may be valid at once, so that a key can be rotated without losing a webhook. The first is the
//!   one that signs.
//! - No keys at all, or a blank one, is an error when the check is built ([`SignatureError::NoKeys`],
//!   [`SignatureError::BlankKey`]), so that a forgotten secret never means an open door.
//! - MACs and secrets are compared in constant time, and no error repeats what was sent or expected.
//! - A header that decides and stands twice in a request is refused, because two programs could read two
//!   different values from it.
//! - The time comes in as a parameter.
//! - Whatever checks a signature or a secret can also make one (`sign`), for simulators and for the tests of
//!   whoever receives such webhooks.
//!
//! # A whole receiver's check
//!
//! ```
//! use std::net::IpAddr;
//! use std::time::Duration;
//!
//! use booking_core::Secret;
//! use booking_core::signature::{
//!     Algorithm, AllowList, Encoding, Hmac, SignatureError, TimestampedSignature, Tolerance,
//! };
//! use chrono::{DateTime, TimeDelta, Utc};
//! use http::{HeaderMap, HeaderName};
//!
//! let keys = [Secret::new("this year's"), Secret::new("last year's")];
//! let signature = TimestampedSignature::in_headers(
//!     HeaderName::from_static("x-oracle-timestamp"),
//!     HeaderName::from_static("x-oracle-signature"),
//!     Hmac::new(Algorithm::Sha256, Encoding::Hex, &keys)?,
//!     Tolerance::both(Duration::from_secs(300)),
//! )
//! .prefix("sha256=");
//! let addresses: AllowList = ["192.0.2.0/24".parse()?, "2001:db8::7".parse()?].into_iter().collect();
//!
//! let check = |headers: &HeaderMap, body: &[u8], peer: Option<IpAddr>, now: DateTime<Utc>| {
//!     addresses.verify(peer)?;
//!     signature.verify(headers, body, now)
//! };
//!
//! // What the vendor sends, made with the same value:
//! let sent = DateTime::from_timestamp(1_771_250_400, 0).expect("in range");
//! let body = br#"{"eventType":"GUEST_CHECKOUT"}"#;
//! let headers = signature.sign(body, sent);
//! let peer = Some(IpAddr::from([192, 0, 2, 17]));
//!
//! assert_eq!(check(&headers, body, peer, sent), Ok(sent));
//! assert_eq!(check(&headers, b"{}", peer, sent), Err(SignatureError::Mismatch));
//! assert_eq!(check(&headers, body, None, sent).unwrap_err().to_string(), "the peer address is missing");
//! assert_eq!(
//!     check(&headers, body, peer, sent + TimeDelta::seconds(301)),
//!     Err(SignatureError::Stale { age_seconds: 301 }),
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod hmac;
mod message;
mod time;
mod token;

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

pub use self::address::{AllowList, Network};
pub use self::hmac::{Algorithm, Encoding, Hmac, verify_sha256};
pub use self::message::{BodySignature, TimestampedSignature};
pub use self::time::{Tolerance, parse_timestamp};
pub use self::token::{HeaderSecret, PathSecret};

use crate::Secret;

/// Why a webhook was refused, or why a check could not be built.
///
/// Neither the text nor `Debug` holds any part of a secret, of a signature or of the request.
///
/// ```
/// use booking_core::Secret;
/// use booking_core::signature::{PathSecret, SignatureError};
///
/// let check = PathSecret::new(&[Secret::new("correct-horse")])?;
/// let error = check.verify(Some("battery-staple")).unwrap_err();
/// assert_eq!(error, SignatureError::Mismatch);
/// assert_eq!(error.to_string(), "no key matches");
/// # Ok::<(), SignatureError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The request lacks what the check needs, or it is empty.
    #[error("the {0} is missing")]
    Missing(Part),
    /// What the check needs cannot be read: wrong length, alphabet or prefix, or the header stands twice.
    #[error("the {0} is malformed")]
    Malformed(Part),
    /// All is readable, but no key made it: forged, changed on the way, or signed with an unknown key.
    #[error("no key matches")]
    Mismatch,
    /// The timestamp is older than the tolerance allows. From [`TimestampedSignature::verify`] this means
    /// that the signature itself is good.
    #[error("the timestamp is {age_seconds} s old")]
    Stale {
        /// How old, in whole seconds.
        age_seconds: i64,
    },
    /// The timestamp is further ahead of our clock than the tolerance allows. From
    /// [`TimestampedSignature::verify`] this means that the signature itself is good.
    #[error("the timestamp is {ahead_seconds} s in the future")]
    Future {
        /// How far ahead, in whole seconds.
        ahead_seconds: i64,
    },
    /// The request came from an address outside the allow-list.
    #[error("the peer address is not in the allow-list")]
    AddressRefused,
    /// A check was built without any key.
    #[error("no key is configured")]
    NoKeys,
    /// A check was built with a key that is empty or only white space.
    #[error("a configured key is blank")]
    BlankKey,
}

/// The part of a request that a [`SignatureError`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The signature, or the digest of a body.
    Signature,
    /// The time of signing.
    Timestamp,
    /// The fixed token in a header, or the secret in the path.
    Secret,
    /// The address of the peer.
    Address,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "signature",
            Self::Timestamp => "timestamp",
            Self::Secret => "secret",
            Self::Address => "peer address",
        })
    }
}

/// At least one key, none of them blank.
#[derive(Clone, Debug)]
struct Keys(Vec<Secret>);

impl Keys {
    fn new(keys: &[Secret]) -> Result<Self, SignatureError> {
        if keys.is_empty() {
            return Err(SignatureError::NoKeys);
        }
        if keys.iter().any(|key| key.expose().trim().is_empty()) {
            return Err(SignatureError::BlankKey);
        }
        Ok(Self(keys.to_vec()))
    }

    fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }

    fn first(&self) -> &Secret {
        &self.0[0]
    }

    /// Whether `sent` is one of the keys. Time depends on the lengths only.
    fn contain(&self, sent: &[u8]) -> bool {
        self.iter().fold(Choice::from(0), |found, key| found | key.expose().as_bytes().ct_eq(sent)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_must_be_there_and_not_blank() {
        let keys = |texts: &[&str]| {
            let secrets: Vec<_> = texts.iter().map(|text| Secret::new(*text)).collect();
            Keys::new(&secrets).map(|_| ())
        };
        assert_eq!(keys(&[]), Err(SignatureError::NoKeys));
        for blank in ["", " ", "\t\n"] {
            assert_eq!(keys(&[blank]), Err(SignatureError::BlankKey));
            assert_eq!(keys(&["good", blank]), Err(SignatureError::BlankKey));
        }
        assert_eq!(keys(&["a", "b"]), Ok(()));
    }

    #[test]
    fn keys_are_compared_whole() {
        let keys = Keys::new(&[Secret::new("new-token"), Secret::new("old")]).unwrap();
        for (sent, found) in [
            ("new-token", true),
            ("old", true),
            ("", false),
            ("new-toke", false),
            ("new-token ", false),
            ("New-token", false),
            ("new-tokenold", false),
        ] {
            assert_eq!(keys.contain(sent.as_bytes()), found, "{sent:?}");
        }
    }
}
