//! What goes wrong with Redis, in our words.
//!
//! No text of a server's gets into a message: that of an unknown command
//! quotes the arguments, which are tokens. Neither does an address, which may
//! hold a password.
//!
//! | what Redis says | kind | asked again |
//! |---|---|---|
//! | cannot be reached | `Connect`, `Dns`, `Tls` | within the deadline |
//! | the connection broke | `Transport` | within the deadline |
//! | nothing, until the deadline | `Timeout` | no |
//! | `LOADING` `MASTERDOWN` `CLUSTERDOWN` `TRYAGAIN` `BUSY`, a moved slot | `Transport` | within the deadline |
//! | `READONLY` | `Transport` | within the deadline, over another connection |
//! | `NOAUTH` `WRONGPASS` `NOPERM` `OOM` `MISCONF` `NOREPLICAS`, others | `Auth` | no |
//! | `WRONGTYPE`, a broken record, a seal that does not open | `Decode` | no |
//! | a record of a newer version's | `Unsupported` | no |

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use redis::{ErrorKind as Theirs, RedisError, ServerErrorKind as Server};
use tollgate::{Error, ErrorKind};

use crate::ask::Replicas;

/// What is to be done after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Ask again over another connection.
    Reconnect,
    /// Ask again.
    Repeat,
    /// Say so.
    Tell,
}

/// Says what is to be done after an error.
pub(crate) fn remedy(error: &RedisError) -> Remedy {
    match error.kind() {
        Theirs::Server(
            Server::BusyLoading
            | Server::TryAgain
            | Server::ClusterDown
            | Server::Moved
            | Server::Ask,
        ) => Remedy::Repeat,
        Theirs::Server(Server::ReadOnly | Server::MasterDown)
        | Theirs::Io
        | Theirs::Parse
        | Theirs::ClusterConnectionNotFound
        | Theirs::MasterNameNotFoundBySentinel => Remedy::Reconnect,
        _ if code(error) == "BUSY" => Remedy::Repeat,
        _ => Remedy::Tell,
    }
}

/// The first word of what a server said; nothing if it said none.
fn code(error: &RedisError) -> &str {
    let code = error.code().unwrap_or_default();
    let detail = error.detail().unwrap_or_default();
    // Some have no word of their own.
    match code {
        "ERR" if detail.contains("unauthenticated") => "NOAUTH",
        "ERR" if detail.contains("The user executing the script") => "NOPERM",
        code => code,
    }
}

/// Keeps what tells most: the last error, but for one of too little time.
pub(crate) fn keep(last: &mut Option<RedisError>, error: RedisError) {
    if last.is_none() || !error.is_timeout() {
        *last = Some(error);
    }
}

/// Tells whether a script has to be sent in full.
pub(crate) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == Theirs::Server(Server::NoScript)
}

/// An operation that was given up.
pub(crate) fn failed(key: &str, error: &RedisError) -> Error {
    let told = match error.kind() {
        Theirs::Server(_) | Theirs::Extension => said(key, error),
        Theirs::Io => broken(key, error),
        Theirs::AuthenticationFailed => no_access(key, "the password was refused"),
        Theirs::Parse => new(
            ErrorKind::Transport,
            key,
            "what came is no answer of Redis's",
        )
        .with_hint("see whether the address is that of a Redis server"),
        Theirs::InvalidClientConfig => {
            new(ErrorKind::Connect, key, "the connection cannot be set up")
                .with_hint("look at the URL: its host, its scheme and the database")
        }
        Theirs::MasterNameNotFoundBySentinel => new(
            ErrorKind::Connect,
            key,
            "no Sentinel knows a master of that name that works",
        )
        .with_hint("look at the name, and whether the Sentinels can be reached"),
        Theirs::ClusterConnectionNotFound => new(
            ErrorKind::Connect,
            key,
            "no node of the cluster can be reached",
        ),
        _ => new(ErrorKind::Transport, key, "the connection failed"),
    };
    match io_error(error) {
        // Its kind alone: the text may hold an address.
        Some(source) => told.with_source(io::Error::from(source.kind())),
        None => told,
    }
}

