//! The transport for production.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use booking_core::VendorError;
use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{PublicOnly, is_internal};
use crate::request::BodyLimit;
use crate::settings::is_loopback;
use crate::transport::{Transport, TransportError, TransportErrorKind};

/// Below where nginx (75 s) and load balancers (60 s) close their end, so that a request is not sent into a connection
/// that is just being closed.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// Short enough that a dead host is told apart from a slow one: the first was certainly not reached.
const CONNECT: Duration = Duration::from_secs(5);

/// What is read where a request names no limit.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// [`reqwest`](https://docs.rs/reqwest) with rustls, as the contract of [`Transport`] wants it: no redirects, no
/// retries of its own, no cookies, bodies bounded, errors sorted and without URLs.
///
/// Needs a tokio runtime with time and I/O. Proxies are taken from the environment (`HTTPS_PROXY`, `NO_PROXY`),
/// except for loopback hosts. Clones share their connections; one for the whole process is right.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    loopback: reqwest::Client,
    confined: reqwest::Client,
}

/// Leaves out of what a name resolves to whatever is internal, so that no name of somebody else's leads inside. The
/// address that is checked is the one that is connected to.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found.filter(|address| !is_internal(address.ip())).collect();
            if public.is_empty() {
                return Err("the name leads into an internal network".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

impl ReqwestTransport {
    /// A transport with a pool of its own.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up, for instance because the system has no root certificates.
    pub fn new() -> Result<Self, VendorError> {
        let builder = || {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .pool_idle_timeout(POOL_IDLE)
                .connect_timeout(CONNECT)
        };
        let build = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| {
                VendorError::configuration("HTTP client cannot be set up").with_source(error.without_url())
            })
        };
        Ok(Self {
            client: build(builder())?,
            loopback: build(builder().no_proxy())?,
            confined: build(builder().dns_resolver(Arc::new(PublicNames)))?,
        })
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestTransport")
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let limit = request.extensions().get().map_or(BODY_LIMIT, |BodyLimit(limit)| *limit);
        let confined = request.extensions().get::<PublicOnly>().is_some();
        let host = request.uri().host().unwrap_or_default();
        if confined && literal(host).is_some_and(is_internal) {
            let why = io::Error::other("the address lies in an internal network");
            return Err(TransportError::new(TransportErrorKind::Connect).with_source(why));
        }
        let client = match (confined, is_loopback(host)) {
            (true, _) => &self.confined,
            (false, true) => &self.loopback,
            (false, false) => &self.client,
        };
        let mut request = reqwest::Request::try_from(request).map_err(never_sent)?;
        *request.timeout_mut() = Some(within);
        let mut answer = client.execute(request).await.map_err(sort)?;

        let too_large = || TransportError::new(TransportErrorKind::TooLarge);
        // A declared length is only believed where it saves reading.
        let declared = answer.content_length().unwrap_or(0);
        if declared > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(sort)? {
            if chunk.len() > limit - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.version_mut() = answer.version();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn never_sent(error: reqwest::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Connect).with_source(error.without_url())
}

fn sort(error: reqwest::Error) -> TransportError {
    // A connection that did not come about in time is both, and was certainly not used.
    let kind = if error.is_connect() || error.is_builder() {
        TransportErrorKind::Connect
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else {
        kind_of_causes(&error)
    };
    TransportError::new(kind).with_source(error.without_url())
}

/// reqwest calls most failures "error sending request" or "error decoding response body"; what happened stands in
/// the causes, the innermost knowing best.
fn kind_of_causes(error: &reqwest::Error) -> TransportErrorKind {
    let mut kind = TransportErrorKind::Other;
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            kind = if error.is_parse() {
                TransportErrorKind::Decode
            } else if error.is_user() {
                TransportErrorKind::Other
            } else if error.is_timeout() {
                TransportErrorKind::Timeout
            } else {
                TransportErrorKind::Reset
            };
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            kind = match error.kind() {
                io::ErrorKind::TimedOut => TransportErrorKind::Timeout,
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => TransportErrorKind::Decode,
                io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::NotConnected
                | io::ErrorKind::UnexpectedEof => TransportErrorKind::Reset,
                _ => kind,
            };
        }
        cause = error.source();
    }
    kind
}
