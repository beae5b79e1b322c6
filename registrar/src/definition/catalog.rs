//! The current set of every executor and app. A set that can't be had or is wrong replaces nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use activity::{Limits, Set};
use parking_lot::RwLock;
use service::{
    SharedClock,
    grpc::{ChannelError, Connection, channel},
};
use tokio::sync::{Mutex, Notify, watch};

use super::{file::FileSource, source::Source};
use crate::{
    config::{Config, Descriptors, Executor},
    error::Error,
    storage::{Storage, StoredRevision},
};

/// The definitions in use, and what is wrong with those that are not.
pub(crate) struct Catalog {
    config: Arc<Config>,
    clock: SharedClock,
    storage: Storage,
    changes: Arc<Notify>,
    sources: BTreeMap<String, Mutex<Feed>>,
    state: RwLock<State>,
    /// One set becomes current at a time: between the look for clashes and the store's commit nothing may change.
    taking: Mutex<()>,
    /// Executors that were read since the start, or can't be.
    settled: watch::Sender<BTreeSet<String>>,
}

/// Where an executor's descriptors come from, and what they were last.
struct Feed {
    source: Source,
    last: Result<Set, String>,
}

#[derive(Default)]
struct State {
    /// By app and executor.
    current: BTreeMap<(String, String), Arc<Current>>,
    /// By app and executor.
    problems: BTreeMap<(String, String), String>,
}

/// The current set of an executor for an app.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) app: String,
    pub(crate) executor: String,
    pub(crate) revision: String,
    pub(crate) set: Set,
}

/// An executor whose descriptors are not in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) app: String,
    pub(crate) executor: String,
    pub(crate) text: String,
}

impl Catalog {
    /// With the sets that were current at the last stop.
    pub(crate) async fn restore(
        config: Arc<Config>,
        clock: SharedClock,
        storage: Storage,
        changes: Arc<Notify>,
    ) -> Result<Self, Error> {
        let mut state = State::default();
        for stored in storage.reads().revisions().await?.into_iter().filter(|one| one.current) {
            if !config
                .apps
                .get(stored.app.as_str())
                .is_some_and(|app| app.has(&stored.executor))
            {
                continue;
            }
            let key = (stored.app.clone(), stored.executor.clone());
            match Set::read(&stored.descriptors, &Limits::default()) {
                Ok(set) => {
                    let (app, executor, revision) = (stored.app, stored.executor, stored.revision);
                    state.current.insert(
                        key,
                        Arc::new(Current {
                            app,
                            executor,
                            revision,
                            set,
                        }),
                    );
                }
                Err(problems) => {
                    state
                        .problems
                        .insert(key, format!("the stored set is not good any more: {problems}"));
                }
            }
        }
        let mut sources = BTreeMap::new();
        for (name, executor) in &config.executors {
            let feed = Feed {
                source: source(executor)?,
                last: Err("not read yet".into()),
            };
            sources.insert(name.clone(), Mutex::new(feed));
        }
        let settled = watch::Sender::new(BTreeSet::new());
        Ok(Self {
            config,
            clock,
            storage,
            changes,
            sources,
            state: RwLock::new(state),
            taking: Mutex::default(),
            settled,
        })
    }

    /// The current sets of an app, or of all, by app and executor.
    pub(crate) fn current(&self, app: Option<&str>) -> Vec<Arc<Current>> {
        let state = self.state.read();
        state
            .current
            .values()
            .filter(|one| app.is_none_or(|app| one.app == app))
            .cloned()
            .collect()
    }

    /// What is wrong, by app and executor.
    pub(crate) fn problems(&self, app: Option<&str>) -> Vec<Problem> {
        let state = self.state.read();
        let of_app = state
            .problems
            .iter()
            .filter(|((name, _), _)| app.is_none_or(|app| name == app));
        of_app
            .map(|((app, executor), text)| Problem {
                app: app.clone(),
                executor: executor.clone(),
                text: text.clone(),
            })
            .collect()
    }

    /// Waits until every executor of the app was read since the start, or can't be, at most this long.
    pub(crate) async fn settle(&self, app: &str, limit: Duration) {
        let Some(app) = self.config.apps.get(app) else { return };
        let wanted: Vec<_> = self.config.executors.keys().filter(|name| app.has(name)).collect();
        let mut settled = self.settled.subscribe();
        let all = settled.wait_for(|settled| wanted.iter().all(|name| settled.contains(*name)));
        // After the limit, too, there is something to show: what was known at the last stop.
        drop(tokio::time::timeout(limit, all).await);
    }

