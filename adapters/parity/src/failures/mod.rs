//! Every way in which a call fails, provoked on loopback: what the error
//! gallery prints, and what has to be the same on all lanes.

mod answers;
mod calls;
mod connections;

use std::{error::Error as StdError, time::Duration};

use tollgate::{
    Error, Response, Result,
    adapter::conformance::{Script, Server},
    client::{Call, Client},
};

use crate::{Lane, Limits};

/// Why a failure could not be provoked.
pub type Trouble = Box<dyn StdError + Send + Sync>;

type Provoked = Result<Error, Trouble>;

/// A failure that took place.
#[derive(Debug)]
pub struct Failed {
    /// What was done, in a few words.
    pub name: &'static str,
    /// What the caller got.
    pub error: Error,
}

/// A way to fail.
struct Failure<L> {
    name: &'static str,
    provoke: fn(&L) -> Provoked,
}

/// Writes a table of failures.
macro_rules! failures {
    ($($name:literal => $provoke:expr,)*) => {
        pub(super) fn all<L: Lane>() -> Vec<Failure<L>> {
            vec![$(Failure {
                name: $name,
                provoke: $provoke,
            },)*]
        }
    };
}
use failures;

/// What stands in the queries of the addresses, and in no error.
pub const SECRET: &str = "CANARY-query";

/// A limit that runs out.
const SHORT: Duration = Duration::from_millis(120);

/// A limit that runs out after the head of an answer has come, which takes its
/// time on a busy machine.
const AFTER_HEAD: Duration = Duration::from_secs(1);

/// How often it may run out before that.
const TRIES: usize = 5;

/// Provokes all failures on a lane, one after the other, each on a server and
/// on connections of its own.
///
/// # Errors
///
/// Where something did not fail, or there is no socket to provoke it with.
pub fn provoke<L: Lane>() -> Result<Vec<Failed>, Trouble> {
    let mut out = Vec::new();
    let all = [connections::all::<L>(), answers::all(), calls::all()];
    for failure in all.into_iter().flatten() {
        let lane = L::start(Limits::default())?;
        let error = (failure.provoke)(&lane)
            .map_err(|trouble| format!("{}: {}: {trouble}", L::name(), failure.name))?;
        out.push(Failed {
            name: failure.name,
            error,
        });
    }
    Ok(out)
}

/// Gets an address, with the client's defaults.
fn get<L: Lane>(lane: &L, url: impl Into<String>) -> Provoked {
    let client = lane.builder().build()?;
    let url = format!("{}?key={SECRET}", url.into());
    fails(lane.send(client.get(url)))
}

/// Gets what a server answers by a script.
fn served<L: Lane>(lane: &L, script: impl Into<Script>) -> Provoked {
    calling(lane, script, |client, url| client.get(url))
}

/// Makes a call to a server.
fn calling<L: Lane>(
    lane: &L,
    script: impl Into<Script>,
    call: impl FnOnce(&Client<L::Engine>, String) -> Call<L::Engine>,
) -> Provoked {
    let server = Server::start(script)?;
    let client = lane.builder().build()?;
    let url = server.url(&format!("/?key={SECRET}"));
    fails(lane.send(call(&client, url)))
}

fn fails(result: Result<Response>) -> Provoked {
    match result {
        Ok(response) => Err(format!("it was answered with {}", response.status()).into()),
        Err(error) => Ok(error),
    }
}
