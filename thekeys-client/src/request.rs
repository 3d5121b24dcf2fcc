//! What is sent to The Keys, as values.

use booking_core::{CodeSpec, DoorKey, Invalid, VendorCodeId, VendorError, truncated};
use booking_http::{Safety, VendorRequest, path_segment};
use chrono::{NaiveDateTime, Timelike};

use crate::config::TheKeysConfig;

/// The vendor in a [`DoorKey`].
pub const VENDOR: &str = "thekeys";

/// The longest name that is sent, in characters. The vendor's own limit is unknown.
pub(crate) const NAME_LEN: usize = 100;

/// A keypad as the routes name it. Only digits and letters, so that it cannot change a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) lock: String,
    pub(crate) keypad: String,
}

impl Address {
    pub(crate) fn parse(lock: &str, keypad: &str) -> Result<Self, Invalid> {
        let number = (1..=18).contains(&lock.len())
            && lock.bytes().all(|b| b.is_ascii_digit())
            && !lock.starts_with('0');
        if !number {
            return Err(Invalid::new("device of The Keys", "the lock's number as in the portal's address"));
        }
        let alphanumeric =
            (1..=40).contains(&keypad.len()) && keypad.bytes().all(|b| b.is_ascii_alphanumeric());
        if !alphanumeric || keypad.bytes().all(|b| b.is_ascii_digit()) {
            // The number of the accessory looks right, and the vendor refuses it without saying why.
            return Err(Invalid::new(
                "keypad of The Keys",
                "the keypad's id_accessoire, a short text of letters and digits, not its number",
            ));
        }
        Ok(Self { lock: lock.to_owned(), keypad: keypad.to_owned() })
    }

    pub(crate) fn of(key: &DoorKey) -> Result<Self, VendorError> {
        if *key.vendor != *VENDOR {
            return Err(VendorError::configuration("the door belongs to another vendor than The Keys"));
        }
        Self::parse(&key.device, &key.keypad).map_err(|error| VendorError::configuration(error.to_string()))
    }

    pub(crate) fn key(&self) -> DoorKey {
        DoorKey {
            vendor: VENDOR.into(),
            device: self.lock.as_str().into(),
            keypad: self.keypad.as_str().into(),
        }
    }
}

/// A login. It changes nothing that a second one would not change again.
pub(crate) fn login(config: &TheKeysConfig) -> VendorRequest {
    VendorRequest::post("POST /api/login_check", "/api/login_check", Safety::Read)
        .with_form([("_username", config.username.as_str()), ("_password", config.password.expose())])
}

/// The account with its locks and their accessories.
pub(crate) fn user(config: &TheKeysConfig) -> VendorRequest {
    let path = format!("/fr/api/v2/utilisateur/get/{}", path_segment(&config.username));
    VendorRequest::get("GET /fr/api/v2/utilisateur/get/{username}", path)
}

/// The shares of a lock.
pub(crate) fn list(address: &Address) -> VendorRequest {
    let path = format!("/fr/api/v2/partage/all/serrure/{}", address.lock);
    VendorRequest::get("GET /fr/api/v2/partage/all/serrure/{lock}", path)
        .with_query_pairs([("_format", "json")])
}

/// A new code. Sent twice it makes two.
pub(crate) fn create(address: &Address, code: &CodeSpec) -> VendorRequest {
    let path = format!("/fr/api/v2/partage/create/{}/accessoire/{}", address.lock, address.keypad);
    let label = "POST /fr/api/v2/partage/create/{lock}/accessoire/{keypad}";
    VendorRequest::post(label, path, Safety::Once).with_form(fields(code))
}

/// New fields for a code. All are sent, so a second one changes nothing more.
pub(crate) fn update(id: &NumericId, code: &CodeSpec) -> VendorRequest {
    let path = format!("/fr/api/v2/partage/accessoire/update/{}", id.0);
    VendorRequest::post("POST /fr/api/v2/partage/accessoire/update/{code}", path, Safety::Repeatable)
        .with_form(fields(code))
}

