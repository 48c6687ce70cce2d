//! Calls that hooks make of their own, through the message's client.

use std::{
    error::Error as _,
    sync::{Arc, Weak},
};

use tollgate::{Error, ErrorCode, ErrorKind, Request, Response};

use crate::support::{Do, Reply, Way, World, everywhere};

/// Registers a hook that asks `/token` before every other call.
fn asks_for_a_token<W: Way>(world: &World<W>) {
    let other = |request: &Request| request.uri().path() != "/token";
    let hook = world
        .client
        .interceptors
        .request
        .named("asks")
        .run_when(other);
    hook.use_(async |mut request: Request| {
        let token = request.client()?.get("/token").await?.text()?;
        request.headers_mut().insert("x-token", token.parse()?);
        Ok(request)
    });
}

#[test]
fn a_request_hook_can_call_through_its_own_client() {
    fn law<W: Way>(world: &World<W>) {
        world.request("Q", Do::Pass, Do::Pass);
        asks_for_a_token(world);
        world.response("S", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("Q.ok | T GET /token | S.ok | Q.ok | T GET /u | S.ok | => 200");
        assert_eq!(world.mock.requests()[1].headers()["x-token"], "200");
    }
    everywhere!(law);
}

#[test]
fn a_response_hook_can_call_through_either_state() {
    fn law<W: Way>(world: &World<W>) {
        let outer = |request: &Request| request.uri().path() == "/u";
        let log = world.log.clone();
        let both = world.client.interceptors.response.run_when(outer);
        both.use_both(
            async |response: Response| {
                response.client().unwrap().post("/audit").await?;
                Ok(response)
            },
            async move |error: Error| {
                let again = error.client().unwrap().get("/fallback").await?;
                log.add(format!("took {}", again.uri().unwrap().path()));
                Ok(again.into())
            },
        );
        world.response("S", Do::Pass, Do::Pass);
        world.get("/u").unwrap();
        world.logged("T GET /u | T POST /audit | S.ok | S.ok | => 200");
        world.script([Reply::Status(500)]);
        let response = world.get("/u").unwrap();
        world.logged("T GET /u | T GET /fallback | S.ok | took /fallback | S.ok | => 200");
        assert_eq!(response.attempts(), 1);
    }
    everywhere!(law);
}

#[test]
fn a_derived_client_inside_a_hook_has_no_hooks() {
    fn law<W: Way>(world: &World<W>) {
        world
            .client
            .interceptors
            .request
            .use_(async |request: Request| {
                let bare = request.client()?.derive().build()?;
                bare.get("/bare").await?;
                Ok(request)
            });
        world.get("/u").unwrap();
        world.logged("T GET /bare | T GET /u | => 200");
    }
    everywhere!(law);
}

#[test]
fn a_failed_sub_request_keeps_its_kind_and_does_not_pass_for_ours() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(401)]);
        asks_for_a_token(world);
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("T GET /token | S.err | S.err | => Status");
        assert_eq!(error.kind(), ErrorKind::Status);
        assert_eq!(error.code(), ErrorCode::BadRequest);
        assert!(
            !error.is_status(401),
            "a refresh hook would take it for its own"
        );
        assert!(error.response().is_none());
        assert_eq!(error.interceptor(), Some("asks"));
        assert_eq!(error.request().unwrap().uri(), "http://h/u");
        let cause = Error::find_in(error.source().unwrap()).unwrap();
        assert!(cause.is_status(401));
        assert_eq!(cause.request().unwrap().uri(), "http://h/token");
        assert!(!error.to_string().contains("/token"), "left to the source");
    }
    everywhere!(law);
}

#[test]
fn every_kind_survives_the_wrapping() {
    fn law<W: Way>(world: &World<W>) {
        asks_for_a_token(world);
        for kind in [
            ErrorKind::Connect,
            ErrorKind::Dns,
            ErrorKind::Tls,
            ErrorKind::Transport,
            ErrorKind::Timeout,
        ] {
            world.script([Reply::Fail(kind)]);
            let error = world.get("/u").unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.source().is_some());
        }
    }
    everywhere!(law);
}

#[test]
fn replaying_a_failed_sub_request_replays_our_call() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.max_attempts(2));
        world.script([
            Reply::Status(200),
            Reply::Status(502),
            Reply::Status(200),
            Reply::Status(502),
        ]);
        let outer = |request: &Request| request.uri().path() == "/u";
        let nested = world
            .client
            .interceptors
            .response
            .named("nested")
            .run_when(outer);
        nested.use_flow(async |response: Response| {
            match response.client().unwrap().get("/audit").await {
                Ok(_) => Ok(response.into()),
                Err(error) => error.replay(),
            }
        });
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged(
            "T GET /u | T GET /audit | S.err | T GET /u | T GET /audit | S.err | S.err | => Status",
        );
        assert!(!error.is_status(502), "it is the sub-request's");
        assert_eq!(error.attempts(), 2);
        assert_eq!(error.request().unwrap().uri(), "http://h/u");
        assert!(error.to_string().contains("the limit is 2"), "{error}");
    }
    everywhere!(law);
}

#[test]
fn an_answer_of_a_sub_request_becomes_the_calls_own() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(200), Reply::Status(503)]);
        let outer = |request: &Request| request.uri().path() == "/u";
        let swap = world.client.interceptors.request.run_when(outer);
        swap.use_flow(async |request: Request| {
            if request.attempt() > 1 {
                return Ok(request.into());
            }
            Ok(request.client()?.get("/cached").await?.into())
        });
        let log = world.log.clone();
        let again = world.client.interceptors.response.run_when(outer);
        again.use_flow(async move |response: Response| {
            log.add(format!("attempt {}", response.attempts()));
            if response.attempts() == 1 {
                return Ok(response.replay());
            }
            Ok(response.into())
        });
        world.get("/u").unwrap_err();
        world.logged("T GET /cached | attempt 1 | T GET /u | => Status");
    }
    everywhere!(law);
}

#[test]
fn a_client_that_its_messages_lead_to_is_freed_all_the_same() {
    fn law<W: Way>(_: &World<W>) {
        let tracked = Arc::new(());
        let weak: Weak<()> = Arc::downgrade(&tracked);
        let client = W::build(W::builder(tollgate::MockAdapter::new()));
        client.interceptors.request.use_sync(move |request| {
            let _captured = &tracked;
            request.client()?;
            Ok(request)
        });
        client
            .interceptors
            .response
            .use_rejected(async |error: Error| error.replay());
        let response = W::send(client.get("http://h/")).unwrap();
        let error = W::send(client.get("relative")).unwrap_err();
        assert!(response.client().is_some(), "a message leads to its client");
        drop(client);
        assert!(weak.upgrade().is_none(), "a message keeps the client alive");
        assert!(response.client().is_none());
        drop(error);
    }
    everywhere!(law);
}
