//! Who asks, and what they may do.

use std::collections::BTreeSet;
use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use booking_core::TenantSlug;
use subtle::ConstantTimeEq as _;

use super::error::ApiError;
use crate::config::{ApiConfig, ApiScope, ApiToken};

/// Whom an API answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Callers with a token of the configuration.
    Tokens,
    /// Everybody who holds the router, without any token: for a program that has the configuration anyway. Never serve
    /// it on a socket.
    Open,
}

/// The callers that an API knows.
pub(super) enum Guard {
    Open,
    Tokens(Vec<ApiToken>),
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Open) { "Open" } else { "Tokens" })
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    name: String,
    scopes: BTreeSet<ApiScope>,
    tenants: Option<BTreeSet<TenantSlug>>,
}

impl Guard {
    pub(super) fn new(access: Access, config: Option<&ApiConfig>) -> Self {
        match access {
            Access::Open => Self::Open,
            Access::Tokens => Self::Tokens(config.map(|config| config.tokens.clone()).unwrap_or_default()),
        }
    }

    /// The caller that a request's headers show.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let Self::Tokens(tokens) = self else { return Ok(Caller::anybody()) };
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(header), None) = (given.next(), given.next()) else {
            return Err(ApiError::unknown_caller());
        };
        let (scheme, token) = header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .ok_or_else(ApiError::unknown_caller)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::unknown_caller());
        }
        let token = token.trim().as_bytes();
        // All of them, so that the time tells nothing of which one was nearly right.
        let mut found = None;
        for known in tokens {
            let Some(secret) = known.token.get() else { continue };
            if bool::from(secret.expose().as_bytes().ct_eq(token)) {
                found = Some(known);
            }
        }
        found.map(Caller::of).ok_or_else(ApiError::unknown_caller)
    }
}

impl Caller {
    fn anybody() -> Self {
        Self { name: "local".to_owned(), scopes: ApiScope::ALL.into_iter().collect(), tenants: None }
    }

    fn of(token: &ApiToken) -> Self {
        Self { name: token.name.clone(), scopes: token.scopes.clone(), tenants: token.tenants.clone() }
    }

    /// The token's name, for the log.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn may(&self, scope: ApiScope) -> bool {
        self.scopes.contains(&scope)
    }

    pub(super) fn sees(&self, tenant: &TenantSlug) -> bool {
        self.tenants.as_ref().is_none_or(|tenants| tenants.contains(tenant))
    }

    /// Refuses a caller without this scope.
    pub(super) fn must(&self, scope: ApiScope) -> Result<(), ApiError> {
        if self.may(scope) { Ok(()) } else { Err(ApiError::not_allowed(&self.name, scope)) }
    }

    /// Whether digits are shown: asked for, and allowed.
    pub(super) fn shows(&self, wanted: bool) -> Result<bool, ApiError> {
        if wanted {
            self.must(ApiScope::Pins)?;
        }
        Ok(wanted)
    }
}
