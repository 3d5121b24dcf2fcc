//! Booking systems that give a stay another id.

use booking_core::conformance::{On, Planted, Trouble, block_on};
use booking_core::store::{BookingRecord, Kind, Record, Store};
use booking_core::{
    Booking, BookingStatus, DoorRules, Event, Guest, ListedCode, Revision, StayDates, UnitRef, VendorCodeId,
    WrittenBack,
};
use chrono::Duration;

use crate::house::day;
use crate::tenants::{Street, reference};

/// How the first tenant's booking 1 was learnt, and how 2 is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Hint,
    Snapshot,
    FullRead,
}

const WAYS: [Way; 3] = [Way::Hint, Way::Snapshot, Way::FullRead];

impl Street {
    /// A street with booking 1, its code on the door and its guest told.
    fn with_one() -> Self {
        let street = Self::new(&["flat"], &DoorRules::new(4));
        block_on(street.engine.start()).unwrap();
        street.settle();
        street.book(0, "1");
        assert_eq!((street.pins(0, "flat").len(), street.told()), (1, 1));
        street
    }

    fn told(&self) -> usize {
        self.sides[0].notifier.sent().len()
    }

    /// A booking comes to be at the source and is told of.
    fn comes(&self, way: Way, booking: Booking) {
        let text = booking.reference.to_string();
        self.sides[0].source.put(booking.clone());
        match way {
            Way::Hint => self.tells(&text),
            Way::Snapshot => {
                self.hint(0, &text, Event::Snapshot(Box::new(booking)));
                self.settle();
            }
            Way::FullRead => self.pass(Duration::minutes(31)),
        }
    }

    fn goes(&self, text: &str) {
        assert!(self.sides[0].source.remove(&reference(text)));
    }

    fn deleted(&self, text: &str) {
        self.hint(0, text, Event::Hint { reference: reference(text), deleted: true });
        self.settle();
    }

    fn bookings(&self) -> Vec<BookingRecord> {
        let rows = block_on(self.store.rows(Kind::Booking, &self.sides[0].slug, None, 1000)).unwrap();
        let bookings = rows.into_iter().filter_map(|row| match row.record {
            Record::Booking(booking) => Some(booking),
            _ => None,
        });
        bookings.collect()
    }
}

/// Booking 1 as another.
fn again(text: &str) -> Booking {
    Booking { unit_name: Some("Flat, renamed".into()), ..Street::booking(text) }
}

#[test]
fn d03_a_stay_under_a_new_id_keeps_its_code_and_its_guest_hears_nothing() {
    for way in WAYS {
        // A new id counts its revisions anew.
        for revision in [None, Some(Revision(0)), Some(Revision(9))] {
            let street = Street::with_one();
            let pins = street.pins(0, "flat");
            let id = street.known(0, "1");
            street.goes("1");
            street.comes(way, Booking { revision, ..again("2") });
            for _ in 0..2 {
                assert_eq!(
                    (street.pins(0, "flat"), street.told()),
                    (pins.clone(), 1),
                    "{way:?} {revision:?}"
                );
                assert_eq!((street.known(0, "2"), street.bookings().len()), (id.clone(), 1), "{way:?}");
                let record = street.bookings().remove(0);
                assert_eq!(record.booking, Some(Booking { revision, ..again("2") }), "{way:?} {revision:?}");
                assert_eq!((record.reference, record.former), (reference("2"), vec![reference("1")]));
                assert_eq!((record.gone_at, street.alert_kinds()), (None, vec![]), "{way:?}");
                street.pass(Duration::hours(4));
            }
            assert_eq!((street.sides[0].lock.writes(), street.audited("drift")), (1, 0), "{way:?}");
        }
    }
}

