//! Downloads by chunks, in the async engine.

use std::time::Duration;

use futures::TryStreamExt;
use tollgate::{
    Adapter, Body, Client, Error, ErrorKind, Offload,
    adapter::conformance::{Reply, Server},
};
use tollgate_parity::{Adapts, Limits};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

use crate::AMPLE;

/// Gets the body of this answer as a stream.
async fn body<A: Adapts + Adapter>(server: &Server) -> Body {
    let adapter = A::start(Limits::default()).unwrap();
    let client = Client::builder(adapter).timeout(AMPLE).build().unwrap();
    let call = client.get(server.url("/")).deadline(AMPLE).stream();
    call.send().await.unwrap().into_body()
}

fn letters() -> Vec<String> {
    ('a'..='z').map(|it| it.to_string().repeat(100)).collect()
}

#[tokio::test]
async fn a_chunk_is_there_before_the_next_one_is_sent() {
    async fn law<A: Adapts + Adapter>() {
        let server = Server::start(Reply::new(200).pieces(["one", "two"]).held()).unwrap();
        let mut body = body::<A>(&server).await;
        assert_eq!(body.chunk().await.unwrap().unwrap(), "one", "{}", A::NAME);
        server.release(1);
        assert_eq!(body.chunk().await.unwrap().unwrap(), "two", "{}", A::NAME);
        assert_eq!(body.chunk().await.unwrap(), None, "{}", A::NAME);
        assert_eq!(body.chunk().await.unwrap(), None, "{}", A::NAME);
    }
    law::<ReqwestAdapter>().await;
    law::<Offload<UreqAdapter>>().await;
}

#[tokio::test]
async fn a_stream_of_chunks_is_the_body() {
    async fn law<A: Adapts + Adapter>() {
        let server = Server::start(Reply::new(200).pieces(letters()).chunked()).unwrap();
        let chunks = body::<A>(&server).await.into_stream();
        let all: Vec<_> = chunks.try_collect().await.unwrap();
        assert_eq!(all.concat(), letters().concat().as_bytes(), "{}", A::NAME);
    }
    law::<ReqwestAdapter>().await;
    law::<Offload<UreqAdapter>>().await;
}

#[tokio::test]
async fn a_wait_for_a_chunk_that_is_given_up_loses_nothing() {
    async fn law<A: Adapts + Adapter>() {
        let reply = Reply::new(200).pieces(letters()).chunked();
        let server = Server::start(reply.held()).unwrap();
        let mut body = body::<A>(&server).await;
        let (mut all, mut given_up) = (Vec::new(), 0);
        loop {
            let wait = tokio::time::timeout(Duration::from_millis(2), body.chunk());
            match wait.await {
                // The next piece is sent now only: the wait was in vain.
                Err(_) => {
                    given_up += 1;
                    server.release(1);
                }
                Ok(Ok(Some(chunk))) => all.extend_from_slice(&chunk),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => panic!("{}: {error}", A::NAME),
            }
        }
        assert!(given_up > 0, "{}: nothing was waited for", A::NAME);
        assert_eq!(all, letters().concat().as_bytes(), "{}", A::NAME);
    }
    law::<ReqwestAdapter>().await;
    law::<Offload<UreqAdapter>>().await;
}

#[tokio::test]
async fn what_breaks_off_is_an_error_of_the_call_after_what_came() {
    async fn law<A: Adapts + Adapter>() {
        let reply = Reply::new(200).pieces(["one", "two"]).held();
        let cut = reply.head_len() + 4;
        let server = Server::start(reply.fin_at(cut)).unwrap();
        server.release(2);
        let mut body = body::<A>(&server).await;
        let mut all = Vec::new();
        let error: Error = loop {
            match body.chunk().await {
                Ok(Some(chunk)) => all.extend_from_slice(&chunk),
                Ok(None) => panic!("{}: {all:?} is taken for whole", A::NAME),
                Err(error) => break error,
            }
        };
        assert_eq!(all, b"onet", "{}", A::NAME);
        assert_eq!(error.kind(), ErrorKind::Transport, "{}", A::NAME);
        assert_eq!(error.status().unwrap(), 200, "{}", A::NAME);
        assert_eq!(error.request().unwrap().uri().path(), "/", "{}", A::NAME);
    }
    law::<ReqwestAdapter>().await;
    law::<Offload<UreqAdapter>>().await;
}
