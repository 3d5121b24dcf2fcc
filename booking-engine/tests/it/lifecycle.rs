//! Bookings made, changed, moved.

use booking_core::Proof;
use booking_core::store::{CodeState, Kind};
use booking_engine::Mode;
use booking_sim::smoobu::{BookingPatch, NewBooking};
use booking_sim::thekeys::Share;
use chrono::Duration;

use crate::house::{House, LOFT, Plan, SHED, STUDIO, day, keypad, local, stay};

#[test]
fn a01_a_booking_gives_one_code_on_the_door_and_one_message_by_each_channel() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let codes = house.codes(STUDIO);
    assert_eq!(codes.len(), 1);
    assert_eq!(codes[0].description.as_deref(), Some(&*format!("Smoobu#{id}")));
    assert_eq!((codes[0].date_start, codes[0].date_end), (Some(day(3, 5)), Some(day(3, 8))));
    assert_eq!((codes[0].hour_start, codes[0].hour_end), (Some((15, 0)), Some((12, 0))));
    let typed = house.typed(STUDIO, id).unwrap();
    assert_eq!(house.sms().len(), 1);
    assert_eq!(house.thread(id).len(), 1);
    assert!(house.sms()[0].contains(&typed) && house.thread(id)[0].contains(&typed));
    let ledger = house.ledger(id);
    assert_eq!(ledger.len(), 1);
    assert!(ledger[0].proof >= Proof::Listed && ledger[0].state == CodeState::Wanted);
    assert_eq!(house.writes(), (1, 0, 0));
    assert!(house.opens_at(STUDIO, &typed, local(3, 6, 3, 0)));
}

#[test]
fn a02_the_same_booking_again_writes_nothing_and_tells_nobody() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let reply = format!(r#"{{"action":"updateReservation","user":77,"data":{{"id":{id}}}}}"#);
    for _ in 0..3 {
        house.deliver(reply.as_bytes());
        house.settle();
        house.pass(Duration::minutes(7));
    }
    assert_eq!(house.writes(), (1, 0, 0));
    assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1));
}

#[test]
fn changes_that_no_guest_must_know_write_no_message() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.change(
        id,
        BookingPatch { price: Some(400.0), notice: Some("late".into()), ..BookingPatch::default() },
    );
    house.change(id, BookingPatch { phone: Some(Some("+48 600 000 002".into())), ..BookingPatch::default() });
    house.change(id, BookingPatch { language: Some(Some("de".into())), ..BookingPatch::default() });
    assert_eq!(house.writes(), (1, 0, 0));
    assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1));
}

#[test]
fn a04_an_extended_stay_in_the_house_keeps_its_pin_and_is_told_once() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 2), day(3, 5)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.pass_until(local(3, 4, 9, 0));
    house.change(id, BookingPatch { departure: Some(day(3, 7)), ..BookingPatch::default() });
    house.pass_until(local(3, 6, 9, 0));
    assert_eq!(house.typed(STUDIO, id).as_deref(), Some(&*typed));
    assert_eq!(house.codes(STUDIO).len(), 1);
    assert!(
        house.opens_at(STUDIO, &typed, local(3, 7, 11, 59))
            && !house.opens_at(STUDIO, &typed, local(3, 7, 12, 0))
    );
    assert_eq!((house.sms().len(), house.thread(id).len()), (2, 2));
    assert_eq!(house.writes(), (1, 1, 0));
}

#[test]
fn a05_a_shortened_stay_ends_earlier_with_the_same_code() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 10), day(3, 15)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.change(id, BookingPatch { departure: Some(day(3, 12)), ..BookingPatch::default() });
    assert_eq!(house.codes(STUDIO).len(), 1);
    assert!(
        !house.opens_at(STUDIO, &typed, local(3, 12, 12, 0))
            && house.opens_at(STUDIO, &typed, local(3, 12, 11, 0))
    );
    assert_eq!(house.typed(STUDIO, id), Some(typed));
}

#[test]
fn a07_an_owner_block_gives_no_code_and_no_message() {
    let house = House::new();
    let id = house.book(NewBooking::block(STUDIO, day(3, 5), day(3, 8)));
    house.pass(Duration::hours(1));
    assert!(house.codes(STUDIO).is_empty() && house.thread(id).is_empty());
    assert_eq!((house.sms().len(), house.rows(Kind::Code)), (0, 0));
    assert!(house.alerts(id).is_empty());
}

