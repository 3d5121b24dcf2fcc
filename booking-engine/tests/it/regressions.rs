//! Corners where a promise once broke, each held by a test.

use std::collections::BTreeSet;
use std::time::Duration as StdDuration;

use booking_core::conformance::{On, Planted, Trouble};
use booking_core::{DoorRules, StayDates};
use booking_engine::{Policy, Tell};
use booking_sim::smoobu::BookingPatch;
use booking_sim::thekeys::Share;
use booking_sim::{Fault, FaultKind, Operation, Vendor};
use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::house::{House, LOFT, Plan, STUDIO, day, keypad, local, stay};
use crate::inn::{Inn, Layout, key};

fn policy(settle: i64) -> Policy {
    let mut policy = Policy::default();
    policy.settle = Duration::minutes(settle);
    policy
}

fn fault(house: &House, vendor: Vendor, operation: Operation, kind: FaultKind, until: DateTime<Utc>) {
    house.sims().add_fault(Fault::new(vendor, kind).on(operation).until(until));
}

fn busy() -> FaultKind {
    FaultKind::Status(503, "busy".into())
}

/// No message can be sent, and it is certain that none was.
fn mute(house: &House, until: DateTime<Utc>) {
    fault(
        house,
        Vendor::SerwerSms,
        Operation::SendSms,
        FaultKind::RateLimit { seconds: 60, absolute: false },
        until,
    );
    fault(
        house,
        Vendor::Smoobu,
        Operation::SendToGuest,
        FaultKind::RateLimit { seconds: 60, absolute: false },
        until,
    );
}

/// Each call takes a moment, as in life.
fn slow(house: &House) {
    for vendor in Vendor::ALL {
        house.sims().add_fault(Fault::new(vendor, FaultKind::Delay(StdDuration::from_millis(300))));
    }
}

/// Failures of a write, with and without a settle time.
fn kinds() -> Vec<(i64, FaultKind)> {
    let kinds = [
        FaultKind::DropBefore,
        FaultKind::Status(500, "oops".into()),
        FaultKind::Status(503, "busy".into()),
        FaultKind::BodyStatus(404),
        FaultKind::BodyStatus(400),
        FaultKind::Status(404, "no".into()),
    ];
    [5, 0].into_iter().flat_map(|settle| kinds.clone().map(|kind| (settle, kind))).collect()
}

fn plant(house: &House, apartment: u64, id: u64, from: NaiveDate, to: NaiveDate, pin: &str) -> u64 {
    let (lock, keypad, _) = keypad(apartment);
    let now = house.now();
    let share = Share {
        description: Some(format!("Smoobu#{id}")),
        date_start: Some(from),
        date_end: Some(to),
        hour_start: Some((15, 0)),
        hour_end: Some((12, 0)),
        ..Share::permanent(lock, keypad, "Ada Example", pin)
    };
    house.sims().thekeys.plant_share(now, share)
}

fn to(departure: NaiveDate) -> BookingPatch {
    BookingPatch { departure: Some(departure), ..BookingPatch::default() }
}

fn move_to(apartment: u64) -> BookingPatch {
    BookingPatch { apartment: Some(apartment), ..BookingPatch::default() }
}

fn on(house: &House, apartment: u64, id: u64) -> usize {
    let marker = format!("Smoobu#{id}");
    house.codes(apartment).iter().filter(|share| share.description.as_deref() == Some(&marker)).count()
}

// ---- a guest locked out by our action

#[test]
fn r01_given_a_told_move_when_it_is_moved_back_while_nobody_can_be_told_then_the_told_door_still_opens() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    house.change(id, move_to(LOFT));
    let told = house.typed(LOFT, id).unwrap();
    assert!(house.sms().last().unwrap().contains(&told));
    house.pass_until(local(3, 2, 9, 0));
    mute(&house, house.now() + Duration::hours(6));
    house.change(id, move_to(STUDIO));
    house.pass(Duration::hours(1));
    assert_eq!(house.sms().len(), 2, "nobody was told of the move back");
    assert!(house.opens_at(LOFT, &told, house.now()), "the only door that the guest knows of is shut");
}

#[test]
fn r02_given_an_adopted_code_when_the_stay_is_extended_into_another_adopted_stay_with_the_same_pin_then_no_two_share_it()
 {
    let house = House::new();
    plant(&house, STUDIO, 9001, day(3, 5), day(3, 8), "4821");
    plant(&house, STUDIO, 9002, day(3, 20), day(3, 23), "4821");
    for (id, from, until) in [(9001, day(3, 5), day(3, 8)), (9002, day(3, 20), day(3, 23))] {
        house.book(booking_sim::smoobu::NewBooking { id: Some(id), ..stay(STUDIO, from, until) });
    }
    house.change(9001, to(day(3, 22)));
    house.pass(Duration::hours(2));
    let at = local(3, 21, 10, 0);
    let open: Vec<String> = house
        .codes(STUDIO)
        .into_iter()
        .filter(|share| share.allows(at.with_timezone(&crate::house::ZONE).naive_local()))
        .map(|share| share.code)
        .collect();
    let pins: BTreeSet<&String> = open.iter().collect();
    assert_eq!((open.len(), pins.len()), (2, 2), "{open:?}");
}

