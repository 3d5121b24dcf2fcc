//! Regular reads of doors: what vanished or was changed makes its stay due, what nobody knows is only reported.

use std::collections::BTreeSet;
use std::sync::Arc;

use booking_core::store::{Arrival, CodeRecord, Lease, Origin, Tx, WorkKey, Write};
use booking_core::{
    BookingId, Call, DoorId, DoorKey, Event, IntegrationName, ListedCode, Listing, Marker, Proof, Reply,
    VendorCodeId,
};
use chrono::Duration;

use crate::alert::AlertKind;
use crate::doors::DOUBT;
use crate::engine::{Doing, Done, Engine, WorkError};
use crate::tenant::Tenant;

/// How long a door must be out of reach before those who are about to arrive are looked at.
const PATIENCE: Duration = Duration::hours(1);

impl Engine {
    pub(crate) async fn work_door(
        &self,
        tenant: &Arc<Tenant>,
        door: &DoorId,
        mut lease: Lease,
    ) -> Result<Done, WorkError> {
        let now = self.clock.now();
        let Some((setup, place)) = tenant.doors.get(door).zip(tenant.place(door)) else {
            return self.finish(&lease, Vec::new(), Done { next: None, failed: false }, None).await;
        };
        if tenant.rules(door).is_some_and(|rules| rules.listing == Listing::Nothing) {
            return self.finish(&lease, Vec::new(), Done { next: None, failed: false }, None).await;
        }
        self.learn_read(tenant, &setup.door.key).await?;
        let call = self.call(&mut lease).await?;
        let mut writes = Vec::new();
        let mut up = true;
        if let Some((record, answered)) = self.doors.read(&*self.clock, tenant, &place, now, call, None).await
        {
            writes.push(Write::Put(Box::new(record)));
            up = answered;
        }
        if !up {
            self.waits_for(&tenant.slug, &setup.lock, Doing::Read, &lease.work);
            let view = self.doors.view(&tenant.slug, &setup.door.key).unwrap_or_default();
            if view.trouble == Some(AlertKind::LockCredentials) {
                let gone = self.unbound(tenant, door, call).await;
                writes.extend(self.tenant_alert(tenant, AlertKind::KeypadGone, door.as_str(), gone).await?);
            }
            if view.failing.is_some_and(|(since, _)| now - since >= PATIENCE) {
                writes.extend(self.arrivals(tenant, door, &setup.door.key).await?);
            }
            let next = view.retry_at.unwrap_or(now + tenant.door_read_every);
            return self.finish(&lease, writes, Done { next: Some(next), failed: true }, None).await;
        }
        writes.extend(self.works(tenant, &setup.lock, Doing::Read));
        writes.extend(self.tenant_alert(tenant, AlertKind::KeypadGone, door.as_str(), None).await?);
        writes.extend(self.compare_door(tenant, door, &lease).await?);
        let whole = self.doors.view(&tenant.slug, &setup.door.key).is_some_and(|view| view.complete);
        // What a list leaves out, or what is doubted, is looked at again soon.
        let next = if whole { tenant.door_read_every } else { tenant.door_read_every.min(DOUBT) };
        self.finish(&lease, writes, Done { next: Some(now + next), failed: false }, None).await
    }

    /// Whoever arrives soon at a door that cannot be read is looked at, so that staff hears of the door before.
    async fn arrivals(&self, tenant: &Tenant, door: &DoorId, key: &DoorKey) -> Result<Vec<Write>, WorkError> {
        let now = self.clock.now();
        let units = tenant.units.iter().filter(|unit| unit.doors.contains(door));
        let Some(ahead) = units.map(|unit| unit.policy.escalate_before).max() else { return Ok(Vec::new()) };
        let codes = self.store.codes_on(&tenant.slug, key).await?;
        let soon = |code: &&CodeRecord| (now..=now + ahead).contains(&code.window.opens());
        let due = codes.iter().filter(soon).map(|code| Write::Due {
            work: WorkKey::Grant(tenant.slug.clone(), code.stay.clone()),
            at: now,
            priority: None,
        });
        Ok(due.collect())
    }

    /// What staff is offered where a door's account works and no longer shows its keypad: those that no door has.
    async fn unbound(&self, tenant: &Tenant, door: &DoorId, call: Call) -> Option<String> {
        let (setup, lock) = tenant.door(door)?;
        let found = lock.doors(call).await.ok()?;
        if found.iter().any(|found| found.key == setup.door.key) {
            return None;
        }
        let is_bound = |key: &DoorKey| {
            tenant.retired.contains(key) || tenant.doors.values().any(|other| other.door.key == *key)
        };
        let free: Vec<String> =
            found.iter().filter(|found| !is_bound(&found.key)).map(|found| found.key.to_string()).collect();
        Some(match free.is_empty() {
            true => format!("{} is gone, and no other keypad of the account is free", setup.door.key),
            false => format!("{} is gone; free keypads: {}", setup.door.key, free.join(", ")),
        })
    }

