//! Backup codes: each is a stay of its own that nobody arrives for, until a guest needs it.

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{
    BookingRecord, CodeRecord, CodeState, Commit, Record, Row, Standing, StoreError, Tx, WorkKey, Write,
    WriteKind, WriteState,
};
use booking_core::{BookingId, DoorId, ExternalId, IntegrationName, Proof, Window};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{LATELY, Run};
use crate::engine::{Engine, WorkError};
use crate::plan::{Plan, Step};
use crate::tenant::Tenant;

/// The most backup codes that a door can have.
const MOST: u8 = 8;
/// What stands for a source where there is none.
const SOURCE: &str = "backup";

/// The id under which a backup code of a door is kept, always the same.
fn id_of(door: &DoorId, number: u8) -> Option<BookingId> {
    const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = Sha256::digest(format!("backup/{door}/{number}"));
    let text: String = hash.iter().take(12).map(|byte| char::from(BASE32[usize::from(byte % 32)])).collect();
    BookingId::parse(&text).ok()
}

/// Whether a code belongs to its door's backup codes: nobody was given it.
pub(crate) fn is_in_pool(code: &CodeRecord) -> bool {
    (0..MOST).any(|number| id_of(&code.door, number).as_ref() == Some(&code.stay))
}

impl Engine {
    /// What must be there and be looked at so that each door has its backup codes, and none that it should no longer
    /// have.
    pub(crate) async fn keep_backups(
        &self,
        tenant: &Tenant,
        now: DateTime<Utc>,
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for setup in tenant.doors.values() {
            for number in 0..MOST {
                let Some(record) = standing(tenant, &setup.id, number, now) else { continue };
                let stay = record.id.clone();
                let record = Record::Booking(record);
                let known = self.store.get(&record.key()).await?.is_some();
                if !known && number >= setup.backup_codes {
                    break;
                }
                if !known {
                    writes.push(Write::Put(Box::new(record)));
                }
                let work = WorkKey::Grant(tenant.slug.clone(), stay);
                writes.push(Write::Due { work, at: now, priority: None });
            }
        }
        Ok(writes)
    }
}

fn standing(tenant: &Tenant, door: &DoorId, number: u8, now: DateTime<Utc>) -> Option<BookingRecord> {
    Some(BookingRecord {
        id: id_of(door, number)?,
        tenant: tenant.slug.clone(),
        source: IntegrationName::parse(SOURCE).ok()?,
        reference: ExternalId::parse(&format!("{door}/{number}")).ok()?,
        former: Vec::new(),
        booking: None,
        seen_at: None,
        deleted_at: None,
        absences: 0,
        not_found_since: None,
        contradicted_since: None,
        gone_at: None,
        cancelled_at: None,
        last_error: None,
        standing: Some(Standing { door: door.clone(), number }),
        created_at: now,
    })
}

