//! Where everything is remembered: transactions as values.
//!
//! A transaction is a [`Tx`], never a guard or a closure, so that a dropped future cannot leave one open and a
//! store may group many into one commit. Databases live in `booking-store`; the types are here so that engines and
//! stores agree on them without knowing each other.

mod record;
mod work;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use record::*;
pub use work::*;

use crate::id::{BookingId, CodeId, DoorKey, ExternalId, IntegrationName, TenantSlug};
use crate::secret::Pin;
use crate::webhook::{Dedup, Event, Reply};

/// Why a store did not do what it was asked. No text holds content of a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached or written now: answer 503, try again.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// A row is not what it should be, or its seal does not open with the keys at hand.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// A change, made whole or not at all.
#[derive(Clone, Debug)]
pub struct Tx {
    /// The time of the change.
    pub now: DateTime<Utc>,
    /// The lease under which it is made; refused as [`Commit::Fenced`] when that is over.
    pub lease: Option<Lease>,
    /// Rows that must still have these revisions (0: must not be there).
    pub expect: Vec<(RowKey, u64)>,
    /// What arrived.
    pub arrivals: Vec<Arrival>,
    /// What is written.
    pub writes: Vec<Write>,
    /// PINs to be claimed.
    pub claims: Vec<Claim>,
    /// Whether and how the lease ends.
    pub finish: Option<Finish>,
}

impl Tx {
    /// An empty change.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            lease: None,
            expect: Vec::new(),
            arrivals: Vec::new(),
            writes: Vec::new(),
            claims: Vec::new(),
            finish: None,
        }
    }

    /// An empty change under a lease.
    #[must_use]
    pub fn under(now: DateTime<Utc>, lease: &Lease) -> Self {
        Self { lease: Some(lease.clone()), ..Self::new(now) }
    }
}

/// One write of a [`Tx`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Write {
    /// Inserts or replaces a row and counts up its revision.
    Put(Box<Record>),
    /// Deletes a row, if it is there.
    Delete(RowKey),
    /// Marks the inbox rows of a key as read, up to and including this number.
    MarkRead {
        /// The key.
        work: WorkKey,
        /// The last row read.
        up_to: u64,
    },
    /// Makes a key due: the earlier of two times stays. While the key is leased this survives the lease's end.
    Due {
        /// The key.
        work: WorkKey,
        /// When.
        at: DateTime<Utc>,
        /// What goes first among due keys: the earliest; usually the arrival.
        priority: Option<DateTime<Utc>>,
    },
    /// Lets a source's reference name this booking from now on.
    Alias {
        /// Whose.
        tenant: TenantSlug,
        /// The source.
        source: IntegrationName,
        /// The reference.
        reference: ExternalId,
        /// The booking.
        booking: BookingId,
    },
    /// Ends a holder's claims on a door at `until`, quarantine included.
    Release {
        /// The code that holds it.
        holder: CodeId,
        /// From then on the digits are free.
        until: DateTime<Utc>,
    },
    /// Appends to the audit trail.
    Audit(AuditEntry),
}

/// Digits wanted on doors for a time.
#[derive(Clone, Debug)]
pub struct Claim {
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when, quarantine included.
    pub until: DateTime<Utc>,
    /// Possible PINs in order of preference; the first that is free on all its doors is taken.
    pub candidates: Vec<Candidate>,
}

/// One possible PIN of a [`Claim`].
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The holder and the stored digits on each door. A holder's earlier claim on a door is replaced and does not
    /// stand in its own way.
    pub pins: Vec<ClaimedPin>,
    /// What is written if this candidate is taken.
    pub writes: Vec<Write>,
}

/// One door of a [`Candidate`].
#[derive(Clone, Debug)]
pub struct ClaimedPin {
    /// The code that will hold it.
    pub holder: CodeId,
    /// The keypad.
    pub door: DoorKey,
    /// The digits that the vendor stores. Stores keep only a keyed hash of them.
    pub stored: Pin,
    /// Digits that nobody else may hold there at that time, because the keypad reserves them beside these.
    pub apart: Vec<Pin>,
}

/// What arrived for a tenant: a webhook, or what a full read found.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Whose.
    pub tenant: TenantSlug,
    /// From which integration.
    pub integration: IntegrationName,
    /// Where it came from.
    pub origin: Origin,
    /// The vendor's word for it.
    pub action: String,
    /// How a repetition is recognised; `None` where there is none.
    pub dedup: Option<Dedup>,
    /// What it tells, each with the id that its booking gets if its reference is new. Facts have no booking.
    pub events: Vec<(Event, BookingId)>,
    /// What goes first.
    pub priority: Option<DateTime<Utc>>,
    /// What the vendor is answered, kept for repetitions.
    pub reply: Reply,
}

/// Where an inbox row came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// A verified webhook.
    Webhook,
    /// An authenticated answer of the source in a full read: as good as asking.
    FullRead,
    /// A complete full read that did not show the booking.
    Absence,
    /// A code on a door whose marker names the booking.
    DoorRead,
    /// A message by mail that an operator handed over.
    Mail,
}

/// What became of an [`Arrival`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The bookings concerned, in the order of the events that have one.
    pub bookings: Vec<BookingId>,
    /// Whether it repeats what was accepted before. Nothing was added, but unread work is due again.
    pub duplicate: bool,
    /// What to answer: the first answer, if it is a repetition.
    pub reply: Reply,
}

/// What became of a [`Tx`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// All of it is on disk.
    Done {
        /// What became of each arrival.
        accepted: Vec<Accepted>,
        /// Which candidate each claim took.
        claimed: Vec<usize>,
    },
    /// Nothing was changed: the lease is over or was taken by another.
    Fenced,
    /// Nothing was changed: these rows have other revisions.
    Moved(Vec<RowKey>),
    /// Nothing was changed: this claim found none of its candidates free.
    Taken(usize),
}

