//! The model locks: the suite of every lock, each behaviour that a keypad's description promises, and that cloud and
//! device end up equal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use booking_core::conformance::{ManualClock, On, Trouble, block_on, lock_provider};
use booking_core::{
    Call, Clock, CodeSpec, Door, DoorCodes, DoorKey, Fault, ListedCode, Listing, LockError, LockProvider,
    Outcome, Pin, Proof, Retry, VendorCodeId, VendorError, Window,
};
use booking_http::testing::LeapingClock;
use booking_world::lock::{
    By, DeviceChange, DeviceEvent, KeypadSpec, LockOp, ModelLocks, NoSeam, Opening, Seam, StaffCode, Sync,
    Verdict, catalogue,
};
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

const ZONE: Tz = chrono_tz::Europe::Warsaw;

fn key(device: &str) -> DoorKey {
    DoorKey { vendor: "model".into(), device: device.into(), keypad: "".into() }
}

fn door(device: &str) -> Door {
    Door { key: key(device), zone: ZONE, pin_prefix: None, pin_length: None }
}

fn pin(digits: &str) -> Pin {
    Pin::parse(digits).unwrap()
}

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    local(text).and_utc()
}

/// The world begins here, at 13:00 by the walls of Warsaw.
fn noon() -> DateTime<Utc> {
    utc("2027-03-01 12:00")
}

fn window(start: &str, end: &str) -> Window {
    Window::new(local(start), local(end), ZONE).unwrap()
}

fn named(name: &str) -> KeypadSpec {
    let found = catalogue().into_iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("the catalogue has no {name}")).1
}

// The suite.

/// Turns the suite's troubles into verdicts.
#[derive(Default)]
struct Troubled(Mutex<Option<(Trouble, On)>>);

fn refused() -> Verdict {
    let error = VendorError::new(
        Fault::Credentials,
        Retry::Never,
        Outcome::NotApplied,
        "the vendor refused who we are",
    );
    Verdict::Refuse(error)
}

#[async_trait]
impl Seam for Troubled {
    async fn enter(&self, _call: Call, op: LockOp, _keypad: Option<&DoorKey>) -> Verdict {
        let planted = *self.0.lock().unwrap();
        let strikes = |on: On| on == On::All || (on == On::Writes) == op.writes();
        match planted.filter(|(_, on)| strikes(*on)).map(|(trouble, _)| trouble) {
            None => Verdict::Go,
            Some(Trouble::NoAnswer) => Verdict::TimeoutBefore,
            Some(Trouble::AnswerLost) => Verdict::TimeoutAfter,
            Some(Trouble::Null) => Verdict::Nonsense { applied: true },
            Some(Trouble::TooMany(wait)) => Verdict::RateLimited(wait),
            Some(Trouble::Refused) => refused(),
            Some(Trouble::ServerError) => Verdict::Refuse(VendorError::new(
                Fault::Vendor,
                Retry::Backoff,
                Outcome::Unknown,
                "the vendor failed: status 500",
            )),
            Some(_) => Verdict::Nonsense { applied: false },
        }
    }

    async fn leave(&self, _op: LockOp, _keypad: Option<&DoorKey>) {}
}

struct Account {
    clock: Arc<ManualClock>,
    trouble: Arc<Troubled>,
    locks: ModelLocks,
    refused: ModelLocks,
    settle: StdDuration,
}

impl Account {
    fn new(spec: &KeypadSpec) -> Self {
        let clock = Arc::new(ManualClock::new(noon()));
        let (trouble, refuses) = (Arc::new(Troubled::default()), Arc::new(Troubled::default()));
        *refuses.0.lock().unwrap() = Some((Trouble::Refused, On::All));
        let account = |seam: Arc<dyn Seam>| {
            ModelLocks::new(clock.clone(), seam).with_keypad(key("1"), ZONE, spec.clone()).with_keypad(
                key("2"),
                ZONE,
                spec.clone(),
            )
        };
        let (locks, refused) = (account(trouble.clone()), account(refuses));
        Self { clock, trouble, locks, refused, settle: spec.settle() }
    }

    fn foreign(&self, door: &Door, number: usize) -> Result<VendorCodeId, LockError> {
        let len = usize::from(self.locks.rules(door).stored_len);
        let stored = pin(&format!("{:9>len$}", 5 * number + 103));
        let name = format!("Plumber {number}");
        self.locks.staff_adds(&door.key, StaffCode { stored, name, note: String::new(), window: None })
    }
}

#[async_trait]
impl lock_provider::Harness for Account {
    fn provider(&self) -> &dyn LockProvider {
        &self.locks
    }

    fn refused_provider(&self) -> Option<&dyn LockProvider> {
        Some(&self.refused)
    }

    fn door(&self) -> Door {
        door("1")
    }

    fn other_door(&self) -> Option<Door> {
        Some(door("2"))
    }

    fn missing_door(&self) -> Door {
        door("9")
    }

    fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
    }

    fn call(&self) -> Call {
        Call::until(self.clock.now() + Duration::minutes(1))
    }

    async fn let_settle(&self) {
        self.clock.advance(Duration::from_std(self.settle).unwrap());
    }

    async fn put_foreign(&self, door: &Door) {
        self.foreign(door, 0).unwrap();
        self.let_settle().await;
    }

    async fn fill(&self, door: &Door) -> bool {
        let most = self.locks.rules(door).capacity.unwrap_or_default();
        (0..most).for_each(|number| drop(self.foreign(door, number).unwrap()));
        self.let_settle().await;
        most > 0
    }

    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        *self.trouble.0.lock().unwrap() = Some((trouble, on));
        true
    }

    async fn mend(&self) {
        *self.trouble.0.lock().unwrap() = None;
    }
}

