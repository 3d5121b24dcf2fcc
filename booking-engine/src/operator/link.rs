//! An unmarked code becomes a stay's by hand: the one way to claim a code that does not say whose it is.

use std::sync::Arc;

use booking_core::store::{CodeRecord, CodeState, FactRecord, Record, Tx, WorkKey, Write};
use booking_core::{BookingId, DoorId, Marker, VendorCodeId};

use crate::engine::{Engine, WorkError};
use crate::stay::{LINK, Linked, Stay};
use crate::tenant::Tenant;

/// Why a code cannot become a stay's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unlinkable {
    /// The tenant has no such stay.
    #[error("there is no such booking")]
    NoSuchStay,
    /// The tenant has no such door.
    #[error("there is no such door")]
    NoSuchDoor,
    /// The keypad could not be read, so that nothing is known of the code.
    #[error("the door cannot be read now; try again when its lock account answers")]
    Unreadable,
    /// The door does not show such a code.
    #[error("the door shows no such code")]
    NoSuchCode,
    /// A stay has it already.
    #[error("the code is a booking's already")]
    Taken,
    /// The stay has a code there already: a second one would be surplus, and taken off.
    #[error("the booking has a code on this door already")]
    HasCode,
    /// It names a booking: that decides, not a hand.
    #[error("the code carries a marker that names a booking; change its note in the vendor's app first")]
    Marked,
    /// Its digits cannot be read, so that the guest could not be told them.
    #[error("the vendor does not show the digits of this code")]
    Masked,
}

impl Engine {
    /// Makes an unmarked code a stay's own. It keeps its digits; its name, note and times become what the stay's code
    /// should have. The door is read first.
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the store fails; the inner error when the code cannot be linked.
    pub async fn link(
        &self,
        tenant: &Arc<Tenant>,
        door: &DoorId,
        code: &VendorCodeId,
        stay: &BookingId,
    ) -> Result<Result<(), Unlinkable>, WorkError> {
        let linkable = self.linkable(tenant, door, code, stay).await?;
        let linked = match linkable {
            Ok(linked) => linked,
            Err(why) => return Ok(Err(why)),
        };
        let now = self.clock.now();
        let fact = FactRecord {
            // One code is one stay's: a later word takes the place of an earlier one.
            id: format!("{LINK}{}/{}", linked.keypad, linked.code),
            tenant: tenant.slug.clone(),
            stay: Some(stay.clone()),
            at: now,
            payload: serde_json::to_value(&linked).unwrap_or_default(),
        };
        let writes = vec![
            Write::Put(Box::new(Record::Fact(fact))),
            self.audit(&tenant.slug, Some(stay), "code-linked", format!("code {code} on door {door}")),
            Write::Due {
                work: WorkKey::Grant(tenant.slug.clone(), stay.clone()),
                at: now,
                priority: Some(now),
            },
        ];
        self.commit(Tx { writes, ..Tx::new(now) }).await?;
        Ok(Ok(()))
    }

    async fn linkable(
        &self,
        tenant: &Arc<Tenant>,
        door: &DoorId,
        code: &VendorCodeId,
        stay: &BookingId,
    ) -> Result<Result<Linked, Unlinkable>, WorkError> {
        let Some(place) = tenant.place(door) else { return Ok(Err(Unlinkable::NoSuchDoor)) };
        let Some(stay) = Stay::load(&*self.store, &tenant.slug, stay).await? else {
            return Ok(Err(Unlinkable::NoSuchStay));
        };
        let has_code = |known: &CodeRecord| known.key == place.key && known.state == CodeState::Wanted;
        self.read_now(tenant, door).await?;
        let view = self.doors.view(&tenant.slug, &place.key).unwrap_or_default();
        if view.observed_at.is_none() || view.failing.is_some() {
            return Ok(Err(Unlinkable::Unreadable));
        }
        let ledger = self.store.codes_on(&tenant.slug, &place.key).await?;
        let is_taken = ledger.iter().any(|known| known.vendor_id.as_ref() == Some(code));
        Ok(match view.code(code) {
            None => Err(Unlinkable::NoSuchCode),
            Some(_) if is_taken => Err(Unlinkable::Taken),
            Some(_) if stay.codes.iter().any(has_code) => Err(Unlinkable::HasCode),
            Some(listed) if !Marker::find_all(&listed.note).is_empty() => Err(Unlinkable::Marked),
            Some(listed) if listed.stored.is_none() => Err(Unlinkable::Masked),
            Some(_) => Ok(Linked { keypad: place.key.clone(), code: code.clone() }),
        })
    }
}
