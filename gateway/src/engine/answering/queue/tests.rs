//! Whatever happens in whatever order: no answer is forgotten, and none goes to a workflow that another one is on its way to.

use std::{collections::HashSet, sync::Arc};

use bitrix::{
    form,
    post::{Post, classify},
};
use proptest::{collection::vec, prelude::*};
use service::{Backoff, Telemetry};

use super::*;
use crate::{
    engine::{
        Held,
        memory::{Memory, Whose},
    },
    job::{Answer, Job, Progress},
    portal::{Rates, Row},
    timeline::Timeline,
    trace::Trace,
};

const START: Millis = Millis(1_700_000_000_000);

/// What happens to a queue.
#[derive(Debug, Clone)]
enum Event {
    /// An answer of one of a few workflows; that of a later step, or of a branch.
    Answer {
        workflow: u8,
        later: bool,
        text: &'static str,
    },
    Time(u32),
    /// Requests go as far as they can.
    Plan,
    /// One of the requests comes back: which, and what became of it.
    Back(usize, Reply),
}

#[derive(Debug, Clone, Copy)]
enum Reply {
    Taken(Row),
    Refused,
    /// Answers were taken, readings failed.
    Blind,
    Denied,
}

fn event() -> impl Strategy<Value = Event> {
    let row = prop_oneof![
        Just(Row::Gone),
        Just(Row::Locked),
        (-5..100_i64).prop_map(|later| Row::Free {
            saved: START.0 / 1000 + later
        })
    ];
    let reply = prop_oneof![
        8 => row.prop_map(Reply::Taken),
        1 => Just(Reply::Refused),
        1 => Just(Reply::Blind),
        1 => Just(Reply::Denied),
    ];
    let text = prop_oneof![3 => Just("safe"), 1 => Just("$result[x]")];
    prop_oneof![
        4 => (0..6_u8, any::<bool>(), text).prop_map(|(workflow, later, text)| Event::Answer { workflow, later, text }),
        2 => (1..20_000_u32).prop_map(Event::Time),
        3 => Just(Event::Plan),
        3 => (0..3_usize, reply).prop_map(|(which, reply)| Event::Back(which, reply)),
    ]
}

/// The queue and what is outside it.
struct World {
    queue: Queue,
    memory: std::sync::Arc<Memory>,
    limits: Limits,
    pause: Pause,
    now: Millis,
    next: i64,
    on_their_way: Vec<Request>,
    /// Rows that are in the queue or on their way.
    held: HashSet<i64>,
}

impl World {
    fn new() -> Self {
        let rates = Rates {
            burst: 50.0,
            per_second: 2.0,
            at_once: 3,
        };
        Self {
            queue: Queue::default(),
            memory: Memory::new(10_000, 1 << 30),
            limits: Limits::new(rates),
            pause: Pause::new(Backoff::seconds(2, 60), Duration::from_secs(70)),
            now: START,
            next: 1,
            on_their_way: Vec::new(),
            held: HashSet::new(),
        }
    }

    fn answer(&mut self, workflow: u8, later: bool, text: &str) {
        let row = self.next;
        self.next += 1;
        let body = format!(
            "workflow_id=65808f8311b00{workflow}.28237158&code=md5&event_token=a|b|{row}.c&auth[member_id]=m&use_subscription=Y&\
             document_type[0]=a&document_type[1]=b&document_type[2]=c&ts={}",
            if later { self.now.0 / 1000 + 1 } else { 0 }
        );
        let Ok(Post::Callback(callback)) = classify(body.as_bytes(), None, &form::Limits::default()) else {
            panic!("a callback")
        };
        let trace = Trace::begin(&Telemetry::off());
        let job = Job::of_callback(callback, "demo", "r1", self.now, trace);
        let mut permit = self.memory.permit(Whose::of(&job), 1).expect("there is room");
        permit.take_fresh(row);
        let timeline = Timeline::resumed(&job, self.now, None, self.now, self.now);
        let held = Held {
            row,
            job: Arc::new(job),
            progress: Progress {
                answer: Some(Answer {
                    values: serde_json::json!({"a": text}).to_string(),
                    error: None,
                }),
                ..Progress::default()
            },
            permit,
        };
        self.held.insert(row);
        self.queue.add(Ready::new(held, timeline), self.now);
    }

    fn plan(&mut self) {
        loop {
            let unseen = self.queue.unseen(self.now);
            self.forget(unseen);
            match self
                .queue
                .plan(self.now, &mut self.limits, &Operating::default(), &self.pause)
            {
                Plan::Request(request) => self.sent(request),
                Plan::Wait(at) => {
                    assert!(at > self.now, "a sender that waits for a time that has come spins");
                    return;
                }
                Plan::Pause(..) => {
                    for ready in self.queue.give_up() {
                        self.held.remove(&ready.held.row);
                    }
                    return;
                }
                Plan::Nothing => return,
            }
        }
    }

