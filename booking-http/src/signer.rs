//! Who we are, added to each attempt.

use std::fmt;

use booking_core::{Rng, Secret, VendorError};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderValue;
use http::header::AUTHORIZATION;

/// Adds credentials to a request.
///
/// It is asked anew for each attempt, a moment before it is sent, because vendors refuse a nonce or time stamp that
/// they saw before. URI, headers and body are final; what is added must be headers. The URI holds the prefix of the
/// base URL; the path as the vendor knows it is the [`VendorPath`](crate::VendorPath) in the request's extensions.
pub trait Signer: Send + Sync {
    /// Signs `request` at `now`.
    ///
    /// # Errors
    ///
    /// When the credentials cannot be used; the request is then not sent.
    fn sign(
        &self,
        request: &mut http::Request<Bytes>,
        now: DateTime<Utc>,
        rng: &dyn Rng,
    ) -> Result<(), VendorError>;
}

/// Adds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSigner;

impl Signer for NoSigner {
    fn sign(&self, _: &mut http::Request<Bytes>, _: DateTime<Utc>, _: &dyn Rng) -> Result<(), VendorError> {
        Ok(())
    }
}

/// Adds `Authorization: Bearer …`.
#[derive(Clone)]
pub struct Bearer(HeaderValue);

impl Bearer {
    /// A signer with this token.
    ///
    /// # Errors
    ///
    /// When the token cannot stand in a header. The error does not repeat it.
    pub fn new(token: &Secret) -> Result<Self, VendorError> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| VendorError::configuration("token holds characters that cannot be sent"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

impl Signer for Bearer {
    fn sign(
        &self,
        request: &mut http::Request<Bytes>,
        _: DateTime<Utc>,
        _: &dyn Rng,
    ) -> Result<(), VendorError> {
        request.headers_mut().insert(AUTHORIZATION, self.0.clone());
        Ok(())
    }
}
