//! The suite of [`LockProvider`].
//!
//! [`MemoryLock`](super::MemoryLock) passes it in this crate's own tests, which also show a whole harness.

use async_trait::async_trait;
use chrono::{Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _};

use super::report::{CaseResult, OrFail as _, Report, cases, ensure, fail, says_nothing_of, skip};
use super::trouble::{On, Trouble};
use crate::error::{Fault, Outcome, VendorError};
use crate::id::VendorCodeId;
use crate::lock::{CodeSpec, Door, DoorCodes, DoorRules, ListedCode, LockError, LockProvider};
use crate::marker::Marker;
use crate::secret::Pin;
use crate::window::Window;
use crate::world::Call;

/// The vendor's side, as far as the suite must move it. Every case gets a fresh one, so that it finds keypads without
/// codes and without trouble.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The adapter under test.
    fn provider(&self) -> &dyn LockProvider;

    /// The same adapter with credentials that the vendor refuses; `None` where there are none.
    fn refused_provider(&self) -> Option<&dyn LockProvider>;

    /// A keypad of the account.
    fn door(&self) -> Door;

    /// Another keypad of the account; on another lock, if there is one.
    fn other_door(&self) -> Option<Door>;

    /// A keypad that the account does not have.
    fn missing_door(&self) -> Door;

    /// The vendor's today.
    fn today(&self) -> NaiveDate;

    /// A call with time enough for retries, on the adapter's clock.
    fn call(&self) -> Call;

    /// Lets so much time pass that a read shows every accepted write.
    async fn let_settle(&self);

    /// Puts a code on the door as a person with the vendor's app would, with a name and without a marker.
    async fn put_foreign(&self, door: &Door);

    /// Fills the keypad, so that it takes no more codes; `false` where that cannot be played.
    async fn fill(&self, _door: &Door) -> bool {
        false
    }

    /// Makes the calls go wrong until [`mend`](Self::mend); `false` where that cannot be played.
    async fn plant(&self, trouble: Trouble, on: On) -> bool;

    /// Ends all trouble.
    async fn mend(&self);

    /// Texts that no error may hold: tokens and passwords.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Runs the whole suite, each case with a harness of its own.
pub async fn run<H: Harness>(make: impl Fn() -> H) -> Report {
    let mut report = Report::new("LockProvider");
    cases!(
        report,
        make,
        [
            an_empty_door_is_complete_and_empty,
            what_is_created_is_listed,
            a_changed_wish_is_not_shown,
            a_replaced_code_has_exactly_the_new_fields,
            a_replaced_code_loses_what_is_left_out,
            a_deleted_code_is_gone,
            a_second_delete_does_no_harm,
            an_unknown_code_is_not_replaced,
            codes_of_others_remain,
            markers_12_and_123_are_two_codes,
            names_are_kept_as_the_vendor_keeps_them,
            leading_zeros_are_kept,
            a_window_over_the_repeated_hour_is_kept,
            a_window_in_the_missing_hour_is_kept,
            a_long_window_is_kept,
            a_window_that_began_is_taken_as_the_rules_say,
            the_same_digits_twice_follow_the_rules,
            digits_against_the_rules_are_refused,
            a_full_keypad_says_so,
            doors_do_not_mix,
            a_lost_answer_to_a_create_leaves_the_outcome_open,
            a_lost_answer_to_a_replace_leaves_the_outcome_open,
            a_lost_answer_to_a_delete_leaves_the_outcome_open,
            a_write_without_an_answer_is_not_success,
            an_unreadable_answer_to_a_write_leaves_the_outcome_open,
            an_unreadable_list_is_never_empty,
            the_account_lists_its_doors,
            a_missing_door_is_an_error,
            the_check_passes,
            refused_credentials_are_said_so,
        ]
    );
    report
}

const NAME: &str = "Planted Guest";

fn planted<H: Harness>(harness: &H, specs: &[&CodeSpec]) -> Vec<String> {
    let mut planted = harness.secrets();
    planted.push(NAME.to_owned());
    // Three digits and fewer occur in every text.
    planted
        .extend(specs.iter().map(|spec| spec.stored.expose().to_owned()).filter(|digits| digits.len() > 3));
    planted
}

