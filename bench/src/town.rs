//! What is measured: a tenant with so many flats, each with a keypad, its vendors, its bookings, and a host for it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, ensure};
use booking_core::{Secret, TenantSlug};
use booking_engine::Engine;
use booking_host::{Config, Ended, Host, HostError, HostParts, OsRng};
use booking_sim::smoobu::{Apartment, NewBooking, WebhookMode};
use booking_sim::thekeys::{Lock, Share};
use booking_sim::{SimConfig, Simulators};
use booking_store::{Keys, SqliteStore};
use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::load::{Requests, post};

const ZONE: Tz = Tz::Europe__Warsaw;
/// They open nothing but the simulators.
pub(crate) const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const HOOK: &str = "0123456789abcdef0123456789abcdef";
const TENANT: &str = "bench";
/// The days from one arrival in a flat to the next, of which the last night is free.
const STEP: u64 = 3;
/// The number of the first booking. With `+486` before it, it is a telephone number.
const FIRST: u64 = 90_000_001;

/// What can be different.
#[derive(Clone, Debug)]
pub(crate) struct Town {
    /// How many flats.
    pub(crate) flats: u64,
    /// How many doors they have.
    pub(crate) doors: u64,
    /// Whether webhooks are believed without asking.
    pub(crate) trust: bool,
    /// Whether the host only looks.
    pub(crate) observe: bool,
    /// By what guests are told.
    pub(crate) guest: &'static [&'static str],
    /// Where the simulators are, if not where the vendors would be.
    pub(crate) simulators: Option<String>,
}

impl Default for Town {
    fn default() -> Self {
        Self { flats: 50, doors: 50, trust: true, observe: false, guest: &["sms"], simulators: None }
    }
}

/// The path of the webhooks.
pub(crate) fn hook() -> String {
    format!("/api/webhooks/smoobu/t/{TENANT}/k/{HOOK}")
}

/// The tenant.
pub(crate) fn tenant() -> TenantSlug {
    TenantSlug::parse(TENANT).unwrap_or_else(|_| unreachable!("{TENANT} is a name"))
}

/// A store in this folder, as the host opens it.
pub(crate) fn store(folder: &Path) -> anyhow::Result<SqliteStore> {
    let keys = Keys::parse(&Secret::new(MASTER_KEY))?;
    Ok(SqliteStore::open(folder.join("staykey.db"), keys, Arc::new(OsRng))?)
}

impl Town {
    /// The configuration of its host.
    pub(crate) fn config(&self, folder: &Path, listen: SocketAddr) -> String {
        let base = |vendor: &str| {
            let url =
                self.simulators.as_ref().map(|simulators| format!("base_url = \"{simulators}/{vendor}\""));
            url.unwrap_or_default()
        };
        let mut text = format!(
            r#"[server]
listen = "{listen}"
public_url = "http://{listen}"
allow_foreign_base_url = true
drain = "2s"
[store]
url = "sqlite://{store}"
master_key = "{MASTER_KEY}"
[[tenant]]
slug = "{TENANT}"
mode = "{mode}"
default_language = "en"
phone_region = "PL"
allow_internal_addresses = true
[tenant.source.smoobu]
kind = "smoobu"
{smoobu}
api_key = "usr_live_sim"
api_secret = "sim-secret"
webhook_path_secret = "{HOOK}"
webhook_payload = "{payload}"
message_spacing = "0s"
requests_per_minute = 10000
[tenant.lock.thekeys]
kind = "thekeys"
{thekeys}
username = "+33600000001"
password = "sim-password"
[tenant.notifier.sms]
kind = "serwersms"
{serwersms}
token = "{token}"
sender = "STAYKEY"
[tenant.messages]
guest = {{ all = {guest:?} }}
[tenant.policy]
settle = "0s"
"#,
            store = folder.join("staykey.db").display(),
            mode = if self.observe { "observe" } else { "full" },
            payload = if self.trust { "trust" } else { "reread" },
            smoobu = base("smoobu"),
            thekeys = base("thekeys"),
            serwersms = base("serwersms"),
            token = SimConfig::default().serwersms.token,
            guest = self.guest,
        );
        // Writing to a String does not fail.
        for door in 0..self.doors {
            let _ = write!(
                text,
                r#"[[tenant.door]]
id = "door-{door}"
lock = "thekeys"
device = "{lock}"
keypad = "{keypad}"
pin_prefix = "31"
pin_length = 6
"#,
                lock = lock(door),
                keypad = keypad(door),
            );
        }
        for flat in 0..self.flats {
            let _ = write!(
                text,
                r#"[[tenant.unit]]
id = "flat-{flat}"
source = {{ smoobu = "{apartment}" }}
time_zone = "{zone}"
check_in = "15:00"
check_out = "12:00"
doors = ["door-{door}"]
"#,
                door = flat % self.doors,
                apartment = apartment(flat),
                zone = ZONE.name(),
            );
        }
        text
    }

