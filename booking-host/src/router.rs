//! The axum router: webhooks in, health and numbers out.
//!
//! | route | answer |
//! | --- | --- |
//! | `POST /api/webhooks/{integration}/t/{tenant}[/{topic}][/k/{secret}]` | what the vendor takes as success, once the webhook is on disk |
//! | the paths of `[[alias]]` | the same |
//! | `GET /healthz` | 200 as long as the process answers |
//! | `GET /readyz` | 200 while the store can be written and the host is not stopping, else 503 |
//! | `GET /metrics` | the numbers, unless switched off |
//!
//! A webhook that is not taken is answered 404 (no such tenant or integration, without telling which), 405, 413 (too
//! long), 408 (its body came too slowly), 400 (malformed), 401 or 403 (not the vendor), or 503 with `Retry-After` (the
//! store cannot be written, or too many come at once).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, RawPathParams, Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use booking_core::signature::Network;
use booking_core::{Clock, IntegrationName, RawRequest, Refusal, Rng, TenantSlug, WebhookReceiver};
use booking_engine::Engine;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use crate::api;
use crate::config::{Alias, ServerConfig};
use crate::metrics::{Metrics, Taken};
use crate::peer::peer;
use crate::registry::BuiltWebhooks;

/// The routes of webhooks.
const WEBHOOKS: [&str; 4] = [
    "/api/webhooks/{integration}/t/{tenant}",
    "/api/webhooks/{integration}/t/{tenant}/k/{secret}",
    "/api/webhooks/{integration}/t/{tenant}/{topic}",
    "/api/webhooks/{integration}/t/{tenant}/{topic}/k/{secret}",
];
/// What logs and numbers call every alias.
const ALIAS: &str = "alias";
/// What they call whatever has no route.
const NOWHERE: &str = "none";

/// How long a vendor is asked to wait.
const RETRY_SECONDS: &str = "5";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What takes the webhooks of a host's integrations.
#[derive(Clone, Debug, Default)]
pub struct Webhooks(BTreeMap<(TenantSlug, IntegrationName), BuiltWebhooks>);

impl Webhooks {
    /// Takes an integration's webhooks with one receiver, at its own URL as at aliases.
    pub fn insert(
        &mut self,
        tenant: TenantSlug,
        integration: IntegrationName,
        receiver: Arc<dyn WebhookReceiver>,
    ) {
        self.insert_built(tenant, integration, BuiltWebhooks { receiver, at_alias: None });
    }

    /// Takes an integration's webhooks.
    pub fn insert_built(
        &mut self,
        tenant: TenantSlug,
        integration: IntegrationName,
        webhooks: BuiltWebhooks,
    ) {
        self.0.insert((tenant, integration), webhooks);
    }

    pub(crate) fn has(&self, tenant: &TenantSlug, integration: &IntegrationName) -> bool {
        self.0.contains_key(&(tenant.clone(), integration.clone()))
    }

    /// Whose webhooks are taken.
    pub fn integrations(&self) -> impl Iterator<Item = (&TenantSlug, &IntegrationName)> {
        self.0.keys().map(|(tenant, integration)| (tenant, integration))
    }
}

/// What a router needs besides its engine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouterSettings {
    /// How vendors reach the host, without a slash at the end.
    pub public_url: String,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The longest body that is taken, in bytes.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_deadline: Duration,
    /// How many webhooks are taken at once.
    pub concurrency: usize,
    /// Whether `/metrics` answers.
    pub metrics: bool,
    /// Other paths for webhooks.
    pub aliases: Vec<Alias>,
}

impl RouterSettings {
    /// What the configuration says.
    #[must_use]
    pub fn new(server: &ServerConfig, aliases: &[Alias]) -> Self {
        Self {
            public_url: server.public_url.clone(),
            trusted_proxies: server.trusted_proxies.clone(),
            body_limit: server.body_limit,
            body_deadline: server.body_deadline,
            concurrency: server.concurrency,
            metrics: server.metrics,
            aliases: aliases.to_vec(),
        }
    }
}

