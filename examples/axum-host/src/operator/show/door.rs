//! Doors, and what is on them.

use booking_host::api::views::{AlertView, DoorView, FoundCodeView, OnDoorView, WhoseView};
use chrono_tz::Tz;

use super::plan::Commands;
use super::stay::push_codes;
use super::{Times, fact, minute, push, push_alerts, push_table};

fn times(door: &DoorView) -> Times {
    Times(door.time_zone.parse().unwrap_or(Tz::UTC))
}

/// What is on a door.
pub(in super::super) fn codes(door: &DoorView, found: &OnDoorView, commands: &Commands<'_>) -> String {
    let mut text = String::new();
    push_head(&mut text, door, found, commands);
    push_found(&mut text, found);
    push_missing(&mut text, door, found);
    text
}

/// Why a door is as it is.
pub(in super::super) fn explain(
    door: &DoorView,
    found: &OnDoorView,
    alerts: &[AlertView],
    commands: &Commands<'_>,
) -> String {
    let mut text = String::new();
    push_head(&mut text, door, found, commands);
    let units =
        if door.units.is_empty() { "none: no guest passes it".to_owned() } else { door.units.join(", ") };
    fact(&mut text, "units", units);
    if door.backup_codes > 0 {
        fact(&mut text, "backup codes", format!("{} are kept on it", door.backup_codes));
    }
    push_found(&mut text, found);
    push_missing(&mut text, door, found);
    let own: Vec<&AlertView> = alerts.iter().filter(|alert| concerns(alert, door)).collect();
    if !own.is_empty() {
        text.push('\n');
        push(&mut text, "Trouble");
        push_alerts(&mut text, &own, times(door));
    }
    text
}

/// Alerts of stays name their door; those of a tenant have it for their subject.
fn concerns(alert: &AlertView, door: &DoorView) -> bool {
    alert.door.as_deref() == Some(&door.door)
}

fn push_head(text: &mut String, door: &DoorView, found: &OnDoorView, commands: &Commands<'_>) {
    let times = times(door);
    let label = door.label.as_ref().map(|label| format!(", {label}")).unwrap_or_default();
    push(text, format!("{}{label}", door.door));
    fact(text, "lock", format!("{}, device {}, keypad {}", door.lock, door.device, door.keypad));
    let whole =
        if found.complete { "complete" } else { "not complete: what is not shown may be there all the same" };
    let read = found.observed_at.map_or("never".to_owned(), |at| format!("{}, {whole}", times.both(at)));
    fact(text, "last read", read);
    if let Some(failing) = &found.failing {
        fact(text, "fails since", format!("{}: {}", times.both(failing.since), failing.what));
        fact(text, "what to do", format!("see {}", (commands.0)("health --check")));
    } else if found.observed_at.is_none() {
        fact(text, "what to do", (commands.0)(&format!("codes {} --fresh", door.door)));
    }
}

fn push_found(text: &mut String, found: &OnDoorView) {
    if found.codes.is_empty() {
        text.push('\n');
        let line =
            if found.observed_at.is_some() { "It showed no code." } else { "What is on it is not known." };
        return push(text, line);
    }
    // Names and notes are there only where they were asked for.
    let named = found.codes.iter().any(|code| code.name.is_some());
    let rows: Vec<[String; 8]> = found.codes.iter().map(|code| row(code, named)).collect();
    let last = if named { "Name, note" } else { "Remarks" };
    let heads = ["Code", "Whose", "Booking", "PIN", "From", "Until", "Proof", last];
    push_table(text, "On the door", heads, &rows);
    if found.codes.iter().any(|code| matches!(code.whose, WhoseView::Foreign | WhoseView::Ambiguous)) {
        push(text, "  Foreign and ambiguous codes are never touched.");
    }
}

fn row(code: &FoundCodeView, named: bool) -> [String; 8] {
    let whose = match code.whose {
        WhoseView::Ours => "ours",
        WhoseView::Marked => "marked, to be taken over",
        WhoseView::Foreign => "foreign",
        WhoseView::Ambiguous => "ambiguous: names two",
    };
    let booking = match (&code.markers[..], &code.booking) {
        ([], Some(booking)) => booking.clone(),
        ([], None) => String::new(),
        (markers, _) => markers.join(" "),
    };
    let mut remarks: Vec<String> = Vec::new();
    for (holds, word) in [(code.expired, "over"), (code.duplicate, "twice"), (!code.active, "switched off")] {
        if holds {
            remarks.push(word.to_owned());
        }
    }
    if named {
        remarks
            .extend([&code.name, &code.note].into_iter().flatten().filter(|text| !text.is_empty()).cloned());
    }
    [
        code.code.clone(),
        whose.to_owned(),
        booking,
        code.stored.clone().unwrap_or_else(|| "not shown".to_owned()),
        code.start.map_or("always".to_owned(), minute),
        code.end.map_or("always".to_owned(), minute),
        code.proof.clone(),
        remarks.join(", "),
    ]
}

fn push_missing(text: &mut String, door: &DoorView, found: &OnDoorView) {
    if found.missing.is_empty() {
        return;
    }
    text.push('\n');
    push(text, "Should be there and is not shown:");
    push_codes(text, &found.missing, times(door));
}

pub(in super::super) use explain as door;
