//! What every [`Store`] keeps to.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join, join_all};
use serde_json::json;

use crate::booking::{Booking, BookingKind, BookingStatus, Guest, Revision, StayDates};
use crate::id::{
    BookingId, CodeId, DoorId, DoorKey, ExternalId, GrantId, IntegrationName, MessageId, TenantSlug, UnitId,
    UnitRef, VendorCodeId,
};
use crate::lock::{ListedCode, Proof};
use crate::notifier::{PhoneNumber, Receipt, Recipient};
use crate::secret::{Pin, Secret};
use crate::store::{
    Accepted, AlertRecord, Arrival, AuditEntry, BookingRecord, BrakeRecord, Candidate, Claim, ClaimedPin,
    CodeRecord, CodeState, Commit, DoorReadRecord, FactRecord, Finish, GrantRecord, Kind, Lease, MessageKind,
    MessageRecord, MessageState, MessageText, News, Origin, Pins, Places, PlanRecord, PlanState, PlannedStep,
    Record, Row, RowKey, SecretRecord, SourceRecord, Standing, Store, Told, ToldCode, TurnsRecord, Tx,
    WorkKey, Write, WriteBackRecord, WriteKind, WriteRecord, WriteState,
};
use crate::webhook::{Dedup, Event, Reply};
use crate::window::Window;

/// One part of the suite.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    run: fn(Arc<dyn Store>) -> BoxFuture<'static, ()>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

impl Case {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it on an empty store.
    ///
    /// # Panics
    ///
    /// When the store breaks the contract of [`Store`]; the text begins with the case's name.
    pub async fn run(&self, empty: Arc<dyn Store>) {
        if let Err(panic) = AssertUnwindSafe((self.run)(empty)).catch_unwind().await {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            panic!("store conformance, {}: {text}", self.name);
        }
    }
}

/// Runs the whole suite; each case gets a store of its own from `fresh`.
///
/// # Panics
///
/// When the store breaks the contract of [`Store`]; the text names the case.
pub async fn store(fresh: impl AsyncFn() -> Arc<dyn Store>) {
    for case in store_cases() {
        case.run(fresh().await).await;
    }
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Every case of the suite, for those who want a test of each.
        #[must_use]
        pub fn store_cases() -> Vec<Case> {
            vec![$(Case { name: stringify!($name), run: |store| Box::pin(async move { $name(&*store).await }) }),*]
        }
    };
}

cases![
    an_empty_store,
    revisions_count_up,
    expected_revisions,
    concurrent_changes_are_serial,
    whole_or_not_at_all,
    a_lease_fences_by_time,
    a_lease_fences_by_token,
    a_finished_lease_is_over,
    due_keeps_the_earlier_time,
    marks_during_a_lease_survive,
    finish_keeps_the_earlier_time,
    failures_are_counted,
    earliest_priority_goes_first,
    no_tenant_gets_more_than_its_share,
    priorities_change,
    concurrent_claims_do_not_share,
    one_key_is_claimed_by_name,
    a_key_claimed_by_name_has_one_holder,
    leases_run_out,
    leases_are_extended,
    work_is_listed_in_pages,
    an_arrival_makes_a_booking,
    an_arrival_with_many_events,
    vendor_ids_suppress,
    equal_content_is_suppressed_while_unread,
    equal_content_is_news_to_who_works_on_it,
    content_is_compared_key_by_key,
    tenants_do_not_meet,
    integrations_do_not_meet,
    deliveries_without_bookings,
    aliases_move,
    what_arrives_finds_a_moving_alias,
    claims_exclude_overlaps,
    claims_see_every_tenant,
    reserved_digits_keep_others_apart,
    candidates_are_tried_in_order,
    a_holder_does_not_stand_in_its_own_way,
    released_digits_are_free_after_quarantine,
    joint_claims_are_all_or_nothing,
    taken_leaves_nothing_changed,
    a_claim_sees_those_before_it,
    unread_rows_are_marked_read,
    the_inbox_is_paged,
    rows_of_a_stay,
    rows_are_paged,
    codes_on_a_door,
    every_record_comes_back,
    the_audit_trail,
    purge_forgets,
    purge_fences,
    what_arrives_beside_a_purge_is_not_lost,
    purge_leaves_what_is_worked_on,
    a_worker_beside_a_purge_leaves_nothing_behind,
];

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_900_000_000) + TimeDelta::minutes(minutes)
}

fn tenant(slug: &str) -> TenantSlug {
    TenantSlug::parse(slug).expect("a slug")
}

fn harbour() -> TenantSlug {
    tenant("harbour")
}

fn integration(name: &str) -> IntegrationName {
    IntegrationName::parse(name).expect("a name")
}

fn smoobu() -> IntegrationName {
    integration("smoobu")
}

fn reference(text: &str) -> ExternalId {
    ExternalId::parse(text).expect("a reference")
}

/// Twelve base-32 characters from a number.
fn id12(number: u32) -> String {
    format!("{number:012}").bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}

fn stay(number: u32) -> BookingId {
    BookingId::parse(&id12(number)).expect("an id")
}

fn code_id(number: u32) -> CodeId {
    CodeId::parse(&id12(number)).expect("an id")
}

fn pin(digits: &str) -> Pin {
    Pin::parse(digits).expect("digits")
}

fn door(device: &str) -> DoorKey {
    DoorKey { vendor: "thekeys".into(), device: device.into(), keypad: "AbCd1234".into() }
}

fn grant_work(number: u32) -> WorkKey {
    WorkKey::Grant(harbour(), stay(number))
}

fn reply(status: u16) -> Reply {
    Reply { status, body: json!({ "answer": status }) }
}

fn hint(text: &str) -> Event {
    Event::Hint { reference: reference(text), deleted: false }
}

fn arrival(dedup: Option<Dedup>, events: Vec<(Event, BookingId)>) -> Arrival {
    Arrival {
        tenant: harbour(),
        integration: smoobu(),
        origin: Origin::Webhook,
        action: "updateReservation".to_owned(),
        dedup,
        events,
        priority: None,
        reply: reply(200),
    }
}

fn content(hash: &str) -> Option<Dedup> {
    Some(Dedup::Content { hash: hash.to_owned() })
}

fn vendor_id(id: &str) -> Option<Dedup> {
    Some(Dedup::VendorId { id: id.to_owned(), ttl: Duration::from_secs(3600) })
}

fn alert(id: &str, of: Option<u32>, detail: &str) -> Record {
    Record::Alert(AlertRecord {
        id: id.to_owned(),
        tenant: harbour(),
        stay: of.map(stay),
        door: None,
        kind: "lock-offline".to_owned(),
        detail: detail.to_owned(),
        opened_at: at(0),
        closed_at: None,
        told_at: None,
    })
}

fn put(record: Record) -> Write {
    Write::Put(Box::new(record))
}

fn due(work: WorkKey, minutes: i64, priority: Option<i64>) -> Write {
    Write::Due { work, at: at(minutes), priority: priority.map(at) }
}

fn one_pin(holder: u32, door: &DoorKey, digits: &str) -> Candidate {
    pins(&[(holder, door, digits)])
}

fn pins(pins: &[(u32, &DoorKey, &str)]) -> Candidate {
    let pins = pins.iter().map(|(holder, door, digits)| ClaimedPin {
        holder: code_id(*holder),
        door: (*door).clone(),
        stored: pin(digits),
        apart: Vec::new(),
    });
    Candidate { pins: pins.collect(), writes: Vec::new() }
}

fn wanted(from: i64, until: i64, candidates: Vec<Candidate>) -> Claim {
    Claim { from: at(from), until: at(until), candidates }
}

async fn commit(store: &dyn Store, tx: Tx) -> Commit {
    store.commit(tx).await.expect("commit")
}

#[track_caller]
fn done(commit: Commit) -> (Vec<Accepted>, Vec<usize>) {
    match commit {
        Commit::Done { accepted, claimed } => (accepted, claimed),
        other => panic!("a change that should be done is {other:?}"),
    }
}

async fn write(store: &dyn Store, minutes: i64, writes: Vec<Write>) {
    done(commit(store, Tx { writes, ..Tx::new(at(minutes)) }).await);
}

async fn arrive(store: &dyn Store, minutes: i64, arrival: Arrival) -> Accepted {
    let tx = Tx { arrivals: vec![arrival], ..Tx::new(at(minutes)) };
    let (accepted, _) = done(commit(store, tx).await);
    let [accepted] = <[Accepted; 1]>::try_from(accepted).expect("one answer for one arrival");
    accepted
}

async fn try_claim(store: &dyn Store, minutes: i64, claim: Claim) -> Option<usize> {
    match commit(store, Tx { claims: vec![claim], ..Tx::new(at(minutes)) }).await {
        Commit::Done { claimed, .. } => Some(claimed[0]),
        Commit::Taken(0) => None,
        other => panic!("a claim ended as {other:?}"),
    }
}

async fn leases(store: &dyn Store, minutes: i64, lease_minutes: u64, limit: usize) -> Vec<Lease> {
    claim(store, minutes, lease_minutes, &Places::free(limit)).await
}

async fn claim(store: &dyn Store, minutes: i64, lease_minutes: u64, places: &Places) -> Vec<Lease> {
    store.claim_work(at(minutes), Duration::from_secs(60 * lease_minutes), places).await.expect("claim_work")
}

async fn lease(store: &dyn Store, minutes: i64, lease_minutes: u64) -> Lease {
    let [lease] =
        <[Lease; 1]>::try_from(leases(store, minutes, lease_minutes, 10).await).expect("one due key");
    lease
}

async fn nothing_due(store: &dyn Store, minutes: i64) {
    assert_eq!(leases(store, minutes, 1, 10).await, vec![], "nothing is due at {minutes} min");
}

async fn finish(store: &dyn Store, minutes: i64, lease: &Lease, next: Option<i64>, failed: bool) {
    let finish = Finish { next: next.map(at), failed, priority: None };
    done(commit(store, Tx { finish: Some(finish), ..Tx::under(at(minutes), lease) }).await);
}

async fn get(store: &dyn Store, key: &RowKey) -> Option<Row> {
    store.get(key).await.expect("get")
}

async fn revision(store: &dyn Store, key: &RowKey) -> u64 {
    get(store, key).await.map_or(0, |row| row.revision)
}

async fn unread(store: &dyn Store, work: &WorkKey) -> Vec<crate::store::InboxRow> {
    store.unread(work).await.expect("unread")
}

async fn alias_of(store: &dyn Store, text: &str) -> Option<BookingId> {
    store.alias(&harbour(), &smoobu(), &reference(text)).await.expect("alias")
}

