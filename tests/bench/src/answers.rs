//! What came back to the portal: each job's answer, once or more.

use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::{callback, http::find};

/// Counts of answers.
#[derive(Default)]
pub(crate) struct Answers {
    seen: Mutex<Vec<bool>>,
    answered: AtomicU32,
    repeated: AtomicU32,
    wrong: AtomicU32,
}

impl Answers {
    /// Takes the body of an `event.send`; false: it completes no step of ours with the right value.
    pub(crate) fn take(&self, body: &[u8]) -> bool {
        let right = find(body, callback::ANSWER.as_bytes()).and_then(|_| callback::number(body));
        let Some(number) = right.and_then(|number| usize::try_from(number).ok()) else {
            self.wrong.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        let mut seen = self.seen.lock();
        if seen.len() <= number {
            seen.resize(number + 1024, false);
        }
        let counter = if seen[number] { &self.repeated } else { &self.answered };
        counter.fetch_add(1, Ordering::Relaxed);
        seen[number] = true;
        true
    }

    /// Whether a workflow's only step was answered. Its id ends with the job's number.
    pub(crate) fn ended(&self, workflow: &str) -> bool {
        let number = workflow
            .rsplit('.')
            .next()
            .and_then(|number| number.parse::<usize>().ok());
        number.is_some_and(|number| self.seen.lock().get(number) == Some(&true))
    }

    /// Jobs that were answered.
    pub(crate) fn answered(&self) -> u32 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Answers to a job that had one.
    pub(crate) fn repeated(&self) -> u32 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// Answers with another value than the MD5, or to no job of ours.
    pub(crate) fn wrong(&self) -> u32 {
        self.wrong.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_once_and_only_with_the_right_value() {
        let answers = Answers::default();
        let body = |value: &str| {
            format!(
                r#"{{"event_token":"w|A12345_67890_11111_22222|0000000000000000000000{:010}.f","v":"{value}"}}"#,
                7
            )
        };
        assert!(answers.take(body(callback::ANSWER).as_bytes()));
        assert!(answers.take(body(callback::ANSWER).as_bytes()));
        assert!(!answers.take(body("464899b4").as_bytes()));
        assert!(!answers.take(b"{}"));
        assert_eq!((answers.answered(), answers.repeated(), answers.wrong()), (1, 1, 2));
    }
}
