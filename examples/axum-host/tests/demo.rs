//! The demo end to end: the real binary, on ports that are in use as on ports that are free.

#![allow(clippy::disallowed_methods, reason = "the real binary runs in real time")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

const NAMES: [&str; 8] = [
    "Ada Example",
    "Bruno Beispiel",
    "Celina Przykład",
    "Дана Пример",
    "Олена Приклад",
    "Emil Example",
    "Felix Beispiel",
    "Greta Przykład",
];
/// Much longer than any part of the demo takes.
const PATIENCE: Duration = Duration::from_secs(90);

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-host"));
    command.args(["demo", "--sim-port", "0"]).env("RUST_LOG", "debug").stdin(Stdio::null());
    command
}

/// One run with `--once`, its output and its folder, for all tests that look at it.
fn once() -> &'static (Output, TempDir, u16) {
    static RUN: OnceLock<(Output, TempDir, u16)> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let occupied = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = occupied.local_addr().expect("its number").port();
        let output = demo()
            .args(["--once", "--port", &port.to_string(), "--folder"])
            .arg(folder.path())
            .output()
            .expect("the demo runs");
        (output, folder, port)
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The whole runs of digits in a text.
fn numbers(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter(|digits| !digits.is_empty()).collect()
}

#[test]
fn every_step_holds() {
    let (output, _, port) = once();
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "nothing but the story");
    for headline in [
        "1  A booking becomes a code, an SMS and a guest message",
        "2  Four more guests, four more languages",
        "3  A date change keeps the PIN",
        "4  A move to another flat",
        "5  A cancellation",
        "6  A webhook that comes twice",
        "7  A webhook that comes late",
        "8  A lock vendor that is down",
        "9  A booking while the host is stopped",
    ] {
        assert!(told.lines().any(|line| line == headline), "{headline}\n{told}");
    }
    for words in [
        "make the code → read the door → tell the guest → take the old code off",
        "Booking               Language",
        "all 9 steps held",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    assert!(told.contains(&format!("({port} is in use)")), "{told}");
    for name in NAMES {
        assert!(told.contains(name), "{name}\n{told}");
    }
    for word in ["Hello", "Guten Tag", "Dzien dobry", "Здравствуйте", "Доброго дня"] {
        assert!(told.contains(word), "{word}\n{told}");
    }
    assert!(!told.contains('✗') && !told.contains('\u{1b}'), "{told}");
}

#[test]
fn the_log_of_the_whole_run_holds_no_secret_and_no_guest() {
    let (output, folder, _) = once();
    let told = text(&output.stdout);
    let log = fs::read_to_string(folder.path().join("host.log")).expect("a log");
    for sign in ["\"level\":\"DEBUG\"", "\"vendor call\"", "\"webhook taken\"", "\"worked\""] {
        assert!(log.contains(sign), "the log tells too little to look into it: no {sign}");
    }

    // Of the story's numbers only PINs have eight digits; their first two are not stored at the lock.
    let pins: BTreeSet<&str> = numbers(&told).into_iter().filter(|digits| digits.len() == 8).collect();
    assert!(pins.len() > NAMES.len(), "{pins:?}");
    for line in log.lines() {
        let mut entry: Value = serde_json::from_str(line).expect("a line is a JSON object");
        // Times have six digits of their own.
        let fields = entry.as_object_mut().expect("a line is a JSON object");
        fields.retain(|name, _| name != "timestamp" && name != "next");
        let line = entry.to_string();
        let seen = numbers(&line);
        for pin in &pins {
            assert!(!line.contains(pin) && !seen.contains(&pin[2..]), "PIN {pin}: {line}");
        }
    }

    let mut secrets = Vec::new();
    for file in fs::read_dir(folder.path().join("secrets")).expect("secrets") {
        let path = file.expect("a file").path();
        secrets.push(fs::read_to_string(&path).expect("a secret"));
    }
    assert_eq!(secrets.len(), 8);
    secrets.push("sim-token".into());
    for name in NAMES {
        secrets.push(name.into());
        secrets.push(name.split(' ').next_back().unwrap_or(name).into());
    }
    secrets.extend((1..=NAMES.len()).map(|number| format!("4860000000{number}")));
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret}");
    }
    assert!(!log.replace("/k/{secret}", "").contains("/k/"), "paths are logged as patterns only");
}

