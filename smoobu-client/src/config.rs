//! How an account is reached: [`SmoobuConfig`].

use std::fmt;
use std::time::Duration;

use booking_core::signature::Network;
use booking_core::{Secret, VendorError};
use http::HeaderValue;
use serde::Deserialize;

/// Smoobu's own address.
pub const DEFAULT_BASE_URL: &str = "https://login.smoobu.com";

/// What becomes of a webhook's payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WebhookPayload {
    /// It names the booking, which is then read from Smoobu: the event is a hint.
    #[default]
    Reread,
    /// A whole booking in it is believed: the event is a snapshot. Wants a path secret or an address list.
    Trust,
}

/// A Smoobu account: keys, pace, webhooks. Checked whole when the client is made.
///
/// Durations are read from text with a unit (`"2500ms"`, `"60s"`, `"5m"`, `"1h"`) or from a number of seconds.
///
/// ```
/// use smoobu_client::SmoobuConfig;
///
/// let config: SmoobuConfig = serde_json::from_str(
///     r#"{"api_key": "usr_live_abc", "api_secret": "s3cret", "webhook_path_secret": "9f8a2c", "settle": "90s"}"#,
/// )?;
/// assert_eq!(config.settle.as_secs(), 90);
/// assert!(!format!("{config:?}").contains("s3cret"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SmoobuConfig {
    /// Where Smoobu answers. Default: [`DEFAULT_BASE_URL`].
    pub base_url: String,
    /// The API key from Smoobu's settings (Advanced, API keys). No default.
    #[serde(deserialize_with = "read::secret")]
    pub api_key: Secret,
    /// The API secret that belongs to the key and signs each request. No default; only
    /// [`legacy_api_key`](Self::legacy_api_key) does without.
    #[serde(deserialize_with = "read::optional_secret")]
    pub api_secret: Option<Secret>,
    /// Whether requests carry the old `Api-Key` header instead of a signature. Smoobu switches it off on
    /// 2026-10-31. Default: `false`.
    pub legacy_api_key: bool,
    /// The `User-Agent` of each request; Smoobu's web firewall refuses those of some HTTP libraries. Default:
    /// `staykey-smoobu-client/` and the version.
    pub user_agent: String,
    /// How many requests a minute are made at most. Default: 700, Smoobu's own limit.
    pub requests_per_minute: u32,
    /// The least time between two guest messages; channels behind Smoobu refuse bursts. Default: 2.5 s.
    #[serde(deserialize_with = "read::duration")]
    pub message_spacing: Duration,
    /// For how long a message that is not in the thread yet may still appear there. Default: 60 s.
    #[serde(deserialize_with = "read::duration")]
    pub settle: Duration,
    /// Whether a list must hold as many entries as it counts itself; one that does not is an error, since a booking
    /// that is left out would look like one that is gone. Only to be switched off should Smoobu's count turn out to
    /// mean something else. Default: `true`.
    pub check_totals: bool,
    /// The secrets of which one must stand in the path of a webhook; several while one is replaced. In a file, one
    /// text or a list, also under the name `webhook_path_secret`. Default: none.
    #[serde(alias = "webhook_path_secret", deserialize_with = "read::secrets")]
    pub webhook_path_secrets: Vec<Secret>,
    /// Where webhooks may come from; empty means anywhere. Smoobu documents no fixed address. Default: empty.
    pub webhook_networks: Vec<Network>,
    /// Whether webhooks are taken with neither path secret nor networks, from whoever knows the URL. They are then
    /// hints that prove nothing. Default: `false`, so that without a check each webhook is refused.
    pub webhook_unauthenticated: bool,
    /// What becomes of a webhook's payload. Default: [`WebhookPayload::Reread`].
    pub webhook_payload: WebhookPayload,
    /// The key of the custom placeholder into which codes are written back. Default: none, so that nothing is
    /// written back.
    pub placeholder_key: Option<String>,
}

impl Default for SmoobuConfig {
    /// All defaults, without keys: a client cannot be made from it.
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.to_owned(),
            api_key: Secret::new(""),
            api_secret: None,
            legacy_api_key: false,
            user_agent: concat!("staykey-smoobu-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            requests_per_minute: 700,
            message_spacing: Duration::from_millis(2500),
            settle: Duration::from_secs(60),
            check_totals: true,
            webhook_path_secrets: Vec::new(),
            webhook_networks: Vec::new(),
            webhook_unauthenticated: false,
            webhook_payload: WebhookPayload::Reread,
            placeholder_key: None,
        }
    }
}

impl SmoobuConfig {
    /// An account with its key and secret; all else as by default.
    #[must_use]
    pub fn new(api_key: Secret, api_secret: Secret) -> Self {
        Self { api_key, api_secret: Some(api_secret), ..Self::default() }
    }

