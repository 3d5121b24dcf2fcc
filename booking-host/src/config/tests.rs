use std::collections::BTreeMap;

use booking_core::signature::Network;
use booking_core::{IntegrationName, Proof};
use booking_engine::{CancelInHouse, Drift, GuestChannels, Mode, PinSource, Tell};
use chrono_tz::Tz;

use super::*;

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Good, with a line for most that can go wrong.
const GOOD: &str = r#"[server]
listen = "127.0.0.1:8080"
public_url = "https://keys.example.org"
[store]
url = "sqlite://staykey.db"
master_key = { env = "KEY" }
[[tenant]]
slug = "harbour"
[tenant.source.smoobu]
kind = "smoobu"
api_key = { env = "A" }
api_secret = { env = "A" }
webhook_path_secret = { env = "HOOK" }
[tenant.lock.thekeys]
kind = "thekeys"
username = { env = "PHONE" }
password = { env = "A" }
[tenant.notifier.sms]
kind = "serwersms"
token = { env = "A" }
[[tenant.door]]
id = "front"
lock = "thekeys"
device = "4411"
keypad = "AbCd1234"
[[tenant.unit]]
id = "studio-a"
source = { smoobu = "500001" }
time_zone = "Europe/Warsaw"
check_in = "15:00"
check_out = "12:00"
doors = ["front"]
"#;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn env(name: &str) -> Option<String> {
    match name {
        "A" => Some("planted-token-a".to_owned()),
        "HOOK" | "HOOK_NEW" => Some("planted-hook-0123456789".to_owned()),
        "PHONE" => Some("+33100000000".to_owned()),
        "KEY" => Some(KEY.to_owned()),
        "OFFICE" => Some("planted-token-of-the-office-0123456789".to_owned()),
        "SPACED" => Some("planted token of the office 0123456789".to_owned()),
        "BLANK" => Some(" \n".to_owned()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<(Config, Vec<Warning>), Vec<Problem>> {
    Config::parse(text, &env)
}

fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(GOOD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

/// What is told of the good file with these changes; `warning: ` before what is only unwise.
#[track_caller]
fn check(changes: &[(&str, &str)], expected: &[&str]) {
    check_text(&changed(changes), expected);
}

#[track_caller]
fn check_text(text: &str, expected: &[&str]) {
    let told: Vec<String> = match parse(text) {
        Ok((_, warnings)) => warnings.iter().map(|warning| format!("warning: {warning}")).collect(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(told, expected, "\n{text}");
    assert!(!told.iter().any(|line| line.contains("planted")), "{told:?}");
}

fn good(changes: &[(&str, &str)]) -> Config {
    parse(&changed(changes)).unwrap().0
}

#[test]
fn the_good_one_is_good() {
    check(&[], &[]);
}

#[test]
fn the_example_is_good_and_explains_every_key() {
    let values = |name: &str| {
        Some(if name == "STAYKEY_MASTER_KEY" { KEY.to_owned() } else { format!("+33-{name}-0123456789") })
    };
    let (config, found) = read(EXAMPLE, &values, &Registry::default());
    assert_eq!((found.problems, found.warnings), (vec![], vec![]));
    let config = config.unwrap();
    let tenant = &config.tenants[0];
    assert_eq!(tenant.guest, GuestChannels::All(vec![name("sms"), name("thread-smoobu")]));
    let missing: Vec<_> = found.keys.iter().filter(|key| !EXAMPLE.contains(**key)).collect();
    assert!(missing.is_empty(), "not in config.example.toml: {missing:?}");
}

#[cfg(feature = "otel")]
#[test]
fn where_traces_go() {
    const ADDRESS: &str = "write a URL such as \"http://127.0.0.1:4318/v1/traces\"";
    const URL: &str = "is no plain http:// or https:// URL";
    let section = |text: &str| format!("[traces]\n{text}\n[[tenant.door]]");
    for (text, expected) in [
        ("endpoint = \"https://traces.example.org/v1/traces\"\nshare = 0.1", vec![]),
        (
            "service = \"front\"",
            vec![
                "line 21: traces.endpoint: is missing — write where the collector takes traces, such as \
                 \"http://127.0.0.1:4318/v1/traces\""
                    .to_owned(),
            ],
        ),
        ("endpoint = \"collector:4318\"", vec![format!("line 22: traces.endpoint: {URL} — {ADDRESS}")]),
        ("endpoint = \"http://me:planted@a.example/\"", vec![format!("line 22: traces.endpoint: {URL} — {ADDRESS}")]),
        (
            "endpoint = \"http://a.example/\"\nshare = 2",
            vec![
                "line 23: traces.share: is not a fraction — write a number from 0 to 1, such as 0.2".to_owned(),
            ],
        ),
        (
            "endpoint = \"http://a.example/\"\nauthorization = { stored = \"collector\" }",
            vec![
                "line 23: traces.authorization: cannot be stored: it is needed before the store is open — name it as { env = … } or \
                 { file = … }"
                    .to_owned(),
            ],
        ),
    ] {
        // A section of the root may stand anywhere.
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(&[("[[tenant.door]]", &section(text))], &expected);
    }
    let config = good(&[("[[tenant.door]]", &section("endpoint = \"http://a.example/v1/traces\""))]);
    let traces = config.traces.unwrap();
    assert_eq!(
        (traces.endpoint.as_str(), traces.service.as_str(), traces.share),
        ("http://a.example/v1/traces", "staykey", 1.0)
    );
}

#[test]
fn the_example_says_what_holds_anyway() {
    let (config, _) = parse(&changed(&[])).unwrap();
    let values = |name: &str| {
        Some(if name == "STAYKEY_MASTER_KEY" { KEY.to_owned() } else { format!("+33-{name}-0123456789") })
    };
    let (example, _) = Config::parse(EXAMPLE, &values).unwrap();
    let server = |config: &Config| {
        let ServerConfig { body_limit, body_deadline, concurrency, drain, metrics, .. } = config.server;
        (body_limit, body_deadline, concurrency, drain, metrics)
    };
    assert_eq!(server(&config), server(&example));
    assert_eq!(config.store.retention, example.store.retention);
    let worker =
        |config: &Config| (config.worker.concurrency, config.worker.per_tenant, config.worker.look_every);
    assert_eq!(worker(&config), worker(&example));
    assert_eq!((config.log.filter, config.log.format), (example.log.filter, example.log.format));
    let (one, other) = (&config.tenants[0], &example.tenants[0]);
    assert_eq!((one.mode, &one.default_language), (other.mode, &other.default_language));
    assert_eq!(one.policy, other.policy);
    assert_eq!(
        (one.full_read_every, one.full_read_ahead, one.door_read_every),
        (other.full_read_every, other.full_read_ahead, other.door_read_every),
    );
}

fn name(text: &str) -> IntegrationName {
    IntegrationName::parse(text).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let config = good(&[
        (
            "public_url = \"https://keys.example.org\"",
            "public_url = \"https://keys.example.org/a/\"\ntrusted_proxies = [\"10.0.0.0/8\"]",
        ),
        (
            "slug = \"harbour\"",
            "slug = \"harbour\"\nmode = \"observe\"\ndefault_language = \"pl\"\nphone_region = \"PL\"",
        ),
        (
            "[[tenant.door]]",
            "[tenant.messages]\nguest = { first = [\"thread\", \"sms\"] }\n[tenant.policy]\nproof = \"confirmed\"\n\
             tell = { before_arrival = \"48h\" }\nbuffer_before = \"30m\"\ncancel_in_house = \"remove\"\nfull_read_every = \"1h\"\n\
             [[tenant.door]]\npin_prefix = \"31\"\npin_length = 5",
        ),
        ("doors = [\"front\"]", "doors = [\"front\"]\npolicy = { buffer_after = \"1h\" }"),
    ]);
    assert_eq!(config.server.public_url, "https://keys.example.org/a");
    assert_eq!(config.server.trusted_proxies, ["10.0.0.0/8".parse::<Network>().unwrap()]);
    let tenant = &config.tenants[0];
    assert_eq!((tenant.mode, tenant.default_language.as_str()), (Mode::Observe, "pl"));
    assert_eq!(tenant.guest, GuestChannels::First(vec![name("thread-smoobu"), name("sms")]));
    assert_eq!(tenant.policy.proof, Proof::Confirmed);
    assert_eq!(tenant.policy.tell, Tell::BeforeArrival(TimeDelta::hours(48)));
    assert_eq!(tenant.policy.cancel_in_house, CancelInHouse::Remove);
    assert_eq!(tenant.full_read_every, TimeDelta::hours(1));
    let unit = &tenant.units[0];
    assert_eq!(
        (unit.policy.buffer_before, unit.policy.buffer_after),
        (TimeDelta::minutes(30), TimeDelta::hours(1))
    );
    assert_eq!(tenant.policy.buffer_after, TimeDelta::zero());
    let door = &tenant.doors[0].door;
    assert_eq!(
        (door.key.to_string().as_str(), door.zone, door.pin_length),
        ("thekeys/4411/AbCd1234", Tz::Europe__Warsaw, Some(5))
    );
    assert!(!format!("{config:?}").contains("planted"), "{config:?}");
}

#[test]
fn everything_is_told_at_once_with_its_line() {
    check(
        &[
            ("listen = \"127.0.0.1:8080\"", "lisen = \"127.0.0.1:8080\""),
            ("{ env = \"KEY\" }", "{ env = \"NO_KEY\" }"),
            ("Europe/Warsaw", "Europe/Warsav"),
            ("lock = \"thekeys\"", "lock = \"thekey\""),
            ("check_in = \"15:00\"", "check_in = \"3 pm\""),
            ("{ smoobu = \"500001\" }", "{ smooby = \"500001\" }"),
            ("doors = [\"front\"]", "doors = [\"frotn\"]"),
        ],
        &[
            "line 1: server.listen: is missing — write \"127.0.0.1:8080\", or what a proxy in front reaches",
            "line 2: server.lisen: unknown key — did you mean `listen`?",
            "line 6: store.master_key: environment variable NO_KEY is not set — set it where the host is started",
            "line 23: tenant.harbour.door.front.lock: there is no lock `thekey` — did you mean `thekeys`?",
            "line 28: tenant.harbour.unit.studio-a.source.smooby: there is no source `smooby` — did you mean `smoobu`?",
            "line 29: tenant.harbour.unit.studio-a.time_zone: there is no time zone `Europe/Warsav` — did you mean `Europe/Warsaw`?",
            "line 30: tenant.harbour.unit.studio-a.check_in: is not a time of day — write hours and minutes, as in \"15:00\"",
            "line 32: tenant.harbour.unit.studio-a.doors: there is no door `frotn` — did you mean `front`?",
        ],
    );
}

#[test]
fn what_is_no_toml_is_told_without_being_shown() {
    let told: Vec<_> = parse("[server]\nlisten = planted\n\n[store\nurl = 1\n")
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.len() == 2 && told[0].starts_with("line 2: not TOML: "), "{told:?}");
    assert!(!told.iter().any(|line| line.contains("planted")), "{told:?}");
}

#[test]
fn an_empty_file() {
    check_text(
        "",
        &[
            "line 1: server.listen: is missing — write \"127.0.0.1:8080\", or what a proxy in front reaches",
            "line 1: server.public_url: is missing — write the https:// address that vendors reach",
            "line 1: store.master_key: is missing — make one with `openssl rand -hex 32`, and name it as { env = \"STAYKEY_MASTER_KEY\" }",
            "line 1: store.url: is missing — write \"sqlite://staykey.db\"",
            "line 1: tenant: there is no tenant — add a [[tenant]] section",
        ],
    );
}

#[test]
fn server() {
    for (change, expected) in [
        (
            ("127.0.0.1:8080", "localhost"),
            "line 2: server.listen: is not an address with a port — write \"127.0.0.1:8080\"",
        ),
        (
            ("https://keys.example.org", "keys.example.org"),
            "line 3: server.public_url: is not a whole URL — write https://host[:port][/prefix]",
        ),
        (
            ("https://keys.example.org", "https://planted:x@keys.example.org"),
            "line 3: server.public_url: holds a user name or password — write https://host[:port][/prefix]",
        ),
        (
            ("https://keys.example.org", "http://keys.example.org"),
            "warning: line 3: server.public_url: path secrets would travel in the clear \
             — write https://, and let a proxy in front speak TLS",
        ),
        (
            ("[store]", "trusted_proxies = [\"10.0.0.1/8\"]\n[store]"),
            "line 4: server.trusted_proxies: not a valid network: expected an IP address, or one with a prefix length and no bits set \
             after it, as in 192.0.2.0/24 — write addresses and networks such as \"127.0.0.1\" or \"10.0.0.0/8\"",
        ),
        (
            ("[store]", "drain = \"20\"\n[store]"),
            "line 4: server.drain: is not a duration — write a number with s, m, h or d, as in \"48h\"",
        ),
        (
            ("[store]", "drain = \"0s\"\n[store]"),
            "line 4: server.drain: is too short — write at least \"1s\"",
        ),
        (
            ("[store]", "body_limit = 1\n[store]"),
            "line 4: server.body_limit: is out of range — write a number from 1024 to 67108864",
        ),
        (
            ("[store]", "body_limit = \"1\"\n[store]"),
            "line 4: server.body_limit: is a text, not a whole number — write digits without quotes",
        ),
        (
            ("[store]", "metrics = \"no\"\n[store]"),
            "line 4: server.metrics: is a text, not true or false — write true or false without quotes",
        ),
    ] {
        check(&[change], &[expected]);
    }
}

#[cfg(not(feature = "postgres"))]
#[test]
fn postgresql_is_left_out() {
    check(
        &[("sqlite://staykey.db", "postgres://u:planted@h/d")],
        &[
            "line 5: store.url: this host was built without PostgreSQL — build it with the feature `postgres`, or write \"sqlite://staykey.db\"",
        ],
    );
}

#[cfg(feature = "postgres")]
#[test]
fn postgresql() {
    let password = ("[[tenant]]", "password = { env = \"A\" }\n[[tenant]]");
    let url = "write \"postgres://user@host/database?sslmode=verify-full\"; sslmode may be disable, prefer, require or verify-full, which alone takes sslrootcert";
    let eight = ("[[tenant]]", "connections = 8\n[[tenant]]");
    let none = ("[[tenant]]", "connections = 0\n[[tenant]]");
    let out = "take it out, and write password = { env = \"STAYKEY_DATABASE_PASSWORD\" }";
    for (changes, expected) in [
        (vec![("sqlite://staykey.db", "postgres://u@h/d?sslmode=verify-full"), password], vec![]),
        (vec![("sqlite://staykey.db", "postgresql://u@h/d")], vec![]),
        (
            vec![("sqlite://staykey.db", "postgres://u:planted@h/d")],
            vec![format!("warning: line 5: store.url: a password stands in the file — {out}")],
        ),
        (
            vec![("sqlite://staykey.db", "postgres://u:planted@h/d"), password],
            vec![format!("line 5: store.url: holds a password beside store.password — {out}")],
        ),
        (
            vec![("sqlite://staykey.db", "postgres://u:planted@h/d?sslmode=planted")],
            vec![format!("line 5: store.url: is no URL of a PostgreSQL database — {url}")],
        ),
        (
            vec![
                ("sqlite://staykey.db", "postgres://u@h/d"),
                ("[[tenant]]", "password = { stored = \"p\" }\n[[tenant]]"),
            ],
            vec![
                "line 7: store.password: cannot be stored: it is needed before the store is open — name it as { env = … } or { file = … }"
                    .to_owned(),
            ],
        ),
        (vec![("sqlite://staykey.db", "postgres://u@h/d"), eight], vec![]),
        (
            vec![("sqlite://staykey.db", "postgres://u@h/d"), none],
            vec!["line 7: store.connections: is out of range — write a number from 1 to 1000".to_owned()],
        ),
        (
            vec![eight],
            vec![
                "line 7: store.connections: are of no use: only a PostgreSQL database has them — take it out"
                    .to_owned(),
            ],
        ),
        (
            vec![password],
            vec![
                "line 7: store.password: is of no use: only a PostgreSQL database has one — take it out"
                    .to_owned(),
            ],
        ),
    ] {
        check(&changes, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let config = good(&[("sqlite://staykey.db", "postgres://u@h/d"), password]);
    let StorePlace::Postgres(url) = &config.store.place else { panic!("{:?}", config.store.place) };
    assert!(url.has_password());
    assert!(!format!("{config:?}").contains("h/d"));
}

#[test]
fn store_worker_and_log() {
    for (change, expected) in [
        (
            ("sqlite://staykey.db", "sqlite://"),
            "line 5: store.url: names no file — write \"sqlite://staykey.db\" or \"sqlite:///var/lib/staykey/staykey.db\"",
        ),
        (
            ("sqlite://staykey.db", "mysql://planted"),
            "line 5: store.url: is no place of a store — write \"sqlite://staykey.db\"",
        ),
        (
            ("sqlite://staykey.db", "memory:"),
            "warning: line 5: store.url: a store in memory forgets every code when the host stops — write \"sqlite://staykey.db\" for real doors",
        ),
        (
            ("{ env = \"KEY\" }", "{ env = \"A\" }"),
            "line 6: store.master_key: is not 32 bytes in hexadecimal or base64 — make one with `openssl rand -hex 32`",
        ),
        (
            ("{ env = \"KEY\" }", "{ stored = \"k\" }"),
            "line 6: store.master_key: cannot be stored: it is needed before the store is open — name it as { env = … } or { file = … }",
        ),
        (
            ("[[tenant]]", "retention = \"12h\"\n[[tenant]]"),
            "line 7: store.retention: is too short — write at least \"1d\"",
        ),
        (
            ("[[tenant]]", "[worker]\nconcurrency = 2\nper_tenant = 3\n[[tenant]]"),
            "line 9: worker.per_tenant: is more than worker.concurrency, 2 — lower it, or take it out",
        ),
        (
            ("[[tenant]]", "[log]\nfilter = \"booking_host=loud\"\n[[tenant]]"),
            "line 8: log.filter: is no filter for logs — write a level such as \"info\", or \"booking_host=debug,info\"",
        ),
        (
            ("[[tenant]]", "[log]\nformat = \"jsn\"\n[[tenant]]"),
            "line 8: log.format: there is no value `jsn` — did you mean `json`?",
        ),
        (("[[tenant]]", "[logs]\n[[tenant]]"), "line 7: logs: unknown key — did you mean `log`?"),
    ] {
        check(&[change], &[expected]);
    }
}

#[test]
fn secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "planted-in-a-file\n").unwrap();
    let blank = folder.path().join("blank");
    std::fs::write(&blank, "\n").unwrap();
    let config = good(&[(
        "token = { env = \"A\" }",
        &format!("token = {{ file = {:?} }}", file.display().to_string()),
    )]);
    assert_eq!(
        config.tenants[0].notifiers[&name("sms")].secret("token").unwrap().expose(),
        "planted-in-a-file"
    );

    let places = "write { env = \"NAME\" }, { file = \"path\" } or { stored = \"name\" }";
    let blank_line = format!(
        "line 20: tenant.harbour.notifier.sms.token: file {} is blank — put the secret there, readable by the host alone",
        blank.display()
    );
    for (token, expected) in [
        ("\"planted\"", format!("warning: line 20: tenant.harbour.notifier.sms.token: a secret stands in the file — {places}")),
        ("4815", format!("line 20: tenant.harbour.notifier.sms.token: is no secret — {places}")),
        ("\"\"", format!("line 20: tenant.harbour.notifier.sms.token: is blank — {places}")),
        ("{}", format!("line 20: tenant.harbour.notifier.sms.token: names no place of the secret — {places}")),
        ("{ env = \"A\", file = \"b\" }", "line 20: tenant.harbour.notifier.sms.token: names several places of one secret — keep one of env, file and stored".to_owned()),
        ("{ evn = \"A\", env = \"A\" }", "line 20: tenant.harbour.notifier.sms.token.evn: unknown key — did you mean `env`?".to_owned()),
        ("{ env = \"GONE\" }", "line 20: tenant.harbour.notifier.sms.token: environment variable GONE is not set — set it where the host is started".to_owned()),
        ("{ env = \"BLANK\" }", "line 20: tenant.harbour.notifier.sms.token: environment variable BLANK is blank — give it a value where the host is started".to_owned()),
        ("{ file = \"/nowhere/token\" }", "line 20: tenant.harbour.notifier.sms.token: file /nowhere/token cannot be read: entity not found — put the secret there, readable by the host alone".to_owned()),
        (&format!("{{ file = {:?} }}", blank.display().to_string()), blank_line),
    ] {
        check(&[("token = { env = \"A\" }", &format!("token = {token}"))], &[&expected]);
    }
    // M02: a tenant whose routing key is not there does not start, and the key is named.
    check(
        &[("{ env = \"HOOK\" }", "{ env = \"HOOK_GONE\" }")],
        &[
            "line 13: tenant.harbour.source.smoobu.webhook_path_secret: environment variable HOOK_GONE is not set \
           — set it where the host is started",
        ],
    );
}

#[test]
fn webhooks_and_aliases() {
    const HOOK: &str = "webhook_path_secret = { env = \"HOOK\" }";
    const ALIAS: &str = "[[alias]]\npath = \"/webhook\"\nto = \"smoobu/t/harbour\"\n[[tenant]]";
    let missing = "line 9: tenant.harbour.source.smoobu.webhook_path_secret: is missing, and without it every webhook is refused \
                   — set webhook_path_secret = { env = \"…\" } and give the vendor the URL with it, or set webhooks = false";
    let hints = "warning: line 9: alias./webhook.to: whoever knows the path can send hints, since an alias has no path secret \
                 — give the vendor the integration's own URL as soon as you can, or set accept_ips";
    check(&[(HOOK, "")], &[missing]);
    check(&[(HOOK, "webhooks = false")], &[]);
    check(&[(HOOK, "accept_ips = [\"192.0.2.0/24\"]")], &[]);
    check(
        &[(
            HOOK,
            "webhook_secrets = [{ env = \"HOOK\" }, { env = \"HOOK_NEW\" }]\nwebhook_payload = \"trust\"",
        )],
        &[],
    );
    check(
        &[(HOOK, "webhook_secrets = [{ env = \"HOOK\" }, { env = \"HOOK_OLD\" }]")],
        &[
            "line 13: tenant.harbour.source.smoobu.webhook_secrets: environment variable HOOK_OLD is not set — set it where the host is started",
        ],
    );
    check(
        &[(HOOK, "webhook_unauthenticated = true")],
        &[
            "warning: line 13: tenant.harbour.source.smoobu.webhook_unauthenticated: whoever knows the URL can send hints \
           — set webhook_path_secret = { env = \"…\" } instead",
        ],
    );
    check(
        &[(HOOK, "webhook_payload = \"trust\"")],
        &[
            "line 13: tenant.harbour.source.smoobu.webhook_payload: \"trust\" needs a check, or whoever knows the URL can send bookings \
           — set webhook_path_secret = { env = \"…\" } or accept_ips, or write \"reread\"",
        ],
    );
    check(
        &[(HOOK, "webhook_path_secret = { env = \"HOOK\" }\nwebhook_payload = \"belief\"")],
        &[
            "line 14: tenant.harbour.source.smoobu.webhook_payload: there is no value `belief` — there are reread, trust",
        ],
    );

    check(&[("[[tenant]]", ALIAS)], &[hints]);
    // An alias is a way in, even where the integration's own URL has none.
    check(&[("[[tenant]]", ALIAS), (HOOK, "")], &[hints]);
    check(
        &[("[[tenant]]", ALIAS), (HOOK, "accept_ips = [\"192.0.2.0/24\"]\nwebhook_payload = \"trust\"")],
        &[],
    );
    check(
        &[
            ("[[tenant]]", ALIAS),
            (HOOK, "webhook_path_secret = { env = \"HOOK\" }\nwebhook_payload = \"trust\""),
        ],
        &[
            "line 9: alias./webhook.to: whoever knows the path could send bookings, since `smoobu` trusts what its webhooks tell \
           — set webhook_payload = \"reread\", or accept_ips",
        ],
    );
    for (path, to, expected) in [
        (
            "/webhook",
            "smoobu/t/harbor",
            "line 9: alias./webhook.to: there is no tenant `harbor` — did you mean `harbour`?",
        ),
        (
            "/webhook",
            "smobu/t/harbour",
            "line 9: alias./webhook.to: there is no integration `smobu` — did you mean `smoobu`?",
        ),
        (
            "/webhook",
            "thekeys/t/harbour",
            "line 9: alias./webhook.to: `thekeys` takes no webhooks — take the alias out, or name another integration",
        ),
        (
            "/webhook",
            "smoobu",
            "line 9: alias./webhook.to: names no integration of a tenant — write \"INTEGRATION/t/TENANT\" or \"INTEGRATION/t/TENANT/TOPIC\"",
        ),
        (
            "/healthz",
            "smoobu/t/harbour",
            "line 8: alias./healthz.path: is a path of the host itself — write a path such as \"/webhook\"",
        ),
        (
            "/{x}",
            "smoobu/t/harbour",
            "line 8: alias./{x}.path: is not a plain path — write a path such as \"/webhook\"",
        ),
        (
            "webhook",
            "smoobu/t/harbour",
            "line 8: alias.webhook.path: is not a plain path — write a path such as \"/webhook\"",
        ),
    ] {
        let alias = format!("[[alias]]\npath = \"{path}\"\nto = \"{to}\"\n[[tenant]]");
        let told: Vec<_> = match parse(&changed(&[("[[tenant]]", &alias)])) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(told, [expected]);
    }
    let twice = format!("{}{}", ALIAS.replace("[[tenant]]", ""), ALIAS);
    let told = parse(&changed(&[("[[tenant]]", &twice)])).unwrap_err();
    assert_eq!(
        told[0].to_string(),
        "line 11: alias./webhook.path: two aliases have this path — give each path to one integration"
    );
}

#[test]
fn base_urls() {
    const KIND: &str = "kind = \"serwersms\"";
    let told = |server: &str, tenant: &str, url: &str| {
        let text = changed(&[
            ("[store]", &format!("{server}\n[store]")),
            ("slug = \"harbour\"", &format!("slug = \"harbour\"\n{tenant}")),
            (KIND, &format!("{KIND}\nbase_url = \"{url}\"")),
        ]);
        match parse(&text) {
            Ok(_) => String::new(),
            Err(problems) => {
                problems.iter().map(|problem| problem.what.clone()).collect::<Vec<_>>().join("; ")
            }
        }
    };
    let foreign = "allow_foreign_base_url = true";
    let internal = "allow_internal_addresses = true";
    for (server, tenant, url, expected) in [
        ("", "", "https://api2.serwersms.pl", ""),
        (
            "",
            "",
            "https://sms.example.org",
            "https://sms.example.org is not the vendor's own address https://api2.serwersms.pl/, and credentials would go there",
        ),
        (foreign, "", "https://sms.example.org", ""),
        (
            foreign,
            "",
            "http://sms.example.org",
            "http://sms.example.org would carry credentials in the clear",
        ),
        (foreign, "", "http://127.0.0.1:9000", "http://127.0.0.1:9000 lies in an internal network"),
        (foreign, "", "https://169.254.169.254", "https://169.254.169.254 lies in an internal network"),
        (foreign, internal, "http://127.0.0.1:9000", ""),
        (
            "",
            internal,
            "http://127.0.0.1:9000",
            "http://127.0.0.1:9000 is not the vendor's own address https://api2.serwersms.pl/, and credentials would go there",
        ),
        (foreign, internal, "https://planted:x@127.0.0.1", "holds a user name or password"),
    ] {
        assert_eq!(told(server, tenant, url), expected, "{server} {tenant} {url}");
    }
}

#[test]
fn tenants() {
    for (change, expected) in [
        (
            ("slug = \"harbour\"", "slug = \"Harbour\""),
            &[
                "line 8: tenant.Harbour.slug: not a valid tenant slug: expected 1 to 40 of a-z, 0-9, hyphen and underscore — choose another; it can never change later",
            ][..],
        ),
        (
            ("slug = \"harbour\"", "slug = \"harbour\"\nmode = \"half\""),
            &["line 9: tenant.harbour.mode: there is no value `half` — there are full, upsert-only, observe"],
        ),
        (
            ("slug = \"harbour\"", "slug = \"harbour\"\ndefault_language = \"xx\""),
            &[
                "line 9: tenant.harbour.default_language: there is no language `xx` — there are en, de, pl, ru, uk",
            ],
        ),
        (
            ("slug = \"harbour\"", "slug = \"harbour\"\nphone_region = \"Poland\""),
            &[
                "line 9: tenant.harbour.phone_region: is not a country — write two capital letters, such as \"PL\"",
            ],
        ),
        (
            ("kind = \"smoobu\"", "kind = \"smobu\""),
            &[
                "line 10: tenant.harbour.source.smoobu.kind: there is no kind `smobu` — did you mean `smoobu`?",
            ],
        ),
        (
            ("api_secret = { env = \"A\" }", ""),
            &[
                "line 9: tenant.harbour.source.smoobu.api_secret: is missing — requests are signed with it: make one beside the API key",
            ],
        ),
        (
            ("password = { env = \"A\" }", ""),
            &["line 14: tenant.harbour.lock.thekeys.password: is missing — this kind needs it"],
        ),
        (
            ("password = { env = \"A\" }", "password = { env = \"A\" }\ntimout = \"5s\""),
            &["line 18: tenant.harbour.lock.thekeys.timout: unknown key — did you mean `timeout`?"],
        ),
        (
            ("[tenant.notifier.sms]", "[tenant.notifier.smoobu]"),
            &[
                "line 18: tenant.harbour.notifier.smoobu: line 9 has an integration `smoobu` already — give each source, lock and notifier a name of its own",
            ],
        ),
        (
            ("[tenant.notifier.sms]", "[tenant.notifier.thread]"),
            &[
                "line 18: tenant.harbour.notifier.thread: names that begin with `thread` are those of the sources' own threads — choose another",
            ],
        ),
        (
            ("[[tenant.door]]", "[tenant.messages]\nguest = { all = [\"smss\"] }\n[[tenant.door]]"),
            &[
                "line 22: tenant.harbour.messages.guest.all: there is no notifier `smss` — did you mean `sms`?",
            ],
        ),
        (
            ("[[tenant.door]]", "[tenant.messages]\nguest = {}\n[[tenant.door]]"),
            &[
                "line 22: tenant.harbour.messages.guest: names no way — write { all = […] } or { first = […] }",
            ],
        ),
        (
            ("[[tenant.door]]", "[tenant.messages]\nstaff = [\"sms\"]\n[[tenant.door]]"),
            &[
                "line 22: tenant.harbour.messages.staff: `sms` does not know whom to write to — set its staff recipients, or name another notifier",
            ],
        ),
        (
            ("[[tenant.door]]", "[tenant.policy]\nbuffer_before = \"-1h\"\n[[tenant.door]]"),
            &[
                "line 22: tenant.harbour.policy.buffer_before: is reversed: a time to wait or to widen cannot be negative — write a number with s, m, h or d, as in \"48h\"",
            ],
        ),
        (
            ("[[tenant.door]]", "[tenant.policy]\nbuffer_after = \"15d\"\n[[tenant.door]]"),
            &[
                "warning: line 22: tenant.harbour.policy.buffer_after: the code works for more than a day outside the stay — check the unit: \"15m\" are minutes",
            ],
        ),
        (
            ("[[tenant.door]]", "[tenant.policy]\nwrite_back = true\n[[tenant.door]]"),
            &[
                "line 21: tenant.harbour.policy: write_back is on, but no source can be written to — set what the source needs for it (smoobu: placeholder_key), or take write_back out",
            ],
        ),
        (
            ("[[tenant.door]]", "[tenant.policy]\nbrake = { share = 2 }\n[[tenant.door]]"),
            &[
                "line 22: tenant.harbour.policy.brake.share: is not a fraction — write a number from 0 to 1, such as 0.2",
            ],
        ),
        (
            ("doors = [\"front\"]", "policy = { full_read_every = \"1h\" }\ndoors = [\"front\"]"),
            &[
                "line 32: tenant.harbour.unit.studio-a.policy.full_read_every: unknown key — known here: absent_reads, backup_before, buffer_after, buffer_before, cancel_in_house, door_read_max_age, drift, escalate_before, pin, proof, quarantine, settle, tell, tell_adopted, write_back",
            ],
        ),
    ] {
        check(&[change], expected);
    }
    let second = format!("{GOOD}[[tenant]]\nslug = \"harbour\"\n");
    check_text(
        &second,
        &["line 34: tenant.harbour.slug: two tenants have this name — give each tenant a name of its own"],
    );
}

#[test]
fn texts_of_a_tenant_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("de")).unwrap();
    std::fs::write(folder.path().join("de/guest.ftl"), "no-such-message = Hallo\n").unwrap();
    let texts = format!("slug = \"harbour\"\ntexts = {:?}", folder.path().display().to_string());
    let problems = parse(&changed(&[("slug = \"harbour\"", &texts)])).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().starts_with("line 9: tenant.harbour.texts: "), "{}", problems[0]);
}

#[test]
fn doors_and_units() {
    const SECOND_DOOR: &str = "[[tenant.door]]\nid = \"front\"\nlock = \"thekeys\"\ndevice = \"4412\"\nkeypad = \"AbCd1234\"\n[[tenant.unit]]";
    for (changes, expected) in [
        (
            &[("[[tenant.unit]]", SECOND_DOOR)][..],
            &[
                "line 27: tenant.harbour.door.front.id: two doors have this name, the other in line 22 — give each a name of its own",
            ][..],
        ),
        (
            &[
                (
                    "[[tenant.unit]]",
                    "[[tenant.door]]\nid = \"back\"\nlock = \"thekeys\"\ndevice = \"4411\"\nkeypad = \"AbCd1234\"\n[[tenant.unit]]",
                ),
                ("doors = [\"front\"]", "doors = [\"front\", \"back\"]"),
            ],
            &[
                "line 26: tenant.harbour.door.back: tenant.harbour.door.front of line 21 is the same keypad — describe each keypad once; several units may name one door",
            ],
        ),
        (
            &[("device = \"4411\"", "device = \"number 4\"")],
            &[
                "line 24: tenant.harbour.door.front.device: has blanks, slashes or other than plain characters — write the id as its vendor shows it, in quotes",
            ],
        ),
        (
            &[("keypad = \"AbCd1234\"", "keypad = \"14411\"")],
            &[
                "line 21: tenant.harbour.door.front: not a valid keypad of The Keys: expected the keypad's id_accessoire, a short text of letters and digits, not its number — look it up in the vendor's own pages",
            ],
        ),
        (
            &[("keypad = \"AbCd1234\"", "keypad = \"AbCd1234\"\npin_prefix = \"3a\"")],
            &[
                "line 26: tenant.harbour.door.front.pin_prefix: not a valid PIN: expected 1 to 16 digits — write digits in quotes",
            ],
        ),
        (
            &[("keypad = \"AbCd1234\"", "keypad = \"AbCd1234\"\npin_length = 17")],
            &["line 26: tenant.harbour.door.front.pin_length: is out of range — write a number from 1 to 16"],
        ),
        (
            &[("keypad = \"AbCd1234\"", "keypad = \"AbCd1234\"\npin_prefix = \"1234567890123\"")],
            &[
                "line 26: tenant.harbour.door.front.pin_prefix: prefix and PIN have more than 16 digits together — shorten one",
            ],
        ),
        (
            &[("keypad = \"AbCd1234\"", "keypad = \"AbCd1234\"\npin_length = 3")],
            &[
                "warning: line 26: tenant.harbour.door.front.pin_length: so short a PIN is soon guessed — take at least 4 digits",
            ],
        ),
        (
            &[("doors = [\"front\"]", "")],
            &[
                "warning: line 21: tenant.harbour.door.front: no unit names this door — name it under the doors of a unit",
                "warning: line 26: tenant.harbour.unit.studio-a.doors: guests of this unit get no code — name the doors that they pass, once there are any",
            ],
        ),
        (
            &[("doors = [\"front\"]", "doors = [\"front\", \"front\"]")],
            &["line 32: tenant.harbour.unit.studio-a.doors: `front` stands twice — take one out"],
        ),
        (
            &[("source = { smoobu = \"500001\" }", "")],
            &[
                "line 26: tenant.harbour.unit.studio-a.source: is missing — write { SOURCE = \"the unit's id there\" }",
            ],
        ),
        (
            &[("source = { smoobu = \"500001\" }", "source = { smoobu = 500001 }")],
            &[
                "line 28: tenant.harbour.unit.studio-a.source.smoobu: is a whole number, not a text — write it in quotes",
            ],
        ),
    ] {
        check(changes, expected);
    }
    let unit = "[[tenant.unit]]\nid = \"ID\"\nsource = { smoobu = \"REF\" }\ntime_zone = \"ZONE\"\ncheck_in = \"15:00\"\ncheck_out = \"12:00\"\ndoors = [\"front\"]\n";
    let with = |id: &str, reference: &str, zone: &str| {
        format!("{GOOD}{}", unit.replace("ID", id).replace("REF", reference).replace("ZONE", zone))
    };
    check_text(&with("studio-b", "500002", "Europe/Warsaw"), &[]);
    check_text(
        &with("studio-a", "500002", "Europe/Warsaw"),
        &[
            "line 34: tenant.harbour.unit.studio-a.id: two units have this name, the other in line 27 — give each a name of its own",
        ],
    );
    check_text(
        &with("studio-b", "500001", "Europe/Warsaw"),
        &[
            "line 35: tenant.harbour.unit.studio-b.source.smoobu: tenant.harbour.unit.studio-a has this id too — give each unit an id of its own",
        ],
    );
    check_text(
        &with("studio-b", "500002", "Europe/Lisbon"),
        &[
            "line 21: tenant.harbour.door.front.time_zone: its units lie in Europe/Lisbon and Europe/Warsaw — one door is in one zone: mend the units, or write the door's own time_zone",
        ],
    );
}

#[test]
fn tenants_that_share_a_keypad_must_agree() {
    let tenant = GOOD.split_once("[[tenant]]").unwrap().1;
    let second = |change: (&str, &str)| {
        format!("{GOOD}[[tenant]]{}", tenant.replace("harbour", "quay").replacen(change.0, change.1, 1))
    };
    check_text(&second(("", "")), &[]);
    // The usual length, written down, is the same rule.
    check_text(&second(("device = \"4411\"", "device = \"4411\"\npin_length = 4")), &[]);
    let differs = "line 47: tenant.quay.door.front: tenant.harbour.door.front of line 21 is the same keypad with another pin_prefix or pin_length — one keypad has one rule: make them agree";
    check_text(&second(("device = \"4411\"", "device = \"4411\"\npin_length = 5")), &[differs]);
    check_text(&second(("device = \"4411\"", "device = \"4411\"\npin_prefix = \"31\"")), &[differs]);
    let config = parse(&second(("", ""))).unwrap().0;
    assert_eq!(config.worker.per_tenant, 4);
}

#[test]
fn other_kinds_can_be_registered() {
    use std::sync::Arc;

    use booking_core::{Channel, VendorError};
    use booking_notify::RecordNotifier;

    use crate::registry::{AdapterParts, BuiltNotifier, NotifierKind};

    struct Pigeon;

    impl NotifierKind for Pigeon {
        fn keys(&self) -> &[KeySpec] {
            const { &[KeySpec::required("loft", Shape::Text)] }
        }

        fn check(&self, settings: &Settings, notes: &Notes<'_, '_>) {
            if settings.text("loft") == Some("empty") {
                notes.problem("loft", "has no pigeons", "buy some");
            }
        }

        fn build(&self, _: &Settings, _: &AdapterParts) -> Result<BuiltNotifier, VendorError> {
            Ok(BuiltNotifier::new(Arc::new(RecordNotifier::new(Channel::Record))))
        }
    }

    let mut registry = Registry::default();
    registry.notifier("pigeon", Pigeon);
    let text = |loft: &str| {
        changed(&[(
            "kind = \"serwersms\"\ntoken = { env = \"A\" }",
            &format!("kind = \"pigeon\"\nloft = \"{loft}\""),
        )])
    };
    assert!(Config::parse_with(&text("full"), &env, &registry).is_ok());
    let problems = Config::parse_with(&text("empty"), &env, &registry).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "line 20: tenant.harbour.notifier.sms.loft: has no pigeons — buy some"
    );
    assert!(parse(&text("full")).is_err());
}

