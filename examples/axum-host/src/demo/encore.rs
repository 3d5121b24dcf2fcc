//! After the story: what to try, and what then happens.

use std::collections::BTreeMap;
use std::time::Duration;

use booking_core::BookingId;
use booking_core::store::{AuditEntry, BookingRecord, Kind, Record, Store};
use chrono::{Days, NaiveDate, Utc};
use tokio::time::sleep;

use super::flats::{FLATS, LOFT, SAMPLE, STUDIO, ZONE, today};
use super::scene::{Scene, tenant};
use super::stage::{CONFIG, DATABASE, LOG};

const LOOK: Duration = Duration::from_millis(250);
/// More rows than anybody tries out.
const ALL: usize = 100_000;

/// Prints commands that work on what the story has left.
pub(super) fn invite(scene: &mut Scene) {
    let (host, control) = (scene.stage.host_url(), format!("{}/control", scene.stage.sims_url()));
    let day = |days| today() + Days::new(days);
    let find = |name: &str| scene.guests.iter().find(|guest| guest.person.name.starts_with(name));
    let (Some(emil), Some(olena)) = (find("Emil"), find("Олена")) else { return };
    let (emils_pin, emils_id) = (emil.pin.clone().unwrap_or_default(), emil.id);
    let (olenas_id, olenas_phone) = (olena.id, olena.person.phone.trim_start_matches('+'));
    let files = [CONFIG, DATABASE, LOG].map(|name| scene.stage.file(name).display().to_string());
    let config = files[0].clone();
    let is_temporary = scene.stage.is_temporary();
    let tell = &mut scene.tell;

    tell.line("");
    tell.title("Try it");
    tell.fact("host", &host);
    tell.fact("simulators", &control);
    tell.fact("files", files.join("  "));
    tell.fact("flats", FLATS.map(|flat| format!("{} {}", flat.apartment, flat.name)).join(", "));
    tell.line("");
    tell.title("The host");
    tell.command("is it alive, and can it write?", &format!("curl {host}/healthz; curl {host}/readyz"));
    tell.command("its numbers", &format!("curl -s {host}/metrics | grep -v '^#'"));
    tell.command(
        "the earlier system's sample, with coming dates: a code for the Sample Flat (and no message: no phone in it)",
        &sample(&host, 12345, day(10), day(12)),
    );
    tell.command(
        "that code, in the cloud and at the door",
        &format!("curl -s {control}/thekeys/locks/{}/codes", SAMPLE.lock),
    );
    let over = NaiveDate::from_ymd_opt(2026, 5, 1).unwrap_or_default();
    tell.command(
        "the sample with its own dates, which are past: taken and recorded, and no code, since the stay is over",
        &sample(&host, 12346, over, over + Days::new(2)),
    );
    tell.line("");
    tell.title("The operator");
    let operator = |words: String| format!("cargo run -qp axum-host -- {words} --config {config}");
    tell.command("how everything does", &operator("health --check".to_owned()));
    tell.command("why this stay is as it is", &operator(format!("explain {olenas_id}")));
    tell.command("what is on this door", &operator(format!("codes {}-door --fresh", STUDIO.id)));
    tell.command("what other digits would take", &operator(format!("reissue {olenas_id} --dry-run")));
    tell.command(
        "bookings that no webhook tells of from now on: make or change one below, and look",
        &format!(r#"curl -d '{{"mode":"lost"}}' {control}/smoobu/webhooks/mode"#),
    );
    tell.command(
        "what would be done about them; without --dry-run it is done",
        &operator("sync --dry-run".to_owned()),
    );
    tell.line("");
    tell.title("Smoobu, as its hosts and guests use it");
    tell.command(
        "a booking of your own; its number is the answer",
        &format!(
            r#"curl -d '{{"apartment":{},"arrival":"{}","departure":"{}","guest_name":"Hana Example","language":"de","phone":"+48600000009"}}' {control}/smoobu/bookings"#,
            LOFT.apartment,
            day(30),
            day(33)
        ),
    );
    tell.command("what its guest reads", &format!("curl -s {control}/guests/sms/%2B48600000009/received"));
    tell.command(
        "another departure: the same PIN for longer",
        &format!(r#"curl -X PATCH -d '{{"departure":"{}"}}' {control}/smoobu/bookings/{olenas_id}"#, day(19)),
    );
    tell.command(
        "another flat: a new code there, then the message, then the old code off",
        &format!(
            r#"curl -X PATCH -d '{{"apartment":{}}}' {control}/smoobu/bookings/{olenas_id}"#,
            LOFT.apartment
        ),
    );
    tell.command(
        "what its guest has read",
        &format!("curl -s {control}/guests/sms/%2B{olenas_phone}/received"),
    );
    tell.command("a cancellation", &format!("curl -X POST {control}/smoobu/bookings/{olenas_id}/cancel"));
    tell.line("");
    tell.title("The doors, and trouble");
    tell.command(
        &format!("does the PIN of booking {emils_id} open the {} now?", STUDIO.name),
        &format!(
            r#"curl -s "{control}/thekeys/would-open?lock={}&keypad={}&typed={emils_pin}""#,
            STUDIO.lock, STUDIO.keypad
        ),
    );
    tell.command("all codes there", &format!("curl -s {control}/thekeys/locks/{}/codes", STUDIO.lock));
    tell.command(
        "The Keys is down: now make or change a booking",
        &format!(r#"curl -d '{{"vendor":"thekeys","kind":"down"}}' {control}/faults"#),
    );
    tell.command(
        "The Keys is back: what waited is done at the next try",
        &format!("curl -X DELETE {control}/faults"),
    );
    tell.line("");
    tell.line(if is_temporary {
        "What happens is told below. Ctrl-C ends the demo and removes its files."
    } else {
        "What happens is told below. Ctrl-C ends the demo; its files stay."
    });
}

/// The earlier system's test call, as its users have it.
fn sample(host: &str, id: u64, from: NaiveDate, to: NaiveDate) -> String {
    let apartment = SAMPLE.apartment;
    format!(
        r#"curl -d '{{"action":"newReservation","data":{{"id":{id},"guest-name":"Test Guest","arrival":"{from}","departure":"{to}","apartment":{{"id":"{apartment}"}},"language":"en"}}}}' {host}/webhook"#
    )
}

/// Tells what the host writes into its audit trail, for ever.
pub(super) async fn watch(scene: &mut Scene) -> anyhow::Result<()> {
    let tenant = tenant().map_err(anyhow::Error::msg)?;
    let mut known = usize::MAX;
    loop {
        if scene.stage.is_host_gone() {
            anyhow::bail!("the host has ended; its log is {}", scene.stage.file(LOG).display());
        }
        let Some(store) = scene.stage.store().cloned() else { return Ok(()) };
        let trail = store.audit(&tenant, None, None, ALL).await?;
        let new = trail.len().saturating_sub(known.min(trail.len()));
        known = trail.len();
        if new > 0 {
            let bookings = bookings(&*store).await?;
            for entry in trail[..new].iter().rev().map(|row| &row.entry) {
                let Some(booking) = entry.stay.as_ref().and_then(|stay| bookings.get(stay)) else { continue };
                if entry.what == "will-tell" {
                    continue;
                }
                let text = explain(&*store, entry, booking).await?;
                let time = entry.at.with_timezone(&ZONE).format("%H:%M:%S");
                scene
                    .tell
                    .fact(&time.to_string(), format_args!("booking {}: {text}", booking.reference.as_str()));
            }
        }
        sleep(LOOK).await;
    }
}

async fn bookings(store: &dyn Store) -> anyhow::Result<BTreeMap<BookingId, BookingRecord>> {
    let tenant = tenant().map_err(anyhow::Error::msg)?;
    let rows = store.rows(Kind::Booking, &tenant, None, ALL).await?;
    let bookings = rows.into_iter().filter_map(|row| match row.record {
        Record::Booking(booking) => Some((booking.id.clone(), booking)),
        _ => None,
    });
    Ok(bookings.collect())
}

/// The notifier that an entry about a message begins with.
fn notifier(detail: &str) -> &str {
    detail.split(':').next().unwrap_or(detail)
}

/// An entry of the audit trail in the demo's words. PINs are not in it, but in the ledger.
async fn explain(store: &dyn Store, entry: &AuditEntry, booking: &BookingRecord) -> anyhow::Result<String> {
    let detail = entry.detail.trim_end_matches([':', ' ']);
    Ok(match entry.what.as_str() {
        "booking-changed" => {
            let dates = booking.booking.as_ref().and_then(|booking| booking.dates.ok());
            match dates {
                Some(dates) if dates.departure() < Utc::now().with_timezone(&ZONE).date_naive() => {
                    "recorded; the stay is over, so there is no code".to_owned()
                }
                _ => "recorded".to_owned(),
            }
        }
        "booking-cancelled" => "cancelled".to_owned(),
        "write-applied" => match detail.split_once(" on door ") {
            Some(("delete", door)) => format!("the code on {door} is deleted"),
            Some((kind, door)) => {
                let rows = store.stay(&entry.tenant, &booking.id).await?;
                let pins = rows.iter().filter_map(|row| match &row.record {
                    Record::Code(code) if code.door.as_str() == door => code.pins.as_ref(),
                    _ => None,
                });
                let pins: Vec<&str> = pins.map(|pins| pins.typed.expose()).collect();
                let verb = if kind == "replace" { "changed" } else { "made" };
                format!("the code on {door} is {verb}: PIN {}", pins.join(", "))
            }
            None => detail.to_owned(),
        },
        "write-failed" => format!("not done, tried again: {detail}"),
        "code-removed" => "read back: it is gone".to_owned(),
        "message" => format!("the guest is told by {}", notifier(detail)),
        "message-failed" => format!("the guest is not told by {detail}"),
        "message-undeliverable" => format!("the guest cannot be told by {}", notifier(detail)),
        what if detail.is_empty() => what.to_owned(),
        what => format!("{what}: {detail}"),
    })
}
