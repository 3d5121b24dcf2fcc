//! What arrived and what was done: the inbox and the audit trail, newest first, page by page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use booking_core::store::{AuditRow, InboxRow, Origin, WorkKey};
use booking_core::{BookingId, Event};
use booking_engine::{Engine, Tenant};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, ErrorView};
use super::views::{LogEntry, LogView, word};
use super::{Api, Asked, Filters, mail, ok};
use crate::config::ApiScope;

/// How many entries a page has where the caller does not say, and at most.
const USUAL: usize = 50;
const MOST: usize = 500;
/// How many rows are read at once, and for one page; beyond that a page ends early and says where to go on.
const BATCH: usize = 200;
const MOST_READ: usize = 5_000;
/// Clocks of several hosts differ: rows are in the order of their arrival, their times only nearly.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// Which log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// What arrived: webhooks, and what full reads and reads of doors found.
    Webhook,
    /// What was done and seen.
    #[default]
    History,
    /// Mails that were handed over.
    Mail,
}

/// What of a log is wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Which log; the history where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<LogKind>,
    /// Nothing older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Nothing newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// From this integration only; the history has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<String>,
    /// Of this booking only: our id, the source's reference, or `SOURCE:REFERENCE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking: Option<String>,
    /// Only entries of this kind: a vendor's word for what arrived, or ours for what was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// How many entries; 50 where it is left out, 500 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Go on before this number: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Whether mails are shown with sender and subject; needs the scope `pins`.
    #[serde(default)]
    pub pins: bool,
}

/// A page of a log, newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/log", tag = "log",
    params(("tenant" = String, Path, description = "The tenant's slug"), LogQuery),
    responses(
        (status = 200, body = LogView), (status = 400, body = ErrorView), (status = 401, body = ErrorView),
        (status = 403, body = ErrorView), (status = 404, body = ErrorView), (status = 409, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn log(
    State(api): State<Arc<Api>>,
    asked: Asked<String>,
    Filters(query): Filters<LogQuery>,
) -> Result<Response, ApiError> {
    let tenant = api.tenant(&asked.caller, &asked.path, ApiScope::Read)?;
    let whole = asked.caller.shows(query.pins)?;
    let kind = query.kind.unwrap_or_default();
    if kind == LogKind::History && query.integration.is_some() {
        return Err(ApiError::bad(
            "the history knows no integrations",
            "ask for kind=webhook, or leave it out",
        ));
    }
    let limit = query.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::bad("`limit` is out of range", format!("write 1 to {MOST}")));
    }
    let stay = match &query.booking {
        Some(text) => Some(super::one_booking(&api, &tenant, text).await?),
        None => None,
    };
    let wanted = Wanted { kind, stay, whole, limit, query };
    Ok(ok(&wanted.page(&api.intake.engine, &tenant).await?))
}

struct Wanted {
    kind: LogKind,
    stay: Option<BookingId>,
    whole: bool,
    limit: usize,
    query: LogQuery,
}

impl Wanted {
    async fn page(&self, engine: &Engine, tenant: &Tenant) -> Result<LogView, ApiError> {
        let (mut entries, mut before, mut seen) = (Vec::new(), self.query.before, 0);
        while seen < MOST_READ {
            let rows = self.rows(engine, tenant, before).await?;
            if rows.is_empty() {
                return Ok(LogView { entries, next: None });
            }
            seen += rows.len();
            for entry in rows {
                if self.query.since.is_some_and(|since| entry.at + SKEW < since) {
                    return Ok(LogView { entries, next: None });
                }
                before = Some(entry.number);
                if self.fits(&entry) {
                    entries.push(entry);
                }
                if entries.len() == self.limit {
                    return Ok(LogView { entries, next: before });
                }
            }
        }
        Ok(LogView { entries, next: before })
    }

    async fn rows(
        &self,
        engine: &Engine,
        tenant: &Tenant,
        before: Option<u64>,
    ) -> Result<Vec<LogEntry>, ApiError> {
        let (store, slug) = (engine.store(), &tenant.slug);
        Ok(match self.kind {
            LogKind::History => {
                let rows = store.audit(slug, self.stay.as_ref(), before, BATCH).await?;
                rows.into_iter().map(done).collect()
            }
            LogKind::Webhook | LogKind::Mail => {
                let rows = store.inbox(slug, before, BATCH).await?;
                rows.into_iter().map(|row| self.arrived(row)).collect()
            }
        })
    }

    fn arrived(&self, row: InboxRow) -> LogEntry {
        let booking = match &row.work {
            Some(WorkKey::Grant(_, booking)) => Some(booking.to_string()),
            _ => None,
        };
        let is_mail = row.origin == Origin::Mail;
        LogEntry {
            number: row.number,
            at: row.received_at,
            kind: if is_mail { LogKind::Mail } else { LogKind::Webhook },
            what: row.action,
            integration: Some(row.integration.to_string()),
            origin: Some(word(&row.origin)),
            booking,
            reference: row.event.as_ref().and_then(Event::reference).map(ToString::to_string),
            read_at: row.read_at,
            detail: None,
            mail: if is_mail { mail::summary(row.event.as_ref(), self.whole) } else { None },
        }
    }

    fn fits(&self, entry: &LogEntry) -> bool {
        let query = &self.query;
        let stay = self.stay.as_ref().map(BookingId::as_str);
        entry.kind == self.kind
            && query.since.is_none_or(|since| entry.at >= since)
            && query.until.is_none_or(|until| entry.at <= until)
            && query.integration.as_ref().is_none_or(|name| entry.integration.as_ref() == Some(name))
            && query.what.as_ref().is_none_or(|what| entry.what == *what)
            && stay.is_none_or(|stay| entry.booking.as_deref() == Some(stay))
    }
}

fn done(row: AuditRow) -> LogEntry {
    LogEntry {
        number: row.number,
        at: row.entry.at,
        kind: LogKind::History,
        what: row.entry.what,
        integration: None,
        origin: None,
        booking: row.entry.stay.map(|stay| stay.to_string()),
        reference: None,
        read_at: None,
        detail: Some(row.entry.detail),
        mail: None,
    }
}
