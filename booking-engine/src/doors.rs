//! Reads of keypads: one at a time for each, shared by all stays on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{DoorReadRecord, Record};
use booking_core::{
    Call, Clock, DoorKey, Fault, IntegrationName, ListedCode, LockError, Marker, Retry, TenantSlug,
    VendorCodeId, VendorError,
};
use chrono::{DateTime, Duration, Utc};

use crate::alert::AlertKind;
use crate::retry;
use crate::tenant::{Place, Tenant};

/// How long a busy account may put reads off before that counts as a failure.
const LONGEST_QUEUE: Duration = Duration::minutes(30);
/// How many codes do not go from a keypad between two reads without anybody's mistake.
const SEVERAL: usize = 2;
/// How long a keypad that had several codes must show none before that is believed.
pub(crate) const DOUBT: Duration = Duration::minutes(10);

/// What reads of a keypad have shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DoorView {
    /// When the read that showed [`codes`](Self::codes) began; `None` while none has succeeded.
    pub observed_at: Option<DateTime<Utc>>,
    /// Whether it showed everything.
    pub complete: bool,
    /// Since when reads fail, in the vendor's words; a failed read says nothing about the codes.
    pub failing: Option<(DateTime<Utc>, String)>,
    /// Not before this may it be read again after a failure.
    pub retry_at: Option<DateTime<Utc>>,
    /// What kind of trouble a failure is for staff.
    pub trouble: Option<AlertKind>,
    shown: Arc<Shown>,
}

/// The codes of one read, found by id and by marker without going through all of them.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    codes: Vec<ListedCode>,
    by_id: BTreeMap<VendorCodeId, usize>,
    /// Codes that carry exactly one marker.
    by_marker: BTreeMap<Marker, Vec<usize>>,
}

impl Shown {
    fn new(mut codes: Vec<ListedCode>) -> Self {
        // A vendor's order may change from read to read, and with it which of two alike codes comes first.
        codes.sort_by(|a, b| a.id.cmp(&b.id));
        let mut by_marker: BTreeMap<Marker, Vec<usize>> = BTreeMap::new();
        for (index, listed) in codes.iter().enumerate() {
            #[cfg(staykey_planted)]
            if planted(planted::FIRST_OF_TWO_MARKERS) && Marker::find_all(&listed.note).len() > 1 {
                by_marker.entry(Marker::find_all(&listed.note).remove(0)).or_default().push(index);
                continue;
            }
            if let Ok([marker]) = <[Marker; 1]>::try_from(Marker::find_all(&listed.note)) {
                #[cfg(staykey_planted)]
                if planted(planted::SUBSTRING_MARKER) {
                    let pieces = (1..marker.reference().len()).map(|end| &marker.reference()[..end]);
                    for piece in pieces.filter_map(|piece| Marker::new(marker.word(), piece).ok()) {
                        by_marker.entry(piece).or_default().push(index);
                    }
                }
                by_marker.entry(marker).or_default().push(index);
            }
        }
        let by_id = codes.iter().enumerate().map(|(index, listed)| (listed.id.clone(), index)).collect();
        Self { codes, by_id, by_marker }
    }
}

impl DoorView {
    /// A read that began at `observed_at` and showed these codes.
    #[must_use]
    pub fn of(observed_at: Option<DateTime<Utc>>, complete: bool, codes: Vec<ListedCode>) -> Self {
        Self { observed_at, complete, shown: Arc::new(Shown::new(codes)), ..Self::default() }
    }

    /// The codes shown.
    #[must_use]
    pub fn codes(&self) -> &[ListedCode] {
        &self.shown.codes
    }

    /// The code of this id.
    #[must_use]
    pub fn code(&self, id: &VendorCodeId) -> Option<&ListedCode> {
        self.shown.by_id.get(id).map(|index| &self.shown.codes[*index])
    }

