//! Short histories, each aimed at one mistake that is easily made, and that chance seldom shows.

use booking_core::Proof;
use chrono::{DateTime, Days, NaiveDate, TimeZone as _, Utc};

use super::{DAY, HOUR, begins, policy, timed};
use crate::history::{
    Booked, Change, ChannelSetup, Event, History, HookMode, KeypadSetup, ModeSetup, Ops, PolicySetup, Setup,
    SourceSetup, StaffAct, Target, TenantSetup, Timed, Trouble,
};

/// How often each is lived through, from other seeds.
const TIMES: u64 = 3;

/// A small world: two units, each with one keypad of a kind.
struct Aim {
    name: &'static str,
    keypad: &'static str,
    hosts: usize,
    begins: DateTime<Utc>,
    source: SourceSetup,
    policy: PolicySetup,
    events: Vec<Timed>,
}

/// A source that is asked whenever something changes, or tells it all itself.
const fn source(snapshots: bool) -> SourceSetup {
    SourceSetup::Model { snapshots, revisions: true, ids: true }
}

impl Aim {
    fn at(name: &'static str, keypad: &'static str, events: Vec<Timed>) -> Self {
        Self { name, keypad, hosts: 1, begins: begins(), source: source(false), policy: policy(), events }
    }

    fn history(&self, seed: u64) -> History {
        let zone = chrono_tz::Europe::Warsaw;
        let keypad = || KeypadSetup { spec: self.keypad.to_owned(), zone };
        let tenant = TenantSetup {
            zone,
            source: self.source,
            channels: vec![ChannelSetup { thread: true, can_find: true }],
            first_only: false,
            units: vec![vec![0], vec![1]],
            policy: self.policy,
            full_read_minutes: 30,
            door_read_minutes: 60,
        };
        let setup = Setup {
            begins: self.begins,
            hosts: self.hosts,
            keypads: vec![keypad(), keypad()],
            tenants: vec![tenant],
        };
        let mut events = self.events.clone();
        events.sort_by_key(|timed| timed.at);
        History { seed, setup, events }
    }
}

/// Each with its name.
pub(super) fn aimed() -> impl Iterator<Item = (String, History)> {
    let aims = [
        partial_lists(),
        changed_under_partial_lists(),
        two_markers(),
        unknown_writes(),
        repeated_hour(),
        lost_leases(),
        alike_at_once(),
        alike_in_turn(),
        alike_for_longer(),
        many_cancellations(),
        stale_answers(),
        another_account(),
        unread_doors(),
        other_digits(),
        late_words(),
        words_during_work(),
        failed_messages(),
        cancelled_in_house(),
        ghosts(),
        buffers(),
        only_watched(),
        full_keypad(),
        one_backup_for_two(),
        neighbours(),
        device_out_of_reach(),
        another_keypad(),
    ];
    aims.into_iter()
        .flat_map(|aim| (0..TIMES).map(move |seed| (format!("{}, {seed}", aim.name), aim.history(seed))))
}

fn books(at: u32, unit: usize, ahead: u64, nights: u32) -> Timed {
    books_from(begins(), at, unit, ahead, nights)
}

fn books_from(begins: DateTime<Utc>, at: u32, unit: usize, ahead: u64, nights: u32) -> Timed {
    let arrival: NaiveDate = begins.date_naive() + Days::new(ahead);
    timed(at, Event::Book(Booked { tenant: 0, unit, arrival, nights, check_in: None, phone: true }))
}

/// Nothing happens but that time passes: a webhook comes once more.
fn passes(at: u32) -> Timed {
    timed(at, Event::Echo { tenant: 0, which: 0 })
}

fn strikes(at: u32, target: Target, ops: Ops, trouble: Trouble, minutes: u32) -> Timed {
    timed(at, Event::Trouble { target, ops, trouble, minutes })
}

fn changes(at: u32, stay: usize, change: Change) -> Timed {
    timed(at, Event::Change { stay, change })
}

