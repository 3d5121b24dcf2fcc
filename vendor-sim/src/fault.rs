//! What can go wrong on purpose.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Method, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::operation::{Operation, Vendor};
use crate::web::{self, seconds};

/// Which calls a fault hits. Every part that is set must match; nothing set matches every call of the vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// The HTTP method.
    pub method: Option<String>,
    /// The beginning of the vendor's own path, for example `/api/reservations`.
    pub path_prefix: Option<String>,
    /// The kind of call.
    pub operation: Option<Operation>,
}

impl Matcher {
    fn matches(&self, method: &Method, path: &str, operation: Operation) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && self.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
            && self.operation.is_none_or(|wanted| wanted == operation)
    }
}

/// How a call fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// Nobody answers; nothing happens. As `DropBefore`, but meant for a whole vendor over a period.
    Down,
    /// This status and body instead of an answer; nothing happens.
    Status(u16, String),
    /// A page of HTML with status 200; nothing happens.
    Html200,
    /// Status 200 and JSON that breaks off; nothing happens.
    Garbage,
    /// HTTP 200 with an error in the body, as the vendor words it: The Keys' `status`, SerwerSMS' `error.code`.
    /// Nothing happens. Smoobu has no such thing: there it is an HTTP status.
    BodyStatus(u16),
    /// The answer comes late. Goes together with another fault.
    Delay(#[serde(with = "seconds")] Duration),
    /// The connection dies before the call has an effect.
    DropBefore,
    /// The call has its effect, then the connection dies.
    DropAfter,
    /// The call has its effect, then a plain-text 500.
    ErrorAfterApply,
    /// A list without items.
    EmptyList,
    /// A list of which the second half is missing, its totals unchanged.
    TruncatedList,
    /// Reads answer from the state at the moment when the fault was added. Writes are not touched.
    StaleRead,
    /// Reads do not see API writes younger than this (changes by control methods are seen at once).
    ReadLag(#[serde(with = "seconds")] Duration),
    /// `data: null` (The Keys), a login without a token, `null` as the whole body (the others).
    NullData,
    /// 429 with a hint when to come back; nothing happens.
    RateLimit {
        /// How long to stay away.
        seconds: u32,
        /// Whether the hint is a Unix time instead of a number of seconds.
        absolute: bool,
    },
    /// All tokens given out so far are dead from now on (The Keys); 401 elsewhere.
    TokenDies,
}

impl FaultKind {
    /// A short name for logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Status(..) => "status",
            Self::Html200 => "html200",
            Self::Garbage => "garbage",
            Self::BodyStatus(_) => "body_status",
            Self::Delay(_) => "delay",
            Self::DropBefore => "drop_before",
            Self::DropAfter => "drop_after",
            Self::ErrorAfterApply => "error_after_apply",
            Self::EmptyList => "empty_list",
            Self::TruncatedList => "truncated_list",
            Self::StaleRead => "stale_read",
            Self::ReadLag(_) => "read_lag",
            Self::NullData => "null_data",
            Self::RateLimit { .. } => "rate_limit",
            Self::TokenDies => "token_dies",
        }
    }
}

/// A fault to come: whom it hits, how, how often and how long.
///
/// ```
/// use booking_sim::{Fault, FaultKind, Operation, Vendor};
///
/// let lost_answer = Fault::new(Vendor::TheKeys, FaultKind::DropAfter).on(Operation::CreateCode).times(1);
/// assert_eq!(lost_answer.times, Some(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whose calls.
    pub vendor: Vendor,
    /// Which of them.
    #[serde(default)]
    pub matcher: Matcher,
    /// What happens.
    pub kind: FaultKind,
    /// How many matching calls go well first.
    #[serde(default)]
    pub skip: u32,
    /// How many calls are hit; without it, all.
    #[serde(default)]
    pub times: Option<u32>,
    /// Not before this time.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// Not from this time on.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

impl Fault {
    /// A fault on every call of a vendor, for ever.
    #[must_use]
    pub fn new(vendor: Vendor, kind: FaultKind) -> Self {
        Self { vendor, matcher: Matcher::default(), kind, skip: 0, times: None, from: None, until: None }
    }

