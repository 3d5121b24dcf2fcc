//! A way to tell guests: what each of them heard, and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use booking_core::{
    Call, Channel, Clock as _, Fault, MessageId, MessageLimits, Notifier, NotifyError, Outcome,
    OutgoingMessage, Receipt, Recipient, Retry, Sent, VendorError,
};
use chrono::{DateTime, Duration, Utc};

use crate::coverage::Point;
use crate::deed::Deed;
use crate::history::{ChannelSetup, Target};
use crate::hub::Hub;
use crate::lock::Verdict;

/// The place of staff's channel, beyond those of guests.
const STAFF: usize = 7;
/// For how long a message that went out may not be found yet.
const SETTLE: Duration = Duration::minutes(1);

/// A channel whose guests the world knows.
pub struct ModelNotifier {
    hub: Arc<Hub>,
    tenant: usize,
    place: usize,
    setup: ChannelSetup,
    /// Whether it is staff that hears.
    staff: bool,
    sent: Mutex<BTreeMap<MessageId, DateTime<Utc>>>,
}

impl std::fmt::Debug for ModelNotifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelNotifier").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl ModelNotifier {
    /// A channel at its place among a tenant's.
    #[must_use]
    pub fn new(hub: Arc<Hub>, tenant: usize, place: usize, setup: ChannelSetup) -> Self {
        Self { hub, tenant, place, setup, staff: false, sent: Mutex::default() }
    }

    /// The channel of a tenant's staff.
    #[must_use]
    pub fn of_staff(hub: Arc<Hub>, tenant: usize) -> Self {
        let setup = ChannelSetup { thread: true, can_find: false };
        Self { staff: true, ..Self::new(hub, tenant, STAFF, setup) }
    }

    fn target(&self) -> Target {
        Target::Channel(self.tenant * 8 + self.place)
    }

    fn hand_over(&self, message: &OutgoingMessage) -> Receipt {
        let at = self.hub.now();
        let to = match &message.recipient {
            Recipient::Phone(number) => number.as_str().to_owned(),
            Recipient::Thread(reference) => reference.as_str().to_owned(),
            _ => String::new(),
        };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(message.id.clone(), at);
        if self.staff {
            self.hub.did(Deed::StaffHeard { tenant: self.tenant });
            return Receipt { vendor_id: None };
        }
        self.hub.did(Deed::Heard {
            tenant: self.tenant,
            channel: self.place,
            to,
            id: Some(message.id.clone()),
            body: message.body.clone(),
            at,
        });
        Receipt { vendor_id: None }
    }
}

fn error(outcome: Outcome) -> VendorError {
    VendorError::new(Fault::Network, Retry::Backoff, outcome, "no answer")
}

#[async_trait]
impl Notifier for ModelNotifier {
    fn channel(&self) -> Channel {
        if self.staff {
            return Channel::Record;
        }
        if self.setup.thread { Channel::Thread } else { Channel::Sms }
    }

    fn limits(&self) -> MessageLimits {
        if self.setup.thread { MessageLimits::NONE } else { MessageLimits::sms(4) }
    }

    async fn send(&self, call: Call, message: &OutgoingMessage) -> Result<Receipt, NotifyError> {
        let verdict = self.hub.enter(call, self.target(), Point::Send).await;
        let done = match verdict {
            Verdict::Refuse(error) => Err(error),
            Verdict::TimeoutBefore => Err(error(Outcome::Unknown)),
            Verdict::TimeoutAfter | Verdict::Nonsense { applied: true } => {
                self.hand_over(message);
                Err(error(Outcome::Unknown))
            }
            Verdict::Nonsense { applied: false } => {
                Err(VendorError::unreadable("an answer that cannot be read"))
            }
            Verdict::RateLimited(wait) => {
                let detail = "asked too often: status 429";
                Err(VendorError::new(Fault::Vendor, Retry::After(wait), Outcome::NotApplied, detail))
            }
            _ => Ok(self.hand_over(message)),
        };
        self.hub.leave(Point::Send).await;
        done.map_err(NotifyError::from)
    }

    async fn find(&self, call: Call, message: &OutgoingMessage) -> Result<Sent, VendorError> {
        let verdict = self.hub.enter(call, self.target(), Point::Find).await;
        let now = self.hub.now();
        let known = self.sent.lock().unwrap_or_else(PoisonError::into_inner).get(&message.id).copied();
        let found = match verdict {
            Verdict::Refuse(error) => Err(error.of_read()),
            Verdict::TimeoutBefore | Verdict::TimeoutAfter | Verdict::Nonsense { .. } => {
                Err(error(Outcome::NotApplied))
            }
            Verdict::RateLimited(wait) => {
                let detail = "asked too often: status 429";
                Err(VendorError::new(Fault::Vendor, Retry::After(wait), Outcome::NotApplied, detail))
            }
            _ => Ok(match known {
                _ if !self.setup.can_find => Sent::CannotTell,
                Some(_) => Sent::Yes(Receipt { vendor_id: None }),
                None if now - message.last_tried >= SETTLE => Sent::No,
                None => Sent::CannotTell,
            }),
        };
        if found.is_ok() {
            self.hub.did(Deed::Found { whole: true });
        }
        self.hub.leave(Point::Find).await;
        found
    }

    async fn check(&self, _call: Call) -> Result<(), VendorError> {
        Ok(())
    }
}
