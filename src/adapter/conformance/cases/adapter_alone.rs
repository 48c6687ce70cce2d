//! What the port asks of an adapter, without the core.

use super::{Case, Needs, cases};
use crate::{
    adapter::{
        AdapterError,
        conformance::{
            Reply,
            bench::{AMPLE, Bench, only_request, raw_request, timed, within},
            lane::Lane,
            verdict::{Failure, Verdict, ensure, same},
        },
    },
    error::ErrorKind,
};

const HEADS: Needs = Needs::Wire("it is about heads on a wire");

cases! {
    every_status_is_an_answer:
        "any status from 200 to 999 is an answer with its body, never an error";
    a_redirect_is_not_followed_by_the_adapter:
        "a redirect is handed over with `location` and body, and nothing else is sent";
    a_request_is_sent_once:
        "no answer makes the adapter send again: 401, 408, 421, 425, 429, 503";
    no_cookie_is_kept:
        "a cookie that an answer sets is not sent with the next request";
    the_adapter_adds_only_headers_of_the_transport [HEADS]:
        "no header is added but those that the transport needs or negotiates";
    the_host_stands_there_once [HEADS]:
        "there is exactly one `host`, the authority that was dialled";
    the_hint_of_http_2_is_ignored_on_plain_http:
        "a request of version 2 goes out on plain http as what the adapter speaks";
    the_address_is_dialled_as_it_is_written:
        "path and query arrive byte by byte, nothing decoded, encoded or resolved";
    what_cannot_be_sent_is_refused_without_a_panic [Needs::Wire("a mock sends everything")]:
        "an address without host or with another scheme is an error, not a panic";
    interim_answers_are_passed_over [HEADS]:
        "100, 102 and 103 come before the answer and are not the answer";
    a_head_without_measure_is_an_error [HEADS]:
        "a head of 4 MiB is an error, and not kept in memory for long";
}

fn every_status_is_an_answer<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [
        200, 201, 206, 299, 300, 399, 400, 401, 404, 407, 418, 499, 500, 503, 599, 999,
    ] {
        let server = bench.serve(Reply::new(status).body("text"))?;
        let response = bench.raw(raw_request("GET", &server.url("/"), ())?)?;
        same("status", response.status().as_u16(), status)?;
        same("body", bench.read_whole(response.into_body())?, b"text")?;
    }
    Ok(())
}

fn a_redirect_is_not_followed_by_the_adapter<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [301, 302, 303, 307, 308] {
        let server = bench.serve(Reply::new(status).header("location", "/next").body("moved"))?;
        for method in ["GET", "POST"] {
            let before = server.requests().len();
            let response = bench.raw(raw_request(method, &server.url("/"), ())?)?;
            same("status", response.status().as_u16(), status)?;
            let location = response.headers().get("location");
            same(
                "location",
                location.map(http::HeaderValue::as_bytes),
                Some(&b"/next"[..]),
            )?;
            same("body", bench.read_whole(response.into_body())?, b"moved")?;
            same("requests", server.requests().len(), before + 1)?;
        }
    }
    Ok(())
}

fn a_request_is_sent_once<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [401, 408, 421, 425, 429, 503] {
        let reply = Reply::new(status)
            .header("retry-after", "0")
            .header("www-authenticate", "Basic realm=\"x\"");
        let server = bench.serve(reply)?;
        let response = bench.raw(raw_request("GET", &server.url("/"), ())?)?;
        same("status", response.status().as_u16(), status)?;
        bench.read_whole(response.into_body())?;
        only_request(&server)?;
    }
    Ok(())
}

fn no_cookie_is_kept<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200).header("set-cookie", "a=b; Path=/"))?;
    for _ in 0..2 {
        let response = bench.raw(raw_request("GET", &server.url("/"), ())?)?;
        ensure(
            response.headers().contains_key("set-cookie"),
            "`set-cookie` is gone",
        )?;
        bench.read_whole(response.into_body())?;
    }
    for request in server.requests() {
        same("cookie", request.headers().get("cookie"), None)?;
    }
    Ok(())
}

