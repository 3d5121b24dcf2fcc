//! The control API, without a socket.

mod common;

use common::{World, request, seen};
use http::Method;
use serde_json::{Value, json};

fn order(world: &mut World, method: Method, path: &str, body: &str) -> (u16, Value) {
    let now = world.now;
    seen(Some(world.sim.control(now, &request(method, &format!("/control{path}"), body))))
}

#[test]
fn a_booking_from_outside() {
    let mut world = World::new();
    let stay = r#"{"apartment":1,"arrival":"2027-03-01","departure":"2027-03-04","language":"de"}"#;
    let (status, made) = order(&mut world, Method::POST, "/smoobu/bookings", stay);
    assert_eq!((status, &made["id"]), (201, &json!(90_000_001)));
    let path = "/smoobu/bookings/90000001";
    order(&mut world, Method::PATCH, path, r#"{"departure":"2027-03-05","phone":null}"#);
    let (_, booking) = order(&mut world, Method::GET, path, "");
    assert_eq!((&booking["departure"], &booking["phone"]), (&json!("2027-03-05"), &json!(null)));
    assert_eq!(booking["language"], "de");
    order(&mut world, Method::POST, "/smoobu/webhooks/mode", r#"{"mode":{"delayed":30},"next":1}"#);
    order(&mut world, Method::POST, &format!("{path}/cancel"), "");
    assert_eq!(world.actions(), ["newReservation", "updateReservation"]);
    world.pass(30);
    assert_eq!(world.actions(), ["cancelReservation"]);
}

#[test]
fn every_route_answers() {
    let mut world = World::new();
    let mut check = |method: Method, path: &str, body: &str, expected: u16| {
        let (status, answer) = order(&mut world, method, path, body);
        assert_eq!(status, expected, "{path}: {answer}");
    };
    let (get, post, delete, patch) = (Method::GET, Method::POST, Method::DELETE, Method::PATCH);
    check(post.clone(), "/smoobu/apartments", r#"{"id":5,"name":"B","time_zone":"Europe/Paris"}"#, 201);
    check(post.clone(), "/smoobu/apartments", r#"{"id":5,"name":"B","time_zone":"Nowhere"}"#, 400);
    check(
        post.clone(),
        "/smoobu/bookings",
        r#"{"apartment":1,"arrival":"2027-03-01","departure":"2027-03-04"}"#,
        201,
    );
    check(post.clone(), "/smoobu/bookings", r#"{"flat":1}"#, 400);
    check(post.clone(), "/smoobu/blocks", r#"{"apartment":1,"from":"2027-04-01","to":"2027-04-03"}"#, 201);
    check(post.clone(), "/smoobu/events", r#"{"update_rates":1}"#, 201);
    check(post.clone(), "/smoobu/settings", r#"{"webhook_targets":["http://127.0.0.1:9/hook"]}"#, 201);
    check(post.clone(), "/smoobu/bookings/90000001/guest-message", r#"{"text":"Hello"}"#, 201);
    check(post.clone(), "/smoobu/bookings/90000001/online-check-in", r#"{"check_in":"14:00"}"#, 201);
    check(post.clone(), "/smoobu/bookings/90000001/reissue", r#"{"old":"cancelled_later"}"#, 201);
    check(post.clone(), "/smoobu/bookings/90000001/reinstate", "", 201);
    check(delete.clone(), "/smoobu/bookings/90000001", "", 200);
    check(delete.clone(), "/smoobu/bookings/90000001", "", 404);
    check(get.clone(), "/smoobu/bookings/x", "", 400);
    check(post.clone(), "/smoobu/webhooks/mode", r#"{"mode":"held"}"#, 201);
    check(post.clone(), "/smoobu/webhooks/release", r#"{"order":{"only":[0]}}"#, 201);
    check(get.clone(), "/smoobu/webhooks", "", 200);
    check(get.clone(), "/smoobu/placeholders", "", 200);
    let lock = r#"{"id":7,"time_zone":"Europe/Paris","accessories":[{"id":42,"id_accessoire":"Keypad07"}]}"#;
    check(post.clone(), "/thekeys/locks", lock, 201);
    check(
        patch.clone(),
        "/thekeys/locks/7",
        r#"{"sync_delay_seconds":60,"offline_for_seconds":5,"capacity":3}"#,
        200,
    );
    check(patch.clone(), "/thekeys/locks/7", r#"{"sync_delay_seconds":-1}"#, 400);
    check(patch, "/thekeys/locks/8", "{}", 404);
    check(
        post.clone(),
        "/thekeys/locks/7/shares",
        r#"{"id_accessoire":"Keypad07","code":"0042","active":true}"#,
        201,
    );
    check(get.clone(), "/thekeys/locks/7/codes", "", 200);
    check(get.clone(), "/thekeys/would-open?lock=7&keypad=Keypad07&typed=0042", "", 200);
    check(get.clone(), "/thekeys/would-open?lock=7", "", 400);
    check(post.clone(), "/thekeys/shares/700001/forget-at-door", "", 201);
    check(delete.clone(), "/thekeys/shares/700001", "", 200);
    check(post.clone(), "/thekeys/kill-tokens", "", 201);
    check(post.clone(), "/thekeys/settings", r#"{"hour_shape":"text","token_lifetime_seconds":60}"#, 201);
    check(post.clone(), "/serwersms/settings", r#"{"error_style":"html"}"#, 201);
    check(
        post.clone(),
        "/serwersms/reports",
        r#"{"suffix":"01","stages":[{"after_seconds":0,"status":"sent"}]}"#,
        201,
    );
    check(get.clone(), "/guests/sms", "", 200);
    check(get.clone(), "/guests/sms/%2B48600000001/received", "", 200);
    check(get.clone(), "/guests/bookings/90000001/received", "", 200);
    check(post.clone(), "/faults", r#"{"vendor":"smoobu","kind":{"status":[500,"oops"]},"times":1}"#, 201);
    check(
        post.clone(),
        "/faults",
        r#"{"vendor":"thekeys","matcher":{"operation":"create_code"},"kind":"drop_after"}"#,
        201,
    );
    check(post.clone(), "/faults", r#"{"vendor":"smoobu","kind":{"delay":1.5}}"#, 201);
    check(post, "/faults", r#"{"vendor":"smoobu","kind":"explode"}"#, 400);
    check(get.clone(), "/faults", "", 200);
    check(delete.clone(), "/faults/1", "", 200);
    check(delete.clone(), "/faults/1", "", 404);
    check(delete.clone(), "/faults", "", 200);
    check(get.clone(), "/log?vendor=smoobu&operation=me", "", 200);
    check(get.clone(), "/log?vendor=nobody", "", 400);
    check(delete, "/log", "", 200);
    check(get, "/nowhere", "", 404);
}
