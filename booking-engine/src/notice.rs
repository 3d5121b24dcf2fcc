//! Staff messages: every alert that is open and untold, once by each staff channel.
//!
//! Alerts are told at least once: they hold nothing personal, and a second one harms nobody, so they are not
//! looked for after an unknown outcome as guests' messages are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use booking_core::store::{AlertRecord, Kind, Lease, Record, RowKey, StoreError, WorkKey, Write};
use booking_core::{BookingId, MessageId, NotifyError, OutgoingMessage};
use chrono::{DateTime, Duration, Utc};

use crate::alert::AlertKind;
use crate::compare::Known;
use crate::engine::{Done, Engine, WorkError};
use crate::grant::{alert_id, staff_recipient};
use crate::retry;
use crate::tenant::Tenant;
use crate::text::{Form, Languages, StaffArgs};

impl Engine {
    pub(crate) async fn work_notice(
        &self,
        tenant: &Arc<Tenant>,
        mut lease: Lease,
    ) -> Result<Done, WorkError> {
        let now = self.clock.now();
        let mut open: Vec<AlertRecord> = Vec::new();
        self.rows(Kind::Alert, &tenant.slug, |record| {
            if let Record::Alert(alert) = record
                && alert.told_at.is_none()
                && alert.closed_at.is_none()
            {
                open.push(alert);
            }
        })
        .await?;
        let mut writes = Vec::new();
        let mut again: Option<DateTime<Utc>> = None;
        for alert in open {
            match self.tell_staff(tenant, &alert, &mut lease).await? {
                None => writes.extend(self.told(alert, now).await?),
                Some(wait) => again = Some(again.map_or(now + wait, |at| at.min(now + wait))),
            }
        }
        self.finish(&lease, writes, Done { next: again, failed: again.is_some() }, None).await
    }

    /// The alert as it is by now, told: its stay may have closed it meanwhile.
    async fn told(&self, alert: AlertRecord, now: DateTime<Utc>) -> Result<Option<Write>, StoreError> {
        let record = self.store.get(&Record::Alert(alert).key()).await?.map(|row| row.record);
        Ok(match record {
            Some(Record::Alert(alert)) => {
                Some(Write::Put(Box::new(Record::Alert(AlertRecord { told_at: Some(now), ..alert }))))
            }
            _ => None,
        })
    }

    /// Tells one alert; `Some` is how long to wait before it is tried again.
    async fn tell_staff(
        &self,
        tenant: &Tenant,
        alert: &AlertRecord,
        lease: &mut Lease,
    ) -> Result<Option<Duration>, WorkError> {
        let now = self.clock.now();
        let Some(kind) = AlertKind::parse(&alert.kind) else { return Ok(None) };
        let about = self.about(tenant, alert).await?;
        let mut wait = None;
        for name in &tenant.staff {
            let Some(setup) = tenant.notifiers.get(name) else { continue };
            let Some(recipient) = staff_recipient(setup.notifier.channel()) else { continue };
            let form = setup
                .notifier
                .limits()
                .sms_segments
                .map_or(Form::Thread, |max_segments| Form::Sms { max_segments });
            let text = match tenant.texts.render_staff(
                &Languages::of(None, &tenant.default_language),
                form,
                kind,
                &about,
            ) {
                Ok(text) => text,
                Err(error) => {
                    tracing::error!(tenant = %tenant.slug, alert = %kind, %error, "an alert has no text");
                    continue;
                }
            };
            let message = OutgoingMessage {
                id: MessageId::draw(&*self.rng),
                recipient,
                subject: text.subject,
                body: text.body,
                language: text.language.code().to_owned(),
                first_tried: now,
                last_tried: now,
            };
            let call = self.call(lease).await?;
            match setup.notifier.send(call, &message).await {
                Ok(_) => {}
                Err(NotifyError::Vendor(error)) => {
                    tracing::warn!(tenant = %tenant.slug, notifier = %name, %error, "staff could not be told");
                    wait = Some(retry::after(&error, lease.failures + 1, now, None) - now);
                }
                Err(error) => {
                    tracing::error!(tenant = %tenant.slug, notifier = %name, %error, "staff cannot be told this way")
                }
            }
        }
        Ok(wait)
    }

