//! Fixed secrets, for vendors that sign nothing.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Keys, Part, SignatureError};
use crate::Secret;

/// A fixed token in a header: `Authorization: Bearer …` or any header of its own.
///
/// It proves the sender but not the body, and whoever sees one request can send another.
///
/// ```
/// use booking_core::Secret;
/// use booking_core::signature::{HeaderSecret, Part, SignatureError};
/// use http::{HeaderMap, HeaderName};
///
/// let bearer = HeaderSecret::bearer(&[Secret::new("new-token"), Secret::new("old-token")])?;
/// let mut headers = HeaderMap::new();
/// assert_eq!(bearer.verify(&headers), Err(SignatureError::Missing(Part::Secret)));
/// headers.insert("authorization", "Bearer old-token".parse().expect("a header"));
/// assert_eq!(bearer.verify(&headers), Ok(()));
///
/// let named = HeaderSecret::new(HeaderName::from_static("x-webhook-key"), &[Secret::new("k-1")])?;
/// assert_eq!(named.verify(&named.sign()?), Ok(()));
/// # Ok::<(), SignatureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeaderSecret {
    header: HeaderName,
    bearer: bool,
    keys: Keys,
}

impl HeaderSecret {
    /// The whole value of `header` is one of `keys`.
    ///
    /// # Errors
    ///
    /// [`SignatureError::NoKeys`] and [`SignatureError::BlankKey`].
    pub fn new(header: HeaderName, keys: &[Secret]) -> Result<Self, SignatureError> {
        Ok(Self { header, bearer: false, keys: Keys::new(keys)? })
    }

    /// The header `Authorization` is the word `Bearer` in any case, blanks, and one of `keys`.
    ///
    /// # Errors
    ///
    /// [`SignatureError::NoKeys`] and [`SignatureError::BlankKey`].
    pub fn bearer(keys: &[Secret]) -> Result<Self, SignatureError> {
        Ok(Self { header: AUTHORIZATION, bearer: true, keys: Keys::new(keys)? })
    }

    /// Whether the header holds one of the keys.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Missing`], [`SignatureError::Malformed`] (the header stands twice, or another scheme
    /// than `Bearer`), [`SignatureError::Mismatch`].
    pub fn verify(&self, headers: &HeaderMap) -> Result<(), SignatureError> {
        let mut values = headers.get_all(&self.header).iter();
        let value = values.next().ok_or(SignatureError::Missing(Part::Secret))?.as_bytes().trim_ascii();
        if values.next().is_some() {
            return Err(SignatureError::Malformed(Part::Secret));
        }
        let sent = if self.bearer && !value.is_empty() {
            let (scheme, token) =
                value.split_at(value.iter().position(|&b| b == b' ').unwrap_or(value.len()));
            if !scheme.eq_ignore_ascii_case(b"bearer") {
                return Err(SignatureError::Malformed(Part::Secret));
            }
            token.trim_ascii_start()
        } else {
            value
        };
        check(&self.keys, sent)
    }

    /// The header that [`verify`](Self::verify) accepts, with the first key, marked as sensitive.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Malformed`] where the key cannot stand in a header, as it holds a line break.
    pub fn sign(&self) -> Result<HeaderMap, SignatureError> {
        let key = self.keys.first().expose();
        let text = if self.bearer { format!("Bearer {key}") } else { key.to_owned() };
        let mut value = HeaderValue::try_from(text).map_err(|_| SignatureError::Malformed(Part::Secret))?;
        value.set_sensitive(true);
        Ok(HeaderMap::from_iter([(self.header.clone(), value)]))
    }
}

/// A secret in the path of the URL that the vendor was given.
///
/// Paths end up in logs on the way, so make it long, use it for nothing else, and log the pattern of the
/// route instead of the path.
///
/// ```
/// use booking_core::Secret;
/// use booking_core::signature::{Part, PathSecret, SignatureError};
///
/// let check = PathSecret::new(&[Secret::new("9f8a2c")])?;
/// assert_eq!(check.verify(Some("9f8a2c")), Ok(()));
/// assert_eq!(check.verify(Some("9f8a2")), Err(SignatureError::Mismatch));
/// assert_eq!(check.verify(None), Err(SignatureError::Missing(Part::Secret)));
/// # Ok::<(), SignatureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PathSecret(Keys);

impl PathSecret {
    /// Any of `keys` opens.
    ///
    /// # Errors
    ///
    /// [`SignatureError::NoKeys`] and [`SignatureError::BlankKey`].
    pub fn new(keys: &[Secret]) -> Result<Self, SignatureError> {
        Keys::new(keys).map(Self)
    }

