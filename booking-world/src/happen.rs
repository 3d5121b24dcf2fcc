//! What happens to a world: bookings, staff, locks, faults.

use booking_core::store::{MessageRecord, MessageState, Record, Row, Store as _};
use booking_core::{
    Booking, BookingKind, BookingStatus, Clock as _, DoorKey, ExternalId, Guest, MessageId, Pin, VendorCodeId,
};
use booking_sim::smoobu::{BookingPatch, NewBooking, OldId};
use chrono::{DateTime, Duration, Utc};

use crate::deed::OnDoor;
use crate::history::{Booked, Change, Event, SourceSetup, StaffAct, Target, Trouble};
use crate::lock::StaffCode;
use crate::names::{self, parsed};
use crate::truth::{Content, Heard, Stay};
use crate::vendors::{staff_share, unit_ref};
use crate::world::{Back, World, now_or_never};

/// The note of codes that staff makes: no marker of ours.
pub(crate) const STAFF_NOTE: &str = "cleaning";

/// The word of the markers of backup codes.
pub(crate) const BACKUP: &str = "Staykey";

pub(crate) fn event(world: &mut World, event: &Event) {
    match event {
        Event::Book(booked) => book(world, booked),
        Event::Change { stay, change } => self::change(world, *stay, *change),
        Event::Hooks { tenant, mode, minutes } => world.set_mode(*tenant, *mode, *minutes),
        Event::Echo { tenant, which } => world.echo(*tenant, *which),
        Event::Trouble { target, ops, trouble, minutes } => {
            let until = world.hub.now() + Duration::minutes(i64::from(*minutes));
            world.hub.trouble(*target, *ops, *trouble, until);
            if matches!(target, Target::Store | Target::Source(_)) {
                world.is_troubled(*minutes);
            }
            if let (Target::Source(tenant), Trouble::Stale) = (target, trouble) {
                clouds(world, *tenant);
            }
        }
        Event::Offline { keypad, minutes } => away(world, *keypad, *minutes, Back::Online),
        Event::Battery { keypad, minutes } => away(world, *keypad, *minutes, Back::Power),
        Event::Lose { keypad, which } => lose(world, *keypad, *which),
        Event::Renew { keypad } => renew(world, *keypad),
        Event::Staff { keypad, act, which } => staff(world, *keypad, *act, *which),
        Event::Crash { host, awaits, side, down } => world.crash(*host, *awaits, *side, *down),
        Event::Stall { host, seconds } => world.stall(*host, *seconds),
        Event::Replace { keypad, dead } => replace(world, *keypad, *dead),
        Event::Redraw { stay } => world.redraw(*stay),
        Event::Elsewhere { tenant, minutes } => {
            let until = world.hub.now() + Duration::minutes(i64::from(*minutes));
            if let Some(source) = world.vendors.sources.get(*tenant) {
                source.leads_elsewhere(until);
            }
            world.is_troubled(*minutes);
        }
        Event::Reconfigure { tenant, policy } => {
            if let Some(slot) = world.policies.get_mut(*tenant) {
                *slot = *policy;
                world.vendors.retire();
                world.restart_all();
            }
        }
    }
}

fn replace(world: &mut World, keypad: usize, dead: bool) {
    let stays: Vec<usize> =
        world.vendors.in_cloud(keypad).iter().filter_map(|code| world.stay_of(code)).collect();
    if !world.vendors.replace(keypad, dead) {
        return;
    }
    stays.into_iter().for_each(|stay| world.touches(stay, keypad));
    world.restart_all();
}

fn book(world: &mut World, booked: &Booked) {
    let Some(setup) = world.history.setup.tenants.get(booked.tenant) else { return };
    let (number, source) = (world.stays.len(), setup.source);
    let now = world.hub.now();
    let content = Content::of(booked);
    let reference = match source {
        SourceSetup::Smoobu { .. } => {
            let new = new_booking(number, &content);
            let id = world.vendors.sims().smoobu.create_booking(now, new);
            parsed(ExternalId::parse(&id.to_string()))
        }
        SourceSetup::Model { .. } => {
            let reference = model_reference(booked.tenant, number);
            world.vendors.sources[booked.tenant]
                .put(booking(&reference, number, &content, source), "created");
            reference
        }
    };
    world.stays.push(Stay {
        tenant: booked.tenant,
        references: vec![reference],
        unclear: false,
        versions: vec![(now, content)],
        heard: Vec::new(),
        redrawn: Vec::new(),
        touched: Vec::new(),
    });
    world.has_new_words(number);
    world.send_out(booked.tenant);
}

