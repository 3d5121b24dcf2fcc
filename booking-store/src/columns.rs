//! How values are put into columns, alike in every database.

use booking_core::store::{
    InboxRow, Kind, Origin, Record, Row, RowKey, StoreError, StoredRecord, WorkKey, WorkRow,
};
use booking_core::{BookingId, IntegrationName, Invalid, Secret, TenantSlug};
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use crate::rules::WorkState;
use crate::seal::{self, KeyId, Place, Seals};
use crate::time::Micros;

/// What all connections of a store know.
pub(crate) struct Shared {
    pub(crate) seals: Seals,
    pub(crate) claim_key: Zeroizing<[u8; 32]>,
}

/// A number as databases keep it.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) fn number<T: TryFrom<i64>>(value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Damaged("a number that no number should be".to_owned()))
}

pub(crate) fn time(value: Option<i64>) -> Result<Option<DateTime<Utc>>, StoreError> {
    value.map(|value| Micros(value).utc()).transpose()
}

/// A name that was valid when it was stored.
pub(crate) fn name<T>(parsed: Result<T, Invalid>) -> Result<T, StoreError> {
    parsed.map_err(|error| StoreError::Damaged(error.to_string()))
}

/// Work keys in the order of their ranks.
const RANKS: [&str; 4] = ["grant", "source", "door", "notice"];

/// A work key as its columns: rank, tenant, id.
pub(crate) fn columns(work: &WorkKey) -> Result<(i64, String, String), StoreError> {
    let rank = RANKS.iter().position(|kind| *kind == work.kind());
    let rank =
        rank.ok_or_else(|| StoreError::Unavailable("this store does not know such work".to_owned()))?;
    let text = work.to_string();
    let id = text.splitn(3, '/').nth(2).unwrap_or_default();
    Ok((limit(rank), work.tenant().to_string(), id.to_owned()))
}

pub(crate) fn work_key(rank: i64, tenant: &str, id: &str) -> Result<WorkKey, StoreError> {
    let kind = number::<usize>(rank)?;
    let kind = RANKS.get(kind).ok_or_else(|| StoreError::Damaged("work of an unknown kind".to_owned()))?;
    name(if id.is_empty() {
        format!("{kind}/{tenant}").parse()
    } else {
        format!("{kind}/{tenant}/{id}").parse()
    })
}

/// Due at, priority, leased until, token, failures.
pub(crate) type WorkColumns = (Option<i64>, Option<i64>, Option<i64>, i64, i64);

pub(crate) fn work_state(columns: WorkColumns) -> Result<WorkState, StoreError> {
    let (due_at, priority, leased_until, token, failures) = columns;
    Ok(WorkState {
        due_at: due_at.map(Micros),
        priority: priority.map(Micros),
        leased_until: leased_until.map(Micros),
        token: number(token)?,
        failures: number(failures)?,
    })
}

/// Rank, tenant, id, due at, leased until, failures.
pub(crate) type WorkListColumns = (i64, String, String, Option<i64>, Option<i64>, i64);

pub(crate) fn work_row(columns: WorkListColumns) -> Result<WorkRow, StoreError> {
    let (rank, tenant, id, due_at, leased_until, failures) = columns;
    Ok(WorkRow {
        work: work_key(rank, &tenant, &id)?,
        due_at: time(due_at)?,
        leased_until: time(leased_until)?,
        failures: number(failures)?,
    })
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|_| StoreError::Damaged("a value cannot be written as JSON".to_owned()))
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(text: &[u8], what: &str) -> Result<T, StoreError> {
    serde_json::from_slice(text).map_err(|_| StoreError::Damaged(format!("{what} cannot be read")))
}

/// Where the sealed part of a record is kept.
fn record_place<'a>(kind: Kind, tenant: &'a str, id: &'a str) -> Place<'a> {
    Place { tenant, table: kind.table(), column: "sealed", id }
}

/// Id, revision, plain, sealed.
pub(crate) type RecordColumns = (String, i64, String, Option<Vec<u8>>);

/// Number, tenant, integration, origin, action, work, event, received at, read at.
pub(crate) type InboxColumns =
    (i64, String, String, String, String, Option<String>, Option<Vec<u8>>, i64, Option<i64>);

impl Shared {
    /// A record's plain and sealed part.
    pub(crate) fn close(
        &self,
        key: &RowKey,
        record: &Record,
    ) -> Result<(String, Option<Vec<u8>>), StoreError> {
        let StoredRecord { plain, sealed } = record.to_stored()?;
        let place = record_place(key.kind, key.tenant.as_str(), &key.id);
        let sealed = sealed.map(|text| self.seals.seal(place, text.expose().as_bytes())).transpose()?;
        Ok((plain, sealed))
    }

    pub(crate) fn row(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        columns: RecordColumns,
    ) -> Result<Row, StoreError> {
        let damaged = |what: &str| StoreError::Damaged(format!("a row of {} {what}", kind.table()));
        let (id, revision, plain, sealed) = columns;
        let sealed = match sealed {
            Some(sealed) => {
                let open = self.seals.open(record_place(kind, tenant.as_str(), &id), &sealed)?;
                let text = std::str::from_utf8(&open).map_err(|_| damaged("is not text"))?;
                Some(Secret::new(text))
            }
            // These always have a sealed part; without it they would read as rows that never had a PIN.
            None if matches!(kind, Kind::Code | Kind::Message | Kind::DoorRead | Kind::Fact) => {
                return Err(damaged("lacks its sealed part"));
            }
            None => None,
        };
        let record = Record::from_stored(kind, &StoredRecord { plain, sealed })?;
        let key = record.key();
        if key.id != id || key.tenant != *tenant {
            return Err(damaged("is not the one that it says"));
        }
        Ok(Row { revision: number(revision)?, record })
    }