/// What requests share.
pub(crate) struct Intake {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) webhooks: Webhooks,
    pub(crate) settings: RouterSettings,
    pub(crate) metrics: Arc<Metrics>,
    /// Rung when there is new work.
    pub(crate) wake: Arc<Notify>,
    /// What was begun and must end even if nobody waits for it.
    pub(crate) begun: TaskTracker,
    /// Set when the host takes no more.
    pub(crate) stopping: CancellationToken,
    permits: Arc<Semaphore>,
    /// The first half of request ids: which run of the host.
    run: u32,
    requests: AtomicU64,
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").field("webhooks", &self.webhooks.0.len()).finish_non_exhaustive()
    }
}

impl Intake {
    pub(crate) fn new(
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
        rng: &dyn Rng,
        webhooks: Webhooks,
        settings: RouterSettings,
        metrics: Arc<Metrics>,
        wake: Arc<Notify>,
    ) -> Arc<Self> {
        let mut run = [0_u8; 4];
        rng.fill(&mut run);
        Arc::new(Self {
            engine,
            clock,
            webhooks,
            permits: Arc::new(Semaphore::new(settings.concurrency)),
            settings,
            metrics,
            wake,
            begun: TaskTracker::new(),
            stopping: CancellationToken::new(),
            run: u32::from_be_bytes(run),
            requests: AtomicU64::new(0),
        })
    }

    fn request_id(&self) -> String {
        format!("{:08x}-{:x}", self.run, self.requests.fetch_add(1, Ordering::Relaxed))
    }
}

/// A router over an engine: for hosts that bring their own server, and for tests.
///
/// `wake` is notified when a webhook was accepted. For the peer's address serve it with
/// `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    rng: &dyn Rng,
    webhooks: Webhooks,
    settings: RouterSettings,
    wake: Arc<Notify>,
) -> Router {
    let intake = Intake::new(engine, clock, rng, webhooks, settings, Arc::new(Metrics::new()), wake);
    routes(intake, Router::new())
}

/// The routes of webhooks, health and numbers, with more beside them.
pub(crate) fn routes(intake: Arc<Intake>, mut router: Router<Arc<Intake>>) -> Router {
    for route in WEBHOOKS {
        router = router.route(route, post(by_path).get(by_path));
    }
    for alias in intake.settings.aliases.clone() {
        let path = alias.path.clone();
        let handler = move |State(intake): State<Arc<Intake>>, request: Request| {
            let alias = alias.clone();
            async move { by_alias(&intake, &alias, request).await }
        };
        router = router.route(&path, post(handler.clone()).get(handler));
    }
    router = router.route("/healthz", get(healthz)).route("/readyz", get(readyz));
    if intake.settings.metrics {
        router = router.route("/metrics", get(metrics));
    }
    wrap(intake, router)
}

/// What holds for every route: answers in JSON, an id, a line in the log, numbers.
pub(crate) fn wrap(intake: Arc<Intake>, router: Router<Arc<Intake>>) -> Router {
    router
        .fallback(async || not_found())
        .method_not_allowed_fallback(async || refuse(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(&intake), around))
        .with_state(intake)
}

/// Around every request: an id, a span, a line in the log, numbers.
async fn around(State(intake): State<Arc<Intake>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = pattern(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
    let id = intake.request_id();
    // What the caller sends under this name is not ours.
    request.headers_mut().remove(REQUEST_ID);
    let span = tracing::info_span!("request", id, route);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let (status, took) = (response.status().as_u16(), started.elapsed());
    intake.metrics.request(route, status, took);
    let _in_span = span.enter();
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match status {
        500.. => tracing::warn!(status, millis, "answered"),
        _ if WEBHOOKS.contains(&route) || route == ALIAS => tracing::info!(status, millis, "answered"),
        _ => tracing::debug!(status, millis, "answered"),
    }
    response
}

/// The one word for a route: never the path, which may hold a secret.
fn pattern(matched: Option<&str>) -> &'static str {
    let Some(matched) = matched else { return NOWHERE };
    let known = WEBHOOKS.into_iter().chain(["/healthz", "/readyz", "/metrics"]).chain(api::ROUTES);
    known.into_iter().find(|route| *route == matched).unwrap_or(ALIAS)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    // The panic's own text may quote the request.
    tracing::error!("a request panicked");
    refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
}

