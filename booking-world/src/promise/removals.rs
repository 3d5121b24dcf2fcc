//! What may go, when, and who must not be shut out by it.

use booking_core::{Clock as _, DoorRules, Listing, Marker};
use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone as _, Utc};

use super::doors::{KNOWN_FOR, is_recent};
use super::records::{handed_out, is_another_booking, noted};
use super::{Broken, Promises, reading, typed, works};
use crate::deed::OnDoor;
use crate::history::{ModeSetup, PolicySetup, Target};
use crate::truth::Content;
use crate::world::World;

/// Whether these words of the source give a stay a right to a keypad now or later.
fn has_right(
    content: &Content,
    since: DateTime<Utc>,
    setup: &crate::history::TenantSetup,
    policies: &[PolicySetup],
    keypad: usize,
    now: DateTime<Utc>,
) -> bool {
    if !content.doors(setup).contains(&keypad) {
        return false;
    }
    let over =
        |policy: &PolicySetup| content.access(setup, policy).is_none_or(|access| access.closes() <= now);
    if policies.iter().any(over) {
        return false;
    }
    if content.holds() {
        return true;
    }
    // What was called off first and deleted then had no right any more.
    if content.gone && content.cancelled {
        return false;
    }
    // Who is in the house when the word comes stays there, by policy; what vanished stays in any case.
    let in_house = content.stay(setup).is_some_and(|stay| stay.opens() <= since);
    in_house && (content.gone || policies.iter().all(|policy| policy.keep_in_house))
}

impl Promises {
    /// A keypad is as full as this, or was by the list before: what one list lacks may be there all the same.
    pub(super) fn note_full(&mut self, world: &World, keypad: usize, codes: usize) {
        let before = self.listed_before.insert(keypad, codes).unwrap_or(0);
        if world.vendors.rules(keypad).capacity.is_some_and(|most| codes.max(before) >= most) {
            self.full.insert(keypad, world.hub.now());
        }
    }

    /// Whether a keypad is full, or was as far as anybody may know: it is written by what was read a moment ago.
    fn was_full(&self, world: &World, keypad: usize) -> bool {
        self.full.get(&keypad).is_some_and(|at| is_recent(world, *at))
    }

    /// Whether the keypad was full when a code with other digits was offered: the earlier one makes room for it, on
    /// record.
    fn makes_room_for_itself(&self, world: &World, number: usize, keypad: usize) -> bool {
        self.was_full(world, keypad) && noted(world, number, "replaced-in-place")
    }

    /// Whether by all that may be believed now the stay has a right to the keypad.
    fn surely_has_right(&self, world: &World, number: usize, keypad: usize) -> bool {
        let stay = &world.stays[number];
        let setup = &world.history.setup.tenants[stay.tenant];
        let policies = self.policies(world, stay.tenant);
        let now = world.hub.now();
        let believed = self.believed(world, number, stay);
        believed.iter().all(|(since, content)| has_right(content, *since, setup, &policies, keypad, now))
    }

