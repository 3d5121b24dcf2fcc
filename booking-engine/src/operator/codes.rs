//! What is on a door: ours, foreign, expired, twice.

use std::sync::Arc;

use booking_core::store::{CodeRecord, CodeState, Lease, Tx, WorkKey, Write};
use booking_core::{BookingId, DoorId, ListedCode, Listing, Marker};
use chrono::{DateTime, Duration, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::engine::{Doing, Engine, WorkError};
use crate::tenant::Tenant;

/// How long a read may take that somebody waits for.
const PATIENCE: Duration = Duration::minutes(2);

/// A keypad's codes, and what the ledger knows of them.
#[derive(Clone, Debug, PartialEq)]
pub struct OnDoor {
    /// When the read that shows them was made; `None` when there was none, or the keypad cannot be read.
    pub observed_at: Option<DateTime<Utc>>,
    /// Whether it showed all.
    pub complete: bool,
    /// Since when reads fail, and why.
    pub failing: Option<(DateTime<Utc>, String)>,
    /// What it showed.
    pub codes: Vec<FoundCode>,
    /// Codes that should be there and are not shown.
    pub missing: Vec<CodeRecord>,
}

/// A code on a keypad.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundCode {
    /// As the vendor shows it.
    pub listed: ListedCode,
    /// Whose it is.
    pub whose: Whose,
    /// The stay, where one is known.
    pub stay: Option<BookingId>,
    /// Whether its time is over.
    pub expired: bool,
    /// Whether the stay has another one there, or another code there has its digits.
    pub duplicate: bool,
}

/// Whose a code on a keypad is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Ours, by the ledger.
    Ours,
    /// Ours by its marker; the ledger does not have it (yet).
    Marked,
    /// Nobody's that we know: never touched.
    Foreign,
    /// It names two bookings: never touched.
    Ambiguous,
}

impl Engine {
    /// What is on a door: as last read, or read now. `None` when the tenant has no such door.
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the store fails.
    pub async fn codes(
        &self,
        tenant: &Arc<Tenant>,
        door: &DoorId,
        fresh: bool,
    ) -> Result<Option<OnDoor>, WorkError> {
        let Some((setup, place)) = tenant.doors.get(door).zip(tenant.place(door)) else { return Ok(None) };
        if fresh {
            self.read_now(tenant, door).await?;
        }
        let view = self.doors.view(&tenant.slug, &place.key).unwrap_or_default();
        let ledger = self.store.codes_on(&tenant.slug, &place.key).await?;
        let mut codes = Vec::new();
        for listed in view.codes() {
            let (whose, stay) = self.whose(tenant, &ledger, listed).await?;
            codes.push(FoundCode {
                listed: listed.clone(),
                whose,
                stay,
                expired: is_over(listed, setup.door.zone, self.clock.now()),
                duplicate: false,
            });
        }
        mark_duplicates(&mut codes);
        let is_shown = |code: &CodeRecord| code.vendor_id.as_ref().is_some_and(|id| view.code(id).is_some());
        let missing =
            ledger.into_iter().filter(|code| code.state == CodeState::Wanted && !is_shown(code)).collect();
        Ok(Some(OnDoor {
            observed_at: view.observed_at,
            complete: view.complete,
            failing: view.failing.clone(),
            codes,
            missing,
        }))
    }

    /// Reads a door for somebody who waits; what it shows is then compared with the ledger by the work that is there
    /// for that.
    pub(crate) async fn read_now(&self, tenant: &Arc<Tenant>, door: &DoorId) -> Result<(), WorkError> {
        if self.read_once(tenant, door).await? {
            let now = self.clock.now();
            let work = WorkKey::Door(tenant.slug.clone(), door.clone());
            let writes = vec![Write::Due { work, at: now, priority: None }];
            self.commit(Tx { writes, ..Tx::new(now) }).await?;
        }
        Ok(())
    }

    /// Reads a door, and makes nothing due but what waited for its account. Answers whether the account answered; a
    /// door that shows nothing is not asked.
    pub(crate) async fn read_once(&self, tenant: &Arc<Tenant>, door: &DoorId) -> Result<bool, WorkError> {
        let Some(place) = tenant.place(door) else { return Ok(false) };
        if tenant.rules(door).is_some_and(|rules| rules.listing == Listing::Nothing) {
            return Ok(true);
        }
        let now = self.clock.now();
        let work = WorkKey::Door(tenant.slug.clone(), door.clone());
        let mut lease = Lease { work, token: 0, until: now + PATIENCE, failures: 0 };
        let call = self.call(&mut lease).await?;
        let read = self.doors.read(&*self.clock, tenant, &place, now, call, None).await;
        let Some((record, answered)) = read else { return Ok(true) };
        let mut writes = vec![Write::Put(Box::new(record))];
        if answered {
            writes.extend(self.works(tenant, &place.lock, Doing::Read));
        }
        self.commit(Tx { writes, ..Tx::new(now) }).await?;
        Ok(answered)
    }

    async fn whose(
        &self,
        tenant: &Tenant,
        ledger: &[CodeRecord],
        listed: &ListedCode,
    ) -> Result<(Whose, Option<BookingId>), WorkError> {
        if let Some(code) = ledger.iter().find(|code| code.vendor_id.as_ref() == Some(&listed.id)) {
            return Ok((Whose::Ours, Some(code.stay.clone())));
        }
        let markers = Marker::find_all(&listed.note);
        let marker = match &markers[..] {
            [] => return Ok((Whose::Foreign, None)),
            [marker] => marker,
            _ => return Ok((Whose::Ambiguous, None)),
        };
        for (name, source) in &tenant.sources {
            if let Some(reference) = source.marked(marker)
                && let Some(stay) = self.store.alias(&tenant.slug, name, &reference).await?
            {
                return Ok((Whose::Marked, Some(stay)));
            }
        }
        Ok((Whose::Foreign, None))
    }
}

fn is_over(listed: &ListedCode, zone: Tz, now: DateTime<Utc>) -> bool {
    let end = listed.end.and_then(|end| zone.from_local_datetime(&end).latest());
    end.is_some_and(|end| end <= now)
}

fn mark_duplicates(codes: &mut [FoundCode]) {
    let twins: Vec<bool> = codes
        .iter()
        .enumerate()
        .map(|(index, code)| {
            let others =
                codes.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, other)| other);
            let same = |other: &FoundCode| {
                (code.stay.is_some() && other.stay == code.stay)
                    || (code.listed.stored.is_some() && other.listed.stored == code.listed.stored)
            };
            others.into_iter().any(same)
        })
        .collect();
    for (code, twin) in codes.iter_mut().zip(twins) {
        code.duplicate = twin;
    }
}