async fn healthz() -> Response {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

async fn readyz(State(intake): State<Arc<Intake>>) -> Response {
    if intake.stopping.is_cancelled() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    match timeout(Duration::from_secs(5), intake.engine.store().ping()).await {
        Ok(Ok(())) => answer(StatusCode::OK, &json!({"status": "ready"})),
        failed => {
            if let Ok(Err(error)) = failed {
                tracing::warn!(%error, "the store is not ready");
            }
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the store is not available")
        }
    }
}

async fn metrics(State(intake): State<Arc<Intake>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], intake.metrics.render()).into_response()
}

/// Whose webhook it is, and what the path says more.
struct Target<'t> {
    tenant: TenantSlug,
    integration: IntegrationName,
    topic: Option<&'t str>,
    secret: Option<&'t str>,
    /// The path without the secret.
    path: String,
    aliased: bool,
}

async fn by_path(
    State(intake): State<Arc<Intake>>,
    params: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    request: Request,
) -> Response {
    // A path that is not UTF-8 names nothing.
    let Ok(params) = params else { return no_webhook(&intake) };
    let get = |name| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    let names = get("tenant").zip(get("integration"));
    let names = names.and_then(|(tenant, name)| {
        Some((TenantSlug::parse(tenant).ok()?, IntegrationName::parse(name).ok()?))
    });
    let Some((tenant, integration)) = names else { return no_webhook(&intake) };
    let (topic, secret) = (get("topic"), get("secret"));
    let path = request.uri().path();
    // The secret is the last segment, however it is written; the pattern says whether there is one.
    let path = match secret {
        Some(_) => path.rsplit_once("/k/").map_or(path, |(before, _)| before).to_owned(),
        None => path.to_owned(),
    };
    let target = Target { tenant, integration, topic, secret, path, aliased: false };
    take(&intake, target, request).await
}

async fn by_alias(intake: &Arc<Intake>, alias: &Alias, request: Request) -> Response {
    let target = Target {
        tenant: alias.tenant.clone(),
        integration: alias.integration.clone(),
        topic: alias.topic.as_deref(),
        secret: None,
        path: alias.path.clone(),
        aliased: true,
    };
    take(intake, target, request).await
}

