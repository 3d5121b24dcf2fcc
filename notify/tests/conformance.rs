//! The public suite of notifiers, run against all of this crate's.
#![allow(clippy::unwrap_used, reason = "clippy takes helpers of tests for other code")]

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use booking_core::conformance::notifier::{Harness, run};
use booking_core::conformance::{On, SeededRng, Trouble, block_on};
use booking_core::{
    Call, Channel, Clock, Fault, MessageId, MessageLimits, Notifier, NotifyError, Outcome, OutgoingMessage,
    PhoneNumber, Recipient, Retry, Sent,
};
use booking_http::testing::LeapingClock;
use booking_http::{Transport, TransportError, TransportErrorKind};
use booking_notify::serwersms::{Blame, Delivery, Reason};
use booking_notify::{Answer, FileNotifier, RecordNotifier, SerwerSms, SerwerSmsConfig};
use booking_sim::serwersms::ErrorStyle;
use booking_sim::{FaultKind, Operation, Outcome as SimOutcome, SimConfig, Simulators, Vendor};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

const TOKEN: &str = "planted-sms-token";
const GUEST: &str = "+48500600700";

fn phone(text: &str) -> Recipient {
    Recipient::Phone(PhoneNumber::parse(text).unwrap())
}

fn start() -> DateTime<Utc> {
    "2027-03-01T11:00:00Z".parse().unwrap()
}

/// The simulator as a network.
struct Net {
    sim: Mutex<Simulators>,
    clock: Arc<LeapingClock>,
}

#[async_trait]
impl Transport for Net {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let reply = self.sim.lock().unwrap().handle(self.clock.now(), Vendor::SerwerSms, &request);
        if reply.delay > within {
            self.clock.advance(within);
            return Err(TransportError::new(TransportErrorKind::Timeout));
        }
        self.clock.advance(reply.delay);
        match reply.outcome {
            SimOutcome::Response(response) => Ok(response),
            SimOutcome::Dropped => Err(TransportError::new(TransportErrorKind::Reset)),
        }
    }
}

struct Gateway {
    net: Arc<Net>,
    clock: Arc<LeapingClock>,
    sms: SerwerSms,
    refused: SerwerSms,
}

impl Gateway {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl Fn(&mut SerwerSmsConfig)) -> Self {
        let clock = Arc::new(LeapingClock::new(start()));
        let mut config = SimConfig::default();
        config.serwersms.token = TOKEN.to_owned();
        let net = Arc::new(Net { sim: Mutex::new(Simulators::new(config)), clock: clock.clone() });
        let account = |token: &str| {
            let mut config = SerwerSmsConfig::new(token);
            config.sender = "STAYKEY".to_owned();
            change(&mut config);
            SerwerSms::new(config, net.clone(), clock.clone(), Arc::new(SeededRng::new(1))).unwrap()
        };
        let (sms, refused) = (account(TOKEN), account("wrong-token"));
        Self { net, clock, sms, refused }
    }

    fn sim(&self) -> MutexGuard<'_, Simulators> {
        self.net.sim.lock().unwrap()
    }

    fn fault(&self, kind: FaultKind, operation: Operation, times: u32) {
        self.sim().add_fault(booking_sim::Fault::new(Vendor::SerwerSms, kind).on(operation).times(times));
    }

    fn message(&self, to: &str, body: &str) -> OutgoingMessage {
        OutgoingMessage {
            id: MessageId::parse("abcdefghijk2").unwrap(),
            recipient: phone(to),
            subject: String::new(),
            body: body.to_owned(),
            language: "en".to_owned(),
            first_tried: self.clock.now(),
            last_tried: self.clock.now(),
        }
    }

    fn send(&self, message: &OutgoingMessage) -> Result<Option<String>, NotifyError> {
        block_on(self.sms.send(self.call(), message)).map(|receipt| receipt.vendor_id)
    }

    fn find(&self, message: &OutgoingMessage) -> Sent {
        block_on(self.sms.find(self.call(), message)).unwrap()
    }
}

