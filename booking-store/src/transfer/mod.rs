//! Stores that are moved, backed up and restored.

#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod carry;
#[cfg(feature = "sqlite")]
mod error;
#[cfg(feature = "postgres")]
mod record;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod sums;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod tables;
#[cfg(feature = "postgres")]
mod value;

#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use self::carry::{Moved, Progress, Step, move_store};
#[cfg(feature = "sqlite")]
pub use self::error::TransferError;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub(crate) use self::record::Record;
#[cfg(feature = "postgres")]
pub(crate) use self::record::refuse_unfinished;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use self::sums::TableSum;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub(crate) use self::tables::{Column, Layout, Locks, Schema, Type};
#[cfg(feature = "postgres")]
pub(crate) use self::value::Value;
