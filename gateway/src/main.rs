//! The `gateway` binary.

use std::process::ExitCode;

use service::About;

const ABOUT: About = About {
    name: gateway::NAME,
    version: gateway::VERSION,
    summary: "Takes callbacks of Bitrix24 business processes, calls gRPC methods, answers the workflows",
};

fn main() -> ExitCode {
    service::main(&ABOUT, async |config, parts| {
        let sockets = gateway::Sockets::bind(&config).await?;
        gateway::run(config, sockets, parts).await
    })
}
