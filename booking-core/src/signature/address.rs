//! Where a request may come from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Part, SignatureError};
use crate::Invalid;

/// One address, or a network in CIDR notation.
///
/// IPv4 addresses that are mapped into IPv6 (`::ffff:192.0.2.1`) are the IPv4 addresses that they stand for,
/// in the network as in the peer. So no IPv6 network, not even `::/0`, contains an IPv4 peer.
///
/// ```
/// use booking_core::signature::Network;
///
/// let network: Network = "38.80.170.0/24".parse()?;
/// assert!(network.contains([38, 80, 170, 9].into()));
/// assert!(network.contains("::ffff:38.80.170.9".parse()?));
/// assert!(!network.contains([38, 80, 171, 9].into()));
/// assert_eq!(network.to_string(), "38.80.170.0/24");
///
/// // A forgotten or superfluous digit is told, not guessed:
/// assert!("38.80.170.1/24".parse::<Network>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address is in this network.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => mask_v4(address, self.prefix) == base,
            (IpAddr::V6(base), IpAddr::V6(address)) => mask_v6(address, self.prefix) == base,
            _ => false,
        }
    }
}

impl From<IpAddr> for Network {
    /// Just this address.
    fn from(address: IpAddr) -> Self {
        let base = address.to_canonical();
        Self { base, prefix: if base.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        parse(text).ok_or(Invalid::new(
            "network",
            "an IP address, or one with a prefix length and no bits set after it, as in 192.0.2.0/24",
        ))
    }
}

fn parse(text: &str) -> Option<Network> {
    let Some((base, prefix)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(Network::from);
    };
    if !prefix.bytes().all(|byte| byte.is_ascii_digit()) || (prefix.len() > 1 && prefix.starts_with('0')) {
        return None;
    }
    let prefix: u8 = prefix.parse().ok()?;
    match base.parse().ok()? {
        IpAddr::V4(base) => {
            (prefix <= 32 && mask_v4(base, prefix) == base).then_some(Network { base: base.into(), prefix })
        }
        IpAddr::V6(base) if prefix <= 128 && mask_v6(base, prefix) == base => {
            Some(match base.to_ipv4_mapped() {
                // The mapping itself takes 96 bits, and they are set, so that a shorter prefix was refused
                // above.
                Some(mapped) => Network { base: mapped.into(), prefix: prefix.saturating_sub(96) },
                None => Network { base: base.into(), prefix },
            })
        }
        IpAddr::V6(_) => None,
    }
}

fn mask_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    address & Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0))
}

