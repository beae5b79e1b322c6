use std::{io, path::PathBuf};

use crate::address::AddressError;

/// A wrong configuration of telemetry.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A protocol that is not supported.
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is `{0}`: write `grpc` or `http/protobuf`")]
    Protocol(String),
    /// A gRPC endpoint that is not an address.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Endpoint(#[from] AddressError),
    /// An HTTP endpoint that is not an address, or can't be used.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT leads to `{0}`, where no spans can be sent: {1}")]
    Address(String, String),
    /// Headers in the wrong form.
    #[error("OTEL_EXPORTER_OTLP_HEADERS is no list of `name=value` with commas between, values percent-encoded")]
    Headers,
    /// A compression that is not supported.
    #[error("OTEL_EXPORTER_OTLP_COMPRESSION is `{0}`: write `gzip` or `none`")]
    Compression(String),
    /// A file of certificates that can't be read.
    #[error("OTEL_EXPORTER_OTLP_CERTIFICATE names {0}, which can't be read: {1}")]
    Certificate(PathBuf, String),
    /// Something else that the exporter can't work with.
    #[error("spans can't be exported by the OTEL_EXPORTER_OTLP_… variables: {0}")]
    Exporter(String),
    /// No thread for the exporter.
    #[error("OTLP export cannot start its runtime: {0}")]
    Runtime(#[from] io::Error),
}
