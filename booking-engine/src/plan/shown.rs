//! A plan as it is shown for review: step by step, without digits, names and addresses.

use booking_core::store::{CodeRecord, MessageKind, PlannedStep};
use booking_core::{CodeId, DoorId, Window};

use super::{Gate, NewCode, Plan, Step, When};

/// The steps that change something for a door or a person. Reads and looks-up are left out: they change nothing.
#[must_use]
pub fn shown(plan: &Plan) -> Vec<PlannedStep> {
    plan.steps.iter().flat_map(|(step, when)| lines(plan, step, *when == When::Later)).collect()
}

fn lines(plan: &Plan, step: &Step, later: bool) -> Vec<PlannedStep> {
    let on = |id: &CodeId| plan.codes.iter().find(|code| code.id == *id);
    let line = |what: &str, door: Option<&DoorId>, detail: String| {
        vec![PlannedStep { what: what.to_owned(), door: door.cloned(), detail, later }]
    };
    let code = |what, id: &CodeId, detail| line(what, on(id).map(|code| &code.door), detail);
    match step {
        Step::Mint { codes, .. } => codes
            .iter()
            .flat_map(|new| line(word(new), Some(&new.door), window(&new.content.window)))
            .collect(),
        Step::Create { code: id, content } => code("create", id, window(&content.window)),
        Step::Replace { code: id, content, .. } => {
            code("replace", id, on(id).map_or_else(String::new, |before| change(before, &content.window)))
        }
        Step::Delete { code: id } => {
            code("delete", id, on(id).map_or_else(String::new, |c| window(&c.window)))
        }
        Step::Adopt { place, wanted, .. } => {
            let detail = if *wanted { "its digits are kept" } else { "surplus" };
            line("adopt", Some(&place.door), detail.to_owned())
        }
        Step::LetStand { code: id, .. } => code("adopt", id, "a change from outside".to_owned()),
        Step::Issue { door, .. } => line("issue", Some(door), "a backup code".to_owned()),
        Step::Tell(tell) => line("tell", None, format!("{} by {}", kind(tell.kind), tell.notifier)),
        Step::WriteBack { .. } => line("write-back", None, String::new()),
        Step::Read { .. } | Step::Weigh { .. } | Step::Find { .. } | Step::Supersede { .. } => Vec::new(),
    }
}

fn word(new: &NewCode) -> &'static str {
    match new.gate {
        Gate::Open | Gate::Closed => "create",
        Gate::InPlaceOf(_) => "replace",
    }
}

fn change(before: &CodeRecord, after: &Window) -> String {
    if before.window == *after {
        return "what was changed from outside, or the name".to_owned();
    }
    format!("{} becomes {}", window(&before.window), window(after))
}

fn window(window: &Window) -> String {
    let format = "%F %R";
    format!("{} to {} ({})", window.start().format(format), window.end().format(format), window.zone())
}

fn kind(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::CodeReady => "code-ready",
        MessageKind::TimesChanged => "times-changed",
        MessageKind::Moved => "moved",
        MessageKind::CodeChanged => "code-changed",
        _ => "message",
    }
}
