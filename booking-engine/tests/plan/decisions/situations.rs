//! Situations in a few words each.

use std::collections::BTreeMap;
use std::sync::Arc;

use booking_core::store::WriteKind::{Create, Delete, Replace};
use booking_core::store::WriteState::{Applied, NotApplied, Unknown};
use booking_core::store::{CodeState, MessageText, WriteBackRecord, WriteKind, WriteRecord, WriteState};
use booking_core::{DoorRules, ListedCode, Listing, PhoneNumber, Proof, Recipient, VendorCodeId, Window};
use booking_engine::Tenant;
use booking_engine::plan::{DoorView, Linked, Rival};
use chrono::{DateTime, Duration, Utc};

use crate::case::{Case, CodeCase, MessageCase, Stranger, There, Told, ViewCase};
use crate::regressions::code;
use crate::scene::{Keypads, Scene, code_id, door_id, key, listing_of, name};

/// A code that was made and seen.
pub(super) fn made() -> CodeCase {
    code(Create, Applied, Proof::Listed)
}

/// A code whose last write was this, five minutes ago.
pub(super) fn after(kind: WriteKind, state: WriteState) -> CodeCase {
    let proof = if state == Applied { Proof::Accepted } else { Proof::Requested };
    code(kind, state, proof)
}

pub(super) fn unwanted(code: CodeCase) -> CodeCase {
    CodeCase { state: CodeState::Unwanted, ..code }
}

/// A message that was sent and tells what is true.
pub(super) fn heard() -> MessageCase {
    MessageCase { channel: 0, state: 0, tells: 0, retry_in: None, attempts: 0, maybe_twice: false }
}

/// A stay that has what it should have.
pub(super) fn served(case: &mut Case) {
    case.codes = vec![made()];
    case.messages = vec![heard()];
}

/// The same, with the guest in the house since this many minutes.
pub(super) fn in_house(case: &mut Case, minutes: i64) {
    served(case);
    case.stay.clock = minutes;
}

pub(super) fn tenant(scene: &mut Scene) -> &mut Tenant {
    Arc::get_mut(&mut scene.tenant).unwrap()
}

pub(super) fn in_seconds(scene: &Scene, seconds: i64) -> DateTime<Utc> {
    scene.now + Duration::seconds(seconds)
}

pub(super) fn write(scene: &mut Scene, code: usize) -> &mut WriteRecord {
    scene.codes[code].write.as_mut().unwrap()
}

/// The last write of a code failed with an error.
pub(super) fn refused(scene: &mut Scene, code: usize, attempts: u32) {
    scene.codes[code].attempts = attempts;
    write(scene, code).error = Some("refused".into());
}

pub(super) fn view<'s>(scene: &'s mut Scene, device: &str) -> &'s mut DoorView {
    scene.views.get_mut(&key(device)).unwrap()
}

/// The last read of a keypad was this many seconds ago.
pub(super) fn read_ago(scene: &mut Scene, device: &str, seconds: i64) {
    view(scene, device).observed_at = Some(in_seconds(scene, -seconds));
}

/// The lobby has backup codes.
pub(super) fn spare(scene: &mut Scene) {
    tenant(scene).doors.get_mut(&door_id("lobby")).unwrap().backup_codes = 2;
}

/// The first of those who want a place on the lobby's keypad.
pub(super) fn lobby_rival(scene: &mut Scene) -> &mut Rival {
    &mut scene.others.get_mut(&key("lobby")).unwrap()[0]
}

/// The brake's budget was drawn on for this code so many seconds ago.
pub(super) fn spent(scene: &mut Scene, budget: &str, code: usize, seconds: i64) {
    let spent = (code_id(code), in_seconds(scene, -seconds));
    scene.budgets.get_mut(budget).unwrap().spent.push(spent);
}

/// An integration worked again this many seconds from now.
pub(super) fn recovered(scene: &mut Scene, integration: &str, seconds: i64) {
    let at = in_seconds(scene, seconds);
    scene.recovered.insert(name(integration), at);
}

/// Reads of a keypad fail since this many seconds.
pub(super) fn failing(scene: &mut Scene, device: &str, seconds: i64) {
    let since = in_seconds(scene, -seconds);
    view(scene, device).failing = Some((since, "down".into()));
}

/// Reads of a keypad must wait for so many seconds.
pub(super) fn retry_in(scene: &mut Scene, device: &str, seconds: i64) {
    let at = in_seconds(scene, seconds);
    view(scene, device).retry_at = Some(at);
}

/// The first code has its proof since so many minutes.
pub(super) fn proof_ago(scene: &mut Scene, minutes: i64) {
    scene.codes[0].proof_at = in_seconds(scene, -60 * minutes);
}

