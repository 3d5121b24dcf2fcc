//! What differs from vendor to vendor and from account to account.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use booking_core::VendorError;
use chrono::{DateTime, Utc};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Uri};

use crate::retry_after;

/// How many calls an account may make: `calls` every `per`, evenly spread, up to `burst` of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// The length of the vendor's window.
    pub per: Duration,
    /// The calls allowed in it.
    pub calls: u32,
    /// How many may go at once after a quiet time. At least 1.
    pub burst: u32,
}

/// When the circuit breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitSettings {
    /// Opens after this many failures of vendor or network in a row. Default: 5.
    pub failures: u32,
    /// How long it stays open the first time; doubled each time a probe fails. Default: 10 s.
    pub first: Duration,
    /// The longest that it stays open before the next probe. Default: 5 min.
    pub longest: Duration,
}

impl Default for CircuitSettings {
    fn default() -> Self {
        Self { failures: 5, first: Duration::from_secs(10), longest: Duration::from_secs(300) }
    }
}

/// The settings of one [`VendorClient`](crate::VendorClient), checked when it is built.
///
/// `Debug` leaves the base URL out, which may hold what should not be logged.
#[derive(Clone)]
#[non_exhaustive]
pub struct VendorSettings {
    /// What errors and logs call the vendor, such as `smoobu`.
    pub name: &'static str,
    /// Where the vendor is: `https://host[:port][/prefix]`. Paths of requests are appended to the prefix.
    pub base_url: String,
    /// Whether `http://` is allowed for other hosts than loopback. Default: no.
    pub allow_plain_http: bool,
    /// How long one attempt may take. Default: 20 s.
    pub timeout: Duration,
    /// The least time that is worth sending a request for. Default: 2 s.
    pub least_timeout: Duration,
    /// How many times a request is sent at most. Default: 3.
    pub attempts: u32,
    /// The delay before the second attempt, doubled for each further one, with jitter. Default: 500 ms.
    pub first_delay: Duration,
    /// The longest wait, for pacing, a pause or a retry, that is slept here and not returned. Default: 10 s.
    pub longest_wait: Duration,
    /// The longest pause that the vendor may impose on the account with one answer. Default: 1 h.
    pub longest_pause: Duration,
    /// How many calls the account may make. Default: no limit of our own.
    pub pacing: Option<Pacing>,
    /// Under which name the account's turns are booked where several processes use it: one for each pace of the account
    /// ([`Turns`](crate::Turns)). Default: `calls`.
    pub line: &'static str,
    /// The circuit breaker.
    pub circuit: CircuitSettings,
    /// The `User-Agent`, unless the request has its own. Default: `staykey/` and the version.
    pub user_agent: String,
    /// Reads from the headers of a 408, 429 or 5xx when to come back. Default: [`retry_after::standard`].
    pub retry_hint: fn(&HeaderMap, DateTime<Utc>) -> Option<Duration>,
    /// The longest body of an answer, in bytes. Default: 8 MiB.
    pub max_body: usize,
}

impl VendorSettings {
    /// The defaults for a vendor at this base URL.
    #[must_use]
    pub fn new(name: &'static str, base_url: impl Into<String>) -> Self {
        Self {
            name,
            base_url: base_url.into(),
            allow_plain_http: false,
            timeout: Duration::from_secs(20),
            least_timeout: Duration::from_secs(2),
            attempts: 3,
            first_delay: Duration::from_millis(500),
            longest_wait: Duration::from_secs(10),
            longest_pause: Duration::from_secs(3600),
            pacing: None,
            line: "calls",
            circuit: CircuitSettings::default(),
            user_agent: concat!("staykey/", env!("CARGO_PKG_VERSION")).to_owned(),
            retry_hint: retry_after::standard,
            max_body: 8 * 1024 * 1024,
        }
    }

    /// Allows `http://` for any host.
    #[must_use]
    pub fn with_plain_http(mut self, allowed: bool) -> Self {
        self.allow_plain_http = allowed;
        self
    }

    /// Sets how long one attempt may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the least time that is worth sending a request for.
    #[must_use]
    pub fn with_least_timeout(mut self, least: Duration) -> Self {
        self.least_timeout = least;
        self
    }

    /// Sets how many times a request is sent at most.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the delay before the second attempt.
    #[must_use]
    pub fn with_first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets the longest wait that is slept and not returned.
    #[must_use]
    pub fn with_longest_wait(mut self, longest: Duration) -> Self {
        self.longest_wait = longest;
        self
    }

    /// Sets the longest pause that one answer may impose.
    #[must_use]
    pub fn with_longest_pause(mut self, longest: Duration) -> Self {
        self.longest_pause = longest;
        self
    }

    /// Sets how many calls the account may make.
    #[must_use]
    pub fn with_pacing(mut self, pacing: Pacing) -> Self {
        self.pacing = Some(pacing);
        self
    }

    /// Sets the name under which turns are booked.
    #[must_use]
    pub fn with_line(mut self, line: &'static str) -> Self {
        self.line = line;
        self
    }

    /// Sets when the circuit breaker opens.
    #[must_use]
    pub fn with_circuit(mut self, circuit: CircuitSettings) -> Self {
        self.circuit = circuit;
        self
    }

    /// Sets the `User-Agent`.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Sets how to read from headers when to come back.
    #[must_use]
    pub fn with_retry_hint(mut self, hint: fn(&HeaderMap, DateTime<Utc>) -> Option<Duration>) -> Self {
        self.retry_hint = hint;
        self
    }