#[test]
fn a08_an_unmapped_flat_alerts_staff_and_converges_once_it_is_mapped() {
    let house = House::with(Plan { units: vec![STUDIO], ..Plan::default() });
    let id = house.book(stay(LOFT, day(3, 5), day(3, 8)));
    assert_eq!(house.alerts(id), ["unmapped-unit"]);
    assert!(house.codes(LOFT).is_empty() && house.sms().is_empty());
    let house = house.restarted(|plan| plan.units = vec![STUDIO, LOFT]);
    house.settle();
    assert!(house.alerts(id).is_empty());
    assert_eq!((house.codes(LOFT).len(), house.sms().len()), (1, 1));
}

#[test]
fn a10_a_move_to_an_unmapped_flat_takes_the_old_code_and_alerts_staff() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.change(id, BookingPatch { apartment: Some(SHED), ..BookingPatch::default() });
    assert!(house.codes(STUDIO).is_empty());
    assert_eq!(house.alerts(id), ["unmapped-unit"]);
}

#[test]
fn a11_a_move_keeps_the_random_part_and_tells_the_full_new_digits() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let before = house.typed(STUDIO, id).unwrap();
    house.change(id, BookingPatch { apartment: Some(LOFT), ..BookingPatch::default() });
    let after = house.typed(LOFT, id).unwrap();
    assert_eq!(before[2..], after[2..]);
    assert_eq!((&before[..2], &after[..2]), ("31", "77"));
    assert!(house.codes(STUDIO).is_empty());
    assert_eq!(house.sms().len(), 2);
    assert!(house.sms()[1].contains(&after), "{:?}", house.sms());
}

#[test]
fn a_move_makes_before_it_breaks() {
    use booking_sim::{Fault, FaultKind, Operation, Vendor};
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let old = house.typed(STUDIO, id).unwrap();
    // The new code can be made, but the guest cannot be told for an hour: the old one stays until then.
    let until = house.now() + Duration::hours(1);
    for (vendor, operation) in
        [(Vendor::SerwerSms, Operation::SendSms), (Vendor::Smoobu, Operation::SendToGuest)]
    {
        house
            .sims()
            .add_fault(Fault::new(vendor, FaultKind::Status(503, "busy".into())).on(operation).until(until));
        house.sims().add_fault(
            Fault::new(vendor, FaultKind::Status(503, "busy".into())).on(Operation::Reports).until(until),
        );
    }
    house.change(id, BookingPatch { apartment: Some(LOFT), ..BookingPatch::default() });
    house.pass(Duration::minutes(30));
    assert!(house.typed(LOFT, id).is_some());
    assert_eq!(house.typed(STUDIO, id), Some(old));
    house.pass(Duration::hours(2));
    assert!(house.typed(LOFT, id).is_some() && house.codes(STUDIO).is_empty());
    assert_eq!((house.sms().len(), house.thread(id).len()), (2, 2));
}

#[test]
fn an_undone_cancellation_gives_the_same_pin_back() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.cancel(id);
    assert!(house.codes(STUDIO).is_empty());
    house.pass(Duration::minutes(1));
    assert!(house.sims().smoobu.reinstate(house.now(), id));
    house.settle();
    assert_eq!(house.typed(STUDIO, id), Some(typed));
    assert_eq!(house.codes(STUDIO).len(), 1);
}

#[test]
fn observe_mode_writes_nothing_and_tells_nobody() {
    let house = House::with(Plan { mode: Mode::Observe, ..Plan::default() });
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.pass(Duration::hours(2));
    assert_eq!(house.writes(), (0, 0, 0));
    assert!(house.sms().is_empty() && house.thread(id).is_empty());
    assert!(house.audit(id).iter().any(|entry| entry.what == "would" && entry.detail == "create"));
}