/// The suite's stays begin ten days ahead and later, it reads what it writes, and puts six codes on a door. What a
/// keypad forbids of that is taken off its description here, and tested below.
fn for_the_suite(spec: KeypadSpec) -> KeypadSpec {
    KeypadSpec {
        look_ahead_hours: None,
        capacity: spec.capacity.map(|most| most.max(8)),
        listing: if spec.listing == Listing::Nothing { Listing::Codes } else { spec.listing },
        ..spec
    }
}

#[test]
fn every_keypad_of_the_catalogue_passes_the_suite() {
    for (name, spec) in catalogue() {
        let spec = for_the_suite(spec);
        let report = block_on(lock_provider::run(|| Account::new(&spec)));
        // An hour more is no other day.
        let failing: &[&str] = if name == "whole-days" { &["a_changed_wish_is_not_shown"] } else { &[] };
        assert_eq!(report.failed(), failing, "{name}: {report}");
        let rules = spec.rules(&door("1"));
        let mut skipped = Vec::new();
        if !rules.allow(&pin(&"0".repeat(usize::from(rules.stored_len)))) {
            skipped.push("leading_zeros_are_kept");
        }
        if rules.capacity.is_none() {
            skipped.push("a_full_keypad_says_so");
        }
        assert_eq!(report.skipped(), skipped, "{name}: {report}");
    }
}

#[test]
fn the_catalogue_is_data() {
    let mut names: Vec<&str> = Vec::new();
    for (name, spec) in catalogue() {
        assert!(!names.contains(&name), "{name} twice");
        names.push(name);
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<KeypadSpec>(&text).unwrap(), spec, "{name}");
    }
    assert_eq!(serde_json::from_str::<KeypadSpec>("{}").unwrap(), named("plain"));
}

// One keypad, step by step.

/// Gives its verdicts one after the other, then lets everything go.
#[derive(Default)]
struct Scripted {
    verdicts: Mutex<VecDeque<Verdict>>,
    /// What was entered and left.
    seen: Mutex<Vec<(LockOp, bool)>>,
}

#[async_trait]
impl Seam for Scripted {
    async fn enter(&self, _call: Call, op: LockOp, _keypad: Option<&DoorKey>) -> Verdict {
        self.seen.lock().unwrap().push((op, true));
        self.verdicts.lock().unwrap().pop_front().unwrap_or_default()
    }

    async fn leave(&self, op: LockOp, _keypad: Option<&DoorKey>) {
        self.seen.lock().unwrap().push((op, false));
    }
}

struct One {
    clock: Arc<LeapingClock>,
    seam: Arc<Scripted>,
    locks: ModelLocks,
    door: Door,
    ids: BTreeMap<&'static str, VendorCodeId>,
}

