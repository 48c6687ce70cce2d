//! What the cases are written with.

use std::{fmt::Debug, sync::Arc, time::Duration};

use crate::{
    Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, Token, TokenStore},
};

/// How a case ends: with what was seen if the law does not hold.
pub(super) type Verdict = std::result::Result<(), String>;

type Seen<T> = std::result::Result<T, String>;

/// Stands in every token of the suite.
pub(super) const CANARY: &str = "CANARY-7Dq";

/// What the cases ask a lease for; longer than any of them takes.
const TTL: Duration = Duration::from_secs(60);

/// Two handles to one store that was empty.
pub(super) struct Bench {
    pub(super) first: Handle,
    pub(super) second: Handle,
}

/// A handle whose errors end the case.
#[derive(Clone)]
pub(super) struct Handle(pub(super) Arc<dyn TokenStore>);

impl Handle {
    pub(super) async fn load(&self) -> Seen<Stored> {
        done("load", self.0.load().await)
    }

    pub(super) async fn swap(&self, expected: Stamp, new: &Stored) -> Seen<Swap> {
        let swapped = self.0.compare_and_swap(expected, new.clone()).await;
        done("compare_and_swap", swapped)
    }

    /// A swap that has to succeed.
    pub(super) async fn write(&self, expected: Stamp, new: &Stored) -> Verdict {
        match self.swap(expected, new).await? {
            Swap::Done => Ok(()),
            Swap::Conflict(other) => {
                Err(format!("a swap over the stamp of the record met {other:?}"))
            }
        }
    }

    pub(super) async fn clear(&self, epoch: u64) -> Seen<Stamp> {
        done("clear", self.0.clear(epoch).await)
    }

    pub(super) async fn present(
        &self,
        stamp: Stamp,
        presented: impl Into<Option<Presented>>,
    ) -> Seen<Swap> {
        let presented = presented.into();
        done("present", self.0.present(stamp, presented).await)
    }

    pub(super) async fn acquire(&self) -> Seen<Lease> {
        done("acquire", self.0.acquire(TTL).await)
    }

    pub(super) async fn release(&self, lease: Lease) -> Verdict {
        done("release", self.0.release(lease).await)
    }
}

fn done<T>(what: &str, result: Result<T>) -> Seen<T> {
    result.map_err(|error| match leaked(&error) {
        Some(leak) => leak,
        None => format!("`{what}` failed: {}", error.to_json()),
    })
}

/// Says so if an error holds a token.
pub(super) fn leaked(error: &crate::Error) -> Option<String> {
    let text = format!("{error} {error:?} {}", error.to_json());
    text.contains(CANARY)
        .then(|| "an error holds a token".to_owned())
}

/// Compares what a store gave with what it should have.
pub(super) fn same<T: PartialEq + Debug>(what: &str, got: &T, expected: &T) -> Verdict {
    if got == expected {
        return Ok(());
    }
    let (got, expected) = (format!("{got:?}"), format!("{expected:?}"));
    if got == expected {
        return Err(format!("{what}: got another token than was written"));
    }
    Err(format!("{what}: got {got}, expected {expected}"))
}

/// A token that can be told from others.
pub(super) fn token(name: &str) -> Token {
    Token::new(format!("{CANARY}.a.{name}")).refresh(format!("{CANARY}.r.{name}"))
}

/// The record of the first sign-in.
pub(super) fn first() -> Stored {
    Stored::live(Stamp::new(1, 1), token("one"))
}