/// Lists that break off show half of what is there.
fn partial_lists() -> Aim {
    let mut events: Vec<_> =
        (0..4).map(|number| books(HOUR + number * 600, 0, 2 + u64::from(number), 1)).collect();
    events.push(strikes(10 * HOUR, Target::Locks, Ops::Reads, Trouble::TruncatedList, 12 * 60));
    events.push(changes(14 * HOUR, 2, Change::Cancel));
    Aim::at("lists that break off", "plain", events)
}

/// The same, and what was changed meanwhile is proven only by a later list.
fn changed_under_partial_lists() -> Aim {
    let mut events: Vec<_> =
        (0..3).map(|number| books(HOUR + number * 600, 0, 2 + u64::from(number), 1)).collect();
    events.push(strikes(10 * HOUR, Target::Locks, Ops::Reads, Trouble::TruncatedList, 12 * 60));
    events.push(changes(12 * HOUR, 2, Change::Extend(1)));
    events.push(changes(14 * HOUR, 1, Change::Cancel));
    Aim::at("a change while lists break off", "plain", events)
}

/// Staff has a code whose note names two stays: it is nobody's but theirs.
fn two_markers() -> Aim {
    let act = StaffAct::AddsForTwo;
    let events = vec![
        books(HOUR, 0, 2, 2),
        books(2 * HOUR, 0, 5, 2),
        timed(5 * HOUR, Event::Staff { keypad: 0, act, which: 0 }),
        changes(9 * HOUR, 0, Change::Cancel),
        changes(DAY, 1, Change::Extend(1)),
    ];
    Aim::at("a code that names two stays", "plain", events)
}

/// What was written is there, and nobody says so.
fn unknown_writes() -> Aim {
    let mut events = vec![strikes(HOUR / 2, Target::Locks, Ops::Writes, Trouble::TimeoutAfter, 8 * 60)];
    events.extend((0..6).map(|number| books((1 + number) * HOUR, 0, 1 + u64::from(number) * 2, 1)));
    Aim::at("writes without an answer", "plain", events)
}

/// A guest is let in at an hour that the clocks show twice.
fn repeated_hour() -> Aim {
    let begins = Utc.with_ymd_and_hms(2027, 10, 28, 6, 0, 0).single().unwrap_or_default();
    let mut booked = books_from(begins, HOUR, 0, 3, 2);
    if let Event::Book(booked) = &mut booked.event {
        booked.check_in = Some(2);
    }
    Aim { begins, ..Aim::at("an arrival in the hour that comes twice", "instants", vec![booked]) }
}

/// Hosts stand still for longer than a lease, in the middle of their work.
fn lost_leases() -> Aim {
    let rounds = (0..12_u32).flat_map(|round| {
        let at = (1 + round) * 2 * HOUR;
        let stall = |host| timed(at + 2 + round % 6, Event::Stall { host, seconds: 300 });
        [books(at, 0, 1 + u64::from(round) * 2, 1), stall(round as usize % 2)]
    });
    let slow = strikes(HOUR, Target::Locks, Ops::All, Trouble::Slow, 30 * 60);
    Aim { hosts: 2, ..Aim::at("hosts that lose their leases", "plain", rounds.chain([slow]).collect()) }
}

/// All telephones end alike, and the digits come from them.
fn alike(quarantine_days: u32) -> PolicySetup {
    PolicySetup { phone_pin: true, quarantine_days, ..policy() }
}

/// Two stays look for digits at the same time.
fn alike_at_once() -> Aim {
    let pairs = (0..6).flat_map(|pair| {
        let at = (1 + pair * 3) * HOUR;
        [at, at].map(|at| books(at, 0, 1 + u64::from(pair) * 3, 2))
    });
    Aim { policy: alike(0), ..Aim::at("two who want the same digits at once", "direct", pairs.collect()) }
}

/// A stay is over, and the next guest's telephone ends alike.
fn alike_in_turn() -> Aim {
    let events = vec![books(HOUR, 0, 0, 1), books(2 * DAY + HOUR, 0, 3, 1)];
    Aim { policy: alike(7), ..Aim::at("one who wants digits that rest", "direct", events) }
}

