//! The program's hooks as real ones, in each form of registration.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use tollgate::{
    Error, Interceptors, Request, RequestFlow, RequestInterceptor, Response, ResponseFlow,
    ResponseInterceptor, Result,
    interceptor::{InterceptorId, RequestSide, ResponseSide},
};

use crate::{
    model::name,
    program::{Act, Edit, Form, Half, Hook, Reply, Side, When},
};

/// What all hooks of a program share.
pub(crate) struct Stage {
    pub(crate) log: Mutex<Vec<String>>,
    pub(crate) replies: Mutex<VecDeque<Reply>>,
    pub(crate) interceptors: Interceptors,
    spares: Vec<Hook>,
    ids: Mutex<Ids>,
}

#[derive(Default)]
struct Ids {
    request: Vec<InterceptorId<RequestSide>>,
    response: Vec<InterceptorId<ResponseSide>>,
}

impl Stage {
    pub(crate) fn new(interceptors: Interceptors, spares: &[Hook], replies: &[Reply]) -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::default(),
            replies: Mutex::new(replies.iter().copied().collect()),
            interceptors,
            spares: spares.to_vec(),
            ids: Mutex::default(),
        })
    }

    pub(crate) fn tell(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }

    fn ids(&self) -> MutexGuard<'_, Ids> {
        self.ids.lock().unwrap()
    }

    pub(crate) fn register(self: &Arc<Self>, hook: &Hook) {
        let mut ids = self.ids();
        let number = match hook.side {
            Side::Request => ids.request.len(),
            Side::Response => ids.response.len(),
        };
        let actor = Actor {
            name: name(hook.side, number).into(),
            number,
            hook: hook.clone(),
            stage: Arc::clone(self),
        };
        match hook.side {
            Side::Request => ids.request.push(actor.on_requests()),
            Side::Response => ids.response.push(actor.on_responses()),
        }
    }
}

#[derive(Clone)]
struct Actor {
    name: Arc<str>,
    number: usize,
    hook: Hook,
    stage: Arc<Stage>,
}

fn header(request: &Request) -> &str {
    request
        .headers()
        .get("x-text")
        .map_or("", |value| value.to_str().unwrap())
}

pub(crate) fn add(request: &mut Request, more: &str) {
    let text = format!("{}{more}", header(request));
    request
        .headers_mut()
        .insert("x-text", text.parse().unwrap());
}

impl Actor {
    /// Whether the success half only goes on or fails, as `use_` can say.
    fn is_plain(&self) -> bool {
        !matches!(
            self.hook.ok.map(|half| half.act),
            Some(Act::Answer(_) | Act::Replay(_) | Act::ReplayWith(_))
        )
    }

    fn begin(&self, half: Half, line: String) {
        self.stage.tell(line);
        let all = &self.stage.interceptors;
        let eject = |side: Side, at: usize| {
            let ids = self.stage.ids();
            match side {
                Side::Request => ids.request.get(at).is_some_and(|id| all.request.eject(*id)),
                Side::Response => ids
                    .response
                    .get(at)
                    .is_some_and(|id| all.response.eject(*id)),
            }
        };
        match half.edit {
            None => {}
            Some(Edit::EjectSelf) => drop(eject(self.hook.side, self.number)),
            Some(Edit::Eject(side, at)) => drop(eject(side, at)),
            Some(Edit::Clear(Side::Request)) => all.request.clear(),
            Some(Edit::Clear(Side::Response)) => all.response.clear(),
            Some(Edit::Use(spare)) => self.stage.register(&self.stage.spares[spare]),
        }
        assert!(half.act != Act::Panic, "scripted");
    }

    fn thrown(&self) -> Error {
        Error::message(format!("{} throws", self.name))
    }

    fn answer(&self, status: u16) -> Response {
        Response::new(
            http::StatusCode::from_u16(status).unwrap(),
            self.name.to_string(),
        )
    }

    fn request(&self, mut request: Request) -> Result<RequestFlow> {
        let Some(half) = self.hook.ok else {
            return Ok(request.into());
        };
        let (name, attempt, text) = (&self.name, request.attempt(), header(&request));
        self.begin(half, format!("{name}.ok #{attempt} [{text}]"));
        match half.act {
            Act::Throw => Err(self.thrown()),
            Act::Answer(status) => Ok(self.answer(status).into()),
            _ => {
                add(&mut request, &self.name);
                Ok(request.into())
            }
        }
    }

    fn request_error(&self, error: Error) -> Result<RequestFlow> {
        let Some(half) = self.hook.err else {
            return Err(error);
        };
        self.begin(
            half,
            format!("{}.err #{} {:?}", self.name, error.attempts(), error.kind()),
        );
        match half.act {
            Act::Throw => Err(self.thrown()),
            Act::Answer(status) => Ok(self.answer(status).into()),
            Act::Recover => match error.original_request() {
                Some(request) => Ok(request.into()),
                None => Err(error),
            },
            _ => Err(error),
        }
    }

