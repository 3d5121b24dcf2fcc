//! Tenants, as configured.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use booking_engine::Mode;

use super::error::{ApiError, ErrorView};
use super::views::{IntegrationView, Role, TenantView, TenantsView, UnitView};
use super::{Api, Asked, ok};
use crate::config::{ApiScope, Settings, TenantConfig};

/// The tenants that the token may see.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "tenants",
    responses(
        (status = 200, body = TenantsView),
        (status = 401, body = ErrorView), (status = 403, body = ErrorView)
    ),
    security(("token" = []))
)]
pub(super) async fn tenants(State(api): State<Arc<Api>>, asked: Asked<()>) -> Result<Response, ApiError> {
    asked.caller.must(ApiScope::Read)?;
    let seen = api.config.tenants.iter().filter(|tenant| asked.caller.sees(&tenant.slug));
    Ok(ok(&TenantsView { tenants: seen.map(view).collect() }))
}

fn view(tenant: &TenantConfig) -> TenantView {
    TenantView {
        tenant: tenant.slug.to_string(),
        mode: mode(tenant.mode).to_owned(),
        integrations: integrations(tenant)
            .map(|(role, name, settings)| IntegrationView {
                name: name.to_owned(),
                role,
                kind: settings.kind().to_owned(),
            })
            .collect(),
        units: tenant
            .units
            .iter()
            .map(|unit| UnitView {
                unit: unit.id.to_string(),
                name: unit.name.clone(),
                time_zone: unit.zone.to_string(),
                doors: unit.doors.iter().map(ToString::to_string).collect(),
            })
            .collect(),
    }
}

/// Every account of a tenant with its settings.
pub(super) fn integrations(tenant: &TenantConfig) -> impl Iterator<Item = (Role, &str, &Settings)> {
    let sources = tenant.sources.iter().map(|(name, settings)| (Role::Source, name.as_str(), settings));
    let locks = tenant.locks.iter().map(|(name, settings)| (Role::Lock, name.as_str(), settings));
    let notifiers = tenant.notifiers.iter().map(|(name, settings)| (Role::Notifier, name.as_str(), settings));
    sources.chain(locks).chain(notifiers)
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Full => "full",
        Mode::UpsertOnly => "upsert-only",
        Mode::Observe => "observe",
    }
}
