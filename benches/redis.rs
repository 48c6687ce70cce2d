//! What Redis as a token store costs: nothing on a call with a valid token,
//! four round trips for a refresh; beside the plain way, a JSON text that is
//! read for each call and written back.
//!
//! It starts a `redis-server` of its own, and says so and ends where there is
//! none. What is counted is asserted; what is timed is printed.
//!
//! ```text
//! cargo bench -p tollgate-benches --bench redis
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench that reads the clock; what fails ends it"
)]

#[path = "redis/counts.rs"]
mod counts;
#[path = "redis/plain.rs"]
mod plain;
#[path = "tokens/turns.rs"]
#[expect(dead_code, reason = "nothing here is measured on several threads")]
mod turns;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use tollgate::{
    Client,
    auth::{MemoryStore, Presented, RefreshError, Stored, Swap, Token, TokenRefresh, TokenStore},
    runtime::block_on,
};
use tollgate_benches::{AtOnce, drive};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::Server;

use counts::{Monitor, settled, stats};
use plain::Plain;
use turns::Turns;

const CALLS: u32 = 10_000;
const HOUR: Duration = Duration::from_secs(3600);

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let Some(redis) = Server::start() else {
        println!("nothing is measured: there is no `redis-server` on PATH");
        return;
    };
    a_valid_token_asks_nothing(&redis);
    a_refresh_asks_four_times(&redis);
    times(&redis);
}

/// A token of usual length that is good for an hour.
fn token() -> Token {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Token::new(format!("an-access-token-of-usual-length-{number:08}"))
        .refresh(format!("a-refresh-token-of-usual-length-{number:08}"))
        .expires_in(HOUR, SystemTime::now())
}

/// A store that asks for nothing by itself, so that all can be counted.
fn open(redis: &Server, key: &str) -> RedisStore {
    let builder = RedisStore::builder(key).url(&redis.url());
    builder.poll_every(HOUR).build().unwrap()
}

/// A session whose server answers at once.
fn session(store: impl TokenStore) -> (Client, TokenRefresh) {
    let client = Client::builder(AtOnce).base_url("https://bench.invalid");
    let client = client.build().unwrap();
    let answer = async |_: Client, _: Token| Ok::<_, RefreshError>(token());
    let pair = TokenRefresh::builder(store, answer).build().unwrap();
    client.interceptors.use_pair(pair.clone());
    (client, pair)
}

fn signed_in(store: impl TokenStore) -> (Client, TokenRefresh) {
    let (client, pair) = session(store);
    block_on(pair.sign_in(token())).unwrap();
    call(&client);
    (client, pair)
}

fn call(client: &Client) {
    drive(client.get("/things/7").send()).unwrap();
}

fn a_valid_token_asks_nothing(redis: &Server) {
    let (client, _pair) = signed_in(open(redis, "valid"));
    settled(redis);
    let before = stats(redis);
    for _ in 0..CALLS {
        call(&client);
    }
    assert_eq!(stats(redis), before, "a valid token is no matter of Redis");
    println!("{CALLS} calls with a valid token: 0 commands");
}

fn a_refresh_asks_four_times(redis: &Server) {
    let store = open(redis, "counted");
    let (client, pair) = signed_in(store.clone());
    // Redis gets the scripts when they are first run.
    block_on(pair.refresh_now(&client)).unwrap();
    settled(redis);
    let mut monitor = Monitor::start(redis);
    let (mine, watched) = monitor.during(redis, || block_on(pair.refresh_now(&client)).unwrap());
    assert!(mine.len() <= 4, "{mine:?}");
    println!(
        "a refresh: {} commands ({}), and {} of the watch, in the background",
        mine.len(),
        mine.join(", "),
        watched.len()
    );

    drop((client, pair));
    settled(redis);
    let (mine, _) = monitor.during(redis, || {
        let lease = block_on(store.acquire(HOUR)).unwrap();
        let stored = block_on(store.load()).unwrap();
        commit(&store, &stored, lease.fence());
        block_on(store.release(lease)).unwrap();
    });
    // One is the load, which a session does before it asks for the lease.
    assert!(mine.len() <= 4, "{mine:?}");
    println!(
        "a lease, the record, a commit, the lease given back: {} commands ({})",
        mine.len(),
        mine.join(", ")
    );
}

fn commit(store: &RedisStore, stored: &Stored, fence: u64) {
    let next = Stored::live(stored.stamp().next(), token()).with_fence(fence);
    let swap = block_on(store.compare_and_swap(stored.stamp(), next)).unwrap();
    assert_eq!(swap, Swap::Done);
}

/// What a session asks of the store on the way to a new token.
fn refresh(store: &RedisStore) {
    block_on(store.load()).unwrap();
    let lease = block_on(store.acquire(HOUR)).unwrap();
    let stored = lease.record().unwrap().clone();
    let mark = Presented::new(lease.fence(), SystemTime::now());
    block_on(store.present(stored.stamp(), Some(mark))).unwrap();
    commit(store, &stored, lease.fence());
    block_on(store.release(lease)).unwrap();
}

fn times(redis: &Server) {
    let (shared, _pair) = signed_in(open(redis, "shared"));
    let (local, _pair) = signed_in(MemoryStore::empty());
    let mut plain = Plain::new(redis, &token());
    let mut turns = Turns::default();
    turns.call("the token in memory", || call(&local));
    turns.call("the token in Redis, and valid", || call(&shared));
    turns.call("read from Redis for each call, as JSON", || {
        plain.read();
        call(&local);
    });
    let title = "A call with a valid token, nanoseconds";
    turns::print(title, &turns.run(20, 200), 0);

    let store = open(redis, "refreshed");
    let mut one = Plain::new(redis, &token());
    let mut two = Plain::new(redis, &token());
    let mut turns = Turns::default();
    turns.call("GET, SET: nobody is kept from doing the same", || {
        one.read();
        one.write(&token());
    });
    turns.call("SET NX PX, GET, SET, DEL: a lock without a fence", || {
        two.lock();
        two.read();
        two.write(&token());
        two.unlock();
    });
    turns.call("look, lease, mark, commit", || refresh(&store));
    let title = "What a refresh asks of Redis, nanoseconds";
    turns::print(title, &turns.run(20, 20), 0);
}
