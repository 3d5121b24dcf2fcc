//! What an operator sets for one The Keys account.

use std::fmt;
use std::time::Duration;

use booking_core::{Secret, VendorError};
use chrono_tz::Tz;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The vendor's own address.
pub const BASE_URL: &str = "https://api.the-keys.fr";

/// One The Keys account, and what is assumed about its locks where the vendor says nothing.
///
/// It can be read from any serde format; it cannot be written, since it holds a password.
///
/// ```
/// use thekeys_client::TheKeysConfig;
///
/// let mut config = TheKeysConfig::new("+33100000000", "password");
/// config.accept_null_list = true;
/// assert!(!format!("{config:?}").contains("password\""));
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TheKeysConfig {
    /// Where the cloud is. Default: [`BASE_URL`].
    pub base_url: String,
    /// The account: its phone number in international form with `+`. No default.
    pub username: String,
    /// The account's password. No default.
    #[serde(deserialize_with = "secret")]
    pub password: Secret,
    /// Whether `http://` is allowed for other hosts than loopback. Default: `false`.
    pub allow_plain_http: bool,
    /// How long one attempt of a call may take. In whole seconds. Default: 20 s.
    #[serde(deserialize_with = "seconds")]
    pub timeout: Duration,
    /// Whether `data: null` in a list of codes is an empty list, as long as the account shows the keypad. Nobody knows
    /// whether the vendor answers so for a lock without codes. Default: `false`, such a list is unreadable.
    pub accept_null_list: bool,
    /// Whether the vendor leaves the hours out when it lists a code that has them. Nobody knows. Then a code counts as
    /// what we want if its days are right. Default: `false`; a code listed without hours is taken to open all day.
    pub accept_missing_hours: bool,
    /// Pairs of zones to be taken for one. Default: none; a lock in another zone than its unit is not written to.
    pub accept_time_zone: Vec<ZoneAlias>,
    /// How long the account's locks, and so their zones, are remembered before a write asks again. In whole seconds.
    /// Default: one hour.
    #[serde(deserialize_with = "seconds")]
    pub zone_max_age: Duration,
    /// How long after a refused login no other is tried. In whole seconds. Default: five minutes.
    #[serde(deserialize_with = "seconds")]
    pub login_pause: Duration,
    /// Whether a code may start in the past. The vendor's reaction is unknown. Default: `true`.
    pub past_start: bool,
    /// Whether a keypad may hold the same digits twice. Default: `false`. The vendor's reaction is unknown, and even
    /// where it is taken, a keypad cannot tell two such codes apart: removing one might shut out the holder of the other.
    pub same_pin_twice: bool,
    /// How long after a write the cloud or the door may still show the old state. In whole seconds. Default: zero; the
    /// gateway usually needs one to four minutes for a lock.
    #[serde(deserialize_with = "seconds")]
    pub settle: Duration,
}

impl Default for TheKeysConfig {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            username: String::new(),
            password: Secret::new(""),
            allow_plain_http: false,
            timeout: Duration::from_secs(20),
            accept_null_list: false,
            accept_missing_hours: false,
            accept_time_zone: Vec::new(),
            zone_max_age: Duration::from_secs(3600),
            login_pause: Duration::from_secs(300),
            past_start: true,
            same_pin_twice: false,
            settle: Duration::ZERO,
        }
    }
}

impl TheKeysConfig {
    /// The defaults for an account.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: Secret::new(password), ..Self::default() }
    }

    /// All that is wrong with it, in one error.
    pub(crate) fn validate(&self) -> Result<(), VendorError> {
        let mut wrong = Vec::new();
        if self.username.is_empty() || self.username.chars().any(|c| c.is_whitespace() || c.is_control()) {
            wrong.push("username is empty or has blanks");
        } else if self.username.bytes().all(|b| b.is_ascii_digit()) {
            wrong.push("username lacks the + and country code of the phone number");
        }
        if self.password.expose().is_empty() {
            wrong.push("password is empty");
        }
        if wrong.is_empty() { Ok(()) } else { Err(VendorError::configuration(wrong.join("; "))) }
    }
}

impl fmt::Debug for TheKeysConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may carry a user and password, the user name is a phone number.
        f.debug_struct("TheKeysConfig")
            .field("own_base_url", &(self.base_url == BASE_URL))
            .field("allow_plain_http", &self.allow_plain_http)
            .field("timeout", &self.timeout)
            .field("accept_missing_hours", &self.accept_missing_hours)
            .field("accept_null_list", &self.accept_null_list)
            .field("accept_time_zone", &self.accept_time_zone)
            .field("zone_max_age", &self.zone_max_age)
            .field("login_pause", &self.login_pause)
            .field("past_start", &self.past_start)
            .field("same_pin_twice", &self.same_pin_twice)
            .field("settle", &self.settle)
            .finish_non_exhaustive()
    }
}

/// Two zones that an operator declares to be one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ZoneAlias {
    /// What the lock says, letter by letter.
    pub lock: String,
    /// The zone of the unit behind it.
    pub unit: Tz,
}

impl ZoneAlias {
    /// Takes a lock that says `lock` for one in the zone `unit`.
    #[must_use]
    pub fn new(lock: impl Into<String>, unit: Tz) -> Self {
        Self { lock: lock.into(), unit }
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    // The deserializer's own error would repeat what it found.
    String::deserialize(deserializer)
        .map(Secret::new)
        .map_err(|_| D::Error::custom("the password must be a text"))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u32::deserialize(deserializer).map(|seconds| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_there_and_keeps_the_rest() {
        let config: TheKeysConfig = serde_json::from_value(serde_json::json!({
            "username": "+33100000000", "password": "hunter2-secret", "settle": 90,
            "accept_time_zone": [{ "lock": "Europe/Paris", "unit": "Europe/Warsaw" }],
        }))
        .unwrap();
        let mut expected = TheKeysConfig::new("+33100000000", "hunter2-secret");
        expected.settle = Duration::from_secs(90);
        expected.accept_time_zone = vec![ZoneAlias::new("Europe/Paris", Tz::Europe__Warsaw)];
        assert_eq!(config, expected);
        config.validate().unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("33100"), "{shown}");
    }

    #[test]
    fn unknown_settings_are_mistakes() {
        let error = serde_json::from_value::<TheKeysConfig>(serde_json::json!({ "password": 48_151_623 }))
            .unwrap_err();
        assert!(!error.to_string().contains("4815"), "{error}");
        assert!(serde_json::from_value::<TheKeysConfig>(serde_json::json!({ "pasword": "x" })).is_err());
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let error = TheKeysConfig::new("0612345678", "").validate().unwrap_err().to_string();
        assert!(error.contains("username") && error.contains("password is empty"), "{error}");
        assert!(!error.contains("0612"), "{error}");
    }
}
