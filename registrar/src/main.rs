//! The registrar's binary.

use std::process::ExitCode;

use registrar::{Config, Sockets, run};
use service::About;

const ABOUT: About = About {
    name: "registrar",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Keeps Bitrix24 portals' activities registered and their credentials fresh.",
};

fn main() -> ExitCode {
    service::main(&ABOUT, async |config: Config, parts| {
        let sockets = Sockets::bind(&config).await?;
        run(config, sockets, parts).await
    })
}
