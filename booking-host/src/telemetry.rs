//! Logs: JSON lines without personal data.
//!
//! This crate and those below log names of tenants, integrations and routes, our own ids of stays, counts and
//! durations; never a guest's name, number or address, a PIN, a token, a URL that holds a secret, or a body. The crates
//! that move bytes are kept at warnings whatever the filter says, since what they tell at `trace` are the bytes.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogConfig, LogFormat};

/// Crates that would log bytes, URLs or headers.
const QUIET: [&str; 9] =
    ["axum", "h2", "hyper", "hyper_util", "reqwest", "rustls", "rusqlite", "tower", "tower_http"];

/// Whether a filter can be read.
pub(crate) fn check_filter(text: &str) -> Result<(), String> {
    filter(text).map(drop)
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    let mut filter = EnvFilter::builder().parse(text).map_err(|_| "is no filter for logs".to_owned())?;
    for target in QUIET {
        let directive: Directive =
            format!("{target}=warn").parse().map_err(|_| "is no filter for logs".to_owned())?;
        filter = filter.add_directive(directive);
    }
    Ok(filter)
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
    let filter = filter(&config.filter)?;
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
    let layer = layer(config, io::stderr)?;
    tracing_subscriber::registry().with(layer).try_init().map_err(|error| error.to_string())?;
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
