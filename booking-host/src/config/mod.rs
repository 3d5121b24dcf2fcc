//! The configuration: one TOML file, read and checked whole before anything starts.
//!
//! `config.example.toml` beside this crate's manifest explains every key. What is wrong is told all at once, each with
//! its line and a remedy:
//!
//! ```
//! use booking_host::Config;
//!
//! let text = r#"[server]
//! lsiten = "127.0.0.1:8080"
//! public_url = "keys.example.org"
//! [store]
//! url = "memory:"
//! [[tenant]]
//! slug = "Harbour"
//! "#;
//! let problems = Config::parse(text, &|_| None).unwrap_err();
//! let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
//! assert_eq!(
//!     told,
//!     [
//!         "line 1: server.listen: is missing — write \"127.0.0.1:8080\", or what a proxy in front reaches",
//!         "line 2: server.lsiten: unknown key — did you mean `listen`?",
//!         "line 3: server.public_url: is not a whole URL — write https://host[:port][/prefix]",
//!         "line 7: tenant.Harbour.slug: not a valid tenant slug: expected 1 to 40 of a-z, 0-9, hyphen and underscore \
//!          — choose another; it can never change later",
//!     ],
//! );
//! ```

mod api;
mod problem;
mod read;
mod secret;
mod settings;
mod tenant;
#[cfg(test)]
mod tests;
mod traces;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use booking_core::signature::Network;
use booking_core::{IntegrationName, TenantSlug};
use chrono::TimeDelta;
use toml::de::DeTable;

use self::read::{Entry, Found, Report, Section};
use self::value::Address;
use crate::registry::{Registry, WebhookTerms};

pub use self::api::{ApiConfig, ApiScope, ApiToken};
pub use self::problem::{Problem, Warning};
pub use self::secret::{Origin, SecretValue};
pub use self::settings::{KeySpec, Notes, Settings, Shape};
pub use self::tenant::TenantConfig;
pub(crate) use self::tenant::thread_of;
pub use self::traces::TracesConfig;

/// A whole, checked configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How the host is reached.
    pub server: ServerConfig,
    /// Where it remembers.
    pub store: StoreConfig,
    /// How it works on what is due.
    pub worker: WorkerConfig,
    /// What it logs.
    pub log: LogConfig,
    /// Where it sends traces; `None` where it sends none.
    pub traces: Option<TracesConfig>,
    /// Who may ask the operator's API; `None` where there is none.
    pub api: Option<ApiConfig>,
    /// Webhook paths of vendor dashboards that are already filled in.
    pub aliases: Vec<Alias>,
    /// The tenants.
    pub tenants: Vec<TenantConfig>,
}

/// `[server]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How vendors reach it, without a slash at the end.
    pub public_url: String,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The longest body that is taken, in bytes.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_deadline: Duration,
    /// How many webhooks are taken at once.
    pub concurrency: usize,
    /// How long work may go on after the host was told to stop.
    pub drain: Duration,
    /// Whether `/metrics` answers.
    pub metrics: bool,
}

/// `[store]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreConfig {
    /// Which store.
    pub place: StorePlace,
    /// The key that seals; the store of [`StorePlace::Memory`] needs none.
    pub master_key: Option<SecretValue>,
    /// Keys that sealed earlier.
    pub older_master_keys: Vec<SecretValue>,
    /// How long after a stay's end it is remembered.
    pub retention: TimeDelta,
}

/// Which store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StorePlace {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database, that other hosts may share.
    #[cfg(feature = "postgres")]
    Postgres(Box<booking_store::PostgresUrl>),
    /// In memory, gone with the process.
    Memory,
}

/// `[worker]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerConfig {
    /// How many keys are worked on at once.
    pub concurrency: usize,
    /// How many of them may be one tenant's.
    pub per_tenant: usize,
    /// The longest time between two looks at what is due.
    pub look_every: Duration,
}

