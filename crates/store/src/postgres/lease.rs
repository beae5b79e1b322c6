//! The work on what is stored: one process does it at a time, until it ends, or is silent for some seconds.
//!
//! Who has the lease renews it every second. Each time that another process takes it, its term counts up; a write that belongs to
//! the work is made only when the term is still that of its writer. So a process that was stopped, or cut off, changes nothing when
//! it comes back, and it knows by its own clock that it must not act.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, mpsc, watch};
use tokio_postgres::Error;

use super::{Connection, connect::Target, error};
use crate::StoreError;

/// How long a lease lasts that is not renewed.
const LASTS: Duration = Duration::from_secs(4);
/// Between renewals.
const RENEWAL: Duration = Duration::from_secs(1);
/// Between looks whether it can be taken.
const LOOK: Duration = Duration::from_millis(500);
/// What a connection says when a lease was given back.
const FREE: &str = "free";

/// One process's part in the lease. Cheap to clone; given back with the last clone.
#[derive(Debug, Clone)]
pub struct Lease {
    standing: watch::Receiver<Standing>,
    woken: Arc<Notify>,
    release: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// Since when, once it is or was this process's.
    term: Option<i64>,
    /// It is its own until then.
    until: Option<Instant>,
    /// Another process has taken it, or it was given back.
    over: bool,
}

impl Lease {
    /// Asks for it from now on.
    pub(super) fn start(target: Target, schema: &'static str) -> Self {
        let (sender, standing) = watch::channel(Standing::default());
        let (woken, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let keeper = Keeper {
            target,
            schema,
            holder: String::new(),
            sender,
            woken: woken.clone(),
            release: release.clone(),
        };
        tokio::spawn(keeper.run());
        Self {
            standing,
            woken,
            release,
        }
    }

    /// Returns when the work is this process's.
    pub async fn taken(&self) {
        self.wait_for(|standing| standing.term.is_some()).await;
    }

    /// Returns when it no longer is: it was, and another process has it, or it was given back.
    pub async fn lost(&self) {
        self.wait_for(|standing| standing.over).await;
    }

    /// Whether it is this process's now, by its own clock.
    pub fn is_held(&self) -> bool {
        let standing = *self.standing.borrow();
        !standing.over && standing.until.is_some_and(|until| now() < until)
    }

    /// Returns when it is this process's now; never when it was lost.
    pub async fn held(&self) {
        self.wait_for(|standing| !standing.over && standing.until.is_some_and(|until| now() < until))
            .await;
    }

    /// Returns when another process has written something to be worked on.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Gives it back: another process may take it at once.
    pub async fn release(&self) {
        self.release.notify_one();
        self.lost().await;
    }

    /// The term that writes of the work are made in; 0: it was never taken.
    pub(super) fn term(&self) -> i64 {
        self.standing.borrow().term.unwrap_or_default()
    }

    async fn wait_for(&self, is_so: impl FnMut(&Standing) -> bool) {
        if self.standing.clone().wait_for(is_so).await.is_err() {
            // The runtime ends.
            std::future::pending::<()>().await;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a lease is over by the machine's own clock, which nobody sets"
)]
fn now() -> Instant {
    Instant::now()
}

struct Keeper {
    target: Target,
    schema: &'static str,
    /// This process's name; empty before the first connection.
    holder: String,
    sender: watch::Sender<Standing>,
    woken: Arc<Notify>,
    release: Arc<Notify>,
}

impl Keeper {
    /// Runs until it is given back, lost, or nobody asks any more.
    async fn run(mut self) {
        let mut failing = false;
        loop {
            match self.keep(&mut failing).await {
                Ok(()) => break,
                // Once, not each half second of an outage.
                Err(error) if !std::mem::replace(&mut failing, true) => {
                    tracing::warn!(%error, "the lease on the work can't be asked for");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = self.sender.closed() => return,
                () = self.release.notified() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        self.sender.send_modify(|standing| standing.over = true);
    }

    /// Asks on one connection, as long as that lives.
    async fn keep(&mut self, failing: &mut bool) -> Result<(), StoreError> {
        let (db, mut notices) = self.target.connect_listening().await?;
        let failed = |reason: Error| error::unusable(&self.target.store, &reason);
        db.batch(&format!("LISTEN {}", self.schema)).await.map_err(failed)?;
        if self.holder.is_empty() {
            let name = db.value("SELECT gen_random_uuid()::text", &[]).await.map_err(failed)?;
            self.holder = name.unwrap_or_default();
        }
        // What was written while nobody listened.
        self.woken.notify_one();
        loop {
            let asked = tokio::time::timeout(LASTS, self.ask(&db)).await;
            let asked = asked.map_err(|_| error::silent(&self.target.store, LASTS))?;
            let is_lost = asked.map_err(|reason| error::unusable(&self.target.store, &reason))?;
            *failing = false;
            if is_lost || self.wait(&db, &mut notices).await {
                return Ok(());
            }
        }
    }

    /// Takes or renews the lease; true: it was this process's, and is another one's.
    async fn ask(&self, db: &Connection) -> Result<bool, Error> {
        let asked = now();
        let sql = format!(
            "INSERT INTO {schema}.lease AS l VALUES (true, $1, 1, clock_timestamp() + interval '{seconds} s') \
             ON CONFLICT (one) DO UPDATE SET holder = $1, until = excluded.until, \
             term = l.term + CASE WHEN l.holder = $1 THEN 0 ELSE 1 END \
             WHERE l.holder = $1 OR l.until < clock_timestamp() RETURNING term",
            schema = self.schema,
            seconds = LASTS.as_secs()
        );
        let rows = db.query_composed(&sql, &[&self.holder]).await?;
        let term: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?;
        let before = self.sender.borrow().term;
        if before.is_some() && before != term {
            return Ok(true);
        }
        if let Some(term) = term {
            if before.is_none() {
                tracing::info!(store = %self.target.store, term, "the work is this process's");
            }
            self.sender.send_modify(|standing| {
                standing.term = Some(term);
                standing.until = Some(asked + LASTS);
            });
        }
        Ok(false)
    }

    /// Waits for the next round; true: it was given back.
    async fn wait(&self, db: &Connection, notices: &mut mpsc::UnboundedReceiver<String>) -> bool {
        let is_held = self.sender.borrow().term.is_some();
        let pause = tokio::time::sleep(if is_held { RENEWAL } else { LOOK });
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return false,
                notice = notices.recv() => match notice.as_deref() {
                    Some(FREE) if !is_held => return false,
                    Some(FREE) => {}
                    Some(_) => self.woken.notify_one(),
                    // The connection has ended: the next question says so.
                    None => return false,
                },
                () = self.release.notified() => break,
                () = self.sender.closed() => break,
            }
        }
        self.sender.send_modify(|standing| standing.over = true);
        let (schema, holder) = (self.schema, &self.holder);
        let sql = format!("UPDATE {schema}.lease SET until = '-infinity' WHERE holder = $1");
        let freed = async {
            db.query_composed(&sql, &[holder]).await?;
            db.batch(&format!("NOTIFY {schema}, '{FREE}'")).await
        };
        if let Err(reason) = freed.await {
            tracing::info!(
                reason = error::text(&reason),
                "the lease is not given back: it ends by itself"
            );
        }
        true
    }
}
