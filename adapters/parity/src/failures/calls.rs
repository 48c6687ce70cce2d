//! A call that is not sent, is given up, or fails in an interceptor.

use std::{thread, time::Duration};

use tollgate::{
    Body, CancelHandle, Error, Response,
    adapter::conformance::{Reply, Script, Server},
    auth::{MemoryStore, RefreshClass, RefreshError, Token, TokenRefresh},
    client::{Client, EngineKind},
};

use super::{Failure, Provoked, calling, fails, failures, get};
use crate::Lane;

failures! {
    "an update of the defaults inside another" => |lane: &L| {
        let client = lane.builder().build()?;
        let mut inner = Ok(());
        client.update_defaults(|defaults| {
            inner = client.update_defaults(|defaults| defaults);
            defaults
        })?;
        fails(inner.map(|()| Response::new(http::StatusCode::OK, "")))
    },
    "an address without a host" => |lane: &L| get(lane, "http://"),
    "an address of another scheme" => |lane: &L| get(lane, "ftp://127.0.0.1/"),
    "an address off the base's origin" => |lane: &L| {
        let client = lane.builder().base_url("https://api.example.com").build()?;
        fails(lane.send(client.get("https://other.example.com/")))
    },
    "parameters that are nested too deeply" => |lane: &L| {
        let deep = (0..103).fold(None, |inside, _| Some(Box::new(Deep { inside })));
        calling(lane, ok(), |client, url| client.get(url).query(&deep))
    },
    "a header with a line break" => |lane: &L| {
        calling(lane, ok(), |client, url| client.get(url).header("x-name", "a\nb"))
    },
    "a method that no adapter sends" => |lane: &L| {
        calling(lane, ok(), |client, url| client.request(http::Method::CONNECT, url))
    },
    "a length that is not the body's" => |lane: &L| {
        calling(lane, ok(), |client, url| {
            client.post(url).header("content-length", "9").body("four")
        })
    },
    "a body above `max_request_bytes`, by its length" => |lane: &L| {
        calling(lane, ok(), |client, url| client.post(url).max_request_bytes(8).body("0123456789"))
    },
    "a body above `max_request_bytes`, as it is sent" => |lane: &L| {
        calling(lane, ok(), |client, url| {
            let body = Body::from_reader(&b"0123456789"[..]);
            client.post(url).max_request_bytes(8).body(body)
        })
    },
    "a body that cannot be read" => |lane: &L| {
        calling(lane, ok(), |client, url| client.post(url).body(Body::from_reader(Broken)))
    },
    "a body that ends before its length" => |lane: &L| {
        calling(lane, ok(), |client, url| {
            let body = Body::from_reader(&b"0123456789"[..]);
            client.post(url).body(body.with_length(12))
        })
    },
    "a `transform_request` that fails" => |lane: &L| {
        calling(lane, ok(), |client, url| {
            client.get(url).transform_request(|_, _| Err(Error::message("no key to sign with")))
        })
    },
    "a call that was cancelled before" => |lane: &L| {
        let cancel = CancelHandle::new();
        cancel.cancel();
        calling(lane, ok(), |client, url| client.get(url).cancel_handle(&cancel))
    },
    "a call that is cancelled while it waits" => |lane: &L| cancelled(lane, Reply::stall()),
    "a stream that is cancelled" => cancelled_stream,
    "a request interceptor that fails" => |lane: &L| {
        hooked(lane, ok(), |client| {
            let hook = client.interceptors.request.named("tenant");
            hook.use_sync(|_| Err(Error::message("the tenant is missing")));
        })
    },
    "a response interceptor that fails" => |lane: &L| {
        hooked(lane, ok(), |client| {
            let hook = client.interceptors.response.named("check");
            hook.use_(async |_| Err(Error::message("the checksum differs")));
        })
    },
    "an interceptor that panics" => |lane: &L| {
        hooked(lane, ok(), |client| {
            let hook = client.interceptors.request.named("lookup");
            hook.use_sync(|request| match request.headers().len() {
                usize::MAX => Ok(request),
                length => panicking(length),
            });
        })
    },
    "a token that cannot be refreshed" => |lane: &L| {
        refused(lane, || RefreshError::new(RefreshClass::NotSent, "the server is down"))
    },
    "a session that is over" => |lane: &L| {
        refused(lane, || RefreshError::new(RefreshClass::Rejected, "the user was blocked"))
    },
}

fn ok() -> Reply {
    Reply::new(200)
}

/// Waits in the body until the server ends.
fn half() -> Reply {
    let reply = Reply::new(200).body("0123456789abcdef");
    let at = reply.head_len() + 4;
    reply.stall_at(at)
}

#[derive(serde::Serialize)]
struct Deep {
    inside: Option<Box<Self>>,
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is gone"))
    }
}

#[expect(clippy::panic, reason = "it shows what a panic becomes")]
fn panicking(length: usize) -> tollgate::Result<tollgate::Request> {
    panic!("planned, with {length} headers")
}

fn cancelled<L: Lane>(lane: &L, script: impl Into<Script>) -> Provoked {
    let server = Server::start(script)?;
    let client = lane.builder().build()?;
    let cancel = CancelHandle::new();
    let call = client.get(server.url("/")).cancel_handle(&cancel);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Where nothing comes in, the call ends all the same.
            let _ = server.wait_for_requests(1, Duration::from_secs(5));
            cancel.cancel_with("the user left");
        });
        fails(lane.send(call))
    })
}

fn cancelled_stream<L: Lane>(lane: &L) -> Provoked {
    let server = Server::start(half())?;
    let client = lane.builder().build()?;
    let cancel = CancelHandle::new();
    let call = client.get(server.url("/")).cancel_handle(&cancel).stream();
    let response = lane.send(call)?;
    cancel.cancel_with("the user left");
    match lane.read(response.into_body()) {
        Ok(bytes) => Err(format!("{} bytes came", bytes.len()).into()),
        Err(error) => Ok(Error::from(error)),
    }
}

fn hooked<L: Lane>(
    lane: &L,
    script: impl Into<Script>,
    register: impl FnOnce(&Client<L::Engine>),
) -> Provoked {
    let server = Server::start(script)?;
    let client = lane.builder().build()?;
    register(&client);
    fails(lane.send(client.get(server.url("/"))))
}

/// Calls with a token that is refused, and a refresh that fails.
fn refused<L: Lane>(lane: &L, why: fn() -> RefreshError) -> Provoked {
    let server = Server::start(Reply::new(401))?;
    let client = lane.builder().base_url(server.origin()).build()?;
    sign_in(&client, why)?;
    fails(lane.send(client.get("/me")))
}

fn sign_in<E: EngineKind>(client: &Client<E>, why: fn() -> RefreshError) -> tollgate::Result<()> {
    let token = Token::new("a1").refresh("r1");
    let refresher = async move |_: tollgate::Client, _: Token| Err::<Token, _>(why());
    let pair = TokenRefresh::builder(MemoryStore::new(token), refresher).build()?;
    client.interceptors.use_pair(pair);
    Ok(())
}
