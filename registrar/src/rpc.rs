//! The gRPC interface.

mod install;
mod prove;
mod status;
mod view;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use pb::registrar_server::{Registrar, RegistrarServer};
use proto::registrar::v1 as pb;
use service::{Lifecycle, grpc::context};
use tonic::{Request, Response, Status};

use crate::{
    config::{App, Config},
    definition::Catalog,
    error::Error,
    installation::{Admission, Installation, Installations, Key, Purpose, Tokens},
    lifecycle::LifecycleEvents,
    reconcile::{Reconciler, Scheduler},
    remote::Parent,
    snapshot::Snapshots,
    storage::Storage,
};

/// Largest answer of `Sync`: many installations, many descriptors.
const MESSAGE_BYTES: usize = 64 << 20;
/// Longest wait of `Sync`.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Longest wait of `Reconcile` for the executors.
const READING: Duration = Duration::from_secs(20);
/// Portals that one `Reconcile` works on at the same time.
const CONCURRENCY: usize = 8;

/// The methods that the service token opens.
pub(crate) const SERVICE: [&str; 6] = [
    "/registrar.v1.Registrar/Sync",
    "/registrar.v1.Registrar/Install",
    "/registrar.v1.Registrar/HandleEvent",
    "/registrar.v1.Registrar/ProveCallback",
    "/registrar.v1.Registrar/IssueToken",
    "/registrar.v1.Registrar/Recheck",
];
/// The methods that the operator token opens.
pub(crate) const OPERATOR: [&str; 3] = [
    "/registrar.v1.Registrar/ListActivities",
    "/registrar.v1.Registrar/ListInstallations",
    "/registrar.v1.Registrar/Reconcile",
];

/// Answers the calls.
pub(crate) struct Api {
    pub(crate) config: Arc<Config>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) installations: Installations,
    pub(crate) storage: Storage,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) events: LifecycleEvents,
    pub(crate) reconciler: Arc<Reconciler>,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) snapshots: Arc<Snapshots>,
}

impl Api {
    /// The service to serve.
    pub(crate) fn into_service(self) -> RegistrarServer<Self> {
        RegistrarServer::new(self).max_encoding_message_size(MESSAGE_BYTES)
    }

    fn app(&self, name: &str) -> Result<&App, Status> {
        self.config.apps.get(name).ok_or_else(|| status::no_app(name))
    }

    async fn pass_all(&self, keys: Vec<Key>, parent: &Parent) -> Result<(), Error> {
        let pass = |key: Key| {
            let (reconciler, scheduler, parent) = (self.reconciler.clone(), self.scheduler.clone(), parent.clone());
            async move {
                if let Some(report) = reconciler.run(&key, &parent).await? {
                    scheduler.after(&key, report.again);
                }
                Ok(())
            }
        };
        stream::iter(keys.into_iter().map(pass))
            .buffered(CONCURRENCY)
            .try_collect()
            .await
    }

    async fn view(&self, installation: Installation) -> Result<pb::InstallationView, Error> {
        let registrations = self.storage.reads().registrations(installation.key.clone()).await?;
        let app = self.config.apps.get(installation.key.app.as_str());
        let dates = app.map_or_else(Default::default, |app| app.dates(&installation.key.member_id));
        Ok(view::installation(installation, registrations, dates))
    }
}

/// What an operator's `app` and `member_id` leave over.
fn chosen(installations: Vec<Installation>, member_id: &str) -> Vec<Installation> {
    installations
        .into_iter()
        .filter(|one| member_id.is_empty() || one.key.member_id == member_id)
        .collect()
}

fn app_filter(app: &str) -> Option<&str> {
    Some(app).filter(|app| !app.is_empty())
}

#[tonic::async_trait]
impl Registrar for Api {
    async fn sync(&self, request: Request<pb::SyncRequest>) -> Result<Response<pb::SyncResponse>, Status> {
        let request = request.into_inner();
        let wait = Duration::from_millis(request.wait_ms.into()).min(LONGEST_WAIT);
        let snapshot = self
            .snapshots
            .get(&request.version, wait, &self.lifecycle.stopping())
            .await;
        Ok(Response::new(
            snapshot.answer(&request.version, &request.known_revisions),
        ))
    }

    async fn install(&self, request: Request<pb::InstallRequest>) -> Result<Response<pb::InstallResponse>, Status> {
        let parent = context(&request).cloned();
        self.install_app(&parent, request.into_inner()).await.map(Response::new)
    }

    async fn handle_event(
        &self,
        request: Request<pb::HandleEventRequest>,
    ) -> Result<Response<pb::HandleEventResponse>, Status> {
        let parent = context(&request).cloned();
        let request = request.into_inner();
        let taken = self
            .events
            .handle(&parent, &request)
            .await
            .map_err(|later| status::later(later, &request.app))?;
        Ok(Response::new(pb::HandleEventResponse {
            believed: taken.believed,
            reason: taken.reason,
        }))
    }

