//! What every error and response knows of its call.

use std::error::Error as _;

use tollgate::{
    AdapterError, Error, ErrorCode, ErrorKind, MockReply, Request, interceptor::AnyInterceptorId,
};

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
fn an_error_has_the_id_of_the_interceptor_that_failed_which_ejects_it() {
    fn law<W: Way>(world: &World<W>) {
        let all = &world.client.interceptors;
        let request = all.request.use_sync(|_| Err(Error::message("no")));
        let error = world.get("/u").unwrap_err();
        assert_eq!(
            error.interceptor_id(),
            Some(AnyInterceptorId::Request(request))
        );
        let json: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
        assert_eq!(json["interceptorId"], request.to_string());
        assert!(world.client.explain().contains(&format!("({request})")));
        let Some(AnyInterceptorId::Request(id)) = error.interceptor_id() else {
            panic!("{error:?}");
        };
        assert!(all.request.eject(id), "it is that of this client");

        let response = all.response.use_sync(|_| Err(Error::message("no")));
        let failed = || world.get("/u").unwrap_err().interceptor_id();
        assert_eq!(failed(), Some(response.into()));
        assert!(all.response.eject(response));
        world.script([Reply::Status(404)]);
        assert_eq!(failed(), None, "nobody failed");
    }
    everywhere!(law);
}

#[test]
fn a_copied_interceptor_fails_under_the_id_that_its_copy_got() {
    fn law<W: Way>(world: &World<W>) {
        let id = world
            .client
            .interceptors
            .request
            .use_sync(|_| Err(Error::message("no")));
        let derived = world.client.derive().with_interceptors();
        let derived = W::build(derived);
        let error = W::send(derived.get("/u")).unwrap_err();
        let Some(AnyInterceptorId::Request(copy)) = error.interceptor_id() else {
            panic!("{error:?}");
        };
        assert_ne!(copy, id);
        assert!(derived.interceptors.request.eject(copy));
        assert!(W::send(derived.get("/u")).is_ok());
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
fn the_core_words_a_failure_of_the_wire_and_the_adapter_its_cause() {
    fn law<W: Way>(world: &World<W>) {
        for (kind, text) in [
            (ErrorKind::Timeout, "a time limit below tollgate ran out"),
            (ErrorKind::Dns, "the name of the host could not be resolved"),
            (ErrorKind::Connect, "no connection could be made"),
            (ErrorKind::Tls, "the TLS handshake failed"),
            (
                ErrorKind::Transport,
                "the connection ended before an answer came",
            ),
            (ErrorKind::Decode, "the body does not decompress"),
        ] {
            world.script([Reply::Fail(kind)]);
            let error = world.get("/u").unwrap_err();
            let hint = error.hint().unwrap();
            assert_eq!(error.to_string(), format!("GET http://h/u: {text}; {hint}"));
            let cause = error.source().unwrap();
            assert_eq!(cause.to_string(), "the wire broke", "{kind:?}");
            assert!(cause.source().is_none());
        }
        // What only the adapter knows, it says itself.
        world.script([Reply::Fail(ErrorKind::Unsupported)]);
        let error = world.get("/u").unwrap_err();
        assert_eq!(error.to_string(), "GET http://h/u: the wire broke");
        assert!(error.source().is_none());
    }
    everywhere!(law);
}

#[test]
fn who_may_call_again_is_told() {
    fn law<W: Way>(world: &World<W>) {
        for (status, again) in [
            (304, false),
            (400, false),
            (401, false),
            (404, false),
            (408, true),
            (409, false),
            (425, true),
            (429, true),
            (500, true),
            (501, false),
            (502, true),
            (503, true),
            (504, true),
        ] {
            world.script([Reply::Status(status)]);
            let error = world.get("/u").unwrap_err();
            assert_eq!(error.is_retryable(), again, "{status}");
        }
        for (kind, again) in [
            (ErrorKind::Timeout, true),
            (ErrorKind::Dns, true),
            (ErrorKind::Connect, true),
            (ErrorKind::Transport, true),
            (ErrorKind::Tls, false),
            (ErrorKind::Decode, false),
            (ErrorKind::Unsupported, false),
            (ErrorKind::Redirect, false),
        ] {
            world.script([Reply::Fail(kind)]);
            let error = world.get("/u").unwrap_err();
            assert_eq!(error.is_retryable(), again, "{kind:?}");
        }
    }
    everywhere!(law);
}

#[test]
fn one_of_our_errors_is_found_in_any_chain() {
    #[derive(Debug)]
    struct Outer(Box<dyn std::error::Error + Send + Sync>);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the report could not be made")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&*self.0)
        }
    }

    fn law<W: Way>(world: &World<W>) {
        let failed = || {
            world.script([Reply::Status(404)]);
            world.get("/u").unwrap_err()
        };
        let wrapped = Outer(failed().into());
        assert!(Error::find_in(&wrapped).unwrap().is_status(404));
        // An I/O error does not name what it was made of as its source.
        let in_io = Outer(std::io::Error::other(Outer(failed().into())).into());
        assert!(Error::find_in(&in_io).unwrap().is_status(404));
        let foreign = Outer(std::io::Error::other("the disk is full").into());
        assert!(Error::find_in(&foreign).is_none());
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
                "interceptorId": null,
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
