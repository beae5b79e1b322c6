//! The registrar's snapshot: the apps, how to call their activities, and which portals may call us.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use activity::{Activity, CodePattern, Culture, Set};
use bitrix::post::Auth;
use hashbrown::HashMap;
use proto::registrar::v1::{
    Installation as WireInstallation, InstallationState as WireState, Revision as WireRevision, SyncResponse,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use crate::trace::Server;

/// A whole snapshot.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    version: String,
    apps: HashMap<String, App>,
}

/// One app's part.
#[derive(Debug, Default)]
struct App {
    revisions: HashMap<String, Arc<Definitions>>,
    installations: HashMap<String, Installation>,
}

/// The activities of one executor for one app, as of a revision.
#[derive(Debug)]
pub(crate) struct Definitions {
    pub(crate) revision: Arc<str>,
    pub(crate) executor: String,
    pub(crate) uri: String,
    pub(crate) server: Server,
    current: bool,
    allowed: Vec<CodePattern>,
    allowed_texts: Vec<String>,
    set: Set,
    /// As received, to be stored unchanged.
    descriptors: Vec<u8>,
}

#[derive(Debug)]
struct Installation {
    tokens: Vec<[u8; 32]>,
    culture: Culture,
    wire: WireInstallation,
}

/// Where the current snapshot is; `None`: there is none yet.
pub(crate) type Latest = watch::Receiver<Option<Arc<Snapshot>>>;

impl Snapshot {
    /// Reads an answer of the registrar. Revisions that come without descriptors are `before`'s.
    pub(crate) fn of(response: SyncResponse, before: Option<&Self>) -> Self {
        let mut apps: HashMap<String, App> = response.apps.into_iter().map(|name| (name, App::default())).collect();
        for revision in response.revisions {
            let known = before.and_then(|before| before.revision(&revision.revision));
            let (app, name) = (revision.app.clone(), revision.revision.clone());
            match Definitions::of(revision, known) {
                Ok(definitions) => {
                    let app = apps.entry(app).or_default();
                    app.revisions.insert(name, Arc::new(definitions));
                }
                // Its callbacks wait in quarantine; the registrar checks before it pins, so this is a defect.
                Err(problem) => tracing::error!(app, revision = name, problem, "definitions can't be used"),
            }
        }
        for wire in response.installations {
            let tokens = wire
                .application_token_sha256
                .iter()
                .filter_map(|digest| digest[..].try_into().ok())
                .collect();
            let culture = culture(&wire);
            let app = apps.entry(wire.app.clone()).or_default();
            app.installations
                .insert(wire.member_id.clone(), Installation { tokens, culture, wire });
        }
        Self {
            version: response.version,
            apps,
        }
    }

    /// The same as the registrar would send it to someone who has nothing: what is kept for the next start.
    pub(crate) fn to_wire(&self) -> SyncResponse {
        SyncResponse {
            version: self.version.clone(),
            unchanged: false,
            revisions: self
                .apps
                .iter()
                .flat_map(|(app, content)| content.revisions.values().map(|definitions| definitions.to_wire(app)))
                .collect(),
            installations: self
                .apps
                .values()
                .flat_map(|app| app.installations.values())
                .map(|i| i.wire.clone())
                .collect(),
            apps: self.apps.keys().cloned().collect(),
        }
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Revisions that need not be sent again.
    pub(crate) fn known_revisions(&self) -> Vec<String> {
        let names: HashSet<&String> = self.apps.values().flat_map(|app| app.revisions.keys()).collect();
        names.into_iter().cloned().collect()
    }

    /// Any app's definitions of this revision: its name is a digest of its descriptors, whoever they are for.
    fn revision(&self, revision: &str) -> Option<&Arc<Definitions>> {
        self.apps.values().find_map(|app| app.revisions.get(revision))
    }

    /// Addresses of all executors.
    pub(crate) fn executor_uris(&self) -> HashSet<&str> {
        self.apps
            .values()
            .flat_map(|app| app.revisions.values())
            .map(|definitions| definitions.uri.as_str())
            .collect()
    }

    pub(crate) fn has_app(&self, app: &str) -> bool {
        self.apps.contains_key(app)
    }

    pub(crate) fn definitions(&self, app: &str, revision: &str) -> Option<&Arc<Definitions>> {
        self.apps.get(app)?.revisions.get(revision)
    }

    /// The current definitions with this code: for a callback that came without a revision in its URL.
    pub(crate) fn current(&self, app: &str, code: &str) -> Option<&Arc<Definitions>> {
        let mut all = self.apps.get(app)?.revisions.values();
        all.find(|definitions| definitions.current && definitions.find(code).is_some())
    }

    /// Installations that work and did not `before`.
    pub(crate) fn revived(&self, before: &Self) -> impl Iterator<Item = (&str, &str)> {
        let worked = |one: &WireInstallation| {
            let before = before
                .apps
                .get(&one.app)
                .and_then(|app| app.installations.get(&one.member_id));
            before.is_none_or(Installation::works)
        };
        let all = self.apps.values().flat_map(|app| app.installations.values());
        all.filter(move |one| one.works() && !worked(&one.wire))
            .map(|one| (one.wire.app.as_str(), one.wire.member_id.as_str()))
    }

    /// How the installation's portal writes dates.
    pub(crate) fn culture(&self, app: &str, member_id: &str) -> Cow<'_, Culture> {
        let installation = self.apps.get(app).and_then(|app| app.installations.get(member_id));
        installation.map_or_else(
            || Cow::Owned(Culture::unset(setting(app, member_id))),
            |installation| Cow::Borrowed(&installation.culture),
        )
    }

