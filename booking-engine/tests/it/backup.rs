//! K02, K03, J10: codes that are on a door before anybody needs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use booking_core::conformance::{On, Planted, Trouble, block_on};
use booking_core::store::{CodeState, Kind, Places, Record, Tx, WorkKey, Write};
use booking_core::{DoorId, DoorRules, ListedCode, Listing, Proof, StayDates, VendorCodeId};
use booking_engine::Brake;
use chrono::{DateTime, Duration, Utc};

use crate::house::{day, local, naive, tenant_slug};
use crate::inn::{Entrance, Inn, Layout, digits, entrance, key};
use crate::watched::Watched;

fn layout(codes: u8, rules: DoorRules) -> Layout {
    Layout { doors: vec![Entrance { backup_codes: codes, ..entrance("flat") }], ..Layout::flat(rules) }
}

/// Backup codes on the flat's keypad that nobody has.
fn pool(inn: &Inn) -> Vec<String> {
    inn.on("flat").iter().filter(|code| code.note.contains("Staykey#")).map(digits).collect()
}

fn offline(inn: &Inn) {
    inn.lock().plant(Planted::new(Trouble::NoAnswer).on_door(key("flat")));
}

fn confirmed() -> DoorRules {
    let mut rules = DoorRules::new(4);
    rules.highest_proof = Proof::Confirmed;
    rules
}

/// An inn of two backup codes, with a stay of 3 March that was booked after its door went off.
fn waiting(codes: u8) -> Inn {
    let inn = Inn::new(layout(codes, DoorRules::new(4)));
    offline(&inn);
    inn.clock.advance(std::time::Duration::from_secs(660));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    inn
}

fn ends(codes: &[ListedCode]) -> Vec<chrono::NaiveDateTime> {
    codes.iter().filter_map(|code| code.end).collect()
}

#[test]
fn k02_the_pool_is_made_and_proven_at_the_start_and_bothers_nobody() {
    let mut brake = Brake::default();
    brake.least = 0;
    brake.share = 0.0;
    let inn = Inn::new(Layout { brake, ..layout(3, DoorRules::new(4)) });
    let codes = pool(&inn);
    assert_eq!(codes.len(), 3);
    assert!(codes.iter().all(|code| inn.opens("flat", code, inn.now())));
    let done = inn.done();
    let inn = inn.restarted(|_| {});
    inn.pass(Duration::days(3));
    assert_eq!((pool(&inn), inn.done()), (codes.clone(), done));
    // Fewer are wanted: the brake has nothing against it.
    let inn = inn.restarted(|layout| layout.doors[0].backup_codes = 1);
    assert_eq!(pool(&inn).len(), 1);
    let inn = inn.restarted(|layout| layout.doors[0].backup_codes = 0);
    inn.pass(Duration::hours(2));
    assert!(pool(&inn).is_empty());
    assert!(inn.trouble().is_empty() && inn.guests.sent().is_empty() && inn.desk.sent().is_empty());
    let inn = inn.restarted(|layout| layout.doors[0].backup_codes = 2);
    assert_eq!(pool(&inn).len(), 2);
}

#[test]
fn k02_a_door_that_is_off_near_arrival_costs_one_backup_code_and_only_that_is_told() {
    let inn = waiting(2);
    let before = pool(&inn);
    inn.pass_until(local(3, 3, 12, 50));
    assert!(inn.told("1").is_empty());
    inn.pass_until(local(3, 3, 13, 10));
    let told = inn.told("1");
    assert_eq!(told.len(), 1);
    let given: Vec<_> = before.iter().filter(|code| told[0].contains(*code)).collect();
    assert_eq!(given.len(), 1, "J10: only the backup code is named");
    assert!(inn.opens("flat", given[0], local(3, 3, 15, 0)));
    assert_eq!((inn.noted("1", "backup-issued"), inn.desk("backup-issued")), (1, 1));
    inn.pass_until(local(3, 4, 12, 0));
    assert!(inn.trouble().contains(&"backup-issued".to_owned()));
    assert_eq!((inn.told("1").len(), inn.desk("backup-issued")), (1, 1));

    // The door is back: the code gets the stay's window and name, the first one is not made, the pool is refilled.
    inn.lock().mend();
    inn.pass(Duration::hours(1));
    let codes = inn.codes("flat", "1");
    assert_eq!((digits(&codes[0]), ends(&codes)), (given[0].clone(), vec![naive(3, 6, 12)]));
    assert_eq!(codes[0].name, "Ada Example");
    let after = pool(&inn);
    assert_eq!(after.len(), 2);
    assert!(!after.contains(given[0]), "a code that was given away is in the pool again");
    assert_eq!(inn.live("1").len(), 1, "{:?}", inn.live("1"));
    assert_eq!(inn.told("1").len(), 1);
    // A later change is proven before it is told, as with any code.
    inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Reads));
    inn.clock.advance(std::time::Duration::from_secs(660));
    inn.until("1", day(3, 7));
    assert_eq!(inn.told("1").len(), 1);
    inn.lock().mend();
    inn.pass(Duration::hours(1));
    assert_eq!((inn.told("1").len(), ends(&inn.codes("flat", "1"))), (2, vec![naive(3, 7, 12)]));
    inn.pass_until(local(3, 7, 13, 0));
    assert_eq!((inn.codes("flat", "1").len(), pool(&inn).len()), (0, 2));
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
}

