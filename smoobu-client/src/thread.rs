//! Messages to guests, in the thread of their booking: [`SmoobuThread`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use booking_core::{
    BookingSource, Call, Channel, Fault, MessageId, MessageLimits, Notifier, NotifyError, Outcome,
    OutgoingMessage, Receipt, Recipient, Retry, Sent, VendorError,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::source::{Place, Smoobu, incomplete};
use crate::wire::{Count, Field, Id, Moment, Read, ThreadMessage};

/// Smoobu's mark of a message that the host sent.
const SENT: Count = Count(2);
/// The times of messages name no zone; the westernmost is this far behind UTC.
const WESTERNMOST: TimeDelta = TimeDelta::hours(12);
/// How far Smoobu's clock may be behind ours, as far as it lets ours be off.
const SKEW: TimeDelta = TimeDelta::minutes(5);
/// No thread is longer; a page count that grows for ever must end.
const MOST_PAGES: u64 = 100;

/// Messages to guests through Smoobu, which passes them on to the booking's channel (Airbnb, Booking.com, e-mail) at
/// once and for good.
///
/// Smoobu takes no send-once key. After an unknown outcome [`find`](Notifier::find) reads the booking's thread and
/// looks for the same text, sent since the first attempt.
#[derive(Clone)]
pub struct SmoobuThread(Smoobu);

impl fmt::Debug for SmoobuThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SmoobuThread").field(&self.0).finish()
    }
}

impl SmoobuThread {
    pub(crate) fn new(smoobu: Smoobu) -> Self {
        Self(smoobu)
    }

    fn attempts(&self) -> MutexGuard<'_, BTreeMap<MessageId, DateTime<Utc>>> {
        self.0.attempts().lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self) -> TimeDelta {
        TimeDelta::from_std(self.0.config().settle).unwrap_or(TimeDelta::MAX)
    }

    /// Remembers an attempt for as long as it matters.
    fn tried(&self, message: &OutgoingMessage, at: DateTime<Utc>) {
        let (now, settle) = (self.0.client().now(), self.settle());
        let mut attempts = self.attempts();
        attempts.retain(|_, at| plus(*at, settle) > now);
        attempts.insert(message.id.clone(), at);
    }

    /// From when on a thread that does not show the message proves that it was not sent.
    ///
    /// The message tells when its last attempt was written down; when it ended is remembered for those of this value.
    fn settled_at(&self, message: &OutgoingMessage) -> DateTime<Utc> {
        let ended = self.attempts().get(&message.id).copied();
        plus(ended.map_or(message.last_tried, |ended| ended.max(message.last_tried)), self.settle())
    }
}

fn plus(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn thread_id(recipient: &Recipient) -> Option<Id> {
    match recipient {
        Recipient::Thread(reference) => Id::of(reference),
        _ => None,
    }
}

#[async_trait]
impl Notifier for SmoobuThread {
    fn channel(&self) -> Channel {
        Channel::Thread
    }

    fn limits(&self) -> MessageLimits {
        MessageLimits::NONE
    }

    async fn send(&self, call: Call, message: &OutgoingMessage) -> Result<Receipt, NotifyError> {
        let Some(id) = thread_id(&message.recipient) else {
            return Err(NotifyError::Undeliverable("smoobu: not the thread of a booking of Smoobu's".into()));
        };
        // Should this future be dropped, the attempt ended at the latest with its call.
        self.tried(message, call.deadline.max(self.0.client().now()));
        let sent = self.0.client().send_to_guest(call, &id, &message.subject, &message.body).await;
        self.tried(message, self.0.client().now());
        sent?.ok_or_else(|| NotifyError::Undeliverable("smoobu: no such booking".into()))
    }

    async fn find(&self, call: Call, message: &OutgoingMessage) -> Result<Sent, VendorError> {
        let Some(id) = thread_id(&message.recipient) else { return Ok(Sent::No) };
        let wanted = Wanted::new(message);
        // Asked before the thread is read: what appears while it is read must not be missed.
        let (now, settled_at) = (self.0.client().now(), self.settled_at(message));
        let mut place = Place::START;
        let mut similar = false;
        loop {
            let Some(list) = self.0.client().messages(call, &id, place.page).await? else {
                return Ok(Sent::CannotTell);
            };
            for entry in &list.items {
                let seen = ThreadMessage::read(entry).map_or(Seen::Similar, |entry| wanted.compare(entry));
                match seen {
                    Seen::Same(receipt) => return Ok(Sent::Yes(receipt)),
                    Seen::Similar => similar = true,
                    Seen::Another => {}
                }
            }
            let problem = |problem| incomplete("GET /api/reservations/{id}/messages", problem);
            let check_totals = self.0.config().check_totals;
            match place
                .after(list.items.len(), list.page_count, list.total_items, check_totals)
                .map_err(problem)?
            {
                None => break,
                Some(next) if next.page > MOST_PAGES => return Err(problem("the thread has no end")),
                Some(next) => place = next,
            }
        }
        if similar {
            return Ok(Sent::CannotTell);
        }
        match (settled_at - now).to_std() {
            Ok(wait) if wait > Duration::ZERO => Err(VendorError::new(
                Fault::Vendor,
                Retry::After(wait),
                Outcome::NotApplied,
                "smoobu: the message is not in the thread, but may still appear",
            )),
            _ => Ok(Sent::No),
        }
    }

    async fn check(&self, call: Call) -> Result<(), VendorError> {
        BookingSource::check(&self.0, call).await
    }
}

/// What is looked for.
struct Wanted {
    text: Words,
    /// The earliest that the thread may show for it.
    since: NaiveDateTime,
}

/// What an entry of the thread is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Same(Receipt),
    /// It may be ours, changed on its way; or it is ours, but nobody can tell from when.
    Similar,
    Another,
}

