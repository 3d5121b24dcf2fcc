//! The hunt: program after program with a mutant alive, until one fails.

use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::build::Programs;
use super::list::Mutant;
use super::results::{Fate, Found};
use super::schemata::VARIABLE;
use crate::call::Call;

/// A program that may notice a mutant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    /// The target that it is built of.
    target: &'static str,
    arguments: &'static str,
}

/// In this order: those come first that notice most in the least time. Short histories notice in a second what long ones
/// would notice too.
pub(crate) const STAGES: [Stage; 6] = [
    Stage { name: "plan", target: "plan", arguments: ALONE },
    Stage { name: "lib", target: "booking_engine", arguments: ALONE },
    Stage { name: "world-short", target: "booking-world", arguments: "run --seed 7 --stays 300" },
    Stage { name: "world-directed", target: "booking-world", arguments: "directed" },
    Stage { name: "it", target: "it", arguments: ALONE },
    Stage { name: "world-drawn", target: "booking-world", arguments: "run --seed 7 --stays 1500" },
];
/// Each processor has a mutant of its own.
const ALONE: &str = "--test-threads=1";
/// How much longer than without a mutant a stage may take, and what it may take in any case. With all processors busy,
/// everything is slower.
const PATIENCE: (u32, Duration) = (5, Duration::from_secs(20));
/// For the time without a mutant.
const FIRST_PATIENCE: Duration = Duration::from_secs(1_800);

/// A stage that can be run.
#[derive(Debug)]
pub(crate) struct Ready {
    name: &'static str,
    call: Call,
    limit: Duration,
    /// Where it runs.
    folder: PathBuf,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    TimedOut,
}

/// Makes the stages ready: without a mutant each must pass, and shows how long it takes.
pub(crate) fn ready(stages: &[Stage], programs: &Programs, folder: &Path) -> anyhow::Result<Vec<Ready>> {
    // What is stopped in the middle leaves its temporary files behind.
    let temporary = folder.join("temporary");
    let _ = std::fs::remove_dir_all(&temporary);
    std::fs::create_dir_all(&temporary)?;
    let ready = |stage: &Stage| {
        let program = programs.get(stage.target).with_context(|| format!("no program {}", stage.target))?;
        let call = Call::program(&program.display().to_string(), stage.arguments)
            .variable("TMPDIR", &temporary.display().to_string())
            .variable("PROPTEST_MAX_SHRINK_ITERS", "0")
            .variable("RUST_BACKTRACE", "0");
        let folder = folder.join("source/booking-engine");
        let (end, taken) = timed(|| end(call.command(&folder), FIRST_PATIENCE));
        anyhow::ensure!(end? == End::Passed, "{} fails with no mutant alive: {call}", stage.name);
        println!("{:<16}{:>6.1} s with no mutant alive", stage.name, taken.as_secs_f64());
        Ok(Ready { name: stage.name, call, limit: PATIENCE.0 * taken + PATIENCE.1, folder })
    };
    stages.iter().map(ready).collect()
}

/// Runs these mutants, as many at once as there are processors, and tells what became of each.
pub(crate) fn run(
    stages: &[Ready],
    mutants: &[Mutant],
    wanted: &[usize],
    mut found: impl FnMut(Found) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism()?.get() {
            let (next, tell) = (&next, tell.clone());
            scope.spawn(move || {
                while let Some(&index) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (fate, taken) = timed(|| fate(stages, index));
                    let seconds = taken.as_secs_f64();
                    let found = fate.map(|fate| Found { key: mutants[index].key.clone(), fate, seconds });
                    // Nobody listens any more once something went wrong.
                    if tell.send(found).is_err() {
                        break;
                    }
                }
            });
        }
        drop(tell);
        told.into_iter().try_for_each(|result| found(result?))
    })
}