#[test]
fn j10_the_first_code_whose_fate_was_open_is_looked_for_and_goes() {
    for lost in [Trouble::AnswerLost, Trouble::NoAnswer] {
        let inn = Inn::new(layout(1, DoorRules::new(4)));
        let codes = pool(&inn);
        inn.lock().plant(Planted::new(lost).on(On::Writes).times(1));
        offline(&inn);
        inn.clock.advance(std::time::Duration::from_secs(300));
        inn.book("1", "flat", day(3, 1), day(3, 6));
        inn.pass_until(local(3, 1, 15, 0));
        assert!(inn.told("1")[0].contains(&codes[0]), "{lost:?}");
        inn.lock().mend();
        inn.pass(Duration::hours(1));
        assert_eq!(inn.pin("flat", "1"), codes[0], "{lost:?}");
        assert_eq!((pool(&inn).len(), inn.on("flat").len(), inn.told("1").len()), (1, 2, 1), "{lost:?}");
    }
}

#[test]
fn k02_a_cloud_that_lists_what_its_device_never_gets_costs_a_backup_code_too() {
    let mut layout = layout(2, confirmed());
    layout.policy.proof = Proof::Confirmed;
    let inn = Inn::new(layout);
    let codes = pool(&inn);
    assert_eq!(codes.len(), 2);
    inn.lock().set_device_lag(None);
    inn.clock.advance(std::time::Duration::from_secs(300));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    inn.pass_until(local(3, 3, 12, 55));
    assert_eq!((inn.told("1").len(), inn.codes("flat", "1").len()), (0, 1));
    inn.pass_until(local(3, 3, 15, 0));
    let told = inn.told("1");
    assert_eq!(told.len(), 1);
    assert!(codes.iter().any(|code| told[0].contains(code)), "{told:?}");
    // Its new window is not confirmed either. That is no reason to give away one more.
    inn.pass_until(local(3, 5, 12, 0));
    assert_eq!((inn.told("1").len(), inn.noted("1", "backup-issued")), (1, 1));
    inn.lock().set_device_lag(Some(Duration::zero()));
    inn.pass(Duration::hours(2));
    assert_eq!((inn.codes("flat", "1").len(), pool(&inn).len(), inn.told("1").len()), (1, 2, 1));
}

#[test]
fn k02_a_hiccup_costs_no_backup_code() {
    // A guest books an hour before arrival, and the first write, or the first read, fails once.
    for on in [On::Writes, On::Reads] {
        let inn = Inn::new(layout(1, DoorRules::new(4)));
        inn.pass_until(local(3, 2, 14, 0));
        inn.lock().plant(Planted::new(Trouble::TooMany(std::time::Duration::from_secs(20))).on(on).times(1));
        inn.clock.advance(std::time::Duration::from_secs(700));
        inn.book("1", "flat", day(3, 2), day(3, 6));
        inn.pass(Duration::minutes(10));
        assert_eq!((inn.codes("flat", "1").len(), inn.told("1").len()), (1, 1), "{on:?}");
        assert_eq!(inn.noted("1", "backup-issued"), 0, "{on:?}");
    }
}