    /// Whether the segment, percent-decoded, is one of the keys.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Missing`] and [`SignatureError::Mismatch`].
    pub fn verify(&self, segment: Option<&str>) -> Result<(), SignatureError> {
        check(&self.0, segment.unwrap_or_default().as_bytes())
    }

    /// The segment that [`verify`](Self::verify) accepts, before percent-encoding.
    #[must_use]
    pub fn sign(&self) -> &Secret {
        self.0.first()
    }
}

fn check(keys: &Keys, sent: &[u8]) -> Result<(), SignatureError> {
    if sent.is_empty() {
        Err(SignatureError::Missing(Part::Secret))
    } else if keys.contain(sent) {
        Ok(())
    } else {
        Err(SignatureError::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MALFORMED: Result<(), SignatureError> = Err(SignatureError::Malformed(Part::Secret));
    const MISMATCH: Result<(), SignatureError> = Err(SignatureError::Mismatch);
    const MISSING: Result<(), SignatureError> = Err(SignatureError::Missing(Part::Secret));
    const NAMED: HeaderName = HeaderName::from_static("x-key");

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts.iter().map(|text| Secret::new(*text)).collect()
    }

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn bearer_tokens() {
        let check = HeaderSecret::bearer(&secrets(&["new token", "old"])).unwrap();
        for (values, expected) in [
            (&["Bearer old"][..], Ok(())),
            (&["Bearer new token"], Ok(())),
            (&["bearer   old "], Ok(())),
            (&["BEARER old"], Ok(())),
            (&["Bearer olD"], MISMATCH),
            (&["Bearer ol"], MISMATCH),
            (&["Bearer old,old"], MISMATCH),
            (&["Bearer é"], MISMATCH),
            (&["Bearer"], MISSING),
            (&["Bearer  "], MISSING),
            (&[""], MISSING),
            (&[], MISSING),
            (&["old"], MALFORMED),
            (&["Bearerold"], MALFORMED),
            (&["Basic old"], MALFORMED),
            (&["Bearer old", "Bearer old"], MALFORMED),
        ] {
            assert_eq!(check.verify(&headers(&AUTHORIZATION, values)), expected, "{values:?}");
        }
        assert_eq!(check.verify(&headers(&NAMED, &["Bearer old"])), MISSING);
    }

    #[test]
    fn named_headers() {
        let check = HeaderSecret::new(NAMED, &secrets(&["Bearer x", "kľúč"])).unwrap();
        for (values, expected) in [
            (&["Bearer x"][..], Ok(())),
            (&["kľúč"], Ok(())),
            (&["bearer x"], MISMATCH),
            (&["x"], MISMATCH),
            (&[" "], MISSING),
            (&[], MISSING),
            (&["kľúč", "x"], MALFORMED),
        ] {
            assert_eq!(check.verify(&headers(&NAMED, values)), expected, "{values:?}");
        }
    }

    #[test]
    fn the_first_key_signs() {
        let check = HeaderSecret::bearer(&secrets(&["new", "old"])).unwrap();
        let sent = check.sign().unwrap();
        assert_eq!(sent[AUTHORIZATION], "Bearer new");
        assert!(sent[AUTHORIZATION].is_sensitive());
        assert_eq!(check.verify(&sent), Ok(()));
        let error = HeaderSecret::new(NAMED, &secrets(&["a\nb"])).unwrap().sign().map(|_| ());
        assert_eq!(error, MALFORMED);
    }

    #[test]
    fn path_secrets() {
        let check = PathSecret::new(&secrets(&["new", "old"])).unwrap();
        for (segment, expected) in [
            (Some("new"), Ok(())),
            (Some("old"), Ok(())),
            (Some("New"), MISMATCH),
            (Some("new/"), MISMATCH),
            (Some("ne"), MISMATCH),
            (Some(""), MISSING),
            (None, MISSING),
        ] {
            assert_eq!(check.verify(segment), expected, "{segment:?}");
        }
        assert_eq!(check.sign().expose(), "new");
    }

    #[test]
    fn construction_wants_keys() {
        for (keys, error) in [
            (&[][..], SignatureError::NoKeys),
            (&[""], SignatureError::BlankKey),
            (&["good", " "], SignatureError::BlankKey),
        ] {
            assert_eq!(HeaderSecret::bearer(&secrets(keys)).unwrap_err(), error);
            assert_eq!(HeaderSecret::new(NAMED, &secrets(keys)).unwrap_err(), error);
            assert_eq!(PathSecret::new(&secrets(keys)).unwrap_err(), error);
        }
    }

    #[test]
    fn nothing_prints_itself() {
        let keys = secrets(&["hunter2-token"]);
        let bearer = HeaderSecret::bearer(&keys).unwrap();
        let debug = format!("{bearer:?} {:?} {:?}", bearer.sign().unwrap(), PathSecret::new(&keys).unwrap());
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}