/// The n-th PIN that the rules allow; no two are equal.
fn pin(rules: &DoorRules, number: usize) -> CaseResult<Pin> {
    let digits = rules.digits.as_bytes();
    let mut found: Vec<Pin> = Vec::new();
    for seed in 0..10_000_usize {
        let mut rest = seed * 7919 + 4_813_177;
        let mut text = String::new();
        while text.len() < usize::from(rules.stored_len) && !digits.is_empty() {
            text.push(char::from(digits[rest % digits.len()]));
            rest /= digits.len();
        }
        let pin = Pin::parse(&text)?;
        if rules.allow(&pin) && !found.contains(&pin) {
            if found.len() == number {
                return Ok(pin);
            }
            found.push(pin);
        }
    }
    fail("the rules allow too few PINs")
}

fn local<H: Harness>(harness: &H, days: i64, hour: u32, minute: u32) -> NaiveDateTime {
    let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
    (harness.today() + Duration::days(days)).and_time(time)
}

fn spec<H: Harness>(harness: &H, number: usize, note: &str) -> CaseResult<CodeSpec> {
    let door = harness.door();
    let start = local(harness, 10 + i64::try_from(number).unwrap_or(0), 15, 0);
    Ok(CodeSpec {
        stored: pin(&harness.provider().rules(&door), number)?,
        name: format!("{NAME} {number}"),
        note: note.to_owned(),
        window: Window::new(start, start + Duration::minutes(3 * 24 * 60 - 4 * 60 + 17), door.zone)?,
    })
}

async fn complete<H: Harness>(harness: &H, door: &Door) -> CaseResult<Vec<ListedCode>> {
    harness.let_settle().await;
    let DoorCodes { complete, codes } =
        harness.provider().codes(harness.call(), door).await.or_fail("codes()")?;
    ensure!(complete, "codes() is incomplete without trouble");
    Ok(codes)
}

async fn create<H: Harness>(harness: &H, spec: &CodeSpec) -> CaseResult<VendorCodeId> {
    harness.provider().create(harness.call(), &harness.door(), spec).await.or_fail("create()")
}

async fn listed<H: Harness>(harness: &H, id: &VendorCodeId) -> CaseResult<ListedCode> {
    let codes = complete(harness, &harness.door()).await?;
    let mut ours: Vec<ListedCode> = codes.into_iter().filter(|code| code.id == *id).collect();
    match (ours.pop(), ours.is_empty()) {
        (Some(code), true) => Ok(code),
        (Some(_), false) => fail("one id is listed twice"),
        (None, _) => fail("the code is not listed"),
    }
}

/// What of a listed code differs from the wish; `shows()` alone would not say.
fn shown<H: Harness>(harness: &H, code: &ListedCode, spec: &CodeSpec) -> CaseResult {
    if harness.provider().shows(&harness.door(), code, spec) {
        return Ok(());
    }
    let (start, end) = spec.window.wall();
    let mut differing = Vec::new();
    if code.stored.as_ref().is_some_and(|stored| *stored != spec.stored) {
        differing.push("the digits".to_owned());
    }
    if (code.start, code.end) != (Some(start), Some(end)) {
        differing.push(format!("the times ({:?} to {:?}, not {start} to {end})", code.start, code.end));
    }
    if Marker::find_all(&code.note) != Marker::find_all(&spec.note) {
        differing.push("the note's markers".to_owned());
    }
    if code.name != spec.name {
        differing.push(format!(
            "the name ({} characters of {})",
            code.name.chars().count(),
            spec.name.chars().count()
        ));
    }
    if !code.active {
        differing.push("it is switched off".to_owned());
    }
    fail(format!("shows() says no; perhaps: {}", differing.join(", ")))
}

async fn created_and_shown<H: Harness>(harness: &H, spec: &CodeSpec) -> CaseResult<VendorCodeId> {
    let id = create(harness, spec).await?;
    shown(harness, &listed(harness, &id).await?, spec)?;
    Ok(id)
}

fn outcome(error: &LockError) -> Outcome {
    match error {
        LockError::Vendor(error) => error.outcome,
        _ => Outcome::NotApplied,
    }
}

async fn an_empty_door_is_complete_and_empty<H: Harness>(harness: &H) -> CaseResult {
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.is_empty(), "{} codes on a fresh door", codes.len());
    Ok(())
}

