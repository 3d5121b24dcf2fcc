//! What guests and staff are told.

use booking_core::store::{AlertRecord, Record};
use booking_core::{Clock as _, Listing, Pin, Proof, Window};
use chrono::{DateTime, Duration, Utc};

use super::doors::KNOWN_FOR;
use super::records::{alerts_since, is_another_booking, noted};
use super::{Broken, Promises, reading, times, typed};
use crate::deed::OnDoor;
use crate::history::ModeSetup;
use crate::names;
use crate::truth::{Heard, Stay};
use crate::world::World;

pub(super) fn watches_in_silence(world: &World, tenant: usize) -> Result<(), Broken> {
    if world.policies[tenant].mode != ModeSetup::Observe {
        return Ok(());
    }
    let text = format!("tenant {tenant} only watches, and a guest hears something");
    Err(Broken::new("mode-is-kept", world.hub.now(), text))
}

impl Promises {
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
                // Nor can anybody know of a device that was swapped while it was out of reach.
                Proof::Confirmed | Proof::Used if self.was_swapped_unseen(world, keypad) => {
                    self.listed.get(&keypad).is_some_and(|listed| listed.iter().any(is_it))
                }
                Proof::Confirmed | Proof::Used => {
                    touched || world.vendors.on_device(keypad).iter().any(is_it)
                }
            };
            // A list that shows what was there before looks as if somebody had changed it back, which stands by policy.
            let is_hidden = |on: &OnDoor| {
                world.stay_of(on) == Some(number) && self.hidden.contains(&(keypad, on.id.clone()))
            };
            let is_old = || {
                policies.iter().any(|policy| policy.adopt)
                    && world.vendors.in_cloud(keypad).iter().any(is_hidden)
            };
            if !holds && !is_old() {
                let text = format!(
                    "stay {number} was told a code for keypad {keypad} that is not proven as {required:?}"
                );
                return Err(Broken::new("told-only-what-is-proven", world.hub.now(), text));
            }
        }
        Ok(())
    }

    /// Whether a keypad was replaced by an empty one and no read could tell since.
    fn was_swapped_unseen(&self, world: &World, keypad: usize) -> bool {
        world.renewed.get(&keypad).is_some_and(|at| self.seen.get(&keypad).is_none_or(|seen| seen < at))
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
        let lately = |at: DateTime<Utc>, keypad: usize| now - at < reads + world.vendors.tells_after(keypad);
        let let_go = world.let_go.iter().any(|(at, stay, keypad)| *stay == number && lately(*at, *keypad));
        let fresh = let_go || stay.touched.iter().any(|(at, keypad)| lately(*at, *keypad));
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
        let told = alerts_since(world, stay.tenant, now - KNOWN_FOR);
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

/// Whether another stay had the digits in the way, by the record.
fn taken(world: &World, number: usize) -> bool {
    noted(world, number, "pin-")
}
