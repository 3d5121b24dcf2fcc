//! `--help` of every command, as it is kept in `help.txt`.

use std::process::Command;

const COMMANDS: [&[&str]; 20] = [
    &[],
    &["serve"],
    &["check-config"],
    &["demo"],
    &["sync"],
    &["apply"],
    &["explain"],
    &["codes"],
    &["link"],
    &["reissue"],
    &["health"],
    &["log"],
    &["erase"],
    &["brake"],
    &["brake", "release"],
    &["trust"],
    &["mail-pipe"],
    &["move-store"],
    &["backup"],
    &["restore"],
];

fn help(command: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_axum-host")).args(command).arg("--help").env_clear().output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{command:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let text: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let words: String = command.iter().map(|word| format!(" {word}")).collect();
    format!("$ axum-host{words} --help\n{text}")
}

/// `STAYKEY_RENEW_HELP=1 cargo nextest run -p axum-host help` renews the file.
#[test]
fn help_of_every_command_is_as_it_is_kept() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operator/help.txt");
    let now = COMMANDS.map(help).join("\n");
    if std::env::var_os("STAYKEY_RENEW_HELP").is_some() {
        std::fs::write(path, &now).expect("written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let remedy =
        "tests/operator/help.txt is not current: STAYKEY_RENEW_HELP=1 cargo nextest run -p axum-host help";
    assert!(now == kept, "{remedy}\n{now}");
}

/// The list above has every command.
#[test]
fn every_command_has_its_help_kept() {
    let all = help(&[]);
    let commands =
        all.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 10, "{all}");
    for name in names.into_iter().filter(|name| *name != "help") {
        assert!(COMMANDS.contains(&[name].as_slice()), "{name}");
    }
}
