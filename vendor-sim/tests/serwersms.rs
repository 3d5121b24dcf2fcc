//! The rules of SerwerSMS.

mod common;

use booking_sim::serwersms::{ErrorStyle, ReportStage};
use booking_sim::{SimConfig, Vendor};
use common::{World, request, seen};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const SEND: &str = "/messages/send_sms.json";

#[test]
fn what_is_sent_and_what_is_not() {
    let check = |what: &str, media, body: &str, expected: Value, received: usize| {
        let mut world = World::new();
        let (status, answer) = world.sms(SEND, media, body);
        assert_eq!(status, 200, "{what}");
        let code = &answer["error"]["code"];
        let result = if code.is_null() { json!([answer["queued"], answer["unsent"]]) } else { code.clone() };
        assert_eq!(result, expected, "{what}: {answer}");
        assert_eq!(world.sim.serwersms.messages_to("+48600000001").len(), received, "{what}");
        let applied = world.sim.call_log(Vendor::SerwerSms)[0].applied;
        assert_eq!(applied, received > 0 || answer["unsent"] == 1, "{what}");
    };
    check("JSON", JSON, r#"{"phone":"+48600000001","text":"Hi","sender":"STAYKEY"}"#, json!([1, 0]), 1);
    check("form", FORM, "phone=%2B48600000001&text=Hi+there", json!([1, 0]), 1);
    check("form, several", FORM, "phone[]=%2B48600000001&phone[]=%2B48600000002&text=Hi", json!([2, 0]), 1);
    check("form, bare plus", FORM, "phone=+48600000001&text=Hi", json!(2001), 0);
    check("no plus", JSON, r#"{"phone":"48600000001","text":"Hi"}"#, json!(2001), 0);
    check("one of two bad", JSON, r#"{"phone":["+48600000001","x"],"text":"Hi"}"#, json!(2001), 0);
    check("no phone", JSON, r#"{"text":"Hi"}"#, json!(2000), 0);
    check("no text", JSON, r#"{"phone":"+48600000001"}"#, json!(3101), 0);
    check("broken body", JSON, "{", json!(1006), 0);
    check(
        "unknown sender",
        JSON,
        r#"{"phone":"+48600000001","text":"Hi","sender":"NOBODY"}"#,
        json!([0, 1]),
        0,
    );
    check("only a test", JSON, r#"{"phone":"+48600000001","text":"Hi","test":true}"#, json!([1, 0]), 0);
    check("own id", JSON, r#"{"phone":"+48600000001","text":"Hi","unique_id":"abc123"}"#, json!([1, 0]), 1);
    check(
        "own id too short",
        JSON,
        r#"{"phone":"+48600000001","text":"Hi","unique_id":"ab"}"#,
        json!(1006),
        0,
    );
    check(
        "own id with a hyphen",
        JSON,
        r#"{"phone":"+48600000001","text":"x","unique_id":"a-bc"}"#,
        json!(1006),
        0,
    );
    check(
        "fewer ids than phones",
        JSON,
        r#"{"phone":["+48600000001","+48600000002"],"text":"Hi","unique_id":["abc123"]}"#,
        json!(1006),
        0,
    );
    let long = format!(r#"{{"phone":"+48600000001","text":"{}"}}"#, "a".repeat(1531));
    check("too long", JSON, &long, json!(3102), 0);
}

#[test]
fn texts_arrive_as_the_alphabet_allows() {
    let check = |body: Value, text: &str, sender: Option<&str>, parts: usize| {
        let mut world = World::new();
        world.sms(SEND, JSON, &body.to_string());
        let received = world.sim.serwersms.messages_to("+48600000001");
        assert_eq!((received[0].text.as_str(), received[0].parts), (text, parts), "{body}");
        assert_eq!(received[0].sender.as_deref(), sender, "{body}");
    };
    let phone = "+48600000001";
    let full = "STAYKEY";
    check(json!({"phone": phone, "text": "Kod żółw"}), "Kod zolw", None, 1);
    check(json!({"phone": phone, "text": "Kod żółw", "utf": true}), "Kod zolw", None, 1);
    check(json!({"phone": phone, "text": "Kod żółw", "sender": full}), "Kod zolw", Some(full), 1);
    check(
        json!({"phone": phone, "text": "Kod żółw", "sender": full, "utf": true}),
        "Kod żółw",
        Some(full),
        1,
    );
    check(json!({"phone": phone, "text": "Код 12", "sender": full, "utf": "1"}), "Код 12", Some(full), 1);
    check(json!({"phone": phone, "text": "Код 12", "sender": ""}), "??? 12", None, 1);
}

#[test]
fn errors_in_four_styles() {
    let check = |style, status: u16, is_json: bool| {
        let mut config = SimConfig::default();
        config.serwersms.error_style = style;
        let mut world = World::with(config);
        let mut call = request(Method::POST, "/messages/send_sms", r#"{"phone":"+48600000001","text":"Hi"}"#);
        call.headers_mut().insert("content-type", JSON.parse().expect("a header"));
        let (seen_status, body) = seen(world.send(Vendor::SerwerSms, &call));
        assert_eq!((seen_status, body["error"]["code"] == 1001), (status, is_json), "{style:?}: {body}");
        let (good, _) = world.sms(SEND, JSON, r#"{"phone":"+48600000001","text":"Hi"}"#);
        assert_eq!(good, 200);
    };
    check(ErrorStyle::Http200, 200, true);
    check(ErrorStyle::HttpStatus, 401, true);
    check(ErrorStyle::Http500, 500, true);
    check(ErrorStyle::Html, 200, false);
}

#[test]
fn other_actions() {
    let mut world = World::new();
    let named = r#"{"username":"sim-user","password":"sim-password"}"#;
    let mut call = request(Method::POST, "/account/limits", named);
    call.headers_mut().insert("content-type", JSON.parse().expect("a header"));
    assert_eq!(seen(world.send(Vendor::SerwerSms, &call)).1["items"][0]["type"], "eco");
    assert_eq!(world.sms("/error/1001", JSON, "").1["type"], "InvalidUser");
    assert_eq!(world.sms("/error/9999.json", JSON, "").1["error"]["code"], 2002);
    assert_eq!(world.sms("/messages/send_pigeon", JSON, "{}").1["error"]["code"], 1000);
    world.sim.serwersms.config.full_left = 0;
    let full = r#"{"phone":"+48600000001","text":"Hi","sender":"STAYKEY"}"#;
    assert_eq!(world.sms(SEND, JSON, full).1["error"]["code"], 3002);
}

#[test]
fn reports_follow_the_script() {
    let check = |phone: &str, after: i64, status: &str, reason: Value| {
        let mut world = World::new();
        let stages = vec![ReportStage { after: Duration::ZERO, status: "pending".into(), reason: None }];
        world.sim.serwersms.set_report("77", stages);
        let body = json!({"phone": phone, "text": "Hi", "unique_id": "abc123", "details": true});
        let (_, sent) = world.sms(SEND, JSON, &body.to_string());
        world.pass(after);
        let id = &sent["items"][0]["id"];
        for filter in [json!({"id": [id]}), json!({"unique_id": "abc123"}), json!({"phone": phone})] {
            let (_, report) = world.sms("/messages/reports", JSON, &filter.to_string());
            let item = &report["items"][0];
            assert_eq!((&item["status"], &item["reason"]), (&json!(status), &reason), "{phone} {filter}");
            assert_eq!(report["paging"], json!({"page": 1, "count": 1}));
        }
        let (_, none) = world.sms("/messages/reports", JSON, r#"{"unique_id":"other1"}"#);
        assert_eq!(none["items"], json!([]));
    };
    check("+48600000001", 0, "sent", json!(null));
    check("+48600000001", 5, "delivered", json!(null));
    check("+48600009900", 100_000, "sent", json!(null));
    check("+48600009901", 3600, "pending", json!(null));
    check("+48600009901", 86_405, "delivered", json!(null));
    check("+48600009915", 5, "undelivered", json!("wrong_number"));
    check("+48600009922", 5, "undelivered", json!("sending_to_foreign_networks_is_locked"));
    check("+48600000077", 9999, "pending", json!(null));
}

#[test]
fn the_bytes_are_kept_for_tests() {
    let mut world = World::new();
    world.sms(SEND, FORM, "phone=%2B48600000001&text=Hi");
    let calls = world.sim.call_log(Vendor::SerwerSms);
    assert_eq!(calls[0].body.as_ref(), b"phone=%2B48600000001&text=Hi");
    assert!(!format!("{calls:?}").contains("48600000001"), "but Debug does not show them");
}
