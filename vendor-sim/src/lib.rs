#![doc = include_str!("../README.md")]

mod control;
mod fault;
mod log;
mod operation;
#[cfg(feature = "server")]
mod server;
mod sim;
mod web;

pub mod serwersms;
pub mod smoobu;
pub mod thekeys;

pub use fault::{Fault, FaultKind, Matcher};
pub use log::{CallLog, CallRecord};
pub use operation::{Operation, Vendor};
#[cfg(feature = "server")]
pub use server::{ServeError, SimClock, SimServer, SimState, serve, serve_anywhere};
pub use sim::{FaultId, Outcome, Reply, SimConfig, Simulators};
