//! The scene of a law: a client over a mock, a log, and hooks by script.
//!
//! A law is a function generic over [`Way`]; `everywhere!` plays it on every
//! engine and with every style of hook, and compares the logs.

use std::{
    collections::VecDeque,
    sync::{Arc, LazyLock, Mutex},
    thread,
};

use tollgate::{
    AdapterError, Body, ErrorKind, MockAdapter, Response, Result,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    interceptor::{InterceptorId, RequestSide, ResponseSide},
    runtime::block_on,
};

pub(crate) use crate::scripted::{
    Do, Log, Scripted, Style, answer, chunks, failing_body, pending_once, stalling_body, wait_until,
};

static TOKIO: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap()
});

/// An engine, and what drives it.
pub(crate) trait Way: 'static {
    type Engine: EngineKind;

    fn builder(adapter: MockAdapter) -> ClientBuilder<Self::Engine>;
    fn build(builder: ClientBuilder<Self::Engine>) -> Client<Self::Engine> {
        builder.build().unwrap()
    }
    fn send(call: Call<Self::Engine>) -> Result<Response>;
}

/// The async engine in a task of tokio's.
pub(crate) struct OnTokio;
/// The async engine on the test's thread.
pub(crate) struct OnThread;
/// The blocking engine.
pub(crate) struct InBlocking;

impl Way for OnTokio {
    type Engine = Async;

    fn builder(adapter: MockAdapter) -> ClientBuilder<Async> {
        Client::<Async>::builder(adapter)
    }

    fn send(call: Call<Async>) -> Result<Response> {
        TOKIO.block_on(TOKIO.spawn(call.send())).unwrap()
    }
}

impl Way for OnThread {
    type Engine = Async;

    fn builder(adapter: MockAdapter) -> ClientBuilder<Async> {
        Client::<Async>::builder(adapter)
    }

    fn send(call: Call<Async>) -> Result<Response> {
        block_on(call.send())
    }
}

impl Way for InBlocking {
    type Engine = Blocking;

    fn builder(adapter: MockAdapter) -> ClientBuilder<Blocking> {
        Client::<Blocking>::builder(adapter)
    }

    fn send(call: Call<Blocking>) -> Result<Response> {
        call.send()
    }
}

/// What the scene's adapter answers next; 200 when the script is over.
pub(crate) enum Reply {
    Status(u16),
    Body(u16, Body),
    Redirect(u16, &'static str),
    Fail(ErrorKind),
}

/// A client over a mock that logs `T METHOD address`.
pub(crate) struct World<W: Way> {
    pub(crate) log: Log,
    pub(crate) mock: MockAdapter,
    pub(crate) client: Client<W::Engine>,
    pub(crate) style: Style,
    script: Arc<Mutex<VecDeque<Reply>>>,
    /// All lines that were taken from the log so far.
    told: Arc<Mutex<Vec<String>>>,
}

impl<W: Way> World<W> {
    pub(crate) fn new(style: Style) -> Self {
        let log = Log::default();
        let script: Arc<Mutex<VecDeque<Reply>>> = Arc::default();
        let mock = MockAdapter::new().handler({
            let (log, script) = (log.clone(), Arc::clone(&script));
            move |request| {
                log.add(format!("T {} {}", request.method(), place(request.uri())));
                let next = script.lock().unwrap().pop_front();
                reply(next.unwrap_or(Reply::Status(200)))
            }
        });
        let client = W::build(W::builder(mock.clone()).base_url("http://h"));
        Self {
            log,
            mock,
            client,
            style,
            script,
            told: Arc::default(),
        }
    }

    /// Replaces the client by one with other defaults, over the same mock.
    pub(crate) fn with(
        &self,
        set: impl FnOnce(ClientBuilder<W::Engine>) -> ClientBuilder<W::Engine>,
    ) -> Self {
        let builder = W::builder(self.mock.clone()).base_url("http://h");
        Self {
            log: self.log.clone(),
            mock: self.mock.clone(),
            client: W::build(set(builder)),
            style: self.style,
            script: Arc::clone(&self.script),
            told: Arc::clone(&self.told),
        }
    }

    pub(crate) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().extend(replies);
    }

