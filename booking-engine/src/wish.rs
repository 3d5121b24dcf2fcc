//! The desired state of a stay: a pure function of booking, unit, policy and clock.

use std::borrow::Cow;
use std::collections::BTreeMap;

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{BookingRecord, GrantRecord, Standing};
use booking_core::{BookingKind, BookingStatus, DateProblem, UnitId, Window};
use chrono::{DateTime, Duration, NaiveTime, Utc};

use crate::alert::AlertKind;
use crate::tenant::{CancelInHouse, Policy, Tenant, Unit};

/// What a stay should have.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish<'a> {
    /// A code on each door of a unit.
    Access(Box<Access<'a>>),
    /// Whatever it has now, until `until`: a human decision or a missing fact stands between.
    Keep {
        /// When even that ends.
        until: Option<DateTime<Utc>>,
    },
    /// Nothing.
    Nothing,
}

/// A stay's right to a unit's doors.
#[derive(Clone, Debug, PartialEq)]
pub struct Access<'a> {
    /// The unit.
    pub unit: Cow<'a, Unit>,
    /// The stay, as guests are told it.
    pub stay: Window,
    /// When the codes work: the stay and its buffers.
    pub window: Window,
}

/// A wish and what staff must know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wished<'a> {
    /// What the stay should have.
    pub wish: Wish<'a>,
    /// What staff must know.
    pub alert: Option<AlertKind>,
    /// When access begins, where that can be told.
    pub opens: Option<DateTime<Utc>>,
    /// What holds for it.
    pub policy: &'a Policy,
}

/// The wish for a booking now.
#[must_use]
pub fn wish<'a>(
    tenant: &'a Tenant,
    record: &BookingRecord,
    grant: Option<&GrantRecord>,
    has_codes: bool,
    now: DateTime<Utc>,
) -> Wished<'a> {
    let held = grant.and_then(|grant| grant.window.as_ref());
    let kept = |alert| Wished {
        wish: Wish::Keep { until: held.map(Window::closes) },
        alert,
        opens: held.map(Window::opens),
        policy: &tenant.policy,
    };
    let nothing = |alert| Wished { wish: Wish::Nothing, alert, opens: None, policy: &tenant.policy };

    if let Some(standing) = &record.standing {
        return backup_code(tenant, record, standing, now).unwrap_or_else(|| nothing(None));
    }
    let Some(booking) = &record.booking else {
        // Never seen: there is nothing to want, and nothing to take away on a stranger's word.
        return if record.gone_at.is_some() { nothing(None) } else { kept(None) };
    };
    if booking.kind == BookingKind::Block {
        return nothing(None);
    }
    let unit = booking.unit.as_ref().and_then(|reference| tenant.unit_of(&record.source, reference));
    let access = unit.map(|unit| access(unit, booking));
    let policy = unit.map_or(&tenant.policy, |unit| &unit.policy);
    // Somebody is in the house from check-in on, not from when the code works already; by the times that held when the
    // cancellation came, whatever is said of a cancelled booking later.
    let planned = held.map(|held| (held, held.opens() + policy.buffer_before));
    let told = access.as_ref().and_then(|access| access.as_ref().ok());
    let times: Vec<_> =
        planned.into_iter().chain(told.map(|access| (&access.window, access.stay.opens()))).collect();

    let cancelled_or_gone = booking.status == BookingStatus::Cancelled || record.gone_at.is_some();
    #[cfg(staykey_planted)]
    let cancelled_or_gone = cancelled_or_gone && !planted(planted::CANCELLATION_FORGOTTEN);
    if cancelled_or_gone {
        return Wished { policy, ..cancelled(record, &times, policy, &kept, &nothing, now) };
    }
    match access {
        None => {
            // The source moved the stay to a unit that we do not know, or the configuration lost a unit that it had.
            // Only the former ends the right to the old doors.
            let same_unit =
                grant.is_some_and(|grant| grant.unit_ref.is_some() && grant.unit_ref == booking.unit);
            if same_unit && has_codes {
                kept(Some(AlertKind::UnmappedUnit))
            } else {
                unmapped(booking, nothing, now)
            }
        }
        Some(Err(_)) if has_codes => kept(Some(AlertKind::UnusableDates)),
        Some(Err(_)) => nothing(Some(AlertKind::UnusableDates)),
        Some(Ok(access)) if access.window.closes() <= now => nothing(None),
        // A unit that has lost its doors in the configuration is no reason to shut a guest out.
        Some(Ok(access)) if access.unit.doors.is_empty() && has_codes => kept(Some(AlertKind::UnmappedUnit)),
        Some(Ok(access)) if access.unit.doors.is_empty() => unmapped(booking, nothing, now),
        Some(Ok(access)) => {
            let opens = Some(access.window.opens());
            Wished { wish: Wish::Access(Box::new(access)), alert: None, opens, policy }
        }
    }
}

