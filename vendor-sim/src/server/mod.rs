//! The loopback server: the same simulators over HTTP, with a clock that can be moved.

#![allow(clippy::disallowed_methods, reason = "only here do time pass and tasks run by themselves")]

mod clock;
mod deliver;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use bytes::Bytes;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use clock::SimClock;

use crate::operation::Vendor;
use crate::sim::{Outcome, Reply, SimConfig, Simulators};
use crate::web;

/// The largest body that is read.
const LARGEST_BODY: usize = 4 * 1024 * 1024;
/// How long connections may finish after the end was asked for.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the server works on: the simulators and their clock. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct SimState {
    /// The simulators. Lock shortly, never across an await.
    pub simulators: Arc<Mutex<Simulators>>,
    /// Their clock.
    pub clock: SimClock,
}

impl SimState {
    /// Fresh simulators on real time.
    #[must_use]
    pub fn new(config: SimConfig) -> Self {
        Self { simulators: Arc::new(Mutex::new(Simulators::new(config))), clock: SimClock::default() }
    }

    /// The simulators, for a moment; also after a panic elsewhere.
    pub fn lock(&self) -> MutexGuard<'_, Simulators> {
        self.simulators.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address can be reached from outside, and that was not asked for.
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    Io(std::io::Error),
}

impl std::fmt::Display for ServeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotLoopback(addr) => write!(
                f,
                "{addr} is not a loopback address; the simulators trust whoever reaches their control routes"
            ),
            Self::Io(error) => write!(f, "cannot listen: {error}"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotLoopback(_) => None,
            Self::Io(error) => Some(error),
        }
    }
}

impl From<std::io::Error> for ServeError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// A running server. It ends when this value is dropped, or gracefully by [`shutdown`](Self::shutdown).
///
/// ```
/// # async fn example() -> Result<(), booking_sim::ServeError> {
/// use booking_sim::{SimConfig, SimServer, Vendor};
///
/// let server = SimServer::start(SimConfig::default(), ([127, 0, 0, 1], 0).into()).await?;
/// let smoobu = server.base_url(Vendor::Smoobu);
/// assert!(smoobu.ends_with("/smoobu"));
/// let bookings = server.state.lock().smoobu.bookings().count();
/// assert_eq!(bookings, 0);
/// server.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
pub struct SimServer {
    /// Where it listens; the port is the real one where 0 was asked for.
    pub addr: SocketAddr,
    /// The simulators, to read and to drive them without HTTP. The same as `state.simulators`.
    pub handle: Arc<Mutex<Simulators>>,
    /// The simulators with their clock.
    pub state: SimState,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl SimServer {
    /// Starts fresh simulators on a loopback address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address is not a loopback one, or cannot be listened on.
    pub async fn start(config: SimConfig, addr: SocketAddr) -> Result<Self, ServeError> {
        serve(SimState::new(config), addr).await
    }

    /// The base address under which a client finds this vendor.
    #[must_use]
    pub fn base_url(&self, vendor: Vendor) -> String {
        format!("http://{}{}", self.addr, vendor.prefix())
    }

    /// Ends the server: open calls may finish for two seconds.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        for mut task in std::mem::take(&mut self.tasks) {
            if tokio::time::timeout(FAREWELL, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

impl Drop for SimServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Starts a server on simulators that exist already.
///
/// # Errors
///
/// When the address is not a loopback one, or cannot be listened on.
pub async fn serve(state: SimState, addr: SocketAddr) -> Result<SimServer, ServeError> {
    if !addr.ip().is_loopback() {
        return Err(ServeError::NotLoopback(addr));
    }
    serve_anywhere(state, addr).await
}

/// As [`serve`], on any address. Whoever reaches it can do all that the control routes can: only for closed networks.
///
/// # Errors
///
/// When the address cannot be listened on.
pub async fn serve_anywhere(state: SimState, addr: SocketAddr) -> Result<SimServer, ServeError> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let router = Router::new().fallback(answer).with_state(state.clone());
    let service = router.into_make_service_with_connect_info::<wire::Cut>();
    let ended = wire::ended(stopped.clone());
    let server = axum::serve(wire::Listener(listener), service).with_graceful_shutdown(ended);
    let serving = tokio::spawn(async move {
        let _ = server.await;
    });
    let delivering = tokio::spawn(deliver::run(state.clone(), stopped));
    let handle = Arc::clone(&state.simulators);
    Ok(SimServer { addr, handle, state, stop, tasks: vec![serving, delivering] })
}

async fn answer(
    State(state): State<SimState>,
    ConnectInfo(cut): ConnectInfo<wire::Cut>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return web::text(413, "too large").map(Body::from);
    };
    let request = Request::from_parts(parts, body);
    if request.uri().path().starts_with("/control/") {
        return control(&state, &request).map(Body::from);
    }
    let Reply { outcome, delay } = {
        let mut simulators = state.lock();
        let now = state.clock.now();
        simulators.route(now, &request)
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match outcome {
        Outcome::Response(response) => response.map(Body::from),
        Outcome::Dropped => {
            cut.now();
            Response::new(Body::empty())
        }
    }
}

fn control(state: &SimState, request: &Request<Bytes>) -> Response<Bytes> {
    if request.uri().path() == "/control/clock" {
        return state.clock.control(request);
    }
    let mut simulators = state.lock();
    let now = state.clock.now();
    simulators.control(now, request)
}
