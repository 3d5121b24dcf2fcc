//! Dry runs: made, looked at, applied.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use booking_core::store::{Kind, PlanRecord, PlannedStep, Record, RowKey};
use booking_core::{IntegrationName, UnitId};
use booking_engine::{Applied, Draft, Engine, Looking, Scope, Tenant};
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::error::{ApiError, ErrorView};
use super::views::{
    AppliedView, Digits, PinsQuery, PlanLine, PlanRequest, PlanScope, PlanStay, PlanView, PlannedPin,
    SourceLookView, StepView, SuggestionView, word,
};
use super::{Api, Asked, Filters, Said, named, ok, one_booking};
use crate::config::ApiScope;

/// Makes a dry run: what would be done now. Doors and sources are read, nothing is written to any vendor, and nobody is
/// told. The answer comes line by line: how far it is, and in the last line the plan, or why there is none. It ends
/// when the caller hangs up. The plan can be applied within an hour.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plans", tag = "plans",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    request_body = PlanRequest,
    responses(
        (status = 200, body = PlanLine, content_type = "application/x-ndjson", description = "One such object a line"),
        (status = 400, body = ErrorView), (status = 401, body = ErrorView), (status = 403, body = ErrorView),
        (status = 404, body = ErrorView), (status = 409, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn draft(
    State(api): State<Arc<Api>>,
    asked: Asked<String>,
    Said(request): Said<PlanRequest>,
) -> Result<Response, ApiError> {
    let tenant = api.tenant(&asked.caller, &asked.path, ApiScope::Plan)?;
    let scope = scope(&api, &tenant, &request.scope).await?;
    if request.reissue && !matches!(scope, Scope::Stay(_)) {
        return Err(ApiError::bad(
            "`reissue` is for one booking",
            "name it: {\"scope\": {\"booking\": \"…\"}}",
        ));
    }
    let shown = asked.caller.shows(request.pins)?;
    let (told, progress) = unbounded_channel();
    let engine = Arc::clone(&api.intake.engine);
    let work = async move {
        let tell = |looking| {
            // Nobody listens any more: then this future is dropped as well.
            let _ = told.send(looking);
        };
        let draft = match (&scope, request.reissue) {
            (Scope::Stay(stay), true) => engine.draft_reissue(&tenant, stay).await?,
            _ => engine.draft(&tenant, &scope, &tell).await?,
        };
        view_of_draft(&engine, &tenant, draft, shown).await
    };
    let lines = Lines { progress, work: Some(Box::pin(last_line(work))), stopping: stopped(&api) };
    let mut response = Body::from_stream(lines).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

fn stopped(api: &Api) -> Pin<Box<WaitForCancellationFutureOwned>> {
    Box::pin(CancellationToken::cancelled_owned(api.intake.stopping.clone()))
}

/// The stays that a request names.
async fn scope(api: &Api, tenant: &Tenant, scope: &PlanScope) -> Result<Scope, ApiError> {
    Ok(match scope {
        PlanScope::Tenant => Scope::Tenant,
        PlanScope::Source(name) => {
            let name = named(IntegrationName::parse(name), "source")?;
            if !tenant.sources.contains_key(&name) {
                return Err(ApiError::missing("source", "see GET /api/v1/tenants for their names"));
            }
            Scope::Source(name)
        }
        PlanScope::Unit(id) => {
            let id = named(UnitId::parse(id), "unit")?;
            if tenant.unit(&id).is_none() {
                return Err(ApiError::missing("unit", "see GET /api/v1/tenants for their ids"));
            }
            Scope::Unit(id)
        }
        PlanScope::Booking(text) => Scope::Stay(one_booking(api, tenant, text).await?),
    })
}

/// The lines of a dry run: it is worked on while somebody reads them, and dropped with them.
struct Lines {
    progress: UnboundedReceiver<Looking>,
    work: Option<Pin<Box<dyn Future<Output = PlanLine> + Send>>>,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Stream for Lines {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(work) = self.work.as_mut() else { return Poll::Ready(None) };
        // Working on it makes progress, which is told first.
        let done = work.as_mut().poll(context);
        if let Poll::Ready(Some(looking)) = self.progress.poll_recv(context) {
            if let Poll::Ready(last) = done {
                self.work = Some(Box::pin(std::future::ready(last)));
            }
            return Poll::Ready(Some(Ok(line(&told(looking)))));
        }
        let last = match done {
            Poll::Ready(last) => last,
            Poll::Pending if self.stopping.as_mut().poll(context).is_ready() => {
                let stopping = ApiError::conflict("the host is stopping", "ask again when it runs");
                PlanLine::Error(stopping.view)
            }
            Poll::Pending => return Poll::Pending,
        };
        self.work = None;
        Poll::Ready(Some(Ok(line(&last))))
    }
}

async fn last_line(work: impl Future<Output = Result<PlanView, ApiError>>) -> PlanLine {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(plan)) => PlanLine::Plan { plan: Box::new(plan) },
        Ok(Err(error)) => PlanLine::Error(error.view),
        Err(_) => {
            tracing::error!("a dry run panicked");
            PlanLine::Error(ApiError::internal().view)
        }
    }
}

fn told(looking: Looking) -> PlanLine {
    match looking {
        Looking::Source(source) => PlanLine::Source { source: source.to_string() },
        Looking::Door(door) => PlanLine::Door { door: door.to_string() },
        Looking::Stays { done, of } => PlanLine::Stays { done, of },
    }
}

fn line(line: &PlanLine) -> Bytes {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text.into()
}

/// A plan and what has become of it, stay by stay.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plans/{plan}", tag = "plans",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("plan" = String, Path, description = "The plan's id"),
        PinsQuery
    ),
    responses(
        (status = 200, body = PlanView), (status = 400, body = ErrorView), (status = 401, body = ErrorView),
        (status = 403, body = ErrorView), (status = 404, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn plan(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
    Filters(query): Filters<PinsQuery>,
) -> Result<Response, ApiError> {
    let (slug, plan) = &asked.path;
    let tenant = api.tenant(&asked.caller, slug, ApiScope::Read)?;
    let shown = asked.caller.shows(query.pins)?;
    let engine = &api.intake.engine;
    let records = engine.reviewed(&tenant.slug, plan).await?;
    if records.is_empty() {
        return Err(no_plan());
    }
    let mut stays = Vec::new();
    for record in records {
        stays.push(view_of_stay(engine, &tenant, record, shown).await?);
    }
    Ok(ok(&PlanView {
        plan: plan.clone(),
        stays,
        looked_at: None,
        unread: Vec::new(),
        sources: Vec::new(),
        suggestions: Vec::new(),
    }))
}

/// Applies a plan: exactly what it shows, or nothing of a stay that has moved on since. The worker does it; asking for
/// the plan again tells what became of it.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plans/{plan}/apply", tag = "plans",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("plan" = String, Path, description = "The plan's id")
    ),
    responses(
        (status = 202, body = AppliedView), (status = 401, body = ErrorView), (status = 403, body = ErrorView),
        (status = 404, body = ErrorView), (status = 409, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn apply(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
) -> Result<Response, ApiError> {
    let (slug, plan) = asked.path;
    let tenant = api.tenant(&asked.caller, &slug, ApiScope::Apply)?;
    let engine = Arc::clone(&api.intake.engine);
    if engine.reviewed(&tenant.slug, &plan).await?.is_empty() {
        return Err(no_plan());
    }
    tracing::info!(tenant = %tenant.slug, caller = asked.caller.name(), plan, "a plan is applied");
    let Applied { approved, left, refused } =
        api.finish(async move { Ok(engine.apply(&tenant.slug, &plan).await?) }).await?;
    Ok(super::json(StatusCode::ACCEPTED, &AppliedView { approved, left, refused }))
}

fn no_plan() -> ApiError {
    ApiError::missing(
        "plan",
        "make one: POST /api/v1/tenants/{tenant}/plans; one without any step is not kept",
    )
}

async fn view_of_draft(
    engine: &Engine,
    tenant: &Tenant,
    draft: Draft,
    shown: bool,
) -> Result<PlanView, ApiError> {
    let mut stays = Vec::new();
    for record in draft.stays {
        stays.push(view_of_stay(engine, tenant, record, shown).await?);
    }
    let sources = draft.sources.into_iter().map(|look| SourceLookView {
        source: look.source.to_string(),
        listed: look.listed,
        news: look.news,
        missing: look.missing,
        unreadable: look.unreadable,
        suspect: look.suspect,
        failing: look.failing,
    });
    let suggestions = draft.suggestions.into_iter().map(|suggestion| SuggestionView {
        door: suggestion.door.to_string(),
        code: suggestion.code.to_string(),
        booking: suggestion.stay.to_string(),
        reference: suggestion.reference.to_string(),
    });
    Ok(PlanView {
        plan: draft.id,
        stays,
        looked_at: Some(draft.looked_at),
        unread: draft.unread.iter().map(ToString::to_string).collect(),
        sources: sources.collect(),
        suggestions: suggestions.collect(),
    })
}

pub(super) async fn view_of_stay(
    engine: &Engine,
    tenant: &Tenant,
    record: PlanRecord,
    shown: bool,
) -> Result<PlanStay, ApiError> {
    let key = RowKey { kind: Kind::Booking, tenant: tenant.slug.clone(), id: record.stay.to_string() };
    let known = match engine.store().get(&key).await?.map(|row| row.record) {
        Some(Record::Booking(known)) => Some((known.source, known.reference, known.booking)),
        _ => None,
    };
    // What was told in the dry run is newer than what was known.
    let told = record.news.map(|news| (news.source, news.booking.reference.clone(), Some(news.booking)));
    let booking =
        told.as_ref().or(known.as_ref()).and_then(|(source, _, booking)| Some((source, booking.as_ref()?)));
    let unit = booking.and_then(|(source, booking)| tenant.unit_of(source, booking.unit.as_ref()?));
    let dates = booking.and_then(|(_, booking)| booking.dates.ok());
    let (unit, arrival, departure) = (
        unit.map(|unit| unit.id.to_string()),
        dates.map(|dates| dates.arrival()),
        dates.map(|dates| dates.departure()),
    );
    let (source, reference) = known.or(told).map(|(source, reference, _)| (source, reference)).unzip();
    let pins = record
        .pins
        .iter()
        .map(|(door, pins)| PlannedPin { door: door.to_string(), digits: Digits::of(Some(pins), shown) });
    Ok(PlanStay {
        plan: record.plan,
        booking: record.stay.to_string(),
        source: source.map(|source| source.to_string()),
        reference: reference.map(|reference| reference.to_string()),
        unit,
        arrival,
        departure,
        state: word(&record.state),
        reissue: record.reissue,
        made_at: record.made_at,
        expires_at: record.expires_at,
        steps: record.steps.iter().map(step).collect(),
        moved: record.moved,
        pins: pins.collect(),
    })
}

pub(super) fn step(step: &PlannedStep) -> StepView {
    StepView {
        what: step.what.clone(),
        door: step.door.as_ref().map(ToString::to_string),
        detail: step.detail.clone(),
        later: step.later,
    }
}
