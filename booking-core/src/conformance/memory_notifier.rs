//! A way to tell people that ends in memory.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};

use super::trouble::{Planted, Troubles, refused};
use crate::error::{Fault, Outcome, Retry, VendorError};
use crate::notifier::{
    Channel, MessageLimits, Notifier, NotifyError, OutgoingMessage, Receipt, Recipient, Sent,
};
use crate::sms;
use crate::world::{Call, Clock};

/// A [`Notifier`] that keeps what it is given, for tests to look at.
///
/// It obeys its limits, reaches everybody but those whom a test makes [unreachable](Self::make_unreachable), and
/// ignores deadlines. A look-up says [`Sent::No`] only once the first attempt is older than the settle time.
///
/// ```
/// use std::sync::Arc;
/// use booking_core::conformance::{ManualClock, MemoryNotifier};
/// use booking_core::{Channel, MessageLimits, Notifier as _};
///
/// let clock = Arc::new(ManualClock::new(chrono::DateTime::UNIX_EPOCH));
/// let sms = MemoryNotifier::new(Channel::Sms, clock).with_limits(MessageLimits::sms(3));
/// assert_eq!(sms.limits().sms_segments, Some(3));
/// assert!(sms.sent().is_empty());
/// ```
pub struct MemoryNotifier {
    channel: Channel,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    limits: MessageLimits,
    settle: Duration,
    can_find: bool,
    sent: Vec<(DateTime<Utc>, OutgoingMessage)>,
    unreachable: Vec<Recipient>,
    refuses: bool,
    troubles: Troubles,
    attempts: usize,
}

impl MemoryNotifier {
    /// Nothing sent yet, no limits, a settle time of a minute.
    #[must_use]
    pub fn new(channel: Channel, clock: Arc<dyn Clock>) -> Self {
        Self {
            channel,
            clock,
            state: Mutex::new(State {
                limits: MessageLimits::NONE,
                settle: Duration::minutes(1),
                can_find: true,
                sent: Vec::new(),
                unreachable: Vec::new(),
                refuses: false,
                troubles: Troubles::default(),
                attempts: 0,
            }),
        }
    }

    /// The same with limits.
    #[must_use]
    pub fn with_limits(self, limits: MessageLimits) -> Self {
        self.state().limits = limits;
        self
    }

    /// The same, unable to look anything up.
    #[must_use]
    pub fn without_look_up(self) -> Self {
        self.state().can_find = false;
        self
    }

    /// Makes somebody unreachable for ever.
    pub fn make_unreachable(&self, recipient: Recipient) {
        self.state().unreachable.push(recipient);
    }

    /// Refuses everybody from now on, or takes everybody again.
    pub fn refuse_credentials(&self, refuse: bool) {
        self.state().refuses = refuse;
    }

    /// Adds a trouble.
    pub fn plant(&self, planted: Planted) {
        self.state().troubles.plant(planted);
    }

    /// Ends all trouble.
    pub fn mend(&self) {
        self.state().troubles.mend();
    }

    /// Everything that was sent, with its time, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<(DateTime<Utc>, OutgoingMessage)> {
        self.state().sent.clone()
    }

    /// The texts that arrived at somebody, oldest first.
    #[must_use]
    pub fn received(&self, recipient: &Recipient) -> Vec<String> {
        let to = |(_, message): &&(_, OutgoingMessage)| message.recipient == *recipient;
        self.state().sent.iter().filter(to).map(|(_, message)| message.body.clone()).collect()
    }

    /// How often sending was tried, failed attempts included.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.state().attempts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the channel has such recipients at all.
    fn knows(&self, recipient: &Recipient) -> bool {
        match self.channel {
            Channel::Sms => matches!(recipient, Recipient::Phone(_)),
            Channel::Thread => matches!(recipient, Recipient::Thread(_)),
            Channel::Record => true,
        }
    }
}

impl fmt::Debug for MemoryNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNotifier")
            .field("channel", &self.channel)
            .field("sent", &self.state().sent.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Notifier for MemoryNotifier {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn limits(&self) -> MessageLimits {
        self.state().limits
    }

    async fn send(&self, _call: Call, message: &OutgoingMessage) -> Result<Receipt, NotifyError> {
        let now = self.clock.now();
        let state = &mut *self.state();
        state.attempts += 1;
        if state.refuses {
            return Err(refused().into());
        }
        if !self.knows(&message.recipient) {
            return Err(NotifyError::Undeliverable("a recipient of another channel".to_owned()));
        }
        let segments = sms::segments(&message.body).segments;
        if state.limits.sms_segments.is_some_and(|most| segments > most)
            || state.limits.characters.is_some_and(|most| message.body.chars().count() > most)
        {
            let too_long =
                VendorError::new(Fault::Request, Retry::Never, Outcome::NotApplied, "the text is too long");
            return Err(too_long.into());
        }
        let lost = state.troubles.write(None)?;
        if state.unreachable.contains(&message.recipient) {
            return Err(NotifyError::Undeliverable("nobody is there".to_owned()));
        }
        state.sent.push((now, message.clone()));
        match lost {
            Some(error) => Err(error.into()),
            None => Ok(Receipt { vendor_id: Some(state.sent.len().to_string()) }),
        }
    }

    async fn find(&self, _call: Call, message: &OutgoingMessage) -> Result<Sent, VendorError> {
        let now = self.clock.now();
        let state = &mut *self.state();
        if state.refuses {
            return Err(refused());
        }
        state.troubles.read(None)?;
        if !state.can_find {
            return Ok(Sent::CannotTell);
        }
        Ok(match state.sent.iter().position(|(_, sent)| sent.id == message.id) {
            Some(at) => Sent::Yes(Receipt { vendor_id: Some((at + 1).to_string()) }),
            None if now - message.last_tried >= state.settle => Sent::No,
            None => Sent::CannotTell,
        })
    }

    async fn check(&self, _call: Call) -> Result<(), VendorError> {
        let mut state = self.state();
        if state.refuses {
            return Err(refused());
        }
        state.troubles.read(None)
    }
}
