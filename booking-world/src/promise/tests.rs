//! Each promise can be broken: a world is doctored, and the promise says so.

use std::sync::Arc;

use booking_core::store::{
    Accepted, Arrival, CodeRecord, CodeState, MessageKind, MessageRecord, MessageState, Origin, Standing,
    Told, ToldCode, Tx, Write,
};
use booking_core::{BookingId, CodeId, Dedup, GrantId, MessageId, Pin, Receipt, Reply, VendorCodeId, Window};
use chrono::{Days, NaiveDate, TimeZone as _};

use super::*;
use crate::coverage::Step;
use crate::deed::View;
use crate::history::{
    Booked, Change, ChannelSetup, Event as Happening, History, KeypadSetup, Ops, Setup, SourceSetup,
    TenantSetup, Trouble,
};
use crate::lock::StaffCode;
use crate::vendors::Kit;

fn arrival() -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 5, 4).unwrap()
}

/// One tenant with two units, a door each; one stay in the first, in the house for an hour.
fn world() -> World {
    let zone = chrono_tz::UTC;
    let keypad = || KeypadSetup { spec: "plain".into(), zone };
    let policy = PolicySetup {
        proof: booking_core::Proof::Listed,
        tell_hours_before: None,
        buffer_before: 0,
        buffer_after: 0,
        quarantine_days: 7,
        keep_in_house: true,
        escalate_hours: 24,
        mode: crate::history::ModeSetup::Full,
        adopt: false,
        phone_pin: false,
        write_back: false,
        backups: 0,
        brake_least: None,
        staff_channel: false,
    };
    let tenant = TenantSetup {
        zone,
        source: SourceSetup::Model { snapshots: false, revisions: true, ids: true },
        channels: vec![ChannelSetup { thread: true, can_find: true }],
        first_only: false,
        units: vec![vec![0], vec![1]],
        policy,
        full_read_minutes: 30,
        door_read_minutes: 60,
    };
    let begins = Utc.with_ymd_and_hms(2027, 5, 4, 16, 0, 0).unwrap();
    let setup = Setup { begins, hosts: 1, keypads: vec![keypad(), keypad()], tenants: vec![tenant] };
    let history = History { seed: 1, setup, events: Vec::new() };
    let mut world = World::new(&Kit::default(), Arc::new(history), false);
    book(&mut world, 0);
    world
}

fn book(world: &mut World, unit: usize) {
    let booked = Booked { tenant: 0, unit, arrival: arrival(), nights: 3, check_in: None, phone: false };
    world.event(&Happening::Book(booked));
}

fn change(world: &mut World, change: Change) {
    world.event(&Happening::Change { stay: 0, change });
}

fn code(id: &str, digits: &str, note: &str) -> OnDoor {
    let day = |days, hour| (arrival() + Days::new(days)).and_hms_opt(hour, 0, 0);
    OnDoor {
        id: VendorCodeId::parse(id).unwrap(),
        stored: Pin::parse(digits).unwrap(),
        note: note.into(),
        start: day(0, 15),
        end: day(3, 12),
        active: true,
        leaving: false,
    }
}

fn told(digits: &str) -> Told {
    let day = |days, hour| (arrival() + Days::new(days)).and_hms_opt(hour, 0, 0).unwrap();
    let code = ToldCode {
        door: names::door(0),
        code: CodeId::parse("aaaaaaaaaaaa").unwrap(),
        typed: Some(Pin::parse(digits).unwrap()),
    };
    Told { unit: names::unit(0), start: day(0, 15), end: day(3, 12), codes: vec![code] }
}

/// The guest of the first stay has heard this.
fn hear(world: &mut World, digits: &str) {
    let heard = crate::truth::Heard {
        at: world.hub.now(),
        channel: 0,
        to: world.stays[0].reference().to_string(),
        told: Some(told(digits)),
        id: None,
    };
    world.stays[0].heard.push(heard);
}

fn heard(world: &World, body: &str) -> Deed {
    let to = world.stays[0].reference().to_string();
    Deed::Heard { tenant: 0, channel: 0, to, id: None, body: body.into(), at: world.hub.now() }
}

