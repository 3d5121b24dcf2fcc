//! Real time plus an offset that can be moved.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::{Method, Request, Response};
use serde::Deserialize;
use serde_json::json;

use crate::web;

/// Real time plus an offset. All clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct SimClock {
    offset: Arc<Mutex<Duration>>,
}

impl SimClock {
    /// What the simulators take for now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let offset = *self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        Utc::now().checked_add_signed(offset).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Moves the clock, forwards or backwards.
    pub fn advance(&self, by: Duration) {
        let mut offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        *offset = offset.checked_add(&by).unwrap_or(*offset);
    }

    /// Sets the clock; it runs on from there.
    pub fn set(&self, to: DateTime<Utc>) {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = to - Utc::now();
    }

    pub(super) fn control(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if request.method() == Method::POST {
            match serde_json::from_slice::<Move>(request.body()) {
                Ok(Move { set: Some(to), advance_seconds: None }) => self.set(to),
                Ok(Move { set: None, advance_seconds: Some(by) }) => match Duration::try_seconds(by) {
                    Some(by) => self.advance(by),
                    None => return web::json(400, &json!({"error": "too far"})),
                },
                _ => return web::json(400, &json!({"error": "either advance_seconds or set is needed"})),
            }
        }
        web::json(200, &json!({"now": self.now()}))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    set: Option<DateTime<Utc>>,
    advance_seconds: Option<i64>,
}
