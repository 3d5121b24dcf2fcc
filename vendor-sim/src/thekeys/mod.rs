//! The Keys: the cloud of the locks, and the doors behind it.

mod door;
mod form;
mod model;
mod routes;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use serde_json::{Value, json};

pub use model::{Accessory, AccessoryKind, CodeView, HourMinute, HourShape, Lock, Share, TokenShape};

use crate::operation::Operation;
use crate::web::{self, Answer, Call, later};

/// The account at The Keys that is played.
#[derive(Clone, Debug)]
pub struct TheKeysConfig {
    /// The phone number with its plus sign.
    pub username: String,
    /// The password.
    pub password: String,
    /// Which token fields a login answers with.
    pub token_shape: TokenShape,
    /// How long a token lives; also told as `expires_in`.
    pub token_lifetime: Duration,
    /// After how many calls a token dies, if ever.
    pub token_calls: Option<u32>,
    /// How hours are read back.
    pub hour_shape: HourShape,
    /// The number of the first share.
    pub first_share_id: u64,
}

impl Default for TheKeysConfig {
    fn default() -> Self {
        Self {
            username: "+33600000001".into(),
            password: "sim-password".into(),
            token_shape: TokenShape::Both,
            token_lifetime: Duration::from_secs(3600),
            token_calls: None,
            hour_shape: HourShape::Object,
            first_share_id: 700_001,
        }
    }
}

#[derive(Clone, Debug)]
struct Token {
    expires: DateTime<Utc>,
    calls: u32,
}

/// The Keys as it stands.
#[derive(Clone, Debug)]
pub struct TheKeysSim {
    /// The account; may be changed at any time.
    pub config: TheKeysConfig,
    tokens: BTreeMap<String, Token>,
    last_token: u64,
    locks: BTreeMap<u64, Lock>,
    shares: BTreeMap<u64, Share>,
    doors: BTreeMap<u64, door::Door>,
    last_share: u64,
}

impl TheKeysSim {
    /// An account without locks.
    #[must_use]
    pub fn new(config: TheKeysConfig) -> Self {
        let last_share = config.first_share_id.saturating_sub(1);
        Self {
            config,
            tokens: BTreeMap::new(),
            last_token: 0,
            locks: BTreeMap::new(),
            shares: BTreeMap::new(),
            doors: BTreeMap::new(),
            last_share,
        }
    }

    pub(crate) fn call(&mut self, call: &Call<'_>, frozen: Option<&mut Self>) -> Answer {
        if call.operation == Operation::Login {
            return Answer::read(self.login(call));
        }
        if !self.admit(call) {
            let body = json!({"error": "invalid_grant",
                              "error_description": "The access token provided is invalid."});
            return Answer::read(web::json(401, &body));
        }
        frozen.unwrap_or(self).answer(call)
    }

    fn login(&mut self, call: &Call<'_>) -> Response<Bytes> {
        let form = if call.is_type("application/x-www-form-urlencoded") {
            web::pairs(&String::from_utf8_lossy(call.body))
        } else {
            Vec::new()
        };
        let field = |key: &str| form.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let known = field("_username") == Some(self.config.username.as_str())
            && field("_password") == Some(self.config.password.as_str());
        if !known {
            return web::text(401, "Unauthorized");
        }
        self.last_token += 1;
        let token = format!("sim-token-{}", self.last_token);
        let expires = later(call.now, self.config.token_lifetime);
        self.tokens.retain(|_, token| call.now < token.expires);
        self.tokens.insert(token.clone(), Token { expires, calls: 0 });
        let mut body = json!({
            "access_token": token, "token": token, "refresh_token": format!("sim-refresh-{}", self.last_token),
            "token_type": "bearer", "expires_in": self.config.token_lifetime.as_secs(), "scope": "actions",
        });
        if let Some(map) = body.as_object_mut() {
            match self.config.token_shape {
                TokenShape::Both => None,
                TokenShape::Token => map.remove("access_token"),
                TokenShape::AccessToken => map.remove("token"),
            };
        }
        web::json(200, &body)
    }

    fn admit(&mut self, call: &Call<'_>) -> bool {
        let bearer = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let Some(token) = bearer.and_then(|token| self.tokens.get_mut(token)) else { return false };
        token.calls += 1;
        call.now < token.expires && self.config.token_calls.is_none_or(|most| token.calls <= most)
    }

    /// All tokens given out so far die.
    pub fn kill_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Adds a lock, or replaces the one with this number; its codes stay.
    pub fn add_lock(&mut self, lock: Lock) {
        self.locks.insert(lock.id, lock);
    }

    /// A lock, to change its delay, prefix, capacity and so on.
    pub fn lock_mut(&mut self, lock: u64) -> Option<&mut Lock> {
        self.locks.get_mut(&lock)
    }

    /// The locks, by number.
    pub fn locks(&self) -> impl Iterator<Item = &Lock> {
        self.locks.values()
    }