/// The removal of a code. A second one finds nothing.
pub(crate) fn delete(id: &NumericId) -> VendorRequest {
    let path = format!("/fr/api/v2/partage/accessoire/delete/{}", id.0);
    VendorRequest::post("POST /fr/api/v2/partage/accessoire/delete/{code}", path, Safety::Repeatable)
}

/// A code's number. What is no number names no code of this vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumericId(String);

impl NumericId {
    pub(crate) fn of(id: &VendorCodeId) -> Option<Self> {
        let id = id.as_str();
        (id.len() <= 20 && id.bytes().all(|b| b.is_ascii_digit())).then(|| Self(id.to_owned()))
    }
}

/// The name as it is sent, and so as the vendor keeps it: forms trim their texts, and an empty one may be refused.
pub(crate) fn kept_name(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match truncated(name.trim(), NAME_LEN).trim() {
        "" => "Guest".to_owned(),
        name => name.to_owned(),
    }
}

/// The whole form. What is left out might be cleared: `actif` would switch the code off. `notification_enabled` is left
/// out for just that.
fn fields(code: &CodeSpec) -> Vec<(&'static str, String)> {
    let (start, end) = code.window.wall();
    let day = |at: NaiveDateTime| at.format("%Y-%m-%d").to_string();
    vec![
        ("partage_accessoire[nom]", kept_name(&code.name)),
        ("partage_accessoire[actif]", "1".to_owned()),
        ("partage_accessoire[date_debut]", day(start)),
        ("partage_accessoire[date_fin]", day(end)),
        ("partage_accessoire[heure_debut][hour]", start.hour().to_string()),
        ("partage_accessoire[heure_debut][minute]", start.minute().to_string()),
        ("partage_accessoire[heure_fin][hour]", end.hour().to_string()),
        ("partage_accessoire[heure_fin][minute]", end.minute().to_string()),
        ("partage_accessoire[code]", code.stored.expose().to_owned()),
        ("partage_accessoire[description]", code.note.trim().to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use booking_core::{Pin, Window};
    use chrono::NaiveDate;
    use chrono_tz::Tz;
    use http::Method;

    use super::*;

    fn config() -> TheKeysConfig {
        TheKeysConfig::new("+33600000001", "p&s=w d+ż")
    }

    fn code(name: &str, start: (u32, u32, u32), end: (u32, u32, u32)) -> CodeSpec {
        let at = |(day, hour, minute)| {
            NaiveDate::from_ymd_opt(2027, 3, day).unwrap().and_hms_opt(hour, minute, 0).unwrap()
        };
        CodeSpec {
            stored: Pin::parse("0042").unwrap(),
            name: name.to_owned(),
            note: "Smoobu#9001".to_owned(),
            window: Window::new(at(start), at(end), Tz::Europe__Warsaw).unwrap(),
        }
    }

    #[track_caller]
    fn check(request: &VendorRequest, method: &Method, target: &str, safety: Safety, body: &str) {
        let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        assert_eq!(format!("{}{query}", request.path), target);
        assert_eq!((&request.method, request.safety), (method, safety));
        let sent = String::from_utf8(request.body.to_vec()).unwrap();
        assert_eq!(sent.replace("%5B", "[").replace("%5D", "]"), body);
        let form = request
            .headers
            .get("content-type")
            .is_some_and(|kind| kind == "application/x-www-form-urlencoded");
        assert_eq!(form, !body.is_empty());
    }

    #[test]
    fn requests_are_what_the_fact_sheet_names() {
        let address = Address::parse("4411", "AbCd1234").unwrap();
        let id = NumericId::of(&VendorCodeId::parse("700001").unwrap()).unwrap();
        let stay = code("Zoë Ż. O'Neil", (1, 15, 0), (4, 12, 30));
        let form = "partage_accessoire[nom]=Zo%C3%AB+%C5%BB.+O%27Neil&partage_accessoire[actif]=1\
            &partage_accessoire[date_debut]=2027-03-01&partage_accessoire[date_fin]=2027-03-04\
            &partage_accessoire[heure_debut][hour]=15&partage_accessoire[heure_debut][minute]=0\
            &partage_accessoire[heure_fin][hour]=12&partage_accessoire[heure_fin][minute]=30\
            &partage_accessoire[code]=0042&partage_accessoire[description]=Smoobu%239001";
        check(
            &login(&config()),
            &Method::POST,
            "/api/login_check",
            Safety::Read,
            "_username=%2B33600000001&_password=p%26s%3Dw+d%2B%C5%BC",
        );
        check(&user(&config()), &Method::GET, "/fr/api/v2/utilisateur/get/%2B33600000001", Safety::Read, "");
        check(
            &list(&address),
            &Method::GET,
            "/fr/api/v2/partage/all/serrure/4411?_format=json",
            Safety::Read,
            "",
        );
        check(
            &create(&address, &stay),
            &Method::POST,
            "/fr/api/v2/partage/create/4411/accessoire/AbCd1234",
            Safety::Once,
            form,
        );
        check(
            &update(&id, &stay),
            &Method::POST,
            "/fr/api/v2/partage/accessoire/update/700001",
            Safety::Repeatable,
            form,
        );
        check(
            &delete(&id),
            &Method::POST,
            "/fr/api/v2/partage/accessoire/delete/700001",
            Safety::Repeatable,
            "",
        );
    }

    #[test]
    fn a_repeated_hour_is_widened_and_hours_have_no_leading_zero() {
        let at = |month, day, hour, minute| {
            NaiveDate::from_ymd_opt(2026, month, day).unwrap().and_hms_opt(hour, minute, 0).unwrap()
        };
        let window = Window::new(at(10, 25, 2, 30), at(10, 26, 9, 5), Tz::Europe__Paris).unwrap();
        let sent = fields(&CodeSpec { window, ..code("A", (1, 1, 1), (2, 2, 2)) });
        let values: Vec<&str> = sent[2..8].iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["2026-10-25", "2026-10-26", "1", "59", "9", "5"]);
    }

    #[test]
    fn names_are_cut_and_never_empty() {
        for (name, kept) in [
            ("", "Guest"),
            (" \t ", "Guest"),
            ("  Ada\nLovelace ", "Ada Lovelace"),
            (&"ż".repeat(101), &"ż".repeat(100)),
            (&format!("{} b", "a".repeat(99)), &"a".repeat(99)),
        ] {
            assert_eq!(kept_name(name), kept);
        }
    }

    #[test]
    fn addresses_cannot_change_a_route() {
        for (lock, keypad, ok) in [
            ("4411", "AbCd1234", true),
            ("4411", "a", true),
            ("", "AbCd1234", false),
            ("04411", "AbCd1234", false),
            ("S0004411", "AbCd1234", false),
            ("4411/../1", "AbCd1234", false),
            ("٤٤", "AbCd1234", false),
            ("4411", "", false),
            ("4411", "14411", false),
            ("4411", "Ab/Cd", false),
            ("4411", "AbCd%2F", false),
        ] {
            assert_eq!(Address::parse(lock, keypad).is_ok(), ok, "{lock:?} {keypad:?}");
        }
        let error = Address::parse("4411", "14411").unwrap_err().to_string();
        assert!(error.contains("id_accessoire"), "{error}");
        for (id, ok) in [("700001", true), ("7a", false), ("../1", false), ("-1", false)] {
            assert_eq!(NumericId::of(&VendorCodeId::parse(id).unwrap()).is_some(), ok, "{id:?}");
        }
    }

    #[test]
    fn nothing_prints_itself() {
        let shown = format!(
            "{:?} {:?}",
            login(&config()),
            create(&Address::parse("4411", "AbCd1234").unwrap(), &code("Ada", (1, 1, 1), (2, 2, 2)))
        );
        for secret in ["33600000001", "0042", "Ada", "p&s", "p%26s", "9001"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