    /// Its vendors, without a booking.
    pub(crate) fn simulators(&self) -> Simulators {
        let mut config = SimConfig::default();
        // It is the host that is measured.
        config.smoobu.limit_per_minute = u32::MAX;
        let mut sims = Simulators::new(config);
        sims.smoobu.set_webhook_mode(WebhookMode::Lost);
        for flat in 0..self.flats {
            sims.smoobu.add_apartment(Apartment {
                id: apartment(flat),
                name: format!("Flat {flat}"),
                time_zone: ZONE,
            });
        }
        for door in 0..self.doors {
            let lock = Lock::with_keypad(lock(door), &keypad(door), ZONE);
            sims.thekeys.add_lock(Lock { prefix: "31".into(), ..lock });
        }
        sims
    }

    /// Another guest: flat by flat, one stay there after the other, from next week on.
    pub(crate) fn stay(&self, number: u64, now: DateTime<Utc>) -> NewBooking {
        let arrival = now.date_naive() + Days::new(7) + Days::new(STEP * (number / self.flats));
        self.stay_from(number, arrival)
    }

    /// The same, but over for a month and more.
    pub(crate) fn past_stay(&self, number: u64, now: DateTime<Utc>) -> NewBooking {
        let arrival = now.date_naive() - Days::new(30) - Days::new(STEP * (number / self.flats));
        self.stay_from(number, arrival)
    }

    fn stay_from(&self, number: u64, arrival: NaiveDate) -> NewBooking {
        // Everything that tells one guest from another holds the number of the booking.
        let id = FIRST + number;
        NewBooking {
            id: Some(id),
            guest_name: format!("Ada {id}"),
            last_name: Some(id.to_string()),
            email: Some(format!("{id}@example.org")),
            phone: Some(format!("+486{id}")),
            ..NewBooking::stay(apartment(number % self.flats), arrival, arrival + Days::new(STEP - 1))
        }
    }

    /// The bodies of webhooks of these bookings, as Smoobu writes them.
    pub(crate) fn webhooks(&self, stays: impl IntoIterator<Item = NewBooking>) -> Vec<String> {
        let mut sims = self.simulators();
        sims.smoobu.set_webhook_mode(WebhookMode::Held);
        for stay in stays {
            sims.smoobu.create_booking(Utc::now(), stay);
        }
        sims.smoobu.held_webhooks().to_vec()
    }

    /// Requests without end, each with another booking: these stays, and then as many again for other guests.
    pub(crate) fn requests(&self, stays: impl IntoIterator<Item = NewBooking>) -> anyhow::Result<Requests> {
        let stays: Vec<NewBooking> = stays.into_iter().collect();
        let bodies = self.webhooks(stays.iter().cloned());
        ensure!(
            !bodies.is_empty() && bodies.len() == stays.len(),
            "{} webhooks of {} stays",
            bodies.len(),
            stays.len()
        );
        let ids = stays.iter().map(|stay| stay.id.unwrap_or_default().to_string());
        let bodies: Vec<(String, String)> = ids.zip(bodies).collect();
        let path = hook();
        Ok(Arc::new(move |number| {
            let (id, body) = &bodies[usize::try_from(number).unwrap_or_default() % bodies.len()];
            post(&path, &body.replace(id.as_str(), &(FIRST + number).to_string()))
        }))
    }
}

/// Staff's own codes on a keypad.
pub(crate) fn strangers(sims: &mut Simulators, door: u64, count: u64) {
    for number in 0..count {
        let code = format!("{:06}", 100_000 + number * 397 % 900_000);
        let share = Share::permanent(lock(door), &keypad(door), &format!("Staff {number}"), &code);
        sims.thekeys.plant_share(Utc::now(), share);
    }
}

fn apartment(flat: u64) -> u64 {
    500_000 + flat
}

fn lock(door: u64) -> u64 {
    4_000 + door
}

fn keypad(door: u64) -> String {
    format!("Pad{door:05}")
}

/// A listener on a free port of this machine.
pub(crate) async fn listener() -> anyhow::Result<TcpListener> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
}

/// Reads a configuration of ours.
pub(crate) fn parse(text: &str) -> anyhow::Result<Config> {
    let (config, _) = Config::parse(text, &|_| None).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!("the configuration is wrong: {}", problems.join("; "))
    })?;
    Ok(config)
}

/// A host that runs in this process.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) engine: Arc<Engine>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Ended, HostError>>,
}

impl Running {
    /// Starts the host of a town.
    pub(crate) async fn start(town: &Town, folder: &Path, parts: HostParts) -> anyhow::Result<Self> {
        let listener = listener().await?;
        let addr = listener.local_addr()?;
        let host = Host::build(parse(&town.config(folder, addr))?, parts).await?;
        let engine = Arc::clone(host.engine());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(host.run(listener, async move {
            let _ = stopped.await;
        }));
        Ok(Self { addr, engine, stop, task })
    }

    /// Stops it; what is still to be done is left.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        let _: Ended = self.task.await??;
        Ok(())
    }
}
