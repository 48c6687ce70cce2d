//! What a server was asked, counted by itself.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use tollgate_redis_kit::{Server, until};

/// What ends a count.
const MARK: &str = "that-was-all";

/// How often each command was carried out, but those that are needed to ask.
pub(crate) fn stats(redis: &Server) -> BTreeMap<String, u64> {
    let mut connection = redis.connection();
    let ask = redis::cmd("INFO").arg("commandstats").clone();
    let text: String = ask.query(&mut connection).unwrap();
    let counted = text.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls = rest.split(',').next()?.parse().ok()?;
        Some((name.to_owned(), calls))
    });
    let ours = ["info", "client|setinfo", "select", "hello"];
    counted
        .filter(|(name, _)| !ours.contains(&name.as_str()))
        .collect()
}

/// Waits until nothing is asked any more.
pub(crate) fn settled(redis: &Server) {
    let mut before = stats(redis);
    let mut same = 0;
    until("the watches to rest", || {
        std::thread::sleep(Duration::from_millis(20));
        let now = stats(redis);
        same = if now == before { same + 1 } else { 0 };
        before = now;
        same == 5
    });
}

/// Hears every command of every client.
pub(crate) struct Monitor {
    lines: BufReader<TcpStream>,
    marker: TcpStream,
}

impl Monitor {
    pub(crate) fn start(redis: &Server) -> Self {
        let connect = || TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
        let mut stream = connect();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut lines = BufReader::new(stream);
        let mut ok = String::new();
        lines.read_line(&mut ok).unwrap();
        assert_eq!(ok, "+OK\r\n");
        Self {
            lines,
            marker: connect(),
        }
    }

    /// Returns what was asked meanwhile: on the way, and by a watch.
    pub(crate) fn during(
        &mut self,
        redis: &Server,
        work: impl FnOnce(),
    ) -> (Vec<String>, Vec<String>) {
        work();
        // What a watch asks comes after that.
        settled(redis);
        let (mut mine, mut watched) = (Vec::new(), Vec::new());
        write!(self.marker, "ECHO {MARK}\r\n").unwrap();
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            if line.contains(MARK) {
                return (mine, watched);
            }
            // Of a script, what it asks itself costs no round trip.
            if line.contains(" lua] ") {
                continue;
            }
            let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            let command = words[0].to_uppercase();
            if matches!(command.as_str(), "INFO" | "CLIENT") {
                continue;
            }
            // A watch reads the stamp alone.
            if command == "HMGET" && words.len() < 6 {
                watched.push(command);
            } else {
                mine.push(command);
            }
        }
    }
}
