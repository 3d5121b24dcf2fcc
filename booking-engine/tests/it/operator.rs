//! What staff asks and does.

use booking_core::conformance::block_on;
use booking_core::store::{Kind, Places, PlanState, Record, Tx, WorkKey, Write};
use booking_core::{BookingId, IntegrationName, Proof, VendorCodeId};
use booking_engine::{Applied, Draft, Erased, Looking, Mode, OnDoor, Scope, Unlinkable, Whose};
use booking_sim::smoobu::NewBooking;
use booking_sim::thekeys::{Lock, Share};
use chrono::{Duration, NaiveDate};

use crate::house::{House, LOFT, Plan, STUDIO, ZONE, day, door_id, keypad, stay, tenant_slug};

fn observed() -> House {
    House::with(Plan { mode: Mode::Observe, ..Plan::default() }).restarted(|_| {})
}

fn draft(house: &House, scope: &Scope) -> Draft {
    let tenant = house.engine.tenant(&tenant_slug()).unwrap().clone();
    block_on(house.engine.draft(&tenant, scope, &|_| {})).unwrap()
}

fn apply(house: &House, plan: &str) -> Applied {
    let applied = block_on(house.engine.apply(&tenant_slug(), plan)).unwrap();
    house.pass(Duration::minutes(5));
    applied
}

fn words(draft: &Draft) -> Vec<String> {
    let steps = draft.stays.iter().flat_map(|stay| &stay.steps);
    steps.map(|step| format!("{}{}", step.what, if step.later { " later" } else { "" })).collect()
}

/// A booking that no webhook has told of.
fn book_silently(house: &House, new: NewBooking) -> u64 {
    let id = house.sims().smoobu.create_booking(house.now(), new);
    let _ = house.sims().take_webhooks(house.now() + Duration::minutes(1));
    id
}

/// A code that somebody made in the vendor's app.
fn plant(
    house: &House,
    name: &str,
    note: Option<&str>,
    (from, to): (NaiveDate, NaiveDate),
    pin: &str,
) -> u64 {
    let (lock, keypad, _) = keypad(STUDIO);
    let share = Share {
        description: note.map(str::to_owned),
        date_start: Some(from),
        date_end: Some(to),
        hour_start: Some((15, 0)),
        hour_end: Some((12, 0)),
        ..Share::permanent(lock, keypad, name, pin)
    };
    let now = house.now();
    house.sims().thekeys.plant_share(now, share)
}

fn found(house: &House, text: &str) -> Vec<BookingId> {
    block_on(house.engine.find(&tenant_slug(), text)).unwrap()
}

fn codes(house: &House) -> OnDoor {
    let tenant = house.engine.tenant(&tenant_slug()).unwrap().clone();
    block_on(house.engine.codes(&tenant, &door_id(STUDIO), true)).unwrap().unwrap()
}

fn link(house: &House, code: u64, stay: &BookingId) -> Result<(), Unlinkable> {
    let tenant = house.engine.tenant(&tenant_slug()).unwrap().clone();
    let code = VendorCodeId::parse(&code.to_string()).unwrap();
    block_on(house.engine.link(&tenant, &door_id(STUDIO), &code, stay)).unwrap()
}

#[test]
fn n01_given_a_booking_that_no_webhook_told_of_when_a_dry_run_is_asked_then_it_is_planned_and_nothing_is_known_of_it()
 {
    let house = observed();
    let id = book_silently(&house, stay(STUDIO, day(3, 5), day(3, 8)));
    let draft = draft(&house, &Scope::Tenant);
    assert_eq!(words(&draft), ["create", "tell later", "tell later"]);
    let source = &draft.sources[0];
    assert_eq!((source.listed, source.news, source.missing, source.failing.clone()), (1, 1, 0, None));
    assert_eq!(found(&house, &id.to_string()), [], "a dry run takes nothing in");
    assert_eq!(house.writes(), (0, 0, 0));

    let digits = draft.stays[0].pins[0].1.typed.expose().to_owned();
    assert_eq!(apply(&house, &draft.id), Applied { approved: 1, ..Applied::default() });
    assert_eq!(house.typed(STUDIO, id), Some(digits), "the digits that were drawn for the review");
    assert_eq!(house.sms().len(), 1);
}

