//! Played vendors, a configuration, and the real binary before them.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use booking_sim::smoobu::{Apartment, NewBooking};
use booking_sim::thekeys::{Lock, Share};
use booking_sim::{SimConfig, SimServer, Simulators};
use chrono::{Days, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const ZONE: Tz = Tz::Europe__Warsaw;
pub(crate) const PHONE: &str = "+48600000001";
const TOKEN: &str = "planted-token-0123456789abcdef0123456789";
/// Much longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A flat and the keypad at its door.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flat {
    pub(crate) apartment: u64,
    pub(crate) lock: u64,
    pub(crate) keypad: &'static str,
}

pub(crate) const STUDIO: Flat = Flat { apartment: 500_001, lock: 4411, keypad: "AbCd1234" };
pub(crate) const LOFT: Flat = Flat { apartment: 500_002, lock: 4422, keypad: "EfGh5678" };

/// Where the command's work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// No host runs.
    Here,
    /// By a host that serves.
    Served,
}

pub(crate) const BOTH: [How; 2] = [How::Here, How::Served];

/// A process that does not outlive its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// What Ctrl-C does; its exit status and all that it told.
    pub(crate) fn interrupt(mut self) -> Told {
        let told = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().expect("kill runs");
        assert!(told.success());
        let (out, err) = (self.0.stdout.take().expect("piped"), self.0.stderr.take().expect("piped"));
        let code = self.0.wait().expect("it ends").code();
        let text = [out_of(out), out_of(err)].concat();
        Told { code: code.expect("a code"), text }
    }
}

fn out_of(mut pipe: impl std::io::Read) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).expect("text");
    text
}

/// How a command ended, and what it told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Told {
    /// It ended so, with these words in what it told.
    #[track_caller]
    pub(crate) fn is(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{}", self.text);
        for words in words {
            assert!(self.text.contains(words), "no {words:?} in\n{}", self.text);
        }
        self
    }

    /// Without these words.
    #[track_caller]
    pub(crate) fn lacks(&self, words: &[&str]) -> &Self {
        for words in words {
            assert!(!self.text.contains(words), "{words:?} in\n{}", self.text);
        }
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// All that a test is played on.
pub(crate) struct World {
    /// The simulators run on it.
    _runtime: Runtime,
    sims: SimServer,
    folder: TempDir,
    serving: Option<Running>,
}

/// An address that was free a moment ago.
fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).expect("a port")
}

impl World {
    pub(crate) fn new(how: How) -> Self {
        let mut world = Self::idle(true);
        if how == How::Served {
            world.serve();
        }
        world
    }

    /// A world in which nothing serves; with or without an API.
    pub(crate) fn idle(api: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let mut config = SimConfig::default();
        config.smoobu.account_zone = ZONE;
        config.smoobu.first_booking_id = 9001;
        config.thekeys.username = "+33699999999".into();
        config.thekeys.password = "planted-password".into();
        let start = SimServer::start(config.clone(), (Ipv4Addr::LOCALHOST, 0).into());
        let sims = runtime.block_on(start).expect("simulators");
        let folder = tempfile::tempdir().expect("a folder");
        let (main, own) = (free(), free());
        let api = if api { format!("[api]\nlisten = \"{own}\"\n{TOKENS}") } else { String::new() };
        let text = CONFIG
            .replace("LISTEN", &main.to_string())
            .replace("API", &api)
            .replace("DB", &folder.path().join("staykey.db").display().to_string())
            .replace("SIMS", &format!("http://{}", sims.addr))
            .replace("SMOOBU_KEY", &config.smoobu.api_key)
            .replace("SMOOBU_SECRET", &config.smoobu.api_secret)
            .replace("SMS_TOKEN", &config.serwersms.token);
        std::fs::write(folder.path().join("staykey.toml"), text).expect("written");
        let world = Self { _runtime: runtime, sims, folder, serving: None };
        for (flat, prefix) in [(STUDIO, "31"), (LOFT, "77")] {
            let mut sims = world.sims();
            let apartment = Apartment { id: flat.apartment, name: "Flat".into(), time_zone: ZONE };
            sims.smoobu.add_apartment(apartment);
            let lock = Lock::with_keypad(flat.lock, flat.keypad, ZONE);
            sims.thekeys.add_lock(Lock { prefix: prefix.into(), ..lock });
        }
        world
    }