#[test]
fn whatever_stands_there_is_read_calmly() {
    // Each line of the example left out, doubled, or cut.
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let mut seen = BTreeMap::new();
    for at in 0..lines.len() {
        for how in 0..3 {
            let mut changed: Vec<&str> = lines.clone();
            match how {
                0 => {
                    changed.remove(at);
                }
                1 => changed.insert(at, lines[at]),
                _ => changed[at] = &lines[at][..lines[at].floor_char_boundary(lines[at].len() / 2)],
            }
            *seen.entry(parse(&changed.join("\n")).is_ok()).or_insert(0) += 1;
        }
    }
    assert!(seen[&false] > 0, "{seen:?}");
}

#[test]
fn a_kind_of_lock_says_how_many_digits_it_stores() {
    use std::ops::RangeInclusive;

    use booking_core::{DoorKey, VendorError};

    use crate::registry::{AdapterParts, BuiltLock, LockKind};

    struct SixDigits;

    impl LockKind for SixDigits {
        fn keys(&self) -> &[KeySpec] {
            &[]
        }

        fn door_key(&self, device: &str, keypad: &str) -> Result<DoorKey, String> {
            Ok(DoorKey { vendor: "six".into(), device: device.into(), keypad: keypad.into() })
        }

        fn pin_lengths(&self) -> RangeInclusive<u8> {
            6..=6
        }

        fn usual_pin_length(&self) -> u8 {
            6
        }

        fn build(&self, _: &Settings, _: &AdapterParts) -> Result<BuiltLock, VendorError> {
            Err(VendorError::configuration("only its configuration is looked at"))
        }
    }

    let mut registry = Registry::default();
    registry.lock("six", SixDigits);
    let text = |length: u8| {
        changed(&[
            (
                "kind = \"thekeys\"\nusername = { env = \"PHONE\" }\npassword = { env = \"A\" }",
                "kind = \"six\"",
            ),
            ("keypad = \"AbCd1234\"", &format!("keypad = \"AbCd1234\"\npin_length = {length}")),
        ])
    };
    assert!(Config::parse_with(&text(6), &env, &registry).is_ok());
    let problems = Config::parse_with(&text(5), &env, &registry).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "line 24: tenant.harbour.door.front.pin_length: this kind of lock stores 6 to 6 digits — write a number of them"
    );
}

