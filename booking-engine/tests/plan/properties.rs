//! What must hold of every plan.

use std::collections::{BTreeMap, BTreeSet};

use booking_core::store::{CodeRecord, CodeState, MessageState, Told};
use booking_core::{CodeId, CodeSpec, DoorId, DoorKey, ListedCode, Listing, Marker, Proof};
use booking_engine::Mode;
use booking_engine::plan::{Content, DoorView, Plan, Step, When};
use chrono::Duration;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::case::{Case, case};
use crate::scene::{Scene, marker};

/// A fixed seed and few cases, so that a run is a test; `STAYKEY_PLANS=SEED,CASES` looks further.
fn budget() -> ProptestConfig {
    let wanted = std::env::var("STAYKEY_PLANS").unwrap_or_default();
    let mut numbers = wanted.split(',').filter_map(|text| text.parse::<u32>().ok());
    let (seed, cases) = (numbers.next().unwrap_or(2027), numbers.next().unwrap_or(300));
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed.into()),
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(budget())]

    #[test]
    fn a_plan_comes_to_rest_and_stays_there(case in case()) {
        comes_to_rest(&case);
    }

    #[test]
    fn every_plan_on_the_way_keeps_the_promises(case in case()) {
        keeps_promises(&case);
    }

    #[test]
    fn no_step_is_idle(case in case()) {
        is_minimal(&case);
    }

    #[test]
    fn the_order_of_lists_does_not_matter(case in case()) {
        is_independent_of_order(&case);
    }

    #[test]
    fn less_knowledge_takes_nothing_away(case in case(), which in 0..4_usize, how in 0..6_usize) {
        is_monotone(&case, which, how);
    }
}

/// (a) Applying plans leads to rest in a few rounds, and a plan made from there changes nothing.
pub(crate) fn comes_to_rest(case: &Case) {
    let mut scene = Scene::new(case);
    let last = scene.settle(&|_| false, &mut |_, _| {});
    if last.next.is_some_and(|next| next <= scene.now) {
        // It said so itself: a place came free.
        scene.settle(&|_| false, &mut |_, _| {});
    }
    let again = scene.plan();
    // What the last plan decided, a look at the same reads may settle.
    scene.codes.clone_from(&again.codes);
    let again = scene.plan();
    assert_eq!(again.codes, scene.codes, "the ledger changes at rest");
    assert_eq!(again.ready().count(), 0, "steps at rest");
    tidy_end(&mut scene);
}

/// Once all that is waited for has come, nothing of ours is left that should not be there.
fn tidy_end(scene: &mut Scene) {
    let until = scene.now + Duration::days(40);
    let end = scene.pass(until, &mut |_, _| {});
    if !scene.full() || end.next.is_some() || !end.alerts.is_empty() {
        return;
    }
    let unwanted: Vec<_> =
        scene.plan().codes.into_iter().filter(|code| code.state == CodeState::Unwanted).collect();
    assert_eq!(unwanted, [], "a code that should be gone is left, with nobody to hear of it");
    for (key, codes) in &scene.truth {
        let ours = scene.codes.iter().filter(|code| code.key == *key && code.state != CodeState::Removed);
        let ids: BTreeSet<_> = ours.filter_map(|code| code.vendor_id.clone()).collect();
        let listed = scene.rules(key).listing != Listing::Nothing && &*key.device != "old";
        let marked = |listed: &&ListedCode| Marker::find_all(&listed.note) == [marker()];
        let left =
            codes.iter().filter(marked).filter(|code| !ids.contains(&code.id) && code.stored.is_some());
        let gap = scene.booking.booking.is_none() || !listed || scene.rules(key).listing == Listing::Masked;
        assert!(
            gap || left.count() == 0 || end.access.is_none(),
            "a code of ours that nobody knows on {key}"
        );
    }
}

