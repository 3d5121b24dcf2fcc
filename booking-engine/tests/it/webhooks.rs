//! Deliveries: doubled, late, out of order, lost, echoed, none of our business.

use booking_core::store::Kind;
use booking_sim::smoobu::{AccountEvent, BookingPatch, Release, WebhookMode};
use booking_sim::thekeys::Share;
use chrono::Duration;
use smoobu_client::WebhookPayload;

use crate::house::{House, Plan, STUDIO, day, keypad, local, stay};

fn both() -> [WebhookPayload; 2] {
    [WebhookPayload::Reread, WebhookPayload::Trust]
}

#[test]
fn two_deliveries_of_one_booking_at_once_make_one_code() {
    for payload in both() {
        let house = House::with(Plan { payload, ..Plan::default() });
        house.sims().smoobu.next_webhook(WebhookMode::Doubled);
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        assert_eq!((house.writes(), house.sms().len(), house.thread(id).len()), ((1, 0, 0), 1, 1));
    }
}

#[test]
fn i03_two_different_changes_within_seconds_both_count() {
    for payload in both() {
        let house = House::with(Plan { payload, ..Plan::default() });
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        let typed = house.typed(STUDIO, id).unwrap();
        house.pass(Duration::seconds(1));
        let now = house.now();
        house.sims().smoobu.update_booking(
            now,
            id,
            BookingPatch { departure: Some(day(3, 9)), ..BookingPatch::default() },
        );
        house.pass(Duration::seconds(1));
        let now = house.now();
        house.sims().smoobu.update_booking(
            now,
            id,
            BookingPatch { arrival: Some(day(3, 6)), ..BookingPatch::default() },
        );
        house.settle();
        let code = &house.codes(STUDIO)[0];
        assert_eq!((code.date_start, code.date_end), (Some(day(3, 6)), Some(day(3, 9))));
        assert_eq!(house.typed(STUDIO, id), Some(typed));
    }
}

#[test]
fn an_older_update_delivered_last_changes_nothing() {
    for payload in both() {
        let house = House::with(Plan { payload, ..Plan::default() });
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        house.sims().smoobu.set_webhook_mode(WebhookMode::Held);
        for departure in [9, 10] {
            house.pass(Duration::minutes(1));
            house.change(id, BookingPatch { departure: Some(day(3, departure)), ..BookingPatch::default() });
        }
        let now = house.now();
        house.sims().smoobu.release_webhooks(now, &Release::Reversed);
        house.settle();
        assert_eq!(house.codes(STUDIO)[0].date_end, Some(day(3, 10)), "{payload:?}");
        house.pass(Duration::hours(1));
        assert_eq!(house.codes(STUDIO)[0].date_end, Some(day(3, 10)), "{payload:?}");
    }
}

#[test]
fn a_cancellation_before_the_booking_itself_leaves_nothing() {
    for payload in both() {
        let house = House::with(Plan { payload, ..Plan::default() });
        house.sims().smoobu.set_webhook_mode(WebhookMode::Held);
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        house.pass(Duration::minutes(1));
        house.cancel(id);
        let now = house.now();
        house.sims().smoobu.release_webhooks(now, &Release::Reversed);
        house.settle();
        house.pass(Duration::hours(1));
        assert!(house.codes(STUDIO).is_empty() && house.sms().is_empty(), "{payload:?}");
        assert_eq!(house.writes(), (0, 0, 0), "{payload:?}");
    }
}

#[test]
fn an_update_after_a_cancellation_does_not_bring_the_code_back() {
    for payload in both() {
        let house = House::with(Plan { payload, ..Plan::default() });
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        house.pass(Duration::minutes(1));
        house.sims().smoobu.next_webhook(WebhookMode::Delayed(std::time::Duration::from_secs(3600)));
        house.change(id, BookingPatch { departure: Some(day(3, 9)), ..BookingPatch::default() });
        house.pass(Duration::minutes(1));
        house.cancel(id);
        house.pass(Duration::hours(3));
        assert!(house.codes(STUDIO).is_empty(), "{payload:?}");
    }
}

#[test]
fn i05_our_own_guest_message_echoed_back_causes_nothing() {
    let house = House::new();
    house.sims().smoobu.set_webhook_mode(WebhookMode::Normal);
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.pass(Duration::minutes(10));
    assert_eq!((house.writes(), house.thread(id).len()), ((1, 0, 0), 1));
}

