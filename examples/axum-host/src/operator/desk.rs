//! Requests to the operator's API for one tenant.

use booking_core::TenantSlug;
use booking_host::Pieces;
use booking_host::api::ErrorView;
use booking_host::api::views::{DoorView, DoorsView, PlanLine, PlanRequest, TenantView, TenantsView};
use booking_host::config::ApiScope;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::args::{Common, DEFAULT_CONFIG};
use super::fault::{Answer, Exit, Fault};
use super::reach::{Reached, Way, reach};

/// The longest answer.
const LONGEST: usize = 64 * 1024 * 1024;
/// What may stand in a path or a query as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The API, for one tenant.
pub(super) struct Desk {
    pub(super) way: Way,
    pub(super) slug: String,
    common: Common,
}

/// An answer as it came, and read.
pub(super) struct Got<T> {
    pub(super) raw: Value,
    pub(super) view: T,
}

/// A part of a path.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

impl Desk {
    /// A desk for a caller who needs these scopes.
    pub(super) async fn open(common: &Common, needed: &[ApiScope]) -> Answer<Self> {
        let Reached { way, tenants } = reach(common, needed).await?;
        let known: Vec<String> = match (&common.tenant, tenants) {
            (Some(wanted), Some(tenants)) if !tenants.iter().any(|slug| slug.as_str() == wanted) => {
                return Err(Fault::unknown("tenant", wanted, tenants.iter().map(TenantSlug::as_str)));
            }
            (Some(wanted), _) => vec![wanted.clone()],
            (None, Some(tenants)) => tenants.iter().map(ToString::to_string).collect(),
            (None, None) => {
                let all: TenantsView =
                    read(way.call(request(Method::GET, "/api/v1/tenants", None)?).await?).await?.view;
                all.tenants.into_iter().map(|tenant| tenant.tenant).collect()
            }
        };
        let [slug] = &known[..] else {
            let names = known.join(", ");
            return Err(Fault::usage(
                "there are several tenants",
                format!("name one with --tenant: {names}"),
            ));
        };
        Ok(Self { slug: slug.clone(), way, common: common.clone() })
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Answer<Got<T>> {
        let path = format!("{}{}", self.path(path), written(query));
        read(self.way.call(request(Method::GET, &path, None)?).await?).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Answer<Got<T>> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        let asked = request(Method::POST, &self.path(path), Some(("application/json", body.into())))?;
        read(self.way.call(asked).await?).await
    }

    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Answer<Got<T>> {
        read(self.way.call(request(Method::DELETE, &self.path(path), None)?).await?).await
    }

    /// Hands a mail over.
    pub(super) async fn mail<T: DeserializeOwned>(&self, mail: Bytes) -> Answer<Got<T>> {
        let asked = request(Method::POST, &self.path("/mail"), Some(("message/rfc822", mail)))?;
        read(self.way.call(asked).await?).await
    }

    /// Makes a dry run; what is looked at meanwhile is told.
    pub(super) async fn draft(&self, asked: &PlanRequest, mut tell: impl FnMut(&PlanLine)) -> Answer<Value> {
        let body = serde_json::to_vec(asked).unwrap_or_default();
        let asked = request(Method::POST, &self.path("/plans"), Some(("application/json", body.into())))?;
        let answer = self.way.call(asked).await?;
        if answer.status() != StatusCode::OK {
            return Err(refused(answer).await);
        }
        let mut body = answer.into_body();
        let mut rest: Vec<u8> = Vec::new();
        while let Some(piece) = body.next().await {
            rest.extend(piece.map_err(|_| broken_off())?);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let raw: Value = serde_json::from_slice(&line).map_err(|_| unreadable())?;
                match serde_json::from_value(raw.clone()).map_err(|_| unreadable())? {
                    PlanLine::Plan { .. } => return Ok(raw.get("plan").cloned().unwrap_or_default()),
                    PlanLine::Error(view) => return Err(Fault { exit: Exit::Error, view, passes: true }),
                    line => tell(&line),
                }
            }
        }
        Err(broken_off())
    }