/// (e), (f), (g): what no plan may hold, on the way and at rest, to the end of the stay.
pub(crate) fn keeps_promises(case: &Case) {
    let mut scene = Scene::new(case);
    let until = scene.now + Duration::days(40);
    scene.pass(until, &mut |scene, plan| {
        owns_what_it_touches(scene, plan);
        reads_before_it_writes(scene, plan);
        obeys_the_mode(scene, plan);
        tells_what_is_proven(scene, plan);
        makes_before_it_breaks(scene, plan);
        wakes_for_what_waits(scene, plan);
        writes_what_differs(scene, plan);
    });
}

/// The ledger entry and the new content of a write.
fn write(step: &Step) -> Option<(&CodeId, Option<&Content>)> {
    match step {
        Step::Create { code, content } | Step::Replace { code, content, .. } => Some((code, Some(content))),
        Step::Delete { code } => Some((code, None)),
        _ => None,
    }
}

fn entry<'p>(plan: &'p Plan, id: &CodeId) -> &'p CodeRecord {
    plan.codes.iter().find(|code| code.id == *id).expect("a step for a code that is not in the ledger")
}

fn owns_what_it_touches(scene: &Scene, plan: &Plan) {
    for (step, _) in &plan.steps {
        if let Step::Adopt { place, listed, .. } = step {
            assert_eq!(Marker::find_all(&listed.note), [marker()], "not ours alone");
            let same =
                |code: &&CodeRecord| code.key == place.key && code.vendor_id.as_ref() == Some(&listed.id);
            let known = scene.codes.iter().any(|code| same(&code));
            assert!(!known, "adopted twice");
        }
        let Some((id, _)) = write(step) else { continue };
        let code = entry(plan, id);
        let of_ours = scene.codes.iter().any(|known| known.id == code.id);
        let found = scene.truth[&code.key].iter().find(|listed| Some(&listed.id) == code.vendor_id.as_ref());
        let theirs = found.is_some_and(|listed| Marker::find_all(&listed.note) != [marker()]);
        assert!(of_ours && !theirs, "a stranger's code is touched");
    }
}

/// The keypads that a step writes to.
fn written(scene: &Scene, plan: &Plan, step: &Step) -> Vec<DoorKey> {
    match step {
        Step::Mint { codes, .. } => {
            codes.iter().map(|new| scene.tenant.doors[&new.door].door.key.clone()).collect()
        }
        _ => write(step).map(|(id, _)| entry(plan, id).key.clone()).into_iter().collect(),
    }
}

fn reads_before_it_writes(scene: &Scene, plan: &Plan) {
    for step in plan.ready() {
        for key in written(scene, plan, step) {
            if scene.rules(&key).listing == Listing::Nothing {
                continue;
            }
            let view = scene.views.get(&key).cloned().unwrap_or_default();
            let good = view.complete
                && view.failing.is_none()
                && view.observed_at.is_some_and(|at| scene.now - at <= scene.tenant.policy.door_read_max_age);
            assert!(good, "written to {key} without knowing it: {step:?}");
        }
    }
}

fn obeys_the_mode(scene: &Scene, plan: &Plan) {
    for (step, when) in &plan.steps {
        let ready = *when == When::Now;
        match scene.tenant.mode {
            Mode::Observe => {
                let harmless = matches!(step, Step::Read { .. } | Step::Weigh { .. });
                assert!(harmless || !ready, "done while only observing: {step:?}");
            }
            Mode::UpsertOnly => assert!(!matches!(step, Step::Delete { .. }), "a removal in upsert-only"),
            Mode::Full => {}
        }
    }
}

/// What a door must prove before the guest is told.
fn required(scene: &Scene, key: &DoorKey) -> Proof {
    let rules = scene.rules(key);
    let highest = match rules.listing {
        Listing::Nothing => Proof::Accepted,
        Listing::Codes | Listing::Masked => rules.highest_proof,
    };
    scene.tenant.policy.proof.min(highest)
}