async fn what_is_created_is_listed<H: Harness>(harness: &H) -> CaseResult {
    let spec = spec(harness, 0, "Smoobu#9001")?;
    let id = created_and_shown(harness, &spec).await?;
    let code = listed(harness, &id).await?;
    let found = Marker::find_all(&code.note);
    ensure!(found == [Marker::new("Smoobu", "9001")?], "the note holds the markers {found:?}");
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.len() == 1, "one create(), {} codes", codes.len());
    Ok(())
}

async fn a_changed_wish_is_not_shown<H: Harness>(harness: &H) -> CaseResult {
    let spec = spec(harness, 0, "Smoobu#9001")?;
    let id = created_and_shown(harness, &spec).await?;
    let code = listed(harness, &id).await?;
    let hour = Duration::hours(1);
    let (start, end, zone) = (spec.window.start(), spec.window.end(), spec.window.zone());
    let rules = harness.provider().rules(&harness.door());
    let mut others = vec![
        ("note", CodeSpec { note: "Smoobu#900".to_owned(), ..spec.clone() }),
        ("start", CodeSpec { window: Window::new(start + hour, end, zone)?, ..spec.clone() }),
        ("end", CodeSpec { window: Window::new(start, end + hour, zone)?, ..spec.clone() }),
        (
            "end by a minute",
            CodeSpec { window: Window::new(start, end + Duration::minutes(1), zone)?, ..spec.clone() },
        ),
    ];
    if code.stored.is_some() {
        others.push(("digits", CodeSpec { stored: pin(&rules, 1)?, ..spec.clone() }));
    }
    for (what, other) in others {
        ensure!(
            !harness.provider().shows(&harness.door(), &code, &other),
            "shows() does not see another {what}"
        );
    }
    let off = ListedCode { active: false, ..code };
    ensure!(
        !harness.provider().shows(&harness.door(), &off, &spec),
        "shows() does not see that it is switched off"
    );
    Ok(())
}

async fn a_replaced_code_has_exactly_the_new_fields<H: Harness>(harness: &H) -> CaseResult {
    let (first, second) = (spec(harness, 0, "Smoobu#9001")?, spec(harness, 1, "Smoobu#9002")?);
    let id = created_and_shown(harness, &first).await?;
    let other = created_and_shown(harness, &spec(harness, 2, "Smoobu#9003")?).await?;
    let before = listed(harness, &other).await?;
    harness.provider().replace(harness.call(), &harness.door(), &id, &second).await.or_fail("replace()")?;
    let code = listed(harness, &id).await?;
    shown(harness, &code, &second)?;
    ensure!(!harness.provider().shows(&harness.door(), &code, &first), "the old fields are still shown");
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.len() == 2, "two codes became {}", codes.len());
    ensure!(codes.contains(&before), "the other code changed");
    // The same again is no change.
    harness
        .provider()
        .replace(harness.call(), &harness.door(), &id, &second)
        .await
        .or_fail("replace() again")?;
    shown(harness, &listed(harness, &id).await?, &second)
}

async fn a_replaced_code_loses_what_is_left_out<H: Harness>(harness: &H) -> CaseResult {
    let first = spec(harness, 0, "Smoobu#9001")?;
    let id = created_and_shown(harness, &first).await?;
    let bare = CodeSpec { note: String::new(), ..first };
    harness.provider().replace(harness.call(), &harness.door(), &id, &bare).await.or_fail("replace()")?;
    let code = listed(harness, &id).await?;
    let left = Marker::find_all(&code.note);
    ensure!(left.is_empty(), "the markers {left:?} of before are still there");
    shown(harness, &code, &bare)
}

async fn a_deleted_code_is_gone<H: Harness>(harness: &H) -> CaseResult {
    let id = created_and_shown(harness, &spec(harness, 0, "Smoobu#9001")?).await?;
    let other = created_and_shown(harness, &spec(harness, 1, "Smoobu#9002")?).await?;
    harness.provider().delete(harness.call(), &harness.door(), &id).await.or_fail("delete()")?;
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.iter().all(|code| code.id != id), "the deleted code is still listed");
    ensure!(codes.iter().any(|code| code.id == other), "the other code is gone too");
    Ok(())
}

