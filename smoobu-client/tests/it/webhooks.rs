//! Webhooks: what each action gives, and that nothing gives a panic.

use std::net::IpAddr;

use booking_core::signature::SignatureError;
use booking_core::{
    BookingKind, BookingStatus, Dedup, Delivery, Event, ExternalId, RawRequest, Refusal, Secret,
    WebhookReceiver,
};
use booking_sim::smoobu::{AccountEvent, BookingPatch};
use http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Value, json};
use smoobu_client::{SmoobuConfig, SmoobuWebhooks, WebhookPayload};

use crate::world::{World, day, stay};

const PATH_SECRET: &str = "9f8a2c";

fn config() -> SmoobuConfig {
    let mut config = SmoobuConfig::default();
    config.webhook_path_secrets = vec![Secret::new(PATH_SECRET), Secret::new("last-year")];
    config
}

fn trusting() -> SmoobuConfig {
    let mut config = config();
    config.webhook_payload = WebhookPayload::Trust;
    config
}

fn request<'a>(
    method: &'a Method,
    headers: &'a HeaderMap,
    path_secret: Option<&'a str>,
    body: &'a [u8],
) -> RawRequest<'a> {
    RawRequest {
        method,
        url: "https://keys.example.org/hook",
        topic: None,
        path_secret,
        query: None,
        headers,
        body,
        peer: Some(IpAddr::from([192, 0, 2, 17])),
        now: "2027-03-01T12:00:00Z".parse().unwrap(),
    }
}

fn receive(config: &SmoobuConfig, body: &[u8]) -> Result<Delivery, Refusal> {
    let headers = HeaderMap::new();
    SmoobuWebhooks::new(config).unwrap().receive(&request(&Method::POST, &headers, Some(PATH_SECRET), body))
}

fn hint(id: &str, deleted: bool) -> Vec<Event> {
    vec![Event::Hint { reference: ExternalId::parse(id).unwrap(), deleted }]
}

fn reservation() -> Value {
    json!({
        "id": 90_000_001, "type": "reservation", "arrival": "2027-03-01", "departure": "2027-03-04",
        "modifiedAt": "2027-01-11 10:00:00", "apartment": {"id": 500_001, "name": "Studio A"},
        "channel": {"id": 13}, "guest-name": "Ada Example", "phone": "+48600000001", "is-blocked-booking": false,
    })
}

#[test]
fn what_each_action_tells() {
    #[track_caller]
    fn check(body: Value, action: &str, events: Vec<Event>) {
        let text = body.to_string();
        for config in [config(), trusting()] {
            let delivery = receive(&config, text.as_bytes()).unwrap();
            assert_eq!((delivery.action, &delivery.events), (action, &events), "{text}");
            assert_eq!((delivery.reply.status, delivery.reply.body), (200, json!({"success": true})));
        }
    }
    for action in ["newReservation", "updateReservation", "cancelReservation"] {
        check(
            json!({"action": action, "user": 77, "data": {"id": 90_000_001}}),
            action,
            hint("90000001", false),
        );
        check(
            json!({"action": action, "data": {"id": "90000001", "arrival": 5}}),
            action,
            hint("90000001", false),
        );
        check(json!({"action": action, "data": null, "booking": {"id": 12}}), action, hint("12", false));
    }
    check(
        json!({"action": "deleteReservation", "user": 77, "data": {"id": 90_000_001}}),
        "deleteReservation",
        hint("90000001", true),
    );
    check(
        json!({"action": "onlineCheckInUpdate", "user": 77, "data": {"bookingId": 90_000_001}}),
        "onlineCheckInUpdate",
        hint("90000001", false),
    );
    check(
        json!({"action": "newMessage", "user": 77, "data": {"id": 555, "sender": "host", "booking": {"id": 90_000_001}}}),
        "newMessage",
        vec![],
    );
    for action in [
        "priceElementCreated",
        "priceElementUpdated",
        "priceElementDeleted",
        "updateRates",
        "newTimelineEvent",
        "deleteTimelineEvent",
    ] {
        check(json!({"action": action, "user": 77, "data": {"id": 4, "booking": {"id": 5}}}), action, vec![]);
        check(json!({"action": action}), action, vec![]);
    }
    for action in ["modifiedReservation", "cancelledReservation", "newreservation", "unknown", ""] {
        check(json!({"action": action, "data": reservation(), "booking": reservation()}), "unknown", vec![]);
    }
}