fn is_proven(scene: &Scene, code: &CodeRecord) -> bool {
    code.state == CodeState::Wanted && code.proof >= required(scene, &code.key)
}

fn tells_what_is_proven(scene: &Scene, plan: &Plan) {
    for step in plan.ready() {
        let Step::Tell(tell) = step else { continue };
        let unit = scene.tenant.unit(&tell.told.unit).unwrap();
        let told: Vec<&DoorId> = tell.told.codes.iter().map(|told| &told.door).collect();
        assert_eq!(told, unit.doors.iter().collect::<Vec<_>>(), "not every door is told");
        for told in &tell.told.codes {
            let code = entry(plan, &told.code);
            assert!(is_proven(scene, code), "told before it is proven");
            assert_eq!(
                told.typed.as_ref(),
                code.pins.as_ref().map(|pins| &pins.typed),
                "other digits are told"
            );
        }
    }
}

fn digits(told: &Told) -> BTreeSet<(DoorId, String)> {
    let typed = told
        .codes
        .iter()
        .filter_map(|code| Some((code.door.clone(), code.typed.as_ref()?.expose().to_owned())));
    typed.collect()
}

/// A code that a guest may use goes only once each door has a proven one and the guest knows them.
fn makes_before_it_breaks(scene: &Scene, plan: &Plan) {
    let Some((unit, _)) = &plan.access else { return };
    let doors = &scene.tenant.unit(unit).map(|unit| unit.doors.clone()).unwrap_or_default();
    let yields = plan.notes.iter().any(|(what, _)| *what == "code-yields");
    for step in plan.ready() {
        let Step::Delete { code } = step else { continue };
        let stood = scene.codes.iter().any(|known| known.id == *code && known.state == CodeState::Wanted);
        if !stood || yields {
            continue;
        }
        let stands = |door: &DoorId| {
            plan.codes.iter().any(|other| other.id != *code && other.door == *door && is_proven(scene, other))
        };
        assert!(doors.iter().all(stands), "a code goes before its successor is proven");
        let heard = scene.messages.iter().rev().find(|message| {
            matches!(message.state, MessageState::Sent(_) | MessageState::Intended | MessageState::Unknown)
        });
        let channels = !scene.tenant.guest.names().is_empty();
        if let Some(told) = heard.and_then(|message| message.told.as_ref()).filter(|_| channels) {
            let present: BTreeSet<_> = plan
                .codes
                .iter()
                .filter(|other| other.id != *code && other.state == CodeState::Wanted)
                .filter_map(|other| {
                    Some((other.door.clone(), other.pins.as_ref()?.typed.expose().to_owned()))
                })
                .collect();
            assert!(digits(told).is_subset(&present), "a code goes before the guest knows the new one");
        }
    }
}

fn wakes_for_what_waits(scene: &Scene, plan: &Plan) {
    if plan.ready().next().is_some() || scene.tenant.mode == Mode::Observe {
        return;
    }
    let later = plan.steps.iter().any(|(_, when)| *when == When::Later);
    let doors = plan.access.as_ref().and_then(|(unit, _)| scene.tenant.unit(unit)).map(|unit| &unit.doors);
    let unproven = doors
        .into_iter()
        .flatten()
        .any(|door| !plan.codes.iter().any(|code| code.door == *door && is_proven(scene, code)));
    let heard = plan.next.is_some() || !plan.alerts.is_empty();
    assert!(heard || !(later || unproven), "something waits, and nobody looks again");
}

