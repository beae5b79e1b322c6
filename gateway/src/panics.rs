//! Panics of our own code, caught: one job's must not end the others'. What is kept is the place, because the message may
//! quote values.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use futures::FutureExt;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Where the code panicked: file, line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panicked(pub(crate) String);

/// Runs to the end or to a panic. The panic was printed before, as ever.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    note_places();
    // A panic leaves the same poll in which it began, on the same thread.
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| {
        let place = LAST.with_borrow_mut(Option::take);
        Panicked(place.unwrap_or_else(|| "an unknown place".into()))
    })
}

/// Only a hook is told the place.
fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string);
            // The thread may be ending.
            let _ended = LAST.try_with(|last| last.replace(place));
            before(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_place_is_told_and_nothing_else() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        let line = line!() + 1;
        let Panicked(place) = caught::<()>(async { panic!("a secret") }).await.unwrap_err();
        assert!(
            place.contains("panics.rs") && place.contains(&format!(":{line}:")),
            "{place}"
        );
        assert!(!place.contains("secret"));
    }

    #[tokio::test]
    async fn the_last_panic_is_meant() {
        assert!(caught::<()>(async { panic!("first") }).await.is_err());
        let line = line!() + 1;
        let Panicked(place) = caught::<()>(async { panic!("second") }).await.unwrap_err();
        assert!(place.contains(&format!(":{line}:")), "{place}");
    }
}
