//! Limits of bodies and redirects: the error names value, limit and remedy.

use tollgate::{Body, Error, ErrorCode, ErrorKind};

use crate::{
    bad_input::refused,
    support::{Reply, Way, World, chunks, everywhere},
};

#[test]
fn a_request_body_over_the_limit_is_refused_before_it_is_sent() {
    fn law<W: Way>(world: &World<W>) {
        let call = world.client.post("/u").max_request_bytes(4);
        let error = W::send(call.body("12345")).unwrap_err();
        let parts = &["has 5 bytes", "the limit is 4", "raise `max_request_bytes`"];
        refused(world, &error, ErrorKind::RequestTooLarge, parts);
        let known = chunks([Ok("12345")]).with_length(5);
        let limited = world.with(|builder| builder.max_request_bytes(4));
        let error = W::send(limited.client.post("/u").body(known)).unwrap_err();
        refused(world, &error, ErrorKind::RequestTooLarge, parts);
        W::send(limited.client.post("/u").body("1234")).unwrap();
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_streamed_request_body_over_the_limit_stops_while_it_is_sent() {
    /// Reads the one-shot body that the core hands over.
    struct Wire;

    #[async_trait::async_trait]
    impl tollgate::Adapter for Wire {
        async fn send(
            &self,
            request: http::Request<Body>,
        ) -> Result<http::Response<Body>, tollgate::AdapterError> {
            tollgate::BlockingAdapter::send(self, request)
        }
    }

    impl tollgate::BlockingAdapter for Wire {
        fn send(
            &self,
            request: http::Request<Body>,
        ) -> Result<http::Response<Body>, tollgate::AdapterError> {
            let mut body = request.into_body().into_reader();
            match std::io::copy(&mut body, &mut std::io::sink()) {
                Ok(_) => Ok(http::Response::new(Body::empty())),
                Err(error) => Err(tollgate::AdapterError::new(
                    ErrorKind::Transport,
                    "the body could not be sent",
                )
                .with_source(error)),
            }
        }
    }

    let check = |error: &Error| {
        assert_eq!(error.kind(), ErrorKind::RequestTooLarge);
        let text = error.to_string();
        for part in [
            "at least 6 bytes",
            "the limit is 4",
            "raise `max_request_bytes`",
        ] {
            assert!(text.contains(part), "{text}");
        }
    };
    let body = || chunks([Ok("123"), Ok("456"), Ok("789")]);
    let client = tollgate::Client::builder(Wire)
        .max_request_bytes(4)
        .build()
        .unwrap();
    let call = client.post("http://h/").body(body());
    check(&tollgate::runtime::block_on(call.send()).unwrap_err());
    let client = tollgate::blocking::Client::builder(Wire)
        .max_request_bytes(4)
        .build()
        .unwrap();
    check(&client.post("http://h/").body(body()).send().unwrap_err());
    client
        .post("http://h/")
        .body(chunks([Ok("1234")]))
        .send()
        .unwrap();
    let factory = Body::factory(|| chunks([Ok("123"), Ok("456")]));
    check(&client.post("http://h/").body(factory).send().unwrap_err());
}

#[test]
fn a_response_over_the_limit_is_refused() {
    fn law<W: Way>(world: &World<W>) {
        let limited = world.with(|builder| builder.max_response_bytes(4));
        limited.script([
            Reply::Body(200, "12345".into()),
            Reply::Body(200, chunks([Ok("12345")]).with_length(5)),
            Reply::Body(200, chunks([Ok("123"), Ok("45"), Ok("6")])),
            Reply::Body(500, chunks([Ok("123"), Ok("45")])),
        ]);
        for actual in [
            "has 5 bytes",
            "has 5 bytes",
            "has at least 5 bytes",
            "at least 5 bytes",
        ] {
            let error = limited.get("/u").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
            assert_eq!(error.code(), ErrorCode::BadResponse);
            let text = error.to_string();
            for part in [
                actual,
                "the limit is 4",
                "raise `max_response_bytes`",
                "without_max_response_bytes",
            ] {
                assert!(text.contains(part), "`{part}` is not in: {text}");
            }
            assert!(error.response().is_some(), "its head has come");
        }
        limited.script([
            Reply::Body(200, "1234".into()),
            Reply::Body(200, "12345".into()),
        ]);
        limited.get("/u").unwrap();
        let call = limited.client.get("/u").without_max_response_bytes();
        assert_eq!(limited.finish(call).unwrap().text().unwrap(), "12345");
        limited.script([Reply::Body(200, chunks([Ok("123"), Ok("45")]))]);
        let stream = limited.finish(limited.client.get("/u").stream()).unwrap();
        let error = std::io::read_to_string(stream.into_body().into_reader()).unwrap_err();
        assert_eq!(Error::from(error).kind(), ErrorKind::ResponseTooLarge);
        limited.script([Reply::Body(200, chunks([Ok("123"), Ok("45")]))]);
        let call = limited
            .client
            .get("/u")
            .stream()
            .without_max_response_bytes();
        let body = limited.finish(call).unwrap().into_body();
        assert_eq!(
            std::io::read_to_string(body.into_reader()).unwrap(),
            "12345"
        );
        limited.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_redirect_loop_ends_at_the_limit() {
    fn law<W: Way>(world: &World<W>) {
        for (call, limit) in [
            (world.client.get("/a"), 10),
            (world.client.get("/a").max_redirects(3), 3),
            (world.client.get("/a").max_redirects(1000), 20),
        ] {
            let before = world.mock.count();
            world.script((0..50).map(|_| Reply::Redirect(302, "/a")));
            let error = world.finish(call).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Redirect);
            assert_eq!(error.code().as_str(), "ERR_FR_TOO_MANY_REDIRECTS");
            let text = error.to_string();
            assert!(
                text.contains(&format!("gave up after {limit} redirects")),
                "{text}"
            );
            assert!(text.contains("raise `max_redirects`"), "{text}");
            let cost = world.mock.count() - before;
            assert_eq!(cost, if limit == 20 { 20 } else { limit + 1 });
            world.still_works();
        }
    }
    everywhere!(law);
}
