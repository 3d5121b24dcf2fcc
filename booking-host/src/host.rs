//! A host: built whole from a configuration, then run until it is told to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use booking_core::store::{Kind, Record, RowKey, Store, StoreError, WorkKey};
use booking_core::{BookingId, Clock, IntegrationName, Rng, Secret, TenantSlug, VendorError};
use booking_engine::text::{TextError, Texts};
use booking_engine::{Engine, NotifierSetup, Tenant};
use booking_http::{Confined, ReqwestTransport, Transport, Turns};
use booking_store::{Keys, MemoryStore, SqliteStore};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api::{self, Access, Api};
use crate::config::{Config, Origin, Settings, StoreConfig, StorePlace, TenantConfig, thread_of};
use crate::metrics::Metrics;
use crate::observed::{Observations, Observed};
use crate::registry::{AdapterParts, BuiltWebhooks, Registry};
use crate::router::{Intake, RouterSettings, Webhooks, routes, wrap};
use crate::turns::StoreTurns;
use crate::worker::{Worker, errand};
use crate::world::{OsRng, SystemClock};

/// What a host is built with besides its configuration.
#[non_exhaustive]
pub struct HostParts {
    /// The kinds of adapters; the same as the configuration was read with.
    pub registry: Registry,
    /// How vendors are reached.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Cryptographic randomness.
    pub rng: Arc<dyn Rng>,
    /// A store instead of the configured one.
    pub store: Option<Arc<dyn Store>>,
}

impl HostParts {
    /// The real network, time and randomness, and the kinds of [`Registry::default`].
    ///
    /// # Errors
    ///
    /// When the machine has no usable TLS.
    pub fn new() -> Result<Self, VendorError> {
        Ok(Self::with_transport(Arc::new(ReqwestTransport::new()?)))
    }

    /// The same with another network.
    #[must_use]
    pub fn with_transport(transport: Arc<dyn Transport>) -> Self {
        Self {
            registry: Registry::default(),
            transport,
            clock: Arc::new(SystemClock),
            rng: Arc::new(OsRng),
            store: None,
        }
    }
}

impl fmt::Debug for HostParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostParts")
            .field("registry", &self.registry)
            .field("store", &self.store.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a host cannot be built or does not go on. No text holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// An adapter or secret is not what it should be; each with its section of the configuration.
    #[error("{}", .0.join("; "))]
    Adapters(Vec<String>),
    /// The store cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tenant's own texts cannot be used any more.
    #[error("tenant {tenant}: {error}")]
    Texts {
        /// Whose.
        tenant: TenantSlug,
        /// What is wrong.
        error: TextError,
    },
    /// The server failed.
    #[error("the server failed: {0}")]
    Serve(#[from] std::io::Error),
    /// The worker ended although nobody told it to.
    #[error("the worker ended by itself")]
    Worker,
}

/// A body that comes in pieces.
pub type Pieces = BoxStream<'static, std::io::Result<Bytes>>;

/// How a host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Ended {
    /// All that was begun has ended.
    Clean,
    /// Something was still under way when the time to drain was over. It is repaired by the next run.
    CutOff,
}

/// Where a vendor sends an integration's webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookUrl {
    /// Whose.
    pub tenant: TenantSlug,
    /// Which integration's.
    pub integration: IntegrationName,
    /// The URL for the vendor's dashboard. In the place of a secret in the path stands where it comes from, such as
    /// `$SMOOBU_HOOK`.
    pub url: String,
}

