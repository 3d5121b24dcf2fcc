//! Idempotency keys in Redis.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use booking_core::store::StoreError;
use booking_core::{Begun, IdempotencyStore, IdempotencyToken, Invalid, Rng};
use chrono::{DateTime, Utc};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, ErrorKind, RedisError, Value};

use crate::Keys;
use crate::seal::{Place, Seals};
use crate::time::Micros;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How much longer than its time the server keeps a key, so that a caller whose clock is behind still finds it.
const GRACE: Duration = Duration::from_secs(3600);
/// The longest time for which the server is asked to keep a key: it counts to no end.
const LONGEST: Duration = Duration::from_secs(1000 * 365 * 86_400);
/// What keys begin with, beside those of other programs.
const PREFIX: &str = "staykey:idempotency:";

// Each script is one step of the server. Times are texts of one length, since Lua's numbers do not hold them.
// KEYS: the key. A missing field is `false` in Lua, which is nil outside.

/// ARGV: now, until, token, milliseconds. 1: fresh; nil: in progress; a text: done.
const BEGIN: &str = r"
local held = redis.call('HMGET', KEYS[1], 'until', 'answer')
if held[1] and ARGV[1] < held[1] then return held[2] end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'until', ARGV[2], 'token', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1";

/// ARGV: now, until, token, milliseconds, answer. 1: kept; 0: another's.
const COMPLETE: &str = r"
local held = redis.call('HMGET', KEYS[1], 'until', 'token', 'answer')
if not held[1] or held[1] <= ARGV[1] or held[2] ~= ARGV[3] or held[3] then return 0 end
redis.call('HSET', KEYS[1], 'until', ARGV[2], 'answer', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1";

/// ARGV: token. 1: given back; 0: another's.
const ABANDON: &str = r"
local held = redis.call('HMGET', KEYS[1], 'token', 'answer')
if held[1] ~= ARGV[1] or held[2] then return 0 end
return redis.call('DEL', KEYS[1])";

/// Where a Redis server is: `redis://user@host/0`, `rediss://host` over TLS, or `unix:///run/redis/socket`.
#[derive(Clone)]
pub struct RedisUrl(Client);

impl RedisUrl {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for anything else. It quotes nothing of the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = Invalid::new("Redis URL", "redis://host/0, rediss://host/0 or unix:///path/to/socket");
        Client::open(text).map(Self).map_err(|_| wrong)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(…)")
    }
}

/// Idempotency keys on a Redis server that any number of hosts share. Clones share a connection. It needs a Tokio
/// runtime.
///
/// Each call is one script, which the server runs whole or not at all, so that a dropped future leaves nothing half
/// done; whether it was done at all is then not known. A lost connection is made anew, and no call is sent twice: one
/// whose answer is lost is [`StoreError::Unavailable`], and a key that it began is in progress until its time is over.
///
/// # Time
///
/// Whose turn it is, the caller's `now` decides alone, as in every other store. The server's own clock only clears away:
/// it forgets a key an hour after its time to live. So clocks of hosts may differ by an hour; a caller whose clock stands
/// still for longer finds the key fresh.
///
/// # Durability
///
/// What is remembered is as durable as the server was set up to be. One without an append-only file (`appendonly yes`,
/// `appendfsync always`), one that evicts keys (`maxmemory-policy` other than `noeviction`), and a replica that takes over
/// forget, and what is forgotten is fresh again. Where doing something twice costs more than asking twice, take the store
/// that the rest is in.
#[derive(Clone)]
pub struct RedisIdempotency {
    connection: ConnectionManager,
    seals: Arc<Seals>,
    rng: Arc<dyn Rng>,
}

impl fmt::Debug for RedisIdempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisIdempotency").finish_non_exhaustive()
    }
}

impl RedisIdempotency {
    /// Connects.
    ///
    /// `rng` must be a cryptographic one: tokens, and the nonces of what is sealed, are drawn from it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the server cannot be reached or does not let us in.
    pub async fn open(url: &RedisUrl, keys: Keys, rng: Arc<dyn Rng>) -> Result<Self, StoreError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_with_config(url.0.clone(), config).await.map_err(told)?;
        Ok(Self { connection, seals: Arc::new(Seals::new(keys, Arc::clone(&rng))), rng })
    }

    fn token(&self) -> IdempotencyToken {
        let mut drawn = [0; 8];
        self.rng.fill(&mut drawn);
        IdempotencyToken(u64::from_le_bytes(drawn))
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, StoreError> {
        command.query_async(&mut self.connection.clone()).await.map_err(told)
    }

    /// Whether a script says that it did something.
    async fn did(&self, command: &Cmd) -> Result<bool, StoreError> {
        match self.ask(command).await? {
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            _ => Err(odd()),
        }
    }
}

#[async_trait]
impl IdempotencyStore for RedisIdempotency {
    async fn begin(&self, now: DateTime<Utc>, key: &str, ttl: Duration) -> Result<Begun, StoreError> {
        let (now, token) = (Micros::of(now), self.token());
        let mut command = script(BEGIN, key);
        command.arg(text(now)).arg(text(now.plus(ttl))).arg(token.0).arg(kept_for(ttl));
        match self.ask(&command).await? {
            Value::Int(1) => Ok(Begun::Fresh(token)),
            Value::Nil => Ok(Begun::InProgress),
            Value::BulkString(sealed) => Ok(Begun::Done(self.seals.open(place(key), &sealed)?.to_vec())),
            _ => Err(odd()),
        }
    }

    async fn complete(
        &self,
        now: DateTime<Utc>,
        key: &str,
        token: &IdempotencyToken,
        answer: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let now = Micros::of(now);
        let mut command = script(COMPLETE, key);
        command.arg(text(now)).arg(text(now.plus(ttl))).arg(token.0).arg(kept_for(ttl));
        command.arg(self.seals.seal(place(key), answer)?);
        self.did(&command).await
    }

    async fn abandon(&self, key: &str, token: &IdempotencyToken) -> Result<bool, StoreError> {
        let mut command = script(ABANDON, key);
        command.arg(token.0);
        self.did(&command).await
    }
}

fn script(script: &str, key: &str) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(1).arg(format!("{PREFIX}{key}"));
    command
}

/// A time as a text that is sorted as times are. None of ours lies before 1970.
fn text(time: Micros) -> String {
    format!("{:020}", time.0.max(0))
}

fn kept_for(ttl: Duration) -> u64 {
    u64::try_from(ttl.saturating_add(GRACE).min(LONGEST).as_millis()).unwrap_or(u64::MAX)
}

fn place(key: &str) -> Place<'_> {
    Place { tenant: "", table: "idempotency", column: "answer", id: key }
}

fn odd() -> StoreError {
    StoreError::Damaged("redis: an answer that the script does not give".to_owned())
}

/// What failed, by its kind: the server's own words may repeat what it was sent.
fn told(error: RedisError) -> StoreError {
    let what = match error.kind() {
        _ if error.is_timeout() => "no answer in time",
        _ if error.is_io_error() => "the connection failed",
        ErrorKind::AuthenticationFailed => "the server does not let us in",
        _ => "the server refuses",
    };
    StoreError::Unavailable(format!("redis: {what}"))
}