    /// The codes whose only marker this is.
    pub fn marked(&self, marker: &Marker) -> impl Iterator<Item = &ListedCode> {
        self.shown.by_marker.get(marker).into_iter().flatten().map(|index| &self.shown.codes[*index])
    }
}

/// What is known of all keypads, by tenant.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    slots: Mutex<BTreeMap<(TenantSlug, DoorKey), Arc<Slot>>>,
    /// On which keypads a marker was last seen.
    marked: Mutex<BTreeMap<TenantSlug, BTreeMap<Marker, BTreeSet<DoorKey>>>>,
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
    /// Since when every read was put off or failed.
    waiting_since: Option<DateTime<Utc>>,
    lock: Option<IntegrationName>,
    /// Since when a keypad that had several codes shows none.
    empty_since: Option<DateTime<Utc>>,
}

impl Doors {
    fn slot(&self, tenant: &TenantSlug, key: &DoorKey) -> Arc<Slot> {
        let mut slots = guard(&self.slots);
        slots.entry((tenant.clone(), key.clone())).or_default().clone()
    }

    /// Takes over what an earlier run has read.
    pub(crate) fn remember(&self, record: DoorReadRecord) {
        let view = DoorView {
            // A host that was not there may read at once; until it has, the failure stands.
            failing: record.failing,
            ..DoorView::of(record.observed_at, record.complete, record.codes)
        };
        let doubted = !view.complete && view.codes().is_empty();
        let known = self.slot(&record.tenant, &record.key).get();
        let empty_since = known.empty_since.or(view.observed_at).filter(|_| doubted);
        self.set(&record.tenant, &record.key, &Known { view, empty_since, ..Known::default() });
    }

    /// Takes over what another host has read since, or that its reads fail since.
    pub(crate) fn learn(&self, record: DoorReadRecord) {
        let mut known = self.slot(&record.tenant, &record.key).get();
        let seen = known.view.observed_at;
        if record.observed_at > seen {
            self.remember(record);
        } else if record.failing.as_ref().is_some_and(|(since, _)| Some(*since) > seen) {
            known.view.failing = record.failing;
            self.set(&record.tenant, &record.key, &known);
        }
    }

    fn set(&self, tenant: &TenantSlug, key: &DoorKey, known: &Known) {
        let slot = self.slot(tenant, key);
        let before = std::mem::replace(&mut *guard(&slot.known), known.clone()).view.shown;
        if Arc::ptr_eq(&before, &known.view.shown) {
            return;
        }
        let mut marked = guard(&self.marked);
        let marked = marked.entry(tenant.clone()).or_default();
        let gone = before.by_marker.keys().filter(|marker| !known.view.shown.by_marker.contains_key(marker));
        for marker in gone {
            if let Some(keys) = marked.get_mut(marker) {
                keys.remove(key);
                if keys.is_empty() {
                    marked.remove(marker);
                }
            }
        }
        for marker in known.view.shown.by_marker.keys() {
            marked.entry(marker.clone()).or_default().insert(key.clone());
        }
    }

    /// On which of a tenant's keypads this marker was last seen.
    pub(crate) fn marked(&self, tenant: &TenantSlug, marker: &Marker) -> BTreeSet<DoorKey> {
        guard(&self.marked).get(tenant).and_then(|marked| marked.get(marker)).cloned().unwrap_or_default()
    }

    /// A keypad as last seen.
    pub(crate) fn view(&self, tenant: &TenantSlug, key: &DoorKey) -> Option<DoorView> {
        let slot = guard(&self.slots).get(&(tenant.clone(), key.clone())).cloned()?;
        Some(slot.get().view)
    }

    /// When the last good read of a keypad was made.
    pub(crate) fn observed_at(&self, tenant: &Tenant, key: &DoorKey) -> Option<DateTime<Utc>> {
        self.view(&tenant.slug, key)?.observed_at
    }

