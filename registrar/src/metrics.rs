//! Metrics of the registrar.

use proto::registrar::v1::InstallationState as State;
use service::prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

type Label = [(&'static str, &'static str); 1];

/// The registrar's metrics; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    reconciliations: Family<Label, Counter>,
    refreshes: Family<Label, Counter>,
    proofs: Family<Label, Counter>,
    questions: Family<Label, Counter>,
    put_off: Family<Label, Counter>,
    saved: Counter,
    installations: Family<Label, Gauge>,
    waiters: Gauge,
    problems: Gauge,
}

/// How a refresh ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refresh {
    /// A new pair.
    Ok,
    /// Trouble that may pass.
    Unavailable,
    /// The OAuth server refuses, which is not believed yet.
    Refused,
    /// The credentials are lost.
    Lost,
}

impl Refresh {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}

/// A waiting `Sync`, counted while it lives.
pub(crate) struct Waiter(Gauge);

impl Metrics {
    /// Makes them visible.
    pub(crate) fn register(&self, registry: &mut Registry) {
        // Prometheus sees no increase in a counter that appears with its first event.
        for result in [Refresh::Ok, Refresh::Unavailable, Refresh::Refused, Refresh::Lost] {
            drop(self.refreshes.get_or_create(&[("result", result.name())]));
        }
        for result in ["ok", "incomplete", "lost", "denied", "paused", "trouble"] {
            drop(self.reconciliations.get_or_create(&[("result", result)]));
        }
        for asker in ["own", "page", "known", "stranger"] {
            drop(self.questions.get_or_create(&[("asker", asker)]));
        }
        for asker in ["page", "known", "stranger"] {
            drop(self.put_off.get_or_create(&[("asker", asker)]));
        }
        let with_prefix = registry.sub_registry_with_prefix("registrar");
        with_prefix.register(
            "reconciliations",
            "Reconciliations of a portal, by result",
            self.reconciliations.clone(),
        );
        with_prefix.register(
            "token_refreshes",
            "Refreshes at OAuth servers, by result",
            self.refreshes.clone(),
        );
        with_prefix.register(
            "proofs",
            "Requests whose sender was asked about, by verdict",
            self.proofs.clone(),
        );
        with_prefix.register(
            "questions",
            "Questions to OAuth servers, by whom they were for: ourselves (refreshes), a person at the app's page, a request \
             that names a known installation, a stranger",
            self.questions.clone(),
        );
        with_prefix.register(
            "questions_put_off",
            "Requests whose sender was not asked about now, because there was no budget",
            self.put_off.clone(),
        );
        with_prefix.register(
            "questions_saved",
            "Requests whose sender was not asked about, because the same was disproved before",
            self.saved.clone(),
        );
        with_prefix.register("installations", "Installations, by state", self.installations.clone());
        with_prefix.register("sync_waiters", "Gateways that wait for a change", self.waiters.clone());
        with_prefix.register(
            "definition_problems",
            "Executors whose descriptors are not in use",
            self.problems.clone(),
        );
    }

    /// A reconciliation ended.
    pub(crate) fn reconciled(&self, result: &'static str) {
        self.reconciliations.get_or_create(&[("result", result)]).inc();
    }

    /// A refresh ended.
    pub(crate) fn refreshed(&self, result: Refresh) {
        self.refreshes.get_or_create(&[("result", result.name())]).inc();
    }

    /// Somebody's word was looked into.
    pub(crate) fn proved(&self, verdict: &'static str) {
        self.proofs.get_or_create(&[("verdict", verdict)]).inc();
    }

    /// Questions went to an OAuth server.
    pub(crate) fn asked(&self, asker: &'static str, questions: usize) {
        self.questions
            .get_or_create(&[("asker", asker)])
            .inc_by(questions as u64);
    }

    /// A request has to wait for its questions.
    pub(crate) fn put_off(&self, asker: &'static str) {
        self.put_off.get_or_create(&[("asker", asker)]).inc();
    }

    /// A request was known.
    pub(crate) fn saved(&self) {
        self.saved.inc();
    }

    /// The installations there are.
    pub(crate) fn installations(&self, states: impl Iterator<Item = State>) {
        let mut counts = [0_i64; 8];
        for state in states {
            if let Some(count) = usize::try_from(state as i32).ok().and_then(|at| counts.get_mut(at)) {
                *count += 1;
            }
        }
        for (state, count) in (0..).zip(counts).skip(1) {
            let name = match State::try_from(state).unwrap_or_default() {
                State::Unspecified => continue,
                State::Active => "active",
                State::Incomplete => "incomplete",
                State::NoBizproc => "no_bizproc",
                State::TokenRevoked => "token_revoked",
                State::PortalGone => "portal_gone",
                State::Uninstalled => "uninstalled",
                State::Temporary => "temporary",
            };
            self.installations.get_or_create(&[("state", name)]).set(count);
        }
    }

    /// The executors whose descriptors are not in use.
    pub(crate) fn problems(&self, count: usize) {
        self.problems.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a waiting `Sync` until dropped.
    pub(crate) fn waiter(&self) -> Waiter {
        self.waiters.inc();
        Waiter(self.waiters.clone())
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.dec();
    }
}
