//! What hosts, guests and channels do: the side of Smoobu that no API client sees.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Apartment, Booking, BookingPatch, NewBooking, OutgoingWebhook, Placeholder, Release, Sender, SmoobuSim,
    ThreadMessage, WebhookMode,
};

/// What becomes of the old number when a channel gives a booking a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OldId {
    /// It is shown as cancelled, and a `cancelReservation` goes out before the `newReservation`.
    #[default]
    Cancelled,
    /// It is shown as cancelled, and the `cancelReservation` goes out after the `newReservation`.
    CancelledLater,
    /// It is not found any more; only a `newReservation` goes out.
    Gone,
}

/// Things that Smoobu tells by webhook and that change no booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountEvent {
    /// `priceElementCreated`, with the booking it belongs to.
    PriceElementCreated(u64),
    /// `priceElementUpdated`.
    PriceElementUpdated(u64),
    /// `priceElementDeleted`.
    PriceElementDeleted(u64),
    /// `updateRates`, for an apartment.
    UpdateRates(u64),
    /// `newTimelineEvent`, of a booking.
    NewTimelineEvent(u64),
    /// `deleteTimelineEvent`, of a booking.
    DeleteTimelineEvent(u64),
    /// An action that nobody has heard of, with this name.
    Other(String),
}

impl SmoobuSim {
    /// Adds an apartment, or replaces the one with this number.
    pub fn add_apartment(&mut self, apartment: Apartment) {
        self.apartments.insert(apartment.id, apartment);
    }

    /// A booking is made; `newReservation` goes out. Returns its number.
    pub fn create_booking(&mut self, now: DateTime<Utc>, new: NewBooking) -> u64 {
        let id = new.id.filter(|id| !self.bookings.contains_key(id)).unwrap_or_else(|| self.next_id());
        let guest_id = 700_000 + id % 100_000;
        let data = NewBooking { id: Some(id), ..new };
        let booking = Booking { id, data, cancelled: false, created_at: now, modified_at: now, guest_id };
        let shown = self.show(&booking, false);
        self.bookings.insert(id, booking);
        self.emit(now, "newReservation", &shown);
        id
    }

    fn next_id(&mut self) -> u64 {
        self.last_booking += 1;
        while self.bookings.contains_key(&self.last_booking) {
            self.last_booking += 1;
        }
        self.last_booking
    }

    /// An owner blocks days. Returns the number of the block.
    pub fn block(&mut self, now: DateTime<Utc>, apartment: u64, from: NaiveDate, to: NaiveDate) -> u64 {
        self.create_booking(now, NewBooking::block(apartment, from, to))
    }

    /// A booking changes; `updateReservation` goes out. False if there is none.
    pub fn update_booking(&mut self, now: DateTime<Utc>, id: u64, patch: BookingPatch) -> bool {
        let Some(booking) = self.bookings.get_mut(&id) else { return false };
        booking.apply(patch);
        booking.modified_at = now;
        let booking = booking.clone();
        let shown = self.show(&booking, true);
        self.emit(now, "updateReservation", &shown);
        true
    }

    /// A booking is cancelled; `cancelReservation` goes out. False if there is none or it was cancelled before.
    pub fn cancel(&mut self, now: DateTime<Utc>, id: u64) -> bool {
        self.cancel_with(now, id, "cancelReservation")
    }

    /// As [`cancel`](Self::cancel), but told by an `updateReservation` of type `cancellation`.
    pub fn cancel_by_update(&mut self, now: DateTime<Utc>, id: u64) -> bool {
        self.cancel_with(now, id, "updateReservation")
    }

    fn cancel_with(&mut self, now: DateTime<Utc>, id: u64, action: &str) -> bool {
        let Some(booking) = self.bookings.get_mut(&id).filter(|booking| !booking.cancelled) else {
            return false;
        };
        booking.cancelled = true;
        booking.modified_at = now;
        let booking = booking.clone();
        let shown = self.show(&booking, false);
        self.emit(now, action, &shown);
        true
    }

    /// A cancelled booking becomes valid again; `updateReservation` goes out.
    pub fn reinstate(&mut self, now: DateTime<Utc>, id: u64) -> bool {
        match self.bookings.get_mut(&id).filter(|booking| booking.cancelled) {
            Some(booking) => booking.cancelled = false,
            None => return false,
        }
        self.update_booking(now, id, BookingPatch::default())
    }

    /// A booking is deleted for good; `deleteReservation` goes out.
    pub fn delete(&mut self, now: DateTime<Utc>, id: u64) -> bool {
        let found = self.bookings.remove(&id).is_some();
        if found {
            self.emit(now, "deleteReservation", &json!({"id": id}));
        }
        found
    }

    /// A booking is gone and nobody says so: a wrong account, a bug, a restore from backup.
    pub fn vanish(&mut self, id: u64) -> bool {
        self.bookings.remove(&id).is_some()
    }

    /// The channel gives a booking a new number; `reference-id` stays. Returns the new number.
    pub fn reissue_id(&mut self, now: DateTime<Utc>, id: u64, old: OldId) -> Option<u64> {
        let data = self.bookings.get(&id)?.data.clone();
        if old == OldId::Gone {
            self.bookings.remove(&id);
        }
        if old == OldId::Cancelled {
            self.cancel(now, id);
        }
        let new = self.create_booking(now, NewBooking { id: None, ..data });
        if old == OldId::CancelledLater {
            self.cancel(now, id);
        }
        Some(new)
    }