/// `[log]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogConfig {
    /// What is logged, as `tracing` writes it: `info`, `booking_host=debug,info`.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Json }
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// `[[alias]]`: another path for an integration's webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alias {
    /// The path.
    pub path: String,
    /// Whose webhooks.
    pub tenant: TenantSlug,
    /// Which integration's.
    pub integration: IntegrationName,
    /// The topic that the receiver is told.
    pub topic: Option<String>,
}

impl Config {
    /// Reads and checks a configuration with the kinds of [`Registry::default`].
    ///
    /// `env` looks up environment variables; files that hold secrets or texts are read here.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the file.
    pub fn parse(
        text: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<Warning>), Vec<Problem>> {
        Self::parse_with(text, env, &Registry::default())
    }

    /// The same with the kinds of a registry of one's own.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the file.
    pub fn parse_with(
        text: &str,
        env: &dyn Fn(&str) -> Option<String>,
        registry: &Registry,
    ) -> Result<(Self, Vec<Warning>), Vec<Problem>> {
        let (config, Found { problems, warnings, .. }) = read(text, env, registry);
        match config {
            Some(config) if problems.is_empty() => Ok((config, warnings)),
            _ => Err(problems),
        }
    }

    /// The tenant of this name.
    #[must_use]
    pub fn tenant(&self, slug: &TenantSlug) -> Option<&TenantConfig> {
        self.tenants.iter().find(|tenant| tenant.slug == *slug)
    }
}

fn read(text: &str, env: &dyn Fn(&str) -> Option<String>, registry: &Registry) -> (Option<Config>, Found) {
    let report = Report::new(text, env);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            // Its `Display` would show the line itself, with whatever stands in it.
            let line = report.line_at(error.span().unwrap_or_default());
            report.problem(line, "", format!("not TOML: {}", error.message()), "mend the line");
        }
        return (None, report.into_found());
    }
    let empty = DeTable::new();
    let root = Section::new(&report, document.get_ref(), "", 1);
    let section = |key| match root.get(key) {
        Some(entry) => entry.section(),
        None => Some(Section::absent(&report, &empty, key)),
    };
    let (server, foreign) = match section("server") {
        Some(section) => read_server(section),
        None => (None, false),
    };
    let tenants = tenant::read_all(&root, registry, foreign);
    let store = section("store").and_then(read_store);
    let worker = section("worker").and_then(|section| read_worker(section, tenants.configs.len()));
    let log = section("log").and_then(read_log);
    let traces = match root.get("traces") {
        None => Some(None),
        Some(entry) => entry.section().and_then(traces::read).map(Some),
    };
    let listen = server.as_ref().map(|server| server.listen);
    let api = section("api").and_then(|section| api::read(section, listen, &tenants.slugs));
    let aliases = read_aliases(&root, &tenants.webhooks, &tenants.slugs);
    tenants.check_unused_webhooks(&report, &aliases);
    root.finish();

    let config = (|| {
        Some(Config {
            server: server?,
            store: store?,
            worker: worker?,
            log: log?,
            traces: traces?,
            api: api?,
            aliases,
            tenants: tenants.configs,
        })
    })();
    (config, report.into_found())
}

fn read_server(section: Section<'_>) -> (Option<ServerConfig>, bool) {
    let listen = section
        .require("listen", "write \"127.0.0.1:8080\", or what a proxy in front reaches")
        .and_then(|entry| {
            entry.parse(
                |text| text.parse().map_err(|_| "is not an address with a port"),
                "write \"127.0.0.1:8080\"",
            )
        });
    let public_url =
        section.require("public_url", "write the https:// address that vendors reach").and_then(public_url);
    let trusted_proxies = match section.get("trusted_proxies") {
        None => Some(Vec::new()),
        Some(entry) => {
            let remedy = "write addresses and networks such as \"127.0.0.1\" or \"10.0.0.0/8\"";
            let networks: Vec<Option<Network>> =
                entry.list().iter().map(|item| item.parse(str::parse::<Network>, remedy)).collect();
            networks.into_iter().collect()
        }
    };
    let foreign = section.get("allow_foreign_base_url").and_then(|entry| entry.flag()).unwrap_or(false);
    let body_limit = count(&section, "body_limit", 1024..64 * 1024 * 1024 + 1, 1024 * 1024);
    let body_deadline = duration(&section, "body_deadline", "10s", TimeDelta::seconds(1), "1s");
    let concurrency = count(&section, "concurrency", 1..65_536, 256);
    let drain = duration(&section, "drain", "20s", TimeDelta::seconds(1), "1s");
    let metrics = section.get("metrics").map_or(Some(true), |entry| entry.flag());
    section.finish();
    let server = (|| {
        Some(ServerConfig {
            listen: listen?,
            public_url: public_url?,
            trusted_proxies: trusted_proxies?,
            body_limit: body_limit?,
            body_deadline: body_deadline?,
            concurrency: concurrency?,
            drain: drain?,
            metrics: metrics?,
        })
    })();
    (server, foreign)
}

