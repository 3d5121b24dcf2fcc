//! What holds of what is on a door, after every step: digits rest, nothing is written twice or blindly, and few rights
//! end early.

use booking_core::store::{CodeRecord, CodeState, Record};
use booking_core::{Clock as _, Listing};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use super::{Broken, Promises, reading};
use crate::deed::OnDoor;
use crate::names;
use crate::truth::Stay;
use crate::vendors::brake_of;
use crate::world::World;

/// A clock that changes may shift what a keypad shows by this much.
const CLOCKS_CHANGE: Duration = Duration::hours(2);
/// A door that was read before is known for so long.
pub(super) const KNOWN_FOR: Duration = Duration::minutes(10);

/// A code that went before its time, because its stay has no right to it any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Early {
    tenant: usize,
    keypad: usize,
    stay: usize,
    /// When the stay's right ended by what its source says.
    since: DateTime<Utc>,
}

impl Promises {
    /// Remembers what a write took off a keypad.
    pub(super) fn leaves(&mut self, world: &World, keypad: usize, before: &[OnDoor], after: &[OnDoor]) {
        let clock = reading(world, keypad, &world.vendors.rules(keypad));
        let gone = before.iter().filter(|code| !after.contains(code));
        let generation = world.vendors.generation(keypad);
        let gone = gone.map(|code| (generation, code.clone(), clock));
        self.left.entry(keypad).or_default().extend(gone);
    }

    /// Digits rest for the quarantine of whoever had them.
    pub(super) fn digits_rest(
        &self,
        world: &World,
        keypad: usize,
        before: &[OnDoor],
        after: &[OnDoor],
    ) -> Result<(), Broken> {
        let left = self.left.get(&keypad).map_or(&[][..], Vec::as_slice);
        for new in after.iter().filter(|code| !before.contains(code)) {
            let Some(number) = world.stay_of(new) else { continue };
            let had = |other: &OnDoor| {
                let of = world.stay_of(other).filter(|of| *of != number && other.stored == new.stored)?;
                Some(self.quarantine(world, of))
            };
            let rests = |other: &OnDoor, until: Option<NaiveDateTime>| {
                let end = other.end.zip(until).map_or(other.end, |(end, until)| Some(end.min(until)));
                let follows = new.end.zip(other.start).is_none_or(|(end, start)| end > start);
                let soon =
                    |rest| new.start.zip(end).is_some_and(|(start, end)| start < end + rest - CLOCKS_CHANGE);
                follows && had(other).is_some_and(soon)
            };
            // A keypad that is another one knows nothing of what rested on the one before.
            let generation = world.vendors.generation(keypad);
            let clash = left
                .iter()
                .find(|(of, other, at)| *of == generation && rests(other, Some(*at)))
                .map(|(_, other, _)| other)
                .or_else(|| after.iter().find(|other| rests(other, None)));
            if let Some(other) = clash {
                let text = format!(
                    "on keypad {keypad} {} got the digits of {} before they had rested",
                    new.note, other.note
                );
                return Err(Broken::new("digits-rest", world.hub.now(), text));
            }
        }
        Ok(())
    }

    fn quarantine(&self, world: &World, number: usize) -> Duration {
        let policies = self.policies(world, world.stays[number].tenant);
        let days = policies.iter().map(|policy| policy.quarantine_days).min().unwrap_or(0);
        Duration::days(i64::from(days))
    }

    /// A read that lies without a word for it hides what is there.
    pub(super) fn hides(&mut self, world: &World, keypad: usize) {
        let there = world.vendors.in_cloud(keypad).into_iter().map(|code| (keypad, code.id));
        self.hidden.extend(there);
    }

    /// The same on the keypads that a door had before.
    pub(super) fn hides_on_former(&mut self, world: &World, keypad: usize) {
        let there = super::rest::former_codes(world, keypad).into_iter().map(|code| (keypad, code.id));
        self.hidden_on_former.extend(there);
    }

