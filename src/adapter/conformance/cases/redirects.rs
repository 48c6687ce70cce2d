//! Redirects, which the core follows alike over every adapter.

use http::{Method, Uri};

use super::{Case, Needs, cases};
use crate::{
    adapter::REDIRECT_PATIENCE,
    adapter::conformance::{
        Received, Reply, Script, Server,
        bench::{AMPLE, Bench, GRACE, fails, only_request, secret_url, timed, unhurried, within},
        lane::Lane,
        verdict::{Failure, Verdict, same},
    },
    body::Body,
    error::{ErrorCode, ErrorKind},
};

cases! {
    redirects_rewrite_methods_as_browsers_do:
        "303 turns all but HEAD into GET, 301 and 302 turn POST, 307 and 308 turn nothing";
    the_way_and_the_last_address_are_known:
        "`redirects` lists the addresses that redirected, `uri` is the one that answered";
    a_loop_ends_at_the_limit:
        "a call makes one request more than `max_redirects`, then fails with that code";
    no_redirect_is_followed_where_none_may_be:
        "with `max_redirects(0)` a 3xx is an answer like any other";
    a_location_that_cannot_be_followed_is_an_error:
        "a `location` of another scheme, malformed or not text fails, and nothing is sent";
    a_redirect_without_a_location_is_an_answer:
        "a 302 without `location` and a 304 are not followed";
    a_redirect_whose_body_stalls_is_followed_soon:
        "the next request does not wait for the rest of a redirect's body";
    a_one_shot_body_is_not_sent_twice:
        "a 307 that asks for a stream again is an error, never an empty body";
}

/// Redirects from `/start` to `/end`, with a body to drain.
fn hop(status: u16) -> Script {
    let moved = Reply::new(status).header("location", "/end").body("moved");
    Script::new()
        .on("/start", moved)
        .on("/end", Reply::new(200).body("end"))
}

fn a_redirect_whose_body_stalls_is_followed_soon<E: Lane>(bench: &Bench<E>) -> Verdict {
    let moved = Reply::new(302).header("location", "/end").body("moved");
    let at = moved.head_len();
    for moved in [moved.clone().stall_at(at), moved.stall_at(at + 2)] {
        let script = Script::new()
            .on("/start", moved)
            .on("/end", Reply::new(200).body("end"));
        let server = bench.serve(script)?;
        unhurried(|_| {
            let call = bench.client().get(secret_url(&server, "/start"));
            let (result, took) = timed(|| bench.send(call.timeout(AMPLE)));
            same("body", result?.text()?.as_str(), "end")?;
            Ok(within("the call", took, REDIRECT_PATIENCE + GRACE))
        })?;
    }
    Ok(())
}

fn second_request(server: &Server) -> Verdict<Received> {
    let mut requests = server.requests();
    same("requests", requests.len(), 2)?;
    requests.pop().ok_or_else(|| Failure::new("no request"))
}

fn redirects_rewrite_methods_as_browsers_do<E: Lane>(bench: &Bench<E>) -> Verdict {
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    for status in [301, 302, 303, 307, 308] {
        for name in methods {
            let server = bench.serve(hop(status))?;
            let has_body = !matches!(name, "GET" | "HEAD");
            let mut call = bench
                .client()
                .request(name.parse()?, secret_url(&server, "/start"));
            if has_body {
                call = call.body("abc").header("content-type", "text/x");
            }
            bench.send(call)?;
            let rewritten = match status {
                303 => has_body,
                301 | 302 => name == "POST",
                _ => false,
            };
            let what = format!("{status} after {name}");
            let request = second_request(&server)?;
            let expected = if rewritten { "GET" } else { name };
            same(&what, request.method().as_str(), expected)?;
            let body = if has_body && !rewritten { "abc" } else { "" };
            same(&what, request.body(), body)?;
            let kind = (has_body && !rewritten).then_some("text/x");
            same(&what, request.header("content-type"), kind)?;
            same(&what, request.header("referer"), None)?;
            if rewritten {
                same(&what, request.headers().get("content-length"), None)?;
            }
        }
    }
    Ok(())
}

fn the_way_and_the_last_address_are_known<E: Lane>(bench: &Bench<E>) -> Verdict {
    let script = Script::new()
        .on(
            "/a/start",
            Reply::new(302).header("location", "mid?x=1#part"),
        )
        .on("/a/mid", Reply::new(308).header("location", "../end"))
        .on("/end", Reply::new(200).body("end"));
    let server = bench.serve(script)?;
    let response = bench.send(bench.client().get(server.url("/a/start")))?;
    same("body", response.text()?, "end")?;
    same(
        "uri",
        response.uri().map(Uri::to_string),
        Some(server.url("/end")),
    )?;
    let way: Vec<_> = response.redirects().iter().map(Uri::to_string).collect();
    same(
        "redirects",
        way,
        [server.url("/a/start"), server.url("/a/mid?x=1")],
    )?;
    let targets: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.target().to_owned())
        .collect();
    same("targets", targets, ["/a/start", "/a/mid?x=1", "/end"])
}

fn a_loop_ends_at_the_limit<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(302).header("location", "/again?key=CANARY-next"))?;
    for (limit, call) in [
        (10, bench.client().get(secret_url(&server, "/"))),
        (
            3,
            bench
                .client()
                .get(secret_url(&server, "/"))
                .max_redirects(3),
        ),
    ] {
        let before = server.requests().len();
        let error = fails(bench.send(call), ErrorKind::Redirect)?;
        same("code", error.code(), ErrorCode::TooManyRedirects)?;
        same("requests", server.requests().len() - before, limit + 1)?;
    }
    bench.clean(&server)
}

fn no_redirect_is_followed_where_none_may_be<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(hop(302))?;
    let call = bench.client().get(secret_url(&server, "/start"));
    let error = fails(bench.send(call.max_redirects(0)), ErrorKind::Status)?;
    same("status", error.status().map(|it| it.as_u16()), Some(302))?;
    let call = bench.client().get(server.url("/start")).max_redirects(0);
    let response = bench.send(call.accept_any_status())?;
    same("body", response.text()?, "moved")?;
    same("requests", server.requests().len(), 2)
}

fn a_location_that_cannot_be_followed_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    let locations = [
        &b"file:///etc/passwd"[..],
        b"data:text/plain,hi",
        b"http://[::bad",
        b"http://127.0.0.1:99999/",
        b"http:///no-host",
        b"/not-text-\xff",
        b"\\\\127.0.0.1\\x",
    ];
    for location in locations {
        let server = bench.serve(Reply::new(302).header("location", location))?;
        let call = bench.client().get(secret_url(&server, "/"));
        fails(bench.send(call), ErrorKind::Redirect)?;
        only_request(&server)?;
        bench.clean(&server)?;
    }
    Ok(())
}

fn a_redirect_without_a_location_is_an_answer<E: Lane>(bench: &Bench<E>) -> Verdict {
    for reply in [Reply::new(302), Reply::new(304).header("location", "/end")] {
        let server = bench.serve(reply)?;
        let call = bench.client().get(server.url("/")).accept_any_status();
        bench.send(call)?;
        only_request(&server)?;
    }
    Ok(())
}

fn a_one_shot_body_is_not_sent_twice<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [307, 308] {
        let server = bench.serve(hop(status))?;
        let body = Body::from_reader(&b"once"[..]);
        let url = secret_url(&server, "/start");
        let call = bench.client().request(Method::POST, url).body(body);
        fails(bench.send(call), ErrorKind::Redirect)?;
        same("upload", only_request(&server)?.body(), "once")?;
        bench.clean(&server)?;
    }
    Ok(())
}