/// An unmapped stay alerts staff, unless it is over.
fn unmapped<'a>(
    booking: &booking_core::Booking,
    nothing: impl Fn(Option<AlertKind>) -> Wished<'a>,
    now: DateTime<Utc>,
) -> Wished<'a> {
    let over = booking.dates.is_ok_and(|dates| dates.departure() < now.date_naive());
    nothing((!over).then_some(AlertKind::UnmappedUnit))
}

fn cancelled<'a>(
    record: &BookingRecord,
    times: &[(&Window, DateTime<Utc>)],
    policy: &Policy,
    kept: &dyn Fn(Option<AlertKind>) -> Wished<'a>,
    nothing: &dyn Fn(Option<AlertKind>) -> Wished<'a>,
    now: DateTime<Utc>,
) -> Wished<'a> {
    let learnt = record.cancelled_at.unwrap_or(now);
    // Of the times that held and those that came with the last words, the later end: nobody in the house is shut out
    // before the end that the source last promised, nor earlier than what is on the doors.
    let in_house = times.iter().filter(|(window, begins)| *begins <= learnt && learnt < window.closes());
    let Some((window, _)) = in_house.max_by_key(|(window, _)| window.closes()) else { return nothing(None) };
    // What vanished without a word of cancellation stays for a guest in the house, whatever the policy.
    let keep = record.gone_at.is_some() || policy.cancel_in_house == CancelInHouse::Keep;
    #[cfg(staykey_planted)]
    let keep = keep && !planted(planted::CANCELLED_IN_HOUSE_REMOVED);
    if window.closes() <= now {
        return nothing(None);
    }
    let alert =
        if record.gone_at.is_some() { AlertKind::VanishedInHouse } else { AlertKind::CancelledInHouse };
    if keep {
        Wished {
            wish: Wish::Keep { until: Some(window.closes()) },
            opens: Some(window.opens()),
            ..kept(Some(alert))
        }
    } else {
        nothing(Some(alert))
    }
}

/// The time of a stay in a unit, without buffers.
pub(crate) fn stay_window(unit: &Unit, booking: &booking_core::Booking) -> Result<Window, DateProblem> {
    let dates = booking.dates?;
    let check_in = booking.check_in.unwrap_or(unit.check_in);
    let check_out = booking.check_out.unwrap_or(unit.check_out);
    Window::of_stay(dates, check_in, check_out, unit.zone).map_err(|_| DateProblem::Reversed)
}

fn access<'a>(unit: &'a Unit, booking: &booking_core::Booking) -> Result<Access<'a>, DateProblem> {
    let stay = stay_window(unit, booking)?;
    let window = stay.widened(unit.policy.buffer_before, unit.policy.buffer_after);
    Ok(Access { unit: Cow::Borrowed(unit), stay, window })
}

/// How long a backup code works before it gets a later end.
const TERM: Duration = Duration::days(365);
/// How long before its end it gets one.
const RENEW: Duration = Duration::days(30);

/// A code that is on its door before anybody needs it.
fn backup_code<'a>(
    tenant: &'a Tenant,
    record: &BookingRecord,
    standing: &Standing,
    now: DateTime<Utc>,
) -> Option<Wished<'a>> {
    let setup = tenant.doors.get(&standing.door).filter(|setup| standing.number < setup.backup_codes)?;
    let zone = setup.door.zone;
    let start = record.created_at.with_timezone(&zone).date_naive().and_time(NaiveTime::MIN);
    let age = (now - record.created_at).num_days().max(0);
    let terms = i32::try_from(age / (TERM - RENEW).num_days()).unwrap_or(0) + 1;
    let window = Window::new(start, start + TERM * terms, zone).ok()?;
    let unit = Unit {
        id: UnitId::parse(setup.id.as_str()).ok()?,
        name: None,
        sources: BTreeMap::new(),
        zone,
        check_in: NaiveTime::MIN,
        check_out: NaiveTime::MIN,
        doors: vec![setup.id.clone()],
        policy: tenant.policy.clone(),
        contact: None,
    };
    let access = Access { unit: Cow::Owned(unit), stay: window.clone(), window };
    // Nobody waits for it, so that nothing is due soon.
    Some(Wished { wish: Wish::Access(Box::new(access)), alert: None, opens: None, policy: &tenant.policy })
}
