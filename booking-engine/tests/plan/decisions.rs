//! Single decisions of the planner, each on its own side of a boundary: a situation, and the plan that it leads to, line
//! by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use std::sync::Arc;

use booking_core::store::{
    CodeRecord, CodeState, MessageText, PlannedStep, WriteBackRecord, WriteKind, WriteRecord, WriteState,
};
use booking_core::{
    CodeId, DateProblem, DoorId, DoorRules, ListedCode, Listing, Marker, MessageId, PhoneNumber, Proof,
    Recipient, VendorCodeId, Window,
};
use booking_engine::plan::{Content, DoorView, Gate, Linked, NewCode, Plan, Rival, Step, Tell, When, shown};
use booking_engine::{AlertKind, Mode, Tenant};
use chrono::{DateTime, Duration, Utc};

use crate::case::{Case, CodeCase, MessageCase, Stranger, There, Told, ViewCase};
use crate::regressions::{case, code};
use crate::scene::{Keypads, Scene, code_id, door_id, key, listing_of, marker, name};

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
        let mut case = case(Vec::new());
        case.stay.clock = -before;
        with(&mut case);
        let mut scene = Scene::new(&case);
        then(&mut scene);
        let plan = lines(&scene, &scene.plan());
        if plan != *expected {
            write!(wrong, "\n{what}:\n  expected {expected:#?}\n  planned {plan:#?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Checks what is shown of plans for review.
fn check_shown(decisions: &[Decision]) {
    for (what, with, then, expected) in decisions {
        let mut case = case(Vec::new());
        with(&mut case);
        let mut scene = Scene::new(&case);
        then(&mut scene);
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

/// A code that was made and seen.
fn made() -> CodeCase {
    code(WriteKind::Create, WriteState::Applied, Proof::Listed)
}

/// A code whose last write was this, five minutes ago.
fn after(kind: WriteKind, state: WriteState) -> CodeCase {
    let proof = if state == WriteState::Applied { Proof::Accepted } else { Proof::Requested };
    code(kind, state, proof)
}

fn unwanted(code: CodeCase) -> CodeCase {
    CodeCase { state: CodeState::Unwanted, ..code }
}

/// A message that was sent and tells what is true.
fn heard() -> MessageCase {
    MessageCase { channel: 0, state: 0, tells: 0, retry_in: None, attempts: 0, maybe_twice: false }
}

/// A stay that has what it should have.
fn served(case: &mut Case) {
    case.codes = vec![made()];
    case.messages = vec![heard()];
}

/// The same, with the guest in the house since this many minutes.
fn in_house(case: &mut Case, minutes: i64) {
    served(case);
    case.stay.clock = minutes;
}

fn tenant(scene: &mut Scene) -> &mut Tenant {
    Arc::get_mut(&mut scene.tenant).unwrap()
}

fn in_seconds(scene: &Scene, seconds: i64) -> DateTime<Utc> {
    scene.now + Duration::seconds(seconds)
}

fn write(scene: &mut Scene, code: usize) -> &mut WriteRecord {
    scene.codes[code].write.as_mut().unwrap()
}

/// The last write of a code failed with an error.
fn refused(scene: &mut Scene, code: usize, attempts: u32) {
    scene.codes[code].attempts = attempts;
    write(scene, code).error = Some("refused".into());
}

fn view<'s>(scene: &'s mut Scene, device: &str) -> &'s mut DoorView {
    scene.views.get_mut(&key(device)).unwrap()
}

/// The last read of a keypad was this many seconds ago.
fn read_ago(scene: &mut Scene, device: &str, seconds: i64) {
    view(scene, device).observed_at = Some(in_seconds(scene, -seconds));
}

/// The lobby has backup codes.
fn spare(scene: &mut Scene) {
    tenant(scene).doors.get_mut(&door_id("lobby")).unwrap().backup_codes = 2;
}

/// The first of those who want a place on the lobby's keypad.
fn lobby_rival(scene: &mut Scene) -> &mut Rival {
    &mut scene.others.get_mut(&key("lobby")).unwrap()[0]
}

/// The brake's budget was drawn on for this code so many seconds ago.
fn spent(scene: &mut Scene, budget: &str, code: usize, seconds: i64) {
    let spent = (code_id(code), in_seconds(scene, -seconds));
    scene.budgets.get_mut(budget).unwrap().spent.push(spent);
}

/// An integration worked again this many seconds from now.
fn recovered(scene: &mut Scene, integration: &str, seconds: i64) {
    let at = in_seconds(scene, seconds);
    scene.recovered.insert(name(integration), at);
}

/// Reads of a keypad fail since this many seconds.
fn failing(scene: &mut Scene, device: &str, seconds: i64) {
    let since = in_seconds(scene, -seconds);
    view(scene, device).failing = Some((since, "down".into()));
}

/// Reads of a keypad must wait for so many seconds.
fn retry_in(scene: &mut Scene, device: &str, seconds: i64) {
    let at = in_seconds(scene, seconds);
    view(scene, device).retry_at = Some(at);
}

/// The first code has its proof since so many minutes.
fn proof_ago(scene: &mut Scene, minutes: i64) {
    scene.codes[0].proof_at = in_seconds(scene, -60 * minutes);
}

/// The first code was missed by a read so many seconds ago.
fn missing(scene: &mut Scene, seconds: i64) {
    scene.codes[0].missing_since = Some(in_seconds(scene, -seconds));
}

/// Staff gave the first code an end so many hours later.
fn staff_end(scene: &mut Scene, hours: i64) {
    let instead = scene.codes[0].window.clone();
    let given = instead.widened(Duration::zero(), Duration::hours(hours));
    scene.codes[0].window = given.clone();
    relist(scene);
    scene.codes[0].by_staff = Some((given, instead));
}

fn by_staff(scene: &mut Scene) -> &mut (Window, Window) {
    scene.codes[0].by_staff.as_mut().unwrap()
}

/// The note of the first code in the vendor's app.
fn note(scene: &mut Scene, text: &str) {
    let key = scene.codes[0].key.clone();
    scene.truth.get_mut(&key).unwrap()[0].note = text.into();
    look(scene, "lobby");
}

/// The keypad lists the first code as the ledger has it.
fn relist(scene: &mut Scene) {
    let code = scene.codes[0].clone();
    let id = code.vendor_id.clone().unwrap();
    let codes = scene.truth.get_mut(&code.key).unwrap();
    codes.retain(|listed| listed.id != id);
    codes.push(listing_of(&code, &id));
    look(scene, "lobby");
}

/// A read shows what is on a keypad by now.
fn look(scene: &mut Scene, device: &str) {
    let seen = scene.seen(&key(device));
    scene.views.insert(key(device), DoorView::of(Some(scene.now), true, seen));
}

/// A keypad that took two writes and shows none.
fn vanished(case: &mut Case) {
    case.codes = vec![CodeCase {
        has_id: false,
        there: There::Nothing,
        attempts: 2,
        ..after(WriteKind::Create, WriteState::NotApplied)
    }];
    case.messages = vec![heard()];
}

/// A read a minute ago shows what is on the lobby's keypad, and says no more than that.
fn only_listed(scene: &mut Scene) {
    let seen = scene.seen(&key("lobby")).into_iter();
    let codes = seen.map(|listed| ListedCode { proof: Proof::Listed, ..listed }).collect();
    scene.views.insert(key("lobby"), DoorView::of(Some(in_seconds(scene, -60)), true, codes));
}

const GUEST: &str = "+48600000001";
const OTHER: &str = "+48600000002";

/// So many minutes before the stay begins, its code was refused and is on no keypad.
fn near(case: &mut Case, minutes: i64) {
    refused_near(case, 0);
    case.stay.clock = -minutes;
}

fn refused_near(case: &mut Case, attempts: u32) {
    case.stay.clock = -100;
    case.codes = vec![CodeCase {
        has_id: false,
        there: There::Nothing,
        attempts,
        retry_in: Some(10),
        ..after(WriteKind::Create, WriteState::NotApplied)
    }];
}

/// A guest in the house whose later end was refused three times. The code still has the end that the guest was told.
fn changing(case: &mut Case) {
    in_house(case, 60);
    let write = Some((WriteKind::Replace, WriteState::NotApplied, 5));
    case.codes =
        vec![CodeCase { write, attempts: 3, retry_in: Some(2000), there: There::OtherEnd, ..made() }];
}

/// The guest was told an end so many hours later than the stay's.
fn told_end(scene: &mut Scene, hours: i64) {
    scene.messages[0].told.as_mut().unwrap().end += Duration::hours(hours);
}

fn told_start(scene: &mut Scene, hours: i64) {
    scene.messages[0].told.as_mut().unwrap().start += Duration::hours(hours);
}

/// The guest has a backup code, seen on its door, and knows it.
fn given(case: &mut Case) {
    case.codes = vec![made()];
    case.messages = vec![heard()];
}

/// The first code was a backup code, open from so many days before the stay until so many after it.
fn backup(scene: &mut Scene, days: i64) {
    scene.codes[0].backup = true;
    scene.codes[0].window = scene.codes[0].window.widened(Duration::days(days), Duration::days(days));
    relist(scene);
}

/// A code's window begins and ends so many hours later.
fn shift(scene: &mut Scene, code: usize, start: i64, end: i64) {
    let window = &scene.codes[code].window;
    let (from, until) = (window.start() + Duration::hours(start), window.end() + Duration::hours(end));
    scene.codes[code].window = Window::new(from, until, window.zone()).unwrap();
    relist(scene);
}

/// A guest's backup code and an own one on a keypad that shows nothing.
fn blind_backup(case: &mut Case) {
    near(case, 100);
    case.codes = vec![
        after(WriteKind::Create, WriteState::Applied),
        unwanted(after(WriteKind::Create, WriteState::Applied)),
    ];
    case.messages = vec![heard()];
    case.doors[0].listing = Listing::Nothing;
}

/// A message went to this telephone.
fn text_to(scene: &mut Scene, message: usize, phone: &str) {
    scene.messages[message].text = Some(MessageText {
        recipient: Recipient::Phone(PhoneNumber::parse(phone).unwrap()),
        subject: String::new(),
        body: String::new(),
        language: "en".into(),
    });
}

/// These codes were written into the booking, or it was tried and waits for so many seconds.
fn written_back(scene: &mut Scene, codes: &[usize], written: bool, retry: Option<i64>) {
    let record = WriteBackRecord {
        codes: codes.iter().map(|code| code_id(*code)).collect(),
        at: scene.now,
        written,
        attempts: 1,
        retry_at: retry.map(|seconds| in_seconds(scene, seconds)),
    };
    scene.grant.as_mut().unwrap().write_back = Some(record);
}

/// Messages in the booking system go by this source.
fn thread_of(scene: &mut Scene, source: &str) {
    tenant(scene).notifiers.get_mut(&name("thread")).unwrap().source = Some(name(source));
}

/// Staff has made the first unmarked code the stay's own, on this keypad.
fn linked(scene: &mut Scene, device: &str) {
    let code = VendorCodeId::parse("x0").unwrap();
    scene.linked.insert(Linked { keypad: key(device), code });
}

/// A code whose create is of unknown outcome, and a read from before that shows one like it.
fn awaited(case: &mut Case) {
    case.codes = vec![CodeCase {
        has_id: false,
        there: There::Nothing,
        ..after(WriteKind::Create, WriteState::Unknown)
    }];
    case.doors[0].view = ViewCase::Complete { ago: 5 };
    case.doors[0].strangers = vec![Stranger::Ours];
}

/// A code that is accepted and not seen yet.
fn unproven(case: &mut Case) {
    case.codes = vec![CodeCase { there: There::Nothing, ..after(WriteKind::Create, WriteState::Applied) }];
    case.doors[0].settle = 500;
}

fn guest_name(scene: &mut Scene, text: Option<&str>) {
    scene.booking.booking.as_mut().unwrap().guest.name = text.map(str::to_owned);
}

/// Other rules for the lobby's keypad.
fn keypad(scene: &mut Scene, change: fn(&mut DoorRules)) {
    let mut rules = scene.rules(&key("lobby"));
    change(&mut rules);
    let keypads = Keypads(BTreeMap::from([(key("lobby"), rules)]));
    tenant(scene).locks.insert(name("model"), Arc::new(keypads));
}

#[test]
fn what_is_shown_for_review() {
    check_shown(&[
        (
            "a code to be made",
            plain,
            nothing,
            &["create lobby 2027-06-10 15:00 to 2027-06-11 12:00 (Europe/Warsaw)"],
        ),
        (
            "a code in the place of another",
            |c| {
                served(c);
                c.doors[0].capacity = Some(1);
                c.stay.reissued_ago = Some(0);
            },
            nothing,
            &["replace lobby 2027-06-10 15:00 to 2027-06-11 12:00 (Europe/Warsaw)"],
        ),
        (
            "a refused code, and who is to hear of it",
            |c| {
                served(c);
                c.codes = vec![CodeCase {
                    has_id: false,
                    there: There::Nothing,
                    ..after(WriteKind::Create, WriteState::NotApplied)
                }];
                c.messages[0].tells = 2;
            },
            nothing,
            &[
                "create lobby 2027-06-10 15:00 to 2027-06-11 12:00 (Europe/Warsaw)",
                "tell - times-changed by sms later",
            ],
        ),
        (
            "other times",
            |c| {
                served(c);
                c.codes[0].window = 1;
            },
            nothing,
            &[
                "replace lobby 2027-06-10 15:00 to 2027-06-10 17:00 (Europe/Warsaw) becomes 2027-06-10 15:00 to \
               2027-06-11 12:00 (Europe/Warsaw)",
            ],
        ),
        (
            "a change from outside",
            |c| {
                served(c);
                c.codes[0].there = There::SwitchedOff;
            },
            nothing,
            &["replace lobby what was changed from outside, or the name"],
        ),
        (
            "a removal",
            |c| {
                c.codes = vec![unwanted(made())];
                (c.stay.told, c.tenant.weighed) = (Told::Cancelled, true);
            },
            nothing,
            &["delete lobby 2027-06-10 15:00 to 2027-06-11 12:00 (Europe/Warsaw)"],
        ),
        (
            "a look at the brake is none",
            |c| {
                c.codes = vec![unwanted(made())];
                c.stay.told = Told::Cancelled;
            },
            nothing,
            &[],
        ),
        (
            "a code that is taken over",
            |c| c.doors[0].strangers = vec![Stranger::Ours],
            nothing,
            &["adopt lobby its digits are kept"],
        ),
        (
            "a surplus one",
            |c| {
                served(c);
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["adopt lobby surplus"],
        ),
        (
            "a change that may stand",
            |c| {
                served(c);
                c.codes[0].there = There::OtherEnd;
                c.tenant.adopt_drift = true;
            },
            nothing,
            &["adopt lobby a change from outside"],
        ),
        (
            "a backup code",
            |c| near(c, 100),
            |s| {
                spare(s);
                failing(s, "lobby", 3600);
            },
            &["issue lobby a backup code", "tell - code-ready by sms later"],
        ),
        (
            "what is told and written into the booking",
            |c| {
                c.codes = vec![made()];
                (c.tenant.channels, c.tenant.write_back) = (2, true);
            },
            nothing,
            &["tell - code-ready by sms", "tell - code-ready by thread", "write-back - "],
        ),
        (
            "other digits",
            |c| {
                served(c);
                c.messages[0].tells = 1;
            },
            nothing,
            &["tell - code-changed by sms"],
        ),
        (
            "another unit",
            |c| {
                served(c);
                c.messages[0].tells = 3;
            },
            nothing,
            &["tell - moved by sms"],
        ),
    ]);
}

#[test]
fn content_does_not_show_the_guest() {
    let scene = Scene::new(&case(Vec::new()));
    let plan = scene.plan();
    let Some((Step::Mint { codes, .. }, _)) = plan.steps.first() else { panic!("nothing is minted") };
    let shown = format!("{:?}", codes[0].content);
    assert!(shown.contains("Smoobu#9001") && shown.contains("window"), "{shown}");
    assert!(!shown.contains("Ada"), "{shown}");
}

#[test]
fn places() {
    check(
        NEAR,
        &[
            ("no code: one is made", plain, nothing, &["mint lobby 10 15:00 to 11 12:00", "wake in 120"]),
            (
                "a sooner arrival waits for the only place",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"],
            ),
            (
                "a sooner arrival that no read has shown yet holds the only place",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                },
                |s| {
                    lobby_rival(s).on_its_way = true;
                },
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"],
            ),
            (
                "a later arrival has the only place",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(9000, true)];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"],
            ),
            (
                "who has the only place has the same arrival",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(1442, true)];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"],
            ),
            (
                "a backup code has the only place",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, true)];
                },
                |s| {
                    lobby_rival(s).backup = true;
                },
                &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"],
            ),
            (
                "a code that nobody wants any more has the only place",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(9000, true)];
                },
                |s| {
                    lobby_rival(s).wanted = false;
                },
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"],
            ),
            (
                "a stranger has the only place",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].strangers = vec![Stranger::Unmarked];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"],
            ),
            (
                "a stranger and a later arrival have both places",
                |c| {
                    c.doors[0].capacity = Some(2);
                    c.doors[0].strangers = vec![Stranger::Unmarked];
                    c.doors[0].rivals = vec![(9000, true)];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"],
            ),
            (
                "a later arrival has one of two places",
                |c| {
                    c.doors[0].capacity = Some(2);
                    c.doors[0].rivals = vec![(9000, true)];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "wake in 120"],
            ),
            (
                "two sooner arrivals have both places",
                |c| {
                    c.doors[0].capacity = Some(2);
                    c.doors[0].rivals = vec![(60, true), (90, true)];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"],
            ),
            (
                "one in the house, though later booked in, goes before a sooner arrival",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                    in_house(c, 10);
                },
                nothing,
                &["wake in 75000"],
            ),
            (
                "who holds the place keeps it while a later arrival waits",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(9000, false)];
                },
                nothing,
                &["wake in 162120"],
            ),
            (
                "who holds the place makes room for a sooner arrival",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                },
                nothing,
                &["delete 0", "note code-yields: for a sooner arrival on door lobby", "wake in 120"],
            ),
            (
                "who holds the place makes no room while a second one is free",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(2);
                    c.doors[0].rivals = vec![(60, false)];
                },
                nothing,
                &["wake in 162120"],
            ),
            (
                "nobody makes room for a sooner arrival that has a place",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(2);
                    c.doors[0].rivals = vec![(60, true)];
                },
                nothing,
                &["wake in 162120"],
            ),
            (
                "nobody makes room for one that nobody wants",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                },
                |s| {
                    lobby_rival(s).wanted = false;
                },
                &["wake in 162120"],
            ),
            (
                "room is made once the pause after a failure is over",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                    c.codes[0].retry_in = Some(3);
                },
                nothing,
                &[
                    "delete 0",
                    "code 0: retry None",
                    "note code-yields: for a sooner arrival on door lobby",
                    "wake in 120",
                ],
            ),
            (
                "room is made only when the keypad was read",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                    c.doors[0].view = ViewCase::Complete { ago: 11 };
                },
                nothing,
                &["read lobby", "wake in 120"],
            ),
            (
                "nothing is deleted to make room in upsert-only",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                    c.tenant.mode = Mode::UpsertOnly;
                },
                nothing,
                &["note would-delete: a sooner arrival waits for a place on door lobby", "wake in 162120"],
            ),
            (
                "a guest with a backup code in hand is no backup code",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(9000, false)];
                },
                |s| {
                    s.codes[0].backup = true;
                },
                &["alert BackupIssued lobby the door does not get the guest's own code", "wake in 162120"],
            ),
            (
                "a removed code tells who waits",
                |c| {
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        write: Some((WriteKind::Delete, WriteState::Applied, 5)),
                        ..unwanted(made())
                    }];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false), (90, true)];
                },
                nothing,
                &[
                    "code 0: Removed, since 0",
                    "note code-removed: a complete read shows no code of ours on door lobby",
                    "nudge 1",
                ],
            ),
            (
                "a code that is gone frees its place for who waits",
                |c| {
                    c.codes = vec![CodeCase { there: There::Nothing, missing_ago: Some(2), ..made() }];
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                },
                nothing,
                &[
                    "tell CodeReady by sms to phone later",
                    "code 0: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                    "alert Drift lobby a code of ours is gone",
                    "note drift: the code on door lobby is gone",
                    "nudge 1",
                    "wake in 120",
                ],
            ),
            (
                "a code that stays tells nobody",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(2);
                    c.doors[0].rivals = vec![(9000, false)];
                },
                nothing,
                &["wake in 162120"],
            ),
            (
                "a code made anew while another is on its way waits for its place",
                |c| {
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..unwanted(after(WriteKind::Create, WriteState::Unknown))
                    }];
                    c.doors[0].capacity = Some(1);
                    c.doors[0].view = ViewCase::Complete { ago: 6 };
                    c.stay.reissued_ago = Some(0);
                },
                nothing,
                &["mint fresh lobby 10 15:00 to 11 12:00 not yet", "read lobby", "wake in 120"],
            ),
            (
                "a code made anew beside a refused one takes the place",
                |c| {
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..unwanted(after(WriteKind::Create, WriteState::NotApplied))
                    }];
                    c.doors[0].capacity = Some(1);
                    c.stay.reissued_ago = Some(0);
                },
                nothing,
                &[
                    "mint fresh lobby 10 15:00 to 11 12:00",
                    "code 0: Removed, since 0",
                    "note code-removed: a complete read shows no code of ours on door lobby",
                    "wake in 120",
                ],
            ),
            (
                "a code made anew takes the place of the one before",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.stay.reissued_ago = Some(0);
                },
                nothing,
                &["mint fresh lobby 10 15:00 to 11 12:00 in place of 0", "wake in 120"],
            ),
            (
                "a code made anew takes the free place beside the one before",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(2);
                    c.stay.reissued_ago = Some(0);
                },
                nothing,
                &["mint fresh lobby 10 15:00 to 11 12:00", "wake in 120"],
            ),
            (
                "a code whose place is to be taken is looked for first",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.stay.reissued_ago = Some(0);
                    c.codes[0].there = There::Nothing;
                    c.codes[0].missing_ago = Some(0);
                },
                nothing,
                &["wake in 30"],
            ),
            (
                "one that was written and not seen is looked for first",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.doors[0].view = ViewCase::Complete { ago: 6 };
                    c.doors[0].capacity = Some(1);
                    c.stay.reissued_ago = Some(0);
                },
                nothing,
                &["read lobby", "wake in 120"],
            ),
            (
                "a keypad that shows nothing takes the new code in the place of the earlier",
                |c| {
                    served(c);
                    c.doors[0].listing = Listing::Nothing;
                    c.codes = vec![after(WriteKind::Create, WriteState::Applied)];
                    c.stay.reissued_ago = Some(0);
                },
                nothing,
                &["mint fresh lobby 10 15:00 to 11 12:00 in place of 0", "wake in 120"],
            ),
            (
                "a keypad that takes codes a day ahead",
                |c| {
                    c.doors[0].look_ahead = Some(1440);
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"],
            ),
            (
                "a keypad that takes codes from now on",
                |c| {
                    c.doors[0].look_ahead = Some(1442);
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "wake in 120"],
            ),
            (
                "a stay put off further than the keypad looks ahead",
                |c| {
                    served(c);
                    c.doors[0].look_ahead = Some(1440);
                    c.codes[0].window = 3;
                },
                nothing,
                &[
                    "delete 0",
                    "note code-yields: until the keypad of door lobby takes it again",
                    "wake in 120",
                ],
            ),
            (
                "a stay put off further than the keypad looks ahead, in upsert-only",
                |c| {
                    served(c);
                    c.doors[0].look_ahead = Some(1440);
                    c.codes[0].window = 3;
                    c.tenant.mode = Mode::UpsertOnly;
                },
                nothing,
                &["note would-delete: a code on door lobby opens before its stay", "wake in 120"],
            ),
            (
                "a stay put off, but not further than that",
                |c| {
                    served(c);
                    c.doors[0].look_ahead = Some(1500);
                    c.codes[0].window = 3;
                },
                nothing,
                &["replace 0 10 15:00 to 11 12:00", "wake in 120"],
            ),
            (
                "changed beside a full keypad",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(1);
                    c.codes[0].window = 2;
                },
                nothing,
                &["replace 0 10 15:00 to 11 12:00 without room", "wake in 120"],
            ),
            (
                "changed with room for a second",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(2);
                    c.codes[0].window = 2;
                },
                nothing,
                &["replace 0 10 15:00 to 11 12:00", "wake in 120"],
            ),
            (
                "changed on a keypad without limits",
                |c| {
                    served(c);
                    c.codes[0].window = 2;
                },
                nothing,
                &["replace 0 10 15:00 to 11 12:00", "wake in 120"],
            ),
            (
                "changed on a keypad that shows nothing",
                |c| {
                    served(c);
                    c.doors[0].listing = Listing::Nothing;
                    c.codes = vec![CodeCase { window: 2, ..after(WriteKind::Create, WriteState::Applied) }];
                },
                nothing,
                &["replace 0 10 15:00 to 11 12:00 without room", "wake in 120"],
            ),
            (
                "who waits for a place looks again by itself",
                |c| {
                    c.stay.clock = -20_000;
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, true)];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 3600"],
            ),
            (
                "a guest in the house whose code is a sooner one's rival keeps it",
                |c| {
                    in_house(c, 10);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(-90, false)];
                },
                nothing,
                &["wake in 75000"],
            ),
            (
                "a code that opens this minute is one in the house",
                |c| {
                    in_house(c, 0);
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(-90, false)];
                },
                nothing,
                &["wake in 75600"],
            ),
            (
                "two codes of the stay on its way out of one place",
                |c| {
                    c.codes = vec![made(), made()];
                    c.messages = vec![heard()];
                    c.doors[0].capacity = Some(1);
                },
                nothing,
                &["delete 0", "code 0: Unwanted", "wake in 162120"],
            ),
            (
                "another door's rivals do not count",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![made()];
                    c.doors[0].capacity = Some(1);
                    c.doors[1].capacity = Some(2);
                    c.doors[1].rivals = vec![(60, true)];
                },
                nothing,
                &["mint flat 10 15:00 to 11 12:00", "wake in 120"],
            ),
            (
                "a refused code tries again where there is one place",
                |c| {
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    }];
                    c.doors[0].capacity = Some(1);
                },
                nothing,
                &["create 0 10 15:00 to 11 12:00", "tell CodeReady by sms to phone later", "wake in 120"],
            ),
            (
                "a stranger and a code that no read has shown yet have both places",
                |c| {
                    c.doors[0].capacity = Some(2);
                    c.doors[0].strangers = vec![Stranger::Unmarked];
                    c.doors[0].rivals = vec![(60, false)];
                },
                |s| {
                    lobby_rival(s).on_its_way = true;
                },
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"],
            ),
            (
                "a code makes no room while a place is free for one of two sooner arrivals",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(2);
                    c.doors[0].rivals = vec![(60, false), (90, false)];
                },
                nothing,
                &["wake in 162120"],
            ),
            (
                "the later of two codes of a stay makes room",
                |c| {
                    c.codes = vec![CodeCase { window: 2, ..made() }, made()];
                    c.messages = vec![heard()];
                    c.doors[0].capacity = Some(2);
                    c.doors[0].rivals = vec![(-60, false)];
                },
                nothing,
                &[
                    "delete 1",
                    "delete 0 later",
                    "note code-yields: for a sooner arrival on door lobby",
                    "wake in 120",
                ],
            ),
            (
                "a code that is to go tells nobody yet",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(60, false)];
                },
                nothing,
                &["weigh door/lobby source/smoobu", "code 0: Unwanted"],
            ),
            (
                "a refused code takes the place of the stay's earlier one",
                |c| {
                    c.codes = vec![
                        made(),
                        CodeCase {
                            has_id: false,
                            there: There::Nothing,
                            ..after(WriteKind::Create, WriteState::NotApplied)
                        },
                    ];
                    c.messages = vec![heard()];
                    c.doors[0].capacity = Some(1);
                },
                nothing,
                &["delete 0", "code 0: Unwanted", "wake in 120"],
            ),
            (
                "who holds one of two places keeps it while a later arrival has the other",
                |c| {
                    served(c);
                    c.doors[0].capacity = Some(2);
                    c.doors[0].rivals = vec![(60, false), (9000, true)];
                },
                nothing,
                &["wake in 162120"],
            ),
            (
                "a stranger and a later code that no read has shown yet have both places",
                |c| {
                    c.doors[0].capacity = Some(2);
                    c.doors[0].strangers = vec![Stranger::Unmarked];
                    c.doors[0].rivals = vec![(9000, false)];
                },
                |s| {
                    lobby_rival(s).on_its_way = true;
                },
                &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"],
            ),
            (
                "a rival that opens this moment is in the house",
                |c| {
                    c.doors[0].capacity = Some(1);
                    c.doors[0].rivals = vec![(0, true)];
                    c.stay.clock = -1;
                },
                nothing,
                &[
                    "mint lobby 10 15:00 to 11 12:00 not yet",
                    "alert CodeNotProven lobby the keypad is full",
                    "wake in 3600",
                ],
            ),
        ],
    );
}

