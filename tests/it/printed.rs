//! C1: every public type of the core that can hold a secret prints none.
//!
//! What has been printed is compared with what the modules export, so that a
//! type that is made public is printed here, or stands in [`PLAIN`] with its
//! reason. `tests/auth/printed.rs` does the same for `tollgate::auth`.

use std::{
    any::type_name,
    collections::BTreeSet,
    fmt::Debug,
    io::Read as _,
    sync::{Arc, Mutex},
};

use http::HeaderValue;
use tollgate::{
    AdapterError, Attempt, Body, CancelHandle, Client, Error, ErrorKind, MockAdapter, MockReply,
    Multipart, NotReplayed, Offload, Origin, Origins, Parameters, Part, Request, RequestFlow,
    Response, ResponseFlow, ServiceAdapter,
    runtime::{ManualRuntime, Runtime, ThreadRuntime, TokioRuntime, block_on},
};
use tower::Service as _;

use crate::support::{Way, World, everywhere};

const CANARY: &str = "CANARY";

/// Exported, and never with a secret inside.
const PLAIN: &[(&str, &[&str])] = &[
    (
        "a trait or another name of a type",
        &[
            "Adapter",
            "BlockingAdapter",
            "EngineKind",
            "InterceptorPair",
            "RequestInterceptor",
            "ResponseInterceptor",
            "SendCall",
            "Runtime",
            "BodyError",
            "BoxFuture",
            "Result",
        ],
    ),
    (
        "a marker without values",
        &["Async", "Blocking", "Engine", "RequestSide", "ResponseSide"],
    ),
    (
        "a choice among constants",
        &["ArrayFormat", "ErrorCode", "ErrorKind", "Order"],
    ),
    (
        "numbers alone",
        &["AnyInterceptorId", "InterceptorId", "PairId", "Progress"],
    ),
    ("how something is written", &["QueryFormat"]),
];

/// What was printed, and which types it was of.
#[derive(Clone, Default)]
struct Prints(Arc<Mutex<(BTreeSet<String>, Vec<String>)>>);

impl Prints {
    fn of<T: Debug>(&self, value: &T) {
        let full = type_name::<T>().split('<').next().unwrap();
        let name = full.rsplit("::").next().unwrap().to_owned();
        let mut all = self.0.lock().unwrap();
        all.1.push(format!("{name}: {value:?} {value:#?}"));
        all.0.insert(name);
    }

    fn text(&self, text: String) {
        self.0.lock().unwrap().1.push(text);
    }

    fn names(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().0.clone()
    }

    #[track_caller]
    fn show_no_secret(&self) {
        for text in &self.0.lock().unwrap().1 {
            assert!(!text.contains(CANARY), "{text}");
        }
    }
}

/// A client whose defaults are secrets, and what it prints.
fn clients<W: Way>(world: &World<W>, prints: &Prints) -> World<W> {
    let world = world.with(|builder| {
        let builder = builder
            .base_url("http://h/api?key=CANARY")
            .header("cookie", CANARY)
            .header("x-key", CANARY)
            .sensitive_headers(["x-key"])
            .query(&[("token", CANARY)])
            .bearer_auth(CANARY)
            .extension(tollgate::auth::Secret::from(CANARY))
            .query_serializer({
                let prints = prints.clone();
                move |parameters: &Parameters| {
                    assert!(
                        parameters
                            .encode(tollgate::ArrayFormat::Brackets)
                            .contains(CANARY)
                    );
                    prints.of(parameters);
                    Ok(parameters.encode(tollgate::ArrayFormat::Brackets))
                }
            })
            .before_redirect({
                let prints = prints.clone();
                move |redirect| {
                    assert_eq!(redirect.headers()["cookie"], CANARY);
                    prints.of(redirect);
                    Ok(())
                }
            });
        prints.of(&builder);
        builder
    });
    let client = &world.client;
    prints.of(client);
    prints.of(&client.downgrade());
    prints.of(&*client.config());
    client
        .update_defaults(|defaults| {
            prints.of(&defaults);
            defaults
        })
        .unwrap();
    let all = &client.interceptors;
    let scoped = all.request.use_scoped(async |request| Ok(request));
    prints.of(&scoped);
    scoped.keep();
    prints.of(&all.request.named("signs"));
    prints.of(&all.request.run_when(|_| true));
    prints.of(all);
    prints.of(&all.request);
    prints.of(&all.response);
    prints.of(&all.request.iter().next().unwrap());
    prints.text(client.explain());
    world
}