#[async_trait]
impl Harness for Gateway {
    fn notifier(&self) -> &dyn Notifier {
        &self.sms
    }
    fn refused_notifier(&self) -> Option<&dyn Notifier> {
        Some(&self.refused)
    }
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
    fn call(&self) -> Call {
        Call::until(self.clock.now() + TimeDelta::seconds(120))
    }
    fn recipient(&self) -> Recipient {
        phone(GUEST)
    }
    fn unreachable(&self) -> Option<Recipient> {
        // Too short for the vendor.
        Some(phone("+4850060"))
    }
    fn wrong_kind(&self) -> Option<Recipient> {
        Some(Recipient::Channel)
    }
    async fn received(&self, recipient: &Recipient) -> Vec<String> {
        let Recipient::Phone(number) = recipient else { return Vec::new() };
        self.sim().serwersms.messages_to(number.as_str()).into_iter().map(|sms| sms.text).collect()
    }
    fn can_find(&self) -> bool {
        true
    }
    async fn let_settle(&self) {
        self.clock.advance(Duration::from_secs(60));
    }
    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        let kind = match trouble {
            Trouble::NoAnswer => FaultKind::DropBefore,
            Trouble::AnswerLost => FaultKind::DropAfter,
            Trouble::Html => FaultKind::Html200,
            Trouble::CutOff => FaultKind::Garbage,
            Trouble::Null => FaultKind::NullData,
            Trouble::ServerError => FaultKind::Status(500, "oops".to_owned()),
            _ => return false,
        };
        let operations: &[Operation] = match on {
            On::All => &[Operation::SendSms, Operation::Reports, Operation::Limits],
            On::Reads => &[Operation::Reports, Operation::Limits],
            On::Writes => &[Operation::SendSms],
        };
        for operation in operations {
            self.sim().add_fault(booking_sim::Fault::new(Vendor::SerwerSms, kind.clone()).on(*operation));
        }
        true
    }
    async fn mend(&self) {
        self.sim().clear_faults();
    }
    fn secrets(&self) -> Vec<String> {
        [TOKEN, "wrong-token", GUEST, "500600700", "4850060"].map(str::to_owned).to_vec()
    }
}

#[test]
fn serwersms_passes() {
    let report = block_on(run(Gateway::new));
    report.assert_passed();
    assert!(report.skipped().is_empty(), "{report}");
}

#[test]
fn a_time_out_leaves_the_outcome_open_and_the_message_is_found() {
    let gateway = Gateway::new();
    gateway.fault(FaultKind::Delay(Duration::from_secs(40)), Operation::SendSms, 1);
    let message = gateway.message(GUEST, "Your door code is 281234");
    let Err(NotifyError::Vendor(error)) = gateway.send(&message) else { panic!("it was late") };
    assert_eq!((error.fault, error.outcome), (Fault::Network, Outcome::Unknown));
    assert!(matches!(gateway.find(&message), Sent::Yes(receipt) if receipt.vendor_id.is_some()));
    assert_eq!(gateway.sim().serwersms.messages_to(GUEST).len(), 1);
}

#[test]
fn j07_reports_tell_how_far_messages_came() {
    let gateway = Gateway::new();
    let delivered = gateway.send(&gateway.message("+48500600700", "one")).unwrap().unwrap();
    let mut message = gateway.message("+48500609915", "two");
    message.id = MessageId::parse("abcdefghijk3").unwrap();
    let wrong = gateway.send(&message).unwrap().unwrap();
    let reports = |ids: &[&str]| block_on(gateway.sms.reports(gateway.call(), ids)).unwrap();
    let seen = |ids: &[&str]| -> Vec<(Delivery, Option<Reason>)> {
        reports(ids).reports.iter().map(|report| (report.delivery, report.reason)).collect()
    };
    assert_eq!(seen(&[&delivered]), [(Delivery::Sent, None)]);
    gateway.clock.advance(Duration::from_secs(10));
    assert_eq!(
        seen(&[&delivered, &wrong, "unknown"]),
        [(Delivery::Delivered, None), (Delivery::Undelivered, Some(Reason::WrongNumber))]
    );
    assert!(Delivery::Undelivered.is_final() && Reason::WrongNumber.blame() == Blame::Recipient);
    assert_eq!(seen(&[]), []);
    // An undelivered message was sent all the same: it must not go again by this way.
    assert!(matches!(gateway.find(&message), Sent::Yes(_)));
}

