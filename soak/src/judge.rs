//! Whether all is right once the trouble is over: asked of the vendors and of the store, never of the program.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use booking_core::BookingId;
use booking_core::store::{InboxRow, Kind, MessageRecord, Record, Store, Told};
use booking_sim::Simulators;
use booking_sim::smoobu::Booking;
use booking_sim::thekeys::Share;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::journal::Owed;
use crate::town::{self, PREFIX, ZONE};

mod heard;
mod inbox;

use heard::{Heard, Said};

/// How many rows are read at once.
const PAGE: usize = 500;

/// What the store says, read while no host runs.
pub(crate) struct Kept {
    inbox: Vec<InboxRow>,
    messages: Vec<MessageRecord>,
    /// Our id by what Smoobu calls the booking.
    stays: BTreeMap<String, BookingId>,
    /// The keys that a host has leased.
    pub(crate) leases: Vec<String>,
}

impl Kept {
    pub(crate) async fn read(store: &dyn Store, now: DateTime<Utc>) -> anyhow::Result<Self> {
        let tenant = town::tenant();
        let (mut messages, mut stays) = (Vec::new(), BTreeMap::new());
        for kind in [Kind::Message, Kind::Booking] {
            let mut after: Option<String> = None;
            loop {
                let rows = store.rows(kind, &tenant, after.as_deref(), PAGE).await?;
                let Some(last) = rows.last() else { break };
                after = Some(last.record.key().id);
                for row in rows {
                    match row.record {
                        Record::Message(message) => messages.push(message),
                        Record::Booking(booking) => {
                            stays.insert(booking.reference.to_string(), booking.id);
                        }
                        _ => {}
                    }
                }
            }
        }
        let (mut inbox, mut before) = (Vec::new(), None);
        loop {
            let rows = store.inbox(&tenant, before, PAGE).await?;
            let Some(last) = rows.last() else { break };
            ensure!(before.is_none_or(|before| last.number < before), "the inbox has no end");
            before = Some(last.number);
            inbox.extend(rows);
        }
        let (mut leases, mut after) = (Vec::new(), None);
        loop {
            let rows = store.work(after.as_ref(), PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.work.clone());
            let leased = rows.iter().filter(|row| row.leased_until.is_some_and(|until| until > now));
            leases.extend(leased.map(|row| row.work.to_string()));
        }
        Ok(Self { inbox, messages, stays, leases })
    }

    /// All that is typed at doors by the word of what guests were told.
    pub(crate) fn told_digits(&self) -> impl Iterator<Item = &str> {
        self.messages
            .iter()
            .filter_map(|message| message.told.as_ref())
            .flat_map(heard::digits)
            .map(|(_, typed)| typed)
    }

    /// What is typed by staff, or by more stays than one.
    fn taken(&self) -> BTreeSet<String> {
        let mut stays = BTreeMap::<&str, BTreeSet<&BookingId>>::new();
        for message in &self.messages {
            for (_, typed) in message.told.iter().flat_map(heard::digits) {
                stays.entry(typed).or_default().insert(&message.stay);
            }
        }
        let shared =
            stays.into_iter().filter(|(_, stays)| stays.len() > 1).map(|(typed, _)| typed.to_owned());
        shared.chain(town::doors().map(|door| format!("{PREFIX}{}", town::staff(door).code))).collect()
    }
}

/// All that is not as it was promised. A booking is named as Smoobu calls it, by which logs can be searched.
pub(crate) fn broken(sims: &Simulators, kept: &Kept, owed: &[Owed], now: DateTime<Utc>) -> Vec<String> {
    let mut broken = acknowledged(kept, owed);
    let on_doors = OnDoors::of(sims, now, &mut broken);
    let taken = kept.taken();
    for booking in sims.smoobu.bookings() {
        let pins = doors(sims, &on_doors, booking, now, &mut broken);
        guest(&said(sims, kept, booking), booking, pins.as_deref(), &taken, &mut broken);
    }
    broken
}