#[test]
fn r03_given_claimed_digits_in_the_new_days_when_a_stay_is_extended_into_them_then_it_gets_new_digits_and_its_extension()
 {
    let house = House::new();
    plant(&house, STUDIO, 9001, day(3, 5), day(3, 8), "4821");
    plant(&house, STUDIO, 9002, day(3, 20), day(3, 22), "4821");
    for (id, from, until) in [(9001, day(3, 5), day(3, 8)), (9002, day(3, 20), day(3, 22))] {
        house.book(booking_sim::smoobu::NewBooking { id: Some(id), ..stay(STUDIO, from, until) });
    }
    // Its own extension makes the second stay's claim.
    house.change(9002, to(day(3, 23)));
    house.change(9001, to(day(3, 22)));
    house.pass(Duration::hours(2));
    let typed = house.typed(STUDIO, 9001).unwrap();
    let ends = house
        .codes(STUDIO)
        .iter()
        .find(|share| share.description.as_deref() == Some("Smoobu#9001"))
        .unwrap()
        .date_end;
    assert_eq!(
        ends,
        Some(day(3, 22)),
        "the extension was lost: {:?} {:?}",
        house.audit(9001),
        house.alerts(9001)
    );
    assert_ne!(&typed[2..], "4821");
    assert_eq!(house.typed(STUDIO, 9002).as_deref(), Some("314821"));
    assert!(house.thread(9001).last().unwrap().contains(&typed));
    assert_eq!(on(&house, STUDIO, 9001), 1);
}

#[test]
fn r04_given_a_keypad_that_refuses_equal_digits_when_an_extension_is_refused_for_them_then_it_comes_to_rest_with_new_ones()
 {
    let house = House::new();
    let (lock, keypad, _) = keypad(STUDIO);
    house.sims().thekeys.lock_mut(lock).unwrap().refuse_duplicates = true;
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    let pin = house.typed(STUDIO, id).unwrap()[2..].to_owned();
    let now = house.now();
    house.sims().thekeys.plant_share(now, Share::permanent(lock, keypad, "Cleaner", &pin));
    house.change(id, to(day(3, 10)));
    house.pass(Duration::hours(2));
    let typed = house.typed(STUDIO, id).unwrap();
    let ends: Vec<_> = house.codes(STUDIO).iter().filter_map(|share| share.date_end).collect();
    let tried = house.sims().log().seen(Operation::UpdateCode);
    assert!(
        typed[2..] != pin && ends == [day(3, 10)] && tried < 20,
        "{ends:?} {tried} {:?} {:?}",
        house.alerts(id),
        house.audit(id)
    );
}

#[test]
fn r05_given_a_code_on_a_door_that_left_the_configuration_when_the_stay_is_worked_on_then_its_other_doors_still_get_codes()
 {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let house = house.restarted(|plan| {
        plan.keypads = vec![LOFT];
        plan.doors_of = |_| vec![LOFT];
    });
    house.pass(Duration::hours(2));
    assert!(house.typed(LOFT, id).is_some());
}

#[test]
fn r06_given_a_code_on_a_door_that_left_the_configuration_when_the_stay_ends_then_the_work_comes_to_rest() {
    let house = House::new();
    house.book(stay(STUDIO, day(3, 1), day(3, 2)));
    let house = house.restarted(|plan| {
        plan.keypads = vec![LOFT];
        plan.units = vec![LOFT];
    });
    house.pass(Duration::days(2));
}

#[test]
fn r07_given_a_guest_in_the_house_when_the_configuration_loses_the_units_doors_then_the_code_stays() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.pass_until(local(3, 2, 9, 0));
    let house = house
        .restarted(|plan| plan.doors_of = |apartment| if apartment == LOFT { vec![LOFT] } else { vec![] });
    house.pass(Duration::hours(1));
    assert!(house.opens_at(STUDIO, &typed, house.now()));
    assert_eq!(house.alerts(id), ["unmapped-unit"]);
}

#[test]
fn r08_given_a_clock_set_back_an_hour_when_a_booking_arrives_then_it_still_gets_its_code() {
    let house = House::new();
    house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let back = house.now() - Duration::hours(1);
    let house = house.restarted_at(back);
    let id = house.book(stay(STUDIO, day(3, 9), day(3, 12)));
    house.pass(Duration::minutes(5));
    assert!(house.typed(STUDIO, id).is_some());
}

#[test]
fn r09_given_a_clock_set_back_an_hour_when_a_stay_is_extended_then_it_is_told_once() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let back = house.now() - Duration::minutes(9);
    let house = house.restarted_at(back);
    for n in 0..5 {
        // The source's own clock is right.
        let then = back + Duration::minutes(20 + n);
        let note = BookingPatch {
            notice: Some(format!("note {n}")),
            departure: Some(day(3, 9)),
            ..BookingPatch::default()
        };
        assert!(house.sims().smoobu.update_booking(then, id, note));
        let hooks = house.sims().take_webhooks(then + Duration::minutes(1));
        assert!(!hooks.is_empty());
        hooks.iter().for_each(|hook| house.deliver(hook.body.as_ref()));
        booking_core::conformance::block_on(house.engine.run_due()).unwrap();
        house.clock.advance(StdDuration::from_secs(30));
    }
    assert_eq!(house.sms().len(), 2);
}

#[test]
fn r10_given_a_delete_that_lists_do_not_show_yet_when_the_cancellation_is_taken_back_then_the_code_is_on_the_door()
 {
    let house = House::with(Plan { policy: policy(5), ..Plan::default() });
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    house.pass(Duration::minutes(30));
    let until = house.now() + Duration::minutes(10);
    let typed = house.typed(STUDIO, id).unwrap();
    fault(
        &house,
        Vendor::TheKeys,
        Operation::ListCodes,
        FaultKind::ReadLag(StdDuration::from_secs(200)),
        until,
    );
    house.cancel(id);
    house.pass(Duration::seconds(30));
    let now = house.now();
    assert!(house.sims().smoobu.reinstate(now, id));
    house.settle();
    house.pass(Duration::minutes(30));
    assert!(house.opens_at(STUDIO, &typed, local(3, 2, 9, 0)), "{:?}", house.audit(id));
}

