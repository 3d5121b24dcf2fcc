//! How long guests in the house were without a working code because one was replaced, by what the devices held.

use std::sync::Arc;

use booking_core::TimeSemantics;
use chrono::{DateTime, Duration, NaiveDateTime, TimeZone as _, Utc};

use crate::lock::{By, DeviceChange, ModelCode};
use crate::locks::on_door;
use crate::truth::Stay;
use crate::world::World;

/// The longest time from a change of the engine's that took the last working code of a guest in the house off a
/// device to the next working one. Who got none before leaving was shut out, which is a promise's affair.
pub(crate) fn longest(world: &World) -> Duration {
    let keypads = 0..world.history.setup.keypads.len();
    let models = keypads.filter(|keypad| !world.vendors.is_simulated(*keypad));
    models.map(|keypad| longest_at(world, keypad)).max().unwrap_or(Duration::zero())
}

fn longest_at(world: &World, keypad: usize) -> Duration {
    let key = world.vendors.key(keypad);
    let history = world.vendors.locks.take_history(&key);
    let mut held: Vec<Arc<ModelCode>> = Vec::new();
    // Per stay, since when it is without.
    let mut without: Vec<Option<DateTime<Utc>>> = vec![None; world.stays.len()];
    let mut longest = Duration::zero();
    for event in &history {
        let before = held.clone();
        let code = match &event.what {
            DeviceChange::Holds { code, .. } => {
                held.retain(|other| other.id != code.id);
                held.push(code.clone());
                code
            }
            DeviceChange::Dropped(code) => {
                held.retain(|other| other.id != code.id);
                code
            }
            _ => continue,
        };
        let Some(number) = world.stay_of(&on_door(code)) else { continue };
        let open = |codes: &[Arc<ModelCode>]| next_open(world, keypad, number, codes, event.at);
        let inside = is_inside(world, &world.stays[number], keypad, event.at);
        match (without[number], open(&held)) {
            (None, after) if inside && event.by == By::Caller && open(&before) == Some(event.at) => {
                match after {
                    Some(at) => longest = longest.max(at - event.at),
                    None => without[number] = Some(event.at),
                }
            }
            (Some(since), Some(at)) => {
                without[number] = None;
                if is_inside(world, &world.stays[number], keypad, at) {
                    longest = longest.max(at - since);
                }
            }
            _ => {}
        }
    }
    longest
}

/// Whether a guest was in the house then, by what their source said then.
fn is_inside(world: &World, stay: &Stay, keypad: usize, at: DateTime<Utc>) -> bool {
    let setup = &world.history.setup.tenants[stay.tenant];
    let content = stay.versions.iter().rfind(|(since, _)| *since <= at).map(|(_, content)| content);
    content.is_some_and(|content| {
        content.holds()
            && content.doors(setup).contains(&keypad)
            && content.stay(setup).is_some_and(|stay| stay.contains(at))
    })
}

/// From when on one of a stay's codes opens, at the earliest.
fn next_open(
    world: &World,
    keypad: usize,
    number: usize,
    codes: &[Arc<ModelCode>],
    at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let instants = world.vendors.rules(keypad).time == TimeSemantics::Instants;
    let zone = world.history.setup.keypads[keypad].zone;
    let instant = |time: NaiveDateTime| match instants {
        true => Some(time.and_utc()),
        false => zone.from_local_datetime(&time).earliest().map(|time| time.to_utc()),
    };
    let opens = |code: &&Arc<ModelCode>| {
        let mine = code.active && world.stay_of(&on_door(code)) == Some(number);
        let start = code.start.map_or(Some(at), instant)?.max(at);
        let over = code.end.and_then(instant).is_some_and(|end| end <= start);
        (mine && !over).then_some(start)
    };
    codes.iter().filter_map(|code| opens(&code)).min()
}
