//! What a sender has to do, and what it does next. Nothing here waits or sends.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bitrix::rest::BATCH_LIMIT;

use super::{
    Ready,
    looks::{Id, Looks, READINGS},
    workflow::{Last, Unproved, Workflow},
};
use crate::{
    engine::Permit,
    job::Millis,
    pause::Pause,
    portal::{Limits, Next, Operating, PAGE, Row, Sent},
    storage::StoredJob,
};

/// Bytes of answers in one batch.
const BATCH_BYTES: usize = 256 * 1024;
/// After a send, before a workflow is read for the sake of another answer to it; doubled while a hit is in it.
const GATE: Duration = Duration::from_millis(100);
/// An answer waits so long for the proof of another in memory, then in the store.
const PATIENCE: Duration = Duration::from_secs(30);
/// Without readings, an answer waits so long for the one before.
const UNSEEN_GATE: Duration = Duration::from_secs(2);
/// Readings that are further away are left to the store.
const FAR: Duration = Duration::from_secs(30);
/// An answer was not taken: what was sent before it is looked at this long after that.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);

/// Everything that waits for one sender.
#[derive(Default)]
pub(super) struct Queue {
    ready: VecDeque<Ready>,
    workflows: HashMap<Id, Workflow>,
    looks: Looks,
    in_flight: usize,
    timer: Option<Millis>,
}

/// What comes next.
pub(super) enum Plan {
    Request(Request),
    /// Nothing before then.
    Wait(Millis),
    /// Answers wait until then in the store; why.
    Pause(Millis, &'static str),
    /// Nothing before something happens.
    Nothing,
}

/// One request.
pub(super) struct Request {
    pub(super) answers: Vec<Ready>,
    pub(super) looks: Vec<Id>,
}

/// What follows for a sent job; its permit is given back when that is written.
pub(super) struct Settled {
    pub(super) unproved: Unproved,
    pub(super) next: Next,
}

impl Request {
    /// Workflows that it carries answers to.
    pub(super) fn workflow_ids(&self) -> Vec<String> {
        let ids = self.answers.iter().map(|ready| ready.held.job.workflow_id.clone());
        ids.collect()
    }
}

impl Queue {
    /// An answer comes.
    pub(super) fn add(&mut self, ready: Ready, now: Millis) {
        let Some(workflow) = self.workflows.get_mut(&*ready.held.job.workflow_id) else {
            self.ready.push_back(ready);
            return;
        };
        match workflow.last {
            _ if workflow.sending => workflow.waiting.push(ready),
            // Its step began after the last send: the hit of that send is over.
            Some(last) if ready.held.job.ts.is_some_and(|ts| ts > last.second) => {
                for unproved in &mut workflow.unproved {
                    unproved.went_on = true;
                }
                self.ready.push_back(ready);
            }
            Some(last) if !workflow.unproved.is_empty() && !self.looks.are_failing() => {
                let at = last.at.after(GATE).max(now);
                let id = self.id(&ready.held.job.workflow_id);
                self.looks.add(&id, at);
                self.workflows.entry(id).or_default().waiting.push(ready);
            }
            _ => self.ready.push_back(ready),
        }
    }

    /// A job that was sent before comes from the store.
    pub(super) fn look_for(&mut self, stored: StoredJob, mut permit: Permit, now: Millis) {
        let StoredJob {
            row,
            job,
            progress,
            changed,
            ..
        } = stored;
        permit.lighten();
        let id = self.id(&job.workflow_id);
        let workflow = self.workflows.entry(id.clone()).or_default();
        let last = Last {
            at: changed,
            second: progress.sent_second.unwrap_or(changed.0.div_euclid(1000)),
            answers: 1,
        };
        if workflow.last.is_none_or(|before| before.at < last.at) {
            workflow.last = Some(last);
        }
        workflow.unproved.push(Unproved {
            row,
            permit,
            key: job.key,
            revision: job.revision,
            sends: progress.sends,
            deadline: job.deadline,
            went_on: false,
        });
        self.looks.add(&id, now);
    }

