//! Locks, accessories and shares.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::web::seconds;

/// What an accessory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessoryKind {
    /// Type 1: its shares hold an opaque secret instead of a PIN.
    Gateway,
    /// Type 2.
    #[default]
    Keypad,
    /// Type 3.
    Remote,
}

impl AccessoryKind {
    /// The vendor's number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Gateway => 1,
            Self::Keypad => 2,
            Self::Remote => 3,
        }
    }
}

/// Something paired with a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accessory {
    /// The number, which the create route does not take.
    pub id: u64,
    /// The public id, which it does.
    pub id_accessoire: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub kind: AccessoryKind,
}

/// A lock with its accessories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lock {
    /// The number used in addresses.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The zone in which its keypad knows the time.
    pub time_zone: Tz,
    /// Its accessories.
    pub accessories: Vec<Accessory>,
    /// The digits that must be typed before each PIN; the cloud does not know them.
    pub prefix: String,
    /// How long a change in the cloud takes to reach the door.
    #[serde(with = "seconds")]
    pub sync_delay: Duration,
    /// How many codes each of its keypads holds; without it, any number.
    pub capacity: Option<usize>,
    /// Whether a keypad refuses a PIN that it has.
    pub refuse_duplicates: bool,
    /// Whether the lock belongs to somebody else: every call on it is 403.
    pub foreign: bool,
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            id: 0,
            name: "Lock".into(),
            time_zone: Tz::Europe__Paris,
            accessories: Vec::new(),
            prefix: String::new(),
            sync_delay: Duration::ZERO,
            capacity: None,
            refuse_duplicates: false,
            foreign: false,
        }
    }
}

impl Lock {
    /// A lock with one keypad.
    ///
    /// ```
    /// use booking_sim::thekeys::Lock;
    ///
    /// let lock = Lock { prefix: "31".into(), ..Lock::with_keypad(4411, "AbCd1234", chrono_tz::Europe::Warsaw) };
    /// assert_eq!(lock.accessories.len(), 1);
    /// ```
    #[must_use]
    pub fn with_keypad(id: u64, id_accessoire: &str, time_zone: Tz) -> Self {
        let keypad = Accessory {
            id: id + 10_000,
            id_accessoire: id_accessoire.into(),
            name: "Keypad".into(),
            kind: AccessoryKind::Keypad,
        };
        Self { id, time_zone, accessories: vec![keypad], ..Self::default() }
    }

    pub(super) fn accessory(&self, id_accessoire: &str) -> Option<&Accessory> {
        self.accessories.iter().find(|each| each.id_accessoire == id_accessoire)
    }

    pub(super) fn show(&self) -> Value {
        let date = json!({"date": "2026-01-01 00:00:00.000000", "timezone_type": 3,
                          "timezone": self.time_zone.name()});
        let accessories: Vec<Value> = self
            .accessories
            .iter()
            .map(|each| json!({"id": each.id + 1_000_000, "accessoire": show_accessory(each), "info": null}))
            .collect();
        json!({
            "id": self.id, "id_serrure": format!("S{:07}", self.id), "code": "not-a-pin",
            "code_serrure": "not-a-pin", "etat": "open", "nom": self.name, "couleur": "#ffffff", "qrcode": "",
            "serrure_droite": true, "main_libre": false, "longitude": null, "latitude": null, "radius": 0,
            "timezone": self.time_zone.name(), "maxSpeed": 0, "latchDelay": 0, "assistedActions": false,
            "unlockOnly": false, "description": null, "logSequence": 1, "public_key": "", "message": "",
            "version": 100, "version_cible": 100, "beta": 0, "battery": 7500, "battery_date": date,
            "accessoires": accessories, "produit": null, "utilisateur": null,
        })
    }
}

pub(super) fn show_accessory(each: &Accessory) -> Value {
    json!({
        "id": each.id, "id_accessoire": each.id_accessoire, "nom": each.name, "type": each.kind.number(),
        "version": 1, "type_version": 1, "configuration": [],
    })
}