/// The first code was missed by a read so many seconds ago.
pub(super) fn missing(scene: &mut Scene, seconds: i64) {
    missed(scene, 0, seconds);
}

/// A code was missed by a read so many seconds ago.
pub(super) fn missed(scene: &mut Scene, code: usize, seconds: i64) {
    scene.codes[code].missing_since = Some(in_seconds(scene, -seconds));
}

/// Staff gave the first code an end so many hours later.
pub(super) fn staff_end(scene: &mut Scene, hours: i64) {
    let instead = scene.codes[0].window.clone();
    let given = instead.widened(Duration::zero(), Duration::hours(hours));
    scene.codes[0].window = given.clone();
    relist(scene);
    scene.codes[0].by_staff = Some((given, instead));
}

pub(super) fn by_staff(scene: &mut Scene) -> &mut (Window, Window) {
    scene.codes[0].by_staff.as_mut().unwrap()
}

/// The note of the first code in the vendor's app.
pub(super) fn note(scene: &mut Scene, text: &str) {
    let key = scene.codes[0].key.clone();
    scene.truth.get_mut(&key).unwrap()[0].note = text.into();
    look(scene, "lobby");
}

/// The ids that a code had, oldest first, and the one that it has.
pub(super) fn named(scene: &mut Scene, code: usize, had: &[&str], has: Option<&str>) {
    let id = |text: &str| VendorCodeId::parse(text).unwrap();
    scene.codes[code].known_ids =
        had.iter().copied().chain(has.filter(|has| !had.contains(has))).map(id).collect();
    scene.codes[code].vendor_id = has.map(id);
}

/// The keypad lists the first code as the ledger has it.
pub(super) fn relist(scene: &mut Scene) {
    let code = scene.codes[0].clone();
    let id = code.vendor_id.clone().unwrap();
    let codes = scene.truth.get_mut(&code.key).unwrap();
    codes.retain(|listed| listed.id != id);
    codes.push(listing_of(&code, &id));
    look(scene, "lobby");
}

/// A read shows what is on a keypad by now.
pub(super) fn look(scene: &mut Scene, device: &str) {
    let seen = scene.seen(&key(device));
    scene.views.insert(key(device), DoorView::of(Some(scene.now), true, seen));
}

/// A keypad that took two writes and shows none.
pub(super) fn vanished(case: &mut Case) {
    case.codes =
        vec![CodeCase { has_id: false, there: There::Nothing, attempts: 2, ..after(Create, NotApplied) }];
    case.messages = vec![heard()];
}

/// A read a minute ago shows what is on the lobby's keypad, and says no more than that.
pub(super) fn only_listed(scene: &mut Scene) {
    let seen = scene.seen(&key("lobby")).into_iter();
    let codes = seen.map(|listed| ListedCode { proof: Proof::Listed, ..listed }).collect();
    scene.views.insert(key("lobby"), DoorView::of(Some(in_seconds(scene, -60)), true, codes));
}

pub(super) const GUEST: &str = "+48600000001";
pub(super) const OTHER: &str = "+48600000002";

/// So many minutes before the stay begins, its code was refused and is on no keypad.
pub(super) fn near(case: &mut Case, minutes: i64) {
    refused_near(case, 0);
    case.stay.clock = -minutes;
}

pub(super) fn refused_near(case: &mut Case, attempts: u32) {
    case.stay.clock = -100;
    case.codes = vec![CodeCase {
        has_id: false,
        there: There::Nothing,
        attempts,
        retry_in: Some(10),
        ..after(Create, NotApplied)
    }];
}

/// A guest in the house whose later end was refused three times. The code still has the end that the guest was told.
pub(super) fn changing(case: &mut Case) {
    in_house(case, 60);
    let write = Some((Replace, NotApplied, 5));
    case.codes =
        vec![CodeCase { write, attempts: 3, retry_in: Some(2000), there: There::OtherEnd, ..made() }];
}

/// The guest was told an end so many hours later than the stay's.
pub(super) fn told_end(scene: &mut Scene, hours: i64) {
    scene.messages[0].told.as_mut().unwrap().end += Duration::hours(hours);
}

pub(super) fn told_start(scene: &mut Scene, hours: i64) {
    scene.messages[0].told.as_mut().unwrap().start += Duration::hours(hours);
}

/// The guest has a backup code, seen on its door, and knows it.
pub(super) fn given(case: &mut Case) {
    case.codes = vec![made()];
    case.messages = vec![heard()];
}

/// The first code was a backup code, open from so many days before the stay until so many after it.
pub(super) fn backup(scene: &mut Scene, days: i64) {
    scene.codes[0].backup = true;
    scene.codes[0].window = scene.codes[0].window.widened(Duration::days(days), Duration::days(days));
    relist(scene);
}

