//! `bizproc serve`: gateway, registrar and hasher in one process on SQLite, for a real portal.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use service::{Configuration as _, EX_CONFIG, Lifecycle, Listen, Secret, config, config::ConfigError};

use crate::{args, embedded::Embedded, output};

pub(crate) fn run(args: &args::Serve) -> anyhow::Result<ExitCode> {
    if let Some(args::ServeCommand::Config) = args.command {
        for text in [
            gateway::Config::DEFAULT_TOML,
            registrar::Config::DEFAULT_TOML,
            hasher::Config::DEFAULT_TOML,
        ] {
            output::line(text)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let configs = match Configs::load(args.config.as_deref()) {
        Ok(configs) => configs,
        Err(error) => {
            output::complain(&error);
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    service::telemetry::logs();
    service::install_provider();
    serve(configs)?;
    Ok(ExitCode::SUCCESS)
}

struct Configs {
    hasher: hasher::Config,
    registrar: registrar::Config,
    gateway: gateway::Config,
    /// The operator token to be kept in a file, unless the configuration has one.
    made_up: Secret,
}

impl Configs {
    /// Loads the three tables. What the services must know of each other has defaults here.
    fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let hasher: hasher::Config = config::load(file)?;
        let (service_token, made_up) = (token(), token());
        let defaults = format!(
            "[registrar]\n\
             service_token = '{service_token}'\n\
             operator_token = '{made_up}'\n\
             grpc.listen = '127.0.0.1:50052'\n\
             executors.hasher.uri = '{}'\n",
            uri(&hasher.grpc.listen)
        );
        let registrar: registrar::Config = config::load_above(&defaults, file)?;
        let service_token = registrar.service_token.as_ref().map_or("", Secret::expose);
        let operator_token = registrar.operator_token.as_ref().map_or("", Secret::expose);
        let private_portals: Vec<_> = registrar.private_portals.iter().map(ToString::to_string).collect();
        let defaults = format!(
            "[gateway]\n\
             private_portals = {private_portals:?}\n\
             operator_token = {operator_token:?}\n\
             grpc.listen = '127.0.0.1:50053'\n\
             registrar.uri = '{}'\n\
             registrar.token = {service_token:?}\n",
            uri(&registrar.grpc.listen)
        );
        let gateway = config::load_above(&defaults, file)?;
        Ok(Self {
            hasher,
            registrar,
            gateway,
            made_up: Secret::from(made_up),
        })
    }

    /// An operator needs a token that stays: it is kept beside the gateway's store, unless the configuration has one.
    fn settle_operator_token(&mut self) -> anyhow::Result<()> {
        if self.gateway.operator_token.as_ref() != Some(&self.made_up) {
            return Ok(());
        }
        let path = self.gateway.store.path.with_file_name("operator.token");
        let kept = match std::fs::read_to_string(&path) {
            Ok(text) => Secret::from(text.trim_end().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_private(&path, self.made_up.expose())
                    .with_context(|| format!("cannot write {}", path.display()))?;
                self.made_up.clone()
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        self.gateway.operator_token = Some(kept.clone());
        if self.registrar.operator_token.as_ref() == Some(&self.made_up) {
            self.registrar.operator_token = Some(kept);
        }
        tracing::info!(path = %path.display(), "the operator token is in this file");
        Ok(())
    }
}

fn serve(mut configs: Configs) -> anyhow::Result<()> {
    configs.settle_operator_token()?;
    let Configs {
        hasher,
        registrar,
        gateway,
        ..
    } = configs;
    let mut embedded = Embedded::default();
    embedded.start(hasher::NAME, async |parts| {
        let sockets = hasher::Sockets::bind(&hasher).await?;
        hasher::run(hasher, sockets, parts).await
    })?;
    embedded.start(registrar::NAME, async |parts| {
        let sockets = registrar::Sockets::bind(&registrar).await?;
        registrar::run(registrar, sockets, parts).await
    })?;
    embedded.start(gateway::NAME, async |parts| {
        let sockets = gateway::Sockets::bind(&gateway).await?;
        gateway::run(gateway, sockets, parts).await
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(until_stopped(embedded))
}

/// Waits for a signal or for a service that ends by itself, then stops all of them.
async fn until_stopped(embedded: Embedded) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::default();
    lifecycle.stop_on_signals()?;
    let services = embedded.lifecycles();
    let ended = services
        .iter()
        .map(|service| Box::pin(service.stopping().cancelled_owned()));
    tokio::select! {
        () = lifecycle.stopping().cancelled_owned() => {}
        _ = futures::future::select_all(ended) => {}
    }
    let mut stopped = tokio::task::spawn_blocking(|| embedded.stop());
    tokio::select! {
        result = &mut stopped => return result?,
        () = lifecycle.killed().cancelled_owned() => services.iter().for_each(Lifecycle::kill),
    }
    stopped.await?
}

/// How a service in this process is reached: `:50052` by loopback.
fn uri(listen: &Listen) -> String {
    let address = listen.to_string();
    let host = if address.starts_with(':') || address.starts_with("0.0.0.0") {
        "127.0.0.1"
    } else {
        ""
    };
    let port_or_address = if host.is_empty() {
        &*address
    } else {
        &address[address.rfind(':').unwrap_or(0)..]
    };
    format!("http://{host}{port_or_address}")
}

fn token() -> String {
    format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(path)?, "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_may_call_what_the_registrar_may() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bizproc.toml");
        let written = "[registrar]\npublic_url = 'http://a.b'\nprivate_portals = ['10.0.0.0/8', '::1', 'portal.corp']\n\
                       apps.demo.client_id = 'a'\napps.demo.client_secret = 'b'";
        std::fs::write(&file, written).unwrap();
        let configs = Configs::load(Some(&file)).unwrap();
        assert_eq!(configs.gateway.private_portals.len(), 3);
        assert_eq!(configs.gateway.private_portals, configs.registrar.private_portals);
    }

    #[test]
    fn services_reach_each_other_wherever_they_listen() {
        for (listen, expected) in [
            (":50051", "http://127.0.0.1:50051"),
            ("0.0.0.0:7", "http://127.0.0.1:7"),
            ("10.0.0.5:7", "http://10.0.0.5:7"),
            ("[::1]:7", "http://[::1]:7"),
        ] {
            assert_eq!(uri(&listen.parse().unwrap()), expected);
        }
    }
}
