//! Numbers for Prometheus. Labels are words from fixed lists only: no tenant, no booking, no path.

use std::fmt;
use std::time::Duration;

use metrics::with_local_recorder;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::observed::CALLED;

/// A host's numbers. They are its own, not the process's, so that several hosts in one process do not mix.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Accepted,
    Duplicate,
    /// With the reason.
    Refused(&'static str),
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) due: u64,
    pub(crate) leased: u64,
    pub(crate) failing: u64,
    pub(crate) oldest: Duration,
}

/// Why a webhook is refused.
const REFUSED: [&str; 11] = [
    "unauthenticated",
    "address",
    "method",
    "malformed",
    "unknown",
    "too_large",
    "broken_body",
    "slow_body",
    "busy",
    "store",
    "other",
];
/// What is worked on, and what that comes to.
const KINDS: [&str; 4] = ["grant", "source", "door", "notice"];
const RESULTS: [&str; 6] = ["done", "failed", "store", "fenced", "panicked", "other"];

const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

impl Metrics {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new();
        let matcher = Matcher::Suffix("_seconds".to_owned());
        let builder = match builder.set_buckets_for_metric(matcher, &SECONDS) {
            Ok(builder) => builder,
            // Only for an empty list.
            Err(_) => PrometheusBuilder::new(),
        };
        let recorder = builder.build_recorder();
        let metrics = Self { handle: recorder.handle(), recorder };
        metrics.describe();
        metrics.begin();
        metrics
    }

    /// Every counter whose labels are known stands at 0 from the start: Prometheus sees no growth in a counter that is
    /// first seen at 1, and so would never tell of what happens once.
    fn begin(&self) {
        with_local_recorder(&self.recorder, || {
            metrics::counter!("staykey_store_errors_total").absolute(0);
            for kind in KINDS {
                for result in RESULTS {
                    metrics::counter!("staykey_work_total", "kind" => kind, "result" => result).absolute(0);
                }
            }
            let taken = [("accepted", ""), ("duplicate", "")].into_iter();
            for (result, reason) in taken.chain(REFUSED.map(|reason| ("refused", reason))) {
                metrics::counter!("staykey_webhooks_total", "result" => result, "reason" => reason)
                    .absolute(0);
            }
        });
    }

    /// The same for the calls of a kind of adapter that the host has.
    pub(crate) fn vendor(&self, vendor: &str) {
        with_local_recorder(&self.recorder, || {
            for result in CALLED {
                let vendor = vendor.to_owned();
                metrics::counter!("staykey_vendor_calls_total", "vendor" => vendor, "result" => result)
                    .absolute(0);
            }
        });
    }

    fn describe(&self) {
        with_local_recorder(&self.recorder, || {
            metrics::describe_counter!(
                "staykey_http_requests_total",
                "Requests by route pattern and class of status."
            );
            metrics::describe_histogram!(
                "staykey_http_request_seconds",
                "How long requests took, by route pattern."
            );
            metrics::describe_counter!(
                "staykey_webhooks_total",
                "Webhooks by what became of them, and why they were refused."
            );
            metrics::describe_counter!("staykey_work_total", "Work by kind and result.");
            metrics::describe_histogram!("staykey_work_seconds", "How long work took, by kind.");
            metrics::describe_gauge!("staykey_work_running", "Keys that are worked on now.");
            metrics::describe_gauge!("staykey_queue_due", "Keys that are due and not worked on.");
            metrics::describe_gauge!("staykey_queue_leased", "Keys that some host works on.");
            metrics::describe_gauge!("staykey_queue_failing", "Keys whose last attempt failed.");
            metrics::describe_gauge!(
                "staykey_queue_oldest_due_seconds",
                "For how long the longest due key has waited."
            );
            metrics::describe_gauge!("staykey_alerts_open", "Alerts that staff has yet to see to, by kind.");
            metrics::describe_counter!(
                "staykey_store_errors_total",
                "Times that the store could not be reached or written."
            );
            metrics::describe_counter!(
                "staykey_vendor_calls_total",
                "Calls to vendors by kind of adapter and what came of them."
            );
            metrics::describe_histogram!(
                "staykey_vendor_call_seconds",
                "How long calls to vendors took, by kind of adapter."
            );
            metrics::describe_gauge!("staykey_build_info", "1, with the version as a label.");
            metrics::gauge!("staykey_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        });
    }

    pub(crate) fn request(&self, route: &'static str, status: u16, took: Duration) {
        let class = match status {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        with_local_recorder(&self.recorder, || {
            metrics::counter!("staykey_http_requests_total", "route" => route, "status" => class)
                .increment(1);
            metrics::histogram!("staykey_http_request_seconds", "route" => route).record(took);
        });
    }

    pub(crate) fn webhook(&self, taken: Taken) {
        let (result, reason) = match taken {
            Taken::Accepted => ("accepted", ""),
            Taken::Duplicate => ("duplicate", ""),
            Taken::Refused(reason) => ("refused", reason),
        };
        with_local_recorder(&self.recorder, || {
            metrics::counter!("staykey_webhooks_total", "result" => result, "reason" => reason).increment(1);
        });
    }

    pub(crate) fn work(&self, kind: &'static str, result: &'static str, took: Duration) {
        with_local_recorder(&self.recorder, || {
            metrics::counter!("staykey_work_total", "kind" => kind, "result" => result).increment(1);
            metrics::histogram!("staykey_work_seconds", "kind" => kind).record(took);
        });
    }

    pub(crate) fn working(&self, running: usize) {
        with_local_recorder(&self.recorder, || {
            metrics::gauge!("staykey_work_running").set(float(running as u64));
        });
    }

    pub(crate) fn queue(&self, queue: Queue) {
        with_local_recorder(&self.recorder, || {
            metrics::gauge!("staykey_queue_due").set(float(queue.due));
            metrics::gauge!("staykey_queue_leased").set(float(queue.leased));
            metrics::gauge!("staykey_queue_failing").set(float(queue.failing));
            metrics::gauge!("staykey_queue_oldest_due_seconds").set(queue.oldest.as_secs_f64());
        });
    }

    pub(crate) fn alerts(&self, kind: &'static str, open: u64) {
        with_local_recorder(&self.recorder, || {
            metrics::gauge!("staykey_alerts_open", "kind" => kind).set(float(open))
        });
    }

    pub(crate) fn store_error(&self) {
        with_local_recorder(&self.recorder, || metrics::counter!("staykey_store_errors_total").increment(1));
    }

    pub(crate) fn vendor_call(&self, vendor: &str, result: &'static str, took: Duration) {
        with_local_recorder(&self.recorder, || {
            let vendor = vendor.to_owned();
            metrics::counter!("staykey_vendor_calls_total", "vendor" => vendor.clone(), "result" => result)
                .increment(1);
            metrics::histogram!("staykey_vendor_call_seconds", "vendor" => vendor).record(took);
        });
    }

    /// Folds what histograms have gathered, so that they do not grow between two scrapes.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts beyond 2^52 do not occur")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What grows must not look as if it had begun anew.
    #[test]
    fn a_counter_that_stands_at_nothing_goes_on_where_it_is() {
        let metrics = Metrics::new();
        let has = |line: &str| {
            let shown = metrics.render();
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        };
        has("staykey_store_errors_total 0");
        has("staykey_work_total{kind=\"grant\",result=\"panicked\"} 0");
        has("staykey_webhooks_total{result=\"refused\",reason=\"unauthenticated\"} 0");
        for calls in 0..3 {
            metrics.vendor("smoobu");
            has(&format!("staykey_vendor_calls_total{{vendor=\"smoobu\",result=\"limited\"}} {calls}"));
            metrics.vendor_call("smoobu", "limited", Duration::ZERO);
        }
    }

    /// Whoever is told of a reason finds what it means.
    #[test]
    fn every_word_of_a_label_is_explained() {
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let explained = std::fs::read_to_string(place).unwrap();
        let row = |name: &str| {
            let begins = format!("| `{name}` |");
            explained.lines().find(|line| line.starts_with(&begins)).unwrap().to_owned()
        };
        for (name, words) in [
            ("staykey_webhooks_total", &REFUSED[..]),
            ("staykey_work_total", &RESULTS),
            ("staykey_vendor_calls_total", &CALLED),
        ] {
            let row = row(name);
            for word in words {
                assert!(row.contains(&format!("`{word}`")), "{name}: {word}");
            }
        }
    }
}
