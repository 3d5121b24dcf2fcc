//! The rules of The Keys, and the door behind the cloud.

mod common;

use booking_sim::thekeys::{Accessory, AccessoryKind, HourShape, Lock, Share, TokenShape};
use booking_sim::{Operation, SimConfig};
use chrono_tz::Europe::Warsaw;
use common::{World, at, day};
use http::Method;
use serde_json::json;
use std::time::Duration;

const CREATE: &str = "/fr/api/v2/partage/create/4411/accessoire/AbCd1234";
const LIST: &str = "/fr/api/v2/partage/all/serrure/4411?_format=json";
const STAY: [(&str, &str); 10] = [
    ("nom", "Ada Example"),
    ("actif", "1"),
    ("date_debut", "2027-03-01"),
    ("date_fin", "2027-03-04"),
    ("heure_debut.hour", "15"),
    ("heure_debut.minute", "0"),
    ("heure_fin.hour", "12"),
    ("heure_fin.minute", "0"),
    ("code", "0821"),
    ("description", "Smoobu#9001"),
];

fn without(field: &str) -> Vec<(&'static str, &'static str)> {
    STAY.into_iter().filter(|(name, _)| !name.starts_with(field)).collect()
}

fn with(field: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut fields = without(field);
    fields.push((field, value));
    fields
}

#[test]
fn logins() {
    let check = |shape, token: bool, access_token: bool| {
        let mut config = SimConfig::default();
        config.thekeys.token_shape = shape;
        let mut world = World::with(config);
        let (status, body) = world.login();
        assert_eq!(status, 200);
        assert_eq!((body["token"].is_string(), body["access_token"].is_string()), (token, access_token));
        assert_eq!(world.thekeys(Method::GET, LIST, &[]).0, 200);
    };
    check(TokenShape::Both, true, true);
    check(TokenShape::Token, true, false);
    check(TokenShape::AccessToken, false, true);

    let mut world = World::new();
    let wrong = common::form_post("/api/login_check", "_username=+33600000001&_password=sim-password");
    assert_eq!(common::seen(world.send(booking_sim::Vendor::TheKeys, &wrong)).0, 401, "a plus is a space");
    world.thekeys(Method::GET, LIST, &[]);
    world.pass(3600);
    let (status, body) = world.thekeys(Method::GET, LIST, &[]);
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_grant")));
}

#[test]
fn what_a_create_takes() {
    let check = |what: &str, path: &str, fields: &[(&str, &str)], http: u16, status: u64| {
        let mut world = World::new();
        world.sim.thekeys.add_lock(Lock { foreign: true, ..Lock::with_keypad(9, "Foreign9", Warsaw) });
        let (code, body) = world.thekeys(Method::POST, path, fields);
        assert_eq!((code, body["status"].as_u64()), (http, Some(status)), "{what}: {body}");
        assert_eq!(world.sim.log().applied(Operation::CreateCode), u64::from(status == 200), "{what}");
    };
    check("all", CREATE, &STAY, 200, 200);
    check("no code: the server picks", CREATE, &without("code"), 200, 200);
    check("letters", CREATE, &with("code", "12a4"), 200, 400);
    check("hour with a zero in front", CREATE, &with("heure_debut.hour", "09"), 200, 400);
    check("hour 24", CREATE, &with("heure_fin.hour", "24"), 200, 400);
    check("minute alone", CREATE, &without("heure_fin.hour"), 200, 400);
    check("French date", CREATE, &with("date_fin", "04/03/2027"), 200, 400);
    check("unknown field", CREATE, &with("prefix", "31"), 200, 400);
    check("the number of the keypad", "/fr/api/v2/partage/create/4411/accessoire/14411", &STAY, 200, 404);
    check("unknown lock", "/fr/api/v2/partage/create/1/accessoire/AbCd1234", &STAY, 200, 404);
    check("foreign lock", "/fr/api/v2/partage/create/9/accessoire/Foreign9", &STAY, 403, 403);
}

