//! Full reads that cannot be believed, and sources that no longer tell of changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use booking_core::conformance::{MemorySource, block_on};
use booking_core::store::{AlertRecord, Kind, Record, Store};
use booking_core::{Booking, Clock as _, DoorId, DoorRules, Event, Guest, Revision, StayDates, WrittenBack};
use booking_sim::{Fault, FaultKind, Operation, Vendor};
use chrono::{Duration, NaiveDate};

use crate::house::{House, STUDIO, day, name, stay};
use crate::tenants::{Street, reference};

/// The n-th stay of the flat: one night, another guest each time.
fn nth(n: u32) -> Booking {
    let arrival: NaiveDate = day(3, 5) + Duration::days(i64::from(n));
    Booking {
        guest: Guest { name: Some(format!("Guest {n}")), ..Guest::default() },
        dates: Ok(StayDates::new(arrival, arrival + Duration::days(1)).unwrap()),
        ..Street::booking(&n.to_string())
    }
}

impl Street {
    /// A street whose first tenant has these stays, read in full for a while.
    fn with_stays(stays: u32) -> Self {
        Self::read_every(Duration::minutes(30), stays)
    }

    fn read_every(every: Duration, stays: u32) -> Self {
        let street = Self::with(&["flat"], &DoorRules::new(4), WrittenBack::Unsupported, |tenant| {
            tenant.full_read_every = every;
        });
        (0..stays).for_each(|n| street.sides[0].source.put(nth(n)));
        block_on(street.engine.start()).unwrap();
        street.pass(Duration::hours(2));
        assert_eq!(street.pins(0, "flat").len(), stays as usize);
        street
    }

    pub(crate) fn tells(&self, text: &str) {
        self.hint(0, text, Event::Hint { reference: reference(text), deleted: false });
        self.settle();
    }

    /// The open alerts of the first tenant.
    pub(crate) fn open_alerts(&self) -> Vec<AlertRecord> {
        let rows = block_on(self.store.rows(Kind::Alert, &self.sides[0].slug, None, 1000)).unwrap();
        let alerts = rows.into_iter().filter_map(|row| match row.record {
            Record::Alert(alert) if alert.closed_at.is_none() => Some(alert),
            _ => None,
        });
        alerts.collect()
    }

    /// Whatever is not wanted may go, for two days.
    fn release_brakes(&self) {
        let until = self.clock.now() + Duration::days(2);
        let tenant = self.engine.tenant(&self.sides[0].slug).unwrap();
        let (source, door) = (name("source"), DoorId::parse("flat").unwrap());
        for budget in [Ok(&source), Err(&door)] {
            block_on(self.engine.release_brake(tenant, budget, until)).unwrap();
        }
    }

    pub(crate) fn alert_kinds(&self) -> Vec<String> {
        self.open_alerts().into_iter().map(|alert| alert.kind).collect()
    }

    /// How often this stands in the first tenant's audit trail.
    pub(crate) fn audited(&self, what: &str) -> usize {
        let audit = block_on(self.store.audit(&self.sides[0].slug, None, None, 10_000)).unwrap();
        audit.iter().filter(|row| row.entry.what == what).count()
    }
}

/// A source that had `known` stays lists only `listed` of them from some time on, and finds the others no more:
/// how many codes are left after six hours, and whether staff was asked to look.
#[track_caller]
fn check_shrunken(known: u32, listed: u32, left: usize, suspect: bool) {
    let street = Street::with_stays(known);
    (listed..known).for_each(|n| assert!(street.sides[0].source.remove(&reference(&n.to_string()))));
    street.pass(Duration::hours(6));
    assert_eq!(street.pins(0, "flat").len(), left, "{known} {listed}");
    let open = street.alert_kinds().contains(&"source-suspect".to_owned());
    assert_eq!(open, suspect, "{known} {listed}: {:?}", street.alert_kinds());
}

