//! Bound events.

use serde_json::{Map, Value, json};

use super::{
    Portal,
    outgoing::{Outgoing, Post},
};

/// A row of `event.bind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHandler {
    /// Row id: `event_handler_id` of the event's body.
    pub id: u64,
    /// App.
    pub client_id: String,
    /// Upper-case event name.
    pub event: String,
    /// URL.
    pub handler: String,
    /// User whose tokens are sent; 0 = the one who acted.
    pub auth_type: u64,
    /// Bound by the portal itself at install (an API-only app's install event).
    pub built_in: bool,
}

impl Portal {
    /// The next row id of event handlers.
    pub fn next_handler_id(&mut self) -> u64 {
        self.last_event_handler += 1;
        self.last_event_handler
    }

    /// Queues an event for every handler that an active and installed app has bound.
    pub fn post_event(&mut self, client_id: &str, event: &str, data: &Value, user: Option<u64>) {
        let Some(app) = self.apps.get(client_id).filter(|app| app.active && app.installed) else {
            return;
        };
        let application_token = app.application_token.clone();
        let name = if self.settings.lower_case_events {
            event.to_lowercase()
        } else {
            event.to_owned()
        };
        let rows = self
            .event_handlers
            .iter()
            .filter(|row| row.client_id == client_id && row.event == event);
        for row in rows.cloned().collect::<Vec<_>>() {
            let mut body = Map::new();
            body.insert("event".into(), json!(name));
            if !self.settings.old_events {
                body.insert("event_handler_id".into(), json!(row.id));
            }
            body.insert("data".into(), data.clone());
            body.insert("ts".into(), json!(self.clock.seconds()));
            self.send(Outgoing {
                client_id: client_id.to_owned(),
                url: row.handler,
                user: user.map(|user| if row.auth_type == 0 { user } else { row.auth_type }),
                data: body,
                application_token: application_token.clone(),
                post: Post::Event(event.to_owned()),
            });
        }
    }
}
