//! What a run came to: a table for people, JSON for machines.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// From the start of a process to when it takes webhooks, after a kill.
    pub(crate) ready: Vec<Duration>,
    /// The same to the first piece of work that it has finished.
    pub(crate) worked: Vec<Duration>,
    pub(crate) peak_kib: u64,
    pub(crate) broken: Vec<String>,
    /// What could not be asked for.
    pub(crate) not_judged: Vec<String>,
}

impl Report {
    pub(crate) fn count(&mut self, what: &'static str, by: u64) {
        *self.counts.entry(what).or_default() += by;
    }

    /// Whether every promise was kept, as far as was asked, and all was asked for.
    pub(crate) fn is_good(&self) -> bool {
        self.broken.is_empty() && self.not_judged.is_empty()
    }

    pub(crate) fn table(&self) -> String {
        let mut rows: Vec<(String, String)> =
            self.counts.iter().map(|(what, count)| ((*what).to_owned(), count.to_string())).collect();
        for (what, times) in [("ready after", &self.ready), ("first work done after", &self.worked)] {
            let (median, most) = middle(times);
            rows.push((what.to_owned(), format!("{median:.0} ms in the middle, {most:.0} ms at most")));
        }
        rows.push(("peak memory of a host".to_owned(), format!("{} MiB", self.peak_kib / 1024)));
        rows.push(("promises broken".to_owned(), self.broken.len().to_string()));
        let rows = rows.into_iter().map(|(what, value)| format!("  {what:<28} {value}\n"));
        let broken = self.broken.iter().map(|text| format!("  BROKEN: {text}\n"));
        let not_judged = self.not_judged.iter().map(|text| format!("  NOT JUDGED: {text}\n"));
        rows.chain(broken).chain(not_judged).collect()
    }

    pub(crate) fn json(&self) -> Value {
        let times = |times: &[Duration]| {
            let (median, most) = middle(times);
            json!({"count": times.len(), "median_ms": median, "max_ms": most})
        };
        json!({
            "counts": self.counts, "ready": times(&self.ready), "first_work": times(&self.worked),
            "peak_memory_kib": self.peak_kib, "broken": self.broken,
            "not_judged": self.not_judged,
        })
    }
}

/// The median and the greatest, in milliseconds; 0 of nothing.
fn middle(times: &[Duration]) -> (f64, f64) {
    let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    (at(times.len() / 2), at(times.len().saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_judged_is_not_good() {
        let good = Report::default();
        let asleep = Report { not_judged: vec!["doors".to_owned()], ..Report::default() };
        let bad = Report { broken: vec!["doors".to_owned()], ..Report::default() };
        assert_eq!([&good, &asleep, &bad].map(Report::is_good), [true, false, false]);
        assert!(asleep.table().contains("NOT JUDGED: doors"));
    }

    #[test]
    fn the_middle_of_nothing_is_nothing() {
        assert_eq!(middle(&[]), (0.0, 0.0));
        assert_eq!(middle(&[9, 1, 5].map(Duration::from_millis)), (5.0, 9.0));
    }
}
