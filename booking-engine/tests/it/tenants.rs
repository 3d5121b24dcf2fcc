//! Several tenants and doors side by side, with the stand-ins of `booking_core::conformance` as their vendors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use booking_core::conformance::{
    MemoryLock, MemoryNotifier, MemorySource, On, Planted, SeededRng, Trouble, block_on,
};
use booking_core::store::*;
use booking_core::*;
use booking_engine::text::Texts;
use booking_engine::{Brake, DoorSetup, Engine, GuestChannels, Mode, NotifierSetup, Policy, Tenant, Unit};
use booking_http::testing::LeapingClock;
use chrono::{Duration, NaiveTime};

use crate::house::{ZONE, day, local, name};
use crate::watched::Watched;

/// One tenant's vendors.
pub(crate) struct Side {
    pub(crate) slug: TenantSlug,
    pub(crate) source: Arc<MemorySource>,
    pub(crate) lock: Arc<MemoryLock>,
    pub(crate) notifier: Arc<MemoryNotifier>,
}

pub(crate) struct Street {
    pub(crate) clock: Arc<LeapingClock>,
    pub(crate) store: Arc<Watched>,
    pub(crate) engine: Engine,
    pub(crate) sides: Vec<Side>,
}

pub(crate) fn key(keypad: &str) -> DoorKey {
    DoorKey { vendor: "memory".into(), device: "1".into(), keypad: keypad.into() }
}

fn slug(text: &str) -> TenantSlug {
    TenantSlug::parse(text).unwrap()
}

pub(crate) fn reference(text: &str) -> ExternalId {
    ExternalId::parse(text).unwrap()
}

impl Street {
    /// Two tenants, each with one unit behind these keypads.
    pub(crate) fn new(keypads: &[&str], rules: &DoorRules) -> Self {
        Self::with(keypads, rules, WrittenBack::Unsupported, |_| {})
    }

    pub(crate) fn with(
        keypads: &[&str],
        rules: &DoorRules,
        write_back: WrittenBack,
        change: impl Fn(&mut Tenant),
    ) -> Self {
        let clock = Arc::new(LeapingClock::new(local(3, 1, 12, 0)));
        let store = Arc::new(Watched::new());
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let mut sides = Vec::new();
        let mut tenants = Vec::new();
        for text in ["east", "west"] {
            let source = Arc::new(MemorySource::new().with_write_back(write_back));
            let lock = keypads.iter().fold(MemoryLock::new(dyn_clock.clone()), |lock, keypad| {
                lock.with_door(key(keypad), ZONE, rules.clone())
            });
            let lock = Arc::new(lock);
            let notifier = Arc::new(MemoryNotifier::new(Channel::Record, dyn_clock.clone()));
            let mut policy = Policy::default();
            policy.settle = Duration::zero();
            let door = |keypad: &&str| DoorSetup {
                id: DoorId::parse(keypad).unwrap(),
                label: None,
                confirm: None,
                backup_codes: 0,
                lock: name("lock"),
                door: Door { key: key(keypad), zone: ZONE, pin_prefix: None, pin_length: None },
            };
            let mut tenant = Tenant {
                slug: slug(text),
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
                    doors: keypads.iter().map(|keypad| DoorId::parse(keypad).unwrap()).collect(),
                    policy: policy.clone(),
                    contact: None,
                }],
                doors: keypads.iter().map(|keypad| (DoorId::parse(keypad).unwrap(), door(keypad))).collect(),
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
            change(&mut tenant);
            tenants.push(tenant);
            sides.push(Side { slug: slug(text), source, lock, notifier });
        }
        let engine = Engine::new(store.clone(), dyn_clock, Arc::new(SeededRng::new(5)), tenants);
        Self { clock, store, engine, sides }
    }

    pub(crate) fn booking(text: &str) -> Booking {
        Booking {
            reference: reference(text),
            unit: Some(UnitRef::parse("1").unwrap()),
            unit_name: Some("Flat".into()),
            kind: BookingKind::Stay,
            status: BookingStatus::Confirmed,
            guest: Guest { name: Some("Ada Example".into()), ..Guest::default() },
            dates: Ok(StayDates::new(day(3, 5), day(3, 8)).unwrap()),
            check_in: None,
            check_out: None,
            revision: Some(Revision(1)),
        }
    }

    pub(crate) fn hint(&self, side: usize, text: &str, event: Event) {
        let delivery = Delivery {
            action: "changed",
            dedup: Dedup::Content { hash: format!("{text}{}", self.clock.now()) },
            events: vec![event],
            reply: Reply { status: 200, body: serde_json::Value::Null },
        };
        let _ = block_on(self.engine.accept(&self.sides[side].slug, &name("source"), delivery)).unwrap();
    }

    pub(crate) fn book(&self, side: usize, text: &str) {
        self.sides[side].source.put(Self::booking(text));
        self.hint(side, text, Event::Hint { reference: reference(text), deleted: false });
        self.settle();
    }

    /// Our id of a booking.
    pub(crate) fn known(&self, side: usize, text: &str) -> Option<BookingId> {
        block_on(self.store.alias(&self.sides[side].slug, &name("source"), &reference(text))).unwrap()
    }

    pub(crate) fn settle(&self) {
        block_on(self.engine.run_due()).unwrap();
    }

    pub(crate) fn pass(&self, by: Duration) {
        let until = self.clock.now() + by;
        self.settle();
        while self.clock.now() < until {
            let due = block_on(self.store.next_due(None)).unwrap().unwrap_or(until);
            let next = due.max(self.clock.now() + Duration::seconds(1)).min(until);
            self.clock.advance((next - self.clock.now()).to_std().unwrap());
            self.settle();
        }
    }

    pub(crate) fn pins(&self, side: usize, keypad: &str) -> Vec<String> {
        self.sides[side]
            .lock
            .codes_on(&key(keypad))
            .iter()
            .map(|code| code.stored.clone().unwrap().expose().to_owned())
            .collect()
    }
}

