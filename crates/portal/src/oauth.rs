//! The authorisation server: clients, tokens and their rotation.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::{fault::Faults, names, random};

/// Access tokens live for an hour.
pub const ACCESS_SECONDS: i64 = 3600;
/// Refresh tokens live for 180 days.
pub const REFRESH_SECONDS: i64 = 180 * 24 * 3600;
/// Authorisation codes live for 30 s.
pub const CODE_SECONDS: i64 = 30;

/// The authorisation server's state.
#[derive(Debug)]
pub struct OAuth {
    /// Host and port by which apps reach it.
    pub address: String,
    /// Whether apps reach it over https.
    pub https: bool,
    /// Secrets by `client_id`, of every app ever installed.
    pub clients: HashMap<String, String>,
    /// Wrong answers to give, by path.
    pub faults: Faults,
    access: HashMap<String, Grant>,
    refresh: HashMap<String, Grant>,
    codes: HashMap<String, Grant>,
    /// Refreshes that succeeded.
    pub refreshes: u64,
    /// Refreshes with a token that had been used before: two at once, or a lost pair.
    pub refreshes_of_used: u64,
    /// Requests by address.
    pub requests: Requests,
    used: std::collections::HashSet<String>,
}

/// Requests to the authorisation server by outcome: `ok`, an error's code, `status N` of another body, `cut`.
#[derive(Debug, Default, Serialize)]
pub struct Requests {
    /// `/rest/app.info`: questions whose token it is.
    pub app_info: BTreeMap<String, u64>,
    /// `/oauth/token/`: refreshes and codes.
    pub token: BTreeMap<String, u64>,
    /// Elsewhere.
    pub other: BTreeMap<String, u64>,
}

impl Requests {
    /// Counts one.
    pub fn count(&mut self, path: &str, outcome: String) {
        let outcomes = match path {
            "/rest/app.info" => &mut self.app_info,
            "/oauth/token" => &mut self.token,
            _ => &mut self.other,
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
}

/// What a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Portal's name.
    pub portal: String,
    /// App.
    pub client_id: String,
    /// User.
    pub user_id: u64,
    /// End of life, unix seconds.
    pub expires: i64,
}

/// A new pair.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    /// For calls.
    pub access_token: String,
    /// For the next pair.
    pub refresh_token: String,
    /// End of the access token's life, unix seconds.
    pub expires: i64,
}

/// What a token is worth now.
#[derive(Debug, PartialEq, Eq)]
pub enum Worth<'a> {
    /// Good.
    Good(&'a Grant),
    /// Was good.
    Expired,
    /// Never given, or withdrawn.
    Unknown,
}

impl OAuth {
    /// A server without clients.
    pub fn new(address: String) -> Self {
        Self {
            address,
            https: false,
            clients: HashMap::new(),
            faults: Faults::default(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            codes: HashMap::new(),
            refreshes: 0,
            refreshes_of_used: 0,
            requests: Requests::default(),
            used: std::collections::HashSet::new(),
        }
    }

    /// Scheme and host by which apps reach it.
    pub fn origin(&self) -> String {
        names::origin(self.https, &self.address)
    }

    /// `server_endpoint` of every body.
    pub fn server_endpoint(&self) -> String {
        format!("{}/rest/", self.origin())
    }

    /// Makes a pair for a user of a portal's app.
    pub fn issue(&mut self, portal: &str, client_id: &str, user_id: u64, now: i64) -> Pair {
        // Tokens of the cloud are 70 hex digits.
        let pair = Pair {
            access_token: random::hex::<35>(),
            refresh_token: random::hex::<35>(),
            expires: now + ACCESS_SECONDS,
        };
        let grant = Grant {
            portal: portal.to_owned(),
            client_id: client_id.to_owned(),
            user_id,
            expires: pair.expires,
        };
        self.access.insert(pair.access_token.clone(), grant.clone());
        self.refresh.insert(
            pair.refresh_token.clone(),
            Grant {
                expires: now + REFRESH_SECONDS,
                ..grant
            },
        );
        pair
    }

    /// Puts given tokens in place.
    pub fn seed(&mut self, access: Option<String>, refresh: Option<String>, grant: &Grant, now: i64) {
        if let Some(token) = access {
            self.access.insert(token, grant.clone());
        }
        if let Some(token) = refresh {
            self.refresh.insert(
                token,
                Grant {
                    expires: now + REFRESH_SECONDS,
                    ..grant.clone()
                },
            );
        }
    }

    /// Makes an authorisation code.
    pub fn code(&mut self, portal: &str, client_id: &str, user_id: u64, now: i64) -> String {
        let code = random::hex::<35>();
        let grant = Grant {
            portal: portal.to_owned(),
            client_id: client_id.to_owned(),
            user_id,
            expires: now + CODE_SECONDS,
        };
        self.codes.insert(code.clone(), grant);
        code
    }

    /// Takes a code; it works once.
    pub fn take_code(&mut self, code: &str, client_id: &str, now: i64) -> Option<Grant> {
        self.codes
            .remove(code)
            .filter(|grant| grant.client_id == client_id && grant.expires >= now)
    }

    /// Takes a refresh token; rotation makes it worthless.
    pub fn take_refresh(&mut self, token: &str, client_id: &str, now: i64) -> Option<Grant> {
        if self.used.contains(token) {
            self.refreshes_of_used += 1;
        }
        if self.refresh.get(token)?.client_id != client_id {
            return None;
        }
        let grant = self.refresh.remove(token)?;
        self.used.insert(token.to_owned());
        (grant.expires >= now).then_some(grant)
    }

    /// What an access token is worth.
    pub fn check(&self, token: &str, now: i64) -> Worth<'_> {
        match self.access.get(token) {
            None => Worth::Unknown,
            Some(grant) if grant.expires < now => Worth::Expired,
            Some(grant) => Worth::Good(grant),
        }
    }

    /// Withdraws every token of an app on a portal: of all users, or of one.
    pub fn revoke(&mut self, portal: &str, client_id: &str, user_id: Option<u64>) {
        let keep = |grant: &Grant| {
            grant.portal != portal || grant.client_id != client_id || user_id.is_some_and(|user| user != grant.user_id)
        };
        self.access.retain(|_, grant| keep(grant));
        self.refresh.retain(|_, grant| keep(grant));
        self.codes.retain(|_, grant| keep(grant));
    }

    /// Makes every access token of an app on a portal expire now.
    pub fn expire(&mut self, portal: &str, client_id: &str, now: i64) {
        for grant in self
            .access
            .values_mut()
            .filter(|grant| grant.portal == portal && grant.client_id == client_id)
        {
            grant.expires = now - 1;
        }
    }
}
