//! Promises: what a guest, a host and their staff may rely on whatever happens.
//!
//! Each looks only at the truth of the world and at what the store recorded, never at the planner's own opinion, so
//! that a fault cannot hide in both.

mod doors;
mod pools;
mod records;
mod removals;
mod rest;
#[cfg(test)]
mod tests;
mod told;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use booking_core::store::{Accepted, BookingRecord, Store as _};
use booking_core::{
    BookingId, BookingStatus, Clock as _, Delivery, DoorRules, Event, ExternalId, Pin, TimeSemantics,
    VendorCodeId, Window,
};
use chrono::{DateTime, Duration, NaiveDateTime, TimeZone as _, Utc};

use crate::deed::{Deed, OnDoor, View};
use crate::history::{PolicySetup, SourceSetup, Target};
use crate::hub::OLDEST_ANSWER;
use crate::names;
use crate::truth::{Content, Stay};
use crate::vendors::unit_ref;
use crate::world::{World, now_or_never};

pub(crate) use records::alerts;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name in [`PROMISES`].
    pub promise: &'static str,
    /// When it was seen.
    pub at: DateTime<Utc>,
    /// What was seen.
    pub text: String,
}

impl Broken {
    pub(crate) fn new(promise: &'static str, at: DateTime<Utc>, text: impl Into<String>) -> Self {
        Self { promise, at, text: text.into() }
    }
}

/// Every promise by its name, and in words.
pub const PROMISES: [(&str, &str); 30] = [
    ("foreign-codes-stay", "A code that is not Staykey's is never changed and never deleted."),
    ("no-pin-twice", "At no time do codes of two stays on one door share their digits while both work."),
    ("digits-rest", "Digits rest for the quarantine before another stay gets them."),
    ("written-once", "No code is made a second time on a keypad that shows the first."),
    (
        "no-code-on-an-unread-door",
        "No code is made for a stay on a door that nobody could read since the stay is known.",
    ),
    ("removals-are-proven", "A code is on record as removed only where it was not shown any more."),
    (
        "brake-holds",
        "No more rights end before their time in a day than the brake lets go, until somebody lifts it.",
    ),
    ("late-writes-fail", "Whoever has lost a lease, or let it run out, changes nothing under it."),
    (
        "no-removal-without-reason",
        "A code is taken off a door only when its source has said that the stay has no right to it, when its time is over, or when the stay has another code there.",
    ),
    (
        "no-removal-on-a-bad-read",
        "Nothing is deleted from a door whose reads have been failing, or showing only a part, for minutes.",
    ),
    ("nobody-is-locked-out", "A guest in the house is never locked out by Staykey's own action."),
    (
        "told-before-the-old-goes",
        "A guest who knows a code and moves, or gets other digits from staff, hears of the new one before the old one goes.",
    ),
    (
        "told-only-what-is-proven",
        "A guest is told a code only once it is proven as far as the policy asks and the vendor can prove.",
    ),
    ("told-what-is-recorded", "What the record of a message says is what the guest heard, digit by digit."),
    (
        "told-digits-stay",
        "Digits that a guest was told change only for a reason on the list: a keypad that refuses or has them, another guest, the staff's own hand.",
    ),
    (
        "mode-is-kept",
        "Whoever only watches writes nothing and tells nobody; whoever must not delete deletes nothing.",
    ),
    ("one-backup-one-guest", "A backup code is given to one guest only."),
    (
        "at-rest-former-keypads-are-empty",
        "Once the trouble is over, a keypad that was replaced has no code of a stay.",
    ),
    ("newer-wins", "What is known of a booking never goes back to what its source said earlier."),
    ("acknowledged-is-kept", "A webhook that was acknowledged is in the inbox, or repeats one that is."),
    ("read-is-worked-on", "A webhook is marked as read only by work that has seen it."),
    ("staff-knows", "A guest who cannot get in at arrival is one of whom staff was told."),
    (
        "at-rest-doors-are-right",
        "Once the trouble is over, each stay has exactly one working code on each of its doors for exactly its time, and nobody else has one.",
    ),
    (
        "at-rest-pools-are-right",
        "Once the trouble is over, each door has its backup codes, and none that nobody knows of.",
    ),
    (
        "at-rest-removals-are-proven",
        "Once the trouble is over, no code that is on record as removed is on a door.",
    ),
    (
        "at-rest-guests-know",
        "Once the trouble is over, every guest was last told what opens the doors, on each channel that reaches them.",
    ),
    (
        "told-once",
        "No guest hears the same thing twice, but for sends of unknown outcome, which the record names.",
    ),
    ("at-rest-inbox-is-read", "Once the trouble is over, every webhook that was acknowledged was worked on."),
    ("at-rest-nothing-goes-on", "Once the trouble is over, the work comes to rest."),
    ("echoes-change-nothing", "A webhook that comes again, or late, changes nothing."),
];

