//! The client against the simulated Smoobu, in virtual time.

mod account;
mod bookings;
mod messages;
mod secrets;
mod webhooks;
mod world;