// ---- a code outliving its stay

#[test]
fn r11_given_a_create_of_unknown_outcome_when_the_booking_is_cancelled_before_the_door_can_be_read_then_the_code_goes()
 {
    let house = House::new();
    let until = house.now() + Duration::hours(1);
    house
        .sims()
        .add_fault(Fault::new(Vendor::TheKeys, FaultKind::DropAfter).on(Operation::CreateCode).times(1));
    house.sims().add_fault(Fault::new(Vendor::TheKeys, busy()).on(Operation::ListCodes).skip(1).until(until));
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    assert_eq!(on(&house, STUDIO, id), 1);
    house.cancel(id);
    house.pass(Duration::days(2));
    assert_eq!(on(&house, STUDIO, id), 0, "{:?}", house.ledger(id));
}

#[test]
fn r12_given_a_host_that_died_after_the_create_when_the_booking_is_cancelled_meanwhile_then_the_code_goes() {
    for operation in [Operation::CreateCode, Operation::UpdateCode] {
        let house = House::new();
        let now = house.now();
        let id = if operation == Operation::CreateCode {
            house.sims().smoobu.create_booking(now, stay(STUDIO, day(3, 5), day(3, 8)))
        } else {
            let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
            assert!(house.sims().smoobu.update_booking(now, id, to(day(3, 9))));
            id
        };
        house.die_after(operation);
        let house = house.restarted(|_| {});
        house.clock.advance(StdDuration::from_secs(60));
        let now = house.now();
        assert!(house.sims().smoobu.cancel(now, id));
        house.hooks();
        house.outlive_leases();
        house.pass(Duration::days(2));
        assert_eq!(on(&house, STUDIO, id), 0, "{operation:?} {:?}", house.ledger(id));
    }
}

#[test]
fn r13_given_a_cancelled_stay_when_its_code_cannot_be_deleted_then_staff_is_alerted() {
    let house = House::new();
    let until = house.now() + Duration::days(3);
    let id = house.book(stay(STUDIO, day(3, 2), day(3, 8)));
    fault(&house, Vendor::TheKeys, Operation::DeleteCode, FaultKind::Status(403, "no".into()), until);
    house.cancel(id);
    house.pass(Duration::days(2));
    assert_eq!(on(&house, STUDIO, id), 1);
    assert!(!house.alerts(id).is_empty(), "a cancelled stay opens the door and nobody knows");
}

#[test]
fn r15_given_a_door_whose_lock_was_migrated_when_the_stay_is_over_then_no_code_is_left_on_the_old_lock() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    // The studio's door now names the loft's keypad; the old one still belongs to another door of ours.
    let house = house.restarted(|plan| {
        plan.keypad_of = |apartment| if apartment == STUDIO { LOFT } else { STUDIO };
    });
    house.pass(Duration::hours(3));
    assert_eq!(on(&house, LOFT, id), 1, "the new lock has the code");
    assert_eq!(on(&house, STUDIO, id), 0, "the old lock has none: {:?}", house.ledger(id));
}

// ---- told twice, told wrong, not told

#[test]
fn r16_given_two_doors_of_an_earlier_system_when_they_are_taken_over_then_nobody_is_told_again() {
    for order in [(|_| vec![STUDIO, LOFT]) as fn(u64) -> Vec<u64>, |_| vec![LOFT, STUDIO]] {
        let house = House::with(Plan { doors_of: order, units: vec![STUDIO], ..Plan::default() });
        plant(&house, STUDIO, 9001, day(3, 5), day(3, 8), "4821");
        plant(&house, LOFT, 9001, day(3, 5), day(3, 8), "4821");
        let house = house.restarted(|_| {});
        house.book(booking_sim::smoobu::NewBooking { id: Some(9001), ..stay(STUDIO, day(3, 5), day(3, 8)) });
        house.pass(Duration::hours(2));
        assert!(house.sms().is_empty(), "{:?}", house.sms());
        assert_eq!(house.writes(), (0, 0, 0));
    }
}

#[test]
fn r17_given_first_mode_when_the_first_channel_fails_long_and_comes_back_then_the_guest_was_told_once() {
    let house = House::with(Plan { first_only: true, ..Plan::default() });
    let until = house.now() + Duration::hours(5);
    fault(
        &house,
        Vendor::SerwerSms,
        Operation::SendSms,
        FaultKind::RateLimit { seconds: 60, absolute: false },
        until,
    );
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.pass(Duration::hours(10));
    assert_eq!(house.sms().len() + house.thread(id).len(), 1, "{:?} {:?}", house.sms(), house.thread(id));
}

#[test]
fn r18_given_first_mode_when_the_first_channel_is_in_doubt_until_arrival_then_the_next_one_tells() {
    let house = House::with(Plan { first_only: true, ..Plan::default() });
    let until = house.now() + Duration::days(6);
    house.sims().add_fault(Fault::new(Vendor::SerwerSms, FaultKind::DropBefore).until(until));
    let id = house.book(stay(STUDIO, day(3, 2), day(3, 8)));
    house.pass_until(local(3, 2, 15, 0));
    assert_eq!((house.sms().len(), house.thread(id).len()), (0, 1), "{:?}", house.messages(id));
}

