//! Stand-ins: a store that can be down or slow, a receiver that keeps what it saw.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use booking_core::conformance::SeededRng;
use booking_core::signature::PathSecret;
use booking_core::store::*;
use booking_core::{
    BookingId, Dedup, Delivery, DoorKey, Event, ExternalId, IntegrationName, RawRequest, Refusal, Reply,
    Secret, TenantSlug, WebhookReceiver,
};
use booking_engine::Engine;
use booking_host::{RouterSettings, SystemClock, Webhooks};
use booking_store::MemoryStore;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use tower::ServiceExt as _;

pub(crate) fn slug(text: &str) -> TenantSlug {
    TenantSlug::parse(text).unwrap()
}

pub(crate) fn name(text: &str) -> IntegrationName {
    IntegrationName::parse(text).unwrap()
}

/// A memory store that can be down, and whose commits can be held up.
pub(crate) struct TestStore {
    pub(crate) inner: MemoryStore,
    pub(crate) down: AtomicBool,
    /// A commit takes one permit; closed means as many as it likes.
    pub(crate) gate: Semaphore,
    /// Whose rows never come.
    pub(crate) stuck_on: Option<Kind>,
}

impl TestStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::open())
    }

    pub(crate) fn gated() -> Arc<Self> {
        Arc::new(Self { gate: Semaphore::new(0), ..Self::open() })
    }

    pub(crate) fn stuck_on(kind: Kind) -> Arc<Self> {
        Arc::new(Self { stuck_on: Some(kind), ..Self::open() })
    }

    fn open() -> Self {
        let gate = Semaphore::new(0);
        gate.close();
        Self { inner: MemoryStore::new(), down: AtomicBool::new(false), gate, stuck_on: None }
    }

    fn up(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) {
            Err(StoreError::Unavailable("disk".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Store for TestStore {
    async fn commit(&self, tx: Tx) -> Result<Commit, StoreError> {
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
        self.up()?;
        self.inner.commit(tx).await
    }
    async fn claim_work(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError> {
        self.up()?;
        self.inner.claim_work(now, lease_for, places).await
    }
    async fn claim_key(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        work: &WorkKey,
    ) -> Result<Option<Lease>, StoreError> {
        self.up()?;
        self.inner.claim_key(now, lease_for, work).await
    }
    async fn extend(
        &self,
        now: DateTime<Utc>,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.inner.extend(now, lease, until).await
    }
    async fn next_due(&self, after: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.inner.next_due(after).await
    }
    async fn work(&self, after: Option<&WorkKey>, limit: usize) -> Result<Vec<WorkRow>, StoreError> {
        self.inner.work(after, limit).await
    }
    async fn work_row(&self, work: &WorkKey) -> Result<Option<WorkRow>, StoreError> {
        self.inner.work_row(work).await
    }
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.inner.get(key).await
    }
    async fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError> {
        self.inner.stay(tenant, booking).await
    }
    async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if self.stuck_on == Some(kind) {
            std::future::pending::<()>().await;
        }
        self.inner.rows(kind, tenant, after, limit).await
    }
    async fn codes_on(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError> {
        self.inner.codes_on(tenant, door).await
    }

    async fn codes_ever_on(
        &self,
        tenant: &TenantSlug,
        door: &DoorKey,
    ) -> Result<Vec<CodeRecord>, StoreError> {
        self.inner.codes_ever_on(tenant, door).await
    }
    async fn alias(
        &self,
        tenant: &TenantSlug,
        source: &IntegrationName,
        reference: &ExternalId,
    ) -> Result<Option<BookingId>, StoreError> {
        self.inner.alias(tenant, source, reference).await
    }
    async fn unread(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError> {
        self.inner.unread(work).await
    }
    async fn inbox(
        &self,
        tenant: &TenantSlug,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        self.inner.inbox(tenant, before, limit).await
    }
    async fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.inner.audit(tenant, stay, before, limit).await
    }
    async fn purge(
        &self,
        now: DateTime<Utc>,
        older_than: DateTime<Utc>,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        self.inner.purge(now, older_than, stays).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.up()?;
        self.inner.ping().await
    }
}

/// What a receiver was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) url: String,
    pub(crate) topic: Option<String>,
    pub(crate) secret: Option<String>,
    pub(crate) peer: Option<String>,
}

/// Takes `{"action": …, "id": …}` with one of its path secrets.
pub(crate) struct Stub {
    secrets: Option<PathSecret>,
    pub(crate) seen: Mutex<Vec<Seen>>,
}

impl Stub {
    pub(crate) fn new(secrets: &[&str]) -> Arc<Self> {
        let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        let secrets = if secrets.is_empty() { None } else { Some(PathSecret::new(&secrets).unwrap()) };
        Arc::new(Self { secrets, seen: Mutex::default() })
    }
}

impl WebhookReceiver for Stub {
    fn verify(&self, request: &RawRequest<'_>) -> Result<(), Refusal> {
        self.seen.lock().unwrap().push(Seen {
            url: request.url.to_owned(),
            topic: request.topic.map(str::to_owned),
            secret: request.path_secret.map(str::to_owned),
            peer: request.peer.map(|peer| peer.to_string()),
        });
        if request.method != axum::http::Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        if request.headers.contains_key("x-from-elsewhere") {
            return Err(Refusal::AddressNotAllowed);
        }
        match &self.secrets {
            Some(secrets) => Ok(secrets.verify(request.path_secret)?),
            None => Ok(()),
        }
    }

    fn parse(&self, request: &RawRequest<'_>) -> Result<Delivery, Refusal> {
        let body: Value = serde_json::from_slice(request.body).map_err(|_| Refusal::Malformed("not JSON"))?;
        if body["action"] == "panic" {
            panic!("at {body}");
        }
        let id = body["id"].as_str().map(|id| ExternalId::parse(id).unwrap());
        Ok(Delivery {
            action: if id.is_some() { "changed" } else { "unknown" },
            dedup: Dedup::VendorId { id: body["delivery"].to_string(), ttl: Duration::from_secs(60) },
            events: id.into_iter().map(|reference| Event::Hint { reference, deleted: false }).collect(),
            reply: Reply { status: 202, body: json!({"taken": true}) },
        })
    }
}

pub(crate) const SECRET: &str = "planted-path-secret";
pub(crate) const URL: &str = "/api/webhooks/stub/t/harbour/k/planted-path-secret";

/// A router over a stub and a store.
pub(crate) struct Rig {
    pub(crate) store: Arc<TestStore>,
    pub(crate) stub: Arc<Stub>,
    pub(crate) router: Router,
    pub(crate) wake: Arc<Notify>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(TestStore::new(), |_| {})
    }

    pub(crate) fn with(store: Arc<TestStore>, change: impl FnOnce(&mut RouterSettings)) -> Self {
        let (config, _) = booking_host::Config::parse(
            "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://keys.example.org\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n\
             [store]\nurl = \"memory:\"\n[[tenant]]\nslug = \"harbour\"\n",
            &|_| None,
        )
        .unwrap();
        let mut settings = RouterSettings::new(&config.server, &config.aliases);
        change(&mut settings);
        let stub = Stub::new(&[SECRET, "planted-second"]);
        let mut webhooks = Webhooks::default();
        webhooks.insert(slug("harbour"), name("stub"), stub.clone());
        let clock = Arc::new(SystemClock);
        let rng = Arc::new(SeededRng::new(7));
        let engine = Arc::new(Engine::new(store.clone(), clock.clone(), rng.clone(), Vec::new()));
        let wake = Arc::new(Notify::new());
        let router = booking_host::router(engine, clock, &*rng, webhooks, settings, wake.clone());
        Self { store, stub, router, wake }
    }

    pub(crate) async fn post(&self, url: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(url).body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(Request::get(url).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    pub(crate) async fn inbox(&self) -> usize {
        self.store.inbox(&slug("harbour"), None, 100).await.unwrap().len()
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}
