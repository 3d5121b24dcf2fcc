//! Mails that an operator's mail program hands over: kept as facts, read later.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use booking_core::store::{Arrival, Commit, Origin, StoreError, Tx};
use booking_core::{BookingId, Dedup, Event, IntegrationName, Reply};
use mail_parser::{Address, MessageParser};
use serde::{Deserialize, Serialize};

use super::error::{ApiError, ErrorView, json};
use super::views::{MailSummary, MailTaken};
use super::{Api, Asked, whole};
use crate::config::ApiScope;

/// The longest mail.
const LONGEST: usize = 256 * 1024;
/// The longest that is kept of a header.
const LONGEST_HEADER: usize = 998;
/// For how long a Message-Id is remembered.
const REMEMBERED: Duration = Duration::from_secs(31 * 86_400);
/// The integration that mails stand under.
const NAME: &str = "mail";

/// What is kept of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mail {
    from: String,
    to: Vec<String>,
    subject: Option<String>,
    date: Option<String>,
    message_id: Option<String>,
    bytes: usize,
}

/// Takes a mail as it came: its headers are kept and shown in the log.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/mail", tag = "mail",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    request_body(content = String, content_type = "message/rfc822"),
    responses(
        (status = 200, body = MailTaken), (status = 400, body = ErrorView), (status = 401, body = ErrorView),
        (status = 403, body = ErrorView), (status = 404, body = ErrorView),
        (status = 413, body = ErrorView, description = "Longer than 256 KiB"),
        (status = 415, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn mail(
    State(api): State<Arc<Api>>,
    asked: Asked<String>,
    request: Request,
) -> Result<Response, Response> {
    let tenant = api
        .tenant(&asked.caller, &asked.path, ApiScope::Mail)
        .and_then(|tenant| is_mail(request.headers()).map(|()| tenant))
        .map_err(IntoResponse::into_response)?;
    let body = whole(&api, request, LONGEST).await?;
    let mail = read(&body).map_err(IntoResponse::into_response)?;
    let Ok(integration) = IntegrationName::parse(NAME) else {
        return Err(ApiError::internal().into_response());
    };
    let (payload, now) = (serde_json::to_value(&mail).unwrap_or_default(), api.now());
    let dedup = mail.message_id.clone().map(|id| Dedup::VendorId { id, ttl: REMEMBERED });
    let id = BookingId::draw(&*api.rng);
    let arrival = Arrival {
        tenant: tenant.slug.clone(),
        integration,
        origin: Origin::Mail,
        action: NAME.to_owned(),
        dedup,
        events: vec![(Event::Fact { id: format!("{NAME}/{id}"), payload }, id)],
        priority: None,
        reply: Reply { status: 200, body: serde_json::Value::Null },
    };
    let engine = Arc::clone(&api.intake.engine);
    let commit = api.finish(async move {
        Ok(engine.store().commit(Tx { arrivals: vec![arrival], ..Tx::new(now) }).await?)
    });
    let duplicate = match commit.await.map_err(IntoResponse::into_response)? {
        Commit::Done { accepted, .. } => accepted.first().is_some_and(|accepted| accepted.duplicate),
        // A change without lease, expectations and claims is never refused.
        _ => {
            let error = StoreError::Damaged("an arrival was refused".to_owned());
            return Err(ApiError::from(error).into_response());
        }
    };
    tracing::info!(tenant = %tenant.slug, caller = asked.caller.name(), duplicate, "a mail is taken");
    Ok(json(StatusCode::OK, &MailTaken { duplicate }))
}

fn is_mail(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if ["message/rfc822", "application/octet-stream"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "this content type is no mail",
        "send the mail as it came, as message/rfc822",
    ))
}

fn read(body: &[u8]) -> Result<Mail, ApiError> {
    let no_mail = |what: &str| {
        ApiError::bad(format!("the body is no mail: {what}"), "send the mail as it came, its headers first")
    };
    let mail = MessageParser::default().parse(body).ok_or_else(|| no_mail("it has no headers"))?;
    let from = addresses(mail.from()).into_iter().next().ok_or_else(|| no_mail("it has no From"))?;
    Ok(Mail {
        from,
        to: addresses(mail.to()),
        subject: mail.subject().map(line),
        date: mail.date().filter(|date| date.is_valid()).map(|date| date.to_rfc3339()),
        message_id: mail.message_id().map(line),
        bytes: body.len(),
    })
}

fn addresses(header: Option<&Address<'_>>) -> Vec<String> {
    let all = header.into_iter().flat_map(Address::iter);
    all.filter_map(|address| address.address().map(line)).filter(|address| !address.is_empty()).collect()
}

/// One line of bounded length, whatever was encoded in it.
fn line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(LONGEST_HEADER).collect::<String>().trim().to_owned()
}

/// What the log tells of a mail: without `whole`, no more than where it came from.
pub(super) fn summary(event: Option<&Event>, whole: bool) -> Option<MailSummary> {
    let Some(Event::Fact { payload, .. }) = event else { return None };
    let mail: Mail = serde_json::from_value(payload.clone()).ok()?;
    let domain = mail.from.rsplit_once('@').map(|(_, domain)| format!("…@{domain}"));
    Some(MailSummary {
        from: if whole { mail.from } else { domain.unwrap_or_else(|| "…".to_owned()) },
        to: if whole { mail.to } else { Vec::new() },
        subject: mail.subject.filter(|_| whole),
        date: mail.date,
        message_id: mail.message_id.filter(|_| whole),
        bytes: mail.bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_decoded() {
        let text = "From: =?UTF-8?Q?Zo=C3=AB?= <zoe@planted.example>\r\nTo: a@b.example, C <c@d.example>\r\n\
            Subject: =?iso-8859-2?Q?=AF=F3=B3=E6?=\r\n =?UTF-8?B?IDEyMw==?=\r\nDate: Mon, 1 Mar 2027 12:00:00 +0100\r\n\
            Message-ID: <1@planted.example>\r\n\r\ntext";
        let mail = read(text.as_bytes()).unwrap();
        assert_eq!(mail.from, "zoe@planted.example");
        assert_eq!(mail.to, ["a@b.example", "c@d.example"]);
        assert_eq!(mail.subject.as_deref(), Some("Żółć 123"));
        assert_eq!(mail.date.as_deref(), Some("2027-03-01T12:00:00+01:00"));
        assert_eq!(mail.message_id.as_deref(), Some("1@planted.example"));
        assert_eq!(mail.bytes, text.len());
    }

    #[test]
    fn what_is_no_mail_is_refused_without_being_repeated() {
        for text in [
            "",
            "planted",
            "{\"planted\": 1}",
            "Subject: planted\r\n\r\nno sender",
            "From: \r\n\r\n",
            "\u{0}\u{ff}",
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.view.error.starts_with("the body is no mail"), "{text}");
            assert!(!error.view.error.contains("planted"), "{text}");
        }
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(" a\r\nb\u{0} "), "a  b");
        assert_eq!(line(&"é".repeat(2000)).chars().count(), LONGEST_HEADER);
    }
}
