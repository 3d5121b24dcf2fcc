//! The main path as scenarios: the engine with its real adapters against the simulators, in virtual time.
//!
//! Tests are named after the scenarios that they hold, where there is one.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod backup;
mod brake;
mod bulk;
mod chaos;
mod digits;
mod doors;
mod house;
mod inn;
mod lifecycle;
mod messages;
mod new_ids;
mod operator;
mod outages;
mod pins;
mod plans;
mod reads;
mod regressions;
mod removal;
mod replacement;
mod sources;
mod tenants;
mod times;
mod turnover;
mod watched;
mod webhooks;