async fn a_second_delete_does_no_harm<H: Harness>(harness: &H) -> CaseResult {
    let id = created_and_shown(harness, &spec(harness, 0, "Smoobu#9001")?).await?;
    let other = created_and_shown(harness, &spec(harness, 1, "Smoobu#9002")?).await?;
    harness.provider().delete(harness.call(), &harness.door(), &id).await.or_fail("delete()")?;
    harness.let_settle().await;
    match harness.provider().delete(harness.call(), &harness.door(), &id).await {
        Ok(()) | Err(LockError::NoSuchCode) => {}
        Err(error) => return fail(format!("the second delete(): {error}")),
    }
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.len() == 1 && codes[0].id == other, "the other code did not stay alone");
    Ok(())
}

async fn an_unknown_code_is_not_replaced<H: Harness>(harness: &H) -> CaseResult {
    let (first, second) = (spec(harness, 0, "Smoobu#9001")?, spec(harness, 1, "Smoobu#9002")?);
    let id = created_and_shown(harness, &first).await?;
    harness.provider().delete(harness.call(), &harness.door(), &id).await.or_fail("delete()")?;
    harness.let_settle().await;
    match harness.provider().replace(harness.call(), &harness.door(), &id, &second).await {
        Ok(()) => return fail("a code that is gone was replaced"),
        Err(error) => says_nothing_of(&error, &planted(harness, &[&first, &second]))?,
    }
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.is_empty(), "replacing a code that is gone made one");
    Ok(())
}

async fn codes_of_others_remain<H: Harness>(harness: &H) -> CaseResult {
    harness.put_foreign(&harness.door()).await;
    let before = complete(harness, &harness.door()).await?;
    ensure!(before.len() == 1, "one foreign code was put there, {} are listed", before.len());
    let foreign = &before[0];
    ensure!(Marker::find_all(&foreign.note).is_empty(), "the foreign code has a marker");
    let id = created_and_shown(harness, &spec(harness, 0, "Smoobu#9001")?).await?;
    ensure!(complete(harness, &harness.door()).await?.contains(foreign), "create() changed it");
    let changed = spec(harness, 1, "Smoobu#9001")?;
    harness.provider().replace(harness.call(), &harness.door(), &id, &changed).await.or_fail("replace()")?;
    ensure!(complete(harness, &harness.door()).await?.contains(foreign), "replace() changed it");
    harness.provider().delete(harness.call(), &harness.door(), &id).await.or_fail("delete()")?;
    let after = complete(harness, &harness.door()).await?;
    ensure!(after == before, "delete() changed it");
    Ok(())
}

async fn markers_12_and_123_are_two_codes<H: Harness>(harness: &H) -> CaseResult {
    let (short, long) = (spec(harness, 0, "Smoobu#12")?, spec(harness, 1, "Smoobu#123")?);
    let id = created_and_shown(harness, &short).await?;
    let other = created_and_shown(harness, &long).await?;
    ensure!(id != other, "two codes have one id");
    let codes = complete(harness, &harness.door()).await?;
    let marked = |reference: &str| -> Vec<&VendorCodeId> {
        let wanted = Marker::new("Smoobu", reference).ok();
        let holds = |code: &&ListedCode| Marker::find_all(&code.note).first() == wanted.as_ref();
        codes.iter().filter(holds).map(|code| &code.id).collect()
    };
    ensure!(marked("12") == [&id] && marked("123") == [&other], "the markers are mixed up");
    harness.provider().delete(harness.call(), &harness.door(), &id).await.or_fail("delete()")?;
    let left = complete(harness, &harness.door()).await?;
    ensure!(left.len() == 1 && left[0].id == other, "deleting 12 did not leave 123 alone");
    shown(harness, &left[0], &long)
}

async fn names_are_kept_as_the_vendor_keeps_them<H: Harness>(harness: &H) -> CaseResult {
    let names = [
        String::new(),
        "x".repeat(300),
        "żółw ".repeat(60),
        "Łukasz Żółć-O'Neill <b>&amp;</b> \"\\/%2B+;=[]{}".to_owned(),
        "王小明 🔑 مرحبا".to_owned(),
        "two\nlines\tand a tab".to_owned(),
    ];
    for (number, name) in (0..).zip(names) {
        let characters = name.chars().count();
        let spec = CodeSpec { name, ..spec(harness, number, &format!("Smoobu#{}", 9000 + number))? };
        if let Err(stop) = created_and_shown(harness, &spec).await {
            return fail(format!("name {number}, of {characters} characters: {stop:?}"));
        }
    }
    Ok(())
}

