//! Who called what, and did it change anything.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::operation::{Operation, Vendor};

/// How many calls are remembered in full; the counters go on.
const REMEMBERED: usize = 20_000;

/// One call that a vendor received.
#[derive(Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// When it came.
    pub at: DateTime<Utc>,
    /// To whom.
    pub vendor: Vendor,
    /// The HTTP method.
    pub method: String,
    /// What was asked for.
    pub operation: Operation,
    /// The path and query as sent, without the prefix of the loopback server. Not shown by `Debug`.
    pub target: String,
    /// The exact bytes of the body, to check encodings in tests. Not shown by `Debug`.
    pub body: Bytes,
    /// Whether the call changed the vendor's state, whatever the caller was told.
    pub applied: bool,
    /// The status that the caller saw; nothing if the connection died.
    pub status: Option<u16>,
    /// The fault that had a hand in it.
    pub fault: Option<&'static str>,
}

impl fmt::Debug for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRecord")
            .field("at", &self.at)
            .field("vendor", &self.vendor)
            .field("method", &self.method)
            .field("pattern", &self.operation.pattern())
            .field("applied", &self.applied)
            .field("status", &self.status)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

/// All calls so far. The newest 20,000 are kept in full, the counters know all.
#[derive(Clone, Debug, Default)]
pub struct CallLog {
    calls: VecDeque<CallRecord>,
    seen: BTreeMap<Operation, u64>,
    applied: BTreeMap<Operation, u64>,
}

impl CallLog {
    pub(crate) fn push(&mut self, call: CallRecord) {
        *self.seen.entry(call.operation).or_default() += 1;
        if call.applied {
            *self.applied.entry(call.operation).or_default() += 1;
        }
        if self.calls.len() == REMEMBERED {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// The remembered calls, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &CallRecord> {
        self.calls.iter()
    }

    /// The remembered calls to one vendor, oldest first.
    pub fn of(&self, vendor: Vendor) -> impl DoubleEndedIterator<Item = &CallRecord> {
        self.calls.iter().filter(move |call| call.vendor == vendor)
    }

    /// How many calls of this kind came.
    #[must_use]
    pub fn seen(&self, operation: Operation) -> u64 {
        self.seen.get(&operation).copied().unwrap_or(0)
    }

    /// How many calls of this kind changed something.
    #[must_use]
    pub fn applied(&self, operation: Operation) -> u64 {
        self.applied.get(&operation).copied().unwrap_or(0)
    }

    /// Forgets all, counters too.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
