//! What a caller is told when it does not get what it asked for.

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use booking_core::store::StoreError;
use booking_engine::WorkError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::ApiScope;

/// Why something was not done, and what to do about it. No text holds a token, digits or anything of a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorView {
    /// What is the matter.
    pub error: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// What it may have meant, where that is not clear: our ids of bookings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
}

/// An answer that is not the one asked for.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    pub(super) view: ErrorView,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, error: impl Into<String>, remedy: impl Into<String>) -> Self {
        let view = ErrorView { error: error.into(), remedy: remedy.into(), candidates: Vec::new() };
        Self { status, view }
    }

    pub(super) fn bad(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, remedy)
    }

    /// There is no such thing; what it is, without its name, which may be anything.
    pub(super) fn missing(what: &str, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"), remedy)
    }

    pub(super) fn conflict(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, error, remedy)
    }

    pub(super) fn unknown_caller() -> Self {
        let remedy = "send `Authorization: Bearer TOKEN` with a token of the section [[api.token]]";
        Self::new(StatusCode::UNAUTHORIZED, "no token that is known here", remedy)
    }

    pub(super) fn not_allowed(name: &str, scope: ApiScope) -> Self {
        let word = scope.word();
        let remedy = format!("add \"{word}\" to the scopes of [[api.token]] {name}, or use another token");
        Self::new(StatusCode::FORBIDDEN, format!("this token may not do that: it lacks `{word}`"), remedy)
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error", "see the host's log")
    }

    pub(super) fn ambiguous(candidates: Vec<String>) -> Self {
        let remedy = "name one of the candidates, or the source as well: SOURCE:REFERENCE";
        let mut error = Self::conflict("several bookings have this reference", remedy);
        error.view.candidates = candidates;
        error
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the operator's API cannot use the store");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the store is not available",
            "try again; see the host's log",
        )
    }
}

impl From<WorkError> for ApiError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Store(error) => error.into(),
            _ => Self::conflict("somebody else changed it at the same time", "try again"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = json(self.status, &self.view);
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => (status, [(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(_) => ApiError::internal().into_response(),
    }
}
