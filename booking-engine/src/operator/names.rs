//! Unmarked codes that bear a guest's name: a hint for a person, and never a reason to touch them.

use std::collections::{BTreeMap, BTreeSet};

use booking_core::store::{CodeState, StoreError};
use booking_core::{BookingId, DoorId, ExternalId, Marker};

use crate::engine::Engine;
use crate::grant::Suggestion;
use crate::plan::Plan;
use crate::stay::Stay;
use crate::tenant::Tenant;

/// Guests without a code on a door that they should have one on, by door and normalised name.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<DoorId, BTreeMap<String, BTreeSet<(BookingId, ExternalId)>>>);

impl Names {
    /// Takes in a stay that lacks codes.
    pub(crate) fn gather(&mut self, tenant: &Tenant, stay: &Stay, plan: &Plan) {
        let Some(unit) = plan.access.as_ref().and_then(|(unit, _)| tenant.unit(unit)) else { return };
        let name = stay.booking.booking.as_ref().and_then(|booking| booking.guest.name.as_deref());
        let Some(name) = name.map(normal).filter(|name| !name.is_empty()) else { return };
        let has_code = |door: &&DoorId| {
            let keypad = tenant.place(door).map(|place| place.key);
            let is_linked = stay.linked.iter().any(|linked| Some(&linked.keypad) == keypad.as_ref());
            is_linked || stay.codes.iter().any(|code| code.door == **door && code.state == CodeState::Wanted)
        };
        for door in unit.doors.iter().filter(|door| !has_code(door)) {
            let guests = self.0.entry(door.clone()).or_default().entry(name.clone()).or_default();
            guests.insert((stay.booking.id.clone(), stay.booking.reference.clone()));
        }
    }
}

impl Engine {
    /// The unmarked codes that bear the name of just one of these guests.
    pub(crate) async fn suggest(
        &self,
        tenant: &Tenant,
        names: &Names,
    ) -> Result<Vec<Suggestion>, StoreError> {
        let mut suggestions = Vec::new();
        for (door, guests) in &names.0 {
            let Some(place) = tenant.place(door) else { continue };
            let Some(view) = self.doors.view(&tenant.slug, &place.key) else { continue };
            let ledger = self.store.codes_on(&tenant.slug, &place.key).await?;
            let is_free = |id| ledger.iter().all(|code| code.vendor_id.as_ref() != Some(id));
            let unmarked = view.codes().iter().filter(|listed| Marker::find_all(&listed.note).is_empty());
            for listed in unmarked.filter(|listed| is_free(&listed.id)) {
                let meant = guests.get(&normal(&listed.name)).filter(|guests| guests.len() == 1);
                suggestions.extend(meant.into_iter().flatten().map(|(stay, reference)| Suggestion {
                    door: door.clone(),
                    code: listed.id.clone(),
                    stay: stay.clone(),
                    reference: reference.clone(),
                }));
            }
        }
        Ok(suggestions)
    }
}

/// A name however it is spaced and capitalised, without the word that an earlier system put before it.
fn normal(name: &str) -> String {
    let name = name.to_lowercase();
    let mut words: Vec<&str> = name.split_whitespace().collect();
    if words.first() == Some(&"smoobu") {
        words.remove(0);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn names_are_compared_without_what_was_put_before_them() {
        let check = |name, expected| assert_eq!(normal(name), expected, "{name:?}");
        check("Anna Nowak", "anna nowak");
        check("  smoobu   ANNA  Nowak ", "anna nowak");
        check("Smoobu", "");
        check("Smoobulla Anna", "smoobulla anna");
        check("ŻÓŁĆ", "żółć");
    }
}
