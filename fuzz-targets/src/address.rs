//! Networks, databases and keys, as a configuration names them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use booking_core::Secret;
use booking_core::signature::Network;
use booking_http::is_internal;
use booking_store::{Keys, PostgresUrl};

use crate::rig::{line, says_nothing};

/// Sixteen bytes of an address, then a network: it holds what it names, and is written as it is read.
pub(crate) fn network(data: &[u8]) {
    let Some((bytes, rest)) = data.split_first_chunk::<16>() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let addresses = [
        IpAddr::V6(Ipv6Addr::from(*bytes)),
        IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])),
        IpAddr::V4(Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15])),
    ];
    for address in addresses {
        assert_eq!(
            is_internal(address),
            is_internal(address.to_canonical()),
            "mapped or not, it is one address"
        );
        assert!(Network::from(address).contains(address));
    }
    match text.parse::<Network>() {
        Ok(network) => {
            let written = network.to_string();
            assert_eq!(written.parse::<Network>(), Ok(network));
            let base = written.split('/').next().unwrap().parse::<IpAddr>().unwrap();
            assert!(network.contains(base), "{written}");
            for address in addresses {
                let held = network.contains(address);
                assert_eq!(held, network.contains(address.to_canonical()));
                assert!(!held || Network::from(address) == network || written.contains('/'));
            }
        }
        Err(error) => says_nothing(&error),
    }
}

/// Where a database is: never shown, and refused without being repeated.
pub(crate) fn postgres_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match PostgresUrl::parse(text) {
        Ok(url) => {
            let shown = format!("{url:?}");
            let place = text.split_once("://").map_or("", |(_, rest)| rest);
            let authority = place.split(['/', '?']).next().unwrap_or_default();
            let password = authority.contains(":planted@") && text.matches("planted").count() == 1;
            assert!(!password || (url.has_password() && !shown.contains("planted")), "{shown}");
            assert!(url.with_password(&Secret::new("planted")).has_password());
        }
        Err(error) => {
            let told = error.to_string();
            assert!(!told.contains("planted") && !told.contains(char::is_numeric), "{told}");
        }
    }
}

/// A key that seals, and one on a second line that did earlier: neither is shown.
pub(crate) fn master_key(data: &[u8]) {
    let (first, second) = line(data);
    let (Ok(first), Ok(second)) = (std::str::from_utf8(first), std::str::from_utf8(second)) else { return };
    let keys = Keys::parse(&Secret::new(first));
    assert_eq!(
        keys.is_ok(),
        Keys::parse(&Secret::new(format!(" {first}\n"))).is_ok(),
        "blanks around it say nothing"
    );
    match keys.and_then(|keys| keys.with_older(&Secret::new(second))) {
        Ok(keys) => {
            let shown = format!("{keys:?}");
            for key in [first, second] {
                assert!(!shown.contains(key.trim()), "{shown}");
            }
            let one = |key: &str| format!("{:?}", Keys::parse(&Secret::new(key)).unwrap());
            assert_eq!(one(first), one(first.trim()), "one key, one name");
        }
        Err(error) => assert_eq!(
            error.to_string(),
            "not a valid master key: expected 32 bytes in hexadecimal or base64"
        ),
    }
}
