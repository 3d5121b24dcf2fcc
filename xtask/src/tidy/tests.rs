//! Each rule held against this repository, and against small ones that break it.

use super::*;

/// Each rule is held against the repository in a test of its own.
macro_rules! rules_hold {
    ($($rule:ident),* $(,)?) => {
        mod repository {
            $(
                #[test]
                fn $rule() {
                    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
                    let problems = super::super::$rule(&super::super::Repository::read(root).unwrap());
                    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
                }
            )*

            #[test]
            fn no_rule_is_forgotten() {
                assert_eq!([$(stringify!($rule)),*].len(), super::super::RULES.len());
            }
        }
    };
}

rules_hold!(
    no_ignored_tests,
    nothing_unfinished,
    no_sleeps_in_tests,
    clean_text,
    no_machine_paths,
    pages,
    published_crates,
    shared_lints,
    floors,
    vendors_behind_features,
    databases_in_the_store,
    axum_in_the_host,
    versions_in_the_root,
    no_features_in_the_root,
    client_files,
    scenario_ids,
    numbers,
    alerts,
    changelog,
    ci_command,
);

const ROOT: &str = "[workspace]\nmembers = [\"booking-core\", \"b-client\", \"tool\"]\n";
const MEMBERS: [(&str, &str); 3] = [
    ("booking-core/Cargo.toml", "[package]\nname = \"booking-core\"\n"),
    ("b-client/Cargo.toml", "[package]\nname = \"b-client\"\n"),
    ("tool/Cargo.toml", "[package]\nname = \"tool\"\npublish = false\n"),
];

/// Holds a small repository, of which some files are as given, against a rule.
#[track_caller]
fn check(rule: Rule, files: &[(&str, &str)], problems: &[&str]) {
    let all = std::iter::once(("Cargo.toml", ROOT)).chain(MEMBERS).chain(files.iter().copied());
    let files = all.map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    assert_eq!(rule(&Repository::of(files).unwrap()), problems);
}

#[test]
fn an_ignored_test_is_found() {
    let ignored = concat!("#[test]\n#[ig", "nore = \"slow\"]\nfn a() {}\n");
    check(no_ignored_tests, &[("a/b.rs", ignored)], &[concat!("a/b.rs:2: #[ig", "nore = \"slow\"]")]);
    check(
        no_ignored_tests,
        &[("a.md", concat!("# A\n```ig", "nore\n"))],
        &[concat!("a.md:2: ```ig", "nore")],
    );
}

#[test]
fn unfinished_code_is_found() {
    let text = concat!("fn a() {\n    to", "do!()\n}\nfn b() {\n    unimple", "mented!()\n}\n");
    let problems = [concat!("a.rs:2: to", "do!()"), concat!("a.rs:5: unimple", "mented!()")];
    check(nothing_unfinished, &[("a.rs", text), ("a.md", text)], &problems);
}

#[test]
fn a_sleep_is_found_in_tests_only() {
    let sleep = concat!("fn a() {\n    std::thread::", "sleep(b);\n}\n");
    let module = format!("{sleep}#[cfg(test)]\nmod tests {{\n{sleep}}}\n");
    let files = [
        ("a/src/b.rs", sleep),
        ("a/src/c.rs", &module),
        ("a/src/d/tests.rs", sleep),
        ("a/tests/it/e.rs", sleep),
    ];
    let found = concat!("std::thread::", "sleep(b);");
    let problems =
        ["a/src/c.rs:7", "a/src/d/tests.rs:2", "a/tests/it/e.rs:2"].map(|at| format!("{at}: {found}"));
    check(no_sleeps_in_tests, &files, &problems.each_ref().map(String::as_str));
}

#[test]
fn unclean_text_is_found() {
    let problems = [
        "a.md:1: blank at the end",
        "a.md:2: a tab",
        "a.md:3: blank at the end",
        "a.md: does not end with exactly one line break",
        "b.md: does not end with exactly one line break",
    ];
    check(clean_text, &[("a.md", "a \nb\tc\nd\r\ne"), ("b.md", "a\n\n"), ("c.lock", "a \n")], &problems);
}

#[test]
fn machine_paths_are_found() {
    let text = concat!("in /wo", "rk/a\nin frame/wo", "rk/a\nget crates", ".io\n\"/ho", "me/a\"\n");
    let problems = [
        concat!("a.md:1: in /wo", "rk/a"),
        concat!("a.md:3: get crates", ".io"),
        concat!("a.md:4: \"/ho", "me/a\""),
    ];
    check(no_machine_paths, &[("a.md", text), ("b/Cargo.lock", text)], &problems);
}

#[test]
fn missing_pages_are_found() {
    let mut all = Vec::new();
    let pages_there = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE-APACHE"];
    all.extend(pages_there.map(|page| (page, "")));
    all.extend([("LICENSE-MIT", ""), ("Cargo.lock", "")]);
    check(pages, &all, &[".ci/run: there is none"]);
}