#[test]
fn d03_what_is_told_of_the_old_id_afterwards_is_no_word_about_the_stay() {
    let cancelled = |text| Booking { status: BookingStatus::Cancelled, ..again(text) };
    for way in WAYS {
        let street = Street::with_one();
        street.goes("1");
        street.comes(way, again("2"));
        street.deleted("1");
        street.hint(
            0,
            "x",
            Event::Snapshot(Box::new(Booking { revision: Some(Revision(99)), ..cancelled("1") })),
        );
        street.settle();
        street.pass(Duration::hours(2));
        // The source may list it again, cancelled.
        street.sides[0].source.put(cancelled("1"));
        street.pass(Duration::hours(2));
        assert_eq!((street.pins(0, "flat").len(), street.told()), (1, 1), "{way:?}");
        assert_eq!(street.alert_kinds(), [""; 0], "{way:?}");
        // What is told of the new one counts.
        street.sides[0].source.cancel(&reference("2"));
        street.tells("2");
        assert!(street.pins(0, "flat").is_empty(), "{way:?}");
    }
}

#[test]
fn d03_changes_under_the_new_id_change_the_same_code() {
    for way in WAYS {
        let street = Street::with_one();
        let pins = street.pins(0, "flat");
        street.goes("1");
        street.comes(way, again("2"));
        street.sides[0].source.change(&reference("2"), |booking| {
            booking.dates = Ok(StayDates::new(day(3, 5), day(3, 9)).unwrap());
            booking.revision = Some(Revision(2));
        });
        street.tells("2");
        assert_eq!((street.pins(0, "flat"), street.told()), (pins, 2), "{way:?}");
        let notes: Vec<String> =
            street.sides[0].lock.codes_on(&crate::tenants::key("flat")).into_iter().map(|c| c.note).collect();
        assert_eq!(notes, ["Memory#2"], "{way:?}");
        street.pass(Duration::hours(4));
        assert_eq!((street.sides[0].lock.writes(), street.told()), (2, 2), "{way:?}");
        // A third id is as good as a second.
        street.goes("2");
        street.comes(way, Booking { dates: Ok(StayDates::new(day(3, 5), day(3, 9)).unwrap()), ..again("3") });
        street.pass(Duration::hours(4));
        assert_eq!(
            (street.sides[0].lock.writes(), street.told(), street.bookings().len()),
            (2, 2, 1),
            "{way:?}"
        );
    }
}

/// Booking 2 comes when 1 has gone from the source, and is not the same stay: in the end 2 alone has a code, another
/// one, and its guest was told.
#[track_caller]
fn check_stranger(change: impl Fn(&mut Booking)) {
    for way in WAYS {
        let street = Street::with_one();
        let pins = street.pins(0, "flat");
        street.goes("1");
        let mut stranger = Street::booking("2");
        change(&mut stranger);
        street.comes(way, stranger);
        street.pass(Duration::hours(4));
        assert_eq!((street.bookings().len(), street.told()), (2, 2), "{way:?}");
        assert_eq!(street.pins(0, "flat").len(), 1, "{way:?}");
        assert_ne!(street.pins(0, "flat"), pins, "{way:?}");
    }
}

#[test]
fn d03_another_guest_or_another_stay_is_never_taken_for_the_same() {
    check_stranger(|booking| booking.guest.name = Some("Bea Example".into()));
    check_stranger(|booking| booking.dates = Ok(StayDates::new(day(3, 6), day(3, 8)).unwrap()));
    check_stranger(|booking| {
        booking.guest =
            Guest { name: Some("Bea Example".into()), phone: Some("+48 1".into()), ..Guest::default() };
    });
}

#[test]
fn d03_a_stay_that_its_source_still_has_is_another_one() {
    for way in WAYS {
        let street = Street::with_one();
        street.comes(way, again("2"));
        street.pass(Duration::hours(1));
        assert_eq!((street.bookings().len(), street.pins(0, "flat").len()), (2, 2), "{way:?}");
        assert_eq!(street.alert_kinds(), ["turnover-conflict"], "{way:?}");
    }
    // Nor is a cancelled one the same as that which comes after it.
    for way in WAYS {
        let street = Street::with_one();
        street.sides[0].source.cancel(&reference("1"));
        street.comes(way, again("2"));
        street.pass(Duration::hours(1));
        assert_eq!((street.bookings().len(), street.pins(0, "flat").len()), (2, 1), "{way:?}");
    }
}

