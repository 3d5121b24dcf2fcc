//! Nothing secret or personal reaches text.

use std::error::Error;
use std::sync::Arc;

use booking_core::conformance::SeededRng;
use booking_core::{
    BookingSource, Cursor, MessageId, Notifier, NotifyError, OutgoingMessage, Pin, Recipient, Secret,
    WriteBack,
};
use booking_http::testing::RecordingTransport;
use booking_sim::smoobu::NewBooking;
use booking_sim::{FaultKind, Operation};
use smoobu_client::{Smoobu, SmoobuConfig, SmoobuSigner, SmoobuWebhooks};

use crate::world::{KEY, SECRET, World, run, stay};

const PLANTED: [&str; 10] = [
    KEY,
    SECRET,
    "planted-path-secret",
    "planted.host",
    "Planted Guest",
    "+48700800900",
    "planted@guest.example",
    "48217733",
    "planted subject",
    "departureFrom",
];

#[track_caller]
fn clean(text: &str) {
    for planted in PLANTED {
        assert!(!text.contains(planted), "{planted:?} in {text}");
    }
}

#[track_caller]
fn clean_error(error: &(dyn Error + 'static)) {
    clean(&format!("{error:?}"));
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        clean(&text);
        assert!(
            !text.is_empty()
                && !text.contains('\n')
                && !text.ends_with('.')
                && !text.contains(".com")
                && !text.contains('?'),
            "{text}"
        );
        next = cause.source();
    }
}

fn planted(config: &mut SmoobuConfig) {
    config.webhook_path_secrets = vec![Secret::new("planted-path-secret")];
    config.placeholder_key = Some("door_code".to_owned());
}

#[test]
fn values_do_not_print_secrets() {
    let world = World::with(planted);
    let mut config = SmoobuConfig::new(Secret::new(KEY), Secret::new(SECRET));
    planted(&mut config);
    config.base_url = "https://planted.host/".to_owned();
    clean(&format!("{config:?} {config:#?}"));
    clean(&format!("{:?} {:?}", world.smoobu, world.smoobu.client()));
    clean(&format!("{:?}", world.smoobu.thread()));
    clean(&format!("{:?}", SmoobuSigner::new(&config).unwrap()));
    clean(&format!("{:?}", SmoobuWebhooks::new(&config).unwrap()));
}

#[test]
fn configuration_errors_do_not_repeat_values() {
    let world = World::new();
    for change in [
        (|config| config.base_url = "planted.host".to_owned()) as fn(&mut SmoobuConfig),
        |config| config.base_url = "https://user:planted-path-secret@planted.host".to_owned(),
        |config| config.api_key = Secret::new(format!("{KEY}\n")),
        |config| config.user_agent = "planted subject\n".to_owned(),
        |config| config.legacy_api_key = true,
    ] {
        let mut config = SmoobuConfig::new(Secret::new(KEY), Secret::new(SECRET));
        change(&mut config);
        let transport = Arc::new(RecordingTransport::new());
        let error =
            Smoobu::new(config, transport, world.clock.clone(), Arc::new(SeededRng::new(1))).unwrap_err();
        clean_error(&error);
    }
}

#[test]
fn errors_of_calls_do_not_repeat_values() {
    let echo = PLANTED.join(" ");
    let object =
        format!(r#"{{"title":"Error","detail":{echo:?},"page_count":1,"bookings":[{{"id":{echo:?}}}]}}"#);
    let mut kinds = vec![
        FaultKind::DropAfter,
        FaultKind::Garbage,
        FaultKind::Html200,
        FaultKind::NullData,
        FaultKind::RateLimit { seconds: 900, absolute: true },
    ];
    for status in [200, 201, 302, 400, 401, 403, 404, 409, 422, 500, 503] {
        kinds.push(FaultKind::Status(status, object.clone()));
        kinds.push(FaultKind::Status(status, echo.clone()));
        kinds.push(FaultKind::Status(status, format!("<html>{echo}</html>")));
    }
    for kind in kinds {
        let world = World::with(planted);
        let booking = world.make(NewBooking {
            guest_name: "Planted Guest".to_owned(),
            phone: Some("+48700800900".to_owned()),
            email: Some("planted@guest.example".to_owned()),
            ..stay(3)
        });
        for operation in [
            Operation::ListReservations,
            Operation::GetReservation,
            Operation::ListApartments,
            Operation::Me,
            Operation::SendToGuest,
            Operation::ListMessages,
            Operation::CreatePlaceholder,
            Operation::ReservationPlaceholders,
        ] {
            world.fault(kind.clone(), operation);
        }
        let message = OutgoingMessage {
            id: MessageId::parse("aaaaaaaaaaaa").unwrap(),
            recipient: Recipient::Thread(booking.clone()),
            subject: "planted subject".to_owned(),
            body: "Your code is 48217733".to_owned(),
            language: "en".to_owned(),
            first_tried: world.now(),
            last_tried: world.now(),
        };
        let codes = WriteBack {
            reference: booking.clone(),
            codes: vec![("Flat".into(), Pin::parse("48217733").unwrap())],
        };
        let notifier = world.smoobu.thread();
        let errors = [
            run(world.smoobu.check(world.call())).err(),
            run(world.smoobu.booking(world.call(), &booking)).err(),
            world.page(None).err(),
            world.page(Some(&Cursor("planted subject".to_owned()))).err(),
            run(world.smoobu.client().apartments(world.call())).err(),
            run(world.smoobu.write_back(world.call(), &codes)).err(),
            run(notifier.find(world.call(), &message)).err(),
        ];
        for error in errors.into_iter().flatten() {
            clean_error(&error);
        }
        match run(notifier.send(world.call(), &message)) {
            Ok(_) => {}
            Err(NotifyError::Undeliverable(text)) => clean(&text),
            Err(error) => clean_error(&error),
        }
        // A list that is readable in parts tells nothing personal either.
        if let Ok(page) = world.page(None) {
            clean(&format!("{page:?}"));
        }
    }
}
