//! The stage: a folder, the simulators, and a host that can be stopped and started again.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context as _, anyhow, bail};
use booking_core::store::Store;
use booking_host::config::LogConfig;
use booking_host::{Config, Ended, Host, HostError, HostParts, telemetry};
use booking_sim::smoobu::Apartment;
use booking_sim::thekeys::Lock;
use booking_sim::{ServeError, SimConfig, SimServer, Simulators};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::config::{self, SOURCE, Secrets, TENANT};
use super::flats::{FLATS, ZONE};

pub(super) const DATABASE: &str = "staykey.db";
pub(super) const CONFIG: &str = "staykey.toml";
pub(super) const LOG: &str = "host.log";

/// Where the database, the configuration and the log are.
enum Folder {
    Temporary(TempDir),
    Chosen(PathBuf),
}

impl Folder {
    fn open(chosen: Option<PathBuf>) -> anyhow::Result<Self> {
        let Some(path) = chosen else {
            let folder = tempfile::Builder::new().prefix("staykey-demo-").tempdir();
            return Ok(Self::Temporary(folder.context("a temporary folder cannot be made")?));
        };
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        let is_empty = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
        if !is_empty {
            bail!("{} is not empty: a demo's database opens only with that demo's key", path.display());
        }
        Ok(Self::Chosen(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Chosen(path) => path,
        }
    }
}

/// A host that runs.
struct Running {
    store: Arc<dyn Store>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Ended, HostError>>,
}

/// All that the story is played on.
pub(super) struct Stage {
    pub(super) sims: SimServer,
    /// Where the host listens.
    pub(super) addr: SocketAddr,
    secrets: Secrets,
    filter: String,
    host: Option<Running>,
    folder: Folder,
}

impl Stage {
    /// Starts the simulators and the host. A port that is in use is replaced by a free one.
    pub(super) async fn start(folder: Option<PathBuf>, port: u16, sim_port: u16) -> anyhow::Result<Self> {
        let folder = Folder::open(folder)?;
        let filter = filter();
        log_to(&folder.path().join(LOG), &filter)?;
        let secrets = Secrets::draw();
        secrets.write(folder.path()).context("the demo's secrets cannot be written")?;
        let sims = simulators(&secrets, sim_port).await?;
        let listener = listen(port).await?;
        let addr = listener.local_addr()?;
        let mut stage = Self { sims, addr, secrets, filter, host: None, folder };
        stage.begin(listener).await?;
        Ok(stage)
    }

    async fn begin(&mut self, listener: TcpListener) -> anyhow::Result<()> {
        self.addr = listener.local_addr()?;
        let text = config::text(self.folder.path(), &self.host_url(), &self.sims_url(), &self.filter);
        fs::write(self.file(CONFIG), &text).context("the configuration cannot be written")?;
        let (config, _) = Config::parse(&text, &|_| None).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow!("the demo's own configuration is wrong:\n{}", problems.join("\n"))
        })?;
        let host = Host::build(config, HostParts::new()?).await?;
        let store = Arc::clone(host.engine().store());
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // Dropped is as good as told.
            let _ = stopped.await;
        };
        let task = tokio::spawn(host.run(listener, shutdown));
        self.host = Some(Running { store, stop, task });
        let hook = format!("{}/api/webhooks/{SOURCE}/t/{TENANT}/k/{}", self.host_url(), self.secrets.webhook);
        self.sims().smoobu.config.webhook_targets = vec![hook];
        Ok(())
    }

    /// Starts the host again, over the same database and where it listened before.
    pub(super) async fn start_host(&mut self) -> anyhow::Result<()> {
        let listener = listen(self.addr.port()).await?;
        self.begin(listener).await
    }

    /// Stops the host, as a signal would.
    pub(super) async fn stop_host(&mut self) -> anyhow::Result<Option<Ended>> {
        let Some(Running { store, stop, task }) = self.host.take() else { return Ok(None) };
        // The database is free for the next host once nobody holds it.
        drop(store);
        let _ = stop.send(());
        Ok(Some(task.await.context("the host panicked")??))
    }

    /// Stops everything. The folder is kept where its path is asked for.
    pub(super) async fn end(mut self, keep: bool) -> anyhow::Result<Option<PathBuf>> {
        let stopped = self.stop_host().await;
        self.sims.shutdown().await;
        let kept = match self.folder {
            Folder::Chosen(path) => Some(path),
            Folder::Temporary(folder) if keep => Some(folder.keep()),
            Folder::Temporary(folder) => {
                folder.close().context("the temporary folder cannot be removed")?;
                None
            }
        };
        stopped.map(|_| kept)
    }

    /// The simulators, for a moment.
    pub(super) fn sims(&self) -> MutexGuard<'_, Simulators> {
        self.sims.state.lock()
    }

    /// What the host remembers; nothing while it is stopped.
    pub(super) fn store(&self) -> Option<&Arc<dyn Store>> {
        self.host.as_ref().map(|host| &host.store)
    }

    /// Whether the host has ended although nobody stopped it.
    pub(super) fn is_host_gone(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.task.is_finished())
    }

    pub(super) fn host_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(super) fn sims_url(&self) -> String {
        format!("http://{}", self.sims.addr)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn is_temporary(&self) -> bool {
        matches!(self.folder, Folder::Temporary(_))
    }
}

/// What the host logs: what `RUST_LOG` says, else much.
fn filter() -> String {
    std::env::var("RUST_LOG")
        .ok()
        .filter(|filter| !filter.trim().is_empty())
        .unwrap_or_else(|| "debug".to_owned())
}

/// The host logs into a file, so that the terminal tells the story alone.
fn log_to(path: &Path, filter: &str) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut config = LogConfig::default();
    config.filter = filter.to_owned();
    let layer =
        telemetry::layer(&config, Mutex::new(file)).map_err(|problem| anyhow!("RUST_LOG {problem}"))?;
    tracing_subscriber::registry().with(layer).try_init().context("this process logs elsewhere already")
}

/// Listens on a port of this machine, or on a free one if that is in use.
async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        return Ok(listener);
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port of this machine can be listened on")
}

async fn simulators(secrets: &Secrets, port: u16) -> anyhow::Result<SimServer> {
    let mut config = SimConfig::default();
    config.smoobu.api_key.clone_from(&secrets.smoobu_key);
    config.smoobu.api_secret.clone_from(&secrets.smoobu_secret);
    config.smoobu.account_zone = ZONE;
    // Short numbers: eight digits in the story are always a PIN.
    config.smoobu.first_booking_id = 9001;
    config.thekeys.username = secrets.thekeys_username.to_owned();
    config.thekeys.password.clone_from(&secrets.thekeys_password);
    config.serwersms.token.clone_from(&secrets.sms_token);
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let server = match SimServer::start(config.clone(), at(port)).await {
        Err(ServeError::Io(_)) => SimServer::start(config, at(0)).await,
        started => started,
    };
    let server = server.context("the simulators cannot be started")?;
    let mut sims = server.state.lock();
    for flat in FLATS {
        sims.smoobu.add_apartment(Apartment { id: flat.apartment, name: flat.name.into(), time_zone: ZONE });
        let lock = Lock::with_keypad(flat.lock, flat.keypad, ZONE);
        sims.thekeys.add_lock(Lock {
            name: format!("{} door", flat.name),
            prefix: flat.prefix.into(),
            ..lock
        });
    }
    drop(sims);
    Ok(server)
}
