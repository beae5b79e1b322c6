//! What an operator asks gateway and registrar.

use anyhow::Context as _;
use proto::{
    gateway::v1::{Job, ListRequest, State, jobs_client::JobsClient},
    registrar::v1::{
        InstallationState, InstallationView, ListActivitiesRequest, ListInstallationsRequest, ReconcileRequest,
        registrar_client::RegistrarClient,
    },
};
use tonic::{Request, transport::Channel};

use crate::Stack;

/// The jobs of one workflow (all of them if it is empty), newest first.
pub async fn jobs(stack: &Stack, workflow_id: &str) -> anyhow::Result<Vec<Job>> {
    let channel = Channel::from_shared(stack.jobs_uri())?.connect().await?;
    let request = ListRequest {
        workflow_id: workflow_id.into(),
        page_size: 500,
        ..ListRequest::default()
    };
    let request = authorised(stack, request)?;
    Ok(JobsClient::new(channel).list(request).await?.into_inner().jobs)
}

/// The only job of a workflow, once it is in a state.
pub async fn settled(stack: &Stack, workflow_id: &str, state: State) -> anyhow::Result<Job> {
    let mut last = None;
    for _ in 0..3000 {
        last = jobs(stack, workflow_id).await?.pop();
        match &last {
            Some(job) if job.state() == state => return Ok(job.clone()),
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    anyhow::bail!("the job of {workflow_id} never was {state:?}: {last:?}")
}

impl Stack {
    /// A pass of the registrar over all installations, now.
    pub async fn reconcile(&self) -> anyhow::Result<Vec<InstallationView>> {
        let request = authorised(self, ReconcileRequest::default())?;
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
        let mut registrar = self.registrar().await?;
        for _ in 0..3000 {
            let request = authorised(self, ListActivitiesRequest::default())?;
            let definitions = registrar.list_activities(request).await?.into_inner().definitions;
            match definitions.into_iter().find(|definition| definition.code == code) {
                Some(definition) => return Ok(definition.revision),
                None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
        anyhow::bail!("no definition of {code}")
    }

    /// The only installation, once it is in a state.
    pub async fn installation_in(&self, state: InstallationState) -> anyhow::Result<InstallationView> {
        let mut registrar = self.registrar().await?;
        for _ in 0..3000 {
            let request = authorised(self, ListInstallationsRequest::default())?;
            match registrar
                .list_installations(request)
                .await?
                .into_inner()
                .installations
                .pop()
            {
                Some(installation) if installation.state() == state => return Ok(installation),
                _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
        anyhow::bail!("no installation ever was {state:?}")
    }

    async fn registrar(&self) -> anyhow::Result<RegistrarClient<Channel>> {
        Ok(RegistrarClient::new(
            Channel::from_shared(self.registrar_uri())?.connect().await?,
        ))
    }
}

fn authorised<M>(stack: &Stack, message: M) -> anyhow::Result<Request<M>> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {}", stack.operator_token()).parse().context("token")?;
    request.metadata_mut().insert("authorization", bearer);
    Ok(request)
}