    /// The lock hears nothing from the cloud from now until then; with a time that is past, it hears again.
    pub fn offline_until(&mut self, now: DateTime<Utc>, lock: u64, until: DateTime<Utc>) {
        self.doors.entry(lock).or_default().cut_off(now, until);
    }

    /// Somebody makes a share by other means than the API: a staff code, a gateway's secret, an old code of ours.
    /// It is at the door at once, even where the lock is cut off. Returns its number.
    pub fn plant_share(&mut self, now: DateTime<Utc>, share: Share) -> u64 {
        let id = if share.id == 0 { self.next_share() } else { share.id };
        let share = Share { id, ..share };
        self.doors.entry(share.lock).or_default().plant(now, share.clone());
        self.shares.insert(id, share);
        id
    }

    /// Somebody changes a share in the vendor's app; it takes the usual way to the door. False if there is none.
    pub fn edit_share(&mut self, now: DateTime<Utc>, id: u64, change: impl FnOnce(&mut Share)) -> bool {
        let Some(mut share) = self.shares.get(&id).cloned() else { return false };
        change(&mut share);
        self.store(now, Share { id, ..share });
        true
    }

    /// Somebody deletes a share in the vendor's app; it takes the usual way to the door.
    pub fn remove_share(&mut self, now: DateTime<Utc>, id: u64) -> bool {
        let Some(share) = self.shares.remove(&id) else { return false };
        let delay = self.locks.get(&share.lock).map_or(Duration::ZERO, |lock| lock.sync_delay);
        self.doors.entry(share.lock).or_default().send(now, delay, id, None);
        true
    }

    /// The door forgets a code that the cloud still lists.
    pub fn forget_at_door(&mut self, now: DateTime<Utc>, id: u64) -> bool {
        let lock = self.shares.get(&id).map(|share| share.lock);
        lock.and_then(|lock| self.doors.get_mut(&lock)).is_some_and(|door| door.forget(now, id))
    }

    /// The shares of a lock as the cloud has them, other accessories' too.
    #[must_use]
    pub fn codes_on(&self, lock: u64) -> Vec<Share> {
        self.shares.values().filter(|share| share.lock == lock).cloned().collect()
    }

    /// The codes that the door of a lock knows now.
    #[must_use]
    pub fn codes_at_door(&self, now: DateTime<Utc>, lock: u64) -> Vec<Share> {
        self.doors.get(&lock).map_or_else(Vec::new, |door| door.codes(now).into_values().cloned().collect())
    }

    /// Cloud and door side by side, by the number of the share.
    #[must_use]
    pub fn compare(&self, now: DateTime<Utc>, lock: u64) -> BTreeMap<u64, CodeView> {
        let mut views = BTreeMap::new();
        for share in self.codes_on(lock) {
            views.insert(share.id, CodeView { cloud: Some(share), door: None });
        }
        for share in self.codes_at_door(now, lock) {
            let view = views.entry(share.id).or_insert(CodeView { cloud: None, door: None });
            view.door = Some(share);
        }
        views
    }

    /// Whether the door opens for what is typed: the lock's prefix and the PIN of a code that has reached the
    /// keypad, is switched on, and whose window holds now in the lock's zone.
    #[must_use]
    pub fn would_open(&self, now: DateTime<Utc>, lock: u64, keypad: &str, typed: &str) -> bool {
        let (Some(lock), Some(door)) = (self.locks.get(&lock), self.doors.get(&lock)) else { return false };
        let is_keypad = lock.accessory(keypad).is_some_and(|each| each.kind == AccessoryKind::Keypad);
        let Some(pin) = typed.strip_prefix(lock.prefix.as_str()).filter(|pin| is_keypad && !pin.is_empty())
        else {
            return false;
        };
        let local = now.with_timezone(&lock.time_zone).naive_local();
        door.codes(now)
            .into_values()
            .any(|share| share.id_accessoire == keypad && share.code == pin && share.allows(local))
    }

    fn next_share(&mut self) -> u64 {
        self.last_share += 1;
        while self.shares.contains_key(&self.last_share) {
            self.last_share += 1;
        }
        self.last_share
    }

    fn store(&mut self, now: DateTime<Utc>, share: Share) {
        let delay = self.locks.get(&share.lock).map_or(Duration::ZERO, |lock| lock.sync_delay);
        self.doors.entry(share.lock).or_default().send(now, delay, share.id, Some(share.clone()));
        self.shares.insert(share.id, share);
    }
}

/// An answer in the envelope; the status in the body is not that of HTTP.
pub(crate) fn envelope(
    http: u16,
    status: u16,
    data: Value,
    global: &[&str],
    form: &[String],
) -> Response<Bytes> {
    let mut body = json!({"status": status, "message": {"global": global, "form": form}});
    // Moved, since a list is long.
    body["data"] = data;
    web::json(http, &body)
}
