//! [`Lane`]: a client over one adapter in one engine.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::runtime::Runtime;
use tollgate::{
    BlockingAdapter, Body, CancelHandle, Client, ClientBuilder, Offload, Response, Result,
    blocking,
    client::{self, Call, EngineKind},
};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

use crate::alone::until;

/// The lanes by name, in the order of the table's columns.
pub(crate) const LANES: [&str; 4] = ["reqwest", "reqwest blocking", "ureq", "ureq blocking"];

/// No answer of the matrix is meant to be larger.
pub(crate) const MAX_RESPONSE_BYTES: u64 = 1 << 20;

/// What is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) upload: Upload,
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) cancel: Option<CancelHandle>,
    /// The answer's body stays on the wire, and is read from there.
    pub(crate) stream: bool,
}

/// The body of the request.
#[derive(Clone, Debug, Default)]
pub(crate) enum Upload {
    #[default]
    Nothing,
    /// In memory.
    Bytes(Bytes),
    /// Without length and without end.
    Endless,
    /// The same, by a reader that keeps this for as long as it is there.
    Kept(Arc<()>),
}

/// Gives the same byte for ever.
struct Keeper {
    _kept: Arc<()>,
}

impl Read for Keeper {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(b'x');
        Ok(buffer.len())
    }
}

impl Ask {
    fn call<E: EngineKind>(&self, client: &client::Client<E>) -> Call<E> {
        let call = client.request(self.method.parse().unwrap(), self.url.as_str());
        let call = match &self.upload {
            Upload::Nothing => call,
            Upload::Bytes(bytes) => call.body(bytes.clone()),
            Upload::Endless => call.body(Body::from_reader(io::repeat(b'x'))),
            Upload::Kept(kept) => call.body(Body::from_reader(Keeper {
                _kept: Arc::clone(kept),
            })),
        };
        let call = match self.timeout {
            Some(timeout) => call.timeout(timeout),
            None => call.without_timeout(),
        };
        let call = match self.deadline {
            Some(deadline) => call.deadline(deadline),
            None => call,
        };
        let call = match &self.cancel {
            Some(handle) => call.cancel_handle(handle),
            None => call,
        };
        if self.stream { call.stream() } else { call }
    }
}

/// Puts the body of a stream, read to its end, into its response; what ended it
/// too early says of which call it was.
fn whole(response: Response, read: impl FnOnce(Body) -> Result<Vec<u8>>) -> Result<Response> {
    let (status, uri) = (response.status(), response.uri().cloned());
    let bytes = read(response.into_body()).inspect_err(|error| {
        assert_eq!(error.status(), Some(status), "{error}");
        let asked = error.request().map(|request| request.uri().clone());
        assert!(asked.is_some() && asked == uri, "{error}");
    })?;
    let mut whole = http::Response::new(Body::from(bytes));
    *whole.status_mut() = status;
    Ok(whole.into())
}

pub(crate) trait Lane: Send + Sync {
    /// Sends, and waits for the answer; that of a stream, to its end.
    fn send(&self, ask: &Ask) -> Result<Response>;

    /// Tells whether a call can be dropped while it waits.
    fn can_drop(&self) -> bool;

    /// Sends, and drops the call when `when` is cancelled; `false` if the call
    /// ended before that.
    fn drop_midway(&self, ask: &Ask, when: &CancelHandle) -> bool;

    /// Counts the tasks that are left; 0 where the adapter's are its own.
    fn tasks(&self) -> usize;

    /// Gives client and adapter up. Nothing of them stays behind.
    fn close(self: Box<Self>);
}

/// Makes the lane of this name.
pub(crate) fn lane(name: &str) -> Box<dyn Lane> {
    lane_over(name, || ReqwestAdapter::new().unwrap(), UreqAdapter::new)
}

/// Makes the lane of this name over adapters of the test's own.
pub(crate) fn lane_over(
    name: &str,
    reqwest: impl FnOnce() -> ReqwestAdapter,
    ureq: impl FnOnce() -> UreqAdapter,
) -> Box<dyn Lane> {
    match name {
        "reqwest" => Box::new(OnTokio::new(|| Client::builder(reqwest()))),
        "reqwest blocking" => Box::new(OnThread::new(reqwest())),
        "ureq" => Box::new(OnTokio::new(|| Client::builder(Offload::new(ureq())))),
        "ureq blocking" => Box::new(OnThread::new(ureq())),
        _ => panic!("no lane is called `{name}`"),
    }
}

struct OnThread {
    client: blocking::Client,
}

impl OnThread {
    fn new(adapter: impl BlockingAdapter) -> Self {
        let builder = blocking::Client::builder(adapter);
        let client = builder.max_response_bytes(MAX_RESPONSE_BYTES).build();
        Self {
            client: client.unwrap(),
        }
    }
}

impl Lane for OnThread {
    fn send(&self, ask: &Ask) -> Result<Response> {
        let response = ask.call(&self.client).send()?;
        if !ask.stream {
            return Ok(response);
        }
        whole(response, |body| {
            let mut bytes = Vec::new();
            body.into_reader().read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    }

    fn can_drop(&self) -> bool {
        false
    }

    fn drop_midway(&self, _: &Ask, _: &CancelHandle) -> bool {
        false
    }

    fn tasks(&self) -> usize {
        0
    }

    fn close(self: Box<Self>) {}
}

struct OnTokio {
    client: Client,
    runtime: Runtime,
}

impl OnTokio {
    fn new(builder: impl FnOnce() -> ClientBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        let client = builder().max_response_bytes(MAX_RESPONSE_BYTES).build();
        let client = client.unwrap();
        drop(_inside);
        Self { client, runtime }
    }
}

impl Lane for OnTokio {
    fn send(&self, ask: &Ask) -> Result<Response> {
        let response = self.runtime.block_on(ask.call(&self.client).send())?;
        if !ask.stream {
            return Ok(response);
        }
        whole(response, |mut body| {
            self.runtime.block_on(async {
                let mut bytes = Vec::new();
                while let Some(chunk) = body.chunk().await? {
                    bytes.extend_from_slice(&chunk);
                }
                Ok(bytes)
            })
        })
    }

    fn can_drop(&self) -> bool {
        true
    }

    fn drop_midway(&self, ask: &Ask, when: &CancelHandle) -> bool {
        let call = ask.call(&self.client).send();
        self.runtime.block_on(async move {
            tokio::select! {
                () = when.cancelled() => true,
                _ = call => false,
            }
        })
    }

    fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    fn close(self: Box<Self>) {
        drop(self.client);
        let metrics = self.runtime.metrics();
        until("tasks end", || metrics.num_alive_tasks() == 0);
    }
}
