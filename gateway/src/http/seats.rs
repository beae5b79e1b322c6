//! Connections: how many there may be, of whom, and which one goes when room is needed.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::metrics::Connections;

/// The bounds, and all connections.
pub(super) struct Seats {
    all: usize,
    per_source: usize,
    table: Mutex<Table>,
    freed: Notify,
    counts: Connections,
}

#[derive(Default)]
struct Table {
    open: usize,
    sources: HashMap<IpAddr, Source>,
    moments: u64,
}

#[derive(Default)]
struct Source {
    open: usize,
    /// A proxy of ours: it stands for many.
    proxy: bool,
    /// Those that wait for their peer, the one that goes first in front.
    waiting: BTreeMap<Turn, Arc<Seat>>,
}

/// Idle connections go before those that send a body, the longest wait first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    body: bool,
    moment: u64,
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has not sent a whole head yet.
    Head,
    /// It is kept for another request.
    Between,
    /// It sends a body.
    Body,
    /// Its request is worked on: it waits for us.
    Working,
}

/// One connection's.
pub(super) struct Seat {
    seats: Arc<Seats>,
    source: IpAddr,
    state: Mutex<State>,
    told_to_go: Notify,
}

struct State {
    phase: Phase,
    turn: Option<Turn>,
    /// It counts no more.
    gone: bool,
}

/// Holds a seat; left when dropped.
pub(super) struct Place(pub(super) Arc<Seat>);

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The source has as many as it may, and none of them is idle.
    Source,
    /// All are taken, and each waits for us.
    All,
}

impl Seats {
    pub(super) fn new(all: usize, per_source: usize, counts: Connections) -> Arc<Self> {
        Arc::new(Self {
            all,
            per_source,
            table: Mutex::default(),
            freed: Notify::new(),
            counts,
        })
    }

    /// A seat, if need be that of a connection that waits for its peer. `proxy`: of ours, with no bound of its own.
    pub(super) fn take(self: &Arc<Self>, source: IpAddr, proxy: bool) -> Result<Place, Full> {
        let mut table = self.table.lock();
        let of_source = table.sources.get(&source).map_or(0, |source| source.open);
        if !proxy && of_source >= self.per_source {
            let idle = table.sources.get(&source).and_then(|source| source.first(false));
            self.close(&mut table, idle).ok_or_else(|| {
                self.counts.refused();
                Full::Source
            })?;
        }
        if table.open >= self.all {
            let victim = table.victim();
            self.close(&mut table, victim).ok_or(Full::All)?;
        }
        table.open += 1;
        self.counts.open(table.open);
        let of_source = table.sources.entry(source).or_default();
        of_source.open += 1;
        of_source.proxy = proxy;
        let seat = Arc::new(Seat {
            seats: self.clone(),
            source,
            state: Mutex::new(State {
                phase: Phase::Head,
                turn: None,
                gone: false,
            }),
            told_to_go: Notify::new(),
        });
        table.wait(&seat, &mut seat.state.lock(), false);
        Ok(Place(seat))
    }

    /// A seat became free, or can be made free.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Closes the connection whose turn it is, if there is one.
    pub(super) fn make_room(&self) {
        let mut table = self.table.lock();
        let victim = table.victim();
        self.close(&mut table, victim);
    }

    fn close(&self, table: &mut Table, victim: Option<Arc<Seat>>) -> Option<()> {
        let seat = victim?;
        table.remove(&seat, &mut seat.state.lock());
        self.counts.made_room();
        seat.told_to_go.notify_one();
        Some(())
    }
}

impl Table {
    fn wait(&mut self, seat: &Arc<Seat>, state: &mut State, body: bool) {
        self.moments += 1;
        let turn = Turn {
            body,
            moment: self.moments,
        };
        if let Some(source) = self.sources.get_mut(&seat.source) {
            source.waiting.insert(turn, seat.clone());
            state.turn = Some(turn);
        }
    }

    fn wait_no_more(&mut self, seat: &Seat, state: &mut State) {
        if let (Some(turn), Some(source)) = (state.turn.take(), self.sources.get_mut(&seat.source)) {
            source.waiting.remove(&turn);
        }
    }

    fn remove(&mut self, seat: &Seat, state: &mut State) {
        self.wait_no_more(seat, state);
        state.gone = true;
        self.open -= 1;
        if let Some(source) = self.sources.get_mut(&seat.source) {
            source.open -= 1;
            if source.open == 0 {
                self.sources.remove(&seat.source);
            }
        }
    }

    /// Of the source with the most connections; of a proxy only if nobody else has any, and never amid a body.
    fn victim(&self) -> Option<Arc<Seat>> {
        let candidates = self
            .sources
            .values()
            .filter_map(|source| Some((source, source.first(!source.proxy)?)));
        let (_, seat) = candidates.max_by_key(|(source, _)| (!source.proxy, source.open))?;
        Some(seat)
    }
}

impl Source {
    /// The one that goes first.
    fn first(&self, amid_a_body: bool) -> Option<Arc<Seat>> {
        let (turn, seat) = self.waiting.first_key_value()?;
        (amid_a_body || !turn.body).then(|| seat.clone())
    }
}

