//! The account: its login, its token's life, and the calls as typed functions.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use booking_core::{
    Call, Clock, CodeSpec, Door, DoorKey, Fault, Invalid, LockProvider, Outcome, Retry, Rng, VendorCodeId,
    VendorError,
};
use booking_http::{
    Bearer, NoSigner, Transport, VendorClient, VendorHealth, VendorRequest, VendorResponse, VendorSettings,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use futures_util::lock::Mutex;
use serde_json::Value;

use crate::config::TheKeysConfig;
use crate::request::{self, Address, NumericId, VENDOR};
use crate::scrub::scrub;
use crate::wire::{self, Answer, Kind, Locks, Shares};

/// How long before its end a token is no longer used.
const TOKEN_MARGIN: u64 = 60;

/// The longest life that is believed of a token.
const LONGEST_TOKEN: u64 = 7 * 86_400;

/// One account at The Keys.
///
/// Each account needs exactly one, shared in an `Arc`: its token, pacing and circuit breaker belong together. What it
/// does to doors is in [`LockProvider`].
pub struct TheKeys {
    pub(crate) config: TheKeysConfig,
    http: VendorClient,
    clock: Arc<dyn Clock>,
    session: Mutex<Session>,
    logins: AtomicU64,
    known: Mutex<Option<(DateTime<Utc>, Arc<Locks>)>>,
}

/// What logins have come to. Whoever holds it may log in, so that nobody else does.
#[derive(Default)]
struct Session {
    token: Option<Token>,
    /// The vendor refused name or password; nobody asks again before this.
    login_refused: Option<DateTime<Utc>>,
    /// The vendor refused a token that was brand new; another would fare no better before this.
    token_refused: Option<DateTime<Utc>>,
    /// Why the last login failed, for those who waited for it.
    failure: Option<(Fault, Retry, String)>,
}

#[derive(Clone)]
struct Token {
    bearer: Bearer,
    until: DateTime<Utc>,
    /// Whether the vendor ever took it. Also the token's identity.
    worked: Arc<AtomicBool>,
}

impl TheKeys {
    /// An account, reached through `transport`.
    ///
    /// # Errors
    ///
    /// [`Fault::Configuration`] with all that is wrong with the configuration. Nothing is sent yet: see
    /// [`LockProvider::check`].
    pub fn new(
        config: TheKeysConfig,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VendorError> {
        config.validate()?;
        let settings = VendorSettings::new(VENDOR, &config.base_url)
            .with_plain_http(config.allow_plain_http)
            .with_timeout(config.timeout);
        let http = VendorClient::new(settings, transport, clock.clone(), rng)?;
        let (session, logins, known) = (Mutex::default(), AtomicU64::new(0), Mutex::default());
        Ok(Self { config, http, clock, session, logins, known })
    }

    /// An account, reached over the network.
    ///
    /// # Errors
    ///
    /// As [`TheKeys::new`].
    #[cfg(feature = "reqwest")]
    pub fn connect(
        config: TheKeysConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VendorError> {
        let transport = booking_http::ReqwestTransport::new()?;
        Self::new(config, Arc::new(transport), clock, rng)
    }

    /// The key of a keypad: the lock's number, and the keypad's `id_accessoire`.
    ///
    /// ```
    /// use thekeys_client::TheKeys;
    ///
    /// let key = TheKeys::door_key("4411", "AbCd1234")?;
    /// assert_eq!(key.to_string(), "thekeys/4411/AbCd1234");
    /// // The keypad's number is not what the vendor wants.
    /// assert!(TheKeys::door_key("4411", "14411").is_err());
    /// # Ok::<(), booking_core::Invalid>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`] unless the device is a number and the keypad letters and digits, not digits alone.
    pub fn door_key(device: &str, keypad: &str) -> Result<DoorKey, Invalid> {
        Address::parse(device, keypad).map(|address| address.key())
    }

    /// How the account is doing.
    #[must_use]
    pub fn health(&self) -> VendorHealth {
        self.http.health()
    }

    /// The codes on a keypad, and why any share there could not be read: what
    /// [`LockProvider::codes`] is made from.
    ///
    /// # Errors
    ///
    /// When the list as a whole could not be read.
    pub async fn shares(&self, call: Call, door: &Door) -> Result<Shares, VendorError> {
        let address = Address::of(&door.key)?;
        let stored_len = self.rules(door).stored_len;
        let request = request::list(&address);
        let data = self.read(call, &request, Some(&address)).await?;
        let shares = match data {
            Some(Value::Null) if self.config.accept_null_list => Some(Shares::default()),
            Some(Value::Null) => {
                return Err(
                    error(&request, "answered null in place of a list, see accept_null_list").of_read()
                );
            }
            data => data.and_then(|data| wire::shares(&data, &address.keypad, stored_len)),
        };
        let shares = shares.ok_or_else(|| error(&request, "answered without a list of shares").of_read())?;
        if shares.codes.is_empty() && shares.complete() {
            // A keypad that is not there looks just as empty.
            self.keypad(call, &address).await?;
        }
        Ok(shares)
    }

    /// The account's locks, asked anew.
    pub(crate) async fn locks(&self, call: Call) -> Result<Arc<Locks>, VendorError> {
        let asked = self.clock.now();
        let request = request::user(&self.config);
        let data = self.read(call, &request, None).await?;
        if data.as_ref().is_some_and(Value::is_null) {
            return Err(configuration(&request, "the vendor shows no account under this username"));
        }
        let locks = data
            .and_then(|data| wire::locks(&data))
            .ok_or_else(|| error(&request, "answered without a list of locks").of_read())?;
        let locks = Arc::new(locks);
        *self.by(call, self.known.lock()).await? = Some((asked, locks.clone()));
        Ok(locks)
    }

    /// A lock of the account, from memory where that is fresh.
    async fn lock(&self, call: Call, address: &Address) -> Result<wire::Lock, VendorError> {
        let find = |locks: &Locks| locks.locks.iter().find(|lock| lock.id == address.lock).cloned();
        let max_age = TimeDelta::from_std(self.config.zone_max_age).unwrap_or(TimeDelta::MAX);
        let remembered = {
            let known = self.by(call, self.known.lock()).await?;
            let fresh =
                known.as_ref().filter(|(at, _)| self.clock.now().signed_duration_since(*at) < max_age);
            fresh.and_then(|(_, locks)| find(locks))
        };
        if let Some(lock) = remembered {
            return Ok(lock);
        }
        let locks = self.locks(call).await?;
        match find(&locks) {
            Some(lock) => Ok(lock),
            None if locks.unreadable > 0 => {
                Err(error(&request::user(&self.config), "answered with a lock that cannot be read").of_read())
            }
            None => Err(VendorError::configuration(format!("the account shows no lock {}", address.lock))),
        }
    }

    /// The lock of a keypad that the account shows, as far as it lists keypads.
    pub(crate) async fn keypad(&self, call: Call, address: &Address) -> Result<wire::Lock, VendorError> {
        let lock = self.lock(call, address).await?;
        if lock.more_keypads || lock.keypads.iter().any(|keypad| keypad.id == address.keypad) {
            Ok(lock)
        } else {
            Err(VendorError::configuration(format!("lock {} has no keypad {}", address.lock, address.keypad)))
        }
    }

    pub(crate) async fn post_create(
        &self,
        call: Call,
        address: &Address,
        code: &CodeSpec,
    ) -> Result<VendorCodeId, Failed> {
        let request = request::create(address, code);
        let data = self.write(call, &request, address, Some(code)).await?;
        wire::created_id(data.as_ref())
            .ok_or_else(|| Failed::Error(error(&request, "answered a new code without its id")))
    }

    /// Whether the vendor said so; an update that it answers with `null` may not have found its code.
    pub(crate) async fn post_update(
        &self,
        call: Call,
        address: &Address,
        id: &NumericId,
        code: &CodeSpec,
    ) -> Result<bool, Failed> {
        let data = self.write(call, &request::update(id, code), address, Some(code)).await?;
        Ok(data != Some(Value::Null))
    }

    pub(crate) async fn post_delete(
        &self,
        call: Call,
        address: &Address,
        id: &NumericId,
    ) -> Result<(), Failed> {
        self.write(call, &request::delete(id), address, None).await.map(|_| ())
    }

    /// The data of a read.
    async fn read(
        &self,
        call: Call,
        request: &VendorRequest,
        at: Option<&Address>,
    ) -> Result<Option<Value>, VendorError> {
        let (answer, _) = self.ask(call, request, Kind::Read).await?;
        match answer {
            Answer::Done(data) => Ok(data),
            Answer::NotFound => Err(configuration(request, &format!("{} not found", place(at)))),
            other => Err(self.failed(request, other, at, None).of_read()),
        }
    }

    /// The data in the answer to a write that was applied.
    async fn write(
        &self,
        call: Call,
        request: &VendorRequest,
        address: &Address,
        code: Option<&CodeSpec>,
    ) -> Result<Option<Value>, Failed> {
        let (answer, repeated) = self.ask(call, request, Kind::Write).await.map_err(Failed::Error)?;
        let refused = matches!(answer, Answer::Refused { .. });
        match answer {
            Answer::Done(data) => Ok(data),
            Answer::NotFound => Err(Failed::NotFound { repeated }),
            other => {
                let mut failed = self.failed(request, other, Some(address), code);
                if repeated {
                    failed.outcome = Outcome::Unknown;
                }
                Err(if refused { Failed::Refused(failed) } else { Failed::Error(failed) })
            }
        }
    }

    fn failed(
        &self,
        request: &VendorRequest,
        answer: Answer,
        at: Option<&Address>,
        sent: Option<&CodeSpec>,
    ) -> VendorError {
        let not_applied = |fault, retry, what: &str| {
            VendorError::new(
                fault,
                retry,
                Outcome::NotApplied,
                format!("{VENDOR}: {}: {what}", request.label),
            )
        };
        match answer {
            Answer::Forbidden => configuration(request, &format!("the account may not use {}", place(at))),
            Answer::Busy => not_applied(Fault::Vendor, Retry::Backoff, "asked to come back later"),
            Answer::TokenRefused => not_applied(
                Fault::Credentials,
                Retry::After(self.config.login_pause),
                "a new token was refused",
            ),
            Answer::Refused { status, messages } => {
                // What we did not send, such as the names of other guests, we could not take out.
                let words =
                    sent.map(|code| scrub(&messages, &[&code.name, &code.note, &self.config.username]));
                let words = words
                    .filter(|words| !words.is_empty())
                    .map_or_else(String::new, |words| format!(": {words}"));
                not_applied(Fault::Request, Retry::Never, &format!("refused with status {status}{words}"))
            }
            Answer::Unreadable(unclear) => error(request, &format!("answered {unclear}")),
            Answer::Done(_) | Answer::NotFound => error(request, "answered something else than asked"),
        }
    }

    /// Sends a request with our token; where that turns out dead, once more with a new one. Whoever is refused had no
    /// effect, so this holds for writes too. Also says whether an attempt before the last may have been applied.
    async fn ask(
        &self,
        call: Call,
        request: &VendorRequest,
        kind: Kind,
    ) -> Result<(Answer, bool), VendorError> {
        let mut refused = None;
        let mut repeated = false;
        loop {
            let attempt = async {
                let token = self.token(call, refused.as_ref()).await?;
                let response = self.http.send(call, request, &token.bearer).await?;
                Ok((token, response))
            };
            let (token, response): (Token, VendorResponse) =
                attempt.await.map_err(|mut error: VendorError| {
                    if repeated {
                        error.outcome = Outcome::Unknown;
                    }
                    error
                })?;
            repeated |= response.repeated;
            match wire::answer(response.status, &response.body, kind) {
                Answer::TokenRefused if refused.is_none() => refused = Some(token),
                Answer::TokenRefused => {
                    self.by(call, self.session.lock()).await?.token_refused =
                        self.after(self.config.login_pause);
                    return Ok((Answer::TokenRefused, repeated));
                }
                answer => {
                    token.worked.store(true, Ordering::Relaxed);
                    return Ok((answer, repeated));
                }
            }
        }
    }

    /// The token in use, or a new one where there is none, it is too old, or it is the one that was refused.
    async fn token(&self, call: Call, refused: Option<&Token>) -> Result<Token, VendorError> {
        let seen = self.logins.load(Ordering::Relaxed);
        let mut session = self.by(call, self.session.lock()).await?;
        let now = self.clock.now();
        let is_refused =
            |token: &Token| refused.is_some_and(|refused| Arc::ptr_eq(&refused.worked, &token.worked));
        if let Some(token) = session.token.as_ref().filter(|token| now < token.until && !is_refused(token)) {
            return Ok(token.clone());
        }
        if let Some(until) = session.login_refused.filter(|until| now < *until) {
            return Err(not_now("the login was refused, the next is tried later", until - now));
        }
        let unproven = refused.is_some_and(|refused| !refused.worked.load(Ordering::Relaxed));
        if let Some(until) = session.token_refused.filter(|until| unproven && now < *until) {
            return Err(not_now("a new token was refused, the next is asked for later", until - now));
        }
        // Another call tried while this one waited its turn: its failure is ours.
        if let Some((fault, retry, detail)) =
            session.failure.clone().filter(|_| self.logins.load(Ordering::Relaxed) > seen)
        {
            return Err(VendorError::new(fault, retry, Outcome::NotApplied, detail));
        }
        session.token = None;
        session.failure = None;
        let result = self.log_in(call).await;
        self.logins.fetch_add(1, Ordering::Relaxed);
        match result {
            Ok(token) => {
                session.token = Some(token.clone());
                session.login_refused = None;
                Ok(token)
            }
            Err(error) => {
                if error.fault == Fault::Credentials || error.fault == Fault::Configuration {
                    session.login_refused = self.after(self.config.login_pause);
                }
                session.failure = Some((error.fault, error.retry, error.detail().to_owned()));
                Err(error)
            }
        }
    }

    async fn log_in(&self, call: Call) -> Result<Token, VendorError> {
        let asked = self.clock.now();
        let request = request::login(&self.config);
        let response = self.http.send(call, &request, &NoSigner).await?;
        let refused = |fault, what: &str| {
            let retry = Retry::After(self.config.login_pause);
            VendorError::new(
                fault,
                retry,
                Outcome::NotApplied,
                format!("{VENDOR}: {}: {what}", request.label),
            )
        };
        let status = response.status.as_u16();
        match status {
            404 | 405 | 410 => {
                return Err(refused(Fault::Configuration, "there is no login at this address"));
            }
            400..=499 => {
                return Err(refused(
                    Fault::Credentials,
                    &format!("username or password refused, status {status}"),
                ));
            }
            200..=299 => {}
            _ => return Err(error(&request, &format!("answered HTTP status {status}")).of_read()),
        }
        let Some(login) = wire::login(&response.body) else {
            return Err(if wire::is_object(&response.body) {
                refused(Fault::Credentials, "answered without a token")
            } else {
                error(&request, "answered something else than its JSON").of_read()
            });
        };
        let life = login.expires_in.min(LONGEST_TOKEN).saturating_sub(TOKEN_MARGIN);
        let until = asked + TimeDelta::seconds(i64::try_from(life).unwrap_or_default());
        Ok(Token { bearer: Bearer::new(&login.token)?, until, worked: Arc::default() })
    }

    fn after(&self, wait: Duration) -> Option<DateTime<Utc>> {
        self.clock.now().checked_add_signed(TimeDelta::from_std(wait).ok()?)
    }

    /// Waits for something that another call may hold, but not beyond the deadline.
    async fn by<T>(&self, call: Call, what: impl Future<Output = T>) -> Result<T, VendorError> {
        match select(pin!(what), self.clock.sleep_until(call.deadline)).await {
            Either::Left((got, _)) => Ok(got),
            Either::Right(_) => Err(VendorError::new(
                Fault::Network,
                Retry::Backoff,
                Outcome::NotApplied,
                format!("{VENDOR}: not sent, no time left after waiting for another call's login"),
            )),
        }
    }
}

/// Why a write did not work.
pub(crate) enum Failed {
    NotFound {
        /// Whether an earlier attempt of the same write may have been applied.
        repeated: bool,
    },
    /// The vendor did not want what was sent.
    Refused(VendorError),
    Error(VendorError),
}

impl fmt::Debug for TheKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TheKeys")
            .field("config", &self.config)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

fn error(request: &VendorRequest, what: &str) -> VendorError {
    VendorError::unreadable(format!("{VENDOR}: {}: {what}", request.label))
}

fn configuration(request: &VendorRequest, what: &str) -> VendorError {
    VendorError::configuration(format!("{VENDOR}: {}: {what}", request.label))
}

fn not_now(what: &str, wait: TimeDelta) -> VendorError {
    let wait = wait.to_std().unwrap_or_default();
    VendorError::new(
        Fault::Credentials,
        Retry::After(wait),
        Outcome::NotApplied,
        format!("{VENDOR}: not sent, {what}"),
    )
}

fn place(at: Option<&Address>) -> String {
    at.map_or_else(|| "its own data".to_owned(), |at| format!("lock {}, keypad {}", at.lock, at.keypad))
}
