//! [`Stage`]: a lane on which a law is played, and the mock as such a lane.

use std::io;

use tokio::runtime::Runtime;
use tollgate::{
    Body, MockAdapter, MockReply, Response, Result,
    adapter::conformance::{InProcess, Server},
    client::{Async, Blocking, Call, Client, ClientBuilder},
};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

/// A lane, and what a law asks of it besides.
pub(crate) trait Stage: Lane + Send + Sync + 'static {
    /// Whether there are connections.
    const WIRE: bool = true;

    /// Makes a server reachable.
    fn attach(&self, _: &Server) {}

    /// Lets the next request wait for ever; `false` where the server has to.
    fn hang(&self) -> bool {
        false
    }

    /// Returns how many requests came; `None` where only the server knows.
    fn count(&self) -> Option<usize> {
        None
    }
}

impl Stage for ReqwestAsync {}
impl Stage for ReqwestBlocking {}
impl Stage for UreqBlocking {}
impl Stage for UreqOffload {}

/// The mock, which answers by the scripts of servers that nobody dials.
pub(crate) struct Mock<R> {
    adapter: MockAdapter,
    servers: InProcess,
    runtime: R,
}

/// The mock under the async engine.
pub(crate) type MockAsync = Mock<Runtime>;
/// The mock under the blocking engine.
pub(crate) type MockBlocking = Mock<()>;

impl<R> Mock<R> {
    fn over(runtime: R) -> Self {
        let servers = InProcess::new();
        Self {
            adapter: MockAdapter::new().handler(servers.handler()),
            servers,
            runtime,
        }
    }
}

impl<R: Send + Sync + 'static> Stage for Mock<R>
where
    Self: Lane,
{
    const WIRE: bool = false;

    fn attach(&self, server: &Server) {
        self.servers.add(server);
    }

    fn hang(&self) -> bool {
        self.adapter.push(MockReply::never());
        true
    }

    fn count(&self) -> Option<usize> {
        Some(self.adapter.count())
    }
}

impl Lane for MockAsync {
    type Engine = Async;

    fn name() -> String {
        "mock, async".to_owned()
    }

    fn start(_: Limits) -> io::Result<Self> {
        Ok(Self::over(Runtime::new()?))
    }

    fn builder(&self) -> ClientBuilder<Async> {
        Client::<Async>::builder(self.adapter.clone())
    }

    fn send(&self, call: Call<Async>) -> Result<Response> {
        self.runtime.block_on(call.send())
    }

    fn read(&self, body: Body) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        io::copy(&mut body.into_reader(), &mut out)?;
        Ok(out)
    }
}

impl Lane for MockBlocking {
    type Engine = Blocking;

    fn name() -> String {
        "mock, blocking".to_owned()
    }

    fn start(_: Limits) -> io::Result<Self> {
        Ok(Self::over(()))
    }

    fn builder(&self) -> ClientBuilder<Blocking> {
        Client::<Blocking>::builder(self.adapter.clone())
    }

    fn send(&self, call: Call<Blocking>) -> Result<Response> {
        call.send()
    }

    fn read(&self, body: Body) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        io::copy(&mut body.into_reader(), &mut out)?;
        Ok(out)
    }
}
