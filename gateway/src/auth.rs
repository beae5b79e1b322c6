//! Authorisation data on its way to the registrar.

use bitrix::{Secret, post::Auth};
use proto::registrar::v1 as wire;

/// As the contract has it.
pub(crate) fn wire(auth: &Auth) -> wire::Auth {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let secret = |secret: &Option<Secret>| {
        secret
            .as_ref()
            .map(|secret| secret.expose().to_owned())
            .unwrap_or_default()
    };
    wire::Auth {
        access_token: secret(&auth.access_token),
        refresh_token: secret(&auth.refresh_token),
        expires: auth.expires.unwrap_or_default(),
        domain: text(&auth.domain),
        member_id: text(&auth.member_id),
        server_endpoint: text(&auth.server_endpoint),
        client_endpoint: text(&auth.client_endpoint),
        application_token: secret(&auth.application_token),
        scope: text(&auth.scope),
        status: text(&auth.status),
        user_id: auth.user_id.unwrap_or_default(),
    }
}