#[test]
fn n01_given_a_door_that_fails_and_waits_when_a_dry_run_is_asked_then_it_is_named_again_and_again() {
    let house = observed();
    let until = house.now() + Duration::hours(1);
    house.sims().down_until(booking_sim::Vendor::TheKeys, until);
    house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    // The second one comes while the account is left alone.
    for _ in 0..2 {
        let draft = draft(&house, &Scope::Tenant);
        assert_eq!(draft.unread, [door_id(LOFT), door_id(STUDIO)]);
        assert_eq!(words(&draft), Vec::<String>::new());
    }
}

#[test]
fn n01_given_a_change_that_no_webhook_told_of_when_one_stay_is_drafted_then_its_source_is_asked() {
    let house = observed();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    assert_eq!(apply(&house, &draft(&house, &Scope::Stay(house.booking_id(id))).id).approved, 1);
    let departure = Some(day(3, 10));
    let patch = booking_sim::smoobu::BookingPatch { departure, ..Default::default() };
    assert!(house.sims().smoobu.update_booking(house.now(), id, patch));
    let _ = house.sims().take_webhooks(house.now() + Duration::minutes(1));
    let draft = draft(&house, &Scope::Stay(house.booking_id(id)));
    assert_eq!(words(&draft), ["replace", "tell later", "tell later"]);
    assert_eq!(apply(&house, &draft.id).approved, 1);
    assert_eq!(house.codes(STUDIO)[0].date_end, departure);
}

#[test]
fn n02_given_a_booking_that_became_known_meanwhile_when_its_plan_is_applied_then_it_is_refused() {
    let house = observed();
    let new = stay(STUDIO, day(3, 5), day(3, 8));
    house.sims().smoobu.create_booking(house.now(), new);
    let draft = draft(&house, &Scope::Tenant);
    assert_eq!(draft.stays.len(), 1);
    house.settle();
    assert_eq!(apply(&house, &draft.id), Applied { refused: 1, ..Applied::default() });
    let record = &block_on(house.engine.reviewed(&tenant_slug(), &draft.id)).unwrap()[0];
    assert_eq!((record.state, record.moved.len()), (PlanState::Refused, 1));
    assert_eq!(house.writes(), (0, 0, 0));
}

#[test]
fn n06_given_codes_of_an_earlier_system_when_reviewed_then_they_come_first_and_guests_in_the_house_keep_theirs()
 {
    let house = observed();
    plant(&house, "smoobu Ada Example", Some("key 2, Smoobu#9001 late"), (day(2, 27), day(3, 4)), "4821");
    plant(&house, "cleaner", None, (day(1, 1), day(12, 31)), "7777");
    let in_house = NewBooking { id: Some(9001), ..stay(STUDIO, day(2, 27), day(3, 6)) };
    book_silently(&house, in_house);
    let draft = draft(&house, &Scope::Tenant);
    assert_eq!(words(&draft), ["adopt", "replace later", "tell later", "tell later"]);
    assert_eq!(house.writes(), (0, 0, 0));
    assert_eq!(apply(&house, &draft.id).approved, 1);
    assert_eq!(house.writes(), (0, 1, 0), "its end was moved, and nothing else was touched");
    let codes = house.codes(STUDIO);
    let kept = codes.iter().find(|share| share.code == "4821").unwrap();
    assert_eq!(kept.date_end, Some(day(3, 6)));
    assert!(codes.iter().any(|share| share.code == "7777"));
    let record = &block_on(house.engine.reviewed(&tenant_slug(), &draft.id)).unwrap()[0];
    assert_eq!((record.state, &record.moved), (PlanState::Applied, &Vec::new()));
}

