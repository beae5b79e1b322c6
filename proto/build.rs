//! Compiles the contracts with protox, a protobuf compiler in Rust: no system protoc is needed.
use std::{env, error::Error, fs, path::PathBuf};

const FILES: [&str; 4] = [
    "bizproc/v1/annotations.proto",
    "gateway/v1/jobs.proto",
    "hasher/v1/hasher.proto",
    "registrar/v1/registrar.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
    }
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(FILES)?;
    // prost-types would lose the annotations: the encoded set keeps extensions.
    fs::write(
        PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure()
        .build_transport(true)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
