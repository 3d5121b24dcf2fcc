//! The ready host: configuration in, crates wired, nothing decided.

mod demo;
mod operator;
mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use booking_host::config::{Problem, Warning};
use booking_host::{Config, Ended, Host, HostError, HostParts, Traces, telemetry};
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

/// The configuration is wrong, and no start will go better before it is mended: `EX_CONFIG` of `sysexits.h`.
const WRONG_CONFIG: u8 = 78;
/// Something was still under way when the time to drain was over.
const CUT_OFF: u8 = 3;

/// Staykey: bookings in, door codes out, guests told.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes webhooks and works on what is due until SIGTERM or Ctrl-C.
    ///
    /// Exit codes: 0 stopped and all ended, 1 the host could not start or go on, 2 wrong arguments, 3 stopped and
    /// something was cut off (it is repaired by the next run), 78 the configuration is wrong: it does not help to start
    /// it again.
    Serve {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Reads and checks the configuration, prints all that is wrong or unwise, and starts nothing.
    ///
    /// Exit codes: 0 good, 1 wrong.
    CheckConfig {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Shows the whole way of a booking against played vendors.
    Demo(demo::DemoArgs),
    #[command(flatten)]
    Operator(Box<operator::Command>),
}

#[derive(clap::Args, Debug)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, env = "STAYKEY_CONFIG", default_value = "staykey.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    run(Cli::parse()).unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        match cli.command {
            Command::Serve { file } => serve(&file.config).await,
            Command::CheckConfig { file } => check(&file.config),
            Command::Demo(args) => demo::run(args).await,
            Command::Operator(command) => Ok(operator::run(*command).await),
        }
    });
    // What is still under way on threads that block, such as the migration of a host that was told to stop, is whole or
    // not at all: nobody waits for it.
    runtime.shutdown_background();
    ended
}

/// A configuration with what is unwise in it, or all that is wrong with it.
type Checked = Result<(Config, Vec<Warning>), Vec<Problem>>;

/// What is wrong with a file is not an error of this program: it is printed, and the exit code tells.
fn read(path: &Path) -> anyhow::Result<Checked> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Config::parse(&text, &|name| std::env::var(name).ok()))
}

fn check(path: &Path) -> anyhow::Result<ExitCode> {
    match read(path)? {
        Ok((config, warnings)) => {
            warnings.iter().try_for_each(|warning| say(&format!("warning: {warning}")))?;
            say(&format!(
                "{}: good, {} tenant(s), {} warning(s)",
                path.display(),
                config.tenants.len(),
                warnings.len()
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            tell(path, &problems)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn tell(path: &Path, problems: &[Problem]) -> anyhow::Result<()> {
    problems.iter().try_for_each(|problem| say(&format!("error: {problem}")))?;
    say(&format!("{}: {} error(s)", path.display(), problems.len()))
}

/// A host does not start, because of what it was given.
fn wrong_config(error: &anyhow::Error) -> ExitCode {
    complain(error);
    ExitCode::from(WRONG_CONFIG)
}

/// One line with its causes: whoever starts a host wants the remedy, not a backtrace.
fn complain(error: &anyhow::Error) {
    // Where nothing can be written, the exit code alone must do.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
}

async fn serve(path: &Path) -> anyhow::Result<ExitCode> {
    let (config, warnings) = match read(path) {
        Ok(Ok(read)) => read,
        Ok(Err(problems)) => {
            tell(path, &problems)?;
            return Ok(ExitCode::from(WRONG_CONFIG));
        }
        Err(error) => return Ok(wrong_config(&error)),
    };
    let parts = HostParts::new()?;
    let traces = match &config.traces {
        Some(traces) => {
            let traces = Traces::new(traces, Arc::clone(&parts.transport)).map_err(anyhow::Error::msg)?;
            telemetry::init_with_traces(&config.log, &traces).map_err(anyhow::Error::msg)?;
            Some(traces)
        }
        None => {
            telemetry::init(&config.log).map_err(anyhow::Error::msg)?;
            None
        }
    };
    for warning in warnings {
        tracing::warn!(%warning, "configuration");
    }
    let ended = host(config, parts, told_to_stop()).await;
    if let Some(traces) = traces
        && !traces.end().await
    {
        tracing::warn!("the collector did not take the last traces");
    }
    match ended {
        Ok(Ended::Clean) => Ok(ExitCode::SUCCESS),
        Ok(Ended::CutOff) => Ok(ExitCode::from(CUT_OFF)),
        Err(error) => match error.downcast_ref() {
            Some(HostError::Adapters(_) | HostError::Texts { .. }) => Ok(wrong_config(&error)),
            _ => Err(error),
        },
    }
}

/// A host from its first look at the store until `stop`, which may come at any time: as the first process of a container,
/// which no signal ends by itself, it would else be killed where opening the store takes long.
async fn host(
    config: Config,
    parts: HostParts,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<Ended> {
    let mut stop = std::pin::pin!(stop);
    // Before the store is opened: a second host must not wait for its port with the store in its hands.
    let listener = TcpListener::bind(config.server.listen)
        .await
        .with_context(|| format!("server.listen: cannot listen on {}", config.server.listen))?;
    let host = tokio::select! {
        biased;
        () = &mut stop => {
            tracing::info!("stopped before it served");
            return Ok(Ended::Clean);
        }
        host = Host::build(config, parts) => host?,
    };
    for hook in host.webhook_urls() {
        tracing::info!(tenant = %hook.tenant, integration = %hook.integration, url = hook.url, "webhook URL for the vendor's dashboard");
    }
    tracing::info!(listen = %listener.local_addr()?, "serving");
    let ended = host.run(listener, stop).await?;
    tracing::info!(?ended, "stopped");
    Ok(ended)
}

/// Over at Ctrl-C, or at what service managers send. They are heard from the call on, not only from when it is awaited.
#[cfg(unix)]
pub(crate) fn told_to_stop() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn comes(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
    let hear = |kind| {
        signal(kind).inspect_err(|error| tracing::error!(%error, ?kind, "a signal cannot be heard")).ok()
    };
    let (interrupt, terminate) = (hear(SignalKind::interrupt()), hear(SignalKind::terminate()));
    async move {
        tokio::select! {
            () = comes(interrupt) => {}
            () = comes(terminate) => {}
        }
    }
}

/// Over at Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn told_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}

/// A line for people.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output is closed")
}
