//! What is logged holds no secret and nothing personal.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use booking_host::telemetry;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::rig::{Rig, URL};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_planted_word_is_logged() {
    let (config, _) = booking_host::Config::parse(
        "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://keys.example.org\"\n[store]\nurl = \"memory:\"\n\
         [log]\nfilter = \"trace\"\n[[tenant]]\nslug = \"harbour\"\n",
        &|_| None,
    )
    .unwrap();
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::registry().with(telemetry::layer(&config.log, lines.clone()).unwrap());
    // One thread: what the host spawns logs here too.
    let _guard = tracing::subscriber::set_default(subscriber);

    let rig = Rig::new();
    let guest = r#""guest":"planted-guest","phone":"+48planted""#;
    for (url, body) in [
        (URL, format!(r#"{{"action":"changed","id":"9001","delivery":1,{guest}}}"#)),
        (URL, format!(r#"{{"action":"rates",{guest}}}"#)),
        (URL, "planted-body that is no JSON".to_owned()),
        (URL, format!(r#"{{"action":"panic",{guest}}}"#)),
        ("/api/webhooks/stub/t/harbour/k/planted-wrong", String::new()),
        ("/api/webhooks/stub/t/harbour/topic/k/planted-wrong?token=planted-query", String::new()),
        ("/api/webhooks/stub/t/planted-tenant/k/planted-wrong", String::new()),
        ("/planted/path?planted-query", String::new()),
    ] {
        rig.post(url, body).await;
    }
    rig.store.down.store(true, std::sync::atomic::Ordering::SeqCst);
    rig.post(URL, format!(r#"{{"action":"changed","id":"9002","delivery":2,{guest}}}"#)).await;
    rig.get("/readyz").await;

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for word in [
        "webhook taken",
        "webhook refused",
        "webhook not stored",
        "a request panicked",
        "answered",
        "the store is not ready",
    ] {
        assert!(text.contains(word), "{word}\n{text}");
    }
    assert!(!text.contains("planted"), "{text}");
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
}
