//! The routes of the API.

use bytes::Bytes;
use chrono::{NaiveDate, NaiveDateTime, SubsecRound};
use http::Response;
use serde_json::{Value, json};

use super::{Booking, BookingPatch, NewBooking, Placeholder, Sender, SmoobuSim, error};
use crate::operation::Operation;
use crate::web::{self, Answer, Call};

type Refusal = Box<Response<Bytes>>;

const DEFAULT_PAGE: usize = 25;
const LARGEST_PAGE: usize = 100;
/// Smoobu's code for a placeholder of one booking.
const ONE_BOOKING: u64 = 1;

impl SmoobuSim {
    pub(super) fn answer(&mut self, call: &Call<'_>) -> Answer {
        let result = match call.operation {
            Operation::ListReservations => self.list(call).map(Answer::read),
            Operation::GetReservation => {
                self.wanted(call).map(|booking| Answer::read(web::json(200, &self.show(booking, false))))
            }
            Operation::CreateReservation => self.create(call),
            Operation::UpdateReservation => self.update(call),
            Operation::DeleteReservation => self.remove(call),
            Operation::ListApartments => Ok(Answer::read(self.list_apartments())),
            Operation::GetApartment => self.apartment(call).map(Answer::read),
            Operation::Me => Ok(Answer::read(web::json(
                200,
                &json!({"id": self.config.user, "firstName": "Olga", "lastName": "Owner",
                        "email": "owner@example.org"}),
            ))),
            Operation::SendToGuest => self.send(call, true),
            Operation::SendToHost => self.send(call, false),
            Operation::ListMessages => self.messages(call).map(Answer::read),
            Operation::ListPlaceholders => Ok(Answer::read(self.list_placeholders())),
            Operation::CreatePlaceholder => self.create_placeholder(call),
            Operation::ReservationPlaceholders => self.reservation_placeholders(call).map(Answer::read),
            _ => Err(not_found("no such route")),
        };
        result.unwrap_or_else(|refusal| Answer::read(*refusal))
    }

    fn wanted(&self, call: &Call<'_>) -> Result<&Booking, Refusal> {
        call.id(2).and_then(|id| self.bookings.get(&id)).ok_or_else(|| not_found("reservation not found"))
    }

    fn list(&self, call: &Call<'_>) -> Result<Response<Bytes>, Refusal> {
        let filter = Filter::parse(call)?;
        let zone = self.config.account_zone;
        let hits: Vec<&Booking> =
            self.bookings.values().filter(|booking| filter.lets(booking, zone)).collect();
        let prices = call.query_value("includePriceElements").is_some_and(|value| web::truthy(&value));
        page(call, "bookings", &hits, |booking| self.show(booking, prices))
    }

