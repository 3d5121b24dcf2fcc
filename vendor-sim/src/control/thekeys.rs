//! Control of The Keys and of the doors.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{Done, Order, change, found, nothing, number};
use crate::thekeys::{HourShape, Lock, Share, TheKeysSim, TokenShape};
use crate::web::later;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LockChange {
    prefix: Option<String>,
    sync_delay_seconds: Option<f64>,
    offline_for_seconds: Option<f64>,
    offline_until: Option<DateTime<Utc>>,
    capacity: Option<usize>,
    refuse_duplicates: Option<bool>,
    foreign: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    hour_shape: Option<HourShape>,
    token_shape: Option<TokenShape>,
    token_lifetime_seconds: Option<f64>,
}

pub(super) fn obey(thekeys: &mut TheKeysSim, order: &Order<'_>, path: &[&str]) -> Done {
    let now = order.now;
    match (order.method, path) {
        ("GET", ["locks"]) => Ok(json!(thekeys.locks().collect::<Vec<_>>())),
        ("POST", ["locks"]) => {
            thekeys.add_lock(order.read::<Lock>()?);
            Ok(json!({}))
        }
        ("PATCH", ["locks", lock]) => change_lock(thekeys, now, number(lock)?, order.read()?),
        ("GET", ["locks", lock, "codes"]) => Ok(json!(thekeys.compare(now, number(lock)?))),
        ("POST", ["locks", lock, "shares"]) => {
            let share = Share { lock: number(lock)?, ..order.read()? };
            Ok(json!({"id": thekeys.plant_share(now, share)}))
        }
        ("PUT", ["shares", id]) => {
            let new: Share = order.read()?;
            found(thekeys.edit_share(now, number(id)?, |share| {
                *share = Share { lock: share.lock, id_accessoire: share.id_accessoire.clone(), ..new };
            }))
        }
        ("DELETE", ["shares", id]) => found(thekeys.remove_share(now, number(id)?)),
        ("POST", ["shares", id, "forget-at-door"]) => found(thekeys.forget_at_door(now, number(id)?)),
        ("POST", ["kill-tokens"]) => {
            thekeys.kill_tokens();
            Ok(json!({}))
        }
        ("POST", ["settings"]) => {
            let settings: Settings = order.read()?;
            let lifetime = settings.token_lifetime_seconds.map(seconds).transpose()?;
            change(&mut thekeys.config.hour_shape, settings.hour_shape);
            change(&mut thekeys.config.token_shape, settings.token_shape);
            change(&mut thekeys.config.token_lifetime, lifetime);
            Ok(json!({}))
        }
        ("GET", ["would-open"]) => {
            let lock = number(order.value("lock")?)?;
            let opens = thekeys.would_open(now, lock, order.value("keypad")?, order.value("typed")?);
            Ok(json!({"would_open": opens, "at": now}))
        }
        _ => Err(nothing()),
    }
}

fn change_lock(thekeys: &mut TheKeysSim, now: DateTime<Utc>, id: u64, wish: LockChange) -> Done {
    let delay = wish.sync_delay_seconds.map(seconds).transpose()?;
    let offline = wish.offline_for_seconds.map(seconds).transpose()?.map(|by| later(now, by));
    let lock = thekeys.lock_mut(id).ok_or_else(nothing)?;
    change(&mut lock.prefix, wish.prefix);
    change(&mut lock.sync_delay, delay);
    change(&mut lock.refuse_duplicates, wish.refuse_duplicates);
    change(&mut lock.foreign, wish.foreign);
    if wish.capacity.is_some() {
        lock.capacity = wish.capacity;
    }
    if let Some(until) = wish.offline_until.or(offline) {
        thekeys.offline_until(now, id, until);
    }
    Ok(json!({}))
}

fn seconds(value: f64) -> Result<Duration, super::Problem> {
    Duration::try_from_secs_f64(value).map_err(|error| (400, error.to_string()))
}
