//! Single bookings and full reads.

use std::collections::BTreeMap;

use booking_core::{
    Booking, BookingKind, BookingSource, BookingStatus, Cursor, ExternalId, Fault, Lookup, Outcome, Retry,
};
use booking_sim::smoobu::{BookingPatch, NewBooking};
use booking_sim::{Fault as SimFault, FaultKind, Operation, Vendor};
use chrono::TimeDelta;

use crate::world::{World, day, reference, run, stay};

fn all(world: &World) -> BTreeMap<ExternalId, Booking> {
    let items = world.pages().unwrap().into_iter().flat_map(|page| page.items);
    items.map(|item| item.unwrap()).map(|booking| (booking.reference.clone(), booking)).collect()
}

#[test]
fn a_booking_found_changed_cancelled_and_gone() {
    let world = World::new();
    let booking = world.make(NewBooking { check_in: Some("15:30".into()), ..stay(3) });
    let Lookup::Found(found) = run(world.smoobu.booking(world.call(), &booking)).unwrap() else {
        panic!("found")
    };
    assert_eq!(found.unit.as_ref().map(|unit| unit.as_str()), Some("500001"));
    assert_eq!(found.dates.unwrap().departure(), day(13));
    assert_eq!(found.check_in, Some("15:30:00".parse().unwrap()));

    let id: u64 = booking.as_str().parse().unwrap();
    world.clock.advance(std::time::Duration::from_secs(60));
    let now = world.now();
    let patch = BookingPatch { apartment: Some(500_002), ..BookingPatch::default() };
    world.sim().smoobu.update_booking(now, id, patch);
    let Lookup::Found(moved) = run(world.smoobu.booking(world.call(), &booking)).unwrap() else {
        panic!("found")
    };
    assert_eq!(moved.unit.as_ref().map(|unit| unit.as_str()), Some("500002"));
    assert!(moved.revision > found.revision);

    world.sim().smoobu.cancel(now, id);
    let Lookup::Cancelled(cancelled) = run(world.smoobu.booking(world.call(), &booking)).unwrap() else {
        panic!("cancelled")
    };
    assert_eq!(cancelled.status, BookingStatus::Cancelled);
    world.sim().smoobu.delete(now, id);
    assert_eq!(run(world.smoobu.booking(world.call(), &booking)).unwrap(), Lookup::NotFound);
}

#[test]
fn a_full_read_sees_everybody() {
    let world = World::new();
    let mut made = Vec::new();
    for number in 0..230 {
        let arrival = day(1) + TimeDelta::days(number);
        made.push(world.make(NewBooking::stay(500_001, arrival, arrival + TimeDelta::days(2))));
    }
    let in_house = world.make(NewBooking::stay(500_002, day(1) - TimeDelta::days(50), day(2)));
    let leaves_today = world.make(NewBooking::stay(500_002, day(1) - TimeDelta::days(2), day(1)));
    let cancelled = world.make(stay(3));
    let now = world.now();
    world.sim().smoobu.cancel(now, cancelled.as_str().parse().unwrap());
    let block = reference(world.sim().smoobu.block(now, 500_002, day(20), day(25)));
    let last =
        world.make(NewBooking::stay(500_001, day(1) + TimeDelta::days(400), day(1) + TimeDelta::days(401)));
    // Neither who has left nor who comes after the range.
    let left =
        world.make(NewBooking::stay(500_002, day(1) - TimeDelta::days(5), day(1) - TimeDelta::days(1)));
    let later =
        world.make(NewBooking::stay(500_001, day(1) + TimeDelta::days(401), day(1) + TimeDelta::days(402)));

    assert_eq!(world.pages().unwrap().len(), 3);
    let listed = all(&world);
    assert!(made.iter().chain([&in_house, &leaves_today, &last]).all(|made| listed.contains_key(made)));
    assert_eq!(listed[&cancelled].status, BookingStatus::Cancelled);
    assert_eq!(listed[&block].kind, BookingKind::Block);
    assert!(!listed.contains_key(&left) && !listed.contains_key(&later));
    assert_eq!(listed.len(), 230 + 5);

    let log: Vec<_> = world.sim().call_log(Vendor::Smoobu).iter().map(|call| call.target.clone()).collect();
    assert_eq!(
        log[1],
        "/api/reservations?departureFrom=2027-03-01&page=2&pageSize=100&showCancellation=true"
    );
}

#[test]
fn an_empty_account_is_complete() {
    let world = World::new();
    let pages = world.pages().unwrap();
    assert_eq!((pages.len(), pages[0].items.len()), (1, 0));
}

