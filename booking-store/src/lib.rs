#![doc = include_str!("../README.md")]

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod columns;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod rules;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod seal;
#[cfg(feature = "sqlite")]
mod sqlite;
mod time;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod transfer;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresUrl};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use seal::Keys;
#[cfg(feature = "sqlite")]
pub use sqlite::{BackedUp, Restored, SqliteStore, backup_sqlite, restore_sqlite};
#[cfg(feature = "sqlite")]
pub use transfer::TransferError;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use transfer::{Moved, Progress, Step, TableSum, move_store};
