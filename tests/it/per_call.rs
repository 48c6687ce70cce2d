//! What a call changes about its way: interceptors of its own, some of the
//! client's left out, another adapter.

use http::Method;
use tollgate::{
    Adapter, BlockingAdapter, ErrorKind, Interceptors, MockAdapter, Order, Request, Response,
    client::{Async, Blocking, Call},
};

use crate::{
    scripted::Scripted,
    support::{Do, InBlocking, OnThread, OnTokio, Reply, Style, Way, World, everywhere},
};

/// A hook for a set of its own.
fn hook<W: Way>(world: &World<W>, name: &'static str, ok: Do, err: Do) -> Scripted {
    Scripted {
        name,
        log: world.log.clone(),
        style: world.style,
        ok,
        err,
    }
}

/// A set with one interceptor on each side.
fn set<W: Way>(world: &World<W>, request: &'static str, response: &'static str) -> Interceptors {
    let set = Interceptors::new();
    let passes = |name| hook(world, name, Do::Pass, Do::Pass);
    set.request.use_interceptor(passes(request));
    set.response.use_interceptor(passes(response));
    set
}

#[test]
fn interceptors_of_a_call_run_as_if_registered_last_and_for_no_other_call() {
    fn law<W: Way>(world: &World<W>) {
        world.request("Q1", Do::Pass, Do::Pass);
        world.request("Q2", Do::Pass, Do::Pass);
        world.response("S1", Do::Pass, Do::Pass);
        let (a, b) = (set(world, "QA", "SA"), set(world, "QB", "SB"));
        let call = || world.client.get("/u").interceptors(&a).interceptors(&b);
        world.finish(call()).unwrap();
        world.logged("QB.ok | QA.ok | Q2.ok | Q1.ok | T GET /u | S1.ok | SA.ok | SB.ok | => 200");
        world.finish(call().order(Order::Fifo)).unwrap();
        world.logged("Q1.ok | Q2.ok | QA.ok | QB.ok | T GET /u | S1.ok | SA.ok | SB.ok | => 200");
        world.get("/u").unwrap();
        world.logged("Q2.ok | Q1.ok | T GET /u | S1.ok | => 200");
        assert_eq!(world.client.interceptors.request.len(), 2);
    }
    everywhere!(law);
}

