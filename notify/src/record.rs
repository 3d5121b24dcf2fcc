//! A notifier that records.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use booking_core::{
    Call, Channel, Fault, MessageLimits, Notifier, NotifyError, Outcome, OutgoingMessage, Receipt, Retry,
    Sent, VendorError, sms,
};

/// What a [`RecordNotifier`] answers to one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It is recorded, and the caller is told so.
    Sent,
    /// It is recorded, but the caller is told that the outcome is unknown.
    Lost,
    /// It is not recorded, and the caller is told that this recipient cannot be reached.
    Undeliverable,
    /// It is not recorded, and the caller is told this.
    Fails(Fault, Retry, Outcome),
}

/// A [`Notifier`] that records what it is given and answers as told: for tests and trials. Nobody is told anything.
///
/// It keeps texts, and so PINs, in memory, for as long as it lives; `Debug` shows none of them. It takes every kind of
/// recipient and has no limits unless given some.
///
/// ```
/// use booking_core::conformance::block_on;
/// use booking_core::{Call, Channel, MessageId, Notifier as _, OutgoingMessage, Recipient};
/// use booking_notify::{Answer, RecordNotifier};
///
/// let now = chrono::DateTime::UNIX_EPOCH;
/// let message = OutgoingMessage {
///     id: MessageId::parse("abcdefghijk2")?,
///     recipient: Recipient::Channel,
///     subject: "Arrival".to_owned(),
///     body: "Studio A is ready".to_owned(),
///     language: "en".to_owned(),
///     first_tried: now,
///     last_tried: now,
/// };
/// let record = RecordNotifier::new(Channel::Record);
/// record.answer_next(Answer::Undeliverable);
/// assert!(block_on(record.send(Call::until(now), &message)).is_err());
/// assert!(block_on(record.send(Call::until(now), &message)).is_ok());
/// assert_eq!(record.sent(), [message]);
/// # Ok::<(), booking_core::Invalid>(())
/// ```
pub struct RecordNotifier {
    channel: Channel,
    limits: MessageLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sent: Vec<OutgoingMessage>,
    attempts: usize,
    next: VecDeque<Answer>,
    always: Option<Answer>,
}

impl RecordNotifier {
    /// A notifier that plays this channel, with an empty record; every attempt succeeds.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel, limits: MessageLimits::NONE, state: Mutex::default() }
    }

    /// The same with limits, which it obeys.
    #[must_use]
    pub fn with_limits(mut self, limits: MessageLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Answers one further attempt so, after those that were told before.
    pub fn answer_next(&self, answer: Answer) {
        self.state().next.push_back(answer);
    }

    /// Answers every attempt so from now on, once those told by [`answer_next`](Self::answer_next) are used up.
    pub fn answer_always(&self, answer: Answer) {
        self.state().always = Some(answer);
    }

    /// What was recorded, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<OutgoingMessage> {
        self.state().sent.clone()
    }

    /// What was recorded, oldest first; the record is empty then.
    #[must_use]
    pub fn take_sent(&self) -> Vec<OutgoingMessage> {
        std::mem::take(&mut self.state().sent)
    }

    /// How often sending was tried, whatever was answered.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.state().attempts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RecordNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordNotifier")
            .field("channel", &self.channel)
            .field("sent", &self.state().sent.len())
            .finish_non_exhaustive()
    }
}

/// Refuses what is beyond the limits.
pub(crate) fn obey(limits: &MessageLimits, body: &str) -> Result<(), VendorError> {
    let too_long = limits.sms_segments.is_some_and(|most| sms::segments(body).segments > most)
        || limits.characters.is_some_and(|most| body.chars().count() > most);
    if too_long {
        return Err(VendorError::new(
            Fault::Request,
            Retry::Never,
            Outcome::NotApplied,
            "not sent, the text is too long",
        ));
    }
    Ok(())
}

#[async_trait]
impl Notifier for RecordNotifier {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn limits(&self) -> MessageLimits {
        self.limits
    }

    async fn send(&self, _call: Call, message: &OutgoingMessage) -> Result<Receipt, NotifyError> {
        let state = &mut *self.state();
        state.attempts += 1;
        obey(&self.limits, &message.body)?;
        let answer = state.next.pop_front().or(state.always).unwrap_or(Answer::Sent);
        let fails =
            |fault, retry, outcome| Err(VendorError::new(fault, retry, outcome, "not sent, as told").into());
        match answer {
            Answer::Sent => {
                state.sent.push(message.clone());
                Ok(Receipt { vendor_id: Some(message.id.to_string()) })
            }
            Answer::Lost => {
                state.sent.push(message.clone());
                fails(Fault::Network, Retry::Backoff, Outcome::Unknown)
            }
            Answer::Undeliverable => Err(NotifyError::Undeliverable("not sent, as told".to_owned())),
            Answer::Fails(fault, retry, outcome) => fails(fault, retry, outcome),
        }
    }

    async fn find(&self, _call: Call, message: &OutgoingMessage) -> Result<Sent, VendorError> {
        let recorded = self.state().sent.iter().any(|sent| sent.id == message.id);
        Ok(if recorded { Sent::Yes(Receipt { vendor_id: Some(message.id.to_string()) }) } else { Sent::No })
    }

    async fn check(&self, _call: Call) -> Result<(), VendorError> {
        Ok(())
    }
}
