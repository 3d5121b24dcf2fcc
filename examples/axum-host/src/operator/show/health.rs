//! How a tenant does.

use booking_host::api::views::{
    AlertView, BrakesView, CheckView, FailedCall, HealthView, IntegrationHealth, Role, SourceHealth,
};
use chrono::{DateTime, Utc};

use super::plan::Commands;
use super::{Times, many, push, push_alerts, push_table};

/// Whether nothing fails and nobody must see to anything.
pub(in super::super) fn is_well(health: &HealthView) -> bool {
    let works = |one: &IntegrationHealth| {
        let fails = one
            .source
            .as_ref()
            .is_some_and(|source| source.failing.is_some() || source.suspect_since.is_some());
        let broken = one.check.as_ref().is_some_and(|check| !check.works);
        !fails && !broken && one.doors.is_empty() && !fails_now(one)
    };
    health.integrations.iter().all(works)
        && health.alerts.is_empty()
        && health.work.failing.is_empty()
        && health.work.parked.is_empty()
}

/// Whether the last call failed, as far as is known.
fn fails_now(one: &IntegrationHealth) -> bool {
    let worked = one.check.as_ref().is_some_and(|check| check.works);
    let failed = one.last_failed_call.as_ref().map(|call| call.at);
    !worked && failed.is_some_and(|failed| one.last_good_call.is_none_or(|good| good < failed))
}

/// How a tenant's accounts and its work do, and what somebody must see to.
pub(in super::super) fn health(
    health: &HealthView,
    tenant: &str,
    times: Times,
    now: DateTime<Utc>,
    commands: &Commands<'_>,
) -> String {
    let mut text = String::new();
    let word = if is_well(health) { "all is well" } else { "something needs you" };
    push(&mut text, format!("{tenant}: {word}. Calls are watched since {}.", times.both(health.since)));
    let rows: Vec<[String; 5]> = health.integrations.iter().map(|one| row(one, times)).collect();
    push_table(&mut text, "Accounts", ["Account", "Kind", "State", "Last good call", "Webhooks"], &rows);
    let sources = health.integrations.iter().filter_map(|one| Some((one, one.source.as_ref()?)));
    let rows: Vec<[String; 5]> = sources.map(|(one, source)| read(one, source, times)).collect();
    if !rows.is_empty() {
        push_table(&mut text, "Full reads", ["Source", "Last", "Every", "Bookings", "State"], &rows);
    }
    for one in &health.integrations {
        push_trouble(&mut text, one, times);
    }
    push_work(&mut text, health, times, now, commands);
    if !health.alerts.is_empty() {
        text.push('\n');
        push(&mut text, "What somebody must see to, oldest first");
        push_alerts(&mut text, &health.alerts.iter().collect::<Vec<&AlertView>>(), times);
    }
    text
}

fn row(one: &IntegrationHealth, times: Times) -> [String; 5] {
    let role = match one.role {
        Role::Source => "source",
        Role::Lock => "lock",
        Role::Notifier => "notifier",
    };
    let state = match &one.check {
        Some(CheckView { works: true, .. }) => "works, called just now",
        Some(_) => "fails, called just now",
        None if fails_now(one) => "fails",
        None if one.last_good_call.is_some() => "works",
        None => "not called yet",
    };
    let heard =
        one.inbound.map_or("sends none".to_owned(), |inbound| match (inbound.silent_since, inbound.last) {
            (Some(since), _) => format!("silent, known since {}", times.local(since)),
            (None, Some(last)) => format!("last {}", times.local(last)),
            (None, None) => "none yet".to_owned(),
        });
    let good = one.last_good_call.map_or("none".to_owned(), |at| times.local(at));
    [format!("{role} {}", one.name), one.kind.clone(), state.to_owned(), good, heard]
}

fn read(one: &IntegrationHealth, source: &SourceHealth, times: Times) -> [String; 5] {
    let state = match (&source.failing, source.suspect_since, source.trusted_until) {
        (Some(failing), ..) => format!("fails since {}: {}", times.local(failing.since), failing.what),
        (None, Some(since), None) => format!("doubted since {}: it lacks too much", times.local(since)),
        (None, _, Some(until)) => format!("vouched for until {}", times.local(until)),
        (None, None, None) => "good".to_owned(),
    };
    let last = source.last_full_read.map_or("never".to_owned(), |at| times.local(at));
    [one.name.clone(), last, format!("{} min", source.every_minutes), source.bookings.to_string(), state]
}

fn push_trouble(text: &mut String, one: &IntegrationHealth, times: Times) {
    let checked = one.check.as_ref().and_then(|check| check.failed.as_ref());
    let call = checked.or(one.last_failed_call.as_ref().filter(|_| fails_now(one)));
    if call.is_none() && one.doors.is_empty() {
        return;
    }
    text.push('\n');
    push(text, format!("{} fails", one.name));
    if let Some(FailedCall { at, fault, what, remedy, .. }) = call {
        push(text, format!("  {} ({fault}): {what}", times.both(*at)));
        push(text, format!("  {remedy}"));
    }
    for door in &one.doors {
        let name = door.door.as_deref().unwrap_or_default();
        push(text, format!("  {name} cannot be read since {}: {}", times.both(door.since), door.what));
    }
}

fn push_work(
    text: &mut String,
    health: &HealthView,
    times: Times,
    now: DateTime<Utc>,
    commands: &Commands<'_>,
) {
    let work = &health.work;
    text.push('\n');
    let mut line =
        format!("Work: {} due, {} under way, {} failing", work.due, work.running, work.failing.len());
    if let Some(since) = work.oldest_due {
        let minutes = (now - since).num_minutes();
        line.push_str(&format!(
            "; the oldest waits since {} ({})",
            times.both(since),
            many(usize::try_from(minutes).unwrap_or(0), "minute")
        ));
    }
    push(text, line);
    for key in &work.failing {
        // The key of a stay's work ends with our id of its booking.
        let stay = key.strip_prefix("grant/").and_then(|key| key.rsplit('/').next());
        let look = stay.map(|stay| (commands.0)(&format!("explain {stay}")));
        push(text, format!("  fails, and is tried again: {}", look.as_ref().unwrap_or(key)));
    }
    for stay in &work.parked {
        push(
            text,
            format!(
                "  does not come to rest, which is a fault of ours: {}",
                (commands.0)(&format!("explain {stay}"))
            ),
        );
    }
}

/// The brakes on early removals.
pub(in super::super) fn brakes(view: &BrakesView, times: Times, commands: &Commands<'_>) -> String {
    let mut text = String::new();
    let share = (view.share * 100.0).round();
    push(
        &mut text,
        format!(
            "In {} hours {share} in a hundred may go before their time, but always {}; more is held back.",
            view.per_hours, view.least
        ),
    );
    let rows: Vec<[String; 4]> = view
        .brakes
        .iter()
        .map(|brake| {
            let lifted =
                brake.released_until.map_or("no".to_owned(), |until| format!("until {}", times.both(until)));
            let holds = if brake.holding { "yes" } else { "no" };
            [brake.budget.clone(), brake.spent.to_string(), holds.to_owned(), lifted]
        })
        .collect();
    if rows.is_empty() {
        push(&mut text, "None went early, and nothing is held back.");
        return text;
    }
    push_table(&mut text, "", ["Budget", "Went early", "Holds back", "Lifted"], &rows);
    for brake in view.brakes.iter().filter(|brake| brake.holding) {
        text.push('\n');
        push(&mut text, format!("If so many really are to go from {}:", brake.budget));
        push(&mut text, format!("  {}", (commands.0)(&format!("brake release {}", brake.budget))));
    }
    text
}
