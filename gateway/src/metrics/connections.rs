use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// Connections of the port for portals and browsers; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    open: Gauge,
    made_room: Counter,
    refused: Counter,
}

impl Connections {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "connections",
            "Connections of portals and browsers that are open",
            self.open.clone(),
        );
        registry.register(
            "connections_closed_for_room",
            "Connections that waited for their peer and were closed because another one needed the room",
            self.made_room.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections closed at once because their source has as many as it may",
            self.refused.clone(),
        );
    }

    pub(crate) fn open(&self, count: usize) {
        self.open.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn made_room(&self) {
        self.made_room.inc();
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }
}