async fn an_empty_store(store: &dyn Store) {
    store.ping().await.expect("ping");
    assert_eq!(done(commit(store, Tx::new(at(0))).await), (vec![], vec![]));
    assert_eq!(store.next_due(None).await.expect("next_due"), None);
    nothing_due(store, 0).await;
    assert_eq!(alias_of(store, "1").await, None);
    assert!(store.inbox(&harbour(), None, 10).await.expect("inbox").is_empty());
    assert!(store.stay(&harbour(), &stay(1)).await.expect("stay").is_empty());
    for kind in Kind::ALL {
        assert!(store.rows(kind, &harbour(), None, 10).await.expect("rows").is_empty(), "{kind:?}");
        assert_eq!(
            get(store, &RowKey { kind, tenant: harbour(), id: "x".to_owned() }).await,
            None,
            "{kind:?}"
        );
    }
}

async fn revisions_count_up(store: &dyn Store) {
    let key = alert("a", None, "").key();
    for number in 1..=3 {
        write(store, 0, vec![put(alert("a", None, &number.to_string()))]).await;
        let row = get(store, &key).await.expect("the row");
        assert_eq!((row.revision, row.record), (number, alert("a", None, &number.to_string())));
    }
    write(store, 0, vec![put(alert("a", None, "4")), put(alert("a", None, "5"))]).await;
    assert_eq!(revision(store, &key).await, 5, "each write counts");
    write(store, 0, vec![Write::Delete(key.clone()), Write::Delete(alert("never", None, "").key())]).await;
    assert_eq!(get(store, &key).await, None);
    write(store, 0, vec![put(alert("a", None, ""))]).await;
    assert_eq!(revision(store, &key).await, 1, "the first revision is 1");
}

async fn expected_revisions(store: &dyn Store) {
    let [a, b, c] = ["a", "b", "c"].map(|id| alert(id, None, "").key());
    write(store, 0, vec![put(alert("a", None, "")), put(alert("b", None, "")), put(alert("b", None, ""))])
        .await;
    let expecting = |expect: Vec<(RowKey, u64)>| Tx { expect, ..Tx::new(at(1)) };
    let right = expecting(vec![(a.clone(), 1), (b.clone(), 2), (c.clone(), 0)]);
    done(commit(store, right).await);
    let wrong = expecting(vec![(c.clone(), 1), (a.clone(), 1), (b.clone(), 1)]);
    assert_eq!(
        commit(store, wrong).await,
        Commit::Moved(vec![c, b.clone()]),
        "only what moved, in the order asked"
    );
    assert_eq!(commit(store, expecting(vec![(a.clone(), 0)])).await, Commit::Moved(vec![a]));
    let other = RowKey { tenant: tenant("other"), ..b };
    done(commit(store, expecting(vec![(other, 0)])).await);
}

async fn concurrent_changes_are_serial(store: &dyn Store) {
    let key = alert("a", None, "").key();
    let tx = |number: u32| Tx {
        expect: vec![(key.clone(), 0)],
        writes: vec![put(alert("a", None, &number.to_string()))],
        ..Tx::new(at(0))
    };
    let ends = join_all((0..16).map(|number| commit(store, tx(number)))).await;
    let (done, moved): (Vec<_>, Vec<_>) =
        ends.into_iter().partition(|end| matches!(end, Commit::Done { .. }));
    assert_eq!(done.len(), 1, "only one of them found the row missing");
    assert!(moved.iter().all(|end| *end == Commit::Moved(vec![key.clone()])), "{moved:?}");
    assert_eq!(revision(store, &key).await, 1);
}

/// A change that touches every table.
fn everything(minutes: i64) -> Tx {
    let audit = AuditEntry {
        at: at(minutes),
        tenant: harbour(),
        stay: None,
        what: "changed".to_owned(),
        detail: String::new(),
    };
    Tx {
        arrivals: vec![arrival(vendor_id("once"), vec![(hint("77"), stay(77))])],
        writes: vec![
            put(alert("a", None, "changed")),
            Write::Delete(alert("b", None, "").key()),
            Write::MarkRead { work: grant_work(1), up_to: u64::from(u32::MAX) },
            due(WorkKey::Notice(harbour()), minutes, None),
            Write::Alias { tenant: harbour(), source: smoobu(), reference: reference("1"), booking: stay(2) },
            Write::Release { holder: code_id(1), until: at(minutes) },
            Write::Audit(audit),
        ],
        claims: vec![wanted(0, 100, vec![one_pin(2, &door("2"), "2222")])],
        ..Tx::new(at(minutes))
    }
}

async fn prepare_for_everything(store: &dyn Store) {
    let writes = vec![put(alert("a", None, "")), put(alert("b", None, ""))];
    let tx = Tx {
        writes,
        arrivals: vec![arrival(None, vec![(hint("1"), stay(1))])],
        claims: vec![wanted(0, 100, vec![one_pin(1, &door("1"), "1111")])],
        ..Tx::new(at(0))
    };
    done(commit(store, tx).await);
}

async fn check_nothing_changed(store: &dyn Store, why: &str) {
    assert_eq!(revision(store, &alert("a", None, "").key()).await, 1, "{why}: row put");
    assert_eq!(revision(store, &alert("b", None, "").key()).await, 1, "{why}: row deleted");
    assert_eq!(unread(store, &grant_work(1)).await.len(), 1, "{why}: inbox row read");
    assert_eq!(unread(store, &grant_work(77)).await, vec![], "{why}: inbox row added");
    assert_eq!(alias_of(store, "1").await, Some(stay(1)), "{why}: alias moved");
    assert_eq!(alias_of(store, "77").await, None, "{why}: alias made");
    assert_eq!(store.audit(&harbour(), None, None, 10).await.expect("audit"), vec![], "{why}: audit entry");
    let work: Vec<_> = store.work(None, 10).await.expect("work").into_iter().map(|row| row.work).collect();
    assert_eq!(work, vec![grant_work(1)], "{why}: work made due");
    let taken = wanted(0, 100, vec![one_pin(9, &door("1"), "1111")]);
    let probe = Tx { claims: vec![taken, wanted(0, 1, vec![])], ..Tx::new(at(5)) };
    assert_eq!(commit(store, probe).await, Commit::Taken(0), "{why}: claim released");
    let free = wanted(0, 100, vec![one_pin(9, &door("2"), "2222")]);
    let probe = Tx { claims: vec![free, wanted(0, 1, vec![])], ..Tx::new(at(5)) };
    assert_eq!(commit(store, probe).await, Commit::Taken(1), "{why}: claim made");
}

async fn whole_or_not_at_all(store: &dyn Store) {
    prepare_for_everything(store).await;
    let key = alert("a", None, "").key();
    let moved = Tx { expect: vec![(key.clone(), 7)], ..everything(5) };
    assert_eq!(commit(store, moved).await, Commit::Moved(vec![key]));
    check_nothing_changed(store, "moved").await;

    let mut taken = everything(5);
    taken.claims.push(wanted(0, 100, vec![one_pin(3, &door("2"), "2222")]));
    assert_eq!(commit(store, taken).await, Commit::Taken(1));
    check_nothing_changed(store, "taken").await;

    let lease = Lease { work: grant_work(1), token: 99, until: at(1000), failures: 0 };
    let fenced = Tx { lease: Some(lease), ..everything(5) };
    assert_eq!(commit(store, fenced).await, Commit::Fenced);
    check_nothing_changed(store, "fenced").await;

    let (accepted, claimed) = done(commit(store, everything(5)).await);
    assert_eq!((accepted.len(), claimed), (1, vec![0]));
    assert_eq!(revision(store, &alert("a", None, "").key()).await, 2);
    assert_eq!(revision(store, &alert("b", None, "").key()).await, 0);
    assert_eq!(alias_of(store, "1").await, Some(stay(2)));
    assert_eq!(store.audit(&harbour(), None, None, 10).await.expect("audit").len(), 1);
}

async fn a_lease_fences_by_time(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    let held = lease(store, 0, 10).await;
    assert_eq!((&held.work, held.until, held.failures), (&grant_work(1), at(10), 0));
    let tx = |minutes| Tx { writes: vec![put(alert("a", None, ""))], ..Tx::under(at(minutes), &held) };
    done(commit(store, tx(9)).await);
    assert_eq!(commit(store, tx(10)).await, Commit::Fenced, "its time has passed");
    assert_eq!(revision(store, &alert("a", None, "").key()).await, 1);
    let boasting = Lease { until: at(1000), ..held.clone() };
    assert_eq!(commit(store, Tx::under(at(10), &boasting)).await, Commit::Fenced, "the store's time counts");
}

async fn a_lease_fences_by_token(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    let first = lease(store, 0, 10).await;
    let second = lease(store, 10, 10).await;
    assert!(second.token > first.token, "{} then {}", first.token, second.token);
    assert_eq!(commit(store, Tx::under(at(5), &first)).await, Commit::Fenced, "a newer lease is out");
    done(commit(store, Tx::under(at(11), &second)).await);
    let other = Lease { work: grant_work(2), ..second };
    assert_eq!(commit(store, Tx::under(at(11), &other)).await, Commit::Fenced, "a lease is for one key");
}

async fn a_finished_lease_is_over(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    let held = lease(store, 0, 10).await;
    finish(store, 1, &held, None, false).await;
    assert_eq!(commit(store, Tx::under(at(2), &held)).await, Commit::Fenced);
    assert_eq!(store.next_due(None).await.expect("next_due"), None);
    assert_eq!(store.work(None, 10).await.expect("work"), vec![], "nothing of it is due");
    write(store, 3, vec![due(grant_work(1), 3, None)]).await;
    let again = lease(store, 3, 10).await;
    assert!(again.token > held.token, "a token is never given twice");
    assert_eq!(commit(store, Tx::under(at(4), &held)).await, Commit::Fenced);
}

async fn due_keeps_the_earlier_time(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 30, None)]).await;
    write(store, 0, vec![due(grant_work(1), 20, None)]).await;
    write(store, 0, vec![due(grant_work(1), 40, None)]).await;
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(20)));
    nothing_due(store, 19).await;
    let held = lease(store, 20, 10).await;
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(30)), "when the lease runs out");
    finish(store, 21, &held, None, false).await;
    nothing_due(store, 100).await;
}

async fn marks_during_a_lease_survive(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    let held = lease(store, 0, 10).await;
    nothing_due(store, 1).await;
    write(store, 1, vec![due(grant_work(1), 1, None)]).await;
    nothing_due(store, 2).await;
    let rows = store.work(None, 10).await.expect("work");
    assert_eq!((rows.len(), rows[0].due_at, rows[0].leased_until), (1, Some(at(1)), Some(at(10))));
    finish(store, 3, &held, None, false).await;
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(1)));
    let held = lease(store, 3, 10).await;
    // A mark for later outlives even a lease that runs out.
    write(store, 4, vec![due(grant_work(1), 60, None)]).await;
    let next = lease(store, 13, 10).await;
    assert!(next.token > held.token);
    finish(store, 14, &next, None, false).await;
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(60)));
}