fn public_url(entry: Entry<'_>) -> Option<String> {
    let address = entry.parse(Address::parse, "write https://host[:port][/prefix]")?;
    if !address.https && !address.is_loopback() {
        entry.warn(
            "path secrets would travel in the clear",
            "write https://, and let a proxy in front speak TLS",
        );
    }
    Some(entry.text()?.trim().trim_end_matches('/').to_owned())
}

fn count(
    section: &Section<'_>,
    key: &'static str,
    range: std::ops::Range<i64>,
    default: usize,
) -> Option<usize> {
    match section.get(key) {
        None => Some(default),
        Some(entry) => entry.integer(range).and_then(|number| usize::try_from(number).ok()),
    }
}

fn duration(
    section: &Section<'_>,
    key: &'static str,
    default: &str,
    least: TimeDelta,
    least_text: &str,
) -> Option<Duration> {
    let duration = match section.get(key) {
        None => value::parse_duration(default).ok(),
        Some(entry) => entry.duration_from(least, least_text),
    };
    duration?.to_std().ok()
}

fn read_store(section: Section<'_>) -> Option<StoreConfig> {
    let database = Database { password: section.get("password"), connections: section.get("connections") };
    let place = section
        .require("url", "write \"sqlite://staykey.db\"")
        .and_then(|entry| store_place(&entry, &database));
    let key_entry = section.get("master_key");
    let active = key_entry.as_ref().and_then(|entry| master_key(entry));
    if key_entry.is_none() && !matches!(place, Some(StorePlace::Memory)) {
        section.problem(
            "master_key",
            "is missing",
            "make one with `openssl rand -hex 32`, and name it as { env = \"STAYKEY_MASTER_KEY\" }",
        );
    }
    let older = match section.get("older_master_keys") {
        None => Some(Vec::new()),
        Some(entry) => entry.one_or_many().iter().map(master_key).collect(),
    };
    let retention = match section.get("retention") {
        None => Some(TimeDelta::days(92)),
        Some(entry) => entry.duration_from(TimeDelta::days(1), "1d"),
    };
    section.finish();
    if key_entry.is_some() && active.is_none() {
        return None;
    }
    Some(StoreConfig { place: place?, master_key: active, older_master_keys: older?, retention: retention? })
}

/// What is told of a PostgreSQL database beside its URL.
struct Database<'a> {
    password: Option<Entry<'a>>,
    connections: Option<Entry<'a>>,
}

fn store_place(entry: &Entry<'_>, database: &Database<'_>) -> Option<StorePlace> {
    let text = entry.text()?;
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return postgres_place(entry, text, database);
    }
    if let Some(password) = &database.password {
        password.wrong("is of no use: only a PostgreSQL database has one", "take it out");
    }
    if let Some(connections) = &database.connections {
        connections.wrong("are of no use: only a PostgreSQL database has them", "take it out");
    }
    if text == "memory:" {
        entry.warn(
            "a store in memory forgets every code when the host stops",
            "write \"sqlite://staykey.db\" for real doors",
        );
        return Some(StorePlace::Memory);
    }
    if let Some(path) = text.strip_prefix("sqlite://") {
        if path.is_empty() || path.contains('?') {
            entry.wrong(
                "names no file",
                "write \"sqlite://staykey.db\" or \"sqlite:///var/lib/staykey/staykey.db\"",
            );
            return None;
        }
        return Some(StorePlace::Sqlite(PathBuf::from(path)));
    }
    entry.wrong("is no place of a store", "write \"sqlite://staykey.db\"");
    None
}

