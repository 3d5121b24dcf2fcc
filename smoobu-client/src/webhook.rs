//! Smoobu's webhooks: [`SmoobuWebhooks`].

use std::fmt::Write as _;

use booking_core::signature::{AllowList, PathSecret, SignatureError};
use booking_core::{
    BookingStatus, Dedup, Delivery, Event, RawRequest, Refusal, Reply, VendorError, WebhookReceiver,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::config::{SmoobuConfig, WebhookPayload};
use crate::wire::{Field, Id, Read, Reservation};

/// Takes the webhooks of one account, without a client.
///
/// Smoobu signs nothing. What shows that a webhook is genuine is a secret in the path of the URL that was entered
/// at Smoobu, or the caller's address; with neither each webhook is refused, unless
/// [`webhook_unauthenticated`](SmoobuConfig::webhook_unauthenticated) says otherwise.
///
/// | action | event |
/// | --- | --- |
/// | `newReservation`, `updateReservation`, `cancelReservation` | hint; with `trust` a snapshot of a whole booking |
/// | `deleteReservation` | hint; it witnesses the deletion where the webhook was checked |
/// | `onlineCheckInUpdate` | hint |
/// | messages, price elements, rates, timeline, unknown ones | none |
#[derive(Clone, Debug)]
pub struct SmoobuWebhooks {
    path: Option<PathSecret>,
    networks: Option<AllowList>,
    unauthenticated: bool,
    payload: WebhookPayload,
}

impl SmoobuWebhooks {
    /// A receiver; only the fields of the configuration that begin with `webhook_` count.
    ///
    /// # Errors
    ///
    /// [`Fault::Configuration`](booking_core::Fault::Configuration) with all that is wrong with these fields.
    pub fn new(config: &SmoobuConfig) -> Result<Self, VendorError> {
        config.check_webhooks()?;
        let secrets = &config.webhook_path_secrets;
        let path = if secrets.is_empty() { None } else { Some(PathSecret::new(secrets)) };
        let networks = &config.webhook_networks;
        Ok(Self {
            path: path.transpose().map_err(|error| {
                VendorError::configuration("smoobu: webhook_path_secret").with_source(error)
            })?,
            networks: (!networks.is_empty()).then(|| networks.iter().copied().collect()),
            unauthenticated: config.webhook_unauthenticated,
            payload: config.webhook_payload,
        })
    }

    fn is_checked(&self) -> bool {
        self.path.is_some() || self.networks.is_some()
    }

    fn reservation(&self, data: &Value, cancelled: bool) -> Result<Event, Refusal> {
        let Some(reservation) = Reservation::read(data) else {
            return Err(Refusal::Malformed("the reservation is not an object"));
        };
        let hint = hint(reservation.id.clone(), false)?;
        if self.payload != WebhookPayload::Trust {
            return Ok(hint);
        }
        Ok(match reservation.into_booking() {
            Ok(mut booking) if booking.unit.is_some() && booking.dates.is_ok() => {
                if cancelled {
                    booking.status = BookingStatus::Cancelled;
                }
                Event::Snapshot(Box::new(booking))
            }
            // A part of a booking tells less than Smoobu can be asked.
            _ => hint,
        })
    }
}

fn hint(id: Field<Id>, deleted: bool) -> Result<Event, Refusal> {
    let reference =
        id.ok().and_then(|id| id.reference()).ok_or(Refusal::Malformed("no readable booking id"))?;
    Ok(Event::Hint { reference, deleted })
}

/// What an action is about.
#[derive(Clone, Copy)]
enum About {
    Reservation { cancelled: bool },
    Deletion,
    CheckIn,
    Nothing,
}

fn action(name: &str) -> (&'static str, About) {
    match name {
        "newReservation" => ("newReservation", About::Reservation { cancelled: false }),
        "updateReservation" => ("updateReservation", About::Reservation { cancelled: false }),
        "cancelReservation" => ("cancelReservation", About::Reservation { cancelled: true }),
        "deleteReservation" => ("deleteReservation", About::Deletion),
        "onlineCheckInUpdate" => ("onlineCheckInUpdate", About::CheckIn),
        // The id in the data of these is never a booking's.
        "newMessage" => ("newMessage", About::Nothing),
        "priceElementCreated" => ("priceElementCreated", About::Nothing),
        "priceElementUpdated" => ("priceElementUpdated", About::Nothing),
        "priceElementDeleted" => ("priceElementDeleted", About::Nothing),
        "updateRates" => ("updateRates", About::Nothing),
        "newTimelineEvent" => ("newTimelineEvent", About::Nothing),
        "deleteTimelineEvent" => ("deleteTimelineEvent", About::Nothing),
        _ => ("unknown", About::Nothing),
    }
}

/// What the action speaks of. `booking` was only ever seen in the seed's code.
fn data(body: &Map<String, Value>) -> Result<&Value, Refusal> {
    ["data", "booking"]
        .into_iter()
        .filter_map(|key| body.get(key))
        .find(|value| !value.is_null())
        .ok_or(Refusal::Malformed("no data"))
}

impl WebhookReceiver for SmoobuWebhooks {
    fn verify(&self, request: &RawRequest<'_>) -> Result<(), Refusal> {
        if request.method != http::Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        if let Some(networks) = &self.networks {
            networks.verify(request.peer).map_err(|_| Refusal::AddressNotAllowed)?;
        }
        if let Some(path) = &self.path {
            path.verify(request.path_secret)?;
        }
        if self.is_checked() || self.unauthenticated {
            Ok(())
        } else {
            Err(Refusal::Unauthenticated(SignatureError::NoKeys))
        }
    }

    fn parse(&self, request: &RawRequest<'_>) -> Result<Delivery, Refusal> {
        let Ok(Value::Object(body)) = serde_json::from_slice(request.body) else {
            return Err(Refusal::Malformed("not a JSON object"));
        };
        let Some(Value::String(name)) = body.get("action") else {
            return Err(Refusal::Malformed("no action"));
        };
        let (action, about) = action(name);
        let event = match about {
            About::Reservation { cancelled } => Some(self.reservation(data(&body)?, cancelled)?),
            // From whoever knows the URL, a deletion witnesses nothing.
            About::Deletion => Some(hint(Field::of(data(&body)?.get("id")), self.is_checked())?),
            About::CheckIn => Some(hint(Field::of(data(&body)?.get("bookingId")), false)?),
            About::Nothing => None,
        };
        Ok(Delivery {
            action,
            dedup: Dedup::Content { hash: hex(&Sha256::digest(request.body)) },
            events: event.into_iter().collect(),
            reply: Reply { status: 200, body: json!({"success": true}) },
        })
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