#[test]
fn r19_given_a_number_that_the_gateway_refuses_when_it_is_corrected_then_the_guest_is_told() {
    let house = House::with(Plan { guest: vec!["sms"], ..Plan::default() });
    let error = r#"{"error":{"code":2001,"type":"ValidationPhoneError","message":"Incorrect phone number"}}"#;
    house.sims().add_fault(
        Fault::new(Vendor::SerwerSms, FaultKind::Status(200, error.into())).on(Operation::SendSms).times(1),
    );
    let wrong = booking_sim::smoobu::NewBooking {
        phone: Some("+48 600 000 009".into()),
        ..stay(STUDIO, day(3, 5), day(3, 8))
    };
    let id = house.book(wrong);
    assert!(house.sms().is_empty());
    assert_eq!(house.alerts(id), ["message-undeliverable"], "{:?}", house.messages(id));
    house.change(id, BookingPatch { phone: Some(Some("+48 600 000 001".into())), ..BookingPatch::default() });
    house.pass(Duration::hours(1));
    assert_eq!(house.sms().len(), 1);
}

#[test]
fn r20_given_first_mode_when_the_phone_appears_after_the_thread_has_told_then_nobody_is_told_twice() {
    let house = House::with(Plan { first_only: true, ..Plan::default() });
    let id =
        house.book(booking_sim::smoobu::NewBooking { phone: None, ..stay(STUDIO, day(3, 5), day(3, 8)) });
    house.change(id, BookingPatch { phone: Some(Some("600 000 001".into())), ..BookingPatch::default() });
    house.pass(Duration::hours(1));
    assert_eq!((house.sms().len(), house.thread(id).len()), (0, 1));
}

// ---- work that does not come to rest, or is never due again

/// What became of a write that fails for an hour while reads work, each call taking a moment.
fn write_trouble(operation: Operation, settle: i64, kind: FaultKind) {
    let house = House::with(Plan { policy: policy(settle), ..Plan::default() });
    let new = stay(STUDIO, day(3, 5), day(3, 8));
    let until = house.now() + Duration::hours(1);
    let id = if operation == Operation::CreateCode {
        slow(&house);
        fault(&house, Vendor::TheKeys, operation, kind, until);
        house.book(new)
    } else {
        let id = house.book(new);
        slow(&house);
        fault(&house, Vendor::TheKeys, operation, kind, until);
        if operation == Operation::UpdateCode {
            house.change(id, to(day(3, 9)))
        } else {
            house.cancel(id)
        }
        id
    };
    let tried = house.sims().log().seen(operation);
    assert!(tried < 6, "{tried} in a row");
    house.pass(Duration::hours(2));
    if operation == Operation::DeleteCode {
        assert_eq!(on(&house, STUDIO, id), 0);
    } else {
        let until = if operation == Operation::UpdateCode { day(3, 9) } else { day(3, 8) };
        assert_eq!(house.codes(STUDIO).iter().map(|share| share.date_end).collect::<Vec<_>>(), [Some(until)]);
    }
}