#[test]
fn upsert_only_mode_creates_and_never_deletes() {
    let house = House::with(Plan { mode: Mode::UpsertOnly, ..Plan::default() });
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.cancel(id);
    house.pass(Duration::hours(1));
    assert_eq!(house.writes(), (1, 0, 0));
    assert!(house.audit(id).iter().any(|entry| entry.what == "would-delete"));
}

#[test]
fn what_would_be_done_is_on_record_once_until_something_happens() {
    for mode in [Mode::Observe, Mode::UpsertOnly] {
        let house = House::new();
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        let house = house.restarted(|plan| plan.mode = mode);
        house.cancel(id);
        let share = house.codes(STUDIO)[0].id;
        let would = || house.audit(id).iter().filter(|entry| entry.what.starts_with("would")).count();
        house.pass(Duration::hours(3));
        let first = would();
        assert!(first > 0, "{mode:?}");
        // Each read of the door finds the stay again.
        assert!(house.sims().thekeys.edit_share(house.now(), share, |share| share.hour_end = Some((9, 0))));
        house.pass(Duration::hours(3));
        let changed = would();
        house.pass(Duration::days(1));
        assert_eq!(would(), changed, "{mode:?}: {:?}", house.audit(id));
    }
}

#[test]
fn d01_booking_12_and_123_do_not_meet() {
    let house = House::new();
    let short = house.book(NewBooking { id: Some(12), ..stay(STUDIO, day(3, 5), day(3, 8)) });
    let long = house.book(NewBooking { id: Some(123), ..stay(STUDIO, day(3, 9), day(3, 11)) });
    let kept = house.typed(STUDIO, long).unwrap();
    house.cancel(short);
    assert_eq!(house.typed(STUDIO, short), None);
    assert_eq!(house.typed(STUDIO, long), Some(kept));
    assert_eq!(house.codes(STUDIO).len(), 1);
}

#[test]
fn d02_two_stays_of_one_guest_keep_their_own_windows() {
    let house = House::new();
    let first = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let second = house.book(stay(STUDIO, day(3, 8), day(3, 10)));
    assert_eq!(house.codes(STUDIO).len(), 2);
    let (a, b) = (house.typed(STUDIO, first).unwrap(), house.typed(STUDIO, second).unwrap());
    assert_ne!(a, b);
    assert!(
        house.opens_at(STUDIO, &a, local(3, 8, 11, 0)) && !house.opens_at(STUDIO, &b, local(3, 8, 11, 0))
    );
    assert!(
        house.opens_at(STUDIO, &b, local(3, 8, 15, 0)) && !house.opens_at(STUDIO, &a, local(3, 8, 15, 0))
    );
}

#[test]
fn d05_after_a_restart_beside_an_unreadable_lock_the_told_pin_is_still_wanted() {
    use booking_sim::Vendor;
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    let until = house.now() + Duration::hours(6);
    house.sims().down_until(Vendor::TheKeys, until);
    let house = house.restarted(|_| {});
    house.change(id, BookingPatch { departure: Some(day(3, 9)), ..BookingPatch::default() });
    house.pass(Duration::hours(3));
    assert_eq!(house.sms().len(), 1);
    house.pass(Duration::hours(5));
    assert_eq!(house.typed(STUDIO, id), Some(typed.clone()));
    assert!(house.opens_at(STUDIO, &typed, local(3, 9, 11, 0)));
    assert_eq!(house.sms().len(), 2);
}

#[test]
fn d06_with_the_store_lost_every_working_code_is_taken_over_and_nobody_is_told_again() {
    let house = House::new();
    let ids = [
        house.book(stay(STUDIO, day(3, 1), day(3, 4))),
        house.book(stay(STUDIO, day(3, 5), day(3, 8))),
        house.book(stay(LOFT, day(3, 5), day(3, 8))),
    ];
    let (lock, keypad, _) = keypad(STUDIO);
    let now = house.now();
    house.sims().thekeys.plant_share(now, Share::permanent(lock, keypad, "Cleaner", "5555"));
    let typed = |house: &House| {
        [STUDIO, STUDIO, LOFT].iter().zip(ids).map(|(flat, id)| house.typed(*flat, id)).collect::<Vec<_>>()
    };
    let (before, writes) = (typed(&house), house.writes());
    let house = house.without_memory();
    house.pass(Duration::hours(3));
    assert_eq!(typed(&house), before);
    assert_eq!((house.writes(), house.sms().len(), house.codes(STUDIO).len()), (writes, 3, 3));
    assert!(ids.iter().all(|id| house.ledger(*id).iter().all(|code| code.adopted)));
}

