//! What to do about a portal's registrations: desired x observed x last applied -> steps. Pure.

use std::collections::{BTreeMap, BTreeSet};

use activity::Kind;

use super::desired::Desired;

use crate::storage::{ParametersDigest, Registration};

/// What the portal lists.
#[derive(Debug, Default, Clone)]
pub(crate) struct Observed {
    /// Codes of activities; nothing when the portal has no such methods.
    pub(crate) activities: BTreeSet<String>,
    /// Codes of robots.
    pub(crate) robots: BTreeSet<String>,
}

impl Observed {
    /// Whether it is listed as this kind.
    pub(crate) fn has(&self, kind: Kind, code: &str) -> bool {
        match kind {
            Kind::Activity => self.activities.contains(code),
            Kind::Robot => self.robots.contains(code),
        }
    }
}

/// What the portal took last, by code: the kind and the digest of its parameters.
pub(crate) type Applied = BTreeMap<String, (Kind, ParametersDigest)>;

/// What to do about one activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing: it is as desired.
    Keep,
    /// It is missing.
    Add,
    /// It differs, or might.
    Update,
    /// Nothing can be done: the code is taken by the other kind, and we never delete by ourselves.
    Blocked,
}

/// What the portal took last, by its registrations.
pub(crate) fn applied(registrations: &[Registration]) -> Applied {
    let known = |one: &Registration| Some((one.code.clone(), (one.kind, one.digest?)));
    registrations.iter().filter_map(known).collect()
}

/// One action for every desired activity, in their order. `blind`: update also what seems as desired.
///
/// The portal lists codes only, so what it holds is known by our own digest of what it took last.
pub(crate) fn plan(desired: &[Desired], observed: &Observed, applied: &Applied, blind: bool) -> Vec<Action> {
    desired
        .iter()
        .map(|one| action(one, observed, applied, blind))
        .collect()
}

fn action(desired: &Desired, observed: &Observed, applied: &Applied, blind: bool) -> Action {
    let Desired { kind, code, digest, .. } = desired;
    if observed.has(*kind, code) {
        let same = applied.get(code) == Some(&(*kind, *digest));
        return if same && !blind { Action::Keep } else { Action::Update };
    }
    // Activities and robots of an app share one code space: an add would be refused, an update would find nothing.
    if observed.has(other(*kind), code) {
        Action::Blocked
    } else {
        Action::Add
    }
}

fn other(kind: Kind) -> Kind {
    match kind {
        Kind::Activity => Kind::Robot,
        Kind::Robot => Kind::Activity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired(kind: Kind, code: &str, name: &str) -> Desired {
        Desired::for_test(kind, code, name)
    }

    fn observed(activities: &[&str], robots: &[&str]) -> Observed {
        let set = |codes: &[&str]| codes.iter().map(ToString::to_string).collect();
        Observed {
            activities: set(activities),
            robots: set(robots),
        }
    }

    fn applied(of: &[&Desired]) -> Applied {
        of.iter()
            .map(|one| (one.code.clone(), (one.kind, one.digest)))
            .collect()
    }

    #[test]
    fn table() {
        use Action::{Add, Blocked, Keep, Update};
        use Kind::{Activity, Robot};
        let old = desired(Activity, "md5", "old");
        let new = desired(Activity, "md5", "new");
        let robot = desired(Robot, "md5", "new");
        let cases: &[(&str, &Desired, Observed, Applied, bool, Action)] = &[
            ("fresh portal", &new, observed(&[], &[]), applied(&[]), false, Add),
            (
                "as it was",
                &new,
                observed(&["md5"], &[]),
                applied(&[&new]),
                false,
                Keep,
            ),
            (
                "as it was, blind",
                &new,
                observed(&["md5"], &[]),
                applied(&[&new]),
                true,
                Update,
            ),
            (
                "changed",
                &new,
                observed(&["md5"], &[]),
                applied(&[&old]),
                false,
                Update,
            ),
            (
                "found there, unknown to us",
                &new,
                observed(&["md5"], &[]),
                applied(&[]),
                false,
                Update,
            ),
            (
                "wiped by the portal",
                &new,
                observed(&[], &[]),
                applied(&[&new]),
                false,
                Add,
            ),
            ("wiped and blind", &new, observed(&[], &[]), applied(&[&new]), true, Add),
            (
                "code is case-sensitive",
                &new,
                observed(&["MD5"], &[]),
                applied(&[]),
                false,
                Add,
            ),
            (
                "code taken by a robot",
                &new,
                observed(&[], &["md5"]),
                applied(&[]),
                false,
                Blocked,
            ),
            (
                "code taken by an activity",
                &robot,
                observed(&["md5"], &[]),
                applied(&[]),
                true,
                Blocked,
            ),
            ("robot fresh", &robot, observed(&[], &[]), applied(&[&new]), false, Add),
            (
                "robot as it was",
                &robot,
                observed(&[], &["md5"]),
                applied(&[&robot]),
                false,
                Keep,
            ),
            (
                "robot applied as activity only",
                &robot,
                observed(&[], &["md5"]),
                applied(&[&new]),
                false,
                Update,
            ),
        ];
        for (name, desired, observed, applied, blind, expected) in cases {
            let desired = std::slice::from_ref(*desired);
            assert_eq!(plan(desired, observed, applied, *blind), [*expected], "{name}");
        }
    }

    #[test]
    fn what_is_not_desired_is_left_alone() {
        let md5 = desired(Kind::Activity, "md5", "MD5");
        let steps = plan(
            std::slice::from_ref(&md5),
            &observed(&["md5", "foreign", "old"], &[]),
            &applied(&[&md5]),
            true,
        );
        assert_eq!(steps, [Action::Update]);
        assert!(plan(&[], &observed(&["md5"], &["x"]), &applied(&[&md5]), true).is_empty());
    }
}
