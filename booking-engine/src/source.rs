//! Full reads of sources: all pages or nothing, and what they show that webhooks have not told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use booking_core::store::{
    Arrival, BookingRecord, Kind, Lease, Origin, Record, RowKey, SourceRecord, Tx, Write,
};
use booking_core::{
    Booking, BookingId, BookingStatus, Cursor, DateRange, Event, ExternalId, Fault, IntegrationName, Reply,
    Unreadable, VendorError,
};
use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::alert::AlertKind;
use crate::engine::{BATCH, Doing, Done, Engine, WorkError};
use crate::retry;
use crate::tenant::Tenant;

/// More pages than any account has: the bound only stops a source that never ends.
const MOST_PAGES: usize = 10_000;

/// How long a source may fail before staff hears of it; what only staff can mend is told at once.
const PATIENCE: Duration = Duration::minutes(30);

/// What a complete read showed.
struct Read {
    bookings: BTreeMap<ExternalId, Booking>,
    unreadable: Vec<Unreadable>,
}

impl Engine {
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
        let range = DateRange {
            departing_from: began.date_naive() - Duration::days(1),
            arriving_until: (began + tenant.full_read_ahead).date_naive(),
        };
        match self.read_source(&**source, range, &mut lease).await? {
            Ok(read) => self.compare(tenant, name, lease, range, read, began).await,
            Err(error) => self.source_failed(tenant, name, &lease, &error).await,
        }
    }

    async fn read_source(
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
        let mut known: BTreeMap<ExternalId, BookingRecord> = BTreeMap::new();
        self.rows(Kind::Booking, &tenant.slug, |record| {
            if let Record::Booking(record) = record
                && record.source == *name
            {
                known.insert(record.reference.clone(), record);
            }
        })
        .await?;
        let unreadable: BTreeSet<&ExternalId> =
            read.unreadable.iter().filter_map(|item| item.reference.as_ref()).collect();
        let mut arrivals = Vec::new();
        for (reference, booking) in &read.bookings {
            if is_news(booking, known.get(reference)) {
                arrivals.push(self.arrival(
                    tenant,
                    name,
                    Origin::FullRead,
                    Event::Snapshot(Box::new(booking.clone())),
                    arrival_day(booking),
                ));
            }
        }
        for (reference, record) in &known {
            let shown = read.bookings.contains_key(reference) || unreadable.contains(reference);
            if !shown && should_be_listed(record, range) {
                let hint = Event::Hint { reference: reference.clone(), deleted: false };
                arrivals.push(self.arrival(
                    tenant,
                    name,
                    Origin::Absence,
                    hint,
                    record.booking.as_ref().and_then(arrival_day),
                ));
            }
        }
        let found = arrivals.len();
        for chunk in arrivals.chunks(BATCH) {
            self.commit(Tx { arrivals: chunk.to_vec(), ..Tx::under(began, &lease) }).await?;
        }
        let mut writes = self.works(tenant, name, Doing::Read);
        writes.extend(self.tenant_alert(tenant, AlertKind::SourceFailing, name.as_str(), None).await?);
        for item in &read.unreadable {
            tracing::warn!(tenant = %tenant.slug, source = %name, problem = %item.problem, "a booking in the list could not be read");
        }
        if found > 0 || !read.unreadable.is_empty() {
            let detail = format!("{name}: {found} differ, {} unreadable", read.unreadable.len());
            writes.push(self.audit(&tenant.slug, None, "source-read", detail));
        }
        let record = SourceRecord {
            complete_at: Some(began),
            bookings: u64::try_from(read.bookings.len()).unwrap_or(u64::MAX),
            ..SourceRecord::new(tenant.slug.clone(), name.clone())
        };
        writes.push(Write::Put(Box::new(Record::Source(record))));
        let done = Done { next: Some(began + tenant.full_read_every), failed: false };
        self.finish(&lease, writes, done, None).await
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
        let key = RowKey { kind: Kind::Source, tenant: tenant.slug.clone(), id: name.to_string() };
        let known = match self.store.get(&key).await?.map(|row| row.record) {
            Some(Record::Source(record)) => record,
            _ => SourceRecord::new(tenant.slug.clone(), name.clone()),
        };
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
        let mut writes = vec![
            self.audit(&tenant.slug, None, "source-failed", format!("{name}: {error}")),
            Write::Put(Box::new(Record::Source(record))),
        ];
        writes.extend(alert);
        let next = retry::after(error, lease.failures + 1, now, None).min(now + tenant.full_read_every);
        self.finish(lease, writes, Done { next: Some(next), failed: true }, None).await
    }
}

/// Whether a listed booking tells more than is known of it.
fn is_news(booking: &Booking, known: Option<&BookingRecord>) -> bool {
    let Some(known) = known else { return true };
    let missed = known.absences > 0 || known.not_found_since.is_some() || known.gone_at.is_some();
    missed || known.booking.as_ref().is_none_or(|before| !before.same_content(booking))
}

/// Whether a known booking belongs into a list of this range.
fn should_be_listed(record: &BookingRecord, range: DateRange) -> bool {
    record.gone_at.is_none()
        && record.booking.as_ref().is_some_and(|booking| {
            booking.status == BookingStatus::Confirmed
                && booking.dates.is_ok_and(|dates| {
                    dates.departure() > range.departing_from && dates.arrival() <= range.arriving_until
                })
        })
}

fn arrival_day(booking: &Booking) -> Option<DateTime<Utc>> {
    let day: NaiveDate = booking.dates.ok()?.arrival();
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}
