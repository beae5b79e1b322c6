//! What an OAuth server is asked because somebody sent a request: anybody can send one, and a server that is asked too much
//! may shut us out, and then no token is refreshed.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;
use proto::registrar::v1::Auth;
use service::SharedClock;
use sha2::{Digest, Sha256};

use crate::{config::Questions as Limits, metrics::Metrics, storage::Key};

/// Sources that are told apart; the others share one part.
const SOURCES: usize = 10_000;
/// Requests that are remembered as disproved, and for how long: an access token lives no longer.
const DISPROVED: usize = 50_000;
const REMEMBERED: Duration = Duration::from_hours(1);

/// For whom is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A person who waits for the app's page.
    Page,
    /// A request that names an installation that is known.
    Known,
    /// Anybody else.
    Stranger,
}

/// Who has a request proved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) asker: Asker,
    /// Where the request came from, as the gateway saw it.
    pub(crate) source: &'a str,
}

/// The budget, and what need not be asked again. Refreshes need no leave, but count.
pub(crate) struct Questions {
    clock: SharedClock,
    limits: Limits,
    metrics: Metrics,
    state: Mutex<State>,
}

struct State {
    all: Bucket,
    sources: HashMap<String, Bucket>,
    disproved: Disproved,
}

/// Holds as much as flows in within a minute.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: f64,
    at: Duration,
}

/// Digests of requests, the oldest in front.
#[derive(Default)]
struct Disproved {
    known: HashSet<[u8; 32]>,
    order: VecDeque<(Duration, [u8; 32])>,
}

impl Asker {
    /// The part of the budget that is left to those who come first.
    fn leaves(self) -> f64 {
        match self {
            Self::Page => 0.0,
            Self::Known => 0.25,
            Self::Stranger => 0.5,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Known => "known",
            Self::Stranger => "stranger",
        }
    }
}

impl Questions {
    pub(crate) fn new(limits: Limits, clock: SharedClock, metrics: Metrics) -> Self {
        let all = Bucket::full(limits.per_minute, clock.monotonic());
        Self {
            clock,
            limits,
            metrics,
            state: Mutex::new(State {
                all,
                sources: HashMap::new(),
                disproved: Disproved::default(),
            }),
        }
    }

    /// One of our own, for an installation's credentials.
    pub(crate) fn ours(&self) {
        let mut state = self.state.lock();
        state.all.flow(self.limits.per_minute, self.clock.monotonic());
        state.all.level = (state.all.level - 1.0).max(0.0);
        self.metrics.asked("own", 1);
    }

    /// Leave for `count` questions, or how long to wait for it.
    pub(crate) fn take(&self, caller: Caller<'_>, count: usize) -> Result<(), Duration> {
        let now = self.clock.monotonic();
        let (per_minute, per_source) = (self.limits.per_minute, self.limits.per_source_per_minute);
        let wanted = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let mut state = self.state.lock();
        let State { all, sources, .. } = &mut *state;
        all.flow(per_minute, now);
        let of_source = of_source(sources, caller.source, per_source, now);
        let left = caller.asker.leaves() * f64::from(per_minute);
        let wait = all
            .wait(wanted + left, per_minute)
            .max(of_source.wait(wanted, per_source));
        if wait.is_zero() {
            all.level -= wanted;
            of_source.level -= wanted;
            self.metrics.asked(caller.asker.name(), count);
            return Ok(());
        }
        self.metrics.put_off(caller.asker.name());
        Err(wait)
    }

    /// They proved who sent the request: that is not what a source is bounded for.
    pub(crate) fn give_back(&self, source: &str, count: usize) {
        let now = self.clock.monotonic();
        let per_source = self.limits.per_source_per_minute;
        let mut state = self.state.lock();
        let bucket = of_source(&mut state.sources, source, per_source, now);
        let given = bucket.level + f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        bucket.level = given.min(f64::from(per_source));
    }

    /// Whether the same was disproved before.
    pub(crate) fn was_disproved(&self, digest: &[u8; 32]) -> bool {
        let mut state = self.state.lock();
        state.disproved.forget(self.clock.monotonic());
        let known = state.disproved.known.contains(digest);
        if known {
            self.metrics.saved();
        }
        known
    }

    pub(crate) fn disproved(&self, digest: [u8; 32]) {
        let now = self.clock.monotonic();
        let disproved = &mut self.state.lock().disproved;
        if disproved.known.insert(digest) {
            disproved.order.push_back((now, digest));
        }
        disproved.forget(now);
    }
}

/// Of a request: its token is nowhere kept in the clear.
pub(crate) fn digest_of(key: &Key, auth: &Auth) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [&key.app, &key.member_id, &auth.access_token] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

fn of_source<'a>(
    sources: &'a mut HashMap<String, Bucket>,
    source: &str,
    per_minute: u32,
    now: Duration,
) -> &'a mut Bucket {
    let mut name = source;
    if sources.len() >= SOURCES && !sources.contains_key(source) {
        // Those that asked nothing for a minute are as new.
        sources.retain(|_, bucket| {
            bucket.flow(per_minute, now);
            bucket.level < f64::from(per_minute)
        });
        if sources.len() >= SOURCES {
            name = "";
        }
    }
    let bucket = sources
        .entry(name.to_owned())
        .or_insert_with(|| Bucket::full(per_minute, now));
    bucket.flow(per_minute, now);
    bucket
}

impl Bucket {
    fn full(per_minute: u32, now: Duration) -> Self {
        Self {
            level: f64::from(per_minute),
            at: now,
        }
    }

    fn flow(&mut self, per_minute: u32, now: Duration) {
        let minutes = now.saturating_sub(self.at).as_secs_f64() / 60.0;
        self.level = (self.level + minutes * f64::from(per_minute)).min(f64::from(per_minute));
        self.at = now;
    }

    /// How long until it has so much; whole seconds, so that who waits does not come too early.
    fn wait(&self, wanted: f64, per_minute: u32) -> Duration {
        let missing = wanted - self.level;
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        let seconds = (missing * 60.0 / f64::from(per_minute)).ceil();
        Duration::try_from_secs_f64(seconds).unwrap_or(REMEMBERED)
    }
}

impl Disproved {
    fn forget(&mut self, now: Duration) {
        while let Some((at, digest)) = self.order.front()
            && (now.saturating_sub(*at) >= REMEMBERED || self.order.len() > DISPROVED)
        {
            self.known.remove(digest);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
