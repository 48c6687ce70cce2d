//! Cases 44 to 51, 59 to 65, and 125: which half sees which error, and what an
//! error shows.

use std::{borrow::Cow, error::Error as StdError};

use serde_json::{Value, json};
use tollgate::{
    Error, ErrorCode, Request, RequestFlow, RequestInterceptor, Result, adapter::conformance::Reply,
};
use tollgate_parity::Nobody;

use crate::{
    case::cases,
    lanes::Stage,
    support::{Do, Log, World},
};

cases! {
    44 a_hook_does_not_see_its_own_failure;
    45 an_error_of_the_request_side_is_not_sent_and_reaches_the_response_side;
    46 a_request_that_is_recovered_is_sent;
    48 a_failure_goes_to_the_next_error_half;
    49 after_a_recovery_hooks_are_fulfilled_again;
    50 a_failure_of_the_wire_can_be_recovered;
    51 a_failure_of_the_wire_is_not_for_the_request_side;
    59 a_failing_hook_keeps_the_call_from_being_sent;
    60 hooks_that_wait_and_hooks_that_do_not_obey_one_rule
        deviates "axios's synchronous path calls a hook's own error half and sends with the last config";
    61 a_wire_that_fails_at_once_is_an_ordinary_error;
    63 the_context_of_an_error_stands_there_once;
    64 an_error_shows_no_secret
        deviates "axios prints the whole config, credentials in it";
    65 the_json_of_an_error_has_its_fields_and_no_graphs
        deviates "url and method take the place of axios's config, which holds secrets";
    125 a_client_has_one_adapter_and_a_failing_one_is_not_replaced
        deviates "no list of adapters: which client exists is known when a program is compiled";
}

fn a_hook_does_not_see_its_own_failure<L: Stage>(world: &World<'_, L>) {
    world.request("A", Do::Pass, Do::Pass);
    world.request("B", Do::Fail("b broke"), Do::Recover);
    world.request("C", Do::Pass, Do::Recover);
    let error = world.get("/u").unwrap_err();
    world.logged("C.ok | B.ok | A.err | => Interceptor");
    assert_eq!(error.interceptor(), Some("B"));
}

fn an_error_of_the_request_side_is_not_sent_and_reaches_the_response_side<L: Stage>(
    world: &World<'_, L>,
) {
    world.request("A", Do::Fail("no tenant"), Do::Recover);
    world.response("s1", Do::Pass, Do::Pass);
    world.response("s2", Do::Pass, Do::Pass);
    let error = world.get("/u").unwrap_err();
    world.logged("A.ok | s1.err | s2.err | => Interceptor");
    assert!(error.to_string().contains("no tenant"), "{error}");
    assert_eq!(world.count(), 0);
}

fn a_request_that_is_recovered_is_sent<L: Stage>(world: &World<'_, L>) {
    world.request("Z", Do::Pass, Do::Pass);
    world.request("A", Do::Pass, Do::Recover);
    world.request("B", Do::Fail("b broke"), Do::Pass);
    world.response("s", Do::Pass, Do::Pass);
    let call = world.client.put("/u?a=1").header("x-call", "2").body("b");
    world.finish(call).unwrap();
    world.logged("B.ok | A.err | Z.ok | T PUT /u?a=1 | s.ok | => 200");
    let sent = world.last();
    assert_eq!(sent.header("x-call"), Some("2"));
    assert_eq!(&sent.body()[..], b"b");
}

fn a_failure_goes_to_the_next_error_half<L: Stage>(world: &World<'_, L>) {
    world.response("s1", Do::Fail("s1 broke"), Do::Answer(200));
    world.response("s2", Do::Pass, Do::Pass);
    let error = world.get("/u").unwrap_err();
    world.logged("T GET /u | s1.ok | s2.err | => Interceptor");
    assert_eq!(error.interceptor(), Some("s1"));
}

fn after_a_recovery_hooks_are_fulfilled_again<L: Stage>(world: &World<'_, L>) {
    world.response("s1", Do::Fail("s1 broke"), Do::Pass);
    world.response("s2", Do::Pass, Do::Answer(200));
    world.response("s3", Do::Pass, Do::Pass);
    let response = world.get("/u").unwrap();
    world.logged("T GET /u | s1.ok | s2.err | s3.ok | => 200");
    assert_eq!(response.text().unwrap(), "answer 200");
}