/// Nothing of the URL is quoted: it may hold a password.
#[cfg(feature = "postgres")]
fn postgres_place(entry: &Entry<'_>, text: &str, database: &Database<'_>) -> Option<StorePlace> {
    let url = booking_store::PostgresUrl::parse(text).ok();
    if url.is_none() {
        entry.wrong(
            "is no URL of a PostgreSQL database",
            "write \"postgres://user@host/database?sslmode=verify-full\"; sslmode may be disable, prefer, require or \
             verify-full, which alone takes sslrootcert",
        );
    }
    let given = database.password.as_ref().map(stays_outside);
    let connections = database.connections.as_ref().map(|entry| entry.integer(1..1001));
    let url = url?;
    if url.has_password() {
        let remedy = "take it out, and write password = { env = \"STAYKEY_DATABASE_PASSWORD\" }";
        if given.is_some() {
            entry.wrong("holds a password beside store.password", remedy);
        } else {
            entry.warn("a password stands in the file", remedy);
        }
    }
    let url = match given {
        Some(password) => url.with_password(password?.get()?),
        None => url,
    };
    let url = match connections {
        Some(most) => url.with_connections(usize::try_from(most?).ok()?),
        None => url,
    };
    Some(StorePlace::Postgres(Box::new(url)))
}

#[cfg(not(feature = "postgres"))]
fn postgres_place(entry: &Entry<'_>, _: &str, _: &Database<'_>) -> Option<StorePlace> {
    entry.wrong(
        "this host was built without PostgreSQL",
        "build it with the feature `postgres`, or write \"sqlite://staykey.db\"",
    );
    None
}

/// A secret that the store itself cannot hold.
fn stays_outside(entry: &Entry<'_>) -> Option<SecretValue> {
    let value = SecretValue::read(entry)?;
    if value.get().is_none() {
        entry.wrong(
            "cannot be stored: it is needed before the store is open",
            "name it as { env = … } or { file = … }",
        );
        return None;
    }
    Some(value)
}

fn master_key(entry: &Entry<'_>) -> Option<SecretValue> {
    let value = stays_outside(entry)?;
    let secret = value.get()?;
    if booking_store::Keys::parse(secret).is_err() {
        entry.wrong("is not 32 bytes in hexadecimal or base64", "make one with `openssl rand -hex 32`");
        return None;
    }
    Some(value)
}

fn read_worker(section: Section<'_>, tenants: usize) -> Option<WorkerConfig> {
    let concurrency = count(&section, "concurrency", 1..1025, 16);
    // Alone, a tenant may have all of it.
    let default = concurrency.map_or(1, |all| if tenants > 1 { (all / 4).max(1) } else { all });
    let per_tenant = count(&section, "per_tenant", 1..1025, default);
    if let (Some(all), Some(part)) = (concurrency, per_tenant)
        && part > all
    {
        section.problem(
            "per_tenant",
            format!("is more than worker.concurrency, {all}"),
            "lower it, or take it out",
        );
    }
    let look_every = duration(&section, "look_every", "5s", TimeDelta::seconds(1), "1s");
    section.finish();
    Some(WorkerConfig { concurrency: concurrency?, per_tenant: per_tenant?, look_every: look_every? })
}

fn read_log(section: Section<'_>) -> Option<LogConfig> {
    let default = LogConfig::default();
    let filter = match section.get("filter") {
        None => Some(default.filter),
        Some(entry) => entry
            .parse(
                crate::telemetry::check_filter,
                "write a level such as \"info\", or \"booking_host=debug,info\"",
            )
            .and_then(|()| entry.text().map(str::to_owned)),
    };
    let format = match section.get("format") {
        None => Some(default.format),
        Some(entry) => entry.choice(&[("json", LogFormat::Json), ("text", LogFormat::Text)]),
    };
    section.finish();
    Some(LogConfig { filter: filter?, format: format? })
}

