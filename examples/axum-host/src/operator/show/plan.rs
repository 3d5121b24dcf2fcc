//! Plans: what would be done, and what became of it.

use std::collections::BTreeMap;

use booking_host::api::views::{PlanStay, PlanView, StepView};

use super::super::fault::Exit;
use super::{Times, days, many, push, push_table};

/// The commands that a text tells to go on with.
pub(in super::super) struct Commands<'a>(pub(in super::super) &'a dyn Fn(&str) -> String);

/// What an operator calls a stay.
pub(in super::super) fn name(stay: &PlanStay) -> String {
    match (&stay.source, &stay.reference) {
        (Some(source), Some(reference)) => format!("{source}:{reference}"),
        _ => stay.booking.clone(),
    }
}

/// A dry run.
pub(in super::super) fn draft(
    plan: &PlanView,
    tenant: &str,
    times: Times,
    commands: &Commands<'_>,
) -> String {
    let mut text = String::new();
    let looked = many(plan.looked_at.unwrap_or(plan.stays.len()), "stay");
    push(
        &mut text,
        format!(
            "{tenant}: {looked} looked at, something to do for {}. Nothing is done yet.",
            plan.stays.len()
        ),
    );
    push_sources(&mut text, plan);
    if !plan.stays.is_empty() {
        push_steps(&mut text, plan);
        text.push('\n');
        push(&mut text, format!("In all: {}.", summary(plan)));
    }
    push_unread(&mut text, plan, commands);
    push_suggestions(&mut text, plan, commands);
    if let Some(first) = plan.stays.first() {
        let until = plan.stays.iter().map(|stay| stay.expires_at).min().unwrap_or(first.expires_at);
        text.push('\n');
        push(&mut text, format!("Plan {}, to be applied until {}:", plan.plan, times.both(until)));
        push(&mut text, format!("  {}", (commands.0)(&format!("apply {}", plan.plan))));
    }
    text
}

fn push_sources(text: &mut String, plan: &PlanView) {
    if plan.sources.is_empty() {
        return;
    }
    let rows: Vec<[String; 6]> = plan
        .sources
        .iter()
        .map(|look| {
            let note = match &look.failing {
                Some(words) => format!("cannot be read, so the plan rests on what was known: {words}"),
                None if look.suspect => "lacks so much that its word is doubted".to_owned(),
                None if look.missing > 0 => {
                    "what is missing stays as it is: a plan removes nothing for that".to_owned()
                }
                None => String::new(),
            };
            let numbers =
                [look.listed, look.news, look.missing, look.unreadable].map(|number| number.to_string());
            let [listed, news, missing, unreadable] = numbers;
            [look.source.clone(), listed, news, missing, unreadable, note]
        })
        .collect();
    push_table(text, "", ["Source", "Listed", "News", "Missing", "Unreadable", "Note"], &rows);
}

fn push_steps(text: &mut String, plan: &PlanView) {
    let mut rows: Vec<[String; 8]> = Vec::new();
    for stay in &plan.stays {
        // What goes off goes last: nobody is shut out before the guest knows.
        let mut steps: Vec<&StepView> = stay.steps.iter().collect();
        steps.sort_by_key(|step| (step.later, step.later && step.what == "delete"));
        for (index, step) in steps.into_iter().enumerate() {
            let first = |value: String| if index == 0 { value } else { String::new() };
            rows.push([
                first(name(stay)),
                first(stay.unit.clone().unwrap_or_default()),
                first(days(stay.arrival, stay.departure)),
                if step.later { "then".to_owned() } else { "now".to_owned() },
                step.what.clone(),
                step.door.clone().unwrap_or_default(),
                pin(stay, step),
                step.detail.clone(),
            ]);
        }
    }
    push_table(text, "", ["Stay", "Unit", "Nights", "When", "Step", "Door", "PIN", "Detail"], &rows);
}

