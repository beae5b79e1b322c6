//! What happens to an app on a portal, from its first installation to its last farewell: a test each, which ends with exactly
//! the desired activities.

mod forms;
mod install;
mod neighbours;
mod portal;
mod uninstall;
mod update;

use serde_json::{Map, Value, json};
use tests::{APP, CLIENT_ID, Emulator, Shape, Stack};

/// The hasher's activities and its robot.
const CODES: [&str; 3] = ["digest", "digest_robot", "md5"];

/// A registrar that looks at each portal all the time: what happens without a word comes out by itself.
const VIGILANT: (&str, &str) = ("REGISTRAR__RECONCILE_INTERVAL", "1s");

async fn vigilant() -> anyhow::Result<Stack> {
    Stack::start_with(Shape::Serve, Emulator::start().await?, "", &[VIGILANT]).await
}

/// Installs the app as one without UI: the portal sends ONAPPINSTALL.
async fn install_by_event(stack: &Stack) -> anyhow::Result<()> {
    // Nobody waits for the answer to an event: without definitions at hand its pass would register nothing yet.
    stack.revision("md5").await?;
    let mut app = stack.app();
    app["api_only"] = json!(true);
    app["install_url"] = json!(stack.url("event"));
    stack.emulator.post("apps", app).await?;
    bound(stack).await?;
    // What comes next is counted from here.
    forget(stack).await
}

/// Waits until the registrar has bound its events: with that a pass after an installation ends.
async fn bound(stack: &Stack) -> anyhow::Result<()> {
    stack.emulator.counted("calls:event.bind", 3).await.map(drop)
}

async fn forget(stack: &Stack) -> anyhow::Result<()> {
    stack.emulator.send("DELETE", "calls", None).await.map(drop)
}

/// Does something to the app on the portal.
async fn act(stack: &Stack, action: &str, how: Value) -> anyhow::Result<Value> {
    stack.emulator.post(&format!("apps/{CLIENT_ID}/{action}"), how).await
}

/// Adds a user to the portal, or replaces one.
async fn user(stack: &Stack, id: u64, admin: bool, active: bool) -> anyhow::Result<()> {
    let user = json!({"admin": admin, "active": active});
    stack
        .emulator
        .send("PUT", &format!("users/{id}"), Some(user))
        .await
        .map(drop)
}

/// Calls that changed registrations since the last [`forget`].
async fn changes(stack: &Stack) -> anyhow::Result<Vec<String>> {
    let calls = stack.emulator.get("calls").await?;
    let methods = calls
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|call| call["method"].as_str());
    let changing = methods.filter(|method| ["add", "update", "delete"].iter().any(|verb| method.ends_with(verb)));
    Ok(changing.map(str::to_owned).collect())
}

/// The rows of an app on a portal, in the order of their codes.
async fn rows(portal: &Emulator, client_id: &str) -> anyhow::Result<Vec<Value>> {
    let rows = portal.get("activities").await?;
    let mut rows: Vec<Value> = rows.as_array().into_iter().flatten().cloned().collect();
    rows.retain(|row| row["APP_ID"] == client_id);
    rows.sort_by_key(|row| row["CODE"].to_string());
    Ok(rows)
}

/// The app's activities on the portal are what the registrar has definitions of: not one more or less, each with all
/// that its definition says, called at the current revision and run as this user. Gives the rows.
async fn exactly_desired(stack: &Stack, user: u64) -> anyhow::Result<Vec<Value>> {
    desired_on(stack, &stack.emulator, (APP, CLIENT_ID), user).await
}

async fn desired_on(
    stack: &Stack,
    portal: &Emulator,
    (app, client_id): (&str, &str),
    user: u64,
) -> anyhow::Result<Vec<Value>> {
    let rows = rows(portal, client_id).await?;
    let mut definitions = stack.definitions(app).await?;
    definitions.sort_by(|one, other| one.code.cmp(&other.code));
    let codes = |codes: Vec<&str>| codes.join(" ");
    assert_eq!(
        codes(rows.iter().filter_map(|row| row["CODE"].as_str()).collect()),
        codes(CODES.to_vec()),
        "registered on {}",
        portal.portal().name
    );
    assert_eq!(
        codes(definitions.iter().map(|definition| &*definition.code).collect()),
        codes(CODES.to_vec()),
        "defined"
    );
    for (row, definition) in rows.iter().zip(definitions) {
        let mut wanted: Map<String, Value> = serde_json::from_str(&definition.parameters_json)?;
        let handler = stack.url_of(app, &format!("activity/{}", definition.revision));
        wanted.insert("HANDLER".into(), json!(handler));
        wanted.insert("AUTH_USER_ID".into(), json!(user));
        wanted.insert("IS_ROBOT".into(), json!(if definition.robot { "Y" } else { "N" }));
        for (column, value) in wanted {
            assert_eq!(row[&column], stored(&column, &value), "{column} of {}", definition.code);
        }
    }
    Ok(rows)
}

/// A parameter as the portal stores it: keys in upper case, but those of properties and options.
fn stored(name: &str, value: &Value) -> Value {
    let Value::Object(map) = value else {
        return value.clone();
    };
    let kept = name.ends_with("PROPERTIES") || name == "OPTIONS";
    let key = |key: &String| if kept { key.clone() } else { key.to_uppercase() };
    let inner = |name: &str| if kept { String::new() } else { name.to_owned() };
    map.iter()
        .map(|(name, value)| (key(name), stored(&inner(&key(name)), value)))
        .collect()
}

/// A workflow's step of the app is answered.
async fn answers(portal: &Emulator, client_id: &str) -> anyhow::Result<()> {
    let step = json!({"name": "A1", "code": "md5", "client_id": client_id, "properties": {"inputString": "a"}});
    let workflow = portal.workflow(json!([step])).await?;
    answered(portal, &workflow).await
}

/// The step of such a workflow is answered by and by.
async fn answered(portal: &Emulator, workflow: &str) -> anyhow::Result<()> {
    let workflow = portal.finished(workflow).await?;
    assert_eq!(
        workflow["values"]["A1"]["outputString"], "0cc175b9c0f1b6a831c399e269772661",
        "{workflow}"
    );
    Ok(())
}