/// Half of all references begin with another one: 12 and 123 are two bookings.
fn model_reference(tenant: usize, number: usize) -> ExternalId {
    let tail = if number % 2 == 1 { "5" } else { "" };
    parsed(ExternalId::parse(&format!("{}{}{tail}", tenant + 1, 10 + number / 2)))
}

fn guest_name(number: usize, content: &Content) -> String {
    format!("Guest {} of {number}", content.guest)
}

fn new_booking(number: usize, content: &Content) -> NewBooking {
    let dates = content.dates();
    NewBooking {
        guest_name: guest_name(number, content),
        first_name: None,
        last_name: None,
        phone: content.phone.map(|phone| Stay::phone(number, phone)),
        check_in: content.check_in.map(|hour| format!("{hour:02}:00")),
        ..NewBooking::stay(
            names::apartment(content.unit),
            content.arrival,
            dates.map_or(content.arrival, |dates| dates.departure()),
        )
    }
}

fn booking(reference: &ExternalId, number: usize, content: &Content, source: SourceSetup) -> Booking {
    Booking {
        reference: reference.clone(),
        unit: Some(unit_ref(source, content.unit)),
        unit_name: Some(format!("Unit {}", content.unit)),
        kind: BookingKind::Stay,
        status: if content.cancelled { BookingStatus::Cancelled } else { BookingStatus::Confirmed },
        guest: Guest {
            name: Some(guest_name(number, content)),
            phone: content.phone.map(|phone| Stay::phone(number, phone)),
            email: None,
            language: Some("en".to_owned()),
        },
        dates: content.dates().ok_or(booking_core::DateProblem::Missing),
        check_in: content.check_in.and_then(|hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0)),
        check_out: None,
        revision: None,
    }
}

/// A stay's words as its source tells them.
#[cfg(test)]
pub(crate) fn booking_of(world: &World, number: usize, content: &Content) -> Booking {
    let stay = &world.stays[number];
    booking(stay.reference(), number, content, world.history.setup.tenants[stay.tenant].source)
}

/// Whoever got another name a moment ago, and whose source now tells what was before: the two names can be taken for two
/// stays.
fn clouds(world: &mut World, tenant: usize) {
    let now = world.hub.now();
    let renamed = |stay: &&mut Stay| {
        stay.tenant == tenant && stay.references.len() > 1 && now - stay.since() < Duration::minutes(10)
    };
    world.stays.iter_mut().filter(renamed).for_each(|stay| stay.unclear = true);
}

fn change(world: &mut World, number: usize, change: Change) {
    let Some(stay) = world.stays.get(number) else { return };
    let content = stay.content().clone();
    // What is cancelled comes back or goes; nobody moves it about.
    let settled = content.cancelled && !matches!(change, Change::Uncancel | Change::Delete | Change::Vanish);
    if content.gone || settled {
        return;
    }
    let (tenant, reference) = (stay.tenant, stay.reference().clone());
    let next = content.changed(change);
    let source = world.history.setup.tenants[tenant].source;
    let renamed = match source {
        SourceSetup::Smoobu { .. } => change_smoobu(world, &reference, number, &next, change),
        SourceSetup::Model { .. } => change_model(world, &reference, number, &next, change),
    };
    let now = world.hub.now();
    let stay = &mut world.stays[number];
    if renamed.is_some() {
        // For as long as nobody has heard of the new name, the source says that there is no such stay.
        let cancelled = matches!(source, SourceSetup::Smoobu { .. });
        // Two names of the same minutes may be taken for two stays before either has a code.
        let at_once = now - stay.versions[0].0 < Duration::minutes(5);
        stay.unclear |= at_once || world.hub.is_outdated(Target::Source(tenant));
        let between = Content { cancelled: next.cancelled || cancelled, gone: !cancelled, ..next.clone() };
        stay.versions.push((now, between));
    }
    stay.versions.push((now, next));
    stay.references.extend(renamed);
    world.has_new_words(number);
    world.send_out(tenant);
}

