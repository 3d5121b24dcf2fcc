//! Whether all is right once the trouble is over: asked of the vendors and of the store, never of the program.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use booking_core::BookingId;
use booking_core::store::{InboxRow, Kind, MessageRecord, MessageState, Origin, Record, Store};
use booking_sim::Simulators;
use booking_sim::smoobu::Booking;
use booking_sim::thekeys::Share;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::journal::Journal;
use crate::town::{self, PREFIX, ZONE};

/// How many rows are read at once.
const PAGE: usize = 500;
/// By how much clocks may differ.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// What the store says, read while no host runs.
pub(crate) struct Kept {
    inbox: Vec<InboxRow>,
    messages: Vec<MessageRecord>,
    /// Our id by what Smoobu calls the booking.
    stays: BTreeMap<String, BookingId>,
    leases: Vec<String>,
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
}

/// All that is not as it was promised. A booking is named as Smoobu calls it, by which logs can be searched.
pub(crate) fn broken(sims: &Simulators, kept: &Kept, journal: &Journal, now: DateTime<Utc>) -> Vec<String> {
    let mut broken = acknowledged(kept, journal);
    let told_of = |key: &String| format!("no host runs, and {key} is leased");
    broken.extend(kept.leases.iter().map(told_of));
    let on_doors = OnDoors::of(sims, now, &mut broken);
    for booking in sims.smoobu.bookings() {
        let pins = doors(sims, &on_doors, booking, now, &mut broken);
        guest(sims, kept, booking, pins.as_deref(), &mut broken);
    }
    broken
}

