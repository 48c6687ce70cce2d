//! One call, in order: each stage a file, the replay loop here.
//!
//! ```text
//! prepare ─▶ request interceptors ─▶ adapter ⟲ redirects ─▶ settle ─▶ response interceptors
//!    ▲                                                                       │
//!    └───────────────────────────── Replay ◀─────────────────────────────────┘
//! ```
//!
//! Both engines run this code: the blocking one drives it on the calling
//! thread. A request-side error that nobody recovers skips the adapter and
//! goes to the response side, as do all later errors.
//!
//! *Concurrency*: no lock is held at any await. A dropped future leaves
//! nothing behind.

mod collect;
pub(crate) mod depth;
mod dispatch;
mod draft;
mod failure;
mod guard;
mod merge;
mod piece;
mod prepare;
mod progress;
mod rate;
mod redirect;
mod request_stage;
mod response_stage;
mod settle;
mod transform;
mod watch;

use std::{
    any::Any,
    future::Future,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderName, Method, Uri};

pub(crate) use draft::{Draft, Implied, Rare};
pub(crate) use prepare::{address, read_base};

use crate::{
    adapter::{Adapter, BlockingAdapter},
    config::{Config, LiveConfig, StatusPolicy, Wire},
    context::CallContext,
    error::{Error, ErrorKind, Result},
    interceptor::{Chain, Registries},
    request::{Original, Request, RequestHead},
    response::Response,
    runtime::Runtime,
};
use request_stage::{Departure, Skips};
use response_stage::Verdict;
use watch::{Limits, Span, watched};

/// What turns a request into a response.
#[derive(Clone)]
pub(crate) enum Transport {
    Async(Arc<dyn Adapter>),
    Blocking(Arc<dyn BlockingAdapter>),
}

/// Everything that a call needs of its client.
pub(crate) struct Engine {
    pub(crate) transport: Transport,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) config: LiveConfig,
    pub(crate) registries: Arc<Registries>,
}

/// What the stages of one call share.
pub(crate) struct Run<'a> {
    engine: &'a Engine,
    /// The client's defaults, as they were when the call started.
    config: &'a Config,
    /// The client's, unless the call has its own.
    transport: &'a Transport,
    chain: &'a Chain,
    call: CallContext,
    /// What few calls say of the way behind the interceptors.
    wire: Option<&'a Wire>,
    /// How long the call may take, where its deadline is set.
    span: Span,
    /// Which statuses are a success for this call.
    policy: StatusPolicy,
    /// What holds for the body of every answer.
    body: BodyRules,
    max_attempts: u32,
    /// The address that was prepared, for the guard and for the errors of
    /// interceptors; see [`Run::home`].
    home: Option<Uri>,
    method: Method,
    /// The interceptors that take no part in this attempt.
    skips: Option<Box<Skips>>,
}

/// How an answer's body is treated, the adapter's or an interceptor's.
struct BodyRules {
    stream: bool,
    max_response_bytes: Option<u64>,
}

/// Runs one call to its end; it starts at the first poll.
pub(crate) fn run(
    engine: Arc<Engine>,
    draft: Draft,
    rare: Option<Box<Rare>>,
) -> impl Future<Output = Result<Response>> + Send + 'static {
    // Reading the options is not part of the future: it would only swell it.
    let changed = engine.config.changed();
    let config = changed.as_deref().unwrap_or(engine.config.first());
    let mut rare = rare;
    if let Some(rare) = &mut rare {
        rare.start(config);
    }
    let prepared = prepare::prepare(config, draft, rare.as_deref());
    attempts(engine, changed, rare, prepared)
}

async fn attempts(
    engine: Arc<Engine>,
    changed: Option<Arc<Config>>,
    rare: Option<Box<Rare>>,
    prepared: Result<Request>,
) -> Result<Response> {
    let config = changed.as_deref().unwrap_or(engine.config.first());
    let mut chain = engine.registries.snapshot();
    if let Some(rare) = &rare {
        chain = rare.chain(chain);
    }
    let mut run = Run::new((&engine, config), &chain, prepared.as_ref().ok());
    run.wire = draft::wire(config, rare.as_deref());
    if let Some(transport) = rare.as_ref().and_then(|rare| rare.transport.as_ref()) {
        run.transport = transport;
    }
    let mut next = prepared;
    loop {
        run.call.attempt += 1;
        run.call.spent += 1;
        let outcome = match next {
            Err(error) => Err(error),
            Ok(request) => run.out_and_back(request).await,
        };
        match response_stage::run(&mut run, outcome).await {
            Verdict::Done(result) => return result,
            Verdict::Replay(request) => next = Ok(request),
        }
    }
}

