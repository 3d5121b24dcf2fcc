//! The account: sending, looking up, reports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use booking_core::{
    Call, Channel, Clock, MessageId, MessageLimits, Notifier, NotifyError, OutgoingMessage, Receipt,
    Recipient, Rng, Sent, VendorError,
};
use booking_http::{Bearer, Transport, VendorClient, VendorHealth, VendorSettings};
use chrono::{DateTime, TimeDelta, Utc};

use super::config::SerwerSmsConfig;
use super::request::{self, LIMITS, REPORTS, REPORTS_AT_ONCE, SEND, Text};
use super::wire::{self, Found, Limit, Reports};

/// One account at SerwerSMS.
///
/// Each account needs exactly one, shared in an `Arc`: its pauses and its circuit breaker belong together, and it
/// remembers for [`settle`](SerwerSmsConfig::settle) what it tried.
///
/// A message is sent at most once per call; its id goes along as `unique_id`, by which
/// [`find`](Notifier::find) looks it up.
pub struct SerwerSms {
    config: SerwerSmsConfig,
    settle: TimeDelta,
    http: VendorClient,
    bearer: Bearer,
    clock: Arc<dyn Clock>,
    /// When each message was last tried, as long as a look-up could miss it: a later attempt may still be on its way
    /// although the first is long settled.
    tried: Mutex<BTreeMap<MessageId, DateTime<Utc>>>,
}

impl SerwerSms {
    /// An account, reached through `transport`.
    ///
    /// # Errors
    ///
    /// [`Fault::Configuration`](booking_core::Fault::Configuration) with all that is wrong with the configuration.
    /// Nothing is sent yet: see [`Notifier::check`].
    pub fn new(
        config: SerwerSmsConfig,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VendorError> {
        config.validate()?;
        let bearer = Bearer::new(&config.token)?;
        let settle = TimeDelta::from_std(config.settle).unwrap_or(TimeDelta::MAX);
        let settings = VendorSettings::new("serwersms", &config.base_url)
            .with_plain_http(config.allow_plain_http)
            .with_timeout(config.timeout)
            .with_least_timeout(config.timeout.min(std::time::Duration::from_secs(2)));
        let http = VendorClient::new(settings, transport, clock.clone(), rng)?;
        Ok(Self { config, settle, http, bearer, clock, tried: Mutex::default() })
    }

    /// An account, reached over the network.
    ///
    /// # Errors
    ///
    /// As [`SerwerSms::new`], and when TLS cannot be set up.
    #[cfg(feature = "reqwest")]
    pub fn connect(
        config: SerwerSmsConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VendorError> {
        let transport = booking_http::ReqwestTransport::new()?;
        Self::new(config, Arc::new(transport), clock, rng)
    }

    /// How the account is doing.
    #[must_use]
    pub fn health(&self) -> VendorHealth {
        self.http.health()
    }

    /// What became of messages, by the vendor's ids from their receipts. Any number of ids; they are asked for in
    /// as few calls as possible. Ids that the vendor does not know are missing from what comes back.
    ///
    /// # Errors
    ///
    /// When one of the answers could not be read; nothing is known then.
    pub async fn reports(&self, call: Call, ids: &[&str]) -> Result<Reports, VendorError> {
        let mut all = Reports::default();
        for batch in ids.chunks(REPORTS_AT_ONCE) {
            let wanted: BTreeSet<&str> = batch.iter().copied().collect();
            let mut seen = BTreeSet::new();
            // A page that brings nothing new is the last one, whatever the vendor's paging counts.
            for page in 1.. {
                let response = self.http.send(call, &request::reports(batch, page)?, &self.bearer).await?;
                let found = wire::reports(REPORTS, &response)?;
                if page == 1 {
                    all.unreadable += found.unreadable;
                }
                let before = seen.len();
                for report in found.reports {
                    // Were the filter ignored, other people's messages would come.
                    if wanted.contains(report.id.as_str()) && seen.insert(report.id.clone()) {
                        all.reports.push(report);
                    }
                }
                if seen.len() == before || seen.len() == wanted.len() {
                    break;
                }
            }
        }
        Ok(all)
    }

    /// How much the account may still send, by kind. How the vendor counts is not documented.
    ///
    /// # Errors
    ///
    /// When the answer could not be read.
    pub async fn limits_left(&self, call: Call) -> Result<Vec<Limit>, VendorError> {
        let response = self.http.send(call, &request::limits()?, &self.bearer).await?;
        wire::limits(LIMITS, &response)
    }

    fn note_attempt(&self, id: &MessageId) {
        let now = self.clock.now();
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.retain(|_, at| now - *at < self.settle);
        tried.insert(id.clone(), now);
    }

    /// Whether every attempt to send it is so old that the vendor would show it.
    fn is_settled(&self, message: &OutgoingMessage) -> bool {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner).get(&message.id).copied();
        let last = tried.map_or(message.last_tried, |tried| tried.max(message.last_tried));
        self.clock.now() - last >= self.settle
    }
}

impl fmt::Debug for SerwerSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SerwerSms").field("config", &self.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl Notifier for SerwerSms {
    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn limits(&self) -> MessageLimits {
        MessageLimits::sms(self.config.segments)
    }

    async fn send(&self, call: Call, message: &OutgoingMessage) -> Result<Receipt, NotifyError> {
        let Recipient::Phone(phone) = &message.recipient else {
            return Err(NotifyError::Undeliverable("serwersms: reaches telephones only".to_owned()));
        };
        let text = Text::of(&self.config, &message.body, &message.language)?;
        let request = request::send(&self.config, &message.id, phone, &text)?;
        self.note_attempt(&message.id);
        let answer = self.http.send(call, &request, &self.bearer).await;
        // It may have been sent at any moment until now.
        self.note_attempt(&message.id);
        wire::sent(SEND, &answer?)
    }

    async fn find(&self, call: Call, message: &OutgoingMessage) -> Result<Sent, VendorError> {
        let Recipient::Phone(phone) = &message.recipient else { return Ok(Sent::No) };
        // Refused before sending, but the settings may have been others when it was sent.
        let Ok(text) = Text::of(&self.config, &message.body, &message.language) else {
            return Ok(Sent::CannotTell);
        };
        // Asked before the answer comes, so that a slow answer proves no more than a fast one.
        let settled = self.is_settled(message);
        let response = self.http.send(call, &request::find(&message.id)?, &self.bearer).await?;
        Ok(match wire::found(REPORTS, &response, phone, &text.text)? {
            Found::Message(receipt) => Sent::Yes(receipt),
            // The vendor's last word, so it need not settle.
            Found::Unsent => Sent::No,
            Found::Nothing if settled => Sent::No,
            Found::Nothing | Found::Doubtful => Sent::CannotTell,
        })
    }

    async fn check(&self, call: Call) -> Result<(), VendorError> {
        self.limits_left(call).await.map(drop)
    }
}
