//! The loopback server, over real sockets.

#![cfg(feature = "server")]
#![allow(clippy::disallowed_methods, reason = "sockets need a runtime")]

use booking_sim::smoobu::{Apartment, NewBooking, sign_request};
use booking_sim::{Fault, FaultKind, Operation, ServeError, SimConfig, SimServer, SimState, Vendor, serve};
use bytes::Bytes;
use chrono_tz::Europe::Warsaw;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const FREE: &str = "127.0.0.1:0";

/// One exchange: status and body; nothing where the connection died.
async fn send(
    to: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<(u16, String)> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut stream = TcpStream::connect(to).await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).expect("text");
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

/// A request to its last byte, as its content-length says.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut received = String::new();
    loop {
        if let Some((head, body)) = received.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            if body.len() >= length.parse().expect("a number") {
                return received;
            }
        }
        let mut buffer = Vec::new();
        assert_ne!(stream.read_buf(&mut buffer).await.expect("bytes"), 0, "{received}");
        received.push_str(&String::from_utf8(buffer).expect("text"));
    }
}

async fn start(config: SimConfig) -> SimServer {
    SimServer::start(config, FREE.parse().expect("an address")).await.expect("a server")
}

#[tokio::test]
async fn a_signed_call_behind_the_prefix() {
    let server = start(SimConfig::default()).await;
    let mut request = http::Request::get("/smoobu/api/me").body(Bytes::new()).expect("a request");
    let nonce = "11111111-2222-4333-8444-555555555555";
    sign_request(&mut request, "usr_live_sim", "sim-secret", server.state.clock.now(), nonce);
    let headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
        .collect();
    let (status, body) = send(server.addr, "GET", "/smoobu/api/me", &headers, "").await.expect("an answer");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("owner@example.org"));
    assert_eq!(server.handle.lock().expect("a lock").log().seen(Operation::Me), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_dropped_call_gets_no_answer() {
    let server = start(SimConfig::default()).await;
    server.state.lock().add_fault(Fault::new(Vendor::SerwerSms, FaultKind::DropAfter).times(1));
    let headers = [("authorization", "Bearer sim-sms-token"), ("content-type", "application/json")];
    let body = r#"{"phone":"+48600000001","text":"Hi"}"#;
    let first = send(server.addr, "POST", "/serwersms/messages/send_sms", &headers, body).await;
    assert_eq!(first, None);
    let second = send(server.addr, "POST", "/serwersms/messages/send_sms", &headers, body).await;
    assert_eq!(second.map(|(status, _)| status), Some(200));
    assert_eq!(server.state.lock().serwersms.messages_to("+48600000001").len(), 2);
}

#[tokio::test]
async fn the_clock_moves_by_order() {
    let server = start(SimConfig::default()).await;
    let before = server.state.clock.now();
    let (status, _) = send(server.addr, "POST", "/control/clock", &[], r#"{"advance_seconds":3600}"#)
        .await
        .expect("an answer");
    assert_eq!(status, 200);
    assert!(server.state.clock.now() - before >= chrono::Duration::hours(1));
    let set = r#"{"set":"2027-03-01T15:00:00Z"}"#;
    let (_, body) = send(server.addr, "POST", "/control/clock", &[], set).await.expect("an answer");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert!(body["now"].as_str().is_some_and(|now| now.starts_with("2027-03-01T15:00:0")), "{body}");
    assert_eq!(
        send(server.addr, "POST", "/control/clock", &[], "{}").await.map(|(status, _)| status),
        Some(400)
    );
}

#[tokio::test]
async fn webhooks_are_delivered_in_order() {
    let receiver = TcpListener::bind(FREE).await.expect("a listener");
    let mut config = SimConfig::default();
    let target = format!("http://{}/webhook/secret", receiver.local_addr().expect("an address"));
    config.smoobu.webhook_targets = vec![target];
    let server = start(config).await;
    {
        let now = server.state.clock.now();
        let mut simulators = server.state.lock();
        simulators.smoobu.add_apartment(Apartment { id: 1, name: "A".into(), time_zone: Warsaw });
        let day = |text: &str| text.parse().expect("a day");
        let id =
            simulators.smoobu.create_booking(now, NewBooking::stay(1, day("2027-03-01"), day("2027-03-04")));
        simulators.smoobu.cancel(now, id);
    }
    for action in ["newReservation", "cancelReservation"] {
        let (mut stream, _) = receiver.accept().await.expect("a webhook");
        let received = read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("written");
        assert!(received.starts_with("POST /webhook/secret HTTP/1.1\r\n"), "{received}");
        assert!(received.contains(&format!(r#""action":"{action}""#)), "{received}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn others_cannot_reach_it() {
    let state = SimState::new(SimConfig::default());
    let refused = serve(state, "0.0.0.0:0".parse().expect("an address")).await;
    assert!(matches!(refused, Err(ServeError::NotLoopback(_))));
}

#[tokio::test]
async fn unknown_vendors_are_not_found() {
    let server = start(SimConfig::default()).await;
    let answer = send(server.addr, "GET", "/nobody/api", &[], "").await;
    assert_eq!(answer.map(|(status, _)| status), Some(404));
}