impl<'a> Run<'a> {
    fn new(
        (engine, config): (&'a Arc<Engine>, &'a Config),
        chain: &'a Chain,
        request: Option<&Request>,
    ) -> Self {
        static CALLS: AtomicU64 = AtomicU64::new(1);
        let overrides = request.map(|request| &request.0.overrides);
        let span = overrides.map_or(config.deadline, |own| own.deadline.or(config.deadline));
        let deadline = span.and_then(|span| engine.runtime.now().checked_add(span));
        let max_response_bytes = overrides.map_or(config.max_response_bytes, |own| {
            own.max_response_bytes.or(config.max_response_bytes)
        });
        let policy = overrides.and_then(|own| own.status.clone());
        let max_attempts = overrides.and_then(|own| own.max_attempts);
        let stream = overrides.and_then(|own| own.stream);
        let inherited = config.cancel.as_ref();
        let cancel = overrides.map_or_else(|| inherited.cloned(), |own| own.cancel.over(inherited));
        let mut run = Self {
            engine,
            config,
            transport: &engine.transport,
            chain,
            call: CallContext {
                id: CALLS.fetch_add(1, Ordering::Relaxed),
                owner: Arc::downgrade(engine) as Weak<dyn Any + Send + Sync>,
                cancel,
                started: None,
                deadline,
                attempt: 0,
                spent: 0,
                original: None,
            },
            wire: None,
            span: Span::Deadline(span.unwrap_or_default()),
            policy: policy.unwrap_or_else(|| config.status.clone()),
            body: BodyRules {
                stream: stream.unwrap_or(config.stream),
                max_response_bytes,
            },
            max_attempts: max_attempts.unwrap_or(config.max_attempts),
            home: None,
            method: Method::GET,
            skips: None,
        };
        if let Some(request) = request {
            run.start(request);
        }
        run
    }

    /// Returns the names of the headers that are secrets by the call's word.
    fn secrets(&self) -> &'a [HeaderName] {
        self.wire.map_or(&[], |wire| wire.sensitive())
    }

    /// Remembers what the call started with, as far as somebody may ask.
    fn start(&mut self, request: &Request) {
        if self.chain.request.is_empty() && self.chain.response.is_empty() {
            return;
        }
        self.method.clone_from(&request.0.method);
        if self.chain.wants_original {
            self.call.original = Some(Original::of(request));
        } else {
            self.home = Some(request.0.uri.clone());
        }
    }

    /// Returns the address that was prepared: that of the original request,
    /// unless it was kept aside. `None` where there are no interceptors.
    fn home(&self) -> Option<&Uri> {
        let original = || self.call.original.as_ref().map(|it| it.uri());
        self.home.as_ref().or_else(original)
    }

    /// Makes later attempts start from a changed request.
    fn change_original(&mut self, request: &Request) {
        // What was prepared stays the measure of where secrets may go.
        self.home = self.home().cloned();
        self.call.original = Some(Original::of(request));
    }

    /// One attempt up to the settled response.
    async fn out_and_back(&mut self, mut request: Request) -> Result<Response> {
        request.0.call = Some(self.call.clone());
        let (skips, asked) = request_stage::judge(self.chain, &request);
        self.skips = skips;
        asked?;
        let response = match request_stage::run(self, request).await? {
            Departure::Respond(response) => dispatch::buffer(self, response).await?,
            Departure::Send(request) => dispatch::dispatch(self, request).await?,
        };
        let response = self.claim(response);
        settle::settle(&self.policy, response)
    }

    /// Makes a response part of this call, whoever made it.
    fn claim(&self, mut response: Response) -> Response {
        if response
            .context()
            .is_none_or(|call| call.id != self.call.id)
        {
            response.set_context(self.call.clone());
        }
        response
    }

    /// Makes an error part of this call. One of another call, a sub-request of
    /// an interceptor's, becomes the source of one of ours.
    fn adopt(&self, error: Error) -> Error {
        let mut error = match error.context() {
            Some(call) if call.id != self.call.id => {
                let kind = error.kind();
                let code = error.code();
                Error::new(kind, "a call of the interceptor's own failed")
                    .with_code(code)
                    .with_source(error)
            }
            _ => error,
        };
        error.set_context(self.call.clone());
        if !error.has_head()
            && let Some(home) = self.home()
        {
            error.set_head(RequestHead {
                method: self.method.clone(),
                uri: home.clone(),
                headers: http::HeaderMap::new(),
            });
        }
        error
    }

    /// The limits of everything that is not an attempt.
    fn limits(&self) -> Limits<'_> {
        Limits {
            runtime: &self.engine.runtime,
            cancel: self.call.cancel.as_ref(),
            until: self.call.deadline,
            what: self.span,
        }
    }

    /// Makes a failure of what a hook would see if the call was cancelled or is
    /// over, and says so: it still tells its interceptors, by their error half.
    fn tell<T>(&self, state: Result<T>) -> (Result<T>, Option<ErrorKind>) {
        if self.call.cancel.is_none() && self.call.deadline.is_none() {
            return (state, None);
        }
        match (state, self.limits().check()) {
            (state, Ok(())) => (state, None),
            (Ok(_), Err(over)) => {
                let kind = over.kind();
                (Err(self.adopt(over)), Some(kind))
            }
            (Err(error), Err(over)) => (Err(error), Some(over.kind())),
        }
    }
}

/// What a panic becomes. The hook's text is the panic's own, where it is text.
fn panicked(what: &str, payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    Error::new(ErrorKind::Interceptor, format!("{what} panicked: {text}"))
}