fn write_troubles(operation: Operation) {
    let failed: Vec<String> = kinds()
        .into_iter()
        .filter(|(settle, kind)| {
            std::panic::catch_unwind(|| write_trouble(operation, *settle, kind.clone())).is_err()
        })
        .map(|(settle, kind)| format!("settle {settle} minutes, {kind:?}"))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn r20_5_given_calls_that_take_time_when_creates_fail_and_reads_work_then_the_work_comes_to_rest() {
    write_troubles(Operation::CreateCode);
}

#[test]
fn r21_given_calls_that_take_time_when_updates_fail_and_reads_work_then_the_work_comes_to_rest() {
    write_troubles(Operation::UpdateCode);
}

#[test]
fn r22_given_calls_that_take_time_when_deletes_fail_and_reads_work_then_the_work_comes_to_rest() {
    write_troubles(Operation::DeleteCode);
}

#[test]
fn r23_given_no_free_pin_when_pins_become_free_then_the_stay_gets_one() {
    let house = House::new().restarted(|_| {});
    let (lock, keypad, _) = keypad(STUDIO);
    let now = house.now();
    let planted: Vec<u64> = (0..10_000)
        .map(|n| {
            house.sims().thekeys.plant_share(now, Share::permanent(lock, keypad, "Staff", &format!("{n:04}")))
        })
        .collect();
    let id = house.book(stay(STUDIO, day(3, 2), day(3, 8)));
    assert_eq!(house.alerts(id), ["pin-space-exhausted"]);
    house.pass(Duration::hours(6));
    let now = house.now();
    for share in planted {
        house.sims().thekeys.remove_share(now, share);
    }
    house.pass_until(local(3, 2, 15, 0));
    assert!(house.typed(STUDIO, id).is_some());
}

#[test]
fn r24_given_a_drifted_code_when_it_is_put_back_then_staff_was_alerted() {
    let house = House::new().restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let (share, now) = (house.codes(STUDIO)[0].id, house.now());
    house.sims().thekeys.remove_share(now, share);
    house.pass(Duration::hours(2));
    assert_eq!(on(&house, STUDIO, id), 1);
    let alerts = booking_core::conformance::block_on(
        house.store.stay(&crate::house::tenant_slug(), &house.booking_id(id)),
    )
    .unwrap();
    let drift = alerts
        .into_iter()
        .any(|row| matches!(row.record, booking_core::store::Record::Alert(alert) if alert.kind == "drift"));
    assert!(drift);
}

#[test]
fn r25_b09_given_one_false_empty_list_when_the_next_one_shows_the_code_then_no_duplicate_was_made() {
    let house = House::new().restarted(|_| {});
    house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let before = house.writes();
    house.pass(Duration::minutes(30));
    let path = "/fr/api/v2/partage/all/serrure/4411";
    house.sims().add_fault(
        Fault::new(Vendor::TheKeys, FaultKind::EmptyList).on_path(&http::Method::GET, path).times(1),
    );
    house.pass(Duration::hours(2));
    assert_eq!(house.writes(), before);
}

#[test]
fn r26_given_a_code_that_staff_made_anew_with_the_same_text_when_it_is_seen_then_it_stays() {
    let house = House::new().restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    let share = house.codes(STUDIO)[0].clone();
    let now = house.now();
    house.sims().thekeys.remove_share(now, share.id);
    let anew = house.sims().thekeys.plant_share(now, Share { id: 0, ..share });
    house.pass(Duration::hours(3));
    let left: Vec<u64> = house.codes(STUDIO).iter().map(|share| share.id).collect();
    assert_eq!((left, house.writes()), (vec![anew], (1, 0, 0)), "{:?}", house.audit(id));
}

// ---- crashes at every call of a move, an extension, a cancellation, with two doors

fn both(_: u64) -> Vec<u64> {
    vec![STUDIO, LOFT]
}

#[test]
fn r27_given_a_crash_after_any_call_when_work_goes_on_then_the_stay_is_right_and_told_once() {
    use Operation::{CreateCode, DeleteCode, GetReservation, ListCodes, SendSms, SendToGuest, UpdateCode};
    let cases: [(&str, &[Operation]); 4] = [
        ("book", &[GetReservation, ListCodes, CreateCode, SendSms, SendToGuest]),
        ("extend", &[GetReservation, UpdateCode, ListCodes, SendSms, SendToGuest]),
        ("move", &[GetReservation, CreateCode, ListCodes, SendSms, SendToGuest, DeleteCode]),
        ("cancel", &[GetReservation, DeleteCode, ListCodes]),
    ];
    for two in [false, true] {
        for (what, operations) in cases {
            if two && what == "move" {
                continue;
            }
            for operation in operations {
                let mut plan = Plan { policy: policy(5), ..Plan::default() };
                if two {
                    plan.doors_of = both;
                }
                let house = House::with(plan);
                let now = house.now();
                let id = if what == "book" {
                    house.sims().smoobu.create_booking(now, stay(STUDIO, day(3, 5), day(3, 8)))
                } else {
                    house.book(stay(STUDIO, day(3, 5), day(3, 8)))
                };
                house.clock.advance(StdDuration::from_secs(1200));
                let now = house.now();
                let _ = match what {
                    "extend" => house.sims().smoobu.update_booking(now, id, to(day(3, 9))),
                    "move" => house.sims().smoobu.update_booking(now, id, move_to(LOFT)),
                    "cancel" => house.sims().smoobu.cancel(now, id),
                    _ => true,
                };
                house.die_after(*operation);
                let house = house.restarted(|_| {});
                house.outlive_leases();
                house.pass(Duration::hours(3));
                let got =
                    (on(&house, STUDIO, id), on(&house, LOFT, id), house.sms().len(), house.thread(id).len());
                let wanted = match what {
                    "book" => (1, usize::from(two), 1, 1),
                    "extend" => (1, usize::from(two), 2, 2),
                    "move" => (0, 1, 2, 2),
                    _ => (0, 0, 1, 1),
                };
                assert_eq!(got, wanted, "{what} {operation:?} two doors {two}: {:?}", house.audit(id));
            }
        }
    }
}

#[test]
fn r28_given_messages_that_fail_when_a_stay_moves_there_and_back_then_one_code_is_left_and_it_is_the_told_one()
 {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    mute(&house, house.now() + Duration::hours(2));
    house.change(id, move_to(LOFT));
    house.pass(Duration::minutes(10));
    assert!(house.opens_at(STUDIO, &typed, local(3, 1, 15, 0)));
    house.change(id, move_to(STUDIO));
    house.pass(Duration::hours(4));
    assert_eq!((on(&house, STUDIO, id), on(&house, LOFT, id)), (1, 0));
    assert_eq!(house.typed(STUDIO, id), Some(typed));
    assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1));
}

#[test]
fn r29_given_a_lost_delete_and_an_unreadable_door_when_the_cancellation_is_taken_back_then_the_same_pin_is_there_once()
 {
    for kind in [FaultKind::DropBefore, FaultKind::DropAfter] {
        let house = House::with(Plan { policy: policy(5), ..Plan::default() });
        let id = house.book(stay(STUDIO, day(3, 2), day(3, 8)));
        let typed = house.typed(STUDIO, id);
        house.pass(Duration::minutes(20));
        let until = house.now() + Duration::hours(1);
        house.sims().add_fault(Fault::new(Vendor::TheKeys, kind).on(Operation::DeleteCode).times(1));
        house
            .sims()
            .add_fault(Fault::new(Vendor::TheKeys, busy()).on(Operation::ListCodes).skip(1).until(until));
        house.cancel(id);
        house.pass(Duration::minutes(1));
        let now = house.now();
        assert!(house.sims().smoobu.reinstate(now, id));
        house.settle();
        house.pass(Duration::hours(3));
        assert_eq!((house.typed(STUDIO, id), on(&house, STUDIO, id)), (typed, 1), "{:?}", house.audit(id));
        assert_eq!(house.sms().len(), 1);
    }
}