    /// Judges the workflows that are due and can't be read.
    pub(super) fn unseen(&mut self, now: Millis) -> Vec<Settled> {
        let mut settled = Vec::new();
        while let Some(id) = self.looks.take_unseen(now) {
            self.judge(&id, None, now, &mut settled);
        }
        settled
    }

    /// The next request, if one may go now. Those that can't be read were judged before.
    pub(super) fn plan(&mut self, now: Millis, limits: &mut Limits, operating: &Operating, pause: &Pause) -> Plan {
        if let Some(at) = operating.readings.rests(now) {
            self.looks.rest(at);
        }
        let waited_for = |id: &Id| {
            let workflow = self.workflows.get(id);
            workflow.is_some_and(|workflow| !workflow.waiting.is_empty())
        };
        let look = self.looks.next(now, waited_for);
        let look_is_due = look.is_some_and(|at| at <= now);
        if self.ready.is_empty() && !look_is_due {
            let next = look.into_iter().chain(self.looks.next_unseen()).min();
            return next.map_or(Plan::Nothing, Plan::Wait);
        }
        let answers = !self.ready.is_empty();
        if answers && let Some(at) = operating.answers.rests(now) {
            return Plan::Pause(
                at,
                "the portal's operating time for answers is used up: the answer waits",
            );
        }
        if self.in_flight >= limits.width() {
            return Plan::Nothing;
        }
        // A reading that fails says nothing of answers: it is no probe.
        let entered = if answers {
            pause.enter(now)
        } else {
            pause.closed(now).map_or(Ok(()), Err)
        };
        if let Err(at) = entered {
            return Plan::Pause(at, "the portal is in trouble: the answer waits");
        }
        if let Err(at) = limits.take(now, self.ready.len() >= BATCH_LIMIT - 1) {
            if answers {
                pause.undecided();
            }
            return Plan::Wait(at);
        }
        let request = self.compose(now, look_is_due && !(answers && self.looks.are_failing()));
        if !request.answers.is_empty() {
            self.in_flight += 1;
            return Plan::Request(request);
        }
        if answers {
            // All that was ready has to wait for others of its workflow.
            pause.undecided();
        }
        if request.looks.is_empty() {
            return self.plan(now, limits, operating, pause);
        }
        self.looks.goes();
        Plan::Request(request)
    }

    fn compose(&mut self, now: Millis, look_is_due: bool) -> Request {
        let mut answers: Vec<Ready> = Vec::new();
        let mut aside = Vec::new();
        let mut bytes = 0;
        let mut alone = false;
        // Commands that are kept for readings.
        let pages = self.looks.pages(now);
        while answers.len() < BATCH_LIMIT - pages
            && !alone
            && let Some(mut ready) = self.ready.pop_front()
        {
            let id = self.id(&ready.held.job.workflow_id);
            let goes_along = |other: &Ready| other.held.job.workflow_id == ready.held.job.workflow_id;
            if let Some(workflow) = self.workflows.get_mut(&id).filter(|workflow| workflow.sending)
                && !answers.iter().any(goes_along)
            {
                workflow.waiting.push(ready);
                continue;
            }
            // The only one needs no batch.
            let only = answers.is_empty() && self.ready.is_empty();
            if !only && ready.is_alone() {
                if answers.is_empty() {
                    alone = true;
                } else {
                    aside.push(ready);
                    continue;
                }
            }
            bytes += ready
                .held
                .progress
                .answer
                .as_ref()
                .map_or(0, |answer| answer.values.len());
            if bytes > BATCH_BYTES && !answers.is_empty() {
                aside.push(ready);
                break;
            }
            self.workflows.entry(id).or_default().sending = true;
            answers.push(ready);
        }
        for ready in aside.into_iter().rev() {
            self.ready.push_front(ready);
        }
        let readings = match answers.as_mut_slice() {
            _ if !look_is_due => 0,
            [] => READINGS,
            [answer] => pages * usize::from(!answer.is_alone()),
            _ => pages,
        };
        let looks = self.take_looks(now, readings * PAGE);
        Request { answers, looks }
    }

