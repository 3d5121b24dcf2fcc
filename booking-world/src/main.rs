//! Runs histories: a number of stays, or for hours; or tells the story of one.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(staykey_planted)]
use booking_core::planted;
use booking_world::{
    Budget, Features, History, Kit, OPEN, Progress, REGRESSIONS, Tally, World, directed, generate, replay,
    run,
};
use clap::{Args, Parser, Subcommand};
use mimalloc::MiMalloc;

// A third of a world's time goes into small texts and maps that live for one step.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The deterministic world of Staykey.
#[derive(Debug, Parser)]
#[command(name = "booking-world")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs histories from consecutive seeds, up to the first promise that is broken.
    Run {
        /// The seed of the first; each next one follows from it.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many stays to live through.
        #[arg(long, default_value_t = 10_000)]
        stays: u64,
        /// For how many hours, however many stays that are.
        #[arg(long)]
        hours: Option<f64>,
        /// Goes on after a broken promise, and counts.
        #[arg(long)]
        keep_going: bool,
        /// Prints how often each fault, death and step was reached.
        #[arg(long)]
        coverage: bool,
        #[command(flatten)]
        drawn: Drawn,
    },
    /// Runs one history and tells its story.
    Replay {
        /// Its seed, as it was printed.
        #[arg(long, required_unless_present = "named")]
        seed: Option<u64>,
        /// Rather than a seed: a history made by hand, by its name.
        #[arg(long, conflicts_with = "seed")]
        named: Option<String>,
        /// Tells it whole, rather than the shortest one that breaks the same promise.
        #[arg(long)]
        whole: bool,
        #[command(flatten)]
        drawn: Drawn,
    },
    /// Runs the histories that are made by hand and the seeds that are kept, and says what they do not reach.
    Directed,
    /// Lists the promises.
    Promises,
    /// Brings each planted bug to life and waits for a promise to break.
    #[cfg(staykey_planted)]
    Mutants {
        /// The seed of the first history.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// After how many drawn stays a bug counts as missed.
        #[arg(long, default_value_t = 600)]
        stays: u64,
        /// Just this one.
        #[arg(long)]
        bug: Option<String>,
    },
}

/// What histories may have in them beyond the usual.
#[derive(Debug, Args)]
struct Drawn {
    /// What the first histories had, as most kept seeds draw.
    #[arg(long)]
    first: bool,
    /// The same with what was known to be broken then.
    #[arg(long)]
    first_all: bool,
    /// What the second lot of kept seeds was drawn from.
    #[arg(long)]
    second: bool,
    /// What the third lot of kept seeds was drawn from.
    #[arg(long)]
    third: bool,
    /// All there is, what is known to be broken included.
    #[arg(long)]
    all_features: bool,
    /// One thing more: a feature, or the keypad that all doors have.
    #[arg(long, value_delimiter = ',')]
    with: Vec<String>,
}

impl Drawn {
    fn features(&self) -> Result<Features, String> {
        let features = match self {
            Self { first: true, .. } => Features::first(),
            Self { first_all: true, .. } => Features::first_all(),
            Self { second: true, .. } => Features::second(),
            Self { third: true, .. } => Features::third(),
            Self { all_features: true, .. } => Features::all(),
            _ => Features::default(),
        };
        self.with.iter().try_fold(features, |features, name| features.with(name))
    }
}

