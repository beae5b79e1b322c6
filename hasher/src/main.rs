//! The `hasher` binary.

use std::process::ExitCode;

use service::About;

const ABOUT: About = About {
    name: hasher::NAME,
    version: hasher::VERSION,
    summary: "Digests of texts over gRPC: the reference executor of the business-process gateway",
};

fn main() -> ExitCode {
    service::main(&ABOUT, async |config, parts| {
        let sockets = hasher::Sockets::bind(&config).await?;
        hasher::run(config, sockets, parts).await
    })
}
