//! What requests and answers look like. Whoever speaks the API from Rust reads these types.
//!
//! Times are in UTC; windows of access are told in the unit's own time beside it. Digits are bullets (`••••`) where the
//! caller may not see them or did not ask.

use booking_core::store::{AlertRecord, CodeRecord, Pins, WriteRecord};
use booking_core::{Marker, Pin, Window};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use super::health::HealthQuery;
pub use super::log::{LogKind, LogQuery};

/// That something was done or begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DoneView {
    /// Always true: what is not done is answered with an error.
    pub done: bool,
}

/// The tenants that a token may see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantsView {
    /// In the order of the configuration.
    pub tenants: Vec<TenantView>,
}

/// A tenant, as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TenantView {
    /// Its slug.
    pub tenant: String,
    /// `full`, `upsert-only` or `observe`.
    pub mode: String,
    /// Its accounts.
    pub integrations: Vec<IntegrationView>,
    /// What it lets.
    pub units: Vec<UnitView>,
}

/// What an integration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A booking system.
    Source,
    /// A lock account.
    Lock,
    /// A way to tell people.
    Notifier,
}

/// An account of a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IntegrationView {
    /// Its name in the configuration.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its kind, such as `smoobu`.
    pub kind: String,
}

/// A unit, as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnitView {
    /// Its id.
    pub unit: String,
    /// Its name for guests; absent where the source's is used.
    pub name: Option<String>,
    /// Its zone.
    pub time_zone: String,
    /// The doors that a guest passes, in order.
    pub doors: Vec<String>,
}

/// The doors of a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DoorsView {
    /// By id.
    pub doors: Vec<DoorView>,
}

/// A door, as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DoorView {
    /// Its id.
    pub door: String,
    /// Its name for guests; absent where that is the id.
    pub label: Option<String>,
    /// The lock account.
    pub lock: String,
    /// The lock, as the vendor calls it.
    pub device: String,
    /// The keypad on it.
    pub keypad: String,
    /// Its zone.
    pub time_zone: String,
    /// How many backup codes are kept on it.
    pub backup_codes: u8,
    /// The units behind it.
    pub units: Vec<String>,
}

/// What staff must see to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// What kind, such as `code-not-proven`.
    pub kind: String,
    /// The stay that it concerns: our id of the booking.
    pub booking: Option<String>,
    /// The door that it concerns.
    pub door: Option<String>,
    /// More.
    pub detail: String,
    /// When it arose.
    pub opened_at: DateTime<Utc>,
    /// When it was over; absent while it is not.
    pub closed_at: Option<DateTime<Utc>>,
    /// When staff was told; absent while it was not.
    pub told_at: Option<DateTime<Utc>>,
}

impl AlertView {
    pub(super) fn of(alert: &AlertRecord) -> Self {
        Self {
            kind: alert.kind.clone(),
            booking: alert.stay.as_ref().map(ToString::to_string),
            door: alert.door.as_ref().map(ToString::to_string),
            detail: alert.detail.clone(),
            opened_at: alert.opened_at,
            closed_at: alert.closed_at,
            told_at: alert.told_at,
        }
    }
}

/// How a tenant's integrations do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthView {
    /// Since when calls are watched: the start of the host.
    pub since: DateTime<Utc>,
    /// Each account.
    pub integrations: Vec<IntegrationHealth>,
    /// What is due.
    pub work: WorkHealth,
    /// What staff must see to, oldest first.
    pub alerts: Vec<AlertView>,
}

/// How an account does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IntegrationHealth {
    /// Its name in the configuration.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its kind.
    pub kind: String,
    /// The last call that was answered, since the start of the host.
    pub last_good_call: Option<DateTime<Utc>>,
    /// The last call that was not, since the start of the host.
    pub last_failed_call: Option<FailedCall>,
    /// Its webhooks; absent where it sends none.
    pub inbound: Option<Inbound>,
    /// Its full reads; absent but for sources that were read or tried.
    pub source: Option<SourceHealth>,
    /// Its doors that cannot be read.
    pub doors: Vec<Failing>,
    /// What a call made for this answer came to; absent where none was asked for.
    pub check: Option<CheckView>,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FailedCall {
    /// When.
    pub at: DateTime<Utc>,
    /// `configuration`, `credentials`, `limited`, `network`, `request` or `vendor`.
    pub fault: String,
    /// What happened.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// Until when the vendor wants to be left alone, where it says so.
    pub until: Option<DateTime<Utc>>,
}

