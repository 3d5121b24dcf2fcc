//! Every benchmark, so little of it that it takes seconds: that it measures, not what.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_booking-bench");

/// Runs one benchmark; it must give these figures, each of them a number above zero.
fn check(name: &str, figures: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("bench.json");
    let output = Command::new(PROGRAM)
        .args(["--tiny", "--rounds", "1", "--only", name, "--binary", PROGRAM, "--json"])
        .arg(&json)
        .output()
        .expect("it runs");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{errors}");
    let report = read(&json);
    assert_eq!(report["run"]["tiny"], true);
    for figure in figures {
        let found =
            report["figures"].as_array().expect("figures").iter().find(|found| found["what"] == *figure);
        let found = found.unwrap_or_else(|| panic!("no {figure}: {text}"));
        assert_eq!(found["bench"], name);
        assert!(found["value"].as_f64().is_some_and(|value| value > 0.0), "{found}");
        assert!(text.contains(figure), "{text}");
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("it is written")).expect("JSON")
}

#[test]
fn accepts_are_measured() {
    check(
        "accept",
        &[
            "2 connections, bare insert",
            "2 connections, host",
            "2 connections, host at work",
            "2 connections, host / bare insert",
        ],
    );
}

#[test]
fn the_way_of_a_booking_is_measured() {
    check(
        "vendors",
        &[
            "0 ms a call, trust, warm: answer",
            "50 ms a call, reread, cold: answer",
            "    calls in a row until the guest is told, at most",
        ],
    );
}

#[test]
fn stays_are_measured() {
    check("stays", &["host, 50 doors", "bare loop of the same transactions", "with foreign codes / without"]);
}

#[test]
fn hosts_that_share_a_database_are_measured() {
    check(
        "hosts",
        &[
            "2 connections, bare handler",
            "2 connections, bare insert",
            "2 connections, 1 host",
            "2 connections, 2 hosts",
            "2 connections, 1 host / bare insert",
            "stays, SQLite, 1 host",
            "stays, PostgreSQL, 1 host",
            "stays, PostgreSQL, 2 hosts / 1 host",
        ],
    );
}

#[test]
fn claims_are_measured() {
    check(
        "claims",
        &[
            "SQLite, 10 keys due: claimed and given back",
            "PostgreSQL, 40 keys due: claimed and given back",
            "    the first claim",
            "SQLite, 40 keys / 10: claimed and given back",
            "PostgreSQL, 40 keys / 10: claimed",
        ],
    );
}

#[test]
fn plans_are_measured() {
    check(
        "planner",
        &["20 bookings, nothing to do", "40 bookings, all new", "full sync of 20, nothing to do"],
    );
}

#[test]
fn memory_is_measured() {
    check("memory", &["idle", "after 60 bookings", "at most"]);
}

#[test]
fn the_program_is_measured() {
    check("size", &["booking-bench, as released"]);
}

#[test]
fn a_host_that_is_not_there_is_told() {
    let output = Command::new(PROGRAM)
        .args(["--only", "size", "--binary", "no-such-program"])
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-program: build it first"));
}