    async fn prove_callback(
        &self,
        request: Request<pb::ProveCallbackRequest>,
    ) -> Result<Response<pb::ProveCallbackResponse>, Status> {
        let parent = context(&request).cloned();
        self.judge_callback(&parent, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn issue_token(
        &self,
        request: Request<pb::IssueTokenRequest>,
    ) -> Result<Response<pb::IssueTokenResponse>, Status> {
        let parent = context(&request).cloned();
        let request = request.into_inner();
        self.app(&request.app)?;
        let rejected = match request.rejected_sha256.as_slice() {
            [] => None,
            bytes => {
                let digest = bytes.try_into();
                Some(digest.map_err(|_| Status::invalid_argument("rejected_sha256 must have 32 bytes, or none"))?)
            }
        };
        let key = Key {
            app: request.app,
            member_id: request.member_id,
        };
        let issued = self.tokens.issue(&key, rejected, Purpose::Use, &parent).await;
        let issued = issued.map_err(|error| status::token(&key, error))?;
        Ok(Response::new(pb::IssueTokenResponse {
            access_token: issued.access_token.expose().to_owned(),
            expires: Some(view::timestamp(issued.expires)),
            client_endpoint: issued.client_endpoint,
        }))
    }

    async fn recheck(&self, request: Request<pb::RecheckRequest>) -> Result<Response<pb::RecheckResponse>, Status> {
        let request = request.into_inner();
        self.app(&request.app)?;
        let key = Key {
            app: request.app,
            member_id: request.member_id,
        };
        if self.installations.get(&key).await.map_err(status::internal)?.is_none() {
            return Err(status::no_installation(&key));
        }
        tracing::info!(
            app = key.app,
            member_id = key.member_id,
            error = request.error,
            "the portal refused an answer"
        );
        self.scheduler.recheck(&key);
        Ok(Response::new(pb::RecheckResponse {}))
    }

    async fn list_activities(
        &self,
        request: Request<pb::ListActivitiesRequest>,
    ) -> Result<Response<pb::ListActivitiesResponse>, Status> {
        let request = request.into_inner();
        let app = app_filter(&request.app);
        if let Some(app) = app {
            self.app(app)?;
        }
        let definitions = self
            .catalog
            .current(app)
            .iter()
            .flat_map(|current| view::definitions(current))
            .collect();
        let problems = self.catalog.problems(app).into_iter().map(view::problem).collect();
        Ok(Response::new(pb::ListActivitiesResponse { definitions, problems }))
    }

    async fn list_installations(
        &self,
        request: Request<pb::ListInstallationsRequest>,
    ) -> Result<Response<pb::ListInstallationsResponse>, Status> {
        let request = request.into_inner();
        let mut installations = Vec::new();
        for installation in self
            .installations
            .list(app_filter(&request.app))
            .await
            .map_err(status::internal)?
        {
            installations.push(self.view(installation).await.map_err(status::internal)?);
        }
        Ok(Response::new(pb::ListInstallationsResponse { installations }))
    }

    async fn reconcile(
        &self,
        request: Request<pb::ReconcileRequest>,
    ) -> Result<Response<pb::ReconcileResponse>, Status> {
        let parent = context(&request).cloned();
        let request = request.into_inner();
        let app = app_filter(&request.app);
        if let Some(app) = app {
            self.app(app)?;
        }
        // An executor that does not answer must not keep the others' portals waiting; its problem is listed.
        let changed = tokio::time::timeout(READING, self.catalog.load_all())
            .await
            .unwrap_or_default();
        for app in &changed {
            self.scheduler.all(Some(app)).await.map_err(status::internal)?;
        }
        let installations = chosen(
            self.installations.list(app).await.map_err(status::internal)?,
            &request.member_id,
        );
        if installations.is_empty() && !request.member_id.is_empty() {
            return Err(status::no_installation(&Key {
                app: request.app,
                member_id: request.member_id,
            }));
        }
        let keys: Vec<_> = installations.into_iter().map(|installation| installation.key).collect();
        self.pass_all(keys, &parent).await.map_err(status::internal)?;
        let mut views = Vec::new();
        for installation in chosen(
            self.installations.list(app).await.map_err(status::internal)?,
            &request.member_id,
        ) {
            views.push(self.view(installation).await.map_err(status::internal)?);
        }
        Ok(Response::new(pb::ReconcileResponse { installations: views }))
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;

    #[test]
    fn each_method_is_opened_by_one_token() {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
        let service = pool.get_service_by_name("registrar.v1.Registrar").unwrap();
        let mut methods: Vec<_> = service
            .methods()
            .map(|method| format!("/{}/{}", service.full_name(), method.name()))
            .collect();
        let mut opened: Vec<_> = SERVICE.iter().chain(&OPERATOR).map(ToString::to_string).collect();
        methods.sort();
        opened.sort();
        assert_eq!(methods, opened);
    }
}
