//! The suite of [`Notifier`].
//!
//! [`MemoryNotifier`](super::MemoryNotifier) passes it in this crate's own tests, which also show a whole harness.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::report::{CaseResult, OrFail as _, Report, cases, ensure, fail, says_nothing_of, skip};
use super::trouble::{On, Trouble};
use crate::error::{Fault, Outcome};
use crate::id::{ExternalId, MessageId};
use crate::notifier::{Notifier, NotifyError, OutgoingMessage, Recipient, Sent};
use crate::sms;
use crate::world::Call;

/// The vendor's side, as far as the suite must move and see it. Every case gets a fresh one.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The adapter under test.
    fn notifier(&self) -> &dyn Notifier;

    /// The same adapter with credentials that the vendor refuses; `None` where there are none.
    fn refused_notifier(&self) -> Option<&dyn Notifier>;

    /// The time on the adapter's clock.
    fn now(&self) -> DateTime<Utc>;

    /// A call with time enough for retries, on the adapter's clock.
    fn call(&self) -> Call;

    /// Somebody who can be reached.
    fn recipient(&self) -> Recipient;

    /// Somebody whom this way never reaches; `None` where there is nobody such.
    fn unreachable(&self) -> Option<Recipient>;

    /// A recipient of a kind that this way does not know (a thread for a text message).
    fn wrong_kind(&self) -> Option<Recipient>;

    /// The texts that arrived at a recipient, oldest first.
    async fn received(&self, recipient: &Recipient) -> Vec<String>;

    /// Whether the vendor can be asked for a message after an unknown outcome.
    fn can_find(&self) -> bool;

    /// Lets so much time pass that the vendor's answer to [`Notifier::find`] is final.
    async fn let_settle(&self);

    /// Makes the calls go wrong until [`mend`](Self::mend); `false` where that cannot be played.
    async fn plant(&self, trouble: Trouble, on: On) -> bool;

    /// Ends all trouble.
    async fn mend(&self);

    /// Texts that no error may hold: tokens, and the recipients' addresses.
    fn secrets(&self) -> Vec<String>;
}

/// Runs the whole suite, each case with a harness of its own.
pub async fn run<H: Harness>(make: impl Fn() -> H) -> Report {
    let mut report = Report::new("Notifier");
    cases!(
        report,
        make,
        [
            a_message_arrives_once,
            two_messages_both_arrive,
            other_alphabets_arrive_whole,
            a_lost_answer_leaves_the_outcome_open_and_is_found,
            a_message_that_never_went_is_not_found,
            an_early_look_up_never_says_no,
            a_look_up_that_fails_is_an_error,
            an_unreadable_answer_leaves_the_outcome_open,
            the_unreachable_are_undeliverable,
            a_wrong_kind_of_recipient_is_refused,
            limits_are_obeyed,
            the_check_passes,
            refused_credentials_are_said_so,
            nothing_prints_the_message,
        ]
    );
    report
}

const BODY: &str = "Your door code is 739184, welcome";

fn message<H: Harness>(harness: &H, number: u8, body: &str) -> CaseResult<OutgoingMessage> {
    Ok(OutgoingMessage {
        id: MessageId::parse(&format!("aaaaaaaaaa{}{}", letter(number / 26), letter(number % 26)))?,
        recipient: harness.recipient(),
        subject: "Your planted subject".to_owned(),
        body: body.to_owned(),
        language: "en".to_owned(),
        first_tried: harness.now(),
        last_tried: harness.now(),
    })
}

fn letter(number: u8) -> char {
    char::from(b'a' + number % 26)
}

fn planted<H: Harness>(harness: &H) -> Vec<String> {
    let mut planted = harness.secrets();
    planted.extend([BODY, "739184", "planted subject"].map(str::to_owned));
    planted
}

fn outcome(error: &NotifyError) -> Outcome {
    match error {
        NotifyError::Undeliverable(_) => Outcome::NotApplied,
        NotifyError::Vendor(error) => error.outcome,
    }
}

async fn arrived<H: Harness>(harness: &H) -> usize {
    harness.received(&harness.recipient()).await.len()
}

async fn a_message_arrives_once<H: Harness>(harness: &H) -> CaseResult {
    let message = message(harness, 0, BODY)?;
    harness.notifier().send(harness.call(), &message).await.or_fail("send()")?;
    let received = harness.received(&message.recipient).await;
    ensure!(received.len() == 1, "{} messages arrived", received.len());
    ensure!(received[0] == BODY, "another text arrived");
    harness.let_settle().await;
    let found = harness.notifier().find(harness.call(), &message).await.or_fail("find()")?;
    ensure!(found != Sent::No, "a message that was sent is not found");
    ensure!(arrived(harness).await == 1, "looking it up sent it again");
    Ok(())
}

async fn two_messages_both_arrive<H: Harness>(harness: &H) -> CaseResult {
    for number in 0..2 {
        // The same words twice: only the id tells them apart.
        let message = message(harness, number, BODY)?;
        harness.notifier().send(harness.call(), &message).await.or_fail("send()")?;
    }
    let arrived = arrived(harness).await;
    ensure!(arrived == 2, "of two messages with the same words {arrived} arrived");
    Ok(())
}