async fn finish_keeps_the_earlier_time(store: &dyn Store) {
    for (mark, next, then) in [(50, 40, 40), (40, 50, 40)] {
        write(store, 0, vec![due(grant_work(1), 0, None)]).await;
        let held = lease(store, 0, 10).await;
        write(store, 1, vec![due(grant_work(1), mark, None)]).await;
        finish(store, 2, &held, Some(next), false).await;
        assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(then)), "mark {mark}, next {next}");
        let held = lease(store, then, 10).await;
        finish(store, then, &held, None, false).await;
    }
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    let held = lease(store, 0, 10).await;
    let tx = Tx {
        writes: vec![due(grant_work(1), 30, None)],
        finish: Some(Finish { next: Some(at(60)), failed: false, priority: None }),
        ..Tx::under(at(1), &held)
    };
    done(commit(store, tx).await);
    assert_eq!(
        store.next_due(None).await.expect("next_due"),
        Some(at(30)),
        "a mark of the change itself counts too"
    );
}

async fn failures_are_counted(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    for failures in 0..3 {
        let held = lease(store, i64::from(failures), 10).await;
        assert_eq!(held.failures, failures);
        finish(store, i64::from(failures), &held, Some(i64::from(failures) + 1), true).await;
        assert_eq!(store.work(None, 10).await.expect("work")[0].failures, failures + 1);
    }
    let held = lease(store, 3, 10).await;
    assert_eq!(held.failures, 3);
    finish(store, 4, &held, None, true).await;
    write(store, 5, vec![due(grant_work(1), 5, None)]).await;
    let held = lease(store, 5, 10).await;
    assert_eq!(held.failures, 4, "also when nothing was due in between");
    finish(store, 6, &held, Some(7), false).await;
    assert_eq!(lease(store, 7, 10).await.failures, 0, "a good attempt sets it back");
}

async fn earliest_priority_goes_first(store: &dyn Store) {
    let marks = [
        (1, 5, None),
        (2, 3, Some(900)),
        (3, 1, Some(300)),
        (4, 4, None),
        (5, 0, Some(900)),
        (6, 60, Some(1)),
    ];
    for (number, minutes, priority) in marks {
        write(store, 0, vec![due(grant_work(number), minutes, priority)]).await;
    }
    let order = |leases: Vec<Lease>| leases.into_iter().map(|lease| lease.work).collect::<Vec<_>>();
    let first = order(leases(store, 10, 10, 2).await);
    assert_eq!(first, [3, 5].map(grant_work), "the earliest priority, then the longest due");
    let rest = order(leases(store, 10, 10, 10).await);
    assert_eq!(rest, [2, 4, 1].map(grant_work), "no priority comes last; what is not due yet does not come");
    assert_eq!(leases(store, 10, 10, 0).await, vec![]);
    assert_eq!(order(leases(store, 60, 10, 1).await), [6].map(grant_work));
}

async fn no_tenant_gets_more_than_its_share(store: &dyn Store) {
    let of = |tenant: &TenantSlug, number: u32| WorkKey::Grant(tenant.clone(), stay(number));
    let quay = TenantSlug::parse("quay").expect("a slug");
    let marks = [
        (harbour(), 1, 100),
        (harbour(), 2, 200),
        (harbour(), 3, 300),
        (quay.clone(), 1, 400),
        (quay.clone(), 2, 50),
    ];
    let marks = marks.map(|(tenant, number, priority)| due(of(&tenant, number), 0, Some(priority)));
    write(store, 0, marks.to_vec()).await;
    write(store, 0, vec![due(of(&harbour(), 4), 30, Some(1))]).await;
    let places = |free: usize, per_tenant: usize, taken: &[(&TenantSlug, usize)]| Places {
        free,
        per_tenant,
        taken: taken.iter().map(|(tenant, count)| ((*tenant).clone(), *count)).collect(),
    };
    let order = |leases: Vec<Lease>| leases.into_iter().map(|lease| lease.work).collect::<Vec<_>>();
    for none in [places(5, 2, &[(&harbour(), 2), (&quay, 3)]), places(5, 0, &[]), places(0, 5, &[])] {
        assert_eq!(claim(store, 0, 10, &none).await, vec![], "{none:?}");
    }
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(0)), "what is passed over stays due");
    assert_eq!(
        store.next_due(Some(at(0))).await.expect("next_due"),
        Some(at(30)),
        "and is no reason to look again"
    );
    let first = claim(store, 0, 10, &places(4, 2, &[(&quay, 1)])).await;
    assert_eq!(
        order(first),
        [of(&quay, 2), of(&harbour(), 1), of(&harbour(), 2)],
        "the soonest of each share"
    );
    let next = claim(store, 0, 10, &places(4, 2, &[(&harbour(), 2), (&quay, 1)])).await;
    assert_eq!(order(next), [of(&quay, 1)]);
    let last = claim(store, 0, 10, &places(4, 2, &[(&harbour(), 1)])).await;
    assert_eq!(order(last), [of(&harbour(), 3)]);
}

async fn priorities_change(store: &dyn Store) {
    let first = async |minutes| leases(store, minutes, 1, 1).await.remove(0);
    let marks = [(1, Some(500)), (1, Some(300)), (1, Some(600)), (2, Some(400)), (2, None), (3, Some(450))];
    write(store, 0, marks.map(|(number, priority)| due(grant_work(number), 0, priority)).to_vec()).await;
    let one = first(0).await;
    assert_eq!(one.work, grant_work(1), "the earlier priority stays");
    let two = first(0).await;
    assert_eq!(two.work, grant_work(2), "none given is none changed");
    let three = first(0).await;
    assert_eq!(three.work, grant_work(3));
    finish(store, 0, &three, None, false).await;
    for (lease, priority) in [(one, 700), (two, 600)] {
        let finish = Finish { next: Some(at(10)), failed: false, priority: Some(at(priority)) };
        done(commit(store, Tx { finish: Some(finish), ..Tx::under(at(0), &lease) }).await);
    }
    let two = first(10).await;
    assert_eq!(two.work, grant_work(2), "a finish sets it anew");
    // What is marked meanwhile for somebody sooner goes first all the same.
    write(store, 10, vec![due(grant_work(2), 10, Some(100))]).await;
    let finish = Finish { next: None, failed: false, priority: Some(at(900)) };
    done(commit(store, Tx { finish: Some(finish), ..Tx::under(at(10), &two) }).await);
    assert_eq!(first(10).await.work, grant_work(2));
}

async fn concurrent_claims_do_not_share(store: &dyn Store) {
    write(store, 0, (0..20).map(|number| due(grant_work(number), 0, None)).collect()).await;
    let claimed = join_all((0..8).map(|_| leases(store, 0, 10, 3))).await;
    let mut keys: Vec<_> = claimed.into_iter().flatten().map(|lease| lease.work).collect();
    keys.sort();
    assert_eq!(keys, (0..20).map(grant_work).collect::<Vec<_>>(), "each key once");
}

async fn claim_key(store: &dyn Store, minutes: i64, number: u32) -> Option<Lease> {
    let lease_for = Duration::from_secs(600);
    store.claim_key(at(minutes), lease_for, &grant_work(number)).await.expect("claim_key")
}

async fn one_key_is_claimed_by_name(store: &dyn Store) {
    assert_eq!(claim_key(store, 0, 1).await, None, "nobody knows of it");
    write(store, 0, (1..4).map(|number| due(grant_work(number), 0, Some(100))).collect()).await;
    write(store, 0, vec![due(grant_work(4), 30, None)]).await;
    assert_eq!(claim_key(store, 0, 4).await, None, "not due yet");
    let others = async || {
        let rows = store.work(None, 10).await.expect("work");
        rows.into_iter().filter(|row| row.work != grant_work(2)).collect::<Vec<_>>()
    };
    let before = others().await;
    let lease = claim_key(store, 0, 2).await.expect("a lease");
    assert_eq!((&lease.work, lease.until, lease.failures), (&grant_work(2), at(10), 0));
    assert_eq!(others().await, before, "all others are left as they are");
    assert_eq!(claim_key(store, 9, 2).await, None, "somebody has it");
    let rest: Vec<_> = leases(store, 0, 1, 10).await.into_iter().map(|lease| lease.work).collect();
    assert_eq!(rest, [1, 3].map(grant_work), "and it is no longer handed out");

    // A lease that has run out; its holder is fenced.
    let next = claim_key(store, 10, 2).await.expect("a lease");
    assert!(next.token > lease.token && next.until == at(20));
    assert_eq!(commit(store, Tx::under(at(10), &lease)).await, Commit::Fenced);
    finish(store, 11, &next, Some(12), true).await;
    assert_eq!(claim_key(store, 11, 2).await, None);
    let failed = claim_key(store, 12, 2).await.expect("a lease");
    assert_eq!(failed.failures, 1);
    // A mark made meanwhile stays.
    write(store, 13, vec![due(grant_work(2), 13, None)]).await;
    finish(store, 14, &failed, None, false).await;
    let marked = claim_key(store, 14, 2).await.expect("a lease");
    assert_eq!(marked.failures, 0);
    finish(store, 14, &marked, None, false).await;
    assert_eq!(claim_key(store, 60, 2).await, None, "it is done");
}

async fn a_key_claimed_by_name_has_one_holder(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    let by_name = join_all((0..8).map(|_| claim_key(store, 0, 1)));
    let by_place = join_all((0..8).map(|_| leases(store, 0, 10, 3)));
    let (by_name, by_place) = join(by_name, by_place).await;
    let holders = by_name.into_iter().flatten().count() + by_place.into_iter().flatten().count();
    assert_eq!(holders, 1);
}

async fn leases_run_out(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    let first = lease(store, 0, 10).await;
    nothing_due(store, 9).await;
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(10)));
    let second = lease(store, 10, 10).await;
    assert_eq!((&second.work, second.until), (&first.work, at(20)));
    assert!(second.token > first.token);
    let late = Tx {
        finish: Some(Finish { next: None, failed: false, priority: None }),
        ..Tx::under(at(11), &first)
    };
    assert_eq!(commit(store, late).await, Commit::Fenced);
    nothing_due(store, 11).await;
}

