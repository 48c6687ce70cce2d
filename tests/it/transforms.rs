//! What changes bodies next to the adapter, in axios's order.

use http::HeaderValue;
use tollgate::{Body, Error, ErrorCode, ErrorKind, Request, Response};

use crate::support::{Do, Reply, Way, World, everywhere, stalling_body};

/// Adds a letter to a request's body.
fn letter(
    letter: &'static str,
) -> impl Fn(Body, &mut http::HeaderMap) -> tollgate::Result<Body> + Send + Sync + 'static {
    move |body, headers| {
        headers.insert("x-last", HeaderValue::from_static(letter));
        let bytes = body.as_bytes().unwrap();
        Ok([bytes, letter.as_bytes()].concat().into())
    }
}

fn sent<W: Way>(world: &World<W>) -> Vec<String> {
    let requests = world.mock.requests();
    let text = |sent: &tollgate::Recorded| String::from_utf8_lossy(sent.body()).into_owned();
    requests.iter().map(text).collect()
}

/// Axios: interceptors see what the transforms have not changed yet, on the
/// way out, and what they have changed, on the way back.
#[test]
fn transforms_run_between_the_interceptors_and_the_adapter() {
    fn law<W: Way>(world: &World<W>) {
        let (asked, told) = (world.log.clone(), world.log.clone());
        let world = world.with(|builder| {
            builder
                .transform_request(letter("b"))
                .transform_request(letter("c"))
                .transform_response(|body, headers, status| {
                    headers.insert("x-status", status.as_u16().into());
                    Ok([&body[..], b"!"].concat().into())
                })
                .transform_response(|body, _, _| Ok([&body[..], b"?"].concat().into()))
        });
        world
            .client
            .interceptors
            .request
            .use_sync(move |it: Request| {
                asked.add(format!("{:?}", it.body().as_bytes().unwrap()));
                Ok(it)
            });
        world
            .client
            .interceptors
            .response
            .use_sync(move |it: Response| {
                told.add(format!("{} {:?}", it.text()?, it.headers()["x-status"]));
                Ok(it)
            });
        let response = world.finish(world.client.post("/a").body("a")).unwrap();
        world.logged("b\"a\" | T POST /a | 200!? \"200\" | => 200");
        assert_eq!(response.text().unwrap(), "200!?");
        assert_eq!(sent(&world), ["abc"]);
        assert_eq!(world.mock.requests()[0].headers()["x-last"], "c");
        // Every method has them, also without a body.
        world.get("/a").unwrap();
        assert_eq!(sent(&world)[1], "bc");
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn an_answer_that_is_refused_is_transformed_too() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(404)]);
        let call = world.client.get("/a");
        let call = call.transform_response(|body, _, status| {
            Ok(format!("{} {body:?}", status.as_u16()).into())
        });
        let error = world.finish(call).unwrap_err();
        world.logged("T GET /a | => Status");
        let text = error.into_response().unwrap().text().unwrap();
        assert_eq!(text, "404 b\"404\"");
    }
    everywhere!(law);
}

#[test]
fn a_call_replaces_the_clients_transforms_or_takes_them_off() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .transform_request(letter("b"))
                .transform_response(|_, _, _| Ok("client's".into()))
        });
        let post = || world.client.post("/a").body("a");
        let text = |call| world.finish(call).unwrap().text().unwrap();
        assert_eq!(text(post()), "client's");
        let own = post()
            .transform_request(letter("c"))
            .transform_request(letter("d"));
        assert_eq!(
            text(own.transform_response(|_, _, _| Ok("call's".into()))),
            "call's"
        );
        let none = post().without_transform_request();
        assert_eq!(text(none.without_transform_response()), "200");
        assert_eq!(sent(&world), ["ab", "acd", "a"]);
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn a_replay_transforms_anew_and_a_redirect_does_not() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(307, "/b"), Reply::Status(503)]);
        world.response("again", Do::Pass, Do::Replay(2));
        let count = world.log.clone();
        let call = world.client.post("/a").body("a");
        let call = call.transform_request(letter("b"));
        let call = call.transform_response(move |body, _, status| {
            count.add(format!("transform {}", status.as_u16()));
            Ok(body)
        });
        world.finish(call).unwrap();
        assert_eq!(sent(world), ["ab", "ab", "ab"]);
        world.logged(
            "T POST /a | T POST /b | transform 503 | again.err | \
             T POST /a | transform 200 | again.ok | => 200",
        );
    }
    everywhere!(law);
}

