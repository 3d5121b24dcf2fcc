//! Nothing that is secret or personal reaches text.

mod common;

use std::error::Error;

use booking_core::{LockError, LockProvider, VendorCodeId};
use booking_sim::thekeys::Share;
use booking_sim::{FaultKind, Operation};
use common::{KEYPAD, LOCK, PASSWORD, USERNAME, World, door, spec};

/// What must appear nowhere: password, phone, token, PINs, a gateway's secret, a guest, a note.
const PLANTED: [&str; 10] = [
    PASSWORD,
    USERNAME,
    "33600000001",
    "sim-token",
    "0042",
    "7788",
    "gateway-secret",
    "Lovelace",
    "Smoobu#9001",
    "9001",
];

#[track_caller]
fn check(text: &str) {
    for planted in PLANTED {
        assert!(!text.to_lowercase().contains(&planted.to_lowercase()), "{planted} in {text}");
    }
}

#[track_caller]
fn check_error(error: &LockError) {
    check(&format!("{error:?}"));
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        check(&cause.to_string());
        next = cause.source();
    }
}

#[test]
fn no_error_tells() {
    let echo = format!(
        r#"{{"status":400,"data":{{"code":"0042"}},"message":{{"global":["code 0042 of Lovelace is taken by \"Grace 7788\" {USERNAME}"],"form":{{"nom":["ADA LOVELACE?"],"description":["Smoobu#9001 is too long"]}}}}}}"#
    );
    let echoes = [
        FaultKind::Status(200, echo.clone()),
        FaultKind::Status(400, echo.clone()),
        FaultKind::Status(403, echo.clone()),
        FaultKind::Status(404, echo.clone()),
        FaultKind::Status(401, echo.clone()),
        FaultKind::Status(500, echo.clone()),
        FaultKind::Status(302, echo.clone()),
        FaultKind::Status(200, format!("Lovelace 0042 {USERNAME} {PASSWORD} sim-token-1")),
        FaultKind::Status(200, r#"{"status":"0042","data":"Lovelace 7788"}"#.to_owned()),
        FaultKind::Html200,
        FaultKind::NullData,
        FaultKind::DropBefore,
    ];
    let operations = [
        Operation::Login,
        Operation::GetUser,
        Operation::ListCodes,
        Operation::CreateCode,
        Operation::UpdateCode,
        Operation::DeleteCode,
    ];
    let mut told = 0;
    for kind in &echoes {
        for operation in operations {
            let world = World::new();
            let (keys, door) = (&world.keys, door());
            let number = world.plant(Share::permanent(LOCK, KEYPAD, "Ada Lovelace", "7788"));
            world.plant(Share::permanent(LOCK, "GaTeWay1", "Gate", "gateway-secret"));
            world.fault(kind.clone(), operation, 1000);
            let id = VendorCodeId::parse(&number).unwrap();
            let wanted = spec("0042", "Ada Lovelace", "Smoobu#9001");
            let call = world.call();
            let errors = [
                world.run(keys.codes(call, &door)).err(),
                world.run(keys.doors(call)).err(),
                world.run(keys.create(call, &door, &wanted)).err(),
                world.run(keys.replace(call, &door, &id, &wanted)).err(),
                world.run(keys.delete(call, &door, &id)).err(),
                world.run(keys.check(call)).err().map(LockError::from),
            ];
            for error in errors.iter().flatten() {
                check_error(error);
                told += 1;
            }
            check(&format!("{keys:?} {:?}", keys.health()));
        }
    }
    assert!(told > 60, "{told} errors are too few to prove anything");
}
