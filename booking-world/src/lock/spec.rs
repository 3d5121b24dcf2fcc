//! What a keypad is, as data.

use std::time::Duration as StdDuration;

use booking_core::{Door, DoorRules, Listing, Pin, Proof, TimeSemantics, Window};
use chrono::{DateTime, Duration, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Which digits a keypad takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Digits {
    /// All ten.
    #[default]
    All,
    /// No zero, and not 12 in front: what a keypad with nine keys and a code of its own asks for.
    NoZeroNor12,
}

/// How what the vendor's cloud has taken reaches the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sync {
    /// There is no cloud: each call reaches the device or fails.
    Direct,
    /// So many seconds after each write, or when the device is back.
    After(u32),
    /// Once a day at this hour (UTC), or when the device is back.
    Daily(u32),
}

/// A keypad: what [`DoorRules`] say of it, and how it behaves beyond them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeypadSpec {
    /// [`DoorRules::stored_len`].
    pub stored_len: u8,
    /// [`DoorRules::prefix`].
    pub prefix: Option<String>,
    /// [`DoorRules::digits`] and [`DoorRules::forbidden_starts`].
    pub digits: Digits,
    /// [`DoorRules::name_len`].
    pub name_len: usize,
    /// [`DoorRules::capacity`]; an expired code takes a place as any other.
    pub capacity: Option<usize>,
    /// [`DoorRules::time`].
    pub time: TimeSemantics,
    /// [`DoorRules::past_start`].
    pub past_start: bool,
    /// [`DoorRules::same_pin_twice`].
    pub same_pin_twice: bool,
    /// [`DoorRules::unique_names`].
    pub unique_names: bool,
    /// [`DoorRules::neighbours`]; typed, they raise an alarm.
    pub neighbours: u8,
    /// [`DoorRules::look_ahead`], in hours; 0 takes only what is open already.
    pub look_ahead_hours: Option<u32>,
    /// [`DoorRules::listing`].
    pub listing: Listing,
    /// [`DoorRules::highest_proof`].
    pub highest_proof: Proof,
    /// How writes reach the device; [`DoorRules::settle`] follows from it.
    pub sync: Sync,
    /// Whether a deleted code stays in the list until the device has dropped it.
    pub ghosts: bool,
    /// Whether the vendor's app changes the device at the door, and the cloud learns it with the next sync.
    pub app_at_door: bool,
}

impl Default for KeypadSpec {
    fn default() -> Self {
        Self {
            stored_len: 6,
            prefix: None,
            digits: Digits::All,
            name_len: 100,
            capacity: None,
            time: TimeSemantics::LocalWallTime,
            past_start: true,
            same_pin_twice: true,
            unique_names: false,
            neighbours: 0,
            look_ahead_hours: None,
            listing: Listing::Codes,
            highest_proof: Proof::Listed,
            sync: Sync::After(0),
            ghosts: false,
            app_at_door: false,
        }
    }
}

impl KeypadSpec {
    /// What the adapter says of the keypad to whoever configures it as `door`.
    #[must_use]
    pub fn rules(&self, door: &Door) -> DoorRules {
        let mut rules = DoorRules::new(door.pin_length.unwrap_or(self.stored_len));
        rules.prefix = door.pin_prefix.clone().or_else(|| Pin::parse(self.prefix.as_deref()?).ok());
        if self.digits == Digits::NoZeroNor12 {
            rules.digits = "123456789";
            rules.forbidden_starts = &["12"];
        }
        rules.name_len = self.name_len;
        rules.capacity = self.capacity;
        rules.time = self.time;
        rules.past_start = self.past_start;
        rules.same_pin_twice = self.same_pin_twice;
        rules.unique_names = self.unique_names;
        rules.neighbours = self.neighbours;
        rules.look_ahead = self.look_ahead_hours.map(|hours| StdDuration::from_secs(u64::from(hours) * 3600));
        rules.listing = self.listing;
        rules.highest_proof = self.highest_proof;
        rules.settle = self.settle();
        rules
    }

    /// How long a device that can be reached may lag behind the cloud.
    #[must_use]
    pub fn settle(&self) -> StdDuration {
        match self.sync {
            Sync::Direct => StdDuration::ZERO,
            Sync::After(seconds) => StdDuration::from_secs(u64::from(seconds)),
            Sync::Daily(_) => StdDuration::from_secs(24 * 3600),
        }
    }

    /// When a device that can be reached gets what is written now.
    pub(super) fn due(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.sync {
            Sync::Direct => now,
            Sync::After(seconds) => now + Duration::seconds(i64::from(seconds)),
            Sync::Daily(hour) => {
                let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
                let today = midnight + Duration::hours(i64::from(hour % 24));
                if today > now { today } else { today + Duration::days(1) }
            }
        }
    }

