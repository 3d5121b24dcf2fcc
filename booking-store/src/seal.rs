//! Sealed values: version, key id, nonce, ciphertext; bound to the place where they are kept.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use booking_core::store::StoreError;
use booking_core::{Invalid, Rng, Secret};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE: usize = 24;
const HEADER: usize = 1 + size_of::<KeyId>();

/// What a sealed value names its key by: it follows from the key and tells nothing of it.
pub(crate) type KeyId = [u8; 4];

#[derive(Clone)]
struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    fn parse(text: &Secret) -> Result<Self, Invalid> {
        let text = text.expose().trim();
        let bytes = if text.len() == 64 { from_hex(text) } else { from_base64(text) };
        let bytes = bytes.ok_or(Invalid::new("master key", "32 bytes in hexadecimal or base64"))?;
        let digest = Sha256::new().chain_update(b"staykey sealing key\0").chain_update(*bytes).finalize();
        let mut id = KeyId::default();
        id.copy_from_slice(&digest[..size_of::<KeyId>()]);
        Ok(Self { id, bytes })
    }
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let alphabet = if text.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = Zeroizing::new(GeneralPurpose::new(&alphabet, lenient).decode(text).ok()?);
    Some(Zeroizing::new(decoded.as_slice().try_into().ok()?))
}

/// The keys that values are sealed with: one that seals, and older ones that only open what they sealed.
///
/// To rotate, start with the new key as the active one and the old key [as an older one](Keys::with_older), and call the
/// store's `reseal` until nothing is left. Then the old key can go.
#[derive(Clone)]
pub struct Keys {
    active: Key,
    older: Vec<Key>,
}

impl Keys {
    /// The active key, and so far no other.
    ///
    /// # Errors
    ///
    /// [`Invalid`] unless the text is 32 bytes in hexadecimal or base64.
    pub fn parse(active: &Secret) -> Result<Self, Invalid> {
        Ok(Self { active: Key::parse(active)?, older: Vec::new() })
    }

    /// Adds a key that was active earlier.
    ///
    /// # Errors
    ///
    /// [`Invalid`] unless the text is 32 bytes in hexadecimal or base64.
    pub fn with_older(mut self, older: &Secret) -> Result<Self, Invalid> {
        self.older.push(Key::parse(older)?);
        Ok(self)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let older: Vec<_> = self.older.iter().map(|key| name(key.id)).collect();
        f.debug_struct("Keys").field("active", &name(self.active.id)).field("older", &older).finish()
    }
}

/// A key's id as people see it.
pub(crate) fn name(id: KeyId) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// Where a sealed value is kept. It opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    pub(crate) id: &'a str,
}

impl Place<'_> {
    fn associated(&self, header: &[u8]) -> Vec<u8> {
        let names = [self.tenant, self.table, self.column, self.id].join("\0");
        [header, names.as_bytes()].concat()
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged(format!("a sealed value of {}.{} {what}", self.table, self.column))
    }
}

/// Seals and opens.
pub(crate) struct Seals {
    keys: Keys,
    rng: Arc<dyn Rng>,
}

impl Seals {
    pub(crate) fn new(keys: Keys, rng: Arc<dyn Rng>) -> Self {
        Self { keys, rng }
    }

    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn active(&self) -> KeyId {
        self.keys.active.id
    }

    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn knows(&self, id: KeyId) -> bool {
        self.key(id).is_some()
    }

    fn key(&self, id: KeyId) -> Option<&Key> {
        std::iter::once(&self.keys.active).chain(&self.keys.older).find(|key| key.id == id)
    }

    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn draw_key(&self) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.rng.fill(&mut *key);
        key
    }

    pub(crate) fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let key = &self.keys.active;
        let mut nonce = [0; NONCE];
        self.rng.fill(&mut nonce);
        let mut sealed = vec![VERSION];
        sealed.extend(key.id);
        let payload = Payload { msg: value, aad: &place.associated(&sealed) };
        let cipher = XChaCha20Poly1305::new(&(*key.bytes).into());
        let text = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Unavailable("a value is too long to be sealed".to_owned()))?;
        sealed.extend(nonce);
        sealed.extend(text);
        Ok(sealed)
    }

    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let id = key_id(sealed).ok_or_else(|| place.damaged("is cut short or of an unknown version"))?;
        let key = self
            .key(id)
            .ok_or_else(|| place.damaged(&format!("is sealed with key {}, which was not given", name(id))))?;
        let (header, rest) = sealed.split_at(HEADER);
        let Some((nonce, text)) = rest.split_first_chunk::<NONCE>() else {
            return Err(place.damaged("is cut short"));
        };
        let payload = Payload { msg: text, aad: &place.associated(header) };
        let cipher = XChaCha20Poly1305::new(&(*key.bytes).into());
        match cipher.decrypt(&XNonce::from(*nonce), payload) {
            Ok(value) => Ok(Zeroizing::new(value)),
            Err(_) => Err(place.damaged("does not open: it was changed, or moved from elsewhere")),
        }
    }
}

/// Which key a value says that it is sealed with.
pub(crate) fn key_id(sealed: &[u8]) -> Option<KeyId> {
    let rest = sealed.strip_prefix(&[VERSION])?;
    rest.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use booking_core::conformance::SeededRng;

    use super::*;

    const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

    fn keys(text: &str) -> Result<Keys, Invalid> {
        Keys::parse(&Secret::new(text))
    }

    fn seals(text: &str) -> Seals {
        Seals::new(keys(text).unwrap(), Arc::new(SeededRng::new(1)))
    }

    #[test]
    fn keys_are_hex_or_base64() {
        let id = keys(HEX).unwrap().active.id;
        for same in [
            "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=",
            "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8",
            "ABEiM0RVZneImaq7zN3u_wARIjNEVWZ3iJmqu8zd7v8=",
            &format!("  {HEX}\n"),
        ] {
            assert_eq!(keys(same).unwrap().active.id, id, "{same}");
        }
        for wrong in
            ["", "short", "ABEiM0RVZneImaq7zN3u", &HEX.replace('f', "g"), &HEX[..62], &format!("{HEX}00")]
        {
            let error = keys(wrong).unwrap_err().to_string();
            assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let text = format!("{:?}", keys(HEX).unwrap());
        assert!(text.contains("active") && !text.contains("1122"), "{text}");
    }

    #[test]
    fn values_open_only_where_they_were_sealed() {
        let seals = seals(HEX);
        let place = Place { tenant: "harbour", table: "code", column: "sealed", id: "a" };
        let sealed = seals.seal(place, b"0042").unwrap();
        assert_eq!(sealed.len(), HEADER + NONCE + 4 + 16);
        assert_ne!(sealed, seals.seal(place, b"0042").unwrap(), "a nonce is used once");
        assert_eq!(seals.open(place, &sealed).unwrap().as_slice(), b"0042");
        for elsewhere in [
            Place { tenant: "other", ..place },
            Place { table: "grant_", ..place },
            Place { column: "event", ..place },
            Place { id: "b", ..place },
        ] {
            assert!(matches!(seals.open(elsewhere, &sealed), Err(StoreError::Damaged(_))));
        }
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let seals = seals(HEX);
        let place = Place { tenant: "harbour", table: "code", column: "sealed", id: "a" };
        let sealed = seals.seal(place, b"0042").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(matches!(seals.open(place, &changed), Err(StoreError::Damaged(_))), "byte {at}");
            assert!(matches!(seals.open(place, &sealed[..at]), Err(StoreError::Damaged(_))), "cut at {at}");
        }
    }
}
