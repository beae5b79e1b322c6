//! What the relay has posted to handlers, for people and tests to look at.

use std::collections::VecDeque;

use serde::Serialize;

use crate::state::outgoing::Delivered;

/// Posts kept.
const KEPT: usize = 1_000;

/// The newest posts.
#[derive(Debug, Default)]
pub struct Posted {
    posts: VecDeque<Delivery>,
    next: u64,
}

/// One post.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// Number since the portal's creation.
    pub number: u64,
    /// Unix microseconds.
    pub time: i64,
    /// `activity` or `event`.
    pub kind: &'static str,
    /// Handler.
    pub url: String,
    /// The form as it went over the wire, tokens and all.
    pub body: String,
    /// How it ended; `None` while it is under way.
    pub outcome: Option<Delivered>,
}

impl Posted {
    /// Notes a post that is about to leave, and numbers it.
    pub fn push(&mut self, time: i64, kind: &'static str, url: &str, body: &str) -> u64 {
        let number = self.next;
        self.next += 1;
        if self.posts.len() == KEPT {
            self.posts.pop_front();
        }
        self.posts.push_back(Delivery {
            number,
            time,
            kind,
            url: url.into(),
            body: body.into(),
            outcome: None,
        });
        number
    }

    /// Notes how it ended.
    pub fn settle(&mut self, number: u64, outcome: Delivered) {
        let first = self.posts.front().map_or(0, |post| post.number);
        let index = number.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        if let Some(post) = index.and_then(|index| self.posts.get_mut(index)) {
            post.outcome = Some(outcome);
        }
    }

    /// Posts from number `from` on, of `kind` if given.
    pub fn since(&self, from: u64, kind: Option<&str>) -> Vec<Delivery> {
        let wanted = |post: &&Delivery| post.number >= from && kind.is_none_or(|kind| kind == post.kind);
        self.posts.iter().filter(wanted).cloned().collect()
    }
}
