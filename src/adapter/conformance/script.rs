//! [`Script`]: which request gets which reply.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{Received, Reply, Step};

type Answer = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// A table from requests to replies, for a [`Server`](super::Server) and
/// for an adapter [without a wire](super::InProcess).
///
/// Paths are compared without the query. What no path names is answered by
/// [`otherwise`](Self::otherwise), at first a 404.
///
/// ```
/// use tollgate::adapter::conformance::{Reply, Script, Server};
///
/// let script = Script::new()
///     .on("/hello", Reply::new(200).body("hi"))
///     .on_with("/echo", |request| Reply::new(200).body(request.body().clone()))
///     .on_each("/flaky", [Reply::new(503), Reply::new(200)]);
/// let server = Server::start(script).unwrap();
/// assert!(server.url("/hello").starts_with("http://127.0.0.1:"));
/// ```
#[derive(Clone)]
#[must_use = "a script does nothing until a server has it"]
pub struct Script {
    routes: Vec<(String, Answer)>,
    other: Answer,
    connections: Vec<(usize, Arc<[Step]>)>,
}

impl Script {
    /// Creates a script that answers 404 to everything.
    pub fn new() -> Self {
        Self {
            routes: Vec::new(),
            other: Arc::new(|_| Reply::new(404)),
            connections: Vec::new(),
        }
    }

    /// Answers a path always alike.
    pub fn on(self, path: &str, reply: Reply) -> Self {
        self.on_with(path, move |_| reply.clone())
    }

    /// Answers a path by a function.
    pub fn on_with(
        mut self,
        path: &str,
        answer: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.routes.push((path.to_owned(), Arc::new(answer)));
        self
    }

    /// Answers a path with these replies in turn; the last one stays.
    ///
    /// No reply at all means 404.
    pub fn on_each(self, path: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<_> = replies.into_iter().collect();
        let next = AtomicUsize::new(0);
        self.on_with(path, move |_| {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let reply = replies.get(turn).or(replies.last());
            reply.cloned().unwrap_or_else(|| Reply::new(404))
        })
    }

    /// Answers what no path names.
    pub fn otherwise(
        mut self,
        answer: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.other = Arc::new(answer);
        self
    }

    /// Does these steps on a connection, counted from 0, before it serves.
    ///
    /// What the steps read is no request: it is in
    /// [`Server::bytes`](super::Server::bytes) only. A connection that no step
    /// has ended serves requests afterwards. Without effect where there is
    /// [no wire](super::InProcess).
    pub fn on_connection(mut self, number: usize, steps: impl IntoIterator<Item = Step>) -> Self {
        self.connections.push((number, steps.into_iter().collect()));
        self
    }

    /// Returns what comes before the first request of a connection.
    pub(super) fn opening(&self, number: usize) -> Option<Arc<[Step]>> {
        let mut connections = self.connections.iter();
        let (_, steps) = connections.find(|(of, _)| *of == number)?;
        Some(Arc::clone(steps))
    }

    /// Returns the reply to a request; the first path that fits decides.
    pub fn reply_to(&self, request: &Received) -> Reply {
        let route = self
            .routes
            .iter()
            .find(|(path, _)| path == request.path())
            .map_or(&self.other, |(_, answer)| answer);
        route(request)
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Reply> for Script {
    /// Answers everything alike.
    fn from(reply: Reply) -> Self {
        Self::new().otherwise(move |_| reply.clone())
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.routes.iter().map(|(path, _)| path);
        f.write_str("Script")?;
        f.debug_list().entries(paths).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(script: &Script, target: &str) -> Vec<u8> {
        let head = format!("GET {target} HTTP/1.1\r\n\r\n");
        let request = Received::parse(head.as_bytes()).unwrap();
        script.reply_to(&request).to_bytes()[9..12].to_vec()
    }

    #[test]
    fn the_first_path_decides_and_the_query_does_not() {
        let script = Script::new()
            .on("/a", Reply::new(201))
            .on("/a", Reply::new(202));
        assert_eq!(status(&script, "/a?b"), b"201");
        assert_eq!(status(&script, "/b"), b"404");
    }

    #[test]
    fn the_last_of_several_replies_stays() {
        let script = Script::new().on_each("/a", [Reply::new(503), Reply::new(200)]);
        let statuses = [(); 3].map(|()| status(&script, "/a"));
        assert_eq!(statuses, [b"503", b"200", b"200"]);
        assert_eq!(status(&Script::new().on_each("/a", []), "/a"), b"404");
    }
}
