//! Histories made by hand, so that everything that can be reached is reached, and every classic mistake shows.

mod aimed;

use booking_core::Proof;
use chrono::{DateTime, Days, NaiveDate, Utc};

use crate::coverage::{STORE_TROUBLES, Side};
use crate::history::{
    Booked, Change, ChannelSetup, Event, History, KeypadSetup, ModeSetup, Ops, PolicySetup, Setup,
    SourceSetup, StaffAct, THE_KEYS, Target, TenantSetup, Timed, Trouble,
};

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;
/// How many histories die again and again, each from another seed.
const DYING: u64 = 8;
/// How many have a store that fails for moments while vendors are slow.
const FAILING: u64 = 4;

/// Each with what it is there for.
#[must_use]
pub fn directed() -> Vec<(String, History)> {
    let under = Trouble::ALL.into_iter().flat_map(|trouble| {
        [false, true].map(|simulated| {
            let vendors = if simulated { "the simulators" } else { "the models" };
            (format!("{trouble:?} at {vendors}"), history(1, simulated, troubles(trouble)))
        })
    });
    let dying = (0..DYING).flat_map(|seed| {
        let sides = [(Side::Before, "before"), (Side::After, "after")];
        sides.map(|(side, word)| (format!("deaths {word}, {seed}"), history(seed, false, deaths(seed, side))))
    });
    let prolonged = (0..FAILING).flat_map(|seed| {
        STORE_TROUBLES.map(|trouble| {
            let name = format!("{trouble:?} while vendors are slow, {seed}");
            (name, history(seed, false, prolonged(trouble)))
        })
    });
    let lookups = (0..DYING).flat_map(|seed| {
        let sides = [(Side::Before, "before"), (Side::After, "after")];
        sides.map(|(side, word)| {
            (format!("deaths {word} lookups, {seed}"), history(seed, false, lookups(seed, side)))
        })
    });
    aimed::aimed().chain(under).chain(dying).chain(prolonged).chain(lookups).collect()
}

/// A fault on everything in turn, and all the time on what the second tenant has.
fn troubles(trouble: Trouble) -> Vec<Timed> {
    let strikes = |at, target, ops, minutes| timed(at, Event::Trouble { target, ops, trouble, minutes });
    let mut events = vec![strikes(1, Target::Channel(8), Ops::All, 8 * 24 * 60)];
    // What lasts would let nobody write who cannot read.
    let ops = |day| if day % 2 == 0 { Ops::All } else { Ops::Writes };
    for target in [Target::Source(0), Target::Locks, Target::Channel(0), Target::Channel(1)] {
        events.extend((0..7).map(|day| strikes(day * DAY + 9 * HOUR - 30, target, ops(day), 90)));
    }
    events.extend((0..7).map(|day| strikes(day * DAY + 3 * HOUR, Target::Channel(0), Ops::Reads, 30)));
    // Nothing is written into a booking, taken off or sent while all else is refused, too.
    if trouble.is_lasting() {
        let alone = |day, hour, target| strikes(day * DAY + hour * HOUR - 600, target, Ops::Writes, 60);
        let each = [(3, Target::Source(0)), (13, Target::Channel(0)), (15, Target::Locks)];
        events.extend((0..7).flat_map(|day| each.map(|(hour, target)| alone(day, hour, target))));
    }
    if STORE_TROUBLES.contains(&trouble) {
        events.extend((0..14).map(|half| strikes(half * DAY / 2 + 3 * HOUR, Target::Store, Ops::All, 30)));
        events.extend(slow());
    }
    events
}

/// A death at one of the next awaits, again and again.
fn deaths(seed: u64, side: Side) -> Vec<Timed> {
    let awaits = |number: u32| (number * 7 + u32::try_from(seed).unwrap_or(0)) % 23;
    let dies = |number: u32| Event::Crash { host: 0, awaits: awaits(number), side, down: 40 };
    slow().chain((0..7 * 96).map(|number| timed(number * HOUR / 4 + 65, dies(number)))).collect()
}

/// A store that fails for moments while leases have to be prolonged, and hosts that die then.
fn prolonged(trouble: Trouble) -> Vec<Timed> {
    let slow = (0..7).map(|day| {
        let slow =
            Event::Trouble { target: Target::Locks, ops: Ops::All, trouble: Trouble::Slow, minutes: 20 * 60 };
        timed(day * DAY + 2 * HOUR, slow)
    });
    let fails = Event::Trouble { target: Target::Store, ops: Ops::Writes, trouble, minutes: 1 };
    let failing = (0..7 * 144).map(|number| timed(number * 600 + number % 7 * 40, fails.clone()));
    let dies = |number: u32| Event::Crash { host: 0, awaits: number % 11, side: Side::After, down: 20 };
    let dying = (0..7 * 48).map(|number| timed(number * 1800 + 300, dies(number)));
    slow.chain(failing).chain(dying).collect()
}