impl Wanted {
    fn new(message: &OutgoingMessage) -> Self {
        let first_tried = message.first_tried.naive_utc();
        let since = first_tried.checked_sub_signed(WESTERNMOST + SKEW).unwrap_or(NaiveDateTime::MIN);
        Self { text: Words::of(&message.body), since }
    }

    fn compare(&self, entry: ThreadMessage) -> Seen {
        let kind = entry.kind;
        if matches!(kind, Field::Is(kind) if kind != SENT) {
            return Seen::Another;
        }
        if matches!(entry.created_at, Field::Is(Moment(at)) if at < self.since) {
            return Seen::Another;
        }
        let texts: Vec<Words> = [entry.message, entry.html_message]
            .into_iter()
            .filter_map(Field::ok)
            .map(|text| Words::of(&text.0))
            .collect();
        let certain = kind == Field::Is(SENT) && matches!(entry.created_at, Field::Is(_));
        if texts.is_empty() {
            // A sent message whose text is nowhere to be read may be any.
            return Seen::Similar;
        }
        if texts.iter().any(|text| text.all == self.text.all) {
            return if certain {
                Seen::Same(Receipt { vendor_id: entry.id.ok().map(|id| id.0) })
            } else {
                Seen::Similar
            };
        }
        if texts.iter().any(|text| self.text.may_be(text)) { Seen::Similar } else { Seen::Another }
    }
}

/// A text without what a channel may change: white space, tags, entities.
#[derive(PartialEq, Eq)]
struct Words {
    /// All but white space.
    all: String,
    letters: String,
    digits: String,
}

impl Words {
    fn of(text: &str) -> Self {
        let all: String = without_tags(&unescaped(text)).chars().filter(|c| !c.is_whitespace()).collect();
        let letters: String =
            all.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
        let digits = all.chars().filter(char::is_ascii_digit).collect();
        Self { all, letters, digits }
    }

    /// Whether `seen` may be this text with something added (a footer) or hidden (digits, links).
    fn may_be(&self, seen: &Self) -> bool {
        let added = seen.letters.contains(&self.letters);
        let all_there = !self.all.is_empty() && seen.all.contains(&self.all);
        all_there || (!self.letters.is_empty() && added && seen.digits.len() < self.digits.len())
    }
}

