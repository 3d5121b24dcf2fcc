//! `[[tenant.door]]` and the keypads that are gone.

use std::collections::{BTreeMap, BTreeSet};

use booking_core::{Door, DoorId, DoorKey, IntegrationName, Pin, TenantSlug};
use booking_engine::DoorSetup;
use booking_engine::text::ConfirmKey;
use chrono_tz::Tz;

use super::{DraftUnit, Names, Reader, reference, unique, zone};
use crate::config::read::{Report, Section};
use crate::registry::LockKind;

/// A keypad's PIN rules as a tenant has them, to be compared across tenants.
pub(super) struct Keypad {
    tenant: TenantSlug,
    door: String,
    line: usize,
    prefix: Option<Pin>,
    length: u8,
}

/// A door while its tenant is read.
pub(super) struct DraftDoor {
    id: DoorId,
    path: String,
    line: usize,
    label: Option<String>,
    confirm: Option<ConfirmKey>,
    lock: IntegrationName,
    key: DoorKey,
    zone: Option<Tz>,
    prefix: Option<Pin>,
    length: Option<u8>,
    /// How many digits this kind of lock stores where the door does not say.
    usual: u8,
    backup_codes: u8,
}

#[derive(Default)]
pub(super) struct Doors {
    pub(super) drafts: Vec<DraftDoor>,
    /// Every name that stands there, even of a door with mistakes, and its line.
    pub(super) ids: BTreeMap<String, usize>,
}

/// A keypad as a section names it, as far as it can be read.
struct Named<'r> {
    lock: IntegrationName,
    kind: Option<&'r dyn LockKind>,
    key: Option<DoorKey>,
}