fn change_model(
    world: &World,
    reference: &ExternalId,
    number: usize,
    next: &Content,
    change: Change,
) -> Option<ExternalId> {
    let tenant = world.stays[number].tenant;
    let source = &world.vendors.sources[tenant];
    let setup = world.history.setup.tenants[tenant].source;
    match change {
        Change::Delete | Change::Vanish => source.remove(reference, change == Change::Delete),
        Change::Reissue => {
            let new = parsed(ExternalId::parse(&format!("{reference}9")));
            source.remove(reference, true);
            source.put(booking(&new, number, next, setup), "created");
            return Some(new);
        }
        _ => source.put(booking(reference, number, next, setup), "changed"),
    }
    None
}

fn change_smoobu(
    world: &World,
    reference: &ExternalId,
    number: usize,
    next: &Content,
    change: Change,
) -> Option<ExternalId> {
    let now = world.hub.now();
    let id: u64 = reference.as_str().parse().ok()?;
    let smoobu = &mut world.vendors.sims().smoobu;
    match change {
        Change::Cancel => {
            smoobu.cancel(now, id);
        }
        Change::Uncancel => {
            smoobu.reinstate(now, id);
        }
        Change::Delete => {
            smoobu.delete(now, id);
        }
        Change::Vanish => {
            smoobu.vanish(id);
        }
        Change::Reissue => {
            let new = smoobu.reissue_id(now, id, OldId::Cancelled)?;
            return ExternalId::parse(&new.to_string()).ok();
        }
        _ => {
            let new = new_booking(number, next);
            let patch = BookingPatch {
                apartment: Some(new.apartment),
                arrival: Some(new.arrival),
                departure: Some(new.departure),
                check_in: Some(new.check_in),
                guest_name: Some(new.guest_name),
                phone: Some(new.phone),
                ..BookingPatch::default()
            };
            smoobu.update_booking(now, id, patch);
        }
    }
    None
}

fn away(world: &mut World, keypad: usize, minutes: u32, back: Back) {
    if keypad >= world.history.setup.keypads.len() {
        return;
    }
    let now = world.hub.now();
    let until = now + Duration::minutes(i64::from(minutes));
    if world.vendors.is_simulated(keypad) {
        if back == Back::Online {
            world.vendors.sims().thekeys.offline_until(now, names::lock(keypad), until);
        }
        return;
    }
    let key = world.vendors.key(keypad);
    match back {
        Back::Online => world.vendors.locks.set_online(&key, false),
        Back::Power => world.vendors.locks.set_powered(&key, false),
    }
    world.back.retain(|(_, other, what)| (other, *what) != (&key, back));
    world.back.push((until, key, back));
}

impl World {
    /// Also one that was replaced meanwhile.
    pub(crate) fn comes_back(&mut self, key: &DoorKey, back: Back) {
        let keypad = names::keypad_of(key).filter(|keypad| self.vendors.key(*keypad) == *key);
        keypad.into_iter().for_each(|keypad| self.lets_go(keypad));
        match back {
            Back::Online => self.vendors.locks.set_online(key, true),
            Back::Power => self.vendors.locks.set_powered(key, true),
        }
    }

    /// What was taken away, while the device was out of reach, leaves the list only now.
    fn lets_go(&mut self, keypad: usize) {
        let was_touched = |stay: &usize| self.stays[*stay].touched.iter().any(|(_, at)| *at == keypad);
        let now = self.hub.now();
        let device = self.vendors.on_device(keypad);
        let listed = self.vendors.in_cloud(keypad);
        let leaving = listed.iter().filter(|on| on.leaving).filter_map(|on| self.stay_of(on));
        let let_go: Vec<_> = leaving.map(|stay| (now, stay, keypad)).collect();
        // What it has lost meanwhile only its list tells from now on.
        let lost = listed.iter().filter(|on| on.leaving || device.iter().all(|held| held.id != on.id));
        let touched: Vec<usize> = lost.filter_map(|on| self.stay_of(on)).filter(was_touched).collect();
        self.let_go.extend(let_go);
        touched.into_iter().for_each(|stay| self.touches(stay, keypad));
    }

    /// The stay that a code's markers name, if they name just one.
    pub(crate) fn stay_of(&self, code: &OnDoor) -> Option<usize> {
        let markers = booking_core::Marker::find_all(&code.note);
        let [marker] = markers.as_slice() else { return None };
        self.stays.iter().position(|stay| {
            let word = match self.history.setup.tenants[stay.tenant].source {
                SourceSetup::Smoobu { .. } => "Smoobu",
                SourceSetup::Model { .. } => "Model",
            };
            word == marker.word()
                && stay.references.iter().any(|reference| reference.as_str() == marker.reference())
        })
    }

