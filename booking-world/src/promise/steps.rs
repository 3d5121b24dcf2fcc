//! What holds after every step.

use booking_core::store::{AlertRecord, CodeRecord, Kind, Record, Store as _};
use booking_core::{Clock as _, DoorRules, Listing, Pin, Proof, VendorCodeId, Window};
use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone as _, Utc};

use super::{Broken, Promises, reading, times, typed, works};
use crate::coverage::Step;
use crate::deed::OnDoor;
use crate::history::{ModeSetup, PolicySetup, Target};
use crate::names;
use crate::truth::{Content, Heard, Stay};
use crate::world::{World, now_or_never};

/// How much was written and told so far; what is taken away by its time does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) writes: u64,
    pub(crate) messages: u64,
}

pub(super) fn foreign_codes_stay(
    world: &World,
    keypad: usize,
    before: &[OnDoor],
    after: &[OnDoor],
) -> Result<(), Broken> {
    let touched = before.iter().find(|code| !world.is_ours(code) && !after.contains(code));
    touched.map_or(Ok(()), |code| {
        let text =
            format!("the code {} on keypad {keypad}, which is not ours, was touched", code.id.as_str());
        Err(Broken::new("foreign-codes-stay", world.hub.now(), text))
    })
}

pub(super) fn no_pin_twice(
    world: &World,
    keypad: usize,
    before: &[OnDoor],
    after: &[OnDoor],
) -> Result<(), Broken> {
    let rules = world.vendors.rules(keypad);
    for new in after.iter().filter(|code| !before.contains(code) && !code.leaving) {
        let Some(stay) = world.stay_of(new) else { continue };
        let clash = after.iter().find(|other| {
            other.id != new.id
                && are_near(&other.stored, &new.stored, rules.neighbours)
                && !other.leaving
                && world.stay_of(other).is_some_and(|of| of != stay)
                && overlap(new, other)
        });
        if let Some(other) = clash {
            let text = format!("on keypad {keypad} {} and {} share their digits", new.note, other.note);
            return Err(Broken::new("no-pin-twice", world.hub.now(), text));
        }
    }
    Ok(())
}

/// No keypad need refuse digits because a code of another stay has them: they were not free to be tried.
pub(super) fn not_of_another_stay(world: &World, keypad: usize, code: &CodeRecord) -> Result<(), Broken> {
    let rules = world.vendors.rules(keypad);
    let clock = reading(world, keypad, &rules);
    let Some(pins) = &code.pins else { return Ok(()) };
    let codes = world.vendors.in_cloud(keypad);
    let clash = codes.iter().find(|other| {
        let mine = world.stay_of(&OnDoor { note: code.note.clone(), ..(*other).clone() });
        let another = world.stay_of(other).is_some_and(|of| Some(of) != mine);
        let lives = !other.leaving && other.end.is_some_and(|end| end > clock);
        another && lives && are_near(&other.stored, &pins.stored, rules.neighbours)
    });
    clash.map_or(Ok(()), |other| {
        let text = format!("keypad {keypad} refused {} the digits of {}", code.note, other.note);
        Err(Broken::new("no-pin-twice", world.hub.now(), text))
    })
}

/// Whether digits are the same, or so near each other that the keypad takes one for the other.
fn are_near(one: &Pin, other: &Pin, neighbours: u8) -> bool {
    let number = |pin: &Pin| pin.expose().parse::<i64>().ok();
    let near = || Some((number(one)? - number(other)?).abs() <= i64::from(neighbours));
    one == other || (neighbours > 0 && near().unwrap_or(false))
}

