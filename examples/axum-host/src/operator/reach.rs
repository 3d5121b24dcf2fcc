//! The way to the operator's API: a host that runs, or the same router in this process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use booking_core::TenantSlug;
use booking_core::store::StoreError;
use booking_host::config::{ApiConfig, ApiScope, StorePlace};
use booking_host::{Config, Host, HostError, HostParts, Pieces};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use tokio::net::TcpStream;

use super::args::Common;
use super::fault::{Answer, Fault};

/// Where a token is looked for.
pub(super) const TOKEN: &str = "STAYKEY_API_TOKEN";
/// How long a host of this machine may take to take a call.
const CONNECT: Duration = Duration::from_secs(3);

/// A way to the API.
pub(super) enum Way {
    Running(Running),
    /// Nothing listens: the host is built here, and does not serve.
    Here(Box<Host>),
}

pub(super) struct Running {
    client: reqwest::Client,
    base: String,
    token: HeaderValue,
}

/// A way to the API, and what the configuration says of tenants where it was read.
pub(super) struct Reached {
    pub(super) way: Way,
    pub(super) tenants: Option<Vec<TenantSlug>>,
}

/// Finds the way for a caller who needs these scopes.
pub(super) async fn reach(common: &Common, needed: &[ApiScope]) -> Answer<Reached> {
    let token = given_token(common)?;
    if let (Some(base), Some(token)) = (&common.host, &token) {
        return Ok(Reached { way: Way::Running(Running::new(base, token)?), tenants: None });
    }
    let config = read(&common.config)?;
    let tenants = Some(config.tenants.iter().map(|tenant| tenant.slug.clone()).collect());
    let base = match &common.host {
        Some(base) => Some(base.clone()),
        None => listening(&config).await,
    };
    let Some(base) = base else {
        return Ok(Reached { way: Way::Here(Box::new(build(config).await?)), tenants });
    };
    let token = match token {
        Some(token) => token,
        None => configured_token(common, config.api.as_ref(), needed)?,
    };
    Ok(Reached { way: Way::Running(Running::new(&base, &token)?), tenants })
}

/// The token of the environment; one that was asked for by name must be there.
fn given_token(common: &Common) -> Answer<Option<String>> {
    match std::env::var(&common.token_env) {
        Ok(token) => Ok(Some(token.trim().to_owned())),
        Err(_) if common.token_env == TOKEN => Ok(None),
        Err(_) => Err(Fault::usage(
            format!("the environment variable {} is not set", common.token_env),
            "set it to a token of the host's [[api.token]], or leave --token-env out",
        )),
    }
}

pub(super) fn read(path: &Path) -> Answer<Config> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let error = format!("{} cannot be read: {error}", path.display());
        Fault::error(error, "name the host's configuration with --config FILE or STAYKEY_CONFIG")
    })?;
    let (config, _) = Config::parse(&text, &|name| std::env::var(name).ok()).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        let error = format!("{}: {} error(s), the first: {first}", path.display(), problems.len());
        Fault::error(error, format!("axum-host check-config --config {} tells all", path.display()))
    })?;
    Ok(config)
}

/// Where a host with this configuration answers, if one does.
async fn listening(config: &Config) -> Option<String> {
    let api = config.api.as_ref()?;
    let address = at_home(api.listen.unwrap_or(config.server.listen));
    let reached = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
    matches!(reached, Ok(Ok(_))).then(|| format!("http://{address}"))
}

