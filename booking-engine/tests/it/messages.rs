//! What guests hear, and when.

use booking_core::store::MessageState;
use booking_engine::{Policy, Tell};
use booking_sim::smoobu::{BookingPatch, NewBooking};
use booking_sim::{Fault, FaultKind, Operation, Vendor};
use chrono::Duration;

use crate::house::{House, Plan, STUDIO, day, local, stay};

#[test]
fn j01_an_unproven_code_is_not_told() {
    let house = House::new();
    let until = house.now() + Duration::hours(5);
    house.sims().add_fault(
        Fault::new(Vendor::TheKeys, FaultKind::EmptyList).on(Operation::ListCodes).skip(1).until(until),
    );
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    assert!(house.sms().is_empty() && house.thread(id).is_empty());
}

#[test]
fn j03_without_a_phone_the_next_channel_is_used_and_the_gap_is_on_record() {
    let house = House::with(Plan { first_only: true, ..Plan::default() });
    let id = house.book(NewBooking { phone: None, ..stay(STUDIO, day(3, 5), day(3, 8)) });
    assert_eq!((house.sms().len(), house.thread(id).len()), (0, 1));
    let states: Vec<_> = house
        .messages(id)
        .iter()
        .map(|message| (message.notifier.to_string(), message.state.clone()))
        .collect();
    assert!(states.contains(&("sms".to_owned(), MessageState::Undeliverable)), "{states:?}");
}

#[test]
fn where_the_first_channel_works_the_second_is_silent() {
    let house = House::with(Plan { first_only: true, ..Plan::default() });
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    assert_eq!((house.sms().len(), house.thread(id).len()), (1, 0));
}

#[test]
fn a_phone_number_that_comes_later_gets_its_text_once() {
    let house = House::new();
    let id = house.book(NewBooking { phone: None, ..stay(STUDIO, day(3, 5), day(3, 8)) });
    assert_eq!((house.sms().len(), house.thread(id).len()), (0, 1));
    house.change(id, BookingPatch { phone: Some(Some("600 000 001".into())), ..BookingPatch::default() });
    house.pass(Duration::hours(1));
    assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1));
}

#[test]
fn a_guest_whom_no_channel_reaches_is_staffs_to_call() {
    let house = House::with(Plan { guest: vec!["sms"], ..Plan::default() });
    let id = house.book(NewBooking { phone: Some("call me".into()), ..stay(STUDIO, day(3, 5), day(3, 8)) });
    assert_eq!(house.alerts(id), ["message-undeliverable"]);
    assert_eq!(house.codes(STUDIO).len(), 1);
}

#[test]
fn a_lost_answer_to_a_message_is_looked_up_and_not_sent_twice() {
    for (vendor, operation) in
        [(Vendor::SerwerSms, Operation::SendSms), (Vendor::Smoobu, Operation::SendToGuest)]
    {
        for kind in [FaultKind::DropAfter, FaultKind::ErrorAfterApply] {
            let house = House::new();
            house.sims().add_fault(Fault::new(vendor, kind.clone()).on(operation).times(1));
            let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
            house.pass(Duration::hours(1));
            assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1), "{vendor:?} {kind:?}");
            assert!(house.messages(id).iter().all(|message| !message.maybe_twice));
        }
    }
}

#[test]
fn a_message_that_never_left_is_sent_again() {
    for (vendor, operation) in
        [(Vendor::SerwerSms, Operation::SendSms), (Vendor::Smoobu, Operation::SendToGuest)]
    {
        let house = House::new();
        house.sims().add_fault(Fault::new(vendor, FaultKind::DropBefore).on(operation).times(1));
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        house.pass(Duration::hours(1));
        assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1), "{vendor:?}");
    }
}

#[test]
fn an_sms_gateway_that_fails_keeps_no_guest_from_the_thread() {
    let house = House::new();
    let until = house.now() + Duration::hours(1);
    house.sims().down_until(Vendor::SerwerSms, until);
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    assert_eq!((house.sms().len(), house.thread(id).len()), (0, 1));
    house.pass(Duration::hours(3));
    assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1));
}

#[test]
fn j09_a_past_guest_is_not_told_of_an_edit() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 2), day(3, 4)));
    house.pass_until(local(3, 5, 9, 0));
    house.change(
        id,
        BookingPatch { departure: Some(day(3, 5)), arrival: Some(day(3, 3)), ..BookingPatch::default() },
    );
    house.change(id, BookingPatch { notice: Some("lost a sock".into()), ..BookingPatch::default() });
    house.pass_until(local(3, 6, 9, 0));
    assert_eq!(
        (house.sms().len(), house.thread(id).len()),
        (2, 2),
        "the edit of day 5 ends at noon of that day"
    );
    house.change(id, BookingPatch { departure: Some(day(3, 4)), ..BookingPatch::default() });
    assert_eq!((house.sms().len(), house.thread(id).len()), (2, 2));
}

#[test]
fn a_guest_may_be_told_only_near_arrival() {
    let mut policy = Policy::default();
    policy.settle = Duration::zero();
    policy.tell = Tell::BeforeArrival(Duration::hours(48));
    let house = House::with(Plan { policy, ..Plan::default() });
    let id = house.book(stay(STUDIO, day(3, 10), day(3, 12)));
    house.pass_until(local(3, 8, 14, 0));
    assert_eq!((house.codes(STUDIO).len(), house.sms().len()), (1, 0));
    house.pass_until(local(3, 8, 15, 1));
    assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1));
    house.change(id, BookingPatch { departure: Some(day(3, 13)), ..BookingPatch::default() });
    assert_eq!(house.sms().len(), 2);
}

#[test]
fn where_the_door_may_lag_the_guest_is_told_from_when_the_code_works() {
    let mut policy = Policy::default();
    policy.settle = Duration::minutes(5);
    let house = House::with(Plan { policy, ..Plan::default() });
    house.pass_until(local(3, 1, 16, 0));
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 4)));
    assert_eq!(house.sms().len(), 1);
    assert!(house.thread(id)[0].contains("16:05"), "{}", house.thread(id)[0]);
}

#[test]
fn every_language_is_spoken() {
    for (language, word) in [
        ("en", "code"),
        ("de-AT", "Code"),
        ("PL", "Kod"),
        ("ru", "од"),
        ("ua", "од"),
        ("uk", "од"),
        ("xx", "code"),
    ] {
        let house = House::new();
        let id =
            house.book(NewBooking { language: Some(language.into()), ..stay(STUDIO, day(3, 5), day(3, 8)) });
        let (typed, text) = (house.typed(STUDIO, id).unwrap(), house.sms()[0].clone());
        assert!(
            text.contains(&typed) && text.to_lowercase().contains(&word.to_lowercase()),
            "{language}: {text}"
        );
    }
}
