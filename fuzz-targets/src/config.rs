//! The configuration of a host.

use booking_host::Config;

/// What every environment variable holds: a key that seals, and that no text may show.
const HELD: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";

/// It is read whole, or all that is wrong is told with lines that are there; no secret is.
pub(crate) fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Files are the machine's: what stands in one is no part of what is given here.
    if text.contains("file") || text.contains("texts") || text.contains(HELD) {
        return;
    }
    let env = |_: &str| Some(HELD.to_owned());
    // What is missing at the end is missing after the last line break.
    let lines = text.split('\n').count();
    match Config::parse(text, &env) {
        Ok((config, warnings)) => {
            let shown = format!("{config:?}");
            assert!(!shown.contains(HELD), "a secret is shown");
            assert!(!config.tenants.is_empty());
            for tenant in &config.tenants {
                assert!(config.tenant(&tenant.slug).is_some_and(|found| found.slug == tenant.slug));
            }
            for warning in &warnings {
                assert!(warning.line <= lines && !warning.to_string().contains(HELD), "{warning}");
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in &problems {
                assert!(problem.line <= lines && !problem.to_string().contains(HELD), "{problem}");
            }
        }
    }
}
