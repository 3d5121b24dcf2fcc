//! Smoobu's rules.

mod common;

use booking_sim::smoobu::{
    AccountEvent, BookingPatch, NewBooking, OldId, Release, WebhookMode, sign_request,
};
use booking_sim::{SimConfig, Vendor};
use bytes::Bytes;
use common::{World, day, request, seen};
use http::{Method, Request};
use std::time::Duration;

const NONCE: &str = "11111111-2222-4333-8444-555555555555";

#[test]
fn who_may_call() {
    let check = |what: &str, legacy: bool, change: &dyn Fn(&mut Request<Bytes>), expected: u16| {
        let mut config = SimConfig::default();
        config.smoobu.accept_legacy_key = legacy;
        let mut world = World::with(config);
        let mut request = request(Method::GET, "/api/reservations?page=1&pageSize=100", "");
        sign_request(&mut request, "usr_live_sim", "sim-secret", world.now, NONCE);
        change(&mut request);
        let (status, body) = seen(world.send(Vendor::Smoobu, &request));
        assert_eq!(status, expected, "{what}: {body}");
        if status == 401 {
            assert_eq!(body["title"], "Unauthorized", "{what}");
        }
    };
    let set = |request: &mut Request<Bytes>, name: &'static str, value: &str| {
        request.headers_mut().insert(name, value.parse().expect("a header"));
    };
    let late = |minutes: i64| {
        move |request: &mut Request<Bytes>| {
            let at = World::new().now + chrono::Duration::minutes(minutes);
            sign_request(request, "usr_live_sim", "sim-secret", at, NONCE);
        }
    };
    let resign = |target: &'static str| {
        move |request: &mut Request<Bytes>| {
            *request.uri_mut() = target.parse().expect("an address");
            sign_request(request, "usr_live_sim", "sim-secret", World::new().now, NONCE);
        }
    };
    check("signed", false, &|_| {}, 200);
    check("behind the prefix of the server", false, &resign("/smoobu/api/reservations"), 200);
    check("another signature", false, &|r| set(r, "x-signature", "AAAA"), 401);
    check("another key", false, &|r| set(r, "x-api-key", "usr_live_other"), 401);
    check(
        "a nonce that was not signed",
        false,
        &|r| set(r, "x-nonce", "21111111-2222-4333-8444-555555555555"),
        401,
    );
    check("no UUID", false, &|r| sign_request(r, "usr_live_sim", "sim-secret", World::new().now, "abc"), 401);
    check("wrong secret", false, &|r| sign_request(r, "usr_live_sim", "other", World::new().now, NONCE), 401);
    check("5 minutes late", false, &late(-5), 200);
    check("5 minutes early", false, &late(5), 200);
    check("6 minutes late", false, &late(-6), 401);
    check("6 minutes early", false, &late(6), 401);
    check("query not sorted", false, &resign("/api/reservations?pageSize=100&page=1"), 401);
    check("query not encoded", false, &resign("/api/reservations?a=b[]"), 401);
    check("another path than signed", false, &|r| *r.uri_mut() = "/api/me".parse().expect("an address"), 401);
    check("no credentials", false, &|r| r.headers_mut().clear(), 401);
    let legacy = |r: &mut Request<Bytes>| {
        r.headers_mut().clear();
        set(r, "api-key", "usr_live_sim");
    };
    check("legacy key, off", false, &legacy, 401);
    check("legacy key, on", true, &legacy, 200);
}

#[test]
fn a_nonce_is_good_once() {
    let mut world = World::new();
    let mut request = request(Method::GET, "/api/me", "");
    sign_request(&mut request, "usr_live_sim", "sim-secret", world.now, NONCE);
    assert_eq!(seen(world.send(Vendor::Smoobu, &request)).0, 200);
    assert_eq!(seen(world.send(Vendor::Smoobu, &request)).0, 401);
}

#[test]
fn seven_hundred_calls_a_minute() {
    let mut world = World::new();
    world.pass(10);
    for _ in 0..700 {
        assert_eq!(world.smoobu(Method::GET, "/api/me", "").0, 200);
    }
    let nonce = world.nonce();
    let mut over = request(Method::GET, "/api/me", "");
    sign_request(&mut over, "usr_live_sim", "sim-secret", world.now, &nonce);
    let response = world.send(Vendor::Smoobu, &over).expect("an answer");
    assert_eq!(response.status(), 429);
    let hint = response.headers()["x-ratelimit-retry-after"].to_str().expect("text");
    assert_eq!(hint.parse::<i64>().expect("a number"), world.now.timestamp() + 50);
    assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    world.pass(50);
    assert_eq!(world.smoobu(Method::GET, "/api/me", "").0, 200);
}