#[test]
fn c09_a_source_that_shrank_removes_nothing_and_alerts() {
    check_shrunken(10, 0, 10, true);
    check_shrunken(10, 5, 10, true);
    check_shrunken(20, 15, 20, true);
    // An empty list is suspect as soon as two stays should be in it.
    check_shrunken(2, 0, 2, true);
    // So few may well be gone.
    check_shrunken(20, 17, 17, false);
    // The brake has a word in it too, which holds the last one.
    check_shrunken(20, 16, 17, false);
    check_shrunken(10, 7, 7, false);
    check_shrunken(3, 1, 1, false);
    check_shrunken(1, 0, 0, false);
}

#[test]
fn c09_a_suspect_source_is_whole_again_without_a_trace() {
    let street = Street::with_stays(10);
    let (pins, told) = (street.pins(0, "flat"), street.sides[0].notifier.sent().len());
    (0..10).for_each(|n| assert!(street.sides[0].source.remove(&reference(&n.to_string()))));
    street.pass(Duration::hours(6));
    let alerts = street.open_alerts();
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!(alert.kind, "source-suspect");
    assert!(alert.detail.contains("source: ") && alert.detail.contains("10 of 10"), "{}", alert.detail);
    (0..10).for_each(|n| street.sides[0].source.put(nth(n)));
    street.pass(Duration::hours(1));
    assert!(street.open_alerts().is_empty(), "{:?}", street.alert_kinds());
    assert_eq!((street.pins(0, "flat"), street.sides[0].notifier.sent().len()), (pins, told));
}

#[test]
fn c09_what_a_suspect_read_shows_is_folded_as_usual() {
    let street = Street::with_stays(10);
    (2..10).for_each(|n| assert!(street.sides[0].source.remove(&reference(&n.to_string()))));
    street.sides[0].source.put(nth(30));
    street.pass(Duration::hours(1));
    assert_eq!(street.pins(0, "flat").len(), 11);
}

#[test]
fn c09_a_read_that_somebody_vouches_for_counts_for_a_day() {
    let street = Street::with_stays(10);
    (2..10).for_each(|n| assert!(street.sides[0].source.remove(&reference(&n.to_string()))));
    street.pass(Duration::hours(2));
    assert_eq!(street.pins(0, "flat").len(), 10);
    let trust = |source| block_on(street.engine.trust_source(&street.sides[0].slug, &name(source))).unwrap();
    assert!(trust("source") && !trust("another"));
    street.release_brakes();
    street.pass(Duration::hours(2));
    assert_eq!(street.pins(0, "flat").len(), 2);
    assert_eq!((street.audited("source-trusted"), street.alert_kinds()), (1, vec![]));
    (20..30).for_each(|n| street.sides[0].source.put(nth(n)));
    street.pass(Duration::hours(23));
    (20..30).for_each(|n| assert!(street.sides[0].source.remove(&reference(&n.to_string()))));
    street.pass(Duration::hours(6));
    // The day is over.
    assert_eq!(street.pins(0, "flat").len(), 12);
    assert_eq!(street.alert_kinds(), ["source-suspect"]);
}

/// Two reads a day, and three of them until what is gone counts as gone: a day would be over before.
#[test]
fn c09_a_source_that_is_read_seldom_is_vouched_for_until_it_matters() {
    let street = Street::read_every(Duration::hours(12), 4);
    (0..4).for_each(|n| assert!(street.sides[0].source.remove(&reference(&n.to_string()))));
    street.pass(Duration::hours(13));
    assert_eq!((street.pins(0, "flat").len(), street.alert_kinds()), (4, vec!["source-suspect".to_owned()]));
    assert!(block_on(street.engine.trust_source(&street.sides[0].slug, &name("source"))).unwrap());
    street.release_brakes();
    street.pass(Duration::hours(25));
    assert_eq!((street.pins(0, "flat").len(), street.alert_kinds()), (0, vec![]));
}

