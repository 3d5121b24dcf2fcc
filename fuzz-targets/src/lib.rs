//! What must hold for any bytes that come from outside: each parser as a function that panics where it does not.
//!
//! libFuzzer calls them (`cargo xtask fuzz`, the package in `fuzz/`), and so does a test of this crate with every
//! sample in `fuzz/corpus/` and `fuzz/crashes/`. Answers of vendors go in at the bottom, through [`Transport`], so that
//! what is held is what the public clients say of them.
//!
//! [`Transport`]: booking_http::Transport

#![allow(clippy::unwrap_used, reason = "what is made here by ourselves is well-formed")]

mod address;
mod config;
mod host;
mod names;
mod records;
mod rig;
mod serwersms;
mod signatures;
mod smoobu;
mod text;
mod thekeys;

/// A target: whatever the bytes, it returns.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder of samples.
pub const TARGETS: [(&str, Target); 23] = [
    ("smoobu_webhook", smoobu::webhook),
    ("smoobu_answers", smoobu::answers),
    ("smoobu_items", smoobu::items),
    ("smoobu_cursor", smoobu::cursor),
    ("thekeys_login", thekeys::login),
    ("thekeys_answers", thekeys::answers),
    ("thekeys_items", thekeys::items),
    ("serwersms_answers", serwersms::answers),
    ("serwersms_items", serwersms::items),
    ("names", names::names),
    ("work_key", names::work_key),
    ("marker", names::marker),
    ("phone", text::phone),
    ("language", text::language),
    ("sms_text", text::sms_text),
    ("retry_after", text::retry_after),
    ("network", address::network),
    ("postgres_url", address::postgres_url),
    ("master_key", address::master_key),
    ("signatures", signatures::signatures),
    ("records", records::records),
    ("http", host::http),
    ("config", config::config),
];

/// The target of this name, found when it is compiled, so that a program for one target has the code of no other in it.
///
/// # Panics
///
/// When there is none.
#[must_use]
pub const fn target(name: &str) -> Target {
    let mut index = 0;
    while index < TARGETS.len() {
        if same(TARGETS[index].0.as_bytes(), name.as_bytes()) {
            return TARGETS[index].1;
        }
        index += 1;
    }
    panic!("no such target")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}