/// What a tenant's mode forbids.
pub(super) fn mode_is_kept(
    world: &World,
    keypad: usize,
    step: Step,
    before: &[OnDoor],
    after: &[OnDoor],
) -> Result<(), Broken> {
    let gone = before.iter().filter(|code| !after.contains(code));
    let new = after.iter().filter(|code| !before.contains(code));
    let mode = |code: &OnDoor| Some(world.policies[world.stays[world.stay_of(code)?].tenant].mode);
    let forbidden = |code: &&OnDoor| match mode(code) {
        Some(ModeSetup::Observe) => true,
        Some(ModeSetup::UpsertOnly) => step == Step::Deleted,
        _ => false,
    };
    gone.chain(new).find(forbidden).map_or(Ok(()), |code| {
        let text = format!("{step:?} on keypad {keypad}: {} is none to be touched", code.note);
        Err(Broken::new("mode-is-kept", world.hub.now(), text))
    })
}

pub(super) fn watches_in_silence(world: &World, tenant: usize) -> Result<(), Broken> {
    if world.policies[tenant].mode != ModeSetup::Observe {
        return Ok(());
    }
    let text = format!("tenant {tenant} only watches, and a guest hears something");
    Err(Broken::new("mode-is-kept", world.hub.now(), text))
}

fn overlap(a: &OnDoor, b: &OnDoor) -> bool {
    let before = |end: Option<chrono::NaiveDateTime>, start: Option<chrono::NaiveDateTime>| {
        end.zip(start).is_some_and(|(end, start)| end <= start)
    };
    !before(a.end, b.start) && !before(b.end, a.start)
}

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
        self.full.get(&keypad).is_some_and(|at| world.hub.now() - *at <= super::doors::KNOWN_FOR)
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
            let put_off = world.hub.is_put_off(Target::Keypad(keypad), super::doors::KNOWN_FOR);
            // Nor is one that failed an adapter which looks after its own writes.
            let looks_itself = world.vendors.is_simulated(keypad);
            let known =
                if others || put_off || looks_itself { super::doors::KNOWN_FOR } else { Duration::zero() };
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
            let renamed = self.was_renamed_while_watched(world, number);
            let excused = yields
                || renamed
                || self.makes_room_for_itself(world, number, keypad)
                || is_touched(&world.stays[number], keypad, now);
            if self.surely_has_right(world, number, keypad) && !excused {
                let text = format!(
                    "{} was taken off keypad {keypad}, but stay {number} has a right to it",
                    code.note
                );
                return Err(Broken::new("no-removal-without-reason", now, text));
            }
            if !renamed {
                self.told_before_the_old_goes(world, number, keypad)?;
            }
        }
        Ok(())
    }

    /// Whether a stay was called off under one name and came anew under another while the engine only watched: what it
    /// has under the first one goes, and what it gets under the other comes, once the engine may act.
    fn was_renamed_while_watched(&self, world: &World, number: usize) -> bool {
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
            let opened = |codes: &[OnDoor]| {
                codes.iter().any(|code| !code.leaving && typed(&rules, code) == *pin && works(code, clock))
            };
            let forced = || {
                is_forced(&rules, (before, after), clock, comes_twice, self.was_full(world, keypad))
                    || self.makes_room_for_itself(world, number, keypad)
                    || self.was_renamed_while_watched(world, number)
            };
            if !opened(before) || opened(after) || is_touched(stay, keypad, now) || forced() {
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

    pub(super) fn heard(
        &mut self,
        world: &World,
        tenant: usize,
        channel: usize,
        to: &str,
        body: &str,
    ) -> Result<(), Broken> {
        let now = world.hub.now();
        let last = world.stays.iter().enumerate().find_map(|(number, stay)| {
            let heard = stay.heard.last()?;
            (stay.tenant == tenant && heard.at == now && heard.channel == channel && heard.to == to)
                .then_some((number, stay, heard))
        });
        let Some((number, stay, heard)) = last else { return Ok(()) };
        let Some(told) = &heard.told else {
            let text = format!("the guest of stay {number} heard what is on no record");
            return Err(Broken::new("told-what-is-recorded", now, text));
        };
        for code in &told.codes {
            let digits = code.typed.as_ref().map_or("", |pin| pin.expose());
            // Who has two names hears of two bookings, and which of them a text is about it does not say.
            let says = !digits.is_empty() && body.contains(digits);
            if !says && !is_another_booking(world, stay) {
                let text = format!("stay {number}: the text lacks the digits of {}", code.door);
                return Err(Broken::new("told-what-is-recorded", now, text));
            }
        }
        self.one_backup_one_guest(world, number, heard)?;
        self.proven(world, number, heard)?;
        self.digits_stay(world, number, stay)
    }

    /// A code that was a backup opens for whoever is told it: that must be one guest.
    fn one_backup_one_guest(&mut self, world: &World, number: usize, heard: &Heard) -> Result<(), Broken> {
        let Some(told) = &heard.told else { return Ok(()) };
        for code in &told.codes {
            let Some(keypad) = names::keypad_of_door(&code.door) else { continue };
            let Some(backup) = code.typed.as_ref().and_then(|pin| self.backup(world, keypad, pin)) else {
                continue;
            };
            let first = *self.given.entry((keypad, backup.id.clone())).or_insert(number);
            if first != number {
                let text = format!("a backup code of keypad {keypad} went to stays {first} and {number}");
                return Err(Broken::new("one-backup-one-guest", world.hub.now(), text));
            }
        }
        Ok(())
    }

    /// The backup code that these digits are or were.
    fn backup(&self, world: &World, keypad: usize, pin: &Pin) -> Option<&OnDoor> {
        let rules = world.vendors.rules(keypad);
        let is_backup =
            |on: &&OnDoor| world.stay_of(on).is_none() && world.is_ours(on) && typed(&rules, on) == *pin;
        self.listed.get(&keypad)?.iter().rfind(is_backup)
    }

    fn proven(&self, world: &World, number: usize, heard: &Heard) -> Result<(), Broken> {
        let stay = &world.stays[number];
        let policies = self.policies(world, stay.tenant);
        let asked = policies.iter().map(|policy| policy.proof).min().unwrap_or(Proof::Listed);
        let Some(told) = &heard.told else { return Ok(()) };
        let zone = world.history.setup.tenants[stay.tenant].zone;
        for code in &told.codes {
            let Some(keypad) = names::keypad_of_door(&code.door) else { continue };
            let rules = world.vendors.rules(keypad);
            let required = asked.min(rules.highest_proof);
            let window = Window::new(told.start, told.end, zone).map(|window| times(&rules, &window));
            let is_it = |on: &OnDoor| {
                let clock = reading(world, keypad, &rules);
                // What begins now begins after the hour that the clock shows twice, where no start may be in the past.
                let soon = clock + Duration::minutes(if rules.past_start { 2 } else { 61 });
                Some(typed(&rules, on)) == code.typed
                    && on.active
                    && window.as_ref().is_ok_and(|(start, end)| {
                        on.start.is_none_or(|at| at <= *start || at <= soon)
                            && on.end.is_none_or(|at| at >= *end)
                    })
            };
            let shown = self.shown.get(&keypad).map_or(&[][..], Vec::as_slice);
            let touched = stay.touched.iter().any(|(_, at)| *at == keypad);
            let holds = match required {
                Proof::Requested => true,
                // What cannot be read cannot be missed.
                Proof::Accepted if touched && rules.listing == Listing::Nothing => true,
                // What was taken stays taken, even where the keypad is swapped before a read could tell.
                Proof::Accepted => {
                    let taken = self.listed.get(&keypad).map_or(&[][..], Vec::as_slice);
                    taken.iter().any(is_it) || shown.iter().any(is_it)
                }
                Proof::Listed => shown.iter().any(is_it),
                Proof::Confirmed | Proof::Used => {
                    touched || world.vendors.on_device(keypad).iter().any(is_it)
                }
            };
            if !holds {
                let text = format!(
                    "stay {number} was told a code for keypad {keypad} that is not proven as {required:?}"
                );
                return Err(Broken::new("told-only-what-is-proven", world.hub.now(), text));
            }
        }
        Ok(())
    }

    fn digits_stay(&self, world: &World, number: usize, stay: &Stay) -> Result<(), Broken> {
        let [.., before, now] = stay.heard.as_slice() else { return Ok(()) };
        let Some(told) = &now.told else { return Ok(()) };
        for code in &told.codes {
            let Some(keypad) = names::keypad_of_door(&code.door) else { continue };
            let Some(earlier) = before.typed(keypad) else { continue };
            if Some(earlier) == code.typed.as_ref() {
                continue;
            }
            let another_guest =
                stay.versions.iter().any(|(_, content)| content.guest != stay.versions[0].1.guest);
            let touched = stay.touched.iter().any(|(_, at)| *at == keypad);
            let refused = self.duplicates.contains(&keypad);
            let handed_out = |pin: &Pin| self.backup(world, keypad, pin).is_some();
            let backup = handed_out(earlier) || code.typed.as_ref().is_some_and(handed_out);
            let redrawn = backup || !stay.redrawn.is_empty();
            if another_guest
                || touched
                || refused
                || redrawn
                || is_another_booking(world, stay)
                || self.was_renamed_while_watched(world, number)
                || taken(world, number)
            {
                continue;
            }
            let text = format!("stay {number} was told other digits for keypad {keypad} without a reason");
            return Err(Broken::new("told-digits-stay", world.hub.now(), text));
        }
        Ok(())
    }

    /// The moment of arrival: whoever cannot get in is one of whom staff was told.
    pub(super) fn staff_knows(&mut self, world: &World, number: usize) -> Result<(), Broken> {
        let stay = &world.stays[number];
        let setup = &world.history.setup.tenants[stay.tenant];
        let policy = &world.policies[stay.tenant];
        let content = stay.content();
        let now = world.hub.now();
        // Who changed or came within these hours gets what time there is. A webhook may be lost: the next full read tells.
        let heard = Duration::minutes(i64::from(setup.full_read_minutes) + 60).max(Duration::hours(5));
        let settled = now - stay.since() > heard && world.is_settled(Duration::hours(5));
        let arrives = content.let_in(setup, policy, |keypad| world.vendors.rules(keypad)).is_some_and(|at| {
            (now - at).num_minutes() == 0 && content.holds() && !content.doors(setup).is_empty()
        });
        // What befell a code since the last read of its door nobody can know.
        let reads = Duration::minutes(i64::from(setup.door_read_minutes) * 2 + 60);
        let fresh =
            stay.touched.iter().any(|(at, keypad)| now - *at < reads + world.vendors.tells_after(*keypad));
        // Whoever watched until lately has had no time yet.
        let watched = self.policies(world, stay.tenant).iter().any(|policy| policy.mode != ModeSetup::Full);
        // Nor what a list does not tell: there is none, or it shows a code that is gone.
        let haunted = |keypad: usize| {
            let ghost = |code: &OnDoor| code.leaving && world.stay_of(code) == Some(number);
            world.vendors.in_cloud(keypad).iter().any(ghost)
        };
        let blind = |keypad: usize| world.vendors.rules(keypad).listing == Listing::Nothing;
        let unseen = stay.touched.iter().any(|(_, keypad)| blind(*keypad) || haunted(*keypad))
            || content.doors(setup).iter().any(|keypad| haunted(*keypad));
        if !settled || !arrives || fresh || unseen || watched || world.knows_the_way(number) {
            return Ok(());
        }
        let told = alerts_since(world, stay.tenant, now - super::doors::KNOWN_FOR);
        let rows = world.rows_of(number);
        let about = |alert: &&AlertRecord| {
            alert.stay.is_none()
                || rows.iter().any(|row| matches!(&row.record, Record::Alert(other) if other.id == alert.id))
        };
        if told.iter().any(|alert| about(&alert)) {
            return Ok(());
        }
        let text = format!("the guest of stay {number} arrives and does not know what opens the doors");
        Err(Broken::new("staff-knows", now, text))
    }
}

/// The backup codes on a keypad that a stay was given, by the record.
pub(super) fn handed_out(world: &World, number: usize, keypad: usize) -> Vec<VendorCodeId> {
    let given = world.rows_of(number).into_iter().filter_map(|row| match row.record {
        Record::Code(code) if code.backup && names::keypad_of(&code.key) == Some(keypad) => code.vendor_id,
        _ => None,
    });
    given.collect()
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
fn is_touched(stay: &Stay, keypad: usize, now: DateTime<Utc>) -> bool {
    stay.touched.iter().any(|(at, on)| *on == keypad && now - *at <= super::doors::KNOWN_FOR)
}

/// Whether another stay had the digits in the way, by the record.
fn taken(world: &World, number: usize) -> bool {
    noted(world, number, "pin-")
}

/// Whether the record of a stay has an entry of this kind.
pub(super) fn noted(world: &World, number: usize, kind: &str) -> bool {
    let tenant = names::tenant(world.stays[number].tenant);
    let audit =
        now_or_never(world.store.audit(&tenant, None, None, 2000)).and_then(Result::ok).unwrap_or_default();
    let ids: Vec<_> = world
        .rows_of(number)
        .into_iter()
        .filter_map(|row| match row.record {
            Record::Booking(record) => Some(record.id),
            _ => None,
        })
        .collect();
    audit.iter().map(|row| &row.entry).any(|entry| {
        entry.what.starts_with(kind) && entry.stay.as_ref().is_some_and(|stay| ids.contains(stay))
    })
}

/// Whether the source has called the stay off under one name and let it come anew under another: only a name that is
/// not found any more can be told from a cancellation, and only words that hardly changed tell of the same stay.
pub(super) fn is_another_booking(world: &World, stay: &Stay) -> bool {
    let source = world.history.setup.tenants[stay.tenant].source;
    let cancels = matches!(source, crate::history::SourceSetup::Smoobu { .. });
    let now = stay.content();
    let changed = |(_, before): &(DateTime<Utc>, Content)| {
        let dates = before.arrival != now.arrival || before.nights != now.nights;
        let apart = dates && (now.phone.is_none() || !before.overlaps(now));
        before.unit != now.unit || before.guest != now.guest || before.phone != now.phone || apart
    };
    // The two are found to be one by what is on the unit's own keypad: another keypad knows of neither.
    let setup = &world.history.setup.tenants[stay.tenant];
    let replaced = || now.doors(setup).iter().any(|keypad| world.vendors.generation(*keypad) > 0);
    // Of what was called off meanwhile nothing is left to find.
    let was_off = || stay.versions.iter().any(|(_, content)| !content.holds());
    let differs = stay.versions.iter().any(changed) || was_off() || replaced();
    stay.references.len() > 1 && (cancels || stay.unclear || differs)
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

/// The open alerts of a tenant.
pub(crate) fn alerts(world: &World, tenant: usize) -> Vec<AlertRecord> {
    alerts_since(world, tenant, DateTime::<Utc>::MAX_UTC)
}

/// The alerts of a tenant that are open, or were then.
fn alerts_since(world: &World, tenant: usize, then: DateTime<Utc>) -> Vec<AlertRecord> {
    let rows = now_or_never(world.store.rows(Kind::Alert, &names::tenant(tenant), None, 10_000));
    let rows = rows.and_then(Result::ok).unwrap_or_default();
    let open = rows.into_iter().filter_map(|row| match row.record {
        Record::Alert(alert) if alert.closed_at.is_none_or(|at| at > then) => Some(alert),
        _ => None,
    });
    open.collect()
}
