//! One stay: explained, given other digits, forgotten.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use booking_core::BookingId;
use booking_core::store::{BookingRecord, MessageRecord, MessageState, WorkRow};
use booking_engine::{Engine, Erased, Explained, PinSource, Tenant};

use super::error::{ApiError, ErrorView};
use super::plans::{step, view_of_stay};
use super::views::{
    AlertView, BookingView, CodeView, Digits, DoneView, ErasedView, ExplainedView, HistoryView, MessageView,
    PinView, PinsQuery, RequiredView, ToldView, WindowView, WorkView, word,
};
use super::{Api, Asked, Filters, json, ok, one_booking};
use crate::config::ApiScope;

/// Why a stay is as it is: what is known, what is wanted, what is there, and what comes next. No vendor is called.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/bookings/{booking}", tag = "bookings",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("booking" = String, Path, description = "Our id, the source's reference, or `SOURCE:REFERENCE`"),
        PinsQuery
    ),
    responses(
        (status = 200, body = ExplainedView), (status = 400, body = ErrorView), (status = 401, body = ErrorView),
        (status = 403, body = ErrorView), (status = 404, body = ErrorView),
        (status = 409, body = ErrorView, description = "Several bookings have this reference")
    ),
    security(("token" = []))
)]
pub(super) async fn explain(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
    Filters(query): Filters<PinsQuery>,
) -> Result<Response, ApiError> {
    let (slug, booking) = &asked.path;
    let tenant = api.tenant(&asked.caller, slug, ApiScope::Read)?;
    let shown = asked.caller.shows(query.pins)?;
    let id = one_booking(&api, &tenant, booking).await?;
    let engine = &api.intake.engine;
    let Some(explained) = engine.explain(&tenant, &id).await? else { return Err(super::no_booking()) };
    Ok(ok(&view(engine, &tenant, explained, shown).await?))
}

/// Gives a stay other digits: the new code is proven and told before the old one goes.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/bookings/{booking}/reissue", tag = "bookings",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("booking" = String, Path, description = "Our id, the source's reference, or `SOURCE:REFERENCE`")
    ),
    responses(
        (status = 202, body = DoneView), (status = 401, body = ErrorView), (status = 403, body = ErrorView),
        (status = 404, body = ErrorView), (status = 409, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn reissue(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
) -> Result<Response, ApiError> {
    let (tenant, stay) = named_stay(&api, &asked, ApiScope::Apply).await?;
    tracing::info!(tenant = %tenant.slug, caller = asked.caller.name(), %stay, "other digits are wanted");
    let engine = Arc::clone(&api.intake.engine);
    api.finish(async move { Ok(engine.reissue(&tenant.slug, &stay).await?) }).await?;
    Ok(json(StatusCode::ACCEPTED, &DoneView { done: true }))
}

/// Forgets a stay: its booking, its guest, its codes, its messages. Only once nothing of it is on any door. A source
/// that still lists it tells of it again.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/bookings/{booking}", tag = "bookings",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("booking" = String, Path, description = "Our id, the source's reference, or `SOURCE:REFERENCE`")
    ),
    responses(
        (status = 200, body = ErasedView), (status = 401, body = ErrorView), (status = 403, body = ErrorView),
        (status = 404, body = ErrorView),
        (status = 409, body = ErrorView, description = "Codes of it are on doors, it is being worked on, or several have this reference")
    ),
    security(("token" = []))
)]
pub(super) async fn erase(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
) -> Result<Response, ApiError> {
    let (tenant, stay) = named_stay(&api, &asked, ApiScope::Erase).await?;
    tracing::info!(tenant = %tenant.slug, caller = asked.caller.name(), "a stay is to be forgotten");
    let engine = Arc::clone(&api.intake.engine);
    match api.finish(async move { Ok(engine.erase(&tenant.slug, &stay).await?) }).await? {
        Erased::Done(purged) => Ok(ok(&ErasedView { records: purged.records, arrivals: purged.inbox })),
        Erased::HasCodes(codes) => Err(ApiError::conflict(
            format!("{codes} of its codes are on doors, and nothing would take them off"),
            "wait until they are gone: at the end of the stay, or when it is cancelled",
        )),
        Erased::InWork => Err(ApiError::conflict(
            "it is being worked on at this moment".to_owned(),
            "try again in a minute",
        )),
        Erased::Unknown => Err(super::no_booking()),
    }
}

async fn named_stay(
    api: &Api,
    asked: &Asked<(String, String)>,
    scope: ApiScope,
) -> Result<(Arc<Tenant>, BookingId), ApiError> {
    let (slug, booking) = &asked.path;
    let tenant = api.tenant(&asked.caller, slug, scope)?;
    let stay = one_booking(api, &tenant, booking).await?;
    Ok((tenant, stay))
}