/// (b) No write for a code that a read made after its last write shows as it should be.
fn writes_what_differs(scene: &Scene, plan: &Plan) {
    for step in plan.ready() {
        let Some((id, Some(content))) = write(step) else { continue };
        let code = entry(plan, id);
        let Some(view) = scene.views.get(&code.key) else { continue };
        let end = code.write.as_ref().map(|write| write.ended_at.unwrap_or(write.intended_at));
        let later = end.is_none_or(|end| view.observed_at.is_some_and(|at| at > end));
        let Some(listed) = code.vendor_id.as_ref().and_then(|id| view.code(id)).filter(|_| later) else {
            continue;
        };
        let spec = CodeSpec {
            stored: code.pins.as_ref().unwrap().stored.clone(),
            name: content.name.clone(),
            note: content.note.clone(),
            window: content.window.clone(),
        };
        let (door, lock) = scene.tenant.at(&scene.tenant.place_of(code)).unwrap();
        let shows = lock.shows(&door, listed, &spec) && listed.name == content.name;
        assert!(!shows, "written although it is there: {step:?} {code:?}");
    }
}

/// What there is in the end: the keypads and what the guest was told.
type End = (BTreeMap<DoorKey, Vec<String>>, BTreeSet<String>, usize);

fn end(scene: &Scene) -> End {
    let line = |code: &ListedCode| {
        let digits = code.stored.as_ref().map(|pin| pin.expose().to_owned());
        format!("{digits:?} {} {} {:?} {:?} {}", code.name, code.note, code.start, code.end, code.active)
    };
    let lines = |codes: &Vec<ListedCode>| {
        let mut lines: Vec<_> = codes.iter().map(line).collect();
        lines.sort();
        lines
    };
    let truth = scene.truth.iter().map(|(key, codes)| (key.clone(), lines(codes))).collect();
    let sent = scene.messages.iter().filter(|message| message.told.is_some()).map(|message| {
        format!("{} {:?} {:?}", message.notifier, message.state, message.told.as_ref().map(digits))
    });
    let ledger = scene.codes.iter().filter(|code| code.state != CodeState::Removed).count();
    (truth, sent.collect(), ledger)
}

fn same_step(a: &Step, b: &Step) -> bool {
    match (a, b) {
        (Step::Tell(a), Step::Tell(b)) => a.notifier == b.notifier && digits(&a.told) == digits(&b.told),
        (Step::Mint { codes: a, .. }, Step::Mint { codes: b, .. }) => {
            a.iter().any(|new| b.iter().any(|other| new.door == other.door))
        }
        (Step::Adopt { listed: a, .. }, Step::Adopt { listed: b, .. }) => a.id == b.id,
        _ => match (write(a), write(b)) {
            (Some((a, content)), Some((b, other))) => a == b && content.is_some() == other.is_some(),
            _ => false,
        },
    }
}

/// (b) Without any one of the first writes or words the end is another.
pub(crate) fn is_minimal(case: &Case) {
    let mut first: Option<Vec<Step>> = None;
    let scene = Scene::new(case);
    let mut whole = scene.clone();
    whole.settle(&|_| false, &mut |_, plan| {
        // A keypad that shows nothing is written again where the outcome is open.
        let blind = |step: &Step| {
            written(&scene, plan, step).iter().any(|key| scene.rules(key).listing == Listing::Nothing)
        };
        let steps = plan.ready().filter(|step| same_step(step, step) && !blind(step));
        let steps: Vec<Step> = steps.cloned().collect();
        first = first.take().or(Some(steps).filter(|steps| !steps.is_empty()));
    });
    if !whole.plan().braked.is_empty() {
        // Of many removals the brake lets some through, whichever.
        return;
    }
    for step in first.into_iter().flatten() {
        let mut without = scene.clone();
        without.settle(&|other| same_step(&step, other), &mut |_, _| {});
        assert_ne!(end(&without), end(&whole), "idle: {step:?}");
    }
    at_most_one_code_a_door(&whole);
}