/// What a server said.
fn said(key: &str, error: &RedisError) -> Error {
    match code(error) {
        "NOAUTH" | "WRONGPASS" => no_access(key, "it asks for another password"),
        "NOPERM" => refused(key, "NOPERM").with_hint(rights(key)),
        "WRONGTYPE" => new(
            ErrorKind::Decode,
            key,
            "something else is kept under the name",
        )
        .with_hint("give the store a key that nothing else uses"),
        "OOM" => refused(key, "OOM")
            .with_hint("Redis is at its `maxmemory` and evicts nothing: give it more"),
        "MISCONF" => refused(key, "MISCONF")
            .with_hint("Redis cannot save to its disk, and takes no writes until it can"),
        "NOREPLICAS" => refused(key, "NOREPLICAS")
            .with_hint("too few replicas are connected for `min-replicas-to-write`"),
        "READONLY" => new(
            ErrorKind::Transport,
            key,
            "the server is a read-only replica",
        )
        .with_hint("give the store the address of the master, or the Sentinels that know it"),
        code @ ("LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" | "MOVED"
        | "ASK") => new(ErrorKind::Transport, key, "the server is not ready")
            .with_note(format!("it said `{code}`")),
        "CROSSSLOT" => refused(key, "CROSSSLOT")
            .with_hint("what stands between must leave the keys as they are"),
        code => refused(key, if is_word(code) { code } else { "ERR" }),
    }
}

/// What a user has to be allowed.
fn rights(key: &str) -> String {
    let commands = "+hmget +evalsha +eval +hset +hget +hdel +hincrby +get +set +del +pexpire +pttl +publish +subscribe +wait";
    match key.strip_suffix(":t") {
        Some(key) => format!("give the user `~{key}:t ~{key}:l &{key}:e {commands}`"),
        // A plain text.
        None => format!("give the user `~{key} ~{{{key}}}:l &{{{key}}}:e {commands} +time`"),
    }
}

/// A code of a server's: one word of capitals, as all are.
fn is_word(code: &str) -> bool {
    !code.is_empty() && code.len() <= 16 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn broken(key: &str, error: &RedisError) -> Error {
    let Some(source) = io_error(error) else {
        return new(ErrorKind::Transport, key, "the connection broke");
    };
    if error.is_timeout() {
        return new(ErrorKind::Timeout, key, "it gives no answer");
    }
    if error.is_connection_refusal() {
        return new(
            ErrorKind::Connect,
            key,
            "nothing takes connections at its address",
        )
        .with_hint("see whether Redis runs, and where");
    }
    let text = source.to_string();
    if text.contains("lookup") || text.contains("resolve") {
        return new(ErrorKind::Dns, key, "the name of its host is not known");
    }
    if text.contains("certificate") || text.contains("tls") {
        return new(ErrorKind::Tls, key, "the TLS connection failed");
    }
    new(ErrorKind::Transport, key, "the connection broke")
}

/// The cause of a failure of the connection.
fn io_error(error: &RedisError) -> Option<&io::Error> {
    let source = error.source()?;
    let shared = source.downcast_ref::<Arc<dyn StdError + Send + Sync>>();
    match shared {
        Some(shared) => shared.downcast_ref(),
        None => source.downcast_ref(),
    }
}

fn new(kind: ErrorKind, key: &str, what: &str) -> Error {
    Error::new(kind, format!("redis cannot be used for `{key}`: {what}"))
}

fn refused(key: &str, code: &str) -> Error {
    Error::new(
        ErrorKind::Auth,
        format!("redis refuses to work on `{key}`: it said `{code}`"),
    )
}

fn no_access(key: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Auth,
        format!("redis lets nobody in to `{key}`: {what}"),
    )
    .with_hint("look at user and password in the URL")
}