#[test]
fn a_trusted_whole_booking_is_a_snapshot() {
    let snapshot = |action: &str, data: Value| {
        let body = json!({"action": action, "data": data}).to_string();
        match receive(&trusting(), body.as_bytes()).unwrap().events.remove(0) {
            Event::Snapshot(booking) => Some((booking.kind, booking.status)),
            _ => None,
        }
    };
    let with = |field: &str, value: Value| {
        let mut data = reservation();
        data[field] = value;
        data
    };
    use BookingKind::{Block, Stay};
    use BookingStatus::{Cancelled, Confirmed};
    assert_eq!(snapshot("newReservation", reservation()), Some((Stay, Confirmed)));
    // The two ways in which a booking is cancelled.
    assert_eq!(snapshot("cancelReservation", reservation()), Some((Stay, Cancelled)));
    assert_eq!(snapshot("updateReservation", with("type", json!("cancellation"))), Some((Stay, Cancelled)));
    assert_eq!(snapshot("newReservation", with("is-blocked-booking", json!(true))), Some((Block, Confirmed)));
    // Less than a whole booking is asked for again.
    assert_eq!(snapshot("updateReservation", with("departure", json!("2027-02-01"))), None);
    assert_eq!(snapshot("updateReservation", with("arrival", json!(null))), None);
    assert_eq!(snapshot("updateReservation", with("apartment", json!(null))), None);
    assert_eq!(snapshot("updateReservation", with("type", json!([]))), None);
    assert_eq!(snapshot("onlineCheckInUpdate", with("bookingId", json!(1))), None);
}

