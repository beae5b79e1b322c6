//! The contract of [`Storage`], for each engine.

mod events;
mod faults;
mod interventions;
mod jobs;
mod quarantine;
mod settling;

use std::sync::Arc;

use bitrix::{
    form::Limits,
    post::{Post, classify},
};
use service::Telemetry;
use store::StoreError;
use tokio::sync::oneshot;

use super::{Accept, Decision, Due, Inserted, JobView, Line, Mark, Quarantined, RowId, Step, Storage};
use crate::{
    job::{Job, Millis, Outcome, Progress, State},
    trace::Trace,
};

pub(super) const NOW: Millis = Millis(1_700_000_000_000);

/// An engine under test: where it stores, how one looks into it, and how it is broken.
pub(super) trait Engine {
    fn new() -> Self;
    /// Opens what is there, or a new store.
    fn open(&self) -> impl Future<Output = Storage>;
    /// What is stored of a job that should be erased with it: payload and event token.
    fn secrets(&self, row: RowId) -> (Option<Vec<u8>>, String);
    /// Until mended, a write to a job with this code fails.
    fn break_jobs(&self, code: &str, fault: Fault);
    fn mend(&self);
}

#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// The command fails.
    Command,
    /// The whole group fails.
    Group,
}

/// The contract for one engine: the list of tests is written once, so that none is forgotten for the next engine.
macro_rules! contract {
    ($module:ident, $engine:ty) => {
        contract! { $module, $engine:
            jobs {
                a_job_comes_back_as_it_was
                a_repeat_changes_nothing
                writes_take_effect_in_their_order
                what_memory_held_is_due_after_a_restart
                due_jobs_come_in_order_and_not_all_at_once
                each_line_waits_for_itself
                a_line_is_woken
                the_end_erases_the_payload
                old_finished_jobs_go_and_the_newest_stays
                people_see_jobs_newest_first_and_by_filter
                a_nul_in_an_id_does_no_harm
                waiting_jobs_are_counted
                the_snapshot_is_kept
            }
            quarantine {
                an_authentic_repeat_promotes
                what_was_given_up_is_promoted_too
                counts_see_what_was_written_before_them
                a_decision_comes_too_late_for_a_promoted_job
                steps_are_taken
                a_disproved_job_keeps_nothing_secret
                parked_strangers_are_bounded
            }
            settling {
                a_sent_answer_stays_until_it_is_settled
                each_settling_does_its_part
                what_is_not_sent_any_more_is_left_alone
                sent_jobs_in_memory_are_due_after_a_restart
                an_answer_of_an_older_process_is_made_anew
            }
            interventions {
                a_replayed_job_is_due_as_if_it_were_new
                a_replay_keeps_a_time_out_that_is_ahead
                a_second_intervention_changes_nothing
                an_answer_in_hand_only_has_to_be_sent
                what_ended_wrongly_is_replayed_what_ended_well_is_not
                a_discard_erases
                what_was_never_proved_is_only_discarded
                the_newest_of_the_history_stay_with_the_job
                retention_never_takes_a_parked_job
                what_follows_is_told_in_the_order_of_the_writes
            }
            events {
                an_event_is_stored_once_until_it_is_handed_over
                events_come_in_the_order_of_arrival_when_due
            }
            faults {
                a_command_that_fails_leaves_nothing_and_others_alone
                a_decision_that_fails_half_way_leaves_nothing
                what_is_told_is_what_is_there
                a_mark_outlives_a_failed_commit
            }
        }
    };
    ($module:ident, $engine:ty: $($file:ident { $($test:ident)* })*) => {
        mod $module {
            $($(
                #[tokio::test]
                async fn $test() {
                    super::$file::$test(&<$engine as super::Engine>::new()).await;
                }
            )*)*
        }
    };
}

contract!(sqlite, super::super::sqlite::tests::File);
contract!(postgres, super::super::postgres::tests::Database);

/// The job of a callback, with a code that a fault can name.
fn coded(number: u32, code: &str) -> Job {
    let body = format!(
        "workflow_id=65808f8311b{number:03x}.28237158&code={code}&event_token=a|b|{number}.c&auth[member_id]=m\
         &document_id[0]=crm&document_id[1]=Deal&document_id[2]=D_{number}&use_subscription=Y&timeout_duration=60"
    );
    let Ok(Post::Callback(callback)) = classify(body.as_bytes(), None, &Limits::default()) else {
        panic!("a callback")
    };
    Job::of_callback(callback, "demo", "r1", NOW, Trace::begin(&Telemetry::off()))
}