/// Without HTML tags; a `<` that begins none stays.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        let tag = &rest[at..];
        let begins = tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match tag.find('>').filter(|_| begins) {
            Some(end) => rest = &tag[end + 1..],
            None => {
                plain.push('<');
                rest = &tag[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// With the entities that PHP makes written out, once.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let name = tail.split_once(';').map(|(name, _)| name).filter(|name| name.len() <= 10);
        match name.and_then(|name| entity(name).map(|c| (name.len(), c))) {
            Some((length, c)) => {
                plain.push(c);
                rest = &tail[length + 1..];
            }
            None => {
                plain.push('&');
                rest = tail;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "euro" => '€',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use booking_core::ExternalId;
    use serde_json::{Value, json};

    use super::*;

    const BODY: &str = "Hi Ada & Bob,\nyour code is 4821.\n\n<3 Zażółć";

    fn wanted(body: &str) -> Wanted {
        Wanted::new(&OutgoingMessage {
            id: MessageId::parse("aaaaaaaaaaaa").unwrap(),
            recipient: Recipient::Thread(ExternalId::parse("9001").unwrap()),
            subject: String::new(),
            body: body.to_owned(),
            language: "en".to_owned(),
            first_tried: "2027-03-01T12:00:00Z".parse().unwrap(),
            last_tried: "2027-03-01T12:00:00Z".parse().unwrap(),
        })
    }

    fn same() -> Seen {
        Seen::Same(Receipt { vendor_id: Some("555".into()) })
    }

    fn compare(wanted: &Wanted, entry: &Value) -> Seen {
        wanted.compare(ThreadMessage::read(entry).unwrap())
    }

    #[track_caller]
    fn check(fields: Value, expected: Seen) {
        let mut entry = json!({"id": 555, "message": BODY, "type": 2, "createdAt": "2027-03-01 13:00:07"});
        for (name, value) in fields.as_object().unwrap() {
            entry[name] = value.clone();
        }
        assert_eq!(compare(&wanted(BODY), &entry), expected, "{fields}");
    }

    #[test]
    fn the_same_text_in_other_clothes() {
        for message in [
            BODY,
            "Hi Ada &amp; Bob,\r\n your code is 4821.\r\n\r\n&lt;3 Zażółć ",
            "<p>Hi Ada &amp; Bob,<br/>your code is&nbsp;4821.</p><p>&lt;3 Za&#380;&#xF3;łć</p>",
        ] {
            check(json!({"message": message}), same());
            check(json!({"message": "", "htmlMessage": message}), same());
        }
    }

    #[test]
    fn other_texts() {
        check(json!({"message": "Hi Ada & Bob,\nyour code is 4822.\n\n<3 Zażółć"}), Seen::Another);
        check(json!({"message": "Welcome"}), Seen::Another);
        // From the guest, who may quote us; and from before the first attempt.
        check(json!({"type": 1}), Seen::Another);
        check(json!({"createdAt": "2027-02-28 23:54:59"}), Seen::Another);
    }

    #[test]
    fn texts_that_may_be_ours() {
        check(json!({"message": format!("{BODY}\n-- \nSent with Smoobu")}), Seen::Similar);
        check(json!({"message": BODY.replace("4821", "****")}), Seen::Similar);
        check(json!({"message": null}), Seen::Similar);
        check(json!({"message": {"text": BODY}}), Seen::Similar);
        check(json!({"type": null}), Seen::Similar);
        check(json!({"type": "sent"}), Seen::Similar);
        check(json!({"createdAt": null}), Seen::Similar);
        check(json!({"createdAt": "yesterday"}), Seen::Similar);
    }

    #[test]
    fn a_longer_code_is_another_text() {
        let entry = json!({"id": 555, "message": "Code 1234", "type": 2, "createdAt": "2027-03-01 13:00:07"});
        assert_ne!(compare(&wanted("Code 123"), &entry), same());
        assert_eq!(compare(&wanted("Code 1234"), &entry), same());
        assert_eq!(compare(&wanted("Code 9999"), &entry), Seen::Another);
        assert_eq!(compare(&wanted("Код 1234"), &entry), Seen::Another);
    }

    #[test]
    fn entities_and_tags() {
        for (text, expected) in [
            ("a &amp;amp; b", "a &amp; b"),
            ("&unknown; & &; &#xD800; &#38;", "&unknown; & &; &#xD800; &"),
            ("&amp", "&amp"),
            ("5 < 6 > 4", "5 < 6 > 4"),
        ] {
            assert_eq!(without_tags(&unescaped(text)), expected);
        }
        assert_eq!(without_tags("<b>a</b><br>b<!-- c -->d<"), "abd<");
    }
}