#[test]
fn what_is_read_back() {
    let check = |shape, start, end| {
        let mut config = SimConfig::default();
        config.thekeys.hour_shape = shape;
        let mut world = World::with(config);
        let (_, made) = world.thekeys(Method::POST, CREATE, &STAY);
        let (_, body) = world.thekeys(Method::GET, LIST, &[]);
        let share = &body["data"]["partages_accessoire"][0];
        assert_eq!(share["id"], made["data"]["id"]);
        assert_eq!((&share["heure_debut"], &share["heure_fin"]), (&start, &end), "{shape:?}");
        assert_eq!((&share["code"], &share["actif"]), (&json!("0821"), &json!(true)));
        assert_eq!(share["accessoire"]["id_accessoire"], "AbCd1234");
        assert_eq!(share["date_debut"], "2027-03-01");
        assert_eq!(share["description"], "Smoobu#9001");
    };
    check(HourShape::Object, json!({"hour": "15", "minute": "0"}), json!({"hour": "12", "minute": "0"}));
    check(HourShape::Text, json!("15:00"), json!("12:00"));
    check(HourShape::TextWithSeconds, json!("15:00:00"), json!("12:00:00"));
    check(HourShape::Null, json!(null), json!(null));

    let mut world = World::new();
    let (status, body) = world.thekeys(Method::GET, "/fr/api/v2/partage/all/serrure/1", &[]);
    assert_eq!((status, &body["status"], &body["data"]), (200, &json!(200), &json!(null)));
    let (_, user) = world.thekeys(Method::GET, "/fr/api/v2/utilisateur/get/%2B33600000001", &[]);
    let lock = &user["data"]["serrures"][0];
    assert_eq!((&lock["id"], &lock["timezone"]), (&json!(4411), &json!("Europe/Warsaw")));
    assert_eq!(lock["accessoires"][0]["accessoire"]["type"], 2);
}

#[test]
fn an_update_replaces_everything() {
    let check = |what: &str, fields: &[(&str, &str)], status: u64, expected: &dyn Fn(&Share) -> bool| {
        let mut world = World::new();
        let (_, made) = world.thekeys(Method::POST, CREATE, &STAY);
        let path = format!("/fr/api/v2/partage/accessoire/update/{}", made["data"]["id"]);
        let (_, body) = world.thekeys(Method::POST, &path, fields);
        assert_eq!(body["status"].as_u64(), Some(status), "{what}: {body}");
        let share = &world.sim.thekeys.codes_on(4411)[0];
        assert!(expected(share), "{what}: {share:?}");
    };
    check("the same", &STAY, 200, &|share| share.active && share.code == "0821");
    check("without actif it is off", &without("actif"), 200, &|share| !share.active);
    check("actif 0", &with("actif", "0"), 200, &|share| !share.active);
    check("without a description it has none", &without("description"), 200, &|share| {
        share.description.is_none()
    });
    check("without an end it has none", &without("date_fin"), 200, &|share| share.date_end.is_none());
    check("without code", &without("code"), 400, &|share| share.active && share.code == "0821");
}

#[test]
fn deletes() {
    let mut world = World::new();
    let (_, made) = world.thekeys(Method::POST, CREATE, &STAY);
    let path = format!("/fr/api/v2/partage/accessoire/delete/{}", made["data"]["id"]);
    assert_eq!(world.thekeys(Method::POST, &path, &[]).1["status"], 200);
    let (http, again) = world.thekeys(Method::POST, &path, &[]);
    assert_eq!((http, &again["status"]), (200, &json!(404)));
    assert_eq!(world.sim.log().seen(Operation::DeleteCode), 2);
    assert_eq!(world.sim.log().applied(Operation::DeleteCode), 1);
}

#[test]
fn strict_keypads() {
    let check = |strict: &dyn Fn(&mut Lock), second_code, status: u64| {
        let mut world = World::new();
        strict(world.sim.thekeys.lock_mut(4411).expect("the lock"));
        world.thekeys(Method::POST, CREATE, &STAY);
        let (_, body) = world.thekeys(Method::POST, CREATE, &with("code", second_code));
        assert_eq!(body["status"].as_u64(), Some(status), "{body}");
    };
    check(&|_| {}, "0821", 200);
    check(&|lock| lock.refuse_duplicates = true, "0821", 400);
    check(&|lock| lock.refuse_duplicates = true, "0822", 200);
    check(&|lock| lock.capacity = Some(1), "0822", 400);
    check(&|lock| lock.capacity = Some(2), "0822", 200);
}