/// What is not right with how hosts ended that were told to stop: after how calm a time, each with its exit status, and
/// what is leased afterwards, by none that was killed before.
pub(crate) fn stopped(calm: bool, ends: &[(String, Option<i32>)], leases: &[String]) -> Vec<String> {
    let cut_off = ends.iter().filter(|(_, status)| calm && *status == Some(3));
    let cut_off = cut_off.map(|(name, _)| format!("{name} had nothing to do, and cut work off"));
    let cleanly = ends.iter().all(|(_, status)| *status == Some(0));
    let leased =
        leases.iter().filter(|_| cleanly).map(|key| format!("all hosts have stopped, and {key} is leased"));
    cut_off.chain(leased).collect()
}

/// Every acknowledged webhook is kept, and was worked on.
fn acknowledged(kept: &Kept, owed: &[Owed]) -> Vec<String> {
    let missing = inbox::missing(owed, &kept.inbox).into_iter().map(|owed| {
        let Owed { action, reference, to, .. } = owed;
        format!("{action} of {reference} was acknowledged at {to} and is not in the inbox")
    });
    let unread = kept.inbox.iter().filter(|row| row.work.is_some() && row.read_at.is_none());
    let unread =
        unread.map(|row| format!("{} no. {} in the inbox was not worked on", row.action, row.number));
    missing.chain(unread).collect()
}

/// The codes with our marker, by booking and door.
struct OnDoors(BTreeMap<(u64, u64), Vec<Share>>);

impl OnDoors {
    fn of(sims: &Simulators, now: DateTime<Utc>, broken: &mut Vec<String>) -> Self {
        let mut ours = BTreeMap::<(u64, u64), Vec<Share>>::new();
        for door in town::doors() {
            let (mut staff, mut digits) = (0, BTreeSet::new());
            for (id, view) in sims.thekeys.compare(now, town::lock(door)) {
                let Some(share) = view.cloud.clone().filter(|_| view.cloud == view.door) else {
                    broken.push(format!("door {door}: cloud and keypad differ about code {id}"));
                    continue;
                };
                if !digits.insert(share.code.clone()) {
                    broken.push(format!("door {door}: code {id} has the digits of another"));
                }
                match marked(&share) {
                    Some(booking) => ours.entry((booking, door)).or_default().push(share),
                    None if (Share { id: 0, ..share }) == town::staff(door) => staff += 1,
                    None => broken.push(format!("door {door}: code {id} is nobody's")),
                }
            }
            if staff != 1 {
                broken.push(format!("door {door}: staff's code is not there as it was"));
            }
        }
        Self(ours)
    }
}

/// The booking that a code names.
fn marked(share: &Share) -> Option<u64> {
    share
        .description
        .as_deref()?
        .split_whitespace()
        .find_map(|word| word.strip_prefix("Smoobu#")?.parse().ok())
}

fn instant(local: NaiveDateTime) -> Option<DateTime<Utc>> {
    local.and_local_timezone(ZONE).earliest().map(|at| at.to_utc())
}

/// Whether a stay's codes, and no others of it, are on its doors and open in its time. Returns what opens them, in
/// the order of its doors, where it is still to be.
fn doors(
    sims: &Simulators,
    on_doors: &OnDoors,
    booking: &Booking,
    now: DateTime<Utc>,
    broken: &mut Vec<String>,
) -> Option<Vec<String>> {
    let (start, end) = town::window(booking.data.arrival, booking.data.departure);
    let (start, end) = instant(start).zip(instant(end))?;
    let flat = town::flat_of(booking.data.apartment);
    let wanted = if booking.cancelled || end <= now { [].as_slice() } else { &town::doors_of(flat) };
    let id = booking.id;
    let mut pins = Vec::new();
    for door in town::doors() {
        let codes = on_doors.0.get(&(id, door)).map_or(&[][..], Vec::as_slice);
        match (codes, wanted.contains(&door)) {
            ([], false) => {}
            ([one], true) => {
                let typed = format!("{PREFIX}{}", one.code);
                let minute = TimeDelta::minutes(1);
                let begun = start <= now;
                let looks = [
                    (start - minute, false, !begun),
                    (start.max(now) + minute, true, true),
                    (end - minute, true, true),
                    (end, false, true),
                ];
                for (at, should, counts) in looks {
                    let opens = sims.thekeys.would_open(at, town::lock(door), &town::keypad(door), &typed);
                    if counts && opens != should {
                        broken.push(format!("stay {id}: the code on door {door} opens at {at}: {opens}"));
                    }
                }
                pins.push((town::doors_of(flat).iter().position(|wanted| *wanted == door), typed));
            }
            (codes, true) => broken.push(format!("stay {id}: {} codes on door {door}", codes.len())),
            (codes, false) => {
                broken.push(format!("stay {id}: {} codes on door {door} where it has no right", codes.len()));
            }
        }
    }
    pins.sort();
    (!wanted.is_empty()).then(|| pins.into_iter().map(|(_, typed)| typed).collect())
}