    /// Marks the stays due whose codes are not on the door as the ledger has them, and those that markers name.
    async fn compare_door(
        &self,
        tenant: &Arc<Tenant>,
        door: &DoorId,
        lease: &Lease,
    ) -> Result<Vec<Write>, WorkError> {
        let now = self.clock.now();
        let Some((setup, lock)) = tenant.door(door) else { return Ok(Vec::new()) };
        let view = self.doors.view(&tenant.slug, &setup.door.key).unwrap_or_default();
        let ledger = self.store.codes_on(&tenant.slug, &setup.door.key).await?;
        let mut due: BTreeSet<BookingId> = BTreeSet::new();
        for code in &ledger {
            let listed = code.vendor_id.as_ref().and_then(|id| view.code(id));
            let as_written = listed.zip(code.pins.as_ref()).is_some_and(|(listed, pins)| {
                let spec = booking_core::CodeSpec {
                    stored: pins.stored.clone(),
                    name: code.name.clone(),
                    note: code.note.clone(),
                    window: code.window.clone(),
                };
                // A code may be shown for the first time; a device may have lost what the vendor still lists, or have got
                // it by now.
                let proof = listed.proof.max(Proof::Listed);
                let known = code.proof == Proof::Used || code.proof == proof;
                lock.shows(&setup.door, listed, &spec) && known
            });
            if !as_written && (listed.is_some() || view.complete) {
                due.insert(code.stay.clone());
            }
        }
        let known: BTreeSet<&VendorCodeId> =
            ledger.iter().filter_map(|code| code.vendor_id.as_ref()).collect();
        let strangers = view.codes().iter().filter(|listed| !known.contains(&listed.id));
        let mut hints = Vec::new();
        let mut nameless = Vec::new();
        for listed in strangers {
            if self.stranger(tenant, listed, &mut due, &mut hints).await? {
                nameless.push(listed);
            }
        }
        let foreign = self.foreign(tenant, &setup.door.key, &nameless, &mut due).await?;
        let mut writes: Vec<Write> = due
            .into_iter()
            .map(|stay| Write::Due {
                work: WorkKey::Grant(tenant.slug.clone(), stay),
                at: now,
                priority: None,
            })
            .collect();
        let detail = (foreign > 0)
            .then(|| format!("{foreign} codes with markers that name no booking of ours, or two"));
        writes.extend(self.tenant_alert(tenant, AlertKind::ForeignMarker, door.as_str(), detail).await?);
        if !hints.is_empty() {
            writes.push(self.audit(
                &tenant.slug,
                None,
                "marker-found",
                format!("door {door}: {} codes of unknown bookings", hints.len()),
            ));
            self.commit(Tx { arrivals: hints, ..Tx::under(now, lease) }).await?;
        }
        Ok(writes)
    }

    /// A code that is not in the ledger: if its only marker names a booking of one of this tenant's sources, that
    /// booking is looked at, which asks the source; anything else is foreign and left alone. Answers whether it has
    /// markers and is foreign all the same.
    async fn stranger(
        &self,
        tenant: &Tenant,
        listed: &ListedCode,
        due: &mut BTreeSet<BookingId>,
        hints: &mut Vec<Arrival>,
    ) -> Result<bool, WorkError> {
        let markers = Marker::find_all(&listed.note);
        let [marker] = &markers[..] else { return Ok(!markers.is_empty()) };
        let mut known = false;
        for (name, source) in &tenant.sources {
            let Some(reference) = source.marked(marker) else { continue };
            known = true;
            match self.store.alias(&tenant.slug, name, &reference).await? {
                Some(booking) => {
                    due.insert(booking);
                }
                None => hints.push(self.hint(tenant, name, Event::Hint { reference, deleted: false })),
            }
        }
        Ok(!known)
    }

    /// How many codes, of which no marker names a booking, are foreign. Of the others the ledger knows whose they are, and
    /// their stays are looked at: backup codes carry no booking's marker, and one that counts as removed may be back.
    async fn foreign(
        &self,
        tenant: &Tenant,
        key: &DoorKey,
        nameless: &[&ListedCode],
        due: &mut BTreeSet<BookingId>,
    ) -> Result<usize, WorkError> {
        if nameless.is_empty() {
            return Ok(0);
        }
        let ledger = self.store.codes_ever_on(&tenant.slug, key).await?;
        let mut foreign = 0;
        for listed in nameless {
            let of_note = |code: &&CodeRecord| {
                code.note == listed.note || code.pool_note.as_ref() == Some(&listed.note)
            };
            // A backup code's slot and the guest who was given it may both have had it.
            let owners: Vec<_> = ledger.iter().filter(of_note).map(|code| code.stay.clone()).collect();
            foreign += usize::from(owners.is_empty());
            due.extend(owners);
        }
        Ok(foreign)
    }

    fn hint(&self, tenant: &Tenant, name: &IntegrationName, event: Event) -> Arrival {
        Arrival {
            tenant: tenant.slug.clone(),
            integration: name.clone(),
            origin: Origin::DoorRead,
            action: "marker-found".to_owned(),
            dedup: None,
            events: vec![(event, BookingId::draw(&*self.rng))],
            priority: None,
            reply: Reply { status: 200, body: serde_json::Value::Null },
        }
    }
}
