//! Every failure is the same error on all lanes: kind, code, text and JSON.
//! The adapter's own words are in the chain of causes, and nowhere else.

#![expect(clippy::unwrap_used, reason = "a test: what is not there fails it")]

mod garbage;
mod heads;
mod rows;
mod table;

use std::{error::Error as StdError, iter, sync::OnceLock, thread};

use serde_json::Value;
use tollgate::Error;
use tollgate_parity::{
    Lane, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload,
    failures::{Failed, provoke},
};

/// A lane's name, and its failures in order.
type Gallery = (String, Vec<Failed>);

/// Provokes every failure on every lane, once for all tests.
fn galleries() -> &'static [Gallery] {
    static ALL: OnceLock<Vec<Gallery>> = OnceLock::new();
    fn of<L: Lane>() -> Gallery {
        (L::name(), provoke::<L>().unwrap())
    }
    ALL.get_or_init(|| {
        let lanes = [
            of::<ReqwestAsync>,
            of::<ReqwestBlocking>,
            of::<UreqBlocking>,
            of::<UreqOffload>,
        ];
        let threads = lanes.map(thread::spawn);
        threads.map(|thread| thread.join().unwrap()).into()
    })
}

/// What a caller sees of an error, but for the adapter's own words.
#[derive(Debug, PartialEq)]
struct Seen {
    kind: String,
    text: String,
    hint: Option<String>,
    json: Value,
    again: bool,
    /// The head of the answer is there, if one came.
    answer: bool,
}

impl Seen {
    fn of(error: &Error) -> Self {
        let mut json: Value = serde_json::from_str(&masked(&error.to_json())).unwrap();
        json.as_object_mut().unwrap().remove("cause");
        Self {
            kind: format!("{:?}", error.kind()),
            text: masked(&error.to_string()),
            hint: error.hint().map(ToOwned::to_owned),
            json,
            again: error.is_retryable(),
            answer: error.response().is_some(),
        }
    }
}

/// Replaces the port that the system chose.
fn masked(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = text.split(HOST);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(HOST);
        out.push_str("PORT");
        out.push_str(part.trim_start_matches(|it: char| it.is_ascii_digit()));
    }
    out
}

/// Lists the texts of an error and of its causes.
fn texts(error: &Error) -> Vec<String> {
    let first: &(dyn StdError + 'static) = error;
    iter::successors(Some(first), |error| (*error).source())
        .map(ToString::to_string)
        .collect()
}