/// Axios: what a transform throws is seen by the response side only.
#[test]
fn a_request_transform_that_fails_sends_nothing() {
    fn law<W: Way>(world: &World<W>) {
        world.request("Q", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        let call = world.client.post("/a").body("a");
        let call = call.transform_request(|_, _| Err(Error::message("no key")));
        let error = world.finish(call).unwrap_err();
        world.logged("Q.ok | S.err | => InvalidRequest");
        assert_eq!(error.code(), ErrorCode::BadRequest);
        assert!(error.to_string().contains("`transform_request` failed"));
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "no key");
        assert_eq!(error.request().unwrap().uri(), "http://h/a");
        let call = world
            .client
            .get("/a")
            .transform_request(|_, _| panic!("oh"));
        let error = world.finish(call).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`transform_request` panicked: oh")
        );
        world.logged("Q.ok | S.err | => Interceptor");
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_response_transform_that_fails_keeps_the_answer() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(302, "/b"), Reply::Status(404)]);
        world.response("S", Do::Pass, Do::Pass);
        let call = world.client.get("/a").extension(7_u8);
        let call = call.transform_response(|_, _, _| Err(Error::message("no text")));
        let error = world.finish(call).unwrap_err();
        world.logged("T GET /a | T GET /b | S.err | => Decode");
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(error.code(), ErrorCode::BadResponse);
        assert!(error.to_string().contains("`transform_response` failed"));
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "no text");
        assert!(error.is_status(404));
        assert_eq!(error.request().unwrap().uri(), "http://h/b");
        assert_eq!(error.redirects(), ["http://h/a"]);
        assert_eq!(error.extensions().get::<u8>(), Some(&7));
        assert_eq!(error.into_response().unwrap().text().unwrap(), "404");
        let call = world.client.get("/a");
        let call = call.transform_response(|_, _, _| panic!("oh"));
        let error = world.finish(call).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`transform_response` panicked: oh")
        );
        assert!(error.is_status(200));
        world.logged("T GET /a | S.err | => Interceptor");
        world.still_works();
    }
    everywhere!(law);
}

/// Axios hands the stream to the transforms; here it stays one, and an
/// interceptor may wrap it.
#[test]
fn a_stream_is_left_as_it_is() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Body(200, stalling_body())]);
        let call = world.client.get("/a").stream();
        let call = call.transform_response(|_, _, _| Err(Error::message("never asked")));
        let response = world.finish(call).unwrap();
        assert!(response.body().as_bytes().is_none());
        world.logged("T GET /a | => 200");
    }
    everywhere!(law);
}

/// A transform runs before the guard, so its credentials stay on the origin.
#[test]
fn a_credential_of_a_transforms_does_not_cross_to_another_origin() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(307, "http://e/b")]);
        let call = world.client.get("/a").sensitive_headers(["x-signature"]);
        let call = call.transform_request(|body, headers| {
            headers.insert("authorization", HeaderValue::from_static("t"));
            headers.insert("x-signature", HeaderValue::from_static("s"));
            Ok(body)
        });
        world.finish(call).unwrap();
        let had = |at: usize, name| world.mock.requests()[at].headers().contains_key(name);
        assert!(had(0, "authorization") && had(0, "x-signature"));
        assert!(!had(1, "authorization") && !had(1, "x-signature"));
    }
    everywhere!(law);
}
