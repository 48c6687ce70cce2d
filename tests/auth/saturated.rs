//! Limits of the caller's on how much may run at once: a refresh is not
//! counted, and nobody waits for a place that is held by who waits for it.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, Read},
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};

use async_trait::async_trait;
use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, MockAdapter, Request, Runtime,
    auth::{RefreshClass, RefreshError, Token, TokenRefresh},
    client::{Call, Client},
    runtime::block_on,
};

use crate::support::{BASE, Drive, World, some};

const PLACES: usize = 5;
const CALLS: usize = 20;

/// So many may be inside at once; the others wait.
#[derive(Clone)]
struct Places(Arc<Mutex<Room>>);

struct Room {
    free: usize,
    waiting: VecDeque<Waker>,
}

/// One place, given back with the last clone.
#[derive(Clone)]
struct Place {
    _guard: Arc<Guard>,
}

struct Guard(Places);

impl Places {
    fn new(free: usize) -> Self {
        Self(Arc::new(Mutex::new(Room {
            free,
            waiting: VecDeque::new(),
        })))
    }

    async fn take(&self) -> Place {
        poll_fn(|context| {
            let mut room = self.0.lock().unwrap();
            if room.free == 0 {
                room.waiting.push_back(context.waker().clone());
                return Poll::Pending;
            }
            room.free -= 1;
            Poll::Ready(())
        })
        .await;
        let _guard = Arc::new(Guard(self.clone()));
        Place { _guard }
    }

