//! A whole host, asked through its router: webhooks, the operator's API, mails.

use std::cell::RefCell;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri};
use booking_host::{Config, Host, HostParts};
use booking_http::TransportError;
use booking_http::TransportErrorKind::Other;
use booking_http::testing::FnTransport;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

use crate::rig::{clock, line, rng};

const CONFIG: &str = r#"
[server]
listen = "127.0.0.1:8080"
public_url = "https://keys.example.org"
trusted_proxies = ["10.0.0.0/8"]
body_limit = 4096
[store]
url = "memory:"
[[api.token]]
name = "office"
token = "token-token-token-token-token-token"
scopes = ["read", "plan", "apply", "erase", "mail"]
[[alias]]
path = "/hook"
to = "open/t/harbour"
[[tenant]]
slug = "harbour"
[tenant.source.smoobu]
kind = "smoobu"
api_key = "key"
api_secret = "secret"
webhook_path_secret = "hook-hook-hook-hook"
[tenant.source.open]
kind = "smoobu"
api_key = "key"
api_secret = "secret"
webhook_unauthenticated = true
[tenant.lock.keys]
kind = "thekeys"
username = "+33100000000"
password = "password"
[tenant.notifier.sms]
kind = "record"
[[tenant.door]]
id = "front"
lock = "keys"
device = "4411"
keypad = "AbCd1234"
[[tenant.unit]]
id = "studio"
source = { smoobu = "500001" }
time_zone = "Europe/Warsaw"
check_in = "15:00"
check_out = "12:00"
doors = ["front"]
"#;

/// Parts of what the configuration holds that no answer may hold.
const SECRETS: [&str; 2] = ["token-token", "hook-hook"];

/// How many requests a host takes before there is a new one, so that what it remembers stays small.
const LIFE: u32 = 1024;

struct Rig {
    runtime: Runtime,
    router: Router,
    left: u32,
}

impl Rig {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let (config, _) = Config::parse(CONFIG, &|_| None).unwrap();
        // Vendors are down, in a way that is not tried again.
        let transport = Arc::new(FnTransport::new(|_, _| Err(TransportError::new(Other))));
        let mut parts = HostParts::with_transport(transport);
        parts.clock = clock();
        parts.rng = rng();
        let host = runtime.block_on(Host::build(config, parts)).unwrap();
        Self { router: host.router(), runtime, left: LIFE }
    }

    fn ask(&mut self, request: Request<Body>) -> (StatusCode, String, String) {
        self.left -= 1;
        let router = self.router.clone();
        self.runtime.block_on(async move {
            let answer = router.oneshot(request).await.unwrap();
            let (parts, body) = answer.into_parts();
            let kind = parts.headers.get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or("?"));
            let body = to_bytes(body, usize::MAX).await.unwrap();
            (parts.status, kind.to_owned(), String::from_utf8(body.to_vec()).unwrap())
        })
    }
}

thread_local! {
    static RIG: RefCell<Option<Rig>> = const { RefCell::new(None) };
}

/// `METHOD /path`, a line for `X-Forwarded-For`, a line for the content type, and the body, from a proxy that is trusted
/// and with a token of the operator's: it is answered, not broken off, and no error repeats what was sent.
pub(crate) fn http(data: &[u8]) {
    let (first, rest) = line(data);
    let (forwarded, rest) = line(rest);
    let (kind, body) = line(rest);
    let Some((method, target)) = std::str::from_utf8(first).ok().and_then(|text| text.split_once(' ')) else {
        return;
    };
    // A host keeps the mails that it was sent and lists them: what stands in one is no secret that it gave away.
    let kept = String::from_utf8_lossy(rest);
    if SECRETS.iter().any(|secret| kept.contains(secret)) {
        return;
    }
    let (Ok(method), Ok(uri)) = (method.parse::<Method>(), target.parse::<Uri>()) else { return };
    let is_head = method == Method::HEAD;
    let mut request = Request::new(Body::from(body.to_vec()));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer token-token-token-token-token-token"));
    for (name, value) in [("x-forwarded-for", forwarded), (CONTENT_TYPE.as_str(), kind)] {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_bytes(value)) {
            headers.insert(name, value);
        }
    }
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4000))));

    let (status, kind, text) = RIG.with_borrow_mut(|rig| {
        if rig.as_ref().is_none_or(|rig| rig.left == 0) {
            *rig = Some(Rig::new());
        }
        rig.as_mut().unwrap().ask(request)
    });
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{text}");
    assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "a secret is shown");
    // The answer to HEAD has the type of what it leaves out.
    if kind.starts_with("application/json") && !is_head {
        serde_json::from_str::<serde_json::Value>(&text).expect("what says JSON is JSON");
    }
    if status.is_client_error() || status.is_server_error() {
        assert!(!text.contains("planted"), "what was sent is repeated: {text}");
    }
}
