//! Starting and stopping the emulator.

use std::{io, net::SocketAddr, sync::Arc};

use crate::{
    clock::Clock,
    control, hosting,
    hosting::{NewPortal, PortalInfo},
    names::OAUTH_HOSTS,
    oauth::OAuth,
    relay, server,
    server::{
        https::{Https, proxy},
        serve,
    },
    workflow::timeout,
    world::Shared,
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
        hosting::create_portal(&self.shared, new).await
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

    let mut oauth = OAuth::new(hosting::named_or(options.oauth_public, oauth_address));
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
    let (shared, leaving) = Shared::new(oauth, clock, client);
    let proxy_url = match proxy {
        None => None,
        Some((listener, authority)) => {
            let url = format!("http://{}", listener.local_addr()?);
            proxy::spawn(&shared, listener, authority);
            Some(url)
        }
    };
    let stop = shared.stopping().clone();
    serve::spawn(
        &shared,
        oauth_listener,
        server::oauth::router(shared.clone()),
        stop.clone(),
    );
    serve::spawn(&shared, control_listener, control::router(shared.clone()), stop);
    shared.tasks().spawn(timers(shared.clone()));
    shared.tasks().spawn(relay::run(shared.clone(), leaving));

    let mut portals = Vec::with_capacity(options.portals.len());
    for new in options.portals {
        portals.push(hosting::create_portal(&shared, new).await?);
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

/// Fires time-outs when they are due by the emulator's clock.
async fn timers(shared: Shared) {
    /// Long enough to cost nothing; changes wake it.
    const IDLE_MICROS: i64 = 3_600_000_000;
    loop {
        let next = shared.read(|world| {
            world
                .portals
                .values()
                .filter_map(|hosted| timeout::next(&hosted.portal))
                .min()
        });
        let wait = next.unwrap_or(IDLE_MICROS).clamp(0, IDLE_MICROS);
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