#[test]
fn pages_and_filters() {
    let mut world = World::new();
    let now = world.now;
    for place in 0..60_u32 {
        let stay = NewBooking::stay(1 + u64::from(place % 2), day(3, 1 + place % 20), day(3, 4 + place % 20));
        world.sim.smoobu.create_booking(now, stay);
    }
    let block = world.sim.smoobu.block(now, 1, day(5, 1), day(5, 3));
    world.pass(86_400);
    let now = world.now;
    world.sim.smoobu.cancel(now, 90_000_001);
    let mut check = |query: &str, items: u64, shown: usize| {
        let target =
            if query.is_empty() { "/api/reservations".into() } else { format!("/api/reservations?{query}") };
        let (status, body) = world.smoobu(Method::GET, &target, "");
        assert_eq!(status, 200, "{query}: {body}");
        let bookings = body["bookings"].as_array().expect("bookings");
        assert_eq!((body["total_items"].as_u64(), bookings.len()), (Some(items), shown), "{query}");
        bookings.first().map(|first| first["id"].as_u64().expect("an id"))
    };
    check("", 60, 25);
    check("pageSize=500", 60, 60);
    let first = check("page=1&pageSize=50", 60, 50);
    assert_eq!(check("page=0&pageSize=50", 60, 50), first);
    assert_ne!(check("page=2&pageSize=50", 60, 10), first);
    check("page=3&pageSize=50", 60, 0);
    check("pageSize=100&showCancellation=true", 61, 61);
    check("excludeBlocked=1&pageSize=100", 59, 59);
    assert_eq!(check("arrivalFrom=2027-05-01", 1, 1), Some(block));
    check("apartmentId=2&arrivalFrom=2027-03-02&arrivalTo=2027-03-02", 3, 3);
    check("departureFrom=2027-03-23", 4, 4);
    check("departureTo=2027-03-04&pageSize=100&showCancellation=true", 3, 3);
    check("modifiedFrom=2027-02-02&showCancellation=true", 1, 1);
    check("modifiedFrom=2027-02-02", 0, 0);
    check("modifiedTo=2027-02-01&pageSize=100", 60, 60);
}

