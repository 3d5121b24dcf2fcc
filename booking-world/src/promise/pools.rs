//! What holds of backup codes once the trouble is over: each door has its own, and none that nobody knows.

use booking_core::store::{CodeRecord, CodeState, Kind, Record, Standing, Store as _};
use booking_core::{BookingId, Clock as _, Listing, TenantSlug};

use super::{Broken, rest};
use crate::deed::OnDoor;
use crate::names;
use crate::world::{World, now_or_never};

pub(super) fn at_rest(world: &World, keypad: usize) -> Result<(), Broken> {
    let broken = |text: String| Err(Broken::new("at-rest-pools-are-right", world.hub.now(), text));
    let listed: Vec<OnDoor> = world.vendors.in_cloud(keypad).into_iter().filter(|on| !on.leaving).collect();
    let ledger = ledger(world, keypad);
    // The answer to a write may still be under way.
    let is_known = |on: &OnDoor| {
        ledger.iter().any(|code| match &code.vendor_id {
            Some(id) => *id == on.id,
            None => code.note == on.note,
        })
    };
    let is_stray = |on: &&OnDoor| world.stay_of(on).is_none() && world.is_ours(on) && !is_known(on);
    if let Some(stray) = listed.iter().find(is_stray) {
        return broken(format!("{} is on keypad {keypad} and nobody's", stray.note));
    }
    // What cannot be read cannot be missed.
    if world.vendors.rules(keypad).listing == Listing::Nothing || rest::is_full(world, keypad) {
        return Ok(());
    }
    let is_there = |code: &CodeRecord| listed.iter().any(|on| code.vendor_id.as_ref() == Some(&on.id));
    let has_its_code = |slot: &BookingId| {
        ledger.iter().any(|code| code.stay == *slot && code.state == CodeState::Wanted && is_there(code))
    };
    for (tenant, policy) in world.policies.iter().enumerate() {
        let slots = slots(world, &names::tenant(tenant));
        let here = |(_, slot): &&(BookingId, Standing)| {
            slot.door == names::door(keypad) && slot.number < policy.backups
        };
        if let Some((_, slot)) = slots.iter().filter(here).find(|(id, _)| !has_its_code(id)) {
            return broken(format!("keypad {keypad} lacks backup code {} of tenant {tenant}", slot.number));
        }
    }
    Ok(())
}

/// The codes of all tenants on the keypad that a door has now.
fn ledger(world: &World, keypad: usize) -> Vec<CodeRecord> {
    let key = world.vendors.present_key(keypad);
    let codes = |tenant| now_or_never(world.store.codes_on(&names::tenant(tenant), &key));
    (0..world.policies.len()).filter_map(|tenant| codes(tenant)?.ok()).flatten().collect()
}

/// What stands for a tenant's backup codes, whichever doors they are of.
fn slots(world: &World, tenant: &TenantSlug) -> Vec<(BookingId, Standing)> {
    let rows = now_or_never(world.store.rows(Kind::Booking, tenant, None, 10_000));
    let rows = rows.and_then(Result::ok).unwrap_or_default();
    let slots = rows.into_iter().filter_map(|row| match row.record {
        Record::Booking(record) => record.standing.map(|standing| (record.id, standing)),
        _ => None,
    });
    slots.collect()
}
