//! What a person reads: answers of the API as plain text. Nothing here asks or decides.

mod door;
mod health;
mod log;
mod plan;
#[cfg(test)]
mod shown;
mod stay;

use booking_engine::AlertKind;
use booking_engine::text::{Form, Languages, StaffArgs, Texts};
use booking_host::api::views::{AlertView, Digits, TenantView, UnitView};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

pub(super) use self::door::{codes, door};
pub(super) use self::health::{brakes, health, is_well};
pub(super) use self::log::log;
pub(super) use self::plan::{Commands, applied, draft, name, state};
pub(super) use self::stay::{explain, waits};

/// In whose time a text tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times(pub(super) Tz);

const MINUTE: &str = "%a %F %R";

impl Times {
    /// Those of a unit; without one, of the tenant's units where they agree, else UTC.
    pub(super) fn of(tenant: &TenantView, unit: Option<&str>) -> Self {
        let zone = |unit: &UnitView| unit.time_zone.parse::<Tz>().ok();
        let own = unit.and_then(|id| tenant.units.iter().find(|unit| unit.unit == id)).and_then(zone);
        let mut all = tenant.units.iter().map(zone);
        let first = all.next().flatten();
        let common = first.filter(|first| all.all(|zone| zone == Some(*first)));
        Self(own.or(common).unwrap_or(Tz::UTC))
    }

    /// Local time.
    pub(super) fn local(self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.0).format(MINUTE).to_string()
    }

    /// Local time, to the second: lines of a log come closely.
    pub(super) fn exactly(self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.0).format("%F %T").to_string()
    }

    /// Local time with its zone, and UTC beside it.
    pub(super) fn both(self, at: DateTime<Utc>) -> String {
        if self.0 == Tz::UTC {
            return format!("{} UTC", self.local(at));
        }
        let local = at.with_timezone(&self.0);
        let utc = if local.date_naive() == at.date_naive() { "%R UTC" } else { MINUTE_UTC };
        format!("{} {} ({})", self.local(at), self.0, at.format(utc))
    }
}

const MINUTE_UTC: &str = "%a %F %R UTC";

fn minute(local: NaiveDateTime) -> String {
    local.format(MINUTE).to_string()
}

/// The days of a stay.
fn days(arrival: Option<NaiveDate>, departure: Option<NaiveDate>) -> String {
    match (arrival, departure) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        _ => "not known".to_owned(),
    }
}

/// What a guest presses, or as much as is known of it.
fn digits(digits: &Digits) -> String {
    digits.typed.as_ref().or(digits.stored.as_ref()).cloned().unwrap_or_else(|| "not known".to_owned())
}

/// A count with its noun.
fn many(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

fn push(text: &mut String, line: impl AsRef<str>) {
    text.push_str(line.as_ref().trim_end());
    text.push('\n');
}

/// A table with a blank line before it, each line a little to the right.
fn push_table<const N: usize>(text: &mut String, title: &str, heads: [&str; N], rows: &[[String; N]]) {
    text.push('\n');
    if !title.is_empty() {
        push(text, title);
    }
    for line in crate::table::lines(heads, rows) {
        push(text, format!("  {line}"));
    }
}

/// A fact with its label.
fn fact(text: &mut String, label: &str, value: impl AsRef<str>) {
    push(text, format!("  {label:<12}  {}", value.as_ref()));
}

/// What staff must see to, with what to do: the words that staff is told with.
fn push_alerts(text: &mut String, alerts: &[&AlertView], times: Times) {
    let texts = Texts::load(None).ok();
    for alert in alerts {
        let about: Vec<&str> =
            [alert.door.as_deref(), alert.booking.as_deref()].into_iter().flatten().collect();
        let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
        push(text, format!("  {}{about}, since {}", alert.kind, times.both(alert.opened_at)));
        if !alert.detail.is_empty() {
            push(text, format!("    {}", alert.detail));
        }
        let remedy =
            AlertKind::parse(&alert.kind).zip(texts.as_ref()).and_then(|(kind, texts)| remedy(texts, kind));
        if let Some(remedy) = remedy {
            push(text, format!("    {remedy}"));
        }
    }
}

/// What to do about a kind of alert.
pub(super) fn remedy(texts: &Texts, kind: AlertKind) -> Option<String> {
    let rendered = texts.render_staff(&Languages::of(None, "en"), Form::Thread, kind, &StaffArgs::default());
    rendered.ok().map(|text| text.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_have_their_zone_and_utc_beside_them() {
        let at: DateTime<Utc> = "2026-11-24T23:30:00Z".parse().unwrap();
        for (zone, text) in [
            (Tz::UTC, "Tue 2026-11-24 23:30 UTC"),
            (Tz::Europe__Warsaw, "Wed 2026-11-25 00:30 Europe/Warsaw (Tue 2026-11-24 23:30 UTC)"),
            (Tz::Europe__London, "Tue 2026-11-24 23:30 Europe/London (23:30 UTC)"),
        ] {
            assert_eq!(Times(zone).both(at), text);
        }
    }
}
