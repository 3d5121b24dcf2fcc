#![doc = include_str!("../README.md")]

mod memory;
mod rules;
mod time;

pub use memory::MemoryStore;
