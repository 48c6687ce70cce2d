//! Sentinels that watch a master.

use std::{collections::HashMap, time::Duration};

use crate::{Server, until_within};

/// The name that the [`Sentinels`] give the master.
pub const MASTER: &str = "tollgate";

/// After how many milliseconds of silence a master counts as down: at first,
/// and in a hurry.
const CALM: u32 = 60_000;
const SOON: u32 = 500;

/// Processes of Redis Sentinel, killed when they are dropped.
#[derive(Debug)]
pub struct Sentinels(Vec<Server>);

impl Sentinels {
    /// Starts `count` of them, and waits until they know each other and the
    /// replicas of `master`: about 3 seconds. They take the master for down
    /// after a minute, or sooner from [`hurry`](Self::hurry) on.
    ///
    /// # Panics
    ///
    /// They do not find each other within 30 seconds.
    #[must_use]
    pub fn start(master: &Server, replicas: &[&Server], count: usize) -> Option<Self> {
        let quorum = count / 2 + 1;
        let watched = format!("monitor {MASTER} 127.0.0.1 {} {quorum}", master.port());
        let mut sentinels = Vec::new();
        for _ in 0..count {
            let builder = Server::builder()
                .sentinel()
                .set("sentinel", &watched)
                .set(
                    "sentinel",
                    &format!("down-after-milliseconds {MASTER} {CALM}"),
                )
                .set("sentinel", &format!("failover-timeout {MASTER} 1000"));
            let builder = match master.password() {
                Some(password) => {
                    builder.set("sentinel", &format!("auth-pass {MASTER} {password}"))
                }
                None => builder,
            };
            sentinels.push(builder.start()?);
        }
        let sentinels = Self(sentinels);
        // They look at each server every 10 seconds.
        let known = until_within(Duration::from_secs(30), || {
            sentinels.0.iter().all(|sentinel| {
                let ready = |replica: &&Entry| {
                    let status = replica.get("master-link-status");
                    status.is_some_and(|status| status == "ok")
                };
                listed(sentinel, "SENTINELS").len() == count - 1
                    && listed(sentinel, "REPLICAS").iter().filter(ready).count() == replicas.len()
            })
        });
        assert!(known.is_some(), "the sentinels do not know each other");
        Some(sentinels)
    }

    /// From now on they take a master for down after 500 ms: to be said when it
    /// is, as one that is only held up for as long is down for them, too.
    pub fn hurry(&self) {
        for sentinel in &self.0 {
            let mut set = redis::cmd("SENTINEL");
            set.arg("SET").arg(MASTER);
            set.arg("down-after-milliseconds").arg(SOON);
            set.exec(&mut sentinel.connection()).unwrap();
        }
    }

    /// Returns their URLs.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.0.iter().map(Server::url).collect()
    }

    /// Returns the processes, to be killed or paused.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.0
    }

    /// Returns the port of the master as the first of them sees it.
    #[must_use]
    pub fn master_port(&self) -> Option<u16> {
        let mut connection = self.0.first()?.connection();
        let mut asked = redis::cmd("SENTINEL");
        asked.arg("GET-MASTER-ADDR-BY-NAME").arg(MASTER);
        let (_, port): (String, u16) = asked.query(&mut connection).ok()?;
        Some(port)
    }
}

type Entry = HashMap<String, String>;

/// What a sentinel knows of others; nothing if it does not know yet.
fn listed(sentinel: &Server, what: &str) -> Vec<Entry> {
    let mut connection = sentinel.connection();
    let mut asked = redis::cmd("SENTINEL");
    let answer = asked.arg(what).arg(MASTER).query(&mut connection);
    answer.unwrap_or_default()
}
