//! A run: the stream, the troubles meanwhile, and the reckoning.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use booking_core::Secret;
use booking_core::store::Store;
use booking_host::OsRng;
use booking_sim::smoobu::{BookingPatch, Release};
use booking_sim::{Fault, SimServer, SimState, serve};
use booking_store::{Keys, PostgresStore, PostgresUrl, SqliteStore};
use booking_test_servers::postgres::{self, Server};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::folder::Folder;
use crate::journal::{Fate, Journal, Sent};
use crate::judge::{self, Kept};
use crate::leak::Private;
use crate::process::{self, Host};
use crate::report::Report;
use crate::stream::{Deed, Stream, Trouble, Troubles};
use crate::town;
use crate::{Length, Options, StoreKind};

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a host that was told to stop may take beyond what its configuration gives it.
const MARGIN: Duration = Duration::from_secs(5);
/// How long the first piece of work after a start is waited for.
const FIRST_WORK: Duration = Duration::from_secs(20);
/// How long it may take in one go until nothing is due, and how long what the judge asks is asked again.
const QUIET: Duration = Duration::from_secs(60);
/// The leaps of time after the trouble: beyond the leases of what was killed, then beyond every wait for another attempt.
const LEAPS: [i64; 12] = [3, 11, 31, 31, 31, 31, 61, 61, 61, 121, 121, 121];

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the store is.
enum Place {
    Sqlite(PathBuf),
    Postgres { server: Arc<Server>, url: String },
}

impl Place {
    async fn new(kind: StoreKind, folder: &Path) -> anyhow::Result<Self> {
        Ok(match kind {
            StoreKind::Sqlite => Self::Sqlite(folder.join("staykey.db")),
            StoreKind::Postgres => {
                let server =
                    Arc::new(tokio::task::spawn_blocking(|| Server::start("-c listen_addresses=")).await?);
                let url = server.database().await;
                Self::Postgres { server, url }
            }
        })
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => town::sqlite_url(path),
            Self::Postgres { url, .. } => url.clone(),
        }
    }

    /// Opens it as a host does.
    async fn open(&self) -> anyhow::Result<Box<dyn Store>> {
        let keys = Keys::parse(&Secret::new(town::MASTER_KEY))?;
        Ok(match self {
            Self::Sqlite(path) => Box::new(SqliteStore::open(path, keys, Arc::new(OsRng))?),
            Self::Postgres { url, .. } => {
                Box::new(PostgresStore::open(&PostgresUrl::parse(url)?, keys, Arc::new(OsRng)).await?)
            }
        })
    }

    async fn restart(&self) -> anyhow::Result<()> {
        let Self::Postgres { server, .. } = self else { return Ok(()) };
        let server = Arc::clone(server);
        Ok(tokio::task::spawn_blocking(move || server.restart()).await?)
    }

    async fn cut_connections(&self) {
        let Self::Postgres { server, .. } = self else { return };
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 'test%'";
        postgres::ask(&server.url("postgres"), all).await;
    }
}

/// The hosts with all that is around them.
struct Soak {
    hosts: Vec<Host>,
    /// By how many seconds each clock is off beside what all are off by.
    skews: Arc<[AtomicI64]>,
    offset: i64,
    first_work: Vec<Option<JoinHandle<()>>>,
    worked: Arc<Mutex<Vec<Duration>>>,
    client: reqwest::Client,
    place: Place,
    sims: SimServer,
    private: Private,
    report: Report,
    _folder: Folder,
}