/// A stay was made longer, its code is off the door for a moment, and another stay looks for digits.
fn alike_for_longer() -> Aim {
    let act = StaffAct::Deletes;
    let mut events = vec![books(HOUR, 0, 0, 1), changes(2 * HOUR, 0, Change::Extend(6))];
    events.push(timed(2 * DAY + 5 * HOUR, Event::Staff { keypad: 0, act, which: 0 }));
    events.push(books(2 * DAY + 5 * HOUR + 4, 0, 3, 1));
    Aim { policy: alike(0), ..Aim::at("one who wants what a longer stay has", "direct", events) }
}

/// More stays are called off in a day than the brake lets go.
fn many_cancellations() -> Aim {
    let booked = (0..5_u32).map(|number| books(HOUR + number * 60, 0, 2 + u64::from(number), 1));
    let cancelled = (0..5_u32).map(|stay| changes(6 * HOUR + stay * 60, stay as usize, Change::Cancel));
    let policy = PolicySetup { brake_least: Some(1), ..policy() };
    Aim { policy, ..Aim::at("many cancellations", "plain", booked.chain(cancelled).collect()) }
}

/// A source answers with what was so before a stay was booked.
fn stale_answers() -> Aim {
    let mut events: Vec<_> =
        (0..6_u32).map(|number| books(HOUR + number * 60, 0, 2 + u64::from(number), 1)).collect();
    events.push(strikes(HOUR + 1200, Target::Source(0), Ops::All, Trouble::Stale, 60));
    events.extend((0..6_u32).map(|stay| changes(HOUR + 1260 + stay * 60, stay as usize, Change::Phone)));
    Aim::at("answers from before a stay was booked", "plain", events)
}

/// The credentials lead into another account, in which there is nothing.
fn another_account() -> Aim {
    let mut events: Vec<_> =
        (0..4_u32).map(|number| books(HOUR + number * 60, 0, 2 + u64::from(number), 1)).collect();
    events.push(timed(5 * HOUR, Event::Elsewhere { tenant: 0, minutes: 6 * 60 }));
    events.push(passes(12 * HOUR));
    Aim::at("another account", "plain", events)
}

/// A stay is booked while its door cannot be read.
fn unread_doors() -> Aim {
    let events = vec![
        strikes(HOUR / 2, Target::Locks, Ops::Reads, Trouble::Credentials, 20 * 60),
        books(3 * HOUR, 0, 2, 2),
        books(4 * HOUR, 1, 3, 2),
        passes(10 * HOUR),
    ];
    Aim::at("doors that cannot be read", "plain", events)
}

/// Staff wants other digits, and the guest hears of them late.
fn other_digits() -> Aim {
    let mut events = vec![
        books(HOUR, 0, 2, 2),
        strikes(5 * HOUR, Target::Channel(0), Ops::Writes, Trouble::Refused, 5 * 60),
    ];
    events.extend([0, 2].map(|hours| timed((6 + hours) * HOUR, Event::Redraw { stay: 0 })));
    events.push(passes(12 * HOUR));
    let policy = PolicySetup { proof: Proof::Confirmed, ..policy() };
    Aim { policy, ..Aim::at("other digits, told late", "late-sync", events) }
}

/// What is told of a change comes after what is told of the next one.
fn late_words() -> Aim {
    let late = |at| timed(at, Event::Hooks { tenant: 0, mode: HookMode::Delayed(10), minutes: 1 });
    let events = vec![
        books(HOUR, 0, 2, 2),
        late(2 * HOUR),
        changes(2 * HOUR + 10, 0, Change::Move(1)),
        changes(2 * HOUR + 120, 0, Change::Extend(1)),
        passes(4 * HOUR),
    ];
    Aim { source: source(true), ..Aim::at("words in the wrong order", "plain", events) }
}

/// A stay changes again and again while vendors are slow, so that words come in the middle of the work.
fn words_during_work() -> Aim {
    let slow = strikes(HOUR, Target::Locks, Ops::All, Trouble::Slow, 10 * 60);
    let changed = (0..20_u32).map(|number| changes(3 * HOUR + number * 17, 0, Change::Extend(1)));
    let events = [slow, books(2 * HOUR, 0, 2, 2), passes(12 * HOUR)];
    Aim::at("words during the work", "plain", events.into_iter().chain(changed).collect())
}

