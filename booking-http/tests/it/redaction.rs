use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use booking_core::conformance::SeededRng;
use booking_core::{Call, Clock, Secret};
use booking_http::testing::{LeapingClock, RecordingTransport};
use booking_http::{Bearer, Safety, TransportErrorKind, VendorClient, VendorRequest, VendorSettings};
use http::HeaderValue;
use tracing_subscriber::fmt::MakeWriter;

use crate::rig::{ready, start};

const SECRET: &str = "hunter2";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// All that can be printed of an error, its causes included.
fn printed(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(|error| format!("{error} {error:?} ")).collect()
}

#[test]
fn nothing_planted_comes_out() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let clock = Arc::new(LeapingClock::new(start()));
    let transport = Arc::new(RecordingTransport::new());
    let mut unwelcome = http::Response::new(format!("{{\"id\": \"{SECRET}\"}}").into());
    unwelcome.headers_mut().insert("x-token", HeaderValue::from_static(SECRET));
    let mut failed = unwelcome.clone();
    *failed.status_mut() = http::StatusCode::BAD_GATEWAY;
    transport.push(failed).push_error(TransportErrorKind::Reset).push(unwelcome);
    let settings = VendorSettings::new("vendor", format!("https://api.example.com/{SECRET}"));
    let rng = Arc::new(SeededRng::new(1));
    let client = VendorClient::new(settings.clone(), transport.clone(), clock.clone(), rng).unwrap();
    let signer = Bearer::new(&Secret::new(SECRET)).unwrap();
    let request = VendorRequest::post("POST /things", format!("/things/{SECRET}"), Safety::Repeatable)
        .with_query_pairs([("key", SECRET)])
        .with_header("x-key".parse().unwrap(), HeaderValue::from_static(SECRET))
        .with_form([("pin", SECRET)]);

    let call = || Call::until(clock.now() + Duration::from_secs(90));
    let answer = ready(client.send(call(), &request, &signer)).unwrap();
    let unreadable = answer.json::<std::collections::BTreeMap<String, u64>>(request.label).unwrap_err();
    let unsent = ready(client.send(call(), &request, &signer)).unwrap_err();
    let invalid = ready(client.send(call(), &VendorRequest::get("GET /", SECRET), &signer)).unwrap_err();
    let key = Bearer::new(&Secret::new(format!("{SECRET}\n"))).unwrap_err();
    drop(guard);

    let mut text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("vendor call").count(), 4, "{text}");
    for error in [&unreadable, &unsent, &invalid, &key] {
        text.push_str(&printed(error));
    }
    text.push_str(&format!("{settings:?} {client:?} {signer:?} {request:?} {answer:?} {transport:?}"));
    text.push_str(&format!("{:?}", client.health()));
    assert!(!text.contains(SECRET), "{text}");
}
