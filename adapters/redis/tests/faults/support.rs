//! Stores, records, and what every operation has to keep to.

use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind},
    pin::pin,
    thread::ScopedJoinHandle,
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
const EVENTS: &str = "{app:ada}:e";

/// How long an operation may take by default, and what the machine may add.
pub(crate) const DEADLINE: Duration = Duration::from_millis(500);
pub(crate) const MARGIN: Duration = Duration::from_millis(250);

pub(crate) const TTL: Duration = Duration::from_secs(60);

/// Longer than a machine with much to do holds anybody up.
pub(crate) const PATIENT: Duration = Duration::from_secs(25);

/// A store of its own, as another process would make it; it gives up later
/// than by default.
pub(crate) fn store(url: &str) -> RedisStore {
    impatient(url, PATIENT)
}

/// One with the deadline that is the default.
pub(crate) fn usual(url: &str) -> RedisStore {
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
    insist(|| block_on(store.load()))
}

pub(crate) fn swap(store: &impl TokenStore, expected: Stamp, new: &Stored) -> Swap {
    insist(|| block_on(store.compare_and_swap(expected, new.clone())))
}

pub(crate) fn save(store: &impl TokenStore, expected: Stamp, new: &Stored) {
    assert_eq!(swap(store, expected, new), Swap::Done);
}

pub(crate) fn acquire(store: &impl TokenStore, ttl: Duration) -> Lease {
    insist(|| wait(store.acquire(ttl)))
}

/// Does what can be done twice, and again where its deadline has run out: a
/// short one is short for a machine with much to do.
fn insist<T>(act: impl Fn() -> Result<T>) -> T {
    let mut given = act();
    tollgate_redis_kit::until("an answer in time", || {
        if given.as_ref().is_err_and(has_run_out) {
            given = act();
        }
        !given.as_ref().is_err_and(has_run_out)
    });
    given.unwrap()
}

/// It was tried for all of its time.
fn has_run_out(error: &tollgate::Error) -> bool {
    let mut notes = error.notes();
    error.kind() == ErrorKind::Timeout || notes.any(|note| note.contains("it was tried again"))
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

/// Waits for something that has no limit of its own; for half the time of a
/// lease.
pub(crate) fn wait<T>(waited: impl Future<Output = T>) -> T {
    let limit = ThreadRuntime.sleep(TTL / 2);
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
    assert_punctual(took, deadline, op);
    if let Err(error) = &result {
        assert_clean(error);
    }
    result
}

/// Something has ended within the deadline: see [`punctual`].
pub(crate) fn assert_punctual(took: Duration, deadline: Duration, what: impl Debug) {
    if took > deadline + MARGIN {
        println!("{what:?} took {took:?}, and has {deadline:?}");
        panic_any(Late);
    }
}

struct Late;

/// Runs a test in which all ends within the deadline: anew, twice at most, if
/// something was late. A machine with much to do may hold up one thing in one
/// of three runs.
pub(crate) fn punctual(test: impl Fn()) {
    for _ in 0..2 {
        match catch_unwind(AssertUnwindSafe(&test)) {
            Ok(()) => return,
            Err(panic) if panic.is::<Late>() => println!("once more"),
            Err(panic) => resume_unwind(panic),
        }
    }
    test();
}

/// Ends as the thread has: it may be late.
pub(crate) fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
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
    insist(|| {
        let stamp = block_on(store.load())?.stamp();
        let new = live(stamp.next());
        let swapped = block_on(store.compare_and_swap(stamp, new.clone()))?;
        assert_eq!(swapped, Swap::Done);
        assert_eq!(block_on(store.load())?, new);
        let lease = wait(store.acquire(TTL))?;
        block_on(store.release(lease))
    });
}

/// An operation that has to succeed.
pub(crate) fn done(op: Op, store: &impl TokenStore, lease: Option<Lease>) {
    wait(op.run(store, lease)).unwrap();
}

/// Waits until somebody listens to what is told of the record, as whoever
/// waits for the lease does.
pub(crate) fn until_heard(server: &tollgate_redis_kit::Server) {
    let mut own = server.connection();
    tollgate_redis_kit::until("somebody to listen", || {
        let mut asked = redis::cmd("PUBSUB");
        asked.arg(&["NUMSUB", EVENTS]);
        let (_, count): (String, u64) = asked.query(&mut own).unwrap();
        count > 0
    });
}

/// How often something is done.
pub(crate) fn size(name: &str, normal: usize) -> usize {
    std::env::var(name).map_or(normal, |text| text.parse().unwrap())
}
