use super::{Auth, PostError, field};
use crate::form::Array;

/// A user's browser opens the application's page or installer in a frame. The browser sends it: forgeable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The user's tokens and the portal. `expires` is never known, `expires_in` is `AUTH_EXPIRES`.
    pub auth: Auth,
    /// The portal's host as the query (or the body) has it; some portals leave it out.
    pub domain: Option<String>,
    /// Whether the portal speaks https (`PROTOCOL` is 1), if it says so.
    pub https: Option<bool>,
    /// The user's language, a code of the portal's own (`en`, `ru`, `br`, `ua`, …).
    pub lang: Option<String>,
    /// The frame's session, new for each rendering; the page hands it back to the portal's script.
    pub app_sid: Option<String>,
    /// Where the frame is shown; `DEFAULT` for the main page and the installer.
    pub placement: Option<String>,
    /// What the placement says, JSON text as sent.
    pub placement_options: Option<String>,
}

impl Frame {
    pub(super) fn of_form(form: &Array, query: &Array) -> Result<Self, PostError> {
        let either = |name| Ok::<_, PostError>(field::filled(query, name)?.or(field::filled(form, name)?));
        let domain = either("DOMAIN")?;
        Ok(Self {
            auth: Auth {
                access_token: field::secret(form, "AUTH_ID")?,
                refresh_token: field::secret(form, "REFRESH_ID")?,
                expires: None,
                expires_in: field::number(form, "AUTH_EXPIRES"),
                domain: domain.clone(),
                member_id: field::filled(form, "member_id")?,
                server_endpoint: field::filled(form, "SERVER_ENDPOINT")?,
                client_endpoint: None,
                application_token: field::secret(form, "APPLICATION_TOKEN")?,
                scope: field::filled(form, "APPLICATION_SCOPE")?,
                status: field::filled(form, "status")?,
                user_id: None,
            },
            domain,
            https: either("PROTOCOL")?.map(|protocol| protocol == "1"),
            lang: either("LANG")?,
            app_sid: either("APP_SID")?,
            placement: either("PLACEMENT")?,
            placement_options: either("PLACEMENT_OPTIONS")?,
        })
    }
}
