//! Who called, where proxies stand in front.

use std::net::{IpAddr, SocketAddr};

use booking_core::signature::Network;
use http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The caller's address: the socket's, or from a trusted proxy the right-most address of `X-Forwarded-For` that is no
/// trusted proxy itself. Whatever stands left of it anybody could have written. `None` where a trusted proxy's word
/// cannot be read.
pub(crate) fn peer(socket: Option<IpAddr>, headers: &HeaderMap, proxies: &[Network]) -> Option<IpAddr> {
    let socket = socket?.to_canonical();
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    if !trusted(socket) {
        return Some(socket);
    }
    let mut farthest = socket;
    for value in headers.get_all(FORWARDED_FOR).iter().rev() {
        for hop in value.to_str().ok()?.rsplit(',') {
            farthest = address(hop.trim())?;
            if !trusted(farthest) {
                return Some(farthest);
            }
        }
    }
    Some(farthest)
}

/// An address, with or without brackets and port, as proxies write them.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let ip = text
        .parse()
        .ok()
        .or_else(bare)
        .or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()))?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_called() {
        let proxies: Vec<Network> = ["10.0.0.0/8", "::1"].iter().map(|text| text.parse().unwrap()).collect();
        for (socket, headers, expected) in [
            // Nobody may say who they are but a trusted proxy.
            (Some("203.0.113.9"), &["198.51.100.1"][..], Some("203.0.113.9")),
            (Some("203.0.113.9"), &[], Some("203.0.113.9")),
            (Some("10.0.0.1"), &[], Some("10.0.0.1")),
            (Some("10.0.0.1"), &["198.51.100.1"], Some("198.51.100.1")),
            (Some("::ffff:10.0.0.1"), &["198.51.100.1"], Some("198.51.100.1")),
            (Some("::1"), &["2001:db8::7"], Some("2001:db8::7")),
            // What stands farther left may be invented.
            (Some("10.0.0.1"), &["192.0.2.1, 198.51.100.1"], Some("198.51.100.1")),
            (Some("10.0.0.1"), &["192.0.2.1", "198.51.100.1"], Some("198.51.100.1")),
            (Some("10.0.0.1"), &["192.0.2.1, 198.51.100.1, 10.0.0.2"], Some("198.51.100.1")),
            (Some("10.0.0.1"), &["198.51.100.1", "10.0.0.3, 10.0.0.2"], Some("198.51.100.1")),
            (Some("10.0.0.1"), &["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
            (Some("10.0.0.1"), &["198.51.100.1:4711"], Some("198.51.100.1")),
            (Some("10.0.0.1"), &["[2001:db8::7]:4711"], Some("2001:db8::7")),
            (Some("10.0.0.1"), &["[2001:db8::7]"], Some("2001:db8::7")),
            // Unreadable is unknown, not the proxy.
            (Some("10.0.0.1"), &["198.51.100.1, unknown"], None),
            (Some("10.0.0.1"), &[""], None),
            (Some("10.0.0.1"), &["unknown, 198.51.100.1"], Some("198.51.100.1")),
            (None, &["198.51.100.1"], None),
        ] {
            let mut map = HeaderMap::new();
            for value in headers {
                map.append(FORWARDED_FOR, value.parse().unwrap());
            }
            let found = peer(socket.map(|ip| ip.parse().unwrap()), &map, &proxies);
            assert_eq!(found, expected.map(|ip| ip.parse().unwrap()), "{socket:?} {headers:?}");
        }
    }
}