async fn view(
    engine: &Engine,
    tenant: &Tenant,
    explained: Explained,
    shown: bool,
) -> Result<ExplainedView, ApiError> {
    let mut plans = Vec::new();
    for record in explained.plans {
        plans.push(view_of_stay(engine, tenant, record, shown).await?);
    }
    let doors = explained.required.iter().map(|(door, proof)| {
        let seen = explained.reads.get(door);
        let (failing_since, failing) = seen.and_then(|seen| seen.failing.clone()).unzip();
        RequiredView {
            door: door.to_string(),
            proof: word(proof),
            observed_at: seen.and_then(|seen| seen.observed_at),
            failing_since,
            failing,
        }
    });
    let source = match explained.pin.source {
        PinSource::Random => "random",
        PinSource::Phone => "phone",
    };
    let history = explained.audit.into_iter();
    Ok(ExplainedView {
        booking: booking(&explained.booking),
        wish: explained.wish.to_owned(),
        unit: explained.unit.map(|unit| unit.to_string()),
        stay: explained.stay.as_ref().map(WindowView::of),
        window: explained.window.as_ref().map(WindowView::of),
        pin: PinView { source: source.to_owned(), reissued_at: explained.pin.reissued_at },
        doors: doors.collect(),
        codes: explained.codes.iter().map(|code| CodeView::of(code, shown)).collect(),
        messages: explained.messages.iter().map(|record| message(record, shown)).collect(),
        alerts: explained.alerts.iter().map(AlertView::of).collect(),
        steps: explained.steps.iter().map(step).collect(),
        work: explained.work.map(work),
        unread: explained.unread,
        plans,
        history: history
            .map(|entry| HistoryView { at: entry.at, what: entry.what, detail: entry.detail })
            .collect(),
    })
}

fn work(row: WorkRow) -> WorkView {
    WorkView { due_at: row.due_at, leased_until: row.leased_until, failures: row.failures }
}

/// A booking without its guest.
fn booking(record: &BookingRecord) -> BookingView {
    let told = record.booking.as_ref();
    let dates = told.and_then(|booking| booking.dates.ok());
    BookingView {
        booking: record.id.to_string(),
        source: record.source.to_string(),
        reference: record.reference.to_string(),
        former: record.former.iter().map(ToString::to_string).collect(),
        kind: told.map(|booking| word(&booking.kind).to_lowercase()),
        status: told.map(|booking| word(&booking.status).to_lowercase()),
        unit: told.and_then(|booking| booking.unit.as_ref()).map(ToString::to_string),
        arrival: dates.map(|dates| dates.arrival()),
        departure: dates.map(|dates| dates.departure()),
        dates_problem: told
            .and_then(|booking| booking.dates.err())
            .map(|problem| word(&problem).to_lowercase()),
        check_in: told.and_then(|booking| booking.check_in),
        check_out: told.and_then(|booking| booking.check_out),
        revision: told.and_then(|booking| booking.revision).map(|revision| revision.0),
        backup_of: record.standing.as_ref().map(|standing| standing.door.to_string()),
        created_at: record.created_at,
        seen_at: record.seen_at,
        deleted_at: record.deleted_at,
        not_found_since: record.not_found_since,
        contradicted_since: record.contradicted_since,
        absences: record.absences,
        gone_at: record.gone_at,
        cancelled_at: record.cancelled_at,
        last_error: record.last_error.clone(),
    }
}

fn message(record: &MessageRecord, shown: bool) -> MessageView {
    let state = match &record.state {
        MessageState::Intended => "intended",
        MessageState::Sent(_) => "sent",
        MessageState::Unknown => "unknown",
        MessageState::Failed => "failed",
        MessageState::Undeliverable => "undeliverable",
        MessageState::Superseded => "superseded",
    };
    let told = record.told.iter().flat_map(|told| &told.codes);
    MessageView {
        message: record.id.to_string(),
        notifier: record.notifier.to_string(),
        kind: word(&record.kind),
        state: state.to_owned(),
        maybe_twice: record.maybe_twice,
        attempts: record.attempts,
        retry_at: record.retry_at,
        intended_at: record.intended_at,
        tried_at: record.tried_at,
        ended_at: record.ended_at,
        error: record.error.clone(),
        language: record.text.as_ref().map(|text| text.language.clone()),
        told: told
            .map(|code| ToldView {
                door: code.door.to_string(),
                code: code.code.to_string(),
                typed: Digits::text(code.typed.as_ref(), shown),
            })
            .collect(),
    }
}
