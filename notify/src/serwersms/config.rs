//! What an operator sets for one SerwerSMS account.

use std::fmt;
use std::time::Duration;

use booking_core::{Secret, VendorError};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The vendor's own address. Not `apiv2…`, and not the older `api1…`, whose error numbers mean other things.
pub const BASE_URL: &str = "https://api2.serwersms.pl/";

/// One SerwerSMS account.
///
/// It can be read from any serde format; it cannot be written, since it holds a token.
///
/// ```
/// use booking_notify::SerwerSmsConfig;
///
/// let mut config = SerwerSmsConfig::new("planted-token");
/// config.sender = "HARBOUR".to_owned();
/// assert!(config.transliterate);
/// assert!(!format!("{config:?}").contains("planted-token"));
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SerwerSmsConfig {
    /// Where the gateway is. Default: [`BASE_URL`].
    pub base_url: String,
    /// An API token, made in the vendor's panel. No default.
    #[serde(deserialize_with = "secret")]
    pub token: Secret,
    /// The sender's name, a number of 4 or 9 digits, or `2waySMS`; the vendor must have approved it. Then texts go
    /// as SMS FULL. Default: empty, which is ECO+: cheaper, from a random number, and **in GSM-7 only**.
    pub sender: String,
    /// Whether a text in a Latin script is spelled in GSM-7 where that makes it fit (`ą` becomes `a`), which takes
    /// less than half of the segments. Without a sender, what still does not fit becomes `?`. Other scripts are
    /// never respelled. Default: `true`.
    pub transliterate: bool,
    /// The most segments of one text. The vendor states no limit in what could be read; 6 (918 characters of GSM-7,
    /// 402 of UCS-2) is a customary one of gateways. Default: 6.
    pub segments: usize,
    /// How long after an attempt a look-up that finds nothing still proves nothing. In whole seconds. Default: 60 s;
    /// the vendor promises no time.
    #[serde(deserialize_with = "seconds")]
    pub settle: Duration,
    /// Whether the vendor only checks and answers as if, and sends nothing. Default: `false`.
    pub test: bool,
    /// How long one attempt of a call may take. In whole seconds. Default: 15 s.
    #[serde(deserialize_with = "seconds")]
    pub timeout: Duration,
    /// Whether `http://` is allowed for other hosts than loopback. Default: `false`.
    pub allow_plain_http: bool,
}

impl Default for SerwerSmsConfig {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            token: Secret::new(""),
            sender: String::new(),
            transliterate: true,
            segments: 6,
            settle: Duration::from_secs(60),
            test: false,
            timeout: Duration::from_secs(15),
            allow_plain_http: false,
        }
    }
}

impl SerwerSmsConfig {
    /// The defaults for an account.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: Secret::new(token), ..Self::default() }
    }

    /// All that is wrong with it, in one error.
    pub(super) fn validate(&self) -> Result<(), VendorError> {
        let mut wrong = Vec::new();
        if self.token.expose().trim().is_empty() {
            wrong.push("token is empty");
        }
        if self.sender.len() > 11 || !self.sender.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            wrong.push("sender is longer than 11 characters, or not plain ASCII");
        }
        if self.sender != self.sender.trim() {
            wrong.push("sender begins or ends with a blank");
        }
        if !(1..=255).contains(&self.segments) {
            wrong.push("segments must be 1 to 255");
        }
        // Anything longer could not be told from a message that is lost, and would keep a guest waiting.
        if self.settle > Duration::from_secs(24 * 3600) {
            wrong.push("settle is longer than a day");
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(VendorError::configuration(format!("serwersms: {}", wrong.join("; "))))
        }
    }
}

impl fmt::Debug for SerwerSmsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may carry a user and password.
        f.debug_struct("SerwerSmsConfig")
            .field("own_base_url", &(self.base_url == BASE_URL))
            .field("sender", &self.sender)
            .field("transliterate", &self.transliterate)
            .field("segments", &self.segments)
            .field("settle", &self.settle)
            .field("test", &self.test)
            .field("timeout", &self.timeout)
            .field("allow_plain_http", &self.allow_plain_http)
            .finish_non_exhaustive()
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    // The deserializer's own error would repeat what it found.
    String::deserialize(deserializer)
        .map(Secret::new)
        .map_err(|_| D::Error::custom("the token must be a text"))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u32::deserialize(deserializer).map(|seconds| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_there_and_keeps_the_rest() {
        let text = r#"{"token": "planted-token", "sender": "HARBOUR", "settle": 90, "test": true}"#;
        let config: SerwerSmsConfig = serde_json::from_str(text).unwrap();
        let mut expected = SerwerSmsConfig::new("planted-token");
        expected.sender = "HARBOUR".to_owned();
        expected.settle = Duration::from_secs(90);
        expected.test = true;
        assert_eq!(config, expected);
        config.validate().unwrap();
    }

    #[test]
    fn mistakes_are_refused_without_being_repeated() {
        let error = serde_json::from_str::<SerwerSmsConfig>(r#"{"token": 48151623}"#).unwrap_err();
        assert!(!error.to_string().contains("4815"), "{error}");
        assert!(serde_json::from_str::<SerwerSmsConfig>(r#"{"tokn": "x"}"#).is_err());
        let mut config = SerwerSmsConfig::new(" ");
        config.sender = "MUCH TOO LONG A NAME".to_owned();
        config.segments = 0;
        config.settle = Duration::MAX;
        let error = config.validate().unwrap_err().to_string();
        for word in ["token", "sender", "segments", "settle"] {
            assert!(error.contains(word), "{error}");
        }
    }
}
