//! What is due: a key and a time, one row a key.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{BookingId, DoorId, IntegrationName, TenantSlug};
use crate::parse::Invalid;

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum WorkKey {
    /// All grants of a stay: the only work that writes codes and guest messages.
    Grant(TenantSlug, BookingId),
    /// A full read of a source.
    Source(TenantSlug, IntegrationName),
    /// A read of a door, which looks for drift.
    Door(TenantSlug, DoorId),
    /// A tenant's messages to staff.
    Notice(TenantSlug),
}

impl WorkKey {
    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantSlug {
        match self {
            Self::Grant(tenant, _)
            | Self::Source(tenant, _)
            | Self::Door(tenant, _)
            | Self::Notice(tenant) => tenant,
        }
    }

    /// The kind, for metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Grant(..) => "grant",
            Self::Source(..) => "source",
            Self::Door(..) => "door",
            Self::Notice(..) => "notice",
        }
    }
}

impl fmt::Display for WorkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant(tenant, id) => write!(f, "grant/{tenant}/{id}"),
            Self::Source(tenant, name) => write!(f, "source/{tenant}/{name}"),
            Self::Door(tenant, id) => write!(f, "door/{tenant}/{id}"),
            Self::Notice(tenant) => write!(f, "notice/{tenant}"),
        }
    }
}

impl FromStr for WorkKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = Invalid::new("work key", "KIND/TENANT/ID");
        let (kind, rest) = text.split_once('/').ok_or(wrong.clone())?;
        // Another slash is in no name.
        Ok(match (kind, rest.split_once('/')) {
            ("grant", Some((tenant, id))) => Self::Grant(TenantSlug::parse(tenant)?, BookingId::parse(id)?),
            ("source", Some((tenant, name))) => {
                Self::Source(TenantSlug::parse(tenant)?, IntegrationName::parse(name)?)
            }
            ("door", Some((tenant, id))) => Self::Door(TenantSlug::parse(tenant)?, DoorId::parse(id)?),
            ("notice", None) => Self::Notice(TenantSlug::parse(rest)?),
            _ => return Err(wrong),
        })
    }
}

impl TryFrom<String> for WorkKey {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<WorkKey> for String {
    fn from(key: WorkKey) -> Self {
        key.to_string()
    }
}

/// The right to work on a key until a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The key.
    pub work: WorkKey,
    /// Grows with each claim of the key: the fencing token that each write names.
    pub token: u64,
    /// When it ends.
    pub until: DateTime<Utc>,
    /// How many attempts in a row have failed before this one.
    pub failures: u32,
}

/// How many keys somebody can work on, and of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// So many more in all.
    pub free: usize,
    /// So many of one tenant at most.
    pub per_tenant: usize,
    /// How many of each tenant are worked on already.
    pub taken: BTreeMap<TenantSlug, usize>,
}

impl Places {
    /// So many, whoever's they are.
    #[must_use]
    pub fn free(free: usize) -> Self {
        Self { free, per_tenant: usize::MAX, taken: BTreeMap::new() }
    }

    /// How many more a tenant may have.
    #[must_use]
    pub fn free_for(&self, tenant: &TenantSlug) -> usize {
        let taken = self.taken.get(tenant).copied().unwrap_or_default();
        self.free.min(self.per_tenant.saturating_sub(taken))
    }
}

/// How a lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// When to look again; `None` for not at all. A mark made during the lease stays if it is earlier.
    pub next: Option<DateTime<Utc>>,
    /// Whether the attempt failed; a good one sets the count back to 0.
    pub failed: bool,
    /// What goes first among due keys from now on.
    pub priority: Option<DateTime<Utc>>,
}

/// A key as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkRow {
    /// The key.
    pub work: WorkKey,
    /// When it is due, if it is.
    pub due_at: Option<DateTime<Utc>>,
    /// Until when it is leased, if it is.
    pub leased_until: Option<DateTime<Utc>>,
    /// Failed attempts in a row.
    pub failures: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling() {
        for text in
            ["grant/harbour/abcdefghijkl", "source/harbour/smoobu", "door/harbour/front", "notice/harbour"]
        {
            assert_eq!(text.parse::<WorkKey>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "notice",
            "notice/",
            "notice/harbour/",
            "grant/harbour",
            "door/harbour/front/",
            "door//front",
        ] {
            assert!(text.parse::<WorkKey>().is_err(), "{text}");
        }
    }
}
