//! Reads of doors: one at a time for each door, shared by all stays on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use booking_core::store::{DoorReadRecord, Record};
use booking_core::{Call, Clock, DoorId, Fault, LockError, Retry, TenantSlug, VendorError};
use chrono::{DateTime, Duration, Utc};

use crate::alert::AlertKind;
use crate::plan::DoorView;
use crate::retry;
use crate::tenant::Tenant;

/// What is known of all doors, by tenant.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    slots: Mutex<BTreeMap<(TenantSlug, DoorId), Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    known: Mutex<Known>,
    flight: futures_util::lock::Mutex<()>,
}

#[derive(Debug, Default, Clone)]
struct Known {
    view: DoorView,
    failures: u32,
}

impl Doors {
    fn slot(&self, tenant: &TenantSlug, door: &DoorId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry((tenant.clone(), door.clone())).or_default().clone()
    }

    /// Takes over what an earlier run has read.
    pub(crate) fn remember(&self, tenant: &TenantSlug, door: &DoorId, record: DoorReadRecord) {
        let view = DoorView {
            observed_at: record.observed_at,
            complete: record.complete,
            codes: record.codes.into(),
            ..DoorView::default()
        };
        self.slot(tenant, door).set(Known { view, failures: 0 });
    }

    /// All doors of a tenant as last seen.
    pub(crate) fn views(&self, tenant: &Tenant) -> BTreeMap<DoorId, DoorView> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        tenant
            .doors
            .keys()
            .filter_map(|door| {
                Some((door.clone(), slots.get(&(tenant.slug.clone(), door.clone()))?.get().view))
            })
            .collect()
    }

    /// When the last good read of a door was made.
    pub(crate) fn observed_at(&self, tenant: &Tenant, door: &DoorId) -> Option<DateTime<Utc>> {
        self.slot(&tenant.slug, door).get().view.observed_at
    }

    /// Reads a door, unless a read that began after `since` is there by then. Returns what to store of it, and
    /// whether the lock account answered.
    pub(crate) async fn read(
        &self,
        clock: &dyn Clock,
        tenant: &Tenant,
        door: &DoorId,
        since: DateTime<Utc>,
        call: Call,
        opens: Option<DateTime<Utc>>,
    ) -> Option<(Record, bool)> {
        let (setup, lock) = tenant.door(door)?;
        let slot = self.slot(&tenant.slug, door);
        let flight = slot.flight.lock().await;
        let mut known = slot.get();
        if known.view.observed_at.is_some_and(|at| at > since) && known.view.failing.is_none() {
            return None;
        }
        // Reads and writes of a door have one order, even on a clock that stands still or was set back.
        let began = clock.now().max(since + Duration::microseconds(1));
        let result = lock.codes(call, &setup.door).await;
        let up = result.is_ok();
        match result {
            Ok(read) => {
                known = Known {
                    view: DoorView {
                        observed_at: Some(began),
                        complete: read.complete,
                        codes: read.codes.into(),
                        ..DoorView::default()
                    },
                    failures: 0,
                };
            }
            Err(error) => {
                let now = clock.now();
                let error = vendor_error(error);
                known.failures += 1;
                let since = known.view.failing.take().map_or(now, |(since, _)| since);
                known.view.retry_at = Some(retry::after(&error, known.failures, now, opens));
                known.view.trouble = Some(trouble(&error));
                known.view.failing = Some((since, error.to_string()));
            }
        }
        slot.set(known.clone());
        drop(flight);
        let record = DoorReadRecord {
            tenant: tenant.slug.clone(),
            key: setup.door.key.clone(),
            observed_at: known.view.observed_at,
            complete: known.view.complete,
            codes: known.view.codes.to_vec(),
            failing: known.view.failing,
        };
        Some((Record::DoorRead(record), up))
    }

    /// A lock account works again: its doors need not be waited for.
    pub(crate) fn recovered(&self, tenant: &Tenant, lock: &booking_core::IntegrationName) {
        for setup in tenant.doors.values().filter(|setup| setup.lock == *lock) {
            let slot = self.slot(&tenant.slug, &setup.id);
            slot.known.lock().unwrap_or_else(PoisonError::into_inner).view.retry_at = None;
        }
    }
}

impl Slot {
    fn get(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

/// What a failure of a lock account means for staff.
pub(crate) fn trouble(error: &VendorError) -> AlertKind {
    match error.fault {
        Fault::Configuration | Fault::Credentials => AlertKind::LockCredentials,
        _ => AlertKind::DoorUnreadable,
    }
}

/// A lock's refusals as vendor errors.
pub(crate) fn vendor_error(error: LockError) -> VendorError {
    match error {
        LockError::Vendor(error) => error,
        other => VendorError::new(
            Fault::Request,
            Retry::After(Duration::minutes(5).to_std().unwrap_or_default()),
            booking_core::Outcome::NotApplied,
            other.to_string(),
        ),
    }
}