/// The digits that a step gives to its door.
fn pin(stay: &PlanStay, step: &StepView) -> String {
    let gives = matches!(step.what.as_str(), "create" | "replace" | "issue");
    let drawn = stay.pins.iter().find(|pin| gives && Some(&pin.door) == step.door.as_ref());
    drawn.and_then(|pin| pin.digits.typed.clone()).unwrap_or_default()
}

/// How many of each kind of step.
fn summary(plan: &PlanView) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for step in plan.stays.iter().flat_map(|stay| &stay.steps) {
        *kinds.entry(&step.what).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(what, count)| format!("{count} {what}")).collect();
    kinds.join(", ")
}

fn push_unread(text: &mut String, plan: &PlanView, commands: &Commands<'_>) {
    if plan.unread.is_empty() {
        return;
    }
    text.push('\n');
    push(text, "Doors that could not be read, where nothing is planned:");
    for door in &plan.unread {
        push(text, format!("  {door}: {}", (commands.0)(&format!("explain --door {door}"))));
    }
}

fn push_suggestions(text: &mut String, plan: &PlanView, commands: &Commands<'_>) {
    if plan.suggestions.is_empty() {
        return;
    }
    text.push('\n');
    push(
        text,
        "Unmarked codes that bear the name of a guest who should have one there. If they are the guest's:",
    );
    for code in &plan.suggestions {
        let words = format!("link {} {} {}", code.door, code.code, code.booking);
        push(text, format!("  {}   # booking {}", (commands.0)(&words), code.reference));
    }
}

/// What a stay's part of a plan has come to.
pub(in super::super) fn state(stay: &PlanStay) -> &str {
    match stay.state.as_str() {
        // Only what is not drafted any more is followed.
        "drafted" => "not applied",
        "approved" => "waits",
        "begun" => "under way",
        state => state,
    }
}

/// What became of a plan, and how that ends a command. `followed` says that it should have come to its end.
pub(in super::super) fn applied(plan: &PlanView, followed: bool, commands: &Commands<'_>) -> (String, Exit) {
    let of = |states: &[&str]| plan.stays.iter().filter(|stay| states.contains(&stay.state.as_str())).count();
    let (done, open) = (of(&["applied"]), of(&["approved", "begun"]));
    let refused = plan.stays.len() - done - open;
    let mut text = String::new();
    let mut line = format!("{done} of {} applied", many(plan.stays.len(), "stay"));
    if open > 0 {
        line.push_str(&format!(", {open} under way"));
    }
    if refused > 0 {
        line.push_str(&format!(", {refused} refused"));
    }
    push(&mut text, format!("{line}."));
    let bad = plan.stays.iter().filter(|stay| matches!(stay.state.as_str(), "refused" | "drafted"));
    let rows: Vec<[String; 2]> = bad.map(|stay| [name(stay), why(stay)]).collect();
    if !rows.is_empty() {
        push_table(
            &mut text,
            "Not applied, and nothing more is done for it by this plan:",
            ["Stay", "Why"],
            &rows,
        );
        text.push('\n');
        push(&mut text, "Look at what has changed, and make a new plan:");
        push(&mut text, format!("  {}", (commands.0)("sync --dry-run")));
    }
    if open > 0 {
        text.push('\n');
        push(&mut text, "To go on, or to look how far it is:");
        push(&mut text, format!("  {}", (commands.0)(&format!("apply {} --follow", plan.plan))));
    }
    let exit = match () {
        () if refused > 0 && refused == plan.stays.len() => Exit::Refused,
        () if refused > 0 || (followed && open > 0) => Exit::Partial,
        () => Exit::Complete,
    };
    (text, exit)
}

fn why(stay: &PlanStay) -> String {
    match (stay.state.as_str(), &stay.moved[..]) {
        ("drafted", _) => "its time was over before it was applied".to_owned(),
        (_, []) => "not known".to_owned(),
        (_, moved) => moved.join("; "),
    }
}
