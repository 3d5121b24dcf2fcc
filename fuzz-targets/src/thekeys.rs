//! The Keys: answers to its login, and to everything after it.

use booking_core::{CodeSpec, Door, LockError, LockProvider, Pin, Proof, VendorCodeId, VendorError, Window};
use chrono::{Days, NaiveTime};
use chrono_tz::Tz;
use serde_json::{Value, json};
use thekeys_client::{TheKeys, TheKeysConfig};

use crate::rig::{Answer, NOW, at_once, call, choice, clock, rng, says_nothing, sound, vendor};

const KEYPAD: &str = "AbCd";
const LOGIN: &str = r#"{"token":"t","expires_in":3600}"#;

fn account(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> TheKeys {
    let transport = vendor(move |path| if path.contains("login") { Answer::ok(LOGIN) } else { answer(path) });
    TheKeys::new(TheKeysConfig::new("+33100000000", "pass"), transport, clock(), rng()).unwrap()
}

fn door() -> Door {
    Door {
        key: TheKeys::door_key("44", KEYPAD).unwrap(),
        zone: Tz::Europe__Paris,
        pin_prefix: None,
        pin_length: None,
    }
}

fn code() -> CodeSpec {
    let day = NOW.date_naive();
    CodeSpec {
        stored: Pin::parse("4821").unwrap(),
        name: "Ada Example".to_owned(),
        note: "Smoobu#9001".to_owned(),
        window: Window::new(
            (day + Days::new(1)).and_time(NaiveTime::MIN),
            (day + Days::new(3)).and_time(NaiveTime::MIN),
            Tz::Europe__Paris,
        )
        .unwrap(),
    }
}

fn failed(error: &LockError) {
    match error {
        LockError::Vendor(error) => sound(error),
        error => says_nothing(error),
    }
}

fn read<T>(may: bool, result: Result<T, VendorError>) -> Option<T> {
    match result {
        Ok(value) => {
            assert!(may, "a status that is no success was believed");
            Some(value)
        }
        Err(error) => {
            sound(&error);
            None
        }
    }
}

/// What the login answers.
pub(crate) fn login(data: &[u8]) {
    let answer = Answer::read(data);
    let success = answer.status.is_success();
    let transport = vendor(move |path| {
        if path.contains("login") {
            answer.clone()
        } else {
            Answer::ok(r#"{"status":200,"data":{"serrures":[]}}"#)
        }
    });
    let account =
        TheKeys::new(TheKeysConfig::new("+33100000000", "pass"), transport, clock(), rng()).unwrap();
    read(success, at_once(account.check(call())));
}

/// A byte for the call, one for the status, a line for a header, and the body of whatever is asked.
pub(crate) fn answers(data: &[u8]) {
    let (which, rest) = choice(data, 6);
    let answer = Answer::read(rest);
    let success = answer.status.is_success();
    let account = account(move |_| answer.clone());
    match which {
        0 => {
            let Some(shares) = read(success, at_once(account.shares(call(), &door()))) else { return };
            for code in &shares.codes {
                assert_eq!(code.proof, Proof::Listed);
                assert!(
                    code.stored.is_some() || !shares.complete(),
                    "digits that escape us make a list incomplete"
                );
                says_nothing_of(code.name.as_str(), &format!("{code:?}"));
            }
            let again = at_once(account.codes(call(), &door())).unwrap();
            assert_eq!((again.complete, again.codes), (shares.complete(), shares.codes));
        }
        1 => match at_once(account.doors(call())) {
            Ok(doors) => {
                assert!(success);
                for door in doors {
                    let again = TheKeys::door_key(&door.key.device, &door.key.keypad);
                    assert_eq!(again.unwrap(), door.key, "what is found can be configured");
                }
            }
            Err(error) => failed(&error),
        },
        2 => match at_once(account.create(call(), &door(), &code())) {
            Ok(_) => assert!(success),
            Err(error) => failed(&error),
        },
        3 => {
            let id = VendorCodeId::parse("12").unwrap();
            let _ = at_once(account.replace(call(), &door(), &id, &code()))
                .inspect(|()| assert!(success))
                .inspect_err(failed);
        }
        4 => {
            let id = VendorCodeId::parse("12").unwrap();
            let _ = at_once(account.delete(call(), &door(), &id)).inspect_err(failed);
        }
        _ => {
            read(success, at_once(account.check(call())));
        }
    }
}

/// A guest's name is in no `Debug`.
fn says_nothing_of(name: &str, shown: &str) {
    assert!(name.len() < 24 || !shown.contains(name), "a name is shown");
}

/// One share, whatever it is, between two good ones: both are still there, and what is odd makes the list incomplete.
pub(crate) fn items(data: &[u8]) {
    let Ok(odd) = serde_json::from_slice::<Value>(data) else { return };
    let good = |id: u64| {
        json!({"id": id, "code": format!("{id:04}"), "actif": true, "nom": "Ada", "description": "Smoobu#1",
               "date_debut": "2027-03-01", "date_fin": "2027-03-04", "accessoire": {"id_accessoire": KEYPAD}})
    };
    let list = json!({"status": 200, "data": {"partages_accessoire": [good(1), odd, good(3)]}});
    let body = list.to_string();
    if serde_json::from_str::<Value>(&body).is_err() {
        return;
    }
    let account = account(move |_| Answer::ok(body.clone()));
    let shares = at_once(account.shares(call(), &door())).expect("the list itself is good");
    let ids: Vec<_> = shares.codes.iter().map(|code| code.id.as_str()).collect();
    assert!(ids.first() == Some(&"1") && ids.last() == Some(&"3"), "{ids:?}");
    // It is read, it is another keypad's, or it is told.
    assert!(ids.len() <= 3 && shares.unreadable.len() <= 1);
    let another = odd.get("accessoire").is_some();
    assert!(ids.len() == 3 || !shares.complete() || another, "an odd share vanished");
}