/// A code's window begins and ends so many hours later.
pub(super) fn shift(scene: &mut Scene, code: usize, start: i64, end: i64) {
    let window = &scene.codes[code].window;
    let (from, until) = (window.start() + Duration::hours(start), window.end() + Duration::hours(end));
    scene.codes[code].window = Window::new(from, until, window.zone()).unwrap();
    relist(scene);
}

/// A guest's backup code and an own one on a keypad that shows nothing.
pub(super) fn blind_backup(case: &mut Case) {
    near(case, 100);
    case.codes = vec![after(Create, Applied), unwanted(after(Create, Applied))];
    case.messages = vec![heard()];
    case.doors[0].listing = Listing::Nothing;
}

/// A message went to this telephone.
pub(super) fn text_to(scene: &mut Scene, message: usize, phone: &str) {
    scene.messages[message].text = Some(MessageText {
        recipient: Recipient::Phone(PhoneNumber::parse(phone).unwrap()),
        subject: String::new(),
        body: String::new(),
        language: "en".into(),
    });
}

/// These codes were written into the booking, or it was tried and waits for so many seconds.
pub(super) fn written_back(scene: &mut Scene, codes: &[usize], written: bool, retry: Option<i64>) {
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
pub(super) fn thread_of(scene: &mut Scene, source: &str) {
    tenant(scene).notifiers.get_mut(&name("thread")).unwrap().source = Some(name(source));
}

/// Staff has made the first unmarked code the stay's own, on this keypad.
pub(super) fn linked(scene: &mut Scene, device: &str) {
    let code = VendorCodeId::parse("x0").unwrap();
    scene.linked.insert(Linked { keypad: key(device), code });
}

/// A code whose create is of unknown outcome, and a read from before that shows one like it.
pub(super) fn awaited(case: &mut Case) {
    case.codes = vec![CodeCase { has_id: false, there: There::Nothing, ..after(Create, Unknown) }];
    case.doors[0].view = ViewCase::Complete { ago: 5 };
    case.doors[0].strangers = vec![Stranger::Ours];
}

/// A code that is accepted and not seen yet.
pub(super) fn unproven(case: &mut Case) {
    case.codes = vec![CodeCase { there: There::Nothing, ..after(Create, Applied) }];
    case.doors[0].settle = 500;
}

pub(super) fn guest_name(scene: &mut Scene, text: Option<&str>) {
    scene.booking.booking.as_mut().unwrap().guest.name = text.map(str::to_owned);
}

/// Other rules for the keypads of lobby and flat.
pub(super) fn keypad(scene: &mut Scene, change: fn(&mut DoorRules)) {
    let rules = ["lobby", "flat"].map(|device| {
        let mut rules = scene.rules(&key(device));
        change(&mut rules);
        (key(device), rules)
    });
    let keypads = Keypads(BTreeMap::from(rules));
    tenant(scene).locks.insert(name("model"), Arc::new(keypads));
}

pub(super) fn removed() -> CodeCase {
    CodeCase { state: CodeState::Removed, ..unseen(made()) }
}

/// On another door, or on the keypad that the flat had before (4).
pub(super) fn on(door: usize, code: CodeCase) -> CodeCase {
    CodeCase { door, ..code }
}

pub(super) fn other_digits(code: CodeCase) -> CodeCase {
    CodeCase { digits: 1, ..code }
}

/// On no keypad.
pub(super) fn unseen(code: CodeCase) -> CodeCase {
    CodeCase { there: There::Nothing, ..code }
}

/// The vendor has told no id.
pub(super) fn without_id(code: CodeCase) -> CodeCase {
    CodeCase { has_id: false, ..code }
}

/// On no keypad, and the vendor has told no id.
pub(super) fn lost(code: CodeCase) -> CodeCase {
    unseen(without_id(code))
}

/// A listed code whose removal became this, five minutes ago.
pub(super) fn deleted(state: WriteState) -> CodeCase {
    code(Delete, state, Proof::Listed)
}

/// The stay is called off, and the brake's budgets allow so many removals.
pub(super) fn cancelled(case: &mut Case, allowed: usize) {
    case.stay.told = Told::Cancelled;
    (case.tenant.weighed, case.tenant.allowed) = (true, allowed);
}

/// The lobby's keypad has so many places. Others want one who arrive in so many minutes, or have one.
pub(super) fn capacity(case: &mut Case, capacity: usize, rivals: Vec<(i64, bool)>) {
    case.doors[0].capacity = Some(capacity);
    case.doors[0].rivals = rivals;
}
