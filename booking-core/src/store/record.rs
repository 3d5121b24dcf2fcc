//! What is remembered, row by row.
//!
//! A record has a plain part and, where it holds PINs, tokens or message texts, a part that stores seal.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::booking::Booking;
use crate::id::{
    BookingId, CodeId, DoorId, DoorKey, ExternalId, GrantId, IntegrationName, MessageId, TenantSlug, UnitId,
    UnitRef, VendorCodeId,
};
use crate::lock::{ListedCode, Proof};
use crate::notifier::{Receipt, Recipient};
use crate::secret::{Pin, Secret, sealed_pin};
use crate::window::Window;

/// The tables of records. Each row belongs to one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// [`BookingRecord`].
    Booking,
    /// [`GrantRecord`].
    Grant,
    /// [`CodeRecord`].
    Code,
    /// [`MessageRecord`].
    Message,
    /// [`DoorReadRecord`].
    DoorRead,
    /// [`AlertRecord`].
    Alert,
    /// [`SourceRecord`].
    Source,
    /// [`FactRecord`].
    Fact,
    /// [`SecretRecord`].
    Secret,
    /// [`BrakeRecord`].
    Brake,
    /// [`PlanRecord`].
    Plan,
    /// [`TurnsRecord`].
    Turns,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Booking,
        Self::Grant,
        Self::Code,
        Self::Message,
        Self::DoorRead,
        Self::Alert,
        Self::Source,
        Self::Fact,
        Self::Secret,
        Self::Brake,
        Self::Plan,
        Self::Turns,
    ];

    /// The name of its table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Grant => "grant_",
            Self::Code => "code",
            Self::Message => "message",
            Self::DoorRead => "door_read",
            Self::Alert => "alert",
            Self::Source => "source",
            Self::Fact => "fact",
            Self::Secret => "secret",
            Self::Brake => "brake",
            Self::Plan => "plan",
            Self::Turns => "turns",
        }
    }
}

/// Which row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// Its table.
    pub kind: Kind,
    /// Whose it is.
    pub tenant: TenantSlug,
    /// Its id in the table.
    pub id: String,
}

/// A record with the number of its last change; the first is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Grows by one with each write.
    pub revision: u64,
    /// The record.
    pub record: Record,
}

/// A booking as we know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BookingRecord {
    /// Ours.
    pub id: BookingId,
    /// Whose.
    pub tenant: TenantSlug,
    /// The source that tells of it.
    pub source: IntegrationName,
    /// What the source calls it now.
    pub reference: ExternalId,
    /// What the source called it before, oldest first: words about these say nothing any more.
    #[serde(default)]
    pub former: Vec<ExternalId>,
    /// The source's words, as last told; `None` while nothing but hints has come.
    pub booking: Option<Booking>,
    /// When the source last showed it, by answer or by snapshot.
    pub seen_at: Option<DateTime<Utc>>,
    /// When a verified webhook said that it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// In how many complete full reads in a row it was missing although it should have been there.
    pub absences: u32,
    /// Since when the source, asked, says "not found"; cleared when it is seen again.
    pub not_found_since: Option<DateTime<Utc>>,
    /// Set once absence has been witnessed twice: from then on it counts as cancelled.
    pub gone_at: Option<DateTime<Utc>>,
    /// When we first learnt that it is cancelled or gone.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Since when the source, asked, says something else with an older revision than what is known.
    #[serde(default)]
    pub contradicted_since: Option<DateTime<Utc>>,
    /// Last attempt to ask the source that failed, in its words.
    pub last_error: Option<String>,
    /// What this stands for where no source tells of it.
    #[serde(default)]
    pub standing: Option<Standing>,
    /// When it was first heard of.
    pub created_at: DateTime<Utc>,
}

/// A backup code of a door, which waits for a stay that needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The door.
    pub door: DoorId,
    /// Which of its backup codes, from 0.
    pub number: u8,
}

/// The right of a holder to open a set of doors in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// Ours.
    pub id: GrantId,
    /// Whose.
    pub tenant: TenantSlug,
    /// The stay that it belongs to.
    pub stay: BookingId,
    /// The unit, as last planned.
    pub unit: Option<UnitId>,
    /// What the source called it then.
    pub unit_ref: Option<UnitRef>,
    /// When access is wanted, buffers included, as last planned.
    pub window: Option<Window>,
    /// The random core of the PIN.
    #[serde(skip)]
    pub core: Option<Pin>,
    /// The last write into the booking, where that is switched on.
    pub write_back: Option<WriteBackRecord>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What became of writing codes into their booking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteBackRecord {
    /// Which codes were written.
    pub codes: Vec<CodeId>,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether the source has them now; otherwise staff was told.
    pub written: bool,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Not before this; `None` once it is decided.
    pub retry_at: Option<DateTime<Utc>>,
}

