//! What holds once the trouble is over and some time has passed.

use std::collections::BTreeSet;

use booking_core::store::{AlertRecord, CodeState, MessageRecord, Record, Store as _};
use booking_core::{BookingId, Clock as _, DoorRules, Listing, VendorCodeId};
use chrono::Duration;

use super::{BeforeEchoes, Broken, Promises, pools, reading, records, times, typed};
use crate::deed::OnDoor;
use crate::names;
use crate::truth::{Heard, Stay};
use crate::world::{World, now_or_never};

/// A stay at rest, with what is on record of it.
pub(super) struct Resting<'a> {
    number: usize,
    stay: &'a Stay,
    alerts: Vec<&'a AlertRecord>,
    /// Whether policy lets, or let for a time, stand what staff does.
    adopts: bool,
}

impl Resting<'_> {
    fn is_alerted(&self, kinds: &[&str]) -> bool {
        self.alerts.iter().any(|alert| kinds.contains(&alert.kind.as_str()))
    }
}

impl Promises {
    pub(crate) fn at_rest(&mut self, world: &World) -> Result<(), Broken> {
        let alerts: Vec<Vec<AlertRecord>> =
            (0..world.policies.len()).map(|tenant| records::alerts(world, tenant)).collect();
        let stays: Vec<Resting<'_>> = world
            .stays
            .iter()
            .enumerate()
            .map(|(number, stay)| {
                let ids = booking_ids(world, number);
                let of_stay = alerts[stay.tenant]
                    .iter()
                    .filter(|alert| ids.iter().any(|id| alert.stay.as_ref() == Some(id)));
                let adopts = self.policies(world, stay.tenant).iter().any(|policy| policy.adopt);
                Resting { number, stay, alerts: of_stay.collect(), adopts }
            })
            .collect();
        for keypad in 0..world.history.setup.keypads.len() {
            self.doors_are_right(world, &stays, keypad)?;
            pools::at_rest(world, keypad)?;
            former_keypads_are_empty(world, &stays, keypad, [&self.hidden, &self.hidden_on_former])?;
        }
        for stay in &stays {
            removals_are_proven(world, stay)?;
            guests_know(world, stay)?;
            told_once(world, stay)?;
        }
        inbox_is_read(world)
    }