fn four_digits() -> DoorRules {
    DoorRules::new(4)
}

#[test]
fn a_plain_new_stay_takes_four_transactions() {
    let street = Street::new(&["flat"], &four_digits());
    street.book(0, "warm-up");
    let before = street.store.commits();
    // The same guest on the same days: its source has both.
    street.sides[0].source.put(Street::booking("2"));
    let snapshot = Event::Snapshot(Box::new(Street::booking("2")));
    street.hint(0, "2", snapshot);
    street.settle();
    assert_eq!(street.sides[0].notifier.sent().len(), 2);
    assert_eq!(street.store.commits() - before, 4);
}

#[test]
fn e03_on_a_door_shared_by_tenants_no_two_live_codes_share_a_pin() {
    // One digit alone: ten PINs for both tenants together, none weak at this length.
    let street = Street::new(&["lobby"], &DoorRules::new(1));
    for n in 0..5 {
        street.book(0, &format!("e{n}"));
        street.book(1, &format!("w{n}"));
    }
    let mut pins = [street.pins(0, "lobby"), street.pins(1, "lobby")].concat();
    pins.sort();
    pins.dedup();
    assert_eq!(pins.len(), 10);
    // The space is used up: the next one fails loudly and takes nothing from anybody.
    street.book(0, "one-too-many");
    assert_eq!(street.pins(0, "lobby").len(), 5);
}

#[test]
fn e05_a_pin_is_free_again_once_window_and_quarantine_are_over() {
    let street = Street::new(&["lobby"], &DoorRules::new(1));
    for n in 0..10 {
        street.book(0, &format!("first-{n}"));
    }
    assert_eq!(street.pins(0, "lobby").len(), 10);
    // The stays end on 8 March; their digits rest for a week.
    street.pass(Duration::days(13));
    assert!(street.pins(0, "lobby").is_empty());
    let later = |text: &str| Booking {
        dates: Ok(StayDates::new(day(3, 20), day(3, 22)).unwrap()),
        ..Street::booking(text)
    };
    let book = |text: &str| {
        street.sides[0].source.put(later(text));
        street.hint(0, text, Event::Hint { reference: reference(text), deleted: false });
        street.settle();
    };
    book("too-early");
    assert!(street.pins(0, "lobby").is_empty());
    street.pass(Duration::days(2));
    book("second");
    assert!(!street.pins(0, "lobby").is_empty());
}