#[test]
fn removals() {
    check(
        FAR,
        &[
            (
                "a cancelled stay's code asks the brake",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                },
                nothing,
                &["weigh door/lobby source/smoobu", "code 0: Unwanted"],
            ),
            (
                "a cancelled stay's code goes",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                },
                nothing,
                &["delete 0", "code 0: Unwanted", "draw source/smoobu for 0", "draw door/lobby for 0"],
            ),
            (
                "a stay over takes no look at the brake",
                |c| {
                    in_house(c, 2000);
                },
                nothing,
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "the end itself ends no right",
                |c| {
                    in_house(c, 1260);
                },
                nothing,
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "a second before the end the code stays",
                |c| {
                    in_house(c, 1260);
                },
                |s| {
                    s.now -= Duration::seconds(1);
                },
                &["wake in 1"],
            ),
            (
                "a right that ends this moment draws nothing",
                |c| {
                    c.codes = vec![unwanted(made())];
                    c.stay.told = Told::Cancelled;
                    c.stay.clock = 1260;
                },
                nothing,
                &["delete 0"],
            ),
            (
                "a code whose window was made longer than the stay draws nothing once the stay is over",
                |c| {
                    c.codes = vec![unwanted(made())];
                    c.stay.told = Told::Cancelled;
                    c.stay.clock = 1261;
                },
                |s| {
                    s.codes[0].window = s.codes[0].window.widened(Duration::zero(), Duration::hours(5));
                },
                &["delete 0"],
            ),
            (
                "the brake has nothing left",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 0;
                },
                nothing,
                &[
                    "code 0: Unwanted",
                    "note brake: a removal on door lobby waits",
                    "braked door/lobby",
                    "braked source/smoobu",
                    "wake in 3600",
                ],
            ),
            (
                "the brake has nothing left for the door until the oldest removal is a day old",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                |s| {
                    spent(s, "door/lobby", 7, 59 * 60);
                },
                &[
                    "code 0: Unwanted",
                    "note brake: a removal on door lobby waits",
                    "braked door/lobby",
                    "wake in 82860",
                ],
            ),
            (
                "the brake has nothing left but comes back within seconds",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                |s| {
                    spent(s, "door/lobby", 7, 86_399);
                },
                &[
                    "code 0: Unwanted",
                    "note brake: a removal on door lobby waits",
                    "braked door/lobby",
                    "wake in 30",
                ],
            ),
            (
                "both budgets are spent, one for longer",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                |s| {
                    spent(s, "door/lobby", 7, 600);
                    spent(s, "source/smoobu", 8, 1200);
                },
                &[
                    "code 0: Unwanted",
                    "note brake: a removal on door lobby waits",
                    "braked door/lobby",
                    "braked source/smoobu",
                    "wake in 85800",
                ],
            ),
            (
                "a budget of two, one spent",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 2;
                },
                |s| {
                    spent(s, "door/lobby", 7, 600);
                },
                &["delete 0", "code 0: Unwanted", "draw source/smoobu for 0", "draw door/lobby for 0"],
            ),
            (
                "two codes on one door with a budget of one",
                |c| {
                    c.codes = vec![made(), made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                nothing,
                &[
                    "delete 0",
                    "code 0: Unwanted",
                    "code 1: Unwanted",
                    "note brake: a removal on door lobby waits",
                    "draw source/smoobu for 0",
                    "draw door/lobby for 0",
                    "braked door/lobby",
                    "braked source/smoobu",
                    "wake in 3600",
                ],
            ),
            (
                "a removal that was drawn already draws nothing more",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                |s| {
                    spent(s, "door/lobby", 0, 60);
                    spent(s, "source/smoobu", 0, 60);
                },
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "a code written since it was drawn draws anew",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                |s| {
                    spent(s, "door/lobby", 0, 301);
                    spent(s, "source/smoobu", 0, 301);
                },
                &[
                    "code 0: Unwanted",
                    "note brake: a removal on door lobby waits",
                    "braked door/lobby",
                    "braked source/smoobu",
                    "wake in 86099",
                ],
            ),
            (
                "a code drawn in the moment of its last write was drawn after it",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                |s| {
                    spent(s, "door/lobby", 0, 300);
                    spent(s, "source/smoobu", 0, 300);
                },
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "a failed removal since it was drawn draws nothing more",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Listed,
                        ..after(WriteKind::Delete, WriteState::NotApplied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                |s| {
                    spent(s, "door/lobby", 0, 400);
                    spent(s, "source/smoobu", 0, 400);
                },
                &["delete 0"],
            ),
            (
                "a released brake lets all go",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 0;
                },
                |s| {
                    s.budgets.values_mut().for_each(|budget| budget.released = true);
                },
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "only the source's brake is released",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 0;
                },
                |s| {
                    s.budgets.get_mut("source/smoobu").unwrap().released = true;
                },
                &[
                    "code 0: Unwanted",
                    "note brake: a removal on door lobby waits",
                    "braked door/lobby",
                    "wake in 3600",
                ],
            ),
            (
                "a backup code in the pool is nobody's right",
                |c| {
                    c.codes = vec![unwanted(made())];
                    c.stay.told = Told::Standing;
                    c.stay.grant = 0;
                },
                |s| {
                    s.booking.standing.as_mut().unwrap().number = 9;
                },
                &["delete 0"],
            ),
            (
                "a code that another system's failure left is taken off again",
                |c| {
                    c.codes = vec![CodeCase { state: CodeState::Removed, ..made() }];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Complete { ago: 0 };
                },
                nothing,
                &[
                    "weigh door/lobby source/smoobu",
                    "code 0: Unwanted, write Some(NotApplied)",
                    "note code-back: a removed code is on door lobby again",
                ],
            ),
            (
                "a removed code is not back by a read from before",
                |c| {
                    c.codes = vec![CodeCase { state: CodeState::Removed, ..made() }];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Complete { ago: 90 };
                },
                nothing,
                &[],
            ),
            (
                "a removal that the list still shows a moment after",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Listed,
                        ..after(WriteKind::Delete, WriteState::Applied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].settle = 8;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "a removal that the list still shows long after",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Listed,
                        ..after(WriteKind::Delete, WriteState::Applied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].settle = 5;
                },
                nothing,
                &["code 0: write Some(NotApplied), attempts 1, retry Some(10)", "wake in 10"],
            ),
            (
                "a removal of unknown outcome that the list still shows long after",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Listed,
                        ..after(WriteKind::Delete, WriteState::Unknown)
                    })];
                    c.stay.told = Told::Cancelled;
                },
                nothing,
                &["weigh door/lobby source/smoobu", "code 0: write Some(NotApplied)"],
            ),
            (
                "a removal that a list in parts cannot prove",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Listed,
                        there: There::Nothing,
                        ..after(WriteKind::Delete, WriteState::Applied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Partial { ago: 2 };
                },
                nothing,
                &["wake in 480"],
            ),
            (
                "a removal that a list in parts a moment ago cannot prove",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Listed,
                        there: There::Nothing,
                        ..after(WriteKind::Delete, WriteState::Applied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Partial { ago: 0 };
                },
                nothing,
                &["wake in 600"],
            ),
            (
                "a list in parts doubts a removal for ten minutes",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Listed,
                        there: There::Nothing,
                        write: Some((WriteKind::Delete, WriteState::Applied, 30)),
                        ..made()
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Partial { ago: 11 };
                },
                nothing,
                &["read lobby"],
            ),
            (
                "an open write of a code that is not wanted is looked into",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Intended)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].settle = 8;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "an open write of a code that is not wanted shows at last",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        has_id: false,
                        ..after(WriteKind::Create, WriteState::Unknown)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                },
                nothing,
                &[
                    "delete 0",
                    "code 0: write Some(Applied), id v0",
                    "draw source/smoobu for 0",
                    "draw door/lobby for 0",
                ],
            ),
            (
                "a write that no read shows in its time came to nothing",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Unknown)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].settle = 5;
                },
                nothing,
                &[
                    "code 0: Removed, since 0",
                    "note code-removed: a complete read shows no code of ours on door lobby",
                ],
            ),
            (
                "a refused write may not come any more",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].settle = 8;
                },
                nothing,
                &[
                    "code 0: Removed, since 0",
                    "note code-removed: a complete read shows no code of ours on door lobby",
                ],
            ),
            (
                "a listed code that is gone while it was to go",
                |c| {
                    c.codes = vec![unwanted(CodeCase { there: There::Nothing, ..made() })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].settle = 8;
                },
                nothing,
                &[
                    "code 0: Removed, since 0",
                    "note code-removed: a complete read shows no code of ours on door lobby",
                ],
            ),
            (
                "an accepted code, not seen yet, that is to go",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].settle = 8;
                },
                nothing,
                &["weigh door/lobby source/smoobu"],
            ),
            (
                "an adopted code without a write that is gone",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        there: There::Nothing,
                        write: None,
                        adopted: true,
                        ..made()
                    })];
                    c.stay.told = Told::Cancelled;
                },
                nothing,
                &[
                    "code 0: Removed, since 0",
                    "note code-removed: a complete read shows no code of ours on door lobby",
                ],
            ),
            (
                "a removal that waits after a failure",
                |c| {
                    c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Complete { ago: 6 };
                },
                nothing,
                &["wake in 420"],
            ),
            (
                "a removal whose pause is over",
                |c| {
                    c.codes = vec![unwanted(CodeCase { retry_in: Some(0), ..made() })];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                },
                nothing,
                &["delete 0", "draw source/smoobu for 0", "draw door/lobby for 0"],
            ),
            (
                "a removal that waits no longer, its lock account works again",
                |c| {
                    c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                },
                |s| {
                    recovered(s, "model", -299);
                },
                &["delete 0", "draw source/smoobu for 0", "draw door/lobby for 0"],
            ),
            (
                "a removal that waits on, its lock account worked again before it failed",
                |c| {
                    c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                },
                |s| {
                    recovered(s, "model", -300);
                },
                &["wake in 420"],
            ),
            (
                "a removal in upsert-only is told",
                |c| {
                    c.codes = vec![made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.mode = Mode::UpsertOnly;
                },
                nothing,
                &["code 0: Unwanted", "note would-delete: a code of ours on door lobby is not wanted"],
            ),
            (
                "a removal in upsert-only of what never was there",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        write: None,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.tenant.mode = Mode::UpsertOnly;
                    c.doors[0].view = ViewCase::None;
                },
                nothing,
                &["read lobby"],
            ),
            (
                "a removal in upsert-only on a keypad that shows nothing",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Unknown)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.tenant.mode = Mode::UpsertOnly;
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &[
                    "code 0: write Some(NotApplied)",
                    "note would-delete: a code of ours on door lobby is not wanted",
                ],
            ),
            (
                "an open write on a keypad that shows nothing is made again to be removed",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Unknown)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)"],
            ),
            (
                "a code that was never written on a keypad that shows nothing",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        write: None,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &["code 0: Removed"],
            ),
            (
                "a removal that a keypad took which shows nothing",
                |c| {
                    c.codes = vec![unwanted(after(WriteKind::Delete, WriteState::Applied))];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &["code 0: Removed", "note code-removed: the keypad of door lobby took the removal"],
            ),
            (
                "a removal of unknown outcome on a keypad that shows nothing",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Accepted,
                        ..after(WriteKind::Delete, WriteState::Unknown)
                    })];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &[
                    "delete 0",
                    "code 0: proof Requested, write Some(NotApplied)",
                    "draw source/smoobu for 0",
                    "draw door/lobby for 0",
                ],
            ),
            (
                "a code missed once is looked for before it goes",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        missing_ago: Some(0),
                        there: There::Nothing,
                        write: None,
                        adopted: true,
                        ..made()
                    })];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Partial { ago: 3 };
                },
                nothing,
                &["read lobby"],
            ),
            (
                "three failed removals are told",
                |c| {
                    c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })];
                    c.stay.told = Told::Cancelled;
                },
                |s| {
                    refused(s, 0, 3);
                },
                &["alert CodeNotRemoved lobby refused", "wake in 420"],
            ),
            (
                "two failed removals are not told yet",
                |c| {
                    c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })];
                    c.stay.told = Told::Cancelled;
                },
                |s| {
                    refused(s, 0, 2);
                },
                &["wake in 420"],
            ),
            (
                "three failures of a wanted code are not told as removals",
                served,
                |s| {
                    s.codes[0].attempts = 3;
                    failing(s, "lobby", 60);
                },
                &["code 0: attempts 0", "alert DoorUnreadable lobby down", "wake in 1275600"],
            ),
            (
                "two codes on two doors with a budget of one",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![made(), CodeCase { door: 1, ..made() }];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 1;
                },
                nothing,
                &[
                    "delete 0",
                    "code 0: Unwanted",
                    "code 1: Unwanted",
                    "note brake: a removal on door flat waits",
                    "draw source/smoobu for 0",
                    "draw door/lobby for 0",
                    "braked source/smoobu",
                    "wake in 3600",
                ],
            ),
            (
                "two codes on one door with one left of a budget of two",
                |c| {
                    c.codes = vec![made(), made()];
                    c.stay.told = Told::Cancelled;
                    c.tenant.weighed = true;
                    c.tenant.allowed = 2;
                },
                |s| {
                    spent(s, "door/lobby", 7, 600);
                },
                &[
                    "delete 0",
                    "code 0: Unwanted",
                    "code 1: Unwanted",
                    "note brake: a removal on door lobby waits",
                    "draw source/smoobu for 0",
                    "draw door/lobby for 0",
                    "braked door/lobby",
                    "wake in 85800",
                ],
            ),
            (
                "an adopted code that was removed is not back by the read that showed it gone",
                |c| {
                    c.codes =
                        vec![CodeCase { state: CodeState::Removed, write: None, adopted: true, ..made() }];
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Complete { ago: 90 };
                },
                nothing,
                &[],
            ),
        ],
    );
}

