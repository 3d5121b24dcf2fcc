//! The outputs that `docs/operator.md` and `README.md` show are those of this program, for answers kept in
//! `tests/shown`.

use std::fs;
use std::path::{Path, PathBuf};

use booking_engine::AlertKind;
use booking_engine::text::Texts;
use booking_host::api::views::{ExplainedView, PlanView, TenantView};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::{Commands, Times, applied, draft, explain, remedy};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn kept<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shown").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn command(words: &str) -> String {
    format!("axum-host {words}")
}

fn fenced(text: &str) -> String {
    format!("```text\n{}\n```\n", text.trim_end())
}

fn alerts() -> String {
    let texts = Texts::load(None).unwrap();
    let row = |kind: AlertKind| format!("| `{kind}` | {} |\n", remedy(&texts, kind).unwrap());
    format!("| alert | what it means, and what to do |\n| --- | --- |\n{}", AlertKind::ALL.map(row).concat())
}

/// What stands under a mark, up to the blank line after it.
fn block(text: &str, mark: &str) -> (usize, usize) {
    let from = text.find(mark).unwrap_or_else(|| panic!("no {mark}")) + mark.len();
    let fence = text[from..].starts_with("```").then(|| text[from..].find("\n```\n").unwrap() + 5);
    let end = fence.unwrap_or_else(|| text[from..].find("\n\n").map_or(text.len() - from, |end| end + 1));
    (from, from + end)
}

/// `STAYKEY_RENEW_SHOWN=1 cargo nextest run -p axum-host shown` renews the pages.
#[test]
fn the_outputs_that_are_shown_are_current() {
    let (plan, done): (PlanView, PlanView) = (kept("plan.json"), kept("applied.json"));
    let (stay, tenant): (ExplainedView, TenantView) = (kept("explained.json"), kept("tenant.json"));
    let commands = Commands(&command);
    let now: DateTime<Utc> = stay.history.first().unwrap().at;
    let shown = [
        ("dry-run", fenced(&draft(&plan, &tenant.tenant, Times::of(&tenant, None), &commands))),
        ("applied", fenced(&applied(&done, true, &commands).0)),
        ("explain", fenced(&explain(&stay, &tenant, now))),
        ("alerts", alerts()),
    ];
    for (page, names) in [
        ("docs/operator.md", &["dry-run", "applied", "explain", "alerts"][..]),
        ("README.md", &["dry-run", "explain"]),
    ] {
        let path = root().join(page);
        let mut text = fs::read_to_string(&path).unwrap();
        let before = text.clone();
        for (name, output) in shown.iter().filter(|(name, _)| names.contains(name)) {
            let (from, to) = block(&text, &format!("<!-- shown: {name} -->\n"));
            text.replace_range(from..to, output);
        }
        if std::env::var_os("STAYKEY_RENEW_SHOWN").is_some() {
            fs::write(&path, &text).unwrap();
        } else {
            let remedy = "STAYKEY_RENEW_SHOWN=1 cargo nextest run -p axum-host shown";
            assert!(text == before, "{page} is not current: {remedy}");
        }
    }
}
