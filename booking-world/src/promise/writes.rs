//! What one write may do to a keypad.

use booking_core::store::CodeRecord;
use booking_core::{Clock as _, Pin};

use super::{Broken, reading};
use crate::coverage::Step;
use crate::deed::OnDoor;
use crate::history::ModeSetup;
use crate::world::World;

pub(super) fn foreign_codes_stay(
    world: &World,
    keypad: usize,
    before: &[OnDoor],
    after: &[OnDoor],
) -> Result<(), Broken> {
    let touched = before.iter().find(|code| !world.is_ours(code) && !after.contains(code));
    touched.map_or(Ok(()), |code| {
        let text =
            format!("the code {} on keypad {keypad}, which is not ours, was touched", code.id.as_str());
        Err(Broken::new("foreign-codes-stay", world.hub.now(), text))
    })
}

pub(super) fn no_pin_twice(
    world: &World,
    keypad: usize,
    before: &[OnDoor],
    after: &[OnDoor],
) -> Result<(), Broken> {
    let rules = world.vendors.rules(keypad);
    for new in after.iter().filter(|code| !before.contains(code) && !code.leaving) {
        let Some(stay) = world.stay_of(new) else { continue };
        let clash = after.iter().find(|other| {
            other.id != new.id
                && are_near(&other.stored, &new.stored, rules.neighbours)
                && !other.leaving
                && world.stay_of(other).is_some_and(|of| of != stay)
                && overlap(new, other)
        });
        if let Some(other) = clash {
            let text = format!("on keypad {keypad} {} and {} share their digits", new.note, other.note);
            return Err(Broken::new("no-pin-twice", world.hub.now(), text));
        }
    }
    Ok(())
}

/// No keypad need refuse digits because a code of another stay has them: they were not free to be tried.
pub(super) fn not_of_another_stay(world: &World, keypad: usize, code: &CodeRecord) -> Result<(), Broken> {
    // What the keypad refused that its door had before says nothing of this one.
    if !world.vendors.is_present(keypad, &code.key) {
        return Ok(());
    }
    let rules = world.vendors.rules(keypad);
    let clock = reading(world, keypad, &rules);
    let Some(pins) = &code.pins else { return Ok(()) };
    let codes = world.vendors.in_cloud(keypad);
    let clash = codes.iter().find(|other| {
        let mine = world.stay_of(&OnDoor { note: code.note.clone(), ..(*other).clone() });
        let another = world.stay_of(other).is_some_and(|of| Some(of) != mine);
        let lives = !other.leaving && other.end.is_some_and(|end| end > clock);
        another && lives && are_near(&other.stored, &pins.stored, rules.neighbours)
    });
    clash.map_or(Ok(()), |other| {
        let text = format!("keypad {keypad} refused {} the digits of {}", code.note, other.note);
        Err(Broken::new("no-pin-twice", world.hub.now(), text))
    })
}

/// Whether digits are the same, or so near each other that the keypad takes one for the other.
fn are_near(one: &Pin, other: &Pin, neighbours: u8) -> bool {
    let number = |pin: &Pin| pin.expose().parse::<i64>().ok();
    let near = || Some((number(one)? - number(other)?).abs() <= i64::from(neighbours));
    one == other || (neighbours > 0 && near().unwrap_or(false))
}

/// What a tenant's mode forbids.
pub(super) fn mode_is_kept(
    world: &World,
    keypad: usize,
    step: Step,
    before: &[OnDoor],
    after: &[OnDoor],
) -> Result<(), Broken> {
    let gone = before.iter().filter(|code| !after.contains(code));
    let new = after.iter().filter(|code| !before.contains(code));
    let mode = |code: &OnDoor| Some(world.policies[world.stays[world.stay_of(code)?].tenant].mode);
    let forbidden = |code: &&OnDoor| match mode(code) {
        Some(ModeSetup::Observe) => true,
        Some(ModeSetup::UpsertOnly) => step == Step::Deleted,
        _ => false,
    };
    gone.chain(new).find(forbidden).map_or(Ok(()), |code| {
        let text = format!("{step:?} on keypad {keypad}: {} is none to be touched", code.note);
        Err(Broken::new("mode-is-kept", world.hub.now(), text))
    })
}

fn overlap(a: &OnDoor, b: &OnDoor) -> bool {
    let before = |end: Option<chrono::NaiveDateTime>, start: Option<chrono::NaiveDateTime>| {
        end.zip(start).is_some_and(|(end, start)| end <= start)
    };
    !before(a.end, b.start) && !before(b.end, a.start)
}