    /// What is allowed but not wise, for the operator's log.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.legacy_api_key {
            warnings
                .push("legacy_api_key: Smoobu has announced to switch the Api-Key header off on 2026-10-31");
        }
        if self.webhook_unauthenticated && !self.checks_webhooks() {
            warnings.push(
                "webhook_unauthenticated: whoever knows the URL can send hints; set webhook_path_secret instead",
            );
        }
        if self.webhook_path_secrets.is_empty() && !self.webhook_networks.is_empty() {
            warnings.push("webhook_networks: Smoobu promises no address; set webhook_path_secret as well");
        }
        warnings
    }

    /// Whether there is anything by which a webhook shows where it comes from.
    pub(crate) fn checks_webhooks(&self) -> bool {
        !self.webhook_path_secrets.is_empty() || !self.webhook_networks.is_empty()
    }

    /// All that is wrong, at once.
    pub(crate) fn check(&self) -> Result<(), VendorError> {
        let mut problems = self.webhook_problems();
        match header_problem(self.api_key.expose()) {
            Some("missing") => problems.push("api_key is missing"),
            Some(_) => problems.push("api_key holds blanks or characters that no key has"),
            None => {}
        }
        match (self.legacy_api_key, &self.api_secret) {
            (true, Some(_)) => problems.push("legacy_api_key signs nothing: take it or api_secret out"),
            (false, None) => problems.push("api_secret is missing"),
            (false, Some(secret)) if secret.expose().trim().is_empty() => {
                problems.push("api_secret is blank")
            }
            _ => {}
        }
        if self.user_agent.trim().is_empty() || HeaderValue::from_str(&self.user_agent).is_err() {
            problems.push("user_agent is blank or cannot stand in a header");
        }
        if self.requests_per_minute == 0 {
            problems.push("requests_per_minute is 0");
        }
        if self.placeholder_key.as_deref().is_some_and(|key| key.trim().is_empty()) {
            problems.push("placeholder_key is blank");
        }
        told(&problems)
    }

    /// All that is wrong with what concerns webhooks.
    pub(crate) fn check_webhooks(&self) -> Result<(), VendorError> {
        told(&self.webhook_problems())
    }

    fn webhook_problems(&self) -> Vec<&'static str> {
        let mut problems = Vec::new();
        if self.webhook_path_secrets.iter().any(|secret| secret.expose().trim().is_empty()) {
            problems.push("a webhook_path_secret is blank");
        }
        if self.webhook_payload == WebhookPayload::Trust && !self.checks_webhooks() {
            problems.push("webhook_payload = \"trust\" wants webhook_path_secret or webhook_networks");
        }
        problems
    }
}

fn told(problems: &[&str]) -> Result<(), VendorError> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(VendorError::configuration(format!("smoobu: {}", problems.join("; "))))
    }
}

fn header_problem(key: &str) -> Option<&'static str> {
    if key.trim().is_empty() {
        Some("missing")
    } else if key.bytes().all(|byte| byte.is_ascii_graphic()) {
        None
    } else {
        Some("malformed")
    }
}

impl fmt::Debug for SmoobuConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL may hold user and password.
        let base_url = if self.base_url == DEFAULT_BASE_URL { DEFAULT_BASE_URL } else { "(another)" };
        f.debug_struct("SmoobuConfig")
            .field("base_url", &base_url)
            .field("legacy_api_key", &self.legacy_api_key)
            .field("user_agent", &self.user_agent)
            .field("requests_per_minute", &self.requests_per_minute)
            .field("message_spacing", &self.message_spacing)
            .field("settle", &self.settle)
            .field("check_totals", &self.check_totals)
            .field("webhook_path_secrets", &self.webhook_path_secrets.len())
            .field("webhook_networks", &self.webhook_networks)
            .field("webhook_unauthenticated", &self.webhook_unauthenticated)
            .field("webhook_payload", &self.webhook_payload)
            .field("placeholder_key", &self.placeholder_key)
            .finish_non_exhaustive()
    }
}

/// How fields are read from a file.
mod read {
    use std::time::Duration;

