//! `[traces]`: where traces of what a host does are sent.

use super::SecretValue;
use super::read::Section;

/// `[traces]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TracesConfig {
    /// Where a collector takes traces by OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// The service's name in them.
    pub service: String,
    /// What the collector wants in `Authorization`.
    pub authorization: Option<SecretValue>,
    /// The share of traces that are kept, from 0 to 1.
    pub share: f64,
}

/// The configuration, or `None` inside where there is no such section.
pub(super) fn read(section: Section<'_>) -> Option<TracesConfig> {
    let endpoint = section
        .require(
            "endpoint",
            "write where the collector takes traces, such as \"http://127.0.0.1:4318/v1/traces\"",
        )
        .and_then(|entry| {
            if !cfg!(feature = "otel") {
                entry.wrong(
                    "this host was built without OpenTelemetry",
                    "build it with the feature `otel`, or take the section out",
                );
                return None;
            }
            entry.parse(address, "write a URL such as \"http://127.0.0.1:4318/v1/traces\"")
        });
    let service = match section.get("service") {
        None => Some("staykey".to_owned()),
        Some(entry) => entry.text().map(str::to_owned),
    };
    let authorization = match section.get("authorization") {
        None => Some(None),
        Some(entry) => super::stays_outside(&entry).map(Some),
    };
    let share = match section.get("share") {
        None => Some(1.0),
        Some(entry) => entry.fraction(),
    };
    section.finish();
    Some(TracesConfig {
        endpoint: endpoint?,
        service: service?,
        authorization: authorization?,
        share: share?,
    })
}

fn address(text: &str) -> Result<String, &'static str> {
    let uri: http::Uri = text.parse().map_err(|_| "is no URL")?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    // A password in it would stand in logs of proxies.
    let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if is_http && is_plain && uri.query().is_none() {
        Ok(text.to_owned())
    } else {
        Err("is no plain http:// or https:// URL")
    }
}
