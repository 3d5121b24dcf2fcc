//! Situations as they are drawn and shrunk: small numbers and words, from which [`Scene::new`](crate::scene::Scene::new)
//! builds records.

use booking_core::store::{CodeState, WriteKind, WriteState};
use booking_core::{Listing, Proof};
use booking_engine::Mode;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// A whole situation. Times are minutes.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) stay: StayCase,
    pub(crate) tenant: TenantCase,
    /// Lobby, flat, roof, barn; the first `stay.doors` are the unit's own.
    pub(crate) doors: [DoorCase; 4],
    pub(crate) codes: Vec<CodeCase>,
    pub(crate) messages: Vec<MessageCase>,
}

#[derive(Clone, Debug)]
pub(crate) struct StayCase {
    pub(crate) told: Told,
    /// Which season: clocks go forward, none, clocks go back.
    pub(crate) season: usize,
    pub(crate) nights: u64,
    pub(crate) check_in: (u32, u32),
    pub(crate) check_out: (u32, u32),
    pub(crate) doors: usize,
    /// The clock, after access begins.
    pub(crate) clock: i64,
    /// What the grant says: nothing, this unit, another unit.
    pub(crate) grant: usize,
    pub(crate) reachable: bool,
    pub(crate) reissued_ago: Option<i64>,
    pub(crate) cancelled_ago: i64,
}

/// What the source tells of the stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Confirmed,
    Cancelled,
    Gone,
    NotFound,
    Block,
    NoDates,
    Unmapped,
    Doorless,
    NeverSeen,
    Elsewhere,
    Standing,
}

#[derive(Clone, Debug)]
pub(crate) struct TenantCase {
    pub(crate) mode: Mode,
    pub(crate) first_only: bool,
    pub(crate) channels: usize,
    pub(crate) proof: Proof,
    pub(crate) tell_before: Option<i64>,
    pub(crate) adopt_drift: bool,
    pub(crate) remove_in_house: bool,
    pub(crate) write_back: bool,
    pub(crate) retired: bool,
    /// What the brake allows, and whether that was looked up already.
    pub(crate) allowed: usize,
    pub(crate) weighed: bool,
    pub(crate) found: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct DoorCase {
    pub(crate) listing: Listing,
    pub(crate) highest: Proof,
    pub(crate) settle: i64,
    pub(crate) capacity: Option<usize>,
    pub(crate) look_ahead: Option<i64>,
    pub(crate) past_start: bool,
    pub(crate) whole_days: bool,
    pub(crate) length: u8,
    pub(crate) view: ViewCase,
    pub(crate) strangers: Vec<Stranger>,
    /// Codes of other stays: when they open, and whether they have a place.
    pub(crate) rivals: Vec<(i64, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewCase {
    Complete { ago: i64 },
    Partial { ago: i64 },
    Failing { ago: i64, retry_in: i64 },
    None,
}

/// A code that is not in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    Unmarked,
    Foreign,
    TwoMarkers,
    Ours,
    OursTwice,
    OursMasked,
}

#[derive(Clone, Debug)]
pub(crate) struct CodeCase {
    /// A door, or 4 for the keypad that the flat had before.
    pub(crate) door: usize,
    pub(crate) state: CodeState,
    pub(crate) write: Option<(WriteKind, WriteState, i64)>,
    pub(crate) proof: Proof,
    pub(crate) has_id: bool,
    pub(crate) digits: usize,
    pub(crate) window: usize,
    pub(crate) retry_in: Option<i64>,
    pub(crate) attempts: u32,
    pub(crate) adopted: bool,
    pub(crate) missing_ago: Option<i64>,
    pub(crate) there: There,
}

/// What is on the keypad of a ledger entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum There {
    AsWritten,
    Nothing,
    OtherDigits,
    OtherEnd,
    SwitchedOff,
}

#[derive(Clone, Debug)]
pub(crate) struct MessageCase {
    pub(crate) channel: usize,
    pub(crate) state: usize,
    pub(crate) tells: usize,
    pub(crate) retry_in: Option<i64>,
    pub(crate) attempts: u32,
    pub(crate) maybe_twice: bool,
}

const PROOFS: [Proof; 5] = [Proof::Requested, Proof::Accepted, Proof::Listed, Proof::Confirmed, Proof::Used];

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let door = || door();
    (stay(), tenant(), (door(), door(), door(), door()), vec(code(), 0..5), vec(message(), 0..4)).prop_map(
        |(stay, tenant, (lobby, flat, roof, barn), codes, messages)| Case {
            stay,
            tenant,
            doors: [lobby, flat, roof, barn],
            codes,
            messages,
        },
    )
}

fn stay() -> impl Strategy<Value = StayCase> {
    let told = prop_oneof![
        8 => Just(Told::Confirmed),
        2 => Just(Told::Elsewhere),
        2 => Just(Told::Cancelled),
        1 => select(vec![
            Told::Gone, Told::NotFound, Told::Block, Told::NoDates, Told::Unmapped, Told::Doorless, Told::NeverSeen,
            Told::Standing,
        ]),
    ];
    let clock = prop_oneof![3 => -20_000..-1440_i64, 3 => -1440..0_i64, 3 => 0..5000_i64];
    let time = || select(vec![(15, 0), (12, 0), (2, 30), (0, 0)]);
    (
        (told, 0..3_usize, 0..4_u64, time(), time(), 1..4_usize, clock),
        (0..3_usize, prop::bool::weighted(0.8), option::weighted(0.15, 0..200_i64), 0..3000_i64),
    )
        .prop_map(
            |(
                (told, season, nights, check_in, check_out, doors, clock),
                (grant, reachable, reissued_ago, cancelled_ago),
            )| {
                StayCase {
                    told,
                    season,
                    nights,
                    check_in,
                    check_out,
                    doors,
                    clock,
                    grant,
                    reachable,
                    reissued_ago,
                    cancelled_ago,
                }
            },
        )
}

