//! D6: a hook that calls its own client without end meets an error, and not
//! the end of the stack.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tollgate::{
    Error, ErrorKind, Request, Response,
    client::{Blocking, Client},
};

use crate::support::{InBlocking, Style, Way, World, everywhere, play};

/// The deepest nesting, the outermost call included.
const LIMIT: usize = 8;

/// The whole stack of the thread, in an unoptimised build too.
const STACK: usize = 256 * 1024;

/// Counts what is entered and not left yet.
#[derive(Clone, Default)]
struct Inside(Arc<Counts>);

#[derive(Default)]
struct Counts {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Inside {
    fn enter(&self) -> Self {
        let now = self.0.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(now, Ordering::SeqCst);
        self.clone()
    }

    fn leave(&self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }

    /// How many there were at once, at most.
    fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }
}

/// Calls the level below, down to `/0`.
fn descends<W: Way>(world: &World<W>, inside: &Inside) {
    let inside = inside.clone();
    world
        .client
        .interceptors
        .request
        .use_(async move |request: Request| {
            let level: u32 = request.uri().path()[1..].parse().unwrap();
            let here = inside.enter();
            let below = match level {
                0 => Ok(()),
                _ => {
                    let call = request.client()?.get(format!("/{}", level - 1));
                    call.await.map(drop)
                }
            };
            here.leave();
            below.map(|()| request)
        });
}

/// Each call makes one more, without end.
fn never_ends<W: Way>(world: &World<W>, inside: &Inside) {
    let inside = inside.clone();
    world
        .client
        .interceptors
        .request
        .named("again")
        .use_(async move |request: Request| {
            let here = inside.enter();
            let nested = request.client()?.get("/again").await;
            here.leave();
            nested.map(|_| request)
        });
}

/// Tells whether an error or a cause of it is that of the limit.
#[track_caller]
fn is_of_the_limit(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Interceptor, "{error:?}");
    let mut innermost = error;
    while let Some(cause) = std::error::Error::source(innermost).and_then(Error::find_in) {
        innermost = cause;
    }
    let text = innermost.to_string();
    assert!(text.contains("nested more than 8 deep"), "{text}");
    assert!(text.contains("derive().build()"), "the remedy: {text}");
}

#[test]
fn eight_levels_of_calls_are_allowed_and_nine_are_not() {
    fn law<W: Way>(world: &World<W>) {
        let inside = Inside::default();
        descends(world, &inside);
        // As often as one likes: a level that was left is free again.
        for _ in 0..3 {
            world.get("/7").unwrap();
            assert_eq!(world.mock.count() % LIMIT, 0, "each level was sent");
            is_of_the_limit(&world.get("/8").unwrap_err());
            assert_eq!(world.mock.count() % LIMIT, 0, "and none above an error");
        }
        assert_eq!(inside.most(), LIMIT);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_request_hook_that_calls_its_client_without_end_meets_an_error() {
    fn law<W: Way>(world: &World<W>) {
        let inside = Inside::default();
        never_ends(world, &inside);
        let error = world.get("/u").unwrap_err();
        is_of_the_limit(&error);
        assert_eq!(error.interceptor(), Some("again"));
        assert_eq!(inside.most(), LIMIT);
        assert_eq!(world.mock.count(), 0, "nothing is sent after an error");
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_response_hook_that_calls_its_client_without_end_meets_an_error() {
    fn law<W: Way>(world: &World<W>) {
        world
            .client
            .interceptors
            .response
            .use_(async |response: Response| {
                response.client().unwrap().get("/again").await?;
                Ok(response)
            });
        is_of_the_limit(&world.get("/u").unwrap_err());
        assert_eq!(world.mock.count(), LIMIT);
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn an_error_hook_that_calls_its_client_without_end_meets_an_error() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.validate_status(|_| false));
        world
            .client
            .interceptors
            .response
            .use_rejected(async |error: Error| {
                error.client().unwrap().get("/again").await?;
                Err(error)
            });
        is_of_the_limit(&world.get("/u").unwrap_err());
        assert_eq!(world.mock.count(), LIMIT);
    }
    everywhere!(law);
}

/// By `send`, as who captured the client would, and not by the message's own.
#[test]
fn a_blocking_call_inside_a_hook_is_counted_too() {
    fn law<W: Way<Engine = Blocking>>(world: &World<W>) {
        let weak = world.client.downgrade();
        world.client.interceptors.request.use_sync(move |request| {
            let client: Client<Blocking> = weak.upgrade().unwrap();
            client.get("/again").send()?;
            Ok(request)
        });
        is_of_the_limit(&world.get("/u").unwrap_err());
        world.still_works();
    }
    play::<InBlocking>(Style::Sync, law);
}

#[test]
fn threads_count_for_themselves() {
    fn law<W: Way>(world: &World<W>) {
        let inside = Inside::default();
        descends(world, &inside);
        thread::scope(|scope| {
            for _ in 0..4 {
                let call = world.client.get("/7");
                scope.spawn(move || W::send(call).unwrap());
            }
        });
        assert_eq!(world.mock.count(), 4 * LIMIT);
    }
    everywhere!(law);
}

/// `tests/wire/nested.rs` of the ureq adapter does the same over the wire.
#[test]
fn all_levels_fit_into_a_small_stack() {
    fn law<W: Way>(world: &World<W>) {
        let inside = Inside::default();
        never_ends(world, &inside);
        thread::scope(|scope| {
            let builder = thread::Builder::new().stack_size(STACK);
            let call = world.client.get("/u");
            let ended = builder.spawn_scoped(scope, move || W::send(call));
            is_of_the_limit(&ended.unwrap().join().unwrap().unwrap_err());
        });
        assert_eq!(inside.most(), LIMIT);
    }
    everywhere!(law);
}
