//! The OTLP endpoint, by the standard variables, and how a request gets there.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, uri::PathAndQuery};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    transport::Channel,
};

use super::export::TelemetryError;
use crate::{
    grpc::{Connection, channel},
    innermost,
};

const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Where spans go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    protocol: Protocol,
    /// Sent with each request: `OTEL_EXPORTER_OTLP_HEADERS`.
    headers: HeaderMap,
    /// Of one request: `OTEL_EXPORTER_OTLP_TIMEOUT`, milliseconds.
    timeout: Duration,
}

/// How, and the address for it.
#[derive(Debug, PartialEq, Eq)]
enum Protocol {
    /// The address of traces, whole.
    Http(String),
    /// `http://host:port` or `https://host:port`.
    Grpc(String),
}

/// Sends requests.
pub(super) struct Sender {
    peer: Peer,
    headers: HeaderMap,
    timeout: Duration,
}

enum Peer {
    Http(reqwest::Client, String),
    Grpc(Grpc<Channel>),
}

/// A request that was not taken.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) problem: String,
    /// The same request may be taken a little later.
    pub(super) again: bool,
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
        let timeout = either("TIMEOUT").and_then(|text| text.parse().ok()).unwrap_or(10_000);
        Ok(Some(Self {
            protocol,
            headers: headers(&either("HEADERS").unwrap_or_default())?,
            timeout: Duration::from_millis(timeout),
        }))
    }

    /// Must be called inside the runtime that keeps the connection.
    pub(super) fn sender(self) -> Result<Sender, TelemetryError> {
        let peer = match self.protocol {
            Protocol::Http(url) => {
                let wrong = |problem: String| TelemetryError::Address(url.clone(), problem);
                reqwest::Url::parse(&url).map_err(|error| wrong(error.to_string()))?;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "it has limits of its own, and no portal is called"
                )]
                let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
                Peer::Http(client.build().map_err(|error| wrong(error.to_string()))?, url)
            }
            Protocol::Grpc(address) => Peer::Grpc(Grpc::new(channel(&address, &Connection::default())?)),
        };
        Ok(Sender {
            peer,
            headers: self.headers,
            timeout: self.timeout,
        })
    }
}

/// `key=value` pairs with commas between; values are percent-encoded.
fn headers(text: &str) -> Result<HeaderMap, TelemetryError> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            // The value is a secret as a rule: it is not shown.
            let (name, value) = pair.split_once('=').ok_or(TelemetryError::Headers)?;
            let value: Vec<u8> = percent_encoding::percent_decode_str(value.trim()).collect();
            let name = HeaderName::try_from(name.trim()).map_err(|_| TelemetryError::Headers)?;
            let mut value = HeaderValue::try_from(value).map_err(|_| TelemetryError::Headers)?;
            value.set_sensitive(true);
            Ok((name, value))
        })
        .collect()
}

impl Sender {
    /// Sends an `ExportTraceServiceRequest`, once.
    pub(super) async fn send(&self, body: Bytes) -> Result<(), Failed> {
        let sent = async {
            match &self.peer {
                Peer::Http(client, url) => self.post(client, url, body).await,
                Peer::Grpc(client) => self.call(client.clone(), body).await,
            }
        };
        tokio::time::timeout(self.timeout, sent).await.unwrap_or_else(|_| {
            Err(Failed {
                problem: format!("no answer within {:?}", self.timeout),
                again: true,
            })
        })
    }

    async fn post(&self, client: &reqwest::Client, url: &str, body: Bytes) -> Result<(), Failed> {
        let request = client
            .post(url)
            .headers(self.headers.clone())
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(body);
        // The address may have a secret in it.
        let response = request.send().await.map_err(|error| Failed {
            problem: innermost(&error.without_url()),
            again: true,
        })?;
        let status = response.status();
        // Read to the end: the connection is used again. What a collector says about single spans is for its log.
        let _said = response.bytes().await;
        if status.is_success() {
            return Ok(());
        }
        let passing = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        Err(Failed {
            problem: format!("the endpoint answers {status}"),
            again: passing.contains(&status),
        })
    }

    async fn call(&self, mut client: Grpc<Channel>, body: Bytes) -> Result<(), Failed> {
        let failed = |status: Status| Failed {
            problem: format!("{}: {}", status.code(), status.message()),
            again: matches!(
                status.code(),
                Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::Aborted | Code::Unknown
            ),
        };
        let unready = |error: tonic::transport::Error| failed(Status::from_error(error.into()));
        client.ready().await.map_err(unready)?;
        let mut request = Request::new(body);
        *request.metadata_mut() = MetadataMap::from_headers(self.headers.clone());
        let path = PathAndQuery::from_static(METHOD);
        client.unary(request, path, Raw).await.map(drop).map_err(failed)
    }
}

/// A message that is written already; the answer is not read.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        message.advance(message.remaining());
        Ok(Some(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(variables: &[(&str, &str)]) -> Result<Option<Endpoint>, String> {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Endpoint::from_variables(get).map_err(|error| error.to_string())
    }

    fn read(variables: &[(&str, &str)]) -> Result<Option<Protocol>, String> {
        Ok(whole(variables)?.map(|endpoint| endpoint.protocol))
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
        assert_eq!(
            read(&[ENDPOINT]),
            Ok(Some(Protocol::Http("http://collector:4317/v1/traces".into())))
        );
        assert_eq!(
            read(&[ENDPOINT, GRPC]),
            Ok(Some(Protocol::Grpc("http://collector:4317".into())))
        );
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317");
        assert_eq!(
            read(&[ENDPOINT, traces, GRPC]),
            Ok(Some(Protocol::Grpc("http://traces:4317".into())))
        );
        let http = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
        assert_eq!(
            read(&[ENDPOINT, GRPC, http]),
            Ok(Some(Protocol::Http("http://collector:4317/v1/traces".into())))
        );
    }

    #[test]
    fn an_unknown_protocol_is_an_error() {
        let error = read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]).unwrap_err();
        assert_eq!(
            error,
            "OTEL_EXPORTER_OTLP_PROTOCOL is `http/json`: write `grpc` or `http/protobuf`"
        );
    }

    #[test]
    fn addresses_headers_and_the_time_limit() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/otel/");
        assert_eq!(
            read(&[base]),
            Ok(Some(Protocol::Http("http://collector:4318/otel/v1/traces".into())))
        );
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/in");
        assert_eq!(
            read(&[base, traces]),
            Ok(Some(Protocol::Http("http://traces:4318/in".into())))
        );
        let plain = whole(&[base]).unwrap().unwrap();
        assert_eq!((plain.headers.len(), plain.timeout), (0, Duration::from_secs(10)));
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hush, x-a = b,");
        let timeout = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1500");
        let told = whole(&[base, headers, timeout]).unwrap().unwrap();
        assert_eq!(
            (&told.headers["authorization"], &told.headers["x-a"]),
            (&HeaderValue::from_static("Bearer hush"), &HeaderValue::from_static("b"))
        );
        assert_eq!(told.timeout, Duration::from_millis(1500));
        assert!(!format!("{told:?}").contains("hush"));
        for wrong in ["hush", "a b=hush", "a=hush%0A"] {
            let error = whole(&[base, ("OTEL_EXPORTER_OTLP_HEADERS", wrong)]).unwrap_err();
            assert!(error.contains("name=value") && !error.contains("hush"), "{error}");
        }
    }
}
