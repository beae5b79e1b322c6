//! The portal that a case runs on.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Caller, probe, rows, seed};
use crate::{
    clock::Clock,
    context::{Context, Response},
    php::json::into_map,
    rest,
    state::{
        InstanceRow, Portal,
        app::AppRow,
        registry::{ActivityRow, PlacementRow},
        workflow::Workflow,
    },
    workflow,
};

/// The app that makes the earlier calls, where a step names nobody else.
const APP_ONE: &str = "local.aaaa1111.11111111";

/// When a case begins.
const NOW: i64 = 1_795_610_096;

/// A portal with the apps that the cases know.
pub(super) struct World {
    pub(super) portal: Portal,
    context: Context,
    workflow: Option<String>,
}

/// What is compared before and after the background jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) instance_row: bool,
    pub(super) calls: usize,
    pub(super) log: Vec<String>,
    pub(super) lock_held: bool,
    pub(super) modified: Option<i64>,
}

impl World {
    pub(super) fn new(caller: &Caller) -> Self {
        let mut portal = Portal::new(
            "0".repeat(32),
            "portal.test",
            "https://oauth.test/rest/",
            Clock::frozen(NOW),
        );
        for app in apps() {
            portal.apps.insert(app.client_id.clone(), app);
        }
        let settings = &mut portal.settings;
        settings.security_filter = caller.security_filter;
        if let Some(key) = &caller.signer_default_key {
            settings.signer_default_key.clone_from(key);
        }
        if let Some(key) = &caller.crypto_key {
            settings.crypto_key.clone_from(key);
        }
        if let Some(culture) = &caller.culture {
            settings.culture.clone_from(culture);
        }
        settings.use_time_zones = caller.user_zone_offset != 0;
        Self {
            portal,
            context: Context::default(),
            workflow: None,
        }
    }

    /// One step of a setup: an earlier call, a workflow, or rows.
    pub(super) fn set_up(&mut self, step: &Map<String, Value>) -> Result<(), String> {
        if let (Some(method), Some(params)) = (step.get("method").and_then(Value::as_str), step.get("params")) {
            let own = step
                .get("context")
                .map(|context| serde_json::from_value(context.clone()))
                .transpose();
            let own: Option<Caller> = own.map_err(|error| format!("setup: {error}"))?;
            let app_one = || Caller {
                client_id: Some(APP_ONE.to_owned()),
                admin: true,
                ..Caller::default()
            };
            self.call(&own.unwrap_or_else(app_one), method, params);
            self.run_jobs();
            return Ok(());
        }
        if let Some(seed) = step.get("workflow") {
            return self.workflow(seed);
        }
        if let Some(rows) = step.get("workflow_instance_rows").and_then(Value::as_array) {
            return rows.iter().try_for_each(|row| self.instance(rows::given(row)?));
        }
        if let Some(count) = step.get("workflow_instances").and_then(Value::as_i64) {
            return (0..count).try_for_each(|index| self.instance(rows::numbered(index)));
        }
        Err(format!("unknown setup: {}", json!(step)))
    }

    fn workflow(&mut self, seed: &Value) -> Result<(), String> {
        let seed: seed::Seed = serde_json::from_value(seed.clone()).map_err(|error| format!("setup: {error}"))?;
        self.workflow = Some(seed.id().to_owned());
        seed.put(&mut self.portal)?;
        // The call comes later than what was before it.
        self.portal.clock.advance(Duration::from_secs(1));
        Ok(())
    }

    fn instance(&mut self, row: InstanceRow) -> Result<(), String> {
        let id = row.id.clone();
        match self.portal.instances.insert(id.clone(), row) {
            Some(_) => Err(format!("two rows {id}")),
            None => Ok(()),
        }
    }

    /// Calls a method as HTTP would.
    pub(super) fn call(&mut self, caller: &Caller, method: &str, params: &Value) -> Response {
        self.context = Context {
            client_id: caller.client_id.clone(),
            user_id: 1,
            admin: caller.admin,
            scope: caller
                .scope
                .as_ref()
                .map(|scope| scope.split(',').map(str::to_owned).collect()),
            user_zone_offset: caller.user_zone_offset,
            ..Context::default()
        };
        let params = into_map(params.clone());
        rest::dispatch_with(&mut self.portal, &mut self.context, method, &params, probe::call)
    }

    /// What the portal does once the response has left.
    pub(super) fn run_jobs(&mut self) {
        let jobs = std::mem::take(&mut self.context.jobs);
        workflow::run_jobs(&mut self.portal, &jobs);
    }

    /// All rows of activities and placements, as the cases write them.
    pub(super) fn stored(&self) -> Value {
        let registry = &self.portal.registry;
        json!({
            "activities": registry.activities.values().map(ActivityRow::columns).collect::<Vec<_>>(),
            "placements": registry.placements.iter().map(placement).collect::<Vec<_>>(),
        })
    }

    /// The state of the workflow that the case is about.
    pub(super) fn marks(&self) -> Marks {
        let row = self.workflow.as_ref().and_then(|id| self.portal.instances.get(id));
        let workflow = self.workflow.as_ref().and_then(|id| self.portal.workflows.get(id));
        Marks {
            instance_row: row.is_some(),
            calls: self.portal.outbox.len(),
            log: workflow
                .map(Workflow::custom_log)
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            lock_held: row.is_some_and(|row| row.owner_id.is_some()),
            modified: row.map(|row| row.modified),
        }
    }
}

fn apps() -> [AppRow; 3] {
    let app = |id: u64, client_id: &str, name: Option<&str>| AppRow {
        id,
        client_id: client_id.to_owned(),
        code: client_id.to_owned(),
        name: name.map(str::to_owned),
        ..AppRow::default()
    };
    let mut two = app(2, "local.bbbb2222.22222222", Some("App Two"));
    two.menu_names = Map::from_iter([("en".to_owned(), json!("Two")), ("ru".to_owned(), json!("Dva"))]);
    let mut three = app(3, "app.cccc3333.33333333", None);
    "vendor.app3".clone_into(&mut three.code);
    [app(1, APP_ONE, Some("App One")), two, three]
}

fn placement(row: &PlacementRow) -> Value {
    json!({
        "APP_ID": row.app_row.to_string(),
        "ADDITIONAL": row.additional,
        "PLACEMENT": row.placement,
        "PLACEMENT_HANDLER": row.handler,
    })
}
