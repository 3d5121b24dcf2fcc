//! What Smoobu sends, read field by field: a field that is missing or odd never spoils its neighbours.

use booking_core::{
    Booking, BookingKind, BookingStatus, DateProblem, ExternalId, Guest, Revision, StayDates, UnitRef,
    Unreadable,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Smoobu's channel for owner blocks, as other clients saw it.
const BLOCKED_CHANNEL: &str = "11";

/// A field as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Field<T> {
    /// Not there, `null`, or a blank text.
    #[default]
    Missing,
    /// There, but not what it should be.
    Unreadable,
    /// What it says.
    Is(T),
}

impl<T> Field<T> {
    /// The value, if it could be read.
    pub(crate) fn ok(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Missing | Self::Unreadable => None,
        }
    }

    fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable)
    }
}

/// How a value of JSON is read.
pub(crate) trait Read: Sized {
    fn read(value: &Value) -> Option<Self>;
}

impl<T: Read> Field<T> {
    pub(crate) fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Missing,
            Some(Value::String(text)) if text.trim().is_empty() => Self::Missing,
            Some(value) => T::read(value).map_or(Self::Unreadable, Self::Is),
        }
    }
}

impl<'de, T: Read> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::of(Some(&value)))
    }
}

/// A number of Smoobu's, as a number or as digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) String);

impl Id {
    /// One spelling for one number, so that one booking never has two references.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = if digits { text.parse().ok()? } else { return None };
        (number > 0).then(|| Self(number.to_string()))
    }

    /// The number that a reference names; `None` where it is none of Smoobu's, or another spelling of one.
    pub(crate) fn of(reference: &ExternalId) -> Option<Self> {
        Self::parse(reference.as_str()).filter(|id| id.0 == reference.as_str())
    }

    pub(crate) fn reference(&self) -> Option<ExternalId> {
        ExternalId::parse(&self.0).ok()
    }
}

impl Read for Id {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::parse(&number.as_u64()?.to_string()),
            Value::String(text) => Self::parse(text.trim()),
            _ => None,
        }
    }
}

/// A text, as it came; numbers are taken too.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Read for Text {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self(text.clone())),
            Value::Number(number) => Some(Self(number.to_string())),
            _ => None,
        }
    }
}

/// Yes or no, in the ways in which PHP may say it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flag(bool);

impl Read for Flag {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(Self(*flag)),
            Value::Number(number) => match number.as_u64()? {
                0 => Some(Self(false)),
                1 => Some(Self(true)),
                _ => None,
            },
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" => Some(Self(true)),
                "0" | "false" | "no" => Some(Self(false)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl Read for Count {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_u64().map(Self),
            Value::String(text) => text.trim().parse().ok().map(Self),
            _ => None,
        }
    }
}

/// A day, `YYYY-MM-DD` and nothing else: whatever has a time as well may mean another day in another zone.
#[derive(Clone, Copy)]
struct Day(NaiveDate);

impl Read for Day {
    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?.trim();
        let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if plain { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Self) } else { None }
    }
}

/// A time of day, `HH:MM` or `HH:MM:SS`.
#[derive(Clone, Copy)]
struct TimeOfDay(NaiveTime);

impl Read for TimeOfDay {
    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?.trim();
        if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
            return None;
        }
        ["%H:%M", "%H:%M:%S"]
            .into_iter()
            .find_map(|format| NaiveTime::parse_from_str(text, format).ok())
            .map(Self)
    }
}

/// A moment without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) NaiveDateTime);

impl Read for Moment {
    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?.trim();
        ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
            .into_iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            // Should Smoobu begin to name the zone, the local reading stays comparable with the old ones.
            .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.naive_local()))
            .map(Self)
    }
}

/// A unit's id: a number, or a text without blanks.
struct UnitId(UnitRef);

impl Read for UnitId {
    fn read(value: &Value) -> Option<Self> {
        let text = match value {
            Value::Number(number) => number.as_u64()?.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => return None,
        };
        UnitRef::parse(&text).ok().map(Self)
    }
}