async fn leases_are_extended(store: &dyn Store) {
    write(store, 0, vec![due(grant_work(1), 0, None)]).await;
    let first = lease(store, 0, 10).await;
    let longer = store.extend(at(5), &first, at(20)).await.expect("extend").expect("a lease");
    assert_eq!((&longer.work, longer.token, longer.until), (&first.work, first.token, at(20)));
    nothing_due(store, 19).await;
    done(commit(store, Tx::under(at(19), &first)).await);
    assert_eq!(store.extend(at(20), &longer, at(30)).await.expect("extend"), None, "it is over");
    let second = lease(store, 20, 10).await;
    assert_eq!(store.extend(at(21), &longer, at(40)).await.expect("extend"), None, "another has it");
    finish(store, 22, &second, None, false).await;
    assert_eq!(store.extend(at(23), &second, at(40)).await.expect("extend"), None, "it is finished");
}

async fn work_is_listed_in_pages(store: &dyn Store) {
    let door_work = WorkKey::Door(harbour(), DoorId::parse("studio-a-door").expect("an id"));
    let keys = [
        WorkKey::Grant(tenant("har"), stay(9)),
        WorkKey::Grant(tenant("har-bour"), stay(1)),
        grant_work(1),
        grant_work(2),
        WorkKey::Source(harbour(), smoobu()),
        door_work,
        WorkKey::Notice(harbour()),
    ];
    write(store, 0, keys.iter().rev().map(|key| due(key.clone(), 3, None)).collect()).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.work(after.as_ref(), 2).await.expect("work");
        assert!(page.len() <= 2 && seen.len() <= keys.len(), "pages without end");
        let Some(last) = page.last() else { break };
        after = Some(last.work.clone());
        for row in page {
            let alone = store.work_row(&row.work).await.expect("work_row");
            assert_eq!(alone.as_ref(), Some(&row), "the same row when it is asked for alone");
            seen.push(row.work);
        }
    }
    assert_eq!(seen, keys, "every key once, in the order of keys");
    assert_eq!(store.work_row(&grant_work(7)).await.expect("work_row"), None, "nothing of it is due");
}

async fn an_arrival_makes_a_booking(store: &dyn Store) {
    let mut first = arrival(content("h1"), vec![(hint("9001"), stay(1))]);
    first.priority = Some(at(500));
    let accepted = arrive(store, 3, first).await;
    assert_eq!(accepted, Accepted { bookings: vec![stay(1)], duplicate: false, reply: reply(200) });
    assert_eq!(alias_of(store, "9001").await, Some(stay(1)));
    let key = RowKey { kind: Kind::Booking, tenant: harbour(), id: stay(1).to_string() };
    let row = get(store, &key).await.expect("a booking row");
    let expected = BookingRecord {
        id: stay(1),
        tenant: harbour(),
        source: smoobu(),
        reference: reference("9001"),
        former: Vec::new(),
        booking: None,
        seen_at: None,
        deleted_at: None,
        absences: 0,
        not_found_since: None,
        contradicted_since: None,
        gone_at: None,
        cancelled_at: None,
        last_error: None,
        standing: None,
        created_at: at(3),
    };
    assert_eq!(row, Row { revision: 1, record: Record::Booking(expected) });
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(3)), "due at once");

    let rows = unread(store, &grant_work(1)).await;
    assert_eq!(rows.len(), 1);
    let inbox = &rows[0];
    assert_eq!((&inbox.tenant, &inbox.integration, inbox.origin), (&harbour(), &smoobu(), Origin::Webhook));
    assert_eq!((inbox.action.as_str(), inbox.event.as_ref()), ("updateReservation", Some(&hint("9001"))));
    assert_eq!((inbox.work.as_ref(), inbox.received_at, inbox.read_at), (Some(&grant_work(1)), at(3), None));

    let Record::Booking(mut known) = row.record else { panic!("{key:?} is no booking") };
    known.absences = 3;
    let known = Record::Booking(known);
    write(store, 4, vec![put(known.clone())]).await;
    let again = arrive(store, 4, arrival(content("h2"), vec![(hint("9001"), stay(2))])).await;
    assert_eq!((again.bookings, again.duplicate), (vec![stay(1)], false), "the reference is known now");
    let left = Some(Row { revision: 2, record: known });
    assert_eq!(get(store, &key).await, left, "what is known of the booking is left alone");
    assert_eq!(unread(store, &grant_work(1)).await.len(), 2);
    assert_eq!(unread(store, &grant_work(2)).await, vec![]);
}

async fn an_arrival_with_many_events(store: &dyn Store) {
    let snapshot = Event::Snapshot(Box::new(booking("b")));
    let events = vec![(hint("a"), stay(1)), (snapshot, stay(2)), (hint("a"), stay(3))];
    let accepted = arrive(store, 0, arrival(content("h"), events.clone())).await;
    assert_eq!(accepted.bookings, vec![stay(1), stay(2), stay(1)], "in the order of the events");
    let rows = unread(store, &grant_work(1)).await;
    assert_eq!(rows.len(), 2, "the events of one delivery do not suppress each other");
    assert!(rows[0].number < rows[1].number);
    assert_eq!(unread(store, &grant_work(2)).await[0].event, Some(events[1].0.clone()));
    let both = Tx {
        arrivals: vec![
            arrival(None, vec![(hint("c"), stay(4))]),
            arrival(None, vec![(hint("c"), stay(5)), (hint("d"), stay(6))]),
        ],
        ..Tx::new(at(1))
    };
    let (accepted, _) = done(commit(store, both).await);
    let bookings: Vec<_> = accepted.into_iter().map(|accepted| accepted.bookings).collect();
    assert_eq!(bookings, vec![vec![stay(4)], vec![stay(4), stay(6)]], "a later arrival sees an earlier one");
}

async fn vendor_ids_suppress(store: &dyn Store) {
    let delivery = || arrival(vendor_id("v1"), vec![(hint("a"), stay(1))]);
    let first = arrive(store, 0, delivery()).await;
    assert!(!first.duplicate);
    let held = lease(store, 0, 10).await;
    finish(store, 1, &held, Some(500), false).await;

    let mut second = delivery();
    second.reply = reply(299);
    second.priority = Some(at(7));
    let again = arrive(store, 2, second).await;
    let expected = Accepted { bookings: vec![stay(1)], duplicate: true, reply: reply(200) };
    assert_eq!(again, expected, "answered as the first was");
    assert_eq!(unread(store, &grant_work(1)).await.len(), 1, "nothing was added");
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(2)), "unread work is due again");

    let held = lease(store, 3, 10).await;
    let number = unread(store, &grant_work(1)).await[0].number;
    let tx = Tx {
        writes: vec![Write::MarkRead { work: grant_work(1), up_to: number }],
        finish: Some(Finish { next: None, failed: false, priority: None }),
        ..Tx::under(at(3), &held)
    };
    done(commit(store, tx).await);
    assert_eq!(arrive(store, 59, delivery()).await, expected, "also after it was worked on");
    assert_eq!(store.next_due(None).await.expect("next_due"), None, "but then nothing is due");

    let late = arrive(store, 60, delivery()).await;
    assert!(!late.duplicate, "its time to live is over");
    assert_eq!(unread(store, &grant_work(1)).await.len(), 1);
    assert!(arrive(store, 119, delivery()).await.duplicate, "remembered anew");
    let other = arrival(vendor_id("v2"), vec![(hint("a"), stay(1))]);
    assert!(!arrive(store, 119, other).await.duplicate);
}

async fn equal_content_is_suppressed_while_unread(store: &dyn Store) {
    let delivery = || arrival(content("h"), vec![(hint("a"), stay(1))]);
    assert!(!arrive(store, 0, delivery()).await.duplicate);
    let held = lease(store, 0, 10).await;
    finish(store, 1, &held, Some(500), false).await;
    let mut second = delivery();
    second.reply = reply(299);
    let again = arrive(store, 2, second).await;
    assert_eq!(again, Accepted { bookings: vec![stay(1)], duplicate: true, reply: reply(200) });
    let rows = unread(store, &grant_work(1)).await;
    assert_eq!(rows.len(), 1, "nothing was added");
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(2)), "it is due again");
    assert!(
        !arrive(store, 3, arrival(content("h2"), vec![(hint("a"), stay(1))])).await.duplicate,
        "other content"
    );
    assert!(!arrive(store, 3, arrival(None, vec![(hint("a"), stay(1))])).await.duplicate, "no dedup at all");

    write(store, 4, vec![Write::MarkRead { work: grant_work(1), up_to: rows[0].number }]).await;
    let fresh = arrive(store, 5, delivery()).await;
    assert!(!fresh.duplicate, "an equal body after the first was worked on is a new row");
    assert_eq!(unread(store, &grant_work(1)).await.len(), 3);
    assert!(arrive(store, 6, delivery()).await.duplicate);
}

async fn equal_content_is_news_to_who_works_on_it(store: &dyn Store) {
    let delivery = || arrival(content("h"), vec![(hint("a"), stay(1))]);
    assert!(!arrive(store, 0, delivery()).await.duplicate);
    let held = lease(store, 0, 10).await;
    let seen = unread(store, &grant_work(1)).await;
    assert!(
        !arrive(store, 1, delivery()).await.duplicate,
        "the source may have been asked before this was told"
    );
    write(store, 2, vec![Write::MarkRead { work: grant_work(1), up_to: seen[0].number }]).await;
    finish(store, 2, &held, None, false).await;
    assert_eq!(unread(store, &grant_work(1)).await.len(), 1, "it is left for the next look");
    assert_eq!(store.next_due(None).await.expect("next_due"), Some(at(1)), "which comes at once");

    let held = lease(store, 3, 10).await;
    assert!(arrive(store, 13, delivery()).await.duplicate, "nobody works on it once the lease has run out");
    assert!(held.until <= at(13));
}

async fn content_is_compared_key_by_key(store: &dyn Store) {
    let delivery = || arrival(content("h"), vec![(hint("a"), stay(1)), (hint("b"), stay(2))]);
    assert!(!arrive(store, 0, delivery()).await.duplicate);
    write(store, 1, vec![Write::MarkRead { work: grant_work(1), up_to: u64::from(u32::MAX) }]).await;
    let again = arrive(store, 2, delivery()).await;
    assert_eq!((again.bookings, again.duplicate), (vec![stay(1), stay(2)], false));
    let rows = (unread(store, &grant_work(1)).await.len(), unread(store, &grant_work(2)).await.len());
    assert_eq!(rows, (1, 1), "new for the key that had read it, suppressed for the one that had not");
}