/// What a look came to.
#[derive(Default)]
struct Look {
    broken: Vec<String>,
    not_judged: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Report> {
    let folder = Folder::new()?;
    let mut soak = Soak::new(options, folder).await?;
    let journal = Arc::new(Mutex::new(Journal::default()));
    let (stop, stopped) = watch::channel(false);
    let deeds = tokio::spawn(happen(
        Stream::new(options.seed, u64::from(options.hosts)),
        soak.sims.state.clone(),
        soak.client.clone(),
        soak.hosts.iter().map(|host| host.url.clone()).collect(),
        Arc::clone(&soak.skews),
        Arc::clone(&journal),
        stopped,
    ));
    soak.start_all().await?;
    soak.trouble(options).await?;
    let _ = stop.send(true);
    for (what, count) in deeds.await? {
        soak.report.count(what, count);
    }
    soak.settle(&journal).await?;
    {
        let journal = guard(&journal);
        for (what, fate) in [
            ("webhooks acknowledged", Fate::Acknowledged),
            ("webhooks refused", Fate::Refused),
            ("webhooks unanswered", Fate::Unanswered),
            ("webhooks lost", Fate::Lost),
        ] {
            soak.report.count(what, journal.count(fate) as u64);
        }
    }
    soak.read_logs()?;
    soak.report.worked = std::mem::take(&mut *guard(&soak.worked));
    soak.report.peak_kib = soak.hosts.iter().map(|host| host.peak).max().unwrap_or_default();
    Ok(std::mem::take(&mut soak.report))
}

impl Soak {
    async fn new(options: &Options, folder: Folder) -> anyhow::Result<Self> {
        let around = process::build_around(folder.path())?;
        let state = SimState::new(booking_sim::SimConfig::default());
        *state.lock() = town::simulators(state.clock.now());
        let sims = serve(state, ([127, 0, 0, 1], 0).into()).await?;
        let place = Place::new(options.store, folder.path()).await?;
        let client =
            reqwest::Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).no_proxy().build()?;
        let logs = options.logs.as_deref().unwrap_or(folder.path());
        std::fs::create_dir_all(logs)?;
        let mut hosts = Vec::new();
        for number in 0..options.hosts {
            let listen = format!("127.0.0.1:{}", free_port(u16::from(number))?);
            let name = format!("host-{number}");
            let config = folder.path().join(format!("{name}.toml"));
            let simulators = format!("http://{}", sims.addr);
            // Whether webhooks are believed is another thing from seed to seed.
            let trust = options.seed.is_multiple_of(2);
            std::fs::write(&config, town::config(&listen, &place.url(), &simulators, trust))?;
            let url = format!("http://{listen}");
            let program = options.beside.as_ref().filter(|_| number == 1).unwrap_or(&options.binary);
            hosts.push(Host::new(name, folder.path(), logs, program, config, &around, url)?);
        }
        let count = hosts.len();
        Ok(Self {
            hosts,
            skews: (0..count).map(|_| AtomicI64::new(0)).collect(),
            offset: 0,
            first_work: (0..count).map(|_| None).collect(),
            worked: Arc::default(),
            client,
            place,
            sims,
            private: Private::default(),
            report: Report::default(),
            _folder: folder,
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.sims.state.clock.now()
    }

    /// Starts a host, waits until it takes webhooks, and notes how long that and its first work took.
    async fn start(&mut self, host: usize) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.hosts[host].start(None)?;
        self.hosts[host].ready(&self.client).await?;
        self.report.ready.push(begun.elapsed());
        let (client, url) = (self.client.clone(), self.hosts[host].url.clone());
        let worked = Arc::clone(&self.worked);
        let first_work = tokio::spawn(async move {
            while begun.elapsed() < FIRST_WORK {
                if process::finished(&client, &url).await.is_some_and(|count| count > 0) {
                    return guard(&worked).push(begun.elapsed());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        self.first_work[host] = Some(first_work);
        Ok(())
    }

    async fn start_all(&mut self) -> anyhow::Result<()> {
        for host in 0..self.hosts.len() {
            self.start(host).await?;
        }
        Ok(())
    }

    fn forget_first_work(&mut self, host: usize) {
        if let Some(task) = self.first_work[host].take() {
            task.abort();
        }
    }

    /// Kills a host, which has to run until then.
    fn kill(&mut self, host: usize) -> anyhow::Result<()> {
        if !self.kill_what_runs(host)? {
            self.report.broken.push(format!("{} ended by itself", self.hosts[host].name));
        }
        Ok(())
    }

    /// Kills a host that may have ended by itself. Whether there was something to kill.
    fn kill_what_runs(&mut self, host: usize) -> anyhow::Result<bool> {
        self.forget_first_work(host);
        let killed = self.hosts[host].kill()?;
        self.report.count("kills", u64::from(killed));
        Ok(killed)
    }

    /// Tells a host to stop, and waits for that. Tells its exit status.
    async fn drain(&mut self, host: usize) -> anyhow::Result<Option<i32>> {
        self.forget_first_work(host);
        self.hosts[host].terminate()?;
        let name = self.hosts[host].name.clone();
        let ended = self.hosts[host].ended(Duration::from_secs(town::DRAIN_SECONDS) + MARGIN).await?;
        self.report.count("stops", 1);
        match ended {
            Some(0) => {}
            Some(3) => self.report.count("stops that cut work off", 1),
            Some(code) => self.report.broken.push(format!("{name} stopped with {code}")),
            None => self.report.broken.push(format!("{name} did not stop in time")),
        }
        Ok(ended)
    }

    /// Tells all hosts to stop. Tells the exit status of each.
    async fn drain_all(&mut self) -> anyhow::Result<Vec<(String, Option<i32>)>> {
        let mut ends = Vec::new();
        for host in 0..self.hosts.len() {
            let end = self.drain(host).await?;
            ends.push((self.hosts[host].name.clone(), end));
        }
        Ok(ends)
    }

    fn set_clocks(&self) -> anyhow::Result<()> {
        for (host, skew) in self.hosts.iter().zip(&*self.skews) {
            host.set_clock(self.offset + skew.load(Ordering::Relaxed))?;
        }
        Ok(())
    }

    /// Time passes while no host runs: where one did, it would have been frozen.
    fn leap(&mut self, minutes: i64) -> anyhow::Result<()> {
        self.offset += minutes * 60;
        self.sims.state.clock.advance(TimeDelta::minutes(minutes));
        self.set_clocks()
    }

    /// Makes trouble for as long as was asked for.
    async fn trouble(&mut self, options: &Options) -> anyhow::Result<()> {
        let begun = Instant::now();
        let shared = options.store == StoreKind::Postgres;
        let mut troubles = Troubles::new(options.seed, u64::from(options.hosts), shared);
        let mut kills = 0;
        while match options.length() {
            Length::Kills(most) => kills < most,
            Length::Minutes(minutes) => begun.elapsed().as_secs() < minutes * 60,
        } {
            let (after, trouble) = troubles.trouble();
            tokio::time::sleep(after).await;
            self.are_alive()?;
            kills += trouble.kills(u64::from(options.hosts));
            self.make(trouble).await?;
        }
        Ok(())
    }

    fn are_alive(&mut self) -> anyhow::Result<()> {
        for host in &mut self.hosts {
            ensure!(host.is_running()?, "{} ended by itself", host.name);
        }
        Ok(())
    }

    async fn make(&mut self, trouble: Trouble) -> anyhow::Result<()> {
        let place = |host: u64| usize::try_from(host).unwrap_or_default();
        match trouble {
            Trouble::Kill { host, again } => {
                let host = place(host);
                self.kill(host)?;
                if let Some(after) = again {
                    self.hosts[host].start(None)?;
                    tokio::time::sleep(after).await;
                    self.kill(host)?;
                }
                self.start(host).await?;
            }
            Trouble::PowerCut { minutes } => {
                for host in 0..self.hosts.len() {
                    self.kill(host)?;
                }
                self.report.count("power cuts", 1);
                self.leap(minutes)?;
                self.start_all().await?;
            }
            Trouble::Drain { host } => {
                self.drain(place(host)).await?;
                self.start(place(host)).await?;
            }
            Trouble::StepClock { host, seconds } => {
                self.skews[place(host)].store(seconds, Ordering::Relaxed);
                self.report.count("clocks stepped", 1);
                self.set_clocks()?;
            }
            Trouble::Fault { vendor, operation, kind, times } => {
                self.report.count("faults of vendors", 1);
                // What is not struck by then no longer is: a lie about a list must not outlast what it lies about.
                let until = self.now() + TimeDelta::seconds(20);
                let fault = Fault::new(vendor, kind).on(operation).times(times).until(until);
                self.sims.state.lock().add_fault(fault);
            }
            Trouble::RestartServer => {
                self.report.count("restarts of PostgreSQL", 1);
                self.place.restart().await?;
            }
            Trouble::CutConnections => {
                self.report.count("cuts of all connections", 1);
                self.place.cut_connections().await;
            }
            Trouble::DiskFull { host, blocks, time } => {
                let host = place(host);
                self.kill(host)?;
                self.report.count("full disks", 1);
                self.hosts[host].start(Some(blocks))?;
                tokio::time::sleep(time).await;
                // Without a disk it may have ended by itself.
                self.kill_what_runs(host)?;
                self.start(host).await?;
            }
        }
        Ok(())
    }

    /// The trouble is over: time passes until all is right, or for as long as nobody would wait.
    async fn settle(&mut self, journal: &Mutex<Journal>) -> anyhow::Result<()> {
        self.sims.state.lock().clear_faults();
        self.drain_all().await?;
        self.skews.iter().for_each(|skew| skew.store(0, Ordering::Relaxed));
        let mut last = Look::default();
        for minutes in LEAPS {
            self.leap(minutes)?;
            self.start_all().await?;
            last = self.look(journal).await?;
            if last.broken.is_empty() && last.not_judged.is_empty() {
                return Ok(());
            }
        }
        self.report.broken.append(&mut last.broken);
        self.report.not_judged.append(&mut last.not_judged);
        Ok(())
    }

    /// Waits until nothing is due, tells the hosts to stop, and looks for what is not right. Of what time does not mend
    /// the report is told at once.
    async fn look(&mut self, journal: &Mutex<Journal>) -> anyhow::Result<Look> {
        let mut look = Look::default();
        let calm = self.quiet().await?;
        let ends = self.drain_all().await?;
        let now = self.now();
        let kept = self.kept(now).await;
        self.report.count("looks", 1);
        let leases = kept.as_ref().map_or(&[][..], |kept| &kept.leases);
        self.report.broken.extend(judge::stopped(matches!(calm, Ok(true)), &ends, leases));
        match calm {
            Ok(true) => {}
            Ok(false) => look.broken.push(format!("work is still due after {} s", QUIET.as_secs())),
            Err(error) => look.not_judged.push(format!("whether the work comes to rest: {error:#}")),
        }
        match kept {
            Ok(kept) => {
                let sims = self.sims.state.lock();
                self.private.learn(&sims, &kept);
                look.broken.extend(judge::broken(&sims, &kept, &guard(journal).owed(), now));
            }
            Err(error) => look.not_judged.push(format!("doors, guests and webhooks: {error:#}")),
        }
        Ok(look)
    }

    /// What the store says, asked again for a while where it does not answer.
    async fn kept(&mut self, now: DateTime<Utc>) -> anyhow::Result<Kept> {
        let begun = Instant::now();
        loop {
            let read = async { Kept::read(&*self.place.open().await?, now).await };
            match read.await {
                Err(_) if begun.elapsed() < QUIET => self.report.count("calls of the judge made again", 1),
                answer => return answer,
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Waits until nothing is due or under way. Whether it is so, where a host tells that at all.
    async fn quiet(&mut self) -> anyhow::Result<anyhow::Result<bool>> {
        let begun = Instant::now();
        let mut calm = 0;
        let mut last = Ok(false);
        while calm < 3 && begun.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.are_alive()?;
            match self.is_calm().await {
                Ok(true) => calm += 1,
                Ok(false) => (calm, last) = (0, Ok(false)),
                Err(error) => {
                    self.report.count("calls of the judge made again", 1);
                    (calm, last) = (0, Err(error));
                }
            }
        }
        self.report.count("times that it did not get quiet", u64::from(calm < 3));
        Ok(if calm < 3 { last } else { Ok(true) })
    }

    async fn is_calm(&self) -> anyhow::Result<bool> {
        let url = format!("{}{}", self.hosts[0].url, town::health());
        let answer =
            self.client.get(url).bearer_auth(town::TOKEN).send().await.context("the operator's API")?;
        let text = answer.error_for_status()?.text().await?;
        let health: serde_json::Value = serde_json::from_str(&text)?;
        Ok(health["work"]["due"] == 0 && health["work"]["running"] == 0)
    }

    /// Nothing panicked, and no log has a secret or a guest in it.
    fn read_logs(&mut self) -> anyhow::Result<()> {
        for host in &self.hosts {
            let log = std::fs::read_to_string(&host.log)?;
            for (number, line) in (1..).zip(log.lines()) {
                if line.contains("panicked") {
                    self.report.broken.push(format!("{} line {number}: a panic", host.name));
                }
                if self.private.is_in(line) {
                    self.report.broken.push(format!("{} line {number}: a secret or a guest", host.name));
                }
            }
        }
        Ok(())
    }
}

/// A port that is free, outside of those that the system gives to callers: nobody takes it while its host is dead.
fn free_port(number: u16) -> anyhow::Result<u16> {
    let own = u16::try_from(std::process::id() % 1_000).unwrap_or_default();
    let mut ports = (0..1_000).map(|step| 20_000 + (own * 7 + number * 1_000 + step) % 10_000);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).context("no free port")
}

/// Lets the stream happen until it is told to stop, and tells how often what happened.
async fn happen(
    mut stream: Stream,
    state: SimState,
    client: reqwest::Client,
    hosts: Vec<String>,
    skews: Arc<[AtomicI64]>,
    journal: Arc<Mutex<Journal>>,
    mut stopped: watch::Receiver<bool>,
) -> Vec<(&'static str, u64)> {
    let first = state.clock.now().date_naive().pred_opt().unwrap_or_default();
    let mut counts = Vec::new();
    let mut sending = JoinSet::new();
    loop {
        let event = stream.event();
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(event.after) => {}
        }
        let bodies = {
            let mut sims = state.lock();
            let now = state.clock.now();
            counts.push((apply(&mut sims.smoobu, now, first, event.deed), 1));
            let bodies = sims.smoobu.held_webhooks().to_vec();
            sims.smoobu.release_webhooks(now, &Release::InOrder);
            bodies
        };
        for body in bodies {
            let heard_by = event.heard_by.and_then(|host| usize::try_from(host).ok());
            let Some((host, url)) = heard_by.and_then(|host| Some((host, hosts.get(host)?))) else {
                let now = state.clock.now();
                guard(&journal).note(Sent { body, fate: Fate::Lost, from: now, to: now });
                continue;
            };
            let request =
                client.post(format!("{url}{}", town::hook())).header("content-type", "application/json");
            let (state, skews, journal) = (state.clone(), Arc::clone(&skews), Arc::clone(&journal));
            sending.spawn(async move {
                let skew = || TimeDelta::seconds(skews[host].load(Ordering::Relaxed));
                let (sent, before) = (state.clock.now(), skew());
                let fate = match request.body(body.clone()).send().await {
                    Ok(answer) if answer.status().is_success() => Fate::Acknowledged,
                    Ok(_) => Fate::Refused,
                    Err(_) => Fate::Unanswered,
                };
                let (answered, after) = (state.clock.now(), skew());
                // Its clock may have been stepped meanwhile.
                let (from, to) = (sent + before.min(after), answered + before.max(after));
                guard(&journal).note(Sent { body, fate, from, to });
            });
        }
        while sending.try_join_next().is_some() {}
    }
    while sending.join_next().await.is_some() {}
    counts
}

/// One thing happens at Smoobu.
fn apply(
    smoobu: &mut booking_sim::smoobu::SmoobuSim,
    now: DateTime<Utc>,
    first: NaiveDate,
    deed: Deed,
) -> &'static str {
    let day = |offset| Some(town::day(first, offset));
    let mut change = |number, patch| smoobu.update_booking(now, town::reference(number), patch);
    match deed {
        Deed::Book { number, flat, arrival, nights } => {
            let stay =
                town::stay(number, flat, town::day(first, arrival), town::day(first, arrival + nights));
            smoobu.create_booking(now, stay);
            "bookings"
        }
        Deed::Nights { number, departure } => {
            change(number, BookingPatch { departure: day(departure), ..BookingPatch::default() });
            "extensions and shortenings"
        }
        Deed::Shift { number, arrival, departure } => {
            let (arrival, departure) = (day(arrival), day(departure));
            change(number, BookingPatch { arrival, departure, ..BookingPatch::default() });
            "other days"
        }
        Deed::Move { number, flat, arrival, departure } => {
            let apartment = Some(town::apartment(flat));
            let (arrival, departure) = (day(arrival), day(departure));
            change(number, BookingPatch { apartment, arrival, departure, ..BookingPatch::default() });
            "moves"
        }
        Deed::Cancel { number } => {
            smoobu.cancel(now, town::reference(number));
            "cancellations"
        }
    }
}
