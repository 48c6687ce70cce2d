//! What a redirect may take along to another origin.
//!
//! The second server is another origin because its port differs; it records
//! every byte that it gets.

use http::{HeaderName, HeaderValue};

use super::{Case, Needs, cases};
use crate::{
    adapter::conformance::{
        Received, Reply, Script, Server, Step,
        bench::{AMPLE, Bench, fails, secret_url},
        lane::Lane,
        verdict::{Verdict, ensure, same},
    },
    client::{Call, Client},
    error::ErrorKind,
    request::Request,
    uri::{Origin, Origins},
};

cases! {
    credentials_stay_with_their_origin:
        "no credential, bound or sensitive header reaches another origin by a redirect";
    credentials_stay_with_their_host [Needs::Wire("a mock resolves no names")]:
        "a redirect to another name of the same machine takes no credential along";
    credentials_stay_with_their_scheme [Needs::Wire("a mock has no TLS")]:
        "a redirect from http to https on the same host takes none along in the clear";
    credentials_go_along_within_the_origin:
        "all of them are sent again where a redirect stays on scheme, host and port";
    credentials_do_not_come_back:
        "what was taken off stays off when a redirect leads back to the first origin";
    a_bound_header_goes_where_it_is_bound:
        "a header that is bound to the other origin, too, arrives there";
    a_changed_address_sheds_credentials:
        "an interceptor that rewrites the address takes no credential along";
    a_body_does_not_cross_origins:
        "a 307 or 308 with a body to another origin is an error, unless it is allowed";
}

const BOUND: HeaderName = HeaderName::from_static("x-bound");
const SENSITIVE: HeaderName = HeaderName::from_static("x-sensitive");
const PLAIN: HeaderName = HeaderName::from_static("x-plain");

/// Every header that has to stay at home.
const SECRETS: [&str; 5] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-bound",
    "x-sensitive",
];

/// A client whose interceptor binds a header to `origins`.
fn binding_client<E: Lane>(bench: &Bench<E>, origins: Origins) -> Verdict<Client<E>> {
    let client = bench.other_client(|builder| builder)?;
    client
        .interceptors
        .request
        .use_sync(move |mut request: Request| {
            let value = HeaderValue::from_static("CANARY-bound");
            request.headers_mut().insert(BOUND, value);
            request.bind_header(BOUND, origins.clone());
            Ok(request)
        });
    Ok(client)
}

fn origin(server: &Server) -> Verdict<Origin> {
    Ok(server.origin().parse()?)
}

fn with_secrets<E: Lane>(call: Call<E>) -> Call<E> {
    let mut sensitive = HeaderValue::from_static("CANARY-sensitive");
    sensitive.set_sensitive(true);
    call.header("authorization", "Bearer CANARY-token")
        .header("cookie", "session=CANARY-cookie")
        .header("proxy-authorization", "Basic CANARY-proxy")
        .header(SENSITIVE, sensitive)
        .header(PLAIN, "plain")
}

/// Counts the secrets of a request.
fn secrets(request: &Received) -> usize {
    let headers = request.headers();
    SECRETS
        .iter()
        .filter(|name| headers.contains_key(**name))
        .count()
}

fn check_foreign(server: &Server) -> Verdict {
    for request in server.requests() {
        same("secrets at the other origin", secrets(&request), 0)?;
        same("x-plain", request.header("x-plain"), Some("plain"))?;
        // Wherever it may hide: any header, target or body.
        let everything = format!("{:?}{}", request.headers(), request.target());
        let in_head = everything.contains("CANARY");
        let in_bytes = request.raw().windows(6).any(|bytes| bytes == b"CANARY");
        ensure(!in_head && !in_bytes, "a secret is at the other origin")?;
    }
    Ok(())
}

fn redirect_to(server: &Server, status: u16, path: &str) -> Reply {
    Reply::new(status).header("location", server.url(path))
}

fn credentials_stay_with_their_origin<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [301, 302, 303, 307, 308] {
        let foreign = bench.serve(Reply::new(200))?;
        let home = bench.serve(redirect_to(&foreign, status, "/there"))?;
        let client = binding_client(bench, origin(&home)?.into())?;
        for method in ["GET", "POST", "DELETE"] {
            let call = client.request(method.parse()?, secret_url(&home, "/"));
            bench.send(with_secrets(call))?;
        }
        same("requests at the other origin", foreign.requests().len(), 3)?;
        check_foreign(&foreign)?;
        for request in home.requests() {
            same("secrets at home", secrets(&request), SECRETS.len())?;
        }
    }
    Ok(())
}

fn credentials_stay_with_their_host<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [301, 302, 303, 307, 308] {
        let away = move |request: &Received| match request.header("host") {
            Some(host) if host.starts_with("127.") => {
                let port = host.rsplit(':').next().unwrap_or_default();
                Reply::new(status).header("location", format!("http://localhost:{port}/there"))
            }
            _ => Reply::new(200),
        };
        let script = Script::new().otherwise(move |request| match request.path() {
            "/start" => away(request),
            _ => Reply::new(200),
        });
        let server = bench.serve(script)?;
        let client = binding_client(bench, origin(&server)?.into())?;
        for method in ["GET", "POST", "DELETE"] {
            let call = client.request(method.parse()?, server.url("/start"));
            bench.send(with_secrets(call))?;
        }
        let requests = server.requests();
        same("requests", requests.len(), 6)?;
        for request in &requests {
            let expected = match request.path() {
                "/start" => SECRETS.len(),
                _ => 0,
            };
            same("secrets", secrets(request), expected)?;
        }
    }
    Ok(())
}