#[test]
fn a_crate_that_does_not_introduce_itself_is_found() {
    let package = "[package]\nname = \"booking-core\"\nversion = \"0.1.0\"\ndescription = \"Words\"\nlicense = \
                   \"MIT\"\nrepository = \"a\"\nkeywords = []\ncategories = []\nrust-version = \"1.88\"\n";
    let whole = format!("{package}readme = \"README.md\"\n");
    let client = whole.replace("booking-core", "b-client");
    let library = "#![doc = include_str!(\"../README.md\")]\n";
    check(
        published_crates,
        &[
            ("booking-core/Cargo.toml", package),
            ("booking-core/README.md", "# Words\nof booking-core\n"),
            ("booking-core/src/lib.rs", "//! Words.\n"),
            ("b-client/Cargo.toml", &client),
            ("b-client/README.md", "# b-client: B\n"),
            ("b-client/src/lib.rs", library),
        ],
        &[
            "booking-core/Cargo.toml: no readme",
            "booking-core/README.md:1: the title does not name booking-core",
            "booking-core/src/lib.rs: no #![doc = include_str!(\"../README.md\")]",
        ],
    );
    check(
        shared_lints,
        &[
            ("booking-core/Cargo.toml", &format!("{whole}[lints]\nworkspace = true\n")),
            ("tool/Cargo.toml", "package.name = \"tool\"\nlints.workspace = false\n"),
        ],
        &["b-client/Cargo.toml: no [lints] workspace = true", "tool/Cargo.toml: no [lints] workspace = true"],
    );
}

#[test]
fn floors_are_kept() {
    let core =
        "[package]\nname = \"booking-core\"\n[target.'cfg(unix)'.dependencies]\nb-client.workspace = true\n";
    let client = "[package]\nname = \"b-client\"\n[dependencies]\nbooking-core.workspace = true\n\
                  [dev-dependencies]\ntool.workspace = true\n";
    let tool = "[package]\nname = \"tool\"\n[build-dependencies]\nbooking-core.workspace = true\n";
    check(
        floors,
        &[("booking-core/Cargo.toml", core), ("b-client/Cargo.toml", client), ("tool/Cargo.toml", tool)],
        &[
            "booking-core/Cargo.toml: booking-core must not know b-client",
            "b-client/Cargo.toml: b-client must not know tool",
            "tool/Cargo.toml: tool has no floor (xtask/src/tidy.rs)",
        ],
    );
    for (name, other, kind, expected) in [
        ("booking-engine", "booking-core", Kind::Normal, true),
        ("booking-engine", "booking-store", Kind::Normal, false),
        ("booking-engine", "booking-store", Kind::Dev, true),
        ("booking-engine", "booking-http", Kind::Normal, false),
        ("booking-engine", "smoobu-client", Kind::Normal, false),
        ("booking-engine", "smoobu-client", Kind::Dev, true),
        ("booking-engine", "booking-host", Kind::Dev, false),
        ("booking-core", "booking-core", Kind::Dev, true),
        ("smoobu-client", "booking-http", Kind::Normal, true),
        ("smoobu-client", "thekeys-client", Kind::Dev, false),
        ("smoobu-client", "booking-sim", Kind::Dev, true),
        ("smoobu-client", "booking-sim", Kind::Normal, false),
        ("ical-source", "booking-engine", Kind::Normal, false),
        ("booking-host", "smoobu-client", Kind::Normal, true),
        ("booking-host", "booking-sim", Kind::Normal, false),
        ("booking-store", "booking-host", Kind::Dev, false),
        ("axum-host", "booking-host", Kind::Normal, true),
        ("axum-host", "booking-sim", Kind::Normal, true),
        ("axum-host", "lambda-host", Kind::Normal, false),
        ("booking-sim", "booking-core", Kind::Dev, false),
    ] {
        assert_eq!(may_know(name, other, kind), Some(expected), "{name} -> {other}, {kind:?}");
    }
}

#[test]
fn strays_are_found() {
    let root = "[workspace]\nmembers = [\"booking-host\", \"booking-sim\", \"booking-store\"]\n";
    let host = "[package]\nname = \"booking-host\"\n[dependencies]\na-client.workspace = true\n\
                b-client = { workspace = true, optional = true }\naxum = { version = \"0.8\" }\n\
                [dev-dependencies]\nrusqlite.workspace = true\n";
    let sim = "[package]\nname = \"booking-sim\"\n[dependencies]\naxum = { workspace = true }\n";
    let store = "[package]\nname = \"booking-store\"\n[dependencies]\nrusqlite.workspace = true\n";
    let files = [
        ("Cargo.toml", root),
        ("booking-host/Cargo.toml", host),
        ("booking-sim/Cargo.toml", sim),
        ("booking-store/Cargo.toml", store),
    ];
    check(vendors_behind_features, &files, &["booking-host/Cargo.toml: a-client"]);
    check(databases_in_the_store, &files, &["booking-host/Cargo.toml: rusqlite"]);
    check(axum_in_the_host, &files, &["booking-sim/Cargo.toml: axum"]);
    check(versions_in_the_root, &files, &["booking-host/Cargo.toml: axum"]);
    let optional = sim.replace("true }", "true, optional = true }");
    check(axum_in_the_host, &[files[0], files[1], files[3], ("booking-sim/Cargo.toml", &optional)], &[]);
}