    pub(crate) fn sims(&self) -> std::sync::MutexGuard<'_, Simulators> {
        self.sims.state.lock()
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("staykey.toml")
    }

    /// A file of the test's own, beside the store.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Changes the configuration.
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).expect("a configuration");
        assert!(text.contains(from), "{text}");
        std::fs::write(self.config(), text.replace(from, to)).expect("written");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axum-host"));
        command.args(args).env_clear().env("STAYKEY_CONFIG", self.config()).env("TOKEN", TOKEN);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a host, and waits until it can take work.
    pub(crate) fn serve(&mut self) {
        let mut command = self.command(&["serve"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.serving = Some(Running(command.spawn().expect("it starts")));
        self.until("a host that answers", |world| {
            let text = std::fs::read_to_string(world.config()).expect("a configuration");
            let mut listen = text.lines().filter_map(|line| line.strip_prefix("listen = "));
            listen.all(|address| std::net::TcpStream::connect(address.trim_matches('"')).is_ok())
        });
        // Its first reads: what it shows depends on them no more.
        self.until("a source that was read", |world| {
            !world.sims().call_log(booking_sim::Vendor::Smoobu).is_empty()
        });
    }

    /// Stops the host, as a service manager does.
    pub(crate) fn stop(&mut self) {
        let mut host = self.serving.take().expect("a host that serves");
        let told =
            Command::new("kill").args(["-TERM", &host.0.id().to_string()]).status().expect("kill runs");
        assert!(told.success() && host.0.wait().expect("it ends").success());
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Told {
        told(self.command(args).output().expect("it runs"))
    }

    /// The same with something on standard input.
    pub(crate) fn pipe(&self, args: &[&str], input: &str) -> Told {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
        told(child.wait_with_output().expect("it runs"))
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running(self.command(args).spawn().expect("it starts"))
    }

    /// Looks until it is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < deadline, "there never was {what}");
            std::thread::yield_now();
        }
    }

    /// A guest books, from so many days from now on for three nights; the booking's number.
    pub(crate) fn book(&self, flat: Flat, in_days: u64, phone: &str) -> u64 {
        let stay = NewBooking::stay(flat.apartment, day(in_days), day(in_days + 3));
        let stay = NewBooking { phone: Some(phone.into()), ..stay };
        self.sims().smoobu.create_booking(Utc::now(), stay)
    }

    pub(crate) fn codes(&self, flat: Flat) -> Vec<Share> {
        self.sims().thekeys.codes_on(flat.lock)
    }

    pub(crate) fn sms(&self, phone: &str) -> usize {
        self.sims().serwersms.messages_to(phone).len()
    }

    /// How many calls changed something at a vendor.
    pub(crate) fn writes(&self) -> usize {
        self.sims().log().iter().filter(|call| call.operation.is_write()).count()
    }

    /// A dry run of everything; the plan.
    #[track_caller]
    pub(crate) fn plan(&self) -> Value {
        let told = self.run(&["sync", "--dry-run", "--show-pins", "--json"]);
        told.is(0, &[]);
        told.json()
    }

    /// Everything as it should be.
    #[track_caller]
    pub(crate) fn sync(&self) {
        let mut told = self.run(&["sync", "--yes"]);
        // A host that has just started reads its sources by itself: what it takes in meanwhile is no more as it was shown.
        if told.text.contains("has become known meanwhile") {
            told = self.run(&["sync", "--yes"]);
        }
        told.is(0, &[]);
    }
}

fn told(Output { status, stdout, stderr }: Output) -> Told {
    let text = String::from_utf8(stdout).expect("UTF-8") + &String::from_utf8(stderr).expect("UTF-8");
    Told { code: status.code().expect("a code"), text }
}

pub(crate) fn day(in_days: u64) -> NaiveDate {
    Utc::now().with_timezone(&ZONE).date_naive() + Days::new(in_days)
}

/// The id of a plan.
pub(crate) fn id(plan: &Value) -> String {
    plan["plan"].as_str().expect("a plan").to_owned()
}

const TOKENS: &str = r#"
[[api.token]]
name = "reader"
token = "planted-reader-0123456789abcdef012345"
scopes = ["read"]
[[api.token]]
name = "operator"
token = { env = "TOKEN" }
scopes = ["read", "plan", "apply", "pins", "erase", "mail"]
"#;

const CONFIG: &str = r#"[server]
listen = "LISTEN"
public_url = "https://keys.example.org"
allow_foreign_base_url = true
drain = "5s"
[store]
url = "sqlite://DB"
master_key = "0000000000000000000000000000000000000000000000000000000000000000"
API
[[tenant]]
slug = "harbour"
mode = "observe"
default_language = "en"
phone_region = "PL"
allow_internal_addresses = true
[tenant.source.smoobu]
kind = "smoobu"
base_url = "SIMS/smoobu"
api_key = "SMOOBU_KEY"
api_secret = "SMOOBU_SECRET"
webhook_path_secret = "planted-hook-0123456789abcdef"
message_spacing = "0s"
[tenant.lock.thekeys]
kind = "thekeys"
base_url = "SIMS/thekeys"
username = "+33699999999"
password = "planted-password"
[tenant.notifier.sms]
kind = "serwersms"
base_url = "SIMS/serwersms"
token = "SMS_TOKEN"
sender = "STAYKEY"
[tenant.messages]
guest = { all = ["sms"] }
[tenant.policy]
proof = "listed"
settle = "0s"
[[tenant.door]]
id = "studio-door"
lock = "thekeys"
device = "4411"
keypad = "AbCd1234"
pin_prefix = "31"
pin_length = 6
[[tenant.unit]]
id = "studio"
name = "Harbour Studio"
source = { smoobu = "500001" }
time_zone = "Europe/Warsaw"
check_in = "15:00"
check_out = "12:00"
doors = ["studio-door"]
[[tenant.door]]
id = "loft-door"
lock = "thekeys"
device = "4422"
keypad = "EfGh5678"
pin_prefix = "77"
pin_length = 6
[[tenant.unit]]
id = "loft"
name = "Lighthouse Loft"
source = { smoobu = "500002" }
time_zone = "Europe/Warsaw"
check_in = "15:00"
check_out = "12:00"
doors = ["loft-door"]
"#;
