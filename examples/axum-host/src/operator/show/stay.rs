//! One stay, explained.

use booking_host::api::views::{
    AlertView, BookingView, CodeView, ExplainedView, MessageView, StepView, TenantView, WindowView,
};
use chrono::{DateTime, Utc};

use super::{Times, days, digits, many, minute, push, push_alerts, push_table};

/// Why a stay is as it is.
pub(in super::super) fn explain(stay: &ExplainedView, tenant: &TenantView, now: DateTime<Utc>) -> String {
    let times = Times::of(tenant, stay.unit.as_deref());
    let mut text = String::new();
    push_head(&mut text, stay, tenant, times);
    push_doors(&mut text, stay, times);
    push_codes(&mut text, &stay.codes, times);
    push_messages(&mut text, &stay.messages, times);
    push_trouble(&mut text, stay, times);
    push_next(&mut text, stay, times, now);
    push_history(&mut text, stay, times);
    text
}

fn push_head(text: &mut String, stay: &ExplainedView, tenant: &TenantView, times: Times) {
    let booking = &stay.booking;
    let status = booking.status.as_deref().unwrap_or("not told of in full yet");
    push(text, format!("{}:{}, {status}", booking.source, booking.reference));
    super::fact(text, "our id", &booking.booking);
    if let Some(door) = &booking.backup_of {
        super::fact(text, "backup code", format!("of door {door}; nobody's stay"));
    }
    if !booking.former.is_empty() {
        super::fact(text, "before", booking.former.join(", "));
    }
    super::fact(text, "unit", unit(stay, tenant));
    super::fact(text, "nights", nights(booking));
    for (label, window) in [("stay", &stay.stay), ("codes work", &stay.window)] {
        if let Some(window) = window {
            super::fact(text, label, both(window));
        }
    }
    super::fact(text, "wish", wish(&stay.wish));
    let reissued = stay.pin.reissued_at.map(|at| format!(", other ones wanted {}", times.local(at)));
    super::fact(text, "digits", format!("{}{}", stay.pin.source, reissued.unwrap_or_default()));
    let seen = booking.seen_at.map_or("not yet".to_owned(), |at| times.local(at));
    super::fact(text, "source", format!("heard of {}, last shown {seen}", times.local(booking.created_at)));
}

fn unit(stay: &ExplainedView, tenant: &TenantView) -> String {
    let told = stay.booking.unit.as_deref().map(|unit| format!("{} {unit}", stay.booking.source));
    let told = told.unwrap_or_else(|| "its source does not say".to_owned());
    let Some(id) = &stay.unit else { return format!("none of ours ({told})") };
    let name = tenant.units.iter().find(|unit| unit.unit == *id).and_then(|unit| unit.name.clone());
    format!("{id}{} ({told})", name.map(|name| format!(", {name}")).unwrap_or_default())
}

fn nights(booking: &BookingView) -> String {
    match &booking.dates_problem {
        Some(problem) => format!("{problem}: correct them at the source"),
        None => days(booking.arrival, booking.departure),
    }
}

fn both(window: &WindowView) -> String {
    let (opens, closes) = (window.opens.format("%F %R"), window.closes.format("%F %R"));
    let (start, end) = (minute(window.start), minute(window.end));
    format!("{start} to {end} {} ({opens} to {closes} UTC)", window.time_zone)
}

fn wish(word: &str) -> &str {
    match word {
        "access" => "a code on each of its doors",
        "keep" => "whatever it has now, until it is clear what it should have",
        "nothing" => "no code: the stay is over, cancelled, gone or no stay",
        other => other,
    }
}

fn push_doors(text: &mut String, stay: &ExplainedView, times: Times) {
    if stay.doors.is_empty() {
        return;
    }
    let rows: Vec<[String; 4]> = stay
        .doors
        .iter()
        .map(|door| {
            let read = door.observed_at.map_or("never".to_owned(), |at| times.local(at));
            let state = match (&door.failing, door.failing_since) {
                (None, _) => "reads well".to_owned(),
                (Some(_), None) => "cannot be read".to_owned(),
                (Some(_), Some(since)) => format!("cannot be read since {}", times.local(since)),
            };
            [door.door.clone(), door.proof.clone(), read, state]
        })
        .collect();
    push_table(text, "Doors", ["Door", "Proof needed", "Last read", "State"], &rows);
}

pub(super) fn push_codes(text: &mut String, codes: &[CodeView], times: Times) {
    if codes.is_empty() {
        return;
    }
    let rows: Vec<[String; 7]> = codes.iter().map(|code| row(code, times)).collect();
    push_table(text, "Codes", ["Door", "PIN", "From", "Until", "State", "Proof", "Last write"], &rows);
}