fn tenant() -> impl Strategy<Value = TenantCase> {
    let mode = prop_oneof![6 => Just(Mode::Full), 1 => Just(Mode::UpsertOnly), 1 => Just(Mode::Observe)];
    let rare = || prop::bool::weighted(0.2);
    (
        (mode, any::<bool>(), 0..3_usize, select(PROOFS[1..].to_vec()), option::weighted(0.2, 0..5000_i64)),
        (rare(), rare(), rare(), rare(), 0..3_usize, any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |(
                (mode, first_only, channels, proof, tell_before),
                (adopt_drift, remove_in_house, write_back, retired, allowed, weighed, found),
            )| TenantCase {
                mode,
                first_only,
                channels,
                proof,
                tell_before,
                adopt_drift,
                remove_in_house,
                write_back,
                retired,
                allowed,
                weighed,
                found,
            },
        )
}

fn door() -> impl Strategy<Value = DoorCase> {
    let listing =
        prop_oneof![6 => Just(Listing::Codes), 2 => Just(Listing::Masked), 1 => Just(Listing::Nothing)];
    let view = prop_oneof![
        6 => (0..9_i64).prop_map(|ago| ViewCase::Complete { ago }),
        1 => (11..600_i64).prop_map(|ago| ViewCase::Complete { ago }),
        1 => (0..30_i64).prop_map(|ago| ViewCase::Partial { ago }),
        1 => (0..30_i64, -5..20_i64).prop_map(|(ago, retry_in)| ViewCase::Failing { ago, retry_in }),
        1 => Just(ViewCase::None),
    ];
    let stranger = select(vec![
        Stranger::Unmarked,
        Stranger::Foreign,
        Stranger::TwoMarkers,
        Stranger::Ours,
        Stranger::OursTwice,
        Stranger::OursMasked,
    ]);
    (
        (listing, select(vec![Proof::Listed, Proof::Confirmed]), prop_oneof![Just(0), 1..20_i64]),
        (
            option::weighted(0.2, 1..4_usize),
            option::weighted(0.1, 60..5000_i64),
            prop::bool::weighted(0.8),
            prop::bool::weighted(0.1),
            prop_oneof![4 => Just(4_u8), 1 => Just(6_u8)],
        ),
        (view, prop_oneof![3 => Just(Vec::new()), 1 => vec(stranger, 0..3)]),
        vec((-3000..20_000_i64, any::<bool>()), 0..3),
    )
        .prop_map(
            |(
                (listing, highest, settle),
                (capacity, look_ahead, past_start, whole_days, length),
                (view, strangers),
                rivals,
            )| {
                DoorCase {
                    listing,
                    highest,
                    settle,
                    capacity,
                    look_ahead,
                    past_start,
                    whole_days,
                    length,
                    view,
                    strangers,
                    rivals,
                }
            },
        )
}

fn code() -> impl Strategy<Value = CodeCase> {
    let state = prop_oneof![
        4 => Just(CodeState::Wanted),
        2 => Just(CodeState::Unwanted),
        1 => Just(CodeState::Removed),
    ];
    let kind = select(vec![WriteKind::Create, WriteKind::Create, WriteKind::Replace, WriteKind::Delete]);
    let write_state = select(vec![
        WriteState::Applied,
        WriteState::Applied,
        WriteState::Intended,
        WriteState::NotApplied,
        WriteState::Unknown,
    ]);
    let there = prop_oneof![
        5 => Just(There::AsWritten),
        2 => Just(There::Nothing),
        1 => select(vec![There::OtherDigits, There::OtherEnd, There::SwitchedOff]),
    ];
    (
        (0..5_usize, state, option::weighted(0.8, (kind, write_state, 0..60_i64)), select(PROOFS.to_vec())),
        (any::<bool>(), 0..4_usize, prop_oneof![3 => Just(0_usize), 1 => 1..4_usize]),
        (
            option::weighted(0.2, -10..30_i64),
            0..5_u32,
            prop::bool::weighted(0.1),
            option::weighted(0.1, 0..5_i64),
            there,
        ),
    )
        .prop_map(
            |(
                (door, state, write, proof),
                (has_id, digits, window),
                (retry_in, attempts, adopted, missing_ago, there),
            )| {
                CodeCase {
                    door,
                    state,
                    write,
                    proof,
                    has_id,
                    digits,
                    window,
                    retry_in,
                    attempts,
                    adopted,
                    missing_ago,
                    there,
                }
            },
        )
}

fn message() -> impl Strategy<Value = MessageCase> {
    (
        0..3_usize,
        0..6_usize,
        0..4_usize,
        option::weighted(0.3, -10..30_i64),
        0..5_u32,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(channel, state, tells, retry_in, attempts, maybe_twice)| MessageCase {
            channel,
            state,
            tells,
            retry_in,
            attempts,
            maybe_twice,
        })
}
