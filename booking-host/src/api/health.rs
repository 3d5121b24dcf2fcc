//! How a tenant's integrations do: what their last calls came to, what is waited for, and what staff must see to.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use booking_core::store::{Kind, Origin, Record, RowKey, SourceRecord, WorkKey, WorkRow};
use booking_core::{BookingId, Call, Fault, IntegrationName, Retry, VendorError};
use booking_engine::{AlertKind, Engine, Tenant};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::error::{ApiError, ErrorView};
use super::sources::open_alerts;
use super::tenants::integrations;
use super::views::{
    AlertView, CheckView, FailedCall, Failing, HealthView, Inbound, IntegrationHealth, Role, SourceHealth,
    WorkHealth,
};
use super::{Api, Asked, Filters, ok};
use crate::config::{ApiScope, Settings};
use crate::observed::Failure;

/// How long an account may take to show that it works.
const CHECK: TimeDelta = TimeDelta::seconds(20);
/// How many rows are read at once.
const BATCH: usize = 500;
/// How far back the last webhook is looked for, in rows.
const MOST_INBOX: usize = 2_000;
/// How many failing stays are asked whether they came to no rest.
const MOST_ASKED: usize = 50;

/// What of the health is wanted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HealthQuery {
    /// Whether every account is called now.
    #[serde(default)]
    pub check: bool,
}

/// How a tenant's integrations do.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/health", tag = "health",
    params(("tenant" = String, Path, description = "The tenant's slug"), HealthQuery),
    responses(
        (status = 200, body = HealthView), (status = 400, body = ErrorView), (status = 401, body = ErrorView),
        (status = 403, body = ErrorView), (status = 404, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn health(
    State(api): State<Arc<Api>>,
    asked: Asked<String>,
    Filters(query): Filters<HealthQuery>,
) -> Result<Response, ApiError> {
    let tenant = api.tenant(&asked.caller, &asked.path, ApiScope::Read)?;
    let engine = &api.intake.engine;
    let alerts = open_alerts(engine, &tenant).await?;
    let silent = |name: &str| {
        let id = format!("{}/{name}", AlertKind::WebhooksSilent);
        alerts.iter().find(|alert| alert.id == id).map(|alert| alert.opened_at)
    };
    let heard = last_heard(engine, &tenant).await?;
    let doors = failing_doors(engine, &tenant).await?;
    let Some(config) = api.config.tenant(&tenant.slug) else { return Err(ApiError::internal()) };
    let mut all = Vec::new();
    for (role, name, settings) in integrations(config) {
        let Ok(name) = IntegrationName::parse(name) else { continue };
        let calls = api.calls.of(&tenant.slug, &name);
        let webhooks = api.intake.webhooks.has(&tenant.slug, &name);
        let source = match role {
            Role::Source => source(engine, &tenant, &name).await?,
            _ => None,
        };
        all.push(IntegrationHealth {
            name: name.to_string(),
            role,
            kind: settings.kind().to_owned(),
            last_good_call: calls.good_at,
            last_failed_call: calls.failed.map(|(at, failure)| failed(at, failure, settings)),
            inbound: webhooks
                .then(|| Inbound { last: heard.get(&name).copied(), silent_since: silent(name.as_str()) }),
            source,
            doors: doors.get(&name).cloned().unwrap_or_default(),
            check: None,
        });
    }
    if query.check {
        let now = api.now();
        let checks = all.iter().map(|one| check(&tenant, one.role, &one.name, now));
        let results = join_all(checks).await;
        for ((one, result), (.., settings)) in all.iter_mut().zip(results).zip(integrations(config)) {
            one.check = result.map(|result| checked(result, settings, now));
        }
    }
    let work = waiting(engine, &tenant, api.now()).await?;
    Ok(ok(&HealthView {
        since: api.since,
        integrations: all,
        work,
        alerts: alerts.iter().map(AlertView::of).collect(),
    }))
}

/// What a source's full reads came to.
async fn source(
    engine: &Engine,
    tenant: &Tenant,
    name: &IntegrationName,
) -> Result<Option<SourceHealth>, ApiError> {
    let key = RowKey { kind: Kind::Source, tenant: tenant.slug.clone(), id: name.to_string() };
    let Some(Record::Source(record)) = engine.store().get(&key).await?.map(|row| row.record) else {
        return Ok(None);
    };
    let SourceRecord { complete_at, bookings, failing, suspect_since, trusted_until, .. } = record;
    Ok(Some(SourceHealth {
        last_full_read: complete_at,
        every_minutes: tenant.full_read_every.num_minutes(),
        bookings,
        failing: failing.map(|(since, what)| Failing { since, door: None, what }),
        suspect_since,
        trusted_until,
    }))
}

/// The doors that cannot be read, by lock account.
async fn failing_doors(
    engine: &Engine,
    tenant: &Tenant,
) -> Result<BTreeMap<IntegrationName, Vec<Failing>>, ApiError> {
    let mut failing: BTreeMap<IntegrationName, Vec<Failing>> = BTreeMap::new();
    for setup in tenant.doors.values() {
        let key =
            RowKey { kind: Kind::DoorRead, tenant: tenant.slug.clone(), id: setup.door.key.to_string() };
        let row = engine.store().get(&key).await?;
        if let Some(Record::DoorRead(read)) = row.map(|row| row.record)
            && let Some((since, what)) = read.failing
        {
            let door = Some(setup.id.to_string());
            failing.entry(setup.lock.clone()).or_default().push(Failing { since, door, what });
        }
    }
    Ok(failing)
}

/// When each integration's last webhook came, as far back as is looked.
async fn last_heard(
    engine: &Engine,
    tenant: &Tenant,
) -> Result<BTreeMap<IntegrationName, DateTime<Utc>>, ApiError> {
    let (mut heard, mut before, mut seen) = (BTreeMap::new(), None, 0);
    while seen < MOST_INBOX {
        let rows = engine.store().inbox(&tenant.slug, before, BATCH).await?;
        let Some(last) = rows.last() else { break };
        before = Some(last.number);
        seen += rows.len();
        for row in rows.into_iter().filter(|row| row.origin == Origin::Webhook) {
            heard.entry(row.integration).or_insert(row.received_at);
        }
    }
    Ok(heard)
}

/// What is due for a tenant.
async fn waiting(engine: &Engine, tenant: &Tenant, now: DateTime<Utc>) -> Result<WorkHealth, ApiError> {
    let (mut rows, mut after): (Vec<WorkRow>, Option<WorkKey>) = (Vec::new(), None);
    loop {
        let page = engine.store().work(after.as_ref(), BATCH).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.work.clone());
        rows.extend(page.into_iter().filter(|row| *row.work.tenant() == tenant.slug));
    }
    let leased = |row: &&WorkRow| row.leased_until.is_some_and(|until| until > now);
    let due = |row: &&WorkRow| !leased(row) && row.due_at.is_some_and(|due| due <= now);
    let stays = rows.iter().filter(|row| row.failures > 0).filter_map(|row| match &row.work {
        WorkKey::Grant(_, stay) => Some(stay),
        _ => None,
    });
    let mut parked = Vec::new();
    for stay in stays.take(MOST_ASKED) {
        if came_to_no_rest(engine, tenant, stay).await? {
            parked.push(stay.to_string());
        }
    }
    Ok(WorkHealth {
        due: rows.iter().filter(due).count(),
        running: rows.iter().filter(leased).count(),
        failing: rows.iter().filter(|row| row.failures > 0).map(|row| row.work.to_string()).collect(),
        oldest_due: rows.iter().filter(due).filter_map(|row| row.due_at).min(),
        parked,
    })
}

async fn came_to_no_rest(engine: &Engine, tenant: &Tenant, stay: &BookingId) -> Result<bool, ApiError> {
    let last = engine.store().audit(&tenant.slug, Some(stay), None, 1).await?;
    Ok(last.first().is_some_and(|row| row.entry.what == "parked"))
}

/// Calls an account; `None` where there is none of this name.
async fn check(
    tenant: &Tenant,
    role: Role,
    name: &str,
    now: DateTime<Utc>,
) -> Option<Result<(), VendorError>> {
    let (call, name) = (Call::until(now + CHECK), IntegrationName::parse(name).ok()?);
    Some(match role {
        Role::Source => tenant.sources.get(&name)?.check(call).await,
        Role::Lock => tenant.locks.get(&name)?.check(call).await,
        Role::Notifier => tenant.notifiers.get(&name)?.notifier.check(call).await,
    })
}

fn checked(result: Result<(), VendorError>, settings: &Settings, now: DateTime<Utc>) -> CheckView {
    let Err(error) = result else { return CheckView { works: true, failed: None } };
    let until = match error.retry {
        Retry::After(wait) => TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)),
        Retry::Never | Retry::Backoff => None,
    };
    let (fault, remedy) = match (error.fault, until) {
        (Fault::Configuration, _) => ("configuration", format!("check the settings of {}", settings.path())),
        (Fault::Credentials, _) => ("credentials", credentials(settings)),
        (_, Some(until)) => ("limited", wait_until(until)),
        (Fault::Request, None) => ("request", REPORT.to_owned()),
        (Fault::Network, None) => ("network", NETWORK.to_owned()),
        _ => ("vendor", VENDOR.to_owned()),
    };
    let failed = FailedCall { at: now, fault: fault.to_owned(), what: error.to_string(), remedy, until };
    CheckView { works: false, failed: Some(failed) }
}

