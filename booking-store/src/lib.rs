#![doc = include_str!("../README.md")]

mod memory;
mod rules;
#[cfg(feature = "sqlite")]
mod sqlite;
mod time;

pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::{Keys, SqliteStore};
