//! Portals and their listeners: made, renamed, down and up.

use std::{collections::BTreeMap, io, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{
    names, others, random,
    server::{portal, serve},
    state::{Portal, Settings, User},
    world::{Hosted, Shared},
};

/// A portal to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPortal {
    /// Name in the control API.
    pub name: String,
    /// Identity; made up if empty.
    pub member_id: String,
    /// Name towards apps; its public host and port if empty, `NAME.bitrix24.test` with [`Options::https`](crate::Options::https).
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
        true if new.public.is_empty() => names::domain(&new.name),
        _ => named_or(new.public, address),
    };
    let mut portal = Portal::new(member_id, public, server_endpoint, shared.clock().clone());
    portal.https = https;
    if !new.domain.is_empty() {
        portal.domain = new.domain;
    }
    portal.set(new.settings);
    portal.users.extend(new.users);
    let serving = shared.stopping().child_token();
    let host = portal.address.clone();
    let hosted = Hosted::new(portal, address, serving.clone());
    let info = info(&new.name, &hosted);
    shared.change(|world| world.portals.insert(new.name.clone(), hosted));
    listen(shared, &new.name, host, listener, serving);
    others::begin(shared, &new.name);
    Ok(info)
}

pub(crate) fn named_or(name: String, address: SocketAddr) -> String {
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
            None if https => names::domain(&format!("{name}-{}", hosted.moved_from.len() + 1)),
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
