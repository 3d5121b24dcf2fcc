//! Sources and brakes: read now, vouch, let go.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use booking_core::store::{AlertRecord, Kind, Record, StoreError, Tx, WorkKey, Write};
use booking_core::{DoorId, IntegrationName};
use booking_engine::{AlertKind, Engine, Tenant};
use chrono::TimeDelta;

use super::error::{ApiError, ErrorView};
use super::views::{BrakeView, BrakesView, DoneView, ReleaseRequest};
use super::{Api, Asked, Said, named, ok};
use crate::config::ApiScope;

/// For how long a brake is lifted where the caller does not say.
const LIFTED_HOURS: u32 = 1;
/// The longest that it is lifted: who needs more raises the limit.
const MOST_HOURS: u32 = 48;
/// How many rows are read at once.
const BATCH: usize = 500;

/// The budgets of early removals that were drawn on, and which of them hold something back.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/brakes", tag = "brakes",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses(
        (status = 200, body = BrakesView),
        (status = 401, body = ErrorView), (status = 403, body = ErrorView), (status = 404, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn brakes(State(api): State<Arc<Api>>, asked: Asked<String>) -> Result<Response, ApiError> {
    let tenant = api.tenant(&asked.caller, &asked.path, ApiScope::Read)?;
    let (now, prefix) = (api.now(), format!("{}/", AlertKind::Brake));
    let holding: Vec<String> = open_alerts(&api.intake.engine, &tenant)
        .await?
        .iter()
        .filter_map(|alert| Some(alert.id.strip_prefix(&prefix)?.to_owned()))
        .collect();
    let mut brakes: Vec<BrakeView> = Vec::new();
    let drawn = rows(&api.intake.engine, Kind::Brake, &tenant).await?;
    for record in drawn {
        let Record::Brake(record) = record else { continue };
        let spent = record.spent.iter().filter(|(_, at)| *at + tenant.brake.per > now).count();
        brakes.push(BrakeView {
            holding: holding.contains(&record.budget),
            budget: record.budget,
            spent,
            released_until: record.released_until.filter(|until| *until > now),
        });
    }
    for budget in holding {
        // It may hold something back without ever having let anything go.
        if !brakes.iter().any(|brake| brake.budget == budget) {
            brakes.push(BrakeView { budget, spent: 0, released_until: None, holding: true });
        }
    }
    let brake = tenant.brake;
    Ok(ok(&BrakesView { share: brake.share, least: brake.least, per_hours: brake.per.num_hours(), brakes }))
}

/// Lifts a brake for some hours: what waited goes on.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/brakes/{budget}/release", tag = "brakes",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("budget" = String, Path, description = "`source/NAME` or `door/ID`, percent-encoded")
    ),
    request_body = ReleaseRequest,
    responses(
        (status = 200, body = DoneView), (status = 400, body = ErrorView), (status = 401, body = ErrorView),
        (status = 403, body = ErrorView), (status = 404, body = ErrorView), (status = 409, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn release(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
    Said(request): Said<ReleaseRequest>,
) -> Result<Response, ApiError> {
    let (slug, budget) = asked.path;
    let tenant = api.tenant(&asked.caller, &slug, ApiScope::Apply)?;
    let hours = request.hours.unwrap_or(LIFTED_HOURS);
    if !(1..=MOST_HOURS).contains(&hours) {
        return Err(ApiError::bad(
            "`hours` is out of range",
            format!("write 1 to {MOST_HOURS}; to let more go for good, raise the tenant's `brake`"),
        ));
    }
    let source = budget.strip_prefix("source/").and_then(|name| IntegrationName::parse(name).ok());
    let source = source.filter(|name| tenant.sources.contains_key(name));
    let door = budget.strip_prefix("door/").and_then(|id| DoorId::parse(id).ok());
    let door = door.filter(|id| tenant.doors.contains_key(id));
    if source.is_none() && door.is_none() {
        return Err(ApiError::missing("brake", "name it source/NAME or door/ID, with %2F for the slash"));
    }
    tracing::info!(tenant = %tenant.slug, caller = asked.caller.name(), budget, hours, "a brake is lifted");
    let (engine, until) = (Arc::clone(&api.intake.engine), api.now() + TimeDelta::hours(i64::from(hours)));
    api.finish(async move {
        let what = match (&source, &door) {
            (Some(source), _) => Ok(source),
            (None, Some(door)) => Err(door),
            (None, None) => return Err(ApiError::internal()),
        };
        Ok(engine.release_brake(&tenant, what, until).await?)
    })
    .await?;
    Ok(ok(&DoneView { done: true }))
}

/// Vouches for a source: for a day, or longer where it is read seldom, its reads count as they are.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sources/{source}/trust", tag = "sources",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("source" = String, Path, description = "Its name in the configuration")
    ),
    responses(
        (status = 200, body = DoneView), (status = 401, body = ErrorView), (status = 403, body = ErrorView),
        (status = 404, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn trust(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
) -> Result<Response, ApiError> {
    let (tenant, name) = source(&api, &asked)?;
    tracing::info!(tenant = %tenant.slug, caller = asked.caller.name(), source = %name, "a source is vouched for");
    let engine = Arc::clone(&api.intake.engine);
    api.finish(async move { Ok(engine.trust_source(&tenant.slug, &name).await?) }).await?;
    Ok(ok(&DoneView { done: true }))
}

/// Has a source read in full as soon as there is a worker for it.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sources/{source}/read", tag = "sources",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("source" = String, Path, description = "Its name in the configuration")
    ),
    responses(
        (status = 202, body = DoneView), (status = 401, body = ErrorView), (status = 403, body = ErrorView),
        (status = 404, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn read_now(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
) -> Result<Response, ApiError> {
    let (tenant, name) = source(&api, &asked)?;
    let (engine, now) = (Arc::clone(&api.intake.engine), api.now());
    api.finish(async move {
        let work = WorkKey::Source(tenant.slug.clone(), name);
        let writes = vec![Write::Due { work, at: now, priority: Some(now) }];
        let _ = engine.store().commit(Tx { writes, ..Tx::new(now) }).await?;
        Ok(())
    })
    .await?;
    Ok(super::json(axum::http::StatusCode::ACCEPTED, &DoneView { done: true }))
}

fn source(api: &Api, asked: &Asked<(String, String)>) -> Result<(Arc<Tenant>, IntegrationName), ApiError> {
    let (slug, name) = &asked.path;
    let tenant = api.tenant(&asked.caller, slug, ApiScope::Apply)?;
    let name = named(IntegrationName::parse(name), "source")?;
    if !tenant.sources.contains_key(&name) {
        return Err(ApiError::missing("source", "see GET /api/v1/tenants for their names"));
    }
    Ok((tenant, name))
}

/// Every record of a kind of a tenant.
async fn rows(engine: &Engine, kind: Kind, tenant: &Tenant) -> Result<Vec<Record>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let rows = engine.store().rows(kind, &tenant.slug, after.as_deref(), BATCH).await?;
        let Some(last) = rows.last() else { return Ok(all) };
        after = Some(last.record.key().id);
        all.extend(rows.into_iter().map(|row| row.record));
    }
}

/// What staff has yet to see to, oldest first.
pub(super) async fn open_alerts(engine: &Engine, tenant: &Tenant) -> Result<Vec<AlertRecord>, StoreError> {
    let records = rows(engine, Kind::Alert, tenant).await?;
    let alerts = records.into_iter().filter_map(|record| match record {
        Record::Alert(alert) if alert.closed_at.is_none() => Some(alert),
        _ => None,
    });
    let mut alerts: Vec<AlertRecord> = alerts.collect();
    alerts.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
    Ok(alerts)
}