/// Where a code is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    /// It should be on the door.
    Wanted,
    /// It should be gone.
    Unwanted,
    /// It is gone, and a complete read has shown that.
    Removed,
}

/// What kind of write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteKind {
    /// A new code.
    Create,
    /// New fields for a code.
    Replace,
    /// A code taken off.
    Delete,
}

/// What is known of a write that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteState {
    /// Written down before it is tried. After a crash: as good as unknown.
    Intended,
    /// The vendor took it.
    Applied,
    /// It certainly was not applied.
    NotApplied,
    /// It may have been applied: a read must decide before anything else is written.
    Unknown,
}

/// The last write of a code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteRecord {
    /// What was tried.
    pub kind: WriteKind,
    /// When it was written down.
    pub intended_at: DateTime<Utc>,
    /// When its result came in; `None` before.
    pub ended_at: Option<DateTime<Utc>>,
    /// What is known of it.
    pub state: WriteState,
    /// The vendor's words on a failure, scrubbed.
    pub error: Option<String>,
}

/// A ledger entry: a grant on one door. `Debug` leaves the name out, which is the guest's.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeRecord {
    /// Ours.
    pub id: CodeId,
    /// Whose.
    pub tenant: TenantSlug,
    /// The stay that it belongs to.
    pub stay: BookingId,
    /// The grant that it belongs to.
    pub grant: GrantId,
    /// The door, as configured.
    pub door: DoorId,
    /// The keypad.
    pub key: DoorKey,
    /// The lock account.
    pub lock: IntegrationName,
    /// What the guest types and what the vendor stores.
    #[serde(skip)]
    pub pins: Option<Pins>,
    /// The vendor's id, once known.
    pub vendor_id: Option<VendorCodeId>,
    /// Every id that it ever had, oldest first: what a list does not show may only be hidden by it.
    #[serde(default)]
    pub known_ids: Vec<VendorCodeId>,
    /// The name shown in the vendor's app. Sealed, since it is the guest's.
    #[serde(skip)]
    pub name: String,
    /// The marker or other text on the code.
    pub note: String,
    /// When it opens, as last intended.
    pub window: Window,
    /// Where it is in its life.
    pub state: CodeState,
    /// The last write, if any.
    pub write: Option<WriteRecord>,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Not before this: a vendor's hint or our back-off.
    pub retry_at: Option<DateTime<Utc>>,
    /// How far the present content is proven.
    pub proof: Proof,
    /// Since when.
    pub proof_at: DateTime<Utc>,
    /// Since when complete reads do not show it although it was listed before: one alone proves nothing yet.
    pub missing_since: Option<DateTime<Utc>>,
    /// Whether it was found on the door by its marker rather than made by us.
    pub adopted: bool,
    /// Whether it is a backup code, made before anybody needed it: then its own window is the pool's.
    #[serde(default)]
    pub backup: bool,
    /// The note that it had in the pool, once a guest was given it: what a list hides still has that one.
    #[serde(default)]
    pub pool_note: Option<String>,
    /// The window that staff gave it in the vendor's app, and the one that it stands for.
    #[serde(default)]
    pub by_staff: Option<(Window, Window)>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl CodeRecord {
    /// Every id that it has or had, the newest first.
    pub fn ids(&self) -> impl Iterator<Item = &VendorCodeId> {
        let unlisted = self.vendor_id.iter().filter(|id| !self.known_ids.contains(id));
        unlisted.chain(self.known_ids.iter().rev())
    }

    /// Notes the id under which the vendor has it now.
    pub fn learn_id(&mut self, id: &VendorCodeId) {
        if !self.known_ids.contains(id) {
            self.known_ids.push(id.clone());
        }
        self.vendor_id = Some(id.clone());
    }
}

impl fmt::Debug for CodeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeRecord")
            .field("id", &self.id)
            .field("stay", &self.stay)
            .field("door", &self.door)
            .field("pins", &self.pins)
            .field("vendor_id", &self.vendor_id)
            .field("known_ids", &self.known_ids)
            .field("window", &self.window)
            .field("state", &self.state)
            .field("write", &self.write)
            .field("attempts", &self.attempts)
            .field("retry_at", &self.retry_at)
            .field("proof", &self.proof)
            .field("proof_at", &self.proof_at)
            .field("missing_since", &self.missing_since)
            .field("adopted", &self.adopted)
            .finish_non_exhaustive()
    }
}

