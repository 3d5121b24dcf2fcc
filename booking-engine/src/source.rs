//! Full reads of sources: all pages or nothing, and what they show that webhooks have not told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use booking_core::store::{
    Arrival, Commit, Kind, Lease, Origin, Record, RowKey, SourceRecord, StoreError, Tx, WorkKey, Write,
};
use booking_core::{
    Booking, BookingId, Cursor, DateRange, Event, ExternalId, Fault, IntegrationName, Reply, TenantSlug,
    VendorError,
};
use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::alert::AlertKind;
use crate::compare::{Findings, Known, Occupied, Read, conflicts, is_silent, untold};
use crate::engine::{BATCH, Doing, Done, Engine, WorkError};
use crate::retry;
use crate::tenant::Tenant;

/// More pages than any account has: the bound only stops a source that never ends.
const MOST_PAGES: usize = 10_000;

/// How long a source may fail before staff hears of it; what only staff can mend is told at once.
const PATIENCE: Duration = Duration::minutes(30);

/// How long somebody's word for a source counts, where its reads are not seldom.
const TRUSTED_FOR: Duration = Duration::days(1);

/// A day, or as long as it takes the source's reads: one asks for what is missing, further ones witness it, and each may be
/// a little late.
fn trusted_for(tenant: &Tenant) -> Duration {
    let policies = tenant.units.iter().map(|unit| &unit.policy).chain([&tenant.policy]);
    let witnesses = policies.map(|policy| policy.absent_reads).max().unwrap_or_default();
    let reads = i32::try_from(witnesses).unwrap_or(i32::MAX).saturating_add(2);
    tenant.full_read_every.checked_mul(reads).map_or(TRUSTED_FOR, |long| long.max(TRUSTED_FOR))
}

