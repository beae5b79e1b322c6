//! The OTLP endpoint, by the standard variables.

use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithTonicConfig};

use super::export::TelemetryError;
use crate::grpc::{Connection, channel};

/// Where spans go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The base or the traces address, which the exporter reads itself.
    Http,
    /// `http://host:port` or `https://host:port`.
    Grpc(String),
}

impl Endpoint {
    /// `None`: no endpoint is set, or traces are switched off.
    pub(super) fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TelemetryError> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let of_traces = |rest: &str| {
            let names = [
                format!("OTEL_EXPORTER_OTLP_TRACES_{rest}"),
                format!("OTEL_EXPORTER_OTLP_{rest}"),
            ];
            names.into_iter().find_map(|name| get(&name))
        };
        let is = |name: &str, wanted: &str| get(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let Some(address) = of_traces("ENDPOINT") else {
            return Ok(None);
        };
        match of_traces("PROTOCOL").as_deref() {
            None | Some("http/protobuf") => Ok(Some(Self::Http)),
            Some("grpc") => Ok(Some(Self::Grpc(address))),
            Some(other) => Err(TelemetryError::Protocol(other.into())),
        }
    }

    /// Must be called inside the runtime that keeps the connection.
    pub(super) fn exporter(&self) -> Result<SpanExporter, TelemetryError> {
        let builder = SpanExporter::builder();
        Ok(match self {
            Self::Http => builder.with_http().with_protocol(Protocol::HttpBinary).build()?,
            Self::Grpc(address) => builder
                .with_tonic()
                .with_channel(channel(address, &Connection::default())?)
                .build()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Endpoint>, String> {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Endpoint::from_variables(get).map_err(|error| error.to_string())
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");
    const GRPC: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");

    #[test]
    fn no_endpoint_means_no_export() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[GRPC]), Ok(None));
        assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), Ok(None));
        assert_eq!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(None));
        assert_eq!(read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
    }

    #[test]
    fn the_protocol_is_http_unless_told() {
        assert_eq!(read(&[ENDPOINT]), Ok(Some(Endpoint::Http)));
        assert_eq!(
            read(&[ENDPOINT, GRPC]),
            Ok(Some(Endpoint::Grpc("http://collector:4317".into())))
        );
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317");
        assert_eq!(
            read(&[ENDPOINT, traces, GRPC]),
            Ok(Some(Endpoint::Grpc("http://traces:4317".into())))
        );
        let http = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
        assert_eq!(read(&[ENDPOINT, GRPC, http]), Ok(Some(Endpoint::Http)));
    }

    #[test]
    fn an_unknown_protocol_is_an_error() {
        let error = read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]).unwrap_err();
        assert_eq!(
            error,
            "OTEL_EXPORTER_OTLP_PROTOCOL is `http/json`: write `grpc` or `http/protobuf`"
        );
    }
}
