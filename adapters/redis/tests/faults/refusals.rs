//! The server answers, and refuses: each refusal is an error of its own that
//! names the key and the remedy, and none of the secrets.

use std::time::Duration;

use tollgate::{ErrorKind, auth::TokenStore, runtime::block_on};
use tollgate_redis_kit::{Server, until};

use crate::support::{
    ASKING, CANARY, DEADLINE, Op, PASSWORD, TOKENS, acquire, assert_clean, assert_fails,
    assert_works, first, in_time, load, run, save, store,
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
            let result = in_time(op, &store, None, DEADLINE);
            assert_fails(result, (op, &user), &["password"]);
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

/// May read and write another's keys only, or may run no script.
#[test]
fn a_user_without_the_rights_is_told_which_store_it_is() {
    let Some(server) = Server::start() else {
        return;
    };
    for rights in [
        "~other:* &* +@all",
        "~* &* +@all -@scripting",
        "~* &* -@all",
    ] {
        let user = format!("on >{PASSWORD} {rights}");
        let mut words = vec!["ACL", "SETUSER", "ada", "reset"];
        words.extend(user.split(' '));
        run(&server, &words);
        let store = store(&at(&server, &format!("ada:{PASSWORD}@")));
        for op in WRITES {
            let result = in_time(op, &store, None, DEADLINE);
            assert_fails(result, (op, rights), &["noperm"]);
        }
        run(&server, &["ACL", "DELUSER", "ada"]);
    }
}

#[test]
fn a_replica_takes_no_write_and_the_store_says_so() {
    let Some(master) = Server::start() else {
        return;
    };
    let replica = Server::builder().replica_of(&master).start().unwrap();
    save(&store(&master.url()), <_>::default(), &first());
    let store = store(&replica.url());
    until("the replica to follow", || load(&store) == first());
    for op in WRITES {
        assert_fails(in_time(op, &store, None, DEADLINE), op, &["redis"]);
    }
    // It is made the master: the same store goes on.
    run(&replica, &["REPLICAOF", "NO", "ONE"]);
    assert_works(&store);
}

#[test]
fn a_key_of_another_kind_is_left_alone() {
    let Some(server) = Server::start() else {
        return;
    };
    run(&server, &["SET", TOKENS, CANARY]);
    let store = store(&server.url());
    for op in [Op::Load, Op::Swap, Op::Clear, Op::Present, Op::Acquire] {
        let result = in_time(op, &store, None, DEADLINE);
        assert_fails(result, op, &["something else"]);
    }
    let mut connection = server.connection();
    let kept: String = redis::cmd("GET")
        .arg(TOKENS)
        .query(&mut connection)
        .unwrap();
    assert_eq!(kept, CANARY);
    run(&server, &["DEL", TOKENS]);
    assert_works(&store);
}

/// Each field of the record becomes what it cannot be.
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
        b"",
        b"\xff\xfe",
        b"-1",
        b"99999999999999999999999",
        b"1.5",
        b"{\"schema\":1,\"access\":\"CANARY-R4d",
        b"CANARY-R4d",
    ];
    let mut refused = 0;
    for field in &fields {
        for value in junk {
            run(&server, &["FLUSHALL"]);
            save(&store, <_>::default(), &first());
            let mut set = redis::cmd("HSET");
            set.arg(TOKENS).arg(field).arg(value);
            set.exec(&mut connection).unwrap();
            for op in [Op::Load, Op::Present, Op::Acquire, Op::Swap, Op::Clear] {
                println!("{op:?} over `{field}` as {value:?}");
                refused += usize::from(in_time(op, &store, None, DEADLINE).is_err());
            }
        }
    }
    assert!(refused >= fields.len(), "{refused} of {fields:?}");
    run(&server, &["FLUSHALL"]);
    assert_works(&store);
}

#[test]
fn a_field_that_is_missing_is_an_error_and_no_panic() {
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
    for field in &fields {
        run(&server, &["HDEL", TOKENS, field]);
        for op in [Op::Load, Op::Present, Op::Acquire] {
            drop(in_time(op, &store, None, DEADLINE));
        }
        run(&server, &["FLUSHALL"]);
        save(&store, <_>::default(), &first());
    }
    run(&server, &["HDEL", TOKENS, "record"]);
    assert_fails(
        in_time(Op::Load, &store, None, DEADLINE),
        "load",
        &["token"],
    );
}

/// Of a version of the library that is yet to come.
#[test]
fn a_record_of_a_newer_schema_is_neither_read_nor_overwritten() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = store(&server.url());
    save(&store, <_>::default(), &first());
    run(&server, &["HSET", TOKENS, "schema", "2"]);
    let all = || -> Vec<(String, String)> {
        let mut asked = redis::cmd("HGETALL");
        let mut pairs: Vec<_> = asked.arg(TOKENS).query(&mut server.connection()).unwrap();
        pairs.sort();
        pairs
    };
    let before = all();
    for op in [Op::Load, Op::Swap, Op::Clear, Op::Present, Op::Acquire] {
        let result = in_time(op, &store, None, DEADLINE);
        assert_fails(result, op, &["schema", "2"]);
    }
    assert_eq!(all(), before);
}

#[test]
fn a_server_without_memory_refuses_the_write_before_anything_is_spent() {
    let builder = Server::builder().set("maxmemory-policy", "noeviction");
    let Some(server) = builder.start() else {
        return;
    };
    let store = store(&server.url());
    save(&store, <_>::default(), &first());
    run(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(load(&store), first(), "it can be read");
    for op in [Op::Swap, Op::Present, Op::Acquire] {
        let result = in_time(op, &store, None, DEADLINE);
        assert_fails(result, op, &["oom", "maxmemory"]);
    }
    assert_eq!(load(&store), first());
    run(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    assert_works(&store);
}

/// Signing out frees memory: it must not need any.
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
