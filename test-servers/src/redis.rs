//! A Redis server of the installed package.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// Runs the server on a socket in its folder and remembers nothing; breaks it off and runs it again with each line of
/// its input, and ends it once nobody holds the other end of that any more, however that came about.
const KEEPER: &str = r#"
serve() { "$1" --port 0 --unixsocket "$2/socket" --dir "$2" --save "" & server=$!; }
serve "$@"
while read -r _; do kill -9 $server; wait $server; serve "$@"; done
kill -9 $server
rm -rf "$2"
"#;

/// A server with a folder of its own, until the process that started it ends.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    _keeper: Child,
    talk: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Server {
    /// The server of this process.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// Another server.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("staykey-redis-").tempdir().unwrap().keep();
        let mut keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .args([&program(), &folder])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // What interrupts this process from a terminal goes to its whole group.
            .process_group(0)
            .spawn()
            .unwrap();
        let input = keeper.stdin.take().unwrap();
        let mut output = BufReader::new(keeper.stdout.take().unwrap());
        wait_for_it(&mut output);
        Self { folder, _keeper: keeper, talk: Mutex::new((input, output)) }
    }

    /// Breaks it off and starts it again, empty.
    pub fn restart(&self) {
        let (input, output) = &mut *self.talk.lock().unwrap();
        input.write_all(b"again\n").unwrap();
        wait_for_it(output);
    }

    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("unix://{}/socket", self.folder.display())
    }
}

/// Reads the server's log up to where it says that it is ready.
fn wait_for_it(output: &mut impl BufRead) {
    let mut log = String::new();
    while !log.contains("eady to accept connections") {
        let read = output.read_line(&mut log).unwrap();
        assert!(read > 0, "the server does not start: {log}");
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|file| file.is_file()).expect(
        "these tests need a Redis server: run `apt-get install -y redis-server`, or put redis-server on the PATH",
    )
}
