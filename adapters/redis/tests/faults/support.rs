//! Stores, records, and what every operation has to keep to.

use std::{
    fmt::Debug,
    pin::pin,
    time::{Duration, Instant},
};

use futures::future::{Either, select};
use tollgate::{
    ErrorKind, Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, Token, TokenStore},
    runtime::{Runtime, ThreadRuntime, block_on},
};
use tollgate_redis::RedisStore;

/// Stands in every token.
pub(crate) const CANARY: &str = "CANARY-R4d";

/// The password of servers that have one.
pub(crate) const PASSWORD: &str = "PASSWORD-x9Q";

pub(crate) const KEY: &str = "app:ada";

/// The keys that the store makes of it.
pub(crate) const TOKENS: &str = "{app:ada}:t";
pub(crate) const LEASE: &str = "{app:ada}:l";

/// How long an operation may take by default, and what the machine may add.
pub(crate) const DEADLINE: Duration = Duration::from_millis(500);
pub(crate) const MARGIN: Duration = Duration::from_millis(250);

pub(crate) const TTL: Duration = Duration::from_secs(60);

/// A store of its own, as another process would make it.
pub(crate) fn store(url: &str) -> RedisStore {
    crate::line::build(RedisStore::builder(KEY).url(url))
}

/// One that gives up earlier.
pub(crate) fn impatient(url: &str, deadline: Duration) -> RedisStore {
    crate::line::build(RedisStore::builder(KEY).url(url).deadline(deadline))
}

/// The token that is stored with a stamp.
pub(crate) fn token(stamp: Stamp) -> Token {
    let Stamp { epoch, version } = stamp;
    Token::new(format!("{CANARY}.a.{epoch}.{version}"))
        .refresh(format!("{CANARY}.r.{epoch}.{version}"))
}

pub(crate) fn live(stamp: Stamp) -> Stored {
    Stored::live(stamp, token(stamp))
}

pub(crate) fn first() -> Stored {
    live(Stamp::new(1, 1))
}

pub(crate) fn load(store: &impl TokenStore) -> Stored {
    block_on(store.load()).unwrap()
}

pub(crate) fn swap(store: &impl TokenStore, expected: Stamp, new: &Stored) -> Swap {
    block_on(store.compare_and_swap(expected, new.clone())).unwrap()
}

pub(crate) fn save(store: &impl TokenStore, expected: Stamp, new: &Stored) {
    assert_eq!(swap(store, expected, new), Swap::Done);
}

pub(crate) fn acquire(store: &impl TokenStore, ttl: Duration) -> Lease {
    wait(store.acquire(ttl)).unwrap()
}

/// Runs a command on a connection of the test's own.
pub(crate) fn run(server: &tollgate_redis_kit::Server, words: &[&str]) {
    let (name, rest) = words.split_first().unwrap();
    let mut command = redis::cmd(name);
    command.arg(rest).exec(&mut server.connection()).unwrap();
}

/// The operations of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Load,
    Swap,
    Clear,
    Present,
    Acquire,
    Release,
    Changed,
}

pub(crate) const OPS: [Op; 7] = [
    Op::Load,
    Op::Swap,
    Op::Clear,
    Op::Present,
    Op::Acquire,
    Op::Release,
    Op::Changed,
];

/// Those that ask Redis whatever happened before.
pub(crate) const ASKING: [Op; 6] = [
    Op::Load,
    Op::Swap,
    Op::Clear,
    Op::Present,
    Op::Acquire,
    Op::Changed,
];

/// What is written where an operation writes a record.
pub(crate) fn second() -> Stored {
    live(Stamp::new(1, 2))
}

impl Op {
    /// Does it over the record [`first`]; `lease` is what a release gives
    /// back.
    pub(crate) async fn run(self, store: &impl TokenStore, lease: Option<Lease>) -> Result<()> {
        let stamp = first().stamp();
        match self {
            Self::Load => drop(store.load().await?),
            Self::Swap => drop(store.compare_and_swap(stamp, second()).await?),
            Self::Clear => drop(store.clear(1).await?),
            Self::Present => {
                let mark = Presented::new(1, std::time::UNIX_EPOCH);
                drop(store.present(stamp, Some(mark)).await?);
            }
            Self::Acquire => drop(store.acquire(TTL).await?),
            Self::Release => store.release(lease.unwrap_or_default()).await?,
            Self::Changed => drop(store.changed(Stamp::new(9, 9)).await?),
        }
        Ok(())
    }
}

/// Waits for something that has no limit of its own; for ten seconds.
pub(crate) fn wait<T>(waited: impl Future<Output = T>) -> T {
    let limit = ThreadRuntime.sleep(Duration::from_secs(10));
    match block_on(select(pin!(waited), limit)) {
        Either::Left((given, _)) => given,
        Either::Right(_) => panic!("it does not end"),
    }
}

/// Does something until it succeeds, for at most ten seconds.
pub(crate) fn soon<T>(act: impl Fn() -> Result<T>) -> T {
    let mut given = None;
    tollgate_redis_kit::until("a success", || {
        given = act().ok();
        given.is_some()
    });
    given.unwrap()
}

/// How long something takes, and what it gives.
#[expect(
    clippy::disallowed_methods,
    reason = "servers are other processes, which live in real time"
)]
pub(crate) fn timed<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let given = act();
    (start.elapsed(), given)
}

/// A pause in which another process does something.
#[expect(
    clippy::disallowed_methods,
    reason = "a time that passes elsewhere, as that of a lease, passes in real time"
)]
pub(crate) fn pass(time: Duration) {
    std::thread::sleep(time);
}

/// Does an operation, which has to end within the deadline, and without a
/// secret in its error.
pub(crate) fn in_time(
    op: Op,
    store: &impl TokenStore,
    lease: Option<Lease>,
    deadline: Duration,
) -> Result<()> {
    let (took, result) = timed(|| wait(op.run(store, lease)));
    assert!(took <= deadline + MARGIN, "{op:?} took {took:?}");
    if let Err(error) = &result {
        assert_clean(error);
    }
    result
}

/// An error is one of ours, and tells no secret.
pub(crate) fn assert_clean(error: &tollgate::Error) {
    let mut text = format!("{error} {error:?} {}", error.to_json());
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!text.contains("CANARY"), "a token in: {text}");
    assert!(!text.contains("PASSWORD"), "a password in: {text}");
    assert_ne!(error.kind(), ErrorKind::Interceptor, "{text}");
}

/// An operation that has to fail, with an error that says `words`.
pub(crate) fn assert_fails(result: Result<()>, context: impl Debug, words: &[&str]) {
    let error = result.expect_err(&format!("{context:?} succeeds"));
    let text = format!("{error} {}", error.to_json());
    let lower = text.to_lowercase();
    for word in words {
        assert!(lower.contains(word), "{context:?}: no `{word}` in {text}");
    }
}

/// Nothing is wrong any more: a record is read, written, and read again, and
/// there is a lease.
pub(crate) fn assert_works(store: &impl TokenStore) {
    let stamp = load(store).stamp();
    save(store, stamp, &live(stamp.next()));
    assert_eq!(load(store), live(stamp.next()));
    let lease = acquire(store, TTL);
    block_on(store.release(lease)).unwrap();
}

/// How often something is done.
pub(crate) fn size(name: &str, normal: usize) -> usize {
    std::env::var(name).map_or(normal, |text| text.parse().unwrap())
}