#[test]
fn k02_a_guest_in_the_house_keeps_the_code_while_an_extension_does_not_get_through() {
    for (trouble, on) in [(Trouble::NoAnswer, On::All), (Trouble::ServerError, On::Writes)] {
        let inn = Inn::new(layout(1, DoorRules::new(4)));
        inn.book("1", "flat", day(3, 1), day(3, 5));
        let own = inn.pin("flat", "1");
        inn.pass_until(local(3, 3, 9, 0));
        inn.lock().plant(Planted::new(trouble).on(on));
        inn.until("1", day(3, 8));
        inn.pass_until(local(3, 5, 9, 0));
        assert_eq!((inn.told("1").len(), inn.noted("1", "backup-issued")), (1, 0), "{trouble:?}");
        assert!(inn.opens("flat", &own, inn.now()));
        // Only when the old end comes near, the guest needs another code.
        inn.pass_until(local(3, 5, 11, 0));
        assert_eq!(inn.noted("1", "backup-issued"), 1, "{trouble:?} {:?}", inn.alerts());
        assert_eq!(inn.told("1").len(), 2);
        inn.lock().mend();
        inn.pass(Duration::hours(2));
        assert_eq!((ends(&inn.codes("flat", "1")), pool(&inn).len()), (vec![naive(3, 8, 12)], 1));
    }
}

#[test]
fn k03_a_backup_code_that_is_gone_or_unproven_is_not_handed_out() {
    // Gone, changed, or its loss not noticed yet but doubted.
    for (harm, noticed) in [(0, true), (1, true), (2, true), (0, false), (1, false), (2, false)] {
        let inn = Inn::new(layout(2, DoorRules::new(4)));
        if !noticed {
            // It happens a moment before the code is needed: only the read of the stay itself has seen it.
            inn.pass_until(local(3, 2, 12, 0));
            inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Writes));
            inn.book("1", "flat", day(3, 2), day(3, 6));
            inn.pass_until(local(3, 2, 12, 59));
        }
        let mut codes = inn.on("flat");
        codes.sort_by_key(|code| code.name.clone());
        let (first, second) = (codes[0].clone(), digits(&codes[1]));
        // Nothing can be written, so that the harm cannot be mended.
        inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Writes));
        match harm {
            0 => assert!(inn.lock().remove(&key("flat"), &first.id)),
            1 => assert!(inn.lock().put(&key("flat"), ListedCode { active: false, ..first.clone() })),
            _ => assert!(
                inn.lock().put(&key("flat"), ListedCode { end: Some(naive(3, 4, 0)), ..first.clone() })
            ),
        }
        if noticed {
            inn.pass(Duration::hours(2));
            inn.book("1", "flat", day(3, 2), day(3, 6));
        } else {
            inn.clock.advance(std::time::Duration::from_secs(75));
        }
        inn.pass_until(local(3, 2, 15, 0));
        let told = inn.told("1");
        assert!(told.len() == 1 && told[0].contains(&second), "{harm} {noticed} {told:?}");
    }
}

#[test]
fn k03_a_pool_of_which_nothing_is_healthy_is_plain_escalation() {
    for codes in [0, 1] {
        let inn = Inn::new(layout(codes, DoorRules::new(4)));
        inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Writes));
        inn.on("flat").iter().for_each(|code| assert!(inn.lock().remove(&key("flat"), &code.id)));
        inn.pass(Duration::hours(2));
        inn.book("1", "flat", day(3, 2), day(3, 6));
        inn.pass_until(local(3, 2, 15, 0));
        assert!(inn.told("1").is_empty());
        assert!(inn.trouble().contains(&"code-not-proven".to_owned()), "{:?}", inn.alerts());
        assert!(inn.noted("1", "no-backup") <= 1, "said once");
        inn.lock().mend();
        inn.pass(Duration::hours(1));
        assert_eq!((inn.told("1").len(), inn.codes("flat", "1").len()), (1, 1));
        assert_eq!(pool(&inn).len(), usize::from(codes));
    }
}

#[test]
fn k03_a_backup_code_that_its_device_never_had_is_not_handed_out() {
    let mut layout = layout(0, confirmed());
    layout.policy.proof = Proof::Confirmed;
    let inn = Inn::new(layout);
    inn.lock().set_device_lag(None);
    let inn = inn.restarted(|layout| layout.doors[0].backup_codes = 2);
    assert_eq!(pool(&inn).len(), 2);
    inn.book("1", "flat", day(3, 2), day(3, 6));
    inn.pass_until(local(3, 2, 15, 0));
    assert_eq!((inn.told("1").len(), inn.noted("1", "backup-issued")), (0, 0));
    assert!(inn.trouble().contains(&"code-not-proven".to_owned()));
}