fn wrote(step: Step, before: Vec<OnDoor>, after: Vec<OnDoor>) -> Deed {
    Deed::Wrote { host: 0, keypad: 0, generation: 0, step, before, after }
}

#[track_caller]
fn breaks(promise: &str, held: Result<(), Broken>) {
    assert!(PROMISES.iter().any(|(name, _)| *name == promise), "{promise} is in the list");
    assert_eq!(held.expect_err("it must be broken").promise, promise);
}

/// What is on record of the first stay.
fn record(world: &World, more: Vec<Record>) {
    let arrival = Arrival {
        tenant: names::tenant(0),
        integration: names::source(),
        origin: Origin::Webhook,
        action: "created".into(),
        dedup: None,
        events: vec![(
            Event::Hint { reference: world.stays[0].reference().clone(), deleted: false },
            BookingId::parse("bbbbbbbbbbbb").unwrap(),
        )],
        priority: None,
        reply: Reply { status: 200, body: serde_json::Value::Null },
    };
    let writes = more.into_iter().map(|record| Write::Put(Box::new(record))).collect();
    let tx = Tx { arrivals: vec![arrival], writes, ..Tx::new(world.hub.now()) };
    let _ = now_or_never(world.store.commit(tx)).unwrap().unwrap();
}

use booking_core::store::Record;

fn booking(world: &World, version: usize) -> BookingRecord {
    let stay = &world.stays[0];
    let content = &stay.versions[version].1;
    BookingRecord {
        id: BookingId::parse("bbbbbbbbbbbb").unwrap(),
        tenant: names::tenant(0),
        source: names::source(),
        reference: stay.reference().clone(),
        booking: Some(crate::happen::booking_of(world, 0, content)),
        seen_at: None,
        deleted_at: None,
        absences: 0,
        not_found_since: None,
        contradicted_since: None,
        gone_at: None,
        cancelled_at: None,
        last_error: None,
        former: Vec::new(),
        standing: None,
        created_at: world.hub.now(),
    }
}

fn message(id: &str, digits: &str) -> MessageRecord {
    let at = Utc.with_ymd_and_hms(2027, 5, 4, 16, 0, 0).unwrap();
    MessageRecord {
        id: MessageId::parse(id).unwrap(),
        tenant: names::tenant(0),
        stay: BookingId::parse("bbbbbbbbbbbb").unwrap(),
        notifier: names::channel(0),
        kind: MessageKind::CodeReady,
        state: MessageState::Sent(Receipt { vendor_id: None }),
        maybe_twice: false,
        attempts: 0,
        retry_at: None,
        intended_at: at,
        tried_at: at,
        ended_at: None,
        error: None,
        told: Some(told(digits)),
        text: None,
    }
}

#[test]
fn a_foreign_code_that_is_touched_breaks_a_promise() {
    let world = world();
    let deed = wrote(Step::Deleted, vec![code("1", "111111", "cleaning")], vec![]);
    breaks("foreign-codes-stay", Promises::default().after(&world, &deed));
}

#[test]
fn the_same_digits_for_two_stays_break_a_promise() {
    let mut world = world();
    book(&mut world, 0);
    let one = code("1", "111111", "Model#110");
    let two = code("2", "111111", "Model#1105");
    let deed = wrote(Step::Created, vec![one.clone()], vec![one, two]);
    breaks("no-pin-twice", Promises::default().after(&world, &deed));
}

#[test]
fn digits_of_another_stay_that_are_tried_break_a_promise() {
    let mut world = world();
    book(&mut world, 0);
    let id = put(&world, 0);
    let tried = |note: &str| {
        let code = CodeRecord { note: note.into(), ..removed(&world, id.clone()) };
        let digits = Pin::parse("111111").unwrap();
        let pins = Some(booking_core::store::Pins { typed: digits.clone(), stored: digits });
        Deed::Duplicate { keypad: 0, code: Box::new(CodeRecord { pins, ..code }) }
    };
    breaks("no-pin-twice", Promises::default().after(&world, &tried("Model#1105")));
    assert_eq!(Promises::default().after(&world, &tried("Model#110")), Ok(()));
}

