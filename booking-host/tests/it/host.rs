//! A whole host: built from a configuration, played vendors behind it.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use booking_core::Secret;
use booking_core::store::{Kind, Record, SecretRecord, Store, Tx, WorkKey, Write};
use booking_host::{Config, Ended, Host, HostError, HostParts};
use booking_http::{Transport, TransportError};
use booking_store::MemoryStore;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::rig::{TestStore, name, send, slug};

const TEXT: &str = r#"
[server]
listen = "127.0.0.1:0"
public_url = "https://keys.example.org"
drain = "1s"
[store]
url = "memory:"
[[alias]]
path = "/webhook"
to = "smoobu/t/harbour"
[[alias]]
path = "/api/webhooks/old/t/harbour"
to = "smoobu/t/harbour/reservations"
[[tenant]]
slug = "harbour"
[tenant.source.smoobu]
kind = "smoobu"
api_key = { env = "harbour-key" }
api_secret = { env = "harbour-secret" }
webhook_secrets = [{ env = "harbour-hook" }, { env = "harbour-old-hook" }]
[[tenant]]
slug = "quay"
[tenant.source.smoobu]
kind = "smoobu"
api_key = { env = "quay-key" }
api_secret = { env = "quay-secret" }
webhook_path_secret = { env = "quay-hook" }
"#;

/// Secrets are named after their variable.
fn config(text: &str) -> Config {
    Config::parse(text, &|name| Some(format!("planted-{name}"))).unwrap().0
}

/// Smoobu with nothing in it; for tenants whose key begins so, it never answers.
#[derive(Default)]
struct Vendors {
    silent_for: Option<&'static str>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Vendors {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let key = request
            .headers()
            .values()
            .filter_map(|value| value.to_str().ok())
            .find(|value| value.contains("-key"));
        let key = key.unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(format!("{key} {}", request.uri().path()));
        if self.silent_for.is_some_and(|tenant| key.contains(tenant)) {
            pending::<()>().await;
        }
        let empty = r#"{"page_count":1,"page_size":100,"total_items":0,"page":1,"bookings":[]}"#;
        Ok(http::Response::new(Bytes::from_static(empty.as_bytes())))
    }
}

impl Vendors {
    fn asked_for(&self, tenant: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.contains(tenant)).count()
    }
}

async fn build(text: &str, vendors: Arc<Vendors>, store: Arc<dyn Store>) -> Result<Host, HostError> {
    let mut parts = HostParts::with_transport(vendors);
    parts.store = Some(store);
    Host::build(config(text), parts).await
}