/// What came of an account's webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Inbound {
    /// The last; absent where none is known of.
    pub last: Option<DateTime<Utc>>,
    /// Since when staff knows that changes come without any; absent while all is well.
    pub silent_since: Option<DateTime<Utc>>,
}

/// What a source's full reads came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceHealth {
    /// When the last complete one began.
    pub last_full_read: Option<DateTime<Utc>>,
    /// How often one is due, in minutes.
    pub every_minutes: i64,
    /// How many bookings it showed.
    pub bookings: u64,
    /// Since when they fail.
    pub failing: Option<Failing>,
    /// Since when they lack so much that what is missing counts for nothing.
    pub suspect_since: Option<DateTime<Utc>>,
    /// Until when somebody vouches for them.
    pub trusted_until: Option<DateTime<Utc>>,
}

/// Reads that fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Failing {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Of which door, where it is one.
    pub door: Option<String>,
    /// What happens.
    pub what: String,
}

/// What a call to an account came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckView {
    /// Whether it works.
    pub works: bool,
    /// What happened, where it does not.
    pub failed: Option<FailedCall>,
}

/// What is due for a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkHealth {
    /// How many keys are due and not worked on.
    pub due: usize,
    /// How many are worked on.
    pub running: usize,
    /// Keys whose last attempt failed.
    pub failing: Vec<String>,
    /// Since when the longest due key waits.
    pub oldest_due: Option<DateTime<Utc>>,
    /// Stays whose plan does not come to rest, which is a fault of ours: our ids of their bookings.
    pub parked: Vec<String>,
}

/// The budgets of early removals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BrakesView {
    /// This share of what is there may go early,
    pub share: f64,
    /// but always so many,
    pub least: u32,
    /// in so many hours.
    pub per_hours: i64,
    /// Those that were drawn on, or hold something back.
    pub brakes: Vec<BrakeView>,
}

/// A budget of early removals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BrakeView {
    /// `source/NAME` or `door/ID`.
    pub budget: String,
    /// How many went early within the time.
    pub spent: usize,
    /// Until when it is lifted.
    pub released_until: Option<DateTime<Utc>>,
    /// Whether it holds something back now.
    pub holding: bool,
}

/// For how long a brake is lifted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// Hours; 1 where it is left out, 48 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
}

/// A page of a log, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogView {
    /// Its entries. A page may have fewer than asked for and still not be the last.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins (`before`); absent at the end.
    pub next: Option<u64>,
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogEntry {
    /// Grows with each entry of its kind.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Which log.
    pub kind: LogKind,
    /// What: a vendor's word for what arrived, or ours for what was done.
    pub what: String,
    /// From which integration.
    pub integration: Option<String>,
    /// How it came: `webhook`, `full_read`, `absence`, `door_read` or `mail`.
    pub origin: Option<String>,
    /// Our id of the booking.
    pub booking: Option<String>,
    /// What its source calls it.
    pub reference: Option<String>,
    /// When it was worked on.
    pub read_at: Option<DateTime<Utc>>,
    /// More.
    pub detail: Option<String>,
    /// What is kept of a mail.
    pub mail: Option<MailSummary>,
}

/// What is kept of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MailSummary {
    /// The sender's address; where it is masked, its domain alone.
    pub from: String,
    /// Who it was for; empty where masked.
    pub to: Vec<String>,
    /// The subject; absent where masked.
    pub subject: Option<String>,
    /// When it was sent, as it says itself.
    pub date: Option<String>,
    /// Its id; absent where masked.
    pub message_id: Option<String>,
    /// How long it was.
    pub bytes: usize,
}