#[test]
fn a_removal_without_a_reason_breaks_a_promise() {
    let mut world = world();
    let deed = wrote(Step::Deleted, vec![code("1", "111111", "Model#110")], vec![]);
    breaks("no-removal-without-reason", Promises::default().after(&world, &deed));
    change(&mut world, Change::Move(1));
    let mut moved = Promises::default();
    moved.beliefs.insert(
        0,
        vec![Belief {
            at: world.hub.now(),
            record: BookingId::parse("bbbbbbbbbbbb").unwrap(),
            least: 1,
            most: 1,
            words: 1,
        }],
    );
    assert_eq!(moved.after(&world, &deed), Ok(()));
}

/// A stay that is still to come goes, because a record has it for gone so long after it was booked.
#[track_caller]
fn check_unshown(after: Duration, stale: bool, holds: bool) {
    let mut world = world();
    change(&mut world, Change::Shift(2));
    world.hub.set_now(world.hub.now() + after);
    let now = world.hub.now();
    if stale {
        let until = now + Duration::hours(1);
        world.hub.trouble(Target::Source(0), Ops::All, Trouble::Stale, until);
    }
    let mut promises = Promises::default();
    let gone = BookingRecord { gone_at: Some(now), ..booking(&world, 1) };
    promises.after(&world, &Deed::Booking(Box::new(gone))).unwrap();
    let deed = wrote(Step::Deleted, vec![code("1", "111111", "Model#110")], vec![]);
    if holds {
        assert_eq!(promises.after(&world, &deed), Ok(()));
    } else {
        breaks("no-removal-without-reason", promises.after(&world, &deed));
    }
    promises.after(&world, &Deed::Booking(Box::new(booking(&world, 1)))).unwrap();
    breaks("no-removal-without-reason", promises.after(&world, &deed));
}

#[test]
fn only_a_new_stay_that_its_source_does_not_show_yet_may_be_taken_for_gone() {
    check_unshown(Duration::minutes(90), true, true);
    check_unshown(Duration::minutes(90), false, false);
    check_unshown(Duration::hours(3), true, false);
}

#[test]
fn a_stay_that_is_gone_is_kept_for_as_long_as_its_source_was_heard_to_say() {
    for heard in [false, true] {
        let mut world = world();
        let mut promises = Promises::default();
        promises.after(&world, &Deed::Booking(Box::new(booking(&world, 0)))).unwrap();
        change(&mut world, Change::Extend(2));
        change(&mut world, Change::Delete);
        let known = booking(&world, usize::from(heard));
        let gone = BookingRecord { gone_at: Some(world.hub.now()), ..known };
        promises.after(&world, &Deed::Booking(Box::new(gone))).unwrap();
        world.hub.set_now(world.hub.now() + Duration::hours(3 * 24 - 3));
        let deed = wrote(Step::Deleted, vec![code("1", "111111", "Model#110")], vec![]);
        let held = promises.after(&world, &deed);
        if heard {
            breaks("no-removal-without-reason", held);
        } else {
            assert_eq!(held, Ok(()));
        }
    }
}

#[test]
fn a_removal_after_reads_that_fail_breaks_a_promise() {
    let world = world();
    let mut promises = Promises::default();
    promises.after(&world, &Deed::Read { host: 0, keypad: 0, generation: 0, view: View::Failed }).unwrap();
    world.hub.set_now(world.hub.now() + Duration::minutes(5));
    let deed = wrote(Step::Deleted, vec![code("1", "111111", "Model#110")], vec![]);
    breaks("no-removal-on-a-bad-read", promises.after(&world, &deed));
}

#[test]
fn a_guest_who_is_shut_out_breaks_a_promise() {
    let mut world = world();
    hear(&mut world, "111111");
    let mut other = code("1", "222222", "Model#110");
    let deed = wrote(Step::Replaced, vec![code("1", "111111", "Model#110")], vec![other.clone()]);
    breaks("nobody-is-locked-out", Promises::default().after(&world, &deed));
    other.stored = Pin::parse("111111").unwrap();
    let deed = wrote(Step::Replaced, vec![code("1", "111111", "Model#110")], vec![other]);
    assert_eq!(Promises::default().after(&world, &deed), Ok(()));
}