async fn leading_zeros_are_kept<H: Harness>(harness: &H) -> CaseResult {
    let rules = harness.provider().rules(&harness.door());
    let mut spec = spec(harness, 0, "Smoobu#9001")?;
    let zeros = |digits: &str| Pin::parse(&format!("00{}", digits.get(2..).unwrap_or_default()));
    spec.stored = zeros(spec.stored.expose())?;
    if !rules.allow(&spec.stored) {
        return skip("the rules do not allow a PIN that starts with zeros");
    }
    created_and_shown(harness, &spec).await?;
    Ok(())
}

/// The first local half hour of the coming year that the door's zone reads in this way.
fn odd_time<H: Harness>(harness: &H, odd: fn(&LocalResult<()>) -> bool) -> Option<NaiveDateTime> {
    let zone = harness.door().zone;
    let first = local(harness, 2, 0, 15);
    (0..400 * 48).map(|half_hours| first + Duration::minutes(30 * half_hours)).find(|at| {
        odd(&match zone.from_local_datetime(at) {
            LocalResult::Single(_) => LocalResult::Single(()),
            LocalResult::Ambiguous(..) => LocalResult::Ambiguous((), ()),
            LocalResult::None => LocalResult::None,
        })
    })
}

async fn kept_around<H: Harness>(harness: &H, odd: NaiveDateTime) -> CaseResult {
    let zone = harness.door().zone;
    let windows = [
        (odd - Duration::days(1), odd),
        (odd, odd + Duration::days(1)),
        (odd - Duration::hours(30), odd + Duration::hours(30)),
    ];
    for (number, (start, end)) in (0..).zip(windows) {
        let window = Window::new(start, end, zone)?;
        let spec = CodeSpec { window, ..spec(harness, number, &format!("Smoobu#{}", 9000 + number))? };
        if let Err(stop) = created_and_shown(harness, &spec).await {
            return fail(format!("from {start} to {end} in {zone}: {stop:?}"));
        }
    }
    Ok(())
}

async fn a_window_over_the_repeated_hour_is_kept<H: Harness>(harness: &H) -> CaseResult {
    match odd_time(harness, |reading| matches!(reading, LocalResult::Ambiguous(..))) {
        Some(odd) => kept_around(harness, odd).await,
        None => skip("the door's zone repeats no hour"),
    }
}

async fn a_window_in_the_missing_hour_is_kept<H: Harness>(harness: &H) -> CaseResult {
    match odd_time(harness, |reading| matches!(reading, LocalResult::None)) {
        Some(odd) => kept_around(harness, odd).await,
        None => skip("the door's zone leaves out no hour"),
    }
}

async fn a_long_window_is_kept<H: Harness>(harness: &H) -> CaseResult {
    let window = Window::new(local(harness, 1, 0, 0), local(harness, 500, 23, 59), harness.door().zone)?;
    created_and_shown(harness, &CodeSpec { window, ..spec(harness, 0, "Smoobu#9001")? }).await?;
    Ok(())
}

async fn a_window_that_began_is_taken_as_the_rules_say<H: Harness>(harness: &H) -> CaseResult {
    let window = Window::new(local(harness, -2, 15, 0), local(harness, 2, 11, 0), harness.door().zone)?;
    let spec = CodeSpec { window, ..spec(harness, 0, "Smoobu#9001")? };
    if harness.provider().rules(&harness.door()).past_start {
        created_and_shown(harness, &spec).await?;
        return Ok(());
    }
    match harness.provider().create(harness.call(), &harness.door(), &spec).await {
        Ok(_) => fail("the rules say that a start in the past is refused, but it was taken"),
        Err(error) => {
            ensure!(outcome(&error) == Outcome::NotApplied, "it was refused, but the outcome is open");
            says_nothing_of(&error, &planted(harness, &[&spec]))
        }
    }
}

