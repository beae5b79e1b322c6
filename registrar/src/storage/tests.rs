//! The contract of [`Storage`], for each engine.

mod credentials;
mod events;
mod faults;
mod installations;
mod reconciliation;
mod registrations;
mod revisions;

use activity::Kind;
use proto::registrar::v1::Step;

use super::{reads::StoredInstallation, *};

/// An engine under test: where it stores, and how it is broken.
pub(super) trait Engine {
    fn new() -> Self;
    /// Opens what is there, or a new store.
    fn open(&self) -> impl Future<Output = Storage>;
    /// Until mended, a write of this fails.
    fn break_writes(&self, of: Broken<'_>, fault: Fault);
    fn mend(&self);
}

#[derive(Clone, Copy)]
pub(super) enum Broken<'a> {
    /// By the portal's `member_id`.
    Installation(&'a str),
    /// By code.
    Registration(&'a str),
    /// By name.
    Revision(&'a str),
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
            installations {
                an_installation_comes_back_as_it_was_adopted
                new_credentials_make_an_installation_as_new
                installations_come_by_app_and_portal
                a_write_is_of_one_installation_alone
                what_names_no_installation_writes_none
                a_doubt_is_kept_until_something_ends_it
                an_uninstallation_erases
                what_is_found_uninstalled_has_no_activities
                an_uninstallation_keeps_what_late_requests_are_known_by
            }
            credentials {
                writes_take_effect_in_their_order
                the_newest_two_application_tokens_are_believed
                a_refresh_replaces_the_credentials
                tokens_are_spent_for_a_while
            }
            reconciliation {
                a_reconciliation_is_recorded
                an_overtaken_reconciliation_writes_nothing
            }
            registrations {
                registrations_are_written_and_forgotten
            }
            revisions {
                one_revision_is_current_and_old_ones_stay_while_they_may_be_needed
                revisions_come_by_app_executor_and_age
                a_registration_keeps_revisions_of_its_own_app_alone
            }
            events {
                an_event_is_remembered_once
                an_event_is_of_one_app
            }
            faults {
                a_write_that_fails_half_way_leaves_nothing
                credentials_that_are_not_taken_spend_no_token
                an_uninstallation_that_fails_erases_nothing
                a_revision_that_is_not_stored_replaces_none
                what_is_told_is_what_is_there
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

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn key() -> Key {
    key_of("demo", "m")
}

fn key_of(app: &str, member_id: &str) -> Key {
    Key {
        app: app.into(),
        member_id: member_id.into(),
    }
}

fn adoption(second: i64, application_token: Option<TokenDigest>) -> Adoption {
    Adoption {
        client_endpoint: "https://portal.example/rest/".into(),
        oauth_host: "https://oauth.example".into(),
        user_id: 7,
        administrator: true,
        state: State::Active,
        application_token,
        at: at(second),
    }
}

fn credentials(number: u8) -> SealedCredentials {
    SealedCredentials {
        sealed: vec![number; 4],
        refresh_token: Some([number; 32]),
    }
}

fn outcome(second: i64, state: State) -> Outcome {
    Outcome {
        state,
        problem: "why".into(),
        administrator_lost: true,
        bound: "https://gateway.example/event".into(),
        updated_all: false,
        at: at(second),
    }
}

fn registration(code: &str, revision: &str) -> Registration {
    Registration {
        code: code.into(),
        kind: Kind::Robot,
        name: "Name".into(),
        revision: revision.into(),
        digest: Some([3; 32]),
        step: Step::Add,
        observed: true,
        problem: "none".into(),
    }
}

fn revision(app: &str, executor: &str, revision: &str) -> StoredRevision {
    StoredRevision {
        app: app.into(),
        executor: executor.into(),
        revision: revision.into(),
        descriptors: revision.into(),
        current: true,
    }
}

/// With an installation whose credentials are number 1.
async fn installed(engine: &impl Engine) -> Storage {
    let storage = engine.open().await;
    storage.adopt(&key(), adoption(10, None), credentials(1)).await.unwrap();
    storage
}

async fn installation(storage: &Storage) -> StoredInstallation {
    storage.reads().installation(key()).await.unwrap().unwrap()
}

async fn registrations(storage: &Storage) -> Vec<Registration> {
    storage.reads().registrations(key()).await.unwrap()
}