    /// What the clock that the device goes by shows.
    pub(super) fn reading(&self, at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
        match self.time {
            TimeSemantics::Instants => at.naive_utc(),
            TimeSemantics::LocalWallTime | TimeSemantics::WholeLocalDays => {
                at.with_timezone(&zone).naive_local()
            }
        }
    }

    /// A window's ends as that clock shows them.
    pub(super) fn times(&self, window: &Window) -> (NaiveDateTime, NaiveDateTime) {
        match self.time {
            TimeSemantics::Instants => (window.opens().naive_utc(), window.closes().naive_utc()),
            TimeSemantics::LocalWallTime => window.wall(),
            TimeSemantics::WholeLocalDays => window.whole_days().wall(),
        }
    }

    /// One of those ends as the adapter lists it.
    pub(super) fn listed_time(&self, time: NaiveDateTime, zone: Tz) -> NaiveDateTime {
        match self.time {
            TimeSemantics::Instants => time.and_utc().with_timezone(&zone).naive_local(),
            TimeSemantics::LocalWallTime | TimeSemantics::WholeLocalDays => time,
        }
    }
}

const HOUR: u32 = 3600;

/// Keypads worth meeting, by name.
#[must_use]
pub fn catalogue() -> Vec<(&'static str, KeypadSpec)> {
    let plain = KeypadSpec::default;
    vec![
        // A cloud that passes everything on at once: the simplest vendor there can be.
        ("plain", plain()),
        // A lock on the local network, spoken to without a cloud: when it is off, so is its API (2N).
        (
            "direct",
            KeypadSpec { sync: Sync::Direct, highest_proof: Proof::Confirmed, stored_len: 4, ..plain() },
        ),
        // A cloud whose bridge polls: it lists a code minutes before the keypad has it (The Keys, Nuki over a bridge).
        ("late-sync", KeypadSpec { sync: Sync::After(10 * 60), highest_proof: Proof::Confirmed, ..plain() }),
        // A keypad that gets its codes with the one full sync of the day (a lock without a bridge).
        ("daily-sync", KeypadSpec { sync: Sync::Daily(3), highest_proof: Proof::Confirmed, ..plain() }),
        // Deletes that are answered with success and stay listed, holding their digits, until a sync (Nuki).
        (
            "ghost",
            KeypadSpec {
                sync: Sync::After(HOUR),
                ghosts: true,
                same_pin_twice: false,
                digits: Digits::NoZeroNor12,
                name_len: 20,
                capacity: Some(100),
                ..plain()
            },
        ),
        // Staff changes codes over the air at the door, and the cloud learns it only with the daily sync (Nuki's app).
        ("app-at-door", KeypadSpec { sync: Sync::Daily(3), app_at_door: true, ..plain() }),
        // A list that hides the digits, so that only marker and times tell codes apart (2N, many cloud locks).
        ("masked", KeypadSpec { listing: Listing::Masked, same_pin_twice: false, ..plain() }),
        // A keypad that can be written and never read: offline locks behind a gateway.
        (
            "write-only",
            KeypadSpec {
                listing: Listing::Nothing,
                highest_proof: Proof::Accepted,
                sync: Sync::After(60),
                ..plain()
            },
        ),
        // Three places and no more: the cheapest keypads, and what a full one teaches.
        ("small", KeypadSpec { capacity: Some(3), same_pin_twice: false, ..plain() }),
        // A vendor without start times: what is written works at once, so it can be written only at check-in.
        ("no-future", KeypadSpec { look_ahead_hours: Some(0), ..plain() }),
        // A vendor that refuses what begins in more than a week, and what began already.
        ("look-ahead-week", KeypadSpec { look_ahead_hours: Some(7 * 24), past_start: false, ..plain() }),
        // Short names, each once on a keypad: panels that show the name on a display (2N's directory).
        ("unique-names", KeypadSpec { unique_names: true, name_len: 24, same_pin_twice: false, ..plain() }),
        // A silent alarm at code + 1, so that a code's neighbours belong to nobody (2N).
        (
            "neighbours",
            KeypadSpec {
                neighbours: 1,
                same_pin_twice: false,
                stored_len: 4,
                prefix: Some("7".into()),
                ..plain()
            },
        ),
        // Windows as instants, and a report when a code has reached the keypad (Nuki's dates, most JSON APIs).
        (
            "instants",
            KeypadSpec { time: TimeSemantics::Instants, highest_proof: Proof::Confirmed, ..plain() },
        ),
        // Validity in dates without times, which leaves the door open from midnight to midnight (hotel panels).
        ("whole-days", KeypadSpec { time: TimeSemantics::WholeLocalDays, ..plain() }),
        // A list that is the cloud's own wish list: it proves no more than that the write was taken (Nuki's cache).
        (
            "accepted-only",
            KeypadSpec { highest_proof: Proof::Accepted, sync: Sync::After(5 * 60), ..plain() },
        ),
        // A lock with a log, so that the list tells which codes have opened the door.
        ("used", KeypadSpec { highest_proof: Proof::Used, sync: Sync::After(60), ..plain() }),
    ]
}
