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
use booking_host::{Config, Ended, Host, HostParts, Traces, telemetry};
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

/// The configuration is wrong.
const WRONG_CONFIG: u8 = 1;
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
    /// Exit codes: 0 stopped and all ended, 1 the configuration is wrong or the host could not start, 2 wrong
    /// arguments, 3 stopped and something was cut off (it is repaired by the next run).
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
    // One line with its causes: whoever starts a host wants the remedy, not a backtrace.
    run(Cli::parse()).unwrap_or_else(|error| {
        // Where nothing can be written, the exit code alone must do.
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve { file } => serve(&file.config).await,
            Command::CheckConfig { file } => check(&file.config),
            Command::Demo(args) => demo::run(args).await,
            Command::Operator(command) => Ok(operator::run(*command).await),
        }
    })
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
        Err(problems) => wrong(path, &problems),
    }
}

fn wrong(path: &Path, problems: &[Problem]) -> anyhow::Result<ExitCode> {
    problems.iter().try_for_each(|problem| say(&format!("error: {problem}")))?;
    say(&format!("{}: {} error(s)", path.display(), problems.len()))?;
    Ok(ExitCode::from(WRONG_CONFIG))
}

async fn serve(path: &Path) -> anyhow::Result<ExitCode> {
    let (config, warnings) = match read(path)? {
        Ok(read) => read,
        Err(problems) => return wrong(path, &problems),
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
    // Before the store is opened: a second host must not wait for its port with the store in its hands.
    let listener = TcpListener::bind(config.server.listen)
        .await
        .with_context(|| format!("server.listen: cannot listen on {}", config.server.listen))?;
    let host = Host::build(config, parts).await?;
    for hook in host.webhook_urls() {
        tracing::info!(tenant = %hook.tenant, integration = %hook.integration, url = hook.url, "webhook URL for the vendor's dashboard");
    }
    tracing::info!(listen = %listener.local_addr()?, "serving");
    let ended = host.run(listener, told_to_stop()).await?;
    tracing::info!(?ended, "stopped");
    if let Some(traces) = traces
        && !traces.end().await
    {
        tracing::warn!("the collector did not take the last traces");
    }
    Ok(match ended {
        Ended::Clean => ExitCode::SUCCESS,
        Ended::CutOff => ExitCode::from(CUT_OFF),
    })
}

/// Ctrl-C, or what service managers send.
async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}

/// A line for people.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output is closed")
}