impl Engine {
    /// Vouches for a source: for a day its complete reads count as they are, however little they show; for longer where it
    /// takes them longer to show that a booking is gone. Answers `false` when there is no such source.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn trust_source(
        &self,
        tenant: &TenantSlug,
        name: &IntegrationName,
    ) -> Result<bool, StoreError> {
        let Some(tenant) = self.tenant(tenant).filter(|tenant| tenant.sources.contains_key(name)) else {
            return Ok(false);
        };
        loop {
            let now = self.clock.now();
            let (known, expect) = self.source_record(tenant, name).await?;
            let record = SourceRecord { trusted_until: Some(now + trusted_for(tenant)), ..known };
            let work = WorkKey::Source(tenant.slug.clone(), name.clone());
            let writes = vec![
                Write::Put(Box::new(Record::Source(record))),
                Write::Due { work, at: now, priority: Some(now) },
                self.audit(&tenant.slug, None, "source-trusted", name.to_string()),
            ];
            let tx = Tx { expect: vec![expect], writes, ..Tx::new(now) };
            // A read may have ended meanwhile.
            if let Commit::Done { .. } = self.store.commit(tx).await? {
                return Ok(true);
            }
        }
    }

    pub(crate) async fn work_source(
        &self,
        tenant: &Arc<Tenant>,
        name: &IntegrationName,
        mut lease: Lease,
    ) -> Result<Done, WorkError> {
        let began = self.clock.now();
        let Some(source) = tenant.sources.get(name) else {
            return self.finish(&lease, Vec::new(), Done { next: None, failed: false }, None).await;
        };
        let range = range_of(tenant, began);
        match self.read_source(&**source, range, &mut lease).await? {
            Ok(read) => self.compare(tenant, name, lease, range, read, began).await,
            Err(error) => self.source_failed(tenant, name, &lease, &error).await,
        }
    }

    pub(crate) async fn read_source(
        &self,
        source: &dyn booking_core::BookingSource,
        range: DateRange,
        lease: &mut Lease,
    ) -> Result<Result<Read, VendorError>, WorkError> {
        let mut read = Read { bookings: BTreeMap::new(), unreadable: Vec::new() };
        let mut from: Option<Cursor> = None;
        for _ in 0..MOST_PAGES {
            let call = self.call(lease).await?;
            let page = match source.page(call, range, from.as_ref()).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            for item in page.items {
                match item {
                    // Pages shift while they are read: of two rows of one booking the newer stays.
                    Ok(booking) => {
                        let newer = read
                            .bookings
                            .get(&booking.reference)
                            .is_none_or(|known| known.revision <= booking.revision);
                        if newer {
                            read.bookings.insert(booking.reference.clone(), booking);
                        }
                    }
                    Err(unreadable) => read.unreadable.push(unreadable),
                }
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(Ok(read)),
            }
        }
        Ok(Err(VendorError::unreadable("the list of bookings never ends").of_read()))
    }

    /// Puts what the read shows beyond what is known into the inbox.
    async fn compare(
        &self,
        tenant: &Arc<Tenant>,
        name: &IntegrationName,
        lease: Lease,
        range: DateRange,
        read: Read,
        began: DateTime<Utc>,
    ) -> Result<Done, WorkError> {
        let (before, _) = self.source_record(tenant, name).await?;
        let known = self.known(tenant, name, before.complete_at).await?;
        let findings = Findings::of(&read, &known, range);
        let trusted = before.trusted_until.is_some_and(|until| began < until);
        let suspect = !trusted && findings.is_suspect(&tenant.brake, &read);
        #[cfg(staykey_planted)]
        let suspect = suspect && !booking_core::planted::planted(booking_core::planted::SUSPECT_IS_GOOD);

        let mut arrivals = Vec::new();
        let moved =
            if suspect { BTreeSet::new() } else { self.rejoin(tenant, name, &lease, &findings).await? };
        for booking in findings.news.iter().filter(|booking| !moved.contains(&booking.reference)) {
            let event = Event::Snapshot(Box::new((*booking).clone()));
            arrivals.push(self.arrival(tenant, name, Origin::FullRead, event, arrival_day(booking)));
        }
        // What a suspect read does not show may well be there.
        for record in findings.missing.iter().filter(|_| !suspect) {
            let hint = Event::Hint { reference: record.reference.clone(), deleted: false };
            let day = record.booking.as_ref().and_then(arrival_day);
            arrivals.push(self.arrival(tenant, name, Origin::Absence, hint, day));
        }
        let found = arrivals.len();
        for chunk in arrivals.chunks(BATCH) {
            self.commit(Tx { arrivals: chunk.to_vec(), ..Tx::under(began, &lease) }).await?;
        }

        let mut writes = self.works(tenant, name, Doing::Read);
        writes.extend(self.settle_brakes(tenant).await?);
        for item in &read.unreadable {
            tracing::warn!(tenant = %tenant.slug, source = %name, problem = %item.problem, "a booking in the list could not be read");
        }
        if found > 0 || !read.unreadable.is_empty() {
            let detail = format!("{name}: {found} differ, {} unreadable", read.unreadable.len());
            writes.push(self.audit(&tenant.slug, None, "source-read", detail));
        }
        if !suspect {
            let troubles = self.troubles(tenant, name, &read, &known, &findings).await?;
            writes.extend(self.stay_alerts(tenant, &known, troubles).await?);
        }
        let counts =
            format!("{} of {} known bookings are not listed", findings.missing.len(), findings.expected);
        let changed = findings.changed && tenant.sources.get(name).is_some_and(|source| source.tells());
        let asked = changed || !before.untold.is_empty();
        let heard = asked && self.heard_since(tenant, name, before.complete_at).await?;
        let untold = untold(&before.untold, heard, changed, began);
        let silent = is_silent(&untold, began).then(|| silence(&untold));
        for (kind, detail) in [
            (AlertKind::SourceFailing, None),
            (AlertKind::SourceSuspect, suspect.then_some(counts)),
            (AlertKind::WebhooksSilent, silent),
        ] {
            writes.extend(self.tenant_alert(tenant, kind, name.as_str(), detail).await?);
        }
        let record = SourceRecord {
            complete_at: Some(began),
            bookings: u64::try_from(read.bookings.len()).unwrap_or(u64::MAX),
            failing: None,
            suspect_since: suspect.then(|| before.suspect_since.unwrap_or(began)),
            untold,
            ..before
        };
        self.put_source(tenant, &lease, record, writes).await?;
        let done = Done { next: Some(began + tenant.full_read_every), failed: false };
        self.finish(&lease, Vec::new(), done, None).await
    }

    /// What is known before a read of a source is looked at.
    pub(crate) async fn known(
        &self,
        tenant: &Tenant,
        name: &IntegrationName,
        last: Option<DateTime<Utc>>,
    ) -> Result<Known, StoreError> {
        let mut known = Known { range: last.map(|last| range_of(tenant, last)), ..Known::default() };
        self.rows(Kind::Booking, &tenant.slug, |record| match record {
            Record::Booking(record) if record.source == *name => {
                let present = &record.reference;
                known.former.extend(record.former.iter().map(|former| (former.clone(), present.clone())));
                known.bookings.insert(present.clone(), record);
            }
            Record::Booking(record) => known.others.push(record),
            _ => {}
        })
        .await?;
        Ok(known)
    }

    /// Lets the new references of known stays name these, unless they have changed meanwhile. Answers which have: those
    /// references are left to the next read.
    async fn rejoin(
        &self,
        tenant: &Tenant,
        name: &IntegrationName,
        lease: &Lease,
        findings: &Findings<'_>,
    ) -> Result<BTreeSet<ExternalId>, WorkError> {
        let mut moved = BTreeSet::new();
        for (older, newer) in &findings.renamed {
            let record = Record::Booking((*older).clone());
            let row = self.store.get(&record.key()).await?.filter(|row| row.record == record);
            let Some(row) = row else {
                moved.insert(newer.reference.clone());
                continue;
            };
            if self.store.alias(&tenant.slug, name, &newer.reference).await?.is_some() {
                // Somebody has told of it meanwhile: its own work finds out.
                continue;
            }
            let writes = vec![
                self.alias(tenant, name, &newer.reference, &older.id),
                self.audit(&tenant.slug, Some(&older.id), "new-id", newer.reference.to_string()),
            ];
            let expect = vec![(record.key(), row.revision)];
            match self.store.commit(Tx { expect, writes, ..Tx::under(self.clock.now(), lease) }).await? {
                Commit::Done { .. } => {}
                Commit::Fenced => return Err(WorkError::Fenced),
                Commit::Moved(_) | Commit::Taken(_) => {
                    moved.insert(newer.reference.clone());
                }
            }
        }
        Ok(moved)
    }

    fn alias(
        &self,
        tenant: &Tenant,
        name: &IntegrationName,
        reference: &ExternalId,
        booking: &BookingId,
    ) -> Write {
        Write::Alias {
            tenant: tenant.slug.clone(),
            source: name.clone(),
            reference: reference.clone(),
            booking: booking.clone(),
        }
    }

    /// What staff must know of single stays, by kind and stay.
    async fn troubles(
        &self,
        tenant: &Tenant,
        name: &IntegrationName,
        read: &Read,
        known: &Known,
        findings: &Findings<'_>,
    ) -> Result<BTreeMap<(AlertKind, BookingId), String>, StoreError> {
        let now = self.clock.now();
        let shown = read.bookings.values().filter(|booking| !known.former.contains_key(&booking.reference));
        let others = known.others.iter().filter(|record| record.gone_at.is_none());
        let others = others.filter_map(|record| Some((&record.source, record.booking.as_ref()?)));
        let stays = shown.map(|booking| (name, booking)).chain(others);
        let stays = stays.filter_map(|(source, booking)| Occupied::of(tenant, source, booking, now));
        let mut troubles = BTreeMap::new();
        for (later, earlier) in conflicts(stays.collect(), now) {
            let id = self.store.alias(&tenant.slug, later.source, &later.booking.reference).await?;
            let detail = format!(
                "from {}, while {} stays until {}",
                later.window.start(),
                earlier.booking.reference,
                earlier.window.end()
            );
            troubles.extend(id.map(|id| ((AlertKind::TurnoverConflict, id), detail)));
        }
        for (older, newer) in &findings.unclear {
            let id = self.store.alias(&tenant.slug, name, &newer.reference).await?;
            let detail = format!("{} and {}", older.reference, newer.reference);
            troubles.extend(id.map(|id| ((AlertKind::SameStayTwice, id), detail)));
        }
        Ok(troubles)
    }

    /// Whether a webhook of the source has come since `since`.
    async fn heard_since(
        &self,
        tenant: &Tenant,
        name: &IntegrationName,
        since: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let Some(since) = since else { return Ok(true) };
        let mut before = None;
        loop {
            let rows = self.store.inbox(&tenant.slug, before, BATCH).await?;
            let mut recent = rows.iter().filter(|row| row.received_at >= since).peekable();
            if recent.peek().is_none() {
                return Ok(false);
            }
            if recent.any(|row| row.origin == Origin::Webhook && row.integration == *name) {
                return Ok(true);
            }
            before = rows.last().map(|row| row.number);
        }
    }

    /// A source as it is known, and the row that must not have changed when it is written again.
    async fn source_record(
        &self,
        tenant: &Tenant,
        name: &IntegrationName,
    ) -> Result<(SourceRecord, (RowKey, u64)), StoreError> {
        let key = RowKey { kind: Kind::Source, tenant: tenant.slug.clone(), id: name.to_string() };
        let row = self.store.get(&key).await?;
        let revision = row.as_ref().map_or(0, |row| row.revision);
        let record = match row.map(|row| row.record) {
            Some(Record::Source(record)) => record,
            _ => SourceRecord::new(tenant.slug.clone(), name.clone()),
        };
        Ok((record, (key, revision)))
    }

    /// Writes a source's record, beside what somebody has vouched for meanwhile.
    async fn put_source(
        &self,
        tenant: &Tenant,
        lease: &Lease,
        record: SourceRecord,
        mut writes: Vec<Write>,
    ) -> Result<(), WorkError> {
        let (present, expect) = self.source_record(tenant, &record.name).await?;
        let record = SourceRecord { trusted_until: present.trusted_until, ..record };
        writes.push(Write::Put(Box::new(Record::Source(record))));
        self.commit(Tx { expect: vec![expect], writes, ..Tx::under(self.clock.now(), lease) }).await?;
        Ok(())
    }

    fn arrival(
        &self,
        tenant: &Tenant,
        name: &IntegrationName,
        origin: Origin,
        event: Event,
        arrival: Option<DateTime<Utc>>,
    ) -> Arrival {
        Arrival {
            tenant: tenant.slug.clone(),
            integration: name.clone(),
            origin,
            action: "full-read".to_owned(),
            dedup: None,
            events: vec![(event, BookingId::draw(&*self.rng))],
            priority: arrival,
            reply: Reply { status: 200, body: serde_json::Value::Null },
        }
    }

    async fn source_failed(
        &self,
        tenant: &Tenant,
        name: &IntegrationName,
        lease: &Lease,
        error: &VendorError,
    ) -> Result<Done, WorkError> {
        let now = self.clock.now();
        self.waits_for(&tenant.slug, name, Doing::Read, &lease.work);
        let (known, _) = self.source_record(tenant, name).await?;
        let since = known.failing.as_ref().map_or(now, |(since, _)| *since);
        let lasting =
            now - since >= PATIENCE || matches!(error.fault, Fault::Credentials | Fault::Configuration);
        let alert = match lasting {
            true => {
                self.tenant_alert(tenant, AlertKind::SourceFailing, name.as_str(), Some(error.to_string()))
                    .await?
            }
            false => Vec::new(),
        };
        let record = SourceRecord { failing: Some((since, error.to_string())), ..known };
        let mut writes = vec![self.audit(&tenant.slug, None, "source-failed", format!("{name}: {error}"))];
        writes.extend(alert);
        self.put_source(tenant, lease, record, writes).await?;
        let next = retry::after(error, lease.failures + 1, now, None).min(now + tenant.full_read_every);
        self.finish(lease, Vec::new(), Done { next: Some(next), failed: true }, None).await
    }
}

/// Which stays a full read asks for.
pub(crate) fn range_of(tenant: &Tenant, began: DateTime<Utc>) -> DateRange {
    DateRange {
        departing_from: began.date_naive() - Duration::days(1),
        arriving_until: (began + tenant.full_read_ahead).date_naive(),
    }
}

fn silence(untold: &[DateTime<Utc>]) -> String {
    let since = untold.first().map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    format!("none since {since} at the latest")
}

fn arrival_day(booking: &Booking) -> Option<DateTime<Utc>> {
    let day: NaiveDate = booking.dates.ok()?.arrival();
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}