#[test]
fn m01_a_delivery_for_one_tenant_that_names_anothers_booking_changes_nothing_there() {
    let street = Street::new(&["flat"], &four_digits());
    street.book(0, "77");
    let pins = street.pins(0, "flat");
    // West's source does not know 77; west is told that it is cancelled and deleted.
    let mut cancelled = Street::booking("77");
    cancelled.status = BookingStatus::Cancelled;
    cancelled.revision = Some(Revision(9));
    street.hint(1, "77", Event::Snapshot(Box::new(cancelled)));
    street.settle();
    street.hint(1, "77b", Event::Hint { reference: reference("77"), deleted: true });
    street.settle();
    street.pass(Duration::hours(3));
    assert_eq!(street.pins(0, "flat"), pins);
    assert!(street.pins(1, "flat").is_empty() && street.sides[1].notifier.sent().is_empty());
}

#[test]
fn m05_one_tenants_failing_lock_delays_no_other() {
    let street = Street::new(&["flat"], &four_digits());
    street.sides[0].lock.plant(Planted::new(Trouble::Html).on(On::Reads));
    street.book(0, "1");
    street.book(1, "2");
    assert!(street.pins(0, "flat").is_empty());
    assert_eq!((street.pins(1, "flat").len(), street.sides[1].notifier.sent().len()), (1, 1));
}

#[test]
fn one_pin_opens_all_doors_of_a_stay() {
    let street = Street::new(&["house", "lobby", "flat"], &four_digits());
    street.book(0, "1");
    let pins: Vec<_> = ["house", "lobby", "flat"].iter().flat_map(|keypad| street.pins(0, keypad)).collect();
    assert_eq!(pins.len(), 3);
    assert!(pins.iter().all(|pin| *pin == pins[0]));
    assert_eq!(street.sides[0].notifier.sent().len(), 1);
}

#[test]
fn b06_where_one_of_two_doors_fails_the_good_one_is_programmed_and_the_guest_waits() {
    let street = Street::new(&["house", "flat"], &four_digits());
    street.sides[0].lock.plant(Planted::new(Trouble::Html).on(On::Reads).on_door(key("flat")));
    street.book(0, "1");
    street.pass(Duration::hours(1));
    assert_eq!((street.pins(0, "house").len(), street.pins(0, "flat").len()), (1, 0));
    assert!(street.sides[0].notifier.sent().is_empty());
    street.sides[0].lock.mend();
    street.pass(Duration::hours(1));
    assert_eq!(street.pins(0, "house"), street.pins(0, "flat"));
    assert_eq!(street.sides[0].notifier.sent().len(), 1);
}

#[test]
fn codes_are_written_back_once_and_staff_hears_where_they_cannot_change() {
    for (answer, written, alerts) in
        [(WrittenBack::Written, 1, 0), (WrittenBack::CannotUpdate, 0, 1), (WrittenBack::Unsupported, 0, 0)]
    {
        let street = Street::with(&["flat"], &four_digits(), answer, |tenant| {
            tenant.units[0].policy.write_back = true
        });
        street.book(0, "1");
        street.pass(Duration::hours(1));
        let codes = street.sides[0].source.written(&reference("1")).unwrap_or_default();
        assert_eq!(codes.len(), written, "{answer:?}");
        assert!(codes.iter().all(|(_, typed)| typed.expose() == street.pins(0, "flat")[0]));
        let open = block_on(street.store.rows(Kind::Alert, &street.sides[0].slug, None, 10)).unwrap();
        assert_eq!(open.len(), alerts, "{answer:?}");
    }
}

#[test]
fn what_retention_may_forget_is_what_is_over_and_off_the_doors() {
    let street = Street::new(&["flat"], &four_digits());
    street.book(0, "1");
    assert!(block_on(street.engine.forgettable(local(3, 5, 0, 0))).unwrap().is_empty());
    street.pass(Duration::days(10));
    let over = block_on(street.engine.forgettable(local(3, 11, 0, 0))).unwrap();
    assert_eq!(over.len(), 1);
    let now = local(3, 11, 0, 0);
    assert_eq!(block_on(street.store.purge(now, now, &over)).unwrap().left, 0);
    assert!(block_on(street.store.stay(&over[0].0, &over[0].1)).unwrap().is_empty());
}