    use booking_core::Secret;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer};

    // The deserializers' own errors would repeat what they found.
    const NO_TEXT: &str = "a key or secret must be a text";

    pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new).map_err(|_| D::Error::custom(NO_TEXT))
    }

    pub(super) fn optional_secret<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        let text = Option::<String>::deserialize(deserializer).map_err(|_| D::Error::custom(NO_TEXT))?;
        Ok(text.map(Secret::new))
    }

    pub(super) fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            One(String),
            Many(Vec<String>),
        }
        Ok(match Shape::deserialize(deserializer).map_err(|_| D::Error::custom(NO_TEXT))? {
            Shape::One(text) => vec![Secret::new(text)],
            Shape::Many(texts) => texts.into_iter().map(Secret::new).collect(),
        })
    }

    pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Seconds(f64),
            Text(String),
        }
        const EXPECTED: &str = "expected a duration such as \"2500ms\", \"60s\", \"5m\" or \"1h\"";
        match Shape::deserialize(deserializer).map_err(|_| D::Error::custom(EXPECTED))? {
            Shape::Seconds(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            Shape::Text(text) => parse(text.trim()),
        }
        .ok_or_else(|| D::Error::custom(EXPECTED))
    }

    fn parse(text: &str) -> Option<Duration> {
        let unit_at = text.find(|character: char| !character.is_ascii_digit())?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().ok()?;
        match unit.trim() {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            "m" => number.checked_mul(60).map(Duration::from_secs),
            "h" => number.checked_mul(3600).map(Duration::from_secs),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> SmoobuConfig {
        SmoobuConfig::new(Secret::new("usr_live_abc"), Secret::new("s3cret"))
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut SmoobuConfig), problems: &[&str]) {
        let mut config = good();
        change(&mut config);
        let told = config.check().map_err(|error| error.to_string());
        let expected =
            if problems.is_empty() { Ok(()) } else { Err(format!("smoobu: {}", problems.join("; "))) };
        assert_eq!(told, expected);
    }

    #[test]
    fn it_is_checked_whole() {
        check(|_| {}, &[]);
        check(
            |config| config.api_key = Secret::new("a b"),
            &["api_key holds blanks or characters that no key has"],
        );
        check(|config| config.api_secret = Some(Secret::new(" ")), &["api_secret is blank"]);
        check(
            |config| config.legacy_api_key = true,
            &["legacy_api_key signs nothing: take it or api_secret out"],
        );
        check(
            |config| {
                config.legacy_api_key = true;
                config.api_secret = None;
            },
            &[],
        );
        check(
            |config| config.webhook_payload = WebhookPayload::Trust,
            &["webhook_payload = \"trust\" wants webhook_path_secret or webhook_networks"],
        );
        check(
            |config| {
                config.webhook_payload = WebhookPayload::Trust;
                config.webhook_networks = vec!["192.0.2.0/24".parse().unwrap()];
            },
            &[],
        );
        check(
            |config| {
                *config = SmoobuConfig {
                    user_agent: "a\nb".into(),
                    requests_per_minute: 0,
                    placeholder_key: Some(" ".into()),
                    webhook_path_secrets: vec![Secret::new("good"), Secret::new("")],
                    ..SmoobuConfig::default()
                }
            },
            &[
                "a webhook_path_secret is blank",
                "api_key is missing",
                "api_secret is missing",
                "user_agent is blank or cannot stand in a header",
                "requests_per_minute is 0",
                "placeholder_key is blank",
            ],
        );
    }

    #[test]
    fn durations() {
        #[track_caller]
        fn check(text: &str, expected: Option<Duration>) {
            let config = serde_json::from_str::<SmoobuConfig>(&format!(r#"{{"settle": {text}}}"#));
            assert_eq!(config.ok().map(|config| config.settle), expected, "{text}");
        }
        check("60", Some(Duration::from_secs(60)));
        check("2.5", Some(Duration::from_millis(2500)));
        check(r#""2500ms""#, Some(Duration::from_millis(2500)));
        check(r#""5 m""#, Some(Duration::from_secs(300)));
        check(r#""1h""#, Some(Duration::from_secs(3600)));
        for wrong in ["-1", r#""60""#, r#""s""#, r#""5d""#, r#""""#, "true", r#""18446744073709551615h""#] {
            check(wrong, None);
        }
    }

    #[test]
    fn secrets_come_alone_or_in_a_list() {
        for text in [r#"{"webhook_path_secret": "a"}"#, r#"{"webhook_path_secrets": ["a"]}"#] {
            let config: SmoobuConfig = serde_json::from_str(text).unwrap();
            assert_eq!(config.webhook_path_secrets, [Secret::new("a")]);
        }
        assert!(serde_json::from_str::<SmoobuConfig>(r#"{"api_kee": "a"}"#).is_err());
        for wrong in [r#"{"api_key": 4815}"#, r#"{"api_secret": 4815}"#, r#"{"webhook_path_secret": 4815}"#] {
            let error = serde_json::from_str::<SmoobuConfig>(wrong).unwrap_err().to_string();
            assert!(!error.contains("4815"), "{error}");
        }
    }

    #[test]
    fn what_is_not_wise_is_told() {
        let mut config = good();
        assert!(config.warnings().is_empty());
        config.webhook_unauthenticated = true;
        config.legacy_api_key = true;
        assert_eq!(config.warnings().len(), 2);
        config.webhook_networks = vec!["192.0.2.0/24".parse().unwrap()];
        assert!(config.warnings().iter().any(|warning| warning.starts_with("webhook_networks")));
    }
}
