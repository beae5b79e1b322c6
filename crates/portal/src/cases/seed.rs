//! A workflow in the state that a case begins with.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    context::Job,
    state::{
        Portal,
        registry::{ActivityRow, internal_code},
        workflow::Call,
    },
    workflow::{
        self,
        seed::{self, finish},
        template::Element,
    },
};

/// The app and the code of every step.
const CLIENT_ID: &str = "local.aaaa1111.11111111";
const CODE: &str = "step";

/// The case's own words: a sequence of which the first step waits, or branches that all wait.
#[derive(Debug, Deserialize)]
pub(super) struct Seed {
    id: String,
    state: State,
    #[serde(default)]
    steps: Vec<String>,
    #[serde(default)]
    s1_token: Option<String>,
    #[serde(default)]
    parallel: bool,
    #[serde(default)]
    tokens: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// For its answer.
    Waiting,
    /// Another hit runs it.
    Locked,
    /// Another hit ran it, long ago, and never freed it.
    LockedExpired,
    /// It is over.
    Finished,
    /// It never was.
    Unknown,
    /// The answer has come, and the next step waits.
    Consumed,
    /// Its document is gone.
    DocumentDeleted,
    /// Its state row is gone.
    #[serde(rename = "state_missing")]
    Stateless,
}

impl Seed {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Puts the workflow in place.
    pub(super) fn put(self, portal: &mut Portal) -> Result<(), String> {
        register(portal);
        if self.state == State::Unknown {
            return Ok(());
        }
        let call = Call {
            code: CODE.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            ..Call::default()
        };
        let following = self.steps.iter().skip(1).map(|_| Element::Call(Box::new(call.clone())));
        let seed = seed::Seed {
            tokens: self.s1_token.iter().chain(&self.tokens).cloned().collect(),
            parallel: self.parallel,
            then: following.collect(),
            call,
            document_id: ["crm", "CCrmDocumentDeal", "DEAL_77"].map(str::to_owned),
            document_type: ["crm", "CCrmDocumentDeal", "DEAL"].map(str::to_owned),
            started_by: 1,
            ..seed::Seed::default()
        };
        let token = seed
            .tokens
            .first()
            .cloned()
            .ok_or("setup: a workflow without a token")?;
        seed::workflow(portal, seed)
            .filter(|id| *id == self.id)
            .ok_or("setup: the token is another workflow's")?;
        self.bring_into_state(portal, &token)
    }

    fn bring_into_state(&self, portal: &mut Portal, token: &str) -> Result<(), String> {
        let now = portal.clock.seconds();
        let row = portal.instances.get_mut(&self.id).ok_or("setup: no instance row")?;
        let workflow = portal.workflows.get_mut(&self.id).ok_or("setup: no workflow")?;
        match self.state {
            State::Waiting | State::Unknown => {}
            State::Locked | State::LockedExpired => {
                row.owner_id = Some("6b0642000000a1.11111111".to_owned());
                row.owned_until = Some(if self.state == State::Locked {
                    now + 300
                } else {
                    now - 300
                });
            }
            State::Finished => finish(portal, &self.id),
            State::Consumed => {
                let (value, _) = token.rsplit_once('.').ok_or("setup: a token without a signature")?;
                let job = Job {
                    token: value.to_owned(),
                    return_values: json!({}),
                    log_message: Value::Null,
                    user_zone_offset: 0,
                };
                workflow::run_jobs(portal, &[job]);
            }
            State::DocumentDeleted => workflow.document_deleted = true,
            State::Stateless => workflow.state_missing = true,
        }
        Ok(())
    }
}

/// The activity that the steps call.
fn register(portal: &mut Portal) {
    let internal_code = internal_code(CLIENT_ID, CODE);
    let row = ActivityRow {
        app_id: CLIENT_ID.to_owned(),
        app_name: json!({"*": "App One"}),
        code: CODE.to_owned(),
        internal_code: internal_code.clone(),
        handler: "https://a.b/x".to_owned(),
        auth_user_id: 0,
        use_subscription: "Y".to_owned(),
        use_placement: "N".to_owned(),
        name: json!({"*": "Step"}),
        description: Value::Null,
        properties: Value::Null,
        return_properties: json!({"Out": {"NAME": "Out", "TYPE": "string"}, "Num": {"NAME": "Num", "TYPE": "int"}}),
        document_type: Value::Null,
        filter: Value::Null,
        is_robot: false,
    };
    portal.registry.activities.insert(internal_code, row);
}