/// An address where nobody listens.
struct Nowhere(Nobody);

impl Nowhere {
    fn new() -> Self {
        Self(Nobody::new().unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/u", self.0.address())
    }
}

fn a_failure_of_the_wire_can_be_recovered<L: Stage>(world: &World<'_, L>) {
    let world = world.with(|builder| builder.allow_absolute_urls(true));
    world.response("s1", Do::Pass, Do::Answer(200));
    world.response("s2", Do::Pass, Do::Pass);
    let nowhere = Nowhere::new();
    let response = world.get(&nowhere.url()).unwrap();
    world.logged("s1.err | s2.ok | => 200");
    assert_eq!(response.text().unwrap(), "answer 200");
}

fn a_failure_of_the_wire_is_not_for_the_request_side<L: Stage>(world: &World<'_, L>) {
    let world = world.with(|builder| builder.allow_absolute_urls(true));
    world.request("q", Do::Pass, Do::Recover);
    world.response("s", Do::Pass, Do::Pass);
    let nowhere = Nowhere::new();
    let error = world.get(&nowhere.url()).unwrap_err();
    world.logged("q.ok | s.err | => Connect");
    assert!(error.is_connect());
    assert_eq!(error.interceptor(), None, "no hook has failed");
}

fn a_failing_hook_keeps_the_call_from_being_sent<L: Stage>(world: &World<'_, L>) {
    world.request("q", Do::Fail("q broke"), Do::Pass);
    world.response("s", Do::Pass, Do::Pass);
    world.get("/u").unwrap_err();
    world.logged("q.ok | s.err | => Interceptor");
    world.client.interceptors.request.clear();
    world.request("A", Do::Pass, Do::Fail("a broke too"));
    world.request("B", Do::Fail("b broke"), Do::Pass);
    let error = world.get("/u").unwrap_err();
    world.logged("B.ok | A.err | s.err | => Interceptor");
    assert_eq!(error.interceptor(), Some("A"), "the last failure counts");
    assert_eq!(world.count(), 0);
}

/// A hook that answers at once whatever the style of the others is.
struct AtOnce(&'static str, Log, Do);

impl RequestInterceptor for AtOnce {
    async fn on_fulfilled(&self, request: Request) -> Result<RequestFlow> {
        Ok(request.into())
    }

    async fn on_rejected(&self, error: Error) -> Result<RequestFlow> {
        self.1.add(format!("{}.err", self.0));
        match self.2 {
            Do::Recover => Ok(error.original_request().unwrap().into()),
            _ => Err(error),
        }
    }

    fn try_sync(&self, request: Request) -> Result<Result<RequestFlow>, Request> {
        self.1.add(format!("{}.ok", self.0));
        match self.2 {
            Do::Fail(text) => Ok(Err(Error::message(text))),
            _ => Ok(Ok(request.into())),
        }
    }

    fn name(&self) -> Cow<'static, str> {
        self.0.into()
    }
}

/// Cases 44 to 46, once with hooks that answer at once, and once with those of
/// the world: what they log is the same.
fn hooks_that_wait_and_hooks_that_do_not_obey_one_rule<L: Stage>(world: &World<'_, L>) {
    let programs = [
        (
            [Do::Pass, Do::Fail("b broke"), Do::Recover],
            "C.ok | B.ok | A.err | s.err | => Interceptor",
        ),
        (
            [Do::Fail("a broke"), Do::Pass, Do::Pass],
            "C.ok | B.ok | A.ok | s.err | => Interceptor",
        ),
        (
            [Do::Pass, Do::Recover, Do::Fail("c broke")],
            "C.ok | B.err | A.ok | T GET /u | s.ok | => 200",
        ),
    ];
    world.response("s", Do::Pass, Do::Pass);
    let request = &world.client.interceptors.request;
    for (program, expected) in programs {
        for at_once in [true, false] {
            request.clear();
            for (name, act) in ["A", "B", "C"].into_iter().zip(program) {
                if at_once {
                    request.use_interceptor(AtOnce(name, world.log.clone(), act));
                } else {
                    world.request(name, act, act_on_errors(act));
                }
            }
            let _ = world.get("/u");
            world.logged(expected);
        }
    }
}

/// A hook that fails passes errors on.
fn act_on_errors(act: Do) -> Do {
    match act {
        Do::Fail(_) => Do::Pass,
        other => other,
    }
}

fn a_wire_that_fails_at_once_is_an_ordinary_error<L: Stage>(world: &World<'_, L>) {
    let world = world.with(|builder| builder.allow_absolute_urls(true));
    world.response("s", Do::Pass, Do::Pass);
    let nowhere = Nowhere::new();
    let error = world.get(&nowhere.url()).unwrap_err();
    world.logged("s.err | => Connect");
    assert_eq!(error.attempts(), 1);
    assert!(error.request().is_some(), "it knows what was to be sent");
}

/// The texts of an error and its causes, outermost first.
fn chain(error: &Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts
}

fn the_context_of_an_error_stands_there_once<L: Stage>(world: &World<'_, L>) {
    world.script([Reply::new(400), Reply::new(200).body("{")]);
    let address = world.server.url("/u");
    let refused = world.fails(world.client.get("/u"));
    let response = world.lane.send(world.client.get("/u")).unwrap();
    let no_json = response.json::<Value>().unwrap_err();
    for error in [refused, no_json] {
        let texts = chain(&error);
        let all = texts.join("\n");
        assert_eq!(all.matches(&format!("GET {address}")).count(), 1, "{all}");
        for (at, text) in texts.iter().enumerate() {
            let before = &texts[..at];
            assert!(before.iter().all(|outer| !outer.contains(text)), "{all}");
        }
    }
}

fn an_error_shows_no_secret<L: Stage>(world: &World<'_, L>) {
    let world = world.with(|builder| builder.allow_absolute_urls(true));
    let home = world.server.origin().replacen("http://", "", 1);
    let nowhere = Nowhere::new();
    let addresses = [
        world.server.url("/u?token=CANARY"),
        format!("http://user:CANARY@{home}/u"),
        format!("{}?token=CANARY", nowhere.url()),
    ];
    world.script([Reply::new(400), Reply::new(500)]);
    for address in addresses {
        let call = world.client.get(address);
        let call = call.bearer_auth("CANARY").header("cookie", "s=CANARY");
        let error = world.fails(call);
        let texts = [
            chain(&error).join("\n"),
            format!("{error:?}"),
            error.to_json(),
        ];
        for text in texts {
            assert!(!text.contains("CANARY"), "{text}");
        }
    }
    world.script([Reply::new(401)]);
    let call = world.client.get("/u").basic_auth("user", "CANARY");
    let error = world.fails(call);
    // `user:CANARY`, as the header has it.
    for text in [format!("{error:?}"), error.to_json()] {
        assert!(!text.contains("dXNlcjpDQU5BUlk"), "{text}");
    }
}

fn the_json_of_an_error_has_its_fields_and_no_graphs<L: Stage>(world: &World<'_, L>) {
    world.script([Reply::new(404).body("gone")]);
    let error = world.fails(world.client.get("/u"));
    let json: Value = serde_json::from_str(&error.to_json()).unwrap();
    let address = world.server.url("/u");
    let expected = json!({
        "name": "TollgateError",
        "message": format!("GET {address}: request failed with status code 404"),
        "code": "ERR_BAD_REQUEST",
        "status": 404,
        "method": "GET",
        "url": address,
        "attempts": 1,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&json[key], value, "{key}");
    }
    for graph in ["request", "response", "config"] {
        assert!(json.get(graph).is_none(), "{graph}");
    }
}

fn a_client_has_one_adapter_and_a_failing_one_is_not_replaced<L: Stage>(world: &World<'_, L>) {
    let world = world.with(|builder| builder.allow_absolute_urls(true));
    let nowhere = Nowhere::new();
    let error = world.get(&nowhere.url()).unwrap_err();
    world.logged("=> Connect");
    assert_eq!(error.attempts(), 1, "nobody has tried again");
    let expected = if L::WIRE {
        ErrorCode::ConnectionRefused
    } else {
        ErrorCode::Network
    };
    assert_eq!(error.code(), expected);
    assert_eq!(world.count(), usize::from(!L::WIRE));
}
