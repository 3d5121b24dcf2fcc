//! The binary as an operator meets it.

#![allow(clippy::disallowed_methods, reason = "a process is waited for in real time")]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const CONFIG: &str = r#"[server]
listen = "LISTEN"
public_url = "https://keys.example.org"
[store]
url = "sqlite://DB"
master_key = { env = "KEY" }
[[tenant]]
slug = "harbour"
[tenant.source.smoobu]
kind = "smoobu"
api_key = { env = "SECRET" }
api_secret = { env = "SECRET" }
webhook_path_secret = { env = "SECRET" }
base_url = "http://127.0.0.1:9"
"#;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-host"));
    command.args(args).env_clear().env("KEY", "00".repeat(32)).env("SECRET", "planted-0123456789abcdef");
    command
}

fn run(args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = command(args).output().expect("it runs");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code().expect("a code"), text)
}

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("staykey.toml");
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn check_config_tells_all_and_exits_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = CONFIG.replace("LISTEN", "127.0.0.1:0").replace("base_url = \"http://127.0.0.1:9\"\n", "");
    let path = write(folder.path(), &good);
    let (code, text) = run(&["check-config", "--config", &path]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("warning: line 7: tenant.harbour.unit: there is no unit"), "{text}");

    let path = write(folder.path(), &CONFIG.replace("SECRET", "GONE"));
    let (code, text) = run(&["check-config", "--config", &path]);
    assert_eq!(code, 1, "{text}");
    for line in [
        "error: line 2: server.listen: is not an address with a port — write \"127.0.0.1:8080\"",
        "error: line 11: tenant.harbour.source.smoobu.api_key: environment variable GONE is not set",
        "error: line 14: tenant.harbour.source.smoobu.base_url: http://127.0.0.1:9 is not the vendor's own address",
        "error: line 14: tenant.harbour.source.smoobu.base_url: http://127.0.0.1:9 lies in an internal network",
        "6 error(s)",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let (code, text) = run(&["check-config", "--config", "/nowhere/staykey.toml"]);
    assert_eq!(code, 1);
    assert!(text.contains("/nowhere/staykey.toml cannot be read"), "{text}");
    assert_eq!(run(&["no-such-command"]).0, 2);
}

/// A configuration that serves.
fn serving(folder: &Path, listen: &str) -> String {
    CONFIG
        .replace("LISTEN", listen)
        .replace("DB", &folder.join("staykey.db").display().to_string())
        .replace("[store]", "allow_foreign_base_url = true\n[store]")
        .replace("slug = \"harbour\"", "slug = \"harbour\"\nallow_internal_addresses = true")
}

/// So that whoever starts it again and again knows when that is in vain.
#[test]
fn serve_has_an_exit_status_of_its_own_for_a_wrong_configuration() {
    const WRONG_CONFIG: i32 = 78;
    #[track_caller]
    fn check(config: &str, expected: i32, words: &str) {
        let (code, text) = run(&["serve", "--config", config]);
        assert_eq!(code, expected, "{text}");
        assert!(text.contains(words), "{words}\n{text}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    check("/nowhere/staykey.toml", WRONG_CONFIG, "error: /nowhere/staykey.toml cannot be read");
    let good = serving(folder.path(), "127.0.0.1:0");
    check(&write(folder.path(), &good.replace("SECRET", "GONE")), WRONG_CONFIG, "3 error(s)");
    // What only shows when the host is built.
    let stored = good
        .replace("webhook_path_secret = { env = \"SECRET\" }", "webhook_path_secret = { stored = \"hook\" }");
    check(&write(folder.path(), &stored), WRONG_CONFIG, "the store has no secret `hook`");
    // What may be better in a moment.
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = held.local_addr().expect("an address").to_string();
    check(&write(folder.path(), &serving(folder.path(), &taken)), 1, "cannot listen on");
    let away = good.replace(
        &format!("sqlite://{}", folder.path().join("staykey.db").display()),
        "postgres://staykey@127.0.0.1:9/staykey?sslmode=disable",
    );
    check(&write(folder.path(), &away), 1, "the store is not available");
}

/// A process that does not outlive its test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
impl Served {
    /// Tells it to stop, as service managers do.
    fn stop(&self) {
        let stopped =
            Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().expect("kill runs");
        assert!(stopped.success());
    }
}

/// A database that takes the connection and then says nothing, as one does that waits for another host's migration.
#[cfg(unix)]
#[test]
fn serve_hears_a_signal_while_it_opens_its_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url =
        format!("postgres://staykey@{}/staykey?sslmode=disable", database.local_addr().expect("an address"));
    let sqlite = format!("sqlite://{}", folder.path().join("staykey.db").display());
    let path = write(folder.path(), &serving(folder.path(), "127.0.0.1:0").replace(&sqlite, &url));
    let child = command(&["serve", "--config", &path]).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut served = Served(child);
    let _asked = database.accept().expect("it asks its store");
    served.stop();
    let status = served.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "not killed by the signal: {status}");
}

#[cfg(unix)]
#[test]
fn serve_serves_until_it_is_told_to_stop() {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    let folder = tempfile::tempdir().expect("a folder");
    // Free a moment ago.
    let listen =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let path = write(folder.path(), &serving(folder.path(), &listen.to_string()));
    let child = command(&["serve", "--config", &path]).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut served = Served(child);

    let ask = |request: &str| -> std::io::Result<String> {
        let mut socket = TcpStream::connect(listen)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        socket.write_all(request.as_bytes())?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let get = |path: &str| ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !get("/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
        assert!(Instant::now() < deadline, "it never was ready");
        std::thread::yield_now();
    }
    let body = r#"{"action":"updateReservation","user":1,"data":{"id":9001}}"#;
    let path = "/api/webhooks/smoobu/t/harbour/k/planted-0123456789abcdef";
    let hook = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(ask(&hook).expect("an answer").starts_with("HTTP/1.1 200"));
    assert!(get("/metrics").expect("an answer").contains("staykey_webhooks_total{result=\"accepted\""));

    served.stop();
    let status = served.0.wait().expect("it ends");
    let mut log = String::new();
    served.0.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("/api/webhooks/smoobu/t/harbour/k/$SECRET"), "{log}");
    assert!(log.contains("\"stopped\""), "{log}");
    assert!(!log.contains("planted"), "{log}");
}
