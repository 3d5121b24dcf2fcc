//! What was sent to the hosts, and what they said to it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// 2xx: from now on it is the host's.
    Acknowledged,
    /// Another answer.
    Refused,
    /// None: nobody listened, or the host died over it.
    Unanswered,
    /// It was lost on its way.
    Lost,
}

/// A webhook.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) body: String,
    pub(crate) fate: Fate,
    /// When it was sent, by the clock of the host that it went to.
    pub(crate) from: DateTime<Utc>,
    /// When it was answered, by the same clock.
    pub(crate) to: DateTime<Utc>,
}

/// A webhook that a host has to have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owed {
    pub(crate) action: String,
    /// The booking's id; empty where it is about none.
    pub(crate) reference: String,
    pub(crate) data: Value,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
}

/// All webhooks.
#[derive(Debug, Default)]
pub(crate) struct Journal(Vec<Sent>);

impl Journal {
    pub(crate) fn note(&mut self, sent: Sent) {
        self.0.push(sent);
    }

    /// What was acknowledged. Of equal bodies one is owed, which may have come with the first of them, however that was
    /// answered.
    pub(crate) fn owed(&self) -> Vec<Owed> {
        let mut alike = BTreeMap::<&str, Vec<&Sent>>::new();
        for sent in self.0.iter().filter(|sent| sent.fate != Fate::Lost) {
            alike.entry(&sent.body).or_default().push(sent);
        }
        let owed = alike.into_iter().filter_map(|(body, all)| {
            let to = all.iter().filter(|sent| sent.fate == Fate::Acknowledged).map(|sent| sent.to).max()?;
            let from = all.iter().map(|sent| sent.from).min()?;
            let mut value: Value = serde_json::from_str(body).unwrap_or_default();
            let (action, data) =
                (value["action"].as_str().unwrap_or_default().to_owned(), value["data"].take());
            // The id in the data of any other is not a booking's.
            let is_of_booking = action.ends_with("Reservation");
            let reference = if is_of_booking { data["id"].to_string() } else { String::new() };
            Some(Owed { action, reference, data, from, to })
        });
        owed.collect()
    }

    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.0.iter().filter(|sent| sent.fate == fate).count()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_comes_twice_is_owed_once() {
        let mut journal = Journal::default();
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        for (id, fate, from, to) in [
            (1, Fate::Unanswered, 10, 20),
            (1, Fate::Acknowledged, 30, 31),
            (1, Fate::Acknowledged, 40, 41),
            (2, Fate::Refused, 10, 11),
            (3, Fate::Acknowledged, 50, 52),
            (3, Fate::Lost, 5, 5),
        ] {
            let body = format!(r#"{{"action":"newReservation","data":{{"id":{id}}}}}"#);
            journal.note(Sent { body, fate, from: at(from), to: at(to) });
        }
        let owed: Vec<_> =
            journal.owed().into_iter().map(|owed| (owed.reference, owed.from, owed.to)).collect();
        assert_eq!(owed, [("1".to_owned(), at(10), at(41)), ("3".to_owned(), at(50), at(52))]);
        assert_eq!(journal.count(Fate::Refused), 1);
    }
}
