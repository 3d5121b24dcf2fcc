//! Applying what concerns people: texts to guests, and codes written into their booking.

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{
    CodeRecord, MessageKind, MessageRecord, MessageState, MessageText, WriteBackRecord,
};
use booking_core::{
    Call, Channel, CodeId, IntegrationName, MessageId, NotifyError, Outcome, OutgoingMessage, Receipt,
    Recipient, Sent, WriteBack, WrittenBack,
};
use chrono::Duration;
use futures_util::future::join_all;

use super::Run;
use crate::engine::{Doing, WorkError};
use crate::plan::{NO_RECIPIENT, Plan, Step, Tell};
use crate::retry;
use crate::text::{Form, GuestDoor, GuestMessage, Languages};

/// How long a message of unknown outcome is looked for before it is sent a second time.
const LOOK_FOR: Duration = Duration::minutes(10);

/// What was asked of a notifier.
enum Asked {
    Sent(Result<Receipt, NotifyError>),
    Found(Result<Sent, booking_core::VendorError>),
}

impl Run<'_> {
    /// Tells guests, looks for messages of unknown outcome, writes codes back. Answers whether there was any of it.
    pub(super) async fn tell(&mut self, plan: &Plan) -> Result<bool, WorkError> {
        let mut sends: Vec<MessageId> = Vec::new();
        let mut finds: Vec<MessageId> = Vec::new();
        let mut write_back: Option<Vec<CodeId>> = None;
        let mut any = false;
        for step in plan.ready() {
            match step {
                Step::Tell(tell) => {
                    any = true;
                    sends.extend(self.intend_message(tell));
                }
                Step::Find { message } => {
                    any = true;
                    finds.push(message.clone());
                }
                Step::WriteBack { codes } => {
                    any = true;
                    write_back = Some(codes.clone());
                }
                _ => {}
            }
        }
        if !any {
            return Ok(false);
        }
        self.commit_along().await?;
        let call = self.engine.call(&mut self.lease).await?;
        let asked = {
            let sending = sends.iter().map(|id| self.ask_notifier(call, id, true));
            let finding = finds.iter().map(|id| self.ask_notifier(call, id, false));
            join_all(sending.chain(finding)).await
        };
        for (id, asked) in asked {
            self.answered(&id, asked, plan);
        }
        if let Some(codes) = write_back {
            let call = self.engine.call(&mut self.lease).await?;
            self.write_back(call, codes, plan).await;
        }
        Ok(true)
    }

    /// Writes a message down before it is sent; `None` when there is nobody to send it to, or no text.
    fn intend_message(&mut self, tell: &Tell) -> Option<MessageId> {
        let now = self.now();
        let text = match &tell.recipient {
            None => Err(NO_RECIPIENT.to_owned()),
            Some(recipient) => self.text(tell, recipient),
        };
        let id = match tell.again.as_ref().and_then(|id| self.stay.message_mut(id)) {
            Some(message) => message.id.clone(),
            None => {
                let id = MessageId::draw(&*self.engine.rng);
                // Messages have one order, which tells what the guest heard last.
                let after =
                    self.stay.messages.last().map(|last| last.intended_at + Duration::microseconds(1));
                let now = after.map_or(now, |after| after.max(now));
                self.stay.messages.push(MessageRecord {
                    id: id.clone(),
                    tenant: self.tenant.slug.clone(),
                    stay: self.stay.booking.id.clone(),
                    notifier: tell.notifier.clone(),
                    kind: tell.kind,
                    state: MessageState::Intended,
                    maybe_twice: false,
                    attempts: 0,
                    retry_at: None,
                    intended_at: now,
                    tried_at: now,
                    ended_at: None,
                    error: None,
                    told: None,
                    text: None,
                });
                id
            }
        };
        let message = self.stay.message_mut(&id)?;
        message.told = Some(tell.told.clone());
        match text {
            Ok(text) => {
                message.state = MessageState::Intended;
                message.tried_at = now;
                message.text = Some(text);
                Some(id)
            }
            Err(why) => {
                message.state = MessageState::Undeliverable;
                message.ended_at = Some(now);
                message.error = Some(why);
                self.audit("message-undeliverable", format!("{}: see the message", tell.notifier));
                None
            }
        }
    }

    fn text(&self, tell: &Tell, recipient: &Recipient) -> Result<MessageText, String> {
        let setup =
            self.tenant.notifiers.get(&tell.notifier).ok_or("the notifier is not in the configuration")?;
        let limits = setup.notifier.limits();
        let form = match limits.sms_segments {
            Some(max_segments) => Form::Sms { max_segments },
            None => Form::Thread,
        };
        let booking = self.stay.booking.booking.as_ref().ok_or("there is no booking")?;
        let languages = Languages::of(booking.guest.language.as_deref(), &self.tenant.default_language);
        let unit = self.tenant.unit(&tell.told.unit).ok_or("the unit is not in the configuration")?;
        let name_of = |id: &booking_core::UnitId| self.tenant.unit(id).and_then(|unit| unit.name.clone());
        let unit_name =
            unit.name.clone().or_else(|| booking.unit_name.clone()).unwrap_or_else(|| unit.id.to_string());
        let previous_unit =
            (tell.kind == MessageKind::Moved).then(|| self.previous_unit(&tell.told.unit)).flatten();
        let message = GuestMessage {
            kind: tell.kind,
            guest_name: booking.guest.name.clone(),
            unit: unit_name,
            previous_unit: previous_unit.map(|id| name_of(&id).unwrap_or_else(|| id.to_string())),
            start: tell.told.start,
            end: tell.told.end,
            doors: tell
                .told
                .codes
                .iter()
                .map(|told| {
                    let setup = self.tenant.doors.get(&told.door)?;
                    let label = setup.label.clone().unwrap_or_else(|| setup.id.to_string());
                    Some(GuestDoor { label, typed: told.typed.clone()?, confirm: setup.confirm })
                })
                .collect::<Option<Vec<_>>>()
                .ok_or("a door is not in the configuration")?,
            works_from: tell.works_from.map(|at| at.with_timezone(&unit.zone).naive_local()),
            help: unit.contact.clone(),
        };
        let rendered =
            self.tenant.texts.render(&languages, form, &message).map_err(|error| error.to_string())?;
        if let Some(failed) = rendered.failed.first() {
            tracing::warn!(tenant = %self.tenant.slug, text = %failed, "a text could not be used; another language was taken");
        }
        Ok(MessageText {
            recipient: recipient.clone(),
            subject: rendered.subject,
            body: rendered.body,
            language: rendered.language.code().to_owned(),
        })
    }

    fn previous_unit(&self, present: &booking_core::UnitId) -> Option<booking_core::UnitId> {
        let told = self.stay.messages.iter().rev().filter_map(|message| message.told.as_ref());
        told.map(|told| told.unit.clone()).find(|unit| unit != present)
    }

    async fn ask_notifier(&self, call: Call, id: &MessageId, send: bool) -> (MessageId, Option<Asked>) {
        let asked = async {
            let message = self.stay.messages.iter().find(|message| message.id == *id)?;
            let setup = self.tenant.notifiers.get(&message.notifier)?;
            let text = message.text.as_ref()?;
            let outgoing = OutgoingMessage {
                id: message.id.clone(),
                recipient: text.recipient.clone(),
                subject: text.subject.clone(),
                body: text.body.clone(),
                language: text.language.clone(),
                first_tried: message.intended_at,
                last_tried: message.tried_at,
            };
            Some(if send {
                Asked::Sent(setup.notifier.send(call, &outgoing).await)
            } else {
                Asked::Found(setup.notifier.find(call, &outgoing).await)
            })
        };
        (id.clone(), asked.await)
    }

    fn answered(&mut self, id: &MessageId, asked: Option<Asked>, plan: &Plan) {
        let now = self.now();
        let (tenant, work) = (self.tenant.clone(), self.lease.work.clone());
        let Some(message) = self.stay.message_mut(id) else { return };
        let notifier = message.notifier.clone();
        message.ended_at = Some(now);
        let doing = if matches!(asked, Some(Asked::Found(_))) { Doing::Read } else { Doing::Write };
        let failed = match asked {
            Some(Asked::Sent(Ok(receipt)) | Asked::Found(Ok(Sent::Yes(receipt)))) => {
                message.state = MessageState::Sent(receipt);
                message.error = None;
                message.retry_at = None;
                None
            }
            Some(Asked::Sent(Err(NotifyError::Undeliverable(why)))) => {
                message.state = MessageState::Undeliverable;
                message.error = Some(why.clone());
                Some((why, false))
            }
            Some(Asked::Sent(Err(NotifyError::Vendor(error)))) => {
                let unknown = error.outcome == Outcome::Unknown;
                #[cfg(staykey_planted)]
                let unknown = unknown && !planted(planted::TOLD_AGAIN);
                message.state = if unknown { MessageState::Unknown } else { MessageState::Failed };
                message.attempts += 1;
                message.retry_at = Some(retry::after(&error, message.attempts, now, plan.opens));
                message.error = Some(error.to_string());
                Some((error.to_string(), true))
            }
            Some(Asked::Sent(Err(error))) => {
                message.state = MessageState::Failed;
                message.attempts += 1;
                message.retry_at = Some(now + retry::delay(message.attempts, now, plan.opens));
                Some((error.to_string(), true))
            }
            Some(Asked::Found(Ok(Sent::No))) => {
                message.state = MessageState::Failed;
                message.retry_at = None;
                None
            }
            // A guest who hears twice is better off than one who does not hear; the record names it.
            Some(Asked::Found(Ok(Sent::CannotTell))) if now - message.intended_at >= LOOK_FOR => {
                message.state = MessageState::Failed;
                message.maybe_twice = true;
                message.retry_at = None;
                Some((
                    "the vendor could not tell whether the message was sent: it is sent again".to_owned(),
                    false,
                ))
            }
            Some(Asked::Found(Ok(Sent::CannotTell))) => {
                message.state = MessageState::Unknown;
                message.attempts += 1;
                message.retry_at = Some(now + retry::delay(message.attempts, now, plan.opens));
                Some(("the vendor cannot tell yet whether the message was sent".to_owned(), false))
            }
            Some(Asked::Found(Err(error))) => {
                message.state = MessageState::Unknown;
                message.attempts += 1;
                message.retry_at = Some(retry::after(&error, message.attempts, now, plan.opens));
                Some((error.to_string(), true))
            }
            None => {
                message.state = MessageState::Undeliverable;
                message.error = Some("the notifier is not in the configuration".to_owned());
                None
            }
        };
        match failed {
            None => {
                let due = self.engine.works(&tenant, &notifier, doing);
                self.along.extend(due);
                self.audit("message", format!("{notifier}: settled"));
            }
            Some((why, account)) => {
                if account {
                    self.failed = true;
                    self.engine.waits_for(&tenant.slug, &notifier, doing, &work);
                }
                self.audit("message-failed", format!("{notifier}: {why}"));
            }
        }
    }

    async fn write_back(&mut self, call: Call, codes: Vec<CodeId>, plan: &Plan) {
        let now = self.now();
        let name: IntegrationName = self.stay.booking.source.clone();
        let Some(source) = self.tenant.sources.get(&name).cloned() else { return };
        let label = |code: &CodeRecord| {
            let setup = self.tenant.doors.get(&code.door)?;
            Some((
                setup.label.clone().unwrap_or_else(|| setup.id.to_string()),
                code.pins.as_ref()?.typed.clone(),
            ))
        };
        let written = WriteBack {
            reference: self.stay.booking.reference.clone(),
            codes: codes.iter().filter_map(|id| label(self.stay.code(id)?)).collect(),
        };
        let result = source.write_back(call, &written).await;
        let Some(grant) = &mut self.stay.grant else { return };
        let before =
            grant.write_back.take().filter(|last| last.codes == codes).map_or(0, |last| last.attempts);
        let mut record = WriteBackRecord { codes, at: now, written: true, attempts: before, retry_at: None };
        let what = match result {
            Ok(WrittenBack::Written) => "written-back",
            Ok(WrittenBack::Unsupported) => "write-back-unsupported",
            Ok(WrittenBack::CannotUpdate) => {
                record.written = false;
                "write-back-refused"
            }
            Err(error) => {
                record.written = false;
                record.attempts += 1;
                record.retry_at = Some(retry::after(&error, record.attempts, now, plan.opens));
                "write-back-failed"
            }
        };
        grant.write_back = Some(record);
        self.audit(what, name.to_string());
    }
}

/// Staff hears on channels, guests by address.
pub(crate) fn staff_recipient(channel: Channel) -> Option<Recipient> {
    match channel {
        Channel::Sms | Channel::Thread => None,
        _ => Some(Recipient::Channel),
    }
}