    pub(super) fn removal(
        &mut self,
        world: &World,
        (host, keypad): (usize, usize),
        before: &[OnDoor],
        after: &[OnDoor],
    ) -> Result<(), Broken> {
        let now = world.hub.now();
        let is_there = |code: &OnDoor| after.iter().any(|other| other.id == code.id && !other.leaving);
        for code in before.iter().filter(|code| !code.leaving && !is_there(code)) {
            let Some(number) = world.stay_of(code) else { continue };
            // What was decided on a good read may be under way while another one fails.
            // What one tenant's account, or one host, cannot read, another has read a moment ago; and a read that is put
            // off is none that failed.
            let others = world.history.setup.hosts > 1 || is_shared(world, keypad);
            let put_off = world.hub.is_put_off(Target::Keypad(keypad), KNOWN_FOR);
            // Nor is one that failed an adapter which looks after its own writes.
            let looks_itself = world.vendors.is_simulated(keypad);
            let known = if others || put_off || looks_itself { KNOWN_FOR } else { Duration::zero() };
            let under_way = known + Duration::minutes(2);
            let blind = self.blind.get(&keypad).is_some_and(|since| now - *since > under_way);
            if blind {
                let text = format!("host {host} could not read keypad {keypad} and removed {}", code.note);
                return Err(Broken::new("no-removal-on-a-bad-read", now, text));
            }
            // Nobody needs the old digits, instead of which staff wants others, once they are over.
            let clock = reading(world, keypad, &world.vendors.rules(keypad));
            let over = code.end.is_some_and(|end| end <= clock);
            if over && !world.stays[number].redrawn.is_empty() {
                continue;
            }
            let handed_out = handed_out(world, number, keypad);
            let second = after.iter().any(|other| {
                let stands = world.stay_of(other) == Some(number) || handed_out.contains(&other.id);
                other.id != code.id && !other.leaving && stands
            });
            if second {
                self.news_come_first(world, (number, keypad), code, after)?;
                continue;
            }
            // Whether the code that was handed out was lost by a keypad that shows nothing, nobody knows.
            let shows_nothing = world.vendors.rules(keypad).listing == Listing::Nothing;
            if shows_nothing && !handed_out.is_empty() {
                continue;
            }
            // Who makes room for a sooner arrival keeps the right to come back, and what is over takes nothing away.
            let yields = yields(world, number, keypad);
            if !yields && !over {
                self.brake_holds(world, number, keypad)?;
            }
            let renamed =
                self.was_renamed_while_watched(world, number) || is_of_another_booking(world, number, code);
            let excused = yields
                || renamed
                || self.makes_room_for_itself(world, number, keypad)
                || is_touched(world, number, keypad);
            if self.surely_has_right(world, number, keypad) && !excused {
                let text = format!(
                    "{} was taken off keypad {keypad}, but stay {number} has a right to it",
                    code.note
                );
                return Err(Broken::new("no-removal-without-reason", now, text));
            }
            if !renamed && !over {
                self.told_before_the_old_goes(world, number, keypad)?;
            }
        }
        Ok(())
    }

    /// Whether a stay was called off under one name and came anew under another while the engine only watched: what it
    /// has under the first one goes, and what it gets under the other comes, once the engine may act.
    pub(super) fn was_renamed_while_watched(&self, world: &World, number: usize) -> bool {
        let stay = &world.stays[number];
        let watched = self.policies(world, stay.tenant).iter().any(|policy| policy.mode != ModeSetup::Full);
        watched && stay.references.len() > 1
    }

    /// A move: the stay holds, its guest knows a code, and its doors are other ones now.
    fn told_before_the_old_goes(&self, world: &World, number: usize, keypad: usize) -> Result<(), Broken> {
        let stay = &world.stays[number];
        let setup = &world.history.setup.tenants[stay.tenant];
        let now = world.hub.now();
        let believed = self.believed(world, number, stay);
        let moved = believed.iter().all(|(_, content)| {
            content.holds()
                && !content.doors(setup).is_empty()
                && !content.doors(setup).contains(&keypad)
                && content.stay(setup).is_some_and(|stay| stay.closes() > now)
        });
        // Who has heard since of other doors no longer goes to this one.
        let goes_there = stay.last_heard().is_some_and(|heard| heard.typed(keypad).is_some());
        if !moved || !goes_there {
            return Ok(());
        }
        let knows = believed.iter().any(|(_, content)| {
            let doors = content.doors(setup);
            stay.heard.iter().any(|heard| doors.iter().all(|door| heard.typed(*door).is_some()))
        });
        if knows {
            return Ok(());
        }
        let text = format!("stay {number} has moved from keypad {keypad} and has not heard where to");
        Err(Broken::new("told-before-the-old-goes", now, text))
    }

    pub(super) fn nobody_is_locked_out(
        &self,
        world: &World,
        keypad: usize,
        before: &[OnDoor],
        after: &[OnDoor],
    ) -> Result<(), Broken> {
        let rules = world.vendors.rules(keypad);
        let clock = reading(world, keypad, &rules);
        let zone = world.history.setup.keypads[keypad].zone;
        let comes_twice = matches!(zone.from_local_datetime(&clock), LocalResult::Ambiguous(..));
        let now = world.hub.now();
        for (number, stay) in world.stays.iter().enumerate() {
            let setup = &world.history.setup.tenants[stay.tenant];
            let inside = stay.content().holds()
                && stay.content().doors(setup).contains(&keypad)
                && stay.content().stay(setup).is_some_and(|stay| stay.contains(now));
            let Some(pin) = stay.last_heard().and_then(|heard| heard.typed(keypad)).filter(|_| inside) else {
                continue;
            };
            let opens = |code: &&OnDoor| !code.leaving && typed(&rules, code) == *pin && works(code, clock);
            let opened = |codes: &[OnDoor]| codes.iter().any(|code| opens(&code));
            // What goes may be of a booking that was called off, whatever its guest has booked under another name since.
            let is_another =
                || before.iter().filter(opens).all(|code| is_of_another_booking(world, number, code));
            let forced = || {
                is_forced(&rules, (before, after), clock, comes_twice, self.was_full(world, keypad))
                    || self.makes_room_for_itself(world, number, keypad)
                    || self.was_renamed_while_watched(world, number)
                    || is_another()
            };
            if !opened(before) || opened(after) || is_touched(world, number, keypad) || forced() {
                continue;
            }
            if self.surely_inside(world, number, keypad) {
                let text = format!("the guest of stay {number} is shut out at keypad {keypad}");
                return Err(Broken::new("nobody-is-locked-out", now, text));
            }
        }
        Ok(())
    }

