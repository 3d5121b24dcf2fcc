//! The main path as scenarios: the engine with its real adapters against the simulators, in virtual time.
//!
//! Tests are named after the scenarios that they hold, where there is one.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod chaos;
mod house;
mod lifecycle;
mod messages;
mod new_ids;
mod outages;
mod pins;
mod plans;
mod reads;
mod regressions;
mod removal;
mod sources;
mod tenants;
mod times;
mod turnover;
mod webhooks;
