#![doc = include_str!("../README.md")]
#![allow(clippy::disallowed_methods, reason = "a host owns the clock, the tasks and the randomness")]

pub mod api;
pub mod config;
mod host;
mod metrics;
mod observed;
mod peer;
pub mod registry;
mod router;
pub mod stores;
pub mod telemetry;
#[cfg(feature = "otel")]
mod traces;
mod worker;
mod world;

pub use config::Config;
pub use host::{Ended, Host, HostError, HostParts, Pieces, WebhookUrl};
pub use router::{RouterSettings, Webhooks, router};
#[cfg(feature = "otel")]
pub use traces::Traces;
pub use world::{OsRng, SystemClock};
