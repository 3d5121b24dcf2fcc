//! What was sent to the hosts, and what they said to it.

use std::collections::{BTreeMap, BTreeSet};

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
struct Sent {
    action: String,
    reference: String,
    body: String,
    fate: Fate,
}

/// All webhooks.
#[derive(Debug, Default)]
pub(crate) struct Journal(Vec<Sent>);

impl Journal {
    pub(crate) fn note(&mut self, body: String, fate: Fate) {
        let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let action = value["action"].as_str().unwrap_or_default().to_owned();
        // The id in the data of any other is not a booking's.
        let reference = match action.ends_with("Reservation") {
            true => value["data"]["id"].to_string(),
            false => String::new(),
        };
        self.0.push(Sent { action, reference, body, fate });
    }

    /// How many different webhooks were acknowledged, by action and booking. What comes twice is kept once.
    pub(crate) fn acknowledged(&self) -> BTreeMap<(String, String), usize> {
        let mut bodies = BTreeMap::<(String, String), BTreeSet<&str>>::new();
        for sent in self.0.iter().filter(|sent| sent.fate == Fate::Acknowledged) {
            bodies.entry((sent.action.clone(), sent.reference.clone())).or_default().insert(&sent.body);
        }
        bodies.into_iter().map(|(key, bodies)| (key, bodies.len())).collect()
    }

    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.0.iter().filter(|sent| sent.fate == fate).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_is_owed_once() {
        let mut journal = Journal::default();
        let body = |id: u64| format!(r#"{{"action":"newReservation","data":{{"id":{id}}}}}"#);
        for (id, fate) in
            [(1, Fate::Acknowledged), (1, Fate::Acknowledged), (2, Fate::Refused), (3, Fate::Acknowledged)]
        {
            journal.note(body(id), fate);
        }
        let owed = journal.acknowledged();
        let of = |id: &str| owed.get(&("newReservation".to_owned(), id.to_owned())).copied();
        assert_eq!((of("1"), of("2"), of("3")), (Some(1), None, Some(1)));
        assert_eq!(journal.count(Fate::Refused), 1);
    }
}