    /// Whether the portal of this installation knows the secret that it shares with the app. All secrets are compared,
    /// each in constant time.
    pub(crate) fn authenticates(&self, app: &str, auth: &Auth) -> Authenticity {
        let member_id = auth.member_id.as_deref().unwrap_or_default();
        let application_token = auth.application_token.as_ref().map(bitrix::Secret::expose);
        let Some(installation) = self.apps.get(app).and_then(|app| app.installations.get(member_id)) else {
            return Authenticity::UnknownInstallation;
        };
        let digest: [u8; 32] = Sha256::digest(application_token.unwrap_or_default()).into();
        let matches = installation
            .tokens
            .iter()
            .fold(subtle::Choice::from(0), |found, token| {
                found | token[..].ct_eq(&digest[..])
            });
        match bool::from(matches) {
            // Its own token, which lives, may revive it.
            true if !installation.works() => Authenticity::Ended,
            true => Authenticity::Authentic,
            false if installation.tokens.is_empty() => Authenticity::NoSecret,
            false => Authenticity::WrongSecret,
        }
    }
}

/// Where a portal's culture is configured.
fn setting(app: &str, member_id: &str) -> String {
    format!("registrar.apps.{app}.portals.{member_id}")
}

fn culture(wire: &WireInstallation) -> Culture {
    let setting = setting(&wire.app, &wire.member_id);
    if let (Ok(format), Ok(zone)) = (wire.culture.parse(), wire.time_zone.parse()) {
        return Culture::new(setting, format, zone);
    }
    // The registrar has checked them: a zone that only its database knows.
    if !wire.culture.is_empty() {
        tracing::error!(
            setting,
            wire.culture,
            wire.time_zone,
            "a portal's culture can't be used"
        );
    }
    Culture::unset(setting)
}

/// What an application token proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authenticity {
    /// It is the installation's.
    Authentic,
    /// The installation has none that is believed yet.
    NoSecret,
    /// It is not one of the installation's.
    WrongSecret,
    /// There is no such installation.
    UnknownInstallation,
    /// It is the installation's, which was given up or is in doubt: its credentials are void, or the app or the portal was gone.
    Ended,
}

impl Installation {
    fn works(&self) -> bool {
        use WireState::{PortalGone, TokenRevoked, Uninstalled};
        !self.wire.in_doubt && !matches!(self.wire.state(), PortalGone | TokenRevoked | Uninstalled)
    }
}

impl Definitions {
    fn of(wire: WireRevision, known: Option<&Arc<Self>>) -> Result<Self, String> {
        let (set, descriptors) = match known {
            Some(known) if wire.descriptors.is_empty() => (known.set.clone(), known.descriptors.clone()),
            None if wire.descriptors.is_empty() => return Err("they came without descriptors".into()),
            _ => {
                let set =
                    Set::read(&wire.descriptors, &activity::Limits::default()).map_err(|error| error.to_string())?;
                (set, wire.descriptors.clone())
            }
        };
        let allowed = wire
            .allowed_codes
            .iter()
            .map(|pattern| pattern.parse::<CodePattern>().map_err(|error| error.to_string()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            revision: wire.revision.into(),
            executor: wire.executor,
            server: Server::of(&wire.executor_uri.parse().unwrap_or_default()),
            uri: wire.executor_uri,
            current: wire.current,
            allowed,
            allowed_texts: wire.allowed_codes,
            set,
            descriptors,
        })
    }

    fn to_wire(&self, app: &str) -> WireRevision {
        WireRevision {
            app: app.to_owned(),
            revision: self.revision.to_string(),
            executor: self.executor.clone(),
            executor_uri: self.uri.clone(),
            descriptors: self.descriptors.clone(),
            allowed_codes: self.allowed_texts.clone(),
            current: self.current,
        }
    }

    /// The activity with this code, if the executor may claim it.
    pub(crate) fn find(&self, code: &str) -> Option<&Activity> {
        self.set
            .find(code)
            .filter(|_| self.allowed.iter().any(|pattern| pattern.matches(code)))
    }
}
