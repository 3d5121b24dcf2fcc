//! What the program works for: one tenant, its flats and doors, its vendors.

use std::fmt::Write as _;
use std::path::Path;

use booking_core::TenantSlug;
use booking_sim::smoobu::{Apartment, NewBooking, WebhookMode};
use booking_sim::thekeys::{Lock, Share};
use booking_sim::{SimConfig, Simulators};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

pub(crate) const ZONE: Tz = Tz::Europe__Warsaw;
/// They open nothing but the simulators.
pub(crate) const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
pub(crate) const HOOK: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const TOKEN: &str = "89abcdef0123456789abcdef0123456789abcdef";
const TENANT: &str = "soak";
pub(crate) const FLATS: u64 = 12;
/// The door that all guests pass; the others are one for each flat.
const FRONT: u64 = FLATS;
pub(crate) const PREFIX: &str = "31";
/// The number of the first booking.
const FIRST: u64 = 90_000_001;
/// What guests are called; the number of the booking comes after it.
pub(crate) const CALLED: &str = "Ada ";
/// What makes the number of a booking a telephone number.
pub(crate) const DIALLED: &str = "+486";
/// What makes the number of a booking an address.
pub(crate) const MAILED: &str = "@example.org";
/// How long a host may go on after it was told to stop.
pub(crate) const DRAIN_SECONDS: u64 = 10;

pub(crate) fn tenant() -> TenantSlug {
    TenantSlug::parse(TENANT).unwrap_or_else(|_| unreachable!("{TENANT} is a name"))
}

/// The path of the webhooks.
pub(crate) fn hook() -> String {
    format!("/api/webhooks/smoobu/t/{TENANT}/k/{HOOK}")
}

/// The path of what the operator asks of the tenant.
pub(crate) fn health() -> String {
    format!("/api/v1/tenants/{TENANT}/health")
}

/// What Smoobu calls a booking, by its number in the stream.
pub(crate) fn reference(number: u64) -> u64 {
    FIRST + number
}

pub(crate) fn phone(reference: u64) -> String {
    format!("{DIALLED}{reference}")
}

pub(crate) fn apartment(flat: u64) -> u64 {
    500_000 + flat
}

pub(crate) fn flat_of(apartment: u64) -> u64 {
    apartment - 500_000
}

pub(crate) fn doors() -> impl Iterator<Item = u64> {
    0..=FRONT
}

/// The doors of a flat.
pub(crate) fn doors_of(flat: u64) -> [u64; 2] {
    [FRONT, flat]
}

pub(crate) fn lock(door: u64) -> u64 {
    4_000 + door
}

pub(crate) fn keypad(door: u64) -> String {
    format!("Pad{door:05}")
}

/// Staff's own code on a door, which nobody may touch.
pub(crate) fn staff(door: u64) -> Share {
    Share::permanent(lock(door), &keypad(door), &format!("Staff {door}"), &format!("{:06}", 100_000 + door))
}

/// When a stay begins and ends, in its flat's own time.
pub(crate) fn window(arrival: NaiveDate, departure: NaiveDate) -> (NaiveDateTime, NaiveDateTime) {
    let at = |day: NaiveDate, hour| day.and_time(NaiveTime::MIN) + TimeDelta::hours(hour);
    (at(arrival, 15), at(departure, 12))
}

/// The day so many days after the first.
pub(crate) fn day(first: NaiveDate, offset: u64) -> NaiveDate {
    first + Days::new(offset)
}

pub(crate) fn stay(number: u64, flat: u64, arrival: NaiveDate, departure: NaiveDate) -> NewBooking {
    // Everything that tells one guest from another holds the number of the booking.
    let id = reference(number);
    NewBooking {
        id: Some(id),
        guest_name: format!("{CALLED}{id}"),
        last_name: Some(id.to_string()),
        email: Some(format!("{id}{MAILED}")),
        phone: Some(phone(id)),
        ..NewBooking::stay(apartment(flat), arrival, departure)
    }
}

/// The vendors, with staff's codes on the doors.
pub(crate) fn simulators(now: DateTime<Utc>) -> Simulators {
    let mut config = SimConfig::default();
    config.smoobu.limit_per_minute = u32::MAX;
    // No number that logs may show is to look like a code.
    config.thekeys.first_share_id = 70_000_001;
    let mut sims = Simulators::new(config);
    // The soak sends them itself, since it is to know which were acknowledged.
    sims.smoobu.set_webhook_mode(WebhookMode::Held);
    for flat in 0..FLATS {
        let (id, name) = (apartment(flat), format!("Flat {flat}"));
        sims.smoobu.add_apartment(Apartment { id, name, time_zone: ZONE });
    }
    for door in doors() {
        let lock = Lock::with_keypad(lock(door), &keypad(door), ZONE);
        sims.thekeys.add_lock(Lock { prefix: PREFIX.into(), ..lock });
        sims.thekeys.plant_share(now, staff(door));
    }
    sims
}

/// The configuration of a host.
pub(crate) fn config(listen: &str, store: &str, simulators: &str, trust: bool) -> String {
    let payload = if trust { "trust" } else { "reread" };
    let mut text = format!(
        r#"[server]
listen = "{listen}"
public_url = "http://{listen}"
allow_foreign_base_url = true
drain = "{DRAIN_SECONDS}s"
[worker]
look_every = "1s"
[store]
url = "{store}"
master_key = "{MASTER_KEY}"
[[api.token]]
name = "soak"
token = "{TOKEN}"
scopes = ["read"]
[[tenant]]
slug = "{TENANT}"
default_language = "en"
phone_region = "PL"
allow_internal_addresses = true
[tenant.source.smoobu]
kind = "smoobu"
base_url = "{simulators}/smoobu"
api_key = "usr_live_sim"
api_secret = "sim-secret"
webhook_path_secret = "{HOOK}"
webhook_payload = "{payload}"
message_spacing = "0s"
requests_per_minute = 10000
[tenant.lock.thekeys]
kind = "thekeys"
base_url = "{simulators}/thekeys"
username = "+33600000001"
password = "sim-password"
timeout = "2s"
[tenant.notifier.sms]
kind = "serwersms"
base_url = "{simulators}/serwersms"
token = "{token}"
sender = "STAYKEY"
timeout = "2s"
[tenant.messages]
guest = {{ all = ["sms", "thread"] }}
[tenant.policy]
cancel_in_house = "remove"
full_read_ahead = "1000d"
# Cancellations are most of what happens here.
brake = {{ share = 1.0, least = 1000, per = "1h" }}
"#,
        token = SimConfig::default().serwersms.token,
    );
    // Writing to a String does not fail.
    for door in doors() {
        let _ = write!(
            text,
            "[[tenant.door]]\nid = \"door-{door}\"\nlock = \"thekeys\"\ndevice = \"{}\"\nkeypad = \"{}\"\n\
             pin_prefix = \"{PREFIX}\"\npin_length = 6\n",
            lock(door),
            keypad(door),
        );
    }
    for flat in 0..FLATS {
        let _ = write!(
            text,
            "[[tenant.unit]]\nid = \"flat-{flat}\"\nsource = {{ smoobu = \"{}\" }}\ntime_zone = \"{}\"\n\
             check_in = \"15:00\"\ncheck_out = \"12:00\"\ndoors = {:?}\n",
            apartment(flat),
            ZONE.name(),
            doors_of(flat).map(|door| format!("door-{door}")),
        );
    }
    text
}

/// The URL of an SQLite file.
pub(crate) fn sqlite_url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}