const NETWORK: &str = "see whether this machine reaches the vendor; it is tried again by itself";
const VENDOR: &str = "nothing is to be done here: it is tried again by itself; ask the vendor if it lasts";
const REPORT: &str =
    "see the host's log; if it lasts, the vendor has changed something, or this is a fault of ours";
const LIMITED: &str = "it goes on by itself; fewer calls need longer full_read_every and door_read_every";

fn failed(at: DateTime<Utc>, failure: Failure, settings: &Settings) -> FailedCall {
    let status = |what: &str, status: u16| format!("{what} (HTTP {status})");
    let (fault, what, remedy, until) = match failure {
        Failure::Network => ("network", "no whole answer came".to_owned(), NETWORK.to_owned(), None),
        Failure::Credentials(number) => {
            ("credentials", status("the vendor refuses who we are", number), credentials(settings), None)
        }
        Failure::Limited(until) => (
            "limited",
            "the vendor wants fewer calls".to_owned(),
            until.map_or_else(|| LIMITED.to_owned(), wait_until),
            until,
        ),
        Failure::Elsewhere(number) => (
            "configuration",
            status("the vendor sends us elsewhere", number),
            format!("check {}.base_url", settings.path()),
            None,
        ),
        Failure::Request(number) => {
            ("request", status("the vendor refuses what was asked", number), REPORT.to_owned(), None)
        }
        Failure::Vendor(number) => ("vendor", status("the vendor failed", number), VENDOR.to_owned(), None),
    };
    FailedCall { at, fault: fault.to_owned(), what, remedy, until }
}

fn wait_until(until: DateTime<Utc>) -> String {
    format!("it goes on by itself after {}", until.format("%Y-%m-%d %H:%M:%S UTC"))
}

fn credentials(settings: &Settings) -> String {
    let keys: Vec<String> = settings.credentials().map(|key| format!("{}.{key}", settings.path())).collect();
    format!("check {} at the vendor, and start the host anew", keys.join(" and "))
}
