//! What the commands print: results on standard output, nothing else.

use std::io::{self, Write as _};

/// Prints a line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints JSON for people and programs.
pub(crate) fn json(value: &serde_json::Value) -> io::Result<()> {
    line(&format!("{value:#}"))
}

/// Whether a command ended because who read its output has seen enough.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Says on standard error what is wrong.
#[expect(clippy::print_stderr, reason = "for the person at the terminal")]
pub(crate) fn complain(error: &dyn std::fmt::Display) {
    eprintln!("bizproc: {error}");
}