impl Seat {
    pub(super) fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// Bytes came. Whether a head begins with them.
    pub(super) fn head_begins(&self) -> bool {
        let mut state = self.state.lock();
        let begins = state.phase == Phase::Between;
        if begins {
            state.phase = Phase::Head;
        }
        begins
    }

    pub(super) fn turn_to(self: &Arc<Self>, phase: Phase) {
        let mut table = self.seats.table.lock();
        let mut state = self.state.lock();
        state.phase = phase;
        if state.gone {
            return;
        }
        table.wait_no_more(self, &mut state);
        if phase != Phase::Working {
            table.wait(self, &mut state, phase == Phase::Body);
            self.seats.freed.notify_one();
        }
    }

    /// Another connection needs the room.
    pub(super) async fn told_to_go(&self) {
        self.told_to_go.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let seats = &self.0.seats;
        let mut table = seats.table.lock();
        let mut state = self.0.state.lock();
        if !state.gone {
            table.remove(&self.0, &mut state);
            seats.freed.notify_one();
        }
        seats.counts.open(table.open);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn seats(all: usize, per_source: usize) -> Arc<Seats> {
        Seats::new(all, per_source, Connections::default())
    }

    fn from(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    fn told(place: &Place) -> bool {
        place.0.told_to_go().now_or_never().is_some()
    }

    #[test]
    fn the_longest_idle_one_of_the_source_with_the_most_goes() {
        let seats = seats(4, 4);
        let portal = seats.take(from(1), false).unwrap();
        let flood = [(); 3].map(|()| seats.take(from(2), false).unwrap());
        flood[0].0.turn_to(Phase::Between);
        let newcomer = seats.take(from(3), false).unwrap();
        assert!(told(&flood[1]), "it waits longest: the first one has been served since");
        let another = seats.take(from(4), false).unwrap();
        assert!(told(&flood[2]));
        assert!(![&portal, &newcomer, &another, &flood[0]].into_iter().any(told));
    }

    #[test]
    fn bodies_go_after_idle_ones_and_work_never_does() {
        let seats = seats(3, 3);
        let places = [(); 3].map(|()| seats.take(from(1), false).unwrap());
        places[0].0.turn_to(Phase::Working);
        places[1].0.turn_to(Phase::Body);
        let _newcomers = [2, 3].map(|last| {
            let newcomer = seats.take(from(last), false).unwrap();
            newcomer.0.turn_to(Phase::Working);
            newcomer
        });
        assert!(told(&places[2]) && told(&places[1]) && !told(&places[0]));
        assert_eq!(seats.take(from(4), false).err(), Some(Full::All));
        assert!(seats.freed().now_or_never().is_some());
        places[0].0.turn_to(Phase::Between);
        assert!(seats.freed().now_or_never().is_some(), "now there is one that can go");
        assert!(seats.take(from(4), false).is_ok());
    }

    #[test]
    fn a_source_at_its_bound_has_its_own_idle_ones_closed_or_is_refused() {
        let seats = seats(10, 2);
        let places = [(); 2].map(|()| seats.take(from(1), false).unwrap());
        places[1].0.turn_to(Phase::Body);
        let third = seats.take(from(1), false).unwrap();
        assert!(told(&places[0]) && !told(&places[1]));
        third.0.turn_to(Phase::Working);
        assert_eq!(seats.take(from(1), false).err(), Some(Full::Source));
        assert!(seats.take(from(2), false).is_ok());
        drop(third);
        assert!(seats.take(from(1), false).is_ok());
    }

    #[test]
    fn a_proxy_has_no_bound_and_goes_last() {
        let seats = seats(4, 1);
        let proxied = [(); 3].map(|()| seats.take(from(1), true).unwrap());
        let stranger = seats.take(from(2), false).unwrap();
        let portal = seats.take(from(3), false).unwrap();
        assert!(told(&stranger) && !proxied.iter().any(told));
        portal.0.turn_to(Phase::Working);
        proxied[0].0.turn_to(Phase::Body);
        let _portals = [4, 5].map(|last| {
            let portal = seats.take(from(last), false).unwrap();
            portal.0.turn_to(Phase::Working);
            portal
        });
        assert!(told(&proxied[1]) && told(&proxied[2]));
        assert_eq!(
            seats.take(from(6), false).err(),
            Some(Full::All),
            "amid a body none of a proxy is closed"
        );
    }

    #[test]
    fn seats_that_were_left_are_free() {
        let seats = seats(2, 2);
        for _ in 0..3 {
            let places = [(); 2].map(|()| seats.take(from(1), false).unwrap());
            seats.make_room();
            assert!(told(&places[0]));
            // It began a request in the meantime, and ends it.
            places[0].0.turn_to(Phase::Body);
            places[0].0.turn_to(Phase::Between);
        }
        assert_eq!(seats.table.lock().open, 0);
        assert!(seats.table.lock().sources.is_empty());
    }
}