#[test]
fn i06_a_day_without_webhooks_is_caught_up_by_full_reads() {
    let house = House::new().restarted(|_| {});
    house.sims().smoobu.set_webhook_mode(WebhookMode::Lost);
    let made = house.book(stay(STUDIO, day(3, 10), day(3, 12)));
    let moved = house.book(stay(STUDIO, day(3, 15), day(3, 18)));
    house.pass(Duration::minutes(31));
    assert!(house.typed(STUDIO, made).is_some() && house.typed(STUDIO, moved).is_some());
    house.change(moved, BookingPatch { arrival: Some(day(3, 16)), ..BookingPatch::default() });
    house.cancel(made);
    house.pass(Duration::minutes(31));
    assert_eq!(house.codes(STUDIO).len(), 1);
    assert_eq!(house.codes(STUDIO)[0].date_start, Some(day(3, 16)));
}

#[test]
fn i11_messages_rates_and_prices_cause_nothing() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let before = house.rows(Kind::Booking);
    let now = house.now();
    {
        let mut sims = house.sims();
        sims.smoobu.guest_writes(now, id, "When can we come?");
        for event in [
            AccountEvent::UpdateRates(STUDIO),
            AccountEvent::PriceElementCreated(id),
            AccountEvent::NewTimelineEvent(id),
            AccountEvent::DeleteTimelineEvent(id),
            AccountEvent::Other("somethingNew".into()),
        ] {
            sims.smoobu.account_event(now, &event);
        }
    }
    house.settle();
    assert_eq!((house.writes(), house.sms().len(), house.rows(Kind::Booking)), ((1, 0, 0), 1, before));
}

#[test]
fn a_webhook_without_the_path_secret_is_refused() {
    let house = House::new();
    let body = br#"{"action":"newReservation","data":{"id":1}}"#;
    assert_eq!(house.raw(body, None).unwrap_err().status(), 401);
    assert_eq!(house.raw(body, Some("hook-secreT")).unwrap_err().status(), 401);
    assert!(house.raw(body, Some("hook-secret")).is_ok());
}

#[test]
fn a_kill_after_the_create_leaves_one_code_and_one_message() {
    use booking_sim::Operation;
    for dying in [Operation::CreateCode, Operation::ListCodes, Operation::SendSms, Operation::SendToGuest] {
        let house = House::new();
        let now = house.now();
        let id = house.sims().smoobu.create_booking(now, stay(STUDIO, day(3, 5), day(3, 8)));
        house.die_after(dying);
        let house = house.restarted(|_| {});
        house.outlive_leases();
        house.pass(Duration::hours(1));
        assert_eq!(house.codes(STUDIO).len(), 1, "{dying:?}");
        assert_eq!((house.sms().len(), house.thread(id).len()), (1, 1), "{dying:?}");
        assert_eq!(house.writes(), (1, 0, 0), "{dying:?}");
        let typed = house.typed(STUDIO, id).unwrap();
        assert!(house.sms()[0].contains(&typed), "{dying:?}");
    }
}

#[test]
fn a_kill_after_the_delete_and_the_update_is_repaired() {
    use booking_sim::Operation;
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let now = house.now();
    house.sims().smoobu.update_booking(
        now,
        id,
        BookingPatch { departure: Some(day(3, 9)), ..BookingPatch::default() },
    );
    house.die_after(Operation::UpdateCode);
    let house = house.restarted(|_| {});
    house.outlive_leases();
    assert_eq!((house.codes(STUDIO).len(), house.sms().len()), (1, 2));
    let now = house.now();
    house.sims().smoobu.cancel(now, id);
    house.die_after(Operation::DeleteCode);
    let house = house.restarted(|_| {});
    house.outlive_leases();
    house.pass(Duration::hours(1));
    assert!(house.codes(STUDIO).is_empty());
    assert_eq!(house.sms().len(), 2);
}

#[test]
fn the_earlier_systems_sample_is_recorded_as_a_stay_that_is_over() {
    let house = House::with(Plan { payload: WebhookPayload::Trust, ..Plan::default() });
    house.deliver(
        br#"{"action":"newReservation","data":{"id":12345,"guest-name":"Test Guest","arrival":"2026-05-01","departure":"2026-05-03","apartment":{"id":"500001"},"language":"en"}}"#,
    );
    house.settle();
    assert!(house.codes(STUDIO).is_empty() && house.sms().is_empty());
    assert_eq!(house.rows(Kind::Booking), 1);
    assert!(house.alerts(12345).is_empty());
}

#[test]
fn n08_the_same_seed_gives_the_same_log() {
    let run = || {
        let house = House::new();
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        house.change(id, BookingPatch { departure: Some(day(3, 9)), ..BookingPatch::default() });
        let (lock, keypad, _) = keypad(STUDIO);
        let now = house.now();
        house.sims().thekeys.plant_share(now, Share::permanent(lock, keypad, "Cleaner", "5555"));
        house.pass_until(local(3, 9, 13, 0));
        let log: Vec<String> = house
            .sims()
            .log()
            .iter()
            .map(|call| format!("{} {:?} {}", call.at, call.operation, call.applied))
            .collect();
        (log, house.sms(), house.audit(id))
    };
    assert_eq!(run(), run());
}