/// An inbox row: one event for one booking, or a delivery without any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Grows with each row.
    pub number: u64,
    /// Whose.
    pub tenant: TenantSlug,
    /// From which integration.
    pub integration: IntegrationName,
    /// Where it came from.
    pub origin: Origin,
    /// The vendor's word for it.
    pub action: String,
    /// The work that it makes due.
    pub work: Option<WorkKey>,
    /// What it tells.
    pub event: Option<Event>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// When it was worked on.
    pub read_at: Option<DateTime<Utc>>,
}

/// An entry of the audit trail: what was done or seen, without personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Whose.
    pub tenant: TenantSlug,
    /// Which stay.
    pub stay: Option<BookingId>,
    /// What, from a fixed list.
    pub what: String,
    /// More, without PINs, names, phones or tokens.
    pub detail: String,
}

/// A line of the audit trail as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Grows with each line.
    pub number: u64,
    /// What it says.
    pub entry: AuditEntry,
}

/// What a purge removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Read inbox rows.
    pub inbox: u64,
    /// Audit entries.
    pub audit: u64,
    /// Rows of stays that are over.
    pub records: u64,
    /// Stays that were left alone because somebody works on them.
    pub left: u64,
}

/// A store.
///
/// # Contract
///
/// - [`commit`](Self::commit) is whole or not at all, durable before it returns `Done`, and serial with all others.
///   In a change: lease, then revisions, then arrivals, writes, claims (with the writes of the candidate taken), and
///   last the finish.
/// - A lease is over when its token is not the key's newest or its time has passed; then the change is
///   [`Commit::Fenced`].
/// - A claim sees every claim of every tenant on the same door whose time overlaps, but for its own holders'.
/// - An arrival resolves its booking by its source's alias, or makes alias and booking row together. It makes
///   `grant` work due at once. [`Dedup::VendorId`] suppresses within its time to live, [`Dedup::Content`] only while
///   an equal row of the same integration is unread and nobody holds the key, who may have asked the source before
///   this was told; a suppressed repetition is answered as the first was, and makes unread work due again.
/// - [`claim_work`](Self::claim_work) gives a key to one caller only until the lease ends; claiming clears what was
///   due, a mark made meanwhile stays, finishing keeps the earlier time. What there is no place for stays due, for
///   whoever has one. [`claim_key`](Self::claim_key) does the same with one key, and leaves all others as they are.
/// - Reads see every change that was done before them.
///
/// `booking_core::conformance::store` checks it.
#[async_trait]
pub trait Store: Send + Sync {
    /// Whether engines beside this one may work over it: then what they have read of doors is looked up before each
    /// plan. A store that one process alone can open, and that is given to one engine only, answers `false`.
    fn is_shared(&self) -> bool {
        true
    }

    /// Makes a change.
    async fn commit(&self, tx: Tx) -> Result<Commit, StoreError>;

    /// Takes due keys as long as there are places for them, those with the earliest priority first, then the longest
    /// due. A tenant that has its share is passed over; what it costs does not grow with what it has due.
    async fn claim_work(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError>;

    /// Takes this key, for somebody who does only some of the work; `None` when it is not due, or somebody has it.
    async fn claim_key(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        work: &WorkKey,
    ) -> Result<Option<Lease>, StoreError>;

    /// Prolongs a lease; `None` when it is over.
    async fn extend(
        &self,
        now: DateTime<Utc>,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError>;

    /// When the next key is due, or a lease runs out; only what is later than `after`, where given. `None` when nothing
    /// waits.
    async fn next_due(&self, after: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// What is due, leased or not, in the order of keys after `after`.
    async fn work(&self, after: Option<&WorkKey>, limit: usize) -> Result<Vec<WorkRow>, StoreError>;

    /// A key that is due or leased.
    async fn work_row(&self, work: &WorkKey) -> Result<Option<WorkRow>, StoreError>;

    /// One row.
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError>;

    /// Every row that belongs to a stay.
    async fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError>;

    /// The rows of one kind of one tenant, in the order of their ids after `after`.
    async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// The codes of a tenant on a keypad that are not removed.
    async fn codes_on(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError>;

    /// The same with those that are removed and not yet forgotten.
    async fn codes_ever_on(&self, tenant: &TenantSlug, door: &DoorKey)
    -> Result<Vec<CodeRecord>, StoreError>;

    /// Which booking a source's reference names.
    async fn alias(
        &self,
        tenant: &TenantSlug,
        source: &IntegrationName,
        reference: &ExternalId,
    ) -> Result<Option<BookingId>, StoreError>;

    /// The unread inbox rows of a key, in order.
    async fn unread(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError>;

    /// A tenant's inbox, newest first, before `before`.
    async fn inbox(
        &self,
        tenant: &TenantSlug,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<InboxRow>, StoreError>;

    /// A tenant's audit trail, newest first, before `before`; of one stay, where given.
    async fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError>;

    /// Forgets: read inbox rows and audit entries older than `older_than`, and every row, alias and unread work of
    /// stays named in `stays`.
    ///
    /// A stay whose key is leased at `now` is left as it is, and counted: its worker has read it, and goes on to write
    /// what it has done. Each of the others goes whole, or not at all.
    async fn purge(
        &self,
        now: DateTime<Utc>,
        older_than: DateTime<Utc>,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError>;

    /// Whether it can be reached and written.
    async fn ping(&self) -> Result<(), StoreError>;
}
