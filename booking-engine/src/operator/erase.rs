//! One guest's data is forgotten before its time.

use booking_core::store::{CodeState, Purged, StoreError, Tx};
use booking_core::{BookingId, TenantSlug};
use chrono::DateTime;

use crate::engine::Engine;
use crate::stay::Stay;

/// What became of a wish to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// All that was stored of the stay is gone.
    Done(Purged),
    /// So many codes of the stay are on doors: nothing would take them off if it were forgotten now.
    HasCodes(usize),
    /// Somebody works on the stay at this moment, and nothing was forgotten: try again in a minute.
    InWork,
    /// There is no such stay.
    Unknown,
}

impl Engine {
    /// Forgets a stay: its booking, its guest, its codes, its messages, what arrived about it. Only once nothing of it is
    /// on any door. A source that still lists the booking tells of it again with its next read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn erase(&self, tenant: &TenantSlug, stay: &BookingId) -> Result<Erased, StoreError> {
        let Some(known) = Stay::load(&*self.store, tenant, stay).await? else { return Ok(Erased::Unknown) };
        let codes = known.codes.iter().filter(|code| code.state != CodeState::Removed).count();
        if codes > 0 {
            return Ok(Erased::HasCodes(codes));
        }
        let now = self.clock.now();
        let purged = self.store.purge(now, DateTime::UNIX_EPOCH, &[(tenant.clone(), stay.clone())]).await?;
        if purged.left > 0 {
            return Ok(Erased::InWork);
        }
        let writes = vec![self.audit(tenant, None, "erased", "one stay, at somebody's wish")];
        let _ = self.store.commit(Tx { writes, ..Tx::new(now) }).await?;
        Ok(Erased::Done(purged))
    }
}
