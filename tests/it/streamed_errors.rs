//! An error of a body that the caller reads is the error of its call.

use std::io::Read;

use tollgate::{Body, Error, ErrorKind, Response};

use crate::support::{Do, Reply, Way, World, everywhere, failing_body};

const WHERE: &str = "/u?key=CANARY-query";

/// Reads a body to its end, which is an error of ours.
fn ended(body: Body) -> (String, Error) {
    let mut text = String::new();
    let error = body.into_reader().read_to_string(&mut text).unwrap_err();
    (text, Error::from(error))
}

/// A redirect, an answer that is refused, and one that breaks in the middle.
fn trouble() -> [Reply; 3] {
    let broken = Reply::Body(200, failing_body("the wire broke"));
    [
        Reply::Status(503),
        Reply::Redirect(307, "http://h/there?key=CANARY-query"),
        broken,
    ]
}

#[test]
fn an_error_of_a_stream_says_what_one_of_a_buffered_body_says() {
    fn law<W: Way>(world: &World<W>) {
        world.response("again", Do::Pass, Do::Replay(2));
        let call = || {
            let call = world.client.get(WHERE).extension(7_u8);
            call.header("authorization", "Bearer CANARY-token")
        };
        world.script(trouble());
        let buffered = W::send(call()).unwrap_err();
        world.script(trouble());
        let response = W::send(call().stream()).unwrap();
        let (text, streamed) = ended(response.into_body());
        assert_eq!(text, "first");

        for error in [&buffered, &streamed] {
            assert_eq!(error.kind(), ErrorKind::Transport);
            assert_eq!(error.attempts(), 2);
            let head = error.request().unwrap();
            assert_eq!(head.method(), "GET");
            assert_eq!(head.uri().path(), "/there");
            assert_eq!(error.redirects().len(), 1);
            assert_eq!(error.status().unwrap(), 200);
            assert_eq!(error.extensions().get::<u8>(), Some(&7));
            for text in [error.to_string(), format!("{error:?}"), error.to_json()] {
                assert!(!text.contains("CANARY"), "{text}");
            }
        }
        assert_eq!(streamed.to_string(), buffered.to_string());
        assert_eq!(streamed.to_json(), buffered.to_json());
        assert!(streamed.to_string().contains("after 2 attempts"));
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_stream_that_has_left_its_response_still_knows_its_call() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Body(201, failing_body("the wire broke"))]);
        let response = W::send(world.client.post("/u").stream()).unwrap();
        let response = http::Response::<Body>::from(response);
        assert_eq!(response.status(), 201);
        let (_, error) = ended(response.into_body());
        assert_eq!(error.request().unwrap().method(), "POST");
        assert_eq!(error.attempts(), 1);
        // Its headers are the caller's by now.
        assert!(error.response().is_none());
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn an_error_of_a_stream_within_a_stream_stays_that_of_the_inner_call() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Body(200, failing_body("the wire broke"))]);
        let inner = W::send(world.client.get("/inner").stream()).unwrap();
        let outer = Body::stream(inner.into_body());
        world.script([Reply::Body(200, outer)]);
        let outer = W::send(world.client.get("/outer").stream()).unwrap();
        let (_, error) = ended(outer.into_body());
        assert_eq!(error.request().unwrap().uri().path(), "/inner");
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_stream_that_an_interceptor_has_put_around_another_tells_its_error() {
    fn law<W: Way>(world: &World<W>) {
        world.client.interceptors.response.use_(async |response| {
            let (status, body) = (response.status(), response.into_body());
            Ok(Response::new(status, Body::stream(body)))
        });
        world.script([Reply::Body(200, failing_body("the wire broke"))]);
        let response = W::send(world.client.get("/u").stream()).unwrap();
        let (_, error) = ended(response.into_body());
        assert_eq!(error.request().unwrap().uri().path(), "/u");
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_limit_that_ends_a_stream_names_the_call() {
    fn law<W: Way>(world: &World<W>) {
        let long = Body::from_reader(std::io::repeat(b'x').take(9));
        world.script([Reply::Body(200, long)]);
        let call = world.client.get("/u").max_response_bytes(4).stream();
        let (_, error) = ended(W::send(call).unwrap().into_body());
        assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
        assert!(error.to_string().starts_with("GET http://h/u"), "{error}");
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_foreign_error_of_an_early_answer_is_left_as_it_is() {
    fn law<W: Way>(world: &World<W>) {
        world.client.interceptors.request.use_flow(async |_| {
            let body = failing_body("the cache broke");
            Ok(Response::new(http::StatusCode::OK, body).into())
        });
        let response = W::send(world.client.get("/u").stream()).unwrap();
        let mut reader = response.into_body().into_reader();
        let error = reader.read_to_string(&mut String::new()).unwrap_err();
        assert_eq!(error.to_string(), "the cache broke");
        world.still_works();
    }
    everywhere!(law);
}
