//! The suite of [`BookingSource`].
//!
//! ```text
//! #[test]
//! fn conformance() {
//!     let report = block_on(booking_source::run(MyHarness::new));
//!     report.assert_passed();
//!     assert_eq!(report.skipped(), ["a_bad_entry_does_not_spoil_the_list"]);
//! }
//! ```
//!
//! [`MemorySource`](super::MemorySource) passes it in this crate's own tests, which also show a whole harness.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{Duration, NaiveDate, NaiveTime};

use super::report::{CaseResult, OrFail as _, Report, cases, ensure, fail, says_nothing_of, skip};
use super::trouble::{On, Trouble};
use crate::booking::{Booking, BookingKind, BookingStatus, Guest, StayDates};
use crate::error::{Fault, Outcome, VendorError};
use crate::id::{ExternalId, UnitRef};
use crate::marker::Marker;
use crate::secret::Pin;
use crate::source::{BookingSource, Cursor, DateRange, Lookup, WriteBack, WrittenBack};
use crate::world::Call;

/// A booking as the suite wants it at the vendor's side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wanted {
    /// What is let; one of [`Harness::units`].
    pub unit: UnitRef,
    /// Stay or block; blocks are only asked for where [`Harness::has_blocks`].
    pub kind: BookingKind,
    /// The days.
    pub dates: StayDates,
    /// Who stays.
    pub guest: Guest,
    /// The agreed check-in time; only set where [`Harness::has_times`].
    pub check_in: Option<NaiveTime>,
    /// The agreed check-out time; only set where [`Harness::has_times`].
    pub check_out: Option<NaiveTime>,
}

/// The vendor's side, as far as the suite must move it. Every case gets a fresh one, so that it finds an account
/// without bookings and without trouble.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The adapter under test.
    fn source(&self) -> &dyn BookingSource;

    /// The same adapter for the same account with credentials that the vendor refuses; `None` where there are none.
    fn refused_source(&self) -> Option<&dyn BookingSource>;

    /// The vendor's today.
    fn today(&self) -> NaiveDate;

    /// A call with time enough for retries, on the adapter's clock.
    fn call(&self) -> Call;

    /// At least two units of the account.
    fn units(&self) -> Vec<UnitRef>;

    /// Whether the vendor has owners' blocks.
    fn has_blocks(&self) -> bool;

    /// Whether the vendor's bookings have check-in and check-out times.
    fn has_times(&self) -> bool;

    /// How many bookings fill one page; `None` where the vendor never pages.
    fn page_size(&self) -> Option<usize>;

    /// A reference of the vendor's usual form that it has never given out.
    fn unknown_reference(&self) -> ExternalId;

    /// References of the vendor's usual forms, for the marker cases: short, long, and one the beginning of another.
    fn sample_references(&self) -> Vec<ExternalId>;

    /// Makes a booking.
    async fn make(&self, wanted: &Wanted) -> ExternalId;

    /// Changes all of a booking.
    async fn change(&self, reference: &ExternalId, wanted: &Wanted);

    /// Cancels a booking.
    async fn cancel(&self, reference: &ExternalId);

    /// Removes a booking for good; `false` where the vendor never does.
    async fn delete(&self, reference: &ExternalId) -> bool;

    /// Adds an entry to the vendor's list, in the days that the suite asks for, that no adapter can read; `false`
    /// where that cannot be played.
    async fn plant_bad_entry(&self) -> bool {
        false
    }

    /// Makes the calls go wrong until [`mend`](Self::mend); `false` where that cannot be played.
    async fn plant(&self, trouble: Trouble, on: On) -> bool;

    /// Ends all trouble.
    async fn mend(&self);

    /// Whether the guest of a booking can now read these digits at the vendor's side; `None` where that cannot be
    /// seen.
    async fn shows_code(&self, _reference: &ExternalId, _typed: &Pin) -> Option<bool> {
        None
    }

    /// Texts that no error may hold: keys and passwords.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Runs the whole suite, each case with a harness of its own.
