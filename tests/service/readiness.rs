//! A service is asked whether it is ready, on the clone that is called, within
//! the limits of the attempt.

use std::{
    convert::Infallible,
    future::{Pending, Ready, pending, poll_fn, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tollgate::{
    AdapterError, Attempt, BlockingAdapter, Body, CancelHandle, ErrorKind, ServiceAdapter,
    runtime::ManualRuntime,
};
use tower::{Service, service_fn};

use crate::support::{Alive, Drive, Strict, wait_until};

fn every_attempt_makes_its_own_clone_ready<E: Drive>() {
    let client = E::client(ServiceAdapter::new(Strict::after(3)));
    for path in ["/a", "/b", "/c"] {
        assert_eq!(E::send(client.get(path)).unwrap().text().unwrap(), path);
    }
}

fn a_service_that_is_called_unready_would_be_noticed<E: Drive>() {
    let rash = service_fn(|request| Strict::after(1).call(request));
    let error = E::send(E::client(ServiceAdapter::new(rash)).get("/a")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("called before it was ready"), "{text}");
}

/// Is never ready, or fails instead.
#[derive(Clone)]
struct Unready {
    alive: Option<Alive>,
}

impl Service<http::Request<Body>> for Unready {
    type Response = http::Response<String>;
    type Error = std::io::Error;
    type Future = Ready<Result<http::Response<String>, std::io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
        match self.alive {
            Some(_) => Poll::Pending,
            None => Poll::Ready(Err(std::io::ErrorKind::ConnectionRefused.into())),
        }
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        ready(Ok(http::Response::new("called".to_owned())))
    }
}

fn a_service_that_cannot_become_ready_is_a_typed_error<E: Drive>() {
    let client = E::client(ServiceAdapter::new(Unready { alive: None }));
    let error = E::send(client.get("/a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.code().as_str(), "ECONNREFUSED");
    assert!(error.response().is_none());
}

fn waiting_to_be_ready_is_part_of_the_timeout<E: Drive>() {
    let time = ManualRuntime::new();
    let alive = Some(Alive::default());
    let builder = E::builder(ServiceAdapter::new(Unready { alive }));
    let client = E::build(builder.runtime(time.clone()));
    let call = client.get("https://h/a").timeout(Duration::from_secs(3));
    let error = std::thread::scope(|scope| {
        let running = scope.spawn(|| E::send(call));
        wait_until("the call waits", || time.sleeping() > 0);
        time.advance(Duration::from_secs(3));
        running.join().unwrap().unwrap_err()
    });
    assert!(error.is_timeout());
    assert_eq!(time.sleeping(), 0);
}

/// Counts its futures, which never end.
#[derive(Clone)]
struct Endless(Alive);

impl Service<http::Request<Body>> for Endless {
    type Response = http::Response<String>;
    type Error = Infallible;
    type Future = futures::future::Map<Pending<()>, Never>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let guard = self.0.guard();
        futures::FutureExt::map(
            pending(),
            Box::new(move |()| {
                drop(guard);
                Ok(http::Response::new(String::new()))
            }),
        )
    }
}

type Never = Box<dyn FnOnce(()) -> Result<http::Response<String>, Infallible> + Send>;

fn a_timeout_drops_the_future_of_the_service<E: Drive>() {
    let (time, alive) = (ManualRuntime::new(), Alive::default());
    let builder = E::builder(ServiceAdapter::new(Endless(alive.clone())));
    let client = E::build(builder.runtime(time.clone()));
    let error = std::thread::scope(|scope| {
        let running = scope.spawn(|| E::send(client.get("https://h/a")));
        let waits = || time.sleeping() > 0 && alive.count() == 1;
        wait_until("the service is called and the call waits", waits);
        time.advance(Duration::from_secs(30));
        running.join().unwrap().unwrap_err()
    });
    assert!(error.is_timeout());
    assert!(error.to_string().contains("timeout of 30s"), "{error}");
    assert_eq!(alive.count(), 0);
}

fn a_cancellation_drops_the_future_of_the_service<E: Drive>() {
    let (handle, alive) = (CancelHandle::new(), Alive::default());
    let client = E::client(ServiceAdapter::new(Endless(alive.clone())));
    let call = client.get("/a").cancel_handle(&handle);
    let error = std::thread::scope(|scope| {
        let running = scope.spawn(|| E::send(call));
        let waits = || handle.waiting() > 0 && alive.count() == 1;
        wait_until("the service is called and the call waits", waits);
        handle.cancel_with("enough");
        running.join().unwrap().unwrap_err()
    });
    assert!(error.is_cancelled());
    assert!(error.to_string().contains("enough"), "{error}");
    assert_eq!((alive.count(), handle.waiting()), (0, 0));
}

#[test]
fn a_blocking_adapter_calls_nothing_for_a_cancelled_attempt() {
    let handle = CancelHandle::new();
    let seen: Arc<Mutex<Vec<Attempt>>> = Arc::default();
    let adapter = ServiceAdapter::new(service_fn({
        let (handle, seen) = (handle.clone(), Arc::clone(&seen));
        move |request: http::Request<Body>| {
            handle.cancel();
            seen.lock().unwrap().push(Attempt::of(&request));
            ready(Ok::<_, Infallible>(http::Response::new(Body::empty())))
        }
    }));
    let client = tollgate::blocking::Client::new(adapter.clone());
    let call = client.get("https://h/a").cancel_handle(&handle);
    drop(call.send());

    let mut request = http::Request::new(Body::empty());
    let attempt = seen.lock().unwrap()[0].clone();
    request.extensions_mut().insert(attempt);
    let error = BlockingAdapter::send(&adapter, request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

fn several_calls_are_answered_at_once<E: Drive>() {
    let arrived = Arc::new(AtomicUsize::new(0));
    let service = service_fn(move |_: http::Request<Body>| {
        let arrived = Arc::clone(&arrived);
        async move {
            arrived.fetch_add(1, Ordering::SeqCst);
            poll_fn(|context| {
                if arrived.load(Ordering::SeqCst) == 4 {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            Ok::<_, AdapterError>(http::Response::new(Body::empty()))
        }
    });
    let client = E::client(ServiceAdapter::new(service));
    let calls = (0..4).map(|_| client.get("/a")).collect();
    for result in E::send_all(calls) {
        result.unwrap();
    }
}

both!(
    every_attempt_makes_its_own_clone_ready,
    a_service_that_is_called_unready_would_be_noticed,
    a_service_that_cannot_become_ready_is_a_typed_error,
    waiting_to_be_ready_is_part_of_the_timeout,
    a_timeout_drops_the_future_of_the_service,
    a_cancellation_drops_the_future_of_the_service,
    several_calls_are_answered_at_once,
);