/// That a mail was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MailTaken {
    /// Whether one with its Message-Id had been taken before.
    pub duplicate: bool,
}

/// Whether digits are shown.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PinsQuery {
    /// Whether they are shown instead of bullets; needs the scope `pins`.
    #[serde(default)]
    pub pins: bool,
}

/// What of a door's codes is wanted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CodesQuery {
    /// Whether the door is read now; otherwise what the last read showed is told.
    #[serde(default)]
    pub fresh: bool,
    /// Whether digits, names and notes are shown; needs the scope `pins`.
    #[serde(default)]
    pub pins: bool,
}

/// Which stays a dry run looks at: `"tenant"`, `{"source": NAME}`, `{"unit": ID}` or `{"booking": BOOKING}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanScope {
    /// All of the tenant.
    #[default]
    Tenant,
    /// Those of a source.
    Source(String),
    /// Those in a unit, or that were in it.
    Unit(String),
    /// One: our id, the source's reference, or `SOURCE:REFERENCE`.
    Booking(String),
}

/// What a dry run is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// Which stays.
    #[serde(default)]
    pub scope: PlanScope,
    /// What it would take to give the one booking other digits.
    #[serde(default)]
    pub reissue: bool,
    /// Whether digits are shown; needs the scope `pins`.
    #[serde(default)]
    pub pins: bool,
}

/// A line of a dry run's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum PlanLine {
    /// It asks this source.
    Source {
        /// Its name.
        source: String,
    },
    /// It reads this door.
    Door {
        /// Its name.
        door: String,
    },
    /// It looks at stays.
    Stays {
        /// How many it has looked at,
        done: usize,
        /// of how many.
        of: usize,
    },
    /// The plan: the last line.
    Plan {
        /// The plan.
        plan: Box<PlanView>,
    },
    /// Why there is no plan: the last line.
    Error(super::ErrorView),
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanView {
    /// Its id, by which it is applied.
    pub plan: String,
    /// The stays for which there is something to do. Without any, the plan is not kept.
    pub stays: Vec<PlanStay>,
    /// How many were looked at; told when the plan is made.
    pub looked_at: Option<usize>,
    /// Doors that could not be read, where nothing is planned; told when the plan is made.
    pub unread: Vec<String>,
    /// What the sources showed; told when the plan is made.
    pub sources: Vec<SourceLookView>,
    /// Unmarked codes that bear a guest's name, to be linked by hand; told when the plan is made.
    pub suggestions: Vec<SuggestionView>,
}

/// What is planned for a stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanStay {
    /// The plan.
    pub plan: String,
    /// Our id of the booking.
    pub booking: String,
    /// Its source.
    pub source: Option<String>,
    /// What its source calls it.
    pub reference: Option<String>,
    /// The unit that its source puts it in; absent where that is none of ours.
    pub unit: Option<String>,
    /// The day of arrival.
    pub arrival: Option<NaiveDate>,
    /// The day of departure.
    pub departure: Option<NaiveDate>,
    /// `drafted`, `approved`, `begun`, `applied` or `refused`.
    pub state: String,
    /// Whether it gives the stay other digits because staff wants that.
    pub reissue: bool,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Until when it may be applied.
    pub expires_at: DateTime<Utc>,
    /// What is done, step by step.
    pub steps: Vec<StepView>,
    /// What had moved, where it was refused.
    pub moved: Vec<String>,
    /// The digits that doors would get.
    pub pins: Vec<PlannedPin>,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// What: `create`, `replace`, `delete`, `tell` and so on.
    pub what: String,
    /// On which door.
    pub door: Option<String>,
    /// More.
    pub detail: String,
    /// Whether it waits for what stands before it.
    pub later: bool,
}

/// The digits that a door would get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedPin {
    /// The door.
    pub door: String,
    /// Its digits.
    #[serde(flatten)]
    pub digits: Digits,
}

/// Digits of a code; bullets where they are masked, absent where they are not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Digits {
    /// What the guest presses.
    pub typed: Option<String>,
    /// What the vendor stores.
    pub stored: Option<String>,
}