fn the_adapter_adds_only_headers_of_the_transport<E: Lane>(bench: &Bench<E>) -> Verdict {
    const KNOWN: [&str; 7] = [
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "transfer-encoding",
        "user-agent",
    ];
    let server = bench.serve(Reply::new(200))?;
    for (method, body) in [("GET", ""), ("POST", "text")] {
        bench.raw(raw_request(method, &server.url("/"), body)?)?;
    }
    for request in server.requests() {
        for name in request.headers().keys() {
            ensure(
                KNOWN.contains(&name.as_str()),
                format_args!("`{name}` was added"),
            )?;
        }
    }
    Ok(())
}

fn the_host_stands_there_once<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    bench.raw(raw_request("GET", &server.url("/"), ())?)?;
    let request = only_request(&server)?;
    let host = server.address().to_string();
    same("host", request.header("host"), Some(host.as_str()))
}

fn the_hint_of_http_2_is_ignored_on_plain_http<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200).body("text"))?;
    let mut request = raw_request("POST", &server.url("/"), "abc")?;
    *request.version_mut() = http::Version::HTTP_2;
    let response = bench.raw(request)?;
    same("body", bench.read_whole(response.into_body())?, b"text")?;
    same("upload", only_request(&server)?.body(), "abc")
}

fn the_address_is_dialled_as_it_is_written<E: Lane>(bench: &Bench<E>) -> Verdict {
    let server = bench.serve(Reply::new(200))?;
    let targets = [
        "/",
        "/a%2Fb/%7euser;v=1,2",
        "/a//b/",
        "/x?q=a%20b+c&q=%C3%A9&empty=&flag",
        "/x?json=%7B%22a%22:1%7D&next=http://h/?a=b",
        "/!$&'()*+,;=:@~-._",
    ];
    for target in targets {
        bench.raw(raw_request("GET", &server.url(target), ())?)?;
    }
    let requests = server.requests();
    let arrived: Vec<_> = requests.iter().map(|request| request.target()).collect();
    same("targets", arrived, targets)
}

fn what_cannot_be_sent_is_refused_without_a_panic<E: Lane>(bench: &Bench<E>) -> Verdict {
    for url in ["/only/a/path", "ftp://127.0.0.1/x?key=CANARY-query", "h:80"] {
        let error = bench.raw_error(raw_request("GET", url, ())?)?;
        let known = [
            ErrorKind::InvalidRequest,
            ErrorKind::InvalidUrl,
            ErrorKind::Unsupported,
        ];
        ensure(
            known.contains(&error.kind()),
            format_args!("`{url}` is {:?}: {error}", error.kind()),
        )?;
    }
    Ok(())
}

fn interim_answers_are_passed_over<E: Lane>(bench: &Bench<E>) -> Verdict {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n",
    ] {
        let answer = Reply::new(200).body("text").to_bytes();
        let server = bench.serve(Reply::raw([interim.as_bytes(), &answer].concat()))?;
        let response = bench.raw(raw_request("GET", &server.url("/"), ())?)?;
        same("status", response.status().as_u16(), 200)?;
        same("body", bench.read_whole(response.into_body())?, b"text")?;
    }
    Ok(())
}

fn a_head_without_measure_is_an_error<E: Lane>(bench: &Bench<E>) -> Verdict {
    for bomb in [Reply::head_bomb(1, 4 << 20), Reply::head_bomb(64 << 10, 54)] {
        let server = bench.serve(bomb)?;
        let request = raw_request("GET", &server.url("/?key=CANARY-query"), ())?;
        let (error, took) = timed(|| bench.raw_error(request));
        let error: AdapterError = error?;
        if error.kind() != ErrorKind::Transport {
            return Err(Failure::new(format_args!("{:?}: {error}", error.kind())));
        }
        within("the refusal", took, AMPLE)?;
        bench.clean(&server)?;
    }
    Ok(())
}