fn main() -> ExitCode {
    match done(Arguments::parse().task) {
        Ok(code) => code,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

fn done(task: Task) -> Result<ExitCode, String> {
    Ok(match task {
        Task::Run { seed, stays, hours, keep_going, coverage, drawn } => {
            let budget = match hours {
                Some(hours) => Budget::Time(Duration::from_secs_f64(hours * 3600.0)),
                None => Budget::Stays(stays),
            };
            run_all(seed, budget, keep_going, coverage, &drawn.features()?)
        }
        Task::Replay { seed, named, whole, drawn } => {
            let history = match named {
                Some(name) => by_hand(&name)?,
                None => generate(seed.unwrap_or_default(), &drawn.features()?),
            };
            let (broken, story) = replay(&Kit::default(), history, whole);
            story.iter().for_each(|line| println!("{line}"));
            if broken.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        #[cfg(staykey_planted)]
        Task::Mutants { seed, stays, bug } => mutants(seed, stays, bug.as_deref())?,
        Task::Directed => directed_ones(),
        Task::Promises => {
            for (name, sentence) in booking_world::PROMISES {
                println!("{name}: {sentence}");
            }
            ExitCode::SUCCESS
        }
    })
}

fn by_hand(name: &str) -> Result<History, String> {
    let found = directed().into_iter().find(|(other, _)| other == name);
    found.map(|(_, history)| history).ok_or_else(|| format!("there is no history named {name}"))
}

/// Prints a line for each bug; `MISSED` stands before those that no promise noticed.
#[cfg(staykey_planted)]
fn mutants(seed: u64, stays: u64, only: Option<&str>) -> Result<ExitCode, String> {
    let (kit, features) = (Kit::default(), Features::default());
    let bugs: Vec<_> = planted::ALL.iter().filter(|bug| only.is_none_or(|only| only == bug.name)).collect();
    if bugs.is_empty() {
        return Err(format!("there is no bug named {}", only.unwrap_or_default()));
    }
    println!("{:<28} {:<28} {:>8} {:>7}  history", "bug", "broken promise", "steps", "seconds");
    let mut steps = Vec::new();
    for bug in &bugs {
        let begun = now();
        let caught = booking_world::hunt(&kit, **bug, seed, stays, &features);
        let took = begun.elapsed().as_secs_f64();
        match caught {
            Some(caught) => {
                steps.push(caught.steps);
                println!(
                    "{:<28} {:<28} {:>8} {took:>7.1}  {} (the {}th)",
                    bug.name, caught.promise, caught.steps, caught.history, caught.histories
                );
            }
            None => println!("MISSED {} (and {stays} drawn stays, {took:.1} s): {}", bug.name, bug.what),
        }
    }
    steps.sort_unstable();
    println!(
        "the world noticed {} of {}; median steps to notice: {}",
        steps.len(),
        bugs.len(),
        steps.get(steps.len() / 2).copied().unwrap_or(0)
    );
    Ok(ExitCode::SUCCESS)
}

/// The histories made by hand and the seeds that are kept: each must keep every promise, and together they must reach
/// all that can be reached.
fn directed_ones() -> ExitCode {
    let kit = Kit::default();
    let mut tally = Tally::default();
    let mut held = true;
    let kept = REGRESSIONS.iter().map(|(seed, drawn)| (format!("seed {seed}"), generate(*seed, &drawn())));
    for (name, history) in directed().into_iter().chain(kept) {
        let outcome = World::new(&kit, Arc::new(history), false).run();
        tally.add(&outcome);
        let open = OPEN.contains(&name.as_str());
        match &outcome.broken {
            Some(broken) if open => println!("{name}: still open: {}", broken.promise),
            Some(broken) => {
                held = false;
                println!("{name}: BROKEN {}: {}", broken.promise, broken.text);
            }
            None => {}
        }
    }
    for place in tally.coverage.missing() {
        println!("never reached: {place}");
        held = false;
    }
    println!("{} histories by hand and from kept seeds, {} steps", tally.histories, tally.steps);
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_all(seed: u64, budget: Budget, keep_going: bool, coverage: bool, features: &Features) -> ExitCode {
    let begun = now();
    let mut told = begun;
    let tally = run(&Kit::default(), seed, budget, features, keep_going, &mut |progress| {
        if let Progress::Broken { seed, broken } = progress {
            println!("seed {seed}: BROKEN {}: {}", broken.promise, broken.text);
        }
        if told.elapsed() > Duration::from_secs(5)
            && let Progress::After(tally) = progress
        {
            told = now();
            println!("{}", line(tally, begun.elapsed()));
        }
        begun.elapsed()
    });
    if coverage {
        for (place, count) in tally.coverage.counts() {
            match booking_world::unreachable(place) {
                Some(reason) if count == 0 => println!("{:>10}  {place} ({reason})", "-"),
                _ => println!("{count:>10}  {place}"),
            }
        }
        println!("{} never reached", tally.coverage.missing().len());
    }
    for (promise, count) in &tally.broken {
        println!("{count:>6} x {promise}");
    }
    println!("the longest gap of a code that was replaced: {} s", tally.longest_gap);
    println!("digest {:016x}: equal for equal runs", tally.digest);
    println!("seed {seed}: {}", line(&tally, begun.elapsed()));
    if tally.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn line(tally: &Tally, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = |count: u64| count as f64 / seconds;
    format!(
        "{} histories, {} stays, {} steps in {seconds:.1} s: {:.0} stays/s, {:.0} steps/s",
        tally.histories,
        tally.stays,
        tally.steps,
        rate(tally.stays),
        rate(tally.steps)
    )
}

#[expect(clippy::disallowed_methods, reason = "tells people how fast it is; no history sees it")]
fn now() -> Instant {
    Instant::now()
}
