//! The host from outside: through its router, and whole.

#![allow(clippy::disallowed_methods, reason = "a host runs in real time")]
#![allow(clippy::unwrap_used, reason = "all of it is tests")]

mod api;
mod host;
mod logs;
mod rig;
mod router;
#[cfg(feature = "otel")]
mod traces;
mod worker;
