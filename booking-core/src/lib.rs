#![doc = include_str!("../README.md")]

mod booking;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod id;
mod idempotency;
mod lock;
mod marker;
mod notifier;
mod parse;
#[cfg(staykey_planted)]
pub mod planted;
mod secret;
pub mod signature;
pub mod sms;
mod source;
pub mod store;
mod webhook;
mod window;
mod world;

pub use booking::{Booking, BookingKind, BookingStatus, DateProblem, Guest, Revision, StayDates};
pub use error::{Fault, Outcome, Retry, VendorError};
pub use id::{
    BookingId, CodeId, DoorId, DoorKey, ExternalId, GrantId, IntegrationName, MessageId, TenantSlug, UnitId,
    UnitRef, VendorCodeId,
};
pub use idempotency::{Begun, IdempotencyStore, IdempotencyToken};
pub use lock::{
    CodeSpec, Door, DoorCodes, DoorRules, FoundDoor, ListedCode, Listing, LockError, LockProvider, Proof,
    TimeSemantics, truncated,
};
pub use marker::Marker;
pub use notifier::{
    Channel, MessageLimits, Notifier, NotifyError, OutgoingMessage, PhoneNumber, Receipt, Recipient, Sent,
};
pub use parse::Invalid;
pub use secret::{Pin, Secret};
pub use source::{BookingSource, Cursor, DateRange, Lookup, Page, Unreadable, WriteBack, WrittenBack};
pub use webhook::{Dedup, Delivery, Event, RawRequest, Refusal, Reply, WebhookReceiver};
pub use window::Window;
pub use world::{Call, Clock, Rng};