pub async fn run<H: Harness>(make: impl Fn() -> H) -> Report {
    let mut report = Report::new("BookingSource");
    cases!(
        report,
        make,
        [
            a_booking_is_found_as_it_was_made,
            check_in_times_are_local_and_unchanged,
            a_changed_booking_is_found_changed,
            a_moved_booking_names_its_new_unit,
            a_cancelled_booking_is_cancelled_not_missing,
            a_deleted_booking_is_not_found,
            an_unknown_reference_is_not_found,
            an_odd_reference_finds_nothing,
            an_empty_account_is_complete_and_empty,
            guests_in_the_house_are_listed,
            the_edges_of_the_range_are_listed,
            cancelled_bookings_are_listed,
            blocks_are_listed_as_blocks,
            bookings_that_look_alike_are_all_listed,
            every_page_is_walked,
            a_lost_page_is_an_error,
            a_bad_entry_does_not_spoil_the_list,
            an_unreadable_answer_is_an_error,
            trouble_ends_with_its_cause,
            markers_come_back_as_their_reference,
            markers_of_others_are_not_ours,
            a_write_back_says_what_became_of_it,
            the_check_passes,
            refused_credentials_are_said_so,
        ]
    );
    report
}

const NAME: &str = "Zażółć Gęślą-O'Neill";
const PHONE: &str = "+48500600701";
const EMAIL: &str = "planted.guest@mail.example";

fn planted<H: Harness>(harness: &H) -> Vec<String> {
    let mut planted = harness.secrets();
    planted.extend([NAME, PHONE, EMAIL].map(str::to_owned));
    planted
}

fn wanted<H: Harness>(harness: &H, arrives_in: i64, nights: i64) -> CaseResult<Wanted> {
    let Some(unit) = harness.units().first().cloned() else { return fail("the harness has no units") };
    let arrival = harness.today() + Duration::days(arrives_in);
    Ok(Wanted {
        unit,
        kind: BookingKind::Stay,
        dates: StayDates::new(arrival, arrival + Duration::days(nights))?,
        guest: Guest {
            name: Some(NAME.to_owned()),
            phone: Some(PHONE.to_owned()),
            email: Some(EMAIL.to_owned()),
            language: Some("de".to_owned()),
        },
        check_in: None,
        check_out: None,
    })
}

fn range<H: Harness>(harness: &H) -> DateRange {
    DateRange { departing_from: harness.today(), arriving_until: harness.today() + Duration::days(400) }
}

fn differs(booking: &Booking, reference: &ExternalId, wanted: &Wanted) -> Option<&'static str> {
    if booking.reference != *reference {
        return Some("the reference");
    }
    if booking.unit.as_ref() != Some(&wanted.unit) {
        return Some("the unit");
    }
    if booking.kind != wanted.kind {
        return Some("the kind");
    }
    if booking.dates != Ok(wanted.dates) {
        return Some("the dates");
    }
    if booking.check_in != wanted.check_in && wanted.check_in.is_some() {
        return Some("the check-in time");
    }
    if booking.check_out != wanted.check_out && wanted.check_out.is_some() {
        return Some("the check-out time");
    }
    if wanted.kind == BookingKind::Stay {
        if booking.guest.name != wanted.guest.name {
            return Some("the guest's name");
        }
        if booking.guest.phone != wanted.guest.phone {
            return Some("the guest's phone");
        }
        if booking.guest.email != wanted.guest.email {
            return Some("the guest's e-mail address");
        }
        if booking.guest.language != wanted.guest.language {
            return Some("the guest's language");
        }
    }
    None
}

async fn found<H: Harness>(harness: &H, reference: &ExternalId) -> CaseResult<Booking> {
    match harness.source().booking(harness.call(), reference).await.or_fail("booking()")? {
        Lookup::Found(booking) => {
            ensure!(
                booking.status == BookingStatus::Confirmed,
                "found, but its status is {:?}",
                booking.status
            );
            Ok(*booking)
        }
        Lookup::Cancelled(_) => fail("a booking that holds was looked up as cancelled"),
        Lookup::NotFound => fail("a booking that exists was not found"),
    }
}