    /// The tenant as configured.
    pub(super) async fn tenant(&self) -> Answer<TenantView> {
        let all: Got<TenantsView> =
            read(self.way.call(request(Method::GET, "/api/v1/tenants", None)?).await?).await?;
        let known: Vec<String> = all.view.tenants.iter().map(|tenant| tenant.tenant.clone()).collect();
        let found = all.view.tenants.into_iter().find(|tenant| tenant.tenant == self.slug);
        found.ok_or_else(|| Fault::unknown("tenant", &self.slug, known.iter().map(String::as_str)))
    }

    /// A door as configured.
    pub(super) async fn door(&self, id: &str) -> Answer<DoorView> {
        let all: Got<DoorsView> = self.get("/doors", &()).await?;
        let known: Vec<String> = all.view.doors.iter().map(|door| door.door.clone()).collect();
        let found = all.view.doors.into_iter().find(|door| door.door == id);
        found.ok_or_else(|| Fault::unknown("door", id, known.iter().map(String::as_str)))
    }

    /// A command of this program, as it is to be typed here.
    pub(super) fn command(&self, words: &str) -> String {
        let Common { config, tenant, host, token_env, .. } = &self.common;
        let mut text = format!("axum-host {words}");
        let mut add = |flag: &str, value: &str| text.push_str(&format!(" {flag} {}", quoted(value)));
        if config.as_os_str() != DEFAULT_CONFIG && std::env::var_os("STAYKEY_CONFIG").is_none() {
            add("--config", &config.display().to_string());
        }
        if let Some(tenant) = tenant {
            add("--tenant", tenant);
        }
        if let Some(host) = host {
            add("--host", host);
        }
        if token_env != super::reach::TOKEN {
            add("--token-env", token_env);
        }
        text
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/tenants/{}{rest}", escape(&self.slug))
    }
}

/// As a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:@=".contains(letter);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn request(method: Method, path: &str, body: Option<(&str, Bytes)>) -> Answer<Request<Bytes>> {
    let request = Request::builder().method(method).uri(path);
    let request = match body {
        Some((kind, body)) => request.header(CONTENT_TYPE, kind).body(body),
        None => request.body(Bytes::new()),
    };
    request.map_err(|_| Fault::usage("this cannot be asked for", "check what was written"))
}

/// What is not left out, as a query.
fn written(query: &impl Serialize) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(query) else { return String::new() };
    let pairs = fields.into_iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={}", escape(&value))
    });
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

async fn read<T: DeserializeOwned>(answer: Response<Pieces>) -> Answer<Got<T>> {
    if !answer.status().is_success() {
        return Err(refused(answer).await);
    }
    let body = whole(answer).await.map_err(|_| broken_off())?;
    let raw: Value = serde_json::from_slice(&body).map_err(|_| unreadable())?;
    let view = serde_json::from_value(raw.clone()).map_err(|_| unreadable())?;
    Ok(Got { raw, view })
}

async fn whole(answer: Response<Pieces>) -> std::io::Result<Vec<u8>> {
    let (mut pieces, mut whole) = (answer.into_body(), Vec::new());
    while let Some(piece) = pieces.next().await {
        whole.extend(piece?);
        if whole.len() > LONGEST {
            return Err(std::io::Error::other("it is too long"));
        }
    }
    Ok(whole)
}

/// What an answer says that is not the one asked for.
async fn refused(answer: Response<Pieces>) -> Fault {
    let status = answer.status();
    let body = whole(answer).await.unwrap_or_default();
    let view = serde_json::from_slice(&body).unwrap_or_else(|_| ErrorView {
        error: format!("HTTP {} came back, and not from a Staykey API", status.as_u16()),
        remedy: "check the address, and that the host is of this version".to_owned(),
        ..ErrorView::default()
    });
    let exit = if status == StatusCode::CONFLICT { Exit::Refused } else { Exit::Error };
    let never = [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNSUPPORTED_MEDIA_TYPE];
    Fault { exit, view, passes: !never.contains(&status) }
}

fn broken_off() -> Fault {
    Fault::error("the host's answer broke off", "ask again; see the host's log")
}

fn unreadable() -> Fault {
    Fault::error("the host's answer cannot be read", "use the command line of the host's own version")
}