async fn tenants_do_not_meet(store: &dyn Store) {
    let other = tenant("other");
    let of = |tenant: &TenantSlug, dedup, number| Arrival {
        tenant: tenant.clone(),
        ..arrival(dedup, vec![(hint("9001"), stay(number))])
    };
    for (dedup, numbers) in [(content("h"), (1, 2)), (vendor_id("v"), (3, 4))] {
        let one = arrive(store, 0, of(&harbour(), dedup.clone(), numbers.0)).await;
        let two = arrive(store, 0, of(&other, dedup, numbers.1)).await;
        assert!(!one.duplicate && !two.duplicate);
        assert_eq!(
            (one.bookings, two.bookings),
            (vec![stay(1)], vec![stay(2)]),
            "equal references, other bookings"
        );
    }
    let record = |tenant: &TenantSlug, detail: &str| match alert("a", Some(5), detail) {
        Record::Alert(alert) => Record::Alert(AlertRecord { tenant: tenant.clone(), ..alert }),
        other => other,
    };
    write(store, 0, vec![put(record(&harbour(), "ours")), put(record(&other, "theirs"))]).await;
    for (tenant, detail) in [(&harbour(), "ours"), (&other, "theirs")] {
        let expected = vec![Row { revision: 1, record: record(tenant, detail) }];
        assert_eq!(store.rows(Kind::Alert, tenant, None, 10).await.expect("rows"), expected);
        assert_eq!(store.stay(tenant, &stay(5)).await.expect("stay"), expected);
        assert_eq!(store.inbox(tenant, None, 10).await.expect("inbox").len(), 2);
    }
    let none = store.alias(&tenant("third"), &smoobu(), &reference("9001")).await.expect("alias");
    assert_eq!(none, None);
}

async fn integrations_do_not_meet(store: &dyn Store) {
    let beds24 = || Arrival {
        integration: integration("beds24"),
        ..arrival(content("h"), vec![(hint("1"), stay(2))])
    };
    arrive(store, 0, arrival(content("h"), vec![(hint("1"), stay(1))])).await;
    let other = arrive(store, 0, beds24()).await;
    assert_eq!((other.bookings, other.duplicate), (vec![stay(2)], false));
    let first = arrive(store, 0, arrival(vendor_id("v"), vec![(hint("1"), stay(1))])).await;
    let other = arrive(store, 0, Arrival { dedup: vendor_id("v"), ..beds24() }).await;
    assert!(!first.duplicate && !other.duplicate);
    // Nor where both tell of one booking.
    let one =
        Write::Alias { tenant: harbour(), source: smoobu(), reference: reference("2"), booking: stay(9) };
    let other = Write::Alias {
        tenant: harbour(),
        source: integration("beds24"),
        reference: reference("2"),
        booking: stay(9),
    };
    write(store, 0, vec![one, other]).await;
    let first = arrive(store, 0, arrival(content("h2"), vec![(hint("2"), stay(3))])).await;
    let events = vec![(hint("2"), stay(4))];
    let other = arrive(store, 0, Arrival { dedup: content("h2"), events, ..beds24() }).await;
    assert_eq!((first.bookings, other.bookings), (vec![stay(9)], vec![stay(9)]));
    assert!(!first.duplicate && !other.duplicate);
    assert_eq!(unread(store, &grant_work(9)).await.len(), 2);
}

async fn deliveries_without_bookings(store: &dyn Store) {
    let empty = arrive(store, 0, arrival(content("h"), vec![])).await;
    assert_eq!(empty, Accepted { bookings: vec![], duplicate: false, reply: reply(200) });
    let payload = json!({ "text": "inbound" });
    let fact = Event::Fact { id: "f1".to_owned(), payload };
    let accepted = arrive(store, 1, arrival(vendor_id("v"), vec![(fact.clone(), stay(1))])).await;
    assert_eq!((accepted.bookings, accepted.duplicate), (vec![], false));
    let rows = store.inbox(&harbour(), None, 10).await.expect("inbox");
    let seen: Vec<_> = rows.iter().map(|row| (row.event.clone(), row.work.clone(), row.read_at)).collect();
    let expected = vec![(Some(fact), None, Some(at(1))), (None, None, Some(at(0)))];
    assert_eq!(seen, expected, "kept as read: there is no key under which anybody would read it");
    assert_eq!(store.next_due(None).await.expect("next_due"), None);
    assert!(store.rows(Kind::Booking, &harbour(), None, 10).await.expect("rows").is_empty());
}

async fn aliases_move(store: &dyn Store) {
    arrive(store, 0, arrival(None, vec![(hint("old"), stay(1))])).await;
    arrive(store, 0, arrival(content("h"), vec![(hint("new"), stay(2)), (hint("more"), stay(2))])).await;
    let first = unread(store, &grant_work(1)).await[0].number;
    let held = leases(store, 0, 10, 10).await;
    for lease in held {
        finish(store, 1, &lease, None, false).await;
    }
    let moved =
        Write::Alias { tenant: harbour(), source: smoobu(), reference: reference("new"), booking: stay(1) };
    write(store, 2, vec![moved.clone()]).await;
    assert_eq!(alias_of(store, "new").await, Some(stay(1)));
    assert_eq!(alias_of(store, "more").await, Some(stay(2)));
    let events: Vec<_> = unread(store, &grant_work(1)).await.into_iter().map(|row| row.event).collect();
    assert_eq!(events, vec![Some(hint("old")), Some(hint("new"))], "unread rows of the reference go along");
    assert_eq!(unread(store, &grant_work(2)).await.len(), 1, "those of other references do not");
    assert!(
        unread(store, &grant_work(1)).await[1].number > first,
        "behind what the other's worker may have read"
    );
    let work: Vec<_> = store.work(None, 10).await.expect("work");
    assert_eq!(work.len(), 1, "and are due: {work:?}");
    assert_eq!((&work[0].work, work[0].due_at), (&grant_work(1), Some(at(2))));
    let rows = unread(store, &grant_work(1)).await;
    write(store, 3, vec![moved]).await;
    assert_eq!(unread(store, &grant_work(1)).await, rows, "saying it again changes nothing");
    let accepted = arrive(store, 4, arrival(None, vec![(hint("new"), stay(3))])).await;
    assert_eq!(accepted.bookings, vec![stay(1)]);
}

async fn what_arrives_finds_a_moving_alias(store: &dyn Store) {
    const MOVING: u32 = 40;
    const AWAY: u32 = 100;
    let name = |number: u32| format!("moving-{number}");
    for number in 0..MOVING {
        arrive(store, 0, arrival(None, vec![(hint(&name(number)), stay(number))])).await;
    }
    let moved = |number: u32| {
        let (reference, booking) = (reference(&name(number)), stay(number + AWAY));
        let alias = Write::Alias { tenant: harbour(), source: smoobu(), reference, booking };
        Tx { writes: vec![alias], ..Tx::new(at(1)) }
    };
    let again = |number: u32| Tx {
        arrivals: vec![arrival(None, vec![(hint(&name(number)), stay(99))])],
        ..Tx::new(at(1))
    };
    // Before, beside and behind each other.
    let both = (0..MOVING).flat_map(|number| [again(number), moved(number), again(number)]);
    for end in join_all(both.map(|tx| commit(store, tx))).await {
        done(end);
    }
    let work = store.work(None, 1_000).await.expect("work");
    for number in 0..MOVING {
        let (name, new) = (name(number), grant_work(number + AWAY));
        assert_eq!(alias_of(store, &name).await, Some(stay(number + AWAY)));
        let left = unread(store, &grant_work(number)).await;
        assert!(left.is_empty(), "{name}: nothing stays behind with the stay that it was of: {left:?}");
        assert_eq!(unread(store, &new).await.len(), 3, "{name}: all is with the stay that it is of now");
        let due = work.iter().find(|row| row.work == new).and_then(|row| row.due_at);
        assert!(due.is_some_and(|due| due <= at(1)), "{name}: and somebody looks at it: {due:?}");
    }
    assert!(unread(store, &grant_work(99)).await.is_empty(), "nobody made another stay of it");
}

async fn claims_exclude_overlaps(store: &dyn Store) {
    let d = door("1");
    assert_eq!(try_claim(store, 0, wanted(100, 200, vec![one_pin(1, &d, "4821")])).await, Some(0));
    let cases = [
        (50, 101, "4821", "1", false),
        (199, 250, "4821", "1", false),
        (120, 130, "4821", "1", false),
        (0, 900, "4821", "1", false),
        (100, 200, "4821", "1", false),
        (200, 300, "4821", "1", true),
        (0, 100, "4821", "1", true),
        (100, 200, "4822", "1", true),
        (100, 200, "04821", "1", true),
        (100, 200, "4821", "2", true),
    ];
    for (holder, (from, until, digits, device, free)) in (10..).zip(cases) {
        let claim = wanted(from, until, vec![one_pin(holder, &door(device), digits)]);
        let got = try_claim(store, 0, claim).await;
        assert_eq!(got.is_some(), free, "{digits} on {device} from {from} to {until}");
    }
    let keypad = DoorKey { keypad: "other".into(), ..d };
    assert_eq!(try_claim(store, 0, wanted(100, 200, vec![one_pin(40, &keypad, "4821")])).await, Some(0));
}

async fn reserved_digits_keep_others_apart(store: &dyn Store) {
    let apart = |holder, stored, apart: &[&str]| {
        let mut candidate = one_pin(holder, &door("1"), stored);
        candidate.pins[0].apart = apart.iter().map(|digits| pin(digits)).collect();
        wanted(0, 100, vec![candidate])
    };
    assert_eq!(try_claim(store, 0, apart(1, "4821", &["4820", "4822"])).await, Some(0));
    assert_eq!(try_claim(store, 0, apart(2, "4822", &["4821", "4823"])).await, None, "beside another's");
    assert_eq!(try_claim(store, 0, apart(2, "4823", &["4822", "4824"])).await, Some(0));
    assert_eq!(try_claim(store, 0, apart(1, "4821", &["4820", "4822"])).await, Some(0), "its own again");
}

async fn claims_see_every_tenant(store: &dyn Store) {
    let d = door("lobby");
    for (slug, number, free) in [("harbour", 1, true), ("other", 2, false)] {
        let record = Record::Code(CodeRecord { tenant: tenant(slug), ..code(number, number, &d) });
        let candidate = Candidate { writes: vec![put(record)], ..one_pin(number, &d, "4821") };
        let got = try_claim(store, 0, wanted(0, 100, vec![candidate])).await;
        assert_eq!(got.is_some(), free, "{slug}");
    }
}