fn mask_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    address & Ipv6Addr::from_bits(u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0))
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, prefix } = self;
        if *self == Self::from(*base) { write!(f, "{base}") } else { write!(f, "{base}/{prefix}") }
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl TryFrom<String> for Network {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

/// The networks that requests may come from. An empty list admits nobody.
///
/// It is worth as much as the address that it is given: behind a reverse proxy, that is the one the proxy
/// says, and only if the proxy alone can be reached. Use it beside a signature or secret, not instead of one.
///
/// ```
/// use booking_core::signature::{AllowList, SignatureError};
///
/// let list: AllowList = ["192.0.2.0/24".parse()?, "2001:db8::/32".parse()?].into_iter().collect();
/// assert_eq!(list.verify(Some("2001:db8::1".parse()?)), Ok(()));
/// assert_eq!(list.verify(Some("198.51.100.1".parse()?)), Err(SignatureError::AddressRefused));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllowList(Vec<Network>);

impl AllowList {
    /// Whether the peer is in one of the networks.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Missing`] where the host does not know the peer, [`SignatureError::AddressRefused`].
    pub fn verify(&self, peer: Option<IpAddr>) -> Result<(), SignatureError> {
        let peer = peer.ok_or(SignatureError::Missing(Part::Address))?;
        if self.0.iter().any(|network| network.contains(peer)) {
            Ok(())
        } else {
            Err(SignatureError::AddressRefused)
        }
    }
}

impl FromIterator<Network> for AllowList {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn networks_read_and_print() {
        for (text, printed) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1/32", Some("192.0.2.1")),
            ("192.0.2.0/24", Some("192.0.2.0/24")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("::/0", Some("::/0")),
            ("2001:DB8::/32", Some("2001:db8::/32")),
            ("2001:db8::1/128", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("::ffff:192.0.2.0/120", Some("192.0.2.0/24")),
            ("::ffff:0:0/96", Some("0.0.0.0/0")),
            ("::ffff:0:0/95", None),
            ("192.0.2.1/24", None),
            ("192.0.2.0/33", None),
            ("192.0.2.0/", None),
            ("192.0.2.0/+24", None),
            ("192.0.2.0/024", None),
            ("192.0.2.0/256", None),
            ("192.0.2.0/24/24", None),
            ("192.0.2/24", None),
            ("192.0.2.01", None),
            ("2001:db8::/129", None),
            ("2001:db8::1/32", None),
            ("fe80::1%eth0", None),
            (" 192.0.2.1", None),
            ("example.com", None),
            ("/", None),
            ("", None),
        ] {
            let network: Result<Network, _> = text.parse();
            assert_eq!(network.ok().map(|network| network.to_string()).as_deref(), printed, "{text:?}");
        }
    }

    #[test]
    fn membership() {
        for (network, inside, outside) in [
            ("192.0.2.7", &["192.0.2.7", "::ffff:192.0.2.7"][..], &["192.0.2.8", "::c000:207"][..]),
            ("192.0.2.0/25", &["192.0.2.0", "192.0.2.127"], &["192.0.2.128", "192.0.1.255"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255", "::ffff:8.8.8.8"], &["::", "2001:db8::1"]),
            ("::/0", &["::1", "2001:db8::1"], &["192.0.2.1", "::ffff:192.0.2.1"]),
            ("2001:db8::/33", &["2001:db8:7fff::1"], &["2001:db8:8000::1", "2001:db9::1"]),
            ("2001:db8::1", &["2001:db8::1"], &["2001:db8::2"]),
            ("::ffff:192.0.2.0/120", &["192.0.2.9", "::ffff:192.0.2.9"], &["192.0.3.9"]),
        ] {
            let network: Network = network.parse().unwrap();
            for (addresses, expected) in [(inside, true), (outside, false)] {
                for address in addresses {
                    let contains = network.contains(address.parse().unwrap());
                    assert_eq!(contains, expected, "{network} {address}");
                }
            }
        }
    }

    #[test]
    fn lists() {
        let list: AllowList = serde_json::from_str(r#"["192.0.2.0/24","2001:db8::7"]"#).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"["192.0.2.0/24","2001:db8::7"]"#);
        assert!(serde_json::from_str::<AllowList>(r#"["192.0.2.1/24"]"#).is_err());
        for (peer, expected) in [
            (Some("192.0.2.1"), Ok(())),
            (Some("::ffff:192.0.2.1"), Ok(())),
            (Some("2001:db8::7"), Ok(())),
            (Some("2001:db8::8"), Err(SignatureError::AddressRefused)),
            (None, Err(SignatureError::Missing(Part::Address))),
        ] {
            assert_eq!(list.verify(peer.map(|peer| peer.parse().unwrap())), expected, "{peer:?}");
        }
        let nobody = AllowList::default();
        assert_eq!(nobody.verify(Some(Ipv4Addr::LOCALHOST.into())), Err(SignatureError::AddressRefused));
    }

    proptest! {
        #[test]
        fn a_network_holds_what_shares_its_prefix(bits: u128, flip in 0u32..128, prefix in 0u8..=128) {
            let address = Ipv6Addr::from_bits(bits);
            let other = Ipv6Addr::from_bits(bits ^ (1 << (127 - flip)));
            prop_assume!(address.to_ipv4_mapped().is_none() && other.to_ipv4_mapped().is_none());
            let base = mask_v6(address, prefix);
            prop_assume!(base.to_ipv4_mapped().is_none());
            let network: Network = format!("{base}/{prefix}").parse().unwrap();
            prop_assert!(network.contains(address.into()));
            prop_assert_eq!(network.contains(other.into()), flip >= u32::from(prefix));

            let (address, other) = (Ipv4Addr::from_bits(bits as u32), (bits as u32) ^ (1 << (31 - flip % 32)));
            let prefix = prefix % 33;
            let network: Network = format!("{}/{prefix}", mask_v4(address, prefix)).parse().unwrap();
            prop_assert!(network.contains(address.into()));
            let other = IpAddr::from(Ipv4Addr::from_bits(other));
            prop_assert_eq!(network.contains(other), flip % 32 >= u32::from(prefix));
            prop_assert_eq!(network.to_string().parse::<Network>().unwrap(), network);
        }

        #[test]
        fn any_text_is_read_calmly(text in "[0-9a-f:./%]{0,24}") {
            let _ = text.parse::<Network>();
        }
    }
}