    /// Reads a keypad, unless a read that began after `since` is there by then. Returns what to store of it, and
    /// whether the lock account answered.
    pub(crate) async fn read(
        &self,
        clock: &dyn Clock,
        tenant: &Tenant,
        place: &Place,
        since: DateTime<Utc>,
        call: Call,
        opens: Option<DateTime<Utc>>,
    ) -> Option<(Record, bool)> {
        let (door, lock) = tenant.at(place)?;
        let slot = self.slot(&tenant.slug, &place.key);
        let flight = slot.flight.lock().await;
        let mut known = slot.get();
        known.lock = Some(place.lock.clone());
        #[cfg(staykey_planted)]
        let since = if planted(planted::STALE_READ) { since - Duration::minutes(5) } else { since };
        if known.view.observed_at.is_some_and(|at| at > since) && known.view.failing.is_none() {
            return None;
        }
        // Reads and writes of a door have one order, even on a clock that stands still or was set back.
        let began = clock.now().max(since + Duration::microseconds(1));
        let result = lock.codes(call, &door).await;
        #[cfg(staykey_planted)]
        let result = match result {
            Err(_) if planted(planted::READ_FAILURE_IS_EMPTY) => {
                Ok(booking_core::DoorCodes { complete: true, codes: Vec::new() })
            }
            Ok(read) if planted(planted::PARTIAL_IS_COMPLETE) => {
                Ok(booking_core::DoorCodes { complete: true, ..read })
            }
            result => result,
        };
        let up = result.is_ok();
        match result {
            Ok(read) => {
                let complete = read.complete && known.is_credible(&read.codes, began);
                known.view = DoorView::of(Some(began), complete, read.codes);
                known.failures = 0;
                known.waiting_since = None;
            }
            Err(error) => {
                let now = clock.now();
                let error = vendor_error(error);
                known.failures += 1;
                known.view.retry_at = Some(retry::after(&error, known.failures, now, opens));
                let waiting_since = *known.waiting_since.get_or_insert(now);
                let in_turn = is_told_to_wait(&error) && now - waiting_since < LONGEST_QUEUE;
                if known.view.failing.is_some() || !in_turn {
                    let since = known.view.failing.take().map_or(now, |(since, _)| since);
                    known.view.trouble = Some(trouble(&error));
                    known.view.failing = Some((since, error.to_string()));
                }
            }
        }
        self.set(&tenant.slug, &place.key, &known);
        drop(flight);
        let record = DoorReadRecord {
            tenant: tenant.slug.clone(),
            key: place.key.clone(),
            observed_at: known.view.observed_at,
            complete: known.view.complete,
            codes: known.view.codes().to_vec(),
            failing: known.view.failing,
        };
        Some((Record::DoorRead(record), up))
    }

    /// A lock account works again: its keypads need not be waited for.
    pub(crate) fn recovered(&self, tenant: &Tenant, lock: &IntegrationName) {
        for (_, slot) in guard(&self.slots).iter().filter(|((slug, _), _)| *slug == tenant.slug) {
            let mut known = guard(&slot.known);
            if known.lock.as_ref() == Some(lock) {
                known.view.retry_at = None;
            }
        }
    }
}

impl Known {
    /// Whether a list can be believed to be whole: one that shows nothing where there were several codes a moment ago
    /// must say so for a while.
    fn is_credible(&mut self, codes: &[ListedCode], at: DateTime<Utc>) -> bool {
        let emptied = codes.is_empty() && (self.empty_since.is_some() || self.view.codes().len() >= SEVERAL);
        self.empty_since = emptied.then_some(self.empty_since.unwrap_or(at));
        self.empty_since.is_none_or(|since| at - since >= DOUBT)
    }
}

impl Slot {
    fn get(&self) -> Known {
        guard(&self.known).clone()
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether nothing is wrong but the time: others go first, or the vendor was asked too often.
fn is_told_to_wait(error: &VendorError) -> bool {
    error.fault == Fault::Vendor && matches!(error.retry, Retry::After(_))
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