#[test]
fn surplus() {
    check(
        FAR,
        &[
            (
                "a surplus code goes when the list shows both",
                |c| {
                    c.codes = vec![unwanted(made()), made()];
                    c.messages = vec![heard()];
                },
                nothing,
                &["delete 0", "wake in 1275600"],
            ),
            (
                "a surplus code stays while the list does not show the wanted one",
                |c| {
                    c.codes = vec![unwanted(made()), CodeCase { there: There::Nothing, ..made() }];
                    c.messages = vec![heard()];
                },
                nothing,
                &["code 1: missing Some(0)", "wake in 30"],
            ),
            (
                "a surplus code on another door goes",
                |c| {
                    c.codes = vec![
                        CodeCase { door: 1, ..unwanted(made()) },
                        CodeCase { there: There::Nothing, ..made() },
                    ];
                    c.messages = vec![heard()];
                },
                nothing,
                &["delete 0", "code 1: missing Some(0)", "wake in 30"],
            ),
            (
                "a surplus code on a keypad that shows nothing goes",
                |c| {
                    c.codes = vec![
                        unwanted(after(WriteKind::Create, WriteState::Applied)),
                        after(WriteKind::Create, WriteState::Applied),
                    ];
                    c.messages = vec![heard()];
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &["delete 0", "wake in 1275600"],
            ),
            (
                "a surplus code on a keypad of before goes",
                |c| {
                    c.codes = vec![
                        CodeCase { door: 4, ..unwanted(made()) },
                        CodeCase { there: There::Nothing, ..made() },
                    ];
                    c.messages = vec![heard()];
                },
                nothing,
                &["delete 0", "code 1: missing Some(0)", "wake in 30"],
            ),
            (
                "a surplus code stays for the minutes until the wanted one opens",
                |c| {
                    in_house(c, -4);
                    c.codes = vec![CodeCase { window: 2, ..unwanted(made()) }, made()];
                },
                nothing,
                &["wake in 30"],
            ),
            (
                "a surplus code goes five minutes before the wanted one opens",
                |c| {
                    in_house(c, -5);
                    c.codes = vec![CodeCase { window: 2, ..unwanted(made()) }, made()];
                },
                nothing,
                &["delete 0", "wake in 75900"],
            ),
            (
                "a surplus code goes when the wanted one opens",
                |c| {
                    in_house(c, 0);
                    c.codes = vec![CodeCase { window: 2, ..unwanted(made()) }, made()];
                },
                nothing,
                &["delete 0", "wake in 75600"],
            ),
            (
                "a surplus code that opens no earlier goes",
                |c| {
                    in_house(c, -4);
                    c.codes = vec![unwanted(made()), made()];
                },
                nothing,
                &["delete 0", "wake in 75840"],
            ),
            (
                "a surplus code that opens this moment stays for the minutes",
                |c| {
                    in_house(c, -4);
                    c.codes = vec![unwanted(made()), made()];
                },
                |s| {
                    s.codes[0].window = s.codes[0].window.widened(Duration::minutes(4), Duration::zero());
                },
                &["wake in 30"],
            ),
            (
                "a surplus code goes although the wanted one waits for a place",
                |c| {
                    c.codes = vec![
                        unwanted(made()),
                        CodeCase {
                            has_id: false,
                            there: There::Nothing,
                            write: None,
                            ..after(WriteKind::Create, WriteState::NotApplied)
                        },
                    ];
                    c.doors[0].capacity = Some(1);
                    c.stay.reissued_ago = Some(600);
                },
                nothing,
                &["tell CodeReady by sms to phone later", "delete 0", "wake in 3600"],
            ),
            (
                "a code of the unit before stays until the new one is told",
                |c| {
                    c.codes = vec![CodeCase { door: 1, ..made() }, made()];
                    c.messages = vec![MessageCase { tells: 3, ..heard() }];
                },
                nothing,
                &["tell Moved by sms to phone", "delete 0 later", "wake in 1275600"],
            ),
            (
                "a code of the unit before goes once the new one is told",
                |c| {
                    c.codes = vec![CodeCase { door: 1, ..made() }, made()];
                    c.messages = vec![heard()];
                },
                nothing,
                &["delete 0", "code 0: Unwanted", "wake in 1275600"],
            ),
            (
                "a code of the unit before goes when nobody was told",
                |c| {
                    c.codes = vec![CodeCase { door: 1, ..made() }, made()];
                    c.tenant.tell_before = Some(60);
                },
                nothing,
                &["tell CodeReady by sms to phone later", "delete 0", "code 0: Unwanted", "wake in 1196400"],
            ),
            (
                "a code of the unit before stays while the new one is not proven",
                |c| {
                    c.codes = vec![
                        CodeCase { door: 1, ..made() },
                        CodeCase { there: There::Nothing, ..after(WriteKind::Create, WriteState::Applied) },
                    ];
                    c.messages = vec![heard()];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["delete 0 later", "wake in 180"],
            ),
            (
                "a code of the unit before that has no place is let go at once",
                |c| {
                    c.codes = vec![
                        CodeCase {
                            door: 1,
                            has_id: false,
                            there: There::Nothing,
                            write: None,
                            ..after(WriteKind::Create, WriteState::NotApplied)
                        },
                        CodeCase { there: There::Nothing, ..after(WriteKind::Create, WriteState::Applied) },
                    ];
                    c.messages = vec![heard()];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["read flat", "code 0: Unwanted", "wake in 180"],
            ),
            (
                "a code of the unit before whose create was refused stays listed for later",
                |c| {
                    c.codes = vec![
                        CodeCase {
                            door: 1,
                            has_id: false,
                            there: There::Nothing,
                            ..after(WriteKind::Create, WriteState::NotApplied)
                        },
                        CodeCase { there: There::Nothing, ..after(WriteKind::Create, WriteState::Applied) },
                    ];
                    c.messages = vec![heard()];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["delete 0 later", "wake in 180"],
            ),
            (
                "a code of the unit before that was taken off for somebody is let go at once",
                |c| {
                    c.codes = vec![
                        CodeCase {
                            door: 1,
                            has_id: false,
                            there: There::Nothing,
                            ..after(WriteKind::Delete, WriteState::NotApplied)
                        },
                        CodeCase { there: There::Nothing, ..after(WriteKind::Create, WriteState::Applied) },
                    ];
                    c.messages = vec![heard()];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["read flat", "code 0: Unwanted", "wake in 180"],
            ),
            (
                "a code of the unit before stays in upsert-only",
                |c| {
                    c.codes = vec![
                        CodeCase { door: 1, ..made() },
                        CodeCase { there: There::Nothing, ..after(WriteKind::Create, WriteState::Applied) },
                    ];
                    c.messages = vec![heard()];
                    c.doors[0].settle = 8;
                    c.tenant.mode = Mode::UpsertOnly;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "a surplus code on another door goes although that door's other code is not listed",
                |c| {
                    c.codes = vec![
                        CodeCase { door: 1, ..unwanted(made()) },
                        CodeCase { door: 1, there: There::Nothing, ..made() },
                        made(),
                    ];
                    c.messages = vec![heard()];
                },
                nothing,
                &["delete 0", "read flat", "code 1: Unwanted, missing Some(0)", "wake in 1275600"],
            ),
            (
                "a code of the unit before stays while the message of the new one fails",
                |c| {
                    c.codes = vec![CodeCase { door: 1, ..made() }, made()];
                    c.messages = vec![
                        MessageCase { tells: 3, ..heard() },
                        MessageCase { state: 3, retry_in: Some(5), ..heard() },
                    ];
                },
                nothing,
                &["delete 0 later", "wake in 300"],
            ),
            (
                "a surplus code on another door goes although that door's other code still stands",
                |c| {
                    c.codes = vec![
                        CodeCase { door: 1, ..unwanted(made()) },
                        CodeCase { door: 1, there: There::Nothing, ..made() },
                        CodeCase { there: There::Nothing, ..after(WriteKind::Create, WriteState::Applied) },
                    ];
                    c.messages = vec![heard()];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["delete 0", "delete 1 later", "code 1: missing Some(0)", "wake in 180"],
            ),
        ],
    );
}

#[test]
fn reads() {
    check(
        FAR,
        &[
            (
                "a keypad that was never read",
                |c| {
                    c.doors[0].view = ViewCase::None;
                },
                nothing,
                &["read lobby", "wake in 1113600"],
            ),
            (
                "a read ten minutes old will do",
                |c| {
                    c.doors[0].view = ViewCase::Complete { ago: 10 };
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a read older than that will not",
                |c| {
                    c.doors[0].view = ViewCase::Complete { ago: 11 };
                },
                nothing,
                &["read lobby", "wake in 1113600"],
            ),
            (
                "a list in parts a moment ago",
                |c| {
                    c.doors[0].view = ViewCase::Partial { ago: 0 };
                },
                nothing,
                &["alert DoorUnreadable lobby the vendor lists only a part of the codes", "wake in 60"],
            ),
            (
                "a list in parts a minute ago",
                |c| {
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                nothing,
                &["read lobby", "wake in 1113600"],
            ),
            (
                "a list in parts a moment ago, and the next read failed",
                |c| {
                    c.doors[0].view = ViewCase::Partial { ago: 0 };
                },
                |s| {
                    failing(s, "lobby", 0);
                },
                &["read lobby", "alert DoorUnreadable lobby down", "wake in 1113600"],
            ),
            (
                "a failed read waits for its time",
                |c| {
                    c.doors[0].view = ViewCase::Failing { ago: 1, retry_in: 4 };
                },
                nothing,
                &["alert DoorUnreadable lobby down", "wake in 240"],
            ),
            (
                "a failed read whose time has come",
                |c| {
                    c.doors[0].view = ViewCase::Failing { ago: 1, retry_in: 0 };
                },
                nothing,
                &["read lobby", "alert DoorUnreadable lobby down", "wake in 1113600"],
            ),
            (
                "a list a moment ago that was whole, and reads fail since",
                |c| {
                    c.doors[0].view = ViewCase::Complete { ago: 0 };
                },
                |s| {
                    failing(s, "lobby", 0);
                },
                &["read lobby", "alert DoorUnreadable lobby down", "wake in 1113600"],
            ),
            (
                "a keypad whose lock account is gone",
                |c| {
                    served(c);
                    c.codes[0].door = 4;
                    c.doors[0].view = ViewCase::Complete { ago: 0 };
                },
                |s| {
                    s.codes[0].lock = name("other");
                },
                &["mint lobby 10 15:00 to 11 12:00", "delete 0 later", "wake in 1113600"],
            ),
            (
                "a failing keypad that the configuration no longer has",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase { door: 4, ..made() }, made()];
                },
                |s| {
                    failing(s, "old", 60);
                },
                &["read old", "code 0: Unwanted", "alert FormerKeypad flat down", "wake in 1275600"],
            ),
            (
                "a failing keypad that waits for its time is told until then",
                served,
                |s| {
                    failing(s, "lobby", 60);
                    retry_in(s, "lobby", 240);
                },
                &["alert DoorUnreadable lobby down", "wake in 240"],
            ),
            (
                "a failing keypad whose time is now is told",
                served,
                |s| {
                    failing(s, "lobby", 60);
                    retry_in(s, "lobby", 0);
                },
                &["alert DoorUnreadable lobby down", "wake in 1275600"],
            ),
            (
                "what kind of trouble a keypad is in",
                served,
                |s| {
                    failing(s, "lobby", 60);
                    view(s, "lobby").trouble = Some(AlertKind::LockCredentials);
                },
                &["alert LockCredentials lobby down", "wake in 1275600"],
            ),
            (
                "a failing keypad of a code that was removed is nobody's business",
                |c| {
                    served(c);
                    c.codes.insert(
                        0,
                        CodeCase { door: 1, state: CodeState::Removed, there: There::Nothing, ..made() },
                    );
                },
                |s| {
                    failing(s, "flat", 60);
                },
                &["wake in 1275600"],
            ),
            (
                "a failing keypad of a code that is to go",
                |c| {
                    served(c);
                    c.codes.insert(0, CodeCase { door: 1, retry_in: Some(5), ..unwanted(made()) });
                },
                |s| {
                    failing(s, "flat", 60);
                },
                &["alert DoorUnreadable flat down", "wake in 300"],
            ),
            (
                "a write that no read has shown is looked for when it is settled",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "a write that no read has shown in its time is made again",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.doors[0].settle = 5;
                },
                nothing,
                &[
                    "code 0: proof Requested, since 0, write Some(NotApplied), id none, attempts 1, retry Some(10)",
                    "wake in 10",
                ],
            ),
            (
                "the second time after a longer pause",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        attempts: 2,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                },
                nothing,
                &[
                    "code 0: proof Requested, since 0, write Some(NotApplied), id none, attempts 3, retry Some(40)",
                    "wake in 40",
                ],
            ),
            (
                "a write is looked for after the last read",
                |c| {
                    served(c);
                    c.codes = vec![after(WriteKind::Create, WriteState::Applied)];
                    c.doors[0].view = ViewCase::Complete { ago: 6 };
                },
                nothing,
                &["read lobby", "wake in 1113600"],
            ),
            (
                "a write that ended in the moment of the read is looked for",
                |c| {
                    served(c);
                    c.codes = vec![after(WriteKind::Create, WriteState::Applied)];
                    c.doors[0].view = ViewCase::Complete { ago: 5 };
                },
                nothing,
                &["read lobby", "wake in 1113600"],
            ),
            (
                "an open write that a list in parts does not show",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Intended)
                    }];
                    c.doors[0].view = ViewCase::Partial { ago: 2 };
                },
                nothing,
                &["read lobby", "wake in 1113600"],
            ),
            (
                "an accepted write that a list in parts does not show",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.doors[0].view = ViewCase::Partial { ago: 2 };
                },
                nothing,
                &["wake in 1680"],
            ),
            (
                "a listed code that a list in parts does not show",
                |c| {
                    served(c);
                    c.codes[0].there = There::Nothing;
                    c.doors[0].view = ViewCase::Partial { ago: 2 };
                },
                nothing,
                &["wake in 1275600"],
            ),
            (
                "an open write is looked into",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Replace, WriteState::Unknown)
                    }];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "an open write that shows",
                |c| {
                    served(c);
                    c.codes =
                        vec![CodeCase { has_id: false, ..after(WriteKind::Create, WriteState::Intended) }];
                },
                nothing,
                &[
                    "code 0: proof Listed, since 0, write Some(Applied), ended Some(0), id v0",
                    "wake in 1275600",
                ],
            ),
            (
                "an open write that came to nothing",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Intended)
                    }];
                },
                nothing,
                &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)", "wake in 1113600"],
            ),
            (
                "a proof that is not there yet is waited for",
                |c| {
                    served(c);
                    c.tenant.proof = Proof::Confirmed;
                    c.doors[0].highest = Proof::Confirmed;
                },
                only_listed,
                &["wake in 1740"],
            ),
            (
                "the same for hours",
                |c| {
                    served(c);
                    c.tenant.proof = Proof::Confirmed;
                    c.doors[0].highest = Proof::Confirmed;
                },
                |s| {
                    only_listed(s);
                    proof_ago(s, 300);
                },
                &["wake in 1740"],
            ),
            (
                "the same since two minutes",
                |c| {
                    served(c);
                    c.tenant.proof = Proof::Confirmed;
                    c.doors[0].highest = Proof::Confirmed;
                },
                |s| {
                    only_listed(s);
                    proof_ago(s, 2);
                },
                &["wake in 100"],
            ),
            (
                "a failed write waits",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        retry_in: Some(2),
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    }];
                },
                nothing,
                &["wake in 120"],
            ),
            (
                "a failed write waits no longer when its lock account works again",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        retry_in: Some(2),
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    }];
                },
                |s| {
                    recovered(s, "model", 0);
                },
                &["create 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a failed write whose time has come",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        retry_in: Some(0),
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    }];
                },
                nothing,
                &["create 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a keypad that takes codes and shows none",
                vanished,
                nothing,
                &[
                    "alert DoorUnreadable lobby the keypad takes codes, and its list shows none",
                    "wake in 600",
                ],
            ),
            (
                "the same with a refusal",
                vanished,
                |s| {
                    refused(s, 0, 2);
                },
                &["create 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "the same an hour ago",
                |c| {
                    vanished(c);
                    c.codes[0].write = Some((WriteKind::Create, WriteState::NotApplied, 60));
                },
                nothing,
                &["create 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "the same with one try",
                |c| {
                    vanished(c);
                    c.codes[0].attempts = 1;
                },
                nothing,
                &["create 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "the same while it shows another's code",
                |c| {
                    vanished(c);
                    c.doors[0].strangers = vec![Stranger::Unmarked];
                },
                nothing,
                &["create 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "the same with a write that has no end",
                vanished,
                |s| {
                    write(s, 0).ended_at = None;
                    write(s, 0).state = WriteState::NotApplied;
                },
                &["create 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "an accepted write that a list in parts does not show, settled this moment",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.doors[0].view = ViewCase::Partial { ago: 0 };
                    c.doors[0].settle = 5;
                },
                nothing,
                &["wake in 1800"],
            ),
        ],
    );
}

#[test]
fn kept_right() {
    check(
        FAR,
        &[
            ("what is there and is known needs nothing", served, nothing, &["wake in 1275600"]),
            (
                "a code with other times",
                |c| {
                    served(c);
                    c.codes[0].window = 3;
                },
                nothing,
                &["replace 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a code with another name",
                served,
                |s| {
                    s.codes[0].name = "Somebody".into();
                },
                &["replace 0 10 15:00 to 11 12:00", "wake in 1275600"],
            ),
            (
                "a code with other times that is not proven any more",
                |c| {
                    served(c);
                    c.codes[0].window = 2;
                },
                |s| {
                    s.codes[0].proof = Proof::Used;
                },
                &["replace 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "times that the keypad rounds",
                |c| {
                    served(c);
                    c.doors[0].whole_days = true;
                },
                nothing,
                &["wake in 1275600"],
            ),
            (
                "a code that vanished once is looked for again",
                |c| {
                    served(c);
                    c.codes[0].there = There::Nothing;
                    c.doors[0].view = ViewCase::Complete { ago: 0 };
                },
                nothing,
                &["code 0: missing Some(0)", "wake in 30"],
            ),
            (
                "a code that vanished half a minute ago is made again",
                |c| {
                    served(c);
                    c.codes[0].there = There::Nothing;
                },
                |s| {
                    missing(s, 30);
                    write(s, 0).intended_at -= Duration::hours(1);
                },
                &[
                    "create 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                    "alert Drift lobby a code of ours is gone",
                    "note drift: the code on door lobby is gone",
                    "wake in 1113600",
                ],
            ),
            (
                "a code that vanished less than half a minute ago",
                |c| {
                    served(c);
                    c.codes[0].there = There::Nothing;
                },
                |s| {
                    missing(s, 29);
                },
                &["wake in 1"],
            ),
            (
                "a code that was missed and is there",
                served,
                |s| {
                    missing(s, 20);
                },
                &["code 0: missing None", "wake in 1275600"],
            ),
            (
                "a code that was missed, and no read since",
                |c| {
                    served(c);
                    c.codes[0].there = There::Nothing;
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                |s| {
                    missing(s, 20);
                },
                &["wake in 10"],
            ),
            (
                "a code that was missed, and no read since for long",
                |c| {
                    served(c);
                    c.codes[0].there = There::Nothing;
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                |s| {
                    missing(s, 90);
                },
                &["read lobby", "wake in 1113600"],
            ),
            (
                "a code that was taken off and is wanted again, and a list still shows it",
                |c| {
                    served(c);
                    c.codes[0].write = Some((WriteKind::Delete, WriteState::Applied, 5));
                    c.doors[0].settle = 8;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "a code that was taken off and is wanted again, and is there after all",
                |c| {
                    served(c);
                    c.codes[0].write = Some((WriteKind::Delete, WriteState::Applied, 5));
                },
                nothing,
                &["code 0: write Some(NotApplied)", "wake in 1275600"],
            ),
            (
                "a code that was taken off and is wanted again, and is gone",
                |c| {
                    served(c);
                    c.codes[0].write = Some((WriteKind::Delete, WriteState::Applied, 5));
                    c.codes[0].there = There::Nothing;
                    c.doors[0].settle = 8;
                },
                nothing,
                &[
                    "create 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied), id none",
                    "wake in 1113600",
                ],
            ),
            (
                "the same as a list in parts shows it",
                |c| {
                    served(c);
                    c.codes[0].write = Some((WriteKind::Delete, WriteState::Applied, 5));
                    c.codes[0].there = There::Nothing;
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                nothing,
                &["wake in 540"],
            ),
            (
                "a removal of unknown outcome, wanted again",
                |c| {
                    served(c);
                    c.codes[0].write = Some((WriteKind::Delete, WriteState::Unknown, 5));
                    c.codes[0].there = There::Nothing;
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                nothing,
                &["read lobby", "wake in 1113600"],
            ),
            (
                "a refused removal, wanted again",
                |c| {
                    served(c);
                    c.codes[0].write = Some((WriteKind::Delete, WriteState::NotApplied, 5));
                },
                |s| {
                    s.codes[0].proof = Proof::Listed;
                },
                &["wake in 1275600"],
            ),
            (
                "a code taken off on a keypad that shows nothing, wanted again",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        proof: Proof::Accepted,
                        ..after(WriteKind::Delete, WriteState::Applied)
                    }];
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &[
                    "create 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, write Some(NotApplied), id none",
                    "wake in 1113600",
                ],
            ),
            (
                "a code with another end in the app",
                |c| {
                    served(c);
                    c.codes[0].there = There::OtherEnd;
                },
                nothing,
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied)",
                    "alert Drift lobby a code of ours was changed",
                    "note drift: the code on door lobby was changed: end 2027-06-11 12:00 became 2027-06-11 11:00",
                    "wake in 1113600",
                ],
            ),
            (
                "a code with other digits in the app",
                |c| {
                    served(c);
                    c.codes[0].there = There::OtherDigits;
                },
                nothing,
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied)",
                    "alert Drift lobby a code of ours was changed",
                    "note drift: the code on door lobby was changed: other digits",
                    "wake in 1113600",
                ],
            ),
            (
                "a code switched off in the app",
                |c| {
                    served(c);
                    c.codes[0].there = There::SwitchedOff;
                },
                nothing,
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied)",
                    "alert Drift lobby a code of ours was changed",
                    "note drift: the code on door lobby was changed: switched off",
                    "wake in 1113600",
                ],
            ),
            (
                "another end may stand",
                |c| {
                    served(c);
                    c.codes[0].there = There::OtherEnd;
                    c.tenant.adopt_drift = true;
                },
                nothing,
                &["let 0 stand", "wake in 1275600"],
            ),
            (
                "other digits may stand",
                |c| {
                    served(c);
                    c.codes[0].there = There::OtherDigits;
                    c.tenant.adopt_drift = true;
                },
                nothing,
                &["let 0 stand", "wake in 1275600"],
            ),
            (
                "what is switched off may not stand",
                |c| {
                    served(c);
                    c.codes[0].there = There::SwitchedOff;
                    c.tenant.adopt_drift = true;
                },
                nothing,
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied)",
                    "alert Drift lobby a code of ours was changed",
                    "note drift: the code on door lobby was changed: switched off",
                    "wake in 1113600",
                ],
            ),
            (
                "another end may not stand before it was seen right",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::OtherEnd,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.tenant.adopt_drift = true;
                },
                nothing,
                &[
                    "code 0: proof Requested, since 0, write Some(NotApplied), attempts 1, retry Some(10)",
                    "wake in 10",
                ],
            ),
            (
                "who observes lets nothing stand",
                |c| {
                    served(c);
                    c.codes[0].there = There::OtherEnd;
                    c.tenant.adopt_drift = true;
                    c.tenant.mode = Mode::Observe;
                },
                nothing,
                &[
                    "replace 0 10 15:00 to 11 12:00 later",
                    "code 0: proof Requested, since 0, write Some(NotApplied)",
                    "alert Drift lobby a code of ours was changed",
                    "note drift: the code on door lobby was changed: end 2027-06-11 12:00 became 2027-06-11 11:00",
                    "wake in 1113600",
                ],
            ),
            (
                "a write that shows otherwise before it is settled",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::OtherEnd,
                        ..after(WriteKind::Replace, WriteState::Applied)
                    }];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "a write that shows otherwise when it is settled",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::OtherEnd,
                        ..after(WriteKind::Replace, WriteState::Applied)
                    }];
                },
                nothing,
                &[
                    "code 0: proof Requested, since 0, write Some(NotApplied), attempts 1, retry Some(10)",
                    "wake in 10",
                ],
            ),
            (
                "a start that is over is written as now",
                |c| {
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    }];
                    c.stay.clock = 60;
                    c.doors[0].past_start = false;
                },
                nothing,
                &[
                    "create 0 10 16:00 to 11 12:00",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby",
                    "wake in 72000",
                ],
            ),
            (
                "a start that is over and was taken stays",
                |c| {
                    in_house(c, 60);
                    c.doors[0].past_start = false;
                },
                nothing,
                &["wake in 72000"],
            ),
            (
                "a start that was over and was taken stays",
                |c| {
                    in_house(c, 60);
                    c.doors[0].past_start = false;
                    c.codes[0].window = 2;
                },
                nothing,
                &["wake in 72000"],
            ),
            (
                "a start that is over is as it is where the end is another",
                |c| {
                    in_house(c, 60);
                    c.doors[0].past_start = false;
                    c.codes[0].window = 1;
                },
                nothing,
                &["replace 0 10 16:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 72000"],
            ),
            (
                "a start to come on a code that was taken",
                |c| {
                    in_house(c, 60);
                    c.doors[0].past_start = false;
                },
                |s| {
                    s.codes[0].window = s.codes[0].window.starting_no_earlier_than(in_seconds(s, 7200));
                    relist(s);
                },
                &["replace 0 10 16:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 72000"],
            ),
            (
                "a start that is over on a code that was not taken",
                |c| {
                    in_house(c, 60);
                    c.doors[0].past_start = false;
                    c.codes = vec![CodeCase {
                        window: 2,
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::NotApplied)
                    }];
                },
                nothing,
                &["create 0 10 16:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 72000"],
            ),
            (
                "a start that is this moment",
                |c| {
                    c.stay.clock = 0;
                    c.doors[0].past_start = false;
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 75600"],
            ),
            (
                "a start that is over where such starts are taken",
                |c| {
                    c.stay.clock = 60;
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 72000"],
            ),
            (
                "staff's own end stays",
                served,
                |s| {
                    staff_end(s, 5);
                },
                &["wake in 1275600"],
            ),
            (
                "staff's own end for other times of the stay does not",
                served,
                |s| {
                    staff_end(s, 5);
                    by_staff(s).1 = by_staff(s).0.clone();
                },
                &["replace 0 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "text around the marker stays",
                |c| {
                    served(c);
                    c.codes[0].window = 2;
                },
                |s| {
                    note(s, "Smoobu#9001 late");
                },
                &["replace 0 10 15:00 to 11 12:00 noted Smoobu#9001 late", "wake in 1113600"],
            ),
            (
                "text with another marker does not",
                |c| {
                    served(c);
                    c.codes[0].window = 2;
                },
                |s| {
                    note(s, "Smoobu#9001 Smoobu#12");
                },
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied)",
                    "alert Drift lobby a code of ours was changed",
                    "note drift: the code on door lobby was changed: another marker",
                    "wake in 1113600",
                ],
            ),
            (
                "a start this moment on a code that opened before",
                |c| {
                    in_house(c, 0);
                    c.doors[0].past_start = false;
                    c.codes[0].window = 2;
                },
                nothing,
                &["wake in 75600"],
            ),
            (
                "a start to come on a code that opened before",
                |c| {
                    in_house(c, -60);
                    c.doors[0].past_start = false;
                    c.codes[0].window = 2;
                },
                nothing,
                &["replace 0 10 15:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 79200"],
            ),
            (
                "a start that is over on a code that was changed",
                |c| {
                    in_house(c, 60);
                    c.doors[0].past_start = false;
                    c.codes[0].window = 2;
                    c.codes[0].there = There::OtherEnd;
                },
                nothing,
                &[
                    "replace 0 10 16:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied)",
                    "alert CodeNotProven lobby",
                    "alert Drift lobby a code of ours was changed",
                    "note drift: the code on door lobby was changed: end 2027-06-11 12:00 became 2027-06-11 11:00",
                    "wake in 72000",
                ],
            ),
        ],
    );
}