macro_rules! read_as_object {
    ($($name:ident),*) => {$(
        impl Read for $name {
            fn read(value: &Value) -> Option<Self> {
                if value.is_object() { Self::deserialize(value).ok() } else { None }
            }
        }
    )*};
}
read_as_object!(ApartmentName, ChannelName, Reservation, ThreadMessage);

#[derive(Default, Deserialize)]
#[serde(default)]
struct ApartmentName {
    id: Field<UnitId>,
    name: Field<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChannelName {
    id: Field<Id>,
}

/// A reservation, as in lists, single reads and webhooks.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Reservation {
    pub(crate) id: Field<Id>,
    #[serde(rename = "type")]
    kind: Field<Text>,
    arrival: Field<Day>,
    departure: Field<Day>,
    #[serde(rename = "modifiedAt")]
    modified: Field<Moment>,
    modified_at: Field<Moment>,
    apartment: Field<ApartmentName>,
    channel: Field<ChannelName>,
    guest_name: Field<Text>,
    firstname: Field<Text>,
    lastname: Field<Text>,
    email: Field<Text>,
    phone: Field<Text>,
    language: Field<Text>,
    check_in: Field<TimeOfDay>,
    check_out: Field<TimeOfDay>,
    is_blocked_booking: Field<Flag>,
}

impl Reservation {
    /// The booking, or why there is none.
    ///
    /// What decides about a code (id, type, apartment, block) must be readable where it is there. What only
    /// addresses the guest may be odd: it is then missing.
    pub(crate) fn into_booking(self) -> Result<Booking, Unreadable> {
        let Some(reference) = self.id.ok().and_then(|id| id.reference()) else {
            return Err(Unreadable { reference: None, problem: "the id cannot be read".into() });
        };
        let unreadable = |what: &str| Unreadable {
            reference: Some(reference.clone()),
            problem: format!("the {what} cannot be read"),
        };
        if self.kind.is_unreadable() {
            return Err(unreadable("type"));
        }
        let kind = self.kind.ok().map(|text| text.0.trim().to_ascii_lowercase());
        let channel = self.channel.ok().and_then(|channel| channel.id.ok());
        let marked = kind.as_deref() == Some("block") || channel.is_some_and(|id| id.0 == BLOCKED_CHANNEL);
        let block = match self.is_blocked_booking {
            Field::Is(Flag(true)) => true,
            Field::Unreadable if !marked => return Err(unreadable("block mark")),
            _ => marked,
        };
        let (unit, unit_name) = match self.apartment {
            Field::Missing => (None, None),
            Field::Is(ApartmentName { id: Field::Is(id), name }) => (Some(id.0), name.ok()),
            Field::Is(ApartmentName { id: Field::Missing, name }) => (None, name.ok()),
            Field::Is(_) | Field::Unreadable => return Err(unreadable("apartment")),
        };
        let name = self.guest_name.ok().or_else(|| {
            let parts = [self.firstname.ok(), self.lastname.ok()];
            let parts: Vec<String> =
                parts.into_iter().flatten().map(|part| part.0.trim().to_owned()).collect();
            (!parts.is_empty()).then(|| Text(parts.join(" ")))
        });
        Ok(Booking {
            unit,
            unit_name: unit_name.map(|name| name.0),
            kind: if block { BookingKind::Block } else { BookingKind::Stay },
            status: if kind.as_deref() == Some("cancellation") {
                BookingStatus::Cancelled
            } else {
                BookingStatus::Confirmed
            },
            guest: Guest {
                name: name.map(|text| text.0),
                phone: self.phone.ok().map(|text| text.0),
                email: self.email.ok().map(|text| text.0),
                language: self.language.ok().map(|text| text.0),
            },
            dates: dates(self.arrival, self.departure),
            check_in: self.check_in.ok().map(|time| time.0),
            check_out: self.check_out.ok().map(|time| time.0),
            revision: self
                .modified
                .ok()
                .or(self.modified_at.ok())
                .map(|at| Revision(at.0.and_utc().timestamp())),
            reference,
        })
    }
}

