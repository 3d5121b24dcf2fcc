//! What is on doors, and codes that become a stay's by hand.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use booking_core::{DoorId, Marker, VendorCodeId};
use booking_engine::{FoundCode, Unlinkable, Whose};

use super::error::{ApiError, ErrorView};
use super::views::{
    CodeView, CodesQuery, Digits, DoneView, DoorView, DoorsView, Failing, FoundCodeView, LinkRequest,
    OnDoorView, WhoseView, word,
};
use super::{Api, Asked, Filters, Said, named, ok, one_booking};
use crate::config::ApiScope;

/// The doors of a tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/doors", tag = "doors",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses(
        (status = 200, body = DoorsView),
        (status = 401, body = ErrorView), (status = 403, body = ErrorView), (status = 404, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn doors(State(api): State<Arc<Api>>, asked: Asked<String>) -> Result<Response, ApiError> {
    let tenant = api.tenant(&asked.caller, &asked.path, ApiScope::Read)?;
    let doors = tenant.doors.values().map(|setup| {
        let units = tenant.units.iter().filter(|unit| unit.doors.contains(&setup.id));
        DoorView {
            door: setup.id.to_string(),
            label: setup.label.clone(),
            lock: setup.lock.to_string(),
            device: setup.door.key.device.to_string(),
            keypad: setup.door.key.keypad.to_string(),
            time_zone: setup.door.zone.to_string(),
            backup_codes: setup.backup_codes,
            units: units.map(|unit| unit.id.to_string()).collect(),
        }
    });
    Ok(ok(&DoorsView { doors: doors.collect() }))
}

/// What is on a door: ours, foreign, over, twice; and what should be there and is not.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/doors/{door}/codes", tag = "doors",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("door" = String, Path, description = "The door's id"),
        CodesQuery
    ),
    responses(
        (status = 200, body = OnDoorView), (status = 400, body = ErrorView), (status = 401, body = ErrorView),
        (status = 403, body = ErrorView), (status = 404, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn codes(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String)>,
    Filters(query): Filters<CodesQuery>,
) -> Result<Response, ApiError> {
    let (slug, door) = &asked.path;
    let tenant = api.tenant(&asked.caller, slug, ApiScope::Read)?;
    let shown = asked.caller.shows(query.pins)?;
    let door = named(DoorId::parse(door), "door")?;
    let engine = Arc::clone(&api.intake.engine);
    let (id, fresh) = (door.clone(), query.fresh);
    // A read that was begun is kept, whoever waits for it.
    let found = api.finish(async move { Ok(engine.codes(&tenant, &id, fresh).await?) }).await?;
    let Some(found) = found else { return Err(no_door()) };
    let failing = found.failing.map(|(since, what)| Failing { since, door: Some(door.to_string()), what });
    Ok(ok(&OnDoorView {
        door: door.to_string(),
        observed_at: found.observed_at,
        complete: found.complete,
        failing,
        codes: found.codes.iter().map(|code| view(code, shown)).collect(),
        missing: found.missing.iter().map(|code| CodeView::of(code, shown)).collect(),
    }))
}

/// Makes an unmarked code a stay's own. It keeps its digits; its name, note and times become what the stay's code should
/// have.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/doors/{door}/codes/{code}/link", tag = "doors",
    params(
        ("tenant" = String, Path, description = "The tenant's slug"),
        ("door" = String, Path, description = "The door's id"),
        ("code" = String, Path, description = "The vendor's id of the code")
    ),
    request_body = LinkRequest,
    responses(
        (status = 200, body = DoneView), (status = 400, body = ErrorView), (status = 401, body = ErrorView),
        (status = 403, body = ErrorView), (status = 404, body = ErrorView),
        (status = 409, body = ErrorView, description = "The code cannot become this booking's"),
        (status = 503, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn link(
    State(api): State<Arc<Api>>,
    asked: Asked<(String, String, String)>,
    Said(request): Said<LinkRequest>,
) -> Result<Response, ApiError> {
    let (slug, door, code) = &asked.path;
    let tenant = api.tenant(&asked.caller, slug, ApiScope::Apply)?;
    let door = named(DoorId::parse(door), "door")?;
    let code = named(VendorCodeId::parse(code), "code")?;
    let stay = one_booking(&api, &tenant, &request.booking).await?;
    tracing::info!(tenant = %tenant.slug, caller = asked.caller.name(), %door, %stay, "a code is linked by hand");
    let engine = Arc::clone(&api.intake.engine);
    let linked = api.finish(async move { Ok(engine.link(&tenant, &door, &code, &stay).await?) }).await?;
    linked.map_err(unlinkable)?;
    Ok(ok(&DoneView { done: true }))
}

fn unlinkable(why: Unlinkable) -> ApiError {
    match why {
        Unlinkable::NoSuchStay => super::no_booking(),
        Unlinkable::NoSuchDoor => no_door(),
        Unlinkable::NoSuchCode => {
            ApiError::missing("code on this door", "read the door: GET …/codes?fresh=true")
        }
        Unlinkable::Unreadable => ApiError::new(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            "the door cannot be read now",
            "try again when its lock account answers; see GET …/health",
        ),
        why => ApiError::conflict(why.to_string(), "see GET …/codes for what is on the door"),
    }
}

fn no_door() -> ApiError {
    ApiError::missing("door", "see GET /api/v1/tenants/{tenant}/doors for their ids")
}

fn view(code: &FoundCode, shown: bool) -> FoundCodeView {
    let listed = &code.listed;
    let markers = Marker::find_all(&listed.note);
    FoundCodeView {
        code: listed.id.to_string(),
        whose: match code.whose {
            Whose::Ours => WhoseView::Ours,
            Whose::Marked => WhoseView::Marked,
            Whose::Foreign => WhoseView::Foreign,
            Whose::Ambiguous => WhoseView::Ambiguous,
        },
        booking: code.stay.as_ref().map(ToString::to_string),
        stored: Digits::text(listed.stored.as_ref(), shown),
        // Whoever wrote them, names and notes tell of people.
        name: shown.then(|| listed.name.clone()),
        note: shown.then(|| listed.note.clone()),
        markers: markers.iter().map(|marker| marker.as_str().to_owned()).collect(),
        start: listed.start,
        end: listed.end,
        active: listed.active,
        proof: word(&listed.proof),
        expired: code.expired,
        duplicate: code.duplicate,
    }
}
