//! Names and identifiers: parsed once, valid ever after.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Rng;
use crate::parse::Invalid;

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        // Shared, since names are copied into every row, key and plan.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses the text.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Invalid`] unless it is ", $expected, ".")]
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(Invalid::new($what, $expected)) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }
    };
}

fn is_slug(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn is_reference(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

fn is_base32(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| BASE32.contains(&b))
}

text_newtype! {
    /// A tenant's immutable name, safe in URLs and file names.
    TenantSlug, "tenant slug", "1 to 40 of a-z, 0-9, hyphen and underscore", is_slug
}
text_newtype! {
    /// The name of a source, lock account or notifier in its tenant's configuration.
    IntegrationName, "integration name", "1 to 40 of a-z, 0-9, hyphen and underscore", is_slug
}
text_newtype! {
    /// A unit's name in the configuration.
    UnitId, "unit id", "1 to 40 of a-z, 0-9, hyphen and underscore", is_slug
}
text_newtype! {
    /// A door's name in the configuration.
    DoorId, "door id", "1 to 40 of a-z, 0-9, hyphen and underscore", is_slug
}
text_newtype! {
    /// A booking's id as its source names it; sources may re-issue it.
    ExternalId, "booking reference", "1 to 128 printable ASCII characters without blanks", is_reference
}
text_newtype! {
    /// A unit's id as a source names it (Smoobu: the apartment id).
    UnitRef, "unit reference", "1 to 128 printable ASCII characters without blanks", is_reference
}
text_newtype! {
    /// A code's id as the lock's vendor names it.
    VendorCodeId, "vendor code id", "1 to 128 printable ASCII characters without blanks", is_reference
}
text_newtype! {
    /// Our id of a booking. What a source calls it is an alias.
    BookingId, "booking id", "12 base-32 characters", is_base32
}
text_newtype! {
    /// Our id of a grant. Short enough for a marker.
    GrantId, "grant id", "12 base-32 characters", is_base32
}
text_newtype! {
    /// Our id of a code: a grant on one door.
    CodeId, "code id", "12 base-32 characters", is_base32
}
text_newtype! {
    /// Our id of a message, also the send-once key that vendors are given where they take one.
    MessageId, "message id", "12 base-32 characters", is_base32
}

fn draw(rng: &dyn Rng) -> String {
    let mut bytes = [0_u8; 12];
    rng.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(BASE32[usize::from(byte % 32)])).collect()
}

macro_rules! drawn {
    ($($name:ident),*) => {$(
        impl $name {
            /// Draws a new id: 60 random bits.
            #[must_use]
            pub fn draw(rng: &dyn Rng) -> Self {
                Self(draw(rng).into())
            }
        }
    )*};
}
drawn!(BookingId, GrantId, CodeId, MessageId);

/// One keypad, the same for every tenant that names it: vendor, device and keypad as the vendor calls them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DoorKey {
    /// The vendor's kind, as in the configuration (`thekeys`).
    pub vendor: Arc<str>,
    /// The lock.
    pub device: Arc<str>,
    /// The keypad on it; empty where a lock has just one.
    pub keypad: Arc<str>,
}

impl fmt::Display for DoorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.vendor, self.device, self.keypad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_and_references() {
        for (text, slug, reference) in [
            ("harbour", true, true),
            ("studio-a_1", true, true),
            ("", false, false),
            ("Harbour", false, true),
            ("../etc", false, true),
            ("a b", false, false),
            ("ä", false, false),
        ] {
            assert_eq!(TenantSlug::parse(text).is_ok(), slug, "{text:?}");
            assert_eq!(ExternalId::parse(text).is_ok(), reference, "{text:?}");
        }
    }
}
