//! A job: one callback of a portal, from its acceptance to the end of its step.

mod action;
mod deadline;
mod key;
mod properties;
mod state;
mod subscription;
mod time;

use std::sync::Arc;

use activity::Value;
use bitrix::{form, post::Callback};

pub(crate) use self::{
    action::{Action, Payload, Standing},
    deadline::Deadline,
    key::Key,
    properties::{Properties, property_pairs},
    state::{Outcome, State},
    subscription::Subscription,
    time::Millis,
};
use crate::trace::Trace;

/// What is known of a job when it is accepted, and never changes.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) key: Key,
    pub(crate) app: String,
    pub(crate) member_id: String,
    /// Revision of the definitions that the callback was posted for.
    pub(crate) revision: Arc<str>,
    pub(crate) workflow_id: String,
    pub(crate) code: String,
    pub(crate) document_id: Option<[String; 3]>,
    pub(crate) document_type: Option<[String; 3]>,
    /// The secret that completes the step.
    pub(crate) event_token: bitrix::post::EventToken,
    pub(crate) subscription: Subscription,
    /// Owner of the callback's token; 0: not told.
    pub(crate) user_id: i64,
    pub(crate) received: Millis,
    /// When the portal came to the step, in seconds of its clock; known while the job is in memory.
    pub(crate) ts: Option<i64>,
    pub(crate) deadline: Deadline,
    pub(crate) trace: Trace,
    pub(crate) properties: Properties,
}

/// What has happened to a job so far; in the store when it has to wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Attempts to call the executor.
    pub(crate) attempts: u32,
    /// Failures of the kind that is tried three times, and panics of our own code; from zero again when there is an answer.
    pub(crate) failures: u32,
    /// When a deployment fault was first seen.
    pub(crate) faulty_since: Option<Millis>,
    /// The executor's answer, once there is one.
    pub(crate) answer: Option<Answer>,
    /// Attempts to send it.
    pub(crate) sends: u32,
    /// The second of the portal's clock in which the last request with it began, while its arrival is not proved.
    pub(crate) sent_second: Option<i64>,
}

/// What the workflow is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `RETURN_VALUES`, as JSON.
    pub(crate) values: String,
    /// The error, when it is a business error.
    pub(crate) error: Option<String>,
}

impl Job {
    /// The job of a callback for `revision` of `app`.
    pub(crate) fn of_callback(
        callback: Callback,
        app: &str,
        revision: impl Into<Arc<str>>,
        now: Millis,
        trace: Trace,
    ) -> Self {
        let member_id = callback.auth.member_id.unwrap_or_default();
        let subscription = Subscription::of(callback.use_subscription.as_deref(), callback.document_type.is_some());
        Self {
            key: Key::new(&callback.workflow_id, app, &member_id, &callback.event_token),
            app: app.to_owned(),
            member_id,
            revision: revision.into(),
            workflow_id: callback.workflow_id,
            code: callback.code,
            document_id: callback.document_id,
            document_type: callback.document_type,
            event_token: callback.event_token,
            subscription,
            user_id: callback.auth.user_id.unwrap_or_default(),
            received: now,
            ts: callback.ts,
            deadline: Deadline::new(now, callback.ts, callback.timeout_duration, subscription),
            trace,
            properties: Properties::new(callback.properties),
        }
    }

    /// 32 lower hex digits: what people and executors call it.
    pub(crate) fn id(&self) -> String {
        self.key.id()
    }
}

impl Properties {
    /// As the values that definitions take.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&[u8], Value<'_>)> {
        self.form()
            .iter()
            .filter_map(|(key, item)| Some((key.as_bytes()?, value(item))))
    }
}

fn value(value: &form::Value) -> Value<'_> {
    match value {
        form::Value::Text(text) => Value::Text(text),
        form::Value::Array(array) => Value::List(
            array
                .iter()
                .map(|(key, item)| {
                    let key = match key {
                        form::Key::Int(int) => activity::Key::Int(*int),
                        form::Key::Text(text) => activity::Key::Text(text),
                    };
                    (key, self::value(item))
                })
                .collect(),
        ),
    }
}
