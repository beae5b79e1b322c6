//! Who calls: from a token to an app, a user and their rights.

use serde_json::{Map, Value};

use super::Call;
use crate::{
    context::{Context, Failure},
    oauth::{OAuth, Worth},
    state::Portal,
    world::Hosted,
};

fn refused(code: &str, description: &str) -> Failure {
    Failure::new(401, code, description)
}

/// Authorises by an application's token: the header wins over `auth` and `access_token`.
pub(super) fn by_token(oauth: &OAuth, name: &str, portal: &Portal, call: &Call, now: i64) -> Result<Context, Failure> {
    let Some(token) = call.bearer.as_deref().or_else(|| token_of(&call.params)) else {
        return Err(refused("NO_AUTH_FOUND", "Wrong authorization data"));
    };
    let grant = match oauth.check(token, now) {
        Worth::Good(grant) if grant.portal == name => grant,
        Worth::Good(_) | Worth::Unknown => return Err(refused("invalid_token", "Unable to get application by token")),
        Worth::Expired => return Err(refused("expired_token", "The access token provided has expired")),
    };
    let app = portal.apps.get(&grant.client_id).filter(|app| app.active);
    let app = app.ok_or_else(|| refused("APPLICATION_NOT_FOUND", "Application not found"))?;
    if app.payment_expired {
        return Err(refused("PAYMENT_REQUIRED", "Subscription has been ended"));
    }
    let mut context = for_user(portal, grant.user_id)?;
    context.client_id = Some(grant.client_id.clone());
    context.scope = Some(app.scope.clone());
    Ok(context)
}

/// Authorises an incoming webhook, `/rest/USER/SECRET/METHOD`.
pub(super) fn by_webhook(hosted: &Hosted, user: &str, secret: &str) -> Result<Context, Failure> {
    match hosted.webhooks.get(secret) {
        Some(owner) if owner.to_string() == user => for_user(&hosted.portal, *owner),
        _ => Err(refused("INVALID_CREDENTIALS", "Invalid request credentials")),
    }
}

fn for_user(portal: &Portal, id: u64) -> Result<Context, Failure> {
    let user = portal.users.get(&id).filter(|user| user.active);
    let user = user.ok_or_else(|| refused("authorization_error", "Unable to authorize user"))?;
    let user_zone_offset = if portal.settings.use_time_zones {
        user.zone_offset
    } else {
        0
    };
    Ok(Context {
        user_id: id,
        admin: user.admin,
        user_zone_offset,
        ..Context::default()
    })
}

fn token_of(params: &Map<String, Value>) -> Option<&str> {
    let token = |name| {
        params
            .get(name)
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty())
    };
    token("auth").or_else(|| token("access_token"))
}
