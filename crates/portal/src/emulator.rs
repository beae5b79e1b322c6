//! Starting and stopping the emulator, and the life of its portals' listeners.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    control,
    http::{portal, serve},
    https::{self, Https, OAUTH_HOSTS, proxy},
    oauth::{self, OAuth},
    random,
    state::{Portal, Settings, User},
    workflow::timeout,
    world::{Hosted, Shared},
};

/// Where to listen. Port 0 takes a free one.
#[derive(Debug, Clone)]
pub struct Options {
    /// Control API.
    pub control: SocketAddr,
    /// Authorisation server.
    pub oauth: SocketAddr,
    /// Host and port by which apps reach the authorisation server; where it listens if empty.
    pub oauth_public: String,
    /// Portals to have from the beginning.
    pub portals: Vec<NewPortal>,
    /// Apps reach portals by their domain and the authorisation server by the vendor's hosts, over https through a proxy.
    pub https: Option<Https>,
}

impl Default for Options {
    fn default() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            control: any,
            oauth: any,
            oauth_public: String::new(),
            portals: Vec::new(),
            https: None,
        }
    }
}

/// A portal to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPortal {
    /// Name in the control API.
    pub name: String,
    /// Identity; made up if empty.
    pub member_id: String,
    /// Name towards apps; its public host and port if empty, `NAME.bitrix24.test` with [`Options::https`].
    pub domain: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Host and port by which apps reach it; where it listens if empty.
    pub public: String,
    /// Switches.
    pub settings: Settings,
    /// Users beside the administrator 1, or instead of it.
    pub users: BTreeMap<u64, User>,
}

impl Default for NewPortal {
    fn default() -> Self {
        Self {
            name: "main".into(),
            member_id: String::new(),
            domain: String::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public: String::new(),
            settings: Settings::default(),
            users: BTreeMap::new(),
        }
    }
}

/// A portal's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalInfo {
    /// Name in the control API.
    pub name: String,
    /// Identity.
    pub member_id: String,
    /// Name towards apps.
    pub domain: String,
    /// Where it listens, host and port.
    pub address: String,
    /// `http://HOST:PORT/rest/` or `https://DOMAIN/rest/`, as apps reach it.
    pub client_endpoint: String,
    /// The authorisation server's `…/rest/`.
    pub server_endpoint: String,
}

/// The running emulator. Dropping it stops nothing; call [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    /// `http://ADDRESS` of the control API.
    pub control_url: String,
    /// `http://ADDRESS` of the authorisation server.
    pub oauth_url: String,
    /// `http://ADDRESS` of the proxy, with [`Options::https`].
    pub proxy_url: Option<String>,
    /// Portals made at the start, in order.
    pub portals: Vec<PortalInfo>,
    shared: Shared,
}

impl Running {
    /// Makes another portal.
    ///
    /// # Errors
    /// The name is taken, or the address is.
    pub async fn create_portal(&self, new: NewPortal) -> io::Result<PortalInfo> {
        create_portal(&self.shared, new).await
    }

    /// The state behind the control API, for a test in the same process.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Shuts every listener and waits for the tasks.
    pub async fn stop(self) {
        self.shared.stopping().cancel();
        self.shared.tasks().close();
        self.shared.tasks().wait().await;
    }
}

/// Starts the emulator.
///
/// # Errors
/// An address cannot be bound, or TLS cannot be set up.
pub async fn start(options: Options) -> io::Result<Running> {
    // Somebody in this process may have chosen a provider already; either will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = relay_client().map_err(io::Error::other)?;
    let (control_listener, oauth_listener) = (serve::bind(options.control).await?, serve::bind(options.oauth).await?);
    let (control_address, oauth_address) = (control_listener.local_addr()?, oauth_listener.local_addr()?);

    let mut oauth = OAuth::new(named_or(options.oauth_public, oauth_address));
    let clock = Clock::default();
    let proxy = match &options.https {
        None => None,
        Some(https) => {
            OAUTH_HOSTS[0].clone_into(&mut oauth.address);
            oauth.https = true;
            let authority = https.authority(clock.seconds())?;
            Some((serve::bind(https.proxy).await?, Arc::new(authority)))
        }
    };
    let shared = Shared::new(oauth, clock, client);
    let proxy_url = match proxy {
        None => None,
        Some((listener, authority)) => {
            let url = format!("http://{}", listener.local_addr()?);
            proxy::spawn(&shared, listener, authority);
            Some(url)
        }
    };
    let stop = shared.stopping().clone();
    serve::spawn(&shared, oauth_listener, oauth::router(shared.clone()), stop.clone());
    serve::spawn(&shared, control_listener, control::router(shared.clone()), stop);
    shared.tasks().spawn(timers(shared.clone()));

    let mut portals = Vec::with_capacity(options.portals.len());
    for new in options.portals {
        portals.push(create_portal(&shared, new).await?);
    }
    Ok(Running {
        control_url: format!("http://{control_address}"),
        oauth_url: format!("http://{oauth_address}"),
        proxy_url,
        portals,
        shared,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the relay is no client of ours and shares no code with one"
)]
fn relay_client() -> reqwest::Result<reqwest::Client> {
    // A connection for each post, as PHP makes it: a handler that was restarted must not be missed by way of an old one.
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
}

/// Makes a portal and opens its listener.
///
/// # Errors
/// The name is taken, or the address is.
pub(crate) async fn create_portal(shared: &Shared, new: NewPortal) -> io::Result<PortalInfo> {
    if shared.read_portal(&new.name, |_| ()).is_some() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("there is a portal named {:?} already", new.name),
        ));
    }
    let listener = serve::bind(new.listen).await?;
    let address = listener.local_addr()?;
    let member_id = if new.member_id.is_empty() {
        random::hex::<16>()
    } else {
        new.member_id
    };
    let server_endpoint = shared.read(|world| world.oauth.server_endpoint());
    let https = shared.read(|world| world.oauth.https);
    let public = match https {
        true if !new.domain.is_empty() => new.domain.clone(),
        true if new.public.is_empty() => https::domain(&new.name),
        _ => named_or(new.public, address),
    };
    let mut portal = Portal::new(member_id, public, server_endpoint, shared.clock().clone());
    portal.https = https;
    if !new.domain.is_empty() {
        portal.domain = new.domain;
    }
    portal.settings = new.settings;
    portal.users.extend(new.users);
    let serving = shared.stopping().child_token();
    let host = portal.address.clone();
    let hosted = Hosted::new(portal, address, serving.clone());
    let info = info(&new.name, &hosted);
    shared.change(|world| world.portals.insert(new.name.clone(), hosted));
    listen(shared, &new.name, host, listener, serving);
    Ok(info)
}

