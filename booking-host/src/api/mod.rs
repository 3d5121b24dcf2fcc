//! The operator's API: what a person or the command line asks a host, and tells it to do. JSON over HTTP under
//! `/api/v1`, described by `openapi.json` beside this crate's manifest.
//!
//! Callers show a token of `[[api.token]]`, which says what it may do and for which tenants. A tenant that a token may
//! not see is as good as absent. Digits, names on codes and senders of mails are masked unless the query asks for them
//! with a token that may see them. Whatever is begun ends even if the caller hangs up, but for dry runs, which change
//! nothing and end with their caller.

mod auth;
mod doc;
mod doors;
mod error;
mod health;
mod log;
mod mail;
mod plans;
mod sources;
mod stays;
mod tenants;
pub mod views;

use std::future::Future;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use booking_core::{BookingId, Rng, TenantSlug};
use booking_engine::Tenant;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use self::auth::{Caller, Guard};
use self::error::{ApiError, json};
use crate::config::{ApiScope, Config};
use crate::observed::Observations;
use crate::router::{Intake, read};

pub use self::auth::Access;
pub use self::doc::document;
pub use self::error::ErrorView;

/// The longest body, but for mails.
const LONGEST: usize = 64 * 1024;

/// What requests share.
pub(crate) struct Api {
    intake: Arc<Intake>,
    config: Arc<Config>,
    guard: Guard,
    calls: Arc<Observations>,
    rng: Arc<dyn Rng>,
    since: DateTime<Utc>,
}

impl Api {
    pub(crate) fn new(
        intake: Arc<Intake>,
        config: Arc<Config>,
        access: Access,
        calls: Arc<Observations>,
        rng: Arc<dyn Rng>,
        since: DateTime<Utc>,
    ) -> Arc<Self> {
        let guard = Guard::new(access, config.api.as_ref());
        Arc::new(Self { intake, config, guard, calls, rng, since })
    }

    /// The tenant that a path names, if the caller may see it and may do this.
    fn tenant(&self, caller: &Caller, slug: &str, scope: ApiScope) -> Result<Arc<Tenant>, ApiError> {
        let slug = TenantSlug::parse(slug).ok().filter(|slug| caller.sees(slug));
        let tenant = slug.and_then(|slug| self.intake.engine.tenant(&slug).cloned());
        let tenant = tenant.ok_or_else(|| {
            ApiError::missing("tenant", "see GET /api/v1/tenants for those that this token may see")
        })?;
        caller.must(scope)?;
        Ok(tenant)
    }

    /// Does something to its end, even if the caller hangs up meanwhile, and wakes the worker.
    async fn finish<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let ended = self.intake.begun.spawn(task.in_current_span()).await;
        self.intake.wake.notify_one();
        ended.unwrap_or_else(|_| {
            tracing::error!("a request of the operator panicked");
            Err(ApiError::internal())
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.intake.clock.now()
    }
}

/// Every route, by which logs and numbers name requests.
pub(crate) const ROUTES: [&str; 17] = [
    "/api/v1/openapi.json",
    "/api/v1/tenants",
    "/api/v1/tenants/{tenant}/plans",
    "/api/v1/tenants/{tenant}/plans/{plan}",
    "/api/v1/tenants/{tenant}/plans/{plan}/apply",
    "/api/v1/tenants/{tenant}/bookings/{booking}",
    "/api/v1/tenants/{tenant}/bookings/{booking}/reissue",
    "/api/v1/tenants/{tenant}/doors",
    "/api/v1/tenants/{tenant}/doors/{door}/codes",
    "/api/v1/tenants/{tenant}/doors/{door}/codes/{code}/link",
    "/api/v1/tenants/{tenant}/health",
    "/api/v1/tenants/{tenant}/log",
    "/api/v1/tenants/{tenant}/brakes",
    "/api/v1/tenants/{tenant}/brakes/{budget}/release",
    "/api/v1/tenants/{tenant}/sources/{source}/trust",
    "/api/v1/tenants/{tenant}/sources/{source}/read",
    "/api/v1/tenants/{tenant}/mail",
];

fn handlers() -> [MethodRouter<Arc<Api>>; ROUTES.len()] {
    [
        get(doc::openapi),
        get(tenants::tenants),
        post(plans::draft),
        get(plans::plan),
        post(plans::apply),
        get(stays::explain).delete(stays::erase),
        post(stays::reissue),
        get(doors::doors),
        get(doors::codes),
        post(doors::link),
        get(health::health),
        get(log::log),
        get(sources::brakes),
        post(sources::release),
        post(sources::trust),
        post(sources::read_now),
        post(mail::mail),
    ]
}

/// The routes, each behind the check of who asks.
pub(crate) fn routes<S>(api: Arc<Api>) -> Router<S> {
    let mut router = Router::new();
    for (route, handler) in ROUTES.into_iter().zip(handlers()) {
        router = router.route(route, handler);
    }
    router.route_layer(middleware::from_fn_with_state(Arc::clone(&api), admit)).with_state(api)
}

async fn admit(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    match api.guard.admit(request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => {
            tracing::warn!("a request without a token that is known here");
            error.into_response()
        }
    }
}

/// Who asks, with what the path names: the tenant first.
struct Asked<P> {
    caller: Caller,
    path: P,
}

impl<P: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Asked<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let Extension(caller) = Extension::<Caller>::from_request_parts(parts, api)
            .await
            .map_err(|_| ApiError::unknown_caller())?;
        let path: Result<Path<P>, PathRejection> = Path::from_request_parts(parts, api).await;
        let Path(path) = path
            .map_err(|_| ApiError::bad("the path cannot be read", "write names as UTF-8, percent-encoded"))?;
        Ok(Self { caller, path })
    }
}