struct Walk {
    pages: usize,
    bookings: BTreeMap<ExternalId, Booking>,
    bad: usize,
}

/// Follows all pages.
async fn walk<H: Harness>(harness: &H) -> CaseResult<Walk> {
    let mut walk = Walk { pages: 0, bookings: BTreeMap::new(), bad: 0 };
    let mut from: Option<Cursor> = None;
    let mut seen = BTreeSet::new();
    loop {
        let page =
            harness.source().page(harness.call(), range(harness), from.as_ref()).await.or_fail("page()")?;
        walk.pages += 1;
        for item in page.items {
            match item {
                Ok(booking) => {
                    let reference = booking.reference.clone();
                    let twice = walk.bookings.insert(reference.clone(), booking).is_some();
                    ensure!(!twice, "{reference} is listed twice although nothing changed during the read");
                }
                Err(_) => walk.bad += 1,
            }
        }
        let Some(next) = page.next else { return Ok(walk) };
        ensure!(seen.insert(next.0.clone()), "the pages go round in a circle");
        from = Some(next);
    }
}

async fn a_booking_is_found_as_it_was_made<H: Harness>(harness: &H) -> CaseResult {
    let wanted = wanted(harness, 10, 3)?;
    let reference = harness.make(&wanted).await;
    let booking = found(harness, &reference).await?;
    if let Some(what) = differs(&booking, &reference, &wanted) {
        return fail(format!("booking(): {what} is not as it was made"));
    }
    let walk = walk(harness).await?;
    let Some(listed) = walk.bookings.get(&reference) else { return fail("it is not listed") };
    match differs(listed, &reference, &wanted) {
        Some(what) => fail(format!("page(): {what} is not as it was made")),
        None => Ok(()),
    }
}

async fn check_in_times_are_local_and_unchanged<H: Harness>(harness: &H) -> CaseResult {
    if !harness.has_times() {
        return skip("the vendor's bookings have no times");
    }
    let mut wanted = wanted(harness, 10, 3)?;
    // Around midnight, where every mistaken conversion changes the day too.
    wanted.check_in = NaiveTime::from_hms_opt(23, 30, 0);
    wanted.check_out = NaiveTime::from_hms_opt(0, 30, 0);
    let reference = harness.make(&wanted).await;
    match differs(&found(harness, &reference).await?, &reference, &wanted) {
        Some(what) => fail(format!("{what} is not as it was made")),
        None => Ok(()),
    }
}

async fn a_changed_booking_is_found_changed<H: Harness>(harness: &H) -> CaseResult {
    let before = wanted(harness, 10, 3)?;
    let reference = harness.make(&before).await;
    let earlier = found(harness, &reference).await?;
    let mut after = wanted(harness, 9, 5)?;
    after.guest.phone = Some("+48500600702".to_owned());
    harness.change(&reference, &after).await;
    let later = found(harness, &reference).await?;
    if let Some(what) = differs(&later, &reference, &after) {
        return fail(format!("{what} is not as it was changed"));
    }
    if let (Some(earlier), Some(later)) = (earlier.revision, later.revision) {
        ensure!(earlier <= later, "the revision fell from {earlier:?} to {later:?}");
    }
    let walk = walk(harness).await?;
    ensure!(walk.bookings.len() == 1, "{} bookings are listed after one was changed", walk.bookings.len());
    Ok(())
}

async fn a_moved_booking_names_its_new_unit<H: Harness>(harness: &H) -> CaseResult {
    let mut moved = wanted(harness, 10, 3)?;
    let reference = harness.make(&moved).await;
    let Some(unit) = harness.units().get(1).cloned() else { return fail("the harness has only one unit") };
    moved.unit = unit;
    harness.change(&reference, &moved).await;
    match differs(&found(harness, &reference).await?, &reference, &moved) {
        Some(what) => fail(format!("{what} is not as it was changed")),
        None => Ok(()),
    }
}

