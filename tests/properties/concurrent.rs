//! Changes from many threads while calls run: nothing lost, nothing twice.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tollgate::{
    MockAdapter, Response, Result,
    client::{Async, Blocking, Call, Client, EngineKind},
    interceptor::{InterceptorId, RequestSide},
    runtime::block_on,
};

/// Registrations of each changing thread.
const ROUNDS: usize = 1_000;

type Send<E> = fn(Call<E>) -> Result<Response>;

/// Registers a hook, sees it run in a call, and ejects it, many times.
fn change<E: EngineKind>(client: &Client<E>, send: Send<E>) -> Vec<InterceptorId<RequestSide>> {
    let all = &client.interceptors;
    let mut ids = Vec::new();
    for _ in 0..ROUNDS {
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
        ids.push(id);
    }
    ids
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
    let ids: Vec<_> = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    send(client.get("http://h/")).unwrap();
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let changing: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| change(client, send)))
            .collect();
        let ended: Vec<_> = changing
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        // Also where a thread has failed: the others must not run for ever.
        over.store(true, Ordering::Relaxed);
        ended
            .into_iter()
            .flat_map(std::result::Result::unwrap)
            .collect()
    });
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 4 * ROUNDS, "an id was used again");
    let calls = sent.load(Ordering::Relaxed) + 4 * ROUNDS;
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
