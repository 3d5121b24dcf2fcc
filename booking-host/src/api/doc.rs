//! The API as an OpenAPI document.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::error::ApiError;
use super::{doors, health, log, mail, plans, sources, stays, tenants};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Staykey, the operator's API",
        description = "What a person or a program asks a host, and tells it to do. Times are RFC 3339 in UTC; what is \
                       local says so and names its zone."
    ),
    paths(
        openapi,
        tenants::tenants,
        plans::draft,
        plans::plan,
        plans::apply,
        stays::explain,
        stays::reissue,
        stays::erase,
        doors::doors,
        doors::codes,
        doors::link,
        health::health,
        log::log,
        sources::brakes,
        sources::release,
        sources::trust,
        sources::read_now,
        mail::mail
    ),
    modifiers(&Token)
)]
struct Described;

struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of [[api.token]] in the host's configuration."));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// The OpenAPI document, as `openapi.json` holds it.
#[must_use]
pub fn document() -> String {
    // The version in the document is the API's, in its paths, and not the crate's.
    let mut openapi = Described::openapi();
    openapi.info.version = "1".to_owned();
    openapi.info.license = None;
    let mut text = openapi.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "tenants",
    responses((status = 200, description = "The API as an OpenAPI document"), (status = 401, body = super::ErrorView)),
    security(("token" = []))
)]
pub(super) async fn openapi() -> Result<Response, ApiError> {
    Ok((StatusCode::OK, [(CONTENT_TYPE, "application/json")], document()).into_response())
}
