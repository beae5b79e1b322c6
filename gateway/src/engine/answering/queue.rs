//! What a sender has to do, and what it does next. Nothing here waits or sends.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bitrix::rest::BATCH_LIMIT;

use super::{
    Ready,
    workflow::{Last, Unproved, Workflow},
};
use crate::{
    engine::Permit,
    job::Millis,
    pause::Pause,
    portal::{Limits, Next, PAGE, Sent, is_readable},
    storage::{Settling, StoredJob},
};

/// Bytes of answers in one batch.
const BATCH_BYTES: usize = 256 * 1024;
/// Readings of one request, of [`PAGE`] workflows each.
const READINGS: usize = 10;
/// Between requests with readings: those of many workflows go together.
const GATHER: Duration = Duration::from_secs(4);
/// The same when an answer waits for one.
const GATHER_FOR_ANSWERS: Duration = Duration::from_millis(250);
/// Readings that are due as soon go along.
const ALONG: Duration = Duration::from_secs(2);
/// After a send, before a workflow is read for the sake of another answer to it; doubled while a hit is in it.
const GATE: Duration = Duration::from_millis(100);
/// An answer waits so long for the proof of another in memory, then in the store.
const PATIENCE: Duration = Duration::from_secs(30);
/// Without readings, an answer waits so long for the one before.
const UNSEEN_GATE: Duration = Duration::from_secs(2);
/// Readings that are further away are left to the store.
const FAR: Duration = Duration::from_secs(30);
/// How long a token is not tried again that may not read workflows.
pub(super) const DENIED: Duration = Duration::from_hours(1);

type Id = Arc<str>;

/// Everything that waits for one sender.
#[derive(Default)]
pub(super) struct Queue {
    ready: VecDeque<Ready>,
    workflows: HashMap<Id, Workflow>,
    looks: BTreeSet<(Millis, Id)>,
    /// Those of the workflows that can never be read.
    unreadable: HashSet<Id>,
    in_flight: usize,
    denied_until: Millis,
    timer: Option<Millis>,
    /// When workflows were last read.
    read: Millis,
}

/// What comes next.
pub(super) enum Plan {
    Request(Request),
    /// Nothing before then.
    Wait(Millis),
    /// The portal is in trouble until then.
    Pause(Millis),
    /// Nothing before something happens.
    Nothing,
}

/// One request.
pub(super) struct Request {
    pub(super) answers: Vec<Ready>,
    pub(super) looks: Vec<Id>,
}

/// What is written of a sent job; its permit is given back when that is done.
pub(super) struct Settled {
    pub(super) row: crate::storage::RowId,
    pub(super) id: String,
    pub(super) revision: String,
    pub(super) permit: Permit,
    pub(super) next: Next,
    pub(super) settling: Settling,
}

