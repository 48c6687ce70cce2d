//! [`ByMutex`]: a refresh as one writes it by hand, with a `tokio` mutex.
//!
//! It is right about what it does: one refresh at a time, whoever comes late
//! uses its token, a call is replayed once. It does nothing else: no store, no
//! other processes, no origins, no cooldown; a caller that goes away takes the
//! refresh with it.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use tokio::sync::Mutex;
use tollgate::{Error, Interceptors, Request};

type Refresh = dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

#[derive(Clone)]
pub(crate) struct ByMutex {
    state: Arc<Mutex<State>>,
    refresh: Arc<Refresh>,
    refreshed: Arc<AtomicU64>,
}

struct State {
    header: HeaderValue,
    expires_at: Option<SystemTime>,
}

impl ByMutex {
    /// A token that is replaced when `refresh` has ended.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        expires_at: Option<SystemTime>,
        refresh: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                header: header(0),
                expires_at,
            })),
            refresh: Arc::new(move || Box::pin(refresh())),
            refreshed: Arc::default(),
        }
    }

    pub(crate) fn refreshed(&self) -> u64 {
        self.refreshed.load(Ordering::Relaxed)
    }

    /// Registers the request half.
    pub(crate) fn attach(&self, interceptors: &Interceptors) {
        let own = self.clone();
        interceptors
            .request
            .use_(async move |mut request: Request| {
                let mut state = own.state.lock().await;
                if state.expires_at.is_some_and(|at| SystemTime::now() >= at) {
                    own.renew(&mut state).await;
                }
                let value = state.header.clone();
                drop(state);
                request.headers_mut().insert(AUTHORIZATION, value);
                Ok(request)
            });
    }

    /// Registers both halves.
    pub(crate) fn register(&self, interceptors: &Interceptors) {
        self.attach(interceptors);
        let own = self.clone();
        interceptors
            .response
            .use_rejected(async move |error: Error| {
                if error.status() != Some(StatusCode::UNAUTHORIZED) || error.attempts() > 1 {
                    return Err(error);
                }
                let sent = error
                    .request()
                    .and_then(|it| it.headers().get(AUTHORIZATION));
                let mut state = own.state.lock().await;
                if sent == Some(&state.header) {
                    own.renew(&mut state).await;
                }
                drop(state);
                error.replay()
            });
    }

    async fn renew(&self, state: &mut State) {
        (self.refresh)().await;
        let number = self.refreshed.fetch_add(1, Ordering::Relaxed) + 1;
        state.header = header(number);
        state.expires_at = Some(SystemTime::now() + crate::HOUR);
    }
}

fn header(number: u64) -> HeaderValue {
    let text = format!("Bearer a-token-of-usual-length-{number:010}");
    let mut value = HeaderValue::try_from(text).unwrap();
    value.set_sensitive(true);
    value
}
