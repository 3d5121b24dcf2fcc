//! The behaviour of the whole layer, one binary.
#![expect(clippy::unwrap_used, reason = "the lint knows test functions, not their helpers")]

mod client;
#[cfg(feature = "reqwest")]
mod network;
mod redaction;
mod rig;
mod turns;