#[test]
fn the_window_is_one_interval_in_local_time() {
    let mut world = World::new();
    world.thekeys(Method::POST, CREATE, &STAY);
    let check = |time: &str, typed: &str, expected: bool| {
        let opens = world.sim.thekeys.would_open(at(time), 4411, "AbCd1234", typed);
        assert_eq!(opens, expected, "{typed} at {time}");
    };
    check("2027-03-01T13:59:59Z", "310821", false);
    check("2027-03-01T14:00:00Z", "310821", true);
    check("2027-03-03T03:00:00Z", "310821", true);
    check("2027-03-04T10:59:59Z", "310821", true);
    check("2027-03-04T11:00:00Z", "310821", false);
    check("2027-03-02T12:00:00Z", "0821", false);
    check("2027-03-02T12:00:00Z", "310822", false);
    check("2027-03-02T12:00:00Z", "31", false);
    assert!(!world.sim.thekeys.would_open(at("2027-03-02T12:00:00Z"), 4411, "Other123", "310821"));
}

#[test]
fn only_keypads_take_pins() {
    let mut world = World::new();
    let gateway = Accessory {
        id: 7,
        id_accessoire: "GaTe0001".into(),
        name: "Gateway".into(),
        kind: AccessoryKind::Gateway,
    };
    world.sim.thekeys.lock_mut(4411).expect("the lock").accessories.push(gateway);
    let now = world.now;
    world
        .sim
        .thekeys
        .plant_share(now, Share::permanent(4411, "GaTe0001", "Gateway", "secret-of-the-gateway"));
    world.sim.thekeys.plant_share(now, Share::permanent(4411, "AbCd1234", "Staff", "0042"));
    let opens = |keypad, typed| world.sim.thekeys.would_open(now, 4411, keypad, typed);
    assert!(opens("AbCd1234", "310042"));
    assert!(!opens("GaTe0001", "31secret-of-the-gateway"));
    let (_, body) = world.thekeys(Method::GET, LIST, &[]);
    assert_eq!(body["data"]["partages_accessoire"].as_array().map(Vec::len), Some(2));
    assert_eq!(body["data"]["partages_accessoire"][0]["accessoire"]["type"], 1);
}

#[test]
fn changes_take_their_time_to_the_door() {
    let mut world = World::new();
    let start = world.now;
    let after = |seconds| start + chrono::Duration::seconds(seconds);
    world.sim.thekeys.lock_mut(4411).expect("the lock").sync_delay = Duration::from_secs(60);
    world.thekeys(Method::POST, CREATE, &[("nom", "A"), ("actif", "1"), ("code", "1111")]);
    let opens =
        |world: &World, seconds| world.sim.thekeys.would_open(after(seconds), 4411, "AbCd1234", "311111");
    assert!(!opens(&world, 59) && opens(&world, 60));
    // Cut off half way: the code arrives when the lock hears again, and so does its removal.
    world.pass(30);
    world.sim.thekeys.offline_until(world.now, 4411, after(600));
    assert!(!opens(&world, 599) && opens(&world, 600));
    world.pass(600);
    let now = world.now;
    world.sim.thekeys.offline_until(now, 4411, after(5000));
    assert!(world.sim.thekeys.remove_share(now, 700_001));
    assert!(opens(&world, 4999) && !opens(&world, 5000));
    assert!(world.sim.thekeys.codes_on(4411).is_empty());
    assert_eq!(world.sim.thekeys.compare(now, 4411).len(), 1, "a ghost: only the door has it");
}

#[test]
fn a_door_may_forget() {
    let mut world = World::new();
    let now = world.now;
    let id = world.sim.thekeys.plant_share(now, Share::permanent(4411, "AbCd1234", "Staff", "0042"));
    assert!(world.sim.thekeys.forget_at_door(now, id));
    assert!(!world.sim.thekeys.would_open(now, 4411, "AbCd1234", "310042"));
    assert_eq!(world.sim.thekeys.codes_on(4411).len(), 1);
    assert!(world.sim.thekeys.edit_share(now, id, |share| share.date_start = Some(day(3, 1))));
    assert!(world.sim.thekeys.would_open(at("2027-03-01T12:00:00Z"), 4411, "AbCd1234", "310042"));
}
