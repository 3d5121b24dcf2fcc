//! Bookings, apartments and threads as Smoobu keeps and shows them.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// A flat or room of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apartment {
    /// Smoobu's number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its IANA time zone.
    pub time_zone: Tz,
}

impl Apartment {
    pub(super) fn detail(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "location": {"street": "Example Street 1", "zip": "00-001", "city": "Warszawa", "country": "Poland"},
            "timeZone": self.time_zone.name(),
            "rooms": {"maxOccupancy": 4, "bedrooms": 1, "bathrooms": 1},
            "currency": "EUR",
            "price": {"minimal": "50.00", "maximal": "500.00"},
            "type": {"id": 1, "name": "Apartment"},
        })
    }
}

/// What a booking is made from. Everything has a default, so that a test names only what it is about.
///
/// ```
/// use booking_sim::smoobu::NewBooking;
/// use chrono::NaiveDate;
///
/// let day = |day| NaiveDate::from_ymd_opt(2027, 3, day).expect("a day");
/// let stay = NewBooking { phone: None, ..NewBooking::stay(500001, day(1), day(4)) };
/// assert_eq!(stay.guest_name, "Ada Example");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewBooking {
    /// The number that it gets; without it, the next free one.
    pub id: Option<u64>,
    /// The apartment.
    pub apartment: u64,
    /// Local day of arrival.
    pub arrival: NaiveDate,
    /// Local day of departure.
    pub departure: NaiveDate,
    /// Full name; empty for owner blocks.
    pub guest_name: String,
    /// First name; may be missing.
    pub first_name: Option<String>,
    /// Last name; may be missing.
    pub last_name: Option<String>,
    /// May be missing, empty or a relay address.
    pub email: Option<String>,
    /// Free text as the guest typed it; may be missing or empty.
    pub phone: Option<String>,
    /// Adults.
    pub adults: u32,
    /// Children.
    pub children: u32,
    /// Time of arrival, `HH:MM` or `HH:MM:SS`, once known.
    pub check_in: Option<String>,
    /// Time of departure, once known.
    pub check_out: Option<String>,
    /// Language code as the channel wrote it: lower case, upper case or empty.
    pub language: Option<String>,
    /// Guest's note.
    pub notice: String,
    /// Host's note.
    pub assistant_notice: String,
    /// Price of the stay.
    pub price: f64,
    /// The channel's number: 13 direct, 11 blocked, 70 API.
    pub channel_id: u64,
    /// The channel's name.
    pub channel_name: String,
    /// The channel's own number of the booking.
    pub reference_id: Option<String>,
    /// Whether this is an owner block.
    pub blocked: bool,
}

impl Default for NewBooking {
    fn default() -> Self {
        Self {
            id: None,
            apartment: 0,
            arrival: NaiveDate::default(),
            departure: NaiveDate::default(),
            guest_name: "Ada Example".into(),
            first_name: Some("Ada".into()),
            last_name: Some("Example".into()),
            email: Some("ada@example.org".into()),
            phone: Some("+48600000001".into()),
            adults: 2,
            children: 0,
            check_in: None,
            check_out: None,
            language: Some("en".into()),
            notice: String::new(),
            assistant_notice: String::new(),
            price: 300.0,
            channel_id: 13,
            channel_name: "Direct booking".into(),
            reference_id: None,
            blocked: false,
        }
    }
}

impl NewBooking {
    /// A stay of "Ada Example" with a phone, an e-mail address and English.
    #[must_use]
    pub fn stay(apartment: u64, arrival: NaiveDate, departure: NaiveDate) -> Self {
        Self { apartment, arrival, departure, ..Self::default() }
    }

    /// An owner block: no guest at all.
    #[must_use]
    pub fn block(apartment: u64, arrival: NaiveDate, departure: NaiveDate) -> Self {
        Self {
            guest_name: String::new(),
            first_name: None,
            last_name: None,
            email: None,
            phone: None,
            adults: 0,
            language: None,
            price: 0.0,
            channel_id: 11,
            channel_name: "Blocked channel".into(),
            blocked: true,
            ..Self::stay(apartment, arrival, departure)
        }
    }
}

/// A change of a booking; what is `None` stays. Where the field itself may be missing, `Some(None)` empties it (in
/// JSON: `null`).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BookingPatch {
    /// Another apartment, under the same id.
    pub apartment: Option<u64>,
    /// Day of arrival.
    pub arrival: Option<NaiveDate>,
    /// Day of departure.
    pub departure: Option<NaiveDate>,
    /// Time of arrival.
    #[serde(deserialize_with = "present")]
    pub check_in: Option<Option<String>>,
    /// Time of departure.
    #[serde(deserialize_with = "present")]
    pub check_out: Option<Option<String>>,
    /// Full name.
    pub guest_name: Option<String>,
    /// First name.
    #[serde(deserialize_with = "present")]
    pub first_name: Option<Option<String>>,
    /// Last name.
    #[serde(deserialize_with = "present")]
    pub last_name: Option<Option<String>>,
    /// E-mail address.
    #[serde(deserialize_with = "present")]
    pub email: Option<Option<String>>,
    /// Phone.
    #[serde(deserialize_with = "present")]
    pub phone: Option<Option<String>>,
    /// Language code.
    #[serde(deserialize_with = "present")]
    pub language: Option<Option<String>>,
    /// Adults.
    pub adults: Option<u32>,
    /// Children.
    pub children: Option<u32>,
    /// Guest's note.
    pub notice: Option<String>,
    /// Host's note.
    pub assistant_notice: Option<String>,
    /// Price.
    pub price: Option<f64>,
    /// The channel's own number.
    #[serde(deserialize_with = "present")]
    pub reference_id: Option<Option<String>>,
}