    fn response(&self, mut response: Response) -> Result<ResponseFlow> {
        let Some(half) = self.hook.ok else {
            return Ok(response.into());
        };
        let (attempt, status, text) = (
            response.attempts(),
            response.status().as_u16(),
            response.text()?,
        );
        self.begin(
            half,
            format!("{}.ok #{attempt} {status} [{text}]", self.name),
        );
        match half.act {
            Act::Throw => Err(self.thrown()),
            Act::Answer(status) => Ok(self.answer(status).into()),
            Act::Replay(until) | Act::ReplayWith(until) if attempt < until => Ok(response.replay()),
            _ => {
                response.set_body(text + &self.name);
                Ok(response.into())
            }
        }
    }

    fn response_error(&self, error: Error) -> Result<ResponseFlow> {
        let Some(half) = self.hook.err else {
            return Err(error);
        };
        let attempt = error.attempts();
        self.begin(
            half,
            format!("{}.err #{attempt} {:?}", self.name, error.kind()),
        );
        match half.act {
            Act::Throw => Err(self.thrown()),
            Act::Answer(status) => Ok(self.answer(status).into()),
            Act::Replay(until) if attempt < until => error.replay(),
            Act::ReplayWith(until) if attempt < until => {
                error.replay_with(|request| add(request, "+"))
            }
            _ => Err(error),
        }
    }

    async fn wait(&self) {
        let mut pending = self.hook.form == Form::TypeLater;
        poll_fn(|context| {
            if std::mem::take(&mut pending) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// Registers an actor on one side, in the form that its program asks for.
macro_rules! register {
    ($actor:ident, $side:ident, $ok:ident, $err:ident, $flow:ident) => {{
        let all = &$actor.stage.interceptors.$side;
        let mut next = all.named($actor.name.to_string());
        if $actor.hook.when != When::Always {
            let watcher = $actor.clone();
            next = next.run_when(move |request| {
                watcher.stage.tell(format!("{}?", watcher.name));
                match watcher.hook.when {
                    When::Always | When::Holds => true,
                    When::Never => false,
                    When::FirstAttempt => request.attempt() == 1,
                    When::LaterAttempts => request.attempt() > 1,
                    When::Panics => panic!("scripted"),
                }
            });
        }
        let plain = |flow: Result<$flow>| match flow? {
            $flow::Continue(message) => Ok(message),
            other => panic!("not plain: {other:?}"),
        };
        let (ok, err) = ($actor.clone(), $actor.clone());
        let halves = ($actor.hook.ok.is_some(), $actor.hook.err.is_some());
        match ($actor.hook.form, halves) {
            (Form::Closure, (true, false)) if $actor.is_plain() => {
                next.use_(async move |message| plain(ok.$ok(message)))
            }
            (Form::OtherClosure, (true, false)) if $actor.is_plain() => {
                next.use_sync(move |message| plain(ok.$ok(message)))
            }
            (Form::Closure | Form::OtherClosure, (true, false)) => {
                next.use_flow(async move |message| ok.$ok(message))
            }
            (Form::Closure | Form::OtherClosure, (true, true)) if $actor.is_plain() => next
                .use_both(
                    async move |message| plain(ok.$ok(message)),
                    async move |error| err.$err(error),
                ),
            (Form::Closure | Form::OtherClosure, (false, true)) => {
                next.use_rejected(async move |error| err.$err(error))
            }
            _ => next.use_interceptor($actor.clone()),
        }
    }};
}

impl Actor {
    fn on_requests(self) -> InterceptorId<RequestSide> {
        register!(self, request, request, request_error, RequestFlow)
    }

    fn on_responses(self) -> InterceptorId<ResponseSide> {
        register!(self, response, response, response_error, ResponseFlow)
    }
}

impl RequestInterceptor for Actor {
    async fn on_fulfilled(&self, request: Request) -> Result<RequestFlow> {
        self.wait().await;
        self.request(request)
    }

    async fn on_rejected(&self, error: Error) -> Result<RequestFlow> {
        self.wait().await;
        self.request_error(error)
    }

    fn try_sync(&self, request: Request) -> Result<Result<RequestFlow>, Request> {
        match self.hook.form {
            Form::TypeSync => Ok(self.request(request)),
            _ => Err(request),
        }
    }
}

impl ResponseInterceptor for Actor {
    async fn on_fulfilled(&self, response: Response) -> Result<ResponseFlow> {
        self.wait().await;
        self.response(response)
    }

    async fn on_rejected(&self, error: Error) -> Result<ResponseFlow> {
        self.wait().await;
        self.response_error(error)
    }

    fn try_sync(&self, response: Response) -> Result<Result<ResponseFlow>, Response> {
        match self.hook.form {
            Form::TypeSync => Ok(self.response(response)),
            _ => Err(response),
        }
    }
}
