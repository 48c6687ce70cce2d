//! Attaching a token that is valid.

use std::{
    future::{Future, pending},
    hint::black_box,
    task::{Context, Waker},
    time::SystemTime,
};

use http::{HeaderValue, header::AUTHORIZATION};
use tollgate::{
    Client, InterceptorPair, Interceptors, Origin, Origins, Request, ResponseFlow,
    auth::{MemoryStore, RefreshError, Token, TokenRefresh},
    runtime::block_on,
};
use tollgate_benches::{AtOnce, ByHand, drive};

use crate::{
    BASE, HOUR, PATH,
    by_mutex::ByMutex,
    expiring, token,
    turns::{Turns, print},
};

const ROUNDS: usize = 2_000;
const CALLS: u32 = 200;

/// One thread; each call is driven on it.
pub(crate) fn run() {
    let mut turns = Turns::default();
    let mut add = |name: &str, client: Client| {
        turns.call(name, move || {
            black_box(drive(client.get(PATH).send()).unwrap());
        });
    };
    add("a ready header, use_sync", client(ready_header));
    add("no header", client(|_| {}));
    add("a ready header, bound to its origin", client(bound_header));
    add("token", client(|it| attached(it, token())));
    add("token that expires", client(|it| attached(it, expiring())));
    add("token that is being replaced", being_replaced());
    add("by hand", client(|it| by_hand(None).attach(it)));
    add(
        "by hand, expires",
        client(|it| by_hand_expiring().attach(it)),
    );
    add(
        "a ready header, and who may replay",
        client(|it| {
            ready_header(it);
            may_replay(it);
        }),
    );
    add("token, the pair", client(|it| pair(it, token())));
    add(
        "token that expires, the pair",
        client(|it| pair(it, expiring())),
    );
    add(
        "by hand, both halves",
        client(|it| by_hand(None).register(it)),
    );
    add(
        "by hand, expires, both halves",
        client(|it| by_hand_expiring().register(it)),
    );
    print(
        "A valid token: nanoseconds per call",
        &turns.run(ROUNDS, CALLS),
        0,
    );
}

/// One and two threads that share a client.
pub(crate) fn in_threads() {
    let mut turns = Turns::default();
    for threads in [1, 2] {
        let mut add = |name: &str, client: Client| {
            let name = format!("{name}, {threads} thread{}", ["", "s"][threads - 1]);
            turns.shared(&name, threads, move || {
                black_box(block_on(client.get(PATH).send()).unwrap());
            });
        };
        add("a ready header, use_sync", client(ready_header));
        add("token that expires", client(|it| attached(it, expiring())));
        add(
            "by hand, expires",
            client(|it| by_hand_expiring().attach(it)),
        );
    }
    print(
        "A valid token, shared by threads: nanoseconds per call of a thread",
        &turns.run(ROUNDS, CALLS),
        0,
    );
}

fn client(register: impl FnOnce(&Interceptors)) -> Client {
    let client = Client::builder(AtOnce).base_url(BASE).build().unwrap();
    register(&client.interceptors);
    client
}

fn value() -> HeaderValue {
    // As from a token: shared, not static.
    let mut value = HeaderValue::try_from(format!("Bearer {}", "a".repeat(34))).unwrap();
    value.set_sensitive(true);
    value
}

fn ready_header(interceptors: &Interceptors) {
    let value = value();
    interceptors.request.use_sync(move |mut request: Request| {
        request.headers_mut().insert(AUTHORIZATION, value.clone());
        Ok(request)
    });
}

fn bound_header(interceptors: &Interceptors) {
    let (value, origins) = (value(), Origins::from(BASE.parse::<Origin>().unwrap()));
    interceptors.request.use_sync(move |mut request: Request| {
        request.headers_mut().insert(AUTHORIZATION, value.clone());
        request.bind_header(AUTHORIZATION, origins.clone());
        Ok(request)
    });
}

/// The core remembers the request of a call that somebody may replay.
fn may_replay(interceptors: &Interceptors) {
    interceptors
        .response
        .use_rejected(async |error| Err::<ResponseFlow, _>(error));
}

fn refresh(token: Token) -> TokenRefresh {
    let never = async |_: Client, token: Token| Ok::<_, RefreshError>(token);
    TokenRefresh::builder(MemoryStore::new(token), never)
        .build()
        .unwrap()
}

fn attached(interceptors: &Interceptors, token: Token) {
    let (request_half, _) = refresh(token).into_pair();
    interceptors.request.use_interceptor(request_half);
}

/// A client whose token expires soon; the refresh is under way and never ends.
fn being_replaced() -> Client {
    let runtime = ByHand::default();
    let client = Client::builder(AtOnce)
        .base_url(BASE)
        .runtime(runtime.clone())
        .build()
        .unwrap();
    let never = async |_: Client, _: Token| pending::<Result<Token, RefreshError>>().await;
    let born = SystemTime::now() - HOUR * 9;
    let store = MemoryStore::new(token().expires_in(HOUR * 10, born));
    let refresh = TokenRefresh::builder(store, never).early(HOUR * 5);
    let (attach, _) = refresh.build().unwrap().into_pair();
    client.interceptors.request.use_interceptor(attach);
    let mut first = Box::pin(client.get(PATH).send());
    while first
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
    {
        runtime.run();
    }
    client
}

fn pair(interceptors: &Interceptors, token: Token) {
    interceptors.use_pair(refresh(token));
}

fn by_hand(expires_at: Option<SystemTime>) -> ByMutex {
    ByMutex::new(expires_at, || std::future::ready(()))
}

fn by_hand_expiring() -> ByMutex {
    by_hand(Some(SystemTime::now() + HOUR))
}
