//! What steps are made of: guests, things to wait for, things to look at.

use std::fmt::Display;
use std::time::{Duration, Instant};

use booking_core::store::{CodeRecord, Record, WorkKey};
use booking_core::{BookingId, ExternalId, IntegrationName, TenantSlug};
use booking_sim::Operation;
use booking_sim::smoobu::{BookingPatch, NewBooking, WebhookMode};
use booking_sim::thekeys::Share;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::time::sleep;

use super::config::{SOURCE, TENANT};
use super::flats::{CHECK_IN, CHECK_OUT, Flat, ZONE, at};
use super::stage::Stage;
use super::tell::Tell;

/// How often is looked at what is waited for.
const LOOK: Duration = Duration::from_millis(50);
/// How long is waited.
const PATIENCE: Duration = Duration::from_secs(20);
/// More rows than a demo has.
const ALL: usize = 100_000;

/// Something was not as it should be.
pub(super) struct Miss {
    pub(super) expected: String,
    pub(super) seen: String,
}

pub(super) type Held<T = ()> = Result<T, Miss>;

/// Somebody who might book; nobody real.
#[derive(Clone, Copy)]
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) code: &'static str,
    pub(super) language: &'static str,
    pub(super) phone: &'static str,
}

/// A guest with a booking, and what has been seen of it.
pub(super) struct Guest {
    pub(super) person: Person,
    /// The booking's number at Smoobu.
    pub(super) id: u64,
    pub(super) flat: &'static Flat,
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    /// What the guest was told to press.
    pub(super) pin: Option<String>,
    pub(super) on_door: bool,
    /// How many times the guest was told, each time by SMS and in the booking's thread.
    pub(super) told: usize,
    pub(super) story: Vec<String>,
}

/// The stage, who is on it, and how it is told.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) tell: Tell,
    pub(super) guests: Vec<Guest>,
    /// The number of the step that is played.
    pub(super) step: usize,
    patience: Duration,
}

impl Scene {
    pub(super) fn new(stage: Stage, tell: Tell) -> Self {
        Self { stage, tell, guests: Vec::new(), step: 0, patience: PATIENCE }
    }

    /// Looks again and again until what is expected is there.
    pub(super) async fn until<T>(
        &self,
        expected: impl Display,
        mut look: impl AsyncFnMut() -> Result<T, String>,
    ) -> Held<T> {
        let deadline = Instant::now() + self.patience;
        loop {
            let seen = match look().await {
                Ok(found) => return Ok(found),
                Err(seen) => seen,
            };
            if self.stage.is_host_gone() {
                let seen = format!("the host has ended; before that {seen}");
                return Err(Miss { expected: expected.to_string(), seen });
            }
            if Instant::now() >= deadline {
                let seen = format!("{seen}, for {} seconds", self.patience.as_secs());
                return Err(Miss { expected: expected.to_string(), seen });
            }
            sleep(LOOK).await;
        }
    }

    /// The same for what a look without waiting shows.
    pub(super) async fn until_so(
        &self,
        expected: impl Display,
        mut look: impl FnMut() -> Result<(), String>,
    ) -> Held {
        self.until(expected, async || look()).await
    }

    /// As many seconds as an outage may take are added to what is waited for until the step ends.
    pub(super) fn be_patient(&mut self, extra: Duration) {
        self.patience = PATIENCE + extra;
    }

    pub(super) fn be_as_usual(&mut self) {
        self.patience = PATIENCE;
    }

    /// A guest books; what becomes of the webhook is said.
    pub(super) fn book(
        &mut self,
        person: Person,
        flat: &'static Flat,
        from: NaiveDate,
        to: NaiveDate,
        mode: WebhookMode,
    ) -> usize {
        let (first, last) = person.name.split_once(' ').unwrap_or((person.name, ""));
        let id = {
            let mut sims = self.stage.sims();
            if mode != WebhookMode::Normal {
                sims.smoobu.next_webhook(mode);
            }
            sims.smoobu.create_booking(
                Utc::now(),
                NewBooking {
                    guest_name: person.name.into(),
                    first_name: Some(first.into()),
                    last_name: Some(last.into()),
                    email: None,
                    phone: Some(person.phone.into()),
                    language: Some(person.code.into()),
                    ..NewBooking::stay(flat.apartment, from, to)
                },
            )
        };
        let stay =
            format!("booking {id}: {}, {}, {}, {}", person.name, person.language, flat.name, span(from, to));
        self.tell.fact("Smoobu", stay);
        self.guests.push(Guest {
            person,
            id,
            flat,
            from,
            to,
            pin: None,
            on_door: false,
            told: 0,
            story: Vec::new(),
        });
        self.guests.len() - 1
    }

