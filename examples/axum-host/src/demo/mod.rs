//! `demo`: the whole way of a booking against played vendors, on a machine where nothing is set up.
//!
//! Simulators of Smoobu, The Keys and SerwerSMS and the host itself start on loopback, with an SQLite database in a
//! temporary folder. The story is played in real time and looked at step by step; then everything stays up.

#![allow(clippy::disallowed_methods, reason = "it is played in real time")]

mod config;
mod encore;
mod flats;
mod scene;
mod stage;
mod story;
mod tell;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::scene::{Guest, Miss, Scene};
use self::stage::{LOG, Stage};
use self::story::STEPS;
use self::tell::Tell;
use crate::table;

/// How long the story may take with `--once`; what is left of a minute and a half is for the end.
const ONCE: Duration = Duration::from_secs(80);

/// What `demo` takes.
#[derive(clap::Args, Debug)]
pub(crate) struct DemoArgs {
    /// Ends when the story is told: with 0 if every step held, with 1 and the step's name if not.
    #[arg(long)]
    once: bool,
    /// Where the host listens, on 127.0.0.1; a free port if this one is in use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where the simulators listen, on 127.0.0.1; a free port if this one is in use.
    #[arg(long, default_value_t = 8099)]
    sim_port: u16,
    /// A new or empty folder for the database, the configuration and the log, which stay. Default: a temporary one.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// How the story went.
enum Ending {
    Held,
    /// The last step did not hold.
    Broken(Miss),
    /// Somebody wanted it to end.
    Stopped,
}

/// Tells the story.
///
/// # Errors
///
/// When the stage cannot be set up or taken down; what goes wrong in the story is told, and the exit code is 1.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let DemoArgs { once, port, sim_port, folder } = args;
    let mut stop = std::pin::pin!(crate::told_to_stop());
    let stage = Stage::start(folder, port, sim_port).await?;
    let mut scene = Scene::new(stage, Tell::stdout());
    open(&mut scene, port, sim_port);
    let longest = if once { ONCE } else { Duration::MAX };
    let ending = tokio::select! {
        ending = tokio::time::timeout(longest, play(&mut scene)) => Some(ending),
        () = &mut stop => None,
    };
    let ending = match ending {
        Some(Ok(ending)) => ending,
        Some(Err(_)) => Ending::Broken(too_slow()),
        None => Ending::Stopped,
    };
    let mut watched = Ok(());
    match &ending {
        Ending::Stopped => scene.tell.line("\nStopped."),
        Ending::Broken(miss) => broken(&mut scene, miss),
        Ending::Held => {
            close(&mut scene, began);
            if !once {
                encore::invite(&mut scene);
                tokio::select! {
                    ended = encore::watch(&mut scene) => watched = ended,
                    () = stop => scene.tell.line("\nStopped."),
                }
            }
        }
    }
    let failed = matches!(ending, Ending::Broken(_)) || watched.is_err();
    let Scene { stage, mut tell, .. } = scene;
    if let Some(folder) = stage.end(failed).await? {
        tell.line(format_args!("Database, configuration and log are in {}.", folder.display()));
    }
    watched?;
    Ok(match ending {
        Ending::Held => ExitCode::SUCCESS,
        Ending::Broken(_) | Ending::Stopped => ExitCode::FAILURE,
    })
}

async fn play(scene: &mut Scene) -> Ending {
    for (number, step) in (1..).zip(STEPS) {
        scene.tell.headline(number, step.name);
        scene.step = number;
        if let Err(miss) = (step.play)(scene).await {
            return Ending::Broken(miss);
        }
    }
    Ending::Held
}

fn open(scene: &mut Scene, port: u16, sim_port: u16) {
    let (host, sims) = (scene.stage.addr, scene.stage.sims.addr);
    let instead = |wanted: u16, got: u16| {
        if wanted == got || wanted == 0 { String::new() } else { format!("   ({wanted} is in use)") }
    };
    let hosts = format!("http://{host}{}", instead(port, host.port()));
    let sims =
        format!("http://{sims}   Smoobu, The Keys and SerwerSMS, played{}", instead(sim_port, sims.port()));
    let folder = scene.stage.folder().display().to_string();
    let tell = &mut scene.tell;
    tell.title("Staykey: from a booking to a door that opens");
    tell.fact("host", hosts);
    tell.fact("simulators", sims);
    tell.fact("folder", format_args!("{folder}   SQLite database, configuration, {LOG}"));
    tell.fact("guests", "nobody real, so PINs are shown here; the host's log holds none");
}

fn too_slow() -> Miss {
    Miss {
        expected: format!("the whole story within {} seconds", ONCE.as_secs()),
        seen: "it was still in this step".to_owned(),
    }
}

fn broken(scene: &mut Scene, miss: &Miss) {
    let step = scene.step;
    let name = STEPS.get(step.wrapping_sub(1)).map_or("", |step| step.name);
    let log = scene.stage.file(LOG).display().to_string();
    let tell = &mut scene.tell;
    tell.broken(format_args!("step {step} did not hold: {name}"));
    tell.fact("expected", &miss.expected);
    tell.fact("seen", &miss.seen);
    tell.fact("log", log);
}

fn close(scene: &mut Scene, began: Instant) {
    let row = |guest: &Guest| {
        [
            format!("{} {}", guest.id, guest.person.name),
            guest.person.language.to_owned(),
            guest.flat.name.to_owned(),
            guest.pin.clone().unwrap_or_default(),
            if guest.on_door { "yes".to_owned() } else { "no, taken off".to_owned() },
            format!("{0} SMS, {0} in thread", guest.told),
            guest.story.join("; "),
        ]
    };
    let rows: Vec<[String; 7]> = scene.guests.iter().map(row).collect();
    let heads = ["Booking", "Language", "Flat", "PIN", "On the door", "Told", "What happened"];
    let tell = &mut scene.tell;
    tell.line("");
    for line in table::lines(heads, &rows) {
        tell.line(line);
    }
    tell.line("");
    tell.held(format_args!("all {} steps held, in {} seconds", STEPS.len(), began.elapsed().as_secs()));
}