async fn candidates_are_tried_in_order(store: &dyn Store) {
    let d = door("1");
    try_claim(store, 0, wanted(0, 100, vec![one_pin(1, &d, "1111")])).await;
    let saying = |digits: &str| Candidate {
        writes: vec![put(alert("which", None, digits)), put(alert(digits, None, ""))],
        ..one_pin(2, &d, digits)
    };
    let claim = wanted(50, 150, vec![saying("1111"), saying("2222"), saying("3333")]);
    assert_eq!(try_claim(store, 0, claim).await, Some(1));
    for (id, revision) in [("1111", 0), ("2222", 1), ("3333", 0), ("which", 1)] {
        let key = alert(id, None, "").key();
        let found = get(store, &key).await.map_or(0, |row| row.revision);
        assert_eq!(found, revision, "only the writes of the candidate taken are made: {id}");
    }
    let none = wanted(50, 150, vec![one_pin(3, &d, "1111"), one_pin(3, &d, "2222")]);
    assert_eq!(try_claim(store, 0, none).await, None);
    assert_eq!(try_claim(store, 0, wanted(50, 150, vec![])).await, None, "no candidate is none that is free");
    assert_eq!(try_claim(store, 0, wanted(50, 150, vec![one_pin(3, &d, "3333")])).await, Some(0));
}

async fn a_holder_does_not_stand_in_its_own_way(store: &dyn Store) {
    let d = door("1");
    let claim = |holder, from, until, digits| {
        try_claim(store, 0, wanted(from, until, vec![one_pin(holder, &d, digits)]))
    };
    assert_eq!(claim(1, 0, 100, "1111").await, Some(0));
    assert_eq!(claim(1, 50, 150, "1111").await, Some(0), "the same digits for another time");
    assert_eq!(claim(2, 0, 50, "1111").await, Some(0), "its earlier claim was replaced");
    assert_eq!(claim(3, 149, 200, "1111").await, None);
    assert_eq!(claim(1, 50, 150, "2222").await, Some(0), "other digits");
    assert_eq!(claim(3, 50, 200, "1111").await, Some(0));
    let elsewhere = wanted(50, 150, vec![one_pin(1, &door("2"), "1111")]);
    assert_eq!(try_claim(store, 0, elsewhere).await, Some(0));
    assert_eq!(claim(4, 50, 150, "2222").await, None, "its claim on one door outlives one on another");
}

async fn released_digits_are_free_after_quarantine(store: &dyn Store) {
    let d = door("1");
    let claim = |holder, from, until| wanted(from, until, vec![one_pin(holder, &d, "1111")]);
    let release = |until| Write::Release { holder: code_id(1), until: at(until) };
    try_claim(store, 0, claim(1, 0, 1000)).await;
    write(store, 10, vec![release(100)]).await;
    assert_eq!(try_claim(store, 10, claim(2, 99, 500)).await, None, "in quarantine");
    assert_eq!(try_claim(store, 10, claim(2, 100, 500)).await, Some(0));
    try_claim(store, 10, wanted(200, 300, vec![one_pin(1, &door("3"), "1111")])).await;
    write(store, 10, vec![release(150), Write::Release { holder: code_id(99), until: at(0) }]).await;
    let other = wanted(0, 1000, vec![one_pin(5, &door("3"), "1111")]);
    assert_eq!(
        try_claim(store, 10, other).await,
        Some(0),
        "released before it began: as if it had never been"
    );
    let same = Tx {
        writes: vec![Write::Release { holder: code_id(2), until: at(120) }],
        claims: vec![claim(6, 150, 400)],
        ..Tx::new(at(110))
    };
    assert_eq!(done(commit(store, same).await).1, vec![0], "a release counts for claims of the same change");
}

async fn joint_claims_are_all_or_nothing(store: &dyn Store) {
    let (flat, lobby) = (door("flat"), door("lobby"));
    try_claim(store, 0, wanted(0, 100, vec![one_pin(1, &lobby, "1111")])).await;
    let joint = |holder: u32, digits| pins(&[(holder, &flat, digits), (holder + 1, &lobby, digits)]);
    assert_eq!(try_claim(store, 0, wanted(0, 100, vec![joint(10, "1111")])).await, None);
    let flat_only = wanted(0, 100, vec![one_pin(20, &flat, "1111")]);
    assert_eq!(try_claim(store, 0, flat_only).await, Some(0), "nothing of the joint claim stayed");
    assert_eq!(
        try_claim(store, 0, wanted(0, 100, vec![joint(30, "1111"), joint(30, "2222")])).await,
        Some(1)
    );
    for device in [&flat, &lobby] {
        assert_eq!(
            try_claim(store, 0, wanted(0, 100, vec![one_pin(40, device, "2222")])).await,
            None,
            "{device}"
        );
    }
    let twice = pins(&[(50, &flat, "7777"), (51, &flat, "7777")]);
    assert_eq!(try_claim(store, 0, wanted(0, 100, vec![twice])).await, None, "a keypad has its digits once");
}

async fn taken_leaves_nothing_changed(store: &dyn Store) {
    let d = door("1");
    let claim = |holder, digits| wanted(0, 100, vec![one_pin(holder, &d, digits)]);
    try_claim(store, 0, claim(1, "1111")).await;
    let tx = Tx {
        writes: vec![put(alert("a", None, "")), Write::Release { holder: code_id(1), until: at(50) }],
        arrivals: vec![arrival(None, vec![(hint("1"), stay(1))])],
        claims: vec![claim(1, "3333"), claim(2, "2222"), claim(3, "2222")],
        ..Tx::new(at(0))
    };
    assert_eq!(commit(store, tx).await, Commit::Taken(2));
    assert_eq!(revision(store, &alert("a", None, "").key()).await, 0);
    assert_eq!(alias_of(store, "1").await, None);
    assert_eq!(try_claim(store, 0, claim(9, "1111")).await, None, "the old claim stands");
    assert_eq!(try_claim(store, 0, claim(9, "2222")).await, Some(0), "the new ones were not made");
    assert_eq!(try_claim(store, 0, claim(8, "3333")).await, Some(0));
}

async fn a_claim_sees_those_before_it(store: &dyn Store) {
    let d = door("1");
    let claim = |holder| wanted(0, 100, vec![one_pin(holder, &d, "1111"), one_pin(holder, &d, "2222")]);
    let tx = Tx { claims: vec![claim(1), claim(2)], ..Tx::new(at(0)) };
    assert_eq!(done(commit(store, tx).await).1, vec![0, 1]);
    let ends =
        join_all((10..20).map(|holder| try_claim(store, 0, wanted(0, 9, vec![one_pin(holder, &d, "5555")]))))
            .await;
    assert_eq!(ends.iter().flatten().count(), 1, "of concurrent claims one is granted");
}

async fn unread_rows_are_marked_read(store: &dyn Store) {
    for text in ["a", "a", "b", "a"] {
        arrive(store, 0, arrival(None, vec![(hint(text), stay(if text == "a" { 1 } else { 2 }))])).await;
    }
    let rows = unread(store, &grant_work(1)).await;
    let numbers: Vec<u64> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers.len(), 3);
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    write(store, 7, vec![Write::MarkRead { work: grant_work(1), up_to: numbers[1] }]).await;
    assert_eq!(unread(store, &grant_work(1)).await, rows[2..]);
    assert_eq!(unread(store, &grant_work(2)).await.len(), 1, "another key's rows stay unread");
    let read = store.inbox(&harbour(), None, 10).await.expect("inbox");
    let first = read.iter().find(|row| row.number == numbers[0]).expect("a read row is kept");
    assert_eq!((first.read_at, &first.event), (Some(at(7)), &rows[0].event));
    write(store, 9, vec![Write::MarkRead { work: grant_work(1), up_to: numbers[2] }]).await;
    assert_eq!(unread(store, &grant_work(1)).await, vec![]);
    let read = store.inbox(&harbour(), None, 10).await.expect("inbox");
    let first = read.iter().find(|row| row.number == numbers[0]).expect("a read row is kept");
    assert_eq!(first.read_at, Some(at(7)), "read once is read for good");
}

async fn the_inbox_is_paged(store: &dyn Store) {
    for minutes in 0..5 {
        arrive(store, minutes, arrival(None, vec![(hint("a"), stay(1))])).await;
    }
    let mut times = Vec::new();
    let mut before = None;
    loop {
        let page = store.inbox(&harbour(), before, 2).await.expect("inbox");
        assert!(page.len() <= 2 && times.len() <= 5, "pages without end");
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        times.extend(page.iter().map(|row| row.received_at));
    }
    assert_eq!(times, [4, 3, 2, 1, 0].map(at), "newest first, each once");
    assert!(store.inbox(&tenant("other"), None, 10).await.expect("inbox").is_empty());
}

async fn rows_of_a_stay(store: &dyn Store) {
    let d = door("1");
    let records = every_record();
    write(store, 0, records.iter().cloned().map(put).collect()).await;
    write(store, 0, vec![put(Record::Code(code(50, 2, &d))), put(alert("b", Some(2), ""))]).await;
    let rows = store.stay(&harbour(), &stay(1)).await.expect("stay");
    let mut found: Vec<_> = rows.iter().map(|row| row.record.key()).collect();
    let mut expected: Vec<_> =
        records.iter().filter(|record| record.stay() == Some(&stay(1))).map(Record::key).collect();
    assert_eq!(expected.len(), 7);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    // A row that goes over to another stay is found there.
    write(store, 0, vec![put(alert("b", Some(1), ""))]).await;
    assert_eq!(store.stay(&harbour(), &stay(1)).await.expect("stay").len(), 8);
    assert_eq!(store.stay(&harbour(), &stay(2)).await.expect("stay").len(), 1);
    write(store, 0, vec![Write::Delete(alert("b", None, "").key())]).await;
    assert_eq!(store.stay(&harbour(), &stay(1)).await.expect("stay").len(), 7);
}

async fn rows_are_paged(store: &dyn Store) {
    let ids = ["B", "a", "a-1", "a1", "b", "z/1", "ü"];
    write(store, 0, ids.iter().rev().map(|id| put(alert(id, None, ""))).collect()).await;
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.rows(Kind::Alert, &harbour(), after.as_deref(), 3).await.expect("rows");
        assert!(page.len() <= 3 && seen.len() <= ids.len(), "pages without end");
        let Some(last) = page.last() else { break };
        after = Some(last.record.key().id);
        seen.extend(page.into_iter().map(|row| row.record.key().id));
    }
    assert_eq!(seen, ids, "in the order of the ids' bytes, each once");
    assert_eq!(
        store.rows(Kind::Alert, &harbour(), Some("az"), 1).await.expect("rows")[0].record.key().id,
        "b"
    );
    assert!(store.rows(Kind::Alert, &harbour(), None, 0).await.expect("rows").is_empty());
}