#[test]
fn shapes_of_refusals() {
    let mut world = World::new();
    let now = world.now;
    let id = world.sim.smoobu.create_booking(now, NewBooking::stay(1, day(3, 1), day(3, 4)));
    let send = format!("/api/reservations/{id}/messages/send-message-to-guest");
    let mut check = |method, target: &str, body: &str, expected| {
        let (status, answer) = world.smoobu(method, target, body);
        assert_eq!(status, expected, "{target}: {answer}");
        if status >= 400 {
            assert!(answer["detail"].is_string(), "{target}");
        }
    };
    check(Method::GET, "/api/reservations/1", "", 404);
    check(Method::GET, "/api/reservations/xyz", "", 404);
    check(Method::GET, "/api/apartments/9", "", 404);
    check(Method::GET, "/api/nowhere", "", 404);
    check(Method::GET, "/api/reservations?arrivalFrom=tomorrow", "", 422);
    check(Method::GET, "/api/reservations?page=one", "", 422);
    check(Method::POST, &send, "{}", 422);
    check(Method::POST, &send, "no JSON", 422);
    check(Method::POST, &send, r#"{"messageBody":"Hello"}"#, 201);
    let placeholder = format!(r#"{{"key":"pin","defaultValue":"314821","type":1,"foreignId":{id}}}"#);
    check(Method::POST, "/api/custom-placeholders", &placeholder, 201);
    check(Method::POST, "/api/custom-placeholders", &placeholder, 400);
    check(Method::GET, &format!("/api/reservations/{id}/placeholders"), "", 200);
    check(Method::GET, "/api/apartments/1", "", 200);
}

#[test]
fn threads() {
    let mut world = World::new();
    let now = world.now;
    let id = world.sim.smoobu.create_booking(now, NewBooking::stay(1, day(3, 1), day(3, 4)));
    world.actions();
    let base = format!("/api/reservations/{id}/messages");
    world.smoobu(Method::POST, &format!("{base}/send-message-to-guest"), r#"{"messageBody":"Code 31"}"#);
    world.smoobu(
        Method::POST,
        &format!("{base}/send-message-to-host"),
        r#"{"messageBody":"x","internal":true}"#,
    );
    let sent = world.sim.take_webhooks(world.now);
    assert!(sent[0].body.contains(r#""sender":"host""#) && sent[0].body.contains("newMessage"));
    world.sim.smoobu.guest_writes(world.now, id, "Thanks");
    let told: Vec<String> =
        world.sim.smoobu.guest_messages(id).into_iter().map(|message| message.text).collect();
    assert_eq!(told, ["Code 31"]);
    let (_, all) = world.smoobu(Method::GET, &base, "");
    let kinds: Vec<i64> =
        all["messages"].as_array().expect("messages").iter().filter_map(|m| m["type"].as_i64()).collect();
    assert_eq!(kinds, [2, 2, 1]);
    let (_, theirs) = world.smoobu(Method::GET, &format!("{base}?onlyRelatedToGuest=true"), "");
    assert_eq!(theirs["total_items"], 2);
}

#[test]
fn webhooks_for_everything_that_happens() {
    let mut world = World::new();
    let now = world.now;
    let smoobu = &mut world.sim.smoobu;
    let id = smoobu.create_booking(now, NewBooking::stay(1, day(3, 1), day(3, 4)));
    smoobu.update_booking(
        now,
        id,
        BookingPatch { apartment: Some(2), phone: Some(None), ..Default::default() },
    );
    smoobu.online_check_in(
        now,
        id,
        BookingPatch { check_in: Some(Some("14:00".into())), ..Default::default() },
    );
    smoobu.account_event(now, &AccountEvent::PriceElementCreated(id));
    smoobu.account_event(now, &AccountEvent::UpdateRates(1));
    smoobu.account_event(now, &AccountEvent::DeleteTimelineEvent(id));
    let new = smoobu.reissue_id(now, id, OldId::Cancelled).expect("a new id");
    smoobu.delete(now, new);
    let expected = [
        "newReservation",
        "updateReservation",
        "onlineCheckInUpdate",
        "priceElementCreated",
        "updateRates",
        "deleteTimelineEvent",
        "cancelReservation",
        "newReservation",
        "deleteReservation",
    ];
    assert_eq!(world.actions(), expected);
    let old = world.sim.smoobu.booking(id).expect("still there");
    assert!(old.cancelled && old.data.apartment == 2 && old.data.phone.is_none());
    let (status, body) = world.smoobu(Method::GET, &format!("/api/reservations/{id}"), "");
    assert_eq!((status, body["type"].as_str()), (200, Some("cancellation")));
    assert_eq!(world.smoobu(Method::GET, &format!("/api/reservations/{new}"), "").0, 404);
}

#[test]
fn webhooks_that_go_astray() {
    let check = |mode: WebhookMode, at_once: usize, later: usize| {
        let mut world = World::new();
        world.sim.smoobu.next_webhook(mode.clone());
        world.sim.smoobu.create_booking(world.now, NewBooking::stay(1, day(3, 1), day(3, 4)));
        assert_eq!(world.actions().len(), at_once, "{mode:?}");
        world.pass(60);
        assert_eq!(world.actions().len(), later, "{mode:?}");
    };
    check(WebhookMode::Normal, 1, 0);
    check(WebhookMode::Lost, 0, 0);
    check(WebhookMode::Doubled, 2, 0);
    check(WebhookMode::Delayed(Duration::from_secs(60)), 0, 1);
    check(WebhookMode::Delayed(Duration::from_secs(61)), 0, 0);
    check(WebhookMode::Held, 0, 0);
}

#[test]
fn held_webhooks_come_in_any_order() {
    let check = |order: Release, expected: &[&str], left: usize| {
        let mut world = World::new();
        let now = world.now;
        world.sim.smoobu.set_webhook_mode(WebhookMode::Held);
        let id = world.sim.smoobu.create_booking(now, NewBooking::stay(1, day(3, 1), day(3, 4)));
        world.sim.smoobu.update_booking(now, id, BookingPatch::default());
        world.sim.smoobu.cancel(now, id);
        world.sim.smoobu.release_webhooks(now, &order);
        assert_eq!(world.actions(), expected, "{order:?}");
        assert_eq!(world.sim.smoobu.held_webhooks().len(), left, "{order:?}");
    };
    check(Release::InOrder, &["newReservation", "updateReservation", "cancelReservation"], 0);
    check(Release::Reversed, &["cancelReservation", "updateReservation", "newReservation"], 0);
    check(Release::Only(vec![2, 0, 0, 9]), &["cancelReservation", "newReservation"], 1);
}
