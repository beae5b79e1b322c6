//! `Install`: a frame POST.

use std::time::Duration;

use proto::registrar::v1::{Auth, InstallRequest, InstallResponse, InstallationState as State};
use tonic::Status;

use super::{Api, status, view};
use crate::{
    installation::{Key, Refused, Unproved},
    questions::{Asker, Caller},
    reconcile::Report,
    remote::Parent,
};

/// How long a person waits for executors that were not read since the start.
const SETTLE: Duration = Duration::from_secs(5);

impl Api {
    /// Proves, takes the credentials, registers and reads back.
    pub(super) async fn install_app(
        &self,
        parent: &Parent,
        request: InstallRequest,
    ) -> Result<InstallResponse, Status> {
        let app = self.app(&request.app)?;
        let auth = request.auth.unwrap_or_default();
        let key = Key {
            app: request.app,
            member_id: auth.member_id.clone(),
        };
        let caller = Caller {
            asker: Asker::Page,
            source: &request.source,
        };
        let admitted = match self.admission.admit(parent, &key, app, &auth, caller, false).await {
            Ok(admitted) => admitted,
            Err(refused) => return self.refused(&key, refused).await,
        };
        let response = InstallResponse {
            proved: true,
            administrator: true,
            finish: !admitted.finished,
            ..InstallResponse::default()
        };
        if !admitted.known {
            let problem = "the portal sent no usable refresh token: open the application again from the portal's menu";
            return Ok(InstallResponse {
                problem: problem.into(),
                ..response
            });
        }
        self.catalog.settle(&key.app, SETTLE).await;
        let mut report = self.pass(parent, &key).await?;
        if !admitted.adopted && self.takes_over_now(parent, &key, &auth, caller, &report).await? {
            report = self.pass(parent, &key).await?;
        }
        Ok(InstallResponse {
            activities: report.activities.into_iter().map(view::registration).collect(),
            problem: report.problem,
            state: report.state.into(),
            ..response
        })
    }

    /// The pass may have shown that the stored credentials are worth nothing: then this administrator's are taken.
    async fn takes_over_now(
        &self,
        parent: &Parent,
        key: &Key,
        auth: &Auth,
        caller: Caller<'_>,
        report: &Report,
    ) -> Result<bool, Status> {
        if report.problem.is_empty() {
            return Ok(false);
        }
        let app = self.app(&key.app)?;
        Ok(self
            .admission
            .admit(parent, key, app, auth, caller, false)
            .await
            .is_ok_and(|admitted| admitted.adopted))
    }

    pub(super) async fn pass(&self, parent: &Parent, key: &Key) -> Result<Report, Status> {
        let report = self.reconciler.run(key, parent).await.map_err(status::internal)?;
        let report = report.ok_or_else(|| status::no_installation(key))?;
        self.scheduler.after(key, report.again);
        Ok(report)
    }

    async fn refused(&self, key: &Key, refused: Refused) -> Result<InstallResponse, Status> {
        match refused {
            Refused::Unproved(Unproved::Unreachable(problem)) | Refused::Unreachable(problem) => {
                Err(status::unavailable(&problem))
            }
            Refused::Unproved(Unproved::NoBudget(wait)) => Err(status::no_budget(wait)),
            Refused::Internal(error) => Err(status::internal(error)),
            Refused::Unproved(Unproved::Disproved(problem)) => Ok(InstallResponse {
                problem,
                ..InstallResponse::default()
            }),
            Refused::Unproved(Unproved::Expired) => {
                let problem = "the page is too old: open the application again from the portal's menu".into();
                Ok(InstallResponse {
                    problem,
                    ..InstallResponse::default()
                })
            }
            Refused::NotAdministrator => self.for_others(key).await,
        }
    }

    /// What somebody who is no administrator sees: what is known already.
    async fn for_others(&self, key: &Key) -> Result<InstallResponse, Status> {
        let mut response = InstallResponse {
            proved: true,
            ..InstallResponse::default()
        };
        if let Some(installation) = self.installations.get(key).await.map_err(status::internal)? {
            let registrations = self.storage.reads().registrations(key.clone()).await;
            let registrations = registrations.map_err(status::internal)?;
            response.activities = registrations.into_iter().map(view::registration).collect();
            response.state = installation.state.into();
        } else {
            response.state = State::Unspecified.into();
            response.problem = "the application is not set up: an administrator of the portal must open it".into();
        }
        Ok(response)
    }
}
