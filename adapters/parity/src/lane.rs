//! [`Lane`]: one adapter under one engine, so that one test drives all four.

use std::{
    io::{self, Read},
    time::Duration,
};

use tokio::runtime::Runtime;
use tollgate::{
    Adapter, BlockingAdapter, Body, Offload, Response, Result,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

/// What an adapter limits by itself, where a test asks for less than its
/// defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// The adapter's `connect_timeout`.
    pub connect: Option<Duration>,
    /// The adapter's `max_head_bytes`.
    pub head_bytes: Option<usize>,
}

/// An adapter under an engine.
pub trait Lane: Sized {
    /// The engine.
    type Engine: EngineKind;

    /// What tells it from the other lanes.
    fn name() -> String;

    /// Makes one; its connections are its own.
    ///
    /// # Errors
    ///
    /// Where the system gives no runtime or no adapter.
    fn start(limits: Limits) -> io::Result<Self>;

    /// Starts to configure a client.
    fn builder(&self) -> ClientBuilder<Self::Engine>;

    /// Sends a call and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of the call.
    fn send(&self, call: Call<Self::Engine>) -> Result<Response>;

    /// Reads a streamed body to its end.
    ///
    /// # Errors
    ///
    /// Those of the body.
    fn read(&self, body: Body) -> io::Result<Vec<u8>>;
}

/// An adapter that a lane is made of.
pub trait Adapts: Clone + Sized {
    /// The client below it.
    const NAME: &'static str;

    /// Makes one.
    ///
    /// # Errors
    ///
    /// Where the client cannot be built.
    fn start(limits: Limits) -> Result<Self>;
}

/// Both builders have the same setters.
macro_rules! limited {
    ($builder:expr, $limits:expr) => {{
        let mut builder = $builder;
        if let Some(limit) = $limits.connect {
            builder = builder.connect_timeout(limit);
        }
        if let Some(limit) = $limits.head_bytes {
            builder = builder.max_head_bytes(limit);
        }
        builder
    }};
}

impl Adapts for ReqwestAdapter {
    const NAME: &'static str = "reqwest";

    fn start(limits: Limits) -> Result<Self> {
        limited!(Self::builder(), limits).build()
    }
}

impl Adapts for UreqAdapter {
    const NAME: &'static str = "ureq";

    fn start(limits: Limits) -> Result<Self> {
        Ok(limited!(Self::builder(), limits).build())
    }
}

impl Adapts for Offload<UreqAdapter> {
    const NAME: &'static str = UreqAdapter::NAME;

    fn start(limits: Limits) -> Result<Self> {
        UreqAdapter::start(limits).map(Self::new)
    }
}

/// An adapter under the async engine, on a tokio runtime of its own.
#[derive(Debug)]
pub struct AsyncLane<A> {
    adapter: A,
    runtime: Runtime,
}

/// An adapter under the blocking engine.
#[derive(Debug)]
pub struct BlockingLane<A> {
    adapter: A,
}

impl<A> AsyncLane<A> {
    /// Makes a lane over an adapter that is configured already.
    ///
    /// # Errors
    ///
    /// Where the system gives no runtime.
    pub fn over(adapter: A) -> io::Result<Self> {
        let runtime = Runtime::new()?;
        Ok(Self { adapter, runtime })
    }
}

impl<A> BlockingLane<A> {
    /// Makes a lane over an adapter that is configured already.
    pub fn over(adapter: A) -> Self {
        Self { adapter }
    }
}

/// reqwest as it is.
pub type ReqwestAsync = AsyncLane<ReqwestAdapter>;
/// reqwest on a runtime of the adapter's.
pub type ReqwestBlocking = BlockingLane<ReqwestAdapter>;
/// ureq as it is.
pub type UreqBlocking = BlockingLane<UreqAdapter>;
/// ureq on tokio's blocking pool.
pub type UreqOffload = AsyncLane<Offload<UreqAdapter>>;

impl<A: Adapts + Adapter> Lane for AsyncLane<A> {
    type Engine = Async;

    fn name() -> String {
        format!("{}, async", A::NAME)
    }

    fn start(limits: Limits) -> io::Result<Self> {
        Self::over(A::start(limits)?)
    }

    fn builder(&self) -> ClientBuilder<Async> {
        Client::<Async>::builder(self.adapter.clone())
    }

    fn send(&self, call: Call<Async>) -> Result<Response> {
        self.runtime.block_on(call.send())
    }

    fn read(&self, body: Body) -> io::Result<Vec<u8>> {
        let _inside = self.runtime.enter();
        read(body)
    }
}

impl<A: Adapts + BlockingAdapter> Lane for BlockingLane<A> {
    type Engine = Blocking;

    fn name() -> String {
        format!("{}, blocking", A::NAME)
    }

    fn start(limits: Limits) -> io::Result<Self> {
        Ok(Self::over(A::start(limits)?))
    }

    fn builder(&self) -> ClientBuilder<Blocking> {
        Client::<Blocking>::builder(self.adapter.clone())
    }

    fn send(&self, call: Call<Blocking>) -> Result<Response> {
        call.send()
    }

    fn read(&self, body: Body) -> io::Result<Vec<u8>> {
        read(body)
    }
}

fn read(body: Body) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    body.into_reader().read_to_end(&mut out)?;
    Ok(out)
}