    /// The guest fills in the online check-in; `onlineCheckInUpdate` goes out, which names no `id`.
    pub fn online_check_in(&mut self, now: DateTime<Utc>, id: u64, patch: BookingPatch) -> bool {
        let Some(booking) = self.bookings.get_mut(&id) else { return false };
        booking.apply(patch);
        booking.modified_at = now;
        self.emit(now, "onlineCheckInUpdate", &json!({"bookingId": id}));
        true
    }

    /// The guest writes; `newMessage` goes out. Returns the number of the message.
    pub fn guest_writes(&mut self, now: DateTime<Utc>, id: u64, text: &str) -> Option<u64> {
        self.bookings.get(&id)?;
        Some(self.post(now, id, Sender::Guest, None, text.to_owned(), true))
    }

    pub(super) fn post(
        &mut self,
        now: DateTime<Utc>,
        booking: u64,
        sender: Sender,
        subject: Option<String>,
        text: String,
        for_guest: bool,
    ) -> u64 {
        self.last_message += 1;
        let message = ThreadMessage { id: self.last_message, sender, subject, text, at: now, for_guest };
        self.threads.entry(booking).or_default().push(message);
        let data = json!({"id": self.last_message, "sender": sender, "booking": {"id": booking}});
        self.emit(now, "newMessage", &data);
        self.last_message
    }

    /// Something happens that is no change of a booking.
    pub fn account_event(&mut self, now: DateTime<Utc>, event: &AccountEvent) {
        self.last_other += 1;
        let id = self.last_other;
        let element = |booking: u64| json!({"id": id, "bookingId": booking, "type": "addon", "amount": 20});
        let timeline = |booking: u64| json!({"id": id, "booking": {"id": booking}});
        let (action, data) = match event {
            AccountEvent::PriceElementCreated(booking) => ("priceElementCreated", element(*booking)),
            AccountEvent::PriceElementUpdated(booking) => ("priceElementUpdated", element(*booking)),
            AccountEvent::PriceElementDeleted(booking) => ("priceElementDeleted", element(*booking)),
            AccountEvent::UpdateRates(apartment) => {
                ("updateRates", json!({"apartments": [apartment], "rates": {"price": 120}}))
            }
            AccountEvent::NewTimelineEvent(booking) => ("newTimelineEvent", timeline(*booking)),
            AccountEvent::DeleteTimelineEvent(booking) => ("deleteTimelineEvent", timeline(*booking)),
            AccountEvent::Other(action) => (action.as_str(), json!({"id": id})),
        };
        self.emit(now, action, &data);
    }

    /// The bookings, cancelled ones too, by number.
    pub fn bookings(&self) -> impl Iterator<Item = &Booking> {
        self.bookings.values()
    }

    /// One booking.
    #[must_use]
    pub fn booking(&self, id: u64) -> Option<&Booking> {
        self.bookings.get(&id)
    }

    /// The apartments, by number.
    pub fn apartments(&self) -> impl Iterator<Item = &Apartment> {
        self.apartments.values()
    }

    /// What the guest of a booking was sent in its thread, oldest first. Internal notes and the guest's own messages
    /// are not in it.
    #[must_use]
    pub fn guest_messages(&self, booking: u64) -> Vec<ThreadMessage> {
        self.thread(booking).iter().filter(|m| m.for_guest && m.sender == Sender::Host).cloned().collect()
    }

    /// The whole thread of a booking, notes included.
    #[must_use]
    pub fn thread(&self, booking: u64) -> &[ThreadMessage] {
        self.threads.get(&booking).map_or(&[], Vec::as_slice)
    }

    /// The custom placeholders.
    #[must_use]
    pub fn placeholders(&self) -> &[Placeholder] {
        &self.placeholders
    }

    /// What becomes of webhooks from now on.
    pub fn set_webhook_mode(&mut self, mode: WebhookMode) {
        self.outbox.mode = mode;
    }

    /// What becomes of the next webhook only; several of these queue up.
    pub fn next_webhook(&mut self, mode: WebhookMode) {
        self.outbox.once.push_back(mode);
    }

    /// Lets held webhooks go. Returns how many.
    pub fn release_webhooks(&mut self, now: DateTime<Utc>, order: &Release) -> usize {
        self.outbox.release(now, order)
    }

    /// The bodies of the webhooks that are held.
    #[must_use]
    pub fn held_webhooks(&self) -> &[String] {
        self.outbox.held()
    }

    /// How many webhooks wait for their time.
    #[must_use]
    pub fn waiting_webhooks(&self) -> usize {
        self.outbox.waiting()
    }

    /// When the next webhook is due.
    #[must_use]
    pub fn next_webhook_due(&self) -> Option<DateTime<Utc>> {
        self.outbox.next_due()
    }

    /// Takes the webhooks that are due, in order; a world or a server delivers them.
    pub fn take_webhooks(&mut self, now: DateTime<Utc>) -> Vec<OutgoingWebhook> {
        self.outbox.take(now, &self.config.webhook_targets)
    }
}
