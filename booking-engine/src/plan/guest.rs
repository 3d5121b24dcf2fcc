//! What the guest must hear: once, when it is true, and again only when something that they must know changed.

use std::collections::BTreeSet;

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{
    CodeRecord, MessageKind, MessageRecord, MessageState, Told, ToldCode, WriteBackRecord,
};
use booking_core::{Channel, CodeId, DoorId, IntegrationName, Proof, Recipient, Window};
use chrono::{DateTime, Utc};

use super::{Planner, Step, Tell, When, write_end};
use crate::alert::AlertKind;
use crate::tenant::{GuestChannels, Tell as TellPolicy};
use crate::text::phone;
use crate::wish::{Access, Wish};

/// After how many failures in a row the next channel is tried where the first that works is wanted.
const NEXT_CHANNEL_AFTER: u32 = 3;

impl Planner<'_> {
    pub(super) fn guest(&mut self) {
        let Wish::Access(access) = self.wished.wish.clone() else { return };
        if self.s.booking.standing.is_some() {
            return;
        }
        let Some(truth) = self.truth(&access) else { return };
        let now = self.s.now;
        let proven = access.unit.doors.iter().all(|door| self.proven(door));
        #[cfg(staykey_planted)]
        let proven = proven || planted(planted::MESSAGE_BEFORE_PROOF);
        let earliest = match self.wished.policy.tell {
            TellPolicy::WhenProven => None,
            TellPolicy::BeforeArrival(before) => Some(access.window.opens() - before),
        };
        let told_before = self.last_told().is_some();
        // Who has been told something hears of a change at once.
        let early = earliest.filter(|at| *at > now && !told_before);
        if let Some(at) = early {
            self.wake(at);
        }
        let when = if proven && early.is_none() && !self.observing() { When::Now } else { When::Later };
        self.tell(&access, &truth, when);
        self.write_back(&truth, when);
    }

    /// What is true now, if every door has a code with a PIN.
    fn truth(&self, access: &Access<'_>) -> Option<Told> {
        let codes = access
            .unit
            .doors
            .iter()
            .map(|door| {
                let code = self.wanted_on(door)?;
                Some(ToldCode {
                    door: door.clone(),
                    code: code.id.clone(),
                    typed: Some(code.pins.as_ref()?.typed.clone()),
                })
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Told { unit: access.unit.id.clone(), start: access.stay.start(), end: access.stay.end(), codes })
    }

    /// The latest message that may have reached the guest.
    pub(super) fn last_told(&self) -> Option<&MessageRecord> {
        self.s.messages.iter().rev().find(|message| may_have_reached(message))
    }

    /// Whether two messages tell a guest the same. Which ledger entries stand behind the digits does not matter, nor
    /// what the configuration calls a door.
    fn same(&self, a: &Told, b: &Told) -> bool {
        let digits = |told: &Told| -> BTreeSet<_> {
            told.codes.iter().map(|code| (self.present_door(code), typed(code))).collect()
        };
        a.unit == b.unit && a.start == b.start && a.end == b.end && digits(a) == digits(b)
    }

    /// The door of a code that was told: by its present name, where the configuration does not have that name any more.
    fn present_door(&self, told: &ToldCode) -> DoorId {
        let renamed = !self.s.tenant.doors.contains_key(&told.door);
        let known = self.plan.codes.iter().find(|code| renamed && code.id == told.code);
        known.map_or(&told.door, |code| &code.door).clone()
    }

    /// The stay for which the guest last heard of this code's digits on its door.
    pub(super) fn told_window(&self, code: &CodeRecord) -> Option<Window> {
        let told = self.last_told()?.told.as_ref()?;
        let digits = code.pins.as_ref().map(|pins| &pins.typed);
        let of = |told: &&ToldCode| self.present_door(told) == code.door && told.typed.as_ref() == digits;
        told.codes.iter().find(of)?;
        Window::new(told.start, told.end, code.window.zone()).ok()
    }

    /// Where the round of messages that tell the present truth begins: after the last one that may have reached the
    /// guest and told something else.
    fn round(&self, truth: &Told) -> usize {
        let other = |message: &MessageRecord| {
            may_have_reached(message) && message.told.as_ref().is_none_or(|told| !self.same(told, truth))
        };
        self.s.messages.iter().rposition(other).map_or(0, |last| last + 1)
    }

    fn tell(&mut self, access: &Access<'_>, truth: &Told, when: When) {
        let start = self.round(truth);
        let (before, round) = self.s.messages.split_at(start);
        let known = before
            .iter()
            .rev()
            .find(|message| may_have_reached(message))
            .and_then(|message| message.told.as_ref());
        let kind = known.map_or(MessageKind::CodeReady, |told| change(told, truth));
        self.supersede(truth);
        // Adopted codes were told by the earlier system, which is on record as a message of its own.
        if round.iter().any(|message| message.notifier.as_str() == EARLIER_SYSTEM) {
            return;
        }
        let sent = round
            .iter()
            .any(|message| matches!(message.state, MessageState::Sent(_)) && !self.went_elsewhere(message));
        let names = self.s.tenant.guest.names().to_vec();
        let first_only = matches!(self.s.tenant.guest, GuestChannels::First(_));
        // Where one way is enough, what has worked ends the round, whichever way comes back later.
        let mut resolved = first_only && sent;
        for name in &names {
            if first_only && resolved {
                break;
            }
            let of_truth = |message: &&MessageRecord| {
                message.notifier == *name && message.told.as_ref().is_some_and(|told| self.same(told, truth))
            };
            // Who has this number now may have heard it before another had it in between.
            let here = round.iter().rev().filter(of_truth).find(|message| !self.went_elsewhere(message));
            let known = here.or_else(|| round.iter().rev().find(of_truth));
            resolved |= self.tell_by(name, access, truth, kind, known, when);
        }
        if !resolved && !names.is_empty() && when == When::Now && !self.telling() {
            self.alert(AlertKind::MessageUndeliverable, None, "no channel reaches the guest");
        }
    }

    /// Whether a message went to another telephone than the guest's by now.
    fn went_elsewhere(&self, message: &MessageRecord) -> bool {
        let now = self.recipient(&message.notifier);
        let then = message.text.as_ref().map(|text| &text.recipient);
        matches!((then, now), (Some(then), Some(now @ Recipient::Phone(_))) if *then != now)
    }

    fn telling(&self) -> bool {
        self.plan.steps.iter().any(|(step, _)| {
            matches!(step, Step::Tell(tell) if tell.recipient.is_some()) || matches!(step, Step::Find { .. })
        })
    }

    /// Tells by one notifier what it has not told yet; answers whether that way works.
    fn tell_by(
        &mut self,
        name: &IntegrationName,
        access: &Access<'_>,
        truth: &Told,
        kind: MessageKind,
        known: Option<&MessageRecord>,
        when: When,
    ) -> bool {
        let recipient = self.recipient(name);
        let mut tell = Tell {
            notifier: name.clone(),
            recipient: recipient.clone(),
            kind,
            told: truth.clone(),
            works_from: self.works_from(access),
            again: None,
        };
        let Some(message) = known else {
            let reachable = recipient.is_some();
            self.step(Step::Tell(Box::new(tell)), when);
            return reachable;
        };
        match message.state {
            MessageState::Sent(_) if self.went_elsewhere(message) => {
                // Another number: who has it now knows nothing yet.
                tell.kind = MessageKind::CodeReady;
                self.step(Step::Tell(Box::new(tell)), when);
                true
            }
            MessageState::Sent(_) => true,
            MessageState::Intended | MessageState::Unknown => {
                match self.message_waits(message) {
                    Some(at) => self.wake(at),
                    None => self.step(Step::Find { message: message.id.clone() }, When::Now),
                }
                message.attempts < NEXT_CHANNEL_AFTER
            }
            #[cfg(staykey_planted)]
            MessageState::Failed if planted(planted::NEVER_TOLD_AGAIN) => true,
            MessageState::Failed => {
                match self.message_waits(message) {
                    Some(at) => self.wake(at),
                    None => {
                        tell.again = Some(message.id.clone());
                        self.step(Step::Tell(Box::new(tell)), when);
                    }
                }
                message.attempts < NEXT_CHANNEL_AFTER
            }
            // Somebody who could not be reached may have become reachable: a number came later, or another one.
            MessageState::Undeliverable
                if recipient.is_some() && is_newly_reachable(message, recipient.as_ref()) =>
            {
                tell.again = Some(message.id.clone());
                self.step(Step::Tell(Box::new(tell)), when);
                true
            }
            MessageState::Undeliverable => false,
            MessageState::Superseded => {
                tell.again = Some(message.id.clone());
                self.step(Step::Tell(Box::new(tell)), when);
                recipient.is_some()
            }
        }
    }

    /// Messages that were never sent and say what is no longer true.
    fn supersede(&mut self, truth: &Told) {
        let stale: Vec<_> = self
            .s
            .messages
            .iter()
            .filter(|message| message.state == MessageState::Failed)
            .filter(|message| message.told.as_ref().is_none_or(|told| !self.same(told, truth)))
            .map(|message| message.id.clone())
            .collect();
        for message in stale {
            self.step(Step::Supersede { message }, When::Now);
        }
    }

    /// Until when a failed or open message must wait, unless its notifier has recovered since.
    fn message_waits(&self, message: &MessageRecord) -> Option<DateTime<Utc>> {
        let at = message.retry_at.filter(|at| *at > self.s.now)?;
        let recovered = self
            .s
            .recovered
            .get(&message.notifier)
            .zip(message.ended_at)
            .is_some_and(|(up, failed)| *up > failed);
        (!recovered).then_some(at)
    }

    fn recipient(&self, notifier: &IntegrationName) -> Option<Recipient> {
        let setup = self.s.tenant.notifiers.get(notifier)?;
        let booking = self.s.booking.booking.as_ref()?;
        match setup.notifier.channel() {
            Channel::Sms => {
                phone::normalize(booking.guest.phone.as_deref()?, self.s.tenant.default_region.as_deref())
                    .map(Recipient::Phone)
            }
            Channel::Thread => {
                let reaches = setup.source.as_ref().is_none_or(|source| *source == self.s.booking.source);
                reaches.then(|| Recipient::Thread(booking.reference.clone()))
            }
            _ => Some(Recipient::Channel),
        }
    }

    /// The time from which the codes certainly work, where the stay may begin before that.
    fn works_from(&self, access: &Access<'_>) -> Option<DateTime<Utc>> {
        let settled = access
            .unit
            .doors
            .iter()
            .filter_map(|door| self.wanted_on(door))
            .filter(|code| code.proof < Proof::Confirmed)
            .filter_map(|code: &CodeRecord| Some(write_end(code)? + self.settle(code)))
            .max()?;
        (settled > access.stay.opens() && settled > self.s.now).then_some(settled)
    }

    /// Whether codes that the stay has moved away from may go: the new ones are proven, and a guest who knew the old
    /// ones knows the new ones.
    pub(super) fn may_break(&self) -> bool {
        let Wish::Access(access) = &self.wished.wish else { return true };
        #[cfg(staykey_planted)]
        if planted(planted::DELETE_BEFORE_CREATE) {
            return true;
        }
        let proven = access.unit.doors.iter().all(|door| self.proven(door));
        // A second code on the same door, never told, takes nothing from anybody.
        proven && (self.last_told().is_none() || self.knows_truth(access))
    }

    /// Whether the guest knows the present codes, or nobody is ever told.
    pub(super) fn knows_truth(&self, access: &Access<'_>) -> bool {
        if self.s.tenant.guest.names().is_empty() {
            return true;
        }
        let Some(truth) = self.truth(access) else { return false };
        // What was told before something else was told is no longer what the guest knows.
        self.s.messages[self.round(&truth)..].iter().any(|message| {
            matches!(message.state, MessageState::Sent(_))
                && message.told.as_ref().is_some_and(|told| self.same(told, &truth))
        })
    }

    /// Writes into the booking what the guest is told.
    fn write_back(&mut self, truth: &Told, when: When) {
        if !self.wished.policy.write_back {
            return;
        }
        let codes: Vec<CodeId> = truth.codes.iter().map(|told| told.code.clone()).collect();
        let is_of_these = |last: &&WriteBackRecord| {
            last.codes.len() == codes.len() && codes.iter().all(|code| last.codes.contains(code))
        };
        let last = self.s.grant.and_then(|grant| grant.write_back.as_ref()).filter(is_of_these);
        match last {
            Some(last) if last.written => {}
            Some(last) => match last.retry_at {
                Some(at) if at > self.s.now => self.wake(at),
                Some(_) => self.step(Step::WriteBack { codes }, when),
                None => {
                    self.alert(AlertKind::WriteBackStuck, None, "the source cannot take the present code")
                }
            },
            None => self.step(Step::WriteBack { codes }, when),
        }
    }
}