    fn sent(&mut self, request: Request) {
        assert!(request.answers.len() + request.looks.len().div_ceil(PAGE) <= BATCH_LIMIT);
        assert!(!request.answers.is_empty() || !request.looks.is_empty());
        let workflows = |request: &Request| -> HashSet<String> {
            let ids = request.answers.iter().map(|ready| ready.held.job.workflow_id.clone());
            ids.collect()
        };
        for other in &self.on_their_way {
            assert!(
                workflows(other).is_disjoint(&workflows(&request)),
                "two requests to one workflow"
            );
        }
        let unsafe_ones = request
            .answers
            .iter()
            .filter(|ready| ready.held.progress.answer.as_ref().unwrap().values.contains('$'));
        assert!(
            unsafe_ones.count() == 0 || (request.answers.len() == 1 && request.looks.is_empty()),
            "a batch would alter it"
        );
        self.on_their_way.push(request);
    }

    fn back(&mut self, which: usize, reply: Reply) {
        if self.on_their_way.is_empty() {
            return;
        }
        let request = self.on_their_way.swap_remove(which % self.on_their_way.len());
        let sent = match reply {
            Reply::Refused => Sent::NoToken(String::new()),
            _ => Sent::Taken,
        };
        let sent = vec![sent; request.answers.len()];
        self.queue.returned(&request, &sent, self.now.0 / 1000, self.now);
        let ids = request.workflow_ids();
        let looks = request.looks;
        for Ready { mut held, .. } in request.answers {
            if sent[0] != Sent::Taken {
                self.held.remove(&held.row);
                continue;
            }
            assert!(held.permit.lighten());
            let unproved = Unproved {
                row: held.row,
                key: held.job.key,
                revision: held.job.revision.clone(),
                sends: 1,
                deadline: held.job.deadline,
                went_on: false,
                permit: held.permit,
            };
            self.queue.taken(&held.job.workflow_id, unproved);
        }
        self.queue.release(&ids);
        let mut settled = Vec::new();
        match reply {
            Reply::Taken(row) => {
                for id in &looks {
                    for ready in self.queue.judge(id, Some(row), self.now, &mut settled) {
                        self.held.remove(&ready.held.row);
                    }
                }
            }
            Reply::Denied => {
                self.queue.deny(self.now);
                self.queue.look_again(&looks, self.now);
            }
            Reply::Refused | Reply::Blind => {
                self.queue.look_again(&looks, self.now.after(Duration::from_secs(5)));
            }
        }
        self.forget(settled);
    }

    fn forget(&mut self, settled: Vec<Settled>) {
        for Settled { unproved, .. } in settled {
            assert!(self.held.remove(&unproved.row), "it was settled twice");
        }
    }

    /// The rows that the queue knows of, and those on their way.
    fn rows(&self) -> Vec<i64> {
        let waiting = self.queue.workflows.values().flat_map(|workflow| &workflow.waiting);
        let on_their_way = self.on_their_way.iter().flat_map(|request| &request.answers);
        let answers = self.queue.ready.iter().chain(waiting).chain(on_their_way);
        let unproved = self.queue.workflows.values().flat_map(|workflow| &workflow.unproved);
        let mut rows: Vec<_> = answers
            .map(|ready| ready.held.row)
            .chain(unproved.map(|unproved| unproved.row))
            .collect();
        rows.sort_unstable();
        rows
    }

    fn check(&self) {
        let mut held: Vec<_> = self.held.iter().copied().collect();
        held.sort_unstable();
        assert_eq!(self.rows(), held, "an answer is forgotten, or there twice");
        for id in self.queue.looks.all() {
            assert!(self.queue.workflows.contains_key(id), "a look without its workflow");
        }
        for (id, workflow) in &self.queue.workflows {
            assert!(!workflow.is_idle(), "{id} is kept for nothing");
            let comes_back = workflow.sending || workflow.reading || self.queue.looks.contains(id);
            assert!(comes_back, "nobody will look at {id} again");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_is_forgotten(events in vec(event(), 1..120)) {
        let mut world = World::new();
        for event in events {
            match event {
                Event::Answer { workflow, later, text } => world.answer(workflow, later, text),
                Event::Time(passed) => world.now = world.now.after(Duration::from_millis(passed.into())),
                Event::Plan => world.plan(),
                Event::Back(which, reply) => world.back(which, reply),
            }
            world.check();
        }
        // From now on all goes well, and everything comes to its end.
        for _ in 0..200 {
            while !world.on_their_way.is_empty() {
                world.back(0, Reply::Taken(Row::Gone));
            }
            world.now = world.now.after(Duration::from_secs(30));
            world.plan();
            world.check();
        }
        prop_assert!(world.held.is_empty(), "{:?}", world.held);
        prop_assert!(world.queue.workflows.is_empty() && world.queue.looks.all().next().is_none());
        prop_assert_eq!(world.memory.jobs(), 0);
    }
}

#[test]
fn what_a_panic_came_of_goes_alone() {
    let mut world = World::new();
    for workflow in 0..4 {
        world.answer(workflow, false, "safe");
    }
    world.queue.ready[1].held.progress.failures = 1;
    world.plan();
    let sizes: Vec<_> = world.on_their_way.iter().map(|request| request.answers.len()).collect();
    let alone = world
        .on_their_way
        .iter()
        .find(|request| request.answers[0].held.row == 2);
    assert_eq!(alone.map(|request| request.answers.len()), Some(1), "{sizes:?}");
    assert!(sizes.contains(&3), "{sizes:?}");
}