impl Request {
    pub(super) fn readings(&self) -> Vec<Vec<String>> {
        let ids = |page: &[Id]| page.iter().map(ToString::to_string).collect();
        self.looks.chunks(PAGE).map(ids).collect()
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
            Some(last) if !workflow.unproved.is_empty() => {
                let id: Id = ready.held.job.workflow_id.as_str().into();
                workflow.waiting.push(ready);
                self.look_soon(&id, last.at.after(GATE).max(now));
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
        let id: Id = job.workflow_id.as_str().into();
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
            id: job.id(),
            revision: job.revision,
            sends: progress.sends,
            deadline: job.deadline,
            went_on: false,
        });
        self.look_soon(&id, now);
    }

    /// Judges the workflows that are due and can't be read.
    pub(super) fn unseen(&mut self, now: Millis) -> Vec<Settled> {
        let mut settled = Vec::new();
        let due: Vec<Id> = if now < self.denied_until {
            let due = self.looks.iter().take_while(|(at, _)| *at <= now);
            due.map(|(_, id)| id.clone()).collect()
        } else {
            let looks = |id: &Id| self.workflows.get(id).and_then(|workflow| workflow.look);
            let due = self
                .unreadable
                .iter()
                .filter(|id| looks(id).is_some_and(|at| at <= now));
            due.cloned().collect()
        };
        for id in due {
            if let Some(workflow) = self.workflows.get_mut(&id)
                && let Some(at) = workflow.look.take()
            {
                self.looks.remove(&(at, id.clone()));
                self.judge(&id, None, now, &mut settled);
            }
        }
        settled
    }

    /// The next request, if one may go now.
    pub(super) fn plan(&mut self, now: Millis, limits: &mut Limits, pause: &Pause) -> Plan {
        let first = self.first_look(now);
        if self.ready.is_empty() && first.is_none_or(|at| at > now) {
            return first.map_or(Plan::Nothing, Plan::Wait);
        }
        if self.in_flight >= limits.width() {
            return Plan::Nothing;
        }
        if let Err(at) = limits.take(now, self.ready.len() >= BATCH_LIMIT - 1) {
            return Plan::Wait(at);
        }
        if let Err(at) = pause.enter(now) {
            self.delay_looks(at);
            return Plan::Pause(at);
        }
        let request = self.compose(now);
        if request.answers.is_empty() && request.looks.is_empty() {
            // All that was ready has to wait for others of its workflow.
            pause.undecided();
            return self.plan_rest(now);
        }
        self.in_flight += 1;
        Plan::Request(request)
    }

    /// Pages of workflows that are due to be read, as many as one request reads.
    fn pages(&self, now: Millis) -> usize {
        let due = self.looks.iter().take(READINGS * PAGE).take_while(|(at, _)| *at <= now);
        due.count() / PAGE
    }

    /// When there is a reading to be made.
    fn first_look(&self, now: Millis) -> Option<Millis> {
        let (first, _) = self.looks.first()?;
        let mut page = self
            .looks
            .iter()
            .take(PAGE)
            .take_while(|(at, _)| *at <= now.max(*first));
        let distance = if page.clone().count() == PAGE {
            // A full one.
            Duration::ZERO
        } else if page.any(|(_, id)| {
            self.workflows
                .get(id)
                .is_some_and(|workflow| !workflow.waiting.is_empty())
        }) {
            GATHER_FOR_ANSWERS
        } else {
            GATHER
        };
        Some((*first).max(self.read.after(distance)))
    }

    fn plan_rest(&self, now: Millis) -> Plan {
        let next = self.first_look(now).map(|at| at.max(now.after(GATE)));
        next.map_or(Plan::Nothing, Plan::Wait)
    }

    fn compose(&mut self, now: Millis) -> Request {
        let mut answers: Vec<Ready> = Vec::new();
        let mut aside = Vec::new();
        let mut bytes = 0;
        let mut alone = false;
        let mut chosen: Vec<Id> = Vec::new();
        // At least one command is kept for readings.
        let look_is_due = self.first_look(now).is_some_and(|at| at <= now);
        let pages = if look_is_due { self.pages(now).max(1) } else { 0 };
        while answers.len() < BATCH_LIMIT - pages.max(1)
            && !alone
            && let Some(mut ready) = self.ready.pop_front()
        {
            let id: Id = ready.held.job.workflow_id.as_str().into();
            if !chosen.contains(&id)
                && let Some(workflow) = self.workflows.get_mut(&id).filter(|workflow| workflow.sending)
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
            self.workflows.entry(id.clone()).or_default().sending = true;
            chosen.push(id);
            answers.push(ready);
        }
        for ready in aside.into_iter().rev() {
            self.ready.push_front(ready);
        }
        let readings = match answers.as_mut_slice() {
            [] => READINGS,
            _ if !look_is_due => 0,
            [answer] => pages * usize::from(!answer.is_alone()),
            _ => pages,
        };
        let looks = self.take_looks(now, readings * PAGE);
        if !looks.is_empty() {
            self.read = now;
        }
        Request { answers, looks }
    }

    /// Workflows to read: those that are due, and those that will soon be.
    fn take_looks(&mut self, now: Millis, limit: usize) -> Vec<Id> {
        let mut looks = Vec::new();
        while looks.len() < limit
            && let Some((at, id)) = self.looks.pop_first()
        {
            if at > now.after(ALONG) {
                self.looks.insert((at, id));
                break;
            }
            let can_read = self.can_read(&id, now);
            let Some(workflow) = self.workflows.get_mut(&id) else {
                continue;
            };
            workflow.look = None;
            if workflow.sending {
                // It is read after that.
                continue;
            }
            if can_read {
                workflow.reading = true;
                looks.push(id);
            } else {
                self.look_soon(&id, at.max(now.after(Duration::from_millis(1))));
                break;
            }
        }
        looks
    }

    /// A request came back; gives its answers, those that were taken too.
    pub(super) fn returned(&mut self, request: Request, sent: &[Sent], second: i64, now: Millis) -> Vec<Ready> {
        self.in_flight -= 1;
        let Request { answers, looks } = request;
        let last = Last {
            at: now,
            second,
            answers: answers.len(),
        };
        for id in &looks {
            if let Some(workflow) = self.workflows.get_mut(id) {
                workflow.reading = false;
            }
        }
        for (ready, sent) in answers.iter().zip(sent) {
            if let Some(workflow) = self.workflows.get_mut(&*ready.held.job.workflow_id) {
                workflow.sending = false;
                if *sent == Sent::Taken {
                    workflow.last = Some(last);
                }
            }
        }
        answers
    }

    /// An answer that was taken is to be proved. What is given back has no place in memory: the store looks after it.
    pub(super) fn taken(&mut self, workflow_id: &str, unproved: Unproved) {
        let id: Id = workflow_id.into();
        let workflow = self.workflows.entry(id.clone()).or_default();
        let Some(last) = workflow.last else { return };
        let look = if workflow.waiting.is_empty() {
            last.of(&unproved).first_look()
        } else {
            last.at.after(GATE)
        };
        workflow.unproved.push(unproved);
        self.look_soon(&id, look);
    }

    /// After a request: what waited for answers that are no longer on their way can go.
    pub(super) fn release(&mut self, ids: impl Iterator<Item = String>) {
        for id in ids {
            let Some(workflow) = self.workflows.get_mut(&*id) else {
                continue;
            };
            if workflow.unproved.is_empty() && !workflow.sending {
                self.ready.extend(workflow.waiting.drain(..));
            }
            if workflow.is_idle() {
                self.forget(&id);
            } else if let (None, Some(last)) = (workflow.look, workflow.last) {
                self.look_soon(&id.into(), last.at.after(FAR / 10));
            }
        }
    }

    /// Judges what was read of a workflow; `None`: it can't be read. Answers that come to nothing are given back.
    pub(super) fn judge(
        &mut self,
        id: &Id,
        row: Option<crate::portal::Row>,
        now: Millis,
        settled: &mut Vec<Settled>,
    ) -> Vec<Ready> {
        use crate::portal::Row;
        let Some(workflow) = self.workflows.get_mut(id) else {
            return Vec::new();
        };
        let Some(last) = workflow.last.filter(|_| !workflow.sending) else {
            return Vec::new();
        };
        let mut look: Option<Millis> = None;
        let mut kept = Vec::new();
        for unproved in workflow.unproved.drain(..) {
            let last = last.of(&unproved);
            let next = match row {
                Some(row) => last.judge(row, workflow.locked, now, unproved.deadline),
                None => last.judge_unseen(now, unproved.deadline),
            };
            let settling = match next {
                Next::Look(at) if at <= now.after(FAR) => {
                    look = Some(look.map_or(at, |look| look.min(at)));
                    kept.push(unproved);
                    continue;
                }
                Next::Look(at) => Settling::Look(at),
                Next::Done(evidence) => Settling::Done { note: evidence.text() },
                Next::Repeat => Settling::Repeat,
                Next::Park(problem) => Settling::Park(problem),
                Next::Unproved => Settling::Unproved,
            };
            let Unproved {
                row,
                permit,
                id,
                revision,
                ..
            } = unproved;
            settled.push(Settled {
                row,
                id,
                revision,
                permit,
                next,
                settling,
            });
        }
        workflow.unproved = kept;
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
                    look = Some(look.map_or(soon, |look| look.min(soon)));
                }
            }
            None if now < last.at.after(UNSEEN_GATE) && !workflow.waiting.is_empty() => {
                let at = last.at.after(UNSEEN_GATE);
                look = Some(look.map_or(at, |look| look.min(at)));
            }
            _ => {
                for ready in workflow.waiting.drain(..).rev() {
                    self.ready.push_front(ready);
                }
            }
        }
        if let Some(at) = look {
            self.look_soon(id, at);
        } else if self.workflows.get(id).is_some_and(Workflow::is_idle) {
            self.forget(id);
        }
        over
    }

    /// A reading failed: again then.
    pub(super) fn look_again(&mut self, ids: &[Id], at: Millis) {
        for id in ids {
            self.look_soon(id, at);
            if self.workflows.get(id).is_some_and(Workflow::is_idle) {
                self.forget(id);
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
        let new = self.denied_until <= now;
        self.denied_until = now.after(DENIED);
        new
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

    fn can_read(&self, id: &str, now: Millis) -> bool {
        now >= self.denied_until && is_readable(id)
    }

    fn look_soon(&mut self, id: &Id, at: Millis) {
        let Some(workflow) = self.workflows.get_mut(id) else {
            return;
        };
        match workflow.look {
            Some(before) if before <= at => return,
            Some(before) => {
                self.looks.remove(&(before, id.clone()));
            }
            None => {}
        }
        workflow.look = Some(at);
        self.looks.insert((at, id.clone()));
        if !is_readable(id) {
            self.unreadable.insert(id.clone());
        }
    }

    fn delay_looks(&mut self, at: Millis) {
        while let Some((before, id)) = self.looks.pop_first() {
            if before >= at {
                self.looks.insert((before, id));
                return;
            }
            if let Some(workflow) = self.workflows.get_mut(&id) {
                workflow.look = None;
            }
            self.look_soon(&id, at);
        }
    }

    fn forget(&mut self, id: &str) {
        self.unreadable.remove(id);
        if let Some((id, workflow)) = self.workflows.remove_entry(id)
            && let Some(at) = workflow.look
        {
            self.looks.remove(&(at, id));
        }
    }
}

#[cfg(test)]
mod tests;