fn credentials_stay_with_their_scheme<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [301, 302, 303, 307, 308] {
        // It speaks no TLS, so the handshake fails; what counts is what it got.
        let hangs_up = [Step::Read(1), Step::Fin];
        let script = (0..8).fold(Script::from(Reply::new(200)), |script, number| {
            script.on_connection(number, hangs_up.clone())
        });
        let foreign = bench.serve(script)?;
        let secure = foreign.url("/there").replacen("http:", "https:", 1);
        let home = bench.serve(Reply::new(status).header("location", secure))?;
        let client = binding_client(bench, origin(&home)?.into())?;
        for method in ["GET", "POST"] {
            let call = client.request(method.parse()?, home.url("/"));
            let outcome = bench.send(with_secrets(call));
            ensure(outcome.is_err(), "a server without TLS answered over https")?;
        }
        // Nothing more comes then.
        let closed = foreign.wait_until_closed(AMPLE);
        ensure(closed, "the connection stays open")?;
        for bytes in foreign.bytes() {
            let leaked = bytes.windows(6).any(|part| part == b"CANARY");
            ensure(!leaked, "a secret went out in the clear")?;
        }
        same("requests at home", home.requests().len(), 2)?;
        bench.clean(&home)?;
    }
    Ok(())
}

fn credentials_go_along_within_the_origin<E: Lane>(bench: &Bench<E>) -> Verdict {
    let script = Script::new()
        .on("/start", Reply::new(302).header("location", "/end"))
        .on("/end", Reply::new(200));
    let home = bench.serve(script)?;
    let client = binding_client(bench, origin(&home)?.into())?;
    bench.send(with_secrets(client.get(home.url("/start"))))?;
    let found: Vec<_> = home.requests().iter().map(secrets).collect();
    same("secrets", found, [SECRETS.len(); 2])
}

fn credentials_do_not_come_back<E: Lane>(bench: &Bench<E>) -> Verdict {
    // Neither server can know the other's port first, so the way back comes
    // with the request.
    let back = |request: &Received| match request.header("x-back") {
        Some(home) => Reply::new(302).header("location", home.to_owned()),
        None => Reply::new(400),
    };
    let foreign = bench.serve(Script::new().otherwise(back))?;
    let script = Script::new()
        .on("/start", redirect_to(&foreign, 302, "/there"))
        .on("/end", Reply::new(200));
    let home = bench.serve(script)?;
    let client = bench.other_client(|builder| builder)?;
    let call = client
        .get(home.url("/start"))
        .header("x-back", home.url("/end"));
    bench.send(with_secrets(call))?;
    check_foreign(&foreign)?;
    let found: Vec<_> = home.requests().iter().map(secrets).collect();
    // Without the interceptor there is no bound header.
    same("secrets at home", found, [SECRETS.len() - 1, 0])
}

fn a_bound_header_goes_where_it_is_bound<E: Lane>(bench: &Bench<E>) -> Verdict {
    let foreign = bench.serve(Reply::new(200))?;
    let home = bench.serve(redirect_to(&foreign, 302, "/there"))?;
    let both = Origins::from_iter([origin(&home)?, origin(&foreign)?]);
    let client = binding_client(bench, both)?;
    bench.send(with_secrets(client.get(home.url("/"))))?;
    for request in foreign.requests() {
        same("x-bound", request.header("x-bound"), Some("CANARY-bound"))?;
        same("other secrets", secrets(&request), 1)?;
    }
    same("requests", foreign.requests().len(), 1)
}

fn a_changed_address_sheds_credentials<E: Lane>(bench: &Bench<E>) -> Verdict {
    let foreign = bench.serve(Reply::new(200))?;
    let home = bench.serve(Reply::new(200))?;
    let client = bench.other_client(|builder| builder)?;
    let elsewhere: http::Uri = foreign.url("/there").parse()?;
    // The first one registered runs last.
    client
        .interceptors
        .request
        .use_sync(move |mut request: Request| {
            *request.uri_mut() = elsewhere.clone();
            Ok(request)
        });
    let origins: Origins = origin(&home)?.into();
    client
        .interceptors
        .request
        .use_sync(move |mut request: Request| {
            request
                .headers_mut()
                .insert(BOUND, HeaderValue::from_static("CANARY-bound"));
            request.bind_header(BOUND, origins.clone());
            Ok(request)
        });
    bench.send(with_secrets(client.get(home.url("/"))))?;
    same("requests at home", home.requests().len(), 0)?;
    same("requests at the other origin", foreign.requests().len(), 1)?;
    check_foreign(&foreign)
}

fn a_body_does_not_cross_origins<E: Lane>(bench: &Bench<E>) -> Verdict {
    for status in [307, 308] {
        let foreign = bench.serve(Reply::new(200))?;
        let home = bench.serve(redirect_to(&foreign, status, "/there"))?;
        let call = bench
            .client()
            .post(secret_url(&home, "/"))
            .body("CANARY-body");
        fails(bench.send(call), ErrorKind::Redirect)?;
        same("requests at the other origin", foreign.requests().len(), 0)?;
        let client = bench.other_client(|builder| builder.allow_cross_origin_bodies(true))?;
        bench.send(client.post(home.url("/")).body("allowed"))?;
        let bodies: Vec<_> = foreign
            .requests()
            .iter()
            .map(|it| it.body().clone())
            .collect();
        same("bodies at the other origin", bodies, ["allowed"])?;
        bench.clean(&home)?;
    }
    Ok(())
}
