//! Histories in a small fixed budget; `cargo xtask world` goes further, and faster.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use booking_world::{Budget, Features, Kit, Progress, REGRESSIONS, World, generate, run};

#[test]
fn the_same_seed_is_the_same_world() {
    let kit = Kit::default();
    for seed in [1, 2, 3] {
        let history = Arc::new(generate(seed, &Features::default()));
        let once = World::new(&kit, history.clone(), true).run();
        let again = World::new(&kit, history, true).run();
        assert_eq!((once.digest, once.steps, once.story), (again.digest, again.steps, again.story), "{seed}");
    }
}

#[test]
fn a_history_is_data() {
    let history = generate(7, &Features::default());
    let text = serde_json::to_string(&history).unwrap();
    assert_eq!(serde_json::from_str::<booking_world::History>(&text).unwrap(), history);
}

#[test]
fn promises_are_kept_in_a_few_histories() {
    let mut broken = None;
    run(&Kit::default(), 2027, Budget::Stays(150), &Features::default(), false, &mut |progress| {
        if let Progress::Broken { seed, broken: what } = progress {
            broken = Some(format!("seed {seed}: {what:?}"));
        }
        Duration::ZERO
    });
    assert_eq!(broken, None);
}

#[test]
fn what_was_broken_once_is_kept() {
    let kit = Kit::default();
    let next = AtomicUsize::new(0);
    // Alone at the end of a test run, it has all processors to itself.
    let work = || {
        while let Some((seed, drawn)) = REGRESSIONS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = World::new(&kit, Arc::new(generate(*seed, &drawn())), false).run();
            assert_eq!(outcome.broken, None, "seed {seed}");
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
}

#[test]
fn each_promise_is_written_down_for_hosts() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/promises.md");
    let page = std::fs::read_to_string(page).expect("the page of promises");
    let missing: Vec<_> =
        booking_world::PROMISES.iter().filter(|(name, _)| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/promises.md: {missing:?}");
}
