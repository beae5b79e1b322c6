//! Who may call: bearer tokens, by method.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use tonic::{Status, body::Body, metadata::MetadataValue};
use tower::{Layer, Service};

use crate::Secret;

/// Which token opens which method of a server. Health and reflection need none; a method that no token opens is closed.
#[derive(Debug, Clone, Default)]
pub struct Bearer {
    tokens: Vec<(&'static str, Secret)>,
    methods: HashMap<&'static str, usize>,
}

impl Bearer {
    /// No token: all methods are closed.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that opens `methods`: paths such as `/registrar.v1.Registrar/Sync`, or `/gateway.v1.Jobs/` for all of a
    /// service. `name` is what an error calls it (`service`, `operator`).
    #[must_use]
    pub fn token(mut self, name: &'static str, token: Secret, methods: impl IntoIterator<Item = &'static str>) -> Self {
        let index = self.tokens.len();
        self.tokens.push((name, token));
        self.methods.extend(methods.into_iter().map(|method| (method, index)));
        self
    }

    fn check(&self, path: &str, headers: &HeaderMap) -> Result<(), Status> {
        if path.starts_with("/grpc.health.") || path.starts_with("/grpc.reflection.") {
            return Ok(());
        }
        let service = path.rfind('/').map_or(path, |slash| &path[..=slash]);
        let Some(&index) = self.methods.get(path).or_else(|| self.methods.get(service)) else {
            return Err(Status::unauthenticated("no token opens this method"));
        };
        let (name, token) = &self.tokens[index];
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Err(Status::unauthenticated(format!(
                "this method needs the {name} token: send it as `authorization: Bearer TOKEN`"
            )));
        };
        let given = header.to_str().ok().and_then(|text| {
            let (scheme, given) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(given)
        });
        match given {
            None => Err(Status::unauthenticated("`authorization` must be `Bearer TOKEN`")),
            Some(given) if token.matches(given) => Ok(()),
            Some(_) => Err(Status::unauthenticated(format!(
                "this is not the {name} token, which this method needs"
            ))),
        }
    }
}

/// A client's side: puts the token into every request's metadata, for
/// `RegistrarClient::with_interceptor(channel, with_token(&token)?)`.
pub fn with_token(token: &Secret) -> Result<impl tonic::service::Interceptor + Clone + use<>, Status> {
    let mut value: MetadataValue<_> = format!("Bearer {}", token.expose())
        .parse()
        .map_err(|_| Status::invalid_argument("the token has characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(move |mut request: tonic::Request<()>| {
        request.metadata_mut().insert("authorization", value.clone());
        Ok(request)
    })
}

/// The layer of a [`Bearer`]; of none: everything is open.
#[derive(Debug, Clone)]
pub(super) struct BearerLayer(pub(super) Option<Arc<Bearer>>);

#[derive(Debug, Clone)]
pub(super) struct Guarded<S> {
    inner: S,
    bearer: Option<Arc<Bearer>>,
}

impl<S> Layer<S> for BearerLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            bearer: self.0.clone(),
        }
    }
}

impl<S, B> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self
            .bearer
            .as_ref()
            .map(|bearer| bearer.check(request.uri().path(), request.headers()))
        {
            Some(Err(status)) => Answer::Refused {
                response: Some(status.into_http()),
            },
            Some(Ok(())) | None => Answer::Called {
                future: self.inner.call(request),
            },
        }
    }
}

pin_project_lite::pin_project! {
    /// The inner service's answer, or a refusal.
    #[project = AnswerProjection]
    pub(super) enum Answer<F> {
        Refused { response: Option<Response<Body>> },
        Called { #[pin] future: F },
    }
}

impl<F, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            AnswerProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
            AnswerProjection::Called { future } => future.poll(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, authorization: Option<&str>) -> Result<(), String> {
        let bearer = Bearer::new().token("service", "s3cret".into(), ["/r.R/Sync"]).token(
            "operator",
            "op".into(),
            ["/r.R/List", "/j.Jobs/"],
        );
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(AUTHORIZATION, text.parse().unwrap());
        }
        bearer.check(path, &headers).map_err(|status| {
            assert_eq!(status.code(), tonic::Code::Unauthenticated);
            status.message().to_owned()
        })
    }

    #[test]
    fn each_token_opens_its_methods() {
        assert_eq!(check("/r.R/Sync", Some("Bearer s3cret")), Ok(()));
        assert_eq!(check("/r.R/List", Some("bearer op")), Ok(()));
        assert_eq!(check("/j.Jobs/Get", Some("Bearer op")), Ok(()));
        assert_eq!(
            check("/r.R/List", Some("Bearer s3cret")).unwrap_err(),
            "this is not the operator token, which this method needs"
        );
        assert!(check("/r.R/Sync", Some("Bearer op")).is_err());
        assert!(check("/r.R/Sync", Some("Bearer s3creT")).is_err());
        assert!(check("/r.R/Sync", Some("Bearer ")).is_err());
    }

    #[test]
    fn a_refusal_says_what_to_send() {
        assert_eq!(
            check("/r.R/Sync", None).unwrap_err(),
            "this method needs the service token: send it as `authorization: Bearer TOKEN`"
        );
        assert_eq!(
            check("/r.R/Sync", Some("Basic eA==")).unwrap_err(),
            "`authorization` must be `Bearer TOKEN`"
        );
    }

    #[test]
    fn probes_and_reflection_are_open_and_the_rest_is_closed() {
        assert_eq!(check("/grpc.health.v1.Health/Check", None), Ok(()));
        assert_eq!(
            check("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", None),
            Ok(())
        );
        assert_eq!(
            check("/r.R/Other", Some("Bearer op")).unwrap_err(),
            "no token opens this method"
        );
        assert!(check("nonsense", Some("Bearer op")).is_err());
    }
}
