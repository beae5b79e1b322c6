//! The registrar's binary.

use std::process::ExitCode;

use registrar::{Config, NAME, Sockets, VERSION, run};
use service::About;

const ABOUT: About = About {
    name: NAME,
    version: VERSION,
    summary: "Keeps Bitrix24 portals' activities registered and their credentials fresh.",
};

fn main() -> ExitCode {
    service::main(&ABOUT, async |config: Config, parts| {
        let sockets = Sockets::bind(&config).await?;
        run(config, sockets, parts).await
    })
}