async fn a_cancelled_booking_is_cancelled_not_missing<H: Harness>(harness: &H) -> CaseResult {
    let reference = harness.make(&wanted(harness, 10, 3)?).await;
    harness.cancel(&reference).await;
    match harness.source().booking(harness.call(), &reference).await.or_fail("booking()")? {
        Lookup::Cancelled(booking) => {
            ensure!(booking.reference == reference, "another booking was found");
            ensure!(
                booking.status == BookingStatus::Cancelled,
                "cancelled, but its status is {:?}",
                booking.status
            );
            Ok(())
        }
        Lookup::Found(_) => fail("a cancelled booking was looked up as one that holds"),
        Lookup::NotFound => fail("a cancelled booking was not found"),
    }
}

async fn a_deleted_booking_is_not_found<H: Harness>(harness: &H) -> CaseResult {
    let reference = harness.make(&wanted(harness, 10, 3)?).await;
    let other = harness.make(&wanted(harness, 20, 3)?).await;
    if !harness.delete(&reference).await {
        return skip("the vendor never deletes");
    }
    let lookup = harness.source().booking(harness.call(), &reference).await.or_fail("booking()")?;
    ensure!(lookup == Lookup::NotFound, "a deleted booking was found");
    let walk = walk(harness).await?;
    ensure!(!walk.bookings.contains_key(&reference), "a deleted booking is listed");
    ensure!(walk.bookings.contains_key(&other), "the other booking is not listed");
    Ok(())
}

async fn an_unknown_reference_is_not_found<H: Harness>(harness: &H) -> CaseResult {
    harness.make(&wanted(harness, 10, 3)?).await;
    let lookup =
        harness.source().booking(harness.call(), &harness.unknown_reference()).await.or_fail("booking()")?;
    ensure!(lookup == Lookup::NotFound, "a booking was found under a reference that was never given out");
    Ok(())
}

async fn an_odd_reference_finds_nothing<H: Harness>(harness: &H) -> CaseResult {
    let reference = harness.make(&wanted(harness, 10, 3)?).await;
    let odd = [
        "..",
        "../../admin",
        "a/b",
        "?x=1",
        "%2e%2e",
        "#",
        "'--",
        &format!("{reference}/"),
        &format!("{reference}?x=1"),
        &format!("x/../{reference}"),
        &"9".repeat(128),
    ]
    .map(ExternalId::parse);
    for reference in odd {
        let reference = reference?;
        match harness.source().booking(harness.call(), &reference).await {
            Ok(Lookup::NotFound) | Err(_) => {}
            Ok(_) => return fail(format!("a booking was found under {reference}")),
        }
    }
    Ok(())
}

async fn an_empty_account_is_complete_and_empty<H: Harness>(harness: &H) -> CaseResult {
    let walk = walk(harness).await?;
    ensure!(walk.bookings.is_empty(), "{} bookings in a fresh account", walk.bookings.len());
    ensure!(walk.bad == 0, "{} unreadable entries in a fresh account", walk.bad);
    Ok(())
}

async fn guests_in_the_house_are_listed<H: Harness>(harness: &H) -> CaseResult {
    let long = harness.make(&wanted(harness, -60, 65)?).await;
    let mut other = wanted(harness, -1, 2)?;
    other.unit = harness.units().get(1).cloned().unwrap_or(other.unit);
    let short = harness.make(&other).await;
    let walk = walk(harness).await?;
    ensure!(walk.bookings.contains_key(&long), "a guest who came 60 days ago and stays is not listed");
    ensure!(walk.bookings.contains_key(&short), "a guest who came yesterday is not listed");
    Ok(())
}

async fn the_edges_of_the_range_are_listed<H: Harness>(harness: &H) -> CaseResult {
    let leaves_today = harness.make(&wanted(harness, -2, 2)?).await;
    let arrives_today = harness.make(&wanted(harness, 0, 1)?).await;
    let arrives_last = harness.make(&wanted(harness, 400, 7)?).await;
    let walk = walk(harness).await?;
    ensure!(
        walk.bookings.contains_key(&leaves_today),
        "who leaves on the first day of the range is not listed"
    );
    ensure!(
        walk.bookings.contains_key(&arrives_today),
        "who arrives on the first day of the range is not listed"
    );
    ensure!(
        walk.bookings.contains_key(&arrives_last),
        "who arrives on the last day of the range is not listed"
    );
    Ok(())
}

