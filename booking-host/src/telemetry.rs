//! Logs: JSON lines without personal data.
//!
//! This crate and those below log names of tenants, integrations and routes, our own ids of stays, counts and
//! durations; never a guest's name, number or address, a PIN, a token, a URL that holds a secret, or a body. The crates
//! that move bytes are kept at warnings whatever the filter says, since what they tell at `trace` are the bytes.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogConfig, LogFormat};

/// Crates that would log bytes, URLs or headers. A name stands for all that begin with it.
const QUIET: [&str; 9] =
    ["axum::", "h2", "hyper", "opentelemetry", "reqwest", "rustls", "rusqlite", "tokio", "tower"];

/// Whether a filter can be read.
pub(crate) fn check_filter(text: &str) -> Result<(), String> {
    filter(text).map(drop)
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(text).map_err(|_| "is no filter for logs".to_owned())
}

/// A filter of its own, since a more special directive of the operator's would win over one of ours.
fn quiet() -> Targets {
    let all = Targets::new().with_default(LevelFilter::TRACE);
    QUIET.into_iter().fold(all, |targets, target| targets.with_target(target, LevelFilter::WARN))
}

/// The layer that writes the log, for a subscriber of one's own.
///
/// # Errors
///
/// When the filter cannot be read.
pub fn layer<S, W>(config: &LogConfig, writer: W) -> Result<Box<dyn Layer<S> + Send + Sync>, String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = filter(&config.filter)?.and(quiet());
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    Ok(match config.format {
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_current_span(true).with_span_list(false);
            layer.with_filter(filter).boxed()
        }
        LogFormat::Text => layer.with_ansi(false).with_filter(filter).boxed(),
    })
}

/// Logs to standard error from now on, and panics too: where they happened, not their texts, which may quote what was
/// being worked on.
///
/// # Errors
///
/// When the filter cannot be read, or the process logs elsewhere already.
pub fn init(config: &LogConfig) -> Result<(), String> {
    start(tracing_subscriber::registry().with(layer(config, io::stderr)?))
}

/// The same, and what passes the log's filter goes into traces too.
///
/// # Errors
///
/// As [`init`].
#[cfg(feature = "otel")]
pub fn init_with_traces(config: &LogConfig, traces: &crate::Traces) -> Result<(), String> {
    let spans = traces.layer().with_filter(filter(&config.filter)?.and(quiet()));
    start(tracing_subscriber::registry().with(layer(config, io::stderr)?).with(spans))
}

fn start(subscriber: impl Subscriber + Send + Sync) -> Result<(), String> {
    subscriber.try_init().map_err(|error| error.to_string())?;
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => tracing::error!(file = place.file(), line = place.line(), "panicked"),
        None => tracing::error!("panicked"),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_bytes_is_kept_quiet() {
        use std::sync::{Arc, Mutex};

        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);

        impl io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let lines = Lines::default();
        let writer = lines.clone();
        let config = LogConfig { filter: "trace,hyper::proto=trace".to_owned(), ..LogConfig::default() };
        let layer = layer(&config, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::trace!(target: "hyper::proto::h1", "planted");
            tracing::info!(target: "reqwest::connect", "planted");
            tracing::info!(target: "axum::rejection", "planted");
            tracing::warn!(target: "hyper::proto::h1", "warned");
            tracing::info!(target: "axum_host", "hosted");
            tracing::debug!(target: "booking_http", "called");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("planted"), "{text}");
        for word in ["warned", "hosted", "called"] {
            assert!(text.contains(word), "{word}\n{text}");
        }
    }

    #[test]
    fn filters() {
        for (text, good) in [
            ("info", true),
            ("booking_host=debug,info", true),
            ("warn,booking_engine[work]=trace", true),
            ("booking_host=loud", false),
            ("=,=", false),
        ] {
            assert_eq!(check_filter(text).is_ok(), good, "{text}");
        }
    }
}