    /// Smoobu tells times of changes in seconds: no two changes of a booking fall into one.
    pub(super) async fn second_passes(&self, id: u64) -> Held {
        self.until_so("a second passes between two changes", || {
            let changed = self.stage.sims().smoobu.booking(id).map(|booking| booking.modified_at.timestamp());
            match changed {
                Some(changed) if changed == Utc::now().timestamp() => Err("the same second".into()),
                Some(_) => Ok(()),
                None => Err(format!("no booking {id}")),
            }
        })
        .await
    }

    /// A booking changes at Smoobu.
    pub(super) async fn change(&mut self, guest: usize, patch: BookingPatch, mode: WebhookMode) -> Held {
        let id = self.guests[guest].id;
        self.second_passes(id).await?;
        let mut sims = self.stage.sims();
        if mode != WebhookMode::Normal {
            sims.smoobu.next_webhook(mode);
        }
        let changed = sims.smoobu.update_booking(Utc::now(), id, patch);
        drop(sims);
        check(changed, format!("booking {id} can be changed"), "Smoobu has no such booking")
    }

    /// The codes on a flat's keypad that name a booking, as The Keys lists them.
    pub(super) fn codes(&self, flat: &Flat, id: u64) -> Vec<Share> {
        let marker = format!("Smoobu#{id}");
        let mut codes = self.stage.sims().thekeys.codes_on(flat.lock);
        codes.retain(|share| share.description.as_deref() == Some(&marker));
        codes
    }

    /// Waits for the guest's one code, with the dates of the stay, at the door itself. Returns what opens it.
    pub(super) async fn on_door(&mut self, guest: usize) -> Held<String> {
        let Guest { id, flat, from, to, .. } = self.guests[guest];
        let expected = format!("one code for booking {id} at the {}, {}", flat.name, span(from, to));
        let code = self
            .until(expected, async || {
                let codes = self.codes(flat, id);
                let [code] = codes.as_slice() else { return Err(format!("{} codes", codes.len())) };
                let dates = (code.date_start, code.date_end);
                if dates != (Some(from), Some(to)) {
                    return Err(format!("a code for {dates:?}"));
                }
                let at_door = self.stage.sims().thekeys.codes_at_door(Utc::now(), flat.lock);
                if !at_door.contains(code) {
                    return Err("a code that has not reached the door".into());
                }
                Ok(code.clone())
            })
            .await?;
        let typed = format!("{}{}", flat.prefix, code.code);
        let guest = &mut self.guests[guest];
        guest.pin = Some(typed.clone());
        guest.on_door = true;
        Ok(typed)
    }

    /// Waits until the guest was told once more on both ways, and no more than that.
    pub(super) async fn told(&mut self, guest: usize) -> Held<(String, String)> {
        let Guest { id, person, told, ref pin, .. } = self.guests[guest];
        let times = told + 1;
        let pin = pin.clone().unwrap_or_default();
        let expected = format!(
            "{} has {times} SMS and {times} guest messages, the last ones with the PIN {pin}",
            person.name
        );
        let texts = self
            .until(expected, async || {
                let (sms, thread) = self.received(id, person.phone);
                match (sms.last(), thread.last()) {
                    (Some(sms_text), Some((_, text)))
                        if (sms.len(), thread.len()) == (times, times)
                            && sms_text.contains(&pin)
                            && text.contains(&pin) =>
                    {
                        let (subject, text) = &thread[times - 1];
                        Ok((sms_text.clone(), format!("{subject}\n\n{text}")))
                    }
                    _ => Err(format!("{} SMS and {} guest messages", sms.len(), thread.len())),
                }
            })
            .await?;
        self.guests[guest].told = times;
        Ok(texts)
    }

    /// What a guest has received: texts by SMS, subjects and texts in the booking's thread.
    fn received(&self, id: u64, phone: &str) -> (Vec<String>, Vec<(String, String)>) {
        let sims = self.stage.sims();
        let sms = sims.serwersms.messages_to(phone).into_iter().map(|sms| sms.text).collect();
        let thread = sims.smoobu.guest_messages(id);
        (sms, thread.into_iter().map(|message| (message.subject.unwrap_or_default(), message.text)).collect())
    }

    /// Waits until every webhook has arrived and been worked on, and nothing is under way.
    ///
    /// Smoobu sends one for each guest message too, after those of the bookings: once these are there, all are.
    pub(super) async fn quiet(&self) -> Held {
        self.until("the host comes to rest", async || {
            let (waiting, messages) = {
                let sims = self.stage.sims();
                let ids: Vec<u64> = sims.smoobu.bookings().map(|booking| booking.id).collect();
                let messages = ids.into_iter().map(|id| sims.smoobu.thread(id).len()).sum::<usize>();
                (sims.smoobu.waiting_webhooks(), messages)
            };
            let arrived = self.arrived("newMessage").await?;
            if waiting > 0 || arrived < messages {
                return Err(format!("{waiting} webhooks not sent, {} not arrived", messages - arrived));
            }
            let store = self.stage.store().ok_or("the host is stopped")?;
            let work = store.work(None, ALL).await.map_err(|error| error.to_string())?;
            let now = Utc::now();
            let busy = work.iter().filter(|row| {
                matches!(row.work, WorkKey::Grant(..))
                    && (row.leased_until.is_some_and(|until| until > now)
                        || row.due_at.is_some_and(|due| due <= now))
            });
            match busy.count() {
                0 => Ok(()),
                busy => Err(format!("{busy} stays in work")),
            }
        })
        .await
    }