/// Both forms of a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    /// What the guest presses, prefix included.
    pub typed: Pin,
    /// What the vendor stores.
    pub stored: Pin,
}

/// Why a message is sent: what changed for the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageKind {
    /// The first one: the code and when it works.
    CodeReady,
    /// Same code, other times.
    TimesChanged,
    /// Another unit or door.
    Moved,
    /// Another code.
    CodeChanged,
}

/// What a message told: the ledger at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The unit.
    pub unit: UnitId,
    /// The stay's local start, as told.
    pub start: NaiveDateTime,
    /// The stay's local end, as told.
    pub end: NaiveDateTime,
    /// Door by door: the code and what is typed there.
    pub codes: Vec<ToldCode>,
}

/// One door of [`Told`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldCode {
    /// The door.
    pub door: DoorId,
    /// The ledger entry.
    pub code: CodeId,
    /// What is typed.
    #[serde(with = "sealed_pin")]
    pub typed: Option<Pin>,
}

/// Where a message is in its life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Written down before it is sent. After a crash: as good as unknown.
    Intended,
    /// The vendor took it.
    Sent(Receipt),
    /// It may have gone out, and the vendor has not yet said.
    Unknown,
    /// It was not taken; it is tried again.
    Failed,
    /// It cannot be delivered this way.
    Undeliverable,
    /// Something newer is to be told instead.
    Superseded,
}

/// One text to one guest by one notifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// Ours, and the vendor's send-once key.
    pub id: MessageId,
    /// Whose.
    pub tenant: TenantSlug,
    /// The stay that it belongs to.
    pub stay: BookingId,
    /// The notifier that carries it.
    pub notifier: IntegrationName,
    /// Why it is sent.
    pub kind: MessageKind,
    /// Where it is in its life.
    pub state: MessageState,
    /// Whether it may have gone out twice: sent again after an unknown outcome that nobody could clear up.
    pub maybe_twice: bool,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Not before this.
    pub retry_at: Option<DateTime<Utc>>,
    /// When it was first written down.
    pub intended_at: DateTime<Utc>,
    /// When its last attempt was written down.
    pub tried_at: DateTime<Utc>,
    /// When its last result came in.
    pub ended_at: Option<DateTime<Utc>>,
    /// The vendor's words on a failure, scrubbed.
    pub error: Option<String>,
    /// What it tells. Sealed.
    #[serde(skip)]
    pub told: Option<Told>,
    /// The text itself. Sealed; dropped with the guest's other data.
    #[serde(skip)]
    pub text: Option<MessageText>,
}

/// A message as it was written.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageText {
    /// Who it is for.
    pub recipient: Recipient,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The language (BCP 47).
    pub language: String,
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageText").field("language", &self.language).finish_non_exhaustive()
    }
}

/// The last reads of a door by one tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DoorReadRecord {
    /// Whose account read.
    pub tenant: TenantSlug,
    /// The keypad.
    pub key: DoorKey,
    /// When the read that follows was made; `None` while none has succeeded.
    pub observed_at: Option<DateTime<Utc>>,
    /// Whether it showed everything.
    pub complete: bool,
    /// What it showed. Sealed.
    #[serde(skip)]
    pub codes: Vec<ListedCode>,
    /// Since when reads fail, and the vendor's words; cleared by a read that succeeds.
    pub failing: Option<(DateTime<Utc>, String)>,
}

/// Something that staff must know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRecord {
    /// The same for the same trouble: what kind, and about what.
    pub id: String,
    /// Whose.
    pub tenant: TenantSlug,
    /// The stay that it concerns.
    pub stay: Option<BookingId>,
    /// The door that it concerns.
    pub door: Option<DoorId>,
    /// What kind: a key of the texts.
    pub kind: String,
    /// Detail without personal data.
    pub detail: String,
    /// When it arose.
    pub opened_at: DateTime<Utc>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
    /// When staff was told by every staff channel, or had none.
    pub told_at: Option<DateTime<Utc>>,
}

