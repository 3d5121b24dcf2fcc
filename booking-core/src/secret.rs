//! Values that never print themselves: [`Secret`] and [`Pin`].

use std::fmt;

use zeroize::Zeroizing;

use crate::parse::Invalid;

/// A token, password or key. `Debug` prints a placeholder, there is no `Display` and no `Serialize`, and the
/// memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that sends or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The digits of a door code, either as the guest types them or as the vendor stores them.
///
/// Always 1 to 16 ASCII digits; leading zeros count. `Debug` prints a placeholder; there is no `Display` and no
/// `Serialize`, so that a PIN reaches text only through [`Pin::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Parses digits.
    ///
    /// # Errors
    ///
    /// [`Invalid`] unless the text is 1 to 16 ASCII digits. The error does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(Invalid::new("PIN", "1 to 16 digits"))
        }
    }

    /// The digits themselves, for the one place that sends, stores or shows them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// How many digits.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a PIN is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// How sealed parts of records write a [`Pin`]: only the store's sealing code sees the result.
pub(crate) mod sealed_pin {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Pin;

    pub(crate) fn serialize<S: Serializer>(pin: &Option<Pin>, serializer: S) -> Result<S::Ok, S::Error> {
        pin.as_ref().map(Pin::expose).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pin>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| Pin::parse(&text).map_err(serde::de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_itself() {
        let secret = format!("{:?}", Secret::new("hunter2-token"));
        let pin = format!("{:?}", Pin::parse("48210937").unwrap());
        assert!(!secret.contains("hunter2") && !pin.contains("4821"), "{secret} {pin}");
    }

    #[test]
    fn pins_are_digits() {
        for (text, ok) in [
            ("0042", true),
            ("1", true),
            ("", false),
            ("12a4", false),
            ("١٢٣٤", false),
            ("12345678901234567", false),
        ] {
            assert_eq!(Pin::parse(text).is_ok(), ok, "{text:?}");
        }
    }
}