/// Hour and minute as the vendor keeps them.
pub type HourMinute = (u32, u32);

/// A share: a code on an accessory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Share {
    /// The vendor's number; 0 in a share that is planted: it gets one.
    pub id: u64,
    /// The lock.
    pub lock: u64,
    /// The public id of the accessory.
    pub id_accessoire: String,
    /// Name.
    pub name: String,
    /// PIN, or the secret of a gateway.
    pub code: String,
    /// The free text in which bookings are marked.
    pub description: Option<String>,
    /// Whether it is switched on.
    pub active: bool,
    /// First day.
    pub date_start: Option<NaiveDate>,
    /// Last day.
    pub date_end: Option<NaiveDate>,
    /// Time on the first day; its beginning where missing.
    pub hour_start: Option<HourMinute>,
    /// Time on the last day; its end where missing.
    pub hour_end: Option<HourMinute>,
    /// Whether its use is notified.
    pub notification_enabled: bool,
    /// A tag such as `remote`.
    pub iddesc: Option<String>,
}

impl Share {
    /// A code for ever, as staff has: no dates, no marker.
    #[must_use]
    pub fn permanent(lock: u64, id_accessoire: &str, name: &str, code: &str) -> Self {
        Self {
            lock,
            id_accessoire: id_accessoire.into(),
            name: name.into(),
            code: code.into(),
            active: true,
            ..Self::default()
        }
    }

    /// Whether the keypad takes the code at this local time: one interval from the first day's hour to the last
    /// day's, the end not included. The wall clock is compared, so a repeated hour counts twice.
    #[must_use]
    pub fn allows(&self, local: NaiveDateTime) -> bool {
        let at = |day: NaiveDate, time: HourMinute| day.and_hms_opt(time.0, time.1, 0);
        let started = self
            .date_start
            .is_none_or(|day| at(day, self.hour_start.unwrap_or((0, 0))).is_some_and(|start| start <= local));
        let ended = self.date_end.is_some_and(|day| match self.hour_end {
            Some(time) => at(day, time).is_none_or(|end| local >= end),
            None => local.date() > day,
        });
        self.active && started && !ended
    }

    pub(super) fn show(&self, accessory: Option<&Accessory>, hours: HourShape) -> Value {
        json!({
            "id": self.id, "nom": self.name, "actif": self.active, "iddesc": self.iddesc,
            "date_debut": self.date_start.map(|day| day.to_string()),
            "date_fin": self.date_end.map(|day| day.to_string()),
            "heure_debut": hours.show(self.hour_start), "heure_fin": hours.show(self.hour_end),
            "description": self.description, "notification_enabled": self.notification_enabled, "horaires": [],
            "accessoire": accessory.map(show_accessory), "code": self.code,
        })
    }
}

/// How hours are read back; the fact sheet knows three ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HourShape {
    /// `{"hour":"15","minute":"0"}`.
    #[default]
    Object,
    /// `"15:00"`.
    Text,
    /// `"15:00:00"`.
    TextWithSeconds,
    /// `null`, whatever is stored.
    Null,
}

impl HourShape {
    fn show(self, time: Option<HourMinute>) -> Value {
        let Some((hour, minute)) = time else { return Value::Null };
        match self {
            Self::Object => json!({"hour": hour.to_string(), "minute": minute.to_string()}),
            Self::Text => json!(format!("{hour:02}:{minute:02}")),
            Self::TextWithSeconds => json!(format!("{hour:02}:{minute:02}:00")),
            Self::Null => Value::Null,
        }
    }
}

/// Which token fields a login answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenShape {
    /// Both `token` and `access_token`.
    #[default]
    Both,
    /// `token` only.
    Token,
    /// `access_token` only.
    AccessToken,
}

/// A code as it stands in the cloud and at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeView {
    /// As the cloud has it; nothing if only the door still knows it.
    pub cloud: Option<Share>,
    /// As the door has it; nothing if it has not got there.
    pub door: Option<Share>,
}

/// A time in which a lock hears nothing from the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offline {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
}
