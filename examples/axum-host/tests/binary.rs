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
    let (code, text) = run(&["serve", "--config", &path]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("6 error(s)"), "{text}");

    let (code, text) = run(&["check-config", "--config", "/nowhere/staykey.toml"]);
    assert_eq!(code, 1);
    assert!(text.contains("/nowhere/staykey.toml cannot be read"), "{text}");
    assert_eq!(run(&["no-such-command"]).0, 2);
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
#[test]
fn serve_serves_until_it_is_told_to_stop() {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    let folder = tempfile::tempdir().expect("a folder");
    // Free a moment ago.
    let listen =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let text = CONFIG
        .replace("LISTEN", &listen.to_string())
        .replace("DB", &folder.path().join("staykey.db").display().to_string())
        .replace("[store]", "allow_foreign_base_url = true\n[store]")
        .replace("slug = \"harbour\"", "slug = \"harbour\"\nallow_internal_addresses = true");
    let path = write(folder.path(), &text);
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

    let stopped =
        Command::new("kill").args(["-TERM", &served.0.id().to_string()]).status().expect("kill runs");
    assert!(stopped.success());
    let status = served.0.wait().expect("it ends");
    let mut log = String::new();
    served.0.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("/api/webhooks/smoobu/t/harbour/k/$SECRET"), "{log}");
    assert!(log.contains("\"stopped\""), "{log}");
    assert!(!log.contains("planted"), "{log}");
}