#[test]
fn k03_a_stay_that_outlasts_the_backup_code_does_not_get_it() {
    let inn = Inn::new(layout(1, DoorRules::new(4)));
    inn.pass(Duration::days(200));
    offline(&inn);
    inn.clock.advance(std::time::Duration::from_secs(660));
    let from = inn.now().date_naive();
    inn.book("1", "flat", from, from + Duration::days(300));
    inn.pass(Duration::hours(12));
    assert!(inn.told("1").is_empty());
    assert!(inn.trouble().contains(&"code-not-proven".to_owned()));
}

#[test]
fn k02_the_pool_does_not_run_out_of_time() {
    let inn = Inn::new(layout(1, DoorRules::new(4)));
    let code = pool(&inn).remove(0);
    for _ in 0..20 {
        inn.pass(Duration::days(40));
        assert!(inn.opens("flat", &code, inn.now() + Duration::days(20)), "{}", inn.now());
    }
}

#[test]
fn k02_the_next_code_of_the_pool_does_not_take_the_place_of_the_one_that_was_given() {
    let cases = [
        (Listing::Nothing, Trouble::ServerError),
        (Listing::Nothing, Trouble::AnswerLost),
        (Listing::Codes, Trouble::ServerError),
    ];
    for (listing, trouble) in cases {
        let mut rules = DoorRules::new(4);
        rules.listing = listing;
        let inn = Inn::new(layout(2, rules));
        let before = pool(&inn);
        inn.lock().mask_pins(true);
        inn.lock().plant(Planted::new(trouble).on(On::Writes).times(1000));
        inn.book("1", "flat", day(3, 3), day(3, 6));
        inn.pass_until(local(3, 3, 14, 55));
        inn.lock().mend();
        inn.pass_until(local(3, 3, 18, 0));
        let told = inn.told("1");
        let given = before.iter().find(|code| told.last().is_some_and(|text| text.contains(*code)));
        let given = given.unwrap_or_else(|| panic!("{listing:?} {trouble:?} {told:?}"));
        assert!(inn.opens("flat", given, local(3, 5, 12, 0)), "{listing:?} {trouble:?}");
        assert_eq!(inn.on("flat").len(), 3, "{listing:?} {trouble:?}");
    }
}

#[test]
fn k02_two_guests_get_two_codes_and_a_third_gets_none() {
    let inn = Inn::new(layout(2, DoorRules::new(4)));
    let codes = pool(&inn);
    offline(&inn);
    inn.clock.advance(std::time::Duration::from_secs(660));
    for n in 0..3 {
        inn.book(&n.to_string(), "flat", day(3, 2), day(3, 6));
    }
    inn.pass_until(local(3, 2, 15, 0));
    let told: Vec<String> = (0..3).flat_map(|n| inn.told(&n.to_string())).collect();
    assert_eq!(told.len(), 2);
    assert!(codes.iter().all(|code| told.iter().filter(|text| text.contains(code)).count() == 1), "{told:?}");
    inn.lock().mend();
    inn.pass(Duration::hours(2));
    assert_eq!((inn.on("flat").len(), inn.guests.sent().len(), pool(&inn).len()), (5, 3, 2));
}

/// Whether a change gives a backup code to a guest, or writes one that is in the pool.
fn moves_a_code(tx: &Tx) -> bool {
    tx.writes.iter().any(
        |write| matches!(write, Write::Put(record) if matches!(&**record, Record::Code(code) if code.backup)),
    )
}