#[test]
fn many_reports_come_in_batches() {
    let gateway = Gateway::new();
    let mut message = gateway.message(GUEST, "one");
    let mut ids = Vec::new();
    for number in 0..510_usize {
        let letter = |place: usize| char::from(b'a' + u8::try_from(number / place % 26).unwrap());
        message.id =
            MessageId::parse(&format!("aaaaaaaaa{}{}{}", letter(676), letter(26), letter(1))).unwrap();
        ids.push(gateway.send(&message).unwrap().unwrap());
    }
    let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
    let reports = block_on(gateway.sms.reports(gateway.call(), &asked)).unwrap();
    assert_eq!(reports.reports.len(), 510);
    assert_eq!(gateway.sim().log().seen(Operation::Reports), 2);
}

#[test]
fn an_unsent_message_inside_a_success_is_a_failure() {
    let gateway = Gateway::with(|config| config.sender = "NOBODY".to_owned());
    let message = gateway.message(GUEST, "Your door code is 281234");
    let Err(NotifyError::Vendor(error)) = gateway.send(&message) else { panic!("it was not sent") };
    assert_eq!(
        (error.fault, error.retry, error.outcome),
        (Fault::Configuration, Retry::Never, Outcome::NotApplied)
    );
    assert_eq!(gateway.find(&message), Sent::No);
}

#[test]
fn errors_mean_the_same_however_they_come() {
    for style in [ErrorStyle::Http200, ErrorStyle::HttpStatus] {
        let gateway = Gateway::new();
        gateway.sim().serwersms.config.error_style = style;
        gateway.sim().serwersms.config.full_left = 0;
        let message = gateway.message(GUEST, "Your door code is 281234");
        let Err(NotifyError::Vendor(error)) = gateway.send(&message) else { panic!("there is no credit") };
        assert_eq!((error.fault, error.outcome), (Fault::Configuration, Outcome::NotApplied), "{style:?}");
        assert!(matches!(error.retry, Retry::After(_)), "{style:?}");
    }
}

#[test]
fn an_error_with_a_server_status_leaves_the_outcome_open() {
    // booking-http does not hand out the body of a 5xx, so the error in it is not seen. It is looked up instead.
    let gateway = Gateway::new();
    gateway.sim().serwersms.config.error_style = ErrorStyle::Http500;
    gateway.sim().serwersms.config.full_left = 0;
    let message = gateway.message(GUEST, "Your door code is 281234");
    let Err(NotifyError::Vendor(error)) = gateway.send(&message) else { panic!("there is no credit") };
    assert_eq!(error.outcome, Outcome::Unknown);
    assert_eq!(gateway.find(&message), Sent::CannotTell);
    gateway.clock.advance(Duration::from_secs(60));
    assert_eq!(gateway.find(&message), Sent::No);
}

#[test]
fn a_later_attempt_must_settle_too() {
    let gateway = Gateway::new();
    let mut message = gateway.message(GUEST, "Your door code is 281234");
    // The first attempt is long ago; the second has just been lost, and reports do not show it yet.
    message.first_tried -= TimeDelta::minutes(10);
    gateway.fault(FaultKind::DropAfter, Operation::SendSms, 1);
    gateway.fault(FaultKind::EmptyList, Operation::Reports, 2);
    assert!(gateway.send(&message).is_err());
    assert_eq!(gateway.find(&message), Sent::CannotTell);
    gateway.clock.advance(Duration::from_secs(59));
    assert_eq!(gateway.find(&message), Sent::CannotTell);
    assert!(matches!(gateway.find(&message), Sent::Yes(_)));
}