#[test]
fn n06_given_an_unmarked_code_with_a_guests_name_when_reviewed_then_it_is_suggested_and_a_hand_links_it() {
    let house = observed();
    let code = plant(&house, "smoobu  ada example", None, (day(3, 5), day(3, 8)), "4821");
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let stay = house.booking_id(id);
    let before = draft(&house, &Scope::Tenant);
    assert_eq!(words(&before), ["create", "tell later", "tell later"], "a name is no proof");
    let suggested = &before.suggestions[0];
    assert_eq!((suggested.code.as_str(), &suggested.stay), (code.to_string().as_str(), &stay));

    assert_eq!(link(&house, code, &stay), Ok(()));
    let after = draft(&house, &Scope::Tenant);
    assert_eq!(after.suggestions, []);
    assert_eq!(words(&after)[0], "adopt");
    assert_eq!(apply(&house, &after.id).approved, 1);
    let codes = house.codes(STUDIO);
    assert_eq!((codes.len(), codes[0].code.as_str()), (1, "4821"));
    assert_eq!(
        house.typed(STUDIO, id).unwrap(),
        format!("{}4821", keypad(STUDIO).2),
        "it bears the marker now"
    );
    let record = &block_on(house.engine.reviewed(&tenant_slug(), &after.id)).unwrap()[0];
    assert_eq!((record.state, &record.moved), (PlanState::Applied, &Vec::new()));
}

#[test]
fn d09_a_code_is_linked_only_where_nothing_speaks_against_it() {
    let house = observed();
    let dates = (day(3, 5), day(3, 8));
    let free = plant(&house, "somebody", None, dates, "4821");
    let marked = plant(&house, "somebody", Some("Smoobu#777"), dates, "4822");
    let first = house.book(stay(STUDIO, dates.0, dates.1));
    let second = house.book(stay(STUDIO, day(3, 10), day(3, 12)));
    let (first, second) = (house.booking_id(first), house.booking_id(second));
    let stranger = BookingId::parse("zzzzzzzzzzzz").unwrap();
    assert_eq!(link(&house, free, &stranger), Err(Unlinkable::NoSuchStay));
    assert_eq!(link(&house, 123_456, &first), Err(Unlinkable::NoSuchCode));
    assert_eq!(link(&house, marked, &first), Err(Unlinkable::Marked));
    assert_eq!(link(&house, free, &first), Ok(()));
    assert_eq!(apply(&house, &draft(&house, &Scope::Stay(first.clone())).id).approved, 1);
    assert_eq!(link(&house, free, &second), Err(Unlinkable::Taken));
    house.pass(Duration::seconds(1));
    let another = plant(&house, "somebody", None, dates, "4823");
    assert_eq!(link(&house, another, &first), Err(Unlinkable::HasCode));
}

#[test]
fn e10_given_a_preview_of_other_digits_when_it_is_applied_then_just_those_are_proven_and_told_before_the_old_go()
 {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.pass(Duration::minutes(1));
    let old = house.typed(STUDIO, id).unwrap();
    let tenant = house.engine.tenant(&tenant_slug()).unwrap().clone();
    let draft = block_on(house.engine.draft_reissue(&tenant, &house.booking_id(id))).unwrap();
    assert_eq!(words(&draft), ["create", "tell later", "tell later", "delete later"]);
    let new = draft.stays[0].pins[0].1.typed.expose().to_owned();
    house.pass(Duration::minutes(20));
    assert_eq!(house.typed(STUDIO, id), Some(old.clone()), "a preview changes nothing");
    assert_eq!(apply(&house, &draft.id).approved, 1);
    house.pass(Duration::minutes(20));
    assert_eq!(house.typed(STUDIO, id), Some(new.clone()));
    assert_ne!(new, old);
    assert!(house.sms().last().unwrap().contains(&new));
    let record = &block_on(house.engine.reviewed(&tenant_slug(), &draft.id)).unwrap()[0];
    assert_eq!((record.state, &record.moved), (PlanState::Applied, &Vec::new()));
}

