use url::Url;

use crate::rest::host;

/// The vendor's servers: the first serves most regions, the second ru, am, az, ge, kz, kg, uz and by.
const VENDORS: [&str; 2] = ["https://oauth.bitrix.info", "https://oauth.bitrix24.tech"];

/// An authorisation server that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server(Url);

/// The authorisation servers that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers(Vec<Server>);

/// A configured server that is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no authorisation server: give a host (oauth.bitrix.info) or an http or https address without path"
)]
pub struct ServerError {
    /// What was configured.
    pub text: String,
}

impl Server {
    /// The server's address, with `/` as its path.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The address that portals call `server_endpoint`.
    pub fn endpoint(&self) -> Url {
        self.path("/rest/")
    }

    pub(super) fn host(&self) -> String {
        host(&self.0)
    }

    pub(super) fn path(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    fn parse(text: &str) -> Result<Self, ServerError> {
        let error = || ServerError { text: text.to_owned() };
        let absolute = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&absolute).map_err(|_| error())?;
        let bare = matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if bare { Ok(Self(url)) } else { Err(error()) }
    }
}

impl Servers {
    /// Takes hosts or addresses, the one asked first in front.
    ///
    /// # Errors
    ///
    /// [`ServerError`] naming the entry that is no server.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, ServerError> {
        texts
            .iter()
            .map(|text| Server::parse(text.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The configured server that a portal calls `endpoint` (`https://oauth.bitrix.info/rest/`), if there is one.
    pub fn by_endpoint(&self, endpoint: &str) -> Option<&Server> {
        let mut endpoint = Url::parse(endpoint).ok()?;
        if endpoint.path() == "/rest" {
            endpoint.set_path("/rest/");
        }
        self.0.iter().find(|server| server.endpoint() == endpoint)
    }

    /// All of them, for a token that doesn't say where it comes from (forms of 2015 don't).
    pub fn iter(&self) -> impl Iterator<Item = &Server> {
        self.0.iter()
    }
}

impl Default for Servers {
    /// The vendor's own.
    fn default() -> Self {
        let servers: Result<_, _> = VENDORS.into_iter().map(Server::parse).collect();
        Self(servers.expect("a test parses the constants"))
    }
}
