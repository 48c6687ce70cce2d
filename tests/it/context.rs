//! What every error and response knows of its call.

use std::error::Error as _;

use tollgate::{AdapterError, Error, ErrorCode, ErrorKind, MockReply, Request};

use crate::support::{Do, Reply, Way, World, everywhere};

#[test]
fn an_error_names_the_interceptor_that_failed_and_shows_it() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        all.response
            .named("check")
            .use_sync(|_| Err(Error::message("the checksum differs")));
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u?page=2").unwrap_err();
        assert_eq!(error.interceptor(), Some("check"));
        assert_eq!(
            error.to_string(),
            "GET http://h/u?page=[REDACTED]: interceptor `check`: the checksum differs"
        );
        assert_eq!(error.code(), ErrorCode::Interceptor);
    }
    everywhere!(law);
}

#[test]
fn an_interceptor_without_a_name_goes_by_its_type() {
    struct Unnamed;
    impl tollgate::RequestInterceptor for Unnamed {
        async fn on_fulfilled(&self, _: Request) -> tollgate::Result<tollgate::RequestFlow> {
            Err(Error::message("no"))
        }
    }

    fn law<W: Way>(world: &World<W>) {
        world.client.interceptors.request.use_interceptor(Unnamed);
        let error = world.get("/u").unwrap_err();
        assert!(error.interceptor().unwrap().ends_with("Unnamed"), "{error}");
    }
    everywhere!(law);
}

#[test]
fn a_message_of_ones_own_can_be_added_and_keeps_the_kind() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(404)]);
        let all = &world.client.interceptors;
        all.response
            .use_rejected(async |error: Error| Err(error.with_note("is it deployed?")));
        let error = world.get("/u").unwrap_err();
        assert!(error.is_status(404));
        assert_eq!(error.interceptor(), None, "nobody failed");
        assert!(error.to_string().ends_with("; is it deployed?"), "{error}");
    }
    everywhere!(law);
}

#[test]
fn an_error_holds_the_request_as_it_was_sent() {
    fn law<W: Way>(world: &World<W>) {
        world.script([
            Reply::Redirect(302, "/b"),
            Reply::Fail(ErrorKind::Transport),
        ]);
        world.client.interceptors.request.use_sync(|mut request| {
            request.headers_mut().insert("x-hook", "1".parse()?);
            Ok(request)
        });
        let error = world
            .finish(world.client.get("/a").header("x-call", "2"))
            .unwrap_err();
        let head = error.request().unwrap();
        assert_eq!(head.uri(), "http://h/b", "the last hop");
        assert_eq!(
            (&head.headers()["x-hook"], &head.headers()["x-call"]),
            (&"1".parse().unwrap(), &"2".parse().unwrap())
        );
        assert_eq!(error.attempts(), 1);
    }
    everywhere!(law);
}

#[test]
fn what_the_adapter_says_stays_in_the_error() {
    fn law<W: Way>(world: &World<W>) {
        let refused = AdapterError::new(ErrorKind::Connect, "the connection was refused")
            .with_code(ErrorCode::ConnectionRefused)
            .with_hint("is the server running?")
            .with_source(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        world.mock.push(MockReply::error(refused));
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        assert!(error.is_connect());
        assert_eq!(error.code().as_str(), "ECONNREFUSED");
        assert_eq!(
            error.to_string(),
            "GET http://h/u: the connection was refused; is the server running?"
        );
        let source = error
            .source()
            .unwrap()
            .downcast_ref::<std::io::Error>()
            .unwrap();
        assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    everywhere!(law);
}

#[test]
fn each_kind_has_the_code_that_axios_gives_it() {
    fn law<W: Way>(world: &World<W>) {
        for (kind, code) in [
            (ErrorKind::Timeout, "ETIMEDOUT"),
            (ErrorKind::Dns, "ENOTFOUND"),
            (ErrorKind::Connect, "ERR_NETWORK"),
            (ErrorKind::Tls, "ERR_NETWORK"),
            (ErrorKind::Transport, "ERR_NETWORK"),
            (ErrorKind::Decode, "ERR_BAD_RESPONSE"),
            (ErrorKind::Unsupported, "ERR_NOT_SUPPORT"),
        ] {
            world.script([Reply::Fail(kind)]);
            let error = world.get("/u").unwrap_err();
            assert_eq!((error.kind(), error.code().as_str()), (kind, code));
        }
    }
    everywhere!(law);
}

#[test]
fn a_response_tells_where_it_came_from() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(302, "/b"), Reply::Redirect(302, "/c?x=1")]);
        let response = world.get("/a").unwrap();
        assert_eq!(response.uri().unwrap(), "http://h/c?x=1");
        assert_eq!(response.redirects(), ["http://h/a", "http://h/b"]);
        assert_eq!(response.attempts(), 1);
        assert_eq!(response.request().unwrap().method(), "GET");
        assert_eq!(
            response.bytes().unwrap(),
            response.bytes().unwrap(),
            "read again and again"
        );
    }
    everywhere!(law);
}

#[test]
fn the_json_of_an_error_has_axios_fields_and_no_graphs() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(404)]);
        let error = world.get("/u").unwrap_err();
        let json: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "name": "TollgateError",
                "message": "GET http://h/u: request failed with status code 404",
                "code": "ERR_BAD_REQUEST",
                "status": 404,
                "method": "GET",
                "url": "http://h/u",
                "attempts": 1,
                "interceptor": null,
                "cause": [],
            })
        );
    }
    everywhere!(law);
}

#[test]
fn causes_are_printed_once() {
    fn law<W: Way>(world: &World<W>) {
        world.client.interceptors.request.use_sync(|mut request| {
            request.headers_mut().insert("x", "a\nb".parse()?);
            Ok(request)
        });
        let error = world.get("/u").unwrap_err();
        let mut texts = vec![error.to_string()];
        let mut next = error.source();
        while let Some(cause) = next {
            texts.push(cause.to_string());
            next = cause.source();
        }
        assert!(texts.len() > 1, "{texts:?}");
        for (at, text) in texts.iter().enumerate() {
            assert!(
                !texts[..at].iter().any(|outer| outer.contains(text)),
                "{texts:?}"
            );
        }
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    everywhere!(law);
}