impl Digits {
    pub(super) fn of(pins: Option<&Pins>, shown: bool) -> Self {
        Self {
            typed: Self::text(pins.map(|pins| &pins.typed), shown),
            stored: Self::text(pins.map(|pins| &pins.stored), shown),
        }
    }

    pub(super) fn text(pin: Option<&Pin>, shown: bool) -> Option<String> {
        pin.map(|pin| if shown { pin.expose().to_owned() } else { "•".repeat(pin.len()) })
    }
}

/// What a source showed in a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceLookView {
    /// The source.
    pub source: String,
    /// How many bookings it listed.
    pub listed: usize,
    /// How many of them tell more than was known.
    pub news: usize,
    /// How many known bookings it did not list.
    pub missing: usize,
    /// How many could not be read.
    pub unreadable: usize,
    /// Whether so much is missing that its word is doubted.
    pub suspect: bool,
    /// Why it could not be read: then the plan is made with what was known.
    pub failing: Option<String>,
}

/// An unmarked code that bears the name of a guest who should have one there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuggestionView {
    /// The door.
    pub door: String,
    /// The vendor's id of the code.
    pub code: String,
    /// Our id of the booking.
    pub booking: String,
    /// What its source calls it.
    pub reference: String,
}

/// What became of a plan that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedView {
    /// Stays that are worked on now.
    pub approved: usize,
    /// Stays whose part was decided before, or whose time is over.
    pub left: usize,
    /// Stays whose part rests on something that has changed.
    pub refused: usize,
}

/// From when until when, in the unit's own time and in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowView {
    /// Local start.
    pub start: NaiveDateTime,
    /// Local end.
    pub end: NaiveDateTime,
    /// The zone.
    pub time_zone: String,
    /// The start.
    pub opens: DateTime<Utc>,
    /// The end.
    pub closes: DateTime<Utc>,
}

impl WindowView {
    pub(super) fn of(window: &Window) -> Self {
        Self {
            start: window.start(),
            end: window.end(),
            time_zone: window.zone().to_string(),
            opens: window.opens(),
            closes: window.closes(),
        }
    }
}

/// Why a stay is as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedView {
    /// The booking.
    pub booking: BookingView,
    /// What it should have: `access`, `keep` (what it has) or `nothing`.
    pub wish: String,
    /// Its unit.
    pub unit: Option<String>,
    /// The time of the stay.
    pub stay: Option<WindowView>,
    /// When its codes work: the stay and its buffers.
    pub window: Option<WindowView>,
    /// Where its digits come from.
    pub pin: PinView,
    /// Its doors: the proof that each needs, and how it was last read.
    pub doors: Vec<RequiredView>,
    /// Its codes, oldest first.
    pub codes: Vec<CodeView>,
    /// Its messages, oldest first.
    pub messages: Vec<MessageView>,
    /// What staff was alerted of.
    pub alerts: Vec<AlertView>,
    /// What would be done now, by what is known.
    pub steps: Vec<StepView>,
    /// When it is looked at again; absent for never.
    pub work: Option<WorkView>,
    /// What has arrived and was not worked on yet.
    pub unread: usize,
    /// What was reviewed of it.
    pub plans: Vec<PlanStay>,
    /// Its history, newest first.
    pub history: Vec<HistoryView>,
}

