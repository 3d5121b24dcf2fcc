//! What is asked of Smoobu, as values.

use booking_core::{DateRange, Pin, VendorError};
use booking_http::{Safety, VendorRequest, path_segment};
use http::HeaderValue;
use http::header::{ACCEPT, CACHE_CONTROL};
use serde_json::json;

use crate::wire::Id;

/// The largest page that Smoobu gives.
const PAGE_SIZE: &str = "100";
/// The scope of a placeholder that belongs to one booking.
const ONE_BOOKING: u8 = 1;

fn read(label: &'static str, path: impl Into<String>) -> VendorRequest {
    VendorRequest::get(label, path)
        .with_header(ACCEPT, HeaderValue::from_static("application/json"))
        .with_header(CACHE_CONTROL, HeaderValue::from_static("no-cache"))
}

/// The query with its encoded pairs sorted: so it is sent, and so it is signed.
fn with_query(mut request: VendorRequest, pairs: &[(&str, &str)]) -> VendorRequest {
    let encoded = |(name, value): &(&str, &str)| format!("{}={}", path_segment(name), path_segment(value));
    let mut pairs: Vec<String> = pairs.iter().map(encoded).collect();
    pairs.sort();
    request.query = (!pairs.is_empty()).then(|| pairs.join("&"));
    request
}

pub(crate) fn me() -> VendorRequest {
    read("GET /api/me", "/api/me")
}

pub(crate) fn apartments() -> VendorRequest {
    read("GET /api/apartments", "/api/apartments")
}

pub(crate) fn reservation(id: &Id) -> VendorRequest {
    read("GET /api/reservations/{id}", format!("/api/reservations/{}", id.0))
}

/// A page of all stays that depart on the first day of the range or later.
///
/// The other end of the range stays on our side: `arrivalTo` is only known as a filter by itself, and should it
/// bring a default of `arrivalFrom` along, as its users say that it hides the guests in the house, they would be
/// missing without a sign. `excludeBlocked` is not set, so that an owner's block is seen to be one.
pub(crate) fn reservations(range: DateRange, page: u64) -> VendorRequest {
    with_query(
        read("GET /api/reservations", "/api/reservations"),
        &[
            ("departureFrom", &range.departing_from.format("%Y-%m-%d").to_string()),
            ("page", &page.to_string()),
            ("pageSize", PAGE_SIZE),
            ("showCancellation", "true"),
        ],
    )
}

pub(crate) fn messages(id: &Id, page: u64) -> VendorRequest {
    with_query(
        read("GET /api/reservations/{id}/messages", format!("/api/reservations/{}/messages", id.0)),
        &[("page", &page.to_string()), ("pageSize", PAGE_SIZE)],
    )
}

pub(crate) fn send_to_guest(id: &Id, subject: &str, body: &str) -> Result<VendorRequest, VendorError> {
    let content = if subject.trim().is_empty() {
        json!({"messageBody": body})
    } else {
        json!({"messageBody": body, "subject": subject})
    };
    VendorRequest::post(
        "POST /api/reservations/{id}/messages/send-message-to-guest",
        format!("/api/reservations/{}/messages/send-message-to-guest", id.0),
        Safety::Once,
    )
    .with_header(ACCEPT, HeaderValue::from_static("application/json"))
    .with_json(&content)
}

pub(crate) fn create_placeholder(id: &Id, key: &str, value: &str) -> Result<VendorRequest, VendorError> {
    // The booking goes as the number that Smoobu knows; ids are digits that fit.
    let booking: u64 =
        id.0.parse().map_err(|_| VendorError::configuration("smoobu: not a booking number"))?;
    VendorRequest::post("POST /api/custom-placeholders", "/api/custom-placeholders", Safety::Once)
        .with_header(ACCEPT, HeaderValue::from_static("application/json"))
        .with_json(&json!({"key": key, "defaultValue": value, "type": ONE_BOOKING, "foreignId": booking}))
}

pub(crate) fn placeholders(id: &Id) -> VendorRequest {
    read("GET /api/reservations/{id}/placeholders", format!("/api/reservations/{}/placeholders", id.0))
}

/// What a guest reads where the placeholder stands: the code alone, or each with its door.
pub(crate) fn placeholder_value(codes: &[(String, Pin)]) -> String {
    match codes {
        [(_, pin)] => pin.expose().to_owned(),
        _ => {
            let parts: Vec<String> =
                codes.iter().map(|(door, pin)| format!("{door}: {}", pin.expose())).collect();
            parts.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    #[track_caller]
    fn check(request: &VendorRequest, line: &str, safety: Safety, body: &str) {
        let query = request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        assert_eq!(format!("{} {}{query}", request.method, request.path), line);
        assert_eq!(request.safety, safety);
        assert_eq!(std::str::from_utf8(&request.body), Ok(body));
        assert!(!request.label.contains("9001"));
    }

    #[test]
    fn reads() {
        check(&me(), "GET /api/me", Safety::Read, "");
        check(&apartments(), "GET /api/apartments", Safety::Read, "");
        check(&reservation(&id("9001")), "GET /api/reservations/9001", Safety::Read, "");
        check(&placeholders(&id("9001")), "GET /api/reservations/9001/placeholders", Safety::Read, "");
        let range = DateRange {
            departing_from: "2027-03-01".parse().unwrap(),
            arriving_until: "2028-03-01".parse().unwrap(),
        };
        check(
            &reservations(range, 2),
            "GET /api/reservations?departureFrom=2027-03-01&page=2&pageSize=100&showCancellation=true",
            Safety::Read,
            "",
        );
        check(
            &messages(&id("9001"), 1),
            "GET /api/reservations/9001/messages?page=1&pageSize=100",
            Safety::Read,
            "",
        );
        assert_eq!(me().headers[CACHE_CONTROL], "no-cache");
    }

    #[test]
    fn writes() {
        check(
            &send_to_guest(&id("9001"), "Code", "Zażółć \"1234\"\n").unwrap(),
            "POST /api/reservations/9001/messages/send-message-to-guest",
            Safety::Once,
            r#"{"messageBody":"Zażółć \"1234\"\n","subject":"Code"}"#,
        );
        check(
            &send_to_guest(&id("9001"), " ", "x").unwrap(),
            "POST /api/reservations/9001/messages/send-message-to-guest",
            Safety::Once,
            r#"{"messageBody":"x"}"#,
        );
        check(
            &create_placeholder(&id("9001"), "door_code", "4821").unwrap(),
            "POST /api/custom-placeholders",
            Safety::Once,
            r#"{"defaultValue":"4821","foreignId":9001,"key":"door_code","type":1}"#,
        );
    }

    #[test]
    fn queries_are_encoded_and_sorted() {
        let request = with_query(me(), &[("b", "2 +"), ("a[]", "ü"), ("a", "")]);
        assert_eq!(request.query.as_deref(), Some("a%5B%5D=%C3%BC&a=&b=2%20%2B"));
        assert_eq!(with_query(me(), &[]).query, None);
    }

    #[test]
    fn codes_for_the_guest() {
        let pin = |text| Pin::parse(text).unwrap();
        let one = [("Flat".to_owned(), pin("4821"))];
        assert_eq!(placeholder_value(&one), "4821");
        let two = [("House".to_owned(), pin("0042")), ("Flat".to_owned(), pin("4821"))];
        assert_eq!(placeholder_value(&two), "House: 0042, Flat: 4821");
    }
}