#[test]
fn d09_codes_that_are_not_ours_are_never_touched() {
    let house = House::new();
    let (lock, keypad, _) = keypad(STUDIO);
    let strangers = [
        Share::permanent(lock, keypad, "Cleaner", "5555"),
        Share {
            description: Some("Smoobu#777777".into()),
            ..Share::permanent(lock, keypad, "Somebody", "6161")
        },
        Share {
            description: Some("Smoobu#1 Smoobu#2".into()),
            ..Share::permanent(lock, keypad, "Two", "7272")
        },
    ];
    let now = house.now();
    let planted: Vec<u64> =
        strangers.into_iter().map(|share| house.sims().thekeys.plant_share(now, share)).collect();
    let house = house.restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.cancel(id);
    house.pass(Duration::days(10));
    let left: Vec<u64> = house.codes(STUDIO).iter().map(|share| share.id).collect();
    assert_eq!(left, planted);
    assert_eq!(house.writes(), (1, 0, 1));
    // Two markers on one code, and a marker of a booking that the source does not know: reported, both.
    assert_eq!(house.tenant_alerts(), ["foreign-marker", "foreign-marker"]);
}

#[test]
fn a_code_of_the_earlier_system_is_taken_over_with_its_pin_and_told_only_when_it_changes() {
    let house = House::new();
    let (lock, keypad, prefix) = keypad(STUDIO);
    let now = house.now();
    let share = Share {
        description: Some("late check-out asked; Smoobu#90000001".into()),
        date_start: Some(day(3, 5)),
        date_end: Some(day(3, 8)),
        hour_start: Some((15, 0)),
        hour_end: Some((12, 0)),
        ..Share::permanent(lock, keypad, "Ada Example", "4821")
    };
    let share_id = house.sims().thekeys.plant_share(now, share);
    let id = house.book(NewBooking { id: Some(90_000_001), ..stay(STUDIO, day(3, 5), day(3, 8)) });
    assert_eq!(house.writes(), (0, 0, 0));
    assert!(house.sms().is_empty());
    assert!(house.ledger(id)[0].adopted);
    house.change(id, BookingPatch { departure: Some(day(3, 9)), ..BookingPatch::default() });
    let codes = house.codes(STUDIO);
    assert_eq!((codes.len(), codes[0].id, codes[0].code.as_str()), (1, share_id, "4821"));
    // What staff wrote beside the marker is still there.
    assert_eq!(codes[0].description.as_deref(), Some("late check-out asked; Smoobu#90000001"));
    assert_eq!(house.sms().len(), 1);
    assert!(house.sms()[0].contains(&format!("{prefix}4821")));
}

#[test]
fn orphans_of_the_earlier_system_are_found_by_their_marker_and_removed() {
    let house = House::new();
    let (lock, keypad, _) = keypad(STUDIO);
    let now = house.now();
    // A stay that was cancelled before we came, and one that is over.
    let cancelled = house.sims().smoobu.create_booking(now, stay(STUDIO, day(3, 20), day(3, 22)));
    house.sims().smoobu.cancel(now, cancelled);
    let over = house.sims().smoobu.create_booking(now, stay(STUDIO, day(2, 1), day(2, 3)));
    house.sims().take_webhooks(now);
    for (id, from, to) in [(cancelled, day(3, 20), day(3, 22)), (over, day(2, 1), day(2, 3))] {
        let share = Share {
            description: Some(format!("Smoobu#{id}")),
            date_start: Some(from),
            date_end: Some(to),
            hour_start: Some((15, 0)),
            hour_end: Some((12, 0)),
            ..Share::permanent(lock, keypad, "Ada Example", "4821")
        };
        house.sims().thekeys.plant_share(now, share);
    }
    let house = house.restarted(|_| {});
    house.pass(Duration::hours(2));
    assert!(house.codes(STUDIO).is_empty(), "{:?}", house.codes(STUDIO));
    assert!(house.sms().is_empty());
}
