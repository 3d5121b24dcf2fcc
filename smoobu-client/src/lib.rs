#![doc = include_str!("../README.md")]

mod client;
mod config;
mod request;
mod sign;
mod source;
mod thread;
mod webhook;
mod wire;

pub use client::{ReservationPage, SmoobuClient};
pub use config::{DEFAULT_BASE_URL, SmoobuConfig, WebhookPayload};
pub use sign::SmoobuSigner;
pub use source::Smoobu;
pub use thread::SmoobuThread;
pub use webhook::SmoobuWebhooks;
pub use wire::Apartment;
