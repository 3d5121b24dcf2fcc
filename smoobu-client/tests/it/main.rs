//! The client against the simulated Smoobu, in virtual time.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod account;
mod bookings;
mod conformance;
mod messages;
mod secrets;
mod webhooks;
mod world;
