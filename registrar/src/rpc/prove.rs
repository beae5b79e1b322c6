//! `ProveCallback`: a callback that the gateway could not authenticate.

use std::time::Duration;

use proto::registrar::v1::{ProveCallbackRequest, ProveCallbackResponse, Verdict};
use tonic::Status;

use super::{Api, status};
use crate::{
    installation::{Installation, Key, Refused, Unproved, digest},
    questions::{Asker, Caller},
    remote::Parent,
};

/// How long the answer to a callback waits for the registration of its activity.
const REGISTERED: Duration = Duration::from_secs(20);

impl Api {
    /// The verdict. A callback that is proved heals an installation that does not work: the proof is the same as that of a
    /// frame POST, so a registrar that lost its store, or never heard of the portal, answers it all the same.
    pub(super) async fn judge_callback(
        &self,
        parent: &Parent,
        request: ProveCallbackRequest,
    ) -> Result<ProveCallbackResponse, Status> {
        let app = self.app(&request.app)?;
        let auth = request.auth.unwrap_or_default();
        let key = Key {
            app: request.app,
            member_id: auth.member_id.clone(),
        };
        let known = self.installations.get(&key).await.map_err(status::internal)?.is_some();
        let caller = Caller {
            asker: if known { Asker::Known } else { Asker::Stranger },
            source: &request.source,
        };
        let proof = match self.admission.prove(parent, &key, app, &auth, caller).await {
            Ok(proof) => proof,
            Err(Unproved::Disproved(reason)) => return Ok(verdict(Verdict::Disproved, reason)),
            Err(Unproved::Expired) => return Ok(verdict(Verdict::Unknown, "its access token has expired")),
            Err(Unproved::Unreachable(problem)) => return Err(status::unavailable(&problem)),
            Err(Unproved::NoBudget(wait)) => return Err(status::no_budget(wait)),
        };
        let stored = self.installations.get(&key).await.map_err(status::internal)?;
        if let Some(installation) = stored.filter(Installation::works) {
            let administrator = proof.info.user_id == Some(installation.user_id);
            if administrator && !auth.application_token.is_empty() {
                let token = digest(&auth.application_token);
                self.installations.learn(&key, token).await.map_err(status::internal)?;
            }
            return Ok(verdict(Verdict::Proved, ""));
        }
        match self.admission.heal(parent, &key, &auth, &proof).await {
            // Of an activity that its portal does not know (any more) it drops the values, so that comes first.
            Ok(true) => drop(tokio::time::timeout(REGISTERED, self.pass(parent, &key)).await),
            Ok(false) => self.scheduler.after(&key, self.config.reconcile_interval),
            Err(Refused::Internal(error)) => return Err(status::internal(error)),
            Err(Refused::Unreachable(problem)) => return Err(status::unavailable(&problem)),
            Err(Refused::NotAdministrator | Refused::Unproved(_)) => {}
        }
        Ok(verdict(Verdict::Proved, ""))
    }
}

fn verdict(verdict: Verdict, reason: impl Into<String>) -> ProveCallbackResponse {
    ProveCallbackResponse {
        verdict: verdict.into(),
        reason: reason.into(),
    }
}