/// How a source's full reads go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Whose.
    pub tenant: TenantSlug,
    /// The source.
    pub name: IntegrationName,
    /// When the last complete read began.
    pub complete_at: Option<DateTime<Utc>>,
    /// How many bookings it showed.
    pub bookings: u64,
    /// Since when reads fail, and the vendor's words.
    pub failing: Option<(DateTime<Utc>, String)>,
    /// Since when complete reads lack so much that what is missing counts for nothing.
    #[serde(default)]
    pub suspect_since: Option<DateTime<Utc>>,
    /// Until when somebody vouches for its reads: they count as they are.
    #[serde(default)]
    pub trusted_until: Option<DateTime<Utc>>,
    /// When complete reads found what no webhook had told, while none came at all; the first two are kept.
    #[serde(default)]
    pub untold: Vec<DateTime<Utc>>,
}

impl SourceRecord {
    /// A source that was never read.
    #[must_use]
    pub fn new(tenant: TenantSlug, name: IntegrationName) -> Self {
        Self {
            tenant,
            name,
            complete_at: None,
            bookings: 0,
            failing: None,
            suspect_since: None,
            trusted_until: None,
            untold: Vec::new(),
        }
    }
}

/// An appended fact. `Debug` leaves its content out.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct FactRecord {
    /// The vendor's id of it, after the integration's name.
    pub id: String,
    /// Whose.
    pub tenant: TenantSlug,
    /// The stay that it concerns.
    pub stay: Option<BookingId>,
    /// When it came.
    pub at: DateTime<Utc>,
    /// The whole of it. Sealed.
    #[serde(skip)]
    pub payload: serde_json::Value,
}

impl fmt::Debug for FactRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactRecord").field("id", &self.id).field("at", &self.at).finish_non_exhaustive()
    }
}

/// A secret that lives in the database: a rotating vendor token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// Its name.
    pub name: String,
    /// Whose.
    pub tenant: TenantSlug,
    /// The value. Sealed.
    #[serde(skip)]
    pub value: Option<Secret>,
    /// When it was stored.
    pub at: DateTime<Utc>,
}

/// Early removals that draw on the budget of a source or a door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrakeRecord {
    /// Whose.
    pub tenant: TenantSlug,
    /// What the budget belongs to: `source/NAME` or `door/ID`.
    pub budget: String,
    /// What was removed early, and when it was decided: a code counts once.
    pub spent: Vec<(CodeId, DateTime<Utc>)>,
    /// Until when somebody has lifted the brake.
    pub released_until: Option<DateTime<Utc>>,
}

/// How many calls of a vendor's account the hosts have booked, and for how long the vendor asked them to stay away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnsRecord {
    /// Whose.
    pub tenant: TenantSlug,
    /// The account.
    pub integration: IntegrationName,
    /// Which of its paces: an account may have one for calls and another for messages.
    pub line: String,
    /// When the turns booked so far are over.
    pub booked_until: Option<DateTime<Utc>>,
    /// Until when nobody goes.
    pub pause_until: Option<DateTime<Utc>>,
}

/// What was reviewed of one stay: applied exactly, or refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// The plan that it is a part of.
    pub plan: String,
    /// Whose.
    pub tenant: TenantSlug,
    /// The stay.
    pub stay: BookingId,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Until when it may be applied.
    pub expires_at: DateTime<Utc>,
    /// Where it is in its life.
    pub state: PlanState,
    /// What was reviewed, step by step, without digits.
    pub steps: Vec<PlannedStep>,
    /// What the steps rest on, as hashes: the booking, the grant, the doors, the configuration.
    pub rests_on: BTreeMap<String, String>,
    /// What had moved when it was refused.
    pub moved: Vec<String>,
    /// What its source told of it in the dry run and was not known before: taken in when the plan is applied.
    #[serde(default)]
    pub news: Option<News>,
    /// Whether it gives the stay other digits because staff wants that.
    #[serde(default)]
    pub reissue: bool,
    /// The digits that it would give to doors. Sealed.
    #[serde(skip)]
    pub pins: Vec<(DoorId, Pins)>,
}

/// A booking as a source showed it in a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The source.
    pub source: IntegrationName,
    /// What it showed.
    pub booking: Booking,
}

/// One step of a [`PlanRecord`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlannedStep {
    /// What: `create`, `replace`, `delete`, `tell` and so on.
    pub what: String,
    /// On which door.
    pub door: Option<DoorId>,
    /// More, without digits, names and addresses.
    pub detail: String,
    /// Whether it waits for what stands before it.
    pub later: bool,
}

