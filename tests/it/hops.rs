//! What a caller says about redirects: the hook, the history, the patience.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderName, HeaderValue};
use tollgate::{Body, Error, ErrorCode, ErrorKind, MockReply, Request, runtime::ManualRuntime};

use crate::support::{Do, Reply, Way, World, everywhere, stalling_body, wait_until};

fn no_header(name: &str, sent: &tollgate::Recorded) -> bool {
    !sent.headers().contains_key(name)
}

#[test]
fn the_hook_sees_the_next_request_and_the_answer() {
    fn law<W: Way>(world: &World<W>) {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&seen);
        world.script([
            Reply::Redirect(307, "/b?q=secret"),
            Reply::Redirect(303, "http://e/c"),
        ]);
        let call = world
            .client
            .post("/a")
            .bearer_auth("t")
            .header("content-type", "text/plain")
            .body("b");
        let call = call.before_redirect(move |redirect| {
            let way: Vec<_> = redirect.redirects().iter().map(http::Uri::path).collect();
            told.lock().unwrap().push(format!(
                "{} {} of {way:?} after {} to {:?}, {} {}",
                redirect.method(),
                redirect.uri(),
                redirect.status().as_u16(),
                redirect.answer_headers()["location"],
                redirect.headers().contains_key("authorization"),
                redirect.headers().contains_key("content-type"),
            ));
            let printed = format!("{redirect:?}");
            assert!(!printed.contains("secret"), "{printed}");
            Ok(())
        });
        world.finish(call).unwrap();
        assert_eq!(
            *seen.lock().unwrap(),
            [
                "POST http://h/b?q=secret of [\"/a\"] after 307 to \"/b?q=secret\", true true",
                "GET http://e/c of [\"/a\", \"/b\"] after 303 to \"http://e/c\", false false",
            ]
        );
        world.logged("T POST /a | T POST /b?q=secret | T GET http://e/c | => 200");
    }
    everywhere!(law);
}

/// As in axios, the hook runs behind the guard: what it adds is meant for the
/// next address. The guard of the next hop takes it off again.
#[test]
fn a_header_of_the_hooks_goes_to_the_next_origin_only() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder.base_url("http://h").before_redirect(|redirect| {
                let hop = redirect.redirects().len();
                redirect.headers_mut().insert("x-hop", hop.into());
                if hop == 1 {
                    let token = HeaderValue::from_static("for e");
                    redirect.headers_mut().insert("authorization", token);
                }
                Ok(())
            })
        });
        world.script([
            Reply::Redirect(302, "http://e/b"),
            Reply::Redirect(302, "http://f/c"),
        ]);
        world.get("/a").unwrap();
        let sent = world.mock.requests();
        assert!(no_header("x-hop", &sent[0]));
        assert_eq!(sent[1].headers()["x-hop"], "1");
        assert_eq!(sent[1].headers()["authorization"], "for e");
        assert_eq!(sent[2].headers()["x-hop"], "2");
        assert!(no_header("authorization", &sent[2]));
    }
    everywhere!(law);
}

#[test]
fn the_hook_cannot_bring_a_bound_header_to_another_origin() {
    fn law<W: Way>(world: &World<W>) {
        let home: tollgate::Origin = "http://h".parse().unwrap();
        let bind = move |mut request: Request| {
            let name = HeaderName::from_static("x-bound");
            request.bind_header(name, home.clone().into());
            Ok(request)
        };
        world.client.interceptors.request.use_sync(bind);
        world.script([Reply::Redirect(302, "http://e/b")]);
        let call = world.client.get("/a").before_redirect(|redirect| {
            let value = HeaderValue::from_static("b");
            redirect.headers_mut().insert("x-bound", value);
            Ok(())
        });
        world.finish(call).unwrap();
        assert!(no_header("x-bound", &world.mock.requests()[1]));
    }
    everywhere!(law);
}