#[test]
fn what_later_locks_bring_is_read() {
    let config = good(&[
        (
            "[[tenant.door]]",
            "[tenant.policy]\nbrake = { share = 0.5, least = 5, per = \"12h\" }\ndrift = \"adopt\"\npin = \"phone\"\n\
             backup_before = \"4h\"\n[[tenant.door]]\nbackup_codes = 2",
        ),
        (
            "slug = \"harbour\"",
            "slug = \"harbour\"\nretired = [{ lock = \"thekeys\", device = \"4400\", keypad = \"Old1\" }]",
        ),
        ("doors = [\"front\"]", "doors = [\"front\"]\npolicy = { drift = \"restore\" }"),
    ]);
    let tenant = &config.tenants[0];
    let brake = &tenant.brake;
    assert_eq!((brake.share, brake.least, brake.per), (0.5, 5, TimeDelta::hours(12)));
    let policy = &tenant.policy;
    assert_eq!(
        (policy.drift, policy.pin, policy.backup_before),
        (Drift::Adopt, PinSource::Phone, TimeDelta::hours(4))
    );
    assert_eq!(tenant.units[0].policy.drift, Drift::Restore);
    assert_eq!(tenant.doors[0].backup_codes, 2);
    let retired: Vec<String> = tenant.retired.iter().map(ToString::to_string).collect();
    assert_eq!(retired, ["thekeys/4400/Old1"]);
    check(&[("[[tenant.door]]", "[tenant.policy]\nbrake = { least = 5 }\n[[tenant.door]]")], &[]);
}