    /// An inbox row's event, sealed: bound to the row's number.
    pub(crate) fn close_event(&self, row: &InboxRow, number: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(event) = &row.event else { return Ok(None) };
        let event = Secret::new(to_json(event)?);
        let id = number.to_string();
        self.seals.seal(event_place(row.tenant.as_str(), &id), event.expose().as_bytes()).map(Some)
    }

    pub(crate) fn inbox_row(&self, columns: InboxColumns) -> Result<InboxRow, StoreError> {
        let (at, tenant, integration, origin, action, work, event, received_at, read_at) = columns;
        let event = match event {
            Some(sealed) => {
                let open = self.seals.open(event_place(&tenant, &at.to_string()), &sealed)?;
                Some(from_json(&open, "an event")?)
            }
            None => None,
        };
        Ok(InboxRow {
            number: number(at)?,
            tenant: name(TenantSlug::parse(&tenant))?,
            integration: name(IntegrationName::parse(&integration))?,
            origin: from_json::<Origin>(origin.as_bytes(), "an origin")?,
            action,
            work: name(work.map(|work| work.parse()).transpose())?,
            event,
            received_at: Micros(received_at).utc()?,
            read_at: time(read_at)?,
        })
    }

    pub(crate) fn close_answer(&self, key: &str, answer: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.seals.seal(answer_place(key), answer)
    }

    pub(crate) fn open_answer(&self, key: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.seals.open(answer_place(key), sealed).map(|answer| answer.to_vec())
    }

    /// The value of a place, sealed with the active key; `None` where it does not open.
    pub(crate) fn reseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Ok(value) = self.seals.open(place, sealed) else { return Ok(None) };
        self.seals.seal(place, &value).map(Some)
    }
}

/// Columns that hold sealed values: one of a table of records, or one of those that are no records.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SealedColumn {
    Of(Kind),
    Event,
    Answer,
}

impl SealedColumn {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().map(Self::Of).chain([Self::Event, Self::Answer])
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Of(kind) => kind.table(),
            Self::Event => "inbox",
            Self::Answer => "idempotency",
        }
    }

    /// The column itself, and those that say whose and which a row is.
    #[cfg(all(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn columns(self) -> (&'static str, Option<&'static str>, &'static str) {
        match self {
            Self::Of(_) => ("sealed", Some("tenant"), "id"),
            Self::Event => ("event", Some("tenant"), "number"),
            Self::Answer => ("answer", None, "key"),
        }
    }

    /// The place of a row's value. An answer has no tenant, an event's id is its number.
    pub(crate) fn place<'a>(self, tenant: &'a str, id: &'a str) -> Place<'a> {
        match self {
            Self::Of(kind) => record_place(kind, tenant, id),
            Self::Event => event_place(tenant, id),
            Self::Answer => answer_place(id),
        }
    }
}

fn event_place<'a>(tenant: &'a str, id: &'a str) -> Place<'a> {
    Place { tenant, table: "inbox", column: "event", id }
}

fn answer_place(key: &str) -> Place<'_> {
    Place { tenant: "", table: "idempotency", column: "answer", id: key }
}

pub(crate) fn booking_id(text: Option<String>) -> Result<Option<BookingId>, StoreError> {
    name(text.map(|text| BookingId::parse(&text)).transpose())
}

/// What a database says of its keys.
#[derive(Debug, Default)]
pub(crate) struct Locked {
    /// The ids of all keys that its values may be sealed with.
    pub(crate) key_ids: Option<Vec<u8>>,
    /// The key of its claims, sealed.
    pub(crate) claim_key: Option<Vec<u8>>,
}

/// The claim key of a database, drawn where it is new, and what is to be written of [`Locked`].
pub(crate) fn unlock(seals: &Seals, locked: &Locked) -> Result<(Zeroizing<[u8; 32]>, Locked), StoreError> {
    let place = Place { tenant: "", table: "meta", column: "value", id: "claim_key" };
    let mut ids: Vec<KeyId> = Vec::new();
    for id in locked.key_ids.as_deref().unwrap_or_default().chunks_exact(size_of::<KeyId>()) {
        let mut known = KeyId::default();
        known.copy_from_slice(id);
        if !seals.knows(known) {
            let id = seal::name(known);
            let text = format!("it is sealed with the key {id}, which is not among the keys given");
            return Err(StoreError::Damaged(text));
        }
        ids.push(known);
    }
    let mut written = Locked::default();
    let claim_key = match &locked.claim_key {
        Some(sealed) => {
            let open = seals.open(place, sealed)?;
            let mut key = Zeroizing::new([0; 32]);
            if open.len() != key.len() {
                return Err(StoreError::Damaged("its claim key has a wrong length".to_owned()));
            }
            key.copy_from_slice(&open);
            if seal::key_id(sealed) != Some(seals.active()) {
                written.claim_key = Some(seals.seal(place, &*key)?);
            }
            key
        }
        None => {
            let key = seals.draw_key();
            written.claim_key = Some(seals.seal(place, &*key)?);
            key
        }
    };
    if !ids.contains(&seals.active()) {
        ids.push(seals.active());
        written.key_ids = Some(ids.as_flattened().to_vec());
    }
    Ok((claim_key, written))
}