/// Where a [`PlanRecord`] is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// Reviewed at most.
    Drafted,
    /// To be applied.
    Approved,
    /// Being applied.
    Begun,
    /// Applied as reviewed.
    Applied,
    /// The world had moved; nothing was done.
    Refused,
}

/// One row's content.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant holds the record of its name")]
pub enum Record {
    Booking(BookingRecord),
    Grant(GrantRecord),
    Code(CodeRecord),
    Message(MessageRecord),
    DoorRead(DoorReadRecord),
    Alert(AlertRecord),
    Source(SourceRecord),
    Fact(FactRecord),
    Secret(SecretRecord),
    Brake(BrakeRecord),
    Plan(PlanRecord),
    Turns(TurnsRecord),
}

/// A record as a database keeps it: text to read, and text to seal.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// JSON without secrets.
    pub plain: String,
    /// JSON to be sealed.
    pub sealed: Option<Secret>,
}

impl fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredRecord").finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct SealedPin {
    #[serde(with = "sealed_pin")]
    pin: Option<Pin>,
}

#[derive(Serialize, Deserialize)]
struct SealedCode {
    #[serde(with = "sealed_pin")]
    typed: Option<Pin>,
    #[serde(with = "sealed_pin")]
    stored: Option<Pin>,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct SealedPlanned {
    door: DoorId,
    #[serde(with = "sealed_pin")]
    typed: Option<Pin>,
    #[serde(with = "sealed_pin")]
    stored: Option<Pin>,
}

#[derive(Serialize, Deserialize)]
struct SealedMessage {
    told: Option<Told>,
    text: Option<MessageText>,
}

impl Record {
    /// Which row it is.
    #[must_use]
    pub fn key(&self) -> RowKey {
        let (kind, tenant, id) = match self {
            Self::Booking(r) => (Kind::Booking, &r.tenant, r.id.to_string()),
            Self::Grant(r) => (Kind::Grant, &r.tenant, r.id.to_string()),
            Self::Code(r) => (Kind::Code, &r.tenant, r.id.to_string()),
            Self::Message(r) => (Kind::Message, &r.tenant, r.id.to_string()),
            Self::DoorRead(r) => (Kind::DoorRead, &r.tenant, r.key.to_string()),
            Self::Alert(r) => (Kind::Alert, &r.tenant, r.id.clone()),
            Self::Source(r) => (Kind::Source, &r.tenant, r.name.to_string()),
            Self::Fact(r) => (Kind::Fact, &r.tenant, r.id.clone()),
            Self::Secret(r) => (Kind::Secret, &r.tenant, r.name.clone()),
            Self::Brake(r) => (Kind::Brake, &r.tenant, r.budget.clone()),
            Self::Plan(r) => (Kind::Plan, &r.tenant, format!("{}/{}", r.plan, r.stay)),
            Self::Turns(r) => (Kind::Turns, &r.tenant, format!("{}/{}", r.integration, r.line)),
        };
        RowKey { kind, tenant: tenant.clone(), id }
    }

    /// The stay that it belongs to, by which stores find it.
    #[must_use]
    pub fn stay(&self) -> Option<&BookingId> {
        match self {
            Self::Booking(r) => Some(&r.id),
            Self::Grant(r) => Some(&r.stay),
            Self::Code(r) => Some(&r.stay),
            Self::Message(r) => Some(&r.stay),
            Self::Alert(r) => r.stay.as_ref(),
            Self::Fact(r) => r.stay.as_ref(),
            Self::Plan(r) => Some(&r.stay),
            Self::DoorRead(_) | Self::Source(_) | Self::Secret(_) | Self::Brake(_) | Self::Turns(_) => None,
        }
    }

    /// The keypad that it concerns, by which stores find it.
    #[must_use]
    pub fn door(&self) -> Option<&DoorKey> {
        match self {
            Self::Code(r) => Some(&r.key),
            Self::DoorRead(r) => Some(&r.key),
            _ => None,
        }
    }