#[test]
fn what_later_locks_bring_is_checked() {
    const RETIRED: &str =
        "slug = \"harbour\"\nretired = [{ lock = \"thekeys\", device = \"4400\", keypad = \"Old1\" }]";
    let retired = |from: &str, to: &str| RETIRED.replace(from, to);
    let policy = |line: &str| ("[[tenant.door]]", format!("[tenant.policy]\n{line}\n[[tenant.door]]"));
    for ((from, to), expected) in [
        (
            policy("drift = \"adapt\""),
            "line 22: tenant.harbour.policy.drift: there is no value `adapt` — did you mean `adopt`?",
        ),
        (
            policy("pin = \"phon\""),
            "line 22: tenant.harbour.policy.pin: there is no value `phon` — did you mean `phone`?",
        ),
        (
            policy("backup_before = 2"),
            "line 22: tenant.harbour.policy.backup_before: is a whole number, not a text — write it in quotes",
        ),
        (
            ("keypad = \"AbCd1234\"", "keypad = \"AbCd1234\"\nbackup_codes = 9".to_owned()),
            "line 26: tenant.harbour.door.front.backup_codes: is out of range — write a number from 0 to 8",
        ),
        (
            ("slug = \"harbour\"", retired("\"4400\", keypad = \"Old1\"", "\"4411\", keypad = \"AbCd1234\"")),
            "line 9: tenant.harbour.retired.4411: tenant.harbour.door.front of line 22 is this keypad — take it out \
             here, or give the door the keypad that it has now",
        ),
        (
            ("slug = \"harbour\"", retired("\"thekeys\"", "\"thekey\"")),
            "line 9: tenant.harbour.retired.4400.lock: there is no lock `thekey` — did you mean `thekeys`?",
        ),
        (
            (
                "slug = \"harbour\"",
                retired(" }]", " }, { lock = \"thekeys\", device = \"4400\", keypad = \"Old1\" }]"),
            ),
            "line 9: tenant.harbour.retired.4400: stands twice — take one out",
        ),
        (
            ("slug = \"harbour\"", retired("device = \"4400\", ", "")),
            "line 9: tenant.harbour.retired[1].device: is missing — write the lock's id at its vendor",
        ),
    ] {
        check(&[(from, to.as_str())], &[expected]);
    }
}