/// What a booking record says, as places among the versions that its source has told.
#[derive(Clone, Debug)]
struct Belief {
    at: DateTime<Utc>,
    /// Which record says so: a stay that got another name has two.
    record: BookingId,
    /// The earliest version that it can be.
    least: usize,
    /// The latest.
    most: usize,
    /// The earliest version whose words it has: of a stay that is gone those that were known before, since what a source
    /// said in between nobody can hear any more.
    words: usize,
}

/// How much was written and told so far; what is taken away by its time does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    writes: u64,
    messages: u64,
}

/// How things were when the echoes began.
#[derive(Clone, Copy, Debug)]
struct BeforeEchoes {
    /// How much had been written and told.
    sum: Sum,
    /// How many bookings were known.
    known: usize,
    /// Whether a stay is gone whose last words nobody has heard.
    unheard: bool,
}

/// What promises remember.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    /// The policies of earlier configurations, with when they ended.
    former: Vec<(DateTime<Utc>, Vec<PolicySetup>)>,
    beliefs: BTreeMap<usize, Vec<Belief>>,
    /// Stays that their source does not show to whoever asks, because it shows a time before they were booked: since when
    /// a record has them for gone, and their words then.
    unshown: BTreeMap<usize, (DateTime<Utc>, Content)>,
    /// Stays that are gone, with words from before the last ones: those nobody has heard.
    half_heard: BTreeMap<usize, (DateTime<Utc>, Content)>,
    /// When a source was last seen to tell far less than it did.
    suspected_at: Option<DateTime<Utc>>,
    /// Since when reads of a keypad fail, or show what is called a part, whichever host reads.
    blind: BTreeMap<usize, DateTime<Utc>>,
    /// When a keypad was last read, all of it or a part that was called one.
    seen: BTreeMap<usize, DateTime<Utc>>,
    /// When a keypad with few places was last full.
    full: BTreeMap<usize, DateTime<Utc>>,
    /// How many codes were on a keypad when it was last read or written.
    listed_before: BTreeMap<usize, usize>,
    /// Codes that honest reads have shown.
    shown: BTreeMap<usize, Vec<OnDoor>>,
    /// Codes that were ever listed.
    listed: BTreeMap<usize, Vec<OnDoor>>,
    duplicates: BTreeSet<usize>,
    /// Codes that were on a keypad when a read left them out without a word for it.
    hidden: BTreeSet<(usize, VendorCodeId)>,
    /// The same on keypads that a door had before.
    hidden_on_former: BTreeSet<(usize, VendorCodeId)>,
    /// What hosts took off a keypad, and what its clock showed then.
    left: BTreeMap<usize, Vec<(u32, OnDoor, NaiveDateTime)>>,
    /// Codes that went before their time.
    early: Vec<doors::Early>,
    /// Whether staff has lifted all brakes.
    lifted: bool,
    /// Which stay has which backup code, by keypad and the vendor's id.
    given: BTreeMap<(usize, VendorCodeId), usize>,
    before_echoes: Option<BeforeEchoes>,
    sum: Sum,
    arrivals: BTreeSet<(DateTime<Utc>, usize)>,
}

impl Promises {
    pub(crate) fn new(_policies: &[PolicySetup], _begins: DateTime<Utc>) -> Self {
        Self::default()
    }

    pub(crate) fn policies_changed(&mut self, now: &[PolicySetup], at: DateTime<Utc>) {
        self.former.push((at, now.to_vec()));
    }

    /// The policies that hold or held for a tenant.
    fn policies(&self, world: &World, tenant: usize) -> Vec<PolicySetup> {
        let former = self.former.iter().filter_map(|(_, policies)| policies.get(tenant));
        let first = world.history.setup.tenants[tenant].policy;
        let mut all: Vec<_> = former.copied().chain([first, world.policies[tenant]]).collect();
        all.dedup();
        all
    }

