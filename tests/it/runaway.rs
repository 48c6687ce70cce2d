//! Hooks that block, that never end, and that are very many (D11–D13).

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tollgate::{Error, Request, Response, runtime::ManualRuntime};

use crate::{
    support::{
        InBlocking, OnThread, OnTokio, Reply, Style, Way, World, everywhere, pending_once, play,
        wait_until,
    },
    time::in_time,
};

const SECOND: Duration = Duration::from_secs(1);

/// Counts its drops.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// D11. It blocks a thread, as it must not in an async client: of a runtime of
/// several threads the others go on, and the deadline has its say as soon as
/// the hook is back.
#[test]
fn a_hook_that_blocks_its_thread_holds_nobody_else_up_and_meets_its_deadline() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        let world = world.with(|builder| builder.runtime(time.clone()));
        let (inside, entered) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let slow = |request: &Request| request.uri().path() == "/slow";
        world
            .client
            .interceptors
            .request
            .run_when(slow)
            .use_(async move |request: Request| {
                pending_once().await;
                inside.send(()).unwrap();
                let held = released.lock().unwrap();
                held.recv_timeout(10 * SECOND).unwrap();
                Ok(request)
            });
        thread::scope(|scope| {
            let call = world.client.get("/slow").deadline(3 * SECOND);
            let slow = scope.spawn(move || W::send(call));
            entered.recv_timeout(10 * SECOND).unwrap();
            for _ in 0..50 {
                W::send(world.client.get("/quick")).unwrap();
            }
            assert!(!slow.is_finished(), "it is still held");
            time.advance(4 * SECOND);
            release.send(()).unwrap();
            let error = slow.join().unwrap().unwrap_err();
            assert!(error.is_timeout(), "{error}");
            let text = error.to_string();
            assert!(text.contains("the call's deadline of 3s"), "{text}");
        });
        assert_eq!(world.mock.count(), 50, "the held call was not sent");
    }
    everywhere!(law);
}

/// D12, for each half of a hook.
#[test]
fn what_a_hook_that_never_ends_holds_is_dropped_with_its_call() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        let world = world.with(|builder| builder.runtime(time.clone()));
        let drops = Arc::new(AtomicUsize::new(0));
        let all = &world.client.interceptors;
        let ends = |count: usize, what: &str| {
            let call = world.client.get("/u").deadline(3 * SECOND);
            let error = in_time(&world, &time, call, SECOND).unwrap_err();
            assert!(
                error.to_string().contains("deadline of 3s"),
                "{what}: {error}"
            );
            assert_eq!(drops.load(Ordering::SeqCst), count, "{what}");
            assert_eq!(time.sleeping(), 0, "{what}");
            all.request.clear();
            all.response.clear();
        };
        let held = Arc::clone(&drops);
        all.request.use_(async move |_: Request| {
            let _guard = Guard(Arc::clone(&held));
            pending().await
        });
        ends(1, "a request hook");
        let held = Arc::clone(&drops);
        all.request.use_both(
            async |request: Request| Ok(request),
            async move |_: Error| {
                let _guard = Guard(Arc::clone(&held));
                pending().await
            },
        );
        all.request
            .use_sync(|_| Err(Error::message("for the hook before")));
        ends(2, "its error half");
        let held = Arc::clone(&drops);
        all.response.use_(async move |_: Response| {
            let _guard = Guard(Arc::clone(&held));
            pending().await
        });
        ends(3, "a response hook");
        let held = Arc::clone(&drops);
        all.response.use_rejected(async move |_: Error| {
            let _guard = Guard(Arc::clone(&held));
            pending().await
        });
        world.script([Reply::Status(500)]);
        ends(4, "its error half");
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn what_a_hook_that_never_ends_holds_is_dropped_when_it_is_cancelled() {
    fn law<W: Way>(world: &World<W>) {
        let drops = Arc::new(AtomicUsize::new(0));
        let (held, entered) = (Arc::clone(&drops), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&entered);
        world
            .client
            .interceptors
            .request
            .use_(async move |_: Request| {
                let _guard = Guard(Arc::clone(&held));
                counted.fetch_add(1, Ordering::SeqCst);
                pending().await
            });
        let handle = tollgate::CancelHandle::new();
        let call = world.client.get("/u").cancel_handle(&handle);
        thread::scope(|scope| {
            let running = scope.spawn(move || W::send(call));
            wait_until("the hook runs", || entered.load(Ordering::SeqCst) == 1);
            handle.cancel();
            assert!(running.join().unwrap().unwrap_err().is_cancelled());
        });
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        world.still_works();
    }
    everywhere!(law);
}

const FEW: usize = 250;
const MANY: usize = 40 * FEW;

/// How long it took to register and to drop hooks, and to send a call.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    kept: Duration,
    sent: Duration,
}

impl Taken {
    const FOREVER: Self = Self {
        kept: Duration::MAX,
        sent: Duration::MAX,
    };