    fn doors_are_right(&self, world: &World, stays: &[Resting<'_>], keypad: usize) -> Result<(), Broken> {
        let rules = world.vendors.rules(keypad);
        let cloud = world.vendors.in_cloud(keypad);
        let device = world.vendors.on_device(keypad);
        let broken = |text: String| Err(Broken::new("at-rest-doors-are-right", world.hub.now(), text));
        for resting in stays {
            let of_stay = |codes: &[OnDoor]| -> Vec<OnDoor> {
                let mine = |code: &&OnDoor| !code.leaving && world.stay_of(code) == Some(resting.number);
                codes.iter().filter(mine).cloned().collect()
            };
            let (listed, held) = (of_stay(&cloud), of_stay(&device));
            let number = resting.number;
            match wanted(world, resting, keypad) {
                Want::Whatever => {}
                Want::None => {
                    // What the device has yet to drop does no harm once it is over.
                    let clock = reading(world, keypad, &rules);
                    let opens = held.iter().any(|on| on.active && on.end.is_none_or(|end| end > clock));
                    let opens = opens && !world.vendors.is_syncing(keypad);
                    // What staff did where nothing can be read, nobody can undo.
                    let unseen = rules.listing == Listing::Nothing
                        && resting.stay.touched.iter().any(|(_, touched)| *touched == keypad);
                    // What a list has hidden until it counted as gone is staff's to take away where nobody knows any more
                    // which doors the stay has.
                    let is_hidden = |code: &OnDoor| self.hidden.contains(&(keypad, code.id.clone()));
                    let lost = resting.is_alerted(&["unmapped-unit"])
                        && listed.iter().all(is_hidden)
                        && is_reported(world, resting.stay.tenant);
                    if !unseen && !lost && (!listed.is_empty() || opens) {
                        return broken(format!(
                            "stay {number} has a code on keypad {keypad} and no right to it"
                        ));
                    }
                }
                Want::One => {
                    let [code] = listed.as_slice() else {
                        return broken(format!(
                            "stay {number} has {} codes on keypad {keypad}",
                            listed.len()
                        ));
                    };
                    // A list that shows what was there before looks as if somebody had changed it back; who gets another
                    // name then gets a code like that, too.
                    let renamed = || {
                        resting.stay.references.len() > 1 && records::noted(world, number, "change-adopted")
                    };
                    let is_hidden = self.hidden.contains(&(keypad, code.id.clone()));
                    let is_old = resting.adopts && (is_hidden || renamed());
                    if !is_old && !is_right(world, resting, keypad, &rules, code) {
                        return broken(format!(
                            "stay {number} has a code on keypad {keypad} that works from {:?} to {:?}",
                            code.start, code.end
                        ));
                    }
                    if !held.iter().any(|on| on.stored == code.stored && on.end == code.end && on.active) {
                        return broken(format!("the code of stay {number} never reached keypad {keypad}"));
                    }
                }
            }
        }
        Ok(())
    }

    fn known_bookings(&self) -> usize {
        let records: BTreeSet<_> = self.beliefs.values().flatten().map(|belief| &belief.record).collect();
        records.len()
    }

    /// Whether a stay is gone whose words from before nobody has heard: their webhook was lost.
    fn has_unheard_words(&self, (number, stay): (usize, &Stay)) -> bool {
        let last = self.beliefs.get(&number).and_then(|beliefs| beliefs.last());
        let after = last.map_or(0, |belief| belief.most + 1);
        stay.content().gone && stay.versions.iter().skip(after).any(|(_, content)| !content.gone)
    }

    pub(crate) fn before_echoes(&mut self, world: &World) -> Result<(), Broken> {
        let unheard = world.stays.iter().enumerate().any(|stay| self.has_unheard_words(stay));
        self.before_echoes = Some(BeforeEchoes { sum: self.sum, known: self.known_bookings(), unheard });
        Ok(())
    }

    pub(crate) fn after_echoes(&mut self, world: &World) -> Result<(), Broken> {
        let Some(BeforeEchoes { sum: before, known, unheard }) = self.before_echoes else { return Ok(()) };
        // Who hears of a booking, or of what became of it, for the first time by a repetition has not heard it twice.
        let first = unheard || self.known_bookings() > known;
        if self.sum == before || first || world.stays.iter().any(|stay| has_a_moment(world, stay)) {
            return Ok(());
        }
        let text = format!("{:?} before the repetitions, {:?} after them", before, self.sum);
        Err(Broken::new("echoes-change-nothing", world.hub.now(), text))
    }
}

/// Whether staff of a tenant was told of codes that name no booking.
fn is_reported(world: &World, tenant: usize) -> bool {
    records::alerts(world, tenant).iter().any(|alert| alert.kind == "foreign-marker")
}

/// Whatever is on the keypads that a door had before.
pub(super) fn former_codes(world: &World, keypad: usize) -> Vec<OnDoor> {
    let keys = world.vendors.former_keys(keypad);
    keys.flat_map(|key| crate::locks::in_cloud(&world.vendors.locks, &key)).collect()
}

pub(super) fn former_keypads_are_empty(
    world: &World,
    stays: &[Resting<'_>],
    keypad: usize,
    hidden: [&BTreeSet<(usize, VendorCodeId)>; 2],
) -> Result<(), Broken> {
    let codes = former_codes(world, keypad);
    // Nobody looks again at what a list has hidden until it counted as gone.
    let was_hidden = |code: &OnDoor| hidden.iter().any(|ids| ids.contains(&(keypad, code.id.clone())));
    // A backup code, of no stay, waits for a place, too.
    let waits = |code: &OnDoor| match world.stay_of(code) {
        Some(stay) => waits(world, &world.stays[stay]),
        None => is_full(world, keypad),
    };
    let keeps = |code: &OnDoor| {
        let of = world.stay_of(code);
        stays.iter().any(|resting| Some(resting.number) == of && keeps_what_it_has(resting))
    };
    let is_left = |code: &OnDoor| !code.leaving && world.is_ours(code) && !was_hidden(code);
    let left = codes.into_iter().find(|code| is_left(code) && !waits(code) && !keeps(code));
    left.map_or(Ok(()), |code| {
        let text = format!("{} is still on a keypad that keypad {keypad} has replaced", code.note);
        Err(Broken::new("at-rest-former-keypads-are-empty", world.hub.now(), text))
    })
}

/// Whether a stay was called off in the house, and keeps what it has. One that was called off under one name, and came
/// anew under another, keeps the first one's code.
fn keeps_what_it_has(resting: &Resting<'_>) -> bool {
    let called_off = !resting.stay.content().holds() || resting.stay.references.len() > 1;
    called_off && resting.is_alerted(&["cancelled-in-house", "vanished-in-house"])
}

/// Whether something happens to a stay by itself about now.
fn has_a_moment(world: &World, stay: &Stay) -> bool {
    let setup = &world.history.setup.tenants[stay.tenant];
    let policy = &world.policies[stay.tenant];
    let now = world.hub.now();
    let near = |at: chrono::DateTime<chrono::Utc>| (at - now).abs() < Duration::minutes(90);
    let Some(access) = stay.content().access(setup, policy) else { return false };
    let tell = policy.tell_hours_before.map(|hours| access.opens() - Duration::hours(i64::from(hours)));
    let ahead = stay.content().doors(setup).iter().filter_map(|keypad| {
        let ahead = world.vendors.rules(*keypad).look_ahead?;
        Some(access.opens() - Duration::from_std(ahead).ok()?)
    });
    [access.opens(), access.closes()].into_iter().chain(tell).chain(ahead).any(near)
}

/// What a stay should have on a keypad.
enum Want {
    One,
    None,
    /// It may have one: policy, a human decision or the keypad's own rules stand between.
    Whatever,
}

fn wanted(world: &World, resting: &Resting<'_>, keypad: usize) -> Want {
    let stay = resting.stay;
    let setup = &world.history.setup.tenants[stay.tenant];
    let policy = &world.policies[stay.tenant];
    let now = world.hub.now();
    let content = stay.content();
    let Some(access) = content.access(setup, policy) else { return Want::None };
    if keeps_what_it_has(resting) {
        return Want::Whatever;
    }
    // The right to doors that the configuration does not know is nobody's; what was there goes.
    let is_mine = content.holds() && content.doors(setup).contains(&keypad);
    // Whoever leaves about now may or may not have left.
    if (access.closes() - now).abs() < Duration::minutes(30) {
        return Want::Whatever;
    }
    // What a list has hidden for a time, and shows later without its digits, is for staff to take away.
    let masked = world.vendors.rules(keypad).listing == Listing::Masked;
    if masked && resting.is_alerted(&["foreign-marker"]) {
        return Want::Whatever;
    }
    // Of a keypad that takes no code yet a guest cannot be told yet: whoever moves there, or is to get other digits,
    // keeps the old code until then.
    let other_digits = || {
        !stay.redrawn.is_empty()
            || ["pin-refused", "pin-taken"].iter().any(|kind| records::noted(world, resting.number, kind))
    };
    if waits(world, stay) && (!is_mine || other_digits()) {
        return Want::Whatever;
    }
    if !is_mine || access.closes() <= now {
        return Want::None;
    }
    // Whoever goes by a backup code that is there needs no other.
    let handed_out = records::handed_out(world, resting.number, keypad);
    let is_there = |id| world.vendors.in_cloud(keypad).iter().any(|on| on.id == id);
    if resting.is_alerted(&["backup-issued"]) && handed_out.into_iter().any(is_there) {
        return Want::Whatever;
    }
    if resting.is_alerted(&["pin-space-exhausted"]) {
        return Want::Whatever;
    }
    let rules = world.vendors.rules(keypad);
    let touched = stay.touched.iter().any(|(_, at)| *at == keypad);
    // By policy what staff did stands.
    if resting.adopts && touched {
        return Want::Whatever;
    }
    // What cannot be read cannot be missed.
    let unseen = rules.listing == Listing::Nothing && touched;
    if unseen {
        return Want::Whatever;
    }
    if is_too_early(world, stay, keypad) {
        return Want::Whatever;
    }
    if is_full(world, keypad) {
        return Want::Whatever;
    }
    Want::One
}

/// Whether some door of a stay cannot have its code yet.
fn waits(world: &World, stay: &Stay) -> bool {
    let doors = stay.content().doors(&world.history.setup.tenants[stay.tenant]);
    let waits = |keypad: &usize| is_too_early(world, stay, *keypad) || is_full(world, *keypad);
    stay.content().holds() && doors.iter().any(waits)
}

/// Whether a keypad takes no code of the stay yet, or did not an hour ago.
fn is_too_early(world: &World, stay: &Stay, keypad: usize) -> bool {
    let setup = &world.history.setup.tenants[stay.tenant];
    let access = stay.content().access(setup, &world.policies[stay.tenant]);
    let ahead = world.vendors.rules(keypad).look_ahead.and_then(|ahead| Duration::from_std(ahead).ok());
    access
        .zip(ahead)
        .is_some_and(|(access, ahead)| access.opens() - ahead + Duration::hours(1) > world.hub.now())
}

/// Whether a keypad has no place, or had none a moment ago.
pub(super) fn is_full(world: &World, keypad: usize) -> bool {
    let most = world.vendors.rules(keypad).capacity;
    most.is_some_and(|most| {
        world.vendors.in_cloud(keypad).len() + places_kept(world, keypad) >= most
            || has_turnover(world, keypad)
    })
}

/// How many places stays have that moved away, for codes that are not there: a list may hide what their guests go by until
/// they have heard of other doors.
fn places_kept(world: &World, keypad: usize) -> usize {
    let cloud = world.vendors.in_cloud(keypad);
    let is_kept = |(number, stay): &(usize, &Stay)| {
        let setup = &world.history.setup.tenants[stay.tenant];
        let moved = stay.content().holds() && !stay.content().doors(setup).contains(&keypad);
        let wants = |row: &booking_core::store::Row| {
            matches!(&row.record, Record::Code(code)
                if code.state == CodeState::Wanted && names::keypad_of(&code.key) == Some(keypad))
        };
        moved
            && cloud.iter().all(|code| world.stay_of(code) != Some(*number))
            && world.rows_of(*number).iter().any(wants)
    };
    world.stays.iter().enumerate().filter(is_kept).count()
}

/// Whether somebody came or left at a keypad within this hour, so that places change hands.
fn has_turnover(world: &World, keypad: usize) -> bool {
    world.stays.iter().any(|stay| {
        let setup = &world.history.setup.tenants[stay.tenant];
        let access = stay.content().access(setup, &world.policies[stay.tenant]);
        let near = |at: chrono::DateTime<chrono::Utc>| (world.hub.now() - at).abs() < Duration::hours(1);
        stay.content().doors(setup).contains(&keypad)
            && access.is_some_and(|access| near(access.opens()) || near(access.closes()))
    })
}

fn is_right(world: &World, resting: &Resting<'_>, keypad: usize, rules: &DoorRules, code: &OnDoor) -> bool {
    let setup = &world.history.setup.tenants[resting.stay.tenant];
    let policy = &world.policies[resting.stay.tenant];
    let Some(access) = resting.stay.content().access(setup, policy) else { return false };
    let (start, end) = times(rules, &access);
    let clock = reading(world, keypad, rules);
    // A keypad that takes no start in the past has the time of the write.
    let clamped = (!rules.past_start || rules.look_ahead.is_some())
        && code.start.is_none_or(|at| at <= clock && (at >= start || start <= clock));
    code.active && code.end == Some(end) && (code.start == Some(start) || clamped)
}

fn booking_ids(world: &World, number: usize) -> Vec<BookingId> {
    let ids = world.rows_of(number).into_iter().filter_map(|row| match row.record {
        Record::Booking(record) => Some(record.id),
        _ => None,
    });
    ids.collect()
}

fn removals_are_proven(world: &World, resting: &Resting<'_>) -> Result<(), Broken> {
    for row in world.rows_of(resting.number) {
        let Record::Code(code) = row.record else { continue };
        if code.state != CodeState::Removed {
            continue;
        }
        let Some(keypad) = names::keypad_of(&code.key) else { continue };
        let there = world
            .vendors
            .in_cloud(keypad)
            .into_iter()
            .any(|on| Some(&on.id) == code.vendor_id.as_ref() && !on.leaving);
        let again = world.rows_of(resting.number).into_iter().any(|row| {
            matches!(row.record, Record::Code(other) if other.id != code.id
                && other.state != CodeState::Removed && other.vendor_id == code.vendor_id)
        });
        if there && !again {
            let text =
                format!("a code of stay {} is on record as removed and on keypad {keypad}", resting.number);
            return Err(Broken::new("at-rest-removals-are-proven", world.hub.now(), text));
        }
    }
    Ok(())
}

fn guests_know(world: &World, resting: &Resting<'_>) -> Result<(), Broken> {
    let stay = resting.stay;
    let setup = &world.history.setup.tenants[stay.tenant];
    let policy = &world.policies[stay.tenant];
    let now = world.hub.now();
    let content = stay.content();
    let doors = content.doors(setup);
    let Some((times, access)) = content.stay(setup).zip(content.access(setup, policy)) else { return Ok(()) };
    let due = policy.tell_hours_before.map(|hours| access.opens() - Duration::hours(i64::from(hours)));
    let early = due.is_some_and(|due| due + Duration::hours(1) > now);
    let all_there = doors.iter().all(|keypad| matches!(wanted(world, resting, *keypad), Want::One));
    // Who has another booking by now is told of it in its time; who is due within the hour may have heard a part.
    let only_now = stay.heard.iter().all(|heard| due.is_some_and(|due| heard.at >= due));
    let untold = only_now || records::is_another_booking(world, stay);
    if !content.holds() || doors.is_empty() || !all_there || (early && untold) {
        return Ok(());
    }
    let broken = |text: String| Err(Broken::new("at-rest-guests-know", world.hub.now(), text));
    let reachable = |place: usize| setup.channels[place].thread || content.phone.is_some();
    let places: Vec<usize> = (0..setup.channels.len()).filter(|place| reachable(*place)).collect();
    let mut knows = false;
    for place in &places {
        // The thread of an earlier name is the same guest's.
        let phone = content.phone.map(|phone| Stay::phone(resting.number, phone));
        let is_theirs = |to: &str| setup.channels[*place].thread || Some(to) == phone.as_deref();
        let theirs: Vec<_> =
            stay.heard.iter().filter(|heard| heard.channel == *place && is_theirs(&heard.to)).collect();
        let is_right = |heard: &Heard| {
            heard.told.as_ref().is_some_and(|told| {
                told.start == times.start()
                    && told.end == times.end()
                    && names::unit_of(&told.unit) == Some(content.unit)
            })
        };
        let opens = |heard: &Heard| {
            doors.iter().all(|keypad| {
                let rules = world.vendors.rules(*keypad);
                let codes = world.vendors.in_cloud(*keypad);
                let mine = codes.iter().filter(|code| world.stay_of(code) == Some(resting.number));
                mine.filter(|code| !code.leaving)
                    .any(|code| Some(&typed(&rules, code)) == heard.typed(*keypad))
            })
        };
        // Who has two names hears of two bookings, and of the one that is called off maybe last.
        let heeded = if records::is_another_booking(world, stay) { theirs.len() } else { 1 };
        let is_true = theirs.iter().rev().take(heeded).any(|heard| is_right(heard) && opens(heard));
        knows |= is_true;
        // Another telephone is not told what an earlier one has heard.
        let same_guest = stay.versions.iter().all(|(_, other)| other.phone == content.phone);
        knows |= !same_guest && !stay.heard.is_empty();
        if !setup.first_only && same_guest && !is_true {
            return broken(format!(
                "stay {}: the last word on channel {place} is {}",
                resting.number,
                if theirs.is_empty() { "missing" } else { "not the truth" }
            ));
        }
    }
    if places.is_empty() || knows || resting.is_alerted(&["message-undeliverable"]) {
        return Ok(());
    }
    broken(format!("nobody has told the guest of stay {} the truth", resting.number))
}

fn messages(world: &World, number: usize) -> Vec<MessageRecord> {
    let rows = world.rows_of(number).into_iter().filter_map(|row| match row.record {
        Record::Message(message) => Some(message),
        _ => None,
    });
    rows.collect()
}

fn told_once(world: &World, resting: &Resting<'_>) -> Result<(), Broken> {
    let heard = &resting.stay.heard;
    for (at, later) in heard.iter().enumerate() {
        let earlier = heard[..at]
            .iter()
            .rposition(|other| other.channel == later.channel && other.to == later.to)
            .map(|place| (place, &heard[place]));
        let Some((place, earlier)) = earlier else { continue };
        let same =
            |a: &Heard, b: &Heard| a.told.as_ref().zip(b.told.as_ref()).is_some_and(|(a, b)| same_told(a, b));
        if !same(earlier, later) || heard[place..at].iter().any(|other| !same(other, later)) {
            continue;
        }
        let records = messages(world, resting.number);
        let named = records.iter().any(|message| {
            message.maybe_twice
                && [&earlier.id, &later.id].into_iter().any(|id| id.as_ref() == Some(&message.id))
        });
        // What may have gone out in between and told something else is reason enough to say it again.
        let between = records.iter().any(|message| {
            message.tried_at >= earlier.at - Duration::minutes(5)
                && message.tried_at <= later.at
                && message.told.as_ref().zip(later.told.as_ref()).is_some_and(|(a, b)| !same_told(a, b))
        });
        // What its own vendor says was never sent is sent.
        let misled = world.was_misled(earlier.at, later.at);
        let another = records::is_another_booking(world, resting.stay);
        if !named && !between && !misled && !another && !world.woke(earlier.at, later.at) {
            let text =
                format!("stay {} heard the same thing twice on channel {}", resting.number, later.channel);
            return Err(Broken::new("told-once", world.hub.now(), text));
        }
    }
    Ok(())
}

fn same_told(a: &booking_core::store::Told, b: &booking_core::store::Told) -> bool {
    let digits = |told: &booking_core::store::Told| {
        told.codes
            .iter()
            .map(|code| (code.door.clone(), code.typed.as_ref().map(|pin| pin.expose().to_owned())))
            .collect::<std::collections::BTreeSet<_>>()
    };
    a.unit == b.unit && a.start == b.start && a.end == b.end && digits(a) == digits(b)
}

pub(super) fn inbox_is_read(world: &World) -> Result<(), Broken> {
    for tenant in 0..world.policies.len() {
        let inbox = now_or_never(world.store.inbox(&names::tenant(tenant), None, 10_000));
        let rows = inbox.and_then(Result::ok).unwrap_or_default();
        if let Some(row) = rows.iter().find(|row| row.work.is_some() && row.read_at.is_none()) {
            let text = format!("an inbox row of tenant {tenant} ({}) was never worked on", row.action);
            return Err(Broken::new("at-rest-inbox-is-read", world.hub.now(), text));
        }
    }
    Ok(())
}
