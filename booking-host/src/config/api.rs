//! `[api]`: who may ask the operator's API.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use booking_core::TenantSlug;

use super::SecretValue;
use super::read::{Entry, Section};

/// A shorter token can be guessed, or was thought up.
const SHORTEST: usize = 32;

const MAKE_ONE: &str = "make one with `openssl rand -hex 32`";

/// `[api]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiConfig {
    /// Where it listens; `None` puts it under the listener of webhooks.
    pub listen: Option<SocketAddr>,
    /// Who may ask; at least one.
    pub tokens: Vec<ApiToken>,
}

/// `[[api.token]]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiToken {
    /// Its name, for logs and answers.
    pub name: String,
    /// What callers send. At hand: tokens are not kept in the store.
    pub token: SecretValue,
    /// What it may do.
    pub scopes: BTreeSet<ApiScope>,
    /// For which tenants; `None` for all.
    pub tenants: Option<BTreeSet<TenantSlug>>,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ApiScope {
    /// See everything but digits, and of guests no more than their booking's reference.
    Read,
    /// Make dry runs.
    Plan,
    /// Apply plans, give stays other digits, link codes, lift brakes, trust and read sources.
    Apply,
    /// See what is masked for others: digits, names on codes, senders of mails.
    Pins,
    /// Forget a stay.
    Erase,
    /// Hand over mails.
    Mail,
}

impl ApiScope {
    /// Every scope.
    pub const ALL: [Self; 6] = [Self::Read, Self::Plan, Self::Apply, Self::Pins, Self::Erase, Self::Mail];

    /// Its word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Pins => "pins",
            Self::Erase => "erase",
            Self::Mail => "mail",
        }
    }
}

/// Reads `[api]`; `None` inside where no token is set, so that there is no API.
pub(super) fn read(
    section: Section<'_>,
    main: Option<SocketAddr>,
    slugs: &BTreeSet<String>,
) -> Option<Option<ApiConfig>> {
    let listen = section.get("listen").map(|entry| listen(&entry, main));
    let mut tokens: Vec<ApiToken> = Vec::new();
    let (sections, mut whole) = (section.array("token", "name"), true);
    let none = sections.is_empty();
    for section in sections {
        match token(section, &tokens, slugs) {
            Some(token) => tokens.push(token),
            None => whole = false,
        }
    }
    if none && listen.is_some() {
        section.warning("listen", "nobody may ask, so that nothing listens", "add an [[api.token]] section");
    }
    section.finish();
    let listen = match listen {
        None => None,
        Some(listen) => Some(listen?),
    };
    if !whole {
        return None;
    }
    Some((!none).then_some(ApiConfig { listen, tokens }))
}

fn listen(entry: &Entry<'_>, main: Option<SocketAddr>) -> Option<SocketAddr> {
    let address: SocketAddr = entry.parse(
        |text| text.parse().map_err(|_| "is not an address with a port"),
        "write \"127.0.0.1:8081\"",
    )?;
    // Port 0 is another one each time.
    if main == Some(address) && address.port() != 0 {
        entry.wrong("is server.listen itself", "take it out: without it the API is served there");
        return None;
    }
    Some(address)
}

fn token(section: Section<'_>, others: &[ApiToken], slugs: &BTreeSet<String>) -> Option<ApiToken> {
    let name = section.require("name", "name it after who has it").and_then(|entry| {
        let name = entry.text()?;
        if others.iter().any(|other| other.name == name) {
            entry.wrong("two tokens have this name", "give each token a name of its own");
            return None;
        }
        Some(name.to_owned())
    });
    let token = section.require("token", MAKE_ONE).and_then(|entry| secret(&entry, others));
    let scopes = section.require("scopes", "write [\"read\"], or more of what it may do").and_then(|entry| {
        let words = ApiScope::ALL.map(|scope| (scope.word(), scope));
        all_of(&entry, |item| item.choice(&words))
    });
    let tenants = section.get("tenants").map(|entry| {
        all_of(&entry, |item| {
            let text = item.text()?;
            if !slugs.contains(text) {
                item.unknown(text, "tenant", &slugs.iter().map(String::as_str).collect::<Vec<_>>());
                return None;
            }
            TenantSlug::parse(text).ok()
        })
    });
    section.finish();
    let tenants = match tenants {
        None => None,
        Some(tenants) => Some(tenants?),
    };
    Some(ApiToken { name: name?, token: token?, scopes: scopes?, tenants })
}

/// Every item of a list that must not be empty.
fn all_of<T: Ord>(entry: &Entry<'_>, read: impl Fn(&Entry<'_>) -> Option<T>) -> Option<BTreeSet<T>> {
    let items = entry.list();
    if items.is_empty() && entry.value.get_ref().is_array() {
        entry.wrong("is an empty list", "name at least one");
    }
    let all: Vec<Option<T>> = items.iter().map(read).collect();
    let all: Option<BTreeSet<T>> = all.into_iter().collect();
    all.filter(|all| !all.is_empty())
}

fn secret(entry: &Entry<'_>, others: &[ApiToken]) -> Option<SecretValue> {
    let value = SecretValue::read(entry)?;
    let Some(secret) = value.get() else {
        entry.wrong("cannot be stored: it belongs to no tenant", "name it as { env = … } or { file = … }");
        return None;
    };
    let text = secret.expose();
    if text.len() < SHORTEST {
        entry.wrong(format!("has fewer than {SHORTEST} characters"), MAKE_ONE);
        return None;
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        entry.wrong("holds what cannot stand in a header", MAKE_ONE);
        return None;
    }
    if others.iter().any(|other| other.token.get() == Some(secret)) {
        entry.wrong("is another token's as well", MAKE_ONE);
        return None;
    }
    Some(value)
}
