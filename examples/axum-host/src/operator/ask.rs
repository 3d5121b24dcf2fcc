//! Commands that ask one thing, or do one thing at once.

use booking_host::api::views::{
    BrakesView, CodesQuery, DoneView, ErasedView, ExplainedView, HealthQuery, HealthView, LinkRequest,
    LogKind, LogQuery, LogView, OnDoorView, PinsQuery, ReleaseRequest,
};
use booking_host::config::ApiScope;
use serde_json::json;

use super::args::{
    BrakeAction, BrakeArgs, CodesArgs, EraseArgs, ExplainArgs, HealthArgs, LinkArgs, LogArgs, TrustArgs,
};
use super::desk::{Desk, Got, escape};
use super::fault::{Answer, Exit, Fault};
use super::show::{self, Commands, Times};
use super::{now, print, when};

/// The scopes to read, and to see digits where they are asked for.
fn reading(pins: bool) -> Vec<ApiScope> {
    let mut scopes = vec![ApiScope::Read];
    scopes.extend(pins.then_some(ApiScope::Pins));
    scopes
}

pub(super) async fn explain(args: ExplainArgs) -> Answer<Exit> {
    let desk = Desk::open(&args.common, &reading(args.show_pins)).await?;
    if let Some(door) = &args.door {
        return explain_door(&desk, door, args.show_pins, args.common.json).await;
    }
    let booking = args.booking.unwrap_or_default();
    let got: Got<ExplainedView> =
        desk.get(&format!("/bookings/{}", escape(&booking)), &PinsQuery { pins: args.show_pins }).await?;
    let tenant = desk.tenant().await?;
    print(args.common.json, &got.raw, || show::explain(&got.view, &tenant, now()))?;
    Ok(Exit::Complete)
}

async fn explain_door(desk: &Desk, id: &str, pins: bool, json: bool) -> Answer<Exit> {
    let door = desk.door(id).await?;
    let found = on_door(desk, id, &CodesQuery { fresh: false, pins }).await?;
    let health: Got<HealthView> = desk.get("/health", &HealthQuery::default()).await?;
    let raw = json!({"door": door, "codes": found.raw, "alerts": health.view.alerts});
    let command = |words: &str| desk.command(words);
    print(json, &raw, || show::door(&door, &found.view, &health.view.alerts, &Commands(&command)))?;
    Ok(Exit::Complete)
}

async fn on_door(desk: &Desk, id: &str, query: &CodesQuery) -> Answer<Got<OnDoorView>> {
    desk.get(&format!("/doors/{}/codes", escape(id)), query).await
}

pub(super) async fn codes(args: CodesArgs) -> Answer<Exit> {
    let desk = Desk::open(&args.common, &reading(args.show_pins)).await?;
    let door = desk.door(&args.door).await?;
    let found = on_door(&desk, &args.door, &CodesQuery { fresh: args.fresh, pins: args.show_pins }).await?;
    let command = |words: &str| desk.command(words);
    print(args.common.json, &found.raw, || show::codes(&door, &found.view, &Commands(&command)))?;
    let unread = found.view.failing.is_some() || (args.fresh && !found.view.complete);
    Ok(if unread { Exit::Partial } else { Exit::Complete })
}

/// What is begun goes on by itself only where a host runs.
fn goes_on(desk: &Desk, booking: &str) -> String {
    match desk.way.here() {
        None => "The host works on it.".to_owned(),
        Some(_) => {
            let command = desk.command(&format!("sync --booking {booking}"));
            format!("No host is running: it is done when one starts, or now by\n  {command}")
        }
    }
}

pub(super) async fn link(args: LinkArgs) -> Answer<Exit> {
    let desk = Desk::open(&args.common, &[ApiScope::Read, ApiScope::Apply]).await?;
    let door = desk.door(&args.door).await?;
    let path = format!("/doors/{}/codes/{}/link", escape(&door.door), escape(&args.code));
    let got: Got<DoneView> =
        desk.post(&path, &LinkRequest { booking: args.booking.clone() }).await.map_err(|mut fault| {
            if fault.view.remedy.contains("GET ") {
                fault.view.remedy =
                    format!("look at it: {}", desk.command(&format!("codes {} --fresh", door.door)));
            }
            fault
        })?;
    print(args.common.json, &got.raw, || {
        let (code, booking) = (&args.code, &args.booking);
        let what =
            format!("Code {code} on {} is {booking}'s from now on, with the digits that it has.", door.door);
        format!("{what}\n{}", goes_on(&desk, booking))
    })?;
    Ok(Exit::Complete)
}

