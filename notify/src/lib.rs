#![doc = include_str!("../README.md")]

mod file;
mod record;
pub mod serwersms;

pub use file::FileNotifier;
pub use record::{Answer, RecordNotifier};
pub use serwersms::{SerwerSms, SerwerSmsConfig};