#[test]
fn an_old_code_that_goes_before_the_news_breaks_a_promise() {
    let mut world = world();
    hear(&mut world, "111111");
    change(&mut world, Change::Move(1));
    let mut promises = Promises::default();
    promises.beliefs.insert(
        0,
        vec![Belief {
            at: world.hub.now(),
            record: BookingId::parse("bbbbbbbbbbbb").unwrap(),
            least: 1,
            most: 1,
            words: 1,
        }],
    );
    let deed = |old: OnDoor| wrote(Step::Deleted, vec![old], vec![]);
    let old = code("1", "111111", "Model#110");
    breaks("told-before-the-old-goes", promises.after(&world, &deed(old.clone())));
    // What opens nothing any more nobody needs.
    let over = OnDoor { start: None, end: arrival().and_hms_opt(15, 30, 0), ..old };
    assert_eq!(promises.after(&world, &deed(over)), Ok(()));
}

#[test]
fn a_code_that_is_told_unproven_breaks_a_promise() {
    let mut world = world();
    hear(&mut world, "111111");
    let mut promises = Promises::default();
    breaks("told-only-what-is-proven", promises.after(&world, &heard(&world, "111111")));
    promises.shown.insert(0, vec![code("1", "111111", "Model#110")]);
    assert_eq!(promises.after(&world, &heard(&world, "111111")), Ok(()));
}

#[test]
fn a_text_that_is_not_the_record_breaks_a_promise() {
    let mut world = world();
    hear(&mut world, "111111");
    breaks("told-what-is-recorded", Promises::default().after(&world, &heard(&world, "999999")));
}

#[test]
fn other_digits_without_a_reason_break_a_promise() {
    let mut world = world();
    hear(&mut world, "111111");
    hear(&mut world, "222222");
    let mut promises = Promises::default();
    promises.shown.insert(0, vec![code("1", "222222", "Model#110")]);
    breaks("told-digits-stay", promises.after(&world, &heard(&world, "222222")));
}

#[test]
fn a_step_back_to_earlier_words_breaks_a_promise() {
    let mut world = world();
    change(&mut world, Change::Extend(2));
    let mut promises = Promises::default();
    promises.after(&world, &Deed::Booking(Box::new(booking(&world, 1)))).unwrap();
    breaks("newer-wins", promises.after(&world, &Deed::Booking(Box::new(booking(&world, 0)))));
}

#[test]
fn a_webhook_that_is_not_kept_breaks_a_promise() {
    let world = world();
    let event = Event::Hint { reference: world.stays[0].reference().clone(), deleted: false };
    let reply = Reply { status: 200, body: serde_json::Value::Null };
    let dedup = Dedup::Content { hash: String::new() };
    let delivery = Delivery { action: "created", dedup, events: vec![event], reply: reply.clone() };
    let accepted = Accepted { bookings: vec![], duplicate: false, reply };
    breaks("acknowledged-is-kept", Promises::default().acknowledged(&world, &delivery, 0, &accepted));
    record(&world, vec![]);
    assert_eq!(Promises::default().acknowledged(&world, &delivery, 0, &accepted), Ok(()));
    // It was taken, but nobody has worked on it.
    let kept = rest::inbox_is_read(&world);
    breaks("at-rest-inbox-is-read", kept);
}

#[test]
fn a_guest_at_a_shut_door_of_whom_nobody_knows_breaks_a_promise() {
    let mut world = world();
    world.stays[0].versions[0].0 -= Duration::days(3);
    world.hub.set_now(world.stays[0].content().stay(&world.history.setup.tenants[0]).unwrap().opens());
    let later = world.stays[0].versions[0].1.clone();
    world.stays[0].versions[0].1 = crate::truth::Content { check_in: Some(16), ..later };
    breaks("staff-knows", Promises::default().staff_knows(&world, 0));
}