    /// Reads an executor's descriptors; a good set that differs becomes current. Says which apps got a new set, or
    /// whether the reading failed.
    pub(crate) async fn load(&self, executor: &str) -> Result<Vec<String>, Failed> {
        let (Some(settings), Some(source)) = (self.config.executors.get(executor), self.sources.get(executor)) else {
            return Ok(Vec::new());
        };
        let mut feed = source.lock().await;
        match feed.source.read().await {
            // Looked at again all the same: what stood in its way may be gone.
            Ok(None) => {}
            Ok(Some(descriptors)) => feed.last = check(&descriptors, settings),
            Err(error) => feed.last = Err(error.to_string()),
        }
        let found = &feed.last;
        let mut changed = Vec::new();
        for (app, _) in self.config.apps.iter().filter(|(_, app)| app.has(executor)) {
            let taken = match found {
                Ok(set) => self.take(app.as_str(), executor, set).await,
                Err(problem) => Err(problem.clone()),
            };
            match taken {
                Ok(true) => changed.push(app.to_string()),
                Ok(false) => {}
                Err(problem) => self.complain(app.as_str(), executor, &problem),
            }
        }
        if found.is_err() { Err(Failed) } else { Ok(changed) }
    }

    /// Reads all executors' descriptors, at the same time.
    pub(crate) async fn load_all(&self) -> Vec<String> {
        let loads = self.config.executors.keys().map(|executor| self.load(executor));
        let mut changed: Vec<_> = futures::future::join_all(loads)
            .await
            .into_iter()
            .filter_map(Result::ok)
            .flatten()
            .collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Whether the set became current; the reason why not is for people.
    async fn take(&self, app: &str, executor: &str, set: &Set) -> Result<bool, String> {
        let revision = set.revision().to_string();
        let key = (app.to_owned(), executor.to_owned());
        let _turn = self.taking.lock().await;
        {
            let mut state = self.state.write();
            clash(&state, app, executor, set)?;
            if state
                .current
                .get(&key)
                .is_some_and(|current| current.revision == revision)
            {
                state.problems.remove(&key);
                return Ok(false);
            }
        }
        let now = self.clock.now();
        let fresh = StoredRevision {
            app: app.into(),
            executor: executor.into(),
            revision: revision.clone(),
            descriptors: set.descriptors().to_vec(),
            current: true,
        };
        let stored = self.storage.make_current(fresh, now).await;
        stored.map_err(|error| format!("the new set can't be stored: {error}"))?;
        tracing::info!(
            app,
            executor,
            revision,
            activities = set.activities().len(),
            "new current set of definitions"
        );
        let current = Current {
            app: app.into(),
            executor: executor.into(),
            revision,
            set: set.clone(),
        };
        let mut state = self.state.write();
        state.current.insert(key.clone(), Arc::new(current));
        state.problems.remove(&key);
        self.changes.notify_one();
        Ok(true)
    }

    fn complain(&self, app: &str, executor: &str, problem: &str) {
        let before = self
            .state
            .write()
            .problems
            .insert((app.to_owned(), executor.to_owned()), problem.to_owned());
        if before.as_deref() != Some(problem) {
            tracing::warn!(
                app,
                executor,
                problem,
                "an executor's descriptors are not in use; the last good set stays"
            );
            self.changes.notify_one();
        }
    }

    /// Nobody need wait for this executor any more.
    pub(super) fn settled(&self, executor: &str) {
        self.settled
            .send_if_modified(|settled| settled.insert(executor.to_owned()));
    }
}

/// The executor's descriptors can't be had or are wrong; [`Catalog::problems`] says why.
#[derive(Debug)]
pub(crate) struct Failed;

fn source(executor: &Executor) -> Result<Source, ChannelError> {
    Ok(match &executor.descriptors {
        Descriptors::Reflection => Source::Reflection(channel(&executor.uri, &Connection::default())?),
        Descriptors::File(path) => Source::File(FileSource::new(path)),
    })
}

fn check(descriptors: &[u8], executor: &Executor) -> Result<Set, String> {
    let set = Set::read(descriptors, &Limits::default()).map_err(|problems| problems.to_string())?;
    if set.activities().is_empty() {
        return Err("no method has the bizproc.v1.activity option, so there is nothing to register".into());
    }
    set.restrict(&executor.codes).map_err(|problems| problems.to_string())?;
    Ok(set)
}

/// A code belongs to one executor of an app: whoever had it first keeps it.
fn clash(state: &State, app: &str, executor: &str, set: &Set) -> Result<(), String> {
    let others = state
        .current
        .values()
        .filter(|other| other.app == app && other.executor != executor);
    for other in others {
        if let Some(taken) = set.activities().iter().find(|one| other.set.find(one.code()).is_some()) {
            let (code, owner) = (taken.code(), &other.executor);
            return Err(format!(
                "{}: code `{code}` belongs to the executor `{owner}` of this app",
                taken.path()
            ));
        }
    }
    Ok(())
}