#[test]
fn a_stay_is_explained() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let tenant = house.engine.tenant(&tenant_slug()).unwrap().clone();
    let explained = block_on(house.engine.explain(&tenant, &house.booking_id(id))).unwrap().unwrap();
    assert_eq!((explained.wish, explained.unread, explained.steps.len()), ("access", 0, 0));
    assert_eq!(explained.unit.unwrap().as_str(), "studio-a");
    assert_eq!(explained.codes[0].proof, Proof::Listed);
    assert_eq!(explained.required[&door_id(STUDIO)], Proof::Listed);
    assert!(explained.reads[&door_id(STUDIO)].observed_at.is_some());
    assert_eq!(explained.messages.len(), 2);
    assert!(explained.work.unwrap().due_at.is_some(), "it is looked at again");
    assert!(explained.audit.iter().any(|entry| entry.what == "booking-changed"));
    assert!(
        block_on(house.engine.explain(&tenant, &BookingId::parse("zzzzzzzzzzzz").unwrap()))
            .unwrap()
            .is_none()
    );
}

#[test]
fn stays_are_found_by_any_of_their_names() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let stay = house.booking_id(id);
    for name in [id.to_string(), format!("smoobu:{id}"), stay.to_string()] {
        assert_eq!(found(&house, &name), std::slice::from_ref(&stay), "{name}");
    }
    for name in [format!("beds24:{id}"), "1".to_owned(), String::new(), "a b".to_owned()] {
        assert_eq!(found(&house, &name), [], "{name}");
    }
}

#[test]
fn the_codes_of_a_door_are_told_apart() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.book(NewBooking { id: Some(9002), ..stay(LOFT, day(3, 5), day(3, 8)) });
    plant(&house, "cleaner", None, (day(1, 1), day(12, 31)), "7777");
    plant(&house, "gone", Some("Smoobu#1"), (day(1, 1), day(1, 31)), "7778");
    plant(&house, "two", Some("Smoobu#1 Smoobu#2"), (day(3, 1), day(3, 31)), "7777");
    plant(&house, "loft", Some("Smoobu#9002"), (day(3, 5), day(3, 8)), "7779");
    let on = codes(&house);
    assert!(on.complete && on.missing.is_empty() && on.failing.is_none());
    let seen: Vec<_> = on
        .codes
        .iter()
        .map(|code| {
            (
                code.listed.stored.as_ref().unwrap().expose().to_owned(),
                code.whose,
                code.expired,
                code.duplicate,
            )
        })
        .filter(|(digits, ..)| digits.starts_with("777"))
        .collect();
    let expected = [
        ("7777", Whose::Foreign, false, true),
        ("7778", Whose::Foreign, true, false),
        ("7777", Whose::Ambiguous, false, true),
        ("7779", Whose::Marked, false, false),
    ];
    assert_eq!(seen, expected.map(|(digits, whose, over, twin)| (digits.to_owned(), whose, over, twin)));
    let ours: Vec<_> = on.codes.iter().filter(|code| code.whose == Whose::Ours).collect();
    assert_eq!((ours.len(), ours[0].stay.clone()), (1, Some(house.booking_id(id))));
}

