//! The main path as scenarios: the engine with its real adapters against the simulators, in virtual time.
//!
//! Tests are named after the scenarios that they hold, where there is one.

mod house;
mod lifecycle;
mod messages;
mod outages;
mod pins;
mod reads;
mod removal;
mod tenants;
mod times;
mod webhooks;
