#![doc = include_str!("../README.md")]

mod address;
mod circuit;
mod client;
mod gate;
mod request;
mod response;
mod retry;
pub mod retry_after;
mod settings;
mod signer;
pub mod testing;
mod transport;
#[cfg(feature = "reqwest")]
mod transport_reqwest;
mod turns;

pub use address::{Confined, PublicOnly, is_internal};
pub use circuit::CircuitState;
pub use client::{LastFailure, VendorClient, VendorHealth};
pub use request::{BodyLimit, Safety, VendorPath, VendorRequest, path_segment};
pub use response::VendorResponse;
pub use settings::{CircuitSettings, Pacing, VendorSettings};
pub use signer::{Bearer, NoSigner, Signer};
pub use transport::{Transport, TransportError, TransportErrorKind};
#[cfg(feature = "reqwest")]
pub use transport_reqwest::ReqwestTransport;
pub use turns::{Booked, Turns, TurnsAway};