#[test]
fn a_redirect_that_the_hook_refuses_is_a_redirect_error() {
    fn law<W: Way>(world: &World<W>) {
        world.script([
            Reply::Redirect(302, "/b"),
            Reply::Redirect(307, "http://e/"),
        ]);
        world.request("Q", Do::Pass, Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        let call = world
            .client
            .get("/a")
            .before_redirect(|redirect| match redirect.uri().host() {
                Some("h") => Ok(()),
                _ => Err(Error::message("only `h` is known")),
            });
        let error = world.finish(call).unwrap_err();
        world.logged("Q.ok | T GET /a | T GET /b | S.err | => Redirect");
        assert_eq!(error.code(), ErrorCode::RedirectFailed);
        assert_eq!(error.code().as_str(), "ERR_FR_REDIRECTION_FAILURE");
        let text = error.to_string();
        assert!(
            text.contains("refused to follow the redirect 307"),
            "{text}"
        );
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "only `h` is known");
        assert_eq!(error.redirects(), ["http://h/a", "http://h/b"]);
        assert_eq!(error.request().unwrap().uri(), "http://e/");
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_panic_of_the_hook_ends_the_call_and_nothing_else() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Redirect(302, "/b")]);
        let call = world.client.get("/a").before_redirect(|_| panic!("oh"));
        let error = world.finish(call).unwrap_err();
        world.logged("T GET /a | => Interceptor");
        assert!(error.to_string().contains("`before_redirect` panicked: oh"));
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_call_replaces_the_clients_hook_or_takes_it_off() {
    fn law<W: Way>(world: &World<W>) {
        let told = world.log.clone();
        let world = world.with(move |builder| {
            builder.before_redirect(move |_| {
                told.add("client's");
                Ok(())
            })
        });
        let redirect = || world.script([Reply::Redirect(302, "/b")]);
        redirect();
        world.get("/a").unwrap();
        redirect();
        let told = world.log.clone();
        let own = world.client.get("/a").before_redirect(move |_| {
            told.add("call's");
            Ok(())
        });
        world.finish(own).unwrap();
        redirect();
        let none = world.client.get("/a").without_before_redirect();
        world.finish(none).unwrap();
        world.logged(
            "T GET /a | client's | T GET /b | => 200 | \
             T GET /a | call's | T GET /b | => 200 | \
             T GET /a | T GET /b | => 200",
        );
    }
    everywhere!(law);
}

#[test]
fn the_hook_holds_for_replays_and_is_not_asked_where_nothing_is_followed() {
    fn law<W: Way>(world: &World<W>) {
        world.script([
            Reply::Redirect(302, "/b"),
            Reply::Status(503),
            Reply::Redirect(302, "/c"),
        ]);
        world.response("again", Do::Pass, Do::Replay(2));
        let told = world.log.clone();
        let call = |url: &str| {
            let told = told.clone();
            world.client.get(url).before_redirect(move |redirect| {
                told.add(format!("to {}", redirect.uri().path()));
                Ok(())
            })
        };
        world.finish(call("/a")).unwrap();
        world.logged(
            "T GET /a | to /b | T GET /b | again.err | \
             T GET /a | to /c | T GET /c | again.ok | => 200",
        );
        world.client.interceptors.response.clear();
        world.script([Reply::Redirect(302, "/b")]);
        let unfollowed = call("/a").max_redirects(0).accept_any_status();
        world.finish(unfollowed).unwrap();
        world.logged("T GET /a | => 302");
    }
    everywhere!(law);
}

#[test]
fn an_error_knows_the_way_that_the_call_went() {
    fn law<W: Way>(world: &World<W>) {
        let way = ["http://h/a", "http://h/b"];
        let two = || [Reply::Redirect(302, "/b"), Reply::Redirect(302, "/c")];
        let check = |error: Error, kind| {
            assert_eq!(error.kind(), kind);
            assert_eq!(error.redirects(), way, "{kind:?}");
            assert_eq!(error.request().unwrap().uri(), "http://h/c", "{kind:?}");
        };
        world.script(two());
        world.script([Reply::Fail(ErrorKind::Connect)]);
        check(world.get("/a").unwrap_err(), ErrorKind::Connect);
        world.script(two());
        world.script([Reply::Status(404)]);
        check(world.get("/a").unwrap_err(), ErrorKind::Status);
        world.script(two());
        world.script([Reply::Redirect(302, "/d")]);
        let few = world.client.get("/a").max_redirects(2);
        check(world.finish(few).unwrap_err(), ErrorKind::Redirect);
        world.script(two());
        world.script([Reply::Body(200, "too long".into())]);
        let small = world.client.get("/a").max_response_bytes(3);
        check(
            world.finish(small).unwrap_err(),
            ErrorKind::ResponseTooLarge,
        );
        world.script([Reply::Status(404)]);
        assert!(world.get("/a").unwrap_err().redirects().is_empty());
    }
    everywhere!(law);
}

#[test]
fn a_redirect_whose_body_stalls_is_followed_soon() {
    fn law<W: Way>(world: &World<W>) {
        let time = ManualRuntime::new();
        let world = world.with(|builder| builder.runtime(time.clone()).without_timeout());
        let moved = |body: Body| MockReply::status(302, body).header("location", "/b");
        for body in [stalling_body(), stalling_body().with_length(100)] {
            world.mock.push(moved(body));
            std::thread::scope(|scope| {
                let running = scope.spawn(|| world.get("/a"));
                wait_until("the call waits", || time.sleeping() > 0);
                // The clock stands before and after.
                time.advance(Duration::from_secs(5));
                wait_until("the call is over", || running.is_finished());
                running.join().unwrap().unwrap();
            });
            world.logged("T GET /b | => 200");
        }
    }
    everywhere!(law);
}