fn fate(stages: &[Ready], mutant: usize) -> anyhow::Result<Fate> {
    for stage in stages {
        let call = stage.call.clone().variable(VARIABLE, &mutant.to_string());
        match end(call.command(&stage.folder), stage.limit)? {
            End::Passed => {}
            End::Failed => return Ok(Fate::Noticed(stage.name.to_owned())),
            End::TimedOut => return Ok(Fate::TimedOut(stage.name.to_owned())),
        }
    }
    Ok(Fate::Unnoticed)
}

/// Runs a program until it ends, a test of it fails, or the time is up.
fn end(mut command: Command, limit: Duration) -> anyhow::Result<End> {
    let (output, input) = io::pipe()?;
    let mut child =
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).spawn().with_context(|| {
            let program = command.get_program().to_string_lossy();
            program.into_owned()
        })?;
    // It holds ends of the pipe, which would never close.
    drop(command);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
            let _ = tell.send(lines.any(|line| tells_failure(&String::from_utf8_lossy(&line))));
        });
        let early = match told.recv_timeout(limit) {
            Ok(false) => None,
            Ok(true) => Some(End::Failed),
            Err(_) => Some(End::TimedOut),
        };
        if early.is_some() {
            child.kill()?;
        }
        let passed = child.wait()?.success();
        Ok(early.unwrap_or(if passed { End::Passed } else { End::Failed }))
    })
}

/// Whether a test says that it failed, or the world that a promise is broken: what follows need not be waited for.
fn tells_failure(line: &str) -> bool {
    line.ends_with("... FAILED") || line.contains(": BROKEN ")
}

#[expect(clippy::disallowed_methods, reason = "tells people how fast it is")]
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = run();
    (done, begun.elapsed())
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::{key, mutant};
    use super::*;

    fn shell(script: &str) -> Call {
        Call::program("sh", "-c").with([script])
    }

    #[test]
    fn a_program_ends_in_one_of_three_ways() {
        let patient = Duration::from_secs(600);
        for (script, limit, expected) in [
            ("echo 'test a ... ok'", patient, End::Passed),
            ("echo 'test a ... ok'; exit 1", patient, End::Failed),
            // It is not waited for.
            ("echo 'test a ... FAILED'; exec tail -f /dev/null", patient, End::Failed),
            ("echo 'seed 7: BROKEN all-is-well: it is not'; exec tail -f /dev/null", patient, End::Failed),
            ("exec tail -f /dev/null", Duration::from_millis(50), End::TimedOut),
        ] {
            assert_eq!(end(shell(script).command(Path::new(".")), limit).unwrap(), expected, "{script}");
        }
        assert!(end(Call::program("no-such-program", "").command(Path::new(".")), patient).is_err());
    }

    #[test]
    fn each_mutant_goes_from_stage_to_stage_until_one_fails() {
        let ready = |name, script: &str| Ready {
            name,
            call: shell(script),
            limit: Duration::from_secs(600),
            folder: ".".into(),
        };
        let stages =
            [ready("first", "test $STAYKEY_MUTANT != 0"), ready("second", "test $STAYKEY_MUTANT != 2")];
        let mutants: Vec<_> = (0..5).map(|line| mutant("plan.rs", line, true)).collect();
        let mut fates = Vec::new();
        run(&stages, &mutants, &[0, 1, 2, 4], |found| {
            fates.push((found.key, found.fate));
            Ok(())
        })
        .unwrap();
        fates.sort_by(|(a, _), (b, _)| a.cmp(b));
        let expected = [
            (0, Fate::Noticed("first".to_owned())),
            (1, Fate::Unnoticed),
            (2, Fate::Noticed("second".to_owned())),
            (4, Fate::Unnoticed),
        ];
        assert_eq!(fates, expected.map(|(line, fate)| (key("plan.rs", "even", line), fate)));

        let hanging =
            Ready { limit: Duration::from_millis(50), ..ready("hanging", "exec tail -f /dev/null") };
        assert_eq!(fate(&[hanging], 0).unwrap(), Fate::TimedOut("hanging".to_owned()));

        assert!(run(&stages, &mutants, &[0, 1, 2], |_| anyhow::bail!("the disk is full")).is_err());
    }
}