const OFFICE: &str =
    "[[api.token]]\nname = \"office\"\ntoken = { env = \"OFFICE\" }\nscopes = [\"read\", \"plan\"]\n";

#[test]
fn tokens_of_the_api_are_read() {
    let none = good(&[]);
    assert!(none.api.is_none(), "it is off unless somebody may ask");
    let config = good(&[("[[tenant]]", &format!("[api]\nlisten = \"127.0.0.1:8081\"\n{OFFICE}[[tenant]]"))]);
    let api = config.api.as_ref().unwrap();
    assert_eq!(api.listen, Some("127.0.0.1:8081".parse().unwrap()));
    let [token] = &api.tokens[..] else { panic!("{api:?}") };
    assert_eq!((token.name.as_str(), &token.tenants), ("office", &None));
    assert_eq!(token.scopes.iter().copied().collect::<Vec<_>>(), [ApiScope::Read, ApiScope::Plan]);
    assert!(!format!("{config:?}").contains("planted"));
    let some = format!("{OFFICE}tenants = [\"harbour\"]\n[[tenant]]");
    let config = good(&[("[[tenant]]", &some)]);
    let api = config.api.unwrap();
    assert_eq!(api.listen, None);
    assert_eq!(api.tokens[0].tenants.as_ref().unwrap().first().unwrap().as_str(), "harbour");
    let all = "scopes = [\"read\", \"plan\", \"apply\", \"pins\", \"erase\", \"mail\"]";
    let config =
        good(&[("[[tenant]]", &format!("{OFFICE}[[tenant]]")), ("scopes = [\"read\", \"plan\"]", all)]);
    assert_eq!(config.api.unwrap().tokens[0].scopes.len(), ApiScope::ALL.len());
}