/// A field that is there, even as `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// A booking as Smoobu keeps it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Booking {
    /// Smoobu's number.
    pub id: u64,
    /// All that it was made from, as it is now.
    #[serde(flatten)]
    pub data: NewBooking,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub modified_at: DateTime<Utc>,
    /// Smoobu's number of the guest.
    pub guest_id: u64,
}

impl Booking {
    pub(super) fn apply(&mut self, patch: BookingPatch) {
        let data = &mut self.data;
        set(&mut data.apartment, patch.apartment);
        set(&mut data.arrival, patch.arrival);
        set(&mut data.departure, patch.departure);
        set(&mut data.check_in, patch.check_in);
        set(&mut data.check_out, patch.check_out);
        set(&mut data.guest_name, patch.guest_name);
        set(&mut data.first_name, patch.first_name);
        set(&mut data.last_name, patch.last_name);
        set(&mut data.email, patch.email);
        set(&mut data.phone, patch.phone);
        set(&mut data.language, patch.language);
        set(&mut data.adults, patch.adults);
        set(&mut data.children, patch.children);
        set(&mut data.notice, patch.notice);
        set(&mut data.assistant_notice, patch.assistant_notice);
        set(&mut data.price, patch.price);
        set(&mut data.reference_id, patch.reference_id);
    }

    /// The object of lists, single reads and webhooks.
    pub(super) fn show(&self, apartment_name: &str, zone: Tz, price_elements: bool) -> Value {
        let data = &self.data;
        let local = |at: DateTime<Utc>, format| at.with_timezone(&zone).format(format).to_string();
        let mut object = json!({
            "id": self.id,
            "reference-id": data.reference_id,
            "type": if self.cancelled { "cancellation" } else { "reservation" },
            "arrival": data.arrival.to_string(),
            "departure": data.departure.to_string(),
            "created-at": local(self.created_at, "%Y-%m-%d %H:%M"),
            "modifiedAt": local(self.modified_at, "%Y-%m-%d %H:%M:%S"),
            "apartment": {"id": data.apartment, "name": apartment_name},
            "channel": {"id": data.channel_id, "name": data.channel_name},
            "guest-name": data.guest_name,
            "email": data.email,
            "phone": data.phone,
            "adults": data.adults,
            "children": data.children,
            "check-in": data.check_in,
            "check-out": data.check_out,
            "notice": data.notice,
            "assistant-notice": data.assistant_notice,
            "price": data.price,
            "price-paid": "No",
            "prepayment": 0,
            "prepayment-paid": "No",
            "deposit": null,
            "deposit-paid": "No",
            "language": data.language,
            "guest-app-url": format!("https://guest.example/{}", self.id),
            "is-blocked-booking": data.blocked,
            "guestId": self.guest_id,
            "related": [],
        });
        if let Some(map) = object.as_object_mut() {
            for (key, value) in [("firstname", &data.first_name), ("lastname", &data.last_name)] {
                if let Some(value) = value {
                    map.insert(key.into(), json!(value));
                }
            }
            if price_elements {
                let element = json!({"id": self.id % 1000, "type": "basePrice", "amount": data.price});
                map.insert("priceElements".into(), json!([element]));
            }
        }
        object
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The host, by API or by hand.
    Host,
    /// The guest.
    Guest,
}

/// One entry of a booking's thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadMessage {
    /// Smoobu's number of the message.
    pub id: u64,
    /// Who wrote it.
    pub sender: Sender,
    /// Subject, if any.
    pub subject: Option<String>,
    /// The text as sent.
    pub text: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether the guest can see it.
    pub for_guest: bool,
}

impl ThreadMessage {
    pub(super) fn show(&self, zone: Tz) -> Value {
        json!({
            "id": self.id,
            "subject": self.subject.clone().unwrap_or_default(),
            "message": self.text,
            "htmlMessage": format!("<p>{}</p>", self.text.replace('\n', "<br>")),
            "type": match self.sender { Sender::Guest => 1, Sender::Host => 2 },
            "createdAt": self.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string(),
        })
    }
}

/// A custom placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placeholder {
    /// Smoobu's number.
    pub id: u64,
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Its scope: 1 is one booking.
    pub kind: u64,
    /// What it belongs to: for scope 1 the booking.
    pub foreign_id: Option<u64>,
}
