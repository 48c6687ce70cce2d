//! Sentinels that watch a master.

use redis::Value;

use crate::{Server, until};

/// The name that the [`Sentinels`] give the master.
pub const MASTER: &str = "tollgate";

/// Processes of Redis Sentinel, killed when they are dropped.
#[derive(Debug)]
pub struct Sentinels(Vec<Server>);

impl Sentinels {
    /// Starts `count` of them, and waits until they know each other and the
    /// replicas of `master`: about 3 seconds. They take the master for down
    /// after 500 ms.
    ///
    /// # Panics
    ///
    /// They do not find each other within 10 seconds.
    #[must_use]
    pub fn start(master: &Server, replicas: &[&Server], count: usize) -> Option<Self> {
        let quorum = count / 2 + 1;
        let watched = format!("monitor {MASTER} 127.0.0.1 {} {quorum}", master.port());
        let mut sentinels = Vec::new();
        for _ in 0..count {
            let builder = Server::builder()
                .sentinel()
                .set("sentinel", &watched)
                .set("sentinel", &format!("down-after-milliseconds {MASTER} 500"))
                .set("sentinel", &format!("failover-timeout {MASTER} 5000"));
            let builder = match master.password() {
                Some(password) => {
                    builder.set("sentinel", &format!("auth-pass {MASTER} {password}"))
                }
                None => builder,
            };
            sentinels.push(builder.start()?);
        }
        let sentinels = Self(sentinels);
        until("the sentinels to know each other", || {
            let knows = |of: &Server, what: &str, wanted: usize| listed(of, what) >= wanted;
            sentinels.0.iter().all(|sentinel| {
                knows(sentinel, "SENTINELS", count - 1)
                    && knows(sentinel, "REPLICAS", replicas.len())
            })
        });
        Some(sentinels)
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

/// How many a sentinel lists that are not down.
fn listed(sentinel: &Server, what: &str) -> usize {
    let mut connection = sentinel.connection();
    let mut asked = redis::cmd("SENTINEL");
    let answer = asked.arg(what).arg(MASTER).query(&mut connection);
    match answer {
        Ok(Value::Array(all)) => all.len(),
        _ => 0,
    }
}