#[test]
fn minted() {
    check(
        FAR,
        &[
            (
                "one code for doors that are alike",
                |c| {
                    c.stay.doors = 3;
                },
                nothing,
                &[
                    "mint lobby 10 15:00 to 11 12:00 + flat 10 15:00 to 11 12:00 + roof 10 15:00 to 11 12:00",
                    "wake in 1113600",
                ],
            ),
            (
                "a code for each length",
                |c| {
                    c.stay.doors = 3;
                    c.doors[1].length = 6;
                },
                nothing,
                &[
                    "mint lobby 10 15:00 to 11 12:00 + roof 10 15:00 to 11 12:00",
                    "mint flat 10 15:00 to 11 12:00",
                    "wake in 1113600",
                ],
            ),
            (
                "other digits for doors that had others",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![
                        CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() },
                        CodeCase {
                            door: 1,
                            digits: 1,
                            state: CodeState::Removed,
                            there: There::Nothing,
                            ..made()
                        },
                    ];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "mint flat 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "one code for doors that had the same",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![
                        CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() },
                        CodeCase { door: 1, state: CodeState::Removed, there: There::Nothing, ..made() },
                    ];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 + flat 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "the latest digits of a door count",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![
                        CodeCase { digits: 1, state: CodeState::Removed, there: There::Nothing, ..made() },
                        CodeCase { door: 1, state: CodeState::Removed, there: There::Nothing, ..made() },
                        CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() },
                    ];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 + flat 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "digits from before other ones were wanted do not count",
                |c| {
                    c.stay.doors = 2;
                    c.stay.reissued_ago = Some(10);
                    c.codes = vec![
                        CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() },
                        CodeCase {
                            door: 1,
                            digits: 1,
                            state: CodeState::Removed,
                            there: There::Nothing,
                            ..made()
                        },
                    ];
                },
                nothing,
                &["mint fresh lobby 10 15:00 to 11 12:00 + flat 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "other digits were made for one door already",
                |c| {
                    c.stay.doors = 2;
                    c.stay.reissued_ago = Some(600);
                    c.codes = vec![made()];
                },
                nothing,
                &["mint flat 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a code that is to go is taken back",
                |c| {
                    c.codes = vec![unwanted(made())];
                    c.messages = vec![heard()];
                },
                nothing,
                &["tell CodeChanged by sms to phone later", "code 0: Wanted", "wake in 0"],
            ),
            (
                "a code that is to go on another keypad is not",
                |c| {
                    c.codes = vec![CodeCase { door: 4, ..unwanted(made()) }];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "delete 0", "wake in 1113600"],
            ),
            (
                "a code that is to go on another door is not",
                |c| {
                    c.codes = vec![CodeCase { door: 1, ..unwanted(made()) }];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "delete 0", "wake in 1113600"],
            ),
            (
                "a code that is gone is not taken back",
                |c| {
                    c.codes = vec![CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() }];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a code that is to go since other digits were wanted is not",
                |c| {
                    c.codes = vec![unwanted(made())];
                    c.stay.reissued_ago = Some(10);
                },
                nothing,
                &["mint fresh lobby 10 15:00 to 11 12:00", "delete 0", "wake in 1113600"],
            ),
            (
                "a code that is to go but was made after other digits were wanted is",
                |c| {
                    c.codes = vec![unwanted(made())];
                    c.stay.reissued_ago = Some(600);
                },
                nothing,
                &["tell CodeReady by sms to phone later", "code 0: Wanted", "wake in 0"],
            ),
            (
                "a code whose digits are forgotten is not",
                |c| {
                    c.codes = vec![unwanted(made())];
                },
                |s| {
                    s.codes[0].pins = None;
                },
                &["mint lobby 10 15:00 to 11 12:00", "delete 0", "wake in 1113600"],
            ),
            (
                "a removal that is taken back is held against a read",
                |c| {
                    c.codes = vec![unwanted(CodeCase {
                        proof: Proof::Listed,
                        ..after(WriteKind::Delete, WriteState::Applied)
                    })];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["tell CodeReady by sms to phone later", "code 0: Wanted, proof Accepted", "wake in 0"],
            ),
            (
                "a code that is to go on the keypad that the door had before is not taken back",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![made(), CodeCase { door: 4, ..unwanted(made()) }];
                },
                nothing,
                &["mint flat 10 15:00 to 11 12:00", "delete 1", "wake in 1113600"],
            ),
            (
                "a code that is to go is taken back, with a list in parts",
                |c| {
                    c.codes = vec![unwanted(made())];
                    c.messages = vec![heard()];
                    c.doors[0].view = ViewCase::Partial { ago: 11 };
                },
                nothing,
                &["read lobby", "tell CodeChanged by sms to phone later", "code 0: Wanted", "wake in 0"],
            ),
            (
                "other digits for doors that had others, whatever a third had",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![
                        CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() },
                        CodeCase {
                            door: 1,
                            digits: 1,
                            state: CodeState::Removed,
                            there: There::Nothing,
                            ..made()
                        },
                        CodeCase { door: 2, state: CodeState::Removed, there: There::Nothing, ..made() },
                    ];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "mint flat 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a code that is to go is taken back, with a later list in parts",
                |c| {
                    c.codes = vec![CodeCase {
                        write: Some((WriteKind::Create, WriteState::Applied, 30)),
                        ..unwanted(made())
                    }];
                    c.messages = vec![heard()];
                    c.doors[0].view = ViewCase::Partial { ago: 11 };
                },
                nothing,
                &["tell CodeChanged by sms to phone later", "code 0: Wanted", "wake in 0"],
            ),
        ],
    );
}

