//! What goes wrong on purpose.

mod common;

use booking_sim::smoobu::NewBooking;
use booking_sim::{Fault, FaultKind, Operation, Vendor};
use common::{World, day};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

const CREATE: &str = "/fr/api/v2/partage/create/4411/accessoire/AbCd1234";
const LIST: &str = "/fr/api/v2/partage/all/serrure/4411";
const CODE: [(&str, &str); 3] = [("nom", "A"), ("actif", "1"), ("code", "1111")];

fn codes(body: &Value) -> Option<usize> {
    body["data"]["partages_accessoire"].as_array().map(Vec::len)
}

#[test]
fn each_fault_on_a_create() {
    let check = |kind: FaultKind, expected: u16, body_status: Value, applied: bool| {
        let mut world = World::new();
        world.login();
        world.sim.add_fault(Fault::new(Vendor::TheKeys, kind.clone()).on(Operation::CreateCode).times(1));
        let (status, body) = world.thekeys(Method::POST, CREATE, &CODE);
        assert_eq!((status, &body["status"]), (expected, &body_status), "{kind:?}: {body}");
        assert_eq!(world.sim.thekeys.codes_on(4411).len(), usize::from(applied), "{kind:?}");
        let record = world.sim.log().iter().next_back().expect("a call").clone();
        assert_eq!((record.applied, record.fault), (applied, Some(kind.name())), "{kind:?}");
        assert_eq!(world.sim.log().applied(Operation::CreateCode), u64::from(applied));
        world.login();
        assert_eq!(world.thekeys(Method::POST, CREATE, &CODE).1["status"], 200, "{kind:?} is over");
        assert_eq!(world.sim.faults().count(), 0);
    };
    check(FaultKind::Down, 0, json!(null), false);
    check(FaultKind::DropBefore, 0, json!(null), false);
    check(FaultKind::DropAfter, 0, json!(null), true);
    check(FaultKind::ErrorAfterApply, 500, json!(null), true);
    check(FaultKind::Status(503, "busy".into()), 503, json!(null), false);
    check(FaultKind::Html200, 200, json!(null), false);
    check(FaultKind::Garbage, 200, json!(null), false);
    check(FaultKind::BodyStatus(400), 200, json!(400), false);
    check(FaultKind::NullData, 200, json!(200), true);
    check(FaultKind::RateLimit { seconds: 30, absolute: false }, 429, json!(null), false);
    check(FaultKind::TokenDies, 401, json!(null), false);
    check(FaultKind::StaleRead, 200, json!(200), true);
}

#[test]
fn each_fault_on_a_list() {
    let check = |kind: FaultKind, expected: Option<usize>| {
        let mut world = World::new();
        for code in ["1111", "2222", "3333"] {
            world.thekeys(Method::POST, CREATE, &[("nom", "A"), ("actif", "1"), ("code", code)]);
        }
        world.sim.add_fault(Fault::new(Vendor::TheKeys, kind.clone()).on(Operation::ListCodes).times(2));
        world.thekeys(Method::POST, CREATE, &CODE);
        let (status, body) = world.thekeys(Method::GET, LIST, &[]);
        assert_eq!((status, codes(&body)), (200, expected), "{kind:?}");
    };
    check(FaultKind::EmptyList, Some(0));
    check(FaultKind::TruncatedList, Some(2));
    check(FaultKind::NullData, None);
    check(FaultKind::StaleRead, Some(3));
    check(FaultKind::ReadLag(Duration::from_secs(30)), Some(3));
}

#[test]
fn smoobu_lists_shrink_too() {
    let check = |kind: FaultKind, total: u64, shown: usize| {
        let mut world = World::new();
        for first in 1..=4 {
            world.sim.smoobu.create_booking(world.now, NewBooking::stay(1, day(3, first), day(3, first + 1)));
        }
        world.sim.add_fault(Fault::new(Vendor::Smoobu, kind).on_path(&Method::GET, "/api/reservations"));
        let (_, body) = world.smoobu(Method::GET, "/api/reservations", "");
        let bookings = body["bookings"].as_array().map(Vec::len);
        assert_eq!((body["total_items"].as_u64(), bookings), (Some(total), Some(shown)));
        assert!(world.smoobu(Method::GET, "/api/me", "").1["id"].is_number(), "other paths are not hit");
    };
    check(FaultKind::EmptyList, 0, 0);
    check(FaultKind::TruncatedList, 4, 2);
}

