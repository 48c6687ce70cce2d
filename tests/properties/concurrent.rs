//! Changes from many threads while calls run: nothing lost, nothing twice, and
//! nothing kept. `TOLLGATE_CHANGES` sets how many each thread makes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use allocation_counter::measure;
use tollgate::{
    MockAdapter, Response, Result,
    client::{Async, Blocking, Call, Client, EngineKind},
    interceptor::{InterceptorId, RequestSide},
    runtime::block_on,
};

use crate::amount;

/// What may be left of all changes, while the client is still there. A word
/// for each would be more.
const LEFT_BYTES: i64 = 16 * 1024;

/// Registrations of each changing thread.
fn rounds() -> usize {
    usize::try_from(amount("TOLLGATE_CHANGES", 1_000)).unwrap()
}

/// The ids so far, a bit for each, so that this takes no memory meanwhile.
struct Ids(Vec<AtomicU64>);

impl Ids {
    /// For so many rounds, with an id of each side in each.
    fn for_rounds(rounds: usize) -> Self {
        let words = (2 * rounds).div_ceil(64) + 1;
        Self((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds one; `false` where it was there already.
    fn add(&self, id: InterceptorId<RequestSide>) -> bool {
        let number: usize = id.to_string()[1..].parse().unwrap();
        let bit = 1 << (number % 64);
        self.0[number / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

type Send<E> = fn(Call<E>) -> Result<Response>;

/// Registers a hook, sees it run in a call, and ejects it, many times.
fn change<E: EngineKind>(client: &Client<E>, send: Send<E>, ids: &Ids) {
    let all = &client.interceptors;
    for _ in 0..rounds() {
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let id = all.request.use_sync(move |request| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(request)
        });
        let other = all.response.use_sync(Ok);
        send(client.get("http://h/mine")).unwrap();
        assert!(
            runs.load(Ordering::Relaxed) > 0,
            "a registered hook did not run"
        );
        assert!(all.request.eject(id), "a registered hook was lost");
        assert!(all.response.eject(other));
        assert!(!all.request.eject(id));
        assert!(ids.add(id), "an id was used again");
    }
}

/// Four threads change the registries while four send; the hook that was there
/// before them runs once in each call.
fn storm<E: EngineKind>(client: &Client<E>, send: Send<E>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let always = client.interceptors.request.use_sync(move |request| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(request)
    });
    let over = AtomicBool::new(false);
    let sent = AtomicUsize::new(0);
    let ids = Ids::for_rounds(4 * rounds() + 1);
    // What one thread makes another one drops, so the sum of all counts.
    let bytes: i64 = std::thread::scope(|scope| {
        let sending: Vec<_> = (0..4)
            .map(|_| {
                let send_all = || {
                    while !over.load(Ordering::Relaxed) {
                        send(client.get("http://h/")).unwrap();
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                };
                scope.spawn(move || measure(send_all).bytes_current)
            })
            .collect();
        let changing: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| measure(|| change(client, send, &ids)).bytes_current))
            .collect();
        let ended: Vec<_> = changing
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        // Also where a thread has failed: the others must not run for ever.
        over.store(true, Ordering::Relaxed);
        let sending = sending.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended
            .into_iter()
            .chain(sending)
            .map(std::result::Result::unwrap)
            .sum()
    });
    assert!(bytes < LEFT_BYTES, "{bytes} bytes are left of the changes");
    let calls = sent.load(Ordering::Relaxed) + 4 * rounds();
    assert_eq!(runs.load(Ordering::Relaxed), calls, "once in each call");
    let left: Vec<_> = client
        .interceptors
        .request
        .iter()
        .map(|entry| entry.id())
        .collect();
    assert_eq!(left, [always], "all others have been ejected");
    assert!(client.interceptors.response.is_empty());
}

fn mock() -> MockAdapter {
    MockAdapter::new().without_recording()
}

#[test]
fn registries_change_under_async_calls_and_nothing_is_lost() {
    storm(&Client::<Async>::new(mock()), |call| block_on(call.send()));
}

#[test]
fn registries_change_under_blocking_calls_and_nothing_is_lost() {
    storm(&Client::<Blocking>::new(mock()), |call| call.send());
}