/// (b) A door ends with at most one code of the stay, unless something still waits.
fn at_most_one_code_a_door(scene: &Scene) {
    let plan = scene.plan();
    let waits = plan.steps.iter().any(|_| true) || !plan.alerts.is_empty();
    if !scene.full() || waits || !plan.braked.is_empty() {
        return;
    }
    let Some((unit, _)) = &plan.access else { return };
    for door in scene.tenant.unit(unit).map(|unit| &unit.doors).into_iter().flatten() {
        let wanted = |code: &&CodeRecord| code.door == *door && code.state == CodeState::Wanted;
        assert_eq!(plan.codes.iter().filter(wanted).count(), 1, "door {door}");
    }
}

/// (c) Lists in another order make the same plan.
pub(crate) fn is_independent_of_order(case: &Case) {
    let scene = Scene::new(case);
    let backwards = |view: &DoorView| {
        let mut codes = view.codes().to_vec();
        codes.reverse();
        let mut turned = DoorView::of(view.observed_at, view.complete, codes);
        turned.failing.clone_from(&view.failing);
        turned.retry_at = view.retry_at;
        turned.trouble = view.trouble;
        turned
    };
    let views = scene.views.iter().map(|(key, view)| (key.clone(), backwards(view))).collect();
    let mut rivals = scene.rivals();
    rivals.values_mut().for_each(|rivals| rivals.reverse());
    let turned = scene.plan_with(&views, &rivals, &scene.budgets);
    assert_eq!(turned, scene.plan());
}

/// What a plan takes away, overwrites or tells at once.
fn bold(plan: &Plan) -> Vec<&Step> {
    let bold = |step: &&Step| matches!(step, Step::Delete { .. } | Step::Replace { .. } | Step::Tell(_));
    plan.ready().filter(bold).collect()
}

/// (d) Whoever knows less does nothing bold that he would not do if he knew more. A read that refutes the ledger is
/// left out: who has not seen it goes by the ledger.
fn is_monotone(case: &Case, which: usize, how: usize) {
    let scene = Scene::new(case);
    let rich = scene.plan();
    let keys: Vec<DoorKey> = scene.views.keys().cloned().collect();
    let (mut views, mut rivals, mut budgets) = (scene.views.clone(), scene.rivals(), scene.budgets.clone());
    let Some(key) = keys.get(which % keys.len().max(1)) else { return };
    let view = views[key].clone();
    match how {
        0 => drop(views.remove(key)),
        1 => {
            let mut view = view;
            view.failing = Some((scene.now, "down".to_owned()));
            views.insert(key.clone(), view);
        }
        2 => {
            let half = view.codes()[..view.codes().len() / 2].to_vec();
            views.insert(key.clone(), DoorView::of(view.observed_at, false, half));
        }
        3 => {
            let hour = Duration::hours(1);
            let codes = view.codes().to_vec();
            views.insert(
                key.clone(),
                DoorView::of(view.observed_at.map(|at| at - hour), view.complete, codes),
            );
        }
        4 => {
            let masked =
                view.codes().iter().map(|listed| ListedCode { stored: None, ..listed.clone() }).collect();
            views.insert(key.clone(), DoorView::of(view.observed_at, view.complete, masked));
        }
        _ => {
            rivals.clear();
            budgets.clear();
        }
    }
    let poor = scene.plan_with(&views, &rivals, &budgets);
    if refutes(&rich, &poor) {
        return;
    }
    let known = bold(&rich);
    for step in bold(&poor) {
        assert!(known.iter().any(|other| same_step(step, other)), "only who knows less does {step:?}");
    }
}

/// Whether the richer plan has seen that something is not as the ledger has it.
fn refutes(rich: &Plan, poor: &Plan) -> bool {
    let yields = rich.notes.iter().any(|(what, _)| *what == "code-yields");
    let adopts =
        rich.steps.iter().any(|(step, _)| matches!(step, Step::Adopt { .. } | Step::LetStand { .. }));
    let fell = rich.codes.iter().zip(&poor.codes).any(|(seen, known)| {
        seen.proof < known.proof
            || seen.vendor_id != known.vendor_id
            || seen.state != known.state
            || seen.missing_since != known.missing_since
    });
    yields || adopts || fell
}
