//! Everything that can be reached is reached by the histories made by hand and the seeds that are kept.

use std::sync::Arc;

use booking_world::{Coverage, Kit, REGRESSIONS, World, directed, generate};

/// Reachable, and not reached yet: each line that goes is a gain, and none may come.
const NOT_YET: [&str; 9] = [
    "fault Credentials on WriteBack",
    "fault Credentials on Delete",
    "fault TimeoutBefore on Extend",
    "fault TimeoutAfter on Record",
    "fault TimeoutAfter on Extend",
    "fault RateLimited on WriteBack",
    "fault RateLimited on Delete",
    "fault RateLimited on Send",
    "crash After Find",
];

/// Histories that break a promise and wait for a mending.
const BROKEN: [&str; 2] = ["EmptyList at the simulators", "TruncatedList at the simulators"];

#[test]
fn everything_that_can_be_reached_is_reached() {
    let kit = Kit::default();
    let mut coverage = Coverage::default();
    let kept = REGRESSIONS.iter().map(|(seed, drawn)| generate(*seed, &drawn()));
    let by_hand = directed().into_iter().map(|(_, history)| history);
    for history in by_hand.chain(kept) {
        coverage.add(&World::new(&kit, Arc::new(history), false).run().coverage);
    }
    let missing: Vec<String> = coverage.missing().iter().map(ToString::to_string).collect();
    assert_eq!(missing, NOT_YET);
}

#[test]
fn histories_made_by_hand_keep_every_promise() {
    let kit = Kit::default();
    for (name, history) in directed().into_iter().filter(|(name, _)| !BROKEN.contains(&name.as_str())) {
        let outcome = World::new(&kit, Arc::new(history), false).run();
        assert_eq!(outcome.broken, None, "{name}");
    }
}
