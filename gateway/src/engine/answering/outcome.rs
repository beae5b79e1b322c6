//! What comes of a request.

use std::{sync::Arc, time::Duration};

use super::{
    Ready, Sender,
    queue::{Request, Settled},
    workflow::Unproved,
};
use crate::{
    engine::Engine,
    job::{Millis, Outcome, State},
    portal::{Exchanged, Next, Read, Row, Sent, Verdict},
    storage::{Line, Settle, Settling},
};

/// Until a reading that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// Until an answer is taken up again whose workflow is held for long.
const HELD: Duration = Duration::from_mins(1);
/// A sent job that came from the store is due there again after this, should this process end.
const FALLBACK: Duration = Duration::from_secs(30);

impl Engine {
    /// `asked`: when the request began.
    pub(super) fn absorb(&self, sender: &Arc<Sender>, request: Request, asked: Millis, exchanged: Exchanged) {
        let now = self.now();
        let Exchanged {
            answers: sent,
            rows,
            second,
        } = exchanged;
        sender.queue.lock().returned(&request, &sent, second, now);
        let ids = request.workflow_ids();
        for (ready, sent) in request.answers.into_iter().zip(sent) {
            self.answered(sender, ready, sent, second);
        }
        sender.queue.lock().release(&ids);
        if !request.looks.is_empty() {
            self.read(sender, &request.looks, asked, rows);
        }
    }

    /// What comes of one answer.
    fn answered(&self, sender: &Arc<Sender>, ready: Ready, sent: Sent, second: i64) {
        let Ready { mut held, timeline, .. } = ready;
        let pause = &sender.portal.pause;
        self.0.shared.counts.sent(&sent);
        let mark = match sent {
            Sent::Taken => {
                self.works(sender);
                let outcome = match &held.progress.answer {
                    Some(answer) if answer.error.is_some() => Outcome::AnsweredError,
                    _ => Outcome::Answered,
                };
                if held.job.subscription.confirms() {
                    held.progress.sent_second = Some(second);
                    let mut mark = self.mark(&held, State::Sent, Some(outcome));
                    // A fresh job's row needs none: it is recovered by its number.
                    let light = held.permit.lighten();
                    if !held.permit.is_fresh() || !light {
                        mark.next_attempt = Some(mark.changed.after(FALLBACK));
                    }
                    if light {
                        self.record(&held.job, &mark, timeline);
                        self.note_sent(&held, mark);
                        let unproved = Unproved {
                            row: held.row,
                            revision: held.job.revision.clone(),
                            key: held.job.key,
                            sends: held.progress.sends,
                            deadline: held.job.deadline,
                            went_on: false,
                            permit: held.permit,
                        };
                        sender.queue.lock().taken(&held.job.workflow_id, unproved);
                        return;
                    }
                    mark
                } else {
                    self.mark(&held, State::Done, Some(outcome))
                }
            }
            Sent::NoToken(problem) => {
                pause.undecided();
                self.no_token(&held, problem)
            }
            Sent::Refused(verdict, problem) => {
                if !verdict.pauses() {
                    self.works(sender);
                }
                self.refused(&held, pause, &verdict, problem)
            }
        };
        self.finish(held, mark, timeline);
    }

    /// What comes of readings.
    fn read(&self, sender: &Arc<Sender>, looks: &[Arc<str>], asked: Millis, rows: Read) {
        let now = self.now();
        let rows = match rows {
            Read::Rows(rows) => {
                self.works(sender);
                rows
            }
            Read::Denied(problem) => {
                self.works(sender);
                let mut queue = sender.queue.lock();
                if queue.deny(now) {
                    tracing::warn!(
                        app = sender.portal.app,
                        member_id = sender.portal.member_id,
                        problem,
                        "workflows can't be read, so no answer is seen to arrive: each is repeated three times; let an \
                         administrator of the portal open the app"
                    );
                }
                queue.look_again(looks, now);
                return;
            }
            Read::Failed(verdict, problem) => {
                tracing::info!(
                    app = sender.portal.app,
                    member_id = sender.portal.member_id,
                    problem,
                    "workflows could not be read"
                );
                let least = match verdict {
                    Verdict::Pause(least) | Verdict::Closed(least) => least,
                    _ => AGAIN,
                };
                let mut queue = sender.queue.lock();
                let late = queue.too_late(looks, now);
                let blind = queue.not_read(looks, now, least);
                drop(queue);
                if blind {
                    tracing::warn!(
                        app = sender.portal.app,
                        member_id = sender.portal.member_id,
                        "workflows could not be read for minutes: answers of which nothing is seen are repeated by time"
                    );
                }
                self.settle(sender, late);
                return;
            }
        };
        let (mut settled, mut over) = (Vec::new(), Vec::new());
        let mut queue = sender.queue.lock();
        queue.are_read();
        for id in looks {
            if queue.last_send(id).is_some_and(|last| last > asked) {
                queue.look_again(std::slice::from_ref(id), now.after(AGAIN));
                continue;
            }
            let row = rows.get(&id.to_ascii_lowercase()).copied().unwrap_or(Row::Gone);
            for ready in queue.judge(id, Some(row), now, &mut settled) {
                over.push((ready, row));
            }
        }
        drop(queue);
        self.settle(sender, settled);
        for (Ready { held, timeline, .. }, row) in over {
            let mark = if row == Row::Gone {
                self.over(
                    &held,
                    Outcome::WorkflowGone,
                    "the workflow was over before its answer was sent".into(),
                )
            } else {
                self.unsent(
                    &held,
                    now.after(HELD),
                    "another hit of the portal holds the workflow: the answer waits",
                )
            };
            self.finish(held, mark, timeline);
        }
    }

    /// Writes what became of sent jobs.
    pub(super) fn settle(&self, sender: &Sender, settled: Vec<Settled>) {
        if settled.is_empty() {
            return;
        }
        let now = self.now();
        let mut jobs = Vec::with_capacity(settled.len());
        let mut permits = Vec::with_capacity(settled.len());
        let mut due: Vec<(Line, Millis)> = Vec::new();
        for Settled { unproved, next } in settled {
            let Unproved {
                row,
                permit,
                key,
                revision,
                ..
            } = unproved;
            self.0.shared.counts.settled(next);
            let settling = match next {
                Next::Done(evidence) => Settling::Done { note: evidence.text() },
                Next::Repeat => {
                    tracing::info!(job = key.id(), "the answer was not seen to arrive: it is sent again");
                    due.push((sender.line(revision, State::AnsweredUnsent), now));
                    Settling::Repeat
                }
                Next::Look(at) => {
                    due.push((sender.line(revision, State::Sent), at));
                    Settling::Look(at)
                }
                Next::Park(problem) => {
                    tracing::warn!(job = key.id(), problem, "parked: a person has to look");
                    Settling::Park(problem)
                }
                Next::Unproved => Settling::Unproved,
            };
            jobs.push((row, settling));
            permits.push(permit);
        }
        let engine = self.clone();
        self.0.shared.storage.settle(Settle { jobs, now }, move |written| {
            if let Err(error) = written {
                tracing::error!(%error, "what became of sent answers could not be stored");
            }
            drop(permits);
            for (line, at) in due {
                engine.0.lines.wake(line, at);
            }
        });
    }
}