/// A booking, without its guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BookingView {
    /// Our id.
    pub booking: String,
    /// The source that tells of it.
    pub source: String,
    /// What the source calls it.
    pub reference: String,
    /// What the source called it before.
    pub former: Vec<String>,
    /// `stay` or `block`; absent while nothing but hints has come.
    pub kind: Option<String>,
    /// `confirmed` or `cancelled`.
    pub status: Option<String>,
    /// The unit, as the source calls it.
    pub unit: Option<String>,
    /// The day of arrival.
    pub arrival: Option<NaiveDate>,
    /// The day of departure.
    pub departure: Option<NaiveDate>,
    /// Why there are no days: `missing`, `unreadable` or `reversed`.
    pub dates_problem: Option<String>,
    /// The agreed check-in time, local; absent for the unit's own.
    pub check_in: Option<NaiveTime>,
    /// The agreed check-out time, local; absent for the unit's own.
    pub check_out: Option<NaiveTime>,
    /// The source's own revision.
    pub revision: Option<i64>,
    /// The door of which it is a backup code: then it is nobody's stay.
    pub backup_of: Option<String>,
    /// When it was first heard of.
    pub created_at: DateTime<Utc>,
    /// When the source last showed it.
    pub seen_at: Option<DateTime<Utc>>,
    /// When a webhook said that it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Since when the source does not find it.
    pub not_found_since: Option<DateTime<Utc>>,
    /// Since when the source says something else with an older revision than what is known.
    pub contradicted_since: Option<DateTime<Utc>>,
    /// How many complete reads in a row lacked it.
    pub absences: u32,
    /// Since when it counts as gone.
    pub gone_at: Option<DateTime<Utc>>,
    /// When it became known that it is cancelled or gone.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Why the source could not be asked.
    pub last_error: Option<String>,
}

/// Where digits come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinView {
    /// `random` or `phone`, by policy.
    pub source: String,
    /// When staff last wanted other ones.
    pub reissued_at: Option<DateTime<Utc>>,
}

/// A door of a stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequiredView {
    /// Its id.
    pub door: String,
    /// The proof needed before the guest is told: `accepted`, `listed`, `confirmed` or `used`.
    pub proof: String,
    /// When the last good read was made.
    pub observed_at: Option<DateTime<Utc>>,
    /// Since when reads fail.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why they fail.
    pub failing: Option<String>,
}

/// A code of ours on a door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CodeView {
    /// Our id.
    pub code: String,
    /// Our id of the booking.
    pub booking: String,
    /// The door.
    pub door: String,
    /// The keypad: `VENDOR/DEVICE/KEYPAD`.
    pub keypad: String,
    /// The lock account.
    pub lock: String,
    /// The vendor's id, once known.
    pub vendor_id: Option<String>,
    /// Its digits.
    #[serde(flatten)]
    pub digits: Digits,
    /// The marker on it.
    pub markers: Vec<String>,
    /// When it opens, as last intended.
    pub window: WindowView,
    /// `wanted`, `unwanted` or `removed`.
    pub state: String,
    /// The last write.
    pub write: Option<WriteView>,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Not before this.
    pub retry_at: Option<DateTime<Utc>>,
    /// How far its present content is proven: `requested`, `accepted`, `listed`, `confirmed` or `used`.
    pub proof: String,
    /// Since when.
    pub proof_at: DateTime<Utc>,
    /// Since when reads do not show it although it was there.
    pub missing_since: Option<DateTime<Utc>>,
    /// Whether it was found on the door rather than made by us.
    pub adopted: bool,
    /// Whether it is a backup code.
    pub backup: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl CodeView {
    pub(super) fn of(code: &CodeRecord, shown: bool) -> Self {
        let markers = Marker::find_all(&code.note);
        Self {
            code: code.id.to_string(),
            booking: code.stay.to_string(),
            door: code.door.to_string(),
            keypad: code.key.to_string(),
            lock: code.lock.to_string(),
            vendor_id: code.vendor_id.as_ref().map(ToString::to_string),
            digits: Digits::of(code.pins.as_ref(), shown),
            markers: markers.iter().map(|marker| marker.as_str().to_owned()).collect(),
            window: WindowView::of(&code.window),
            state: word(&code.state),
            write: code.write.as_ref().map(WriteView::of),
            attempts: code.attempts,
            retry_at: code.retry_at,
            proof: word(&code.proof),
            proof_at: code.proof_at,
            missing_since: code.missing_since,
            adopted: code.adopted,
            backup: code.backup,
            created_at: code.created_at,
        }
    }
}

