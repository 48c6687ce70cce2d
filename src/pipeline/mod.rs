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
mod dispatch;
mod guard;
mod prepare;
mod redirect;
mod request_stage;
mod response_stage;
mod settle;
mod watch;

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub(crate) use prepare::{Draft, read_base};

use crate::{
    adapter::{Adapter, BlockingAdapter},
    config::{Config, StatusPolicy},
    context::CallContext,
    error::{Error, ErrorKind, Result},
    interceptor::{Chain, Registries},
    request::{Original, Request, RequestHead},
    response::Response,
    runtime::Runtime,
};
use request_stage::Departure;
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
    pub(crate) config: Config,
    pub(crate) registries: Arc<Registries>,
}

/// What the stages of one call share.
pub(crate) struct Run<'a> {
    engine: &'a Engine,
    chain: &'a Chain,
    call: CallContext,
    /// How long the call may take, where its deadline is set.
    span: Span,
    /// Which statuses are a success for this call.
    policy: StatusPolicy,
    /// What holds for the body of an answer of an interceptor's making.
    early: Early,
    /// The request as it was prepared, for the errors of the early stages.
    home: Option<RequestHead>,
}

/// How an early answer's body is treated: as the adapter's.
struct Early {
    stream: bool,
    max_response_bytes: Option<u64>,
}

/// Runs one call to its end.
pub(crate) async fn run(engine: Arc<Engine>, draft: Draft) -> Result<Response> {
    let chain = engine.registries.snapshot();
    let mut run = Run::new(&engine, &chain, &draft);
    let mut next = prepare::prepare(&engine.config, draft);
    if let Ok(request) = &next {
        run.start(request);
    }
    loop {
        run.call.attempt += 1;
        run.call.spent += 1;
        let skips;
        let outcome = match next {
            Err(error) => {
                skips = request_stage::Skips::default();
                Err(error)
            }
            Ok(mut request) => {
                request.0.call = Some(run.call.clone());
                match request_stage::judge(&chain, &request) {
                    Err(error) => {
                        skips = request_stage::Skips::default();
                        Err(error)
                    }
                    Ok(judged) => {
                        skips = judged;
                        run.out_and_back(request, &skips).await
                    }
                }
            }
        };
        match response_stage::run(&mut run, &skips, outcome).await {
            Verdict::Done(result) => return result,
            Verdict::Replay(request) => next = Ok(request),
        }
    }
}

impl<'a> Run<'a> {
    fn new(engine: &'a Arc<Engine>, chain: &'a Chain, draft: &Draft) -> Self {
        static CALLS: AtomicU64 = AtomicU64::new(1);
        let span = draft
            .request
            .0
            .overrides
            .deadline
            .or(engine.config.deadline);
        let deadline = span.and_then(|span| engine.runtime.now().checked_add(span));
        Self {
            engine,
            chain,
            call: CallContext {
                id: CALLS.fetch_add(1, Ordering::Relaxed),
                owner: Arc::clone(engine) as Arc<dyn Any + Send + Sync>,
                cancel: draft.cancel.clone(),
                deadline,
                attempt: 0,
                spent: 0,
                original: None,
            },
            span: Span::Deadline(span.unwrap_or_default()),
            policy: draft
                .request
                .0
                .overrides
                .status
                .clone()
                .unwrap_or_else(|| engine.config.status.clone()),
            early: Early {
                stream: draft.request.0.overrides.stream,
                max_response_bytes: draft
                    .request
                    .0
                    .overrides
                    .max_response_bytes
                    .or(engine.config.max_response_bytes),
            },
            home: None,
        }
    }

    /// Remembers what the call started with, as far as somebody may ask.
    fn start(&mut self, request: &Request) {
        self.home = Some(RequestHead {
            method: request.0.method.clone(),
            uri: request.0.uri.clone(),
            headers: http::HeaderMap::new(),
        });
        if self.chain.wants_original {
            self.call.original = Some(Original::of(request));
        }
    }

    /// One attempt up to the settled response.
    async fn out_and_back(
        &mut self,
        request: Request,
        skips: &request_stage::Skips,
    ) -> Result<Response> {
        let response = match request_stage::run(self, skips, request).await? {
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
        if !error.has_head() {
            if let Some(home) = &self.home {
                error.set_head(home.clone());
            }
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

    /// Fails if the call was cancelled or is over.
    fn check(&self) -> Result<()> {
        self.limits().check()
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