/// What is done to the keypad, or said of it. A code is known by its note.
enum Do {
    /// Goes well, with these digits and a window.
    Create(&'static str, &'static str, (&'static str, &'static str)),
    /// Is answered with what this error says.
    CreateFails(&'static str, &'static str, (&'static str, &'static str), &'static str),
    Replace(&'static str, &'static str, (&'static str, &'static str)),
    ReplaceFails(&'static str, &'static str, (&'static str, &'static str), &'static str),
    Delete(&'static str),
    DeleteFails(&'static str, &'static str),
    Next(Verdict),
    /// The next list fails so.
    ListFails(&'static str),
    /// The next list holds these notes.
    Lists(bool, &'static [&'static str]),
    /// The list holds it at this proof.
    Proof(&'static str, Proof),
    /// The device holds these notes.
    Holds(&'static [&'static str]),
    /// The list shows the code as wanted so.
    Shows(&'static str, &'static str, (&'static str, &'static str), bool),
    /// What typing does now.
    Types(&'static str, Typed),
    /// What typing would do at this time (UTC).
    Would(&'static str, &'static str, bool),
    Pass(Duration),
    Online(bool),
    Powered(bool),
    Lose(&'static str),
    Renew,
    StaffAdds(&'static str, &'static str),
    StaffFails(&'static str, &'static str, &'static str),
    StaffEndsNow(&'static str),
    StaffDeletes(&'static str),
    NextSync(Option<&'static str>),
    /// What happened at the device since this was asked last.
    Happened(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typed {
    Opens,
    Alarms,
    Nothing,
}

fn typed(opening: &Opening) -> Typed {
    match opening {
        Opening::Opened(_) => Typed::Opens,
        Opening::Alarm => Typed::Alarms,
        Opening::Shut => Typed::Nothing,
    }
}

fn told(event: &DeviceEvent) -> String {
    let what = match &event.what {
        DeviceChange::Holds { code, before: None } => format!("holds {}", code.note),
        DeviceChange::Holds { code, before: Some(_) } => format!("changes {}", code.note),
        DeviceChange::Dropped(code) => format!("drops {}", code.note),
        DeviceChange::Opened(code) => format!("opened by {}", code.note),
        other => format!("{other:?}").to_lowercase(),
    };
    let by = match event.by {
        By::Caller => " for us",
        By::Staff => " for staff",
        By::Chance => "",
    };
    format!("{} {what}{by}", event.at.format("%d %H:%M"))
}

fn said<T>(result: Result<T, LockError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(LockError::Vendor(error)) => {
            format!("{:?} {:?} {:?}: {error}", error.fault, error.retry, error.outcome)
        }
        Err(error) => error.to_string(),
    }
}

impl One {
    fn new(spec: KeypadSpec) -> Self {
        let clock = Arc::new(LeapingClock::new(noon()));
        let seam = Arc::new(Scripted::default());
        let locks = ModelLocks::new(clock.clone(), seam.clone()).with_keypad(key("1"), ZONE, spec);
        Self { clock, seam, locks, door: door("1"), ids: BTreeMap::new() }
    }

    fn call(&self) -> Call {
        Call::until(self.clock.now() + Duration::seconds(60))
    }

    fn wish(&self, note: &str, digits: &str, (start, end): (&str, &str)) -> CodeSpec {
        let name = format!("Guest {}", note.split('!').next().unwrap());
        CodeSpec { stored: pin(digits), name, note: note.into(), window: window(start, end) }
    }

    fn create(&self, wish: &CodeSpec) -> Result<VendorCodeId, LockError> {
        block_on(self.locks.create(self.call(), &self.door, wish))
    }

    fn list(&self) -> Result<DoorCodes, LockError> {
        block_on(self.locks.codes(self.call(), &self.door))
    }

    fn listed(&self, note: &str) -> ListedCode {
        let list = self.list().unwrap();
        list.codes
            .into_iter()
            .find(|code| code.note == note)
            .unwrap_or_else(|| panic!("{note} is not listed"))
    }

    fn staff(&self, note: &str, digits: &str) -> Result<VendorCodeId, LockError> {
        let code = StaffCode { stored: pin(digits), name: note.into(), note: note.into(), window: None };
        self.locks.staff_adds(&self.door.key, code)
    }

    fn does(&mut self, step: Do, at: &str) {
        let key = self.door.key.clone();
        match step {
            Do::Create(note, digits, times) => {
                let id = self.create(&self.wish(note, digits, times));
                let id = id.unwrap_or_else(|error| panic!("{at}: {error}"));
                self.ids.insert(note, id);
            }
            Do::CreateFails(note, digits, times, text) => {
                assert_eq!(said(self.create(&self.wish(note, digits, times))), text, "{at}");
            }
            Do::Replace(note, digits, times) => self.does(Do::ReplaceFails(note, digits, times, "ok"), at),
            Do::ReplaceFails(note, digits, times, text) => {
                let (wish, id) = (self.wish(note, digits, times), &self.ids[note]);
                let replaced = block_on(self.locks.replace(self.call(), &self.door, id, &wish));
                assert_eq!(said(replaced), text, "{at}");
            }
            Do::Delete(note) => self.does(Do::DeleteFails(note, "ok"), at),
            Do::DeleteFails(note, text) => {
                let deleted = block_on(self.locks.delete(self.call(), &self.door, &self.ids[note]));
                assert_eq!(said(deleted), text, "{at}");
            }
            Do::Next(verdict) => self.seam.verdicts.lock().unwrap().push_back(verdict),
            Do::ListFails(text) => assert_eq!(said(self.list()), text, "{at}"),
            Do::Lists(complete, notes) => {
                let list = self.list().unwrap_or_else(|error| panic!("{at}: {error}"));
                assert_eq!(list.complete, complete, "{at}");
                assert_eq!(list.codes.iter().map(|code| &*code.note).collect::<Vec<_>>(), notes, "{at}");
            }
            Do::Proof(note, proof) => assert_eq!(self.listed(note).proof, proof, "{at}"),
            Do::Holds(notes) => {
                let held = self.locks.codes_on_device(&key);
                assert_eq!(held.iter().map(|code| &*code.note).collect::<Vec<_>>(), notes, "{at}");
            }
            Do::Shows(note, digits, times, shown) => {
                let wish = self.wish(note, digits, times);
                assert_eq!(self.locks.shows(&self.door, &self.listed(note), &wish), shown, "{at}");
            }
            Do::Types(digits, does) => assert_eq!(typed(&self.locks.types(&key, digits)), does, "{at}"),
            Do::Would(digits, time, opens) => {
                assert_eq!(self.locks.would_open(&key, digits, utc(time)), opens, "{at}");
            }
            Do::Pass(by) => self.clock.advance(by.to_std().unwrap()),
            Do::Online(online) => self.locks.set_online(&key, online),
            Do::Powered(powered) => self.locks.set_powered(&key, powered),
            Do::Lose(note) => assert!(self.locks.lose(&key, &self.ids[note]), "{at}"),
            Do::Renew => self.locks.renew(&key),
            Do::StaffAdds(note, digits) => {
                let id = self.staff(note, digits).unwrap_or_else(|error| panic!("{at}: {error}"));
                self.ids.insert(note, id);
            }
            Do::StaffFails(note, digits, text) => {
                assert_eq!(said(self.staff(note, digits)), text, "{at}");
            }
            Do::StaffEndsNow(note) => {
                let end = Some(self.clock.now().naive_utc());
                self.locks.staff_edits(&key, &self.ids[note], |code| code.end = end).unwrap();
            }
            Do::StaffDeletes(note) => self.locks.staff_deletes(&key, &self.ids[note]).unwrap(),
            Do::NextSync(time) => assert_eq!(self.locks.next_sync(), time.map(utc), "{at}"),
            Do::Happened(lines) => {
                let history = self.locks.take_history(&key);
                assert_eq!(history.iter().map(told).collect::<Vec<_>>(), lines, "{at}");
            }
        }
    }
}

#[track_caller]
fn check(spec: KeypadSpec, steps: Vec<Do>) {
    let caller = std::panic::Location::caller();
    let mut one = One::new(spec);
    for (number, step) in (1..).zip(steps) {
        one.does(step, &format!("line {}, step {number}", caller.line()));
    }
}

const STAY: (&str, &str) = ("2027-03-01 12:00", "2027-03-04 11:00");
const LATER: (&str, &str) = ("2027-03-20 15:00", "2027-03-24 11:00");
const IN_STAY: &str = "2027-03-02 12:00";

fn minutes(minutes: i64) -> Do {
    Do::Pass(Duration::minutes(minutes))
}

#[test]
fn a_device_gets_a_write_after_its_lag_and_each_write_at_its_own_time() {
    check(
        named("late-sync"),
        vec![
            Do::Create("A#1", "123456", STAY),
            Do::Lists(true, &["A#1"]),
            Do::Proof("A#1", Proof::Listed),
            Do::Holds(&[]),
            Do::Types("123456", Typed::Nothing),
            Do::NextSync(Some("2027-03-01 12:10")),
            minutes(4),
            Do::Replace("A#1", "654321", STAY),
            minutes(6),
            Do::Types("123456", Typed::Opens),
            // What the device acknowledged is not what the list holds by now.
            Do::Proof("A#1", Proof::Listed),
            minutes(4),
            Do::Types("123456", Typed::Nothing),
            Do::Types("654321", Typed::Opens),
            Do::Proof("A#1", Proof::Confirmed),
            Do::Delete("A#1"),
            Do::Lists(true, &[]),
            Do::Types("654321", Typed::Opens),
            minutes(10),
            Do::Types("654321", Typed::Nothing),
            Do::DeleteFails("A#1", "no such code"),
            Do::NextSync(None),
            Do::Happened(&[
                "01 12:10 holds A#1 for us",
                "01 12:10 opened by A#1",
                "01 12:14 changes A#1 for us",
                "01 12:14 opened by A#1",
                "01 12:14 opened by A#1",
                "01 12:24 drops A#1 for us",
            ]),
            Do::Happened(&[]),
        ],
    );
}

#[test]
fn a_daily_sync_comes_once_a_day() {
    check(
        named("daily-sync"),
        vec![
            Do::Create("A#1", "123456", STAY),
            Do::NextSync(Some("2027-03-02 03:00")),
            minutes(15 * 60 - 1),
            Do::Holds(&[]),
            minutes(1),
            Do::Holds(&["A#1"]),
            Do::Create("B#2", "222222", STAY),
            Do::NextSync(Some("2027-03-03 03:00")),
            // Missed while it was away, and made up for when it is back.
            Do::Online(false),
            Do::NextSync(None),
            minutes(30 * 60),
            Do::Types("123456", Typed::Opens),
            Do::Online(true),
            Do::Holds(&["A#1", "B#2"]),
            Do::Happened(&[
                "02 03:00 holds A#1 for us",
                "02 03:00 offline",
                "03 09:00 opened by A#1",
                "03 09:00 online",
                "03 09:00 holds B#2 for us",
            ]),
        ],
    );
}

#[test]
fn a_ghost_stays_listed_and_keeps_its_digits_until_the_sync() {
    check(
        named("ghost"),
        vec![
            Do::Create("A#1", "345678", STAY),
            minutes(60),
            Do::Delete("A#1"),
            Do::Lists(true, &["A#1"]),
            Do::Delete("A#1"),
            Do::ReplaceFails("A#1", "345678", LATER, "no such code"),
            Do::CreateFails("B#2", "345678", STAY, "the keypad has these digits already"),
            minutes(59),
            Do::Lists(true, &["A#1"]),
            Do::Types("345678", Typed::Opens),
            minutes(1),
            Do::Lists(true, &[]),
            Do::Create("B#2", "345678", STAY),
            // One that never reached the keypad.
            Do::Online(false),
            Do::Create("C#3", "444444", STAY),
            Do::Delete("C#3"),
            minutes(24 * 60),
            Do::Lists(true, &["B#2", "C#3"]),
            Do::Online(true),
            Do::Lists(true, &["B#2"]),
            Do::Holds(&["B#2"]),
        ],
    );
}

#[test]
fn what_the_app_does_at_the_door_the_cloud_learns_with_the_sync() {
    check(
        named("app-at-door"),
        vec![
            Do::Create("A#1", "111111", STAY),
            Do::Create("B#2", "222222", STAY),
            minutes(24 * 60),
            Do::StaffDeletes("A#1"),
            Do::StaffEndsNow("B#2"),
            Do::StaffAdds("plumber", "333333"),
            Do::Holds(&["B#2", "plumber"]),
            Do::Types("222222", Typed::Nothing),
            Do::Lists(true, &["A#1", "B#2"]),
            Do::Shows("B#2", "222222", STAY, true),
            minutes(24 * 60),
            Do::Lists(true, &["B#2", "plumber"]),
            Do::Shows("B#2", "222222", STAY, false),
            // What was written meanwhile outweighs what is told.
            Do::StaffDeletes("B#2"),
            Do::Replace("B#2", "222222", STAY),
            minutes(24 * 60),
            Do::Lists(true, &["B#2", "plumber"]),
            Do::Holds(&["plumber", "B#2"]),
        ],
    );
}

#[test]
fn a_direct_lock_answers_when_it_can_be_reached() {
    let gone = "Network Backoff NotApplied: the lock does not answer";
    check(
        named("direct"),
        vec![
            Do::Create("A#1", "1234", STAY),
            Do::Proof("A#1", Proof::Confirmed),
            Do::Types("1234", Typed::Opens),
            Do::Online(false),
            Do::ListFails(gone),
            Do::CreateFails("B#2", "2222", STAY, gone),
            Do::DeleteFails("A#1", gone),
            Do::Types("1234", Typed::Opens),
            Do::Online(true),
            Do::Lists(true, &["A#1"]),
            Do::Powered(false),
            Do::ListFails(gone),
            Do::Types("1234", Typed::Nothing),
            Do::Powered(true),
            Do::Types("1234", Typed::Opens),
        ],
    );
}

#[test]
fn an_empty_battery_opens_for_nobody_and_forgets_nothing() {
    check(
        named("plain"),
        vec![
            Do::Create("A#1", "123456", STAY),
            Do::Powered(false),
            Do::Create("B#2", "222222", STAY),
            Do::Lists(true, &["A#1", "B#2"]),
            Do::Types("123456", Typed::Nothing),
            minutes(60),
            Do::Powered(true),
            Do::Types("123456", Typed::Opens),
            Do::Types("222222", Typed::Opens),
            Do::Happened(&[
                "01 12:00 holds A#1 for us",
                "01 12:00 powerlost",
                "01 13:00 powerback",
                "01 13:00 holds B#2 for us",
                "01 13:00 opened by A#1",
                "01 13:00 opened by B#2",
            ]),
        ],
    );
}

#[test]
fn a_lost_code_is_listed_until_the_sync() {
    check(
        named("late-sync"),
        vec![
            Do::Create("A#1", "123456", STAY),
            Do::Create("B#2", "222222", STAY),
            minutes(10),
            Do::Lose("A#1"),
            Do::Lose("B#2"),
            Do::Types("123456", Typed::Nothing),
            Do::Lists(true, &["A#1", "B#2"]),
            Do::Proof("A#1", Proof::Confirmed),
            // Written again before it was missed.
            Do::Replace("B#2", "222222", LATER),
            minutes(10),
            Do::Lists(true, &["B#2"]),
            Do::Holds(&["B#2"]),
        ],
    );
}

#[test]
fn a_new_lock_is_empty_and_so_is_its_list() {
    check(
        named("late-sync"),
        vec![
            Do::Create("A#1", "123456", STAY),
            Do::StaffAdds("plumber", "333333"),
            minutes(10),
            Do::Create("B#2", "222222", STAY),
            Do::Powered(false),
            Do::Renew,
            Do::Lists(true, &[]),
            minutes(60),
            Do::Holds(&[]),
            Do::DeleteFails("A#1", "no such code"),
            Do::Create("C#3", "444444", STAY),
            minutes(10),
            Do::Types("444444", Typed::Opens),
        ],
    );
}

#[test]
fn staff_with_the_app_is_bound_by_the_keypad_alone() {
    check(
        named("small"),
        vec![
            Do::Create("A#1", "111111", LATER),
            Do::StaffFails("plumber", "111111", "the keypad has these digits already"),
            Do::StaffAdds("plumber", "222222"),
            Do::Types("222222", Typed::Opens),
            Do::StaffAdds("Smoobu#9", "333333"),
            Do::StaffFails("cleaner", "444444", "the keypad is full"),
            Do::CreateFails("B#2", "444444", STAY, "the keypad is full"),
            Do::StaffEndsNow("plumber"),
            Do::Types("222222", Typed::Nothing),
            Do::StaffDeletes("A#1"),
            Do::Lists(true, &["plumber", "Smoobu#9"]),
            Do::DeleteFails("A#1", "no such code"),
            // What expired takes a place until it is deleted.
            Do::Create("B#2", "444444", STAY),
            Do::CreateFails("C#3", "555555", STAY, "the keypad is full"),
        ],
    );
}

#[test]
fn masked_digits_are_not_listed_and_shown_all_the_same() {
    check(
        named("masked"),
        vec![
            Do::Create("A#1", "123456", STAY),
            Do::Shows("A#1", "999999", STAY, true),
            Do::Shows("A#1", "123456", LATER, false),
            Do::CreateFails("B#2", "123456", LATER, "the keypad has these digits already"),
            Do::Types("123456", Typed::Opens),
        ],
    );
    let one = One::new(named("masked"));
    one.create(&one.wish("A#1", "123456", STAY)).unwrap();
    assert_eq!(one.listed("A#1").stored, None);
}

#[test]
fn a_write_only_keypad_takes_one_wish_once() {
    check(
        named("write-only"),
        vec![
            Do::ListFails("Request Never NotApplied: the keypad lists nothing"),
            Do::Create("A#1", "123456", STAY),
            Do::Create("A#1", "123456", STAY),
            Do::Next(Verdict::TimeoutAfter),
            Do::CreateFails("A#1", "123456", STAY, "Network Backoff Unknown: no answer"),
            Do::Create("A#1", "654321", STAY),
            Do::Create("B#2", "222222", STAY),
            minutes(1),
            Do::Holds(&["A#1", "B#2"]),
            Do::Types("123456", Typed::Nothing),
            Do::Types("654321", Typed::Opens),
            Do::Delete("A#1"),
            minutes(1),
            Do::Types("654321", Typed::Nothing),
        ],
    );
}

#[test]
fn starts_are_taken_as_the_rules_say() {
    let (early, late) =
        ("Request Never NotApplied: a start too far ahead", "Request Never NotApplied: a start in the past");
    let rest = "2027-03-04 11:00";
    check(
        named("no-future"),
        vec![
            Do::CreateFails("A#1", "123456", ("2027-03-01 13:01", rest), early),
            Do::Create("A#1", "123456", ("2027-03-01 13:00", rest)),
            Do::Create("B#2", "222222", STAY),
        ],
    );
    check(
        named("look-ahead-week"),
        vec![
            Do::CreateFails("A#1", "123456", LATER, early),
            Do::CreateFails("A#1", "123456", STAY, late),
            Do::CreateFails("A#1", "123456", ("2027-03-08 13:01", "2027-03-09 11:00"), early),
            Do::Create("A#1", "123456", ("2027-03-08 13:00", "2027-03-09 11:00")),
        ],
    );
    check(
        KeypadSpec { past_start: false, ..named("whole-days") },
        vec![
            // Today counts, although it began in the past.
            Do::Create("A#1", "123456", STAY),
            Do::CreateFails("B#2", "222222", ("2027-02-28 15:00", rest), late),
        ],
    );
}

#[test]
fn names_are_unique_as_far_as_they_are_kept() {
    let taken = "Request Never NotApplied: the name is taken";
    check(
        named("unique-names"),
        vec![
            Do::Create("A#1", "123456", STAY),
            Do::CreateFails("A#1!again", "222222", STAY, taken),
            Do::Create("B#2", "222222", STAY),
            Do::Replace("B#2", "333333", LATER),
            // Cut to 24 characters they are the same.
            Do::Create("The longest of all the names#1", "444444", STAY),
            Do::CreateFails("The longest of all the names#2", "555555", STAY, taken),
            Do::Delete("A#1"),
            Do::Create("A#1!again", "123456", STAY),
        ],
    );
}

#[test]
fn neighbours_belong_to_nobody_and_call_somebody() {
    let taken = "the keypad has these digits already";
    check(
        named("neighbours"),
        vec![
            Do::Create("A#1", "0000", STAY),
            Do::CreateFails("B#2", "0000", LATER, taken),
            Do::CreateFails("B#2", "0001", LATER, taken),
            Do::CreateFails("B#2", "9999", LATER, taken),
            Do::StaffFails("plumber", "0001", taken),
            Do::Create("B#2", "0002", LATER),
            Do::Types("70000", Typed::Opens),
            Do::Types("70001", Typed::Alarms),
            Do::Types("79999", Typed::Alarms),
            // B's neighbour too, but B is not there yet.
            Do::Types("70003", Typed::Nothing),
            Do::Types("0000", Typed::Nothing),
            Do::Would("70002", "2027-03-21 12:00", true),
            Do::Would("70001", "2027-03-21 12:00", false),
        ],
    );
}

#[test]
fn the_same_digits_twice_open_while_either_does() {
    check(
        named("plain"),
        vec![
            Do::Create("A#1", "123456", STAY),
            Do::Create("B#2", "123456", LATER),
            Do::Would("123456", IN_STAY, true),
            Do::Would("123456", "2027-03-10 12:00", false),
            Do::Would("123456", "2027-03-21 12:00", true),
        ],
    );
}

#[test]
fn a_replaced_code_keeps_nothing() {
    let mut one = One::new(named("plain"));
    let id = one.create(&one.wish("A#1", "123456", STAY)).unwrap();
    one.ids.insert("A#1", id.clone());
    one.locks
        .staff_edits(&one.door.key, &id, |code| {
            code.active = false;
            code.name = "Somebody".into();
        })
        .unwrap();
    assert!(!one.listed("A#1").active);
    one.does(Do::Types("123456", Typed::Nothing), "switched off");
    one.does(Do::Replace("A#1", "123456", STAY), "replaced");
    let code = one.listed("A#1");
    assert!(code.active && code.name == "Guest A#1", "{code:?}");
    one.does(Do::Types("123456", Typed::Opens), "replaced");
}

#[test]
fn a_keypads_own_clock_decides() {
    // Warsaw, 28 March 2027: 02:00 becomes 03:00; 31 October: 03:00 becomes 02:00.
    for (name, times, opens, shut) in [
        ("plain", STAY, ["2027-03-01 11:00", "2027-03-04 09:59"], ["2027-03-01 10:59", "2027-03-04 10:00"]),
        (
            "instants",
            STAY,
            ["2027-03-01 11:00", "2027-03-04 09:59"],
            ["2027-03-01 10:59", "2027-03-04 10:00"],
        ),
        (
            "whole-days",
            STAY,
            ["2027-02-28 23:00", "2027-03-04 22:59"],
            ["2027-02-28 22:59", "2027-03-04 23:00"],
        ),
        (
            "plain",
            ("2027-03-27 15:00", "2027-03-28 11:00"),
            ["2027-03-27 14:00", "2027-03-28 08:59"],
            ["2027-03-27 13:59", "2027-03-28 09:00"],
        ),
        (
            "plain",
            ("2027-10-30 15:00", "2027-10-31 02:30"),
            // Widened over the repeated hour.
            ["2027-10-30 13:00", "2027-10-31 01:59"],
            ["2027-10-30 12:59", "2027-10-31 02:00"],
        ),
        (
            "instants",
            ("2027-10-30 15:00", "2027-10-31 02:30"),
            ["2027-10-30 13:00", "2027-10-31 01:29"],
            ["2027-10-30 12:59", "2027-10-31 01:30"],
        ),
    ] {
        let mut one = One::new(named(name));
        one.does(Do::Create("A#1", "123456", times), name);
        one.does(Do::Shows("A#1", "123456", times, true), name);
        for at in opens {
            one.does(Do::Would("123456", at, true), &format!("{name} {times:?} at {at}"));
        }
        for at in shut {
            one.does(Do::Would("123456", at, false), &format!("{name} {times:?} at {at}"));
        }
    }
}

#[test]
fn proof_goes_as_far_as_the_vendor_does() {
    for (name, first, after_sync, after_use) in [
        ("accepted-only", Proof::Listed, Proof::Listed, Proof::Listed),
        ("plain", Proof::Listed, Proof::Listed, Proof::Listed),
        ("late-sync", Proof::Listed, Proof::Confirmed, Proof::Confirmed),
        ("used", Proof::Listed, Proof::Confirmed, Proof::Used),
    ] {
        let mut one = One::new(named(name));
        one.does(Do::Create("A#1", "123456", STAY), name);
        one.does(Do::Proof("A#1", first), name);
        one.does(minutes(10), name);
        one.does(Do::Proof("A#1", after_sync), name);
        one.does(Do::Types("123456", Typed::Opens), name);
        one.does(minutes(10), name);
        one.does(Do::Proof("A#1", after_use), name);
        // What was proven is proven of what it was.
        one.does(Do::Replace("A#1", "123456", LATER), name);
        one.does(Do::Proof("A#1", first), name);
    }
}

// The seam.

fn refusal() -> Verdict {
    Verdict::Refuse(VendorError::new(Fault::Vendor, Retry::Backoff, Outcome::Unknown, "status 500"))
}

/// What a verdict makes of a create and of a list on a door with two codes, and what is on the device afterwards.
#[track_caller]
fn check_verdict(make: impl Fn() -> Verdict, created: &str, listed: &str, codes: usize) {
    let mut one = One::new(named("plain"));
    one.does(Do::Create("A#1", "111111", STAY), "first");
    one.does(minutes(10), "first");
    one.does(Do::Create("B#2", "222222", STAY), "second");
    one.does(minutes(10), "second");
    one.does(Do::Next(make()), "create");
    assert_eq!(said(one.create(&one.wish("C#3", "333333", STAY))), created);
    assert_eq!(one.locks.codes_on_device(&one.door.key).len(), codes);
    one.does(Do::Next(make()), "list");
    let list = match one.list() {
        Ok(list) => format!("{} {}", list.complete, list.codes.len()),
        Err(error) => said::<()>(Err(error)),
    };
    assert_eq!(list, listed);
    // Whatever happens, the seam is passed on both ways.
    let seen = one.seam.seen.lock().unwrap();
    assert_eq!(seen.len(), 8);
    assert!(seen.chunks(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 && !pair[1].1), "{seen:?}");
}

#[test]
fn a_verdict_decides_what_is_done_and_what_is_answered() {
    let unreadable = "an answer that cannot be read";
    let seconds = StdDuration::from_secs;
    check_verdict(|| Verdict::Go, "ok", "true 3", 3);
    check_verdict(refusal, "Vendor Backoff Unknown: status 500", "Vendor Backoff NotApplied: status 500", 2);
    check_verdict(
        || Verdict::TimeoutBefore,
        "Network Backoff Unknown: no answer",
        "Network Backoff NotApplied: no answer",
        2,
    );
    check_verdict(
        || Verdict::TimeoutAfter,
        "Network Backoff Unknown: no answer",
        "Network Backoff NotApplied: no answer",
        3,
    );
    for (applied, codes) in [(false, 2), (true, 3)] {
        check_verdict(
            || Verdict::Nonsense { applied },
            &format!("Vendor Backoff Unknown: {unreadable}"),
            &format!("Vendor Backoff NotApplied: {unreadable}"),
            codes,
        );
    }
    check_verdict(
        || Verdict::RateLimited(seconds(90)),
        "Vendor After(90s) NotApplied: asked too often: status 429",
        "Vendor After(90s) NotApplied: asked too often: status 429",
        2,
    );
    check_verdict(|| Verdict::EmptyList, "ok", "true 0", 3);
    check_verdict(|| Verdict::TruncatedList, "ok", "false 1", 3);
    check_verdict(|| Verdict::Stale(seconds(0)), "ok", "true 3", 3);
    check_verdict(|| Verdict::Stale(seconds(300)), "ok", "true 2", 3);
    check_verdict(|| Verdict::Stale(seconds(900)), "ok", "true 1", 3);
    check_verdict(|| Verdict::Stale(StdDuration::MAX), "ok", "true 0", 3);
    check_verdict(|| Verdict::Slow(seconds(60)), "ok", "true 3", 3);
    check_verdict(
        || Verdict::Slow(StdDuration::MAX),
        "Network Backoff Unknown: no answer",
        "Network Backoff NotApplied: no answer",
        3,
    );
}

/// Never comes back from one of its two awaits.
struct Deadly {
    before: bool,
}

#[async_trait]
impl Seam for Deadly {
    async fn enter(&self, _call: Call, _op: LockOp, _keypad: Option<&DoorKey>) -> Verdict {
        if self.before { pending().await } else { Verdict::Go }
    }

    async fn leave(&self, _op: LockOp, _keypad: Option<&DoorKey>) {
        pending().await
    }
}

#[test]
fn who_dies_at_the_seam_has_written_all_or_nothing() {
    for (before, codes) in [(true, 0), (false, 1)] {
        let clock = Arc::new(ManualClock::new(noon()));
        let locks = ModelLocks::new(clock, Arc::new(Deadly { before }));
        let locks = locks.with_keypad(key("1"), ZONE, named("plain"));
        let wish = One::new(named("plain")).wish("A#1", "123456", STAY);
        let (door, call) = (door("1"), Call::until(noon()));
        let mut create = locks.create(call, &door, &wish);
        let mut context = Context::from_waker(Waker::noop());
        assert!(create.as_mut().poll(&mut context).is_pending(), "before: {before}");
        drop(create);
        assert_eq!(locks.codes_on_device(&door.key).len(), codes, "before: {before}");
    }
}

#[test]
fn a_refusal_of_the_keypad_is_lost_with_its_answer() {
    let mut one = One::new(named("small"));
    one.does(Do::Create("A#1", "111111", STAY), "first");
    one.does(Do::Next(Verdict::TimeoutAfter), "again");
    one.does(Do::CreateFails("B#2", "111111", STAY, "Network Backoff Unknown: no answer"), "again");
    one.does(Do::Holds(&["A#1"]), "again");
}

#[test]
fn the_account_as_a_whole_passes_the_seam_too() {
    let one = One::new(named("plain"));
    let doors = |verdict| {
        one.seam.verdicts.lock().unwrap().push_back(verdict);
        block_on(one.locks.doors(one.call())).map(|doors| doors.len())
    };
    assert_eq!(doors(Verdict::Go).unwrap(), 1);
    assert_eq!(doors(Verdict::EmptyList).unwrap(), 0);
    assert_eq!(said(doors(Verdict::TruncatedList)), "Vendor Backoff NotApplied: a list that breaks off");
    one.seam.verdicts.lock().unwrap().push_back(refused());
    let error = block_on(one.locks.check(one.call())).unwrap_err();
    assert_eq!((error.fault, error.outcome), (Fault::Credentials, Outcome::NotApplied));
    block_on(one.locks.check(one.call())).unwrap();
}

#[test]
fn m03_nothing_here_prints_a_pin_or_a_name() {
    let mut one = One::new(named("plain"));
    one.does(Do::Create("A#1", "918273", STAY), "create");
    let device = one.locks.codes_on_device(&one.door.key);
    let cloud = one.locks.codes_in_cloud(&one.door.key);
    let staff = StaffCode { stored: pin("918273"), name: "Guest".into(), note: String::new(), window: None };
    let history = one.locks.take_history(&one.door.key);
    let text = format!("{device:?} {cloud:?} {history:?} {staff:?} {:?}", one.locks);
    assert!(text.contains("A#1") && !text.contains("918273") && !text.contains("Guest"), "{text}");
}

// Cloud and device.

#[derive(Clone, Debug)]
enum Any {
    Create(u8, u8),
    Replace(u8, u8),
    Delete(u8),
    Type(u8),
    Lose(u8),
    StaffAdds(u8),
    StaffEdits(u8, bool),
    StaffDeletes(u8),
    Online(bool),
    Powered(bool),
    Renew,
    Pass(u32),
}

fn anything() -> impl Strategy<Value = Any> {
    prop_oneof![
        4 => (0..20_u8, 0..10_u8).prop_map(|(digits, day)| Any::Create(digits, day)),
        3 => (any::<u8>(), 0..10_u8).prop_map(|(which, day)| Any::Replace(which, day)),
        3 => any::<u8>().prop_map(Any::Delete),
        2 => (0..20_u8).prop_map(Any::Type),
        1 => any::<u8>().prop_map(Any::Lose),
        1 => (0..20_u8).prop_map(Any::StaffAdds),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(which, active)| Any::StaffEdits(which, active)),
        1 => any::<u8>().prop_map(Any::StaffDeletes),
        1 => any::<bool>().prop_map(Any::Online),
        1 => any::<bool>().prop_map(Any::Powered),
        1 => Just(Any::Renew),
        4 => (0..30 * 3600_u32).prop_map(Any::Pass),
    ]
}

fn does_any(one: &One, step: Any, wishes: &mut usize) {
    let key = &one.door.key;
    let len = usize::from(one.locks.rules(&one.door).stored_len);
    let digits = |number: u8| format!("{:3>len$}", number);
    let wish = |number: u8, day: u8, note: &str| CodeSpec {
        window: window(&format!("2027-03-{:02} 15:00", 1 + day), &format!("2027-03-{:02} 11:00", 4 + day)),
        ..one.wish(note, &digits(number), STAY)
    };
    let of =
        |codes: Vec<VendorCodeId>, which: u8| codes.get(usize::from(which) % codes.len().max(1)).cloned();
    let listed =
        |which| of(one.locks.codes_in_cloud(key).iter().map(|entry| entry.code.id.clone()).collect(), which);
    let held = |which| of(one.locks.codes_on_device(key).iter().map(|code| code.id.clone()).collect(), which);
    *wishes += 1;
    match step {
        Any::Create(number, day) => drop(one.create(&wish(number, day, &format!("A#{wishes}")))),
        Any::Replace(which, day) => {
            let Some(id) = listed(which) else { return };
            drop(block_on(one.locks.replace(one.call(), &one.door, &id, &wish(which % 20, day, "B#1"))));
        }
        Any::Delete(which) => {
            let Some(id) = listed(which) else { return };
            drop(block_on(one.locks.delete(one.call(), &one.door, &id)));
        }
        Any::Type(number) => drop(one.locks.types(key, &digits(number))),
        Any::Lose(which) => drop(held(which).map(|id| one.locks.lose(key, &id))),
        Any::StaffAdds(number) => drop(one.staff(&format!("staff {wishes}"), &digits(number))),
        Any::StaffEdits(which, active) => {
            drop(held(which).map(|id| one.locks.staff_edits(key, &id, |code| code.active = active)));
        }
        Any::StaffDeletes(which) => drop(held(which).map(|id| one.locks.staff_deletes(key, &id))),
        Any::Online(online) => one.locks.set_online(key, online),
        Any::Powered(powered) => one.locks.set_powered(key, powered),
        Any::Renew => one.locks.renew(key),
        Any::Pass(seconds) => one.clock.advance(StdDuration::from_secs(u64::from(seconds))),
    }
}

fn sorted<T: Clone>(codes: impl IntoIterator<Item = T>, id: impl Fn(&T) -> VendorCodeId) -> Vec<T> {
    codes.into_iter().map(|code| (id(&code), code)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// What the history says that the device holds.
fn replayed(held: &mut BTreeMap<VendorCodeId, String>, history: &[DeviceEvent]) {
    for event in history {
        match &event.what {
            DeviceChange::Holds { code, before } => {
                let was = held.insert(code.id.clone(), code.note.clone());
                assert_eq!(was, before.as_ref().map(|code| code.note.clone()));
            }
            DeviceChange::Dropped(code) => assert_eq!(held.remove(&code.id).as_ref(), Some(&code.note)),
            _ => {}
        }
    }
    assert!(history.is_sorted_by_key(|event| event.at), "{history:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_a_sync_the_device_is_what_the_cloud_lists(
        steps in proptest::collection::vec(anything(), 1..60),
        which in 0..catalogue().len(),
    ) {
        let (name, spec) = catalogue().swap_remove(which);
        let one = One::new(spec);
        let key = &one.door.key;
        let (mut wishes, mut held) = (0, BTreeMap::new());
        for step in steps {
            does_any(&one, step, &mut wishes);
            replayed(&mut held, &one.locks.take_history(key));
            let on_device = one.locks.codes_on_device(key);
            let notes = on_device.iter().map(|code| (code.id.clone(), code.note.clone())).collect();
            prop_assert_eq!(&held, &notes, "{}: the history is not what happened", name);
        }
        one.locks.set_online(key, true);
        one.locks.set_powered(key, true);
        one.clock.advance(StdDuration::from_secs(24 * 3600));
        prop_assert_eq!(one.locks.under_way(key), 0);
        let cloud = sorted(one.locks.codes_in_cloud(key), |entry| entry.code.id.clone());
        prop_assert!(cloud.iter().all(|entry| !entry.leaving && entry.proof >= Proof::Confirmed), "{}", name);
        let cloud: Vec<_> = cloud.into_iter().map(|entry| entry.code).collect();
        let device = sorted(one.locks.codes_on_device(key), |code| code.id.clone());
        prop_assert_eq!(device, cloud, "{}", name);
    }
}

#[test]
fn an_account_without_a_seam_is_enough() {
    let clock = Arc::new(ManualClock::new(noon()));
    let spec = KeypadSpec { sync: Sync::Direct, ..KeypadSpec::default() };
    let locks = ModelLocks::new(clock.clone(), Arc::new(NoSeam)).with_keypad(key("1"), ZONE, spec);
    assert_eq!(block_on(locks.doors(Call::until(clock.now()))).unwrap().len(), 1);
    assert!(locks.remove_keypad(&key("1")) && !locks.remove_keypad(&key("1")));
    assert!(locks.keys().is_empty() && locks.spec(&key("1")).is_none());
}
