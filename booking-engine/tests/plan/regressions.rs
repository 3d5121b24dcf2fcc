//! Plans that were once wrong, as the smallest cases that show it.

use booking_core::store::{CodeState, WriteKind, WriteState};
use booking_core::{Listing, Proof};
use booking_engine::Mode;

use crate::case::{
    Case, CodeCase, DoorCase, MessageCase, StayCase, Stranger, TenantCase, There, Told, ViewCase,
};
use crate::properties::{comes_to_rest, is_independent_of_order, is_minimal, keeps_promises};

fn door() -> DoorCase {
    DoorCase {
        listing: Listing::Codes,
        highest: Proof::Listed,
        settle: 0,
        capacity: None,
        look_ahead: None,
        past_start: true,
        whole_days: false,
        length: 4,
        view: ViewCase::Complete { ago: 0 },
        strangers: Vec::new(),
        rivals: Vec::new(),
    }
}

/// A stay of one night behind one door, a day before it begins, with these codes.
pub(crate) fn case(codes: Vec<CodeCase>) -> Case {
    Case {
        stay: StayCase {
            told: Told::Confirmed,
            season: 1,
            nights: 1,
            check_in: (15, 0),
            check_out: (12, 0),
            doors: 1,
            clock: -1442,
            grant: 1,
            reachable: true,
            reissued_ago: None,
            cancelled_ago: 0,
        },
        tenant: TenantCase {
            mode: Mode::Full,
            first_only: false,
            channels: 1,
            proof: Proof::Listed,
            tell_before: None,
            adopt_drift: false,
            remove_in_house: false,
            write_back: false,
            retired: false,
            allowed: 3,
            weighed: false,
            found: false,
        },
        doors: [door(), door(), door(), door()],
        codes,
        messages: Vec::new(),
    }
}

pub(crate) fn code(kind: WriteKind, state: WriteState, proof: Proof) -> CodeCase {
    CodeCase {
        door: 0,
        state: CodeState::Wanted,
        write: Some((kind, state, 5)),
        proof,
        has_id: true,
        digits: 0,
        window: 0,
        retry_in: None,
        attempts: 0,
        adopted: false,
        missing_ago: None,
        there: There::AsWritten,
    }
}

fn check(case: &Case) {
    comes_to_rest(case);
    keeps_promises(case);
    is_minimal(case);
    is_independent_of_order(case);
}

#[test]
fn a_delete_that_did_not_last_is_no_reason_to_write_the_same_again() {
    check(&case(vec![code(WriteKind::Delete, WriteState::Applied, Proof::Listed)]));
}

#[test]
fn a_code_missed_once_and_wanted_again_after_a_delete_is_not_read_for_ever() {
    let mut case = case(vec![CodeCase {
        missing_ago: Some(0),
        ..code(WriteKind::Delete, WriteState::Applied, Proof::Listed)
    }]);
    case.doors[0].settle = 8;
    check(&case);
}

#[test]
fn one_listed_code_stands_for_one_entry() {
    let mut case = case(vec![
        CodeCase { has_id: false, ..code(WriteKind::Create, WriteState::Unknown, Proof::Requested) },
        CodeCase {
            has_id: false,
            window: 1,
            ..code(WriteKind::Create, WriteState::Intended, Proof::Requested)
        },
    ]);
    case.doors[0].listing = Listing::Masked;
    check(&case);
}

#[test]
fn twins_are_adopted_in_one_order() {
    let mut case = case(Vec::new());
    case.doors[0].strangers = vec![Stranger::OursTwice];
    check(&case);
}

#[test]
fn who_only_observes_has_nothing_to_do_at_once() {
    let mut case = case(Vec::new());
    case.tenant.mode = Mode::Observe;
    check(&case);
}

#[test]
fn upsert_only_takes_no_code_off_for_a_move_or_a_sooner_arrival() {
    let mut case = case(vec![code(WriteKind::Create, WriteState::Applied, Proof::Listed)]);
    case.tenant.mode = Mode::UpsertOnly;
    case.stay.clock = -10_000;
    case.doors[0].capacity = Some(1);
    case.doors[0].rivals = vec![(60, false)];
    check(&case);
    case.stay.told = Told::Elsewhere;
    check(&case);
}

#[test]
fn a_code_on_a_retired_keypad_does_not_come_back() {
    let mut case = case(vec![CodeCase {
        door: 4,
        state: CodeState::Removed,
        ..code(WriteKind::Create, WriteState::Applied, Proof::Listed)
    }]);
    case.tenant.retired = true;
    check(&case);
}

#[test]
fn other_digits_are_made_even_where_an_earlier_code_was_about_to_go() {
    let mut case = case(vec![CodeCase {
        state: CodeState::Unwanted,
        ..code(WriteKind::Create, WriteState::Applied, Proof::Listed)
    }]);
    case.stay.reissued_ago = Some(0);
    check(&case);
}

#[test]
fn a_write_that_a_partial_list_does_not_show_is_looked_for_again() {
    let mut case = case(vec![CodeCase {
        has_id: false,
        there: There::Nothing,
        ..code(WriteKind::Create, WriteState::Intended, Proof::Requested)
    }]);
    case.doors[0].view = ViewCase::Partial { ago: 0 };
    check(&case);
}

#[test]
fn the_booking_is_written_into_what_is_told_and_not_what_is_about_to_go() {
    let mut case = case(vec![CodeCase {
        door: 1,
        write: None,
        has_id: false,
        ..code(WriteKind::Create, WriteState::Applied, Proof::Requested)
    }]);
    case.codes[0].retry_in = Some(1);
    case.stay =
        StayCase { season: 0, nights: 0, check_in: (2, 30), check_out: (15, 0), grant: 0, ..case.stay };
    case.tenant.write_back = true;
    case.tenant.proof = Proof::Accepted;
    case.messages =
        vec![MessageCase { channel: 0, state: 0, tells: 0, retry_in: None, attempts: 0, maybe_twice: false }];
    comes_to_rest(&case);
}

#[test]
fn a_code_that_the_last_read_missed_is_looked_for_before_it_is_taken_off() {
    let seen = CodeCase {
        write: None,
        adopted: true,
        there: There::Nothing,
        ..code(WriteKind::Create, WriteState::Applied, Proof::Listed)
    };
    let never_written = CodeCase { adopted: false, has_id: false, proof: Proof::Requested, ..seen.clone() };
    let mut case = case(vec![seen, never_written]);
    case.stay.clock = 1300;
    check(&case);
}

#[test]
fn a_kept_code_that_was_to_go_is_held_against_the_read_before_it_is_written() {
    let mut case = case(vec![CodeCase {
        state: CodeState::Unwanted,
        has_id: false,
        ..code(WriteKind::Create, WriteState::Intended, Proof::Requested)
    }]);
    (case.stay.told, case.stay.clock) = (Told::Cancelled, 600);
    check(&case);
}
