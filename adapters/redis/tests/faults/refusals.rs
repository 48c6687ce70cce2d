//! The server answers, and what it says is a refusal or makes no sense: a typed
//! error, none of the secrets, nothing that is worse than before.

use std::time::Duration;

use tollgate::{ErrorKind, auth::TokenStore, runtime::block_on};
use tollgate_redis_kit::{Server, until};

use crate::support::{
    ASKING, CANARY, KEY, LEASE, Op, PASSWORD, PATIENT, TOKENS, acquire, assert_clean, assert_fails,
    assert_works, first, impatient, in_time, load, punctual, run, save, store,
};

/// All that write.
const WRITES: [Op; 4] = [Op::Swap, Op::Clear, Op::Present, Op::Acquire];

fn at(server: &Server, user: &str) -> String {
    format!("redis://{user}127.0.0.1:{}/", server.port())
}

#[test]
fn a_password_that_is_wrong_or_missing_is_an_error_without_it() {
    let Some(server) = Server::builder().password("the-right-one").start() else {
        return;
    };
    for user in [
        format!(":{PASSWORD}@"),
        format!("ada:{PASSWORD}@"),
        String::new(),
    ] {
        let url = at(&server, &user);
        let store = store(&url);
        let shown = format!("{store:?}");
        assert!(!shown.contains(PASSWORD), "{shown}");
        for op in ASKING {
            let result = in_time(op, &store, None, PATIENT);
            assert_fails(result, (op, &user), &["password", KEY]);
        }
    }
    assert_works(&store(&server.url()));
}

#[test]
fn an_address_that_is_none_is_refused_without_its_password() {
    for url in [
        format!("http://:{PASSWORD}@h/"),
        format!("redis://:{PASSWORD}@h:port/"),
        format!("redis://:{PASSWORD}@[::1/"),
        format!("rediss://:{PASSWORD}@h:99999/"),
        PASSWORD.to_owned(),
    ] {
        let error = tollgate_redis::RedisStore::open(&url, "app:ada").unwrap_err();
        assert_clean(&error);
        assert_eq!(error.kind(), ErrorKind::Builder, "{error}");
    }
}

#[test]
fn a_replica_that_is_made_the_master_is_written_by_the_same_store() {
    punctual(|| {
        let Some(master) = Server::start() else {
            return;
        };
        let replica = Server::builder().replica_of(&master).start().unwrap();
        save(&store(&master.url()), <_>::default(), &first());
        let deadline = Duration::from_millis(150);
        let store = impatient(&replica.url(), deadline);
        until("the replica to follow", || load(&store) == first());
        for op in WRITES {
            assert_fails(in_time(op, &store, None, deadline), op, &["redis"]);
        }
        // It is made the master: the same store goes on.
        run(&replica, &["REPLICAOF", "NO", "ONE"]);
        assert_works(&store);
    });
}

/// The record can be used, the lease cannot.
#[test]
fn a_lease_of_another_kind_is_an_error_where_it_matters_and_no_panic() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    save(&store, <_>::default(), &first());
    run(&server, &["RPUSH", LEASE, CANARY]);
    assert_eq!(load(&store), first());
    let result = in_time(Op::Acquire, &store, None, PATIENT);
    assert_fails(result, "acquire", &["something else"]);
    in_time(Op::Present, &store, None, PATIENT).unwrap();
    drop(in_time(Op::Swap, &store, None, PATIENT));
    // Whoever signs out ends it, as any lease.
    block_on(store.clear(1)).unwrap();
    assert_works(&store);
}

/// Each field of the record becomes what it cannot be, or is gone.
#[test]
fn a_record_that_is_corrupt_is_an_error_and_no_panic() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    let mut connection = server.connection();
    save(&store, <_>::default(), &first());
    let fields: Vec<String> = redis::cmd("HKEYS")
        .arg(TOKENS)
        .query(&mut connection)
        .unwrap();
    assert!(fields.len() >= 4, "{fields:?}");
    let junk: [&[u8]; 7] = [
        b"gone",
        b"\xff\xfe",
        b"-1",
        b"99999999999999999999999",
        b"1.5",
        b"{\"schema\":1,\"access\":\"CANARY-R4d",
        b"CANARY-R4d",
    ];
    let (mut refused, mut unclear) = (0, Vec::new());
    for field in &fields {
        for value in junk {
            run(&server, &["FLUSHALL"]);
            save(&store, <_>::default(), &first());
            let mut changed = redis::cmd(if value == b"gone" { "HDEL" } else { "HSET" });
            changed.arg(TOKENS).arg(field);
            if value != b"gone" {
                changed.arg(value);
            }
            changed.exec(&mut connection).unwrap();
            for op in [Op::Load, Op::Present, Op::Acquire, Op::Swap, Op::Clear] {
                let Err(error) = in_time(op, &store, None, PATIENT) else {
                    continue;
                };
                refused += 1;
                if !error.to_string().contains(KEY) {
                    unclear.push(format!("{op:?} over `{field}` {value:?}: {error}"));
                }
            }
        }
    }
    assert!(refused >= fields.len(), "{refused} of {fields:?}");
    assert!(unclear.is_empty(), "{}", unclear.join("\n"));
    run(&server, &["FLUSHALL"]);
    assert_works(&store);
}

#[test]
fn a_lease_is_given_back_also_where_there_is_no_memory() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    let lease = acquire(&store, Duration::from_secs(60));
    run(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    block_on(store.release(lease)).unwrap();
    run(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    drop(acquire(&store, Duration::from_secs(60)));
}