#[test]
fn a_guest_is_forgotten_once_nothing_is_on_a_door() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let stay = house.booking_id(id);
    let erase = || block_on(house.engine.erase(&tenant_slug(), &stay)).unwrap();
    assert_eq!(erase(), Erased::HasCodes(1));
    house.cancel(id);
    house.pass(Duration::minutes(30));
    let work = WorkKey::Grant(tenant_slug(), stay.clone());
    let writes = vec![Write::Due { work: work.clone(), at: house.now(), priority: None }];
    let _ = block_on(house.store.commit(Tx { writes, ..Tx::new(house.now()) })).unwrap();
    let leases = block_on(house.engine.claim(&Places::free(100))).unwrap();
    assert!(leases.iter().any(|lease| lease.work == work));
    assert_eq!(erase(), Erased::InWork);
    house.outlive_leases();
    assert!(matches!(erase(), Erased::Done(purged) if purged.records > 0));
    assert_eq!(erase(), Erased::Unknown);
    let left = block_on(house.store.inbox(&tenant_slug(), None, 100)).unwrap();
    assert!(left.iter().all(|row| row.work.is_none() || !format!("{:?}", row.work).contains(stay.as_str())));
}

#[test]
fn k06_given_a_lock_replaced_after_a_reset_when_it_appears_as_new_then_it_is_offered_and_nothing_is_assumed()
{
    let house = House::new().restarted(|_| {});
    house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let (lock, _, _) = keypad(STUDIO);
    house.sims().thekeys.lock_mut(lock).unwrap().accessories.clear();
    house.sims().thekeys.lock_mut(lock).unwrap().foreign = true;
    house.sims().thekeys.add_lock(Lock::with_keypad(7001, "NewOne01", ZONE));
    house.pass(Duration::hours(3));
    let on_the_new_one = house.sims().thekeys.codes_on(7001).len();
    assert_eq!((on_the_new_one, house.writes()), (0, (1, 0, 0)), "nothing is done on a guess");
    let rows = block_on(house.store.rows(Kind::Alert, &tenant_slug(), None, 100)).unwrap();
    let gone = rows.into_iter().find_map(|row| match row.record {
        Record::Alert(alert) if alert.kind == "keypad-gone" && alert.closed_at.is_none() => {
            Some(alert.detail)
        }
        _ => None,
    });
    assert!(gone.unwrap().contains("free keypads: thekeys/7001/NewOne01"));
}

#[test]
fn n01_given_a_code_changed_by_hand_since_the_last_read_when_a_dry_run_is_asked_then_it_is_seen() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.pass(Duration::minutes(7));
    let share = house.codes(STUDIO)[0].id;
    let now = house.now();
    assert!(house.sims().thekeys.edit_share(now, share, |share| share.date_end = Some(day(3, 20))));
    let scope = Scope::Stay(house.booking_id(id));
    let mut seen = std::sync::Mutex::new(Vec::new());
    let tenant = house.engine.tenant(&tenant_slug()).unwrap().clone();
    let draft =
        block_on(house.engine.draft(&tenant, &scope, &|step| seen.lock().unwrap().push(step))).unwrap();
    assert_eq!(words(&draft), ["replace"]);
    let expected = [
        Looking::Source(IntegrationName::parse("smoobu").unwrap()),
        Looking::Door(door_id(STUDIO)),
        Looking::Stays { done: 0, of: 1 },
        Looking::Stays { done: 1, of: 1 },
    ];
    assert_eq!(*seen.get_mut().unwrap(), expected);
}

#[test]
fn n02_given_a_linked_code_whose_digits_change_after_the_review_when_it_is_applied_then_it_is_refused() {
    let house = observed();
    let code = plant(&house, "somebody", None, (day(3, 5), day(3, 8)), "4821");
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    assert_eq!(link(&house, code, &house.booking_id(id)), Ok(()));
    let draft = draft(&house, &Scope::Tenant);
    assert_eq!(words(&draft)[0], "adopt");
    house.pass(Duration::seconds(1));
    let now = house.now();
    assert!(house.sims().thekeys.edit_share(now, code, |share| share.code = "9999".into()));
    let _ = codes(&house);
    let _ = apply(&house, &draft.id);
    let record = &block_on(house.engine.reviewed(&tenant_slug(), &draft.id)).unwrap()[0];
    assert_eq!(record.state, PlanState::Refused, "{:?}", record.moved);
    assert_eq!(house.writes(), (0, 0, 0));
}
