//! Which addresses lead into the machine or a network of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::transport::{Transport, TransportError};

/// Whether an address belongs to the machine or to a network of its own: loopback, private, link-local (cloud
/// metadata), shared, multicast and reserved ranges, and IPv6 addresses that carry such an IPv4 one.
#[must_use]
pub fn is_internal(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_internal_v4(ip),
        IpAddr::V6(ip) => is_internal_v6(ip),
    }
}

fn is_internal_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
}

fn is_internal_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let embedded = match segments {
        // Translation (NAT64) and 6to4 carry an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = embedded {
        return is_internal_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    }
    ip.is_loopback()
        || ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_unique_local()
        || ip.is_unicast_link_local()
}

/// In a request's extensions: it may go to public addresses only, whatever its host's name resolves to at that
/// moment. [`ReqwestTransport`](crate::ReqwestTransport) obeys it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicOnly;

/// A transport whose calls reach public addresses only.
#[derive(Debug)]
pub struct Confined<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Confined<T> {
    /// Confines a transport that obeys [`PublicOnly`].
    #[must_use]
    pub fn new(transport: Arc<T>) -> Self {
        Self(transport)
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Confined<T> {
    async fn call(
        &self,
        mut request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        request.extensions_mut().insert(PublicOnly);
        self.0.call(request, within).await
    }
}