#[test]
fn interceptors_are_registered_in_the_call_itself() {
    fn law<W: Way>(world: &World<W>) {
        let posts = hook(world, "posts", Do::Fail("not a POST"), Do::Pass);
        let passes = hook(world, "Q", Do::Pass, Do::Pass);
        let late = hook(world, "S", Do::Pass, Do::Pass);
        let call = world.client.get("/u").intercept(|call| {
            call.request.use_interceptor(passes);
            let when = |request: &Request| request.method() == Method::POST;
            call.request.run_when(when).use_interceptor(posts);
        });
        let call = call.intercept(|call| call.response.use_interceptor(late));
        world.finish(call).unwrap();
        world.logged("Q.ok | T GET /u | S.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_call_works_on_its_sets_as_they_are_when_it_starts() {
    fn law<W: Way>(world: &World<W>) {
        let set = set(world, "Q", "S");
        let made_before = world.client.get("/u").interceptors(&set);
        let id = set.request.iter().next().unwrap().id();
        let inside = set.clone();
        set.response.use_sync(move |response: Response| {
            inside.response.clear();
            Ok(response)
        });
        assert!(set.request.eject(id));
        set.response
            .use_interceptor(hook(world, "S3", Do::Pass, Do::Pass));
        world.finish(made_before).unwrap();
        world.logged("T GET /u | S.ok | S3.ok | => 200");
        world
            .finish(world.client.get("/u").interceptors(&set))
            .unwrap();
        world.logged("T GET /u | => 200");
        assert!(!world.client.interceptors.request.eject(id));
    }
    everywhere!(law);
}

#[test]
fn interceptors_of_a_call_fail_recover_answer_and_replay_as_any() {
    fn law<W: Way>(world: &World<W>) {
        world.request("Q", Do::Pass, Do::Recover);
        world.response("S", Do::Pass, Do::Pass);
        let get = || world.client.get("/u");
        let request = |name, ok| {
            let hook = hook(world, name, ok, Do::Pass);
            move |call: &Interceptors| call.request.named(name).use_interceptor(hook)
        };
        let response = |name, ok, err| {
            let hook = hook(world, name, ok, err);
            move |call: &Interceptors| call.response.named(name).use_interceptor(hook)
        };
        world
            .finish(get().intercept(request("A", Do::Fail("no"))))
            .unwrap();
        world.logged("A.ok | Q.err | T GET /u | S.ok | => 200");
        world
            .finish(get().intercept(request("A", Do::Answer(200))))
            .unwrap();
        world.logged("A.ok | S.ok | => 200");
        let replays = get().intercept(response("B", Do::Replay(2), Do::Pass));
        world.finish(replays).unwrap();
        world.logged("Q.ok | T GET /u | S.ok | B.ok | Q.ok | T GET /u | S.ok | B.ok | => 200");
        world.script([Reply::Status(500)]);
        let replays = get().intercept(response("B", Do::Pass, Do::Replay(2)));
        world.finish(replays).unwrap();
        world.logged("Q.ok | T GET /u | S.err | B.err | Q.ok | T GET /u | S.ok | B.ok | => 200");
        for (call, name) in [
            (
                get().intercept(response("B", Do::Panic("now"), Do::Pass)),
                "B",
            ),
            (
                get().intercept(response("C", Do::Fail("no"), Do::Pass)),
                "C",
            ),
        ] {
            let error = world.finish(call).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interceptor);
            assert_eq!(error.interceptor(), Some(name));
        }
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_pair_serves_one_call() {
    fn law<W: Way>(world: &World<W>) {
        struct Pair(Scripted, Scripted);
        impl tollgate::InterceptorPair for Pair {
            type Request = Scripted;
            type Response = Scripted;
            fn into_pair(self) -> (Scripted, Scripted) {
                (self.0, self.1)
            }
            fn name(&self) -> std::borrow::Cow<'static, str> {
                "pair".into()
            }
        }
        let pair = |ok| {
            Pair(
                hook(world, "P", Do::Pass, Do::Pass),
                hook(world, "P", ok, Do::Pass),
            )
        };
        let once = world.client.get("/u");
        let once = once.intercept(|call| call.use_pair(pair(Do::Replay(2))));
        world.finish(once).unwrap();
        world.logged("P.ok | T GET /u | P.ok | P.ok | T GET /u | P.ok | => 200");
        world.client.interceptors.use_pair(pair(Do::Fail("no")));
        let skips = world.client.get("/u").skip_interceptor("pair");
        world.finish(skips).unwrap();
        world.logged("T GET /u | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_skipped_interceptor_takes_no_part_in_any_attempt() {
    fn law<W: Way>(world: &World<W>) {
        let named = |name, ok, err| {
            let all = &world.client.interceptors;
            let request = hook(world, name, ok, err);
            all.request.named(name).use_interceptor(request);
            let response = hook(world, name, Do::Pass, err);
            all.response.named(name).use_interceptor(response);
        };
        named("keep", Do::Pass, Do::Pass);
        named("off", Do::Fail("no"), Do::Recover);
        named("off", Do::Panic("no"), Do::Pass);
        named("too", Do::Fail("no"), Do::Pass);
        world.response("again", Do::Replay(2), Do::Pass);
        let call = || world.client.get("/u").skip_interceptor("off");
        world.finish(call().skip_interceptor("too")).unwrap();
        world.logged(
            "keep.ok | T GET /u | keep.ok | again.ok | keep.ok | T GET /u | keep.ok | again.ok \
             | => 200",
        );
        world.finish(call()).unwrap_err();
        world.logged("too.ok | keep.err | keep.err | too.err | again.err | => Interceptor");
        let unknown = call().skip_interceptor("too").skip_interceptor("unknown");
        let own = hook(world, "own", Do::Pass, Do::Pass);
        let own = unknown.intercept(|call| call.request.named("off").use_interceptor(own));
        world.finish(own.skip_interceptor("again")).unwrap();
        world.logged("own.ok | keep.ok | T GET /u | keep.ok | => 200");
        world.get("/u").unwrap();
        let log = world.log.take().join(" | ");
        assert!(
            log.starts_with("too.ok | off.err | off.err | keep.ok"),
            "{log}"
        );
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_condition_that_panics_is_not_asked_where_it_is_skipped() {
    fn law<W: Way>(world: &World<W>) {
        let requests = &world.client.interceptors.request;
        let panics = requests.named("off").run_when(|_| panic!("in a condition"));
        panics.use_sync(Ok);
        assert!(world.get("/u").is_err());
        let call = world.client.get("/u").skip_interceptor("off");
        world.finish(call).unwrap();
        world.logged("=> Interceptor | T GET /u | => 200");
    }
    everywhere!(law);
}

/// The override is typed by its engine, so the law is told what sets it.
trait Override: Way {
    fn over(call: Call<Self::Engine>, mock: &MockAdapter) -> Call<Self::Engine>;
}

fn on_async(call: Call<Async>, adapter: impl Adapter) -> Call<Async> {
    call.adapter(adapter)
}

fn on_blocking(call: Call<Blocking>, adapter: impl BlockingAdapter) -> Call<Blocking> {
    call.adapter(adapter)
}

impl Override for OnTokio {
    fn over(call: Call<Async>, mock: &MockAdapter) -> Call<Async> {
        on_async(call, mock.clone())
    }
}

impl Override for OnThread {
    fn over(call: Call<Async>, mock: &MockAdapter) -> Call<Async> {
        on_async(call, std::sync::Arc::new(mock.clone()))
    }
}

impl Override for InBlocking {
    fn over(call: Call<Blocking>, mock: &MockAdapter) -> Call<Blocking> {
        on_blocking(call, mock.clone())
    }
}

fn another_adapter<W: Override>(world: &World<W>) {
    let log = world.log.clone();
    let other = MockAdapter::new().handler(move |request| {
        log.add(format!("O {} {}", request.method(), request.uri().path()));
        Ok(crate::support::answer(200).into())
    });
    let redirect = tollgate::MockReply::status(307, "").header("location", "/v");
    other.push(redirect);
    world.request("Q", Do::Pass, Do::Pass);
    world.response("S", Do::Replay(2), Do::Pass);
    let sub = world.client.interceptors.request.named("sub");
    sub.run_when(|request| request.uri().path() == "/with-sub")
        .use_(async |request: Request| {
            let client = request.client()?.derive().build()?;
            client.get("/sub").await?;
            Ok(request)
        });
    let over = |url| W::over(world.client.get(url), &other);
    world.finish(over("/u")).unwrap();
    world.logged("Q.ok | O GET /v | S.ok | Q.ok | O GET /u | S.ok | => 200");
    world
        .finish(over("/with-sub").skip_interceptor("S"))
        .unwrap();
    let log = world.log.take().join(" | ");
    assert!(
        log.starts_with("T GET /sub | Q.ok | O GET /with-sub"),
        "{log}"
    );
    world.get("/u").unwrap();
    world.logged("Q.ok | T GET /u | S.ok | Q.ok | T GET /u | S.ok | => 200");
}

#[test]
fn another_adapter_sends_all_of_one_call_and_nothing_else() {
    crate::support::agree(&[
        crate::support::play::<OnTokio>(Style::Sync, another_adapter),
        crate::support::play::<OnThread>(Style::Later, another_adapter),
        crate::support::play::<InBlocking>(Style::Ready, another_adapter),
    ]);
}