#[test]
fn kept() {
    check(
        FAR,
        &[
            (
                "a cancelled guest in the house keeps the code",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                },
                nothing,
                &["alert CancelledInHouse all", "wake in 72000"],
            ),
            (
                "a cancelled guest in the house whose end has come",
                |c| {
                    in_house(c, 1260);
                    c.stay.told = Told::Cancelled;
                    c.stay.cancelled_ago = 60;
                },
                nothing,
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "a vanished guest in the house keeps the code",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Gone;
                },
                nothing,
                &["alert VanishedInHouse all", "wake in 72000"],
            ),
            (
                "policy takes the code from a cancelled guest in the house",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.tenant.remove_in_house = true;
                },
                nothing,
                &[
                    "weigh door/lobby source/smoobu",
                    "code 0: Unwanted",
                    "alert CancelledInHouse all",
                    "wake in 72000",
                ],
            ),
            (
                "a stay without dates keeps its code",
                |c| {
                    served(c);
                    c.stay.told = Told::NoDates;
                },
                nothing,
                &["alert UnusableDates all", "wake in 1275600"],
            ),
            (
                "a kept code that vanishes is looked for",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes[0].there = There::Nothing;
                },
                nothing,
                &["code 0: missing Some(0)", "alert CancelledInHouse all", "wake in 30"],
            ),
            (
                "a kept code that was missed half a minute ago is made again",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes[0].there = There::Nothing;
                },
                |s| {
                    missing(s, 30);
                },
                &[
                    "create 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                    "alert CancelledInHouse all",
                    "alert Drift lobby a code of ours is gone",
                    "note drift: the code on door lobby is gone",
                    "wake in 72000",
                ],
            ),
            (
                "a kept code that was missed and not read since",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes[0].there = There::Nothing;
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                |s| {
                    missing(s, 20);
                },
                &["alert CancelledInHouse all", "wake in 10"],
            ),
            (
                "of two kept codes on a keypad the newer is made again",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes = vec![
                        CodeCase { there: There::Nothing, ..made() },
                        CodeCase { there: There::Nothing, ..made() },
                    ];
                },
                |s| {
                    missing(s, 30);
                    s.codes[1].missing_since = s.codes[0].missing_since;
                },
                &[
                    "create 1 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                    "code 1: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                    "alert CancelledInHouse all",
                    "alert Drift lobby a code of ours is gone",
                    "note drift: the code on door lobby is gone",
                    "note drift: the code on door lobby is gone",
                    "wake in 72000",
                ],
            ),
            (
                "a kept code with an open write is looked into",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Replace, WriteState::Unknown)
                    }];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["alert CancelledInHouse all", "wake in 180"],
            ),
            (
                "a kept code that was taken off",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes[0].write = Some((WriteKind::Delete, WriteState::Applied, 5));
                    c.doors[0].settle = 8;
                },
                nothing,
                &["alert CancelledInHouse all", "wake in 180"],
            ),
            (
                "a kept code whose removal failed",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes[0].write = Some((WriteKind::Delete, WriteState::NotApplied, 5));
                },
                nothing,
                &["alert CancelledInHouse all", "wake in 72000"],
            ),
            (
                "a kept code that was accepted",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["alert CancelledInHouse all", "wake in 180"],
            ),
            (
                "a kept code that was to go",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes = vec![unwanted(made())];
                },
                nothing,
                &["code 0: Wanted", "alert CancelledInHouse all", "wake in 0"],
            ),
            (
                "a kept code that was to go beside one that stands",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes = vec![unwanted(made()), made()];
                },
                nothing,
                &["delete 0", "alert CancelledInHouse all", "wake in 72000"],
            ),
            (
                "a kept code that was to go while another is taken over",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes = vec![CodeCase { digits: 1, ..unwanted(made()) }];
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["adopt x0 on lobby as wanted", "delete 0", "alert CancelledInHouse all", "wake in 72000"],
            ),
            (
                "a code that staff lets work longer outlives the stay",
                |c| {
                    in_house(c, 1300);
                },
                |s| {
                    staff_end(s, 5);
                },
                &["wake in 15600"],
            ),
            (
                "a code that staff lets work until now",
                |c| {
                    in_house(c, 1260 + 300);
                },
                |s| {
                    staff_end(s, 5);
                },
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "a code that staff lets work longer, of a stay that is put off",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Block;
                },
                |s| {
                    staff_end(s, 5);
                },
                &["weigh door/lobby source/smoobu", "code 0: Unwanted"],
            ),
            (
                "a code that staff lets work longer, of a stay that was cancelled",
                |c| {
                    in_house(c, 1300);
                    c.stay.told = Told::Cancelled;
                },
                |s| {
                    staff_end(s, 5);
                },
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "a code that staff lets work longer, of a stay that is gone",
                |c| {
                    in_house(c, 1300);
                    c.stay.told = Told::Gone;
                },
                |s| {
                    staff_end(s, 5);
                    s.booking.cancelled_at = None;
                },
                &["delete 0", "code 0: Unwanted"],
            ),
            (
                "an older code on the keypad of a kept one is not looked for",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes = vec![CodeCase { there: There::Nothing, ..made() }, made()];
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                |s| {
                    missing(s, 10);
                },
                &["alert CancelledInHouse all", "wake in 72000"],
            ),
            (
                "a kept code is looked for whatever is on another door",
                |c| {
                    in_house(c, 60);
                    c.stay.doors = 2;
                    c.stay.told = Told::Cancelled;
                    c.codes =
                        vec![CodeCase { there: There::Nothing, ..made() }, CodeCase { door: 1, ..made() }];
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                |s| {
                    missing(s, 10);
                },
                &["alert CancelledInHouse all", "wake in 20"],
            ),
            (
                "a kept code that was seen is not looked for again",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.doors[0].view = ViewCase::Complete { ago: 6 };
                },
                nothing,
                &["alert CancelledInHouse all", "wake in 72000"],
            ),
        ],
    );
}

