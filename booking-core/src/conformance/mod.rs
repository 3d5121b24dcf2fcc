//! The public test suites: whoever implements a trait of this crate runs its suite.

pub mod booking_source;
mod drive;
pub mod idempotency;
pub mod lock_provider;
mod memory_lock;
mod memory_notifier;
mod memory_source;
pub mod notifier;
mod report;
mod stand_in;
pub mod store;
#[cfg(test)]
mod tests;
mod trouble;
pub mod webhook_receiver;

pub use drive::block_on;
pub use idempotency::idempotency_store;
pub use memory_lock::MemoryLock;
pub use memory_notifier::MemoryNotifier;
pub use memory_source::MemorySource;
pub use report::{Report, Verdict};
pub use stand_in::{ManualClock, SeededRng};
pub use store::{store, store_cases};
pub use trouble::{On, Planted, Trouble};