/// What the query asks for.
struct Filters<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Filters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, ApiError> {
        // The parser's own text would repeat the query.
        let Query(query) = Query::try_from_uri(&parts.uri).map_err(|_| {
            ApiError::bad("the query cannot be read", "see openapi.json for what this route takes")
        })?;
        Ok(Self(query))
    }
}

/// A body in JSON; none counts as `{}`.
struct Said<T>(T);

impl<T: DeserializeOwned + Send> FromRequest<Arc<Api>> for Said<T> {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Response> {
        let body = whole(api, request, LONGEST).await?;
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        // The parser's own text may repeat what stands there.
        let value = serde_json::from_slice(text).map_err(|error| {
            let what = format!(
                "the body is not what is asked for: line {}, column {}",
                error.line(),
                error.column()
            );
            ApiError::bad(what, "see openapi.json for what this route takes").into_response()
        })?;
        Ok(Self(value))
    }
}

/// A body, read within limits.
async fn whole(api: &Api, request: Request, longest: usize) -> Result<Bytes, Response> {
    let (parts, body) = request.into_parts();
    let deadline = api.intake.settings.body_deadline;
    read(longest, deadline, &parts.headers, body).await.map_err(|(reason, plain)| {
        let (what, remedy) = match reason {
            "too_large" => (format!("the body is longer than {longest} bytes"), "send a shorter one"),
            "slow_body" => ("the body came too slowly".to_owned(), "send it again"),
            _ => ("the body was cut short".to_owned(), "send it again"),
        };
        let mut told = ApiError::new(plain.status(), what, remedy).into_response();
        // The connection cannot be used again.
        told.headers_mut().extend(plain.headers().get(CONNECTION).map(|close| (CONNECTION, close.clone())));
        told
    })
}

fn ok(value: &impl serde::Serialize) -> Response {
    json(StatusCode::OK, value)
}

/// A name in a path, or that there is no such thing.
fn named<T>(parsed: Result<T, impl std::error::Error>, what: &str) -> Result<T, ApiError> {
    parsed.map_err(|_| ApiError::missing(what, "check the name"))
}

/// The one booking that a text names.
async fn one_booking(api: &Api, tenant: &Tenant, text: &str) -> Result<BookingId, ApiError> {
    let mut found = api.intake.engine.find(&tenant.slug, text).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(no_booking()),
        (Some(one), true) => Ok(one),
        (Some(last), false) => {
            found.push(last);
            Err(ApiError::ambiguous(found.iter().map(ToString::to_string).collect()))
        }
    }
}

fn no_booking() -> ApiError {
    ApiError::missing("booking", "name it by our id, by its source's reference, or SOURCE:REFERENCE")
}