/// Guests cannot be told for a while.
fn failed_messages() -> Aim {
    let trouble = strikes(HOUR / 2, Target::Channel(0), Ops::Writes, Trouble::Credentials, 90);
    Aim::at("messages that fail", "plain", vec![trouble, books(HOUR, 0, 2, 2), passes(5 * HOUR)])
}

/// A stay is called off while its guest is in the house, and policy lets them stay.
fn cancelled_in_house() -> Aim {
    let events = vec![books(HOUR, 0, 0, 3), changes(DAY, 0, Change::Cancel), passes(DAY + 4 * HOUR)];
    Aim::at("a cancellation in the house", "plain", events)
}

/// What was deleted is listed on until the device has dropped it.
fn ghosts() -> Aim {
    let events = vec![books(HOUR, 0, 3, 3), changes(5 * HOUR, 0, Change::Cancel), passes(9 * HOUR)];
    Aim::at("a keypad that lists what was deleted", "ghost", events)
}

/// Codes work before check-in and after check-out.
fn buffers() -> Aim {
    let policy = PolicySetup { buffer_before: 120, buffer_after: 30, ..policy() };
    Aim { policy, ..Aim::at("buffers", "plain", vec![books(HOUR, 0, 2, 2)]) }
}

/// A tenant that is only watched.
fn only_watched() -> Aim {
    let policy = PolicySetup { mode: ModeSetup::Observe, ..policy() };
    let events = vec![books(HOUR, 0, 2, 2), changes(3 * HOUR, 0, Change::Cancel), passes(5 * HOUR)];
    Aim { policy, ..Aim::at("a tenant that is only watched", "plain", events) }
}

/// More guests than a keypad has places, the first of them in the house.
fn full_keypad() -> Aim {
    let mut events = vec![books(HOUR, 0, 0, 6)];
    events.extend((0..4_u32).map(|number| books(20 * HOUR + number * 60, 0, 1 + u64::from(number), 1)));
    events.push(passes(2 * DAY));
    Aim::at("a full keypad", "small", events)
}

/// Two guests stand at a door that takes no codes and has one backup code.
fn one_backup_for_two() -> Aim {
    let events = vec![
        strikes(4 * HOUR, Target::Locks, Ops::Writes, Trouble::Credentials, 20 * 60),
        books(10 * HOUR, 0, 0, 2),
        books(10 * HOUR + 4, 0, 0, 2),
        passes(20 * HOUR),
    ];
    let policy = PolicySetup { backups: 1, ..policy() };
    Aim { policy, ..Aim::at("one backup code for two", "plain", events) }
}

/// Two telephones end in digits that are neighbours, and both guests get their codes while vendors are slow.
fn neighbours() -> Aim {
    let pairs = [0_u32, 1].into_iter().flat_map(|unit| {
        let at = (1 + unit) * HOUR + 400;
        let (place, second) = (unit as usize, unit as usize * 2 + 1);
        [books(at, place, 2, 2), books(at, place, 2, 2), changes(at, second, Change::Phone)]
    });
    let slow = strikes(HOUR, Target::Locks, Ops::All, Trouble::Slow, 3 * 60);
    let events = pairs.chain([slow, passes(6 * HOUR)]).collect();
    Aim { policy: alike(0), ..Aim::at("digits beside each other", "neighbours", events) }
}

/// The cloud takes a code, and the device never gets it.
fn device_out_of_reach() -> Aim {
    let events = vec![
        timed(HOUR / 2, Event::Offline { keypad: 0, minutes: 3 * 24 * 60 }),
        books(HOUR, 0, 1, 2),
        passes(2 * DAY),
    ];
    let policy = PolicySetup { proof: Proof::Confirmed, ..policy() };
    Aim { policy, ..Aim::at("a device out of reach", "late-sync", events) }
}

/// A door gets another keypad, and the one that it had still answers.
fn another_keypad() -> Aim {
    let replaced = timed(6 * HOUR, Event::Replace { keypad: 0, dead: false });
    Aim::at("another keypad", "plain", vec![books(HOUR, 0, 2, 2), replaced, passes(DAY)])
}