#[test]
fn backups() {
    check(
        FAR,
        &[
            (
                "a door in trouble hours before arrival",
                |c| {
                    near(c, 121);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 3600);
                    retry_in(s, "lobby", 300);
                },
                &[
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 60",
                ],
            ),
            (
                "a door in trouble two hours before arrival",
                |c| {
                    near(c, 120);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 3600);
                    retry_in(s, "lobby", 300);
                },
                &[
                    "issue lobby Listed",
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 300",
                ],
            ),
            (
                "a door in trouble since less than five minutes",
                |c| {
                    near(c, 100);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 290);
                    retry_in(s, "lobby", 300);
                },
                &[
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 10",
                ],
            ),
            (
                "a door in trouble since five minutes",
                |c| {
                    near(c, 100);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 300);
                    retry_in(s, "lobby", 300);
                },
                &[
                    "issue lobby Listed",
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 300",
                ],
            ),
            (
                "a door in trouble since less than a minute, with the guest at the door",
                |c| {
                    near(c, -5);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 59);
                    retry_in(s, "lobby", 300);
                },
                &[
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 1",
                ],
            ),
            (
                "a door in trouble since a minute, with the guest at the door",
                |c| {
                    near(c, -5);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 60);
                    retry_in(s, "lobby", 300);
                },
                &[
                    "issue lobby Listed",
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 300",
                ],
            ),
            (
                "a door in trouble, sixteen minutes before arrival",
                |c| {
                    near(c, 16);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 119);
                    retry_in(s, "lobby", 300);
                },
                &[
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 1",
                ],
            ),
            (
                "a door in trouble without backup codes",
                |c| {
                    near(c, 100);
                },
                |s| {
                    failing(s, "lobby", 3600);
                },
                &[
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 600",
                ],
            ),
            (
                "a door in trouble that has no backup code left",
                |c| {
                    near(c, 100);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 3600);
                    s.without_backup.insert(door_id("lobby"));
                },
                &[
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 600",
                ],
            ),
            (
                "a door in trouble whose guest has a backup code already",
                |c| {
                    near(c, 100);
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 3600);
                    s.codes[0].backup = true;
                },
                &[
                    "tell CodeReady by sms to phone later",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "a door in trouble with a proven code",
                |c| {
                    served(c);
                    c.stay.clock = -100;
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 3600);
                },
                &["alert DoorUnreadable lobby down", "wake in 81600"],
            ),
            (
                "a keypad that is offline gets no code for a code that waits",
                |c| {
                    near(c, 100);
                    c.codes.clear();
                },
                |s| {
                    spare(s);
                    failing(s, "lobby", 3600);
                },
                &[
                    "issue lobby Listed",
                    "read lobby",
                    "alert DoorUnreadable lobby down",
                    "alert CodeNotProven lobby",
                    "wake in 81600",
                ],
            ),
            (
                "a write that is settled and does not show",
                |c| {
                    near(c, 100);
                    c.codes[0].write = Some((WriteKind::Create, WriteState::Applied, 15));
                    c.doors[0].view = ViewCase::Partial { ago: 0 };
                },
                spare,
                &[
                    "issue lobby Listed",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby",
                    "wake in 750",
                ],
            ),
            (
                "a write that is not settled yet",
                |c| {
                    near(c, 100);
                    c.codes[0].write = Some((WriteKind::Create, WriteState::Applied, 15));
                    c.doors[0].settle = 12;
                    c.doors[0].view = ViewCase::Partial { ago: 0 };
                },
                spare,
                &["tell CodeReady by sms to phone later", "alert CodeNotProven lobby", "wake in 120"],
            ),
            (
                "a write that was refused three times, read long ago",
                |c| {
                    refused_near(c, 3);
                    c.doors[0].view = ViewCase::Complete { ago: 4 };
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                },
                &[
                    "read lobby",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 600",
                ],
            ),
            (
                "a write that was refused three times, read a minute ago",
                |c| {
                    refused_near(c, 3);
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    read_ago(s, "lobby", 60);
                },
                &[
                    "issue lobby Listed",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 600",
                ],
            ),
            (
                "a write that was refused three times, read more than a minute ago",
                |c| {
                    refused_near(c, 3);
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    read_ago(s, "lobby", 61);
                },
                &[
                    "read lobby",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 600",
                ],
            ),
            (
                "a write that was refused three times, and no read is allowed now",
                |c| {
                    refused_near(c, 3);
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    read_ago(s, "lobby", 61);
                    retry_in(s, "lobby", 30);
                },
                &[
                    "issue lobby Listed",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 600",
                ],
            ),
            (
                "a write that was refused three times, and reads are allowed from now on",
                |c| {
                    refused_near(c, 3);
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    read_ago(s, "lobby", 61);
                    retry_in(s, "lobby", 0);
                },
                &[
                    "read lobby",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 600",
                ],
            ),
            (
                "a write that was refused three times on a keypad that was never read",
                |c| {
                    refused_near(c, 3);
                    c.doors[0].view = ViewCase::None;
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                },
                &[
                    "read lobby",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 600",
                ],
            ),
            (
                "a write that was refused three times on a keypad that shows nothing",
                |c| {
                    refused_near(c, 3);
                    c.doors[0].listing = Listing::Nothing;
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                },
                &[
                    "issue lobby Accepted",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 600",
                ],
            ),
            (
                "a write that was refused twice",
                |c| {
                    refused_near(c, 2);
                },
                |s| {
                    spare(s);
                    refused(s, 0, 2);
                },
                &["tell CodeReady by sms to phone later", "alert CodeNotProven lobby refused", "wake in 600"],
            ),
            (
                "a write that was not applied three times without an error",
                |c| {
                    refused_near(c, 3);
                },
                spare,
                &["tell CodeReady by sms to phone later", "alert CodeNotProven lobby", "wake in 600"],
            ),
            (
                "a write that was refused in this moment",
                |c| {
                    refused_near(c, 3);
                    c.codes[0].write = Some((WriteKind::Create, WriteState::NotApplied, 0));
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                },
                &[
                    "issue lobby Listed",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 600",
                ],
            ),
            (
                "a later end that is refused, after the end that the guest was told",
                changing,
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    told_end(s, -2);
                },
                &[
                    "tell TimesChanged by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 57600",
                ],
            ),
            (
                "a later end that is refused, for a guest who leaves before",
                changing,
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                },
                &["alert CodeNotProven lobby refused", "wake in 72000"],
            ),
            (
                "a later end that nobody knows",
                |c| {
                    changing(c);
                    c.codes[0].write = Some((WriteKind::Replace, WriteState::Unknown, 5));
                },
                |s| {
                    spare(s);
                    told_end(s, -2);
                },
                &[
                    "tell TimesChanged by sms to phone later",
                    "code 0: write Some(NotApplied)",
                    "alert CodeNotProven lobby",
                    "wake in 72000",
                ],
            ),
            (
                "a later end that was applied",
                |c| {
                    changing(c);
                    c.codes[0].write = Some((WriteKind::Replace, WriteState::NotApplied, 5));
                },
                |s| {
                    spare(s);
                    s.codes[0].attempts = 3;
                    told_end(s, -2);
                },
                &["tell TimesChanged by sms to phone later", "alert CodeNotProven lobby", "wake in 72000"],
            ),
            (
                "a later end for a code that is missing",
                changing,
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    told_end(s, -2);
                    missing(s, 10);
                },
                &[
                    "tell TimesChanged by sms to phone later",
                    "code 0: missing None",
                    "alert CodeNotProven lobby refused",
                    "wake in 57600",
                ],
            ),
            (
                "a code that was created and refused is none that works on",
                |c| {
                    changing(c);
                    c.codes[0].write = Some((WriteKind::Create, WriteState::NotApplied, 5));
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    told_end(s, -2);
                },
                &[
                    "issue lobby Listed",
                    "tell TimesChanged by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 72000",
                ],
            ),
            (
                "an earlier start that is refused",
                changing,
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    told_start(s, 2);
                },
                &[
                    "issue lobby Listed",
                    "tell TimesChanged by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 72000",
                ],
            ),
            (
                "a later start that is refused",
                changing,
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    told_start(s, -2);
                },
                &[
                    "tell TimesChanged by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 72000",
                ],
            ),
            (
                "a backup code in the guest's hands that opens for the whole stay",
                |c| {
                    near(c, 100);
                    given(c);
                },
                |s| {
                    spare(s);
                    backup(s, 0);
                },
                &["alert BackupIssued lobby the door does not get the guest's own code", "wake in 81600"],
            ),
            (
                "a backup code in the guest's hands before the guest knows it",
                |c| {
                    near(c, 100);
                    given(c);
                    c.messages.clear();
                },
                |s| {
                    spare(s);
                    backup(s, 1);
                },
                &[
                    "tell CodeReady by sms to phone",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "a backup code in the guest's hands gets the stay's window",
                |c| {
                    near(c, 100);
                    given(c);
                },
                |s| {
                    spare(s);
                    backup(s, 1);
                },
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "a backup code that opens later than the stay",
                |c| {
                    near(c, 100);
                    given(c);
                    c.messages.clear();
                },
                |s| {
                    spare(s);
                    backup(s, 0);
                    shift(s, 0, 1, 1);
                },
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "a backup code that ends before the stay",
                |c| {
                    near(c, 100);
                    given(c);
                    c.messages.clear();
                },
                |s| {
                    spare(s);
                    backup(s, 0);
                    shift(s, 0, -1, -1);
                },
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "a backup code that opens and ends with the stay under another name",
                |c| {
                    near(c, 100);
                    given(c);
                    c.messages.clear();
                },
                |s| {
                    spare(s);
                    backup(s, 0);
                    s.codes[0].name = "Backup 1".into();
                },
                &[
                    "tell CodeReady by sms to phone",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "a backup code on a keypad that would take both for one",
                blind_backup,
                |s| {
                    spare(s);
                    backup(s, 1);
                },
                &[
                    "delete 1",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "the same with another note",
                blind_backup,
                |s| {
                    spare(s);
                    backup(s, 1);
                    s.codes[1].note = "Smoobu#9002".into();
                },
                &[
                    "replace 0 10 15:00 to 11 12:00 without room",
                    "delete 1",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "the same with a code that is gone",
                |c| {
                    blind_backup(c);
                    c.codes[1].state = CodeState::Removed;
                },
                |s| {
                    spare(s);
                    backup(s, 1);
                },
                &[
                    "replace 0 10 15:00 to 11 12:00 without room",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "the same with a code on another keypad",
                |c| {
                    blind_backup(c);
                    c.codes[1].door = 1;
                    c.doors[1].listing = Listing::Nothing;
                },
                |s| {
                    spare(s);
                    backup(s, 1);
                },
                &[
                    "replace 0 10 15:00 to 11 12:00 without room",
                    "delete 1",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "the same alone",
                |c| {
                    blind_backup(c);
                    c.codes.truncate(1);
                },
                |s| {
                    spare(s);
                    backup(s, 1);
                },
                &[
                    "replace 0 10 15:00 to 11 12:00 without room",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "the same on a keypad that lists",
                |c| {
                    blind_backup(c);
                    c.doors[0].listing = Listing::Codes;
                },
                |s| {
                    spare(s);
                    backup(s, 1);
                },
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "delete 1",
                    "code 0: proof Listed, since 0",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "a code that waits in the pool",
                |c| {
                    c.stay.told = Told::Standing;
                    c.stay.grant = 0;
                },
                nothing,
                &["mint flat 07 00:00 to 06 00:00 as Backup 1", "wake in 2505600"],
            ),
            (
                "a later end that is refused, for a guest who was told other digits",
                |c| {
                    changing(c);
                    c.messages[0].tells = 1;
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                },
                &[
                    "issue lobby Listed",
                    "tell CodeChanged by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 72000",
                ],
            ),
            (
                "a later end for a code that was missed",
                |c| {
                    changing(c);
                    c.codes[0].there = There::Nothing;
                    c.doors[0].view = ViewCase::Partial { ago: 1 };
                },
                |s| {
                    spare(s);
                    refused(s, 0, 3);
                    told_end(s, -2);
                    missing(s, 10);
                },
                &[
                    "issue lobby Listed",
                    "tell TimesChanged by sms to phone later",
                    "alert CodeNotProven lobby refused",
                    "wake in 20",
                ],
            ),
        ],
    );
}

#[test]
fn guest() {
    check(
        FAR,
        &[
            (
                "a proven code is told",
                |c| {
                    c.codes = vec![made()];
                },
                nothing,
                &["tell CodeReady by sms to phone", "wake in 1275600"],
            ),
            (
                "a code that is not proven is told later",
                |c| {
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["tell CodeReady by sms to phone later", "wake in 180"],
            ),
            (
                "a proven code is told a day before arrival",
                |c| {
                    c.codes = vec![made()];
                    c.tenant.tell_before = Some(1440);
                },
                nothing,
                &["tell CodeReady by sms to phone later", "wake in 1113600"],
            ),
            (
                "a proven code is told when that time has come",
                |c| {
                    c.codes = vec![made()];
                    c.tenant.tell_before = Some(20_000);
                },
                nothing,
                &["tell CodeReady by sms to phone", "wake in 1275600"],
            ),
            (
                "who was told hears of new times at once",
                |c| {
                    c.codes = vec![made()];
                    c.messages = vec![MessageCase { tells: 2, ..heard() }];
                    c.tenant.tell_before = Some(1440);
                },
                nothing,
                &["tell TimesChanged by sms to phone", "wake in 1275600"],
            ),
            (
                "who was told hears of other digits",
                |c| {
                    c.codes = vec![made()];
                    c.messages = vec![MessageCase { tells: 1, ..heard() }];
                },
                nothing,
                &["tell CodeChanged by sms to phone", "wake in 1275600"],
            ),
            (
                "who was told of another unit hears of this one",
                |c| {
                    c.codes = vec![made()];
                    c.messages = vec![MessageCase { tells: 3, ..heard() }];
                },
                nothing,
                &["tell Moved by sms to phone", "wake in 1275600"],
            ),
            (
                "nobody is told while all is only observed",
                |c| {
                    c.codes = vec![made()];
                    c.tenant.mode = Mode::Observe;
                },
                nothing,
                &["tell CodeReady by sms to phone later", "wake in 1275600"],
            ),
            (
                "two channels are told",
                |c| {
                    c.codes = vec![made()];
                    c.tenant.channels = 2;
                },
                nothing,
                &["tell CodeReady by sms to phone", "tell CodeReady by thread to thread", "wake in 1275600"],
            ),
            (
                "the first channel is told",
                |c| {
                    c.codes = vec![made()];
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["tell CodeReady by sms to phone", "wake in 1275600"],
            ),
            (
                "the next channel is told where the first does not reach",
                |c| {
                    c.codes = vec![made()];
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                    c.stay.reachable = false;
                },
                nothing,
                &["tell CodeReady by sms to nobody", "tell CodeReady by thread to thread", "wake in 1275600"],
            ),
            (
                "no channel reaches the guest",
                |c| {
                    c.codes = vec![made()];
                    c.stay.reachable = false;
                    c.messages = vec![MessageCase { state: 4, ..heard() }];
                },
                nothing,
                &["alert MessageUndeliverable all no channel reaches the guest", "wake in 1275600"],
            ),
            (
                "no channel reaches the guest yet, and none was tried",
                |c| {
                    c.codes = vec![made()];
                    c.stay.reachable = false;
                },
                nothing,
                &[
                    "tell CodeReady by sms to nobody",
                    "alert MessageUndeliverable all no channel reaches the guest",
                    "wake in 1275600",
                ],
            ),
            (
                "no channel is there at all",
                |c| {
                    c.codes = vec![made()];
                    c.tenant.channels = 0;
                },
                nothing,
                &["wake in 1275600"],
            ),
            (
                "one of two channels has told",
                |c| {
                    served(c);
                    c.tenant.channels = 2;
                },
                nothing,
                &["tell CodeReady by thread to thread", "wake in 1275600"],
            ),
            (
                "one of two channels was enough",
                |c| {
                    served(c);
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["wake in 1275600"],
            ),
            (
                "the second of two channels was enough",
                |c| {
                    served(c);
                    c.messages[0].channel = 1;
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["wake in 1275600"],
            ),
            (
                "a failed message waits",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "a failed message whose time has come",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(0);
                },
                nothing,
                &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"],
            ),
            (
                "a failed message waits no longer when its channel works again",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                },
                |s| {
                    recovered(s, "sms", 0);
                },
                &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"],
            ),
            (
                "a failed message waits on when its channel worked before it failed",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                },
                |s| {
                    recovered(s, "sms", -30_000);
                },
                &["wake in 180"],
            ),
            (
                "a failed message waits on when its channel worked in that moment",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                },
                |s| {
                    let at = s.messages[0].ended_at.unwrap();
                    s.recovered.insert(name("sms"), at);
                },
                &["wake in 180"],
            ),
            (
                "two failures leave the next channel alone",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                    c.messages[0].attempts = 2;
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "three failures try the next channel",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                    c.messages[0].attempts = 3;
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["tell CodeReady by thread to thread", "wake in 180"],
            ),
            (
                "four failures try the next channel",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                    c.messages[0].attempts = 4;
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["tell CodeReady by thread to thread", "wake in 180"],
            ),
            (
                "three failures of the only channel are told to staff",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                    c.messages[0].attempts = 3;
                },
                nothing,
                &["alert MessageUndeliverable all no channel reaches the guest", "wake in 180"],
            ),
            (
                "three failures of the only channel are not told while the code is not proven",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].retry_in = Some(3);
                    c.messages[0].attempts = 3;
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Applied)
                    }];
                    c.doors[0].settle = 8;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "a message of unknown outcome is asked about",
                |c| {
                    served(c);
                    c.messages[0].state = 2;
                },
                nothing,
                &["find 0", "wake in 1275600"],
            ),
            (
                "a message of unknown outcome waits to be asked about",
                |c| {
                    served(c);
                    c.messages[0].state = 2;
                    c.messages[0].retry_in = Some(3);
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "a message of unknown outcome that cannot be asked about tries the next channel",
                |c| {
                    served(c);
                    c.messages[0].state = 2;
                    c.messages[0].retry_in = Some(3);
                    c.messages[0].attempts = 3;
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["tell CodeReady by thread to thread", "wake in 180"],
            ),
            (
                "a message of unknown outcome, twice asked about, leaves the next channel alone",
                |c| {
                    served(c);
                    c.messages[0].state = 2;
                    c.messages[0].retry_in = Some(3);
                    c.messages[0].attempts = 2;
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["wake in 180"],
            ),
            (
                "an open message that cannot be asked about",
                |c| {
                    served(c);
                    c.messages[0].state = 1;
                    c.messages[0].retry_in = Some(3);
                    c.messages[0].attempts = 4;
                    c.tenant.channels = 2;
                    c.tenant.first_only = true;
                },
                nothing,
                &["tell CodeReady by thread to thread", "wake in 180"],
            ),
            (
                "a message that never went out and says what is no longer true",
                |c| {
                    c.codes = vec![made()];
                    c.messages = vec![MessageCase { state: 3, tells: 1, ..heard() }];
                },
                nothing,
                &["supersede 0", "tell CodeReady by sms to phone", "wake in 1275600"],
            ),
            (
                "a message that was superseded and is true again",
                |c| {
                    served(c);
                    c.messages[0].state = 5;
                },
                nothing,
                &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"],
            ),
            (
                "an undeliverable message stays so",
                |c| {
                    served(c);
                    c.messages[0].state = 4;
                },
                |s| {
                    s.messages[0].error = Some("refused".into());
                },
                &["alert MessageUndeliverable all no channel reaches the guest", "wake in 1275600"],
            ),
            (
                "an undeliverable message to nobody goes to a number that came later",
                |c| {
                    served(c);
                    c.messages[0].state = 4;
                },
                |s| {
                    s.messages[0].error = Some("the guest has no address for this channel".into());
                },
                &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"],
            ),
            (
                "an undeliverable message goes to another number",
                |c| {
                    served(c);
                    c.messages[0].state = 4;
                },
                |s| {
                    text_to(s, 0, OTHER);
                },
                &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"],
            ),
            (
                "an undeliverable message does not go to the same number",
                |c| {
                    served(c);
                    c.messages[0].state = 4;
                },
                |s| {
                    text_to(s, 0, GUEST);
                },
                &["alert MessageUndeliverable all no channel reaches the guest", "wake in 1275600"],
            ),
            (
                "an undeliverable message to nobody, and there still is none",
                |c| {
                    served(c);
                    c.messages[0].state = 4;
                    c.stay.reachable = false;
                },
                |s| {
                    s.messages[0].error = Some("the guest has no address for this channel".into());
                },
                &["alert MessageUndeliverable all no channel reaches the guest", "wake in 1275600"],
            ),
            (
                "a message that went to another number is told anew",
                served,
                |s| {
                    text_to(s, 0, OTHER);
                },
                &["tell CodeReady by sms to phone", "wake in 1275600"],
            ),
            (
                "a message that went to this number",
                served,
                |s| {
                    text_to(s, 0, GUEST);
                },
                &["wake in 1275600"],
            ),
            (
                "a message that went to another number and then to this one",
                |c| {
                    served(c);
                    c.messages = vec![heard(), heard()];
                },
                |s| {
                    text_to(s, 0, GUEST);
                    text_to(s, 1, OTHER);
                },
                &["wake in 1275600"],
            ),
            (
                "a message that went to another number where one channel is enough",
                |c| {
                    served(c);
                    c.tenant.first_only = true;
                    c.tenant.channels = 2;
                },
                |s| {
                    text_to(s, 0, OTHER);
                },
                &["tell CodeReady by sms to phone", "wake in 1275600"],
            ),
            (
                "a message from before another truth was told does not count",
                |c| {
                    c.codes = vec![made()];
                    c.messages = vec![heard(), MessageCase { tells: 1, ..heard() }];
                },
                nothing,
                &["tell CodeChanged by sms to phone", "wake in 1275600"],
            ),
            (
                "a message from before another that only may have gone out",
                |c| {
                    c.codes = vec![made()];
                    c.messages =
                        vec![heard(), MessageCase { tells: 1, state: 2, retry_in: Some(5), ..heard() }];
                },
                nothing,
                &["tell CodeChanged by sms to phone", "wake in 1275600"],
            ),
            (
                "a message from before another that never went out does count",
                |c| {
                    c.codes = vec![made()];
                    c.messages = vec![heard(), MessageCase { tells: 1, state: 5, ..heard() }];
                },
                nothing,
                &["wake in 1275600"],
            ),
            (
                "a message from before another that may have gone out twice",
                |c| {
                    c.codes = vec![made()];
                    c.messages =
                        vec![heard(), MessageCase { tells: 1, state: 5, maybe_twice: true, ..heard() }];
                },
                nothing,
                &["tell CodeChanged by sms to phone", "wake in 1275600"],
            ),
            (
                "what an earlier system told is not told again",
                |c| {
                    c.codes = vec![made()];
                    c.messages = vec![MessageCase { channel: 2, ..heard() }];
                },
                nothing,
                &["wake in 1275600"],
            ),
            (
                "a door that has another name by now is the same door",
                served,
                |s| {
                    s.messages[0].told.as_mut().unwrap().codes[0].door = door_id("entrance");
                },
                &["wake in 1275600"],
            ),
            (
                "a code that cannot be used for the first minutes says so",
                |c| {
                    c.codes = vec![after(WriteKind::Create, WriteState::Applied)];
                    c.tenant.proof = Proof::Accepted;
                    c.stay.clock = 1;
                    c.doors[0].settle = 8;
                },
                nothing,
                &[
                    "tell CodeReady by sms to phone from 10 13:04",
                    "code 0: proof Listed, since 0",
                    "wake in 75540",
                ],
            ),
            (
                "a code that works from the start on says nothing of it",
                |c| {
                    c.codes = vec![after(WriteKind::Create, WriteState::Applied)];
                    c.tenant.proof = Proof::Accepted;
                    c.doors[0].settle = 8;
                },
                nothing,
                &["tell CodeReady by sms to phone", "code 0: proof Listed, since 0", "wake in 1275600"],
            ),
            (
                "a code that works by now says nothing of it",
                |c| {
                    c.codes = vec![after(WriteKind::Create, WriteState::Applied)];
                    c.tenant.proof = Proof::Accepted;
                    c.stay.clock = 30;
                    c.doors[0].settle = 5;
                },
                nothing,
                &["tell CodeReady by sms to phone", "code 0: proof Listed, since 0", "wake in 73800"],
            ),
            (
                "a code that works from the moment of the start",
                |c| {
                    c.codes = vec![after(WriteKind::Create, WriteState::Applied)];
                    c.tenant.proof = Proof::Accepted;
                    c.stay.clock = -3;
                    c.doors[0].settle = 8;
                },
                nothing,
                &["tell CodeReady by sms to phone", "code 0: proof Listed, since 0", "wake in 75780"],
            ),
            (
                "a confirmed code works",
                |c| {
                    c.codes = vec![CodeCase { proof: Proof::Confirmed, ..made() }];
                    c.stay.clock = 1;
                    c.doors[0].settle = 8;
                    c.doors[0].highest = Proof::Confirmed;
                },
                nothing,
                &["tell CodeReady by sms to phone", "wake in 75540"],
            ),
            (
                "a door without a code keeps the others untold",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![made()];
                },
                nothing,
                &["mint flat 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "the codes are written into the booking",
                |c| {
                    served(c);
                    c.tenant.write_back = true;
                },
                nothing,
                &["write back [0]", "wake in 1275600"],
            ),
            (
                "the codes are written into the booking later",
                |c| {
                    served(c);
                    c.tenant.write_back = true;
                    c.tenant.mode = Mode::Observe;
                },
                nothing,
                &["write back [0] later", "wake in 1275600"],
            ),
            (
                "the codes stand in the booking",
                |c| {
                    served(c);
                    c.tenant.write_back = true;
                },
                |s| {
                    written_back(s, &[0], true, None);
                },
                &["wake in 1275600"],
            ),
            (
                "other codes stand in the booking",
                |c| {
                    served(c);
                    c.tenant.write_back = true;
                },
                |s| {
                    written_back(s, &[7], true, None);
                },
                &["write back [0]", "wake in 1275600"],
            ),
            (
                "one code more stands in the booking",
                |c| {
                    served(c);
                    c.tenant.write_back = true;
                },
                |s| {
                    written_back(s, &[0, 7], true, None);
                },
                &["write back [0]", "wake in 1275600"],
            ),
            (
                "writing into the booking waits",
                |c| {
                    served(c);
                    c.tenant.write_back = true;
                },
                |s| {
                    written_back(s, &[0], false, Some(60));
                },
                &["wake in 60"],
            ),
            (
                "writing into the booking waits no longer",
                |c| {
                    served(c);
                    c.tenant.write_back = true;
                },
                |s| {
                    written_back(s, &[0], false, Some(0));
                },
                &["write back [0]", "wake in 1275600"],
            ),
            (
                "writing into the booking was given up",
                |c| {
                    served(c);
                    c.tenant.write_back = true;
                },
                |s| {
                    written_back(s, &[0], false, None);
                },
                &["alert WriteBackStuck all the source cannot take the present code", "wake in 1275600"],
            ),
            (
                "the thread of another source",
                |c| {
                    served(c);
                    c.tenant.channels = 2;
                },
                |s| {
                    thread_of(s, "hospitable");
                },
                &["tell CodeReady by thread to nobody", "wake in 1275600"],
            ),
            (
                "the thread of this source",
                |c| {
                    served(c);
                    c.tenant.channels = 2;
                },
                |s| {
                    thread_of(s, "smoobu");
                },
                &["tell CodeReady by thread to thread", "wake in 1275600"],
            ),
            (
                "other digits on one of two doors",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![made(), CodeCase { door: 1, ..made() }];
                    c.messages = vec![heard()];
                },
                |s| {
                    s.messages[0].told.as_mut().unwrap().codes.truncate(1);
                },
                &["tell TimesChanged by sms to phone", "wake in 1275600"],
            ),
            (
                "another end",
                served,
                |s| {
                    s.messages[0].told.as_mut().unwrap().end += Duration::hours(1);
                },
                &["tell TimesChanged by sms to phone", "wake in 1275600"],
            ),
            (
                "another start",
                served,
                |s| {
                    s.messages[0].told.as_mut().unwrap().start += Duration::hours(1);
                },
                &["tell TimesChanged by sms to phone", "wake in 1275600"],
            ),
            (
                "a message after three failures is tried again",
                |c| {
                    served(c);
                    c.messages[0].state = 3;
                    c.messages[0].attempts = 3;
                },
                nothing,
                &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"],
            ),
            (
                "a message after three questions is asked about again",
                |c| {
                    served(c);
                    c.messages[0].state = 2;
                    c.messages[0].attempts = 3;
                },
                nothing,
                &["find 0", "wake in 1275600"],
            ),
            (
                "two doors that have other names by now are the same doors",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![made(), CodeCase { door: 1, digits: 1, ..made() }];
                    c.messages = vec![heard()];
                },
                |s| {
                    let codes = &mut s.messages[0].told.as_mut().unwrap().codes;
                    codes[0].door = door_id("entrance");
                    codes[1].door = door_id("attic");
                },
                &["wake in 1275600"],
            ),
        ],
    );
}

