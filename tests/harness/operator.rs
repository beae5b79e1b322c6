//! What an operator asks gateway and registrar.

use anyhow::Context;
use harness::{authorised, until};
use portal::PortalInfo;
use proto::{
    gateway::v1::{Job, ListRequest, State, jobs_client::JobsClient},
    registrar::v1::{
        Definition, InstallationState, InstallationView, IssueTokenRequest, IssueTokenResponse, ListActivitiesRequest,
        ListInstallationsRequest, ReconcileRequest, registrar_client::RegistrarClient,
    },
};
use tonic::transport::Channel;

use crate::{APP, OPERATOR_TOKEN, SERVICE_TOKEN, Stack};

/// The jobs of one workflow (all of them if it is empty), newest first.
pub async fn jobs(stack: &Stack, workflow_id: &str) -> anyhow::Result<Vec<Job>> {
    let channel = Channel::from_shared(stack.jobs_uri())?.connect().await?;
    let request = ListRequest {
        workflow_id: workflow_id.into(),
        page_size: 500,
        ..ListRequest::default()
    };
    let request = authorised(OPERATOR_TOKEN, request);
    Ok(JobsClient::new(channel).list(request).await?.into_inner().jobs)
}

/// The only job of a workflow, once it is in a state.
pub async fn settled(stack: &Stack, workflow_id: &str, state: State) -> anyhow::Result<Job> {
    let ask = async || match jobs(stack, workflow_id).await?.pop() {
        Some(job) if job.state() == state => Ok(job),
        other => Err(anyhow::anyhow!("not {state:?}: {other:?}")),
    };
    Ok(until(ask).await)
}

impl Stack {
    /// A pass of the registrar over all installations, now.
    pub async fn reconcile(&self) -> anyhow::Result<Vec<InstallationView>> {
        let request = authorised(OPERATOR_TOKEN, ReconcileRequest::default());
        Ok(self
            .registrar()
            .await?
            .reconcile(request)
            .await?
            .into_inner()
            .installations)
    }

    /// The current revision of an activity's definition, once the registrar has read it.
    pub async fn revision(&self, code: &str) -> anyhow::Result<String> {
        let ask = async || {
            let definitions = self.definitions(APP).await?;
            let found = definitions.into_iter().find(|definition| definition.code == code);
            found.with_context(|| format!("there is no definition of {code}"))
        };
        Ok(until(ask).await.revision)
    }

    /// The current definitions of an app.
    pub async fn definitions(&self, app: &str) -> anyhow::Result<Vec<Definition>> {
        let request = authorised(OPERATOR_TOKEN, ListActivitiesRequest { app: app.into() });
        let listed = self.registrar().await?.list_activities(request).await?;
        Ok(listed.into_inner().definitions)
    }

    /// The only installation, once it is in a state.
    pub async fn installation_in(&self, state: InstallationState) -> anyhow::Result<InstallationView> {
        self.installation_of(APP, self.emulator.portal(), state).await
    }

    /// The installation of an app on a portal, once it is in a state.
    pub async fn installation_of(
        &self,
        app: &str,
        portal: &PortalInfo,
        state: InstallationState,
    ) -> anyhow::Result<InstallationView> {
        let mut registrar = self.registrar().await?;
        let ask = async || {
            let request = authorised(OPERATOR_TOKEN, ListInstallationsRequest { app: app.into() });
            let listed = registrar.list_installations(request).await?.into_inner().installations;
            match listed.into_iter().find(|one| one.member_id == portal.member_id) {
                Some(installation) if installation.state() == state => Ok(installation),
                other => Err(anyhow::anyhow!("not {state:?}: {other:?}")),
            }
        };
        Ok(until(ask).await)
    }

    /// An access token of the app's installation, as the gateway asks for it.
    pub async fn issue_token(&self) -> anyhow::Result<Result<IssueTokenResponse, tonic::Status>> {
        let request = IssueTokenRequest {
            app: APP.into(),
            member_id: self.emulator.portal().member_id.clone(),
            ..IssueTokenRequest::default()
        };
        let request = authorised(SERVICE_TOKEN, request);
        let issued = self.registrar().await?.issue_token(request).await;
        Ok(issued.map(tonic::Response::into_inner))
    }

    async fn registrar(&self) -> anyhow::Result<RegistrarClient<Channel>> {
        Ok(RegistrarClient::new(
            Channel::from_shared(self.registrar_uri())?.connect().await?,
        ))
    }
}