    /// A code is not made a second time while the first can be seen.
    pub(super) fn written_once(
        &self,
        world: &World,
        keypad: usize,
        before: &[OnDoor],
        after: &[OnDoor],
    ) -> Result<(), Broken> {
        let rules = world.vendors.rules(keypad);
        if rules.listing != Listing::Codes || world.may_act_twice() {
            return Ok(());
        }
        for new in after.iter().filter(|code| before.iter().all(|old| old.id != code.id)) {
            if world.stay_of(new).is_none() {
                continue;
            }
            let twin = before.iter().find(|old| {
                old.stored == new.stored
                    && old.note == new.note
                    && !old.leaving
                    && !self.hidden.contains(&(keypad, old.id.clone()))
            });
            if twin.is_some() {
                let text = format!("{} was made on keypad {keypad} although it was there", new.note);
                return Err(Broken::new("written-once", world.hub.now(), text));
            }
        }
        Ok(())
    }

    /// No code is made for a stay on a door that nobody could read since the stay is known.
    pub(super) fn looked_before(
        &self,
        world: &World,
        keypad: usize,
        before: &[OnDoor],
        after: &[OnDoor],
    ) -> Result<(), Broken> {
        let Some(since) = self.blind.get(&keypad).copied() else { return Ok(()) };
        let unseen = world.vendors.rules(keypad).listing == Listing::Nothing;
        if unseen || is_recent(world, since) {
            return Ok(());
        }
        let new = after.iter().filter(|code| before.iter().all(|old| old.id != code.id));
        for (code, number) in new.filter_map(|code| Some((code, world.stay_of(code)?))) {
            if world.stays[number].versions[0].0 > since + KNOWN_FOR {
                let text = format!("{} was made on keypad {keypad}, which cannot be read", code.note);
                return Err(Broken::new("no-code-on-an-unread-door", world.hub.now(), text));
            }
        }
        Ok(())
    }

    /// A code is on record as removed only where some read did not show it.
    pub(super) fn removal_is_proven(&self, world: &World, code: &CodeRecord) -> Result<(), Broken> {
        let keypad = names::keypad_of(&code.key).filter(|keypad| {
            world.vendors.is_present(*keypad, &code.key)
                && world.vendors.rules(*keypad).listing != Listing::Nothing
        });
        let (Some(keypad), Some(id), CodeState::Removed) = (keypad, &code.vendor_id, code.state) else {
            return Ok(());
        };
        let shown = !self.hidden.contains(&(keypad, id.clone()));
        let there = world.vendors.in_cloud(keypad).iter().any(|on| on.id == *id);
        if !(shown && there) || world.may_act_twice() {
            return Ok(());
        }
        let again = |number| {
            world.rows_of(number).into_iter().any(|row| {
                matches!(row.record, Record::Code(other) if other.id != code.id
                    && other.state != CodeState::Removed && other.vendor_id == code.vendor_id)
            })
        };
        if (0..world.stays.len()).any(again) {
            return Ok(());
        }
        let text = format!("{} is on keypad {keypad} and on record as removed", code.note);
        Err(Broken::new("removals-are-proven", world.hub.now(), text))
    }

    /// Rights that end before their time are no more than the brake lets go.
    pub(super) fn brake_holds(&mut self, world: &World, number: usize, keypad: usize) -> Result<(), Broken> {
        let stay = &world.stays[number];
        let tenant = stay.tenant;
        let Some(since) = self.ended_early(world, number, keypad).filter(|_| !self.lifted) else {
            return Ok(());
        };
        if self.early.iter().any(|early| (early.stay, early.keypad) == (number, keypad)) {
            return Ok(());
        }
        self.early.push(Early { tenant, keypad, stay: number, since });
        // The budget is drawn between the word and the removal: what lies within a day for certain counts.
        let now = world.hub.now();
        let policies = self.policies(world, tenant);
        let brakes: Vec<_> = policies.iter().map(brake_of).collect();
        let of_day = |early: &&Early| {
            early.tenant == tenant && brakes.iter().all(|brake| now - early.since < brake.per)
        };
        let drawn = self.early.iter().filter(of_day);
        let on_door = drawn.clone().filter(|early| early.keypad == keypad).count();
        let allows = |live: usize| {
            brakes.iter().map(|brake| brake.allows(u64::try_from(live).unwrap_or(u64::MAX))).max()
        };
        let stays = world.stays.iter().filter(|stay| stay.tenant == tenant).count();
        let codes = self.listed.get(&keypad).map_or(0, Vec::len) + stays;
        let too_many = |many: usize, live| allows(live).is_some_and(|most| many > most);
        let named = stays + stays_renamed(world, tenant);
        if !too_many(on_door, codes) && !too_many(drawn.count(), named) {
            return Ok(());
        }
        let text = format!("{on_door} rights on keypad {keypad} of tenant {tenant} ended early in a day");
        Err(Broken::new("brake-holds", now, text))
    }

