//! The seam under which a real network or a simulator lies.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::turns::Turns;

/// Sends one request once and returns its answer.
///
/// # Contract
///
/// - It sends the request at most once: no retries, no redirects, no cookies.
/// - It sends URI, headers and body exactly as given, since they may be signed. It may add what HTTP itself needs
///   (`Host`, `Content-Length`).
/// - It returns within `within`, the reading of the body included, or fails with [`TransportErrorKind::Timeout`].
/// - It stops reading beyond the [`BodyLimit`](crate::BodyLimit) in the request's extensions and fails with
///   [`TransportErrorKind::TooLarge`].
/// - [`TransportErrorKind::Connect`] is a promise that nothing was sent; in doubt it is another kind.
/// - Dropping the future abandons the request; whether it was applied is then unknown.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request` and reads the whole answer.
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError>;

    /// The book of the account's turns, where other processes use the account too. A transport around another hands
    /// on what that one says, or says better.
    fn turns(&self) -> Option<Arc<dyn Turns>> {
        None
    }
}

/// What kind of failure kept an answer from arriving, told by whether the request may have been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection came about: name, route, refusal, TLS. The request was **never sent**, so nothing was applied.
    Connect,
    /// No complete answer in time. The request **may have been applied**.
    Timeout,
    /// The connection ended before the answer was complete. The request **may have been applied**.
    Reset,
    /// The answer was longer than allowed. The request **may have been applied**; asking again would not help.
    TooLarge,
    /// What came back was not HTTP or could not be unpacked. The request **may have been applied**.
    Decode,
    /// Anything else. The request **may have been applied**.
    Other,
}

impl TransportErrorKind {
    /// Whether the request may have left, and so been applied.
    #[must_use]
    pub fn may_have_been_applied(self) -> bool {
        self != Self::Connect
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Connect => "could not connect",
            Self::Timeout => "no complete answer in time",
            Self::Reset => "connection closed before the answer was complete",
            Self::TooLarge => "answer too large",
            Self::Decode => "answer was not readable as HTTP",
            Self::Other => "transport failed",
        }
    }
}

/// A request without an answer.
///
/// `Display` says only the kind. A cause that is attached must hold neither URL nor body, since whoever logs an
/// error prints its causes too.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TransportError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Adds the cause, which holds no URL and nothing of the body.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.words())
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