#[test]
fn k02_two_hosts_never_give_one_code_to_two_guests() {
    let store = Arc::new(Watched::new());
    let inn = Inn::over(layout(1, DoorRules::new(4)), store.clone());
    let codes = pool(&inn);
    offline(&inn);
    inn.clock.advance(std::time::Duration::from_secs(660));
    ["1", "2"].iter().for_each(|text| inn.book(text, "flat", day(3, 2), day(3, 6)));
    // The other host knows since a while that the door is off, too.
    let other = inn.other_host();
    inn.pass_until(local(3, 2, 12, 50));
    ["1", "2"].iter().for_each(|text| inn.hint(text));
    block_on(other.run_due()).unwrap();
    inn.pass_until(local(3, 2, 12, 59));
    inn.clock.advance(std::time::Duration::from_secs(90));
    ["1", "2"].iter().for_each(|text| inn.hint(text));
    let issues = Arc::new(AtomicUsize::new(0));
    let seen = issues.clone();
    store.before(moves_a_code, move || {
        seen.store(block_on(other.run_due()).unwrap(), Ordering::SeqCst);
    });
    inn.pass_until(local(3, 2, 15, 0));
    assert!(issues.load(Ordering::SeqCst) > 0, "the hosts never met");
    let told: Vec<String> = ["1", "2"].iter().flat_map(|text| inn.told(text)).collect();
    assert!(told.len() == 1 && told[0].contains(&codes[0]), "{told:?}");
    let owners = ["1", "2"].iter().flat_map(|text| inn.live(text)).filter(|code| code.backup).count();
    assert_eq!(owners, 1);
}

#[test]
fn k02_the_pool_does_not_take_back_what_a_guest_was_given_meanwhile() {
    let store = Arc::new(Watched::new());
    let inn = Inn::over(layout(1, DoorRules::new(4)), store.clone());
    let code = pool(&inn).remove(0);
    // The guest's stay waits for the door; then somebody changes the backup code, which its own work would put right.
    inn.pass_until(local(3, 2, 12, 0));
    inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Writes));
    inn.book("1", "flat", day(3, 2), day(3, 6));
    inn.pass_until(local(3, 2, 12, 59));
    let slot = slot_of(&inn, &code);
    let door = WorkKey::Door(tenant_slug(), DoorId::parse("flat").unwrap());
    let due = |work: &WorkKey| Write::Due { work: work.clone(), at: inn.now(), priority: None };
    let tx = Tx { writes: vec![due(&slot), due(&door)], ..Tx::new(inn.now()) };
    let _ = block_on(inn.store.commit(tx)).unwrap();
    let mut leases = block_on(inn.engine.claim(&Places::free(10))).unwrap();
    // The other host has seen the door as it was.
    let other = inn.other_host();
    block_on(other.start()).unwrap();
    let mut changed = inn.on("flat").remove(0);
    let before = changed.clone();
    changed.active = false;
    assert!(inn.lock().put(&key("flat"), changed));
    let at = leases.iter().position(|lease| lease.work == door).unwrap();
    let _ = block_on(inn.engine.work(leases.remove(at))).unwrap();
    assert!(inn.lock().put(&key("flat"), before));
    inn.clock.advance(std::time::Duration::from_secs(90));
    let at = leases.iter().position(|lease| lease.work == slot).unwrap();
    let lease = leases.remove(at);
    store.before(moves_a_code, move || {
        block_on(other.run_due()).unwrap();
    });
    let _ = block_on(inn.engine.work(lease));
    inn.pass_until(local(3, 2, 14, 0));
    let given: Vec<_> = inn.live("1").into_iter().filter(|code| code.backup).collect();
    assert_eq!(inn.noted("1", "backup-issued"), 1);
    assert_eq!(given.len(), 1, "the pool took back what the guest was told: {:?}", inn.audit("1"));
    assert!(inn.told("1")[0].contains(&code));
}

/// The work on a backup code of these digits.
fn slot_of(inn: &Inn, code: &str) -> WorkKey {
    let rows = block_on(inn.store.rows(Kind::Code, &tenant_slug(), None, 100)).unwrap();
    let owner = rows.into_iter().find_map(|row| match row.record {
        Record::Code(record) if record.pins.as_ref().is_some_and(|pins| pins.stored.expose() == code) => {
            Some(record.stay)
        }
        _ => None,
    });
    WorkKey::Grant(tenant_slug(), owner.unwrap())
}

#[test]
fn c08_the_removal_of_a_guests_backup_code_draws_like_any_other() {
    let mut brake = Brake::default();
    (brake.least, brake.share) = (0, 0.0);
    let inn = Inn::new(Layout { brake, ..layout(1, DoorRules::new(4)) });
    offline(&inn);
    inn.clock.advance(std::time::Duration::from_secs(660));
    inn.book("1", "flat", day(3, 2), day(3, 6));
    inn.pass_until(local(3, 2, 14, 0));
    inn.lock().mend();
    inn.pass(Duration::minutes(30));
    inn.cancel("1");
    inn.pass(Duration::hours(1));
    assert_eq!(inn.codes("flat", "1").len(), 1);
    assert!(inn.trouble().contains(&"brake".to_owned()));
}