    fn free(&self) -> usize {
        self.0.lock().unwrap().free
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let waiting = {
            let mut room = self.0.0.lock().unwrap();
            room.free += 1;
            std::mem::take(&mut room.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }
}

/// A body that keeps its place, as a connection's does.
struct Kept {
    bytes: io::Cursor<bytes::Bytes>,
    _place: Place,
}

impl Read for Kept {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

fn keep(answer: http::Response<Body>, place: Place) -> http::Response<Body> {
    answer.map(|body| {
        let bytes = io::Cursor::new(body.as_bytes().cloned().unwrap_or_default());
        Body::from_reader(Kept {
            bytes,
            _place: place,
        })
    })
}

/// A pool of few connections: one is in use until the body is read or dropped.
#[derive(Clone)]
struct Pool {
    mock: MockAdapter,
    places: Places,
}

#[async_trait]
impl Adapter for Pool {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        let place = self.places.take().await;
        let answer = Adapter::send(&self.mock, request).await?;
        Ok(keep(answer, place))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Adapter::runtime(&self.mock)
    }
}

impl BlockingAdapter for Pool {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        let place = block_on(self.places.take());
        let answer = BlockingAdapter::send(&self.mock, request)?;
        Ok(keep(answer, place))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        BlockingAdapter::runtime(&self.mock)
    }
}

fn pooled<E: Drive>(world: &World, places: usize) -> (Client<E>, Places) {
    let places = Places::new(places);
    let pool = Pool {
        mock: world.mock.clone(),
        places: places.clone(),
    };
    let client = E::builder(pool).base_url(BASE).build().unwrap();
    client.interceptors.use_pair(world.pair().build().unwrap());
    (client, places)
}

/// Sends calls at once; what they get is read and dropped at once.
fn send_each<E: Drive>(calls: impl Iterator<Item = Call<E>>) {
    std::thread::scope(|scope| {
        let threads: Vec<_> = calls
            .map(|call| scope.spawn(|| E::send(call).map(drop)))
            .collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

/// Bug 6. All connections were used by calls that now wait for the refresh.
fn a_refresh_finds_a_connection_though_all_were_in_use<E: Drive>() {
    for places in [1, PLACES] {
        let world = World::new();
        let (client, places) = pooled::<E>(&world, places);
        E::send(client.get("/first")).unwrap();
        world.server.expire();
        send_each((0..CALLS).map(|_| client.get("/me")));
        assert_eq!(world.server.presented(), ["r1"]);
        assert!(places.free() > 0, "given back");
    }
}

/// Bug 6. The same for answers that are handed out as streams.
fn a_refused_stream_holds_no_connection_up<E: Drive>() {
    let world = World::new();
    let (client, _) = pooled::<E>(&world, 1);
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    send_each((0..CALLS).map(|_| client.get("/me").stream()));
    assert_eq!(world.server.presented(), ["r1"]);
}

/// The same where a refusal is a success like any other.
fn a_refused_stream_of_any_status_holds_no_connection_up<E: Drive>() {
    let world = World::new();
    let (client, _) = pooled::<E>(&world, 1);
    E::send(client.get("/first")).unwrap();
    world.server.expire();
    send_each((0..CALLS).map(|_| client.get("/me").stream().accept_any_status()));
    assert_eq!(world.server.presented(), ["r1"]);
}

/// What was read while the refresh was waited for comes first, then the rest.
fn a_refusal_that_is_not_replayed_is_read_from_its_beginning<E: Drive>() {
    for size in [0, 5, 64 * 1024, 300_000] {
        let world = World::new();
        let text: Vec<u8> = (0..size).map(|at| at as u8).collect();
        let (server, refusal) = (Arc::clone(&world.server), text.clone());
        let mock = MockAdapter::new()
            .handler(move |request| {
                let answer = server.handle(request);
                if answer.status() != 401 {
                    return Ok(answer);
                }
                let body = Body::from_reader(io::Cursor::new(refusal.clone()));
                Ok(answer.map(|_| body))
            })
            .with_runtime(world.time.clone());
        let client: Client<E> = E::builder(mock).base_url(BASE).build().unwrap();
        client.interceptors.use_pair(world.pair().build().unwrap());
        E::send(client.get("/first")).unwrap();
        world.server.expire();
        let once = Body::from_reader(io::Cursor::new(b"once"));
        let call = client.post("/me").body(once).stream().accept_any_status();
        let refused = E::send(call).unwrap();
        assert_eq!(refused.status(), 401);
        assert_eq!(world.server.presented(), ["r1"]);
        let mut read = Vec::new();
        let mut body = refused.into_body().into_reader();
        body.read_to_end(&mut read).unwrap();
        assert!(read == text, "{size} bytes, of which {} came", read.len());
    }
}

/// Registers a limit of the caller's: a place for the time of each attempt.
fn limited<E: Drive>(client: &Client<E>, places: &Places) {
    let places = places.clone();
    client
        .interceptors
        .request
        .use_(async move |mut request: Request| {
            let place = places.take().await;
            request.extensions_mut().insert(place);
            Ok(request)
        });
}

/// Case 68. All places of the caller's limit are held by who waits.
fn a_refresh_takes_no_place_of_the_callers_limit<E: Drive>() {
    for limit_first in [true, false] {
        let world = World::new();
        let client = world.bare::<E>();
        let places = Places::new(PLACES);
        if limit_first {
            limited(&client, &places);
        }
        client.interceptors.use_pair(world.pair().build().unwrap());
        if !limit_first {
            limited(&client, &places);
        }
        E::send(client.get("/first")).unwrap();
        world.server.expire();
        send_each((0..CALLS).map(|_| client.get("/me")));
        assert_eq!(world.server.presented(), ["r1"]);
        assert_eq!(places.free(), PLACES);
    }
}

/// Case 70. A refresher that blocks on a call of its own session.
fn a_refresher_that_blocks_on_its_own_client_fails_at_once<E: Drive>() {
    let world = World::new();
    world.server.expire();
    let own = world.bare::<tollgate::client::Blocking>();
    let through = own.clone();
    let refresh = TokenRefresh::builder(
        Arc::clone(&world.store),
        async move |_: tollgate::Client, _: Token| {
            let error = through.get("/refresh").send().unwrap_err();
            assert!(error.is_status(401), "{error}");
            Err::<Token, _>(RefreshError::new(RefreshClass::Config, "no way to refresh"))
        },
    )
    .build()
    .unwrap();
    own.interceptors.use_pair(refresh.clone());
    let error = E::send(world.client::<E>(&refresh).get("/me")).unwrap_err();
    let cause = RefreshError::find_in(&error).unwrap();
    assert!(cause.to_string().contains("no way"), "{cause}");
    assert_eq!(world.sent_tokens(), [some(&["a1"]), vec![None]].concat());
}

both!(
    a_refresh_finds_a_connection_though_all_were_in_use,
    a_refused_stream_holds_no_connection_up,
    a_refused_stream_of_any_status_holds_no_connection_up,
    a_refusal_that_is_not_replayed_is_read_from_its_beginning,
    a_refresh_takes_no_place_of_the_callers_limit,
    a_refresher_that_blocks_on_its_own_client_fails_at_once,
);