async fn the_same_digits_twice_follow_the_rules<H: Harness>(harness: &H) -> CaseResult {
    let first = spec(harness, 0, "Smoobu#9001")?;
    let second = CodeSpec { stored: first.stored.clone(), ..spec(harness, 5, "Smoobu#9002")? };
    created_and_shown(harness, &first).await?;
    if harness.provider().rules(&harness.door()).same_pin_twice {
        created_and_shown(harness, &second).await?;
        let codes = complete(harness, &harness.door()).await?;
        ensure!(codes.len() == 2, "two create() with the same digits, {} codes", codes.len());
        return Ok(());
    }
    match harness.provider().create(harness.call(), &harness.door(), &second).await {
        Err(LockError::DuplicatePin) => {}
        Ok(_) => return fail("the rules say that it is refused, but it was taken"),
        Err(error) => return fail(format!("not DuplicatePin, but: {error}")),
    }
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.len() == 1, "it was refused, but there are {} codes", codes.len());
    Ok(())
}

async fn digits_against_the_rules_are_refused<H: Harness>(harness: &H) -> CaseResult {
    let good = spec(harness, 0, "Smoobu#9001")?;
    let long = CodeSpec { stored: Pin::parse(&format!("{}1", good.stored.expose()))?, ..good.clone() };
    if harness.provider().rules(&harness.door()).allow(&long.stored) {
        return skip("the rules allow any length");
    }
    match harness.provider().create(harness.call(), &harness.door(), &long).await {
        Ok(_) => return fail("the rules do not allow these digits, but they were taken"),
        Err(error) => {
            ensure!(outcome(&error) == Outcome::NotApplied, "they were refused, but the outcome is open");
            says_nothing_of(&error, &planted(harness, &[&long, &good]))?;
        }
    }
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.is_empty(), "they were refused, but there are {} codes", codes.len());
    Ok(())
}

async fn a_full_keypad_says_so<H: Harness>(harness: &H) -> CaseResult {
    if !harness.fill(&harness.door()).await {
        return skip("the harness cannot fill the keypad");
    }
    let before = complete(harness, &harness.door()).await?;
    match harness.provider().create(harness.call(), &harness.door(), &spec(harness, 0, "Smoobu#9001")?).await
    {
        Err(LockError::Full) => {}
        Ok(_) => return fail("the keypad is full, but took one more"),
        Err(error) => return fail(format!("not Full, but: {error}")),
    }
    let after = complete(harness, &harness.door()).await?;
    ensure!(before == after, "it was refused, but the codes changed");
    Ok(())
}

async fn doors_do_not_mix<H: Harness>(harness: &H) -> CaseResult {
    let Some(other) = harness.other_door() else { return skip("the account has one door only") };
    let here = spec(harness, 0, "Smoobu#9001")?;
    let there = CodeSpec {
        stored: pin(&harness.provider().rules(&other), 1)?,
        window: Window::new(here.window.start(), here.window.end(), other.zone)?,
        ..spec(harness, 1, "Smoobu#9002")?
    };
    let id = created_and_shown(harness, &here).await?;
    let other_id =
        harness.provider().create(harness.call(), &other, &there).await.or_fail("create() there")?;
    let codes_here = complete(harness, &harness.door()).await?;
    let codes_there = complete(harness, &other).await?;
    ensure!(codes_here.len() == 1 && codes_here[0].id == id, "this door lists {} codes", codes_here.len());
    ensure!(
        codes_there.len() == 1 && codes_there[0].id == other_id,
        "the other lists {} codes",
        codes_there.len()
    );
    ensure!(
        harness.provider().shows(&other, &codes_there[0], &there),
        "the other door's code is not as wanted"
    );
    Ok(())
}

/// Checks an error that leaves a write's outcome open.
fn open<H: Harness>(harness: &H, error: &LockError, specs: &[&CodeSpec]) -> CaseResult {
    ensure!(outcome(error) == Outcome::Unknown, "the outcome is said to be certain: {error}");
    says_nothing_of(error, &planted(harness, specs))
}