#[test]
fn reads_lag_behind_writes() {
    let mut world = World::new();
    world.sim.add_fault(Fault::new(Vendor::TheKeys, FaultKind::ReadLag(Duration::from_secs(30))));
    world.thekeys(Method::POST, CREATE, &CODE);
    world.pass(20);
    world.thekeys(Method::POST, CREATE, &CODE);
    let mut check = |seconds, expected| {
        world.pass(seconds);
        assert_eq!(codes(&world.thekeys(Method::GET, LIST, &[]).1), Some(expected));
    };
    check(0, 0);
    check(10, 1);
    check(20, 2);
}

#[test]
fn when_and_how_often() {
    let check = |fault: &dyn Fn(&World) -> Fault, expected: [u16; 4]| {
        let mut world = World::new();
        let fault = fault(&world);
        world.sim.add_fault(fault);
        let seen = expected.map(|_| {
            let status = world.smoobu(Method::GET, "/api/me", "").0;
            world.pass(10);
            status
        });
        assert_eq!(seen, expected);
    };
    let fail = || Fault::new(Vendor::Smoobu, FaultKind::Status(500, "x".into()));
    check(&|_| fail(), [500, 500, 500, 500]);
    check(&|_| fail().times(2), [500, 500, 200, 200]);
    check(&|_| fail().skip(1).times(1), [200, 500, 200, 200]);
    check(&|world| fail().until(world.now + chrono::Duration::seconds(20)), [500, 500, 200, 200]);
    check(&|world| fail().from(world.now + chrono::Duration::seconds(20)), [200, 200, 500, 500]);
    check(&|_| Fault::new(Vendor::TheKeys, FaultKind::Down), [200, 200, 200, 200]);
    check(&|_| fail().on(Operation::ListReservations), [200, 200, 200, 200]);
}

#[test]
fn delays_add_up_and_go_with_another_fault() {
    let mut world = World::new();
    world.sim.add_fault(Fault::new(Vendor::Smoobu, FaultKind::Delay(Duration::from_secs(2))));
    world.sim.add_fault(Fault::new(Vendor::Smoobu, FaultKind::Html200));
    world.sim.add_fault(Fault::new(Vendor::Smoobu, FaultKind::Delay(Duration::from_secs(3))));
    let reply = world.sim.handle(world.now, Vendor::Smoobu, &common::request(Method::GET, "/api/me", ""));
    assert_eq!(reply.delay, Duration::from_secs(5));
    assert_eq!(
        reply.outcome.response().expect("an answer").headers()["content-type"],
        "text/html; charset=utf-8"
    );
}

#[test]
fn a_vendor_is_down_for_a_while() {
    let mut world = World::new();
    let until = world.now + chrono::Duration::seconds(60);
    world.sim.down_until(Vendor::SerwerSms, until);
    let body = r#"{"phone":"+48600000001","text":"Hi"}"#;
    assert_eq!(world.sms("/messages/send_sms", "application/json", body).0, 0);
    world.pass(60);
    assert_eq!(world.sms("/messages/send_sms", "application/json", body).0, 200);
    assert_eq!(world.sim.serwersms.messages_to("+48600000001").len(), 1);
}

#[test]
fn the_hint_of_a_rate_limit() {
    let check = |vendor, absolute, header: &str| {
        let mut world = World::new();
        world.sim.add_fault(Fault::new(vendor, FaultKind::RateLimit { seconds: 30, absolute }));
        let response = world.send(vendor, &common::request(Method::GET, "/", "")).expect("an answer");
        let hint: i64 = response.headers()[header].to_str().expect("text").parse().expect("a number");
        assert_eq!(hint, if absolute { world.now.timestamp() + 30 } else { 30 });
    };
    check(Vendor::Smoobu, true, "x-ratelimit-retry-after");
    check(Vendor::Smoobu, false, "x-ratelimit-retry-after");
    check(Vendor::TheKeys, false, "retry-after");
    check(Vendor::SerwerSms, false, "retry-after");
}

/// Whatever comes, an answer goes back and nothing breaks.
#[test]
fn odd_requests_do_no_harm() {
    let mut world = World::new();
    world.login();
    let odd = [
        "/",
        "//",
        "/api",
        "/smoobu",
        "/fr/api/v2/partage/all/serrure/%FF%FE",
        "/messages/%00",
        "/error/",
        "/a?%%%&=&&",
    ];
    for path in odd {
        for vendor in Vendor::ALL {
            for body in ["", "{", "null", "[1]", "a=b&%zz=%&=", "partage_accessoire[=1"] {
                let mut request = common::form_post(path, body);
                world.send(vendor, &request);
                *request.method_mut() = Method::GET;
                request
                    .headers_mut()
                    .insert("authorization", "Bearer sim-sms-token".parse().expect("a header"));
                assert!(world.send(vendor, &request).is_some());
            }
        }
    }
    assert!(world.sim.log().iter().all(|call| !call.applied));
}
