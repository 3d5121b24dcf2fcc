//! What the worker does when work goes wrong, and what it forgets.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use booking_core::store::{BookingRecord, CodeRecord, CodeState, Kind, Record, Store as _, Tx, Write};
use booking_core::{
    Booking, BookingId, BookingKind, BookingSource, BookingStatus, Call, CodeId, Cursor, DateRange, DoorId,
    DoorKey, ExternalId, GrantId, Guest, Lookup, Marker, Page, Proof, StayDates, VendorError, Window,
    WriteBack, WrittenBack,
};
use booking_host::config::{KeySpec, Settings};
use booking_host::registry::{AdapterParts, BuiltSource, SourceKind};
use booking_host::{Config, Ended, Host, HostParts};
use booking_http::testing::RecordingTransport;
use chrono::{Days, Utc};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::rig::{TestStore, name, send, slug};

const TEXT: &str = "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://keys.example.org\"\n[store]\nurl = \"memory:\"\n\
                    [[tenant]]\nslug = \"harbour\"\n[tenant.source.odd]\nkind = \"odd\"\n";

/// A source whose every answer is a panic.
#[derive(Clone)]
struct Odd;

impl SourceKind for Odd {
    fn keys(&self) -> &[KeySpec] {
        &[]
    }

    fn build(&self, _: &Settings, _: &AdapterParts) -> Result<BuiltSource, VendorError> {
        Ok(BuiltSource::new(Arc::new(Self)))
    }
}

#[async_trait]
impl BookingSource for Odd {
    async fn booking(&self, _: Call, _: &ExternalId) -> Result<Lookup, VendorError> {
        panic!("planted")
    }

    async fn page(&self, _: Call, _: DateRange, _: Option<&Cursor>) -> Result<Page, VendorError> {
        panic!("planted")
    }

    async fn write_back(&self, _: Call, _: &WriteBack) -> Result<WrittenBack, VendorError> {
        Ok(WrittenBack::Unsupported)
    }

    fn marker(&self, _: &ExternalId) -> Option<Marker> {
        None
    }

    fn marked(&self, _: &Marker) -> Option<ExternalId> {
        None
    }

    async fn check(&self, _: Call) -> Result<(), VendorError> {
        Ok(())
    }
}

async fn host(store: Arc<TestStore>) -> Host {
    let mut parts = HostParts::with_transport(Arc::new(RecordingTransport::new()));
    parts.registry.source("odd", Odd);
    parts.store = Some(store);
    let (config, _) = Config::parse_with(TEXT, &|_| None, &parts.registry).unwrap();
    Host::build(config, parts).await.unwrap()
}