    fn create(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let body = object(call)?;
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let day = |key: &str| text(key).and_then(|value| value.parse::<NaiveDate>().ok());
        let (Some(arrival), Some(departure)) = (day("arrivalDate"), day("departureDate")) else {
            return Err(unprocessable("arrivalDate and departureDate are needed"));
        };
        let apartment = body.get("apartmentId").and_then(number).unwrap_or_default();
        if !self.apartments.contains_key(&apartment) || departure <= arrival {
            return Err(unprocessable("apartmentId or dates are not valid"));
        }
        let (first_name, last_name) = (text("firstName"), text("lastName"));
        let full =
            [first_name.clone(), last_name.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let new = NewBooking {
            guest_name: full,
            first_name,
            last_name,
            email: text("email"),
            phone: text("phone"),
            language: text("language"),
            notice: text("notice").unwrap_or_default(),
            channel_id: body.get("channelId").and_then(number).unwrap_or(70),
            channel_name: "API".into(),
            ..NewBooking::stay(apartment, arrival, departure)
        };
        let id = self.create_booking(call.now, new);
        Ok(Answer::applied(web::json(201, &json!({"id": id}))))
    }

    fn update(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let id = self.wanted(call)?.id;
        let body = object(call)?;
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let count = |key: &str| body.get(key).and_then(number).and_then(|value| u32::try_from(value).ok());
        // Days and property cannot be changed by API: such fields are passed over, as unknown ones are.
        let patch = BookingPatch {
            check_in: text("arrivalTime").map(Some),
            check_out: text("departureTime").map(Some),
            price: body.get("price").and_then(Value::as_f64),
            notice: text("notice"),
            assistant_notice: text("assistantNotice"),
            guest_name: text("guestName"),
            email: text("guestEmail").map(Some),
            phone: text("guestPhone").map(Some),
            adults: count("adults"),
            children: count("children"),
            language: text("language").map(Some),
            ..BookingPatch::default()
        };
        self.update_booking(call.now, id, patch);
        Ok(Answer::applied(web::json(200, &json!({"success": true}))))
    }

    fn remove(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let id = self.wanted(call)?.id;
        let response = web::json(200, &json!({"success": true}));
        Ok(if self.cancel(call.now, id) { Answer::applied(response) } else { Answer::read(response) })
    }

    fn list_apartments(&self) -> Response<Bytes> {
        let apartments: Vec<Value> =
            self.apartments.values().map(|each| json!({"id": each.id, "name": each.name})).collect();
        web::json(200, &json!({"apartments": apartments}))
    }

    fn apartment(&self, call: &Call<'_>) -> Result<Response<Bytes>, Refusal> {
        call.id(2)
            .and_then(|id| self.apartments.get(&id))
            .map(|apartment| web::json(200, &apartment.detail()))
            .ok_or_else(|| not_found("apartment not found"))
    }

    fn send(&mut self, call: &Call<'_>, to_guest: bool) -> Result<Answer, Refusal> {
        let id = self.wanted(call)?.id;
        let body = object(call)?;
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let Some(message) = text("messageBody").filter(|message| !message.trim().is_empty()) else {
            return Err(unprocessable("messageBody is needed"));
        };
        let internal = body.get("internal").and_then(Value::as_bool).unwrap_or(false);
        // A message "to the host" is written by the host into the thread; only an internal one hides from the guest.
        let for_guest = to_guest || !internal;
        let number = self.post(call.now, id, Sender::Host, text("subject"), message, for_guest);
        Ok(Answer::applied(web::json(201, &json!({"id": number}))))
    }

    fn messages(&self, call: &Call<'_>) -> Result<Response<Bytes>, Refusal> {
        let id = self.wanted(call)?.id;
        let only_guest = call.query_value("onlyRelatedToGuest").is_some_and(|value| web::truthy(&value));
        let mut shown = Vec::new();
        for message in self.thread(id).iter().filter(|message| message.for_guest || !only_guest) {
            shown.push(message);
            if self.config.echo_messages && message.sender == Sender::Host {
                shown.push(message);
            }
        }
        page(call, "messages", &shown, |message| message.show(self.config.account_zone))
    }

    fn list_placeholders(&self) -> Response<Bytes> {
        let all: Vec<Value> = self
            .placeholders
            .iter()
            .map(|each| {
                json!({"id": each.id, "key": each.key, "defaultValue": each.value, "type": each.kind,
                       "foreignId": each.foreign_id})
            })
            .collect();
        web::json(200, &json!({"customPlaceholders": all}))
    }

    fn create_placeholder(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let body = object(call)?;
        let key = body.get("key").and_then(Value::as_str).unwrap_or_default();
        let kind = body.get("type").and_then(number);
        let foreign_id = body.get("foreignId").and_then(number);
        let (false, Some(kind)) = (key.is_empty(), kind) else {
            return Err(unprocessable("key and type are needed"));
        };
        if kind == ONE_BOOKING && foreign_id.is_none_or(|id| !self.bookings.contains_key(&id)) {
            return Err(not_found("reservation not found"));
        }
        let taken =
            |each: &Placeholder| each.key == key && each.kind == kind && each.foreign_id == foreign_id;
        if self.placeholders.iter().any(taken) {
            return Err(Box::new(error(400, "Bad Request", "the key already exists")));
        }
        self.last_other += 1;
        let value = body.get("defaultValue").and_then(Value::as_str).unwrap_or_default().to_owned();
        let placeholder = Placeholder { id: self.last_other, key: key.to_owned(), value, kind, foreign_id };
        self.placeholders.push(placeholder);
        Ok(Answer::applied(web::json(201, &json!({"id": self.last_other}))))
    }

    fn reservation_placeholders(&self, call: &Call<'_>) -> Result<Response<Bytes>, Refusal> {
        let booking = self.wanted(call)?;
        let mut values = vec![
            json!({"key": "guestName", "value": booking.data.guest_name}),
            json!({"key": "arrival", "value": booking.data.arrival.to_string()}),
            json!({"key": "departure", "value": booking.data.departure.to_string()}),
        ];
        let own = |each: &&Placeholder| each.kind == ONE_BOOKING && each.foreign_id == Some(booking.id);
        values.extend(
            self.placeholders.iter().filter(own).map(|each| json!({"key": each.key, "value": each.value})),
        );
        Ok(web::json(200, &json!({"placeholders": values})))
    }
}

fn page<T: Copy>(
    call: &Call<'_>,
    key: &str,
    items: &[T],
    show: impl Fn(T) -> Value,
) -> Result<Response<Bytes>, Refusal> {
    let count = |name: &str, default: usize| match call.query_value(name) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().map_err(|_| unprocessable("page and pageSize are numbers")),
    };
    // Page 0 shows what page 1 shows: the way in which an early client saw every row twice.
    let number = count("page", 1)?.max(1);
    let size = count("pageSize", DEFAULT_PAGE)?.clamp(1, LARGEST_PAGE);
    let start = (number - 1).saturating_mul(size);
    let shown: Vec<Value> = items.iter().skip(start).take(size).map(|item| show(*item)).collect();
    let mut body = json!({
        "page_count": items.len().div_ceil(size),
        "page_size": size,
        "total_items": items.len(),
        "page": number,
    });
    if let Some(map) = body.as_object_mut() {
        map.insert(key.to_owned(), Value::Array(shown));
    }
    Ok(web::json(200, &body))
}