    /// Sets the longest body of an answer, in bytes.
    #[must_use]
    pub fn with_max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Checks everything and says all that is wrong at once. The text repeats no value.
    pub(crate) fn check(&self) -> Result<Base, VendorError> {
        let mut wrong = Vec::new();
        let base = Base::parse(&self.base_url, self.allow_plain_http).map_err(|what| wrong.push(what)).ok();
        if self.timeout.is_zero() {
            wrong.push("timeout must be longer than zero");
        }
        if self.least_timeout > self.timeout {
            wrong.push("least_timeout must not be longer than timeout");
        }
        if self.attempts == 0 {
            wrong.push("attempts must be at least 1");
        }
        if self.circuit.failures == 0 {
            wrong.push("circuit.failures must be at least 1");
        }
        if self.circuit.first.is_zero() || self.circuit.first > self.circuit.longest {
            wrong.push("circuit.first must be longer than zero and not longer than circuit.longest");
        }
        if self.pacing.is_some_and(|pacing| pacing.calls == 0 || pacing.burst == 0 || pacing.per.is_zero()) {
            wrong.push("pacing must have at least one call, a burst of at least 1 and a window");
        }
        // A year is far beyond any sense and far below where adding times overflows.
        let year = Duration::from_secs(366 * 86_400);
        let longest =
            [self.timeout, self.first_delay, self.longest_wait, self.longest_pause, self.circuit.longest];
        if longest.into_iter().chain(self.pacing.map(|pacing| pacing.per)).any(|duration| duration > year) {
            wrong.push("durations must be shorter than a year");
        }
        if http::HeaderValue::from_str(&self.user_agent).is_err() {
            wrong.push("user_agent holds characters that cannot be sent");
        }
        match base {
            Some(base) if wrong.is_empty() => Ok(base),
            _ => Err(VendorError::configuration(format!("{}: {}", self.name, wrong.join("; ")))),
        }
    }
}

impl fmt::Debug for VendorSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorSettings")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .field("attempts", &self.attempts)
            .field("pacing", &self.pacing)
            .field("line", &self.line)
            .field("circuit", &self.circuit)
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}

/// A base URL that was checked.
#[derive(Clone)]
pub(crate) struct Base {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// Without a slash at the end; empty where the base URL has no path.
    pub(crate) prefix: String,
}

impl Base {
    fn parse(text: &str, allow_plain_http: bool) -> Result<Self, &'static str> {
        if text.contains('#') {
            return Err("base_url must have no fragment");
        }
        let uri: Uri = text.trim().parse().map_err(|_| "base_url is not a URL")?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err("base_url must begin with https:// and a host");
        };
        if authority.as_str().contains('@') {
            return Err("base_url must hold no user name or password");
        }
        if authority.host().is_empty() {
            return Err("base_url must name a host");
        }
        let plain = scheme == Scheme::HTTP;
        if !plain && scheme != Scheme::HTTPS {
            return Err("base_url must begin with https://");
        }
        if plain && !allow_plain_http && !is_loopback(authority.host()) {
            return Err("base_url must begin with https://, since plain http sends credentials in the clear");
        }
        let prefix = match &parts.path_and_query {
            Some(path) if path.query().is_some() => return Err("base_url must have no query"),
            Some(path) => path.path().trim_end_matches('/').to_owned(),
            None => String::new(),
        };
        Ok(Self { scheme, authority, prefix })
    }
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        #[track_caller]
        fn check(base_url: &str, expected: &str) {
            let wrong = VendorSettings::new("test", base_url).check().err();
            let text = wrong.map(|error| error.to_string()).unwrap_or_default();
            if expected.is_empty() {
                assert_eq!(text, "", "{base_url}");
            } else {
                assert!(text.contains(expected), "{base_url}: {text}");
            }
            assert!(!text.contains("hunter2"), "{text}");
        }
        for good in [
            "https://login.smoobu.com",
            "https://login.smoobu.com/",
            "HTTPS://api.example.com:8443/v2/",
            "http://localhost:9",
            "http://127.8.0.1/smoobu",
            "http://[::1]:9",
        ] {
            check(good, "");
        }
        check("http://api.example.com", "plain http");
        check("http://localhost.example.com", "plain http");
        check("http://128.0.0.1", "plain http");
        check("ftp://api.example.com", "https://");
        check("api.example.com", "https://");
        check("/hunter2", "https://");
        check("", "not a URL");
        check("https://", "not a URL");
        check("https://user:hunter2@api.example.com", "no user name");
        check("https://api.example.com/?key=hunter2", "no query");
        check("https://api.example.com/#hunter2", "no fragment");
        check("https://api.exa mple.com/hunter2", "not a URL");
    }

    #[test]
    fn plain_http_where_it_is_asked_for() {
        assert!(VendorSettings::new("lock", "http://192.168.1.5").with_plain_http(true).check().is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let settings = VendorSettings::new("smoobu", "")
            .with_timeout(Duration::ZERO)
            .with_attempts(0)
            .with_longest_wait(Duration::MAX)
            .with_user_agent("a\nb")
            .with_pacing(Pacing { per: Duration::from_secs(60), calls: 0, burst: 1 })
            .with_circuit(CircuitSettings { failures: 0, first: Duration::ZERO, longest: Duration::ZERO });
        let text = settings.check().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.starts_with("smoobu: base_url"), "{text}");
        assert_eq!(text.split("; ").count(), 9, "{text}");
    }
}