    /// How many webhooks of an action the host has taken.
    pub(super) async fn arrived(&self, action: &str) -> Result<usize, String> {
        let store = self.stage.store().ok_or("the host is stopped")?;
        let rows = store.inbox(&tenant()?, None, ALL).await.map_err(|error| error.to_string())?;
        Ok(rows.iter().filter(|row| row.action == action).count())
    }

    /// The ledger's codes of a booking.
    pub(super) async fn ledger(&self, id: u64) -> Result<Vec<CodeRecord>, String> {
        let store = self.stage.store().ok_or("the host is stopped")?;
        let tenant = tenant()?;
        let source = IntegrationName::parse(SOURCE).map_err(|error| error.to_string())?;
        let reference = ExternalId::parse(&id.to_string()).map_err(|error| error.to_string())?;
        let alias = store.alias(&tenant, &source, &reference).await.map_err(|error| error.to_string())?;
        let stay: BookingId = alias.ok_or_else(|| format!("booking {id} is not known"))?;
        let rows = store.stay(&tenant, &stay).await.map_err(|error| error.to_string())?;
        let codes = rows.into_iter().filter_map(|row| match row.record {
            Record::Code(code) => Some(code),
            _ => None,
        });
        Ok(codes.collect())
    }

    /// Whether the flat's keypad opens for these digits at a time.
    pub(super) fn opens(&self, flat: &Flat, typed: &str, at: DateTime<Utc>) -> bool {
        self.stage.sims().thekeys.would_open(at, flat.lock, flat.keypad, typed)
    }

    /// The door opens for the guest from check-in to check-out, and for nobody before or after.
    pub(super) fn opens_in_the_window(&mut self, guest: usize) -> Held {
        let Guest { flat, from, to, ref pin, .. } = self.guests[guest];
        let typed = pin.clone().unwrap_or_default();
        let minute = TimeDelta::minutes(1);
        let local = |when: DateTime<Utc>| when.with_timezone(&ZONE).format("%a %-d %b %H:%M").to_string();
        let clock = |when: DateTime<Utc>| when.with_timezone(&ZONE).format("%H:%M").to_string();
        let (start, end) = (at(from, CHECK_IN), at(to, CHECK_OUT));
        for (when, opens) in [(start - minute, false), (start, true), (end - minute, true), (end, false)] {
            let word = |opens| if opens { "open" } else { "shut" };
            check(
                self.opens(flat, &typed, when) == opens,
                format!("the {} is {} for {typed} on {}", flat.name, word(opens), local(when)),
                word(!opens),
            )?;
        }
        self.tell.held(format_args!(
            "{typed} opens the {} from {} to {}: still shut at {}, shut again at {}",
            flat.name,
            local(start),
            local(end - minute),
            clock(start - minute),
            clock(end)
        ));
        Ok(())
    }

    /// How many vendor calls there were so far.
    pub(super) fn calls(&self) -> usize {
        self.stage.sims().log().iter().count()
    }

    /// What was done at vendors since then, in that order.
    pub(super) fn done_since(&self, calls: usize) -> Vec<Operation> {
        let sims = self.stage.sims();
        sims.log()
            .iter()
            .skip(calls)
            .filter(|call| call.applied || !call.operation.is_write())
            .map(|call| call.operation)
            .collect()
    }

    /// Tells what was done since then.
    pub(super) fn tell_plan(&mut self, calls: usize) {
        let words = self.done_since(calls).into_iter().filter_map(|operation| match operation {
            Operation::ListCodes => Some("read the door"),
            Operation::CreateCode => Some("make the code"),
            Operation::UpdateCode => Some("change the code"),
            Operation::DeleteCode => Some("take the old code off"),
            // Side by side, in no order.
            Operation::SendSms | Operation::SendToGuest => Some("tell the guest"),
            _ => None,
        });
        let mut plan: Vec<&str> = words.collect();
        plan.dedup();
        self.tell.fact("plan", plan.join(" → "));
    }
}

/// Something that must be so now.
pub(super) fn check(is: bool, expected: impl Into<String>, seen: impl Into<String>) -> Held {
    if is { Ok(()) } else { Err(Miss { expected: expected.into(), seen: seen.into() }) }
}

pub(super) fn tenant() -> Result<TenantSlug, String> {
    TenantSlug::parse(TENANT).map_err(|error| error.to_string())
}

/// The days of a stay.
pub(super) fn span(from: NaiveDate, to: NaiveDate) -> String {
    format!("{} – {}", from.format("%a %-d %b"), to.format("%a %-d %b"))
}