/// Calls, and what their hooks are given.
fn calls<W: Way>(world: &World<W>, prints: &Prints) {
    let all = &world.client.interceptors;
    let shown = prints.clone();
    all.request.use_sync(move |request: Request| {
        shown.of(&request);
        shown.of(request.body());
        shown.of(&RequestFlow::from(request.try_clone().unwrap()));
        let answered = Response::new(http::StatusCode::OK, CANARY);
        shown.of(&RequestFlow::from(answered));
        Ok(request)
    });
    let shown = prints.clone();
    all.response.use_flow(async move |response: Response| {
        shown.of(&response);
        shown.of(response.request().unwrap());
        let again = response.try_clone().unwrap().replay();
        shown.of(&again);
        if let ResponseFlow::Replay(replay) = again {
            let replay = replay.with(|request| *request.body_mut() = CANARY.into());
            shown.of(&replay);
        }
        Ok(response.into())
    });
    let away = MockReply::status(302, CANARY).header("location", "/next?code=CANARY");
    let answer = MockReply::status(401, CANARY).header("set-cookie", CANARY);
    prints.of(&answer);
    world.mock.push(away);
    world.mock.push(MockReply::status(200, CANARY));
    world.mock.push(answer);
    for _ in 0..2 {
        let call = world.client.post("?t=CANARY#CANARY").json(&CANARY);
        prints.of(&call);
        if let Err(error) = W::send(call) {
            prints.of(&error);
            prints.text(format!("{error} {}", error.to_json()));
            prints.of(&error.response());
        }
    }
    let sent = world.mock.requests();
    assert!(sent.iter().any(|it| it.uri().to_string().contains(CANARY)));
    prints.of(sent.first().unwrap());
    prints.of(&world.mock);
}

/// A one-shot body ends a replay, and the answer says so.
fn not_replayed<W: Way>(world: &World<W>, prints: &Prints) {
    let world = world.with(|builder| builder);
    world
        .client
        .interceptors
        .response
        .use_flow(async |response: Response| Ok(response.replay()));
    let once = Body::from_reader(CANARY.as_bytes());
    let response = W::send(world.client.post("/once").body(once)).unwrap();
    prints.of(response.extensions().get::<NotReplayed>().unwrap());
}

/// Bodies, forms, and what an adapter sees and says.
fn parts(prints: &Prints) {
    let part = Part::text(CANARY).header("x-key", CANARY);
    prints.of(&part);
    prints.of(&Multipart::new().text("password", CANARY).part("more", part));
    prints.of(&Body::from(CANARY));
    let mut reader = Body::from(CANARY).into_reader();
    reader.read_exact(&mut [0; 2]).unwrap();
    prints.of(&reader);
    prints.of(&Body::from(CANARY).into_stream());
    let mut request = http::Request::new(Body::from(CANARY));
    let secret = HeaderValue::from_static(CANARY);
    request.headers_mut().insert("authorization", secret);
    prints.of(&Attempt::of(&request));
    let error = AdapterError::new(ErrorKind::Transport, "broken");
    prints.of(&error);
    let handle = CancelHandle::new();
    prints.of(&handle);
    prints.of(&handle.cancelled());
    for text in ["http://u:CANARY@h", "http://h/?t=CANARY", "CANARY@h"] {
        match text.parse::<Origin>() {
            Ok(origin) => {
                prints.text(origin.to_string());
                prints.of(&Origins::from(origin.clone()));
                prints.of(&origin);
            }
            Err(error) => prints.of(&error),
        }
    }
    let origin = "http://h".parse::<Origin>().unwrap();
    prints.of(&Origins::from(origin.clone()));
    prints.of(&origin);
}