#[test]
fn an_old_answer_that_comes_again_and_again_is_no_insistence() {
    let known = Booking { revision: Some(Revision(7)), ..nth(0) };
    let old = Booking { revision: Some(Revision(6)), dates: nth(9).dates, ..nth(0) };
    let street = Street::with_stays(0);
    let begins = |street: &Street| {
        let rows = block_on(street.store.rows(Kind::Booking, &street.sides[0].slug, None, 10)).unwrap();
        rows.into_iter().find_map(|row| match row.record {
            Record::Booking(record) => Some(record.booking?.dates.unwrap().arrival()),
            _ => None,
        })
    };
    for (shown, hours, arrival) in [
        (&known, 1, day(3, 5)),
        (&old, 8, day(3, 5)),
        // One read that agrees ends it.
        (&known, 1, day(3, 5)),
        (&old, 8, day(3, 5)),
        (&old, 5, day(3, 14)),
    ] {
        street.sides[0].source.put(shown.clone());
        street.pass(Duration::hours(hours));
        assert_eq!(begins(&street), Some(arrival));
    }
}

#[test]
fn c09_after_a_start_nothing_is_deleted_before_source_and_locks_are_listed() {
    let faults = [
        (Vendor::Smoobu, Operation::ListReservations, FaultKind::Status(500, "oops".into())),
        (Vendor::Smoobu, Operation::ListReservations, FaultKind::EmptyList),
        (Vendor::Smoobu, Operation::ListReservations, FaultKind::TruncatedList),
        (Vendor::Smoobu, Operation::ListReservations, FaultKind::Garbage),
        (Vendor::TheKeys, Operation::ListCodes, FaultKind::NullData),
        (Vendor::TheKeys, Operation::ListCodes, FaultKind::Down),
    ];
    for (vendor, operation, kind) in faults {
        for forgotten in [false, true] {
            let house = House::new().restarted(|_| {});
            let ids: Vec<u64> =
                (0..4).map(|n| house.book(stay(STUDIO, day(3, 5 + n), day(3, 6 + n)))).collect();
            let until = house.now() + Duration::hours(6);
            house.sims().add_fault(Fault::new(vendor, kind.clone()).on(operation).until(until));
            let typed: Vec<_> = ids.iter().map(|id| house.typed(STUDIO, *id)).collect();
            let house = if forgotten { house.without_memory() } else { house.restarted(|_| {}) };
            house.pass(Duration::hours(7));
            let now: Vec<_> = ids.iter().map(|id| house.typed(STUDIO, *id)).collect();
            assert_eq!(now, typed, "{kind:?} {forgotten}");
            assert_eq!(house.writes().2, 0, "{kind:?} {forgotten}");
        }
    }
}

/// Full reads every half an hour find a change each for some hours; in the given half hours a webhook comes as well,
/// which may be about anything. Says in which half hours the alert was open at the end.
#[track_caller]
fn check_silence(tells: bool, hooks: &[u32], changes: &[u32], silent: &[u32]) {
    let street = Street::new(&["flat"], &DoorRules::new(4));
    street.sides[0].source.set_tells(tells);
    street.sides[0].source.put(nth(0));
    block_on(street.engine.start()).unwrap();
    street.pass(Duration::minutes(5));
    let mut open = Vec::new();
    for half_hour in 1..=12 {
        if changes.contains(&half_hour) {
            street.sides[0].source.change(&reference("0"), |booking| {
                booking.guest.language = Some(format!("x{half_hour}"));
                booking.revision = Some(Revision(1 + i64::from(half_hour)));
            });
        }
        if hooks.contains(&half_hour) {
            street.tells("0");
        }
        street.pass(Duration::minutes(30));
        if street.alert_kinds() == ["webhooks-silent"] {
            open.push(half_hour);
        }
    }
    assert_eq!(open, silent, "hooks {hooks:?}, changes {changes:?}");
}