#[test]
fn r30_given_telling_only_near_arrival_when_a_stay_moves_before_and_after_it_was_told_then_it_is_told_right()
{
    let mut policy = policy(0);
    policy.tell = Tell::BeforeArrival(Duration::hours(48));
    let house = House::with(Plan { policy, ..Plan::default() });
    let id = house.book(stay(STUDIO, day(3, 10), day(3, 12)));
    house.change(id, move_to(LOFT));
    house.pass(Duration::hours(1));
    assert_eq!((on(&house, STUDIO, id), on(&house, LOFT, id), house.sms().len()), (0, 1, 0));
    house.pass_until(local(3, 8, 16, 0));
    house.change(id, move_to(STUDIO));
    house.pass(Duration::hours(1));
    assert_eq!((on(&house, STUDIO, id), on(&house, LOFT, id), house.sms().len()), (1, 0, 2));
}

#[test]
fn r31_given_observe_mode_when_it_is_switched_to_full_then_all_stays_converge() {
    let house = House::with(Plan { mode: booking_engine::Mode::Observe, ..Plan::default() });
    let live = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let cancelled = house.book(stay(LOFT, day(3, 5), day(3, 8)));
    house.cancel(cancelled);
    plant(&house, LOFT, 9001, day(3, 12), day(3, 14), "4821");
    // What was read of the door before is too old by then.
    house.pass(Duration::minutes(11));
    let adopted =
        house.book(booking_sim::smoobu::NewBooking { id: Some(9001), ..stay(LOFT, day(3, 12), day(3, 14)) });
    house.pass(Duration::minutes(5));
    let house = house.restarted(|plan| plan.mode = booking_engine::Mode::Full);
    house.pass(Duration::hours(1));
    assert_eq!((on(&house, STUDIO, live), on(&house, LOFT, cancelled), on(&house, LOFT, adopted)), (1, 0, 1));
    assert_eq!(
        (house.sms().len(), house.thread(adopted).len()),
        (1, 0),
        "{:?} {:?} {:?}",
        house.sms(),
        house.messages(adopted),
        house.audit(adopted)
    );
}

#[test]
fn r32_given_a_unit_whose_doors_change_in_the_configuration_when_the_guest_is_in_the_house_then_nobody_is_shut_out()
 {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.pass_until(local(3, 2, 9, 0));
    let house = house.restarted(|plan| plan.doors_of = |_| vec![LOFT]);
    house.pass(Duration::hours(1));
    let new = house.typed(LOFT, id).unwrap();
    assert!(house.opens_at(LOFT, &new, house.now()) && !house.opens_at(STUDIO, &typed, house.now()));
    assert!(house.sms().last().unwrap().contains(&new));
}

#[test]
fn r33_given_a_removed_entry_that_is_used_again_with_other_digits_when_others_book_then_the_old_digits_still_rest()
 {
    let house = House::new();
    let (lock, keypad, _) = keypad(STUDIO);
    house.sims().thekeys.lock_mut(lock).unwrap().refuse_duplicates = true;
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    let told = house.typed(STUDIO, id).unwrap()[2..].to_owned();
    // Staff replaces our code by one of its own with the same digits, then takes that one away too.
    let (share, now) = (house.codes(STUDIO)[0].id, house.now());
    house.sims().thekeys.remove_share(now, share);
    let staff = house.sims().thekeys.plant_share(now, Share::permanent(lock, keypad, "Staff", &told));
    let house = house.restarted(|_| {});
    house.pass(Duration::hours(2));
    let second = house.typed(STUDIO, id).unwrap()[2..].to_owned();
    assert_ne!(second, told);
    let now = house.now();
    house.sims().thekeys.remove_share(now, staff);
    // Every other PIN is taken by staff: only the rested one would be left.
    let free: BTreeSet<String> = [told.clone(), second].into();
    for n in 0..10_000 {
        let pin = format!("{n:04}");
        if !free.contains(&pin) {
            house.sims().thekeys.plant_share(now, Share::permanent(lock, keypad, "Staff", &pin));
        }
    }
    house.pass(Duration::minutes(15));
    let other = house.book(stay(STUDIO, day(3, 2), day(3, 8)));
    assert_eq!(
        house.typed(STUDIO, other),
        None,
        "digits that the first guest was told were given to another"
    );
}

#[test]
fn r34_given_two_codes_of_an_earlier_system_for_one_stay_when_they_are_taken_over_then_neither_goes_before_the_guest_is_told()
 {
    let house = House::new();
    plant(&house, STUDIO, 9001, day(3, 1), day(3, 8), "4821");
    plant(&house, STUDIO, 9001, day(3, 1), day(3, 8), "7359");
    house.book(booking_sim::smoobu::NewBooking { id: Some(9001), ..stay(STUDIO, day(3, 1), day(3, 8)) });
    house.pass_until(local(3, 2, 9, 0));
    let (told, now) = (house.sms().len(), house.now());
    assert!(told > 0 || ["314821", "317359"].iter().all(|typed| house.opens_at(STUDIO, typed, now)));
}

#[test]
fn r36_given_a_create_that_lists_do_not_show_yet_when_the_booking_is_cancelled_then_the_code_goes_once_it_shows()
 {
    let house = House::with(Plan { policy: policy(5), ..Plan::default() });
    let until = house.now() + Duration::minutes(30);
    fault(
        &house,
        Vendor::TheKeys,
        Operation::ListCodes,
        FaultKind::ReadLag(StdDuration::from_secs(200)),
        until,
    );
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    house.pass(Duration::seconds(30));
    house.cancel(id);
    house.pass(Duration::minutes(20));
    assert_eq!(on(&house, STUDIO, id), 0, "{:?}", house.ledger(id));
}