    /// Splits the record for a database.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when it cannot be written as JSON.
    pub fn to_stored(&self) -> Result<StoredRecord, StoreError> {
        let (plain, sealed) = match self {
            Self::Booking(r) => (json(r)?, None),
            Self::Grant(r) => {
                (json(r)?, r.core.clone().map(|pin| json(&SealedPin { pin: Some(pin) })).transpose()?)
            }
            Self::Code(r) => {
                let sealed = SealedCode {
                    typed: r.pins.as_ref().map(|pins| pins.typed.clone()),
                    stored: r.pins.as_ref().map(|pins| pins.stored.clone()),
                    name: r.name.clone(),
                };
                (json(r)?, Some(json(&sealed)?))
            }
            Self::Message(r) => {
                let sealed = SealedMessage { told: r.told.clone(), text: r.text.clone() };
                (json(r)?, Some(json(&sealed)?))
            }
            Self::DoorRead(r) => (json(r)?, Some(json(&r.codes)?)),
            Self::Alert(r) => (json(r)?, None),
            Self::Source(r) => (json(r)?, None),
            Self::Fact(r) => (json(r)?, Some(json(&r.payload)?)),
            Self::Secret(r) => (json(r)?, r.value.as_ref().map(|value| value.expose().to_owned())),
            Self::Brake(r) => (json(r)?, None),
            Self::Turns(r) => (json(r)?, None),
            Self::Plan(r) => {
                let pins: Vec<SealedPlanned> = r
                    .pins
                    .iter()
                    .map(|(door, pins)| SealedPlanned {
                        door: door.clone(),
                        typed: Some(pins.typed.clone()),
                        stored: Some(pins.stored.clone()),
                    })
                    .collect();
                (json(r)?, Some(json(&pins)?))
            }
        };
        Ok(StoredRecord { plain, sealed: sealed.map(Secret::new) })
    }

    /// Joins what [`Record::to_stored`] split.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when the texts are not a record of this kind.
    pub fn from_stored(kind: Kind, stored: &StoredRecord) -> Result<Self, StoreError> {
        let plain = stored.plain.as_str();
        let sealed = stored.sealed.as_ref().map(Secret::expose);
        Ok(match kind {
            Kind::Booking => Self::Booking(parse(plain)?),
            Kind::Grant => {
                let core = sealed.map(parse::<SealedPin>).transpose()?.and_then(|sealed| sealed.pin);
                Self::Grant(GrantRecord { core, ..parse(plain)? })
            }
            Kind::Code => {
                let record: CodeRecord = parse(plain)?;
                match sealed.map(parse::<SealedCode>).transpose()? {
                    Some(SealedCode { typed, stored, name }) => {
                        let pins = typed.zip(stored).map(|(typed, stored)| Pins { typed, stored });
                        Self::Code(CodeRecord { pins, name, ..record })
                    }
                    None => Self::Code(record),
                }
            }
            Kind::Message => {
                let record: MessageRecord = parse(plain)?;
                match sealed.map(parse::<SealedMessage>).transpose()? {
                    Some(SealedMessage { told, text }) => {
                        Self::Message(MessageRecord { told, text, ..record })
                    }
                    None => Self::Message(record),
                }
            }
            Kind::DoorRead => {
                let codes = sealed.map(parse).transpose()?.unwrap_or_default();
                Self::DoorRead(DoorReadRecord { codes, ..parse(plain)? })
            }
            Kind::Alert => Self::Alert(parse(plain)?),
            Kind::Source => Self::Source(parse(plain)?),
            Kind::Fact => {
                let payload = sealed.map(parse).transpose()?.unwrap_or_default();
                Self::Fact(FactRecord { payload, ..parse(plain)? })
            }
            Kind::Secret => Self::Secret(SecretRecord { value: sealed.map(Secret::new), ..parse(plain)? }),
            Kind::Brake => Self::Brake(parse(plain)?),
            Kind::Turns => Self::Turns(parse(plain)?),
            Kind::Plan => {
                let pins = sealed.map(parse::<Vec<SealedPlanned>>).transpose()?.unwrap_or_default();
                let pins = pins.into_iter().filter_map(|SealedPlanned { door, typed, stored }| {
                    Some((door, Pins { typed: typed?, stored: stored? }))
                });
                Self::Plan(PlanRecord { pins: pins.collect(), ..parse(plain)? })
            }
        })
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| {
        StoreError::Damaged(format!("a record cannot be written: {}", error.classify_word()))
    })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Damaged(format!("a record cannot be read: {}", error.classify_word())))
}

/// serde's texts may quote values; only the class of an error may be told.
trait ClassifyWord {
    fn classify_word(&self) -> &'static str;
}

impl ClassifyWord for serde_json::Error {
    fn classify_word(&self) -> &'static str {
        match self.classify() {
            serde_json::error::Category::Io => "input",
            serde_json::error::Category::Syntax => "syntax",
            serde_json::error::Category::Data => "unexpected content",
            serde_json::error::Category::Eof => "cut short",
        }
    }
}
