//! Traces for an OpenTelemetry collector, by OTLP over HTTP. Their spans and events are those of the log, under the same
//! filter, and so without personal data.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use booking_core::Secret;
use booking_http::Transport;
use bytes::Bytes;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::config::TracesConfig;

/// How long the collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take for all of the last ones: a host that was told to stop has little time left.
const LAST: Duration = Duration::from_secs(3);

/// What gathers spans and sends them, in batches, on a thread of its own.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends to the configured collector over this network, in the Tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// When the address cannot be used.
    pub fn new(config: &TracesConfig, transport: Arc<dyn Transport>) -> Result<Self, String> {
        let collector = Collector {
            transport,
            runtime: Handle::current(),
            authorization: config.authorization.as_ref().and_then(|secret| secret.get()).cloned(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&config.endpoint)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        // Nothing of the environment: all that is told stands in the configuration.
        let resource = Resource::builder_empty()
            .with_service_name(config.service.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.share)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .with_sampler(sampler)
            .build();
        Ok(Self(provider))
    }

    /// The layer for a subscriber; what may pass is for its filter to say.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("staykey"))
            .with_location(false)
            .with_threads(false)
    }

    /// Sends what was gathered and ends, within three seconds. Says whether the collector took it.
    pub async fn end(self) -> bool {
        let (tell, told) = oneshot::channel();
        // Not a task that blocks: a runtime that ends would wait for it, however long the collector takes.
        std::thread::spawn(move || {
            // Ending alone does not say what became of the last batch.
            let _ = tell.send(self.0.force_flush().and_then(|()| self.0.shutdown_with_timeout(LAST)).is_ok());
        });
        tokio::time::timeout(LAST, told).await.is_ok_and(|told| told.unwrap_or(false))
    }
}

/// The way to the collector: the exporter's thread asks, the runtime sends.
struct Collector {
    transport: Arc<dyn Transport>,
    runtime: Handle,
    authorization: Option<Secret>,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(
        &self,
        mut request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        if let Some(secret) = &self.authorization {
            let mut value = http::HeaderValue::from_str(secret.expose())?;
            value.set_sensitive(true);
            request.headers_mut().insert(http::header::AUTHORIZATION, value);
        }
        let (answer, answered) = oneshot::channel();
        let transport = Arc::clone(&self.transport);
        self.runtime.spawn(async move {
            // Whoever asked may have given up.
            let _ = answer.send(transport.call(request, PATIENCE).await);
        });
        Ok(answered.await??)
    }
}