/// Every acknowledged webhook is kept, and was worked on.
fn acknowledged(kept: &Kept, journal: &Journal) -> Vec<String> {
    let mut there = BTreeMap::<(String, String), usize>::new();
    for row in kept.inbox.iter().filter(|row| row.origin == Origin::Webhook) {
        let reference = row.event.as_ref().and_then(|event| event.reference()).map(ToString::to_string);
        *there.entry((row.action.clone(), reference.unwrap_or_default())).or_default() += 1;
    }
    let mut broken = Vec::new();
    for (key, bodies) in journal.acknowledged() {
        let found = there.get(&key).copied().unwrap_or_default();
        if found < bodies {
            let (action, reference) = key;
            broken.push(format!(
                "{bodies} {action} of {reference} were acknowledged, {found} are in the inbox"
            ));
        }
    }
    let unread = kept.inbox.iter().filter(|row| row.work.is_some() && row.read_at.is_none());
    broken.extend(
        unread.map(|row| format!("{} no. {} in the inbox was not worked on", row.action, row.number)),
    );
    broken
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

/// A message as a guest got it.
struct Heard {
    at: DateTime<Utc>,
    text: String,
}

/// Whether a guest heard nothing twice, and last what opens the doors.
fn guest(
    sims: &Simulators,
    kept: &Kept,
    booking: &Booking,
    pins: Option<&[String]>,
    broken: &mut Vec<String>,
) {
    let id = booking.id;
    let sms = sims.serwersms.messages_to(&town::phone(id));
    let thread = sims.smoobu.guest_messages(id);
    let channels = [
        ("sms", sms.into_iter().map(|sms| Heard { at: sms.at, text: sms.text }).collect::<Vec<_>>()),
        ("thread-smoobu", thread.into_iter().map(|said| Heard { at: said.at, text: said.text }).collect()),
    ];
    let stay = kept.stays.get(&id.to_string());
    for (channel, heard) in channels {
        let of_stay = kept.messages.iter().filter(|message| Some(&message.stay) == stay);
        let records: Vec<_> = of_stay.filter(|message| message.notifier.as_str() == channel).collect();
        for pair in heard.windows(2) {
            if let [earlier, later] = pair
                && earlier.text == later.text
                && !excused(&records, earlier, later)
            {
                broken.push(format!(
                    "stay {id}: the guest was told the same thing twice by {channel} at {}",
                    later.at
                ));
            }
        }
        let Some(pins) = pins else { continue };
        let Some(last) = heard.last() else {
            broken.push(format!("stay {id}: the guest was told nothing by {channel}"));
            continue;
        };
        if pins.iter().any(|pin| !last.text.contains(pin.as_str())) {
            broken.push(format!("stay {id}: the last word by {channel} does not open the doors"));
        }
        let told = records.iter().rev().filter(|record| text(record) == Some(&last.text));
        let window = town::window(booking.data.arrival, booking.data.departure);
        let unit = format!("flat-{}", town::flat_of(booking.data.apartment));
        let is_true = |record: &&MessageRecord| {
            let told = record.told.as_ref();
            told.is_some_and(|told| (told.start, told.end) == window && told.unit.as_str() == unit)
        };
        if !told.copied().any(|record| is_true(&record)) {
            broken
                .push(format!("stay {id}: the last word by {channel} tells of other times or another flat"));
        }
    }
}

fn text(record: &MessageRecord) -> Option<&String> {
    record.text.as_ref().map(|text| &text.body)
}

/// Whether the record says that the second may be the first once more, or that something else may have been told
/// between the two.
fn excused(records: &[&MessageRecord], earlier: &Heard, later: &Heard) -> bool {
    records.iter().any(|record| {
        let is_same = text(record) == Some(&later.text);
        let between = (earlier.at - SKEW..=later.at + SKEW).contains(&record.tried_at);
        (is_same && record.maybe_twice)
            || (!is_same && between && !matches!(record.state, MessageState::Sent(_)))
    })
}

#[cfg(test)]
mod tests {
    use booking_core::store::{MessageKind, MessageText, Told};
    use booking_core::{IntegrationName, MessageId, Receipt, Recipient, UnitId};
    use booking_sim::smoobu::BookingPatch;
    use chrono::Days;

    use super::*;
    use crate::journal::Fate;

    const NUMBER: u64 = 1;
    const FLAT: u64 = 3;
    const PIN: &str = "482913";

    /// A stay of next week with a code on each of its doors, whose guest knows, as all of them say.
    struct World {
        sims: Simulators,
        kept: Kept,
        journal: Journal,
        now: DateTime<Utc>,
        codes: Vec<u64>,
    }

    fn at() -> DateTime<Utc> {
        "2027-03-01T12:00:00Z".parse().unwrap()
    }

    fn message(stay: &BookingId, text: &str, sent: bool) -> MessageRecord {
        let (start, end) = town::window(at().date_naive() + Days::new(7), at().date_naive() + Days::new(9));
        let unit = UnitId::parse(&format!("flat-{FLAT}")).unwrap();
        MessageRecord {
            id: MessageId::parse("bcdfghjkmnpq").unwrap(),
            tenant: town::tenant(),
            stay: stay.clone(),
            notifier: IntegrationName::parse("thread-smoobu").unwrap(),
            kind: MessageKind::CodeReady,
            state: if sent { MessageState::Sent(Receipt { vendor_id: None }) } else { MessageState::Unknown },
            maybe_twice: false,
            attempts: 0,
            retry_at: None,
            intended_at: at(),
            tried_at: at(),
            ended_at: None,
            error: None,
            told: Some(Told { unit, start, end, codes: Vec::new() }),
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
        let (arrival, departure) = (now.date_naive() + Days::new(7), now.date_naive() + Days::new(9));
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
        let stay = BookingId::parse("bcdfghjkmnpq").unwrap();
        let kept = Kept {
            inbox: Vec::new(),
            messages: vec![message(&stay, "text", true)],
            stays: BTreeMap::from([(id.to_string(), stay)]),
            leases: Vec::new(),
        };
        let mut world = World { sims, kept, journal: Journal::default(), now, codes: codes.to_vec() };
        let _ = change(&mut world);
        let found = broken(&world.sims, &world.kept, &world.journal, world.now);
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
        let body = r#"{"action":"newReservation","data":{"id":90000002}}"#;
        check(
            |world| world.journal.note(body.to_owned(), Fate::Acknowledged),
            &["1 newReservation of 90000002"],
        );
        check(|world| world.journal.note(body.to_owned(), Fate::Refused), &[]);
        check(|world| world.kept.leases.push("grant/soak/x".to_owned()), &["grant/soak/x is leased"]);
    }

    #[test]
    fn the_same_thing_is_told_twice_only_where_the_record_says_so() {
        let stay = BookingId::parse("bcdfghjkmnpq").unwrap();
        let heard = |seconds| Heard { at: at() + TimeDelta::seconds(seconds), text: "text".to_owned() };
        let plain = message(&stay, "text", true);
        let twice = MessageRecord { maybe_twice: true, ..plain.clone() };
        let other = message(&stay, "another", false);
        let long_ago = MessageRecord { tried_at: at() - TimeDelta::days(1), ..other.clone() };
        for (records, expected) in [
            (vec![&plain], false),
            (vec![&plain, &twice], true),
            (vec![&plain, &other], true),
            (vec![&plain, &long_ago], false),
        ] {
            assert_eq!(excused(&records, &heard(0), &heard(30)), expected, "{records:?}");
        }
    }
}
