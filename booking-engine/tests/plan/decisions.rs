//! Single decisions of the planner, each on its own side of a boundary: a situation, and the plan that it leads to, line
//! by line.

mod backups;
mod codes;
mod found;
mod guest;
mod kept;
mod places;
mod reads;
mod removals;
mod reports;
mod situations;

use std::fmt::Write as _;

use booking_core::store::{CodeRecord, PlannedStep};
use booking_core::{CodeId, DoorId, MessageId, Recipient};
use booking_engine::plan::{Content, Gate, NewCode, Plan, Step, Tell, When, shown};
use chrono::{DateTime, Utc};

use crate::case::Case;
use crate::regressions::case;
use crate::scene::Scene;

/// What a situation has that the plainest one has not, and the plan that follows: its steps, what it learns of codes,
/// what it tells staff, and when it looks again.
type Decision = (&'static str, fn(&mut Case), fn(&mut Scene), &'static [&'static str]);

/// A bit more than a day before the stay begins, when staff is about to hear of doors without a code.
const NEAR: i64 = 1442;
/// Days before it.
const FAR: i64 = 20_000;

/// Checks the decisions one by one, so many minutes before the stay begins, and names all that are others than they
/// should be.
fn check(before: i64, decisions: &[Decision]) {
    let mut wrong = String::new();
    for (what, with, then, expected) in decisions {
        let scene = scene(before, *with, *then);
        let plan = lines(&scene, &scene.plan());
        if plan != *expected {
            write!(wrong, "\n{what}:\n  expected {expected:#?}\n  planned {plan:#?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn scene(before: i64, with: fn(&mut Case), then: fn(&mut Scene)) -> Scene {
    let mut case = case(Vec::new());
    case.stay.clock = -before;
    with(&mut case);
    let mut scene = Scene::new(&case);
    then(&mut scene);
    scene
}

/// Checks what is shown of plans for review.
fn check_shown(decisions: &[Decision]) {
    for (what, with, then, expected) in decisions {
        let scene = scene(NEAR, *with, *then);
        let line = |step: &PlannedStep| {
            let door = step.door.as_ref().map_or("-", DoorId::as_str);
            let later = if step.later { " later" } else { "" };
            format!("{} {door} {}{later}", step.what, step.detail)
        };
        let lines: Vec<String> = shown(&scene.plan()).iter().map(line).collect();
        assert_eq!(lines, *expected, "{what}");
    }
}

fn plain(_: &mut Case) {}

fn nothing(_: &mut Scene) {}

/// A plan in words. Times are seconds from now.
fn lines(scene: &Scene, plan: &Plan) -> Vec<String> {
    let step = |(step, when): &(Step, When)| {
        let later = if *when == When::Later { " later" } else { "" };
        format!("{}{later}", words(step))
    };
    let mut lines: Vec<String> = plan.steps.iter().map(step).collect();
    for (before, now) in scene.codes.iter().zip(&plan.codes) {
        let learnt = learnt(scene, before, now);
        if !learnt.is_empty() {
            lines.push(format!("code {}: {learnt}", number(&now.id)));
        }
    }
    let alert = |((kind, door), detail): (&(_, Option<_>), &String)| {
        let door = door.as_ref().map_or("all".to_owned(), ToString::to_string);
        format!("alert {kind:?} {door} {detail}").trim_end().to_owned()
    };
    lines.extend(plan.alerts.iter().map(alert));
    lines.extend(plan.notes.iter().map(|(what, detail)| format!("note {what}: {detail}")));
    lines.extend(plan.nudge.iter().map(|stay| format!("nudge {}", number_of(stay.as_str()))));
    lines.extend(plan.draws.iter().map(|(budget, code)| format!("draw {budget} for {}", number(code))));
    lines.extend(plan.braked.iter().map(|budget| format!("braked {budget}")));
    lines.extend(plan.next.map(|next| format!("wake in {}", (next - scene.now).num_seconds())));
    lines
}

/// The number that an id was made from.
fn number_of(id: &str) -> usize {
    id.bytes().fold(0, |number, letter| number * 10 + usize::from(letter - b'a'))
}

fn number(code: &CodeId) -> usize {
    number_of(code.as_str())
}

fn message(message: &MessageId) -> usize {
    number_of(message.as_str())
}

fn words(step: &Step) -> String {
    match step {
        Step::Read { place } => format!("read {}", place.key.device),
        Step::Adopt { place, listed, wanted } => {
            let how = if *wanted { "wanted" } else { "surplus" };
            format!("adopt {} on {} as {how}", listed.id, place.door)
        }
        Step::Mint { codes, fresh } => {
            let fresh = if *fresh { "fresh " } else { "" };
            let code = |new: &NewCode| {
                let gate = match &new.gate {
                    Gate::Open => String::new(),
                    Gate::InPlaceOf(earlier) => format!(" in place of {}", number(earlier)),
                    Gate::Closed => " not yet".to_owned(),
                };
                format!("{} {}{gate}", new.door, content(&new.content))
            };
            format!("mint {fresh}{}", codes.iter().map(code).collect::<Vec<_>>().join(" + "))
        }
        Step::LetStand { code, .. } => format!("let {} stand", number(code)),
        Step::Issue { door, proof, .. } => format!("issue {door} {proof:?}"),
        Step::Create { code, content: new } => format!("create {} {}", number(code), content(new)),
        Step::Replace { code, content: new, room } => {
            let room = if *room { "" } else { " without room" };
            format!("replace {} {}{room}", number(code), content(new))
        }
        Step::Weigh { budgets } => {
            format!("weigh {}", budgets.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
        }
        Step::Delete { code } => format!("delete {}", number(code)),
        Step::Tell(tell) => told(tell),
        Step::Find { message: id } => format!("find {}", message(id)),
        Step::Supersede { message: id } => format!("supersede {}", message(id)),
        Step::WriteBack { codes } => format!("write back {:?}", codes.iter().map(number).collect::<Vec<_>>()),
        other => panic!("no words for {other:?}"),
    }
}

/// The window by the clocks at the door, and name and note where they are not the usual ones.
fn content(content: &Content) -> String {
    let format = "%d %R";
    let (start, end) = (content.window.start().format(format), content.window.end().format(format));
    let name = Some(&content.name).filter(|name| *name != "Ada Example").map(|name| format!(" as {name}"));
    let note = Some(&content.note).filter(|note| *note != "Smoobu#9001").map(|note| format!(" noted {note}"));
    format!("{start} to {end}{}{}", name.unwrap_or_default(), note.unwrap_or_default())
}

fn told(tell: &Tell) -> String {
    let to = match &tell.recipient {
        Some(Recipient::Phone(_)) => "phone".to_owned(),
        Some(Recipient::Thread(_)) => "thread".to_owned(),
        Some(_) => "channel".to_owned(),
        None => "nobody".to_owned(),
    };
    let again = tell.again.as_ref().map(|id| format!(" instead of {}", message(id)));
    let from = tell.works_from.map(|from| format!(" from {}", from.format("%d %R")));
    let (again, from) = (again.unwrap_or_default(), from.unwrap_or_default());
    format!("tell {:?} by {} to {to}{again}{from}", tell.kind, tell.notifier)
}

/// What the plan has learnt of a code.
fn learnt(scene: &Scene, before: &CodeRecord, now: &CodeRecord) -> String {
    let seconds = |at: DateTime<Utc>| (at - scene.now).num_seconds();
    let mut parts = Vec::new();
    let mut part = |differs: bool, text: String| {
        if differs {
            parts.push(text);
        }
    };
    part(before.door != now.door, format!("door {}", now.door));
    part(before.state != now.state, format!("{:?}", now.state));
    part(before.proof != now.proof, format!("proof {:?}", now.proof));
    part(before.proof_at != now.proof_at, format!("since {}", seconds(now.proof_at)));
    let state = |code: &CodeRecord| code.write.as_ref().map(|write| write.state);
    part(state(before) != state(now), format!("write {:?}", state(now)));
    let ended = |code: &CodeRecord| code.write.as_ref().and_then(|write| write.ended_at);
    part(ended(before) != ended(now), format!("ended {:?}", ended(now).map(seconds)));
    let id = |code: &CodeRecord| code.vendor_id.as_ref().map(ToString::to_string);
    part(before.vendor_id != now.vendor_id, format!("id {}", id(now).unwrap_or("none".to_owned())));
    part(before.attempts != now.attempts, format!("attempts {}", now.attempts));
    part(before.retry_at != now.retry_at, format!("retry {:?}", now.retry_at.map(seconds)));
    part(before.missing_since != now.missing_since, format!("missing {:?}", now.missing_since.map(seconds)));
    parts.join(", ")
}
