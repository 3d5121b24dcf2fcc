//! The demo's configuration: a file as for any host, with the simulators for vendors.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use booking_core::Rng;
use booking_host::OsRng;
use serde_json::json;

use super::flats::{CHECK_IN, CHECK_OUT, FLATS, PIN_LENGTH, ZONE};

pub(super) const TENANT: &str = "demo";
pub(super) const SOURCE: &str = "smoobu";

/// What opens the demo's own accounts: drawn anew for each run, and good for nothing else.
pub(super) struct Secrets {
    pub(super) master_key: String,
    pub(super) webhook: String,
    pub(super) smoobu_key: String,
    pub(super) smoobu_secret: String,
    /// A login at The Keys is a telephone number.
    pub(super) thekeys_username: &'static str,
    pub(super) thekeys_password: String,
    pub(super) sms_token: String,
    pub(super) operator: String,
}

impl Secrets {
    pub(super) fn draw() -> Self {
        Self {
            master_key: hex(32),
            webhook: hex(16),
            smoobu_key: format!("usr_demo_{}", hex(8)),
            smoobu_secret: hex(16),
            thekeys_username: "+33600000001",
            thekeys_password: hex(12),
            sms_token: hex(16),
            operator: hex(32),
        }
    }

    fn each(&self) -> [(&'static str, &str); 8] {
        [
            ("master_key", &self.master_key),
            ("webhook", &self.webhook),
            ("smoobu_key", &self.smoobu_key),
            ("smoobu_secret", &self.smoobu_secret),
            ("thekeys_username", self.thekeys_username),
            ("thekeys_password", &self.thekeys_password),
            ("sms_token", &self.sms_token),
            ("operator", &self.operator),
        ]
    }

    /// Each into a file of its own, as the configuration names them.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let folder = secrets_in(folder);
        fs::create_dir_all(&folder)?;
        self.each().into_iter().try_for_each(|(name, value)| write_private(&folder.join(name), value))
    }
}

fn hex(bytes: usize) -> String {
    let mut drawn = vec![0_u8; bytes];
    OsRng.fill(&mut drawn);
    drawn.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn secrets_in(folder: &Path) -> PathBuf {
    folder.join("secrets")
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// The whole configuration.
pub(super) fn text(folder: &Path, host: &str, simulators: &str, log: &str) -> String {
    // A JSON text is a TOML one.
    let quoted = |text: &str| json!(text).to_string();
    let secret =
        |name: &str| format!("{{ file = {} }}", quoted(&secrets_in(folder).join(name).to_string_lossy()));
    let mut text = format!(
        r#"# Made by the demo: one tenant on loopback, and simulators for every vendor.

[server]
listen = {listen}
public_url = {public_url}
allow_foreign_base_url = true            # the simulators
drain = "5s"

[store]
url = {store}
master_key = {master_key}

[log]
filter = {log}

[[api.token]]
name = "demo"
token = {operator}
scopes = ["read", "plan", "apply", "pins", "erase", "mail"]

# The path that the earlier system listened on.
[[alias]]
path = "/webhook"
to = "{SOURCE}/t/{TENANT}"

[[tenant]]
slug = "{TENANT}"
default_language = "en"
phone_region = "PL"
allow_internal_addresses = true          # the simulators

[tenant.source.{SOURCE}]
kind = "smoobu"
base_url = "{simulators}/smoobu"
api_key = {smoobu_key}
api_secret = {smoobu_secret}
webhook_path_secret = {webhook}
# At the alias there is no secret in the path: believed is what comes from this machine.
webhook_payload = "trust"
accept_ips = ["127.0.0.0/8", "::1"]
message_spacing = "0s"                   # no channel behind it that minds a burst

[tenant.lock.thekeys]
kind = "thekeys"
base_url = "{simulators}/thekeys"
username = {thekeys_username}
password = {thekeys_password}

[tenant.notifier.sms]
kind = "serwersms"
base_url = "{simulators}/serwersms"
token = {sms_token}
sender = "STAYKEY"

[tenant.messages]
guest = {{ all = ["sms", "thread"] }}

[tenant.policy]
proof = "listed"
settle = "0s"                            # a simulated door hears of its codes at once
absent_reads = 100                       # the sample for /webhook is no booking of the simulated Smoobu
"#,
        listen = quoted(host.trim_start_matches("http://")),
        public_url = quoted(host),
        store = quoted(&format!("sqlite://{}", folder.join("staykey.db").display())),
        master_key = secret("master_key"),
        log = quoted(log),
        smoobu_key = secret("smoobu_key"),
        smoobu_secret = secret("smoobu_secret"),
        webhook = secret("webhook"),
        thekeys_username = secret("thekeys_username"),
        thekeys_password = secret("thekeys_password"),
        sms_token = secret("sms_token"),
        operator = secret("operator"),
    );
    let time = |(hour, minute): (u32, u32)| format!("{hour:02}:{minute:02}");
    for flat in FLATS {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            r#"
[[tenant.door]]
id = "{id}-door"
lock = "thekeys"
device = "{lock}"
keypad = "{keypad}"
pin_prefix = "{prefix}"
pin_length = {PIN_LENGTH}

[[tenant.unit]]
id = "{id}"
name = "{name}"
source = {{ {SOURCE} = "{apartment}" }}
time_zone = "{zone}"
check_in = "{check_in}"
check_out = "{check_out}"
doors = ["{id}-door"]
"#,
            id = flat.id,
            name = flat.name,
            lock = flat.lock,
            keypad = flat.keypad,
            prefix = flat.prefix,
            apartment = flat.apartment,
            zone = ZONE.name(),
            check_in = time(CHECK_IN),
            check_out = time(CHECK_OUT),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use booking_host::Config;

    use super::*;

    #[test]
    fn it_is_a_good_configuration() {
        let folder = tempfile::tempdir().unwrap();
        Secrets::draw().write(folder.path()).unwrap();
        let text = text(folder.path(), "http://127.0.0.1:8080", "http://127.0.0.1:8099", "debug");
        let (config, warnings) = Config::parse(&text, &|_| None).unwrap();
        assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
        assert_eq!(config.tenants[0].units.len(), FLATS.len());
    }

    #[test]
    fn each_run_has_secrets_of_its_own() {
        let (one, two) = (Secrets::draw(), Secrets::draw());
        assert_ne!(one.master_key, two.master_key);
        assert_eq!(one.master_key.len(), 64);
    }
}
