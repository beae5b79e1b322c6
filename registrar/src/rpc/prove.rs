//! `ProveCallback`: a callback that the gateway could not authenticate.

use proto::registrar::v1::{Auth, InstallationState as State, ProveCallbackRequest, ProveCallbackResponse, Verdict};
use tonic::Status;

use super::{Api, status};
use crate::{
    installation::{Admitted, Key, Proof, Refused, Unproved, digest},
    remote::Parent,
};

impl Api {
    /// The verdict. A callback that is proved but can't be answered, because there are no working credentials, waits for
    /// an installation; if it brings a refresh token of an administrator, it is that installation: the proof is the same
    /// as that of a frame POST, and a registrar that lost its store heals by the next callback.
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
        let proof = match self.admission.prove(parent, app, &auth).await {
            Ok(proof) => proof,
            Err(Unproved::Disproved(reason)) => return Ok(verdict(Verdict::Disproved, reason)),
            Err(Unproved::Expired) => return Ok(verdict(Verdict::Unknown, "its access token has expired")),
            Err(Unproved::Unreachable(problem)) => return Err(status::unavailable(&problem)),
        };
        let stored = self
            .installations
            .get_with_credentials(&key)
            .await
            .map_err(status::internal)?;
        match stored {
            Some((installation, Some(_))) if installation.state != State::Uninstalled => {
                let administrator = proof.info.user_id == Some(installation.user_id);
                if administrator && !auth.application_token.is_empty() {
                    let token = digest(&auth.application_token);
                    self.installations.learn(&key, token).await.map_err(status::internal)?;
                }
                if installation.state == State::TokenRevoked {
                    // Proved all the same: it is answered once there is a token again.
                    self.adopt(parent, &key, &auth, &proof).await?;
                }
                Ok(verdict(Verdict::Proved, ""))
            }
            _ => match self.adopt(parent, &key, &auth, &proof).await? {
                Some(admitted) if admitted.adopted => Ok(verdict(Verdict::Proved, "")),
                _ => {
                    let reason = "the portal has no installation here: an administrator must open the application";
                    Ok(verdict(Verdict::Unknown, reason))
                }
            },
        }
    }

    /// Takes the callback's own credentials, if it brings any and its user is an administrator.
    async fn adopt(&self, parent: &Parent, key: &Key, auth: &Auth, proof: &Proof) -> Result<Option<Admitted>, Status> {
        if auth.refresh_token.is_empty() {
            return Ok(None);
        }
        match self.admission.admit_proved(parent, key, auth, proof, false).await {
            Ok(admitted) => {
                if admitted.adopted {
                    self.scheduler.now(key);
                }
                Ok(Some(admitted))
            }
            Err(Refused::Unreachable(problem)) => Err(status::unavailable(&problem)),
            Err(Refused::Internal(error)) => Err(status::internal(error)),
            Err(Refused::NotAdministrator | Refused::Unproved(_)) => Ok(None),
        }
    }
}

fn verdict(verdict: Verdict, reason: impl Into<String>) -> ProveCallbackResponse {
    ProveCallbackResponse {
        verdict: verdict.into(),
        reason: reason.into(),
    }
}