/// What listens everywhere is reached at home.
fn at_home(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn configured_token(common: &Common, api: Option<&ApiConfig>, needed: &[ApiScope]) -> Answer<String> {
    let sees = |tenants: &Option<std::collections::BTreeSet<TenantSlug>>| match (tenants, &common.tenant) {
        (Some(tenants), Some(wanted)) => tenants.iter().any(|tenant| tenant.as_str() == wanted),
        _ => true,
    };
    let tokens = api.map(|api| &api.tokens[..]).unwrap_or_default();
    let fit = tokens
        .iter()
        .find(|token| needed.iter().all(|scope| token.scopes.contains(scope)) && sees(&token.tenants));
    let secret = fit.and_then(|token| token.token.get());
    secret.map(|secret| secret.expose().to_owned()).ok_or_else(|| {
        let words: Vec<&str> = needed.iter().map(|scope| scope.word()).collect();
        let error = format!("no token of {} may do that", common.config.display());
        let remedy = format!(
            "give one [[api.token]] the scopes {} and start the host anew, or name another with --token-env",
            words.join(", ")
        );
        Fault::error(error, remedy)
    })
}

impl Running {
    fn new(base: &str, token: &str) -> Answer<Self> {
        let base = base.trim_end_matches('/');
        let uri: Option<http::Uri> = base.parse().ok();
        let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
        if !matches!(scheme, Some("http" | "https")) {
            return Err(Fault::usage(
                format!("`{base}` is no address of a host"),
                "write it as --host http://127.0.0.1:8081 or --host https://keys.example.org",
            ));
        }
        let mut token = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            Fault::usage("the token holds what cannot stand in a header", "take it as it is configured")
        })?;
        token.set_sensitive(true);
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .build()
            .map_err(|_| Fault::error("this machine has no usable TLS", "install its root certificates"))?;
        Ok(Self { client, base: base.to_owned(), token })
    }

    async fn call(&self, request: Request<Bytes>) -> Answer<Response<Pieces>> {
        let (parts, body) = request.into_parts();
        let url = format!("{}{}", self.base, parts.uri);
        let asked = self
            .client
            .request(parts.method, url)
            .headers(parts.headers)
            .header(AUTHORIZATION, self.token.clone())
            .body(body);
        let answer = asked.send().await.map_err(|error| {
            // Its own text would name the whole address, in which a booking may stand.
            let what = if error.is_connect() { "cannot be reached" } else { "did not answer" };
            Fault::error(format!("the host at {} {what}", self.base), "see whether it runs, and its log")
        })?;
        let mut response = Response::new(());
        *response.status_mut() = answer.status();
        let pieces = stream::try_unfold(answer, async |mut answer| {
            let piece = answer.chunk().await.map_err(|_| std::io::Error::other("it broke off"))?;
            Ok(piece.map(|piece| (piece, answer)))
        });
        Ok(response.map(|()| pieces.boxed()))
    }
}

/// A host that does not serve.
async fn build(config: Config) -> Answer<Host> {
    if matches!(config.store.place, StorePlace::Memory) {
        return Err(Fault::error(
            "no host is running, and its store is its memory alone",
            "start it with `axum-host serve` and an [[api.token]] in its configuration",
        ));
    }
    let has_api = config.api.is_some();
    let parts = HostParts::new().map_err(|error| Fault::error(error, ""))?;
    let host = Host::build(config, parts).await.map_err(|error| no_host(&error, has_api))?;
    let remembered = host.engine().remember().await;
    remembered.map_err(|error| no_host(&HostError::Store(error), has_api))?;
    Ok(host)
}

fn no_host(error: &HostError, has_api: bool) -> Fault {
    let remedy = match error {
        HostError::Store(StoreError::Unavailable(_)) if has_api => {
            "if a host has it that is just starting, try again; else it does not listen where [api] or server.listen \
             says: start it anew with this configuration, or name its address with --host"
        }
        HostError::Store(StoreError::Unavailable(_)) => {
            "if a host has it: give its configuration an [[api.token]] and start it anew, then this command asks that \
             host; or stop it, then this command does the work itself"
        }
        _ => "axum-host check-config tells what is wrong with a configuration",
    };
    Fault::error(error, remedy)
}

impl Way {
    pub(super) async fn call(&self, request: Request<Bytes>) -> Answer<Response<Pieces>> {
        match self {
            Self::Running(running) => running.call(request).await,
            Self::Here(host) => Ok(host.ask(request).await),
        }
    }

    /// Where no host runs, the one of this process.
    pub(super) fn here(&self) -> Option<&Host> {
        match self {
            Self::Running(_) => None,
            Self::Here(host) => Some(host),
        }
    }
}
