//! Real servers of the installed packages, each in a folder of its own and gone with whoever started it.
//!
//! They panic where they cannot go on, as tests do.

pub mod postgres;
pub mod redis;
