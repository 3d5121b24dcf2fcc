//! `kind = "thekeys"`.

use std::sync::Arc;

use booking_core::{DoorKey, Secret, VendorError};
use thekeys_client::{BASE_URL, TheKeys, TheKeysConfig, ZoneAlias};

use crate::config::{KeySpec, Notes, Settings, Shape};
use crate::registry::{AdapterParts, BuiltLock, LockKind};

const KEYS: [KeySpec; 12] = [
    KeySpec::optional("base_url", Shape::BaseUrl { own: Some(BASE_URL) }),
    KeySpec::required("username", Shape::Secret),
    KeySpec::required("password", Shape::Secret),
    KeySpec::optional("timeout", Shape::Duration),
    KeySpec::optional("accept_null_list", Shape::Flag),
    KeySpec::optional("accept_missing_hours", Shape::Flag),
    KeySpec::optional("accept_time_zone", Shape::Pairs("lock", "unit")),
    KeySpec::optional("zone_max_age", Shape::Duration),
    KeySpec::optional("login_pause", Shape::Duration),
    KeySpec::optional("past_start", Shape::Flag),
    KeySpec::optional("same_pin_twice", Shape::Flag),
    KeySpec::optional("settle", Shape::Duration),
];

pub(super) struct Kind;

impl LockKind for Kind {
    fn keys(&self) -> &[KeySpec] {
        &KEYS
    }

    fn check(&self, settings: &Settings, notes: &Notes<'_, '_>) {
        if let Some(username) = settings.secret("username")
            && !username.expose().starts_with('+')
        {
            notes.problem(
                "username",
                "is not a telephone number with + and country code",
                "write the number that the account logs in with, as in +33…",
            );
        }
        for (_, unit) in settings.pairs("accept_time_zone") {
            if unit.parse::<chrono_tz::Tz>().is_err() {
                notes.problem(
                    "accept_time_zone",
                    format!("there is no time zone `{unit}`"),
                    "write a name such as \"Europe/Warsaw\"",
                );
            }
        }
    }

    fn door_key(&self, device: &str, keypad: &str) -> Result<DoorKey, String> {
        TheKeys::door_key(device, keypad).map_err(|error| error.to_string())
    }

    // The vendor names no limits; what was seen are 4 digits.
    fn usual_pin_length(&self) -> u8 {
        4
    }

    fn build(&self, settings: &Settings, parts: &AdapterParts) -> Result<BuiltLock, VendorError> {
        let secret = |key| settings.secret(key).map(Secret::expose).unwrap_or_default();
        let mut config = TheKeysConfig::new(secret("username"), secret("password"));
        if let Some(base_url) = settings.text("base_url") {
            config.base_url = base_url.to_owned();
        }
        for (value, key) in [
            (&mut config.timeout, "timeout"),
            (&mut config.zone_max_age, "zone_max_age"),
            (&mut config.login_pause, "login_pause"),
            (&mut config.settle, "settle"),
        ] {
            *value = settings.duration(key).unwrap_or(*value);
        }
        for (value, key) in [
            (&mut config.accept_null_list, "accept_null_list"),
            (&mut config.accept_missing_hours, "accept_missing_hours"),
            (&mut config.past_start, "past_start"),
            (&mut config.same_pin_twice, "same_pin_twice"),
        ] {
            *value = settings.flag(key).unwrap_or(*value);
        }
        for (lock, unit) in settings.pairs("accept_time_zone") {
            let unit =
                unit.parse().map_err(|_| VendorError::configuration("accept_time_zone: no such zone"))?;
            config.accept_time_zone.push(ZoneAlias::new(lock, unit));
        }
        let keys = TheKeys::new(config, parts.transport.clone(), parts.clock.clone(), parts.rng.clone())?;
        Ok(BuiltLock::new(Arc::new(keys)))
    }
}