async fn a_lost_answer_to_a_create_leaves_the_outcome_open<H: Harness>(harness: &H) -> CaseResult {
    let spec = spec(harness, 0, "Smoobu#9001")?;
    if !harness.plant(Trouble::AnswerLost, On::Writes).await {
        return skip("the harness cannot play it");
    }
    match harness.provider().create(harness.call(), &harness.door(), &spec).await {
        Ok(_) => return fail("the answer was lost, but it says created"),
        Err(error) => open(harness, &error, &[&spec])?,
    }
    harness.mend().await;
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.len() == 1, "one create() whose answer was lost, {} codes", codes.len());
    shown(harness, &codes[0], &spec)
}

async fn a_lost_answer_to_a_replace_leaves_the_outcome_open<H: Harness>(harness: &H) -> CaseResult {
    let (first, second) = (spec(harness, 0, "Smoobu#9001")?, spec(harness, 1, "Smoobu#9001")?);
    let id = created_and_shown(harness, &first).await?;
    if !harness.plant(Trouble::AnswerLost, On::Writes).await {
        return skip("the harness cannot play it");
    }
    match harness.provider().replace(harness.call(), &harness.door(), &id, &second).await {
        Ok(()) => return fail("the answer was lost, but it says replaced"),
        Err(error) => open(harness, &error, &[&first, &second])?,
    }
    harness.mend().await;
    shown(harness, &listed(harness, &id).await?, &second)
}

async fn a_lost_answer_to_a_delete_leaves_the_outcome_open<H: Harness>(harness: &H) -> CaseResult {
    let spec = spec(harness, 0, "Smoobu#9001")?;
    let id = created_and_shown(harness, &spec).await?;
    if !harness.plant(Trouble::AnswerLost, On::Writes).await {
        return skip("the harness cannot play it");
    }
    match harness.provider().delete(harness.call(), &harness.door(), &id).await {
        Ok(()) => return fail("the answer was lost, but it says deleted"),
        Err(error) => open(harness, &error, &[&spec])?,
    }
    harness.mend().await;
    let codes = complete(harness, &harness.door()).await?;
    ensure!(codes.is_empty(), "the delete was done, but {} codes are listed", codes.len());
    Ok(())
}

async fn a_write_without_an_answer_is_not_success<H: Harness>(harness: &H) -> CaseResult {
    let (first, second) = (spec(harness, 0, "Smoobu#9001")?, spec(harness, 1, "Smoobu#9002")?);
    let id = created_and_shown(harness, &first).await?;
    for trouble in [Trouble::NoAnswer, Trouble::ServerError] {
        if !harness.plant(trouble, On::Writes).await {
            harness.mend().await;
            continue;
        }
        let (provider, door) = (harness.provider(), harness.door());
        let results = [
            ("create", provider.create(harness.call(), &door, &second).await.map(drop)),
            ("replace", provider.replace(harness.call(), &door, &id, &second).await),
            ("delete", provider.delete(harness.call(), &door, &id).await),
        ];
        for (what, result) in results {
            match result {
                Ok(()) => return fail(format!("{what}(): {trouble:?} was taken for success")),
                Err(LockError::NoSuchCode) => {
                    return fail(format!("{what}(): {trouble:?} was taken for NoSuchCode"));
                }
                Err(error) => says_nothing_of(&error, &planted(harness, &[&first, &second]))?,
            }
        }
        harness.mend().await;
        let codes = complete(harness, &harness.door()).await?;
        ensure!(codes.len() == 1, "nothing was done, but {} codes are listed", codes.len());
        shown(harness, &codes[0], &first)?;
    }
    Ok(())
}

async fn an_unreadable_answer_to_a_write_leaves_the_outcome_open<H: Harness>(harness: &H) -> CaseResult {
    let (first, second) = (spec(harness, 0, "Smoobu#9001")?, spec(harness, 1, "Smoobu#9002")?);
    let id = created_and_shown(harness, &first).await?;
    let mut played = false;
    for trouble in [Trouble::Html, Trouble::CutOff] {
        if !harness.plant(trouble, On::Writes).await {
            harness.mend().await;
            continue;
        }
        played = true;
        let (provider, door) = (harness.provider(), harness.door());
        let results = [
            ("create", provider.create(harness.call(), &door, &second).await.map(drop)),
            ("replace", provider.replace(harness.call(), &door, &id, &second).await),
            ("delete", provider.delete(harness.call(), &door, &id).await),
        ];
        for (what, result) in results {
            match result {
                Ok(()) => return fail(format!("{what}(): {trouble:?} was taken for success")),
                Err(error) => open(harness, &error, &[&first, &second])?,
            }
        }
        harness.mend().await;
    }
    if played { Ok(()) } else { skip("the harness can play no trouble") }
}

