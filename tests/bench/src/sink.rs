//! All that stands behind a system under test: portal, OAuth server and collector, on ports of their own.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    answers::Answers,
    callback,
    http::serve,
    otlp::Collector,
    portal::{APPLICATION_TOKEN, MEMBER_ID, OAuth, Portal},
};

/// Listens until it is dropped.
pub(crate) struct Sink {
    pub(crate) answers: Arc<Answers>,
    pub(crate) portal: Arc<Portal>,
    pub(crate) collector: Collector,
    pub(crate) portal_address: SocketAddr,
    pub(crate) oauth_address: SocketAddr,
    pub(crate) collector_address: SocketAddr,
    #[expect(dead_code, reason = "the servers end with it")]
    servers: JoinSet<()>,
}

impl Sink {
    /// Starts all three.
    pub(crate) async fn start() -> Result<Self> {
        let listen = || TcpListener::bind(("127.0.0.1", 0));
        let (portals, oauths, collectors) = (listen().await?, listen().await?, listen().await?);
        let (portal_address, oauth_address) = (portals.local_addr()?, oauths.local_addr()?);
        let collector_address = collectors.local_addr()?;
        let answers = Arc::new(Answers::default());
        let portal = Arc::new(Portal::new(Arc::clone(&answers)));
        let collector = Collector::default();
        let mut servers = JoinSet::new();
        servers.spawn(serve(portals, Arc::clone(&portal)));
        servers.spawn(serve(
            oauths,
            Arc::new(OAuth {
                address: oauth_address,
                portal: portal_address,
            }),
        ));
        servers.spawn(serve(collectors, Arc::new(collector.clone())));
        Ok(Self {
            answers,
            portal,
            collector,
            portal_address,
            oauth_address,
            collector_address,
            servers,
        })
    }

    /// Who the callbacks come from.
    pub(crate) fn identity(&self) -> callback::Portal<'static> {
        callback::Portal {
            address: self.portal_address,
            oauth: self.oauth_address,
            member_id: MEMBER_ID,
            application_token: APPLICATION_TOKEN,
        }
    }
}