    fn scripted(&self, name: &'static str, ok: Do, err: Do) -> Scripted {
        Scripted {
            name,
            log: self.log.clone(),
            style: self.style,
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
        let hook = self.scripted(name, ok, err);
        self.client.interceptors.request.use_interceptor(hook)
    }

    pub(crate) fn response(
        &self,
        name: &'static str,
        ok: Do,
        err: Do,
    ) -> InterceptorId<ResponseSide> {
        let hook = self.scripted(name, ok, err);
        self.client.interceptors.response.use_interceptor(hook)
    }

    /// Sends a call and logs how it ended.
    pub(crate) fn finish(&self, call: Call<W::Engine>) -> Result<Response> {
        let result = W::send(call);
        self.log.add(match &result {
            Ok(response) => format!("=> {}", response.status().as_u16()),
            Err(error) => format!("=> {:?}", error.kind()),
        });
        result
    }

    pub(crate) fn get(&self, url: &str) -> Result<Response> {
        self.finish(self.client.get(url))
    }

    /// Asserts what was logged since the last time.
    #[track_caller]
    pub(crate) fn logged(&self, expected: &str) {
        let lines = self.log.take();
        assert_eq!(lines.join(" | "), expected);
        self.told.lock().unwrap().extend(lines);
    }

    /// After trouble: a call still works, and nothing is left of the old ones.
    #[track_caller]
    pub(crate) fn still_works(&self) {
        self.client.interceptors.request.clear();
        self.client.interceptors.response.clear();
        self.script.lock().unwrap().clear();
        self.log.take();
        self.get("/still").unwrap();
        self.logged("T GET /still | => 200");
    }
}

/// The path where the address is of `http://h`, the address elsewhere.
fn place(uri: &http::Uri) -> String {
    let text = uri.to_string();
    text.strip_prefix("http://h/")
        .map_or_else(|| text.clone(), |path| format!("/{path}"))
}

fn reply(next: Reply) -> Result<http::Response<Body>, AdapterError> {
    let with = |status: u16, body: Body| {
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response
    };
    match next {
        Reply::Status(status) => Ok(with(status, format!("{status}").into())),
        Reply::Body(status, body) => Ok(with(status, body)),
        Reply::Redirect(status, location) => {
            let mut response = with(status, Body::empty());
            let location = http::HeaderValue::from_static(location);
            response.headers_mut().insert("location", location);
            Ok(response)
        }
        Reply::Fail(kind) => Err(AdapterError::new(kind, "the wire broke")),
    }
}

/// Plays a law once; returns what it logged, under a label.
pub(crate) fn play<W: Way>(style: Style, law: fn(&World<W>)) -> (String, Vec<String>) {
    let label = format!("{} with {style:?} hooks", std::any::type_name::<W>());
    let world = World::new(style);
    let on_failure = Label(label.clone());
    law(&world);
    drop(on_failure);
    let told = world.told.lock().unwrap().clone();
    (label, told)
}

struct Label(String);

impl Drop for Label {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("in {}", self.0);
        }
    }
}

/// All plays of a law have logged the same.
#[track_caller]
pub(crate) fn agree(plays: &[(String, Vec<String>)]) {
    let (first, rest) = plays.split_first().unwrap();
    for (label, log) in rest {
        assert_eq!(log, &first.1, "{label} differs from {}", first.0);
    }
}

/// Plays a law on all engines, with all styles of scripted hooks.
macro_rules! everywhere {
    ($law:ident) => {
        $crate::support::agree(&[
            $crate::support::play::<$crate::support::OnTokio>($crate::support::Style::Sync, $law),
            $crate::support::play::<$crate::support::OnTokio>($crate::support::Style::Ready, $law),
            $crate::support::play::<$crate::support::OnTokio>($crate::support::Style::Later, $law),
            $crate::support::play::<$crate::support::OnThread>($crate::support::Style::Sync, $law),
            $crate::support::play::<$crate::support::OnThread>($crate::support::Style::Ready, $law),
            $crate::support::play::<$crate::support::OnThread>($crate::support::Style::Later, $law),
            $crate::support::play::<$crate::support::InBlocking>(
                $crate::support::Style::Sync,
                $law,
            ),
            $crate::support::play::<$crate::support::InBlocking>(
                $crate::support::Style::Ready,
                $law,
            ),
            $crate::support::play::<$crate::support::InBlocking>(
                $crate::support::Style::Later,
                $law,
            ),
        ])
    };
}
pub(crate) use everywhere;
