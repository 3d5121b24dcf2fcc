//! Small values: durations, addresses of vendors, and which known word was meant.

use std::net::IpAddr;

use chrono::TimeDelta;
use http::Uri;

/// Ten years: whatever is longer is a mistake, and sums of such times never overflow.
const LONGEST: i64 = 10 * 366 * 86_400;

/// `"30s"`, `"5m"`, `"48h"`, `"7d"`.
pub(super) fn parse_duration(text: &str) -> Result<TimeDelta, &'static str> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err("is reversed: a time to wait or to widen cannot be negative");
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: i64 = number.parse().map_err(|_| "is not a duration")?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "" if number == 0 => 1,
        _ => return Err("is not a duration"),
    };
    match number.checked_mul(seconds) {
        Some(seconds) if seconds <= LONGEST => Ok(TimeDelta::seconds(seconds)),
        _ => Err("is longer than ten years"),
    }
}

/// The known word that was probably meant.
pub(super) fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let word = word.to_lowercase();
    let most = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|known| (distance(&word, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(x != y)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == &b[j - 1] && y == &a[i - 1] {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// The address of a server, split far enough to judge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Scheme, host and port, in lower case and without a default port.
    pub(super) origin: String,
    pub(super) https: bool,
    host: String,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(['#', '?']) {
            return Err("has a query or fragment");
        }
        let uri: Uri = text.trim().parse().map_err(|_| "is not a URL")?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err("is not a whole URL");
        };
        if authority.as_str().contains('@') {
            return Err("holds a user name or password");
        }
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("is neither https:// nor http://"),
        };
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() {
            return Err("names no host");
        }
        let port = authority.port_u16().filter(|port| *port != if https { 443 } else { 80 });
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self { origin: format!("{scheme}://{host}{port}"), https, host })
    }

    fn literal(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.literal().is_some_and(|ip| ip.to_canonical().is_loopback())
    }

    /// Whether it leads, or by its name clearly means to lead, into the machine or a network of its own. What a public
    /// name resolves to is not looked up.
    pub(super) fn is_internal(&self) -> bool {
        if let Some(ip) = self.literal() {
            return booking_http::is_internal(ip);
        }
        let Some((_, last)) = self.host.rsplit_once('.') else { return true };
        let private =
            ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain"];
        // A last label that is a number makes it an IPv4 address in one of the old spellings: 0x7f.1, 127.1.
        private.contains(&last)
            || self.host.ends_with(".home.arpa")
            || last.starts_with("0x")
            || last.bytes().all(|byte| byte.is_ascii_digit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("0m", Some(0)),
            ("0", Some(0)),
            ("30s", Some(30)),
            ("5m", Some(300)),
            (" 48 h ", Some(172_800)),
            ("92d", Some(92 * 86_400)),
            ("5", None),
            ("m", None),
            ("", None),
            ("5 minutes", None),
            ("1.5h", None),
            ("-5m", None),
            ("4000d", None),
            ("99999999999999999999s", None),
            ("9223372036854775807d", None),
        ] {
            assert_eq!(parse_duration(text).ok().map(|duration| duration.num_seconds()), seconds, "{text:?}");
        }
    }

    #[test]
    fn words_that_were_meant() {
        let known = ["listen", "public_url", "trusted_proxies", "id"];
        for (word, meant) in [
            ("lsiten", Some("listen")),
            ("publicurl", Some("public_url")),
            ("Listen", Some("listen")),
            ("trusted_proxy", Some("trusted_proxies")),
            ("colour", None),
            ("ix", Some("id")),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word:?}");
        }
    }

    #[test]
    fn addresses() {
        for (text, origin, internal) in [
            ("https://login.smoobu.com", "https://login.smoobu.com", false),
            ("HTTPS://Login.Smoobu.com:443/", "https://login.smoobu.com", false),
            ("https://api.example.com:8443/v2", "https://api.example.com:8443", false),
            ("https://8.8.8.8", "https://8.8.8.8", false),
            ("https://[2001:4860::8]", "https://[2001:4860::8]", false),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000", true),
            ("http://localhost:80", "http://localhost", true),
            ("http://LOCALHOST./", "http://localhost", true),
            ("https://a.localhost", "https://a.localhost", true),
            ("https://nas", "https://nas", true),
            ("https://nas.local", "https://nas.local", true),
            ("https://metadata.google.internal", "https://metadata.google.internal", true),
            ("http://169.254.169.254", "http://169.254.169.254", true),
            ("http://10.0.0.1", "http://10.0.0.1", true),
            ("http://172.20.0.1", "http://172.20.0.1", true),
            ("http://192.168.1.5", "http://192.168.1.5", true),
            ("http://100.64.0.1", "http://100.64.0.1", true),
            ("http://0.0.0.0", "http://0.0.0.0", true),
            ("http://2130706433", "http://2130706433", true),
            ("http://0x7f.1", "http://0x7f.1", true),
            ("http://127.1", "http://127.1", true),
            ("http://[::1]", "http://[::1]", true),
            ("http://[::ffff:10.0.0.1]", "http://[::ffff:10.0.0.1]", true),
            ("http://[fd00::1]", "http://[fd00::1]", true),
            ("http://[fe80::1]", "http://[fe80::1]", true),
            ("http://[64:ff9b::a00:1]", "http://[64:ff9b::a00:1]", true),
            ("http://[2002:7f00:1::]", "http://[2002:7f00:1::]", true),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.origin.as_str(), address.is_internal()), (origin, internal), "{text}");
        }
        for wrong in [
            "",
            "login.smoobu.com",
            "/x",
            "ftp://a.b",
            "https://u:p@a.b",
            "https://a.b?c",
            "https://a.b#c",
            "https://",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