impl Run<'_> {
    /// Takes backup codes for the stay. Answers whether any door was asked.
    pub(super) async fn issue(&mut self, plan: &Plan) -> Result<bool, WorkError> {
        let asked: Vec<_> = plan
            .ready()
            .filter_map(|step| match step {
                Step::Issue { door, window, proof } => Some((door.clone(), window.clone(), *proof)),
                _ => None,
            })
            .collect();
        let any = !asked.is_empty();
        for (door, window, proof) in asked {
            if !self.issue_on(&door, &window, proof).await? {
                self.note_without_backup(&door).await?;
                self.without_backup.insert(door);
            }
        }
        Ok(any)
    }

    /// Put on record once in a while, although every run asks again.
    async fn note_without_backup(&mut self, door: &DoorId) -> Result<(), WorkError> {
        let detail = format!("door {door} has no backup code that is proven");
        let stay = Some(&self.stay.booking.id);
        let before = self.engine.store.audit(&self.tenant.slug, stay, None, LATELY).await?;
        if !before.iter().any(|row| row.entry.detail == detail) {
            self.audit("no-backup", detail);
        }
        Ok(())
    }

    /// Whether the last read of its keypad showed a code as it should be. What the ledger says of it may be older.
    fn was_seen(&self, code: &CodeRecord) -> bool {
        let place = self.tenant.place_of(code);
        let view = self.engine.doors.view(&self.tenant.slug, &code.key);
        let Some(view) = view.filter(|view| view.observed_at.is_some()) else { return true };
        if self.tenant.at(&place).is_none() || code.pins.is_none() {
            return false;
        }
        let listed = code.vendor_id.as_ref().and_then(|id| view.code(id));
        listed.map_or(!view.complete, |listed| self.tenant.shows(code, listed))
    }

    async fn issue_on(&mut self, door: &DoorId, window: &Window, proof: Proof) -> Result<bool, WorkError> {
        let now = self.now();
        let Some(setup) = self.tenant.doors.get(door) else { return Ok(false) };
        // The pool may have one on the keypad before, too: nobody arrives there.
        let is_here = |code: &CodeRecord| code.key == setup.door.key;
        for number in 0..setup.backup_codes {
            let Some(slot) = id_of(door, number) else { continue };
            let rows = self.engine.store.stay(&self.tenant.slug, &slot).await?;
            // The next code of the slot gets another marker than the one that goes with this code: a keypad that shows no
            // digits, or nothing, would take the two for one.
            let of_grant = |row: &Row| matches!(row.record, Record::Grant(_)).then(|| row.record.key());
            let given_up = rows.iter().find_map(of_grant).map(Write::Delete);
            let healthy = rows.into_iter().find_map(|row| match row.record {
                Record::Code(code)
                    if is_here(&code) && is_healthy(&code, window, proof, now) && self.was_seen(&code) =>
                {
                    Some((code, row.revision))
                }
                _ => None,
            });
            let Some((code, revision)) = healthy else { continue };
            #[cfg(staykey_planted)]
            let (code, revision) = match planted(planted::BACKUP_TWICE) {
                true => (CodeRecord { id: booking_core::CodeId::draw(&*self.engine.rng), ..code }, 0),
                false => (code, revision),
            };
            let grant = self.stay.grant(&*self.engine.rng, now).id.clone();
            let code = CodeRecord {
                stay: self.stay.booking.id.clone(),
                grant,
                created_at: self.code_time(),
                pool_note: Some(code.note.clone()),
                ..code
            };
            let record = Record::Code(code.clone());
            let mut writes = self.stay.changes(now, self.policy().quarantine);
            writes.extend(self.along.iter().cloned());
            let work = WorkKey::Grant(self.tenant.slug.clone(), slot);
            writes.push(Write::Due { work, at: now, priority: None });
            writes.push(Write::Put(Box::new(record.clone())));
            writes.extend(given_up);
            let tx = Tx { writes, expect: vec![(record.key(), revision)], ..Tx::under(now, &self.lease) };
            match self.engine.store.commit(tx).await? {
                Commit::Done { .. } => {
                    self.along.clear();
                    self.stay.codes.push(code);
                    self.stay.stored();
                    self.audit("backup-issued", format!("door {door}"));
                    return Ok(true);
                }
                // Another guest was quicker.
                Commit::Moved(_) | Commit::Taken(_) => {}
                Commit::Fenced => return Err(WorkError::Fenced),
            }
        }
        Ok(false)
    }
}

/// Whether a backup code opens for certain as far as anybody knows, for all of the stay.
fn is_healthy(code: &CodeRecord, window: &Window, proof: Proof, now: DateTime<Utc>) -> bool {
    // One that is being taken off for somebody else may be gone.
    let leaves = code
        .write
        .as_ref()
        .is_some_and(|write| write.kind == WriteKind::Delete && write.state != WriteState::NotApplied);
    code.state == CodeState::Wanted
        && code.backup
        && !leaves
        && code.proof >= proof
        && code.missing_since.is_none()
        && code.window.opens() <= now.max(window.opens())
        && code.window.closes() >= window.closes()
}