    /// Only on this kind of call.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.matcher.operation = Some(operation);
        self
    }

    /// Only on this method and beginning of the path.
    #[must_use]
    pub fn on_path(mut self, method: &Method, prefix: &str) -> Self {
        self.matcher.method = Some(method.to_string());
        self.matcher.path_prefix = Some(prefix.to_owned());
        self
    }

    /// At most this often.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets the first matching calls pass.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Only from this time on.
    #[must_use]
    pub fn from(mut self, from: DateTime<Utc>) -> Self {
        self.from = Some(from);
        self
    }

    /// Only before this time.
    #[must_use]
    pub fn until(mut self, until: DateTime<Utc>) -> Self {
        self.until = Some(until);
        self
    }

    fn spent(&self) -> bool {
        self.times == Some(0)
    }
}

/// The faults in force, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    next: u64,
    active: BTreeMap<u64, Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.next += 1;
        self.active.insert(self.next, fault);
        self.next
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        self.active.remove(&id).is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.active.iter().map(|(id, fault)| (*id, fault))
    }

    /// All delays that hit this call, and the first other fault.
    pub(crate) fn strike(
        &mut self,
        now: DateTime<Utc>,
        vendor: Vendor,
        method: &Method,
        path: &str,
        operation: Operation,
    ) -> (Duration, Option<(u64, FaultKind)>) {
        let mut delay = Duration::ZERO;
        let mut hit = None;
        for (id, fault) in &mut self.active {
            let due =
                fault.from.is_none_or(|from| from <= now) && fault.until.is_none_or(|until| now < until);
            if fault.vendor != vendor || fault.spent() || !due {
                continue;
            }
            if !fault.matcher.matches(method, path, operation) {
                continue;
            }
            let is_delay = matches!(fault.kind, FaultKind::Delay(_));
            if !is_delay && hit.is_some() {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times.saturating_sub(1));
            match &fault.kind {
                FaultKind::Delay(by) => delay += *by,
                other => hit = Some((*id, other.clone())),
            }
        }
        self.active.retain(|_, fault| !fault.spent() && fault.until.is_none_or(|until| now < until));
        (delay, hit)
    }
}

/// An answer that was right, bent into one that is not.
pub(crate) fn bend(vendor: Vendor, kind: &FaultKind, response: Response<Bytes>) -> Response<Bytes> {
    let Ok(mut body) = serde_json::from_slice::<Value>(response.body()) else { return response };
    match kind {
        FaultKind::NullData => match (vendor, body.as_object_mut()) {
            (Vendor::TheKeys, Some(object)) if object.contains_key("data") => {
                object.insert("data".into(), Value::Null);
            }
            (Vendor::TheKeys, Some(object)) => {
                object.remove("token");
                object.remove("access_token");
            }
            _ => body = Value::Null,
        },
        FaultKind::EmptyList => {
            for_lists(&mut body, &mut Vec::clear);
            if let Some(object) = body.as_object_mut() {
                for key in ["total_items", "page_count"] {
                    if object.contains_key(key) {
                        object.insert(key.into(), json!(0));
                    }
                }
            }
        }
        FaultKind::TruncatedList => for_lists(&mut body, &mut |items| items.truncate(items.len() / 2)),
        _ => return response,
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(http::header::CONTENT_LENGTH);
    Response::from_parts(parts, Bytes::from(body.to_string()))
}

/// The lists that the vendors are known to answer with, wherever they sit in the body.
fn for_lists(body: &mut Value, change: &mut dyn FnMut(&mut Vec<Value>)) {
    const LISTS: [&str; 7] = [
        "bookings",
        "messages",
        "apartments",
        "items",
        "partages_accessoire",
        "partages_utilisateur",
        "partages_demande",
    ];
    let Some(object) = body.as_object_mut() else { return };
    for (key, value) in object {
        match value {
            Value::Array(items) if LISTS.contains(&key.as_str()) => change(items),
            Value::Object(_) if key == "data" => for_lists(value, change),
            _ => {}
        }
    }
}

/// 429 as the vendor words it.
pub(crate) fn too_many(vendor: Vendor, now: DateTime<Utc>, wait: u32, absolute: bool) -> Response<Bytes> {
    let hint = if absolute { now.timestamp() + i64::from(wait) } else { i64::from(wait) };
    match vendor {
        Vendor::Smoobu => crate::smoobu::too_many(&hint.to_string()),
        Vendor::TheKeys | Vendor::SerwerSms => {
            let mut response = web::text(429, "Too Many Requests");
            web::set_header(&mut response, "retry-after", &hint.to_string());
            response
        }
    }
}