/// Engine, intake and worker over one store.
pub struct Host {
    config: Arc<Config>,
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    intake: Arc<Intake>,
    metrics: Arc<Metrics>,
    wake: Arc<Notify>,
    calls: Arc<Observations>,
    /// When it was built.
    since: DateTime<Utc>,
    urls: Vec<WebhookUrl>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Host {
    /// Opens the store, reads the secrets that are stored there, and builds every adapter. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`HostError`]; of adapters all that is wrong with any of them.
    pub async fn build(config: Config, parts: HostParts) -> Result<Self, HostError> {
        let HostParts { registry, transport, clock, rng, store } = parts;
        let store = match store {
            Some(store) => store,
            None => open(&config.store, &rng).await?,
        };
        let calls = Arc::new(Observations::default());
        let metrics = Arc::new(Metrics::new());
        let mut builder = Builder {
            registry: &registry,
            transport: &transport,
            clock: &clock,
            rng: &rng,
            calls: &calls,
            metrics: &metrics,
            store: &store,
            webhooks: Webhooks::default(),
            urls: Vec::new(),
            public_url: &config.server.public_url,
            wrong: Vec::new(),
        };
        let mut tenants = Vec::new();
        for tenant in &config.tenants {
            tenants.push(builder.tenant(tenant).await?);
        }
        let Builder { webhooks, urls, wrong, .. } = builder;
        if !wrong.is_empty() {
            return Err(HostError::Adapters(wrong));
        }
        let engine = Arc::new(Engine::new(store, Arc::clone(&clock), Arc::clone(&rng), tenants));
        let wake = Arc::new(Notify::new());
        let intake = Intake::new(
            Arc::clone(&engine),
            Arc::clone(&clock),
            &*rng,
            webhooks,
            RouterSettings::new(&config.server, &config.aliases),
            Arc::clone(&metrics),
            Arc::clone(&wake),
        );
        let since = clock.now();
        Ok(Self { config: Arc::new(config), engine, clock, rng, intake, metrics, wake, calls, since, urls })
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The router, to be put beside routes of one's own. [`Host::run`] serves it by itself. The operator's API is part
    /// of it where the configuration has tokens and no listener for it.
    pub fn router(&self) -> Router {
        let api = match &self.config.api {
            Some(config) if config.listen.is_none() => api::routes(self.operator(Access::Tokens)),
            _ => Router::new(),
        };
        routes(Arc::clone(&self.intake), api)
    }

    /// The operator's API ([`api`](crate::api)) alone. With [`Access::Tokens`] it is what [`Host::run`] serves; with
    /// [`Access::Open`] a program that has the configuration asks it in process, without a socket.
    pub fn api(&self, access: Access) -> Router {
        wrap(Arc::clone(&self.intake), api::routes(self.operator(access)))
    }

    /// Asks the operator's API in process, without a socket and without a token: for a program that has the
    /// configuration anyway. The body comes in pieces, as it is made.
    pub async fn ask(&self, request: Request<Bytes>) -> Response<Pieces> {
        let Ok(answer) = self.api(Access::Open).oneshot(request.map(Body::from)).await;
        answer.map(|body| {
            let pieces = body.into_data_stream();
            pieces.map(|piece| piece.map_err(std::io::Error::other)).boxed()
        })
    }

    fn operator(&self, access: Access) -> Arc<Api> {
        Api::new(
            Arc::clone(&self.intake),
            Arc::clone(&self.config),
            access,
            Arc::clone(&self.calls),
            Arc::clone(&self.rng),
            self.since,
        )
    }

    /// What to fill in at the vendors.
    #[must_use]
    pub fn webhook_urls(&self) -> &[WebhookUrl] {
        &self.urls
    }

    /// Works on these stays alone until `done` is over, without listening: for a program that applies a plan and ends.
    /// What else is due waits for a host that serves.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the store fails.
    pub async fn work_on(
        &self,
        tenant: &TenantSlug,
        stays: impl IntoIterator<Item = BookingId>,
        done: impl Future<Output = ()>,
    ) -> Result<Ended, HostError> {
        let wanted: BTreeSet<WorkKey> =
            stays.into_iter().map(|stay| WorkKey::Grant(tenant.clone(), stay)).collect();
        let look_every = TimeDelta::from_std(self.config.worker.look_every).unwrap_or(TimeDelta::seconds(5));
        let drain = self.config.server.drain;
        let ended = errand::run(&self.engine, &*self.clock, &wanted, look_every, drain, done).await?;
        Ok(if ended { Ended::Clean } else { Ended::CutOff })
    }

    /// Takes webhooks and works on what is due until `shutdown` is over. Then no more is taken, what was begun may end
    /// for as long as the configuration says, and the host is gone.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the store cannot be read at start, the server fails or the worker ends by itself.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Ended, HostError> {
        let router = self.router();
        self.serve(listener, router, shutdown).await
    }

    /// The same with a router of one's own around that of [`Host::router`].
    ///
    /// # Errors
    ///
    /// As [`Host::run`].
    pub async fn serve(
        self,
        listener: TcpListener,
        router: Router,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Ended, HostError> {
        let api = match self.config.api.as_ref().and_then(|config| config.listen) {
            Some(address) => {
                let named = |error: std::io::Error| {
                    std::io::Error::new(error.kind(), format!("api.listen {address}: {error}"))
                };
                let listener = TcpListener::bind(address).await.map_err(named)?;
                tracing::info!(address = %listener.local_addr()?, "the operator's API listens");
                Some((listener, self.api(Access::Tokens)))
            }
            None => None,
        };
        let mut shutdown = std::pin::pin!(shutdown);
        tokio::select! {
            biased;
            // What it had made due already is due.
            () = &mut shutdown => return Ok(Ended::Clean),
            started = self.engine.start() => started?,
        }
        let drain = self.config.server.drain;
        let stop = CancellationToken::new();
        // Whatever way this future ends, nothing that it began goes on for ever.
        let _stop_at_end = stop.clone().drop_guard();
        let worker = Worker {
            engine: Arc::clone(&self.engine),
            clock: Arc::clone(&self.clock),
            settings: self.config.worker.clone(),
            retention: self.config.store.retention,
            metrics: Arc::clone(&self.metrics),
            wake: Arc::clone(&self.wake),
            stop: stop.clone(),
        };
        let mut worker = tokio::spawn(worker.run(drain));
        let mut servers = JoinSet::new();
        for (listener, router) in [Some((listener, router)), api].into_iter().flatten() {
            let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
            servers.spawn(server.with_graceful_shutdown(stop.clone().cancelled_owned()).into_future());
        }

        let early = tokio::select! {
            () = &mut shutdown => None,
            ended = &mut worker => {
                tracing::error!(panicked = ended.is_err(), "the worker ended by itself");
                Some(HostError::Worker)
            }
            ended = servers.join_next() => Some(match ended {
                Some(Ok(Err(error))) => HostError::Serve(error),
                _ => HostError::Serve(std::io::Error::other("it ended by itself")),
            }),
        };
        self.intake.stopping.cancel();
        stop.cancel();
        self.intake.begun.close();
        // Intake and work end side by side and have the same time.
        let served = async {
            let all = async {
                while servers.join_next().await.is_some() {}
                self.intake.begun.wait().await;
            };
            let ended = tokio::time::timeout(drain, all).await.is_ok();
            servers.abort_all();
            ended
        };
        let worked = async {
            match early {
                Some(HostError::Worker) => true,
                // A little more than it takes by itself.
                _ => tokio::time::timeout(drain + Duration::from_secs(2), &mut worker)
                    .await
                    .is_ok_and(|ended| ended.unwrap_or(false)),
            }
        };
        let (served, worked) = tokio::join!(served, worked);
        match early {
            Some(error) => Err(error),
            None if served && worked => Ok(Ended::Clean),
            None => Ok(Ended::CutOff),
        }
    }
}

async fn open(config: &StoreConfig, rng: &Arc<dyn Rng>) -> Result<Arc<dyn Store>, HostError> {
    let rng = Arc::clone(rng);
    match &config.place {
        StorePlace::Memory => Ok(Arc::new(MemoryStore::new())),
        StorePlace::Sqlite(path) => {
            let (path, keys) = (path.clone(), keys(config)?);
            // Opening migrates, which may take a while.
            match tokio::task::spawn_blocking(move || SqliteStore::open(path, keys, rng)).await {
                Ok(store) => Ok(Arc::new(store?)),
                Err(_) => Err(StoreError::Unavailable("opening it panicked".to_owned()).into()),
            }
        }
        #[cfg(feature = "postgres")]
        StorePlace::Postgres(url) => {
            Ok(Arc::new(booking_store::PostgresStore::open(url, keys(config)?, rng).await?))
        }
    }
}

/// What the store seals with.
pub(crate) fn keys(config: &StoreConfig) -> Result<Keys, HostError> {
    let wrong = |what: &str| HostError::Adapters(vec![format!("store.master_key: {what}")]);
    let active = config.master_key.as_ref().and_then(|key| key.get()).ok_or_else(|| wrong("is missing"))?;
    let mut keys = Keys::parse(active).map_err(|_| wrong("is not 32 bytes in hexadecimal or base64"))?;
    for older in config.older_master_keys.iter().filter_map(|key| key.get()) {
        keys = keys
            .with_older(older)
            .map_err(|_| wrong("an older one is not 32 bytes in hexadecimal or base64"))?;
    }
    Ok(keys)
}

struct Builder<'b> {
    registry: &'b Registry,
    transport: &'b Arc<dyn Transport>,
    clock: &'b Arc<dyn Clock>,
    rng: &'b Arc<dyn Rng>,
    calls: &'b Arc<Observations>,
    metrics: &'b Arc<Metrics>,
    store: &'b Arc<dyn Store>,
    webhooks: Webhooks,
    urls: Vec<WebhookUrl>,
    public_url: &'b str,
    wrong: Vec<String>,
}

impl Builder<'_> {
    async fn tenant(&mut self, config: &TenantConfig) -> Result<Tenant, HostError> {
        let slug = &config.slug;
        let (mut sources, mut locks, mut notifiers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (name, settings) in &config.sources {
            let Some(settings) = self.unseal(slug, settings).await? else { continue };
            let kind = self.registry.get_source(settings.kind()).cloned();
            let built = kind.map(|kind| kind.build(&settings, &self.parts(config, name, settings.kind())));
            let Some(built) = self.good(&settings, built) else { continue };
            self.hear(slug, name, &settings, built.webhooks);
            if let Some((thread, notifier)) = thread_of(name).zip(built.thread) {
                notifiers.insert(thread, NotifierSetup { notifier, source: Some(name.clone()) });
            }
            sources.insert(name.clone(), built.source);
        }
        for (name, settings) in &config.locks {
            let Some(settings) = self.unseal(slug, settings).await? else { continue };
            let kind = self.registry.get_lock(settings.kind()).cloned();
            let built = kind.map(|kind| kind.build(&settings, &self.parts(config, name, settings.kind())));
            let Some(built) = self.good(&settings, built) else { continue };
            self.hear(slug, name, &settings, built.webhooks);
            locks.insert(name.clone(), built.lock);
        }
        for (name, settings) in &config.notifiers {
            let Some(settings) = self.unseal(slug, settings).await? else { continue };
            let kind = self.registry.get_notifier(settings.kind()).cloned();
            let built = kind.map(|kind| kind.build(&settings, &self.parts(config, name, settings.kind())));
            let Some(built) = self.good(&settings, built) else { continue };
            self.hear(slug, name, &settings, built.webhooks);
            notifiers.insert(name.clone(), NotifierSetup { notifier: built.notifier, source: None });
        }
        let texts = Texts::load(config.texts.as_deref())
            .map_err(|error| HostError::Texts { tenant: slug.clone(), error })?;
        Ok(Tenant {
            slug: slug.clone(),
            mode: config.mode,
            default_language: config.default_language.clone(),
            default_region: config.phone_region.clone(),
            sources,
            locks,
            notifiers,
            units: config.units.clone(),
            doors: config.doors.iter().map(|door| (door.id.clone(), door.clone())).collect(),
            guest: config.guest.clone(),
            staff: config.staff.clone(),
            policy: config.policy.clone(),
            full_read_every: config.full_read_every,
            full_read_ahead: config.full_read_ahead,
            door_read_every: config.door_read_every,
            brake: config.brake,
            retired: config.retired.clone(),
            texts: Arc::new(texts),
        })
    }

    fn parts(&self, tenant: &TenantConfig, name: &IntegrationName, vendor: &str) -> AdapterParts {
        let transport: Arc<dyn Transport> = match tenant.allow_internal_addresses {
            true => Arc::clone(self.transport),
            false => Arc::new(Confined::new(Arc::clone(self.transport))),
        };
        self.metrics.vendor(vendor);
        let transport: Arc<dyn Transport> = Arc::new(Observed {
            inner: transport,
            clock: Arc::clone(self.clock),
            whose: (tenant.slug.clone(), name.clone()),
            vendor: vendor.to_owned(),
            notes: Arc::clone(self.calls),
            metrics: Arc::clone(self.metrics),
            turns: self.store.is_shared().then(|| self.turns(&tenant.slug, name)),
        });
        AdapterParts::new(&tenant.slug, name, &transport, self.clock, self.rng)
    }

    fn turns(&self, tenant: &TenantSlug, integration: &IntegrationName) -> Arc<dyn Turns> {
        Arc::new(StoreTurns {
            store: Arc::clone(self.store),
            clock: Arc::clone(self.clock),
            tenant: tenant.clone(),
            integration: integration.clone(),
        })
    }

    /// The settings with the secrets that are stored; `None` where one is not there.
    async fn unseal(
        &mut self,
        tenant: &TenantSlug,
        settings: &Settings,
    ) -> Result<Option<Settings>, HostError> {
        let (mut settings, mut whole) = (settings.clone(), true);
        let path = settings.path().to_owned();
        for (key, secret) in settings.secrets_mut() {
            let Origin::Stored(name) = secret.origin() else { continue };
            let name = name.clone();
            match stored(&**self.store, tenant, &name).await? {
                Some(value) => secret.fill(value),
                None => {
                    self.wrong.push(format!("{path}.{key}: the store has no secret `{name}` of this tenant"));
                    whole = false;
                }
            }
        }
        Ok(whole.then_some(settings))
    }

    /// What was built; what was not is noted.
    fn good<T>(&mut self, settings: &Settings, built: Option<Result<T, VendorError>>) -> Option<T> {
        match built {
            Some(Ok(built)) => Some(built),
            Some(Err(error)) => {
                self.wrong.push(format!("{}: {error}", settings.path()));
                None
            }
            None => {
                self.wrong.push(format!("{}: there is no kind `{}`", settings.path(), settings.kind()));
                None
            }
        }
    }

    fn hear(
        &mut self,
        tenant: &TenantSlug,
        name: &IntegrationName,
        settings: &Settings,
        webhooks: Option<BuiltWebhooks>,
    ) {
        let Some(webhooks) = webhooks else { return };
        self.webhooks.insert_built(tenant.clone(), name.clone(), webhooks);
        let secret = ["webhook_path_secret", "webhook_secrets"]
            .iter()
            .find_map(|key| settings.secret_values(key).first());
        let secret = secret.map(|secret| format!("/k/{secret}")).unwrap_or_default();
        let url = format!("{}/api/webhooks/{name}/t/{tenant}{secret}", self.public_url);
        self.urls.push(WebhookUrl { tenant: tenant.clone(), integration: name.clone(), url });
    }
}

async fn stored(store: &dyn Store, tenant: &TenantSlug, name: &str) -> Result<Option<Secret>, StoreError> {
    let key = RowKey { kind: Kind::Secret, tenant: tenant.clone(), id: name.to_owned() };
    Ok(match store.get(&key).await?.map(|row| row.record) {
        Some(Record::Secret(secret)) => secret.value,
        _ => None,
    })
}
