//! Whoever refreshes is killed, at each point of its way; the next process
//! goes on, and spends no more than it has to.

use std::{
    io::{Read, Write, stdin},
    net::TcpStream,
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Client, ErrorKind, MockAdapter, Result,
    auth::{
        FileStore, Lease, Presented, RefreshClass, RefreshError, Stamp, Stored, Swap, Token,
        TokenRefresh, TokenStore,
    },
    runtime::block_on,
};

use crate::{
    child::{self, ask, say},
    rotations::Server,
    support::{Folder, TTL, load, save},
};

/// Where the holder of the lease is killed.
const POINTS: [&str; 5] = ["leased", "marked", "asked", "answered", "stored"];

/// Says where it is, and stays there.
fn stop() {
    say("there");
    let mut nothing = String::new();
    stdin().read_to_string(&mut nothing).unwrap();
}

/// A file that stops its process after an operation.
struct Stopping {
    inner: FileStore,
    point: String,
}

impl Stopping {
    fn pass<T>(&self, point: &str, value: T) -> T {
        if self.point == point {
            stop();
        }
        value
    }
}

#[async_trait]
impl TokenStore for Stopping {
    async fn load(&self) -> Result<Stored> {
        self.inner.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let swap = self.inner.compare_and_swap(expected, new).await?;
        Ok(self.pass("stored", swap))
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        let lease = self.inner.acquire(ttl).await?;
        Ok(self.pass("leased", lease))
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        let swap = self.inner.present(stamp, presented).await?;
        Ok(self.pass("marked", swap))
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.inner.release(lease).await
    }
}

fn session(store: impl TokenStore, address: &str, point: &str) -> TokenRefresh {
    let (address, point) = (address.to_owned(), point.to_owned());
    TokenRefresh::builder(store, async move |_: Client, token: Token| {
        if point == "asked" {
            let mut stream = TcpStream::connect(&address).unwrap();
            let spent = token.refresh_token().unwrap().expose();
            writeln!(stream, "{spent}").unwrap();
            // The server has answered when it closes its half.
            stream.peek(&mut [0]).unwrap();
            stop();
        }
        let answer = ask(&address, &token);
        if point == "answered" {
            stop();
        }
        answer.ok_or_else(|| RefreshError::new(RefreshClass::Rejected, "reused"))
    })
    .refresh_timeout(TTL)
    .build()
    .unwrap()
}

/// A child that refreshes as far as it is told.
pub(crate) fn cut(store: &FileStore, extra: &str) {
    let (address, point) = extra.split_once(' ').unwrap();
    let stopping = Stopping {
        inner: store.clone(),
        point: point.to_owned(),
    };
    let client = Client::new(MockAdapter::new());
    block_on(session(stopping, address, point).refresh_now(&client)).unwrap();
}

/// Kills the holder at `point`; returns what the next process ends in, and how
/// often the first refresh token was presented.
fn killed_at(point: &str, server: &Server) -> (Result<()>, u32) {
    let folder = Folder::new();
    let signed_in = Stored::live(Stamp::new(1, 1), Token::new("a0").refresh("r0"));
    save(&folder.store(), Stamp::default(), &signed_in);
    let extra = format!("{} {point}", server.address);
    let (mut holder, output) = child::start("cut", &folder.record(), &extra);
    assert_eq!(child::said(output).next().as_deref(), Some("there"));
    holder.kill().unwrap();
    holder.wait().unwrap();

    let client = Client::new(MockAdapter::new());
    let next = session(folder.store(), &server.address.to_string(), "");
    let result = block_on(next.refresh_now(&client));
    let stored = load(&folder.store());
    assert_eq!(stored.is_dead(), result.is_err(), "{point}");
    assert_eq!(stored.presented(), None, "{point}");
    folder.assert_tidy();
    (result, server.presented("r0"))
}

/// Case 55. The token before works for a while: nothing is lost.
#[test]
fn a_killed_holder_costs_one_refresh_more_at_most() {
    for point in POINTS {
        let (result, presented) = killed_at(point, &Server::with_grace());
        result.unwrap();
        let twice = matches!(point, "asked" | "answered");
        assert_eq!(presented, if twice { 2 } else { 1 }, "{point}");
    }
}

/// Case 55. A strict server: what is lost is what nobody could keep, and the
/// next process says so.
#[test]
fn a_strict_server_loses_only_what_was_rotated_and_not_stored() {
    for point in POINTS {
        let (result, presented) = killed_at(point, &Server::start());
        if matches!(point, "asked" | "answered") {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SessionExpired, "{point}");
            assert!(RefreshError::find_in(&error).unwrap().is_rotation_lost());
            assert_eq!(presented, 2, "{point}");
        } else {
            result.unwrap();
            assert_eq!(presented, 1, "{point}");
        }
    }
}