async fn other_alphabets_arrive_whole<H: Harness>(harness: &H) -> CaseResult {
    let bodies = ["Код дверей: 739184. Заїзд після 15:00.", "739184 & <b> \"x\" %2B +1\nline 2 {} €"];
    for (number, body) in (0..).zip(bodies) {
        let mut message = message(harness, number, body)?;
        if number == 0 {
            message.language = "uk".to_owned();
        }
        harness.notifier().send(harness.call(), &message).await.or_fail("send()")?;
    }
    let received = harness.received(&harness.recipient()).await;
    ensure!(received == bodies, "the texts arrived changed");
    Ok(())
}

async fn a_lost_answer_leaves_the_outcome_open_and_is_found<H: Harness>(harness: &H) -> CaseResult {
    if !harness.plant(Trouble::AnswerLost, On::Writes).await {
        return skip("the harness cannot play it");
    }
    let message = message(harness, 0, BODY)?;
    let Err(error) = harness.notifier().send(harness.call(), &message).await else {
        return fail("the answer was lost, but it says sent");
    };
    ensure!(outcome(&error) == Outcome::Unknown, "the answer was lost, but the outcome is certain");
    says_nothing_of(&error, &planted(harness))?;
    let arrived = arrived(harness).await;
    ensure!(arrived == 1, "one send() sent {arrived} messages");
    harness.mend().await;
    harness.let_settle().await;
    match harness.notifier().find(harness.call(), &message).await.or_fail("find()")? {
        Sent::Yes(_) => Ok(()),
        Sent::No => fail("the message arrived, but it was not found"),
        Sent::CannotTell if harness.can_find() => fail("the message arrived, but it cannot tell"),
        Sent::CannotTell => Ok(()),
    }
}

async fn a_message_that_never_went_is_not_found<H: Harness>(harness: &H) -> CaseResult {
    if !harness.plant(Trouble::NoAnswer, On::Writes).await {
        return skip("the harness cannot play it");
    }
    let message = message(harness, 0, BODY)?;
    let Err(error) = harness.notifier().send(harness.call(), &message).await else {
        return fail("nobody answered, but it says sent");
    };
    says_nothing_of(&error, &planted(harness))?;
    ensure!(arrived(harness).await == 0, "the harness did not play it");
    harness.mend().await;
    harness.let_settle().await;
    match harness.notifier().find(harness.call(), &message).await.or_fail("find()")? {
        Sent::No => {}
        Sent::Yes(_) => return fail("nothing was sent, but it was found"),
        Sent::CannotTell if harness.can_find() => return fail("nothing was sent, but it cannot tell"),
        Sent::CannotTell => return Ok(()),
    }
    // What certainly did not go may go now, under the same id.
    harness.notifier().send(harness.call(), &message).await.or_fail("send() again")?;
    let arrived = arrived(harness).await;
    ensure!(arrived == 1, "{arrived} messages arrived");
    Ok(())
}

async fn an_early_look_up_never_says_no<H: Harness>(harness: &H) -> CaseResult {
    if !harness.plant(Trouble::AnswerLost, On::Writes).await {
        return skip("the harness cannot play it");
    }
    let message = message(harness, 0, BODY)?;
    if harness.notifier().send(harness.call(), &message).await.is_ok() {
        return fail("the answer was lost, but it says sent");
    }
    harness.mend().await;
    let found = harness.notifier().find(harness.call(), &message).await.or_fail("find()")?;
    ensure!(found != Sent::No, "the message may still be on its way, but it says no");
    Ok(())
}

async fn a_look_up_that_fails_is_an_error<H: Harness>(harness: &H) -> CaseResult {
    if !harness.can_find() {
        return skip("the vendor cannot be asked");
    }
    let message = message(harness, 0, BODY)?;
    harness.notifier().send(harness.call(), &message).await.or_fail("send()")?;
    harness.let_settle().await;
    let mut played = false;
    for trouble in [Trouble::NoAnswer, Trouble::Html, Trouble::CutOff, Trouble::Null, Trouble::ServerError] {
        if harness.plant(trouble, On::Reads).await {
            played = true;
            match harness.notifier().find(harness.call(), &message).await {
                Ok(Sent::CannotTell) => {}
                Ok(found) => return fail(format!("{trouble:?} was taken for {found:?}")),
                Err(error) => {
                    ensure!(
                        error.outcome == Outcome::NotApplied,
                        "the outcome of a read is {:?}",
                        error.outcome
                    );
                    says_nothing_of(&error, &planted(harness))?;
                }
            }
        }
        harness.mend().await;
    }
    if played { Ok(()) } else { skip("the harness can play no trouble") }
}

