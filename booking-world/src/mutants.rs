//! Bugs that are planted on purpose: which promise notices each, and how soon.

use std::sync::Arc;

use booking_core::planted::{self, Bug};

use crate::chance::seed_of;
use crate::directed::directed;
use crate::generate::{Features, generate};
use crate::history::History;
use crate::regress::REGRESSIONS;
use crate::vendors::Kit;
use crate::world::{Outcome, World};

/// What noticed a bug.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The promise that it broke.
    pub promise: &'static str,
    /// In which history: its name, or its seed.
    pub history: String,
    /// How many histories were lived through up to then.
    pub histories: u64,
    /// How many steps they took.
    pub steps: u64,
}

/// Lives through histories with a bug alive until one breaks a promise that it keeps with no bug alive: those that are
/// made by hand, the aimed ones first, the seeds that are kept, and then drawn ones; `None` when it takes more than so many
/// drawn stays.
#[must_use]
pub fn hunt(kit: &Kit, bug: Bug, seed: u64, stays: u64, features: &Features) -> Option<Caught> {
    let kept = REGRESSIONS.iter().map(|(seed, drawn)| (format!("seed {seed}"), generate(*seed, &drawn())));
    let drawn = (0..).map(|number| seed_of(seed, number));
    let drawn = drawn.map(|seed| (format!("seed {seed}"), generate(seed, features)));
    let by_hand = directed().into_iter().chain(kept).map(|(name, history)| (name, history, false));
    let all = by_hand.chain(drawn.map(|(name, history)| (name, history, true)));

    let (mut histories, mut steps, mut lived) = (0, 0, 0);
    for (name, history, is_drawn) in all {
        let history = Arc::new(history);
        let outcome = live(kit, Some(bug), &history);
        histories += 1;
        steps += outcome.steps;
        if let Some(broken) = outcome.broken
            && live(kit, None, &history).broken.is_none()
        {
            return Some(Caught { promise: broken.promise, history: name, histories, steps });
        }
        lived += if is_drawn { outcome.stays } else { 0 };
        if lived > stays {
            break;
        }
    }
    None
}

fn live(kit: &Kit, bug: Option<Bug>, history: &Arc<History>) -> Outcome {
    planted::plant(bug.map(|bug| bug.name));
    let outcome = World::new(kit, history.clone(), false).run();
    planted::plant(None);
    outcome
}