async fn codes_on_a_door(store: &dyn Store) {
    let (d, other) = (door("1"), door("2"));
    let of = |number, state, door: &DoorKey| CodeRecord { state, ..code(number, 1, door) };
    let wanted_code = of(1, CodeState::Wanted, &d);
    let unwanted = of(2, CodeState::Unwanted, &d);
    let foreign = CodeRecord { tenant: tenant("other"), ..of(5, CodeState::Wanted, &d) };
    let records = [
        &wanted_code,
        &unwanted,
        &of(3, CodeState::Removed, &d),
        &of(4, CodeState::Wanted, &other),
        &foreign,
    ];
    write(store, 0, records.into_iter().cloned().map(|code| put(Record::Code(code))).collect()).await;
    let read = DoorReadRecord {
        tenant: harbour(),
        key: d.clone(),
        observed_at: None,
        complete: false,
        codes: vec![],
        failing: None,
    };
    write(store, 0, vec![put(Record::DoorRead(read))]).await;
    let on = async |door: &DoorKey| {
        let mut codes = store.codes_on(&harbour(), door).await.expect("codes_on");
        codes.sort_by(|one, next| one.id.cmp(&next.id));
        codes
    };
    assert_eq!(on(&d).await, vec![wanted_code.clone(), unwanted.clone()]);
    let mut ever = store.codes_ever_on(&harbour(), &d).await.expect("codes_ever_on");
    ever.sort_by(|one, next| one.id.cmp(&next.id));
    assert_eq!(ever, vec![wanted_code.clone(), unwanted.clone(), of(3, CodeState::Removed, &d)]);
    let moved = CodeRecord { key: other.clone(), ..unwanted };
    let removed = CodeRecord { state: CodeState::Removed, ..wanted_code };
    write(store, 0, vec![put(Record::Code(moved)), put(Record::Code(removed))]).await;
    assert_eq!((on(&d).await.len(), on(&other).await.len()), (0, 2));
}

async fn every_record_comes_back(store: &dyn Store) {
    let records = every_record();
    write(store, 0, records.iter().cloned().map(put).collect()).await;
    for kind in Kind::ALL {
        assert!(records.iter().any(|record| record.key().kind == kind), "{kind:?} is not in the suite");
    }
    for record in records {
        let row = get(store, &record.key()).await;
        assert_eq!(row, Some(Row { revision: 1, record: record.clone() }));
        let key = record.key();
        let rows = store.rows(key.kind, &key.tenant, None, 10).await.expect("rows");
        assert!(rows.iter().any(|row| row.record == record), "{key:?}");
    }
    // The same rows with nothing sealed in them.
    for record in [
        Record::Grant(GrantRecord { core: None, ..grant() }),
        Record::Code(CodeRecord { pins: None, name: String::new(), ..code(1, 1, &door("1")) }),
        Record::Message(MessageRecord { told: None, text: None, ..message() }),
        Record::Secret(SecretRecord { name: "token".to_owned(), tenant: harbour(), value: None, at: at(0) }),
    ] {
        write(store, 0, vec![put(record.clone())]).await;
        assert_eq!(get(store, &record.key()).await, Some(Row { revision: 2, record }));
    }
}

async fn the_audit_trail(store: &dyn Store) {
    let entry = |minutes: i64, of: Option<u32>, slug: &str| AuditEntry {
        at: at(minutes),
        tenant: tenant(slug),
        stay: of.map(stay),
        what: "code-created".to_owned(),
        detail: format!("n{minutes}"),
    };
    let entries = [
        entry(0, Some(1), "harbour"),
        entry(1, None, "harbour"),
        entry(2, Some(1), "harbour"),
        entry(3, Some(1), "other"),
    ];
    for entry in &entries {
        write(store, 5, vec![Write::Audit(entry.clone())]).await;
    }
    let page = async |of: Option<u32>, before, limit| {
        store.audit(&harbour(), of.map(stay).as_ref(), before, limit).await.expect("audit")
    };
    let read = async |of, limit| -> Vec<AuditEntry> {
        page(of, None, limit).await.into_iter().map(|row| row.entry).collect()
    };
    let [first, second, third, _] = entries;
    assert_eq!(read(None, 10).await, vec![third.clone(), second.clone(), first.clone()], "newest first");
    assert_eq!(read(Some(1), 10).await, vec![third.clone(), first.clone()]);
    assert_eq!(read(None, 1).await, vec![third.clone()]);
    assert_eq!(read(Some(2), 10).await, vec![]);
    for (of, expected) in [(None, vec![&third, &second, &first]), (Some(1), vec![&third, &first])] {
        let (mut pages, mut before) = (Vec::new(), None);
        while let Some(row) = page(of, before, 1).await.pop() {
            before = Some(row.number);
            pages.push(row.entry);
        }
        assert_eq!(pages.iter().collect::<Vec<_>>(), expected, "page by page, {of:?}");
    }
}

async fn purge_forgets(store: &dyn Store) {
    let d = door("1");
    let mut over = arrival(vendor_id("v"), vec![(hint("over"), stay(1))]);
    over.priority = Some(at(1));
    arrive(store, 0, over).await;
    let kept = || arrival(vendor_id("w"), vec![(hint("stays"), stay(2))]);
    arrive(store, 0, kept()).await;
    arrive(store, 0, arrival(None, vec![])).await;
    let fact = Event::Fact { id: "mail/1".to_owned(), payload: json!({"from": "a@b.example"}) };
    arrive(store, 0, arrival(None, vec![(fact, stay(4))])).await;
    arrive(store, 50, arrival(None, vec![])).await;
    let elsewhere = Arrival { tenant: tenant("other"), ..arrival(None, vec![(hint("over"), stay(1))]) };
    arrive(store, 0, elsewhere).await;
    let entry = |minutes: i64| {
        Write::Audit(AuditEntry {
            at: at(minutes),
            tenant: harbour(),
            stay: Some(stay(1)),
            what: "code-created".to_owned(),
            detail: String::new(),
        })
    };
    write(store, 50, vec![put(Record::Code(code(1, 1, &d))), put(Record::Code(code(2, 2, &d)))]).await;
    write(store, 50, vec![entry(0), entry(50), put(alert("free", None, ""))]).await;
    try_claim(store, 0, wanted(0, 1000, vec![one_pin(1, &d, "1111")])).await;

    let purged = store.purge(at(60), at(40), &[(harbour(), stay(1))]).await.expect("purge");
    assert_eq!((purged.records, purged.audit, purged.left), (2, 1, 0), "{purged:?}");
    assert!(store.stay(&harbour(), &stay(1)).await.expect("stay").is_empty());
    assert_eq!(alias_of(store, "over").await, None);
    assert_eq!(unread(store, &grant_work(1)).await, vec![]);
    assert!(store.work(None, 10).await.expect("work").iter().all(|row| row.work != grant_work(1)));
    let times: Vec<_> =
        store.inbox(&harbour(), None, 10).await.expect("inbox").iter().map(|row| row.received_at).collect();
    assert_eq!(times, vec![at(50), at(0)], "what is unread of other stays is kept");

    assert_eq!(store.stay(&harbour(), &stay(2)).await.expect("stay").len(), 2);
    assert_eq!(alias_of(store, "stays").await, Some(stay(2)));
    assert_eq!(store.stay(&tenant("other"), &stay(1)).await.expect("stay").len(), 1, "another tenant's");
    assert_eq!(revision(store, &alert("free", None, "").key()).await, 1);
    assert_eq!(store.audit(&harbour(), None, None, 10).await.expect("audit").len(), 1);
    let reuse = wanted(0, 1000, vec![one_pin(9, &d, "1111")]);
    assert_eq!(
        try_claim(store, 0, reuse).await,
        None,
        "digits stay in quarantine after their stay is forgotten"
    );
    assert!(arrive(store, 59, kept()).await.duplicate, "delivery ids are remembered for their time");
    let again = arrive(store, 60, arrival(None, vec![(hint("over"), stay(3))])).await;
    assert_eq!(again.bookings, vec![stay(3)], "it begins anew");
}

async fn purge_fences(store: &dyn Store) {
    arrive(store, 0, arrival(None, vec![(hint("a"), stay(1))])).await;
    let held = lease(store, 0, 100).await;
    // Its host's clock is behind.
    let purged = store.purge(at(100), at(0), &[(harbour(), stay(1))]).await.expect("purge");
    assert_eq!(purged.left, 0);
    assert_eq!(commit(store, Tx::under(at(1), &held)).await, Commit::Fenced);
    write(store, 2, vec![due(grant_work(1), 2, None)]).await;
    let again = lease(store, 2, 100).await;
    assert!(again.token > held.token, "an old token does not become good again");
    assert_eq!(commit(store, Tx::under(at(3), &held)).await, Commit::Fenced);
}

async fn what_arrives_beside_a_purge_is_not_lost(store: &dyn Store) {
    const STAYS: u32 = 40;
    const ANEW: u32 = 100;
    let name = |number: u32| format!("over-{number}");
    let told = |number: u32, of: u32| arrival(None, vec![(hint(&name(number)), stay(of))]);
    for number in 0..STAYS {
        arrive(store, 0, told(number, number)).await;
    }
    let held = leases(store, 0, 10, STAYS as usize).await;
    for lease in &held {
        finish(store, 1, lease, None, false).await;
    }
    let arriving = (0..STAYS).map(|number| async move {
        for _ in 0..8 {
            arrive(store, 2, told(number, number + ANEW)).await;
        }
    });
    let purging = (0..STAYS).map(|number| async move {
        store.purge(at(2), at(0), &[(harbour(), stay(number))]).await.expect("purge");
    });
    join(join_all(arriving), join_all(purging)).await;

    for number in 0..STAYS {
        let (name, old, new) = (name(number), grant_work(number), grant_work(number + ANEW));
        let row = store.work_row(&old).await.expect("work_row");
        let left =
            (unread(store, &old).await, store.stay(&harbour(), &stay(number)).await.expect("stay"), row);
        assert_eq!(left, (vec![], vec![], None), "{name}: nothing is told of a stay that is forgotten");
        let anew = unread(store, &new).await;
        let named = (!anew.is_empty()).then(|| stay(number + ANEW));
        assert_eq!(alias_of(store, &name).await, named, "{name}: what is told of a stay leads to it");
        write(store, 3, vec![due(old, 3, None)]).await;
    }
    for lease in leases(store, 3, 10, 1_000).await {
        let before = held.iter().find(|before| before.work == lease.work);
        assert!(
            before.is_none_or(|before| before.token < lease.token),
            "an old token does not become good again"
        );
    }
}