/// The last write of a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WriteView {
    /// `create`, `replace` or `delete`.
    pub kind: String,
    /// `intended`, `applied`, `not_applied` or `unknown`.
    pub state: String,
    /// When it was written down.
    pub intended_at: DateTime<Utc>,
    /// When its result came in.
    pub ended_at: Option<DateTime<Utc>>,
    /// The vendor's words on a failure.
    pub error: Option<String>,
}

impl WriteView {
    fn of(write: &WriteRecord) -> Self {
        Self {
            kind: word(&write.kind),
            state: word(&write.state),
            intended_at: write.intended_at,
            ended_at: write.ended_at,
            error: write.error.clone(),
        }
    }
}

/// A message to the guest, without its text and whom it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Our id.
    pub message: String,
    /// The notifier that carries it.
    pub notifier: String,
    /// Why: `code_ready`, `times_changed`, `moved` or `code_changed`.
    pub kind: String,
    /// `intended`, `sent`, `unknown`, `failed`, `undeliverable` or `superseded`.
    pub state: String,
    /// Whether it may have gone out twice.
    pub maybe_twice: bool,
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Not before this.
    pub retry_at: Option<DateTime<Utc>>,
    /// When it was first written down.
    pub intended_at: DateTime<Utc>,
    /// When its last attempt was.
    pub tried_at: DateTime<Utc>,
    /// When its last result came in.
    pub ended_at: Option<DateTime<Utc>>,
    /// The vendor's words on a failure.
    pub error: Option<String>,
    /// The language of its text.
    pub language: Option<String>,
    /// Which codes it told.
    pub told: Vec<ToldView>,
}

/// A code that a message told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToldView {
    /// The door.
    pub door: String,
    /// Our id of the code.
    pub code: String,
    /// What the guest presses; bullets where masked.
    pub typed: Option<String>,
}

/// When something is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkView {
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// Until when it is being worked on.
    pub leased_until: Option<DateTime<Utc>>,
    /// Failed attempts in a row.
    pub failures: u32,
}

/// A line of a stay's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryView {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub what: String,
    /// More.
    pub detail: String,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasedView {
    /// How many records.
    pub records: u64,
    /// How many arrivals.
    pub arrivals: u64,
}

/// What is on a door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OnDoorView {
    /// Its id.
    pub door: String,
    /// When the read that is told was made; absent where there was none.
    pub observed_at: Option<DateTime<Utc>>,
    /// Whether it showed everything.
    pub complete: bool,
    /// Since when reads fail, and why.
    pub failing: Option<Failing>,
    /// What it showed.
    pub codes: Vec<FoundCodeView>,
    /// Codes of ours that should be there and are not shown.
    pub missing: Vec<CodeView>,
}

/// Whose a code on a door is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhoseView {
    /// Ours, by the ledger.
    Ours,
    /// Ours by its marker, and not taken over yet.
    Marked,
    /// Nobody's that is known here: never touched.
    Foreign,
    /// It names two bookings: never touched.
    Ambiguous,
}

/// A code on a door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundCodeView {
    /// The vendor's id.
    pub code: String,
    /// Whose it is.
    pub whose: WhoseView,
    /// Our id of the booking, where one is known.
    pub booking: Option<String>,
    /// What the vendor stores; bullets where masked, absent where the vendor does not show it.
    pub stored: Option<String>,
    /// Its name in the vendor's app; absent where masked.
    pub name: Option<String>,
    /// Its note; absent where masked.
    pub note: Option<String>,
    /// The markers in its note.
    pub markers: Vec<String>,
    /// Local start.
    pub start: Option<NaiveDateTime>,
    /// Local end.
    pub end: Option<NaiveDateTime>,
    /// Whether it is switched on.
    pub active: bool,
    /// What the listing proves.
    pub proof: String,
    /// Whether its time is over.
    pub expired: bool,
    /// Whether the booking has another one there, or another code there has its digits.
    pub duplicate: bool,
}

/// Whose a code shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// Our id, the source's reference, or `SOURCE:REFERENCE`.
    pub booking: String,
}

/// The word that a value is written as.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
