//! The planner alone: what must hold of a plan whatever it is made from, in situations drawn at random, and in a small
//! world where each step does exactly what it says.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod case;
mod decisions;
mod properties;
mod regressions;
mod scene;
mod world;