/// Runs a host until `good` says so.
async fn run_until(host: Host, mut good: impl AsyncFnMut() -> bool) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(host.run(listener, async {
        let _ = stopped.await;
    }));
    let came = tokio::time::timeout(Duration::from_secs(10), async {
        while !good().await {
            tokio::task::yield_now().await;
        }
    });
    came.await.expect("it comes to that");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_panic_is_counted_and_the_rest_goes_on() {
    let host = host(TestStore::new()).await;
    let router = host.router();
    let metrics = async || send(&router, Request::get("/metrics").body(Body::empty()).unwrap()).await.body;
    let before = metrics().await;
    for never in [
        r#"staykey_work_total{kind="source",result="panicked"} 0"#,
        "staykey_store_errors_total 0",
        r#"staykey_webhooks_total{result="refused",reason="unauthenticated"} 0"#,
    ] {
        assert!(before.contains(never), "else the first is not told: {never}\n{before}");
    }
    let ended = run_until(host, async || {
        let metrics = metrics().await;
        metrics.contains(r#"staykey_work_total{kind="source",result="panicked"} 1"#)
            && metrics.contains(r#"staykey_work_total{kind="notice",result="done"} 1"#)
    })
    .await;
    assert_eq!(ended, Ended::Clean);
    let metrics = metrics().await;
    assert!(!metrics.contains("harbour") && !metrics.contains("planted"), "{metrics}");
    for gauge in [
        "staykey_queue_due ",
        "staykey_queue_failing ",
        "staykey_alerts_open{kind=\"drift\"} 0",
        "staykey_work_running 0",
    ] {
        assert!(metrics.contains(gauge), "{gauge}\n{metrics}");
    }
}

/// Only a purge reads a tenant's plans here.
#[tokio::test]
async fn what_is_due_waits_for_no_purge_and_neither_does_who_stops_it() {
    let host = host(TestStore::stuck_on(Kind::Plan)).await;
    let router = host.router();
    let done = r#"staykey_work_total{kind="notice",result="done"} 1"#;
    let ended = run_until(host, async || {
        send(&router, Request::get("/metrics").body(Body::empty()).unwrap()).await.body.contains(done)
    });
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert_eq!(ended.expect("it stops"), Ended::Clean);
}

fn stay(id: &str, departed_days_ago: u64) -> Record {
    let departure = Utc::now().date_naive() - Days::new(departed_days_ago);
    let booking = Booking {
        reference: ExternalId::parse(id).unwrap(),
        unit: None,
        unit_name: None,
        kind: BookingKind::Stay,
        status: BookingStatus::Confirmed,
        guest: Guest::default(),
        dates: Ok(StayDates::new(departure - Days::new(2), departure).unwrap()),
        check_in: None,
        check_out: None,
        revision: None,
    };
    Record::Booking(BookingRecord {
        id: BookingId::parse(id).unwrap(),
        tenant: slug("harbour"),
        source: name("odd"),
        reference: booking.reference.clone(),
        former: Vec::new(),
        booking: Some(booking),
        seen_at: None,
        deleted_at: None,
        absences: 0,
        not_found_since: None,
        contradicted_since: None,
        gone_at: None,
        cancelled_at: None,
        last_error: None,
        standing: None,
        created_at: Utc::now(),
    })
}

fn code(stay: &str, state: CodeState) -> Record {
    let day = Utc::now().date_naive() - Days::new(200);
    let at = |hour| day.and_hms_opt(hour, 0, 0).unwrap();
    Record::Code(CodeRecord {
        id: CodeId::parse(stay).unwrap(),
        tenant: slug("harbour"),
        stay: BookingId::parse(stay).unwrap(),
        grant: GrantId::parse(stay).unwrap(),
        door: DoorId::parse("front").unwrap(),
        key: DoorKey { vendor: "thekeys".into(), device: "1".into(), keypad: "a".into() },
        lock: name("thekeys"),
        pins: None,
        vendor_id: None,
        known_ids: Vec::new(),
        name: String::new(),
        note: String::new(),
        window: Window::new(at(1), at(2), chrono_tz::UTC).unwrap(),
        state,
        write: None,
        attempts: 0,
        retry_at: None,
        proof: Proof::Listed,
        proof_at: Utc::now(),
        missing_since: None,
        adopted: false,
        backup: false,
        pool_note: None,
        by_staff: None,
        created_at: Utc::now(),
    })
}

#[tokio::test]
async fn stays_are_forgotten_when_they_are_old_and_off_the_doors() {
    let store = TestStore::new();
    let records = [
        stay("aaaaaaaaaaaa", 200),
        stay("bbbbbbbbbbbb", 90),
        stay("cccccccccccc", 200),
        code("cccccccccccc", CodeState::Unwanted),
        stay("dddddddddddd", 200),
        code("dddddddddddd", CodeState::Removed),
    ];
    let now = Utc::now();
    let writes = records.into_iter().map(|record| Write::Put(Box::new(record))).collect();
    let _ = store.commit(Tx { writes, ..Tx::new(now) }).await.unwrap();
    let left = async || {
        let rows = store.rows(Kind::Booking, &slug("harbour"), None, 10).await.unwrap();
        rows.into_iter().map(|row| row.record.key().id).collect::<Vec<_>>()
    };
    let host = host(store.clone()).await;
    let _ = run_until(host, async || left().await.len() < 4).await;
    assert_eq!(left().await, ["bbbbbbbbbbbb", "cccccccccccc"]);
}
