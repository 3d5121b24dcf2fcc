//! `cargo xtask`: the tasks of this repository as plain functions, so that no shell script is needed.
//!
//! `cargo xtask test` is what CI runs, whole; see CONTRIBUTING.md.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod call;
mod count;
mod deploy;
mod fuzz;
mod l10n;
mod mutants;
mod package;
mod packages;
mod planner;
mod soak;
mod suite;
mod tidy;
mod workspace;
mod world;

/// The tasks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything that must hold before a change is merged, in order, up to the first failure.
    Test(suite::Options),
    /// Plants bugs one by one: the simulated world or a test must notice each.
    Mutants(planner::Options),
    /// Holds the locale files against each other.
    L10n,
    /// Holds alert rules, dashboard, service unit and container file against the tools that read them.
    Deploy,
    /// Holds the repository against its own rules; `cargo test -p xtask` does so too.
    Tidy,
    /// Measures the whole of it, each figure beside its limit.
    Bench(bench::Options),
    /// Holds every parser against any bytes, with libFuzzer; wants a nightly compiler.
    Fuzz(fuzz::Options),
    /// Kills the real program under load, and asks afterwards whether it kept its promises.
    Soak(soak::Options),
    /// Lives through histories of the deterministic world, or tells the story of one.
    World(world::Options),
}

fn main() -> ExitCode {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let done = match Arguments::parse().task {
        Task::Test(options) => suite::run(root, &options),
        Task::Mutants(options) if options.planner => planner::run(root, &options),
        Task::Mutants(_) => mutants::run(root),
        Task::L10n => l10n::run(root),
        Task::Deploy => deploy::run(root, std::env::var("CARGO_TARGET_DIR").ok().as_deref()),
        Task::Tidy => tidy::run(root),
        Task::Bench(options) => bench::run(root, &options),
        Task::Fuzz(options) => fuzz::run(root, &options),
        Task::Soak(options) => soak::run(root, &options),
        Task::World(options) => world::run(root, &options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