#[test]
fn a_test_message_reaches_nobody() {
    let gateway = Gateway::with(|config| config.test = true);
    let message = gateway.message(GUEST, "Your door code is 281234");
    assert!(gateway.send(&message).unwrap().is_some());
    assert!(gateway.sim().serwersms.messages_to(GUEST).is_empty());
}

#[test]
fn without_a_sender_nothing_is_replaced_behind_our_back() {
    let gateway = Gateway::with(|config| config.sender.clear());
    let mut message = gateway.message(GUEST, "Zażółć, Ольга: 281234");
    gateway.send(&message).unwrap();
    assert_eq!(gateway.sim().serwersms.messages_to(GUEST)[0].text, "Zazolc, ?????: 281234");
    message.language = "uk".to_owned();
    let Err(NotifyError::Vendor(error)) = gateway.send(&message) else { panic!("it cannot be sent so") };
    assert_eq!((error.fault, error.outcome), (Fault::Configuration, Outcome::NotApplied));
    assert_eq!(gateway.sim().serwersms.messages_to(GUEST).len(), 1);
}

#[test]
fn limits_can_be_seen() {
    let gateway = Gateway::new();
    let limits = block_on(gateway.sms.limits_left(gateway.call())).unwrap();
    assert_eq!(limits.iter().map(|limit| limit.kind.as_str()).collect::<Vec<_>>(), ["eco", "full"]);
    assert!(gateway.sms.health().last_success.is_some());
}

#[test]
fn m03_nothing_prints_itself() {
    let gateway = Gateway::new();
    let printed = format!("{:?}", gateway.sms);
    assert!(printed.contains("STAYKEY") && !printed.contains(TOKEN), "{printed}");
}

struct Recorder {
    record: RecordNotifier,
}

#[async_trait]
impl Harness for Recorder {
    fn notifier(&self) -> &dyn Notifier {
        &self.record
    }
    fn refused_notifier(&self) -> Option<&dyn Notifier> {
        None
    }
    fn now(&self) -> DateTime<Utc> {
        start()
    }
    fn call(&self) -> Call {
        Call::until(start())
    }
    fn recipient(&self) -> Recipient {
        phone(GUEST)
    }
    fn unreachable(&self) -> Option<Recipient> {
        None
    }
    fn wrong_kind(&self) -> Option<Recipient> {
        None
    }
    async fn received(&self, recipient: &Recipient) -> Vec<String> {
        let to = |message: &OutgoingMessage| message.recipient == *recipient;
        self.record.sent().into_iter().filter(to).map(|message| message.body).collect()
    }
    fn can_find(&self) -> bool {
        true
    }
    async fn let_settle(&self) {}
    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        let answer = match trouble {
            _ if on != On::Writes => return false,
            Trouble::AnswerLost => Answer::Lost,
            Trouble::Refused => Answer::Fails(Fault::Credentials, Retry::Never, Outcome::NotApplied),
            _ => Answer::Fails(Fault::Vendor, Retry::Backoff, Outcome::Unknown),
        };
        self.record.answer_always(answer);
        true
    }
    async fn mend(&self) {
        self.record.answer_always(Answer::Sent);
    }
    fn secrets(&self) -> Vec<String> {
        vec![GUEST.to_owned()]
    }
}

#[test]
fn the_recorder_passes() {
    let limits = MessageLimits::sms(2);
    let report = block_on(run(|| Recorder { record: RecordNotifier::new(Channel::Sms).with_limits(limits) }));
    report.assert_passed();
    assert_eq!(
        report.skipped(),
        [
            "a_look_up_that_fails_is_an_error",
            "the_unreachable_are_undeliverable",
            "a_wrong_kind_of_recipient_is_refused",
            "refused_credentials_are_said_so",
        ]
    );
}