    /// When a source was last seen to tell far less than it did.
    pub(crate) fn suspected_at(&self) -> Option<DateTime<Utc>> {
        self.suspected_at
    }

    /// Staff lets everything go that brakes hold back.
    pub(crate) fn brakes_are_lifted(&mut self) {
        self.lifted = true;
    }

    /// A stay has new words: its arrival is looked at when it comes.
    pub(crate) fn arrives(&mut self, stay: usize, at: DateTime<Utc>) {
        self.arrivals.insert((at, stay));
    }

    pub(crate) fn next_moment(&self) -> Option<DateTime<Utc>> {
        self.arrivals.first().map(|(at, _)| *at)
    }

    pub(crate) fn time_passes(&mut self, world: &World) -> Result<(), Broken> {
        let now = world.hub.now();
        while let Some((at, stay)) = self.arrivals.first().copied().filter(|(at, _)| *at <= now) {
            self.arrivals.remove(&(at, stay));
            self.staff_knows(world, stay)?;
        }
        Ok(())
    }

    pub(crate) fn acknowledged(
        &mut self,
        world: &World,
        delivery: &Delivery,
        tenant: usize,
        accepted: &Accepted,
    ) -> Result<(), Broken> {
        let inbox = now_or_never(world.store.inbox(&names::tenant(tenant), None, 400));
        let rows = inbox.and_then(Result::ok).unwrap_or_default();
        let about = |event: &&Event| reference_of(event).is_some();
        for event in delivery.events.iter().filter(about) {
            if !rows.iter().any(|row| row.event.as_ref() == Some(event)) {
                let text = format!("no inbox row for {event:?} (repetition: {})", accepted.duplicate);
                return Err(Broken::new("acknowledged-is-kept", world.hub.now(), text));
            }
        }
        Ok(())
    }

    /// What a store's record can be of what the source has said.
    fn believe(&mut self, world: &World, record: &BookingRecord) -> Option<(usize, Belief)> {
        let (number, stay) = stay_of_record(world, record)?;
        record.booking.as_ref()?;
        let matching: Vec<usize> = (0..stay.versions.len())
            .filter(|version| says(world, number, stay, &stay.versions[*version].1, record))
            .collect();
        let (least, most) = (*matching.first()?, *matching.last()?);
        let as_it_was = BookingRecord { gone_at: None, ..record.clone() };
        let before = stay.versions.iter().take(least).rposition(|(_, content)| {
            record.gone_at.is_some() && says(world, number, stay, content, &as_it_was)
        });
        let words = before.unwrap_or(least);
        Some((number, Belief { at: world.hub.now(), record: record.id.clone(), least, most, words }))
    }

    /// The versions of a stay by which a host may act now: those that were believed a while ago, and newer ones.
    fn believed<'a>(
        &'a self,
        world: &World,
        number: usize,
        stay: &'a Stay,
    ) -> Vec<&'a (DateTime<Utc>, Content)> {
        let now = world.hub.now();
        let beliefs = self.beliefs.get(&number).map_or(&[][..], Vec::as_slice);
        let recent = beliefs.iter().rev();
        // A host whose lease ran out under it may still act by what it read.
        let mut least = None;
        for belief in recent {
            least = Some(least.map_or(belief.words, |least: usize| least.min(belief.words)));
            if now - belief.at > Duration::minutes(10) {
                break;
            }
        }
        let heard = stay.versions.iter().skip(least.unwrap_or(0));
        heard.chain(self.unshown.get(&number)).chain(self.half_heard.get(&number)).collect()
    }

    /// Notes whether a record has a stay for gone that its source has, and cannot know better.
    fn note_unshown(&mut self, world: &World, record: &BookingRecord) {
        let Some((number, stay)) = stay_of_record(world, record) else { return };
        let booked_at = stay.versions[0].0;
        let cannot_know = |at: &DateTime<Utc>| {
            !stay.content().gone
                && *at - booked_at < OLDEST_ANSWER
                && world.hub.is_outdated(Target::Source(stay.tenant))
        };
        match record.gone_at {
            None => drop(self.unshown.remove(&number)),
            Some(at) if cannot_know(&at) => {
                let words = Content { gone: true, ..stay.content().clone() };
                self.unshown.entry(number).or_insert((at, words));
            }
            Some(_) => {}
        }
    }
}