async fn an_unreadable_list_is_never_empty<H: Harness>(harness: &H) -> CaseResult {
    let spec = spec(harness, 0, "Smoobu#9001")?;
    let id = created_and_shown(harness, &spec).await?;
    let mut played = false;
    for trouble in [Trouble::NoAnswer, Trouble::Html, Trouble::CutOff, Trouble::Null, Trouble::ServerError] {
        if harness.plant(trouble, On::Reads).await {
            played = true;
            match harness.provider().codes(harness.call(), &harness.door()).await {
                Ok(DoorCodes { complete: true, codes }) => {
                    let shown = codes.iter().any(|code| code.id == id);
                    ensure!(shown, "{trouble:?} was taken for a complete list of {} codes", codes.len());
                }
                Ok(DoorCodes { complete: false, .. }) => {}
                Err(LockError::Vendor(error)) => of_a_read(harness, &error, &spec)?,
                Err(error) => return fail(format!("{trouble:?} was taken for: {error}")),
            }
            if let Err(error) = harness.provider().check(harness.call()).await {
                of_a_read(harness, &error, &spec)?;
            }
        }
        harness.mend().await;
    }
    listed(harness, &id).await?;
    if played { Ok(()) } else { skip("the harness can play no trouble") }
}

fn of_a_read<H: Harness>(harness: &H, error: &VendorError, spec: &CodeSpec) -> CaseResult {
    ensure!(error.outcome == Outcome::NotApplied, "the outcome of a read is {:?}", error.outcome);
    says_nothing_of(error, &planted(harness, &[spec]))
}

async fn the_account_lists_its_doors<H: Harness>(harness: &H) -> CaseResult {
    let doors = harness.provider().doors(harness.call()).await.or_fail("doors()")?;
    for door in [Some(harness.door()), harness.other_door()].into_iter().flatten() {
        let found = doors.iter().filter(|found| found.key == door.key).count();
        ensure!(found == 1, "a door of the account is listed {found} times");
    }
    let missing = harness.missing_door().key;
    ensure!(
        doors.iter().all(|found| found.key != missing),
        "a door is listed that the account does not have"
    );
    Ok(())
}

async fn a_missing_door_is_an_error<H: Harness>(harness: &H) -> CaseResult {
    let (provider, door) = (harness.provider(), harness.missing_door());
    let listed = provider.codes(harness.call(), &door).await;
    ensure!(!listed.is_ok_and(|listed| listed.complete), "codes() of a missing door is a complete list");
    let spec = spec(harness, 0, "Smoobu#9001")?;
    match provider.create(harness.call(), &door, &spec).await {
        Ok(_) => fail("create() on a missing door succeeded"),
        Err(error) => says_nothing_of(&error, &planted(harness, &[&spec])),
    }
}

async fn the_check_passes<H: Harness>(harness: &H) -> CaseResult {
    harness.provider().check(harness.call()).await.or_fail("check()")
}

async fn refused_credentials_are_said_so<H: Harness>(harness: &H) -> CaseResult {
    let Some(refused) = harness.refused_provider() else { return skip("the vendor knows no credentials") };
    let spec = spec(harness, 0, "Smoobu#9001")?;
    let door = harness.door();
    let results = [
        ("check", refused.check(harness.call()).await.map_err(LockError::from)),
        ("codes", refused.codes(harness.call(), &door).await.map(drop)),
        ("create", refused.create(harness.call(), &door, &spec).await.map(drop)),
    ];
    for (what, result) in results {
        match result {
            Ok(()) => return fail(format!("{what}() succeeded")),
            Err(LockError::Vendor(error)) => {
                ensure!(error.fault == Fault::Credentials, "{what}(): the fault is {:?}", error.fault);
                of_a_read(harness, &error, &spec)?;
            }
            Err(error) => return fail(format!("{what}(): {error}")),
        }
    }
    Ok(())
}