#[test]
fn b11_on_a_small_keypad_the_pool_makes_room_and_a_guests_backup_code_does_not() {
    let mut rules = DoorRules::new(4);
    rules.capacity = Some(3);
    let inn = Inn::new(layout(2, rules));
    offline(&inn);
    inn.clock.advance(std::time::Duration::from_secs(660));
    inn.book("1", "flat", day(3, 2), day(3, 20));
    inn.pass_until(local(3, 2, 14, 30));
    let given = inn.told("1").len();
    assert_eq!(given, 1);
    ["2", "3", "4"].iter().for_each(|text| inn.put(text, "flat", day(3, 3), day(3, 6)));
    inn.lock().mend();
    inn.pass(Duration::hours(2));
    assert_eq!(inn.codes("flat", "1").len(), 1);
    assert_eq!((pool(&inn).len(), inn.on("flat").len()), (0, 3));
    inn.pass_until(local(3, 7, 12, 0));
    assert_eq!((inn.codes("flat", "1").len(), pool(&inn).len()), (1, 2));
    assert!(
        inn.told("1").len() == 1
            && inn.ledger("1").iter().filter(|c| c.state == CodeState::Wanted).count() == 1
    );
}

#[test]
fn k02_a_stay_cancelled_after_it_got_a_backup_code_leaves_none_behind() {
    let inn = waiting(1);
    inn.pass_until(local(3, 3, 14, 0));
    inn.change("1", |booking| booking.dates = Ok(StayDates::new(day(3, 10), day(3, 12)).unwrap()));
    inn.cancel("1");
    inn.lock().mend();
    inn.pass(Duration::hours(2));
    assert!(inn.codes("flat", "1").is_empty() && inn.live("1").is_empty());
    assert_eq!((pool(&inn).len(), inn.on("flat").len()), (1, 1));
}

/// A door that flaps while a guest arrives: never two backup codes for one guest.
#[test]
fn k02_a_door_that_comes_and_goes_costs_at_most_one_backup_code() {
    let inn = waiting(3);
    let until: DateTime<Utc> = local(3, 3, 18, 0);
    while inn.now() < until {
        inn.pass(Duration::minutes(7));
        inn.lock().mend();
        inn.pass(Duration::seconds(5));
        inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Writes));
        inn.pass(Duration::minutes(9));
        offline(&inn);
    }
    assert!(inn.told("1").len() <= 1 && inn.noted("1", "backup-issued") <= 1, "{:?}", inn.told("1"));
}

/// A list hid it until it counted as gone: no booking's marker is on it, and the ledger knows whose it was.
#[test]
fn k02_a_guests_backup_code_that_is_there_again_is_taken_off_again() {
    let inn = waiting(1);
    inn.pass_until(local(3, 3, 14, 0));
    let [given] = &inn.on("flat")[..] else { panic!("one backup code") };
    inn.lock().remove(&key("flat"), &given.id);
    inn.pass_until(local(3, 7, 12, 0));
    inn.lock().mend();
    inn.pass(Duration::hours(2));
    assert!(inn.live("1").is_empty() && inn.noted("1", "code-removed") == 1);
    inn.lock().put(&key("flat"), given.clone());
    inn.pass(Duration::hours(2));
    assert!(inn.on("flat").iter().all(|code| code.id != given.id) && inn.noted("1", "code-back") == 1);
    assert_eq!((inn.trouble(), pool(&inn).len()), (Vec::new(), 1));
}

/// A second one of the pool, which a list had hidden: it would open the door for a year, and be nobody's.
#[test]
fn k02_a_second_code_of_a_backup_is_taken_off() {
    let inn = Inn::new(layout(2, DoorRules::new(4)));
    let codes = pool(&inn);
    let second = ListedCode { id: VendorCodeId::parse("77").unwrap(), ..inn.on("flat")[0].clone() };
    inn.lock().put(&key("flat"), second);
    assert_eq!(pool(&inn).len(), 3);
    inn.pass(Duration::hours(2));
    assert_eq!((pool(&inn), inn.trouble()), (codes, Vec::new()));
}