#[test]
fn d03_while_the_source_cannot_be_asked_for_the_old_id_no_second_code_is_made() {
    let street = Street::with_one();
    street.goes("1");
    street.sides[0].source.plant(Planted::new(Trouble::ServerError).on_reads());
    street.hint(0, "2", Event::Snapshot(Box::new(again("2"))));
    street.pass(Duration::hours(1));
    assert_eq!((street.pins(0, "flat").len(), street.told()), (1, 1));
    street.sides[0].source.put(again("2"));
    street.sides[0].source.mend();
    street.pass(Duration::hours(1));
    assert_eq!((street.pins(0, "flat").len(), street.told(), street.bookings().len()), (1, 1, 1));
}

#[test]
fn d03_of_two_that_may_be_meant_none_is_taken_and_staff_is_told() {
    for way in WAYS {
        let street = Street::with_one();
        street.book(0, "1b");
        street.goes("1");
        street.goes("1b");
        street.comes(way, again("2"));
        street.pass(Duration::minutes(31));
        assert_eq!(street.bookings().len(), 3, "{way:?}");
        assert!(
            street.alert_kinds().contains(&"same-stay-twice".to_owned()),
            "{way:?}: {:?}",
            street.alert_kinds()
        );
        // Those that are gone go their way.
        street.pass(Duration::hours(4));
        assert_eq!((street.pins(0, "flat").len(), street.alert_kinds()), (1, vec![]), "{way:?}");
    }
}

#[test]
fn d03_a_stay_that_has_its_own_code_already_is_not_joined_and_staff_is_told() {
    let street = Street::with_one();
    street.comes(Way::Hint, again("2"));
    assert_eq!(street.pins(0, "flat").len(), 2);
    street.goes("1");
    street.pass(Duration::minutes(31));
    assert!(street.alert_kinds().contains(&"same-stay-twice".to_owned()), "{:?}", street.alert_kinds());
    street.pass(Duration::hours(4));
    assert_eq!((street.bookings().len(), street.pins(0, "flat").len(), street.alert_kinds()), (2, 1, vec![]));
}

#[test]
fn d03_a_delete_event_that_comes_first_costs_no_second_booking() {
    for way in WAYS {
        let street = Street::with_one();
        street.goes("1");
        street.deleted("1");
        assert!(street.pins(0, "flat").is_empty(), "{way:?}");
        street.comes(way, again("2"));
        street.pass(Duration::hours(4));
        assert_eq!((street.bookings().len(), street.pins(0, "flat").len()), (1, 1), "{way:?}");
    }
}

#[test]
fn d03_a_code_that_comes_back_with_the_former_id_is_the_same_code() {
    let street = Street::with_one();
    let flat = crate::tenants::key("flat");
    let lock = &street.sides[0].lock;
    street.goes("1");
    street.comes(Way::Hint, again("2"));
    // The list loses it, the keypad does not take it with the new id, and then it is there again.
    let before = lock.codes_on(&flat).remove(0);
    assert_eq!(before.note, "Memory#1");
    assert!(lock.remove(&flat, &before.id));
    lock.plant(Planted::new(Trouble::ServerError).on(On::Writes).times(1000));
    street.pass(Duration::hours(6));
    let code = ListedCode { id: VendorCodeId::parse("700000").unwrap(), ..before };
    assert!(lock.put(&flat, code.clone()));
    lock.mend();
    street.pass(Duration::hours(4));
    let now: Vec<_> = lock.codes_on(&flat).into_iter().map(|code| (code.id, code.stored)).collect();
    assert_eq!(now, [(code.id, code.stored)]);
    assert_eq!(street.told(), 1);
}

#[test]
fn d03_many_new_ids_at_once_are_no_loss() {
    let nth = |n: u32, text: String| Booking {
        guest: Guest { name: Some(format!("Guest {n}")), ..Guest::default() },
        dates: Ok(StayDates::new(day(3, 5 + n), day(3, 6 + n)).unwrap()),
        ..Street::booking(&text)
    };
    let street = Street::new(&["flat"], &DoorRules::new(4));
    (0..12).for_each(|n| street.sides[0].source.put(nth(n, format!("a{n}"))));
    block_on(street.engine.start()).unwrap();
    street.pass(Duration::minutes(31));
    let (pins, writes) = (street.pins(0, "flat"), street.sides[0].lock.writes());
    assert_eq!((pins.len(), street.told()), (12, 12));
    for n in 0..12 {
        street.goes(&format!("a{n}"));
        street.sides[0].source.put(nth(n, format!("b{n}")));
    }
    street.pass(Duration::hours(3));
    assert_eq!((street.pins(0, "flat"), street.sides[0].lock.writes(), street.told()), (pins, writes, 12));
    assert_eq!((street.bookings().len(), street.alert_kinds()), (12, vec![]));
}