fn change(id: u32) -> String {
    format!(r#"{{"action":"updateReservation","user":1,"data":{{"id":{id}}}}}"#)
}

async fn until(mut good: impl AsyncFnMut() -> bool) {
    let came = tokio::time::timeout(Duration::from_secs(20), async {
        while !good().await {
            tokio::task::yield_now().await;
        }
    });
    came.await.expect("it comes to that");
}

#[tokio::test]
async fn m01_a_delivery_on_one_tenants_url_changes_nothing_of_another() {
    let store = TestStore::new();
    let host = build(TEXT, Arc::default(), store.clone()).await.unwrap();
    let router = host.router();
    let post = async |url: &str| {
        send(&router, Request::post(url).body(Body::from(change(9001))).unwrap()).await.status()
    };
    assert_eq!(post("/api/webhooks/smoobu/t/quay/k/planted-quay-hook").await, 200);
    let of_quay = async || {
        let alias = store.alias(&slug("quay"), &name("smoobu"), &"9001".parse().unwrap()).await.unwrap();
        let inbox = store.inbox(&slug("quay"), None, 100).await.unwrap();
        let rows = store.rows(Kind::Booking, &slug("quay"), None, 100).await.unwrap();
        let work: Vec<_> = store
            .work(None, 100)
            .await
            .unwrap()
            .into_iter()
            .filter(|row| row.work.tenant() == &slug("quay"))
            .collect();
        (alias, inbox, rows, work)
    };
    let before = of_quay().await;
    assert!(before.0.is_some());
    // The same id at the other tenant is another booking; its secrets open nothing here.
    assert_eq!(post("/api/webhooks/smoobu/t/harbour/k/planted-harbour-hook").await, 200);
    assert_eq!(post("/webhook").await, 200);
    assert_eq!(post("/api/webhooks/old/t/harbour").await, 200);
    assert_eq!(post("/api/webhooks/smoobu/t/quay/k/planted-harbour-hook").await, 401);
    assert_eq!(post("/api/webhooks/smoobu/t/quay").await, 401);
    assert_eq!(of_quay().await, before);
    let other = store.alias(&slug("harbour"), &name("smoobu"), &"9001".parse().unwrap()).await.unwrap();
    assert!(other.is_some() && other != before.0);
}

#[tokio::test]
async fn i08_and_i11_at_smoobu() {
    let store = TestStore::new();
    let host = build(TEXT, Arc::default(), store.clone()).await.unwrap();
    let router = host.router();
    let post = async |url: &str, body: &str| {
        let told = send(&router, Request::post(url).body(Body::from(body.to_owned())).unwrap()).await;
        (told.status(), told.body)
    };
    let good = (200, r#"{"success":true}"#.to_owned());
    assert_eq!(post("/api/webhooks/smoobu/t/harbour/k/planted-harbour-hook", &change(1)).await, good);
    assert_eq!(post("/api/webhooks/smoobu/t/harbour/k/planted-harbour-old-hook", &change(2)).await, good);
    assert_eq!(post("/api/webhooks/smoobu/t/harbour/k/planted-quay-hook", &change(3)).await.0, 401);
    let before = store.work(None, 100).await.unwrap();
    let rates = r#"{"action":"updateRates","user":1,"data":{"id":77}}"#;
    assert_eq!(post("/api/webhooks/smoobu/t/harbour/k/planted-harbour-hook", rates).await, good);
    assert_eq!(store.work(None, 100).await.unwrap(), before);
}

#[tokio::test]
async fn urls_for_the_vendors_hold_no_secret() {
    let host = build(TEXT, Arc::default(), Arc::new(MemoryStore::new())).await.unwrap();
    let urls: Vec<_> = host.webhook_urls().iter().map(|url| url.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://keys.example.org/api/webhooks/smoobu/t/harbour/k/$harbour-hook",
            "https://keys.example.org/api/webhooks/smoobu/t/quay/k/$quay-hook",
        ]
    );
    assert!(!format!("{host:?} {:?}", host.config()).contains("planted"));
}

#[tokio::test]
async fn a_vendors_first_refusal_shows_as_growth() {
    let host = build(TEXT, Arc::default(), Arc::new(MemoryStore::new())).await.unwrap();
    let metrics = send(&host.router(), Request::get("/metrics").body(Body::empty()).unwrap()).await.body;
    for result in ["credentials", "limited", "network", "vendor", "answered"] {
        let line = format!("staykey_vendor_calls_total{{vendor=\"smoobu\",result=\"{result}\"}} 0");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn m02_a_stored_secret_that_is_not_there_is_named() {
    let text = TEXT.replace("{ env = \"quay-hook\" }", "{ stored = \"hook\" }");
    let store = Arc::new(MemoryStore::new());
    let error = build(&text, Arc::default(), store.clone()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "tenant.quay.source.smoobu.webhook_path_secret: the store has no secret `hook` of this tenant"
    );

    let now = chrono::Utc::now();
    let secret = |tenant: &str| {
        let value = Some(Secret::new("planted-stored-hook"));
        Write::Put(Box::new(Record::Secret(SecretRecord {
            name: "hook".to_owned(),
            tenant: slug(tenant),
            value,
            at: now,
        })))
    };
    // Another tenant's is not ours.
    let _ = store.commit(Tx { writes: vec![secret("harbour")], ..Tx::new(now) }).await.unwrap();
    assert!(build(&text, Arc::default(), store.clone()).await.is_err());
    let _ = store.commit(Tx { writes: vec![secret("quay")], ..Tx::new(now) }).await.unwrap();
    let host = build(&text, Arc::default(), store).await.unwrap();
    assert_eq!(
        host.webhook_urls()[1].url,
        "https://keys.example.org/api/webhooks/smoobu/t/quay/k/(stored hook)"
    );
    let told = send(
        &host.router(),
        Request::post("/api/webhooks/smoobu/t/quay/k/planted-stored-hook")
            .body(Body::from(change(1)))
            .unwrap(),
    )
    .await;
    assert_eq!(told.status(), 200);
}

/// Runs a host, and stops it when `during` is over.
async fn run(host: Host, during: impl AsyncFnOnce(std::net::SocketAddr)) -> Result<Ended, HostError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(host.run(listener, async {
        let _ = stopped.await;
    }));
    during(address).await;
    let _ = stop.send(());
    tokio::time::timeout(Duration::from_secs(20), running).await.expect("it stops").unwrap()
}

#[tokio::test]
async fn it_serves_works_and_stops() {
    let (store, vendors) = (TestStore::new(), Arc::<Vendors>::default());
    let host = build(TEXT, vendors.clone(), store.clone()).await.unwrap();
    let ended = run(host, async |address| {
        // The full reads that a start makes due.
        until(async || vendors.asked_for("harbour") > 0 && vendors.asked_for("quay") > 0).await;
        let before = vendors.asked_for("harbour");
        let client =
            reqwest_like(address, "/api/webhooks/smoobu/t/harbour/k/planted-harbour-hook", &change(9001))
                .await;
        assert!(client.starts_with("HTTP/1.1 200"), "{client}");
        until(async || vendors.asked_for("harbour") > before).await;
        until(async || {
            let row = store.rows(Kind::Booking, &slug("harbour"), None, 10).await.unwrap();
            row.len() == 1
        })
        .await;
    })
    .await;
    assert_eq!(ended.unwrap(), Ended::Clean);
}

/// One request over a socket.
async fn reqwest_like(address: std::net::SocketAddr, path: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn m05_a_tenant_whose_vendor_never_answers_delays_no_other() {
    let text = format!("{}\n[worker]\nconcurrency = 3\nper_tenant = 2\n", TEXT);
    let vendors = Arc::new(Vendors { silent_for: Some("harbour"), ..Vendors::default() });
    let store = TestStore::new();
    let host = build(&text, vendors.clone(), store.clone()).await.unwrap();
    let router = host.router();
    for id in 1..40 {
        let request = Request::post("/api/webhooks/smoobu/t/harbour/k/planted-harbour-hook")
            .body(Body::from(change(id)))
            .unwrap();
        assert_eq!(send(&router, request).await.status(), 200);
    }
    let ended = run(host, async |_| {
        until(async || vendors.asked_for("harbour") > 0).await;
        for id in 1..5 {
            let before = vendors.asked_for("quay");
            let request = Request::post("/api/webhooks/smoobu/t/quay/k/planted-quay-hook")
                .body(Body::from(change(id)))
                .unwrap();
            assert_eq!(send(&router, request).await.status(), 200);
            until(async || vendors.asked_for("quay") > before).await;
        }
        let rows = store.work(None, 100).await.unwrap();
        let harbour = rows.iter().filter(|row| row.work.tenant().as_str() == "harbour");
        let leased = harbour.filter(|row| row.leased_until.is_some()).count();
        assert_eq!(leased, 2, "what this host has no place for is left to others");
    })
    .await;
    // Calls that never answer outlive the time to drain.
    assert_eq!(ended.unwrap(), Ended::CutOff);
}

/// Another host serves the same store: what this one does not want is the other's, all the time.
#[tokio::test]
async fn an_errand_touches_nothing_but_its_own_keys() {
    let (store, vendors) = (TestStore::new(), Arc::<Vendors>::default());
    let host = build(TEXT, vendors.clone(), store.clone()).await.unwrap();
    let router = host.router();
    for id in 1..=100 {
        let request = Request::post("/api/webhooks/smoobu/t/harbour/k/planted-harbour-hook")
            .body(Body::from(change(id)))
            .unwrap();
        assert_eq!(send(&router, request).await.status(), 200);
    }
    let all = store.work(None, 200).await.unwrap();
    assert_eq!(all.len(), 100);
    let WorkKey::Grant(tenant, stay) = all[50].work.clone() else { panic!("{:?}", all[50]) };
    let others = async || {
        let rows = store.work(None, 200).await.unwrap();
        rows.into_iter().filter(|row| row.work != all[50].work).collect::<Vec<_>>()
    };
    let before = others().await;
    let work = host.work_on(&tenant, [stay], async {
        until(async || vendors.asked_for("harbour") > 0).await;
        assert_eq!(others().await, before, "while it goes on");
    });
    let ended = tokio::time::timeout(Duration::from_secs(20), work).await.expect("it ends");
    assert_eq!(ended.unwrap(), Ended::Clean);
    assert_eq!(others().await, before, "and afterwards");
}

/// The drain is as long as it is configured, and a call that never answers is cut off then, not at the error.
#[tokio::test]
async fn an_errand_whose_store_fails_still_lets_its_calls_end() {
    let store = TestStore::new();
    let vendors = Arc::new(Vendors { silent_for: Some("harbour"), ..Vendors::default() });
    let text = format!("{TEXT}\n[worker]\nlook_every = \"1s\"\n");
    let host = build(&text, vendors.clone(), store.clone()).await.unwrap();
    let request = Request::post("/api/webhooks/smoobu/t/harbour/k/planted-harbour-hook")
        .body(Body::from(change(1)))
        .unwrap();
    assert_eq!(send(&host.router(), request).await.status(), 200);
    let WorkKey::Grant(tenant, stay) = store.work(None, 1).await.unwrap().remove(0).work else { panic!() };
    // One that nobody has, which is asked for again and again.
    let other = "zzzzzzzzzzzz".parse().unwrap();
    let failing = async {
        until(async || vendors.asked_for("harbour") > 0).await;
        store.down.store(true, std::sync::atomic::Ordering::SeqCst);
        pending::<()>().await;
    };
    let (began, work) = (std::time::Instant::now(), host.work_on(&tenant, [stay, other], failing));
    let ended = tokio::time::timeout(Duration::from_secs(20), work).await.expect("it ends");
    assert!(matches!(ended, Err(HostError::Store(_))), "{ended:?}");
    // A second until the next look, and the drain.
    assert!(began.elapsed() >= Duration::from_millis(1900), "the call had its time: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_store_that_is_down_at_start_is_an_error() {
    let store = TestStore::new();
    let host = build(TEXT, Arc::default(), store.clone()).await.unwrap();
    store.down.store(true, std::sync::atomic::Ordering::SeqCst);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), host.run(listener, pending())).await;
    assert!(matches!(ended, Ok(Err(HostError::Store(_)))), "{ended:?}");
}

#[tokio::test]
async fn a_host_on_a_file_keeps_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let place = format!(
        "url = \"sqlite://{}\"\nmaster_key = {{ env = \"KEY\" }}",
        folder.path().join("staykey.db").display()
    );
    let text = TEXT.replace("url = \"memory:\"", &place);
    let env = |name: &str| Some(if name == "KEY" { "00".repeat(32) } else { format!("planted-{name}") });
    for (round, expected) in [(1, 1), (2, 2)] {
        let (config, _) = Config::parse(&text, &env).unwrap();
        let host = Host::build(config, HostParts::with_transport(Arc::<Vendors>::default())).await.unwrap();
        let request = Request::post("/api/webhooks/smoobu/t/quay/k/planted-quay-hook")
            .body(Body::from(change(round)))
            .unwrap();
        assert_eq!(send(&host.router(), request).await.status(), 200);
        let inbox = host.engine().store().inbox(&slug("quay"), None, 100).await.unwrap();
        assert_eq!(inbox.len(), expected);
    }
    let other = |name: &str| Some(if name == "KEY" { "01".repeat(32) } else { format!("planted-{name}") });
    let (config, _) = Config::parse(&text, &other).unwrap();
    let error = Host::build(config, HostParts::with_transport(Arc::<Vendors>::default())).await.unwrap_err();
    assert!(matches!(error, HostError::Store(_)), "{error}");
}
