//! What staff asks and does: handles on the one loop, and no second way to any of it.

mod codes;
mod erase;
mod explain;
mod link;
mod names;

pub use codes::{FoundCode, OnDoor, Whose};
pub use erase::Erased;
pub use explain::{DoorSeen, Explained, PinExplained};
pub use link::Unlinkable;
pub(crate) use names::Names;

use booking_core::store::{Kind, RowKey, StoreError};
use booking_core::{BookingId, ExternalId, IntegrationName, TenantSlug};

use crate::engine::Engine;

impl Engine {
    /// The stays that a person may mean: by our id, by what a source calls it, or by `SOURCE:REFERENCE`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn find(&self, tenant: &TenantSlug, text: &str) -> Result<Vec<BookingId>, StoreError> {
        let mut found = Vec::new();
        if let Ok(id) = BookingId::parse(text) {
            let key = RowKey { kind: Kind::Booking, tenant: tenant.clone(), id: id.to_string() };
            found.extend(self.store.get(&key).await?.map(|_| id));
        }
        let (source, reference) = text.split_once(':').map_or((None, text), |(s, r)| (Some(s), r));
        let Ok(reference) = ExternalId::parse(reference) else { return Ok(found) };
        let sources = self.tenant(tenant).map(|tenant| &tenant.sources);
        let is_meant = |name: &&IntegrationName| source.is_none_or(|source| source == name.as_str());
        for name in sources.into_iter().flat_map(|sources| sources.keys()).filter(is_meant) {
            let id = self.store.alias(tenant, name, &reference).await?;
            found.extend(id.filter(|id| !found.contains(id)));
        }
        Ok(found)
    }
}
