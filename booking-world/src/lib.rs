#![doc = include_str!("../README.md")]

mod chance;
mod coverage;
mod deed;
mod directed;
mod gap;
mod generate;
mod happen;
mod history;
mod hub;
pub mod lock;
mod locks;
#[cfg(staykey_planted)]
mod mutants;
mod names;
mod notifier;
mod promise;
mod regress;
mod run;
mod shrink;
mod sims;
mod source;
mod store;
mod story;
mod tasks;
mod truth;
mod vendors;
mod world;

pub use chance::{Chance, seed_of};
pub use coverage::{Coverage, Place, Point, Side, Step, unreachable};
pub use directed::directed;
pub use generate::{Features, generate};
pub use history::*;
pub use hub::Hub;
#[cfg(staykey_planted)]
pub use mutants::{Caught, hunt};
pub use notifier::ModelNotifier;
pub use promise::{Broken, PROMISES};
pub use regress::{OPEN, REGRESSIONS};
pub use run::{Budget, Progress, Tally, replay, run, tell};
pub use shrink::shrink;
pub use source::ModelSource;
pub use vendors::Kit;
pub use world::{Outcome, World};