fn row(code: &CodeView, times: Times) -> [String; 7] {
    let write = code.write.as_ref().map_or("none".to_owned(), |write| {
        let state = write.state.replace('_', " ");
        format!("{} {state} {}", write.kind, times.local(write.ended_at.unwrap_or(write.intended_at)))
    });
    let state = match code.missing_since {
        Some(since) => format!("{}, not shown since {}", code.state, times.local(since)),
        None if code.adopted => format!("{}, taken over", code.state),
        None => code.state.clone(),
    };
    [
        code.door.clone(),
        digits(&code.digits),
        minute(code.window.start),
        minute(code.window.end),
        state,
        format!("{} {}", code.proof, times.local(code.proof_at)),
        write,
    ]
}

fn push_messages(text: &mut String, messages: &[MessageView], times: Times) {
    if messages.is_empty() {
        return;
    }
    let rows: Vec<[String; 5]> = messages
        .iter()
        .map(|message| {
            let twice = if message.maybe_twice { ", maybe twice" } else { "" };
            [
                message.kind.replace('_', "-"),
                message.notifier.clone(),
                format!("{}{twice}", message.state),
                times.local(message.ended_at.unwrap_or(message.tried_at)),
                message.language.clone().unwrap_or_default(),
            ]
        })
        .collect();
    push_table(text, "Messages to the guest", ["Why", "By", "State", "When", "Language"], &rows);
}

/// What holds a stay up, in the vendors' own words.
pub(in super::super) fn waits(stay: &ExplainedView, times: Times) -> Vec<String> {
    let mut lines = Vec::new();
    let again = |at: Option<DateTime<Utc>>| {
        at.map(|at| format!("; tried again {}", times.both(at))).unwrap_or_default()
    };
    if let Some(words) = &stay.booking.last_error {
        lines.push(format!("{} cannot be asked: {words}", stay.booking.source));
    }
    for door in &stay.doors {
        if let Some(words) = &door.failing {
            lines.push(format!("{} cannot be read: {words}", door.door));
        }
    }
    for code in &stay.codes {
        let failed = code
            .write
            .as_ref()
            .filter(|write| write.state != "applied")
            .and_then(|write| write.error.as_ref());
        if let Some(words) = failed {
            lines.push(format!("the code on {}: {words}{}", code.door, again(code.retry_at)));
        }
    }
    for message in &stay.messages {
        let is_open = !matches!(message.state.as_str(), "sent" | "superseded");
        if let Some(words) = message.error.as_ref().filter(|_| is_open) {
            lines.push(format!("the message by {}: {words}{}", message.notifier, again(message.retry_at)));
        }
    }
    lines
}

fn push_trouble(text: &mut String, stay: &ExplainedView, times: Times) {
    let lines = waits(stay, times);
    let open: Vec<&AlertView> = stay.alerts.iter().filter(|alert| alert.closed_at.is_none()).collect();
    if lines.is_empty() && open.is_empty() {
        return;
    }
    text.push('\n');
    push(text, "Trouble");
    lines.iter().for_each(|line| push(text, format!("  {line}")));
    push_alerts(text, &open, times);
}

fn push_next(text: &mut String, stay: &ExplainedView, times: Times, now: DateTime<Utc>) {
    text.push('\n');
    push(text, "What comes next");
    for step in &stay.steps {
        push(text, format!("  {}", line(step)));
    }
    if stay.steps.is_empty() {
        push(text, "  nothing is to be done now");
    }
    if stay.unread > 0 {
        push(text, format!("  {} about it came in and will be worked on", many(stay.unread, "notice")));
    }
    let at_work = stay.work.and_then(|work| work.leased_until).is_some_and(|until| until > now);
    match stay.work.and_then(|work| work.due_at) {
        _ if at_work => push(text, "  it is being worked on"),
        Some(at) if at <= now => push(text, "  it is due now, and looked at as soon as a host works"),
        Some(at) => push(text, format!("  looked at again {}", times.both(at))),
        None => push(text, "  not looked at again unless something comes in"),
    }
}

pub(super) fn line(step: &StepView) -> String {
    let door = step.door.as_ref().map(|door| format!(" on {door}")).unwrap_or_default();
    let then = if step.later { "then " } else { "" };
    let detail = if step.detail.is_empty() { String::new() } else { format!(": {}", step.detail) };
    format!("{then}{}{door}{detail}", step.what)
}

fn push_history(text: &mut String, stay: &ExplainedView, times: Times) {
    let rows: Vec<[String; 3]> = stay
        .history
        .iter()
        .map(|entry| {
            let detail = entry.detail.trim().trim_end_matches(':').to_owned();
            [times.exactly(entry.at), entry.what.clone(), detail]
        })
        .collect();
    if !rows.is_empty() {
        push_table(text, "History, newest first", ["When", "What", "Detail"], &rows);
    }
}