#[test]
fn the_recorder_answers_as_told() {
    let record = RecordNotifier::new(Channel::Record);
    let message = Gateway::new().message(GUEST, "Your door code is 281234");
    record.answer_always(Answer::Undeliverable);
    record.answer_next(Answer::Sent);
    let send = || block_on(record.send(Call::until(start()), &message));
    assert!(send().is_ok());
    assert!(matches!(send(), Err(NotifyError::Undeliverable(_))));
    assert!(matches!(send(), Err(NotifyError::Undeliverable(_))));
    assert_eq!((record.attempts(), record.take_sent().len(), record.sent().len()), (3, 1, 0));
    assert!(!format!("{record:?}").contains("281234"));
}

struct Folder {
    folder: tempfile::TempDir,
    files: FileNotifier,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = MessageLimits::sms(2);
        let files = FileNotifier::new(folder.path().join("deep/outbox")).unwrap().with_limits(limits);
        Self { folder, files }
    }

    fn written(&self) -> Vec<serde_json::Value> {
        let mut paths: Vec<_> =
            std::fs::read_dir(self.files.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }
}

#[async_trait]
impl Harness for Folder {
    fn notifier(&self) -> &dyn Notifier {
        &self.files
    }
    fn refused_notifier(&self) -> Option<&dyn Notifier> {
        None
    }
    fn now(&self) -> DateTime<Utc> {
        start()
    }
    fn call(&self) -> Call {
        Call::until(start())
    }
    fn recipient(&self) -> Recipient {
        phone(GUEST)
    }
    fn unreachable(&self) -> Option<Recipient> {
        None
    }
    fn wrong_kind(&self) -> Option<Recipient> {
        None
    }
    async fn received(&self, _: &Recipient) -> Vec<String> {
        if !self.files.folder().exists() {
            return Vec::new();
        }
        self.written().iter().map(|written| written["body"].as_str().unwrap().to_owned()).collect()
    }
    fn can_find(&self) -> bool {
        true
    }
    async fn let_settle(&self) {}
    async fn plant(&self, trouble: Trouble, _: On) -> bool {
        if trouble == Trouble::NoAnswer {
            // A disk that went away.
            std::fs::remove_dir_all(self.files.folder()).unwrap();
            return true;
        }
        false
    }
    async fn mend(&self) {
        std::fs::create_dir_all(self.files.folder()).unwrap();
    }
    fn secrets(&self) -> Vec<String> {
        vec![GUEST.to_owned(), self.folder.path().display().to_string()]
    }
}

#[test]
fn the_folder_passes() {
    let report = block_on(run(Folder::new));
    report.assert_passed();
    assert_eq!(
        report.skipped(),
        [
            "a_lost_answer_leaves_the_outcome_open_and_is_found",
            "an_early_look_up_never_says_no",
            "an_unreadable_answer_leaves_the_outcome_open",
            "the_unreachable_are_undeliverable",
            "a_wrong_kind_of_recipient_is_refused",
            "refused_credentials_are_said_so",
        ]
    );
}

#[test]
fn files_are_for_their_owner_only() {
    let folder = Folder::new();
    let message = Gateway::new().message(GUEST, "Your door code is 281234");
    block_on(folder.files.send(folder.call(), &message)).unwrap();
    assert_eq!(
        folder.written(),
        [serde_json::json!({
            "id": "abcdefghijk2", "channel": "record", "to": {"phone": GUEST}, "subject": "",
            "body": "Your door code is 281234", "language": "en", "first_tried": "2027-03-01T11:00:00Z",
        })]
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.files.folder()), 0o700);
        assert_eq!(mode(&folder.files.file_of(&message.id)), 0o600);
    }
    assert!(FileNotifier::new(folder.files.file_of(&message.id)).is_err());
}