    /// Workflows to read: those that are due, and those that will soon be.
    fn take_looks(&mut self, now: Millis, limit: usize) -> Vec<Id> {
        let mut looks = Vec::new();
        while looks.len() < limit
            && let Some(id) = self.looks.take(now)
        {
            // One that an answer is on its way to is looked at after that.
            if let Some(workflow) = self.workflows.get_mut(&id).filter(|workflow| !workflow.sending) {
                workflow.reading = true;
                looks.push(id);
            }
        }
        if !looks.is_empty() {
            self.looks.reads(now);
        }
        looks
    }

    /// A request came back. What became of its answers is told next: those [taken](Self::taken), then [all](Self::release).
    pub(super) fn returned(&mut self, request: &Request, sent: &[Sent], second: i64, now: Millis) {
        if request.answers.is_empty() {
            self.looks.is_back();
        } else {
            self.in_flight -= 1;
        }
        let last = Last {
            at: now,
            second,
            answers: request.answers.len(),
        };
        for id in &request.looks {
            if let Some(workflow) = self.workflows.get_mut(id) {
                workflow.reading = false;
            }
        }
        for (ready, sent) in request.answers.iter().zip(sent) {
            if let Some(workflow) = self.workflows.get_mut(&*ready.held.job.workflow_id) {
                workflow.sending = false;
                if *sent == Sent::Taken {
                    workflow.last = Some(last);
                }
            }
        }
    }

    /// An answer that was taken is to be proved.
    pub(super) fn taken(&mut self, workflow_id: &str, unproved: Unproved) {
        self.looks.answer_taken();
        let id = self.id(workflow_id);
        let workflow = self.workflows.entry(id.clone()).or_default();
        let Some(last) = workflow.last else { return };
        let look = if workflow.waiting.is_empty() {
            last.of(&unproved).first_look()
        } else {
            last.at.after(GATE)
        };
        workflow.unproved.push(unproved);
        self.looks.add(&id, look);
    }

    /// What waited for answers that are no longer on their way can go.
    pub(super) fn release(&mut self, workflow_ids: &[String]) {
        for workflow_id in workflow_ids {
            let id = self.id(workflow_id);
            let Some(workflow) = self.workflows.get_mut(&id) else {
                continue;
            };
            if workflow.unproved.is_empty() && !workflow.sending {
                self.ready.extend(workflow.waiting.drain(..));
            }
            if workflow.is_idle() {
                self.forget(&id);
            } else if let Some(last) = workflow.last
                && !self.looks.contains(&id)
            {
                self.looks.add(&id, last.at.after(AFTER_REFUSAL));
            }
        }
    }

    /// Judges what was read of a workflow; `None`: it can't be read. Answers that come to nothing are given back.
    pub(super) fn judge(&mut self, id: &Id, row: Option<Row>, now: Millis, settled: &mut Vec<Settled>) -> Vec<Ready> {
        let Some(workflow) = self.workflows.get_mut(id) else {
            return Vec::new();
        };
        let Some(last) = workflow.last.filter(|_| !workflow.sending) else {
            return Vec::new();
        };
        let mut look: Option<Millis> = None;
        for unproved in std::mem::take(&mut workflow.unproved) {
            let last = last.of(&unproved);
            let next = match row {
                Some(row) => last.judge(row, workflow.locked, now, unproved.deadline),
                None => last.judge_unseen(now, unproved.deadline),
            };
            match next {
                Next::Look(at) if at <= now.after(FAR) => {
                    look = look.into_iter().chain([at]).min();
                    workflow.unproved.push(unproved);
                }
                next => settled.push(Settled { unproved, next }),
            }
        }
        workflow.locked = if row == Some(Row::Locked) {
            workflow.locked + 1
        } else {
            0
        };
        let mut over = Vec::new();
        match row {
            Some(Row::Gone) => over = std::mem::take(&mut workflow.waiting),
            Some(Row::Locked) if !workflow.waiting.is_empty() => {
                if now.since(last.at) > PATIENCE {
                    over = std::mem::take(&mut workflow.waiting);
                } else {
                    let soon = now.after(GATE * (1 << workflow.locked.min(6)));
                    look = look.into_iter().chain([soon]).min();
                }
            }
            None if now < last.at.after(UNSEEN_GATE) && !workflow.waiting.is_empty() => {
                look = look.into_iter().chain([last.at.after(UNSEEN_GATE)]).min();
            }
            _ => {
                for ready in workflow.waiting.drain(..).rev() {
                    self.ready.push_front(ready);
                }
            }
        }
        if let Some(at) = look {
            self.looks.add(id, at);
        } else if self.workflows.get(id).is_some_and(Workflow::is_idle) {
            self.forget(id);
        }
        over
    }

