//! What things are called in a world: names made from numbers, and read back.

use booking_core::{DoorId, DoorKey, IntegrationName, TenantSlug, UnitId};

/// The Keys' name for a keypad of a simulated lock.
pub(crate) fn accessory(keypad: usize) -> String {
    format!("Acc{keypad:05}")
}

/// The Keys' number of a simulated lock.
pub(crate) fn lock(keypad: usize) -> u64 {
    4400 + keypad as u64
}

/// Smoobu's number of a unit.
pub(crate) fn apartment(unit: usize) -> u64 {
    500_001 + unit as u64
}

/// The key of a model keypad.
pub(crate) fn model_key(keypad: usize) -> DoorKey {
    DoorKey { vendor: "model".into(), device: keypad.to_string().into(), keypad: "".into() }
}

/// The key of the keypad that came after so many others on the same door.
pub(crate) fn later_key(keypad: usize, generation: u32) -> DoorKey {
    let later = if generation == 0 { String::new() } else { generation.to_string() };
    DoorKey { keypad: later.into(), ..model_key(keypad) }
}

/// The channel of staff.
pub(crate) fn staff() -> IntegrationName {
    parsed(IntegrationName::parse("staff"))
}

/// Which keypad a key names.
pub(crate) fn keypad_of(key: &DoorKey) -> Option<usize> {
    if &*key.vendor == "model" {
        return key.device.parse().ok();
    }
    let lock: u64 = key.device.parse().ok()?;
    usize::try_from(lock.checked_sub(self::lock(0))?).ok()
}

pub(crate) fn tenant(number: usize) -> TenantSlug {
    parsed(TenantSlug::parse(&format!("tenant-{number}")))
}

/// Which tenant has this name.
pub(crate) fn tenant_of(slug: &TenantSlug) -> Option<usize> {
    slug.as_str().strip_prefix("tenant-")?.parse().ok()
}

pub(crate) fn door(keypad: usize) -> DoorId {
    parsed(DoorId::parse(&format!("door-{keypad}")))
}

/// Which keypad a door of the configuration is.
pub(crate) fn keypad_of_door(door: &DoorId) -> Option<usize> {
    door.as_str().strip_prefix("door-")?.parse().ok()
}

pub(crate) fn unit(number: usize) -> UnitId {
    parsed(UnitId::parse(&format!("unit-{number}")))
}

/// Which unit has this name.
pub(crate) fn unit_of(unit: &UnitId) -> Option<usize> {
    unit.as_str().strip_prefix("unit-")?.parse().ok()
}

pub(crate) fn source() -> IntegrationName {
    parsed(IntegrationName::parse("source"))
}

pub(crate) fn channel(place: usize) -> IntegrationName {
    parsed(IntegrationName::parse(&format!("channel-{place}")))
}

pub(crate) fn model_lock() -> IntegrationName {
    parsed(IntegrationName::parse("model"))
}

pub(crate) fn thekeys() -> IntegrationName {
    parsed(IntegrationName::parse("thekeys"))
}

/// Names of this module are made to parse.
pub(crate) fn parsed<T, E: std::fmt::Display>(name: Result<T, E>) -> T {
    name.unwrap_or_else(|error| panic!("a name of a world is not one: {error}"))
}