#[test]
fn r37_given_all_sorts_of_trouble_when_the_audit_and_the_alerts_are_searched_then_nothing_personal_is_in_them()
 {
    let error = r#"{"error":{"code":2001,"type":"ValidationPhoneError","message":"Incorrect phone number +48600000001"}}"#;
    let house = House::new();
    house.sims().add_fault(
        Fault::new(Vendor::SerwerSms, FaultKind::Status(200, error.into())).on(Operation::SendSms).times(1),
    );
    house.sims().add_fault(
        Fault::new(Vendor::TheKeys, FaultKind::ErrorAfterApply).on(Operation::CreateCode).times(1),
    );
    let id = house.book(stay(STUDIO, day(3, 2), day(3, 8)));
    house.pass(Duration::hours(1));
    house.change(id, move_to(LOFT));
    house.pass(Duration::hours(1));
    let typed = house.typed(LOFT, id).unwrap();
    let mut text: String = house.audit(id).iter().map(|entry| format!("{entry:?}\n")).collect();
    text += &format!("{:?} {:?}", house.messages(id), house.ledger(id));
    for personal in [&typed[2..], "600000001", "Ada", "Example"] {
        assert!(!text.contains(personal), "{personal} {text}");
    }
}

#[test]
fn r38_given_a_late_check_out_and_the_night_of_the_clock_change_when_it_is_agreed_then_the_window_grows_and_is_told_once()
 {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 26), day(3, 28)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.pass_until(local(3, 27, 9, 0));
    house.change(id, BookingPatch { check_out: Some(Some("14:30".into())), ..BookingPatch::default() });
    house.pass(Duration::hours(1));
    assert_eq!(
        (house.typed(STUDIO, id), house.sms().len(), house.thread(id).len()),
        (Some(typed.clone()), 2, 2)
    );
    house.pass_until(local(3, 28, 14, 29));
    assert!(house.opens_at(STUDIO, &typed, house.now()));
    house.pass_until(local(3, 28, 14, 31));
    assert!(house.codes(STUDIO).is_empty());
}

#[test]
fn r39_given_a_code_kept_after_a_cancellation_in_the_house_when_it_vanishes_from_the_door_then_it_is_put_back()
 {
    let house = House::new().restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.pass_until(local(3, 2, 9, 0));
    house.cancel(id);
    let (share, now) = (house.codes(STUDIO)[0].id, house.now());
    house.sims().thekeys.remove_share(now, share);
    house.pass(Duration::hours(3));
    assert!(house.opens_at(STUDIO, &typed, house.now()), "{:?}", house.alerts(id));
}

mod small {
    //! One door of a made-up vendor.

    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use booking_core::conformance::{
        MemoryLock, MemoryNotifier, MemorySource, On, Planted, SeededRng, Trouble, block_on,
    };
    use booking_core::{
        Booking, BookingKind, BookingStatus, Channel, Clock, Dedup, Delivery, Door, DoorId, DoorKey,
        DoorRules, Event, ExternalId, Guest, MessageLimits, Reply, Revision, StayDates, UnitId, UnitRef,
    };
    use booking_engine::text::Texts;
    use booking_engine::{
        Brake, DoorSetup, Engine, GuestChannels, Mode, NotifierSetup, Policy, Tenant, Unit,
    };
    use booking_http::testing::LeapingClock;
    use booking_store::MemoryStore;
    use chrono::{Duration, NaiveTime};

    use crate::house::{ZONE, day, local, name, tenant_slug};

    #[test]
    fn r40_given_a_reference_that_fits_no_marker_when_the_answer_to_the_create_is_lost_then_one_code_is_on_the_door()
     {
        assert_eq!(run("0f8fad5b-d9cb-469f-a165-70867728950e", true, MessageLimits::NONE), (1, 1));
    }

    #[test]
    fn r43_given_a_text_that_cannot_be_made_when_the_guest_is_to_be_told_then_the_work_comes_to_rest() {
        assert_eq!(run("12", false, MessageLimits::sms(0)), (1, 0));
    }

