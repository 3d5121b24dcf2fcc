//! Control of Smoobu.

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::json;

use super::{Done, Order, change, found, nothing, number};
use crate::smoobu::{
    AccountEvent, Apartment, BookingPatch, NewBooking, OldId, Release, SmoobuSim, WebhookMode,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    apartment: u64,
    from: NaiveDate,
    to: NaiveDate,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Mode {
    mode: WebhookMode,
    /// How many webhooks it holds for; without it, all from now on.
    next: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    webhook_targets: Option<Vec<String>>,
    accept_legacy_key: Option<bool>,
    limit_per_minute: Option<u32>,
    limit_hint_absolute: Option<bool>,
    echo_messages: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Small {
    text: String,
    old: OldId,
    order: Release,
    by_update: bool,
}

pub(super) fn obey(smoobu: &mut SmoobuSim, order: &Order<'_>, path: &[&str]) -> Done {
    let now = order.now;
    match (order.method, path) {
        ("GET", ["apartments"]) => Ok(json!(smoobu.apartments().collect::<Vec<_>>())),
        ("POST", ["apartments"]) => {
            smoobu.add_apartment(order.read::<Apartment>()?);
            Ok(json!({}))
        }
        ("GET", ["bookings"]) => Ok(json!(smoobu.bookings().collect::<Vec<_>>())),
        ("POST", ["bookings"]) => {
            let id = smoobu.create_booking(now, order.read::<NewBooking>()?);
            Ok(json!({"id": id}))
        }
        ("POST", ["blocks"]) => {
            let block: Block = order.read()?;
            Ok(json!({"id": smoobu.block(now, block.apartment, block.from, block.to)}))
        }
        ("POST", ["events"]) => {
            smoobu.account_event(now, &order.read::<AccountEvent>()?);
            Ok(json!({}))
        }
        ("POST", ["settings"]) => {
            let settings: Settings = order.read()?;
            let config = &mut smoobu.config;
            change(&mut config.webhook_targets, settings.webhook_targets);
            change(&mut config.accept_legacy_key, settings.accept_legacy_key);
            change(&mut config.limit_per_minute, settings.limit_per_minute);
            change(&mut config.limit_hint_absolute, settings.limit_hint_absolute);
            change(&mut config.echo_messages, settings.echo_messages);
            Ok(json!({}))
        }
        ("GET", ["placeholders"]) => Ok(json!(smoobu.placeholders())),
        (_, ["webhooks", ..]) => webhooks(smoobu, order, path),
        (_, ["bookings", id, rest @ ..]) => booking(smoobu, order, number(id)?, rest),
        _ => Err(nothing()),
    }
}

fn webhooks(smoobu: &mut SmoobuSim, order: &Order<'_>, path: &[&str]) -> Done {
    match (order.method, path) {
        ("GET", ["webhooks"]) => {
            Ok(json!({"waiting": smoobu.waiting_webhooks(), "held": smoobu.held_webhooks()}))
        }
        ("POST", ["webhooks", "mode"]) => {
            let wish: Mode = order.read()?;
            match wish.next {
                Some(count) => (0..count.min(1000)).for_each(|_| smoobu.next_webhook(wish.mode.clone())),
                None => smoobu.set_webhook_mode(wish.mode),
            }
            Ok(json!({}))
        }
        ("POST", ["webhooks", "release"]) => {
            let wish: Small = order.read()?;
            Ok(json!({"released": smoobu.release_webhooks(order.now, &wish.order)}))
        }
        _ => Err(nothing()),
    }
}

fn booking(smoobu: &mut SmoobuSim, order: &Order<'_>, id: u64, action: &[&str]) -> Done {
    let now = order.now;
    match (order.method, action) {
        ("GET", []) => smoobu.booking(id).map(|booking| json!(booking)).ok_or_else(nothing),
        ("GET", ["thread"]) => Ok(json!(smoobu.thread(id))),
        ("PATCH", []) => found(smoobu.update_booking(now, id, order.read()?)),
        ("DELETE", []) => found(smoobu.delete(now, id)),
        ("POST", ["cancel"]) => match order.read::<Small>()?.by_update {
            true => found(smoobu.cancel_by_update(now, id)),
            false => found(smoobu.cancel(now, id)),
        },
        ("POST", ["reinstate"]) => found(smoobu.reinstate(now, id)),
        ("POST", ["vanish"]) => found(smoobu.vanish(id)),
        ("POST", ["reissue"]) => {
            let new = smoobu.reissue_id(now, id, order.read::<Small>()?.old);
            new.map(|id| json!({"id": id})).ok_or_else(nothing)
        }
        ("POST", ["online-check-in"]) => {
            found(smoobu.online_check_in(now, id, order.read::<BookingPatch>()?))
        }
        ("POST", ["guest-message"]) => {
            let message = smoobu.guest_writes(now, id, &order.read::<Small>()?.text);
            message.map(|id| json!({"id": id})).ok_or_else(nothing)
        }
        _ => Err(nothing()),
    }
}