async fn cancelled_bookings_are_listed<H: Harness>(harness: &H) -> CaseResult {
    let cancelled = harness.make(&wanted(harness, 10, 3)?).await;
    let holds = harness.make(&wanted(harness, 20, 3)?).await;
    harness.cancel(&cancelled).await;
    let walk = walk(harness).await?;
    let status = |reference: &ExternalId| walk.bookings.get(reference).map(|booking| booking.status);
    let seen = status(&cancelled);
    ensure!(seen == Some(BookingStatus::Cancelled), "a cancelled booking is listed as {seen:?}");
    let seen = status(&holds);
    ensure!(seen == Some(BookingStatus::Confirmed), "a booking that holds is listed as {seen:?}");
    Ok(())
}

async fn blocks_are_listed_as_blocks<H: Harness>(harness: &H) -> CaseResult {
    if !harness.has_blocks() {
        return skip("the vendor has no blocks");
    }
    let mut block = wanted(harness, 10, 3)?;
    block.kind = BookingKind::Block;
    let reference = harness.make(&block).await;
    let stay = harness.make(&wanted(harness, 20, 3)?).await;
    let walk = walk(harness).await?;
    let kind = |reference: &ExternalId| walk.bookings.get(reference).map(|booking| booking.kind);
    let seen = kind(&reference);
    ensure!(seen == Some(BookingKind::Block), "a block is listed as {seen:?}");
    let seen = kind(&stay);
    ensure!(seen == Some(BookingKind::Stay), "a stay is listed as {seen:?}");
    let asked = found(harness, &reference).await?.kind;
    ensure!(asked == BookingKind::Block, "a block is looked up as {asked:?}");
    Ok(())
}

async fn bookings_that_look_alike_are_all_listed<H: Harness>(harness: &H) -> CaseResult {
    let first = wanted(harness, 10, 3)?;
    let mut made = vec![harness.make(&first).await];
    // The same guest in the next flat on the same days, and again right after.
    let mut twin = first.clone();
    twin.unit = harness.units().get(1).cloned().unwrap_or(twin.unit);
    made.push(harness.make(&twin).await);
    made.push(harness.make(&wanted(harness, 13, 3)?).await);
    let walk = walk(harness).await?;
    for reference in &made {
        ensure!(
            walk.bookings.contains_key(reference),
            "one of {} bookings that look alike is missing",
            made.len()
        );
    }
    Ok(())
}

async fn every_page_is_walked<H: Harness>(harness: &H) -> CaseResult {
    let Some(size) = harness.page_size() else { return skip("the vendor does not page") };
    // Two full pages and a bit; then exactly on the edge, where a last page that is full is easily lost.
    let mut made = BTreeSet::new();
    for (days, count) in [(0, 2 * size + 1), (2 * i64::try_from(size).unwrap_or(0) + 1, size - 1)] {
        for night in 0..i64::try_from(count).unwrap_or(0) {
            // Two units share the nights, so that many bookings fit into the range.
            let mut wanted = wanted(harness, (days + night) / 2, 1)?;
            if night % 2 == 1 {
                wanted.unit = harness.units().get(1).cloned().unwrap_or(wanted.unit);
            }
            made.insert(harness.make(&wanted).await);
        }
        let walk = walk(harness).await?;
        ensure!(walk.pages > 2, "{} bookings came in {} pages", made.len(), walk.pages);
        ensure!(
            made.iter().eq(walk.bookings.keys()),
            "of {} bookings {} are listed",
            made.len(),
            walk.bookings.len()
        );
    }
    Ok(())
}