async fn an_unreadable_answer_leaves_the_outcome_open<H: Harness>(harness: &H) -> CaseResult {
    let mut played = false;
    for (number, trouble) in (0..).zip([Trouble::Html, Trouble::CutOff, Trouble::ServerError]) {
        if harness.plant(trouble, On::Writes).await {
            played = true;
            match harness.notifier().send(harness.call(), &message(harness, number, BODY)?).await {
                Ok(_) => return fail(format!("{trouble:?} was taken for a receipt")),
                Err(error) => {
                    ensure!(outcome(&error) == Outcome::Unknown, "after {trouble:?} the outcome is certain");
                    says_nothing_of(&error, &planted(harness))?;
                }
            }
        }
        harness.mend().await;
    }
    if played { Ok(()) } else { skip("the harness can play no trouble") }
}

async fn the_unreachable_are_undeliverable<H: Harness>(harness: &H) -> CaseResult {
    let Some(recipient) = harness.unreachable() else { return skip("everybody can be reached") };
    let message = OutgoingMessage { recipient: recipient.clone(), ..message(harness, 0, BODY)? };
    match harness.notifier().send(harness.call(), &message).await {
        Ok(_) => return fail("it says sent"),
        Err(error @ NotifyError::Undeliverable(_)) => says_nothing_of(&error, &planted(harness))?,
        Err(NotifyError::Vendor(error)) => {
            return fail(format!("it is {:?}, not Undeliverable", error.fault));
        }
    }
    let arrived = harness.received(&recipient).await.len();
    ensure!(arrived == 0, "{arrived} messages arrived");
    Ok(())
}

async fn a_wrong_kind_of_recipient_is_refused<H: Harness>(harness: &H) -> CaseResult {
    let Some(recipient) = harness.wrong_kind() else { return skip("every kind is known") };
    let message = OutgoingMessage { recipient, ..message(harness, 0, BODY)? };
    match harness.notifier().send(harness.call(), &message).await {
        Ok(_) => fail("it says sent"),
        Err(error) => {
            ensure!(
                outcome(&error) == Outcome::NotApplied,
                "the outcome is open, although nothing was tried"
            );
            says_nothing_of(&error, &planted(harness))
        }
    }
}

async fn limits_are_obeyed<H: Harness>(harness: &H) -> CaseResult {
    let limits = harness.notifier().limits();
    let fits = |text: &str| {
        limits.sms_segments.is_none_or(|most| sms::segments(text).segments <= most)
            && limits.characters.is_none_or(|most| text.chars().count() <= most)
    };
    let longest = limits.sms_segments.map(|most| if most == 1 { 160 } else { 153 * most });
    let longest = [longest, limits.characters].into_iter().flatten().min();
    let Some(longest) = longest else { return skip("there are no limits") };
    let (just, over) = ("1".repeat(longest), "1".repeat(longest + 1));
    ensure!(fits(&just) && !fits(&over), "the limits contradict each other");
    harness
        .notifier()
        .send(harness.call(), &message(harness, 0, &just)?)
        .await
        .or_fail("send() at the limit")?;
    match harness.notifier().send(harness.call(), &message(harness, 1, &over)?).await {
        Ok(_) => return fail("a text beyond the limits was sent"),
        Err(error) => {
            ensure!(outcome(&error) == Outcome::NotApplied, "beyond the limits the outcome is open");
            says_nothing_of(&error, &[over])?;
        }
    }
    let received = harness.received(&harness.recipient()).await;
    ensure!(received == [just], "{} messages arrived, or another text", received.len());
    Ok(())
}

async fn the_check_passes<H: Harness>(harness: &H) -> CaseResult {
    harness.notifier().check(harness.call()).await.or_fail("check()")?;
    let arrived = arrived(harness).await;
    ensure!(arrived == 0, "the check sent {arrived} messages");
    Ok(())
}

async fn refused_credentials_are_said_so<H: Harness>(harness: &H) -> CaseResult {
    let Some(refused) = harness.refused_notifier() else { return skip("the vendor knows no credentials") };
    let message = message(harness, 0, BODY)?;
    match refused.send(harness.call(), &message).await {
        Ok(_) => return fail("send() says sent"),
        Err(error @ NotifyError::Undeliverable(_)) => {
            return fail(format!("it is {error}, so the guest is to blame"));
        }
        Err(NotifyError::Vendor(error)) => {
            ensure!(error.fault == Fault::Credentials, "the fault is {:?}", error.fault);
            ensure!(error.outcome == Outcome::NotApplied, "the outcome is open");
            says_nothing_of(&error, &planted(harness))?;
        }
    }
    match refused.check(harness.call()).await {
        Ok(()) => fail("check() passed"),
        Err(error) => {
            ensure!(error.fault == Fault::Credentials, "the fault is {:?}", error.fault);
            says_nothing_of(&error, &planted(harness))
        }
    }
}

async fn nothing_prints_the_message<H: Harness>(harness: &H) -> CaseResult {
    let message = message(harness, 0, BODY)?;
    let printed = format!("{message:?} {:?}", Recipient::Thread(ExternalId::parse("9001")?));
    let planted = planted(harness);
    ensure!(!planted.iter().any(|text| printed.contains(text.as_str())), "Debug tells too much");
    Ok(())
}