/// Messages whose outcome nobody tells, and a host that dies while it looks for them.
fn lookups(seed: u64, side: Side) -> Vec<Timed> {
    let silent = (0..7).map(|day| {
        let (target, trouble) = (Target::Channel(0), Trouble::TimeoutAfter);
        timed(day * DAY + 2 * HOUR, Event::Trouble { target, ops: Ops::Writes, trouble, minutes: 10 * 60 })
    });
    let awaits = |number: u32| (number * 5 + u32::try_from(seed).unwrap_or(0)) % 24;
    let dies = move |number: u32| Event::Crash { host: 0, awaits: awaits(number), side, down: 5 };
    let after = |day: u32| [3, 9].map(|hour| day * DAY + hour * HOUR + 65);
    let booked = (0..7).flat_map(after);
    silent
        .chain(booked.flat_map(|at| (0..48).map(move |number| timed(at + number * 25, dies(number)))))
        .collect()
}

/// Calls that take so long that leases have to be prolonged.
fn slow() -> impl Iterator<Item = Timed> {
    let slow = Event::Trouble { target: Target::Locks, ops: Ops::All, trouble: Trouble::Slow, minutes: 60 };
    (0..14).map(move |half| timed(half * DAY / 2 + 3 * HOUR, slow.clone()))
}

fn timed(at: u32, event: Event) -> Timed {
    Timed { at, event }
}

/// A week with something of everything, and this besides.
fn history(seed: u64, simulated: bool, besides: Vec<Timed>) -> History {
    let mut events = week();
    events.extend(besides);
    events.sort_by_key(|timed| timed.at);
    History { seed, setup: setup(simulated), events }
}

fn setup(simulated: bool) -> Setup {
    let zone = chrono_tz::Europe::Warsaw;
    let keypad = |spec: &str| KeypadSetup { spec: spec.to_owned(), zone };
    let first = if simulated { THE_KEYS } else { "plain" };
    let source = if simulated {
        SourceSetup::Smoobu { trust: false }
    } else {
        SourceSetup::Model { snapshots: false, revisions: true, ids: true }
    };
    let tenant = |source, units| TenantSetup {
        zone,
        source,
        channels: vec![
            ChannelSetup { thread: false, can_find: true },
            ChannelSetup { thread: true, can_find: true },
        ],
        first_only: false,
        units,
        policy: policy(),
        full_read_minutes: 60,
        door_read_minutes: 60,
    };
    let model = SourceSetup::Model { snapshots: true, revisions: true, ids: true };
    Setup {
        begins: begins(),
        hosts: 1,
        keypads: vec![keypad(first), keypad(first), keypad("plain")],
        tenants: vec![tenant(source, vec![vec![0], vec![1]]), tenant(model, vec![vec![2]])],
    }
}

fn begins() -> DateTime<Utc> {
    NaiveDate::default().and_hms_opt(0, 0, 0).unwrap_or_default().and_utc() + Days::new(20_800)
}

fn policy() -> PolicySetup {
    PolicySetup {
        proof: Proof::Listed,
        tell_hours_before: None,
        buffer_before: 0,
        buffer_after: 0,
        quarantine_days: 2,
        keep_in_house: true,
        escalate_hours: 24,
        mode: ModeSetup::Full,
        adopt: false,
        phone_pin: false,
        write_back: true,
        backups: 0,
        brake_least: None,
        staff_channel: true,
    }
}

/// Each morning a stay is booked, changed, called off; each noon staff and chance do what they do.
fn week() -> Vec<Timed> {
    let mut events = Vec::new();
    for day in 0..7_u32 {
        let at = |hour: u32, event| timed(day * DAY + hour * HOUR + 60, event);
        let stay = day as usize * 2;
        let booked = |unit, ahead: u32| {
            let arrival = begins().date_naive() + Days::new(u64::from(day + ahead));
            Event::Book(Booked { tenant: 0, unit, arrival, nights: 1, check_in: None, phone: true })
        };
        let change = |stay, change| Event::Change { stay, change };
        events.extend([
            at(3, booked(0, 2)),
            at(9, booked(1, 1)),
            timed(day * DAY + 9 * HOUR + 900, change(stay, Change::Extend(1))),
            timed(day * DAY + 9 * HOUR + 1800, change(stay + 1, Change::Move(0))),
            at(11, Event::Staff { keypad: 0, act: StaffAct::Deletes, which: 0 }),
            at(13, change(stay, Change::Shorten(1))),
            at(15, change(stay, Change::Cancel)),
            at(17, Event::Lose { keypad: 0, which: 0 }),
            at(19, change(stay + 1, Change::Vanish)),
            // A list that shows nothing for a while leads to a second code, and that to a surplus.
            at(
                10,
                Event::Trouble {
                    target: Target::Keypad(0),
                    ops: Ops::Reads,
                    trouble: Trouble::EmptyList,
                    minutes: 150,
                },
            ),
            // What nobody knows to be done is found by the next read.
            at(
                2,
                Event::Trouble {
                    target: Target::Locks,
                    ops: Ops::Writes,
                    trouble: Trouble::TimeoutAfter,
                    minutes: 70,
                },
            ),
            at(
                2,
                Event::Trouble {
                    target: Target::Channel(0),
                    ops: Ops::Writes,
                    trouble: Trouble::TimeoutAfter,
                    minutes: 70,
                },
            ),
        ]);
    }
    events
}