/// What there is for the async engine alone.
fn services(prints: &Prints) {
    let mock = || MockAdapter::new().reply(200, CANARY);
    prints.of(&Offload::new(mock()));
    let service = tower::service_fn(async |_: http::Request<Body>| {
        Ok::<_, Error>(http::Response::new(Body::from(CANARY)))
    });
    prints.of(&ServiceAdapter::new(service));
    let client = Client::new(mock());
    let sending = client.get("http://u:CANARY@h/?t=CANARY").send();
    prints.of(&sending);
    block_on(sending).unwrap();
    let mut service = client.service_with(|call| call.bearer_auth(CANARY));
    prints.of(&service);
    let request = http::Request::get("http://h/?t=CANARY").body(Body::from(CANARY));
    let answering = service.call(request.unwrap());
    prints.of(&answering);
    block_on(answering).unwrap();
    let time = ManualRuntime::new();
    time.spawn(Box::pin(async { drop(CANARY.to_owned()) }));
    prints.of(&time);
    prints.of(&ThreadRuntime);
    prints.of(&TokioRuntime::new());
}

/// All names that a module exports.
fn exports(module: &str) -> impl Iterator<Item = &str> {
    let uses = module.split("pub use ").skip(1);
    let uses = uses.filter_map(|text| Some(text.split_once(';')?.0));
    let types = module
        .lines()
        .filter_map(|line| line.strip_prefix("pub type "));
    let types = types.filter_map(|line| line.split([' ', '<']).next());
    let own = module.lines().filter_map(|line| {
        let item = line
            .strip_prefix("pub struct ")
            .or(line.strip_prefix("pub enum "))?;
        item.split(|letter: char| !letter.is_alphanumeric()).next()
    });
    let used = uses.flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()));
    let all = used.chain(types).chain(own);
    all.filter(|name| name.starts_with(char::is_uppercase))
}

#[test]
fn every_public_type_that_can_hold_a_secret_prints_none() {
    fn law<W: Way>(world: &World<W>) {
        let prints = Prints::default();
        let guarded = clients(world, &prints);
        calls(&guarded, &prints);
        not_replayed(world, &prints);
        parts(&prints);
        services(&prints);
        prints.show_no_secret();

        let modules = [
            include_str!("../../src/lib.rs"),
            include_str!("../../src/adapter/mod.rs"),
            include_str!("../../src/client/mod.rs"),
            include_str!("../../src/interceptor/mod.rs"),
            include_str!("../../src/runtime/mod.rs"),
        ];
        let exported: BTreeSet<_> = modules.into_iter().flat_map(exports).collect();
        assert!(exported.len() >= 60, "{exported:?}");
        let plain = PLAIN.iter().flat_map(|(_, names)| names.iter().copied());
        let plain: BTreeSet<_> = plain.collect();
        let printed = prints.names();
        let missing: Vec<_> = exported
            .iter()
            .filter(|name| !plain.contains(*name) && !printed.contains(**name))
            .collect();
        assert!(missing.is_empty(), "neither printed nor plain: {missing:?}");
        let gone: Vec<_> = plain.difference(&exported).collect();
        assert!(gone.is_empty(), "plain, and not exported: {gone:?}");
    }
    everywhere!(law);
}

/// serde says what it has found where it wanted something else: the kind stays,
/// the value goes.
#[test]
fn a_decode_error_names_the_place_and_quotes_no_value() {
    fn law<W: Way>(world: &World<W>) {
        world
            .mock
            .push(MockReply::status(200, r#"{"count":"CANARY"}"#));
        let response = world.get("/u").unwrap();
        let error = response
            .json::<std::collections::HashMap<String, u32>>()
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("at `count`") && !text.contains(CANARY),
            "{text}"
        );
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            cause.starts_with("invalid type: string, expected u32"),
            "{cause}"
        );
        let error = serde_json::from_str::<u32>(r#""CANARY""#).unwrap_err();
        let printed = format!("{:?}", Error::from(error));
        assert!(!printed.contains(CANARY), "{printed}");
    }
    everywhere!(law);
}