/// What an event is about.
pub(crate) fn reference_of(event: &Event) -> Option<&ExternalId> {
    match event {
        Event::Hint { reference, .. } => Some(reference),
        Event::Snapshot(booking) => Some(&booking.reference),
        Event::Fact { .. } => None,
    }
}

fn stay_of_record<'a>(world: &'a World, record: &BookingRecord) -> Option<(usize, &'a Stay)> {
    let tenant = names::tenant_of(&record.tenant)?;
    let mut found = world.stays.iter().enumerate();
    found.find(|(_, stay)| stay.tenant == tenant && stay.references.contains(&record.reference))
}

/// Whether a record says what the source said then.
fn says(world: &World, number: usize, stay: &Stay, content: &Content, record: &BookingRecord) -> bool {
    if content.gone {
        return record.gone_at.is_some();
    }
    let Some(booking) = record.booking.as_ref().filter(|_| record.gone_at.is_none()) else { return false };
    let source = world.history.setup.tenants[stay.tenant].source;
    let phone = content.phone.map(|phone| Stay::phone(number, phone));
    (booking.status == BookingStatus::Cancelled) == content.cancelled
        && booking.dates.ok() == content.dates()
        && booking.unit.as_ref() == Some(&unit_ref(source, content.unit))
        && booking.guest.phone == phone
        && booking.check_in.map(|time| chrono::Timelike::hour(&time)) == content.check_in
}

/// A window as the clock of a keypad shows it.
fn times(rules: &DoorRules, window: &Window) -> (NaiveDateTime, NaiveDateTime) {
    match rules.time {
        TimeSemantics::Instants => instants(window),
        TimeSemantics::LocalWallTime => window.wall(),
        TimeSemantics::WholeLocalDays => window.whole_days().wall(),
    }
}

/// Its ends as instants, reckoned here and not by the words that are to be checked: of an hour that comes twice the
/// earlier reading begins and the later one ends.
fn instants(window: &Window) -> (NaiveDateTime, NaiveDateTime) {
    let at = |local: NaiveDateTime| window.zone().from_local_datetime(&local);
    let begins = at(window.start()).earliest().map_or(window.opens(), |at| at.to_utc());
    let ends = at(window.end()).latest().map_or(window.closes(), |at| at.to_utc());
    (begins.naive_utc(), ends.naive_utc())
}

/// What the clock of a keypad shows now.
fn reading(world: &World, keypad: usize, rules: &DoorRules) -> NaiveDateTime {
    let now = world.hub.now();
    match rules.time {
        TimeSemantics::Instants => now.naive_utc(),
        _ => now.with_timezone(&world.history.setup.keypads[keypad].zone).naive_local(),
    }
}

fn works(code: &OnDoor, reading: NaiveDateTime) -> bool {
    code.active && code.start.is_none_or(|start| start <= reading) && code.end.is_none_or(|end| reading < end)
}

fn typed(rules: &DoorRules, code: &OnDoor) -> Pin {
    rules.typed(&code.stored)
}

