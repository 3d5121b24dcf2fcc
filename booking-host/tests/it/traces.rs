//! What is sent to a collector of traces: what the log may hold, and no more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use booking_host::{Config, Traces, telemetry};
use booking_http::{Transport, TransportError, TransportErrorKind};
use bytes::Bytes;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::rig::{Rig, URL};

/// What a collector does with what it is sent.
#[derive(Clone, Copy, Debug)]
enum Does {
    Answers(u16),
    Refuses,
    Hangs,
}

/// Keeps what it is sent.
struct Collector {
    does: Does,
    taken: Mutex<Vec<http::Request<Bytes>>>,
}

#[async_trait]
impl Transport for Collector {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        self.taken.lock().unwrap().push(request);
        let status = match self.does {
            Does::Answers(status) => status,
            Does::Refuses => return Err(TransportError::new(TransportErrorKind::Connect)),
            Does::Hangs => std::future::pending().await,
        };
        Ok(http::Response::builder().status(status).body(Bytes::new()).unwrap())
    }
}

fn config(traces: &str) -> Config {
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://keys.example.org\"\n[store]\nurl = \"memory:\"\n\
         [traces]\nendpoint = \"http://collector.example:4318/v1/traces\"\n{traces}\n[[tenant]]\nslug = \"harbour\"\n"
    );
    Config::parse(&text, &|_| Some("planted-token".to_owned())).unwrap().0
}

/// What a host sends that takes a webhook and refuses another, and whether the collector took it.
async fn sent(does: Does, traces: &str) -> (Vec<http::Request<Bytes>>, bool) {
    let collector = Arc::new(Collector { does, taken: Mutex::default() });
    let config = config(traces);
    let traces = Traces::new(config.traces.as_ref().unwrap(), collector.clone()).unwrap();
    let layer = traces.layer().with_filter(tracing_subscriber::filter::LevelFilter::INFO);
    let guard = tracing::subscriber::set_default(
        tracing_subscriber::registry()
            .with(telemetry::layer(&config.log, std::io::sink).unwrap())
            .with(layer),
    );
    let rig = Rig::new();
    let guest = r#""guest":"planted-guest","phone":"+48planted""#;
    rig.post(URL, format!(r#"{{"action":"changed","id":"9001","delivery":1,{guest}}}"#)).await;
    rig.post("/api/webhooks/stub/t/harbour/k/planted-wrong?token=planted-query", String::new()).await;
    drop(guard);
    let taken = traces.end().await;
    let requests = std::mem::take(&mut *collector.taken.lock().unwrap());
    (requests, taken)
}

fn holds(body: &[u8], word: &str) -> bool {
    body.windows(word.len()).any(|part| part == word.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn traces_hold_no_planted_word() {
    // Requests are handled on the thread whose subscriber is set.
    let (requests, taken) =
        sent(Does::Answers(200), "authorization = { env = \"TOKEN\" }\nservice = \"front\"").await;
    assert!(taken);
    let body: Vec<u8> = requests.iter().flat_map(|request| request.body().to_vec()).collect();
    for word in ["front", "service.version", "request", "webhook taken", "/api/webhooks/{integration}"] {
        assert!(holds(&body, word), "{word}");
    }
    assert!(!holds(&body, "planted"), "{}", String::from_utf8_lossy(&body));
    for request in &requests {
        assert_eq!(request.uri(), "http://collector.example:4318/v1/traces");
        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
        let authorization = &request.headers()["authorization"];
        assert!(authorization == "planted-token" && authorization.is_sensitive());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_collector_that_is_away_holds_nothing_up() {
    for does in [Does::Refuses, Does::Answers(500), Does::Answers(401)] {
        let (requests, taken) = sent(does, "").await;
        assert!(!requests.is_empty() && !taken, "{does:?}");
    }
    let (requests, _) = sent(Does::Answers(200), "share = 0").await;
    assert!(requests.is_empty(), "a share of nothing");
}

/// Nor does the runtime wait for it that the process ends with.
#[test]
fn a_collector_that_never_answers_is_waited_for_three_seconds() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let began = std::time::Instant::now();
    let (_, taken) = runtime.block_on(sent(Does::Hangs, ""));
    drop(runtime);
    let took = began.elapsed();
    assert!(!taken && took < Duration::from_millis(4500), "{took:?}");
}