    /// Whether by all that may be believed now the guest may pass.
    fn surely_inside(&self, world: &World, number: usize, keypad: usize) -> bool {
        let stay = &world.stays[number];
        let setup = &world.history.setup.tenants[stay.tenant];
        let policies = self.policies(world, stay.tenant);
        let now = world.hub.now();
        self.believed(world, number, stay).iter().all(|(since, content)| {
            has_right(content, *since, setup, &policies, keypad, now)
                && content.stay(setup).is_some_and(|stay| stay.contains(now))
        })
    }
}

/// Whether the keypad left no other way: it takes no start in the past and got the same digits anew, from the next minute
/// on, or it is so full that new digits can only take the place of the old ones.
fn is_forced(
    rules: &DoorRules,
    (before, after): (&[OnDoor], &[OnDoor]),
    clock: NaiveDateTime,
    comes_twice: bool,
    full: bool,
) -> bool {
    // In the hour that comes twice a start of its minutes might mean the past one.
    let twice = Duration::hours(i64::from(comes_twice));
    let soon = |start: NaiveDateTime| start <= clock + Duration::minutes(2) + twice;
    let again = |code: &OnDoor| {
        let same = |old: &OnDoor| {
            old.stored == code.stored && (old.id == code.id || old.note == code.note) && old != code
        };
        code.start.is_some_and(soon) && before.iter().any(same) && !before.contains(code)
    };
    // A keypad without a place for a second code of the stay.
    let full = rules.listing == Listing::Nothing || full;
    let in_place = |code: &OnDoor| before.iter().any(|old| old.id == code.id && old.stored != code.stored);
    // One of several with the same digits has its new start already, and the last of the others goes.
    let comes = |code: &OnDoor| {
        let other = |old: &OnDoor| old.stored == code.stored && old.id != code.id;
        code.start.is_some_and(|start| start > clock && soon(start)) && before.iter().any(other)
    };
    let again = |code: &OnDoor| again(code) || comes(code);
    (!rules.past_start && after.iter().any(again)) || (full && after.iter().any(in_place))
}

/// Whether somebody else touched a stay's codes on a keypad since its last read, maybe: nobody can know of it yet.
fn is_touched(world: &World, number: usize, keypad: usize) -> bool {
    world.stays[number].touched.iter().any(|(at, on)| *on == keypad && is_recent(world, *at))
}

/// Whether a code carries a name that its stay no longer has, and the source called the stay off under that name.
fn is_of_another_booking(world: &World, number: usize, code: &OnDoor) -> bool {
    let stay = &world.stays[number];
    let is_present = |marker: &Marker| marker.reference() == stay.reference().as_str();
    !Marker::find_all(&code.note).iter().any(is_present) && is_another_booking(world, stay)
}

/// Whether several tenants have a keypad, each with an account of its own.
fn is_shared(world: &World, keypad: usize) -> bool {
    let tenants = world.history.setup.tenants.iter();
    tenants.filter(|tenant| tenant.units.iter().any(|unit| unit.contains(&keypad))).count() > 1
}

/// Whether a code may go although its stay holds, because the stay is still to come: it makes room on a keypad with few
/// places, or its keypad takes no code of a stay that was put off as far as that.
fn yields(world: &World, number: usize, keypad: usize) -> bool {
    let stay = &world.stays[number];
    let setup = &world.history.setup.tenants[stay.tenant];
    let now = world.hub.now();
    let Some(access) = stay.content().access(setup, &world.policies[stay.tenant]) else { return false };
    let rules = world.vendors.rules(keypad);
    let ahead = rules.look_ahead.and_then(|ahead| Duration::from_std(ahead).ok());
    let too_early = ahead.is_some_and(|ahead| access.opens() - ahead > now);
    too_early || (rules.capacity.is_some() && access.opens() > now)
}