#[test]
fn i06_silence_of_webhooks_is_alerted_until_the_next_one() {
    let all: Vec<u32> = (1..=12).collect();
    // Two reads find what nobody told; the third knows that no webhook was merely late.
    check_silence(true, &[], &all, &(3..=12).collect::<Vec<_>>());
    check_silence(true, &[8], &all, &[3, 4, 5, 6, 7, 11, 12]);
    check_silence(true, &[], &[2, 7], &[8, 9, 10, 11, 12]);
    // Nothing to tell, told, or told now and then.
    check_silence(true, &[], &[], &[]);
    check_silence(true, &[], &[3], &[]);
    check_silence(true, &all, &all, &[]);
    check_silence(true, &[2, 4, 6, 8, 10, 12], &all, &[]);
    // Who has no webhooks is not expected to send any.
    check_silence(false, &[], &all, &[]);
}

#[test]
fn i06_stays_that_come_into_range_are_no_silence() {
    let street = Street::with_stays(1);
    // Known to the source for long, and too far ahead for a full read until now.
    for n in 398..405 {
        street.sides[0].source.put(nth(n));
    }
    street.pass(Duration::days(1));
    // What is in range by now could not have been told before; the rest comes day by day.
    street.pass(Duration::days(6));
    assert!(street.alert_kinds().is_empty(), "{:?}", street.alert_kinds());
}

#[test]
fn i06_the_alert_names_the_source_and_since_when() {
    let street = Street::with_stays(1);
    for n in 1..4 {
        street.sides[0].source.put(nth(n));
        street.pass(Duration::minutes(30));
    }
    let alerts = street.open_alerts();
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    assert!(alert.detail.starts_with("source: ") && alert.detail.contains("2027-03-01"), "{}", alert.detail);
    assert_eq!(street.pins(0, "flat").len(), 4);
}

/// Full reads at the start: so many seconds after one another, again half an hour later, and the same at each start.
#[test]
fn sources_are_not_all_read_in_the_same_second() {
    let read_at = |every: Duration| {
        let street = Street::with(&["flat"], &DoorRules::new(4), WrittenBack::Unsupported, |tenant| {
            tenant.sources =
                (0..8).map(|n| (name(&format!("source-{n}")), Arc::new(MemorySource::new()) as _)).collect();
            tenant.full_read_every = every;
        });
        block_on(street.engine.start()).unwrap();
        let began = street.clock.now();
        let complete = || {
            let kind = |slug| block_on(street.store.rows(Kind::Source, slug, None, 100)).unwrap();
            let rows = street.sides.iter().flat_map(|side| kind(&side.slug));
            let times = rows.filter_map(|row| match row.record {
                Record::Source(source) => Some((
                    format!("{}/{}", source.tenant, source.name),
                    (source.complete_at? - began).num_milliseconds(),
                )),
                _ => None,
            });
            times.collect::<BTreeMap<String, i64>>()
        };
        let mut rounds = Vec::new();
        for round in 1..=2 {
            while street.clock.now() < began + every * round {
                block_on(street.engine.run_due()).unwrap();
                street.clock.advance(std::time::Duration::from_millis(250));
            }
            rounds.push(complete());
        }
        rounds
    };
    let check = |every: Duration, apart: i64| {
        let rounds = read_at(every);
        assert_eq!(rounds, read_at(every), "the same at each start");
        for (round, times) in rounds.iter().enumerate() {
            let mut times: Vec<i64> = times.values().copied().collect();
            times.sort_unstable();
            assert_eq!(times.len(), 16, "round {round}");
            assert!(times.windows(2).all(|two| two[1] - two[0] >= apart), "round {round}: {times:?}");
        }
    };
    check(Duration::minutes(30), 1000);
    // Too many for a second each: they still share out the time evenly.
    check(Duration::seconds(8), 500);
}