fn dates(arrival: Field<Day>, departure: Field<Day>) -> Result<StayDates, DateProblem> {
    match (arrival, departure) {
        (Field::Is(arrival), Field::Is(departure)) => {
            StayDates::new(arrival.0, departure.0).map_err(|_| DateProblem::Reversed)
        }
        (Field::Unreadable, _) | (_, Field::Unreadable) => Err(DateProblem::Unreadable),
        _ => Err(DateProblem::Missing),
    }
}

/// One entry of a list of bookings.
pub(crate) fn booking(value: &Value) -> Result<Booking, Unreadable> {
    Reservation::read(value)
        .ok_or_else(|| Unreadable { reference: None, problem: "the entry is not an object".into() })?
        .into_booking()
}

/// One entry of a booking's thread.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ThreadMessage {
    pub(crate) id: Field<Id>,
    pub(crate) message: Field<Text>,
    pub(crate) html_message: Field<Text>,
    #[serde(rename = "type")]
    pub(crate) kind: Field<Count>,
    pub(crate) created_at: Field<Moment>,
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct List {
    /// The number that the page gives itself.
    pub(crate) page: Option<u64>,
    pub(crate) page_count: u64,
    pub(crate) total_items: Option<u64>,
    pub(crate) items: Vec<Value>,
}

impl List {
    /// Reads a page whose entries stand under `key`; the error says what is wrong with it.
    pub(crate) fn read(mut body: Map<String, Value>, key: &str) -> Result<Self, &'static str> {
        let Some(Value::Array(items)) = body.remove(key) else {
            return Err("the list has no entries field");
        };
        let count = |name: &str| match Field::<Count>::of(body.get(name)) {
            Field::Missing => Ok(None),
            Field::Is(count) => Ok(Some(count.0)),
            Field::Unreadable => Err("the list's counts cannot be read"),
        };
        let page_count = count("page_count")?.ok_or("the list does not tell how many pages it has")?;
        Ok(Self { page: count("page")?, page_count, total_items: count("total_items")?, items })
    }
}

/// An apartment of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apartment {
    /// What bookings name it by.
    pub id: UnitRef,
    /// Its name for people.
    pub name: Option<String>,
}

/// The apartments of an answer.
pub(crate) fn apartments(body: &Map<String, Value>) -> Result<Vec<Apartment>, &'static str> {
    let Some(Value::Array(items)) = body.get("apartments") else {
        return Err("the answer has no list of apartments");
    };
    let apartment = |value: &Value| {
        let Field::Is(ApartmentName { id: Field::Is(id), name }) = Field::of(Some(value)) else {
            return Err("an apartment has no readable id");
        };
        Ok(Apartment { id: id.0, name: name.ok().map(|name| name.0) })
    };
    items.iter().map(apartment).collect()
}

#[cfg(test)]
mod tests {
    use booking_core::DateProblem::{Missing, Reversed, Unreadable as Odd};
    use serde_json::json;

    use super::*;