#[track_caller]
fn incomplete(world: &World, from: Option<&Cursor>, problem: &str) {
    let error = world.page(from).unwrap_err();
    assert_eq!(
        (error.fault, error.retry, error.outcome),
        (Fault::Vendor, Retry::Backoff, Outcome::NotApplied)
    );
    assert_eq!(error.to_string(), format!("smoobu: GET /api/reservations: {problem}"));
}

fn many(world: &World, count: i64) {
    for number in 0..count {
        let arrival = day(1) + TimeDelta::days(number);
        world.make(NewBooking::stay(500_001, arrival, arrival + TimeDelta::days(1)));
    }
}

#[test]
fn a_list_that_shrinks_while_it_is_read_is_not_complete() {
    let world = World::new();
    many(&world, 150);
    let first = world.page(None).unwrap();
    let now = world.now();
    world.sim().smoobu.delete(now, 90_000_001);
    incomplete(&world, first.next.as_ref(), "the list became shorter while it was read");
}

#[test]
fn a_list_that_grows_while_it_is_read_goes_on() {
    let world = World::new();
    many(&world, 150);
    let first = world.page(None).unwrap();
    many(&world, 70);
    let second = world.page(first.next.as_ref()).unwrap();
    let third = world.page(second.next.as_ref()).unwrap();
    assert_eq!((second.items.len(), third.items.len(), third.next), (100, 20, None));
}

#[test]
fn a_truncated_list_is_not_complete() {
    let world = World::new();
    many(&world, 50);
    world.fault_once(FaultKind::TruncatedList, Operation::ListReservations);
    incomplete(&world, None, "the list holds fewer entries than it counts");

    let lax = World::with(|config| config.check_totals = false);
    many(&lax, 50);
    lax.fault_once(FaultKind::TruncatedList, Operation::ListReservations);
    assert_eq!(lax.page(None).unwrap().items.len(), 25);
}

#[test]
fn a_page_lost_on_the_way_is_an_error() {
    let world = World::new();
    many(&world, 150);
    world.sim().add_fault(
        SimFault::new(Vendor::Smoobu, FaultKind::Status(503, String::new()))
            .on(Operation::ListReservations)
            .skip(1),
    );
    let first = world.page(None).unwrap();
    assert_eq!(world.page(first.next.as_ref()).unwrap_err().fault, Fault::Vendor);
    let error = world.page(Some(&Cursor("another source's".to_owned()))).unwrap_err();
    assert_eq!((error.fault, error.retry), (Fault::Request, Retry::Never));
}

#[test]
fn one_bad_entry_does_not_spoil_the_list() {
    let world = World::new();
    let body = r#"{"page_count":1,"page":1,"total_items":4,"bookings":[
        {"id": 1, "arrival": "2027-03-01", "departure": "2027-03-04"},
        {"id": "2", "type": {"planted": 1}},
        "planted",
        {"id": 4, "arrival": "planted", "departure": "2027-03-04"}
    ]}"#;
    world.fault_once(FaultKind::Status(200, body.to_owned()), Operation::ListReservations);
    let page = world.page(None).unwrap();
    let seen: Vec<_> = page
        .items
        .iter()
        .map(|item| match item {
            Ok(booking) => Ok(booking.reference.as_str()),
            Err(unreadable) => Err(unreadable.reference.as_ref().map(|reference| reference.as_str())),
        })
        .collect();
    assert_eq!(seen, [Ok("1"), Err(Some("2")), Err(None), Ok("4")]);
    assert!(!format!("{:?}", page.items).contains("planted"));
}

#[test]
fn another_booking_or_page_than_asked_for_is_an_error() {
    let world = World::new();
    let body = |page: u64| format!(r#"{{"page_count":3,"page":{page},"bookings":[{{"id":1}}]}}"#);
    world.fault_once(FaultKind::Status(200, body(2)), Operation::ListReservations);
    assert!(world.page(None).unwrap_err().to_string().contains("another page"));
    world.fault_once(FaultKind::Status(200, r#"{"id": 2}"#.to_owned()), Operation::GetReservation);
    let error = run(world.smoobu.booking(world.call(), &reference(1))).unwrap_err();
    assert!(error.to_string().contains("another reservation"), "{error}");
}

#[test]
fn markers() {
    let world = World::new();
    let marker = world.smoobu.marker(&reference(9001)).unwrap();
    assert_eq!(marker.as_str(), "Smoobu#9001");
    assert_eq!(world.smoobu.marked(&marker), Some(reference(9001)));
    for foreign in ["Staykey#9001", "smoobu#9001", "xSmoobu#9001"] {
        let marker = booking_core::Marker::try_from(foreign.to_owned()).unwrap();
        assert_eq!(world.smoobu.marked(&marker), None);
    }
}
