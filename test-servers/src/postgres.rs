//! A PostgreSQL server of the installed package.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(clippy::disallowed_methods, reason = "a connection of the tests' own needs a task of its own")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Starts the server and says so; stops it once nobody holds the other end of its input any more, however that came
/// about.
const KEEPER: &str = r#"
"$1/pg_ctl" start -w -s -D "$3" -l "$2/log" -o "$4" && echo started
read -r _
"$1/pg_ctl" stop -m immediate -s -D "$3"
rm -rf "$2" "$3"
"#;

/// A server with a folder of its own, until the process that started it ends.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    data: PathBuf,
    /// Whom the programs run as, if not as us.
    user: Option<(u32, u32)>,
    keeper: Child,
}

impl Server {
    /// The server of this process.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| Self::start("-c listen_addresses="))
    }

    /// Another server, with further options.
    pub fn start(options: &str) -> Self {
        let (user, place) = (user(), std::env::temp_dir());
        let folder = folder(&place, user);
        let data = folder.join("data");
        Self::serve(user, folder, data, options)
    }

    /// The same with its data in this place, which [`can_reach`] must allow.
    pub fn start_in(place: &Path, options: &str) -> Self {
        let user = user();
        // The path of its socket must be short.
        Self::serve(user, folder(&std::env::temp_dir(), user), folder(place, user), options)
    }

    fn serve(user: Option<(u32, u32)>, folder: PathBuf, data: PathBuf, options: &str) -> Self {
        let programs = programs();
        let made = as_user(&programs.join("initdb"), user, &folder)
            .args(["--no-sync", "-A", "trust", "-U", "staykey", "-E", "UTF8", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let options = format!("-k {} {options}", folder.display());
        let mut keeper = as_user(Path::new("/bin/sh"), user, &folder)
            .args(["-c", KEEPER, "keeper"])
            .args([&programs, &folder, &data])
            .arg(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // What interrupts this process from a terminal goes to its whole group.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert_eq!(said, "started\n", "the server does not start: {log}");
        Self { programs, folder, data, user, keeper }
    }

    /// The folder of its files, which it can read.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Breaks it off and starts it again.
    pub fn restart(&self) {
        self.control(&["restart", "-m", "immediate", "-w", "-s"]);
    }

    /// Runs `pg_ctl`.
    pub fn control(&self, arguments: &[&str]) {
        let status = as_user(&self.programs.join("pg_ctl"), self.user, &self.folder)
            .args(arguments)
            .arg("-D")
            .arg(&self.data)
            .arg("-l")
            .arg(self.folder.join("log"))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "pg_ctl {arguments:?}");
    }

    /// Runs a program of the package to its end.
    pub fn runs(&self, program: &str, arguments: &[&str]) {
        let ran =
            as_user(&self.programs.join(program), self.user, &self.folder).args(arguments).output().unwrap();
        assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    /// The URL of a database, by its name.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://staykey@/{database}?host={folder}")
    }

    /// The URL of a new database.
    pub async fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let make = format!("CREATE DATABASE {name} TEMPLATE template0");
        ask(&self.url("postgres"), &make).await;
        self.url(&name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        // Its user may empty a folder in a place that is not its own, and no more.
        let _ = std::fs::remove_dir(&self.data);
    }
}

/// Runs statements on a connection of its own; answers with the rows' columns as text.
pub async fn ask(url: &str, sql: &str) -> Vec<Vec<Option<String>>> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let answer = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    drop(client);
    connection.await.unwrap().unwrap();
    let rows = answer.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        }
        _ => None,
    });
    rows.collect()
}

fn as_user(program: &Path, user: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C").stdin(Stdio::null());
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Where `initdb` is: in the newest version that Debian's packages installed, or on the path.
fn programs() -> PathBuf {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut packaged: Vec<_> = packaged
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse::<u32>().ok()?;
            Some((number, version.path().join("bin")))
        })
        .collect();
    packaged.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let newest = packaged.into_iter().rev().map(|(_, folder)| folder);
    newest.chain(std::env::split_paths(&path)).find(|folder| folder.join("initdb").is_file()).expect(
        "these tests need a PostgreSQL server: run `apt-get install -y postgresql`, or put initdb and pg_ctl on the PATH",
    )
}

/// Whether the user that the programs run as may go to this place.
pub fn can_reach(place: &Path) -> bool {
    let is_open = |folder: &Path| folder.metadata().is_ok_and(|folder| folder.mode() & 1 == 1);
    user().is_none() || place.ancestors().all(is_open)
}

/// A new folder that is this user's own.
fn folder(place: &Path, user: Option<(u32, u32)>) -> PathBuf {
    let folder = tempfile::Builder::new().prefix("staykey-pg-").tempdir_in(place).unwrap().keep();
    if let Some((uid, gid)) = user {
        std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).unwrap();
    }
    folder
}

/// Whom the programs run as, if not as us.
fn user() -> Option<(u32, u32)> {
    let is_root = File::open("/proc/self").and_then(|own| own.metadata()).is_ok_and(|own| own.uid() == 0);
    is_root.then(unprivileged)
}

/// The user that the package made, since PostgreSQL refuses to run as root.
fn unprivileged() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let ids = users.lines().find_map(|line| {
        let mut parts = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    ids.expect("PostgreSQL does not run as root, and there is no user `postgres` to run it as")
}