#[test]
fn only_the_owner_can_read_what_a_run_leaves() {
    let (_, folder, _) = once();
    #[cfg(unix)]
    for path in ["staykey.db", "secrets/master_key", "secrets/webhook"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.path().join(path)).expect(path).permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path}");
    }
    // Nothing is mixed with what was there before.
    let again =
        demo().args(["--once", "--port", "0", "--folder"]).arg(folder.path()).output().expect("it runs");
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is not empty"), "{}", text(&again.stderr));
}

/// A demo that stays up, ended with the test whatever happens.
struct Staying(Child);

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
    });
    receiver
}

/// The next line with these words in it.
fn next(lines: &Receiver<String>, words: &str) -> String {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line with {words:?}"));
        if line.contains(words) {
            return line;
        }
    }
}

fn post(address: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the host listens");
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .expect("the host reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the host answers");
    answer
}

#[test]
fn a_step_that_does_not_hold_is_named() {
    let child = demo().args(["--once", "--port", "0"]).stdout(Stdio::piped()).spawn();
    let mut child = Staying(child.expect("the demo starts"));
    let lines = lines(child.0.stdout.take().expect("its output"));
    let simulators = next(&lines, "simulators ").split_whitespace().nth(1).map(str::to_owned);
    let address = simulators.expect("their address").trim_start_matches("http://").to_owned();
    // From its first steps on the demo sees that no SMS arrives.
    let answer = post(&address, "/control/faults", r#"{"vendor":"serwersms","kind":"down"}"#);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let named = next(&lines, "✗");
    assert!(named.contains("did not hold: "), "{named}");
    assert!(next(&lines, "expected").contains("SMS"));
    assert!(next(&lines, "seen").contains("SMS"));
    let log = next(&lines, "log").split_whitespace().nth(1).map(str::to_owned).expect("its path");
    assert_eq!(child.0.wait().expect("it ends").code(), Some(1));
    let folder = Path::new(&log).parent().expect("a folder");
    assert!(Path::new(&log).exists(), "what may explain it is kept");
    fs::remove_dir_all(folder).expect("it can be removed");
}

#[cfg(unix)]
#[test]
fn it_stays_up_and_takes_the_earlier_systems_sample() {
    let mut child =
        Staying(demo().args(["--port", "0"]).stdout(Stdio::piped()).spawn().expect("the demo starts"));
    let lines = lines(child.0.stdout.take().expect("its output"));
    let host = next(&lines, "host ").split_whitespace().nth(1).map(str::to_owned).expect("its address");
    let address = host.trim_start_matches("http://");
    let folder = next(&lines, "folder ").split_whitespace().nth(1).map(str::to_owned).expect("its folder");
    let coming = next(&lines, r#""id":12345"#);
    let over = next(&lines, r#""id":12346"#);
    next(&lines, "Ctrl-C ends the demo");

    // The commands are printed to be pasted: their bodies are taken from them.
    for (command, outcomes) in [
        (coming, ["booking 12345: recorded", "the code on sample-door is made: PIN 52"]),
        (over, ["booking 12346: recorded", "the stay is over, so there is no code"]),
    ] {
        assert!(command.ends_with(&format!("{host}/webhook")), "{command}");
        let body = command.split('\'').nth(1).expect("a quoted body");
        let answer = post(address, "/webhook", body);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"success":true}"#), "{answer}");
        let mut line = next(&lines, outcomes[0]);
        if !line.contains(outcomes[1]) {
            line = next(&lines, outcomes[1]);
        }
        assert!(line.contains(outcomes[1]), "{line}");
    }

    let told = Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    next(&lines, "Stopped.");
    assert!(child.0.wait().expect("it ends").success());
    assert!(!Path::new(&folder).exists(), "{folder} is left");
}
