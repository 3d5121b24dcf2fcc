//! Whether to send again: a pure decision.

use std::time::Duration;

use booking_core::{Fault, Outcome, Retry};
use http::StatusCode;

use crate::request::Safety;
use crate::transport::TransportErrorKind;

/// What came of an attempt that gave the client nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No answer.
    Transport(TransportErrorKind),
    /// 408, 429 or 5xx.
    Status(StatusCode),
}

impl Failure {
    /// The failure that this status stands for; `None` where the client reads the answer.
    pub(crate) fn of_status(status: StatusCode) -> Option<Self> {
        let failed = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        failed.then_some(Self::Status(status))
    }

    pub(crate) fn fault(self) -> Fault {
        use TransportErrorKind::{Decode, TooLarge};
        match self {
            Self::Status(_) | Self::Transport(TooLarge | Decode) => Fault::Vendor,
            Self::Transport(_) => Fault::Network,
        }
    }

    /// What became of a request that ended so.
    pub(crate) fn outcome(self, safety: Safety) -> Outcome {
        match self {
            _ if safety == Safety::Read => Outcome::NotApplied,
            Self::Status(StatusCode::TOO_MANY_REQUESTS) => Outcome::NotApplied,
            Self::Transport(kind) if !kind.may_have_been_applied() => Outcome::NotApplied,
            _ => Outcome::Unknown,
        }
    }

    /// Whether the vendor is there and answering: 429 is an answer, and so is one that is too long for us.
    pub(crate) fn is_sign_of_life(self) -> bool {
        matches!(
            self,
            Self::Status(StatusCode::TOO_MANY_REQUESTS) | Self::Transport(TransportErrorKind::TooLarge)
        )
    }

    /// Whether the same request may have another answer soon.
    fn passes(self) -> bool {
        use TransportErrorKind::{Connect, Reset, Timeout};
        matches!(self, Self::Status(_) | Self::Transport(Connect | Timeout | Reset))
    }

    pub(crate) fn words(self) -> String {
        match self {
            Self::Transport(kind) => kind.words().to_owned(),
            Self::Status(status) => format!("answered {}", status.as_u16()),
        }
    }
}

/// All that the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) safety: Safety,
    pub(crate) failure: Failure,
    /// When the vendor asked us to come back.
    pub(crate) hint: Option<Duration>,
    /// How many were made, this one included.
    pub(crate) made: u32,
    pub(crate) allowed: u32,
    /// Our own delay before the next.
    pub(crate) delay: Duration,
    /// How long one attempt may take.
    pub(crate) timeout: Duration,
    /// Until the deadline of the call.
    pub(crate) left: Duration,
    pub(crate) longest_wait: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send again after this long.
    Again(Duration),
    /// Give up, and tell the caller this.
    Stop(Retry),
}

pub(crate) fn decide(attempt: &Attempt) -> Decision {
    let Attempt { safety, failure, hint, made, allowed, delay, timeout, left, longest_wait } = *attempt;
    // A write that must not happen twice goes again only where the first certainly did not happen. That says nothing
    // of a read, which never happens at all.
    let safe = safety != Safety::Once || failure.outcome(safety) == Outcome::NotApplied;
    if !safe || !failure.passes() || made >= allowed {
        return Decision::Stop(hint.map_or(Retry::Backoff, Retry::After));
    }
    let wait = hint.unwrap_or_default().max(delay);
    if wait > longest_wait || wait.saturating_add(timeout) > left {
        return Decision::Stop(Retry::After(wait));
    }
    Decision::Again(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn attempt(safety: Safety, failure: Failure) -> Attempt {
        Attempt {
            safety,
            failure,
            hint: None,
            made: 1,
            allowed: 3,
            delay: S(1),
            timeout: S(20),
            left: S(60),
            longest_wait: S(10),
        }
    }

    fn status(code: u16) -> Failure {
        Failure::Status(StatusCode::from_u16(code).unwrap())
    }

    #[test]
    fn only_what_is_safe_goes_again_and_unknown_is_said() {
        use Outcome::{NotApplied, Unknown};
        use Safety::{Once, Read, Repeatable};
        use TransportErrorKind::{Connect, Decode, Other, Reset, Timeout, TooLarge};

        #[track_caller]
        fn check(failure: Failure, expected: [(Safety, bool, Outcome); 3]) {
            for (safety, again, outcome) in expected {
                let wanted = if again { Decision::Again(S(1)) } else { Decision::Stop(Retry::Backoff) };
                assert_eq!(decide(&attempt(safety, failure)), wanted, "{failure:?} {safety:?}");
                assert_eq!(failure.outcome(safety), outcome, "{failure:?} {safety:?}");
            }
        }

        let certain = [(Read, true, NotApplied), (Repeatable, true, NotApplied), (Once, true, NotApplied)];
        let doubtful = [(Read, true, NotApplied), (Repeatable, true, Unknown), (Once, false, Unknown)];
        let hopeless = [(Read, false, NotApplied), (Repeatable, false, Unknown), (Once, false, Unknown)];
        check(Failure::Transport(Connect), certain);
        check(status(429), certain);
        for kind in [Timeout, Reset] {
            check(Failure::Transport(kind), doubtful);
        }
        for code in [408, 500, 502, 503, 504, 599] {
            check(status(code), doubtful);
        }
        for kind in [TooLarge, Decode, Other] {
            check(Failure::Transport(kind), hopeless);
        }
    }

    #[test]
    fn which_statuses_are_failures() {
        for code in 100..1000 {
            let failed = Failure::of_status(StatusCode::from_u16(code).unwrap()).is_some();
            assert_eq!(failed, code == 408 || code == 429 || (500..600).contains(&code), "{code}");
        }
    }

    #[test]
    fn waits_are_slept_only_where_they_fit() {
        #[track_caller]
        fn check(what: &str, change: impl Fn(&mut Attempt), expected: Decision) {
            let mut attempt = attempt(Safety::Read, status(503));
            change(&mut attempt);
            assert_eq!(decide(&attempt), expected, "{what}");
        }

        check("the vendor's hint is longer than our delay", |a| a.hint = Some(S(5)), Decision::Again(S(5)));
        check("our delay is longer than the hint", |a| a.hint = Some(S(0)), Decision::Again(S(1)));
        check("exactly as long as may be slept", |a| a.hint = Some(S(10)), Decision::Again(S(10)));
        check("longer than may be slept", |a| a.hint = Some(S(11)), Decision::Stop(Retry::After(S(11))));
        check("endless", |a| a.hint = Some(Duration::MAX), Decision::Stop(Retry::After(Duration::MAX)));
        check("just before the deadline", |a| a.left = S(21), Decision::Again(S(1)));
        check("over the deadline", |a| a.left = S(20), Decision::Stop(Retry::After(S(1))));
        check("no time at all", |a| a.left = S(0), Decision::Stop(Retry::After(S(1))));
        check("second of three", |a| a.made = 2, Decision::Again(S(1)));
        check("last of three", |a| a.made = 3, Decision::Stop(Retry::Backoff));
        check(
            "last of three, with a hint",
            |a| (a.made, a.hint) = (3, Some(S(7))),
            Decision::Stop(Retry::After(S(7))),
        );
        check(
            "a hint does not make a write safe",
            |a| (a.safety, a.hint) = (Safety::Once, Some(S(7))),
            Decision::Stop(Retry::After(S(7))),
        );
    }
}