#[test]
fn d03_an_old_id_that_is_shown_again_beside_the_new_one_is_staffs_to_look_at() {
    for way in WAYS {
        let street = Street::with_one();
        let pins = street.pins(0, "flat");
        street.goes("1");
        street.comes(way, again("2"));
        street.pass(Duration::hours(1));
        street.sides[0].source.put(Street::booking("1"));
        street.tells("1");
        let changed = street.audited("booking-changed");
        street.pass(Duration::hours(2));
        assert_eq!(street.alert_kinds(), ["same-stay-twice"], "{way:?}");
        assert_eq!((street.pins(0, "flat"), street.told(), street.bookings().len()), (pins, 1, 1), "{way:?}");
        // It is not one today and the other tomorrow.
        assert_eq!(street.bookings()[0].reference, reference("2"), "{way:?}");
        assert_eq!(street.audited("booking-changed"), changed, "{way:?}");
        street.goes("1");
        street.pass(Duration::hours(1));
        assert_eq!((street.alert_kinds(), street.pins(0, "flat").len()), (vec![], 1), "{way:?}");
    }
}

#[test]
fn d03_an_id_that_comes_back_alone_names_the_stay_again() {
    for way in WAYS {
        let street = Street::with_one();
        street.goes("1");
        street.comes(way, again("2"));
        street.goes("2");
        street.sides[0].source.put(Street::booking("1"));
        street.pass(Duration::hours(3));
        assert_eq!(
            (street.bookings().len(), street.pins(0, "flat").len(), street.told()),
            (1, 1, 1),
            "{way:?}"
        );
        assert_eq!(street.bookings()[0].reference, reference("1"), "{way:?}");
        assert!(street.alert_kinds().is_empty(), "{way:?}: {:?}", street.alert_kinds());
    }
}

#[test]
fn d03_a_create_whose_answer_was_lost_is_found_under_the_old_marker() {
    for way in WAYS {
        let street = Street::new(&["flat"], &DoorRules::new(4));
        block_on(street.engine.start()).unwrap();
        street.settle();
        street.sides[0].lock.plant(Planted::new(Trouble::AnswerLost).on_writes().times(1));
        street.sides[0].lock.plant(Planted::new(Trouble::ServerError).on_reads().times(1));
        street.book(0, "1");
        street.goes("1");
        street.comes(way, again("2"));
        street.pass(Duration::hours(2));
        assert_eq!((street.pins(0, "flat").len(), street.sides[0].lock.writes()), (1, 1), "{way:?}");
        assert_eq!((street.bookings().len(), street.told()), (1, 1), "{way:?}");
    }
}

#[test]
fn d03_codes_are_written_into_the_booking_of_the_new_id_too() {
    for way in WAYS {
        let street = Street::with(&["flat"], &DoorRules::new(4), WrittenBack::Written, |tenant| {
            tenant.units[0].policy.write_back = true;
        });
        block_on(street.engine.start()).unwrap();
        street.settle();
        street.book(0, "1");
        street.goes("1");
        street.comes(way, again("2"));
        street.pass(Duration::minutes(5));
        let written = |text| street.sides[0].source.written(&reference(text)).unwrap_or_default().len();
        assert_eq!((written("1"), written("2")), (1, 1), "{way:?}");
    }
}

#[test]
fn d03_another_unit_is_another_stay() {
    let street = Street::with_one();
    street.goes("1");
    street.comes(Way::Hint, Booking { unit: Some(UnitRef::parse("9").unwrap()), ..again("2") });
    assert_eq!(street.bookings().len(), 2);
}