pub(super) async fn health(args: HealthArgs) -> Answer<Exit> {
    let desk = Desk::open(&args.common, &reading(false)).await?;
    let tenant = desk.tenant().await?;
    let got: Got<HealthView> = desk.get("/health", &HealthQuery { check: args.check }).await?;
    let command = |words: &str| desk.command(words);
    print(args.common.json, &got.raw, || {
        let mut text =
            show::health(&got.view, &desk.slug, Times::of(&tenant, None), now(), &Commands(&command));
        if desk.way.here().is_some() {
            text.push_str("\nNo host is running: nothing is worked on, and webhooks are not taken.\n");
        }
        text
    })?;
    Ok(if show::is_well(&got.view) { Exit::Complete } else { Exit::Partial })
}

pub(super) async fn log(args: LogArgs) -> Answer<Exit> {
    let kind = match (args.webhooks, args.mail) {
        (true, _) => LogKind::Webhook,
        (_, true) => LogKind::Mail,
        _ => LogKind::History,
    };
    if args.from.is_some() && kind == LogKind::History {
        return Err(Fault::usage(
            "the history knows no accounts",
            "add --webhooks or --mail, or leave --from out",
        ));
    }
    let desk = Desk::open(&args.common, &reading(args.show_pins)).await?;
    let tenant = desk.tenant().await?;
    let times = Times::of(&tenant, None);
    let read = |text: &Option<String>| text.as_ref().map(|text| when::read(text, times.0, now())).transpose();
    let query = LogQuery {
        kind: Some(kind),
        since: read(&args.since)?,
        until: read(&args.until)?,
        integration: args.from.clone(),
        booking: args.booking.clone(),
        what: args.what.clone(),
        limit: Some(args.limit),
        before: args.before,
        pins: args.show_pins,
    };
    let got: Got<LogView> = desk.get("/log", &query).await?;
    let command = |words: &str| desk.command(words);
    print(args.common.json, &got.raw, || show::log(&got.view, kind, times, &Commands(&command)))?;
    Ok(Exit::Complete)
}

pub(super) async fn erase(args: EraseArgs) -> Answer<Exit> {
    if !args.yes {
        return Err(Fault::usage(
            "what is forgotten does not come back",
            "add --yes if that is what you want",
        ));
    }
    let desk = Desk::open(&args.common, &[ApiScope::Erase]).await?;
    let got: Got<ErasedView> = desk.delete(&format!("/bookings/{}", escape(&args.booking))).await?;
    print(args.common.json, &got.raw, || {
        let ErasedView { records, arrivals } = got.view;
        format!(
            "Forgotten: {records} records and {arrivals} arrivals. A source that still lists it tells of it again: \
             delete it there too."
        )
    })?;
    Ok(Exit::Complete)
}

pub(super) async fn brake(args: BrakeArgs) -> Answer<Exit> {
    let json = args.common.json;
    let Some(BrakeAction::Release { budget, hours }) = args.action else {
        let desk = Desk::open(&args.common, &reading(false)).await?;
        let tenant = desk.tenant().await?;
        let got: Got<BrakesView> = desk.get("/brakes", &()).await?;
        let command = |words: &str| desk.command(words);
        print(json, &got.raw, || show::brakes(&got.view, Times::of(&tenant, None), &Commands(&command)))?;
        let holds = got.view.brakes.iter().any(|brake| brake.holding);
        return Ok(if holds { Exit::Partial } else { Exit::Complete });
    };
    let desk = Desk::open(&args.common, &[ApiScope::Apply]).await?;
    let path = format!("/brakes/{}/release", escape(&budget));
    let got: Got<DoneView> =
        desk.post(&path, &ReleaseRequest { hours: Some(hours) }).await.map_err(|mut fault| {
            if fault.view.error == "there is no such brake" {
                fault.view.remedy =
                    format!("name it source/NAME or door/ID; {} shows them", desk.command("brake"));
            }
            fault
        })?;
    print(json, &got.raw, || format!("{budget} is lifted for {hours} h: what was held back goes on."))?;
    Ok(Exit::Complete)
}

pub(super) async fn trust(args: TrustArgs) -> Answer<Exit> {
    let desk = Desk::open(&args.common, &[ApiScope::Apply]).await?;
    let got: Got<DoneView> = desk
        .post(&format!("/sources/{}/trust", escape(&args.source)), &json!({}))
        .await
        .map_err(|mut fault| {
            if fault.view.remedy.contains("GET ") {
                fault.view.remedy = format!("{} names the sources", desk.command("health"));
            }
            fault
        })?;
    print(args.common.json, &got.raw, || {
        format!(
            "{} is vouched for: for a day, or longer where it is read seldom, its reads count as they are.",
            args.source
        )
    })?;
    Ok(Exit::Complete)
}