/// Paths that are the host's own.
const OWN_PATHS: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"];
/// What paths of the API begin with that name a tenant.
const OWN_PREFIX: &str = "/api/v1/tenants";

fn read_aliases(
    root: &Section<'_>,
    webhooks: &BTreeMap<(TenantSlug, IntegrationName), Option<WebhookTerms>>,
    slugs: &BTreeSet<String>,
) -> Vec<Alias> {
    let mut aliases: Vec<Alias> = Vec::new();
    for section in root.array("alias", "path") {
        let path =
            section.require("path", "write the path that the vendor's dashboard has").and_then(|entry| {
                let path = entry.parse(alias_path, "write a path such as \"/webhook\"")?;
                if aliases.iter().any(|alias| alias.path == path) {
                    entry.wrong("two aliases have this path", "give each path to one integration");
                    return None;
                }
                Some(path)
            });
        let to = section
            .require("to", "write \"INTEGRATION/t/TENANT\"")
            .and_then(|entry| alias_target(&entry, webhooks, slugs));
        section.finish();
        if let (Some(path), Some((tenant, integration, topic))) = (path, to) {
            aliases.push(Alias { path, tenant, integration, topic });
        }
    }
    aliases
}

fn alias_path(text: &str) -> Result<String, &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./~".contains(&byte);
    if !text.starts_with('/')
        || text.len() < 2
        || !text.bytes().all(plain)
        || text.contains("//")
        || text.ends_with('/')
    {
        return Err("is not a plain path");
    }
    if OWN_PATHS.contains(&text) || text.starts_with(OWN_PREFIX) {
        return Err("is a path of the host itself");
    }
    Ok(text.to_owned())
}

fn alias_target(
    entry: &Entry<'_>,
    webhooks: &BTreeMap<(TenantSlug, IntegrationName), Option<WebhookTerms>>,
    slugs: &BTreeSet<String>,
) -> Option<(TenantSlug, IntegrationName, Option<String>)> {
    let remedy = "write \"INTEGRATION/t/TENANT\" or \"INTEGRATION/t/TENANT/TOPIC\"";
    let text = entry.text()?;
    let parts: Vec<&str> = text.split('/').collect();
    let (name, slug, topic) = match parts.as_slice() {
        [name, "t", slug] => (*name, *slug, None),
        [name, "t", slug, topic] if !topic.is_empty() => (*name, *slug, Some((*topic).to_owned())),
        _ => {
            entry.wrong("names no integration of a tenant", remedy);
            return None;
        }
    };
    let (Ok(tenant), Ok(integration)) = (TenantSlug::parse(slug), IntegrationName::parse(name)) else {
        entry.wrong("names no integration of a tenant", remedy);
        return None;
    };
    if !slugs.contains(slug) {
        entry.unknown(slug, "tenant", &slugs.iter().map(String::as_str).collect::<Vec<_>>());
        return None;
    }
    match webhooks.get(&(tenant.clone(), integration.clone())) {
        None => {
            let known: Vec<&str> =
                webhooks.keys().filter(|(of, _)| *of == tenant).map(|(_, name)| name.as_str()).collect();
            entry.unknown(name, "integration", &known);
            return None;
        }
        Some(None) => {
            entry.wrong(
                format!("`{name}` takes no webhooks"),
                "take the alias out, or name another integration",
            );
            return None;
        }
        Some(Some(terms)) if !terms.by_request && terms.trusted => {
            entry.wrong(
                format!(
                    "whoever knows the path could send bookings, since `{name}` trusts what its webhooks tell"
                ),
                "set webhook_payload = \"reread\", or accept_ips",
            );
            return None;
        }
        Some(Some(terms)) if !terms.by_request => entry.warn(
            "whoever knows the path can send hints, since an alias has no path secret",
            "give the vendor the integration's own URL as soon as you can, or set accept_ips",
        ),
        Some(Some(_)) => {}
    }
    Some((tenant, integration, topic))
}
