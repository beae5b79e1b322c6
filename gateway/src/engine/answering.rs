//! Answers on their way to portals. One sender for an app on a portal is the only place that talks to that portal for jobs: it
//! chooses the next request, keeps to the portal's limits, and holds an answer until it is proved to have arrived.

mod looks;
mod outcome;
mod queue;
mod revival;
mod workflow;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bitrix::rest::Command;
use parking_lot::Mutex;

use self::queue::{Plan, Queue, Request};
use super::{Engine, Held, retry::AFTER_PANIC};
use crate::{
    job::{Job, Millis, State},
    panics::{self, Panicked},
    portal::{self, Exchanged, PAGE, Portal, Portals, Sending, Sent},
    storage::{Line, StoredJob},
    timeline::Timeline,
};

/// Longest sleep of a sender that waits for a time.
const TICK: Duration = Duration::from_secs(1);

/// The senders.
pub(super) struct Answering {
    portals: Portals,
    senders: Mutex<HashMap<String, Arc<Sender>>>,
}

/// The sender of an app on a portal. It has no task while nothing waits.
struct Sender {
    portal: Portal,
    queue: Mutex<Queue>,
}

/// An answer to be sent.
pub(super) struct Ready {
    pub(super) held: Held,
    pub(super) timeline: Timeline,
    in_batch: InBatch,
}

/// An answer as a batch would carry it.
enum InBatch {
    /// Not looked at yet: a lone answer needs none.
    Unknown,
    /// A batch would alter it.
    Altered,
    Safe(Command),
}

impl Sender {
    fn line(&self, revision: Arc<str>, state: State) -> Line {
        Line {
            app: self.portal.app.clone(),
            member_id: self.portal.member_id.clone(),
            revision,
            state,
        }
    }
}

impl Answering {
    pub(super) fn new(portals: Portals) -> Self {
        Self {
            portals,
            senders: Mutex::default(),
        }
    }

    fn sender(&self, job: &Job) -> Arc<Sender> {
        self.senders
            .lock()
            .entry(key(&job.app, &job.member_id))
            .or_insert_with(|| {
                Arc::new(Sender {
                    portal: self.portals.open(&job.app, &job.member_id),
                    queue: Mutex::default(),
                })
            })
            .clone()
    }
}

/// An app's name has no blank.
fn key(app: &str, member_id: &str) -> String {
    [app, " ", member_id].concat()
}

impl Engine {
    /// Hands an answer to the sender of its portal.
    pub(super) fn answer(&self, mut held: Held, timeline: Timeline) {
        held.permit.answered();
        let sender = self.0.answering.sender(&held.job);
        if held.permit.is_fresh() {
            // Its callback has just come from there.
            sender.portal.pause.hurry(self.now());
        }
        let ready = Ready::new(held, timeline);
        sender.queue.lock().add(ready, self.now());
        self.pump(&sender);
    }

    /// Looks for the arrival of an answer that was sent before.
    pub(super) fn look_for(&self, stored: StoredJob, permit: super::Permit) {
        let sender = self.0.answering.sender(&stored.job);
        sender.queue.lock().look_for(stored, permit, self.now());
        self.pump(&sender);
    }

    /// Sends what can be sent now, and comes back when more can be.
    fn pump(&self, sender: &Arc<Sender>) {
        loop {
            let now = self.now();
            let stopping = self.0.shared.lifecycle.is_stopping();
            let mut queue = sender.queue.lock();
            let unseen = queue.unseen(now);
            let plan = queue.plan(
                now,
                &mut sender.portal.limits.lock(),
                &sender.portal.operating.lock(),
                &sender.portal.pause,
            );
            let left = match &plan {
                Plan::Pause(..) => queue.give_up(),
                // What can't go now goes after the next start.
                Plan::Wait(_) | Plan::Nothing if stopping => queue.give_up(),
                _ => Vec::new(),
            };
            drop(queue);
            self.settle(sender, unseen);
            let (until, problem) = match &plan {
                Plan::Pause(at, problem) => (*at, *problem),
                _ => (now, "the gateway stops: the answer waits"),
            };
            for Ready { held, timeline, .. } in left {
                let mark = self.unsent(&held, until, problem);
                self.finish(held, mark, timeline);
            }
            match plan {
                Plan::Request(request) => self.spawn_request(sender.clone(), request),
                Plan::Pause(at, _) | Plan::Wait(at) => {
                    if !stopping {
                        self.sleep(sender, at);
                    }
                    return;
                }
                Plan::Nothing => return,
            }
        }
    }