    fn whole() -> Value {
        json!({
            "id": 90_000_001, "reference-id": "HM-EXAMPLE", "type": "reservation",
            "arrival": "2027-03-01", "departure": "2027-03-04",
            "created-at": "2027-01-10 09:15", "modifiedAt": "2027-01-11 10:00:00",
            "apartment": {"id": 500_001, "name": "Studio A"},
            "channel": {"id": 13, "name": "Direct booking"},
            "guest-name": "Ada Example", "firstname": "Ada", "lastname": "Example",
            "email": "ada@example.org", "phone": "+48 600 000 000",
            "adults": 2, "children": 0, "check-in": "15:00", "check-out": null,
            "notice": "", "assistant-notice": "", "price": 300.0, "price-paid": "No",
            "prepayment": 0, "prepayment-paid": "No", "deposit": null, "deposit-paid": "No",
            "language": "de", "guest-app-url": "https://guest.example/abc",
            "is-blocked-booking": false, "guestId": 700_001, "related": []
        })
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn time(text: &str) -> NaiveTime {
        text.parse().unwrap()
    }

    #[test]
    fn the_sample_of_the_sheet() {
        assert_eq!(
            booking(&whole()).unwrap(),
            Booking {
                reference: ExternalId::parse("90000001").unwrap(),
                unit: Some(UnitRef::parse("500001").unwrap()),
                unit_name: Some("Studio A".into()),
                kind: BookingKind::Stay,
                status: BookingStatus::Confirmed,
                guest: Guest {
                    name: Some("Ada Example".into()),
                    phone: Some("+48 600 000 000".into()),
                    email: Some("ada@example.org".into()),
                    language: Some("de".into()),
                },
                dates: Ok(StayDates::new(day("2027-03-01"), day("2027-03-04")).unwrap()),
                check_in: Some(time("15:00:00")),
                check_out: None,
                revision: Some(Revision(1_799_661_600)),
            }
        );
    }

    /// One field changed (`null` stays `null`; a missing one is the text `"(absent)"`), and what becomes of it.
    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(field: &str, cases: &[(Value, T)], get: impl Fn(Booking) -> T) {
        for (value, expected) in cases {
            let mut object = whole();
            if *value == json!("(absent)") {
                object.as_object_mut().unwrap().remove(field);
            } else {
                object[field] = value.clone();
            }
            assert_eq!(get(booking(&object).unwrap()), *expected, "{field}: {value}");
        }
    }

    #[test]
    fn ids_have_one_spelling() {
        for (value, expected) in [
            (json!(12), Some("12")),
            (json!("12"), Some("12")),
            (json!(" 0012 "), Some("12")),
            (json!(18_446_744_073_709_551_615_u64), Some("18446744073709551615")),
            (json!(0), None),
            (json!(-1), None),
            (json!(1.5), None),
            (json!("18446744073709551616"), None),
            (json!("../me"), None),
            (json!("٣"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([12]), None),
        ] {
            let mut object = whole();
            object["id"] = value.clone();
            let found = booking(&object).map(|booking| booking.reference.as_str().to_owned());
            assert_eq!(found.ok().as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn days() {
        let good = StayDates::new(day("2027-03-01"), day("2027-03-04")).map_err(|_| Missing);
        let cases = [
            (json!("2027-03-01"), good),
            (json!(" 2027-03-01 "), good),
            (json!("(absent)"), Err(Missing)),
            (json!(null), Err(Missing)),
            (json!(""), Err(Missing)),
            (json!("2027-02-30"), Err(Odd)),
            (json!("0000-00-00"), Err(Odd)),
            (json!("01.03.2027"), Err(Odd)),
            (json!("2027-3-1"), Err(Odd)),
            (json!("2027-02-28T23:00:00Z"), Err(Odd)),
            (json!(20_270_301), Err(Odd)),
            (json!("2027-03-05"), Err(Reversed)),
        ];
        check("arrival", &cases, |booking| booking.dates);
        check("departure", &[(json!("(absent)"), Err(Missing)), (json!(7), Err(Odd))], |booking| {
            booking.dates
        });
    }

    #[test]
    fn times() {
        let cases = [
            (json!("16:30"), Some(time("16:30:00"))),
            (json!("16:30:15"), Some(time("16:30:15"))),
            (json!(null), None),
            (json!(""), None),
            (json!("25:00"), None),
            (json!("3 PM"), None),
            (json!("-1:00"), None),
            (json!(16), None),
        ];
        check("check-in", &cases, |booking| booking.check_in);
        check("check-out", &cases, |booking| booking.check_out);
    }

    #[test]
    fn revisions() {
        let cases = [
            (json!("2027-01-11 10:00:00"), Some(Revision(1_799_661_600))),
            (json!("2027-01-11 10:00"), Some(Revision(1_799_661_600))),
            (json!("2027-01-11T10:00:00"), Some(Revision(1_799_661_600))),
            (json!("2027-01-11T10:00:00+02:00"), Some(Revision(1_799_661_600))),
            (json!("yesterday"), None),
            (json!(null), None),
        ];
        check("modifiedAt", &cases, |booking| booking.revision);
        let mut object = whole();
        let fields = object.as_object_mut().unwrap();
        let value = fields.remove("modifiedAt").unwrap();
        fields.insert("modified-at".into(), value);
        assert_eq!(booking(&object).unwrap().revision, Some(Revision(1_799_661_600)));
    }

    #[test]
    fn blocks_and_cancellations() {
        use BookingKind::{Block, Stay};
        use BookingStatus::{Cancelled, Confirmed};
        let cases = [
            (json!(true), Block),
            (json!(1), Block),
            (json!("true"), Block),
            (json!(false), Stay),
            (json!(null), Stay),
        ];
        check("is-blocked-booking", &cases, |booking| booking.kind);
        let cases = [
            (json!({"id": 11, "name": "Blocked channel"}), Block),
            (json!({"id": "11"}), Block),
            (json!({"id": 111}), Stay),
            (json!(null), Stay),
            (json!([]), Stay),
        ];
        check("channel", &cases, |booking| booking.kind);
        let cases = [
            (json!("reservation"), (Stay, Confirmed)),
            (json!("modification of booking"), (Stay, Confirmed)),
            (json!("cancellation"), (Stay, Cancelled)),
            (json!("Cancellation "), (Stay, Cancelled)),
            (json!("block"), (Block, Confirmed)),
            (json!("something new"), (Stay, Confirmed)),
            (json!("(absent)"), (Stay, Confirmed)),
        ];
        check("type", &cases, |booking| (booking.kind, booking.status));
    }

    #[test]
    fn guests_are_messy() {
        let text = |text: &str| Some(text.to_owned());
        let cases = [
            (json!("0048 (600) 000-000 "), text("0048 (600) 000-000 ")),
            (json!(48_600_000_000_u64), text("48600000000")),
            (json!(""), None),
            (json!("  "), None),
            (json!(null), None),
            (json!({"a": 1}), None),
        ];
        check("phone", &cases, |booking| booking.guest.phone);
        check("email", &[(json!("x@guest.booking.com"), text("x@guest.booking.com"))], |booking| {
            booking.guest.email
        });
        check("language", &[(json!("FR"), text("FR")), (json!(""), None)], |booking| booking.guest.language);
        let cases = [
            (json!("Ada"), text("Ada")),
            (json!(""), text("Ada Example")),
            (json!(null), text("Ada Example")),
        ];
        check("guest-name", &cases, |booking| booking.guest.name);
    }

    #[test]
    fn what_decides_must_be_readable() {
        for (field, value, problem) in [
            ("type", json!(["cancellation"]), "the type cannot be read"),
            ("apartment", json!(500_001), "the apartment cannot be read"),
            ("apartment", json!({"id": {}}), "the apartment cannot be read"),
            ("is-blocked-booking", json!("maybe"), "the block mark cannot be read"),
        ] {
            let mut object = whole();
            object[field] = value;
            let reference = ExternalId::parse("90000001").ok();
            assert_eq!(booking(&object), Err(Unreadable { reference, problem: problem.into() }));
        }
        for value in [json!(null), json!([]), json!("x"), json!(3)] {
            assert!(booking(&value).is_err(), "{value}");
        }
        check(
            "apartment",
            &[(json!(null), None), (json!({"id": "500001"}), UnitRef::parse("500001").ok())],
            |booking| booking.unit,
        );
    }

    #[test]
    fn lists_tell_their_counts() {
        #[track_caller]
        #[expect(clippy::type_complexity, reason = "the counts of a list, in the order of its fields")]
        fn check(body: Value, expected: Result<(Option<u64>, u64, Option<u64>, usize), &str>) {
            let Value::Object(body) = body else { panic!("an object") };
            let read = List::read(body, "bookings");
            assert_eq!(
                read.map(|list| (list.page, list.page_count, list.total_items, list.items.len())),
                expected
            );
        }
        check(
            json!({"page_count": 3, "page_size": 100, "total_items": 201, "page": 1, "bookings": [1, 2]}),
            Ok((Some(1), 3, Some(201), 2)),
        );
        check(json!({"page_count": "3", "bookings": []}), Ok((None, 3, None, 0)));
        check(json!({"bookings": []}), Err("the list does not tell how many pages it has"));
        check(json!({"page_count": 1}), Err("the list has no entries field"));
        check(json!({"page_count": 1, "bookings": null}), Err("the list has no entries field"));
        check(json!({"page_count": -1, "bookings": []}), Err("the list's counts cannot be read"));
    }
}