pub(super) fn job(number: u32) -> Job {
    coded(number, "md5")
}

pub(super) async fn accept(storage: &Storage, job: Job, next_attempt: Option<Millis>) -> Result<Inserted, StoreError> {
    let (told, inserted) = oneshot::channel();
    let accept = Accept {
        job: Arc::new(job),
        payload: b"properties[a]=1".to_vec(),
        next_attempt,
    };
    storage.accept(accept, |inserted| drop(told.send(inserted)));
    inserted.await.unwrap()
}

/// A new job; gives its number.
pub(super) async fn insert(storage: &Storage, job: Job, next_attempt: Option<Millis>) -> u32 {
    let number = number(&job.workflow_id);
    match accept(storage, job, next_attempt).await.unwrap() {
        Inserted::New(row) => assert_eq!(row, self::row(storage, number).await),
        other => panic!("{other:?}"),
    }
    number
}

/// What [`job`] was given.
fn number(workflow_id: &str) -> u32 {
    u32::from_str_radix(&workflow_id["65808f8311b".len()..][..3], 16).unwrap()
}

async fn row(storage: &Storage, number: u32) -> RowId {
    view(storage, number).await.row
}

async fn view(storage: &Storage, number: u32) -> JobView {
    storage.reads().job(job(number).id()).await.unwrap().unwrap()
}

async fn secrets(engine: &impl Engine, storage: &Storage, number: u32) -> (Option<Vec<u8>>, String) {
    engine.secrets(row(storage, number).await)
}

pub(super) fn mark(state: State, outcome: Option<Outcome>, next_attempt: Option<Millis>) -> Mark {
    Mark {
        state,
        outcome,
        next_attempt,
        progress: Progress::default(),
        problem: None,
        changed: NOW,
    }
}

pub(super) async fn set(storage: &Storage, number: u32, mark: Mark) -> Result<(), StoreError> {
    let (told, written) = oneshot::channel();
    let row = row(storage, number).await;
    storage.mark(row, mark, |outcome| drop(told.send(outcome)));
    written.await.unwrap()
}

pub(super) async fn due(storage: &Storage, now: Millis) -> Vec<u32> {
    numbers(&read_due(storage, now).await)
}

fn numbers(due: &Due) -> Vec<u32> {
    let jobs = due.jobs.iter().map(|(_, stored)| &stored.job);
    jobs.map(|job| number(&job.workflow_id)).collect()
}

/// What is due of the lines that all jobs here are in.
async fn read_due(storage: &Storage, now: Millis) -> Due {
    let mut all = Due {
        jobs: Vec::new(),
        more: false,
        next: None,
    };
    for state in [State::Accepted, State::AnsweredUnsent, State::Sent] {
        let line = Arc::new(Line::of(&job(1), state));
        let due = storage.reads().due(line, now, 100, None, Box::new(|_| false)).await;
        let due = due.unwrap();
        all.jobs.extend(due.jobs);
        all.next = all.next.into_iter().chain(due.next).min();
    }
    all.jobs.sort_unstable_by_key(|(place, _)| *place);
    all
}

fn line() -> Arc<Line> {
    Arc::new(Line::of(&job(1), State::Accepted))
}

/// Quarantines a callback; whether it is new.
async fn quarantine(storage: &Storage, job: Job, source: &str) -> Result<bool, StoreError> {
    let (told, new) = oneshot::channel();
    let callback = Quarantined {
        job,
        sealed: b"sealed".to_vec(),
        source: source.into(),
    };
    storage.quarantine(callback, |new| told.send(new).unwrap()).await?;
    Ok(new.await.unwrap())
}

async fn decide(storage: &Storage, number: u32, step: Step) -> Result<usize, StoreError> {
    let decision = Decision {
        row: row(storage, number).await,
        step,
        now: NOW,
        next: later(5),
    };
    storage.decide(decision).await
}

async fn sources(storage: &Storage) -> Vec<(String, u32)> {
    let (told, counted) = oneshot::channel();
    let then = |sources| drop(told.send(sources));
    storage.count_sources(then).await.unwrap();
    counted.await.unwrap()
}

pub(super) async fn state(storage: &Storage, number: u32) -> Option<(State, Option<Outcome>)> {
    let view = storage.reads().job(job(number).id()).await.unwrap()?;
    Some((view.state, view.outcome))
}

fn later(milliseconds: i64) -> Millis {
    Millis(NOW.0 + milliseconds)
}