    /// How many codes are on the door, and how many messages were sent, half an hour after a booking arrived.
    fn run(reference: &str, lost: bool, limits: MessageLimits) -> (usize, usize) {
        let clock = Arc::new(LeapingClock::new(local(3, 1, 12, 0)));
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let key = DoorKey { vendor: "memory".into(), device: "1".into(), keypad: "flat".into() };
        let source = Arc::new(MemorySource::new());
        let lock =
            Arc::new(MemoryLock::new(dyn_clock.clone()).with_door(key.clone(), ZONE, DoorRules::new(4)));
        let notifier = Arc::new(MemoryNotifier::new(Channel::Record, dyn_clock.clone()).with_limits(limits));
        let mut policy = Policy::default();
        policy.settle = Duration::zero();
        let door = DoorId::parse("flat").unwrap();
        let tenant = Tenant {
            slug: tenant_slug(),
            mode: Mode::Full,
            default_language: "en".into(),
            default_region: None,
            sources: BTreeMap::from([(name("source"), source.clone() as _)]),
            locks: BTreeMap::from([(name("lock"), lock.clone() as _)]),
            notifiers: BTreeMap::from([(
                name("record"),
                NotifierSetup { notifier: notifier.clone(), source: None },
            )]),
            units: vec![Unit {
                id: UnitId::parse("flat").unwrap(),
                name: None,
                sources: BTreeMap::from([(name("source"), UnitRef::parse("1").unwrap())]),
                zone: ZONE,
                check_in: NaiveTime::from_hms_opt(15, 0, 0).unwrap(),
                check_out: NaiveTime::from_hms_opt(12, 0, 0).unwrap(),
                doors: vec![door.clone()],
                policy: policy.clone(),
                contact: None,
            }],
            doors: BTreeMap::from([(
                door.clone(),
                DoorSetup {
                    id: door,
                    label: None,
                    confirm: None,
                    backup_codes: 0,
                    lock: name("lock"),
                    door: Door { key: key.clone(), zone: ZONE, pin_prefix: None, pin_length: None },
                },
            )]),
            guest: GuestChannels::All(vec![name("record")]),
            staff: Vec::new(),
            policy,
            full_read_every: Duration::minutes(30),
            full_read_ahead: Duration::days(400),
            door_read_every: Duration::minutes(60),
            brake: Brake::default(),
            retired: BTreeSet::new(),
            texts: Arc::new(Texts::load(None).unwrap()),
        };
        let engine =
            Engine::new(Arc::new(MemoryStore::new()), dyn_clock, Arc::new(SeededRng::new(5)), vec![tenant]);
        let reference = ExternalId::parse(reference).unwrap();
        source.put(Booking {
            reference: reference.clone(),
            unit: Some(UnitRef::parse("1").unwrap()),
            unit_name: None,
            kind: BookingKind::Stay,
            status: BookingStatus::Confirmed,
            guest: Guest { name: Some("Ada Example".into()), ..Guest::default() },
            dates: Ok(StayDates::new(day(3, 5), day(3, 8)).unwrap()),
            check_in: None,
            check_out: None,
            revision: Some(Revision(1)),
        });
        if lost {
            lock.plant(Planted::new(Trouble::AnswerLost).on(On::Writes).times(1));
        }
        let delivery = Delivery {
            action: "changed",
            dedup: Dedup::Content { hash: "1".into() },
            events: vec![Event::Hint { reference, deleted: false }],
            reply: Reply { status: 200, body: serde_json::Value::Null },
        };
        let _ = block_on(engine.accept(&tenant_slug(), &name("source"), delivery)).unwrap();
        for _ in 0..30 {
            block_on(engine.run_due()).unwrap();
            clock.advance(std::time::Duration::from_secs(60));
        }
        (lock.codes_on(&key).len(), notifier.sent().len())
    }
}

#[test]
fn r41_given_a_second_code_of_the_same_stay_with_the_same_digits_when_it_is_found_then_staff_is_told_of_no_other_stay()
 {
    let house = House::new().restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let share = house.codes(STUDIO)[0].clone();
    let now = house.now();
    house.sims().thekeys.plant_share(now, Share { id: 0, ..share });
    house.pass(Duration::hours(2));
    assert_eq!(on(&house, STUDIO, id), 1);
    assert!(house.audit(id).iter().all(|entry| entry.what != "pin-shared"), "{:?}", house.audit(id));
}

#[test]
fn r42_given_writes_that_fail_for_one_stay_when_the_door_is_read_for_another_then_the_first_one_waits_its_time()
 {
    let house = House::new();
    slow(&house);
    let until = house.now() + Duration::hours(1);
    fault(&house, Vendor::TheKeys, Operation::CreateCode, FaultKind::Status(403, "no".into()), until);
    house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let before = house.sims().log().seen(Operation::CreateCode);
    for n in 0..10 {
        house.book(stay(STUDIO, day(4, 1 + n), day(4, 2 + n)));
    }
    let tried = house.sims().log().seen(Operation::CreateCode) - before;
    assert!(tried <= 20, "{tried} creates for 10 new stays");
}

#[test]
fn r43_given_a_keypad_that_is_slow_to_take_codes_when_it_loses_one_it_has_shown_then_that_is_noticed_at_the_next_reads()
 {
    let mut rules = DoorRules::new(4);
    rules.settle = std::time::Duration::from_secs(24 * 3600);
    let inn = Inn::new(Layout::flat(rules));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    inn.pass(Duration::minutes(10));
    let before = inn.pin("flat", "1");
    assert!(inn.lock().remove(&key("flat"), &inn.codes("flat", "1")[0].id));
    inn.pass(Duration::hours(9));
    assert_eq!((inn.codes("flat", "1").len(), inn.pin("flat", "1")), (1, before));
}

#[test]
fn r44_given_a_code_whose_stay_is_over_when_the_stay_is_put_off_then_the_guest_hears_once_the_code_has_the_new_times()
 {
    let mut layout = Layout::flat(DoorRules::new(4));
    layout.mode = booking_engine::Mode::UpsertOnly;
    let inn = Inn::new(layout);
    inn.book("1", "flat", day(3, 2), day(3, 3));
    inn.pass(Duration::days(4));
    inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Writes));
    inn.change("1", |booking| booking.dates = Ok(StayDates::new(day(3, 8), day(3, 9)).unwrap()));
    inn.pass(Duration::minutes(30));
    assert_eq!(inn.told("1").len(), 1, "nothing is true yet");
    inn.lock().mend();
    inn.pass(Duration::hours(1));
    assert_eq!((inn.told("1").len(), inn.codes("flat", "1").len()), (2, 1));
}
