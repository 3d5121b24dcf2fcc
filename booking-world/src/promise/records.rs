//! What is on record, and what of it nobody can know better.

use booking_core::VendorCodeId;
use booking_core::store::{AlertRecord, Kind, Record, Store as _};
use chrono::{DateTime, Utc};

use crate::names;
use crate::truth::{Content, Stay};
use crate::world::{World, now_or_never};

/// The backup codes on a keypad that a stay was given, by the record.
pub(super) fn handed_out(world: &World, number: usize, keypad: usize) -> Vec<VendorCodeId> {
    let given = world.rows_of(number).into_iter().filter_map(|row| match row.record {
        Record::Code(code) if code.backup && names::keypad_of(&code.key) == Some(keypad) => code.vendor_id,
        _ => None,
    });
    given.collect()
}

/// Whether the record of a stay has an entry of this kind.
pub(super) fn noted(world: &World, number: usize, kind: &str) -> bool {
    let tenant = names::tenant(world.stays[number].tenant);
    let audit =
        now_or_never(world.store.audit(&tenant, None, None, 2000)).and_then(Result::ok).unwrap_or_default();
    let ids: Vec<_> = world
        .rows_of(number)
        .into_iter()
        .filter_map(|row| match row.record {
            Record::Booking(record) => Some(record.id),
            _ => None,
        })
        .collect();
    audit.iter().map(|row| &row.entry).any(|entry| {
        entry.what.starts_with(kind) && entry.stay.as_ref().is_some_and(|stay| ids.contains(stay))
    })
}

/// Whether the source has called the stay off under one name and let it come anew under another: only a name that is
/// not found any more can be told from a cancellation, and only words that hardly changed tell of the same stay.
pub(super) fn is_another_booking(world: &World, stay: &Stay) -> bool {
    let source = world.history.setup.tenants[stay.tenant].source;
    let cancels = matches!(source, crate::history::SourceSetup::Smoobu { .. });
    let now = stay.content();
    let changed = |(_, before): &(DateTime<Utc>, Content)| {
        let dates = before.arrival != now.arrival || before.nights != now.nights;
        let apart = dates && (now.phone.is_none() || !before.overlaps(now));
        before.unit != now.unit || before.guest != now.guest || before.phone != now.phone || apart
    };
    // The two are found to be one by what is on the unit's own keypad: another keypad knows of neither.
    let setup = &world.history.setup.tenants[stay.tenant];
    let replaced = || now.doors(setup).iter().any(|keypad| world.vendors.generation(*keypad) > 0);
    // Of what was called off meanwhile nothing is left to find.
    let was_off = || stay.versions.iter().any(|(_, content)| !content.holds());
    let differs = stay.versions.iter().any(changed) || was_off() || replaced();
    stay.references.len() > 1 && (cancels || stay.unclear || differs)
}

/// The open alerts of a tenant.
pub(crate) fn alerts(world: &World, tenant: usize) -> Vec<AlertRecord> {
    alerts_since(world, tenant, DateTime::<Utc>::MAX_UTC)
}

/// The alerts of a tenant that are open, or were then.
pub(super) fn alerts_since(world: &World, tenant: usize, then: DateTime<Utc>) -> Vec<AlertRecord> {
    let rows = now_or_never(world.store.rows(Kind::Alert, &names::tenant(tenant), None, 10_000));
    let rows = rows.and_then(Result::ok).unwrap_or_default();
    let open = rows.into_iter().filter_map(|row| match row.record {
        Record::Alert(alert) if alert.closed_at.is_none_or(|at| at > then) => Some(alert),
        _ => None,
    });
    open.collect()
}