#[test]
fn adopted() {
    check(
        FAR,
        &[
            (
                "a code of an earlier system is taken over",
                |c| {
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["adopt x0 on lobby as wanted", "wake in 1113600"],
            ),
            (
                "a code of an earlier system on another door is surplus",
                |c| {
                    c.doors[1].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["adopt x0 on flat as surplus", "mint lobby 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a code of an earlier system beside ours is surplus",
                |c| {
                    served(c);
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["adopt x0 on lobby as surplus", "wake in 1275600"],
            ),
            (
                "a code of an earlier system beside one that was taken over",
                |c| {
                    served(c);
                    c.codes[0].adopted = true;
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["adopt x0 on lobby as wanted", "wake in 1275600"],
            ),
            (
                "a code of an earlier system whose stay is over",
                |c| {
                    c.stay.told = Told::Cancelled;
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["adopt x0 on lobby as surplus"],
            ),
            (
                "a code of an earlier system whose guest is kept in the house",
                |c| {
                    in_house(c, 60);
                    c.codes.clear();
                    c.stay.told = Told::Cancelled;
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["adopt x0 on lobby as wanted", "alert CancelledInHouse all", "wake in 72000"],
            ),
            (
                "a code of an earlier system of a unit that nobody knows",
                |c| {
                    c.stay.told = Told::Unmapped;
                    c.stay.grant = 0;
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["alert UnmappedUnit all"],
            ),
            (
                "a code of an earlier system of a stay without dates",
                |c| {
                    c.stay.told = Told::NoDates;
                    c.stay.grant = 0;
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["alert UnusableDates all"],
            ),
            (
                "a code of an earlier system of a booking that nobody has seen",
                |c| {
                    c.stay.told = Told::NeverSeen;
                    c.stay.grant = 0;
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["alert ForeignMarker lobby the source does not know the booking that the marker names"],
            ),
            (
                "a code of an earlier system that is only observed",
                |c| {
                    c.doors[0].strangers = vec![Stranger::Ours];
                    c.tenant.mode = Mode::Observe;
                },
                nothing,
                &[
                    "mint lobby 10 15:00 to 11 12:00 later",
                    "note would-adopt: a code with our marker on door lobby",
                    "wake in 1113600",
                ],
            ),
            (
                "a code of an earlier system whose digits are masked",
                |c| {
                    c.doors[0].strangers = vec![Stranger::OursMasked];
                    c.doors[0].listing = Listing::Masked;
                },
                nothing,
                &[
                    "mint lobby 10 15:00 to 11 12:00",
                    "alert ForeignMarker lobby a code with our marker whose digits are masked",
                    "wake in 1113600",
                ],
            ),
            (
                "two codes of an earlier system",
                |c| {
                    c.doors[0].strangers = vec![Stranger::OursTwice];
                },
                nothing,
                &["adopt x0 on lobby as wanted", "adopt y0 on lobby as wanted", "wake in 1113600"],
            ),
            (
                "a code with two markers is nobody's",
                |c| {
                    c.doors[0].strangers = vec![Stranger::TwoMarkers];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a code with another stay's marker is not ours",
                |c| {
                    c.doors[0].strangers = vec![Stranger::Foreign];
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a code with a marker from before",
                |c| {
                    c.doors[0].strangers = vec![Stranger::Foreign];
                },
                |s| {
                    s.former = vec![Marker::new("Smoobu", "90012").unwrap()];
                },
                &["adopt x0 on lobby as wanted", "wake in 1113600"],
            ),
            (
                "an unmarked code that staff has linked",
                |c| {
                    c.doors[0].strangers = vec![Stranger::Unmarked];
                },
                |s| {
                    linked(s, "lobby");
                },
                &["adopt x0 on lobby as wanted", "wake in 1113600"],
            ),
            (
                "an unmarked code that staff has linked on another keypad",
                |c| {
                    c.doors[0].strangers = vec![Stranger::Unmarked];
                },
                |s| {
                    linked(s, "flat");
                },
                &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            ("a code in the ledger is not taken over", served, nothing, &["wake in 1275600"]),
            (
                "a code of the same id on another keypad is taken over",
                |c| {
                    c.stay.doors = 2;
                    c.codes = vec![made()];
                    c.doors[1].strangers = vec![Stranger::Ours];
                },
                |s| {
                    s.codes[0].vendor_id = Some(VendorCodeId::parse("x0").unwrap());
                    relist(s);
                },
                &["adopt x0 on flat as wanted", "adopt v0 on lobby as surplus", "wake in 1113600"],
            ),
            (
                "a code that may be the one written after the read is awaited",
                awaited,
                nothing,
                &["read lobby", "tell CodeReady by sms to phone later", "wake in 1113600"],
            ),
            (
                "other digits are none that is awaited",
                |c| {
                    awaited(c);
                    c.codes[0].digits = 1;
                },
                nothing,
                &[
                    "adopt x0 on lobby as surplus",
                    "read lobby",
                    "tell CodeReady by sms to phone later",
                    "wake in 1113600",
                ],
            ),
            (
                "a code that a read shows that began after the write",
                |c| {
                    awaited(c);
                    c.codes[0].write = Some((WriteKind::Create, WriteState::Unknown, 7));
                },
                nothing,
                &[
                    "tell CodeReady by sms to phone",
                    "code 0: proof Listed, since -300, write Some(Applied), id x0",
                    "wake in 1275600",
                ],
            ),
            (
                "a code on another door is none that is awaited",
                |c| {
                    awaited(c);
                    c.stay.doors = 2;
                    c.codes[0].door = 1;
                },
                nothing,
                &[
                    "adopt x0 on lobby as wanted",
                    "create 0 10 15:00 to 11 12:00",
                    "code 0: write Some(NotApplied)",
                    "wake in 1113600",
                ],
            ),
            (
                "a code of an entry that has a place already is none that is awaited",
                awaited,
                |s| {
                    s.codes[0].vendor_id = Some(VendorCodeId::parse("v9").unwrap());
                },
                &[
                    "adopt x0 on lobby as surplus",
                    "read lobby",
                    "tell CodeReady by sms to phone later",
                    "wake in 1113600",
                ],
            ),
            (
                "a code of an entry that is to go is none that is awaited",
                |c| {
                    awaited(c);
                    c.codes[0].state = CodeState::Unwanted;
                },
                nothing,
                &["adopt x0 on lobby as wanted", "read lobby", "wake in 1113600"],
            ),
        ],
    );
}

#[test]
fn found() {
    check(
        FAR,
        &[
            (
                "a code made anew by somebody with our digits",
                |c| {
                    served(c);
                    c.codes[0].there = There::Nothing;
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["code 0: id x0", "wake in 1275600"],
            ),
            (
                "a code made anew by somebody with other digits",
                |c| {
                    served(c);
                    c.codes[0].there = There::Nothing;
                    c.codes[0].digits = 1;
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["adopt x0 on lobby as surplus", "code 0: missing Some(0)", "wake in 30"],
            ),
            (
                "a masked code is ours by its marker",
                |c| {
                    served(c);
                    c.codes =
                        vec![CodeCase { has_id: false, ..after(WriteKind::Create, WriteState::Unknown) }];
                    c.doors[0].listing = Listing::Masked;
                },
                nothing,
                &["code 0: proof Listed, since 0, write Some(Applied), id v0", "wake in 1275600"],
            ),
            (
                "of two codes the one as it was written",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::OtherEnd,
                        ..after(WriteKind::Create, WriteState::Unknown)
                    }];
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                nothing,
                &[
                    "adopt v0 on lobby as surplus",
                    "code 0: proof Listed, since 0, write Some(Applied), id x0",
                    "wake in 1275600",
                ],
            ),
            (
                "of two codes with one end the one with the right start",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::AsWritten,
                        ..after(WriteKind::Create, WriteState::Unknown)
                    }];
                    c.doors[0].strangers = vec![Stranger::Ours];
                },
                |s| {
                    let codes = s.truth.get_mut(&key("lobby")).unwrap();
                    codes[0].start = codes[0].start.map(|at| at + Duration::hours(1));
                    look(s, "lobby");
                },
                &[
                    "adopt v0 on lobby as surplus",
                    "code 0: proof Listed, since 0, write Some(Applied), id x0",
                    "wake in 1275600",
                ],
            ),
            (
                "a code that another entry has is not taken for this one",
                |c| {
                    c.codes = vec![
                        made(),
                        CodeCase {
                            has_id: false,
                            there: There::Nothing,
                            ..after(WriteKind::Create, WriteState::Unknown)
                        },
                    ];
                    c.messages = vec![heard()];
                },
                nothing,
                &[
                    "create 1 10 15:00 to 11 12:00",
                    "delete 0 later",
                    "code 1: write Some(NotApplied)",
                    "wake in 1113600",
                ],
            ),
            (
                "a code under a marker from before",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Unknown)
                    }];
                    c.doors[0].strangers = vec![Stranger::Foreign];
                },
                |s| {
                    s.former = vec![Marker::new("Smoobu", "90012").unwrap()];
                },
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "code 0: write Some(NotApplied), id x0",
                    "wake in 1113600",
                ],
            ),
            (
                "a code under the marker that it was written with goes before one from before",
                |c| {
                    served(c);
                    c.codes =
                        vec![CodeCase { has_id: false, ..after(WriteKind::Create, WriteState::Unknown) }];
                    c.doors[0].strangers = vec![Stranger::Foreign];
                },
                |s| {
                    s.former = vec![Marker::new("Smoobu", "90012").unwrap(), marker()];
                },
                &[
                    "adopt x0 on lobby as surplus",
                    "code 0: proof Listed, since 0, write Some(Applied), id v0",
                    "wake in 1275600",
                ],
            ),
            (
                "a former marker is the one that it was written with",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        has_id: false,
                        there: There::Nothing,
                        ..after(WriteKind::Create, WriteState::Unknown)
                    }];
                    c.doors[0].strangers = vec![Stranger::Foreign];
                },
                |s| {
                    s.former = vec![marker()];
                },
                &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)", "wake in 1113600"],
            ),
            (
                "a proof may fall",
                |c| {
                    served(c);
                    c.codes[0].proof = Proof::Confirmed;
                },
                only_listed,
                &["code 0: proof Listed, since -60", "wake in 1275600"],
            ),
            (
                "a proof of use stays",
                |c| {
                    served(c);
                    c.codes[0].proof = Proof::Used;
                },
                only_listed,
                &["wake in 1275600"],
            ),
            (
                "a read from before the write shows nothing of it",
                |c| {
                    served(c);
                    c.codes[0].there = There::OtherEnd;
                    c.doors[0].view = ViewCase::Complete { ago: 6 };
                },
                nothing,
                &["wake in 1275600"],
            ),
            (
                "a refused write that shows as it should be",
                |c| {
                    served(c);
                    c.codes = vec![after(WriteKind::Replace, WriteState::NotApplied)];
                },
                |s| {
                    s.codes[0].vendor_id = Some(VendorCodeId::parse("v0").unwrap());
                },
                &["code 0: proof Listed, since 0", "wake in 1275600"],
            ),
            (
                "a keypad that got another name",
                |c| {
                    served(c);
                    c.codes[0].door = 0;
                },
                |s| {
                    s.codes[0].door = door_id("entrance");
                    s.codes[0].lock = name("former");
                },
                &["code 0: door lobby", "wake in 1275600"],
            ),
            (
                "a removed code on a keypad that got another name",
                |c| {
                    served(c);
                    c.codes
                        .insert(0, CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() });
                },
                |s| {
                    s.codes[0].door = door_id("entrance");
                },
                &["wake in 1275600"],
            ),
            (
                "a code on a keypad that is retired",
                |c| {
                    served(c);
                    c.codes.insert(0, CodeCase { door: 4, ..made() });
                    c.tenant.retired = true;
                },
                nothing,
                &[
                    "code 0: Removed, id none",
                    "note code-written-off: the keypad that door flat had is retired",
                    "wake in 1275600",
                ],
            ),
            (
                "a code on a keypad that is gone and not retired",
                |c| {
                    served(c);
                    c.codes.insert(0, CodeCase { door: 4, ..made() });
                },
                nothing,
                &["delete 0", "code 0: Unwanted", "wake in 1275600"],
            ),
            (
                "an open write on a keypad that shows nothing",
                |c| {
                    served(c);
                    c.codes =
                        vec![CodeCase { has_id: false, ..after(WriteKind::Create, WriteState::Intended) }];
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)", "wake in 1113600"],
            ),
            (
                "an open replace on a keypad that shows nothing",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        proof: Proof::Accepted,
                        ..after(WriteKind::Replace, WriteState::Unknown)
                    }];
                    c.doors[0].listing = Listing::Nothing;
                },
                |s| {
                    s.codes[0].proof = Proof::Accepted;
                },
                &["code 0: write Some(NotApplied)", "wake in 1275600"],
            ),
            (
                "an open removal on a keypad that shows nothing, wanted again",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        proof: Proof::Accepted,
                        ..after(WriteKind::Delete, WriteState::Unknown)
                    }];
                    c.doors[0].listing = Listing::Nothing;
                },
                nothing,
                &[
                    "replace 0 10 15:00 to 11 12:00 without room",
                    "code 0: proof Requested, write Some(NotApplied)",
                    "wake in 1113600",
                ],
            ),
            (
                "a removed code is not found on a keypad that lists it under another id",
                |c| {
                    c.codes = vec![CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() }];
                    c.doors[0].strangers = vec![Stranger::Foreign];
                    c.stay.told = Told::Cancelled;
                },
                nothing,
                &[],
            ),
            (
                "a code that vanished a moment ago and whose write did not last",
                |c| {
                    served(c);
                    c.codes = vec![CodeCase {
                        there: There::Nothing,
                        attempts: 1,
                        ..after(WriteKind::Replace, WriteState::Applied)
                    }];
                },
                nothing,
                &[
                    "code 0: proof Requested, since 0, write Some(NotApplied), id none, attempts 2, retry Some(20)",
                    "wake in 20",
                ],
            ),
            (
                "a listed code that changed is written at once",
                |c| {
                    served(c);
                    c.codes[0].there = There::OtherEnd;
                    c.codes[0].attempts = 2;
                },
                nothing,
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "code 0: proof Requested, since 0, write Some(NotApplied)",
                    "alert Drift lobby a code of ours was changed",
                    "note drift: the code on door lobby was changed: end 2027-06-11 12:00 became 2027-06-11 11:00",
                    "wake in 1113600",
                ],
            ),
        ],
    );
}

