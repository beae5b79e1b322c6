//! The OTLP endpoint, by the standard variables. The exporter reads headers, compression and the like by itself, and passes over
//! what is wrong; here is what a person should be told before anything starts.

use std::{path::PathBuf, time::Duration};

use http::{HeaderName, HeaderValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use tonic::transport::{self, Certificate, ClientTlsConfig};

use super::TelemetryError;
use crate::{address::Address, innermost, tls};

/// Where spans go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) protocol: Protocol,
    /// Of one request: `OTEL_EXPORTER_OTLP_TIMEOUT`, milliseconds.
    timeout: Duration,
    /// PEM file of certificates to trust beside the system's: `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    certificate: Option<PathBuf>,
}

/// How, and the address for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The address of traces, whole.
    Http(String),
    /// `http://host:port` or `https://host:port`.
    Grpc(String),
}

impl Endpoint {
    /// `None`: no endpoint is set, or traces are switched off.
    pub(super) fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TelemetryError> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let is = |name: &str, wanted: &str| get(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let of_traces = |rest: &str| get(&format!("OTEL_EXPORTER_OTLP_TRACES_{rest}"));
        let of_all = |rest: &str| get(&format!("OTEL_EXPORTER_OTLP_{rest}"));
        let either = |rest: &str| of_traces(rest).or_else(|| of_all(rest));
        let protocol = match either("PROTOCOL").as_deref() {
            None | Some("http/protobuf") => {
                // The address of traces is taken as it is, the common one is their base.
                let base = || Some(format!("{}/v1/traces", of_all("ENDPOINT")?.trim_end_matches('/')));
                of_traces("ENDPOINT").or_else(base).map(Protocol::Http)
            }
            Some("grpc") => either("ENDPOINT").map(Protocol::Grpc),
            Some(_) if either("ENDPOINT").is_none() => None,
            Some(other) => return Err(TelemetryError::Protocol(other.into())),
        };
        let Some(protocol) = protocol else { return Ok(None) };
        check_headers(&either("HEADERS").unwrap_or_default())?;
        if let Some(other) =
            either("COMPRESSION").filter(|name| !["gzip", "none"].contains(&name.to_lowercase().as_str()))
        {
            return Err(TelemetryError::Compression(other));
        }
        let timeout = either("TIMEOUT")
            .and_then(|text| text.parse().ok())
            .filter(|limit| *limit > 0);
        Ok(Some(Self {
            protocol,
            timeout: Duration::from_millis(timeout.unwrap_or(10_000)),
            certificate: either("CERTIFICATE").map(PathBuf::from),
        }))
    }

    /// Must be called inside the runtime that keeps the connection.
    pub(super) fn exporter(self) -> Result<SpanExporter, TelemetryError> {
        let certificate = match self.certificate {
            Some(path) => {
                Some(std::fs::read(&path).map_err(|error| TelemetryError::Certificate(path, error.to_string()))?)
            }
            None => None,
        };
        let built = match self.protocol {
            Protocol::Http(url) => {
                let wrong = |problem: &dyn std::error::Error| TelemetryError::Address(url.clone(), problem.to_string());
                let parsed = reqwest::Url::parse(&url).map_err(|error| wrong(&error))?;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "it has limits of its own, and no portal is called"
                )]
                let mut client = reqwest::Client::builder()
                    .redirect(reqwest::redirect::Policy::none())
                    .timeout(self.timeout);
                if parsed.scheme() == "http" {
                    // A proxy that the environment names would read the spans and the key in the headers; it sees nothing of TLS.
                    client = client.no_proxy();
                }
                if let Some(pem) = certificate {
                    let roots = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
                    client = client.tls_certs_merge(roots);
                }
                let client = client.build().map_err(|error| wrong(&error))?;
                let exporter = SpanExporter::builder().with_http().with_http_client(client);
                exporter.with_endpoint(url).with_timeout(self.timeout).build()
            }
            Protocol::Grpc(address) => {
                let address = Address::parse(&address)?;
                // The exporter's own channel waits for a connection, or on one whose peer vanished, as long as the system does.
                // Pings go with calls only: a collector may take idle ones for abuse.
                let mut endpoint = transport::Endpoint::from(address.uri().clone())
                    .timeout(self.timeout)
                    .connect_timeout(self.timeout)
                    .http2_keep_alive_interval(self.timeout / 2)
                    .keep_alive_timeout(self.timeout / 4);
                if address.has_tls() {
                    tls::install_provider();
                    let config = ClientTlsConfig::new().with_native_roots();
                    let config = match certificate {
                        Some(pem) => config.ca_certificate(Certificate::from_pem(pem)),
                        None => config,
                    };
                    let wrong = |error: transport::Error| TelemetryError::Exporter(innermost(&error));
                    endpoint = endpoint.tls_config(config).map_err(wrong)?;
                }
                let exporter = SpanExporter::builder()
                    .with_tonic()
                    .with_channel(endpoint.connect_lazy());
                exporter.with_timeout(self.timeout).build()
            }
        };
        built.map_err(|error| TelemetryError::Exporter(error.to_string()))
    }
}

/// `key=value` pairs with commas between; values are percent-encoded.
fn check_headers(text: &str) -> Result<(), TelemetryError> {
    let mut pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let is_good = |pair: &str| {
        let Some((name, value)) = pair.split_once('=') else {
            return false;
        };
        let value: Vec<u8> = percent_encoding::percent_decode_str(value.trim()).collect();
        HeaderName::try_from(name.trim()).is_ok() && HeaderValue::try_from(value).is_ok()
    };
    // The value is a secret as a rule: it is not shown.
    if pairs.all(is_good) {
        Ok(())
    } else {
        Err(TelemetryError::Headers)
    }
}

#[cfg(test)]
mod tests;
