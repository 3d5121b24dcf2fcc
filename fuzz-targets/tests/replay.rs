//! Every sample of every target, and what is near it.

#![allow(clippy::unwrap_used, reason = "all of it is tests")]
#![allow(clippy::print_stdout, reason = "a panic is told with the sample that it came from")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use booking_fuzz::TARGETS;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn names(folder: &Path) -> BTreeSet<String> {
    entries(folder).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

fn samples(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folders = ["corpus", "crashes"].map(|kind| folder().join(kind).join(target));
    let files = folders.iter().flat_map(|folder| entries(folder));
    files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn every_sample_is_read() {
    for (name, target) in TARGETS {
        let samples = samples(name);
        assert!(!samples.is_empty(), "{name} has no samples in fuzz/corpus");
        for (path, sample) in samples {
            // Named beforehand: a panic says where, and this says with what.
            println!("{}", path.display());
            target(&sample);
        }
    }
}

#[test]
fn samples_are_of_targets_and_few() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder().join("corpus")), targets);
    assert!(names(&folder().join("crashes")).is_subset(&targets));
    let files: usize = targets.iter().map(|name| samples(name).len()).sum();
    assert!(files <= 300, "{files} samples: keep those that reach something new");
}

#[test]
fn every_target_has_a_program() {
    let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let programs: BTreeSet<_> =
        manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    let mut expected: BTreeSet<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    expected.insert("booking-fuzz-programs");
    assert_eq!(programs, expected);
}

/// A sample with pieces of another in it, bytes changed, doubled or taken out.
fn near(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (0..4_u8, any::<Index>(), any::<Index>(), any::<u8>());
    (select(samples.clone()), select(samples), prop::collection::vec(edit, 0..6)).prop_map(
        |(mut sample, other, edits)| {
            for (what, at, until, byte) in edits {
                let at = at.index(sample.len() + 1);
                match what {
                    0 => sample.insert(at, byte),
                    1 => drop(sample.drain(at..(at + until.index(8)).min(sample.len()))),
                    2 if at < sample.len() => sample[at] = byte,
                    2 => {}
                    _ => {
                        let piece = other[until.index(other.len() + 1)..].iter().take(16).copied();
                        sample.splice(at..at, piece);
                    }
                }
            }
            sample
        },
    )
}

#[test]
fn what_is_near_a_sample_is_read() {
    for (name, target) in TARGETS {
        let samples: Vec<_> = samples(name).into_iter().map(|(_, sample)| sample).collect();
        let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let tried = TestRunner::new_with_rng(config, rng).run(&near(samples), |sample| {
            target(&sample);
            Ok(())
        });
        if let Err(error) = tried {
            panic!("{name}: {error}");
        }
    }
}