/// The filters of the list. Bounds include their day.
#[derive(Debug, Default)]
struct Filter {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    arrival: (Option<NaiveDate>, Option<NaiveDate>),
    departure: (Option<NaiveDate>, Option<NaiveDate>),
    created: (Option<NaiveDateTime>, Option<NaiveDateTime>),
    modified: (Option<NaiveDateTime>, Option<NaiveDateTime>),
    apartment: Option<u64>,
    cancelled: bool,
    without_blocks: bool,
}

impl Filter {
    fn parse(call: &Call<'_>) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for (key, value) in web::pairs(call.query) {
            match key.as_str() {
                "from" => filter.from = Some(day(&value)?),
                "to" => filter.to = Some(day(&value)?),
                "arrivalFrom" => filter.arrival.0 = Some(day(&value)?),
                "arrivalTo" => filter.arrival.1 = Some(day(&value)?),
                "departureFrom" => filter.departure.0 = Some(day(&value)?),
                "departureTo" => filter.departure.1 = Some(day(&value)?),
                "created_from" => filter.created.0 = Some(moment(&value, false)?),
                "created_to" => filter.created.1 = Some(moment(&value, true)?),
                "modifiedFrom" => filter.modified.0 = Some(moment(&value, false)?),
                "modifiedTo" => filter.modified.1 = Some(moment(&value, true)?),
                "apartmentId" => {
                    filter.apartment =
                        Some(value.parse().map_err(|_| unprocessable("apartmentId is a number"))?);
                }
                "showCancellation" => filter.cancelled = web::truthy(&value),
                "excludeBlocked" => filter.without_blocks = web::truthy(&value),
                _ => {}
            }
        }
        Ok(filter)
    }

    fn lets(&self, booking: &Booking, zone: chrono_tz::Tz) -> bool {
        let data = &booking.data;
        let created = booking.created_at.with_timezone(&zone).naive_local().trunc_subsecs(0);
        let modified = booking.modified_at.with_timezone(&zone).naive_local().trunc_subsecs(0);
        (self.cancelled || !booking.cancelled)
            && (!self.without_blocks || !data.blocked)
            && self.apartment.is_none_or(|wanted| wanted == data.apartment)
            && self.from.is_none_or(|from| data.departure >= from)
            && self.to.is_none_or(|to| data.arrival <= to)
            && within(self.arrival, data.arrival)
            && within(self.departure, data.departure)
            && within(self.created, created)
            && within(self.modified, modified)
    }
}

fn within<T: PartialOrd + Copy>(bounds: (Option<T>, Option<T>), value: T) -> bool {
    bounds.0.is_none_or(|from| value >= from) && bounds.1.is_none_or(|to| value <= to)
}

fn day(value: &str) -> Result<NaiveDate, Refusal> {
    value.parse().map_err(|_| unprocessable("dates are YYYY-MM-DD"))
}

/// A day, or a day and a time, in the zone of the account; a day alone as an upper bound takes in the whole day.
fn moment(value: &str, upper: bool) -> Result<NaiveDateTime, Refusal> {
    for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(value, format) {
            return Ok(at);
        }
    }
    let day = day(value)?;
    let at = if upper { day.and_hms_opt(23, 59, 59) } else { day.and_hms_opt(0, 0, 0) };
    at.ok_or_else(|| unprocessable("dates are YYYY-MM-DD"))
}

fn object(call: &Call<'_>) -> Result<serde_json::Map<String, Value>, Refusal> {
    match serde_json::from_slice(call.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(unprocessable("the body is not a JSON object")),
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn not_found(detail: &str) -> Refusal {
    Box::new(error(404, "Not Found", detail))
}

fn unprocessable(detail: &str) -> Refusal {
    Box::new(error(422, "Unprocessable Entity", detail))
}
