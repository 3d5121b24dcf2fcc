//! `booking-sim`: the simulated vendors on a loopback address, until they are interrupted.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::net::SocketAddr;
use std::process::ExitCode;

use booking_sim::{ServeError, SimConfig, SimServer, SimState, Vendor, serve, serve_anywhere};
use clap::Parser;

/// Plays Smoobu, The Keys and SerwerSMS on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8099")]
    listen: SocketAddr,
    /// Where Smoobu's webhooks go; plain http. May be given more than once.
    #[arg(long)]
    webhook_url: Vec<String>,
    /// Smoobu's API key.
    #[arg(long, env = "SIM_SMOOBU_API_KEY")]
    smoobu_api_key: Option<String>,
    /// Smoobu's API secret.
    #[arg(long, env = "SIM_SMOOBU_API_SECRET", hide_env_values = true)]
    smoobu_api_secret: Option<String>,
    /// Take Smoobu's old key header, too, without a signature.
    #[arg(long)]
    smoobu_legacy_key: bool,
    /// Listen even where others can reach the control routes.
    #[arg(long)]
    allow_non_loopback: bool,
}

impl Options {
    fn config(&self) -> SimConfig {
        let mut config = SimConfig::default();
        config.smoobu.webhook_targets.clone_from(&self.webhook_url);
        config.smoobu.accept_legacy_key = self.smoobu_legacy_key;
        if let Some(key) = &self.smoobu_api_key {
            config.smoobu.api_key.clone_from(key);
        }
        if let Some(secret) = &self.smoobu_api_secret {
            config.smoobu.api_secret.clone_from(secret);
        }
        config
    }

    async fn start(&self) -> Result<SimServer, ServeError> {
        let state = SimState::new(self.config());
        if self.allow_non_loopback {
            serve_anywhere(state, self.listen).await
        } else {
            serve(state, self.listen).await
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let server = match options.start().await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("booking-sim: {error}");
            return ExitCode::FAILURE;
        }
    };
    welcome(&server, &options);
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    server.shutdown().await;
    ExitCode::SUCCESS
}

/// The built-in secret may be shown, one that was given may not.
fn secret(options: &Options) -> String {
    match options.smoobu_api_secret {
        Some(_) => "(as given)".into(),
        None => options.config().smoobu.api_secret,
    }
}

fn welcome(server: &SimServer, options: &Options) {
    let config = options.config();
    let root = format!("http://{}", server.addr);
    println!("base addresses:");
    for vendor in Vendor::ALL {
        println!("  {}", server.base_url(vendor));
    }
    let thekeys = &config.thekeys;
    println!("made-up accounts:");
    println!("  Smoobu     key {}, secret {}", config.smoobu.api_key, secret(options));
    println!("  The Keys   {} / {}", thekeys.username, thekeys.password);
    println!("  SerwerSMS  token {}, sender {}", config.serwersms.token, config.serwersms.senders.join(", "));
    println!("try:");
    let zone = "Europe/Warsaw";
    println!(
        "  curl -d '{{\"id\":500001,\"name\":\"Studio A\",\"time_zone\":\"{zone}\"}}' {root}/control/smoobu/apartments"
    );
    println!(
        "  curl -d '{{\"id\":4411,\"prefix\":\"31\",\"time_zone\":\"{zone}\",\"accessories\":\
         [{{\"id\":42,\"id_accessoire\":\"AbCd1234\"}}]}}' {root}/control/thekeys/locks"
    );
    println!(
        "  curl -d '{{\"apartment\":500001,\"arrival\":\"2027-03-01\",\"departure\":\"2027-03-04\"}}' \
         {root}/control/smoobu/bookings"
    );
    println!("  curl {root}/control/thekeys/locks/4411/codes");
    println!("  curl {root}/control/guests/sms/%2B48600000001/received");
    println!("  curl -d '{{\"set\":\"2027-03-01T15:00:00Z\"}}' {root}/control/clock");
}