/// The notifier's name on the record that an earlier system has told the guest.
pub(crate) const EARLIER_SYSTEM: &str = "earlier-system";
/// The error of a message to somebody without an address on that channel.
pub(crate) const NO_RECIPIENT: &str = "the guest has no address for this channel";

/// Whether a message may have reached the guest.
pub(crate) fn may_have_reached(message: &MessageRecord) -> bool {
    matches!(message.state, MessageState::Sent(_) | MessageState::Intended | MessageState::Unknown)
        || message.maybe_twice
}

/// Whether an undeliverable message failed for want of an address that there is now, or at another address.
fn is_newly_reachable(message: &MessageRecord, recipient: Option<&Recipient>) -> bool {
    let had_none = message.error.as_deref() == Some(NO_RECIPIENT);
    had_none || message.text.as_ref().is_some_and(|text| Some(&text.recipient) != recipient)
}

fn typed(code: &ToldCode) -> Option<String> {
    code.typed.as_ref().map(|pin| pin.expose().to_owned())
}

fn change(before: &Told, now: &Told) -> MessageKind {
    let digits = |told: &Told| told.codes.iter().map(typed).collect::<BTreeSet<_>>();
    if before.unit != now.unit {
        MessageKind::Moved
    } else if digits(before) != digits(now) {
        MessageKind::CodeChanged
    } else {
        MessageKind::TimesChanged
    }
}