async fn a_lost_page_is_an_error<H: Harness>(harness: &H) -> CaseResult {
    let Some(size) = harness.page_size() else { return skip("the vendor does not page") };
    for night in 0..i64::try_from(size).unwrap_or(0) + 2 {
        harness.make(&wanted(harness, night, 1)?).await;
    }
    let first = harness.source().page(harness.call(), range(harness), None).await.or_fail("page()")?;
    let Some(next) = first.next else { return fail("one page only, although more than one is full") };
    let mut played = false;
    for trouble in UNREADABLE {
        if harness.plant(trouble, On::Reads).await {
            played = true;
            let second = harness.source().page(harness.call(), range(harness), Some(&next)).await;
            ensure!(second.is_err(), "the second page is {trouble:?} and was taken for a page");
        }
        harness.mend().await;
    }
    if played { Ok(()) } else { skip("the harness can play no trouble") }
}

async fn a_bad_entry_does_not_spoil_the_list<H: Harness>(harness: &H) -> CaseResult {
    let before = harness.make(&wanted(harness, 10, 3)?).await;
    if !harness.plant_bad_entry().await {
        return skip("the harness cannot plant a bad entry");
    }
    let after = harness.make(&wanted(harness, 20, 3)?).await;
    let walk = walk(harness).await?;
    ensure!(walk.bad == 1, "one entry is bad, {} are reported so", walk.bad);
    ensure!(walk.bookings.contains_key(&before), "the entry before the bad one is lost");
    ensure!(walk.bookings.contains_key(&after), "the entry after the bad one is lost");
    Ok(())
}

const UNREADABLE: [Trouble; 5] =
    [Trouble::NoAnswer, Trouble::Html, Trouble::CutOff, Trouble::Null, Trouble::ServerError];

fn honest<H: Harness>(harness: &H, error: &VendorError) -> CaseResult {
    ensure!(error.outcome == Outcome::NotApplied, "the outcome of a read is {:?}", error.outcome);
    says_nothing_of(error, &planted(harness))
}

async fn an_unreadable_answer_is_an_error<H: Harness>(harness: &H) -> CaseResult {
    let reference = harness.make(&wanted(harness, 10, 3)?).await;
    let mut played = false;
    for trouble in UNREADABLE {
        if harness.plant(trouble, On::Reads).await {
            played = true;
            match harness.source().booking(harness.call(), &reference).await {
                Ok(Lookup::NotFound) => {
                    return fail(format!("booking(): {trouble:?} was taken for NotFound"));
                }
                Ok(_) => return fail(format!("booking(): {trouble:?} was taken for an answer")),
                Err(error) => honest(harness, &error)?,
            }
            match harness.source().page(harness.call(), range(harness), None).await {
                Ok(page) => {
                    return fail(format!("page(): {trouble:?} was taken for a page of {}", page.items.len()));
                }
                Err(error) => honest(harness, &error)?,
            }
            if let Err(error) = harness.source().check(harness.call()).await {
                honest(harness, &error)?;
            }
        }
        harness.mend().await;
    }
    if played { Ok(()) } else { skip("the harness can play no trouble") }
}

async fn trouble_ends_with_its_cause<H: Harness>(harness: &H) -> CaseResult {
    let reference = harness.make(&wanted(harness, 10, 3)?).await;
    if !harness.plant(Trouble::CutOff, On::Reads).await {
        return skip("the harness cannot play it");
    }
    let lookup = harness.source().booking(harness.call(), &reference).await;
    ensure!(lookup.is_err(), "an answer that breaks off was taken for one");
    harness.mend().await;
    found(harness, &reference).await?;
    Ok(())
}

async fn markers_come_back_as_their_reference<H: Harness>(harness: &H) -> CaseResult {
    let mut references = harness.sample_references();
    references.push(harness.make(&wanted(harness, 10, 3)?).await);
    references.push(ExternalId::parse("12")?);
    references.push(ExternalId::parse("123")?);
    references.push(ExternalId::parse(&"7".repeat(128))?);
    references.sort();
    references.dedup();
    let mut markers: BTreeMap<Marker, ExternalId> = BTreeMap::new();
    for reference in references {
        let marker = harness.source().marker(&reference);
        ensure!(
            marker == harness.source().marker(&reference),
            "the marker of {reference} is not always the same"
        );
        let Some(marker) = marker else { continue };
        let back = harness.source().marked(&marker);
        ensure!(back.as_ref() == Some(&reference), "{reference} became {marker} and came back as {back:?}");
        let text = format!("late, {marker}; see notes");
        ensure!(Marker::find_all(&text) == [marker.clone()], "{marker} is not found in a text");
        if let Some(other) = markers.insert(marker.clone(), reference.clone()) {
            return fail(format!("{other} and {reference} have the same marker {marker}"));
        }
    }
    ensure!(!markers.is_empty(), "no reference at all has a marker");
    Ok(())
}