/// What the guest of a booking heard, by channel.
fn said<'a>(sims: &Simulators, kept: &'a Kept, booking: &Booking) -> [(&'static str, Said<'a>); 2] {
    let id = booking.id;
    let sms = sims.serwersms.messages_to(&town::phone(id));
    let thread = sims.smoobu.guest_messages(id);
    let stay = kept.stays.get(&id.to_string());
    let channel = |name: &'static str, heard| {
        let of_stay = kept.messages.iter().filter(|message| Some(&message.stay) == stay);
        let mut records: Vec<_> = of_stay.filter(|message| message.notifier.as_str() == name).collect();
        records.sort_by_key(|message| message.intended_at);
        (name, Said { heard, records })
    };
    [
        channel("sms", sms.into_iter().map(|sms| Heard { at: sms.at, text: sms.text }).collect()),
        channel(
            "thread-smoobu",
            thread.into_iter().map(|said| Heard { at: said.at, text: said.text }).collect(),
        ),
    ]
}

/// Whether a guest heard what is on record, nothing twice, the same digits each time, and last what opens the doors.
fn guest(
    channels: &[(&str, Said<'_>)],
    booking: &Booking,
    pins: Option<&[String]>,
    taken: &BTreeSet<String>,
    broken: &mut Vec<String>,
) {
    let id = booking.id;
    let window = town::window(booking.data.arrival, booking.data.departure);
    let unit = format!("flat-{}", town::flat_of(booking.data.apartment));
    let is_true = |told: &Told| (told.start, told.end) == window && told.unit.as_str() == unit;
    let told = channels.iter().flat_map(|(_, said)| said.heard.iter().filter_map(|heard| said.told(heard)));
    for door in heard::changed(told, taken) {
        broken.push(format!("stay {id}: the guest was told other digits for {door} without a reason"));
    }
    for (channel, said) in channels {
        for heard in said.unrecorded() {
            broken.push(format!(
                "stay {id}: what the guest was told by {channel} at {} is not on record",
                heard.at
            ));
        }
        for heard in said.repeats() {
            broken.push(format!(
                "stay {id}: the guest was told the same thing twice by {channel} at {}",
                heard.at
            ));
        }
        let Some(pins) = pins else { continue };
        let Some(last) = said.heard.last() else {
            broken.push(format!("stay {id}: the guest was told nothing by {channel}"));
            continue;
        };
        if pins.iter().any(|pin| !last.text.contains(pin.as_str())) {
            broken.push(format!("stay {id}: the last word by {channel} does not open the doors"));
        }
        if !said.told(last).is_some_and(is_true) {
            broken
                .push(format!("stay {id}: the last word by {channel} tells of other times or another flat"));
        }
    }
}

#[cfg(test)]
mod tests {
    use booking_core::store::{MessageKind, MessageState, MessageText, ToldCode};
    use booking_core::{CodeId, DoorId, IntegrationName, MessageId, Pin, Receipt, Recipient, UnitId};
    use booking_sim::smoobu::BookingPatch;
    use chrono::{Days, NaiveDate};
    use serde_json::json;

    use super::*;

    const NUMBER: u64 = 1;
    const FLAT: u64 = 3;
    const PIN: &str = "482913";

    /// A stay of next week with a code on each of its doors, whose guest knows, as all of them say.
    struct World {
        sims: Simulators,
        kept: Kept,
        owed: Vec<Owed>,
        now: DateTime<Utc>,
        codes: Vec<u64>,
    }

    pub(super) fn at() -> DateTime<Utc> {
        "2027-03-01T12:00:00Z".parse().unwrap()
    }

    fn days() -> (NaiveDate, NaiveDate) {
        (at().date_naive() + Days::new(7), at().date_naive() + Days::new(9))
    }

    fn stay() -> BookingId {
        BookingId::parse("bcdfghjkmnpq").unwrap()
    }

    /// What a guest of flat 3 is told; the flat is called as wanted.
    pub(super) fn told(flat: &str, pin: &str) -> Told {
        let (start, end) = town::window(days().0, days().1);
        let code = |door| ToldCode {
            door: DoorId::parse(&format!("door-{door}")).unwrap(),
            code: CodeId::parse("bcdfghjkmnpq").unwrap(),
            typed: Some(Pin::parse(&format!("{PREFIX}{pin}")).unwrap()),
        };
        let unit = UnitId::parse(&format!("flat-{flat}")).unwrap();
        Told { unit, start, end, codes: town::doors_of(FLAT).map(code).to_vec() }
    }

    /// The record of a message that was sent.
    pub(super) fn message(text: &str, told: Told) -> MessageRecord {
        MessageRecord {
            id: MessageId::parse("bcdfghjkmnpq").unwrap(),
            tenant: town::tenant(),
            stay: stay(),
            notifier: IntegrationName::parse("thread-smoobu").unwrap(),
            kind: MessageKind::CodeReady,
            state: MessageState::Sent(Receipt { vendor_id: None }),
            maybe_twice: false,
            attempts: 0,
            retry_at: None,
            intended_at: at(),
            tried_at: at(),
            ended_at: None,
            error: None,
            told: Some(told),
            text: Some(MessageText {
                recipient: Recipient::Channel,
                subject: String::new(),
                body: text.to_owned(),
                language: "en".to_owned(),
            }),
        }
    }

    fn check<T>(change: impl FnOnce(&mut World) -> T, expected: &[&str]) {
        let now = at();
        let mut sims = town::simulators(now);
        let (arrival, departure) = days();
        let id = sims.smoobu.create_booking(now, town::stay(NUMBER, FLAT, arrival, departure));
        let codes = town::doors_of(FLAT).map(|door| {
            let share = Share {
                description: Some(format!("Smoobu#{id}")),
                date_start: Some(arrival),
                hour_start: Some((15, 0)),
                date_end: Some(departure),
                hour_end: Some((12, 0)),
                ..Share::permanent(town::lock(door), &town::keypad(door), "guest", PIN)
            };
            sims.thekeys.plant_share(now, share)
        });
        let kept = Kept {
            inbox: Vec::new(),
            messages: vec![message("text", told("3", PIN))],
            stays: BTreeMap::from([(id.to_string(), stay())]),
            leases: Vec::new(),
        };
        let mut world = World { sims, kept, owed: Vec::new(), now, codes: codes.to_vec() };
        let _ = change(&mut world);
        let found = broken(&world.sims, &world.kept, &world.owed, world.now);
        // Nobody has told this guest anything: what is looked at here are doors and webhooks.
        let found: Vec<_> = found.iter().filter(|text| !text.contains("was told nothing")).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}, not {expected}");
        }
    }

    #[test]
    fn what_is_right_is_not_broken() {
        check(|_| {}, &[]);
    }

    #[test]
    fn doors_are_judged_by_what_is_on_them() {
        let id = town::reference(NUMBER);
        check(|world| world.sims.thekeys.remove_share(world.now, world.codes[1]), &["0 codes on door 3"]);
        check(
            |world| world.sims.smoobu.cancel(world.now, id),
            &["door 3 where it has", "door 12 where it has"],
        );
        check(
            |world| world.sims.thekeys.forget_at_door(world.now, world.codes[0]),
            &["cloud and keypad differ", "0 codes on door 12"],
        );
        let later =
            BookingPatch { departure: Some(at().date_naive() + Days::new(10)), ..BookingPatch::default() };
        check(|world| world.sims.smoobu.update_booking(world.now, id, later), &["opens at", "opens at"]);
        let elsewhere = BookingPatch { apartment: Some(town::apartment(5)), ..BookingPatch::default() };
        check(
            |world| world.sims.smoobu.update_booking(world.now, id, elsewhere),
            &["1 codes on door 3 where it has no right", "0 codes on door 5"],
        );
        let foreign =
            Share { description: None, ..Share::permanent(town::lock(3), &town::keypad(3), "x", "111111") };
        check(|world| world.sims.thekeys.plant_share(world.now, foreign), &["is nobody's"]);
        let edited = |world: &mut World| {
            let staff = world.sims.thekeys.codes_on(town::lock(0))[0].id;
            world.sims.thekeys.edit_share(world.now, staff, |share| share.active = false);
        };
        check(edited, &["is nobody's", "staff's code is not there"]);
    }

    #[test]
    fn what_was_acknowledged_is_asked_for() {
        let (action, reference) = ("newReservation".to_owned(), "90000002".to_owned());
        let owed = Owed { action, reference, data: json!({}), from: at(), to: at() };
        check(|world| world.owed.push(owed), &["newReservation of 90000002 was acknowledged"]);
    }

    #[test]
    fn who_stops_leaves_nothing_behind() {
        let check = |calm, ends: [Option<i32>; 2], leases: &[&str], expected: &[&str]| {
            let ends: Vec<_> = ["a", "b"].map(str::to_owned).into_iter().zip(ends).collect();
            let leases: Vec<_> = leases.iter().map(|key| (*key).to_owned()).collect();
            assert_eq!(stopped(calm, &ends, &leases), expected, "{ends:?}");
        };
        check(true, [Some(0), Some(0)], &[], &[]);
        check(true, [Some(0), Some(0)], &["x"], &["all hosts have stopped, and x is leased"]);
        check(false, [Some(0), Some(0)], &["x"], &["all hosts have stopped, and x is leased"]);
        check(true, [Some(0), Some(3)], &["x"], &["b had nothing to do, and cut work off"]);
        check(false, [Some(0), Some(3)], &["x"], &[]);
    }

    /// What a guest heard, as text and what its record tells; whether somebody else has the first digits too.
    fn check_guest(heard: &[(&str, Option<Told>)], is_taken: bool, expected: &[&str]) {
        let now = at();
        let mut sims = town::simulators(now);
        let id = sims.smoobu.create_booking(now, town::stay(NUMBER, FLAT, days().0, days().1));
        let records: Vec<_> =
            heard.iter().filter_map(|(text, told)| Some(message(text, told.clone()?))).collect();
        let heard = (0_i64..).zip(heard).map(|(minutes, (text, _))| {
            let at = now + TimeDelta::minutes(minutes);
            Heard { at, text: (*text).to_owned() }
        });
        let said = Said { heard: heard.collect(), records: records.iter().collect() };
        let booking = sims.smoobu.bookings().find(|booking| booking.id == id).unwrap();
        let pins = town::doors_of(FLAT).map(|_| format!("{PREFIX}{PIN}"));
        let taken = is_taken.then(|| pins[0].clone()).into_iter().collect();
        let mut found = Vec::new();
        guest(&[("thread-smoobu", said)], booking, Some(&pins), &taken, &mut found);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}, not {expected}");
        }
    }

    #[test]
    fn a_guest_is_last_told_what_opens_the_doors() {
        let right = || Some(told("3", PIN));
        check_guest(&[("31482913", right())], false, &[]);
        check_guest(&[], false, &["told nothing"]);
        check_guest(&[("31482913", None)], false, &["not on record", "other times or another flat"]);
        check_guest(&[("it", right())], false, &["not on record", "does not open"]);
        check_guest(&[("31482913", Some(told("5", PIN)))], false, &["other times or another flat"]);
        check_guest(&[("31482913", right()), ("again: 31482913", right())], false, &["twice"]);
    }

    #[test]
    fn digits_that_a_guest_was_told_stay() {
        let heard = |first| [("31773355", Some(told("3", first))), ("31482913", Some(told("3", PIN)))];
        let changed = ["digits for door-12", "digits for door-3"];
        check_guest(&heard("773355"), false, &changed);
        check_guest(&heard("773355"), true, &[]);
    }

    #[test]
    fn digits_are_taken_where_staff_or_two_stays_have_them() {
        let other = MessageRecord {
            stay: BookingId::parse("cccccccccccc").unwrap(),
            ..message("text", told("5", PIN))
        };
        let one = message("text", told("3", PIN));
        let taken = |messages| {
            let kept = Kept { inbox: Vec::new(), messages, stays: BTreeMap::new(), leases: Vec::new() };
            (kept.taken().contains("31482913"), kept.taken().contains("31100003"))
        };
        assert_eq!(taken(vec![one.clone(), one.clone()]), (false, true));
        assert_eq!(taken(vec![one, other]), (true, true));
    }
}