    /// Opens an alert that belongs to no stay, or closes it where there is no detail.
    pub(crate) async fn tenant_alert(
        &self,
        tenant: &Tenant,
        kind: AlertKind,
        about: &str,
        detail: Option<String>,
    ) -> Result<Vec<Write>, StoreError> {
        let now = self.clock.now();
        let id = format!("{kind}/{about}");
        let key = RowKey { kind: Kind::Alert, tenant: tenant.slug.clone(), id: id.clone() };
        let open = match self.store.get(&key).await?.map(|row| row.record) {
            Some(Record::Alert(alert)) if alert.closed_at.is_none() => Some(alert),
            _ => None,
        };
        let put = |alert| Write::Put(Box::new(Record::Alert(alert)));
        Ok(match (open, detail) {
            (Some(alert), None) => vec![put(AlertRecord { closed_at: Some(now), ..alert })],
            (None, Some(detail)) => {
                tracing::warn!(tenant = %tenant.slug, alert = %kind, about, "staff must look at this");
                let alert = AlertRecord {
                    id,
                    tenant: tenant.slug.clone(),
                    stay: None,
                    door: None,
                    kind: kind.key().to_owned(),
                    detail: format!("{about}: {detail}"),
                    opened_at: now,
                    closed_at: None,
                    told_at: tenant.staff.is_empty().then_some(now),
                };
                let work = WorkKey::Notice(tenant.slug.clone());
                vec![put(alert), Write::Due { work, at: now, priority: Some(now) }]
            }
            _ => Vec::new(),
        })
    }

    /// Opens and closes the alerts that full reads of a source have at stays: these are all that there are now.
    pub(crate) async fn stay_alerts(
        &self,
        tenant: &Tenant,
        known: &Known,
        mut troubles: BTreeMap<(AlertKind, BookingId), String>,
    ) -> Result<Vec<Write>, StoreError> {
        let now = self.clock.now();
        let own: BTreeSet<&BookingId> = known.bookings.values().map(|record| &record.id).collect();
        let mut writes = Vec::new();
        let put = |alert| Write::Put(Box::new(Record::Alert(alert)));
        self.rows(Kind::Alert, &tenant.slug, |record| {
            let Record::Alert(alert) = record else { return };
            let Some(kind) = AlertKind::parse(&alert.kind).filter(|kind| kind.is_of_reads()) else { return };
            let Some(stay) = alert.stay.clone().filter(|_| alert.closed_at.is_none()) else { return };
            // Of other sources' bookings a read knows only when they are.
            let mine = kind == AlertKind::TurnoverConflict || own.contains(&stay);
            if troubles.remove(&(kind, stay)).is_none() && mine {
                writes.push(put(AlertRecord { closed_at: Some(now), ..alert }));
            }
        })
        .await?;
        for ((kind, stay), detail) in troubles {
            tracing::warn!(tenant = %tenant.slug, alert = %kind, "staff must look at this");
            writes.push(put(AlertRecord {
                id: alert_id(kind, &stay, None),
                tenant: tenant.slug.clone(),
                stay: Some(stay),
                door: None,
                kind: kind.key().to_owned(),
                detail,
                opened_at: now,
                closed_at: None,
                told_at: tenant.staff.is_empty().then_some(now),
            }));
            let work = WorkKey::Notice(tenant.slug.clone());
            writes.push(Write::Due { work, at: now, priority: Some(now) });
        }
        Ok(writes)
    }

    async fn about(&self, tenant: &Tenant, alert: &AlertRecord) -> Result<StaffArgs, WorkError> {
        let mut about = StaffArgs {
            door: alert.door.as_ref().map(|door| {
                let label = tenant.doors.get(door).and_then(|setup| setup.label.clone());
                label.unwrap_or_else(|| door.to_string())
            }),
            detail: Some(alert.detail.clone()).filter(|detail| !detail.is_empty()),
            ..StaffArgs::default()
        };
        let Some(stay) = &alert.stay else { return Ok(about) };
        let key = RowKey { kind: Kind::Booking, tenant: tenant.slug.clone(), id: stay.to_string() };
        if let Some(Record::Booking(record)) = self.store.get(&key).await?.map(|row| row.record) {
            about.reference = Some(record.reference.to_string());
            about.account = Some(record.source.to_string());
            if let Some(booking) = record.booking {
                about.date = booking.dates.ok().map(|dates| dates.arrival());
                about.unit = booking.unit_name.or(booking.unit.map(|unit| unit.to_string()));
            }
        }
        Ok(about)
    }
}