async fn markers_of_others_are_not_ours<H: Harness>(harness: &H) -> CaseResult {
    let reference = harness.make(&wanted(harness, 10, 3)?).await;
    let Some(marker) = harness.source().marker(&reference) else {
        return fail("a booking's reference does not fit into a marker");
    };
    for word in ["Staykey", "Nobody", "X", &marker.word().to_lowercase(), &format!("{}x", marker.word())] {
        if word == marker.word() {
            continue;
        }
        let Ok(foreign) = Marker::new(word, "12") else { continue };
        ensure!(
            harness.source().marked(&foreign).is_none(),
            "{foreign} was taken for a marker of this source"
        );
    }
    Ok(())
}

async fn a_write_back_says_what_became_of_it<H: Harness>(harness: &H) -> CaseResult {
    let reference = harness.make(&wanted(harness, 10, 3)?).await;
    let pin = Pin::parse("314159")?;
    let codes =
        WriteBack { reference: reference.clone(), codes: vec![("Front door".to_owned(), pin.clone())] };
    let written = harness.source().write_back(harness.call(), &codes).await.or_fail("write_back()")?;
    let shown = harness.shows_code(&reference, &pin).await;
    match written {
        WrittenBack::Written => ensure!(shown != Some(false), "written, but the guest cannot read it"),
        WrittenBack::Unsupported | WrittenBack::CannotUpdate => {
            ensure!(shown != Some(true), "{written:?}, but the guest can read it");
            return skip(format!("the first write-back is {written:?}"));
        }
    }
    let second = harness.source().write_back(harness.call(), &codes).await.or_fail("write_back() again")?;
    ensure!(second != WrittenBack::Unsupported, "supported once and then no more");
    // An answer that is lost leaves the outcome open, and no error holds the digits.
    if harness.plant(Trouble::AnswerLost, On::Writes).await {
        let changed = Pin::parse("271828")?;
        let codes = WriteBack { reference, codes: vec![("Front door".to_owned(), changed.clone())] };
        match harness.source().write_back(harness.call(), &codes).await {
            Ok(WrittenBack::Written) => return fail("the answer is lost, but it says written"),
            Ok(_) => {}
            Err(error) => {
                ensure!(
                    error.outcome == Outcome::Unknown,
                    "the answer is lost, but the outcome is {:?}",
                    error.outcome
                );
                let mut planted = planted(harness);
                planted.extend([pin, changed].map(|pin| pin.expose().to_owned()));
                says_nothing_of(&error, &planted)?;
            }
        }
    }
    Ok(())
}

async fn the_check_passes<H: Harness>(harness: &H) -> CaseResult {
    harness.source().check(harness.call()).await.or_fail("check()")
}

async fn refused_credentials_are_said_so<H: Harness>(harness: &H) -> CaseResult {
    let reference = harness.make(&wanted(harness, 10, 3)?).await;
    let Some(refused) = harness.refused_source() else { return skip("the vendor knows no credentials") };
    let mut errors = Vec::new();
    match refused.check(harness.call()).await {
        Ok(()) => return fail("check() passed"),
        Err(error) => errors.push(error),
    }
    match refused.booking(harness.call(), &reference).await {
        Ok(_) => return fail("booking() answered"),
        Err(error) => errors.push(error),
    }
    match refused.page(harness.call(), range(harness), None).await {
        Ok(_) => return fail("page() answered"),
        Err(error) => errors.push(error),
    }
    for error in errors {
        ensure!(error.fault == Fault::Credentials, "the fault is {:?}", error.fault);
        honest(harness, &error)?;
    }
    Ok(())
}