impl Promises {
    /// Held against everything that was done.
    pub(crate) fn after(&mut self, world: &World, deed: &Deed) -> Result<(), Broken> {
        match deed {
            Deed::Wrote { host, keypad, generation, step, before, after } => {
                writes::mode_is_kept(world, *keypad, *step, before, after)?;
                // A keypad that was replaced is looked at when somebody who still has a code there is.
                if *generation != world.vendors.generation(*keypad) {
                    return writes::foreign_codes_stay(world, *keypad, before, after);
                }
                self.sum.writes += 1;
                self.note_full(world, *keypad, before.len());
                let new = after.iter().filter(|code| !before.contains(code));
                self.listed.entry(*keypad).or_default().extend(new.cloned());
                writes::foreign_codes_stay(world, *keypad, before, after)?;
                writes::no_pin_twice(world, *keypad, before, after)?;
                self.leaves(world, *keypad, before, after);
                self.digits_rest(world, *keypad, before, after)?;
                if *step == crate::coverage::Step::Created {
                    self.written_once(world, *keypad, before, after)?;
                    self.looked_before(world, *keypad, before, after)?;
                }
                self.nobody_is_locked_out(world, *keypad, before, after)?;
                if *step == crate::coverage::Step::Deleted {
                    self.sum.writes -= 1;
                    self.removal(world, (*host, *keypad), before, after)?;
                }
            }
            Deed::Read { keypad, generation, view, .. }
                if *generation == world.vendors.generation(*keypad) =>
            {
                self.read(world, *keypad, *view);
            }
            Deed::Read { keypad, view: View::Other | View::Empty, .. } => {
                self.hides_on_former(world, *keypad)
            }
            Deed::Heard { tenant, to, body, channel, .. } => {
                self.sum.messages += 1;
                told::watches_in_silence(world, *tenant)?;
                self.heard(world, *tenant, *channel, to, body)?;
            }
            Deed::Booking(record) => self.booking(world, record)?,
            Deed::Code(code) => self.removal_is_proven(world, code)?,
            Deed::Alert(alert) if alert.kind == "source-suspect" => self.suspected_at = Some(world.hub.now()),
            Deed::Skipped => {
                let text = "a webhook that came during the work was marked as read";
                return Err(Broken::new("read-is-worked-on", world.hub.now(), text));
            }
            Deed::Late => {
                let text = "a change was taken under a lease that is over";
                return Err(Broken::new("late-writes-fail", world.hub.now(), text));
            }
            Deed::Duplicate { keypad, code } => {
                self.duplicates.insert(*keypad);
                writes::not_of_another_stay(world, *keypad, code)?;
            }
            Deed::Parked => {
                let text = "the plan of a stay does not come to rest";
                return Err(Broken::new("at-rest-nothing-goes-on", world.hub.now(), text));
            }
            _ => {}
        }
        Ok(())
    }

    fn read(&mut self, world: &World, keypad: usize, view: View) {
        if matches!(view, View::Failed | View::Part) {
            self.blind.entry(keypad).or_insert(world.hub.now());
        } else {
            self.blind.remove(&keypad);
        }
        let codes = match view {
            // Any of them may be in the part.
            View::Whole | View::Part => world.vendors.in_cloud(keypad),
            // Whatever was there before may have been shown.
            View::Other => self.listed.get(&keypad).cloned().unwrap_or_default(),
            View::Empty | View::Failed => Vec::new(),
        };
        if matches!(view, View::Other | View::Empty) {
            self.hides(world, keypad);
        }
        if matches!(view, View::Whole | View::Part) {
            self.seen.insert(keypad, world.hub.now());
        }
        self.note_full(world, keypad, codes.len());
        let shown = self.shown.entry(keypad).or_default();
        for code in codes {
            if !shown.contains(&code) {
                shown.push(code);
            }
        }
    }

    fn booking(&mut self, world: &World, record: &BookingRecord) -> Result<(), Broken> {
        self.note_unshown(world, record);
        let Some((number, belief)) = self.believe(world, record) else { return Ok(()) };
        let versions = &world.stays[number].versions;
        let (since, last_words) = &versions[belief.least];
        if last_words.gone && belief.words < belief.least {
            let words = Content { gone: true, ..versions[belief.words].1.clone() };
            self.half_heard.insert(number, (*since, words));
        } else {
            self.half_heard.remove(&number);
        }
        let known = self.beliefs.entry(number).or_default();
        let last = known.iter().rev().find(|known| known.record == belief.record).cloned();
        known.push(belief.clone());
        let tenant = world.stays[number].tenant;
        let source = &world.history.setup.tenants[tenant].source;
        // Old words without a revision that a source shows when it is asked cannot be told from new ones.
        let is_blunt = matches!(source, SourceSetup::Model { revisions: false, .. });
        // Nor from the word that a stay is gone, which has none from any source.
        let was_gone = last.as_ref().is_some_and(|last| world.stays[number].versions[last.least].1.gone);
        // Nor under a name that the stay had before: each name counts its own changes.
        let was_renamed = !record.former.is_empty();
        if (is_blunt || was_gone || was_renamed) && world.hub.is_outdated(Target::Source(tenant)) {
            return Ok(());
        }
        match last {
            Some(last) if belief.most < last.least => {
                let text = format!(
                    "stay {number}: version {} was known, and now it is version {}",
                    last.least, belief.most
                );
                Err(Broken::new("newer-wins", world.hub.now(), text))
            }
            _ => Ok(()),
        }
    }
}
