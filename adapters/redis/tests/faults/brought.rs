//! Connections that the user brings: the store keeps its deadline whatever
//! they do, and goes on when they do.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
};
use tokio::runtime::Runtime;
use tollgate::{auth::TokenStore, runtime::block_on};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::{Mode, Proxy, Server, until};

use crate::support::{
    ASKING, KEY, LEASE, Op, assert_fails, assert_works, first, in_time, load, punctual, run, save,
};

const DEADLINE: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(10);

/// Patient connections: without the store's deadline, they would wait.
async fn manager(url: &str) -> ConnectionManager {
    let client = redis::Client::open(url).unwrap();
    let config = ConnectionManagerConfig::new()
        .set_max_delay(Duration::from_millis(50))
        .set_response_timeout(None)
        .set_connection_timeout(Some(Duration::from_secs(2)));
    client
        .get_connection_manager_with_config(config)
        .await
        .unwrap()
}

fn over<C>(connection: C, deadline: Duration) -> RedisStore
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    let builder = RedisStore::builder(KEY).connection(connection);
    builder.deadline(deadline).build().unwrap()
}

#[test]
fn a_connection_of_the_users_is_held_to_the_deadline_and_used_when_it_is_back() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let proxy = Proxy::start(server.port());
        let runtime = Runtime::new().unwrap();
        let store = over(runtime.block_on(manager(&proxy.url())), DEADLINE);
        for mode in [Mode::BlackHole, Mode::HangUp, Mode::Refuse] {
            run(&server, &["FLUSHALL"]);
            save(&store, <_>::default(), &first());
            proxy.set(mode);
            for op in ASKING {
                assert_fails(in_time(op, &store, None, DEADLINE), (op, mode), &["redis"]);
            }
            proxy.set(Mode::Pass);
            until("the manager to connect again", || {
                // What has swallowed stays silent until it is closed.
                proxy.close_all();
                block_on(store.load()).is_ok()
            });
            run(&server, &["DEL", LEASE]);
            until("it to be back for good", || {
                let lease = block_on(store.acquire(Duration::from_secs(60)));
                lease.is_ok_and(|lease| block_on(store.release(lease)).is_ok())
            });
            assert_works(&store);
        }
    });
}

/// A manager tells of a cut once, and connects again behind the store's back.
#[test]
fn an_answer_that_is_cut_over_a_connection_of_the_users_loses_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let runtime = Runtime::new().unwrap();
    let store = over(runtime.block_on(manager(&proxy.url())), LONG);
    for op in ASKING {
        for byte in [0, 1, 7, 13] {
            run(&server, &["FLUSHALL"]);
            save(&store, <_>::default(), &first());
            proxy.set(Mode::CutOnce(byte));
            in_time(op, &store, None, LONG).unwrap();
            proxy.set(Mode::Pass);
            if matches!(op, Op::Load | Op::Changed | Op::Acquire) {
                assert_eq!(load(&store), first());
            }
        }
    }
    run(&server, &["DEL", LEASE]);
    assert_works(&store);
}

/// One that has ended for good: an error, and no more.
#[test]
fn a_connection_of_the_users_that_never_comes_back_is_an_error() {
    punctual(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let runtime = Runtime::new().unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        let limits = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_connection_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&limits);
        let store = over(runtime.block_on(connection).unwrap(), DEADLINE);
        save(&store, <_>::default(), &first());
        server.restart();
        for op in [Op::Load, Op::Swap, Op::Acquire] {
            assert_fails(in_time(op, &store, None, DEADLINE), op, &["redis"]);
        }
        // The runtime that drives it is gone, too.
        drop(runtime);
        for op in [Op::Load, Op::Swap, Op::Acquire] {
            assert_fails(in_time(op, &store, None, DEADLINE), op, &["redis"]);
        }
    });
}