#[test]
fn a_door_without_its_code_breaks_a_promise() {
    let world = world();
    breaks("at-rest-doors-are-right", Promises::default().at_rest(&world));
}

fn put(world: &World, keypad: usize) -> VendorCodeId {
    put_noted(world, keypad, "Model#110")
}

fn put_noted(world: &World, keypad: usize, note: &str) -> VendorCodeId {
    let code = code("1", "111111", note);
    let window = Window::new(code.start.unwrap(), code.end.unwrap(), chrono_tz::UTC).unwrap();
    let staff =
        StaffCode { stored: code.stored, name: "Guest".into(), note: code.note, window: Some(window) };
    world.vendors.locks.staff_adds(&names::model_key(keypad), staff).unwrap()
}

#[test]
fn a_code_on_another_stays_door_breaks_a_promise() {
    let world = world();
    put(&world, 0);
    put(&world, 1);
    breaks("at-rest-doors-are-right", Promises::default().at_rest(&world));
}

#[test]
fn a_guest_who_was_told_nothing_breaks_a_promise() {
    let world = world();
    put(&world, 0);
    breaks("at-rest-guests-know", Promises::default().at_rest(&world));
}

#[test]
fn the_same_thing_twice_breaks_a_promise() {
    let mut world = world();
    put(&world, 0);
    hear(&mut world, "111111");
    hear(&mut world, "111111");
    breaks("told-once", Promises::default().at_rest(&world));
    // The record names it.
    let mut named = message("cccccccccccc", "111111");
    named.maybe_twice = true;
    world.stays[0].heard[1].id = Some(named.id.clone());
    record(&world, vec![Record::Message(named)]);
    breaks("at-rest-inbox-is-read", Promises::default().at_rest(&world));
}

/// A code of the first stay, on record as removed.
fn removed(world: &World, id: VendorCodeId) -> CodeRecord {
    let shown = code("1", "111111", "Model#110");
    let now = world.hub.now();
    CodeRecord {
        id: CodeId::parse("aaaaaaaaaaaa").unwrap(),
        tenant: names::tenant(0),
        stay: BookingId::parse("bbbbbbbbbbbb").unwrap(),
        grant: GrantId::parse("dddddddddddd").unwrap(),
        door: names::door(0),
        key: names::model_key(0),
        lock: names::model_lock(),
        pins: None,
        vendor_id: Some(id),
        known_ids: Vec::new(),
        name: String::new(),
        note: shown.note.clone(),
        window: Window::new(shown.start.unwrap(), shown.end.unwrap(), chrono_tz::UTC).unwrap(),
        state: CodeState::Removed,
        write: None,
        attempts: 0,
        retry_at: None,
        proof: booking_core::Proof::Listed,
        proof_at: now,
        missing_since: None,
        adopted: false,
        backup: false,
        pool_note: None,
        by_staff: None,
        created_at: now,
    }
}

#[test]
fn a_removal_that_is_none_breaks_a_promise() {
    let mut world = world();
    hear(&mut world, "111111");
    let id = put(&world, 0);
    record(&world, vec![Record::Code(removed(&world, id))]);
    breaks("at-rest-removals-are-proven", Promises::default().at_rest(&world));
}

#[test]
fn a_removal_on_record_that_was_never_seen_breaks_a_promise() {
    let world = world();
    let deed = Deed::Code(Box::new(removed(&world, put(&world, 0))));
    breaks("removals-are-proven", Promises::default().after(&world, &deed));
    // A list that was empty without a word for it has shown the removal.
    let mut promises = Promises::default();
    promises.after(&world, &Deed::Read { host: 0, keypad: 0, generation: 0, view: View::Empty }).unwrap();
    assert_eq!(promises.after(&world, &deed), Ok(()));
}

/// A code of the second stay, days after the first one's.
fn later(days: u64, digits: &str) -> OnDoor {
    let first = code("2", digits, "Model#1105");
    let by = Duration::days(i64::try_from(days).unwrap());
    OnDoor { start: first.start.map(|at| at + by), end: first.end.map(|at| at + by), ..first }
}

