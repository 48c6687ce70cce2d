//! Bad input: a typed error that names value, limit and remedy; nothing sent
//! that should not be; the client usable afterwards.

use tollgate::{Body, Error, ErrorKind};

use crate::support::{Do, Reply, Way, World, chunks, everywhere};

/// Asserts the kind and the parts of the text, and that nothing was sent.
#[track_caller]
pub(crate) fn refused<W: Way>(world: &World<W>, error: &Error, kind: ErrorKind, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    assert!(!text.ends_with('.'), "{text}");
    assert_eq!(world.mock.count(), 0, "something was sent: {text}");
}

#[test]
fn a_malformed_address_is_refused() {
    fn law<W: Way>(world: &World<W>) {
        let bare = world.with(tollgate::client::ClientBuilder::without_base_url);
        for (target, parts) in [
            ("http:", &["is not an absolute address", "base_url"][..]),
            ("http://", &["no host", "https://host/path"]),
            ("http://h:99999/", &["port `99999`", "65535", "correct it"]),
            ("http://h:0/", &["port `0`", "from 1 to 65535"]),
            ("http://a b/", &["host `a b`", "use letters"]),
            ("http://127.1/", &["host `127.1`", "four decimal numbers"]),
            ("http://ｅvil.test/", &["is not valid", "xn--"]),
            (
                "http://h/\u{0}",
                &["byte 0x00 at offset 9", "percent-encode"],
            ),
            (
                "http://h/a\r\nX: 1",
                &["byte 0x0d at offset 10", "percent-encode"],
            ),
            ("http://h\\@e/", &["byte 0x5c"]),
            ("file:///etc/passwd", &["scheme `file`", "http://"]),
            ("ws://h/", &["scheme `ws`", "https://"]),
        ] {
            let error = bare.get(target).unwrap_err();
            refused(world, &error, ErrorKind::InvalidUrl, parts);
            let code = if parts[0].starts_with("scheme") {
                // An address, but not one that is called; as in axios.
                "ERR_BAD_REQUEST"
            } else {
                "ERR_INVALID_URL"
            };
            assert_eq!(error.code().as_str(), code);
        }
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_relative_address_needs_a_base() {
    fn law<W: Way>(world: &World<W>) {
        let bare = world.with(tollgate::client::ClientBuilder::without_base_url);
        for target in [
            "/users",
            "users",
            "",
            "?a=1",
            "//h/x",
            "h/x",
            "localhost:80/x",
        ] {
            let error = bare.get(target).unwrap_err();
            let shown = format!("`{}`", target.split('?').next().unwrap());
            refused(
                world,
                &error,
                ErrorKind::InvalidUrl,
                &[&shown, "give the client a `base_url`"],
            );
        }
        for base in ["api.example.com", "/v1", "", "//h"] {
            let error = W::builder(world.mock.clone())
                .base_url(base)
                .build()
                .unwrap_err();
            refused(
                world,
                &error,
                ErrorKind::InvalidUrl,
                &[&format!("`{base}`"), "not absolute"],
            );
        }
        let error = W::builder(world.mock.clone())
            .base_url("http://u:p@h")
            .build()
            .unwrap_err();
        refused(
            world,
            &error,
            ErrorKind::InvalidUrl,
            &["holds a user", "basic_auth"],
        );
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn an_address_that_is_too_long_is_refused() {
    fn law<W: Way>(world: &World<W>) {
        let error = world.get(&"x".repeat(70_000)).unwrap_err();
        refused(
            world,
            &error,
            ErrorKind::InvalidUrl,
            &["70009 bytes", "limit is 65534", "body"],
        );
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn an_absolute_address_off_the_base_is_refused() {
    fn law<W: Way>(world: &World<W>) {
        for target in [
            "http://e/x",
            "//e/x",
            "https://h/x",
            "http://h:8080/x",
            "http://h.e/",
        ] {
            let error = world.get(target).unwrap_err();
            let parts = &[
                "the base's origin `http://h`",
                "`allow_absolute_urls(true)`",
            ];
            refused(world, &error, ErrorKind::InvalidUrl, parts);
        }
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn control_characters_in_headers_are_errors_and_never_stripped() {
    fn law<W: Way>(world: &World<W>) {
        for bad in ["a\rb", "a\nb", "a\0b", "a\r\nx-injected: 1", "\u{7f}"] {
            let error = W::send(world.client.get("/u").header("x-ok", bad)).unwrap_err();
            let parts = &["value of the header `x-ok`", "CR, LF, NUL"];
            refused(world, &error, ErrorKind::InvalidRequest, parts);
            let error = W::send(world.client.get("/u").header(bad, "x")).unwrap_err();
            refused(
                world,
                &error,
                ErrorKind::InvalidRequest,
                &["header's name", "it holds the byte 0x", "use letters"],
            );
            let error = W::send(world.client.get("/u").bearer_auth(bad)).unwrap_err();
            let parts = &["bearer token", "`authorization`", "control characters"];
            refused(world, &error, ErrorKind::InvalidRequest, parts);
            let builder = || W::builder(world.mock.clone());
            let error = builder().header("x-ok", bad).build().unwrap_err();
            refused(world, &error, ErrorKind::InvalidRequest, &["`x-ok`"]);
            world
                .client
                .interceptors
                .request
                .use_sync(move |mut request| {
                    request.headers_mut().insert("x-ok", bad.parse()?);
                    Ok(request)
                });
            let error = world.get("/u").unwrap_err();
            refused(
                world,
                &error,
                ErrorKind::InvalidRequest,
                &["header's value is not valid"],
            );
            world.client.interceptors.request.clear();
        }
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn the_first_mistake_of_a_call_is_the_one_that_is_told() {
    fn law<W: Way>(world: &World<W>) {
        let call = world
            .client
            .get("/u")
            .header("x-first", "\n")
            .query("second")
            .header("\n", "3");
        let error = W::send(call).unwrap_err();
        refused(world, &error, ErrorKind::InvalidRequest, &["`x-first`"]);
    }
    everywhere!(law);
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    fn law<W: Way>(world: &World<W>) {
        let error = W::send(world.client.get("/u").query(&5)).unwrap_err();
        let parts = &["parameters cannot be encoded", "list of pairs"];
        refused(world, &error, ErrorKind::InvalidRequest, parts);
        let map = std::collections::HashMap::from([((1, 2), 3)]);
        let error = W::send(world.client.post("/u").json(&map)).unwrap_err();
        refused(
            world,
            &error,
            ErrorKind::InvalidRequest,
            &["cannot be serialised as JSON"],
        );
        let error = W::send(world.client.post("/u").form(&[1, 2])).unwrap_err();
        refused(
            world,
            &error,
            ErrorKind::InvalidRequest,
            &["parameters cannot be encoded"],
        );
        world.still_works();
    }
    everywhere!(law);
}

/// An adapter that reads the body as a transport does, and says why it broke.
fn reading() -> tollgate::MockAdapter {
    tollgate::MockAdapter::new()
        .without_recording()
        .handler(|request| {
            let body = request.body().try_clone().unwrap();
            match std::io::copy(&mut body.into_reader(), &mut std::io::sink()) {
                Ok(_) => Ok(http::Response::new(Body::empty())),
                Err(error) => Err(tollgate::AdapterError::new(
                    ErrorKind::Transport,
                    "the body could not be sent",
                )
                .with_source(error)),
            }
        })
}

#[test]
fn a_post_is_not_sent_again_to_another_origin() {
    fn law<W: Way>(world: &World<W>) {
        for status in [307, 308] {
            let before = world.mock.count();
            world.script([Reply::Redirect(status, "http://e/x")]);
            let error = world
                .finish(world.client.post("/a").body("secret"))
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Redirect);
            let text = error.to_string();
            let parts = [
                "body to another origin",
                "`allow_cross_origin_bodies(true)`",
            ];
            for part in [&status.to_string()[..], parts[0], parts[1]] {
                assert!(text.contains(part), "{text}");
            }
            assert_eq!(world.mock.count() - before, 1);
            let lax = world.with(|builder| builder.allow_cross_origin_bodies(true));
            lax.script([Reply::Redirect(status, "http://e/x")]);
            lax.finish(lax.client.post("/a").body("secret")).unwrap();
            assert_eq!(&world.mock.requests().last().unwrap().body()[..], b"secret");
            world.still_works();
        }
    }
    everywhere!(law);
}

#[test]
fn a_stream_is_not_sent_again_after_a_redirect() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(307, "/b")]);
        let call = world.client.post("/a").body(chunks([Ok("once")]));
        let error = world.finish(call).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("which is a stream") && text.contains("`Body::factory`"),
            "{text}"
        );
        assert_eq!(world.mock.count(), 1);
        world.script([Reply::Redirect(303, "/b")]);
        let call = world.client.post("/a").body(chunks([Ok("once")]));
        world.finish(call).unwrap();
        assert!(
            world.mock.requests()[2].body().is_empty(),
            "303 asks for no body"
        );
        world.log.take();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_location_that_is_no_address_is_refused() {
    fn law<W: Way>(world: &World<W>) {
        for (location, part) in [
            ("file:///etc/passwd", "scheme `file`"),
            ("javascript:alert(1)", "`javascript:` reads as a scheme"),
            ("http://h:99999/", "port `99999`"),
            ("http://[::1", "is not valid"),
            ("\\\\e\\x", "byte 0x5c"),
        ] {
            let before = world.mock.count();
            world.script([Reply::Redirect(302, location)]);
            let error = world.get("/a").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Redirect, "{location}");
            assert_eq!(error.code().as_str(), "ERR_FR_REDIRECTION_FAILURE");
            assert!(error.to_string().contains(part), "{error}");
            assert_eq!(world.mock.count() - before, 1);
        }
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_hook_that_makes_the_address_relative_is_refused_by_the_guard() {
    fn law<W: Way>(world: &World<W>) {
        for (bad, part) in [("/only/a/path", "no scheme"), ("ftp://h/", "scheme `ftp`")] {
            world.request("Q", Do::Pass, Do::Pass);
            world
                .client
                .interceptors
                .request
                .use_sync(move |mut request| {
                    *request.uri_mut() = bad.parse()?;
                    Ok(request)
                });
            let error = world.get("/u").unwrap_err();
            refused(world, &error, ErrorKind::InvalidUrl, &[part]);
            world.client.interceptors.request.clear();
        }
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_blocking_call_inside_an_async_task_is_refused() {
    let client = tollgate::blocking::Client::new(reading());
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let (inside, beside) = (client.clone(), client.clone());
    let error = runtime
        .block_on(async { inside.get("http://h/").send() })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.contains("inside an async task") && text.contains("spawn_blocking"),
        "{text}"
    );
    let pool = runtime.spawn_blocking(move || beside.get("http://h/").send());
    runtime.block_on(pool).unwrap().unwrap();
    client.get("http://h/").send().unwrap();
}