/// Takes a webhook: verified, parsed, on disk, answered.
async fn take(intake: &Arc<Intake>, target: Target<'_>, request: Request) -> Response {
    let Some(webhooks) = intake.webhooks.0.get(&(target.tenant.clone(), target.integration.clone())) else {
        return no_webhook(intake);
    };
    let receiver = match &webhooks.at_alias {
        Some(at_alias) if target.aliased => at_alias,
        _ => &webhooks.receiver,
    };
    let Ok(_permit) = intake.permits.try_acquire() else {
        return refused(intake, "busy", unavailable("too many requests at once"));
    };
    let (parts, body) = request.into_parts();
    let RouterSettings { body_limit, body_deadline, .. } = intake.settings;
    let body = match read(body_limit, body_deadline, &parts.headers, body).await {
        Ok(body) => body,
        Err((reason, response)) => return refused(intake, reason, response),
    };
    let socket = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(socket)| socket.ip());
    let url = url(&intake.settings.public_url, &target.path, parts.uri.query());
    let raw = RawRequest {
        method: &parts.method,
        url: &url,
        topic: target.topic,
        path_secret: target.secret,
        query: parts.uri.query(),
        headers: &parts.headers,
        body: &body,
        peer: caller(intake, socket, &parts.headers),
        now: intake.clock.now(),
    };
    let (tenant, integration) = (&target.tenant, &target.integration);
    let delivery = match receiver.receive(&raw) {
        Ok(delivery) => delivery,
        Err(refusal) => {
            tracing::warn!(%tenant, %integration, %refusal, "webhook refused");
            return refused(intake, reason(&refusal), response_to(&refusal, &parts.method));
        }
    };
    let action = delivery.action;

    // Spawned, so that it ends even if the caller hangs up and this future is dropped.
    let engine = Arc::clone(&intake.engine);
    let (wake, of, by) = (Arc::clone(&intake.wake), tenant.clone(), integration.clone());
    let accept = async move {
        let accepted = engine.accept(&of, &by, delivery).await;
        if accepted.is_ok() {
            wake.notify_one();
        }
        accepted
    };
    match intake.begun.spawn(accept.in_current_span()).await {
        Ok(Ok(accepted)) => {
            let taken = if accepted.duplicate { Taken::Duplicate } else { Taken::Accepted };
            intake.metrics.webhook(taken);
            tracing::info!(%tenant, %integration, action, duplicate = accepted.duplicate, "webhook taken");
            let status = StatusCode::from_u16(accepted.reply.status).unwrap_or(StatusCode::OK);
            answer(status, &accepted.reply.body)
        }
        Ok(Err(error)) => {
            tracing::error!(%tenant, %integration, action, %error, "webhook not stored");
            intake.metrics.store_error();
            refused(intake, "store", unavailable("the store is not available"))
        }
        Err(_) => {
            tracing::error!(%tenant, %integration, action, "accepting a webhook panicked");
            refused(intake, "store", unavailable("internal error"))
        }
    }
}

/// Reads a body whole, once, within its limits.
pub(crate) async fn read(
    limit: usize,
    deadline: Duration,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, (&'static str, Response)> {
    let too_large = || ("too_large", closing(refuse(StatusCode::PAYLOAD_TOO_LARGE, "body too large")));
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let whole = async {
        let (mut chunks, mut whole) = (body.into_data_stream(), BytesMut::new());
        while let Some(chunk) = chunks.next().await {
            let Ok(chunk) = chunk else {
                return Err(("broken_body", closing(refuse(StatusCode::BAD_REQUEST, "body cut short"))));
            };
            if chunk.len() > limit - whole.len() {
                return Err(too_large());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    };
    match timeout(deadline, whole).await {
        Ok(result) => result,
        Err(_) => Err(("slow_body", closing(refuse(StatusCode::REQUEST_TIMEOUT, "body too slow")))),
    }
}

fn caller(intake: &Intake, socket: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    peer(socket, headers, &intake.settings.trusted_proxies)
}

fn url(public: &str, path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{public}{path}?{query}"),
        None => format!("{public}{path}"),
    }
}

fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unauthenticated(_) => "unauthenticated",
        Refusal::AddressNotAllowed => "address",
        Refusal::MethodNotAllowed => "method",
        Refusal::Malformed(_) => "malformed",
        _ => "other",
    }
}

fn response_to(refusal: &Refusal, method: &Method) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    // Why a check failed is for our log, not for whoever tries.
    let what = match status {
        StatusCode::UNAUTHORIZED => "not authenticated",
        StatusCode::FORBIDDEN => "not allowed",
        StatusCode::METHOD_NOT_ALLOWED => "method not allowed",
        _ => "malformed",
    };
    let mut response = refuse(status, what);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let other = if method == Method::POST { "GET" } else { "POST" };
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(other));
    }
    response
}

fn refused(intake: &Intake, reason: &'static str, response: Response) -> Response {
    intake.metrics.webhook(Taken::Refused(reason));
    response
}

fn no_webhook(intake: &Intake) -> Response {
    refused(intake, "unknown", not_found())
}

fn not_found() -> Response {
    refuse(StatusCode::NOT_FOUND, "not found")
}

fn unavailable(what: &str) -> Response {
    let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, what);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    response
}

/// A connection whose body was not read to its end cannot be used again.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn refuse(status: StatusCode, what: &str) -> Response {
    answer(status, &json!({"error": what}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
