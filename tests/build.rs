//! Compiles the executor that only the tests have.
use std::{env, error::Error, fs, path::PathBuf};

const ROOTS: [&str; 2] = ["executors/calendar", "../proto"];
const FILE: &str = "calendar/v1/calendar.proto";

fn main() -> Result<(), Box<dyn Error>> {
    for root in ROOTS {
        println!("cargo::rerun-if-changed={root}");
    }
    let mut compiler = protox::Compiler::new(ROOTS)?;
    compiler.include_imports(true).open_file(FILE)?;
    // The very file that an executor's build ships.
    let descriptors = PathBuf::from(env::var("OUT_DIR")?).join("calendar.bin");
    fs::write(descriptors, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_client(false)
        .extern_path(".bizproc.v1", "::proto::bizproc::v1")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
