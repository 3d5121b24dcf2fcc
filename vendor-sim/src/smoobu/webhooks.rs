//! Webhooks on their way out: sent, lost, doubled, late, or held until somebody lets them go.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::web::{later, seconds};

/// What becomes of a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookMode {
    /// Sent once, after the usual latency.
    #[default]
    Normal,
    /// Never sent.
    Lost,
    /// Sent twice, byte for byte the same.
    Doubled,
    /// Sent so much later than usual.
    Delayed(#[serde(with = "seconds")] Duration),
    /// Kept until it is released, in whatever order.
    Held,
}

/// In which order held webhooks are let go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// As they came.
    #[default]
    InOrder,
    /// The newest first.
    Reversed,
    /// These, by their place in the queue of held ones, in this order; the rest stays held.
    Only(Vec<usize>),
}

/// A webhook that Smoobu would send now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutgoingWebhook {
    /// Where to.
    pub url: String,
    /// With which headers.
    pub headers: Vec<(String, String)>,
    /// The exact body.
    pub body: String,
    /// When it was due.
    pub due: DateTime<Utc>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    pub(super) mode: WebhookMode,
    pub(super) once: VecDeque<WebhookMode>,
    queue: Vec<(DateTime<Utc>, u64, String)>,
    held: Vec<String>,
    next: u64,
    varying: u64,
}

impl Outbox {
    pub(super) fn emit(
        &mut self,
        now: DateTime<Utc>,
        latency: Duration,
        action: &str,
        user: u64,
        data: &Value,
    ) {
        let body = json!({"action": action, "user": user, "data": data}).to_string();
        let due = later(now, latency);
        match self.once.pop_front().unwrap_or_else(|| self.mode.clone()) {
            WebhookMode::Normal => self.enqueue(due, body),
            WebhookMode::Lost => {}
            WebhookMode::Doubled => {
                self.enqueue(due, body.clone());
                self.enqueue(due, body);
            }
            WebhookMode::Delayed(by) => self.enqueue(later(due, by), body),
            WebhookMode::Held => self.held.push(body),
        }
    }

    fn enqueue(&mut self, due: DateTime<Utc>, body: String) {
        self.next += 1;
        self.queue.push((due, self.next, body));
        self.queue.sort_by_key(|(due, number, _)| (*due, *number));
    }

    pub(super) fn held(&self) -> &[String] {
        &self.held
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.queue.first().map(|(due, ..)| *due)
    }

    pub(super) fn release(&mut self, now: DateTime<Utc>, order: &Release) -> usize {
        let mut held: Vec<Option<String>> = std::mem::take(&mut self.held).into_iter().map(Some).collect();
        let places: Vec<usize> = match order {
            Release::InOrder => (0..held.len()).collect(),
            Release::Reversed => (0..held.len()).rev().collect(),
            Release::Only(places) => places.clone(),
        };
        let mut count = 0;
        for place in places {
            if let Some(body) = held.get_mut(place).and_then(Option::take) {
                self.enqueue(now, body);
                count += 1;
            }
        }
        self.held = held.into_iter().flatten().collect();
        count
    }

    pub(super) fn take(&mut self, now: DateTime<Utc>, targets: &[String]) -> Vec<OutgoingWebhook> {
        let due = self.queue.partition_point(|(due, ..)| *due <= now);
        let mut out = Vec::new();
        for (due, _, body) in self.queue.drain(..due) {
            for url in targets {
                self.varying += 1;
                let headers = [
                    ("content-type", "application/json".to_owned()),
                    ("user-agent", "Symfony BrowserKit".to_owned()),
                    ("api-key", format!("varies-{}", self.varying)),
                ];
                let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                out.push(OutgoingWebhook { url: url.clone(), headers, body: body.clone(), due });
            }
        }
        out
    }
}