#[test]
fn what_is_no_webhook_of_smoobus_is_refused() {
    for (body, problem) in [
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("{}{}", "not a JSON object"),
        ("{}", "no action"),
        (r#"{"action": 5}"#, "no action"),
        (r#"{"action": "newReservation"}"#, "no data"),
        (r#"{"action": "newReservation", "id": 5}"#, "no data"),
        (r#"{"action": "newReservation", "data": [5]}"#, "the reservation is not an object"),
        (r#"{"action": "newReservation", "data": {}}"#, "no readable booking id"),
        (r#"{"action": "updateReservation", "data": {"id": "../me"}}"#, "no readable booking id"),
        (r#"{"action": "deleteReservation", "data": {"id": null}}"#, "no readable booking id"),
        (r#"{"action": "onlineCheckInUpdate", "data": {"id": 5}}"#, "no readable booking id"),
    ] {
        assert_eq!(receive(&config(), body.as_bytes()), Err(Refusal::Malformed(problem)), "{body}");
    }
}

#[test]
fn who_may_send() {
    let body = br#"{"action": "deleteReservation", "data": {"id": 5}}"#;
    let headers = HeaderMap::new();
    let ask = |config: &SmoobuConfig, method: &Method, secret: Option<&str>| {
        let received = SmoobuWebhooks::new(config).unwrap().receive(&request(method, &headers, secret, body));
        received.map(|delivery| delivery.events).map_err(|refusal| refusal.status())
    };
    let both = config();
    assert_eq!(ask(&both, &Method::POST, Some(PATH_SECRET)), Ok(hint("5", true)));
    assert_eq!(ask(&both, &Method::POST, Some("last-year")), Ok(hint("5", true)));
    assert_eq!(ask(&both, &Method::POST, Some("9f8a2")), Err(401));
    assert_eq!(ask(&both, &Method::POST, None), Err(401));
    assert_eq!(ask(&both, &Method::GET, Some(PATH_SECRET)), Err(405));

    let mut listed = both.clone();
    listed.webhook_networks = vec!["198.51.100.0/24".parse().unwrap()];
    assert_eq!(ask(&listed, &Method::POST, Some(PATH_SECRET)), Err(403));
    listed.webhook_networks.push("192.0.2.0/24".parse().unwrap());
    assert_eq!(ask(&listed, &Method::POST, Some(PATH_SECRET)), Ok(hint("5", true)));
    assert_eq!(ask(&listed, &Method::POST, Some("wrong")), Err(401));
    listed.webhook_path_secrets.clear();
    assert_eq!(ask(&listed, &Method::POST, None), Ok(hint("5", true)));

    // With no check at all nothing is taken, or what is taken proves nothing.
    let mut open = SmoobuConfig::default();
    assert_eq!(ask(&open, &Method::POST, None), Err(401));
    open.webhook_unauthenticated = true;
    assert_eq!(ask(&open, &Method::POST, None), Ok(hint("5", false)));
    open.webhook_payload = WebhookPayload::Trust;
    assert!(SmoobuWebhooks::new(&open).is_err());
    let closed = SmoobuWebhooks::new(&SmoobuConfig::default()).unwrap();
    let refusal = closed.verify(&request(&Method::POST, &headers, Some(""), body));
    assert_eq!(refusal, Err(Refusal::Unauthenticated(SignatureError::NoKeys)));
}

#[test]
fn repetitions_are_known_by_their_bytes() {
    let hash = |body: &str| match receive(&config(), body.as_bytes()).unwrap().dedup {
        Dedup::Content { hash } => hash,
        Dedup::VendorId { .. } => panic!("Smoobu gives no delivery id"),
    };
    assert_eq!(hash(r#"{"action":"x"}"#), hash(r#"{"action":"x"}"#));
    assert_ne!(hash(r#"{"action":"x"}"#), hash(r#"{"action":"x" }"#));
    assert_eq!(hash(r#"{"action":"x"}"#).len(), 64);
}

/// What the simulated Smoobu sends, received.
#[test]
fn webhooks_of_the_simulator() {
    let world = World::with(|config| config.webhook_path_secrets = vec![Secret::new(PATH_SECRET)]);
    world.sim().smoobu.config.webhook_targets = vec!["https://keys.example.org/hook".to_owned()];
    let now = world.now();
    let id = {
        let mut sim = world.sim();
        let smoobu = &mut sim.smoobu;
        let id = smoobu.create_booking(now, stay(3));
        smoobu.update_booking(now, id, BookingPatch { arrival: Some(day(11)), ..BookingPatch::default() });
        smoobu.online_check_in(
            now,
            id,
            BookingPatch { check_in: Some(Some("16:00".into())), ..BookingPatch::default() },
        );
        smoobu.guest_writes(now, id, "When may I come?");
        for event in [
            AccountEvent::PriceElementCreated(id),
            AccountEvent::PriceElementUpdated(id),
            AccountEvent::PriceElementDeleted(id),
            AccountEvent::UpdateRates(500_001),
            AccountEvent::NewTimelineEvent(id),
            AccountEvent::DeleteTimelineEvent(id),
            AccountEvent::Other("somethingNew".to_owned()),
        ] {
            smoobu.account_event(now, &event);
        }
        smoobu.cancel_by_update(now, id);
        smoobu.delete(now, id);
        id
    };
    let headers = HeaderMap::new();
    let webhooks = world.sim().take_webhooks(now);
    let seen: Vec<(&str, usize)> = webhooks
        .iter()
        .map(|webhook| {
            let raw = request(&Method::POST, &headers, Some(PATH_SECRET), webhook.body.as_bytes());
            let delivery = world.smoobu.receive(&raw).unwrap();
            for event in &delivery.events {
                let Event::Hint { reference, .. } = event else { panic!("not trusted") };
                assert_eq!(reference.as_str(), id.to_string());
            }
            (delivery.action, delivery.events.len())
        })
        .collect();
    assert_eq!(seen[..2], [("newReservation", 1), ("updateReservation", 1)]);
    assert!(seen.contains(&("onlineCheckInUpdate", 1)), "{seen:?}");
    assert_eq!(seen[seen.len() - 2..], [("updateReservation", 1), ("deleteReservation", 1)]);
    for nothing in [
        "newMessage",
        "priceElementCreated",
        "priceElementUpdated",
        "priceElementDeleted",
        "updateRates",
        "newTimelineEvent",
        "deleteTimelineEvent",
        "unknown",
    ] {
        assert!(seen.contains(&(nothing, 0)), "{nothing}: {seen:?}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "newReservation",
            "updateReservation",
            "cancelReservation",
            "deleteReservation",
            "onlineCheckInUpdate",
            "cancellation",
            "block",
            "2027-03-01",
            "2027-02-01",
            "15:00",
            "24:61",
            "2027-01-11 10:00:00",
            "12",
            "11",
        ])
        .prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "action",
        "data",
        "booking",
        "id",
        "bookingId",
        "type",
        "arrival",
        "departure",
        "check-in",
        "check-out",
        "modifiedAt",
        "modified-at",
        "apartment",
        "channel",
        "name",
        "guest-name",
        "phone",
        "is-blocked-booking",
        "x",
    ]);
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = receive(&trusting(), &body);
    }

    #[test]
    fn no_json_panics(action in "[a-zA-Z]{0,20}|newReservation|updateReservation|deleteReservation", data in any_json()) {
        let body = json!({"action": action, "data": data}).to_string();
        let first = receive(&trusting(), body.as_bytes());
        prop_assert_eq!(&first, &receive(&trusting(), body.as_bytes()));
        if let Ok(delivery) = first {
            prop_assert!(delivery.events.len() <= 1);
            prop_assert_eq!(delivery.reply.body, json!({"success": true}));
        }
    }

    #[test]
    fn whatever_is_not_an_action_concerns_nobody(body in any_json()) {
        if let Ok(delivery) = receive(&config(), body.to_string().as_bytes()) {
            prop_assert!(delivery.events.is_empty() || delivery.action != "unknown");
        }
    }
}
