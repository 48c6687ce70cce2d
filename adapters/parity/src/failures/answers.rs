//! An answer that the call does not take, or no answer in time.

use tollgate::{
    Body, Error,
    adapter::conformance::{Reply, Script, Server, gzip},
};

use super::{AFTER_HEAD, Failure, Provoked, SHORT, TRIES, calling, fails, failures, served};
use crate::Lane;

failures! {
    "status 304" => |lane: &L| served(lane, Reply::new(304)),
    "status 404" => |lane: &L| served(lane, Reply::new(404).body("no such user")),
    "status 503" => |lane: &L| served(lane, Reply::new(503)),
    "no head within `timeout`" => |lane: &L| {
        calling(lane, Reply::stall(), |client, url| client.get(url).timeout(SHORT))
    },
    "no end of the body within `timeout`" => |lane: &L| after_head(|| {
        calling(lane, stalling(), |client, url| client.get(url).timeout(AFTER_HEAD))
    }),
    "no end of the body within `deadline`" => |lane: &L| after_head(|| {
        calling(lane, stalling(), |client, url| client.get(url).deadline(AFTER_HEAD))
    }),
    "no chunk of a stream within `read_timeout`" => |lane: &L| {
        streamed(lane, |call| call.read_timeout(SHORT))
    },
    "no end of a stream within `deadline`" => |lane: &L| after_head(|| {
        streamed(lane, |call| call.deadline(AFTER_HEAD))
    }),
    "a redirect in a circle" => |lane: &L| served(lane, circle()),
    "a redirect to another scheme" => |lane: &L| {
        served(lane, Reply::new(302).header("location", "ftp://127.0.0.1/"))
    },
    "a redirect that asks for a stream again" => once_only,
    "a redirect that leads a body to another origin" => |lane: &L| {
        let script = Reply::new(307).header("location", "http://other.example.com/");
        calling(lane, script, |client, url| client.post(url).body("secret"))
    },
    "a redirect that `before_redirect` refuses" => |lane: &L| {
        calling(lane, circle(), |client, url| {
            client.get(url).before_redirect(|_| Err(Error::message("the way is known")))
        })
    },
    "a body that is not gzip" => |lane: &L| {
        served(lane, Reply::new(200).header("content-encoding", "gzip").body("no gzip"))
    },
    "a gzip body that is damaged" => |lane: &L| served(lane, damaged()),
    "JSON of another shape" => |lane: &L| json(lane, r#"{"id":"seven"}"#),
    "no body where JSON was expected" => |lane: &L| json(lane, ""),
    "a body above `max_response_bytes`, by its length" => |lane: &L| {
        calling(lane, large(), |client, url| client.get(url).max_response_bytes(8))
    },
    "a body above `max_response_bytes`, as it comes" => |lane: &L| {
        calling(lane, large().chunked(), |client, url| client.get(url).max_response_bytes(8))
    },
    "a `transform_response` that fails" => |lane: &L| {
        calling(lane, large(), |client, url| {
            client.get(url).transform_response(|_, _, _| Err(Error::message("no signature")))
        })
    },
    "bytes of what was left a stream" => |lane: &L| {
        let server = Server::start(large())?;
        let client = lane.builder().build()?;
        let response = lane.send(client.get(server.url("/")).stream())?;
        fails(response.bytes().map(|_| response))
    },
}

/// Stops in the body.
fn stalling() -> Reply {
    let reply = Reply::new(200).body("0123456789abcdef");
    let at = reply.head_len() + 4;
    reply.stall_at(at)
}

fn circle() -> Script {
    Script::new().otherwise(|_| Reply::new(302).header("location", "/again"))
}

fn large() -> Reply {
    Reply::new(200).body("0123456789abcdef")
}

fn damaged() -> Reply {
    let mut packed = gzip(b"0123456789abcdef");
    // The checksum before the last four bytes.
    if let Some(byte) = packed.iter_mut().rev().nth(6) {
        *byte ^= 0xff;
    }
    Reply::new(200)
        .header("content-encoding", "gzip")
        .body(packed)
}

/// Provokes what fails after the head has come, a few times at most where the
/// limit is over before that.
fn after_head(provoke: impl Fn() -> Provoked) -> Provoked {
    let mut error = provoke()?;
    for _ in 1..TRIES {
        if error.status().is_some() {
            break;
        }
        error = provoke()?;
    }
    Ok(error)
}

fn streamed<L: Lane>(
    lane: &L,
    set: impl FnOnce(tollgate::client::Call<L::Engine>) -> tollgate::client::Call<L::Engine>,
) -> Provoked {
    let server = Server::start(stalling())?;
    let client = lane.builder().build()?;
    let response = match lane.send(set(client.get(server.url("/")).stream())) {
        Ok(response) => response,
        Err(error) => return Ok(error),
    };
    match lane.read(response.into_body()) {
        Ok(bytes) => Err(format!("{} bytes came", bytes.len()).into()),
        Err(error) => Ok(Error::from(error)),
    }
}

fn once_only<L: Lane>(lane: &L) -> Provoked {
    let script = Reply::new(307).header("location", "/again");
    calling(lane, script, |client, url| {
        client.post(url).body(Body::from_reader(&b"once"[..]))
    })
}

fn json<L: Lane>(lane: &L, body: &'static str) -> Provoked {
    let server = Server::start(Reply::new(200).body(body))?;
    let client = lane.builder().build()?;
    let response = lane.send(client.get(server.url("/")))?;
    fails(response.json::<User>().map(|user| {
        let mut response = response;
        response.set_body(user.id.to_string());
        response
    }))
}

#[derive(serde::Deserialize)]
struct User {
    id: u32,
}
