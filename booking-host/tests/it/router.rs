//! Webhooks through the router.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use booking_core::store::Store as _;
use futures_util::{StreamExt as _, stream};

use crate::rig::{Rig, TestStore, URL, name, slug};

const BODY: &str = r#"{"action":"changed","id":"9001","delivery":1}"#;

#[tokio::test]
async fn every_status() {
    let rig = Rig::with(TestStore::new(), |settings| {
        settings.body_limit = 1024;
        settings.body_deadline = Duration::from_millis(50);
    });
    let long = "x".repeat(1025);
    for (url, body, status, answer) in [
        (URL, BODY, 202, r#"{"taken":true}"#),
        ("/api/webhooks/stub/t/harbour/topic/k/planted-path-secret", BODY, 202, r#"{"taken":true}"#),
        ("/api/webhooks/stub/t/harbour/k/wrong", BODY, 401, r#"{"error":"not authenticated"}"#),
        ("/api/webhooks/stub/t/harbour", BODY, 401, r#"{"error":"not authenticated"}"#),
        ("/api/webhooks/stub/t/harbour/topic", BODY, 401, r#"{"error":"not authenticated"}"#),
        (URL, "no json", 400, r#"{"error":"malformed"}"#),
        (URL, long.as_str(), 413, r#"{"error":"body too large"}"#),
        // Which of the two is unknown is nobody's business.
        ("/api/webhooks/stub/t/nobody/k/planted-path-secret", BODY, 404, r#"{"error":"not found"}"#),
        ("/api/webhooks/nothing/t/harbour/k/planted-path-secret", BODY, 404, r#"{"error":"not found"}"#),
        ("/api/webhooks/stub/t/HARBOUR", BODY, 404, r#"{"error":"not found"}"#),
        ("/api/webhooks/stub/t/%FF", BODY, 404, r#"{"error":"not found"}"#),
        ("/elsewhere", BODY, 404, r#"{"error":"not found"}"#),
    ] {
        let told = rig.post(url, body.to_owned()).await;
        assert_eq!((told.status(), told.body.as_str()), (status, answer), "{url} {body}");
        assert_eq!(told.header("content-type"), Some("application/json"));
        assert!(told.header("x-request-id").is_some());
    }
    let told = rig.get(URL).await;
    assert_eq!((told.status(), told.header("allow")), (405, Some("POST")));
    let told = rig.send(Request::put(URL).body(Body::empty()).unwrap()).await;
    assert_eq!(told.status(), 405);
    let told = rig.send(Request::post(URL).header("x-from-elsewhere", "1").body(BODY.into()).unwrap()).await;
    assert_eq!((told.status(), told.body.as_str()), (403, r#"{"error":"not allowed"}"#));
    // What is too long is refused before it is read, and after that much was read.
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 100]));
    assert_eq!(rig.post(URL, Body::from_stream(endless)).await.status(), 413);
    let told =
        rig.send(Request::post(URL).header("content-length", "99999999").body(Body::empty()).unwrap()).await;
    assert_eq!((told.status(), told.header("connection")), (413, Some("close")));
    let slow = stream::once(async { Ok::<_, std::io::Error>(b"{".to_vec()) }).chain(stream::pending());
    assert_eq!(rig.post(URL, Body::from_stream(slow)).await.status(), 408);
    let broken = stream::iter([Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))]);
    assert_eq!(rig.post(URL, Body::from_stream(broken)).await.status(), 400);
    // Nothing but the two that were verified came in.
    assert_eq!(rig.inbox().await, 1);
}

#[tokio::test]
async fn i01_stored_before_it_is_answered_even_if_the_caller_hangs_up() {
    let rig = Rig::with(TestStore::gated(), |_| {});
    let woken = rig.wake.notified();
    let answer = rig.post(URL, BODY);
    let mut answer = Box::pin(answer);
    assert!(
        tokio::time::timeout(Duration::from_millis(50), &mut answer).await.is_err(),
        "answered before it was stored"
    );
    assert_eq!(rig.inbox().await, 0);
    // The caller is gone; what was begun ends.
    drop(answer);
    rig.store.gate.add_permits(1);
    tokio::time::timeout(Duration::from_secs(5), woken).await.unwrap();
    assert_eq!(rig.inbox().await, 1);
    assert!(
        rig.store.alias(&slug("harbour"), &name("stub"), &"9001".parse().unwrap()).await.unwrap().is_some()
    );

    rig.store.gate.add_permits(1);
    assert_eq!(rig.post(URL, r#"{"action":"changed","id":"9002","delivery":2}"#).await.status(), 202);
    assert_eq!(rig.inbox().await, 2);
}

#[tokio::test]
async fn i02_a_store_that_is_down_is_told_so_that_the_vendor_comes_again() {
    let rig = Rig::new();
    assert_eq!(rig.get("/readyz").await.status(), 200);
    rig.store.down.store(true, Ordering::SeqCst);
    let told = rig.post(URL, BODY).await;
    assert_eq!((told.status(), told.header("retry-after")), (503, Some("5")));
    assert_eq!(rig.get("/readyz").await.status(), 503);
    // Alive it is all the same.
    assert_eq!(rig.get("/healthz").await.status(), 200);
    rig.store.down.store(false, Ordering::SeqCst);
    assert_eq!(rig.post(URL, BODY).await.status(), 202);
}

#[tokio::test]
async fn i08_rotated_secrets_both_verify() {
    let rig = Rig::new();
    assert_eq!(rig.post(URL, BODY).await.status(), 202);
    assert_eq!(rig.post("/api/webhooks/stub/t/harbour/k/planted-second", BODY).await.status(), 202);
    assert_eq!(rig.post("/api/webhooks/stub/t/harbour/k/planted%2Dsecond", BODY).await.status(), 202);
    assert_eq!(rig.post("/api/webhooks/stub/t/harbour/k/planted-third", BODY).await.status(), 401);
}

#[tokio::test]
async fn i11_what_concerns_no_booking_is_taken_and_does_nothing() {
    let rig = Rig::new();
    let told = rig.post(URL, r#"{"action":"rates","delivery":7}"#).await;
    assert_eq!((told.status(), told.body.as_str()), (202, r#"{"taken":true}"#));
    assert_eq!(rig.store.work(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_repetition_is_answered_as_the_first() {
    let rig = Rig::new();
    for _ in 0..3 {
        let told = rig.post(URL, BODY).await;
        assert_eq!((told.status(), told.body.as_str()), (202, r#"{"taken":true}"#));
    }
    assert_eq!(rig.inbox().await, 1);
    let metrics = rig.get("/metrics").await.body;
    assert!(metrics.contains(r#"staykey_webhooks_total{result="duplicate",reason=""} 2"#), "{metrics}");
}

#[tokio::test]
async fn what_a_receiver_is_shown() {
    let rig = Rig::new();
    let request = |peer: &str, forwarded: Option<&str>| {
        let socket: SocketAddr = format!("{peer}:4711").parse().unwrap();
        let mut request =
            Request::post("/api/webhooks/stub/t/harbour/bookings/k/planted-path-secret?a=b%20c")
                .extension(ConnectInfo(socket));
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        request.body(BODY.into()).unwrap()
    };
    for (peer, forwarded, shown) in [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", Some("198.51.100.1"), "203.0.113.9"),
        ("10.0.0.1", Some("192.0.2.1, 198.51.100.1"), "198.51.100.1"),
    ] {
        assert_eq!(rig.send(request(peer, forwarded)).await.status(), 202);
        let seen = rig.stub.seen.lock().unwrap().pop().unwrap();
        assert_eq!(seen.peer.as_deref(), Some(shown));
        assert_eq!(seen.url, "https://keys.example.org/api/webhooks/stub/t/harbour/bookings?a=b%20c");
        assert_eq!(
            (seen.topic.as_deref(), seen.secret.as_deref()),
            (Some("bookings"), Some("planted-path-secret"))
        );
    }
    // Without a server in front there is no address.
    rig.post(URL, BODY).await;
    assert_eq!(rig.stub.seen.lock().unwrap().pop().unwrap().peer, None);
}

#[tokio::test]
async fn too_many_at_once_are_sent_away() {
    let rig = Rig::with(TestStore::gated(), |settings| settings.concurrency = 1);
    let first = rig.post(URL, BODY);
    let second = async {
        tokio::task::yield_now().await;
        let told = rig.post(URL, r#"{"action":"changed","id":"9002","delivery":2}"#).await;
        assert_eq!(rig.get("/healthz").await.status(), 200);
        rig.store.gate.add_permits(10);
        told
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status(), second.status(), second.header("retry-after")), (202, 503, Some("5")));
    assert_eq!(rig.post(URL, BODY).await.status(), 202);
}

#[tokio::test]
async fn a_panic_is_one_answer_and_no_more() {
    let rig = Rig::new();
    let told = rig.post(URL, r#"{"action":"panic"}"#).await;
    assert_eq!((told.status(), told.body.as_str()), (500, r#"{"error":"internal error"}"#));
    assert_eq!(rig.post(URL, BODY).await.status(), 202);
}

#[tokio::test]
async fn numbers_name_nobody() {
    let rig = Rig::new();
    rig.post(URL, BODY).await;
    rig.post("/api/webhooks/stub/t/harbour/k/wrong", BODY).await;
    rig.post("/api/webhooks/stub/t/planted-tenant/k/wrong", BODY).await;
    rig.get("/planted/path").await;
    let told = rig.get("/metrics").await;
    assert!(told.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let metrics = told.body;
    for line in [
        r#"staykey_http_requests_total{route="/api/webhooks/{integration}/t/{tenant}/k/{secret}",status="2xx"} 1"#,
        r#"staykey_http_requests_total{route="/api/webhooks/{integration}/t/{tenant}/k/{secret}",status="4xx"} 2"#,
        r#"staykey_http_requests_total{route="none",status="4xx"} 1"#,
        r#"staykey_webhooks_total{result="accepted",reason=""} 1"#,
        r#"staykey_webhooks_total{result="refused",reason="unauthenticated"} 1"#,
        r#"staykey_webhooks_total{result="refused",reason="unknown"} 1"#,
        r#"staykey_http_request_seconds_bucket{route="none",le="#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    for word in ["planted", "harbour", "9001", "stub", "secret\"", "wrong"] {
        assert!(!metrics.contains(word), "{word}\n{metrics}");
    }
    let without = Rig::with(TestStore::new(), |settings| settings.metrics = false);
    assert_eq!(without.get("/metrics").await.status(), 404);
}