    /// Comes back at that time, unless it comes back earlier anyway.
    fn sleep(&self, sender: &Arc<Sender>, at: Millis) {
        if !sender.queue.lock().set_timer(at) {
            return;
        }
        let (engine, sender) = (self.clone(), sender.clone());
        let pause = at.since(self.now()).min(TICK);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            if sender.queue.lock().take_timer(at) {
                engine.pump(&sender);
            }
        });
    }

    fn spawn_request(&self, sender: Arc<Sender>, mut request: Request) {
        let engine = self.clone();
        tokio::spawn(async move {
            let asked = engine.now();
            match panics::caught(engine.exchange(&sender.portal, &mut request)).await {
                Ok(exchanged) => engine.absorb(&sender, request, asked, exchanged),
                Err(panicked) => engine.absorb_panic(&sender, request, &panicked),
            }
            engine.pump(&sender);
        });
    }

    async fn exchange(&self, portal: &Portal, request: &mut Request) -> Exchanged {
        // Nothing goes out while another process may be sending the same.
        self.0.shared.storage.work().ours().await;
        let start = self.0.shared.clock.now();
        let readings: Vec<_> = request.looks.chunks(PAGE).collect();
        let answers = request.answers.len();
        let mut sendings = Vec::with_capacity(answers);
        for Ready {
            held,
            timeline,
            in_batch,
        } in &mut request.answers
        {
            held.progress.sends += 1;
            let answer = held.progress.answer.as_ref().expect("only answers are handed over");
            sendings.push(Sending {
                job: &held.job,
                answer,
                timeline,
                command: match std::mem::replace(in_batch, InBatch::Unknown) {
                    InBatch::Safe(command) => Some(command),
                    _ => None,
                },
            });
        }
        let portals = &self.0.answering.portals;
        let exchanged = Box::pin(portals.exchange(portal, &mut sendings, &readings)).await;
        let took = start.duration_until(self.0.shared.clock.now()).unsigned_abs();
        self.0.shared.counts.request(answers, readings.len(), took);
        exchanged
    }

    fn absorb_panic(&self, sender: &Arc<Sender>, request: Request, panicked: &Panicked) {
        tracing::error!(
            app = sender.portal.app,
            member_id = sender.portal.member_id,
            place = panicked.0,
            "a request to the portal panicked"
        );
        let sent = vec![Sent::NoToken(String::new()); request.answers.len()];
        sender.queue.lock().returned(&request, &sent, 0, self.now());
        let ids = request.workflow_ids();
        for Ready { mut held, timeline, .. } in request.answers {
            let mark = self.panicked(&mut held, panicked);
            self.finish(held, mark, timeline);
        }
        let mut queue = sender.queue.lock();
        queue.release(&ids);
        queue.look_again(&request.looks, self.now().after(AFTER_PANIC));
    }
}

impl Ready {
    fn new(held: Held, timeline: Timeline) -> Self {
        Self {
            held,
            timeline,
            in_batch: InBatch::Unknown,
        }
    }

    /// Whether it can't go in a batch.
    fn is_alone(&mut self) -> bool {
        if self.held.progress.failures > 0 {
            // A request with it panicked. The others' must not.
            return true;
        }
        if let InBatch::Unknown = self.in_batch {
            let answer = self.held.progress.answer.as_ref();
            let command = answer.map(|answer| portal::command_of(&self.held.job, answer));
            self.in_batch = command.filter(Command::is_safe).map_or(InBatch::Altered, InBatch::Safe);
        }
        matches!(self.in_batch, InBatch::Altered)
    }
}