    /// Readings failed. What waits for them goes, and where answers are taken, workflows are judged by time after a while; true when
    /// that begins.
    pub(super) fn not_read(&mut self, ids: &[Id], now: Millis, least: Duration) -> bool {
        let at = self.looks.failed(now, least);
        for id in ids {
            if let Some(workflow) = self.workflows.get_mut(id).filter(|workflow| !workflow.sending) {
                self.ready.extend(workflow.waiting.drain(..));
            }
        }
        self.look_again(ids, at);
        self.looks.turn_blind(now)
    }

    /// Readings came.
    pub(super) fn are_read(&mut self) {
        self.looks.work();
    }

    /// A reading failed: again then.
    pub(super) fn look_again(&mut self, ids: &[Id], at: Millis) {
        for id in ids {
            match self.workflows.get(id) {
                Some(workflow) if workflow.is_idle() => self.forget(id),
                Some(_) => self.looks.add(id, at),
                None => {}
            }
        }
    }

    /// Judges those of the workflows, which can't be read now, whose jobs are past their deadline.
    pub(super) fn too_late(&mut self, ids: &[Id], now: Millis) -> Vec<Settled> {
        let mut settled = Vec::new();
        for id in ids {
            let late = |workflow: &Workflow| workflow.unproved.iter().all(|unproved| unproved.deadline.at <= now);
            if self.workflows.get(id).is_some_and(late) {
                self.judge(id, None, now, &mut settled);
            }
        }
        settled
    }

    /// When the last answer went to a workflow.
    pub(super) fn last_send(&self, id: &str) -> Option<Millis> {
        self.workflows.get(id)?.last.map(|last| last.at)
    }

    /// The token's user may not read workflows; true when that is new.
    pub(super) fn deny(&mut self, now: Millis) -> bool {
        self.looks.deny(now)
    }

    /// Everything that is ready or waits for others of its workflow.
    pub(super) fn give_up(&mut self) -> Vec<Ready> {
        let mut left: Vec<_> = self.ready.drain(..).collect();
        for workflow in self.workflows.values_mut() {
            left.append(&mut workflow.waiting);
        }
        left
    }

    /// Sets the timer; false when it is set to that time or before.
    pub(super) fn set_timer(&mut self, at: Millis) -> bool {
        let earlier = self.timer.is_none_or(|timer| at < timer);
        if earlier {
            self.timer = Some(at);
        }
        earlier
    }

    /// The timer is over; false when it was set anew meanwhile.
    pub(super) fn take_timer(&mut self, at: Millis) -> bool {
        let current = self.timer == Some(at);
        if current {
            self.timer = None;
        }
        current
    }

    /// The key of a workflow, the one that is there if there is one.
    fn id(&self, workflow_id: &str) -> Id {
        let known = self.workflows.get_key_value(workflow_id);
        known.map_or_else(|| workflow_id.into(), |(id, _)| id.clone())
    }

    fn forget(&mut self, id: &Id) {
        self.workflows.remove(id);
        self.looks.remove(id);
    }
}

#[cfg(test)]
mod tests;