    /// Takes the better of both.
    fn or(self, other: Self) -> Self {
        Self {
            kept: self.kept.min(other.kept),
            sent: self.sent.min(other.sent),
        }
    }

    /// Adds the two up.
    fn and(self, other: Self) -> Self {
        Self {
            kept: self.kept + other.kept,
            sent: self.sent + other.sent,
        }
    }

    /// Tells whether neither took this many times as long as in `other`.
    fn is_within(self, times: u32, other: Self) -> bool {
        self.kept < other.kept * times && self.sent < other.sent * times
    }
}

/// Registers so many hooks on each side, sends a call, and drops them.
fn run<W: Way>(world: &World<W>, hooks: usize) -> Taken {
    #[expect(
        clippy::disallowed_methods,
        reason = "what is measured is the machine's time"
    )]
    let now = Instant::now;
    let world = world.with(|builder| builder);
    let runs = Arc::new(AtomicUsize::new(0));
    let begin = now();
    for at in 0..hooks {
        let (asked, told) = (Arc::clone(&runs), Arc::clone(&runs));
        let all = &world.client.interceptors;
        if at % 2 == 0 {
            all.request.use_sync(move |request| {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok(request)
            });
        } else {
            all.request.use_(async move |request: Request| {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok(request)
            });
        }
        all.response.use_(async move |response: Response| {
            told.fetch_add(1, Ordering::Relaxed);
            Ok(response)
        });
    }
    let registered = now();
    W::send(world.client.get("/u")).unwrap();
    let sent = now();
    assert_eq!(runs.load(Ordering::Relaxed), 2 * hooks);
    drop(world);
    let dropped = now();
    Taken {
        kept: (registered - begin) + (dropped - sent),
        sent: sent - registered,
    }
}

/// D13. A few, many times over, take as long as all at once, where what is
/// quadratic takes forty times as long. So both are measured over the same
/// length of time; of a shared machine the best of several rounds counts.
fn linear<W: Way>(world: &World<W>) {
    let (mut few, mut many) = (Taken::FOREVER, Taken::FOREVER);
    for _ in 0..20 {
        let each = (0..MANY / FEW).map(|_| run(world, FEW));
        few = few.or(each.fold(Taken::default(), Taken::and));
        many = many.or(run(world, MANY));
        if many.is_within(10, few) {
            return;
        }
    }
    panic!("{FEW} at a time: {few:?}, {MANY} at once: {many:?}");
}

#[test]
fn ten_thousand_hooks_take_linear_time() {
    fn law<W: Way>(world: &World<W>) {
        in_a_small_stack(|| linear(world));
    }
    play::<OnTokio>(Style::Ready, law);
    play::<OnThread>(Style::Ready, law);
    play::<InBlocking>(Style::Ready, law);
}

/// Many hooks, or clients, may not mean much stack.
fn in_a_small_stack(act: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(256 * 1024);
        let running = builder.spawn_scoped(scope, act).unwrap();
        if let Err(panic) = running.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn an_error_passes_ten_thousand_hooks_in_a_small_stack() {
    fn law<W: Way>(world: &World<W>) {
        let passed = Arc::new(AtomicUsize::new(0));
        for _ in 0..MANY {
            let passed = Arc::clone(&passed);
            world
                .client
                .interceptors
                .response
                .use_rejected(async move |error: Error| {
                    passed.fetch_add(1, Ordering::Relaxed);
                    Err(error)
                });
        }
        world.script([Reply::Status(500)]);
        in_a_small_stack(|| assert!(world.get("/u").unwrap_err().is_status(500)));
        assert_eq!(passed.load(Ordering::Relaxed), MANY);
    }
    play::<OnThread>(Style::Ready, law);
    play::<InBlocking>(Style::Ready, law);
}

/// D13. Whichever goes first, the oldest or the youngest.
#[test]
fn a_thousand_clients_derived_one_from_the_other_fit_into_a_small_stack() {
    fn law<W: Way>(world: &World<W>) {
        for youngest_first in [false, true] {
            in_a_small_stack(|| {
                let mut line = vec![world.client.clone()];
                for at in 1..1_000 {
                    let mut builder = line[at - 1].derive().with_interceptors();
                    if at % 111 == 0 {
                        builder = builder.header(format!("x-{at}"), "1");
                    }
                    let client = W::build(builder);
                    client.interceptors.request.use_sync(Ok);
                    line.push(client);
                }
                let last = line.last().unwrap();
                assert_eq!(last.interceptors.request.len(), 999);
                W::send(last.get("/u")).unwrap();
                let sent = world.mock.requests().pop().unwrap();
                assert!(sent.headers().contains_key("x-111"));
                assert!(sent.headers().contains_key("x-999"));
                if youngest_first {
                    while line.pop().is_some() {}
                } else {
                    drop(line);
                }
            });
        }
        world.still_works();
    }
    play::<OnThread>(Style::Ready, law);
    play::<InBlocking>(Style::Ready, law);
}
