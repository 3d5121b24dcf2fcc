//! `kind = "smoobu"`.

use std::sync::Arc;

use booking_core::{Secret, VendorError};
use smoobu_client::{DEFAULT_BASE_URL, Smoobu, SmoobuConfig, SmoobuWebhooks, WebhookPayload};

use crate::config::{KeySpec, Notes, Settings, Shape};
use crate::registry::{
    AdapterParts, BuiltSource, BuiltWebhooks, SourceKind, WEBHOOK_KEYS, WebhookTerms, webhook_terms,
};

/// A shorter secret in a path can be guessed.
const SHORTEST: usize = 16;

const KEYS: [KeySpec; 10 + WEBHOOK_KEYS.len()] = {
    let [webhooks, secret, secrets, payload, unauthenticated, ips] = WEBHOOK_KEYS;
    [
        KeySpec::optional("base_url", Shape::BaseUrl { own: Some(DEFAULT_BASE_URL) }),
        KeySpec::required("api_key", Shape::Secret),
        KeySpec::optional("api_secret", Shape::Secret),
        KeySpec::optional("legacy_api_key", Shape::Flag),
        KeySpec::optional("user_agent", Shape::Text),
        KeySpec::optional("requests_per_minute", Shape::Integer(1, 10_000)),
        KeySpec::optional("message_spacing", Shape::Duration),
        KeySpec::optional("settle", Shape::Duration),
        KeySpec::optional("check_totals", Shape::Flag),
        KeySpec::optional("placeholder_key", Shape::Text),
        webhooks,
        secret,
        secrets,
        payload,
        unauthenticated,
        ips,
    ]
};

pub(super) struct Kind;

impl SourceKind for Kind {
    fn keys(&self) -> &[KeySpec] {
        &KEYS
    }

    fn check(&self, settings: &Settings, notes: &Notes<'_, '_>) {
        let legacy = settings.flag("legacy_api_key") == Some(true);
        match (legacy, settings.has("api_secret")) {
            (false, false) => notes.problem(
                "api_secret",
                "is missing",
                "requests are signed with it: make one beside the API key",
            ),
            (true, true) => notes.problem(
                "legacy_api_key",
                "signs nothing, so that api_secret is not used",
                "take one of them out",
            ),
            _ => {}
        }
        for key in ["webhook_path_secret", "webhook_secrets"] {
            for secret in settings.secret_values(key) {
                if secret.get().is_some_and(|secret| secret.expose().len() < SHORTEST) {
                    notes.warning(
                        key,
                        format!("a path secret has fewer than {SHORTEST} characters"),
                        "make one with `openssl rand -hex 16`",
                    );
                }
            }
        }
        for text in base(settings).warnings() {
            // Those about webhooks are told for every kind alike.
            if !text.starts_with("webhook_") {
                let (key, what) = text.split_once(": ").unwrap_or(("", text));
                notes.warning(key, what, "see the README of smoobu-client");
            }
        }
    }

    fn webhooks(&self, settings: &Settings) -> Option<WebhookTerms> {
        webhook_terms(settings)
    }

    fn has_thread(&self) -> bool {
        true
    }

    fn writes_back(&self, settings: &Settings) -> bool {
        settings.has("placeholder_key")
    }

    fn build(&self, settings: &Settings, parts: &AdapterParts) -> Result<BuiltSource, VendorError> {
        let config = base(settings);
        let smoobu =
            Smoobu::new(config.clone(), parts.transport.clone(), parts.clock.clone(), parts.rng.clone())?;
        let mut built = BuiltSource::new(Arc::new(smoobu.clone()));
        built.thread = Some(Arc::new(smoobu.thread()));
        if webhook_terms(settings).is_some() {
            // At an alias there is no secret in the path: what is left is the address, or nothing.
            let mut at_alias = config.clone();
            at_alias.webhook_path_secrets = Vec::new();
            at_alias.webhook_unauthenticated = at_alias.webhook_networks.is_empty();
            if at_alias.webhook_unauthenticated {
                at_alias.webhook_payload = WebhookPayload::Reread;
            }
            built.webhooks = Some(BuiltWebhooks {
                receiver: Arc::new(smoobu),
                at_alias: Some(Arc::new(SmoobuWebhooks::new(&at_alias)?)),
            });
        }
        Ok(built)
    }
}

fn base(settings: &Settings) -> SmoobuConfig {
    let secret = |key| settings.secret(key).cloned();
    let mut config = SmoobuConfig::default();
    config.api_key = secret("api_key").unwrap_or(Secret::new(""));
    config.api_secret = secret("api_secret");
    config.webhook_path_secrets = settings.secrets("webhook_path_secret");
    config.webhook_path_secrets.extend(settings.secrets("webhook_secrets"));
    config.webhook_networks = settings.networks("accept_ips").to_vec();
    config.webhook_unauthenticated = settings.flag("webhook_unauthenticated").unwrap_or(false);
    if settings.text("webhook_payload") == Some("trust") {
        config.webhook_payload = WebhookPayload::Trust;
    }
    config.legacy_api_key = settings.flag("legacy_api_key").unwrap_or(false);
    config.placeholder_key = settings.text("placeholder_key").map(str::to_owned);
    if let Some(base_url) = settings.text("base_url") {
        config.base_url = base_url.to_owned();
    }
    if let Some(user_agent) = settings.text("user_agent") {
        config.user_agent = user_agent.to_owned();
    }
    if let Some(requests) =
        settings.integer("requests_per_minute").and_then(|requests| u32::try_from(requests).ok())
    {
        config.requests_per_minute = requests;
    }
    if let Some(spacing) = settings.duration("message_spacing") {
        config.message_spacing = spacing;
    }
    if let Some(settle) = settings.duration("settle") {
        config.settle = settle;
    }
    if let Some(check) = settings.flag("check_totals") {
        config.check_totals = check;
    }
    config
}
