//! What a portal is asked for each job, as cheap as it can be answered: answers, alone and in batches, and readings of workflows.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU32, Ordering},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;

use crate::answers::Answers;

/// The `time` block that every reply has, and every command's result.
const TIME: &str = r#"{"start":1734690000.123456,"finish":1734690000.165432,"duration":0.041976,"processing":0.012345,"date_start":"2024-12-20T13:20:00+03:00","date_finish":"2024-12-20T13:20:00+03:00","operating_reset_at":1734690600,"operating":0}"#;
const DENIED: &str = r#"{"error":"ACCESS_DENIED","error_description":"Access denied!"}"#;

/// How often the portal was asked.
#[derive(Default)]
pub(crate) struct Asked {
    answers: AtomicU32,
    readings: AtomicU32,
    workflows_over: AtomicU32,
    requests: AtomicU32,
}

/// The same at one moment.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Counts {
    /// `event.send`, alone or as commands.
    pub(crate) answers: u32,
    /// `workflow.instances`, alone or as commands.
    pub(crate) readings: u32,
    /// Workflows that they told to be over.
    pub(crate) workflows_over: u32,
    /// Requests that carried them.
    pub(crate) requests: u32,
}

impl Counts {
    /// What came since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            answers: self.answers - before.answers,
            readings: self.readings - before.readings,
            workflows_over: self.workflows_over - before.workflows_over,
            requests: self.requests - before.requests,
        }
    }
}

#[derive(Deserialize)]
struct Batch {
    cmd: serde_json::Map<String, Value>,
}

impl Asked {
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            answers: self.answers.load(Ordering::Relaxed),
            readings: self.readings.load(Ordering::Relaxed),
            workflows_over: self.workflows_over.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }

    /// Status and body for one of the three methods; nothing for others.
    pub(super) fn reply(&self, method: &str, body: &[u8], answers: &Answers) -> Option<(&'static str, String)> {
        let result = match method {
            "bizproc.event.send" => self.answer(body, answers),
            "bizproc.workflow.instances" => Ok(self.read(&ids(body), answers)),
            "batch" => Ok(self.batch(body, answers)),
            _ => return None,
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        Some(match result {
            Ok(result) => ("200 OK", format!(r#"{{"result":{result},"time":{TIME}}}"#)),
            Err(error) => ("403 Forbidden", error),
        })
    }

    fn answer(&self, body: &[u8], answers: &Answers) -> Result<String, String> {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if answers.take(body) {
            Ok("true".to_owned())
        } else {
            Err(DENIED.to_owned())
        }
    }

    /// Rows of the workflows that still wait. Each has one step: it is over once that is answered.
    fn read(&self, ids: &[String], answers: &Answers) -> String {
        self.readings.fetch_add(1, Ordering::Relaxed);
        let waiting: Vec<_> = ids.iter().filter(|id| !answers.ended(id)).collect();
        let over = u32::try_from(ids.len() - waiting.len()).unwrap_or(u32::MAX);
        self.workflows_over.fetch_add(over, Ordering::Relaxed);
        let rows = waiting
            .iter()
            .map(|id| format!(r#"{{"ID":"{id}","MODIFIED":"2024-12-20T13:20:00+03:00","OWNED_UNTIL":null}}"#));
        format!("[{}]", rows.collect::<Vec<_>>().join(","))
    }

    fn batch(&self, body: &[u8], answers: &Answers) -> String {
        let commands = serde_json::from_slice::<Batch>(body)
            .map(|batch| batch.cmd)
            .unwrap_or_default();
        let (mut results, mut errors, mut times) = (String::new(), String::new(), String::new());
        for (key, command) in &commands {
            let (method, query) = command
                .as_str()
                .and_then(|command| command.split_once('?'))
                .unwrap_or_default();
            let result = match method {
                "bizproc.event.send" => self.answer(&decoded(query), answers),
                "bizproc.workflow.instances" => Ok(self.read(&ids_of_query(query), answers)),
                _ => Err(r#"{"error":"ERROR_METHOD_NOT_FOUND","error_description":"Method not found!"}"#.to_owned()),
            };
            match result {
                Ok(result) => {
                    member(&mut results, key, &result);
                    member(&mut times, key, TIME);
                }
                Err(error) => member(&mut errors, key, &error),
            }
        }
        let [results, errors, times] = [&results, &errors, &times].map(|members| map(members));
        format!(
            r#"{{"result":{results},"result_error":{errors},"result_total":[],"result_next":[],"result_time":{times}}}"#
        )
    }
}

fn member(map: &mut String, key: &str, value: &str) {
    let comma = if map.is_empty() { "" } else { "," };
    write!(map, r#"{comma}"{key}":{value}"#).expect("a String takes everything");
}

/// PHP's empty map is a list.
fn map(members: &str) -> String {
    if members.is_empty() {
        "[]".to_owned()
    } else {
        format!("{{{members}}}")
    }
}

/// The values of a command's query, one after the other.
fn decoded(query: &str) -> Vec<u8> {
    form_urlencoded::parse(query.as_bytes())
        .flat_map(|(_, value)| value.into_owned().into_bytes())
        .collect()
}

fn ids_of_query(query: &str) -> Vec<String> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| key.starts_with("FILTER[ID]"))
        .map(|(_, id)| id.into_owned())
        .collect()
}

fn ids(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let ids = body["FILTER"]["ID"].as_array().into_iter().flatten();
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback;

    #[test]
    fn a_batch_is_answered_command_by_command() {
        let (asked, answers) = (Asked::default(), Answers::default());
        let workflow = |number: u32| format!("6745a1b2c3d4e{}.{number:08}", number % 10);
        let send = |number: u32, value: &str| {
            format!(
                "bizproc.event.send?EVENT_TOKEN={}%7CA12345_67890_11111_22222%7C0000000000000000000000{number:010}.f&RETURN_VALUES%5BoutputString%5D={value}",
                workflow(number)
            )
        };
        let read = format!(
            "bizproc.workflow.instances?FILTER%5BID%5D%5B0%5D={}&FILTER%5BID%5D%5B1%5D={}&start=-1",
            workflow(7),
            workflow(8)
        );
        let body = serde_json::json!({"halt": 0, "cmd": {"c0": send(7, callback::ANSWER), "c1": send(8, "no"), "c2": read, "c3": "profile?"}});
        let (status, reply) = asked.reply("batch", body.to_string().as_bytes(), &answers).unwrap();
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(status, "200 OK");
        let result = &reply["result"];
        assert_eq!(result["result"]["c0"], true, "{reply}");
        assert_eq!(result["result_error"]["c1"]["error"], "ACCESS_DENIED");
        assert_eq!(result["result"]["c2"][0]["ID"], workflow(8));
        assert_eq!(result["result"]["c2"].as_array().unwrap().len(), 1, "7 is over");
        assert_eq!(result["result_error"]["c3"]["error"], "ERROR_METHOD_NOT_FOUND");
        let counts = asked.counts();
        assert_eq!((counts.answers, counts.readings, counts.requests), (2, 1, 1));
        assert_eq!(counts.workflows_over, 1);
        assert!(asked.reply("profile", b"{}", &answers).is_none());
    }
}