#[test]
fn digits_that_have_not_rested_break_a_promise() {
    let mut world = world();
    book(&mut world, 0);
    let one = code("1", "111111", "Model#110");
    let created = |new: OnDoor| wrote(Step::Created, vec![], vec![new]);
    let gone = || {
        let mut promises = Promises::default();
        promises.left.insert(0, vec![(0, one.clone(), one.end.unwrap())]);
        promises
    };
    breaks("digits-rest", gone().after(&world, &created(later(5, "111111"))));
    assert_eq!(gone().after(&world, &created(later(5, "222222"))), Ok(()));
    assert_eq!(gone().after(&world, &created(later(11, "111111"))), Ok(()));
    let both = wrote(Step::Created, vec![one.clone()], vec![one, later(5, "111111")]);
    breaks("digits-rest", Promises::default().after(&world, &both));
}

#[test]
fn a_code_that_is_made_twice_breaks_a_promise() {
    let world = world();
    let (one, two) = (code("1", "111111", "Model#110"), code("2", "111111", "Model#110"));
    let twice = wrote(Step::Created, vec![one.clone()], vec![one, two]);
    breaks("written-once", Promises::default().after(&world, &twice));
    let mut promises = Promises::default();
    promises.hidden.insert((0, VendorCodeId::parse("1").unwrap()));
    assert_eq!(promises.after(&world, &twice), Ok(()));
}

#[test]
fn a_code_on_a_door_that_nobody_could_read_breaks_a_promise() {
    let mut world = world();
    let mut promises = Promises::default();
    promises.after(&world, &Deed::Read { host: 0, keypad: 0, generation: 0, view: View::Failed }).unwrap();
    world.hub.set_now(world.hub.now() + Duration::minutes(30));
    book(&mut world, 0);
    let deed = wrote(Step::Created, vec![], vec![later(0, "222222")]);
    breaks("no-code-on-an-unread-door", promises.after(&world, &deed));
    promises.after(&world, &Deed::Read { host: 0, keypad: 0, generation: 0, view: View::Whole }).unwrap();
    assert_eq!(promises.after(&world, &deed), Ok(()));
}

#[test]
fn more_early_removals_than_the_brake_allows_break_a_promise() {
    let mut world = world();
    world.policies[0].keep_in_house = false;
    let notes = ["Model#110", "Model#1105", "Model#111", "Model#1115"];
    let mut promises = Promises::default();
    for (stay, note) in notes.iter().enumerate() {
        if stay > 0 {
            book(&mut world, 0);
        }
        world.event(&Happening::Change { stay, change: Change::Cancel });
        let record = BookingId::parse("bbbbbbbbbbbb").unwrap();
        let belief = Belief { at: world.hub.now(), record, least: 1, most: 1, words: 1 };
        promises.beliefs.insert(stay, vec![belief]);
        let held = promises.after(&world, &wrote(Step::Deleted, vec![code("1", "111111", note)], vec![]));
        if stay < 3 {
            assert_eq!(held, Ok(()), "{note}");
        } else {
            breaks("brake-holds", held);
        }
    }
}

#[test]
fn a_write_under_a_lost_lease_breaks_a_promise() {
    breaks("late-writes-fail", Promises::default().after(&world(), &Deed::Late));
}

#[test]
fn a_webhook_that_nobody_has_looked_at_breaks_a_promise() {
    breaks("read-is-worked-on", Promises::default().after(&world(), &Deed::Skipped));
}

#[test]
fn other_digits_that_come_before_the_news_break_a_promise() {
    let mut world = world();
    let booked = Booked {
        tenant: 0,
        unit: 0,
        arrival: arrival() + Days::new(5),
        nights: 3,
        check_in: None,
        phone: false,
    };
    world.event(&Happening::Book(booked));
    hear(&mut world, "111111");
    let heard = world.stays[0].heard.pop().unwrap();
    world.stays[1].heard.push(heard);
    let (old, new) =
        (later(5, "111111"), OnDoor { id: VendorCodeId::parse("3").unwrap(), ..later(5, "222222") });
    let deed = wrote(Step::Deleted, vec![old, new.clone()], vec![new]);
    assert_eq!(Promises::default().after(&world, &deed), Ok(()));
    world.stays[1].redrawn.push(world.hub.now());
    breaks("told-before-the-old-goes", Promises::default().after(&world, &deed));
}