#[test]
fn tokens_of_the_api_are_checked() {
    let make = "make one with `openssl rand -hex 32`";
    for (from, to, expected) in [
        ("name = \"office\"\n", "", "line 7: api.token[1].name: is missing — name it after who has it".to_owned()),
        ("token = { env = \"OFFICE\" }\n", "", format!("line 7: api.token.office.token: is missing — {make}")),
        ("scopes = [\"read\", \"plan\"]\n", "", "line 7: api.token.office.scopes: is missing — write [\"read\"], or more of what it may do".to_owned()),
        ("[\"read\", \"plan\"]", "[]", "line 10: api.token.office.scopes: is an empty list — name at least one".to_owned()),
        ("[\"read\", \"plan\"]", "\"read\"", "line 10: api.token.office.scopes: is a text, not a list — write [\"…\", \"…\"]".to_owned()),
        ("\"plan\"", "\"plans\"", "line 10: api.token.office.scopes: there is no value `plans` — did you mean `plan`?".to_owned()),
        ("\"OFFICE\"", "\"A\"", format!("line 9: api.token.office.token: has fewer than 32 characters — {make}")),
        ("\"OFFICE\"", "\"SPACED\"", format!("line 9: api.token.office.token: holds what cannot stand in a header — {make}")),
        ("\"OFFICE\"", "\"GONE\"", "line 9: api.token.office.token: environment variable GONE is not set — set it where the host is started".to_owned()),
        ("{ env = \"OFFICE\" }", "{ stored = \"office\" }", "line 9: api.token.office.token: cannot be stored: it belongs to no tenant — name it as { env = … } or { file = … }".to_owned()),
        ("scopes =", "tenants = [\"harbor\"]\nscopes =", "line 10: api.token.office.tenants: there is no tenant `harbor` — did you mean `harbour`?".to_owned()),
        ("scopes =", "tenants = []\nscopes =", "line 10: api.token.office.tenants: is an empty list — name at least one".to_owned()),
        ("scopes =", "scope = []\nscopes =", "line 10: api.token.office.scope: unknown key — did you mean `scopes`?".to_owned()),
        ("[[api.token]]", "[api]\nlisten = \"8081\"\n[[api.token]]", "line 8: api.listen: is not an address with a port — write \"127.0.0.1:8081\"".to_owned()),
        ("[[api.token]]", "[api]\nlisten = \"127.0.0.1:8080\"\n[[api.token]]", "line 8: api.listen: is server.listen itself — take it out: without it the API is served there".to_owned()),
    ] {
        assert!(OFFICE.contains(from), "{from}");
        check(&[("[[tenant]]", &format!("{}[[tenant]]", OFFICE.replacen(from, to, 1)))], &[&expected]);
    }
    check(
        &[("[[tenant]]", "[api]\nlisten = \"127.0.0.1:8081\"\n[[tenant]]")],
        &[
            "warning: line 8: api.listen: nobody may ask, so that nothing listens — add an [[api.token]] section",
        ],
    );
    check(
        &[("[[tenant]]", &format!("{OFFICE}{OFFICE}[[tenant]]"))],
        &[
            "line 12: api.token.office.name: two tokens have this name — give each token a name of its own",
            &format!("line 13: api.token.office.token: is another token's as well — {make}"),
        ],
    );
    // What an alias would take away from the API.
    for path in ["/api/v1/openapi.json", "/api/v1/tenants", "/api/v1/tenants/harbour/log"] {
        let alias = format!("[[alias]]\npath = \"{path}\"\nto = \"smoobu/t/harbour\"\n[[tenant]]");
        let line =
            "line 8: alias./API.path: is a path of the host itself — write a path such as \"/webhook\"";
        check(&[("[[tenant]]", &alias)], &[&line.replace("/API", path)]);
    }
}

/// What the example has of the API is a comment, since the host would want its token.
#[test]
fn the_api_of_the_example_is_good() {
    let from = EXAMPLE.find("# [api]").unwrap();
    let section: String = EXAMPLE[from..]
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap()))
        .collect();
    let text = changed(&[("[[tenant]]", &format!("{section}[[tenant]]"))]);
    let office = |name: &str| env(if name == "STAYKEY_OFFICE_TOKEN" { "OFFICE" } else { name });
    let (config, warnings) = Config::parse(&text, &office).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.api.unwrap().tokens[0].name, "office");
}