/// The deadline ran out; `last` is what went wrong before, if anything.
pub(crate) fn too_late(key: &str, limit: Duration, last: Option<&RedisError>) -> Error {
    let Some(last) = last.filter(|last| !last.is_timeout()) else {
        return Error::new(
            ErrorKind::Timeout,
            format!("redis gave no answer for `{key}` within {limit:?}"),
        )
        .with_hint("see whether Redis is overloaded or paused, or set a longer `deadline`");
    };
    failed(key, last).with_note(format!("it was tried again for {limit:?}"))
}

/// The store was shut down, or its thread did not start.
pub(crate) fn no_thread(source: Option<io::Error>) -> Error {
    let error = Error::new(ErrorKind::Auth, "the thread for redis cannot work");
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

/// Something is wrong with what was read.
pub(crate) fn corrupt(key: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("the token record in `{key}` cannot be read: {what}"),
    )
    .with_hint(format!(
        "see who else writes to `{key}`; delete it and sign in again"
    ))
}

/// Adds to an error of a record where it is kept.
pub(crate) fn of_record(error: Error, key: &str) -> Error {
    if error.kind() == ErrorKind::Decode {
        return corrupt(key, "its token is none").with_source(error);
    }
    error.with_note(format!("the record is in `{key}`"))
}

pub(crate) fn other_schema(key: &str, schema: u64, known: u64) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the token record in `{key}` has the schema `{schema}`, and this version knows `{known}`"),
    )
    .with_hint("a newer version has written it: use that one here too")
}

pub(crate) fn does_not_open(key: &str, keys: usize) -> Error {
    let keys = if keys == 1 {
        "the key".to_owned()
    } else {
        format!("any of `{keys}` keys")
    };
    Error::new(
        ErrorKind::Decode,
        format!("the token in `{key}` does not open with {keys}"),
    )
    .with_hint("add the key it was sealed with by `sealed_with`, after the new one; or somebody has changed it")
}

pub(crate) fn sealed(key: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("the token in `{key}` is sealed"))
        .with_hint("give the store its key by `sealed_with`")
}

pub(crate) fn not_sealed(key: &str) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("the token in `{key}` is not sealed"),
    )
    .with_hint(format!(
        "it was written without a key, or by somebody else: delete `{key}` and sign in again"
    ))
}

pub(crate) fn unsealable(key: &str) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("the token for `{key}` is too long to be sealed"),
    )
}

pub(crate) fn no_randomness() -> Error {
    Error::new(ErrorKind::Auth, "the system gives no random bytes")
}

/// A write that too few replicas have taken.
pub(crate) fn not_replicated(key: &str, have: i64, wanted: Replicas) -> Error {
    let Replicas { count, limit } = wanted;
    Error::new(
        ErrorKind::Timeout,
        format!("the record in `{key}` is written, and `{have}` of `{count}` replicas have it after {limit:?}"),
    )
    .with_hint("see whether the replicas are connected; `wait_for_replicas` sets how many, and how long")
}

/// Redis has failed a moment ago.
pub(crate) fn away() -> Error {
    Error::new(
        ErrorKind::Connect,
        "redis could not be reached a moment ago",
    )
    .with_hint("see whether Redis runs, and where")
}

pub(crate) fn keeps_changing(key: &str) -> Error {
    Error::new(
        ErrorKind::Auth,
        format!("`{key}` cannot be written: it goes on changing"),
    )
    .with_hint("see who writes to it")
}

/// A setting that cannot be used.
pub(crate) fn setting(message: impl Into<String>, hint: &'static str) -> Error {
    Error::new(ErrorKind::Builder, message.into()).with_hint(hint)
}

/// Tells whether what was asked may have been done all the same, or will be.
pub(crate) fn may_have_been_done(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Transport | ErrorKind::Timeout)
}

/// Tells whether redis may work again by itself.
pub(crate) fn is_unavailable(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Connect
            | ErrorKind::Dns
            | ErrorKind::Tls
            | ErrorKind::Transport
            | ErrorKind::Timeout
    )
}