    /// Whether a code is Staykey's own: a stay's, or a backup.
    pub(crate) fn is_ours(&self, code: &OnDoor) -> bool {
        let backup = |marker: &booking_core::Marker| marker.word() == BACKUP;
        self.stay_of(code).is_some() || booking_core::Marker::find_all(&code.note).iter().any(backup)
    }

    /// One of the codes of stays on a keypad.
    fn ours(&self, keypad: usize, which: usize) -> Option<(OnDoor, usize)> {
        let codes = self.vendors.in_cloud(keypad);
        let ours: Vec<_> = codes
            .into_iter()
            .filter(|code| !code.leaving)
            .filter_map(|code| self.stay_of(&code).map(|stay| (code, stay)))
            .collect();
        ours.get(which % ours.len().max(1)).cloned()
    }

    /// The markers of the first two codes of stays on a keypad, as one note.
    fn two_markers(&self, keypad: usize) -> String {
        let codes = self.vendors.in_cloud(keypad);
        let of_stays = codes.iter().filter(|code| !code.leaving && self.stay_of(code).is_some());
        of_stays.take(2).map(|code| code.note.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn touches(&mut self, stay: usize, keypad: usize) {
        let now = self.hub.now();
        self.stays[stay].touched.push((now, keypad));
    }

    /// A guest hears something.
    pub(crate) fn hears(
        &mut self,
        tenant: usize,
        channel: usize,
        to: &str,
        id: Option<&MessageId>,
        body: &str,
        at: DateTime<Utc>,
    ) {
        let found = self.stays.iter().position(|stay| {
            stay.tenant == tenant && stay.references.iter().any(|reference| reference.as_str() == to)
        });
        let by_phone = || {
            let number = to.strip_prefix("+4860")?.get(..3)?.parse().ok()?;
            Some(number).filter(|number| *number < self.stays.len())
        };
        let Some(number) = found.or_else(by_phone) else { return };
        let record = self.message(number, channel, id, body);
        let heard = Heard {
            at,
            channel,
            to: to.to_owned(),
            id: record.as_ref().map(|record| record.id.clone()),
            told: record.and_then(|record| record.told),
        };
        self.stays[number].heard.push(heard);
    }

    /// The rows of a stay in the store.
    pub(crate) fn rows_of(&self, number: usize) -> Vec<Row> {
        let Some(stay) = self.stays.get(number) else { return Vec::new() };
        let tenant = names::tenant(stay.tenant);
        let alias = |reference: &ExternalId| {
            now_or_never(self.store.alias(&tenant, &names::source(), reference))?.ok()?
        };
        // A stay that got another name may be two bookings to whoever keeps them; the present one comes first.
        let mut bookings: Vec<_> = stay.references.iter().rev().filter_map(alias).collect();
        let mut seen = std::collections::BTreeSet::new();
        bookings.retain(|booking| seen.insert(booking.clone()));
        let rows = |booking| now_or_never(self.store.stay(&tenant, booking)).and_then(Result::ok);
        bookings.iter().filter_map(rows).flatten().collect()
    }

    /// The record of what a guest just heard.
    fn message(
        &self,
        number: usize,
        channel: usize,
        id: Option<&MessageId>,
        body: &str,
    ) -> Option<MessageRecord> {
        let notifier = names::channel(channel);
        let messages = self.rows_of(number).into_iter().filter_map(|row| match row.record {
            Record::Message(message) if message.notifier == notifier => Some(message),
            _ => None,
        });
        match id {
            Some(id) => messages.into_iter().find(|message| message.id == *id),
            // Where the channel does not tell which message it was, it is the one that was tried last; whoever has two
            // names hears of two bookings, maybe of both at once.
            None => {
                let several = self.stays[number].references.len() > 1;
                messages
                    .filter(|message| message.state != MessageState::Superseded)
                    .max_by_key(|message| (several && says_all(body, message), message.tried_at))
            }
        }
    }
}

/// Whether a text has all the digits of a record in it.
fn says_all(body: &str, message: &MessageRecord) -> bool {
    let told = message.told.as_ref();
    told.is_some_and(|told| {
        told.codes.iter().filter_map(|code| code.typed.as_ref()).all(|pin| body.contains(pin.expose()))
    })
}

fn lose(world: &mut World, keypad: usize, which: usize) {
    let Some((code, stay)) = world.ours(keypad, which) else { return };
    let done = if world.vendors.is_simulated(keypad) {
        let now = world.hub.now();
        share_id(&code.id).is_some_and(|id| world.vendors.sims().thekeys.remove_share(now, id))
    } else {
        world.vendors.locks.lose(&world.vendors.key(keypad), &code.id)
    };
    if done {
        world.touches(stay, keypad);
    }
}

fn renew(world: &mut World, keypad: usize) {
    let stays: Vec<usize> =
        world.vendors.in_cloud(keypad).iter().filter_map(|code| world.stay_of(code)).collect();
    stays.into_iter().for_each(|stay| world.touches(stay, keypad));
    world.renewed.insert(keypad, world.hub.now());
    if !world.vendors.is_simulated(keypad) {
        world.vendors.locks.renew(&world.vendors.key(keypad));
    }
}

fn share_id(id: &VendorCodeId) -> Option<u64> {
    id.as_str().parse().ok()
}

fn staff(world: &mut World, keypad: usize, act: StaffAct, which: usize) {
    if keypad >= world.history.setup.keypads.len() {
        return;
    }
    if matches!(act, StaffAct::Adds | StaffAct::AddsForTwo) {
        let note = if act == StaffAct::Adds { STAFF_NOTE.to_owned() } else { world.two_markers(keypad) };
        adds(world, keypad, which, note);
        return;
    }
    let Some((code, stay)) = world.ours(keypad, which) else { return };
    world.touches(stay, keypad);
    if world.vendors.is_simulated(keypad) {
        staff_of_thekeys(world, &code, act);
    } else {
        staff_of_model(world, keypad, &code, act);
    }
}

fn adds(world: &mut World, keypad: usize, which: usize, note: String) {
    let length = usize::from(world.vendors.rules(keypad).stored_len);
    let digits = "93847561".chars().cycle().skip(which % 8).take(length).collect::<String>();
    let name = format!("Staff {which}");
    if world.vendors.is_simulated(keypad) {
        let now = world.hub.now();
        world.vendors.sims().thekeys.plant_share(now, staff_share(keypad, &name, &digits));
        return;
    }
    let stored = parsed(Pin::parse(&digits));
    let code = StaffCode { stored, name, note, window: None };
    // A keypad that refuses it is no trouble of ours.
    let _ = world.vendors.locks.staff_adds(&world.vendors.key(keypad), code);
}

fn staff_of_thekeys(world: &World, code: &OnDoor, act: StaffAct) {
    let now = world.hub.now();
    let Some(id) = share_id(&code.id) else { return };
    let thekeys = &mut world.vendors.sims().thekeys;
    match act {
        StaffAct::Deletes => {
            thekeys.remove_share(now, id);
        }
        StaffAct::Shortens => {
            thekeys.edit_share(now, id, |share| share.hour_end = Some((9, 0)));
        }
        StaffAct::SwitchesOff => {
            thekeys.edit_share(now, id, |share| share.active = false);
        }
        StaffAct::Annotates => {
            thekeys.edit_share(now, id, |share| {
                share.description = share.description.as_ref().map(|text| annotated(text));
            });
        }
        StaffAct::Adds | StaffAct::AddsForTwo => {}
    }
}

fn staff_of_model(world: &World, keypad: usize, code: &OnDoor, act: StaffAct) {
    let (locks, key) = (&world.vendors.locks, world.vendors.key(keypad));
    // What the app refuses did not happen.
    let _ = match act {
        StaffAct::Deletes => locks.staff_deletes(&key, &code.id),
        StaffAct::Shortens => locks.staff_edits(&key, &code.id, |code| {
            code.end = code.end.map(|end| end - Duration::hours(3));
        }),
        StaffAct::SwitchesOff => locks.staff_edits(&key, &code.id, |code| code.active = false),
        StaffAct::Annotates => locks.staff_edits(&key, &code.id, |code| code.note = annotated(&code.note)),
        StaffAct::Adds | StaffAct::AddsForTwo => Ok(()),
    };
}

fn annotated(note: &str) -> String {
    format!("{note} (late)")
}
