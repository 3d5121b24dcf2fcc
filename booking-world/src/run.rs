//! Many histories in a row, and the story of one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::chance::seed_of;
use crate::coverage::Coverage;
use crate::generate::{Features, generate};
use crate::history::History;
use crate::promise::Broken;
use crate::shrink::shrink;
use crate::vendors::Kit;
use crate::world::{Outcome, World};

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// Until so many stays were lived through.
    Stays(u64),
    /// Until so much time has passed.
    Time(Duration),
}

/// What came of many histories.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many.
    pub histories: u64,
    /// How many stays were in them.
    pub stays: u64,
    /// How many steps were taken.
    pub steps: u64,
    /// What was reached.
    pub coverage: Coverage,
    /// The longest time that a guest in the house was without a code because one was replaced, in seconds.
    pub longest_gap: i64,
    /// A sum over all that was done: equal for equal runs.
    pub digest: u64,
    /// How many broke which promise.
    pub broken: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Adds one history.
    pub fn add(&mut self, outcome: &Outcome) {
        self.histories += 1;
        self.stays += outcome.stays;
        self.steps += outcome.steps;
        self.coverage.add(&outcome.coverage);
        self.digest = self.digest.rotate_left(1) ^ outcome.digest;
        self.longest_gap = self.longest_gap.max(outcome.longest_gap.num_seconds());
        if let Some(broken) = &outcome.broken {
            *self.broken.entry(broken.promise).or_default() += 1;
        }
    }
}

/// What a run tells on its way.
#[derive(Debug)]
pub enum Progress<'a> {
    /// One more history is over.
    After(&'a Tally),
    /// A promise was broken.
    Broken {
        /// In the history of this seed.
        seed: u64,
        /// Which.
        broken: &'a Broken,
    },
}

/// Runs histories from consecutive seeds. `told` hears how it goes and answers how much time has passed.
pub fn run(
    kit: &Kit,
    seed: u64,
    budget: Budget,
    features: &Features,
    keep_going: bool,
    told: &mut dyn FnMut(&Progress<'_>) -> Duration,
) -> Tally {
    let mut tally = Tally::default();
    loop {
        let own = seed_of(seed, tally.histories);
        let outcome = World::new(kit, Arc::new(generate(own, features)), false).run();
        tally.add(&outcome);
        if let Some(broken) = &outcome.broken {
            told(&Progress::Broken { seed: own, broken });
        }
        let passed = told(&Progress::After(&tally));
        let enough = match budget {
            Budget::Stays(stays) => tally.stays >= stays,
            Budget::Time(time) => passed >= time,
        };
        if enough || (outcome.broken.is_some() && !keep_going) {
            return tally;
        }
    }
}

/// The story of a history; where it breaks a promise and is not wanted whole, of the shortest one that does.
#[must_use]
pub fn replay(kit: &Kit, history: History, whole: bool) -> (Option<Broken>, Vec<String>) {
    let first = World::new(kit, Arc::new(history.clone()), false).run();
    let history = match &first.broken {
        Some(broken) if !whole => shrink(kit, history, broken.promise),
        _ => history,
    };
    tell(kit, history)
}

/// The story of a history.
#[must_use]
pub fn tell(kit: &Kit, history: History) -> (Option<Broken>, Vec<String>) {
    let mut story = vec![format!("{:?}", history.setup)];
    let outcome = World::new(kit, Arc::new(history), true).run();
    story.extend(outcome.story);
    (outcome.broken, story)
}