#[test]
fn the_root_names_versions_only() {
    let root = format!(
        "{ROOT}[workspace.dependencies]\na = {{ version = \"1\", default-features = false }}\nb = \"1\"\n\
         c = {{ version = \"1\", default-features = false, features = [\"std\"] }}\n\
         d = {{ git = \"e\", default-features = false }}\n"
    );
    let problems = ["b", "c", "d"]
        .map(|name| format!("Cargo.toml: {name} needs a version, `default-features = false`, and no more"));
    check(no_features_in_the_root, &[("Cargo.toml", &root)], &problems.each_ref().map(String::as_str));
}

#[test]
fn clients_are_alike() {
    let files = ["lib", "request", "wire", "client"].map(|file| format!("b-client/src/{file}.rs"));
    let files = files.each_ref().map(|path| (path.as_str(), ""));
    check(client_files, &files, &["b-client/src/config.rs: there is none"]);
    let root = "[workspace]\nmembers = [\"notify\"]\n";
    let notify = ["config", "request", "wire", "client"].map(|file| format!("notify/src/a/{file}.rs"));
    let mut files = vec![("Cargo.toml", root), ("notify/Cargo.toml", "package.name = \"booking-notify\"\n")];
    files.extend(notify.iter().map(|path| (path.as_str(), "")));
    check(client_files, &files, &["notify/src/a/mod.rs: there is none"]);
}

#[test]
fn tests_of_scenarios_have_names_of_their_own() {
    let twice =
        "#[test]\nfn a01_a_stay() {}\n#[tokio::test]\nasync fn a01_a_stay() {}\nfn a01_no_test() {}\n";
    check(
        scenario_ids,
        &[("booking-core/src/a.rs", twice), ("b-client/tests/a.rs", "#[test]\nfn a01_a_stay() {}\n")],
        &["booking-core/src/a.rs:4: a01_a_stay, and booking-core/src/a.rs:2: a01_a_stay"],
    );
}

#[test]
fn the_changelog_and_the_command_are_looked_for() {
    let missing = ["CHANGELOG.md: no section `## Unreleased`"];
    check(changelog, &[], &missing);
    check(changelog, &[("CHANGELOG.md", "# Changes\n\n## 0.1.0\n")], &missing);
    check(changelog, &[("CHANGELOG.md", "# Changes\n\n## [Unreleased]\n")], &[]);
    let files = [("README.md", "Run `cargo xtask test`.\n"), ("CONTRIBUTING.md", "`cargo xtask test`\n")];
    check(ci_command, &files, &[".ci/run: does not name `cargo xtask test`"]);
}

#[test]
fn without_git_the_same_files_are_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = walked(&root.join("src")).unwrap();
    found.sort();
    assert!(found.contains(&"tidy.rs".to_owned()), "{found:?}");
    assert!(!walked(&root.join("..")).unwrap().iter().any(|path| path.starts_with("target/")));
}

#[test]
fn an_alert_is_in_a_rule_or_left_out() {
    let left_out = CALL_NOBODY.map(|(kind, _)| format!("            Self::Some => \"{kind}\",\n")).concat();
    let made = format!("{left_out}            Self::Brake => \"brake\",\n Self::Late => \"late\",\n");
    check(
        alerts,
        &[
            ("booking-engine/src/alert.rs", &made),
            (
                "deploy/prometheus/staykey.rules.yml",
                "staykey_alerts_open{kind=\"brake\"} + staykey_alerts_open{job=\"staykey\",\n kind=~\"drift|gone-by\"}\n\
                 staykey_work_total{kind=\"grant\"}",
            ),
        ],
        &[
            "deploy/prometheus/staykey.rules.yml: drift must be in a rule, or left out in xtask/src/tidy.rs with the reason",
            "deploy/prometheus/staykey.rules.yml: late must be in a rule, or left out in xtask/src/tidy.rs with the reason",
            "deploy/prometheus/staykey.rules.yml: gone-by is no kind of booking-engine/src/alert.rs",
        ],
    );
}

#[test]
fn numbers_are_known_by_one_name() {
    let made = (
        "booking-host/src/metrics.rs",
        "counter!(\"staykey_webhooks_total\"); histogram!(\"staykey_work_seconds\")",
    );
    check(
        numbers,
        &[
            made,
            ("docs/metrics.md", "`staykey_webhooks_total` and `staykey_hooks_total`"),
            ("deploy/a.yml", "rate(staykey_work_seconds_bucket[5m]) staykey_queue"),
        ],
        &[
            "docs/metrics.md: nothing about staykey_work_seconds",
            "deploy/a.yml: staykey_queue is no number of booking-host/src/metrics.rs",
            "docs/metrics.md: staykey_hooks_total is no number of booking-host/src/metrics.rs",
        ],
    );
}
