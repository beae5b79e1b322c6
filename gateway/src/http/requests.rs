//! Requests that came through a proxy of ours: one source may have so many at once.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

/// How many each source has. Those without a proxy between are bounded by their connections.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    per_source: usize,
    sources: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One request; counts until dropped.
#[derive(Debug)]
pub(super) struct Entered {
    requests: Requests,
    source: IpAddr,
}

impl Requests {
    pub(crate) fn new(per_source: usize) -> Self {
        Self {
            per_source,
            sources: Arc::default(),
        }
    }

    /// `None`: the source has as many as it may.
    pub(super) fn enter(&self, source: IpAddr) -> Option<Entered> {
        let mut sources = self.sources.lock();
        let count = sources.entry(source).or_default();
        if *count >= self.per_source {
            return None;
        }
        *count += 1;
        Some(Entered {
            requests: self.clone(),
            source,
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut sources = self.requests.sources.lock();
        if let Some(count) = sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_so_many_at_once() {
        let requests = Requests::new(2);
        let source = |last| IpAddr::from([203, 0, 113, last]);
        let first = requests.enter(source(1)).unwrap();
        let _second = requests.enter(source(1)).unwrap();
        assert!(requests.enter(source(1)).is_none());
        assert!(requests.enter(source(2)).is_some());
        drop(first);
        assert!(requests.enter(source(1)).is_some());
        assert_eq!(requests.sources.lock().len(), 1, "who has none is forgotten");
    }
}