async fn purge_leaves_what_is_worked_on(store: &dyn Store) {
    let d = door("1");
    for number in 1..4 {
        arrive(store, 0, arrival(None, vec![(hint(&number.to_string()), stay(number))])).await;
    }
    let held = leases(store, 0, 10, 1).await.remove(0);
    let WorkKey::Grant(_, worked_on) = held.work.clone() else { panic!("{held:?}") };
    let stays: Vec<_> = (1..4).map(|number| (harbour(), stay(number))).collect();
    let purge = async |minutes: i64| store.purge(at(minutes), at(0), &stays).await.expect("purge");
    let purged = purge(9).await;
    assert_eq!((purged.records, purged.left), (2, 1), "the others go");
    assert_eq!(store.stay(&harbour(), &worked_on).await.expect("stay").len(), 1);
    assert_eq!(unread(store, &held.work).await.len(), 1);
    let made = CodeRecord { stay: worked_on.clone(), ..code(1, 1, &d) };
    done(commit(store, Tx { writes: vec![put(Record::Code(made))], ..Tx::under(at(9), &held) }).await);
    let purged = purge(10).await;
    assert_eq!((purged.records, purged.left), (2, 0), "at its end a lease is over");
    assert_eq!(store.work_row(&held.work).await.expect("work_row"), None);
}

async fn a_worker_beside_a_purge_leaves_nothing_behind(store: &dyn Store) {
    const STAYS: u32 = 60;
    let d = door("1");
    for number in 0..STAYS {
        arrive(store, 0, arrival(None, vec![(hint(&format!("over-{number}")), stay(number))])).await;
    }
    let held = leases(store, 0, 10, STAYS as usize).await;
    let worked = held.iter().zip(0..).map(|(lease, number)| {
        let WorkKey::Grant(_, of) = lease.work.clone() else { panic!("{lease:?}") };
        let made = CodeRecord { stay: of, ..code(number, 0, &d) };
        // The lease goes on: nothing of the key's row is changed.
        commit(store, Tx { writes: vec![put(Record::Code(made))], ..Tx::under(at(1), lease) })
    });
    // Every other time the lease is over by the clock of whoever purges.
    let sees_it_over = |number: u32| number.is_multiple_of(2);
    let purged = (0..STAYS).map(|number| async move {
        let now = at(if sees_it_over(number) { 20 } else { 1 });
        store.purge(now, at(0), &[(harbour(), stay(number))]).await.expect("purge")
    });
    let (worked, purged) = join(join_all(worked), join_all(purged)).await;
    let ends: BTreeMap<_, _> = held.iter().map(|lease| lease.work.clone()).zip(worked).collect();
    for (number, purged) in (0..STAYS).zip(purged) {
        let rows = store.stay(&harbour(), &stay(number)).await.expect("stay").len();
        let is_done = matches!(ends[&grant_work(number)], Commit::Done { .. });
        let end = (purged.left, purged.records, rows, is_done);
        if sees_it_over(number) {
            assert_eq!(end, (0, 1 + u64::from(is_done), 0, is_done), "{number}: before or after, but whole");
        } else {
            assert_eq!(end, (1, 0, 2, true), "{number}: whoever works on it is left alone");
        }
    }
}

fn booking(text: &str) -> Booking {
    let date = |day| NaiveDate::from_ymd_opt(2031, 5, day).expect("a date");
    Booking {
        reference: reference(text),
        unit: Some(UnitRef::parse("500001").expect("a unit")),
        unit_name: Some("Studio A".to_owned()),
        kind: BookingKind::Stay,
        status: BookingStatus::Confirmed,
        guest: Guest {
            name: Some("Zoë Żółć".to_owned()),
            phone: Some("+48600100200".to_owned()),
            email: None,
            language: Some("pl".to_owned()),
        },
        dates: Ok(StayDates::new(date(1), date(4)).expect("dates")),
        check_in: NaiveTime::from_hms_opt(15, 0, 0),
        check_out: None,
        revision: Some(Revision(7)),
    }
}

fn window() -> Window {
    let date =
        |day, hour| NaiveDate::from_ymd_opt(2031, 5, day).and_then(|date| date.and_hms_opt(hour, 0, 0));
    Window::new(date(1, 15).expect("a time"), date(4, 12).expect("a time"), Tz::Europe__Warsaw)
        .expect("a window")
}

fn grant() -> GrantRecord {
    GrantRecord {
        id: GrantId::parse(&id12(1)).expect("an id"),
        tenant: harbour(),
        stay: stay(1),
        unit: Some(UnitId::parse("studio-a").expect("an id")),
        unit_ref: Some(UnitRef::parse("500001").expect("a unit")),
        window: Some(window()),
        core: Some(pin("0042")),
        write_back: Some(WriteBackRecord {
            codes: vec![code_id(1)],
            at: at(1),
            written: false,
            attempts: 1,
            retry_at: Some(at(2)),
        }),
        created_at: at(0),
    }
}

fn code(number: u32, of: u32, door: &DoorKey) -> CodeRecord {
    CodeRecord {
        id: code_id(number),
        tenant: harbour(),
        stay: stay(of),
        grant: GrantId::parse(&id12(1)).expect("an id"),
        door: DoorId::parse("studio-a-door").expect("an id"),
        key: door.clone(),
        lock: integration("thekeys"),
        pins: Some(Pins { typed: pin("310042"), stored: pin("0042") }),
        vendor_id: Some(VendorCodeId::parse("8812").expect("an id")),
        known_ids: ["8811", "8812"].map(|id| VendorCodeId::parse(id).expect("an id")).to_vec(),
        name: "Zoë Ż.".to_owned(),
        note: "Smoobu#9001".to_owned(),
        window: window(),
        state: CodeState::Wanted,
        write: Some(WriteRecord {
            kind: WriteKind::Create,
            intended_at: at(1),
            ended_at: Some(at(2)),
            state: WriteState::Unknown,
            error: Some("time-out".to_owned()),
        }),
        attempts: 2,
        retry_at: Some(at(3)),
        proof: Proof::Listed,
        proof_at: at(2),
        missing_since: None,
        adopted: true,
        backup: true,
        pool_note: Some("Staykey#aaaaaaaaaaaa".to_owned()),
        by_staff: Some((window(), window())),
        created_at: at(0),
    }
}

fn message() -> MessageRecord {
    MessageRecord {
        id: MessageId::parse(&id12(1)).expect("an id"),
        tenant: harbour(),
        stay: stay(1),
        notifier: integration("sms"),
        kind: MessageKind::CodeReady,
        state: MessageState::Sent(Receipt { vendor_id: Some("sms-1".to_owned()) }),
        maybe_twice: true,
        attempts: 3,
        retry_at: Some(at(5)),
        intended_at: at(1),
        tried_at: at(1),
        ended_at: Some(at(2)),
        error: None,
        told: Some(Told {
            unit: UnitId::parse("studio-a").expect("an id"),
            start: window().start(),
            end: window().end(),
            codes: vec![ToldCode {
                door: DoorId::parse("studio-a-door").expect("an id"),
                code: code_id(1),
                typed: Some(pin("310042")),
            }],
        }),
        text: Some(MessageText {
            recipient: Recipient::Phone(PhoneNumber::parse("+48600100200").expect("a number")),
            subject: String::new(),
            body: "Dzień dobry, kod: 310042".to_owned(),
            language: "pl".to_owned(),
        }),
    }
}

/// A full record of each kind.
fn every_record() -> Vec<Record> {
    let key = door("1");
    let booking = BookingRecord {
        id: stay(1),
        tenant: harbour(),
        source: smoobu(),
        reference: reference("9001"),
        former: vec![reference("8001"), reference("8002")],
        booking: Some(booking("9001")),
        seen_at: Some(at(1)),
        deleted_at: Some(at(2)),
        absences: 3,
        not_found_since: Some(at(3)),
        contradicted_since: Some(at(4)),
        gone_at: Some(at(4)),
        cancelled_at: Some(at(5)),
        last_error: Some("time-out".to_owned()),
        standing: Some(Standing { door: DoorId::parse("studio-a-door").expect("an id"), number: 1 }),
        created_at: at(0),
    };
    let listed = ListedCode {
        id: VendorCodeId::parse("8812").expect("an id"),
        stored: Some(pin("0042")),
        name: "Zoë Ż.".to_owned(),
        note: "Smoobu#9001".to_owned(),
        start: Some(window().start()),
        end: None,
        active: true,
        proof: crate::lock::Proof::Listed,
    };
    let masked = ListedCode { stored: None, ..listed.clone() };
    let read = DoorReadRecord {
        tenant: harbour(),
        key: key.clone(),
        observed_at: Some(at(1)),
        complete: true,
        codes: vec![listed, masked],
        failing: Some((at(2), "time-out".to_owned())),
    };
    let source = SourceRecord {
        tenant: harbour(),
        name: smoobu(),
        complete_at: Some(at(1)),
        bookings: 12,
        failing: Some((at(2), "time-out".to_owned())),
        suspect_since: Some(at(1)),
        trusted_until: Some(at(9)),
        untold: vec![at(0), at(1)],
    };
    let fact = FactRecord {
        id: "sms/receipt-1".to_owned(),
        tenant: harbour(),
        stay: Some(stay(1)),
        at: at(1),
        payload: json!({ "status": "delivered", "n": [1, null, "ü"] }),
    };
    let secret = SecretRecord {
        name: "token".to_owned(),
        tenant: harbour(),
        value: Some(Secret::new("tok en\n")),
        at: at(1),
    };
    let brake = BrakeRecord {
        tenant: harbour(),
        budget: "source/smoobu".to_owned(),
        spent: vec![(code_id(1), at(1))],
        released_until: Some(at(9)),
    };
    let turns = TurnsRecord {
        tenant: harbour(),
        integration: smoobu(),
        line: "calls".to_owned(),
        booked_until: Some(at(2)),
        pause_until: None,
    };
    let plan = PlanRecord {
        plan: "abcdefghijkl".to_owned(),
        tenant: harbour(),
        stay: stay(1),
        made_at: at(1),
        expires_at: at(61),
        state: PlanState::Approved,
        steps: vec![PlannedStep {
            what: "create".to_owned(),
            door: Some(DoorId::parse("studio-a-door").expect("an id")),
            detail: "from noon".to_owned(),
            later: false,
        }],
        rests_on: std::collections::BTreeMap::from([("booking".to_owned(), "1".to_owned())]),
        moved: vec!["the booking".to_owned()],
        news: Some(News { source: smoobu(), booking: self::booking("9002") }),
        reissue: true,
        pins: vec![(
            DoorId::parse("studio-a-door").expect("an id"),
            Pins { typed: pin("310042"), stored: pin("0042") },
        )],
    };
    vec![
        Record::Booking(booking),
        Record::Grant(grant()),
        Record::Code(code(1, 1, &key)),
        Record::Message(message()),
        Record::DoorRead(read),
        alert("lock-offline/studio-a-door", Some(1), "…"),
        Record::Source(source),
        Record::Fact(fact),
        Record::Secret(secret),
        Record::Brake(brake),
        Record::Plan(plan),
        Record::Turns(turns),
    ]
}