#[test]
fn names() {
    check(
        FAR,
        &[
            (
                "a name is cut to what the keypad takes",
                |c| {
                    c.codes.clear();
                },
                |s| {
                    keypad(s, |rules| rules.name_len = 5);
                },
                &["mint lobby 10 15:00 to 11 12:00 as Ada E", "wake in 1113600"],
            ),
            (
                "a name is cut before a blank",
                |c| {
                    c.codes.clear();
                },
                |s| {
                    keypad(s, |rules| rules.name_len = 4);
                },
                &["mint lobby 10 15:00 to 11 12:00 as Ada", "wake in 1113600"],
            ),
            (
                "a name without blanks around it",
                plain,
                |s| {
                    guest_name(s, Some("  Ada   Example "));
                },
                &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"],
            ),
            (
                "a guest without a name",
                plain,
                |s| {
                    guest_name(s, None);
                },
                &["mint lobby 10 15:00 to 11 12:00 as Guest", "wake in 1113600"],
            ),
            (
                "a guest whose name is blank",
                plain,
                |s| {
                    guest_name(s, Some("  "));
                },
                &["mint lobby 10 15:00 to 11 12:00 as Guest", "wake in 1113600"],
            ),
            (
                "names that must be unique",
                plain,
                |s| {
                    keypad(s, |rules| rules.unique_names = true);
                },
                &["mint lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa", "wake in 1113600"],
            ),
            (
                "names that must be unique and short",
                plain,
                |s| {
                    keypad(s, |rules| {
                        rules.unique_names = true;
                        rules.name_len = 10;
                    });
                },
                &["mint lobby 10 15:00 to 11 12:00 as Ada aaaaaa", "wake in 1113600"],
            ),
            (
                "a second code of the stay where names must be unique",
                |c| {
                    c.codes = vec![unwanted(made())];
                    c.stay.reissued_ago = Some(0);
                },
                |s| {
                    keypad(s, |rules| rules.unique_names = true);
                    s.codes[0].name = "Ada Example aaaaaa".into();
                },
                &[
                    "mint fresh lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa1",
                    "delete 0",
                    "wake in 1113600",
                ],
            ),
            (
                "a third code of the stay where names must be unique",
                |c| {
                    c.codes = vec![unwanted(made()), unwanted(made())];
                    c.stay.reissued_ago = Some(0);
                },
                |s| {
                    keypad(s, |rules| rules.unique_names = true);
                    s.codes[0].name = "Ada Example aaaaaa".into();
                    s.codes[1].name = "Ada Example aaaaaa1".into();
                },
                &[
                    "mint fresh lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa2",
                    "delete 0",
                    "delete 1",
                    "wake in 1113600",
                ],
            ),
            (
                "a name that is free again where names must be unique",
                |c| {
                    c.codes = vec![CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() }];
                },
                |s| {
                    keypad(s, |rules| rules.unique_names = true);
                    s.codes[0].name = "Ada Example aaaaaa".into();
                },
                &["mint lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa", "wake in 1113600"],
            ),
            (
                "a name on another keypad where names must be unique",
                |c| {
                    c.codes = vec![CodeCase { door: 1, ..unwanted(made()) }];
                },
                |s| {
                    keypad(s, |rules| rules.unique_names = true);
                    s.codes[0].name = "Ada Example aaaaaa".into();
                },
                &["mint lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa", "delete 0", "wake in 1113600"],
            ),
            (
                "a name of ours stays where names must be unique",
                served,
                |s| {
                    keypad(s, |rules| rules.unique_names = true);
                    s.codes[0].name = "Ada Example aaaaaa1".into();
                },
                &["wake in 1275600"],
            ),
            (
                "a name that two of ours have changes where names must be unique",
                |c| {
                    c.codes = vec![made(), made()];
                    c.messages = vec![heard()];
                },
                |s| {
                    keypad(s, |rules| rules.unique_names = true);
                    s.codes[0].name = "Ada Example aaaaaa".into();
                    s.codes[1].name = "Ada Example aaaaaa".into();
                },
                &[
                    "replace 1 10 15:00 to 11 12:00 as Ada Example aaaaaa1",
                    "delete 0",
                    "code 0: Unwanted",
                    "wake in 1275600",
                ],
            ),
            (
                "another name where names must be unique",
                served,
                |s| {
                    keypad(s, |rules| rules.unique_names = true);
                },
                &["replace 0 10 15:00 to 11 12:00 as Ada Example aaaaaa", "wake in 1275600"],
            ),
            (
                "a backup code's name",
                |c| {
                    c.stay.told = Told::Standing;
                    c.stay.grant = 0;
                },
                |s| {
                    s.booking.standing.as_mut().unwrap().number = 0;
                },
                &["mint flat 07 00:00 to 06 00:00 as Backup 1", "wake in 2505600"],
            ),
            (
                "names that must be unique and a bit longer",
                plain,
                |s| {
                    keypad(s, |rules| {
                        rules.unique_names = true;
                        rules.name_len = 12;
                    });
                },
                &["mint lobby 10 15:00 to 11 12:00 as Ada E aaaaaa", "wake in 1113600"],
            ),
        ],
    );
}

#[test]
fn reports() {
    check(
        FAR,
        &[
            (
                "nobody has proven the code an hour after arrival",
                |c| {
                    unproven(c);
                    c.stay.clock = 60;
                },
                nothing,
                &[
                    "tell CodeReady by sms to phone from 10 22:15 later",
                    "alert CodeNotProven lobby",
                    "wake in 29700",
                ],
            ),
            (
                "a code is not proven a day before arrival",
                |c| {
                    unproven(c);
                    c.stay.clock = -1440;
                },
                nothing,
                &["tell CodeReady by sms to phone later", "alert CodeNotProven lobby", "wake in 29700"],
            ),
            (
                "a code is not proven a day and a second before arrival",
                |c| {
                    unproven(c);
                    c.stay.clock = -1440;
                },
                |s| {
                    s.now -= Duration::seconds(1);
                },
                &["tell CodeReady by sms to phone later", "wake in 1"],
            ),
            (
                "a code is not proven and its write failed",
                |c| {
                    unproven(c);
                    c.stay.clock = -60;
                },
                |s| {
                    refused(s, 0, 1);
                },
                &[
                    "tell CodeReady by sms to phone from 10 20:15 later",
                    "alert CodeNotProven lobby refused",
                    "wake in 29700",
                ],
            ),
            (
                "a code is not proven and its keypad is full",
                |c| {
                    c.stay.clock = -60;
                    c.doors[0].capacity = Some(0);
                },
                nothing,
                &[
                    "mint lobby 10 15:00 to 11 12:00 not yet",
                    "alert CodeNotProven lobby the keypad is full",
                    "wake in 3600",
                ],
            ),
            (
                "a code is not proven since a minute, for a booking that came then",
                |c| {
                    unproven(c);
                    c.stay.clock = -60;
                },
                |s| {
                    s.booking.created_at = in_seconds(s, -60);
                },
                &["tell CodeReady by sms to phone from 10 20:15 later", "wake in 60"],
            ),
            (
                "a code is not proven since two minutes, for a booking that came then",
                |c| {
                    unproven(c);
                    c.stay.clock = -60;
                },
                |s| {
                    s.booking.created_at = in_seconds(s, -120);
                },
                &[
                    "tell CodeReady by sms to phone from 10 20:15 later",
                    "alert CodeNotProven lobby",
                    "wake in 29700",
                ],
            ),
            (
                "a code is not proven on a keypad that takes it only now",
                |c| {
                    c.stay.clock = -60;
                    c.doors[0].look_ahead = Some(59);
                },
                nothing,
                &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 60"],
            ),
            (
                "a code has the window before",
                |c| {
                    c.codes = vec![CodeCase { window: 2, ..made() }];
                    c.stay.clock = -60;
                },
                nothing,
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "tell CodeReady by sms to phone later",
                    "alert CodeNotProven lobby",
                    "wake in 79200",
                ],
            ),
            (
                "a booking that its source does not find",
                |c| {
                    served(c);
                    c.stay.told = Told::NotFound;
                },
                nothing,
                &["alert GoneUnconfirmed all the source does not find it any more", "wake in 1275600"],
            ),
            (
                "a booking that its source does not find, and is gone",
                |c| {
                    served(c);
                    c.stay.told = Told::NotFound;
                },
                |s| {
                    s.booking.gone_at = s.booking.not_found_since;
                },
                &["weigh door/lobby source/smoobu", "code 0: Unwanted"],
            ),
            (
                "a booking that nobody has ever seen, and a code with its marker",
                |c| {
                    c.stay.told = Told::NeverSeen;
                    c.stay.grant = 0;
                    c.doors[1].strangers = vec![Stranger::Ours];
                },
                nothing,
                &["alert ForeignMarker flat the source does not know the booking that the marker names"],
            ),
            (
                "a booking that nobody has ever seen, and no code",
                |c| {
                    c.stay.told = Told::NeverSeen;
                    c.stay.grant = 0;
                },
                nothing,
                &[],
            ),
            (
                "a booking that nobody has ever seen, without a marker",
                |c| {
                    c.stay.told = Told::NeverSeen;
                    c.stay.grant = 0;
                    c.doors[1].strangers = vec![Stranger::Ours];
                },
                |s| {
                    s.marker = None;
                },
                &[],
            ),
            (
                "a guest without a unit",
                |c| {
                    c.stay.told = Told::Unmapped;
                    c.stay.grant = 0;
                },
                nothing,
                &["alert UnmappedUnit all"],
            ),
            (
                "a guest without a unit whose stay has a window",
                |c| {
                    c.stay.told = Told::Unmapped;
                    c.stay.grant = 1;
                    c.codes = vec![made()];
                },
                nothing,
                &[
                    "weigh door/lobby source/smoobu",
                    "code 0: Unwanted",
                    "alert UnmappedUnit all",
                    "wake in 1275600",
                ],
            ),
            (
                "a guest without a unit whose stay ends this moment",
                |c| {
                    in_house(c, 1260);
                    c.stay.told = Told::NoDates;
                },
                nothing,
                &["delete 0", "code 0: Unwanted", "alert UnusableDates all"],
            ),
            (
                "a guest who goes by a backup code",
                |c| {
                    near(c, 100);
                    given(c);
                },
                |s| {
                    spare(s);
                    backup(s, 1);
                    s.codes[0].proof = Proof::Listed;
                },
                &[
                    "replace 0 10 15:00 to 11 12:00",
                    "alert BackupIssued lobby the door does not get the guest's own code",
                    "wake in 81600",
                ],
            ),
            (
                "a kept stay with a code wakes at its end",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::NotFound;
                },
                |s| {
                    s.booking.booking.as_mut().unwrap().dates = Err(DateProblem::Missing);
                },
                &[
                    "alert UnusableDates all",
                    "alert GoneUnconfirmed all the source does not find it any more",
                    "wake in 72000",
                ],
            ),
            (
                "a kept stay without a code does not",
                |c| {
                    in_house(c, 60);
                    c.stay.told = Told::Cancelled;
                    c.codes = vec![CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() }];
                },
                nothing,
                &["alert CancelledInHouse all", "wake in 72000"],
            ),
            (
                "a stay that nobody has ever seen wakes at its end while it has a code",
                |c| {
                    c.stay.told = Told::NeverSeen;
                    c.codes = vec![made()];
                },
                nothing,
                &[
                    "alert ForeignMarker lobby the source does not know the booking that the marker names",
                    "wake in 1275600",
                ],
            ),
            (
                "a stay that nobody has ever seen does not wake without a code",
                |c| {
                    c.stay.told = Told::NeverSeen;
                    c.codes = vec![CodeCase { state: CodeState::Removed, there: There::Nothing, ..made() }];
                },
                nothing,
                &[],
            ),
            (
                "a stay that nobody has ever seen and that is over",
                |c| {
                    c.stay.told = Told::NeverSeen;
                    c.codes = vec![made()];
                    c.stay.clock = 3000;
                },
                nothing,
                &[
                    "delete 0",
                    "code 0: Unwanted",
                    "alert ForeignMarker lobby the source does not know the booking that the marker names",
                ],
            ),
        ],
    );
}
