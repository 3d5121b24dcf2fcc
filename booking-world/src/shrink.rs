//! From a long history that breaks a promise to a short one that breaks the same.

use std::sync::Arc;

use crate::history::{Event, History};
use crate::vendors::Kit;
use crate::world::World;

/// How many histories are tried at most.
const MOST: usize = 1500;

/// A shorter history that breaks the same promise.
#[must_use]
pub fn shrink(kit: &Kit, history: History, promise: &str) -> History {
    let mut shrinker = Shrinker { kit, promise, tried: 0 };
    let mut history = history;
    loop {
        let before = (history.events.len(), history.setup.hosts);
        history = shrinker.fewer_events(history);
        history = shrinker.simpler(history);
        if (history.events.len(), history.setup.hosts) == before || shrinker.tried >= MOST {
            return history;
        }
    }
}

struct Shrinker<'a> {
    kit: &'a Kit,
    promise: &'a str,
    tried: usize,
}

impl Shrinker<'_> {
    fn breaks(&mut self, history: &History) -> bool {
        self.tried += 1;
        self.tried <= MOST && {
            let outcome = World::new(self.kit, Arc::new(history.clone()), false).run();
            outcome.broken.is_some_and(|broken| broken.promise == self.promise)
        }
    }

    /// Leaves out halves, quarters, single events, as long as the promise is still broken.
    fn fewer_events(&mut self, mut history: History) -> History {
        let mut size = history.events.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < history.events.len() {
                let end = (at + size).min(history.events.len());
                let shorter = without(&history, at..end);
                if self.breaks(&shorter) {
                    history = shorter;
                } else {
                    at = end;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        history
    }

    fn simpler(&mut self, mut history: History) -> History {
        let fewer_hosts = |history: &mut History| history.setup.hosts = 1;
        let one_tenant = |history: &mut History| history.setup.tenants.truncate(1);
        let short_policies = |history: &mut History| {
            for tenant in &mut history.setup.tenants {
                tenant.policy.buffer_before = 0;
                tenant.policy.buffer_after = 0;
                tenant.policy.tell_hours_before = None;
            }
        };
        let one_channel = |history: &mut History| {
            history.setup.tenants.iter_mut().for_each(|tenant| tenant.channels.truncate(1))
        };
        let one_door = |history: &mut History| {
            history
                .setup
                .tenants
                .iter_mut()
                .flat_map(|tenant| &mut tenant.units)
                .for_each(|unit| unit.truncate(1));
        };
        let plain = |history: &mut History| {
            let models = history.setup.keypads.iter_mut().filter(|keypad| !keypad.is_simulated());
            models.for_each(|keypad| keypad.spec = "plain".to_owned());
        };
        let ways: [&dyn Fn(&mut History); 6] =
            [&fewer_hosts, &one_tenant, &short_policies, &one_channel, &one_door, &plain];
        for way in ways {
            let mut other = history.clone();
            way(&mut other);
            if other != history && self.breaks(&other) {
                history = other;
            }
        }
        history
    }
}

/// The history without some of its events. Stays keep their numbers: what named a stay that is not booked any more
/// goes too, and later stays are counted anew.
fn without(history: &History, gone: std::ops::Range<usize>) -> History {
    let mut numbers: Vec<Option<usize>> = Vec::new();
    let mut kept = 0;
    for (at, timed) in history.events.iter().enumerate() {
        if matches!(timed.event, Event::Book(_)) {
            let stays = !gone.contains(&at);
            numbers.push(stays.then_some(kept));
            kept += usize::from(stays);
        }
    }
    let events = history.events.iter().enumerate().filter(|(at, _)| !gone.contains(at));
    let events = events.filter_map(|(_, timed)| {
        let mut timed = timed.clone();
        if let Event::Change { stay, .. } = &mut timed.event {
            *stay = numbers.get(*stay).copied().flatten()?;
        }
        Some(timed)
    });
    History { events: events.collect(), ..history.clone() }
}