impl Reader<'_> {
    pub(super) fn doors(&self, section: &Section<'_>, names: &Names) -> Doors {
        let mut ids: BTreeMap<String, usize> = BTreeMap::new();
        let mut doors = Vec::new();
        for section in section.array("door", "id") {
            let id = section.require("id", "name it").and_then(|entry| {
                let id = entry.parse(DoorId::parse, "choose another name")?;
                unique(&entry, &mut ids, id.as_str(), "doors").then_some(id)
            });
            let label = section.get("label").and_then(|entry| entry.text().map(str::to_owned));
            let confirm = section.get("confirm_key").and_then(|entry| {
                entry.choice(&[
                    ("check", ConfirmKey::Check),
                    ("enter", ConfirmKey::Enter),
                    ("hash", ConfirmKey::Hash),
                    ("key", ConfirmKey::Key),
                    ("star", ConfirmKey::Star),
                ])
            });
            let named = self.named_keypad(&section, names);
            let zone = section.get("time_zone").and_then(|entry| zone(&entry));
            let prefix =
                section.get("pin_prefix").map(|entry| entry.parse(Pin::parse, "write digits in quotes"));
            let length = section
                .get("pin_length")
                .map(|entry| entry.integer(1..17).and_then(|n| u8::try_from(n).ok()));

            let (lock, kind, key) = match named {
                Some(named) => (Some(named.lock), named.kind, named.key),
                None => (None, None, None),
            };
            if let (Some(kind), Some(_)) = (kind, &key) {
                let lengths = kind.pin_lengths();
                let stored = length.map_or(Some(kind.usual_pin_length()), |length| length);
                if let Some(stored) = stored {
                    if !lengths.contains(&stored) {
                        section.problem(
                            "pin_length",
                            format!(
                                "this kind of lock stores {} to {} digits",
                                lengths.start(),
                                lengths.end()
                            ),
                            "write a number of them",
                        );
                    }
                    if let Some(Some(prefix)) = &prefix
                        && prefix.len() + usize::from(stored) > 16
                    {
                        section.problem(
                            "pin_prefix",
                            "prefix and PIN have more than 16 digits together",
                            "shorten one",
                        );
                    }
                    if stored < 4 && lengths.contains(&stored) {
                        section.warning(
                            "pin_length",
                            "so short a PIN is soon guessed",
                            "take at least 4 digits",
                        );
                    }
                }
            }
            let backup_codes = section
                .get("backup_codes")
                .map_or(Some(0), |entry| entry.integer(0..9).and_then(|n| u8::try_from(n).ok()));
            let (path, line) = (section.path.clone(), section.line);
            section.finish();
            if let (Some(id), Some(lock), Some(key), Some(backup_codes)) = (id, lock, key, backup_codes) {
                let (prefix, length) = (prefix.flatten(), length.flatten());
                let usual = kind.map_or(0, |kind| kind.usual_pin_length());
                doors.push(DraftDoor {
                    id,
                    path,
                    line,
                    label,
                    confirm,
                    lock,
                    key,
                    zone,
                    prefix,
                    length,
                    usual,
                    backup_codes,
                });
            }
        }
        Doors { drafts: doors, ids }
    }

    /// The keypad that `lock`, `device` and `keypad` of a section name.
    fn named_keypad(&self, section: &Section<'_>, names: &Names) -> Option<Named<'_>> {
        let lock = section.require("lock", "name a [tenant.lock.NAME]").and_then(|entry| {
            let text = entry.text()?;
            if !names.locks.contains_key(text) {
                entry.unknown(text, "lock", &Names::of(&names.locks));
                return None;
            }
            IntegrationName::parse(text).ok()
        });
        let device = section
            .require("device", "write the lock's id at its vendor")
            .and_then(|entry| reference(&entry));
        let keypad = match section.get("keypad") {
            None => Some(String::new()),
            Some(entry) => reference(&entry),
        };
        let lock = lock?;
        let settings = names.locks.get(lock.as_str())?.as_ref();
        let kind = settings.and_then(|settings| self.registry.get_lock(settings.kind())).map(|kind| &**kind);
        let mut key = None;
        if let (Some(kind), Some(device), Some(keypad)) = (kind, &device, &keypad) {
            match kind.door_key(device, keypad) {
                Ok(found) => key = Some(found),
                Err(error) => section.problem("", error, "look it up in the vendor's own pages"),
            }
        }
        Some(Named { lock, kind, key })
    }

    /// `retired`: keypads that are gone for good. None of them may be the keypad of a door.
    pub(super) fn retired(&self, section: &Section<'_>, names: &Names, doors: &Doors) -> BTreeSet<DoorKey> {
        let mut retired = BTreeSet::new();
        for gone in section.array("retired", "device") {
            let key = self.named_keypad(&gone, names).and_then(|named| named.key);
            let twin = key.as_ref().is_some_and(|key| !retired.insert(key.clone()));
            if let Some(door) = doors.drafts.iter().find(|door| Some(&door.key) == key.as_ref()) {
                gone.problem(
                    "",
                    format!("{} of line {} is this keypad", door.path, door.line),
                    "take it out here, or give the door the keypad that it has now",
                );
            } else if twin {
                gone.problem("", "stands twice", "take one out");
            }
            gone.finish();
        }
        retired
    }

    pub(super) fn finish_doors(
        &self,
        section: &Section<'_>,
        doors: Doors,
        units: &[DraftUnit],
        keypads: &mut BTreeMap<DoorKey, Keypad>,
    ) -> Vec<DoorSetup> {
        let report = section.report();
        let mut finished = Vec::new();
        for draft in doors.drafts {
            let of: Vec<&DraftUnit> = units.iter().filter(|unit| unit.doors.contains(&draft.id)).collect();
            let zones: BTreeSet<&str> =
                of.iter().filter_map(|unit| unit.zone).map(|zone| zone.name()).collect();
            if zones.len() > 1 && draft.zone.is_none() {
                report.problem(
                    draft.line,
                    format!("{}.time_zone", draft.path),
                    format!("its units lie in {}", zones.iter().copied().collect::<Vec<_>>().join(" and ")),
                    "one door is in one zone: mend the units, or write the door's own time_zone",
                );
            }
            if of.is_empty() {
                report.warning(
                    draft.line,
                    &draft.path,
                    "no unit names this door",
                    "name it under the doors of a unit",
                );
            }
            let zone = draft.zone.or_else(|| of.iter().find_map(|unit| unit.zone)).unwrap_or(Tz::UTC);
            self.check_keypad(report, &draft, keypads);
            let DraftDoor { id, label, confirm, lock, key, prefix, length, backup_codes, .. } = draft;
            let door = Door { key, zone, pin_prefix: prefix, pin_length: length };
            finished.push(DoorSetup { id, label, confirm, lock, door, backup_codes });
        }
        finished
    }

    fn check_keypad(&self, report: &Report<'_>, draft: &DraftDoor, keypads: &mut BTreeMap<DoorKey, Keypad>) {
        let Some(tenant) = &self.slug else { return };
        let length = draft.length.unwrap_or(draft.usual);
        let Some(other) = keypads.get(&draft.key) else {
            let keypad = Keypad {
                tenant: tenant.clone(),
                door: draft.path.clone(),
                line: draft.line,
                prefix: draft.prefix.clone(),
                length,
            };
            keypads.insert(draft.key.clone(), keypad);
            return;
        };
        if other.tenant == *tenant {
            report.problem(
                draft.line,
                &draft.path,
                format!("{} of line {} is the same keypad", other.door, other.line),
                "describe each keypad once; several units may name one door",
            );
        } else if other.prefix != draft.prefix || other.length != length {
            report.problem(
                draft.line,
                &draft.path,
                format!(
                    "{} of line {} is the same keypad with another pin_prefix or pin_length",
                    other.door, other.line
                ),
                "one keypad has one rule: make them agree",
            );
        }
    }
}