    /// Since when a stay has no right to a keypad only because it was called off: by all that may be believed now it would
    /// have one if it held.
    fn ended_early(&self, world: &World, number: usize, keypad: usize) -> Option<DateTime<Utc>> {
        let stay = &world.stays[number];
        let setup = &world.history.setup.tenants[stay.tenant];
        let policies = self.policies(world, stay.tenant);
        let now = world.hub.now();
        let only_so = self.believed(world, number, stay).iter().all(|(_, content)| {
            let open = |policy| content.access(setup, policy).is_some_and(|access| access.closes() > now);
            content.doors(setup).contains(&keypad) && policies.iter().all(open)
        });
        // Of a stay that is known to hold no right ends: what goes is surplus.
        let last = self.beliefs.get(&number).and_then(|beliefs| beliefs.last());
        let holds = last.is_some_and(|belief| stay.versions[belief.words].1.holds());
        // What was drawn when it was first called off serves again, where nothing was written in between.
        let called_off = stay.versions.iter().find(|(_, content)| !content.holds());
        called_off.filter(|_| only_so && !holds).map(|(since, _)| *since)
    }

    /// A guest who was given other digits by staff hears of them before the ones that they know go.
    pub(super) fn news_come_first(
        &self,
        world: &World,
        (number, keypad): (usize, usize),
        gone: &OnDoor,
        after: &[OnDoor],
    ) -> Result<(), Broken> {
        let stay = &world.stays[number];
        let setup = &world.history.setup.tenants[stay.tenant];
        let now = world.hub.now();
        let coming = self.believed(world, number, stay).iter().all(|(_, content)| {
            content.holds()
                && content.doors(setup).contains(&keypad)
                && content.stay(setup).is_some_and(|stay| stay.closes() > now)
        });
        let rules = world.vendors.rules(keypad);
        let knows = |code: &OnDoor| {
            let pin = rules.typed(&code.stored);
            stay.heard.iter().any(|heard| heard.typed(keypad) == Some(&pin))
        };
        if stay.redrawn.is_empty() || !coming || !can_hear(world, stay) || !knows(gone) {
            return Ok(());
        }
        let given = super::records::handed_out(world, number, keypad);
        let mine = |code: &&OnDoor| {
            !code.leaving && (world.stay_of(code) == Some(number) || given.contains(&code.id))
        };
        if after.iter().filter(mine).any(knows) {
            return Ok(());
        }
        let text = format!("stay {number} has other digits on keypad {keypad} and has not heard them");
        Err(Broken::new("told-before-the-old-goes", now, text))
    }
}

/// How many further names the stays of a tenant have had: each may be a booking to whoever counts them.
fn stays_renamed(world: &World, tenant: usize) -> usize {
    let of_tenant = world.stays.iter().filter(|stay| stay.tenant == tenant);
    of_tenant.map(|stay| stay.references.len() - 1).sum()
}

/// Whether the guest can be told by what their tenant has: a thread, or the telephone of the beginning.
fn can_hear(world: &World, stay: &Stay) -> bool {
    let channels = &world.history.setup.tenants[stay.tenant].channels;
    let phone = stay.content().phone;
    let phoned = phone.is_some() && stay.versions.iter().all(|(_, content)| content.phone == phone);
    channels.iter().all(|channel| channel.thread || phoned)
}

/// Whether hosts may act by what was known before this.
pub(super) fn is_recent(world: &World, at: DateTime<Utc>) -> bool {
    world.hub.now() - at <= KNOWN_FOR
}