fn named_or(name: String, address: SocketAddr) -> String {
    if name.is_empty() { address.to_string() } else { name }
}

fn listen(
    shared: &Shared,
    name: &str,
    host: String,
    listener: tokio::net::TcpListener,
    serving: tokio_util::sync::CancellationToken,
) {
    let front = portal::Front {
        shared: shared.clone(),
        name: name.to_owned(),
        host,
    };
    serve::spawn(shared, listener, portal::router(front), serving);
}

/// A portal's addresses.
pub(crate) fn info(name: &str, hosted: &Hosted) -> PortalInfo {
    PortalInfo {
        name: name.to_owned(),
        member_id: hosted.portal.member_id.clone(),
        domain: hosted.portal.domain.clone(),
        address: hosted.address.to_string(),
        client_endpoint: hosted.portal.client_endpoint(),
        server_endpoint: hosted.portal.server_endpoint.clone(),
    }
}

/// Shuts a portal's listener and drops its connections.
pub(crate) fn down(shared: &Shared, name: &str) -> Option<()> {
    shared.change_portal(name, |hosted| hosted.serving.cancel())
}

/// Opens it again at the same address.
///
/// # Errors
/// The address is taken by now.
pub(crate) async fn up(shared: &Shared, name: &str) -> io::Result<Option<()>> {
    let found = shared.read_portal(name, |hosted| {
        let host = hosted.portal.address.clone();
        (hosted.address, host, hosted.serving.is_cancelled())
    });
    let Some((address, host, true)) = found else {
        return Ok(found.map(|_| ()));
    };
    let listener = serve::bind(address).await?;
    let serving = shared.stopping().child_token();
    shared.change_portal(name, |hosted| hosted.serving = serving.clone());
    listen(shared, name, host, listener, serving);
    Ok(Some(()))
}

/// Renames a portal: it gets a new address, and the old one answers 302.
///
/// # Errors
/// No address is free.
pub(crate) async fn rename(shared: &Shared, name: &str, domain: Option<String>) -> io::Result<Option<PortalInfo>> {
    let Some(serving) = shared.read_portal(name, |hosted| hosted.serving.clone()) else {
        return Ok(None);
    };
    let listener = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let info = shared.change_portal(name, |hosted| {
        let https = hosted.portal.https;
        let host = match &domain {
            Some(domain) if https => domain.clone(),
            None if https => https::domain(&format!("{name}-{}", hosted.moved_from.len() + 1)),
            _ => address.to_string(),
        };
        hosted.address = address;
        let old = std::mem::replace(&mut hosted.portal.address, host.clone());
        hosted.moved_from.retain(|moved| *moved != host);
        hosted.moved_from.push(old);
        hosted.portal.domain = domain.unwrap_or(host);
        info(name, hosted)
    });
    if let Some(host) = shared.read_portal(name, |hosted| hosted.portal.address.clone()) {
        listen(shared, name, host, listener, serving);
    }
    Ok(info)
}

/// Fires time-outs when they are due by the emulator's clock.
async fn timers(shared: Shared) {
    /// Long enough to cost nothing; changes wake it.
    const IDLE_MICROS: i64 = 3_600_000_000;
    loop {
        let now = shared.clock().micros();
        let next = shared.read(|world| {
            world
                .portals
                .values()
                .filter_map(|hosted| timeout::next(&hosted.portal))
                .min()
        });
        let wait = next.map_or(IDLE_MICROS, |next| next - now).clamp(0, IDLE_MICROS);
        if wait > 0 {
            tokio::select! {
                () = shared.stopping().cancelled() => return,
                () = tokio::time::sleep(std::time::Duration::from_micros(wait.unsigned_abs())) => {}
                () = shared.timers().notified() => {}
            }
            continue;
        }
        shared.change(|world| {
            world
                .portals
                .values_mut()
                .for_each(|hosted| timeout::fire(&mut hosted.portal));
        });
    }
}
