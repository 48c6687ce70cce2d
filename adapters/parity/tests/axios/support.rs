//! [`World`]: a client over a lane, a server by script, a log, and hooks that
//! do as they are told.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use tollgate::{
    Error, Response, Result,
    adapter::conformance::{Received, Reply, Script, Server},
    client::{Call, Client, ClientBuilder},
    interceptor::{InterceptorId, RequestSide, ResponseSide},
};

pub(crate) use crate::scripted::{Do, Log, Style, chunks, pending_once, wait_until};
use crate::{lanes::Stage, scripted::Scripted};

/// A limit that is not meant to be reached.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

/// The scene of one law on one lane.
pub(crate) struct World<'a, L: Stage> {
    pub(crate) lane: &'a L,
    pub(crate) client: Client<L::Engine>,
    pub(crate) server: Arc<Server>,
    pub(crate) log: Log,
    pub(crate) style: Style,
    replies: Arc<Mutex<VecDeque<Next>>>,
    count_before: Option<usize>,
    told: Arc<Mutex<Vec<String>>>,
}

/// What the server does next.
enum Next {
    Reply(Reply),
    /// Nothing, for ever; it is not logged.
    Hang,
}

impl<'a, L: Stage> World<'a, L> {
    /// A server answers 200 `OK` where nothing else is scripted, and logs
    /// `T METHOD target`; the client has its address as its base.
    pub(crate) fn new(lane: &'a L, style: Style) -> Self {
        let log = Log::default();
        let replies: Arc<Mutex<VecDeque<Next>>> = Arc::default();
        let script = Script::new().otherwise({
            let (log, replies) = (log.clone(), Arc::clone(&replies));
            move |request: &Received| {
                let next = replies.lock().unwrap().pop_front();
                if let Some(Next::Hang) = next {
                    return Reply::stall();
                }
                log.add(format!("T {} {}", request.method(), request.target()));
                match next {
                    Some(Next::Reply(reply)) => reply,
                    _ => Reply::new(200).body("OK"),
                }
            }
        });
        let server = serve(lane, script);
        Self {
            lane,
            client: client(lane, &server, |builder| builder),
            server,
            log,
            style,
            replies,
            count_before: lane.count(),
            told: Arc::default(),
        }
    }

    /// Starts one more server.
    pub(crate) fn serve(&self, script: impl Into<Script>) -> Arc<Server> {
        serve(self.lane, script.into())
    }

    /// Builds one more client of the same server, with other defaults.
    pub(crate) fn client_with(
        &self,
        set: impl FnOnce(ClientBuilder<L::Engine>) -> ClientBuilder<L::Engine>,
    ) -> Client<L::Engine> {
        client(self.lane, &self.server, set)
    }

    /// Puts a client with other defaults in the place of the one that is.
    pub(crate) fn with(
        &self,
        set: impl FnOnce(ClientBuilder<L::Engine>) -> ClientBuilder<L::Engine>,
    ) -> Self {
        Self {
            lane: self.lane,
            client: self.client_with(set),
            server: Arc::clone(&self.server),
            log: self.log.clone(),
            style: self.style,
            replies: Arc::clone(&self.replies),
            count_before: self.count_before,
            told: Arc::clone(&self.told),
        }
    }

    /// Says what the server answers next.
    pub(crate) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        let next = replies.into_iter().map(Next::Reply);
        self.replies.lock().unwrap().extend(next);
    }

    /// The next request gets no answer.
    pub(crate) fn hang(&self) {
        if !self.lane.hang() {
            self.replies.lock().unwrap().push_back(Next::Hang);
        }
    }

    /// Returns how many requests came in.
    pub(crate) fn count(&self) -> usize {
        match (self.lane.count(), self.count_before) {
            (Some(now), Some(before)) => now - before,
            _ => self.server.requests().len(),
        }
    }

    /// Returns the last request that came in.
    pub(crate) fn last(&self) -> Received {
        self.server.requests().pop().unwrap()
    }

    fn scripted(&self, name: &'static str, ok: Do, err: Do) -> Scripted {
        let (log, style) = (self.log.clone(), self.style);
        Scripted {
            name,
            log,
            style,
            ok,
            err,
        }
    }

    pub(crate) fn request(
        &self,
        name: &'static str,
        ok: Do,
        err: Do,
    ) -> InterceptorId<RequestSide> {
        let all = &self.client.interceptors;
        all.request.use_interceptor(self.scripted(name, ok, err))
    }

    pub(crate) fn response(
        &self,
        name: &'static str,
        ok: Do,
        err: Do,
    ) -> InterceptorId<ResponseSide> {
        let all = &self.client.interceptors;
        all.response.use_interceptor(self.scripted(name, ok, err))
    }

    /// Sends a call, and logs how it ended.
    pub(crate) fn finish(&self, call: Call<L::Engine>) -> Result<Response> {
        let result = self.lane.send(call);
        self.log.add(match &result {
            Ok(response) => format!("=> {}", response.status().as_u16()),
            Err(error) => format!("=> {:?}", error.kind()),
        });
        result
    }

    pub(crate) fn get(&self, target: &str) -> Result<Response> {
        self.finish(self.client.get(target))
    }

    /// Sends a call, and returns what came in.
    pub(crate) fn sent(&self, call: Call<L::Engine>) -> Received {
        self.lane.send(call).unwrap();
        self.last()
    }

    pub(crate) fn fails(&self, call: Call<L::Engine>) -> Error {
        self.lane.send(call).unwrap_err()
    }

    /// Asserts what was logged since the last time.
    #[track_caller]
    pub(crate) fn logged(&self, expected: &str) {
        let lines = self.log.take();
        assert_eq!(lines.join(" | "), expected);
        self.told.lock().unwrap().extend(lines);
    }

    /// Returns all lines that were asserted.
    pub(crate) fn told(&self) -> Vec<String> {
        mem::take(&mut self.told.lock().unwrap())
    }
}

fn serve<L: Stage>(lane: &L, script: Script) -> Arc<Server> {
    let server = Arc::new(Server::start(script).unwrap());
    lane.attach(&server);
    server
}

fn client<L: Stage>(
    lane: &L,
    server: &Server,
    set: impl FnOnce(ClientBuilder<L::Engine>) -> ClientBuilder<L::Engine>,
) -> Client<L::Engine> {
    let builder = lane.builder().base_url(server.origin()).timeout(AMPLE);
    set(builder).build().unwrap()
}