#[test]
fn of_an_hour_that_comes_twice_the_wider_reading_counts() {
    let at =
        |hour, minute| NaiveDate::from_ymd_opt(2027, 10, 31).unwrap().and_hms_opt(hour, minute, 0).unwrap();
    let window = Window::new(at(2, 0), at(2, 30), chrono_tz::Europe::Warsaw).unwrap();
    assert_eq!(instants(&window), (at(0, 0), at(1, 30)));
}

#[test]
fn work_that_never_ends_breaks_a_promise() {
    breaks("at-rest-nothing-goes-on", Promises::default().after(&world(), &Deed::Parked));
}

#[test]
fn a_write_after_an_echo_breaks_a_promise() {
    let world = world();
    world.hub.set_now(world.hub.now() + Duration::hours(3));
    let mut promises = Promises::default();
    promises.before_echoes(&world).unwrap();
    let deed = wrote(Step::Created, vec![], vec![code("1", "111111", "Model#110")]);
    promises.after(&world, &deed).unwrap();
    breaks("echoes-change-nothing", promises.after_echoes(&world));
}

#[test]
fn a_write_by_whoever_only_watches_breaks_a_promise() {
    let mut world = world();
    let (before, after) = (vec![code("1", "111111", "Model#110")], vec![]);
    world.policies[0].mode = crate::history::ModeSetup::UpsertOnly;
    let deleted = wrote(Step::Deleted, before.clone(), after.clone());
    breaks("mode-is-kept", Promises::default().after(&world, &deleted));
    world.policies[0].mode = crate::history::ModeSetup::Observe;
    breaks("mode-is-kept", Promises::default().after(&world, &wrote(Step::Created, after, before)));
    hear(&mut world, "111111");
    breaks("mode-is-kept", Promises::default().after(&world, &heard(&world, "111111")));
}

#[test]
fn a_backup_code_for_two_guests_breaks_a_promise() {
    let mut world = world();
    book(&mut world, 0);
    hear(&mut world, "111111");
    let mut promises = Promises::default();
    let backup = code("9", "111111", "Staykey#aaaaaaaaaaaa");
    promises.listed.insert(0, vec![backup.clone()]);
    promises.shown.insert(0, vec![backup.clone()]);
    promises.given.insert((0, backup.id), 1);
    breaks("one-backup-one-guest", promises.after(&world, &heard(&world, "111111")));
}

#[test]
fn a_backup_code_that_the_ledger_does_not_know_breaks_a_promise() {
    let world = world();
    super::pools::at_rest(&world, 0).unwrap();
    put_noted(&world, 0, "Staykey#aaaaaaaaaaaa");
    breaks("at-rest-pools-are-right", super::pools::at_rest(&world, 0));
}

#[test]
fn a_door_without_its_backup_code_breaks_a_promise() {
    let mut world = world();
    let slot = BookingRecord {
        booking: None,
        standing: Some(Standing { door: names::door(0), number: 0 }),
        ..booking(&world, 0)
    };
    record(&world, vec![Record::Booking(slot)]);
    super::pools::at_rest(&world, 0).unwrap();
    world.policies[0].backups = 1;
    breaks("at-rest-pools-are-right", super::pools::at_rest(&world, 0));
    super::pools::at_rest(&world, 1).unwrap();
}

#[test]
fn a_code_on_a_keypad_that_was_replaced_breaks_a_promise() {
    let mut world = world();
    put(&world, 0);
    assert!(world.vendors.replace(0, false));
    assert_eq!(world.vendors.former_keys(0).count(), 1);
    breaks(
        "at-rest-former-keypads-are-empty",
        super::rest::former_keypads_are_empty(&world, &[], 0, [&BTreeSet::new(), &BTreeSet::new()]),
    );
}
