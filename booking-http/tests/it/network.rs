//! The reqwest transport against a raw listener on loopback, which misbehaves byte by byte.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use booking_http::{BodyLimit, Confined, ReqwestTransport, Transport, TransportError, TransportErrorKind};
use bytes::Bytes;
use http::{HeaderValue, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use TransportErrorKind::{Connect, Decode, Reset, Timeout, TooLarge};

/// What the server does once it has read the head of a request.
enum Server {
    /// Sends these bytes and closes.
    Sends(Vec<u8>),
    /// Sends these bytes and says no more until the client is gone.
    SendsAndWaits(&'static str),
    /// Closes before it has read anything.
    Slams,
}
use Server::{Sends, SendsAndWaits, Slams};

fn sends(text: &str) -> Server {
    Sends(text.as_bytes().to_vec())
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes).await.unwrap() {
            0 => break,
            read => text.push_str(std::str::from_utf8(&bytes[..read]).unwrap()),
        }
    }
    text
}

async fn serve(listener: &TcpListener, server: Server) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (bytes, wait) = match server {
        Slams => return,
        Sends(bytes) => (bytes, false),
        SendsAndWaits(text) => (text.as_bytes().to_vec(), true),
    };
    read_until(&mut stream, "\r\n\r\n").await;
    // A client that had enough may be gone already.
    let _ = stream.write_all(&bytes).await;
    if wait {
        let _ = stream.read(&mut [0; 1]).await;
    }
}

fn request(scheme: &str, address: SocketAddr) -> http::Request<Bytes> {
    let uri = format!("{scheme}://{address}/hunter2?key=hunter2");
    let mut request = http::Request::get(uri).body(Bytes::new()).unwrap();
    request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer hunter2"));
    request.extensions_mut().insert(BodyLimit(1000));
    request
}

async fn call(
    scheme: &str,
    server: Server,
    within: Duration,
) -> Result<http::Response<Bytes>, TransportError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let transport = ReqwestTransport::new().unwrap();
    let calling = transport.call(request(scheme, address), within);
    let (answer, ()) = tokio::join!(calling, serve(&listener, server));
    answer
}

#[track_caller]
fn check_error(
    what: &str,
    answer: Result<http::Response<Bytes>, TransportError>,
    expected: TransportErrorKind,
) {
    let error = answer.expect_err(what);
    assert_eq!(error.kind(), expected, "{what}: {error:?}");
    let causes = std::iter::successors(Some(&error as &dyn Error), |&error| error.source());
    let text = causes.map(|error| format!("{error} {error:?} ")).collect::<String>();
    assert!(!text.contains("hunter2"), "{what}: {text}");
}

const AMPLE: Duration = Duration::from_secs(20);
const SCANT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn failures_are_told_apart() {
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001));
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (what, server, within, expected) in [
        ("closed before answering", sends(""), AMPLE, Reset),
        ("closed before reading", Slams, AMPLE, Reset),
        ("half a head", sends("HTTP/1.1 200 OK\r\ncontent-le"), AMPLE, Reset),
        ("half a body", sends("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"), AMPLE, Reset),
        ("half a chunk", sends(&format!("{chunked}5\r\n123")), AMPLE, Reset),
        ("no last chunk", sends(&format!("{chunked}3\r\n123\r\n")), AMPLE, Reset),
        ("no chunk at all", sends(&format!("{chunked}what?\r\n")), AMPLE, Decode),
        ("no HTTP", sends("220 smtp.example.com ESMTP\r\n"), AMPLE, Decode),
        ("too long, as declared", sends("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n"), AMPLE, TooLarge),
        ("too long, undeclared", sends(&long), AMPLE, TooLarge),
        ("no answer", SendsAndWaits(""), SCANT, Timeout),
        (
            "half an answer",
            SendsAndWaits("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"),
            SCANT,
            Timeout,
        ),
    ] {
        check_error(what, call("http", server, within).await, expected);
    }
}

#[tokio::test]
async fn m06_internal_addresses_are_refused_where_only_public_ones_are_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let open = Arc::new(ReqwestTransport::new().unwrap());
    let confined = Confined::new(Arc::clone(&open));
    for host in ["127.0.0.1", "[::1]", "localhost", "169.254.169.254"] {
        let mut request = http::Request::new(Bytes::new());
        *request.uri_mut() = format!("http://{host}:{port}/").parse().unwrap();
        check_error(host, confined.call(request, AMPLE).await, Connect);
    }
    tokio::select! {
        biased;
        _ = listener.accept() => panic!("somebody has connected"),
        () = std::future::ready(()) => {}
    }
    let answered = tokio::join!(
        open.call(request("http", listener.local_addr().unwrap()), AMPLE),
        serve(&listener, sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")),
    );
    assert!(answered.0.is_ok(), "the same transport reaches it where that is allowed");
}

#[tokio::test]
async fn what_was_never_sent_is_known() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let transport = ReqwestTransport::new().unwrap();
    check_error("refused", transport.call(request("http", refused), AMPLE).await, Connect);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let no_tls = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    };
    let (answer, ()) = tokio::join!(transport.call(request("https", address), AMPLE), no_tls);
    check_error("no TLS", answer, Connect);
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit() {
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}", "x".repeat(1000));
    assert_eq!(call("http", sends(&answer), AMPLE).await.unwrap().body().len(), 1000);
}

#[tokio::test]
async fn redirects_are_answers() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/", elsewhere.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let answer = call("http", sends(&head), AMPLE).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["location"], location);
    }
}

#[tokio::test]
async fn what_was_signed_is_what_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = "/smoobu/a%2Fb;c/Z%C5%BC?ids%5B%5D=a%20b&q=%27%2B~&x[]=@:/?";
    let mut request = http::Request::new(Bytes::from_static("zażółć".as_bytes()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("http://{}{target}", listener.local_addr().unwrap()).parse().unwrap();
    request.headers_mut().insert("x-signature", HeaderValue::from_static("abc="));

    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let text = read_until(&mut stream, "zażółć").await;
        stream.write_all(b"HTTP/1.1 201 Created\r\nx-left: 7\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        text
    };
    let transport = ReqwestTransport::new().unwrap();
    let (answer, text) = tokio::join!(transport.call(request, AMPLE), serve);
    let answer = answer.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (201, &b"{}"[..]));
    assert_eq!(answer.headers()["x-left"], "7");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n").map(str::to_ascii_lowercase).collect::<Vec<_>>();
    assert_eq!(lines.remove(0), format!("post {target} http/1.1").to_ascii_lowercase());
    lines.sort();
    let host = format!("host: {}", listener.local_addr().unwrap());
    assert_eq!(lines, ["accept: */*", "content-length: 10", &host, "x-signature: abc="]);
    assert_eq!(body, "zażółć");
}
