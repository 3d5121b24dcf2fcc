//! Bugs that are planted on purpose: which promise notices each, and how soon.

use std::sync::Arc;

use booking_core::planted::{self, Bug};

use crate::chance::seed_of;
use crate::generate::{Features, generate};
use crate::vendors::Kit;
use crate::world::World;

/// What noticed a bug.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The promise that it broke.
    pub promise: &'static str,
    /// In which history.
    pub seed: u64,
    /// How many histories were lived through up to then.
    pub histories: u64,
    /// How many steps they took.
    pub steps: u64,
}

/// Lives through histories with a bug alive until a promise is broken; `None` when none is in so many stays.
#[must_use]
pub fn hunt(kit: &Kit, bug: Bug, seed: u64, stays: u64, features: &Features) -> Option<Caught> {
    planted::plant(Some(bug.name));
    let caught = chase(kit, seed, stays, features);
    planted::plant(None);
    caught
}

fn chase(kit: &Kit, seed: u64, stays: u64, features: &Features) -> Option<Caught> {
    let (mut lived, mut steps) = (0, 0);
    for number in 0.. {
        let own = seed_of(seed, number);
        let outcome = World::new(kit, Arc::new(generate(own, features)), false).run();
        lived += outcome.stays;
        steps += outcome.steps;
        if let Some(broken) = outcome.broken {
            return Some(Caught { promise: broken.promise, seed: own, histories: number + 1, steps });
        }
        if lived >= stays {
            break;
        }
    }
    None
}
