//! A server refuses.

use redis::Commands;
use tollgate::{
    ErrorKind,
    auth::{Stamp, TokenStore},
    runtime::block_on,
};
use tollgate_redis::RedisStore;
use tollgate_redis_kit::Server;

use crate::support::{
    ALL, RECORD, SHORT, TTL, WRITES, both, fails, fails_over, failures, live, open,
};

#[test]
fn a_missing_password_and_a_wrong_one_are_told_apart_from_an_outage() {
    let Some(server) = Server::builder().password("CANARY-right").start() else {
        return;
    };
    let at = format!("127.0.0.1:{}", server.port());
    let missing = format!("redis://{at}/");
    fails(&missing, &ALL, ErrorKind::Auth, "lets nobody in");
    let wrong = format!("redis://:CANARY-wrong@{at}/");
    fails(&wrong, &ALL, ErrorKind::Auth, "lets nobody in");
    assert!(block_on(open(&server.url()).load()).is_ok());
}

#[test]
fn a_user_without_rights_is_told_which_are_needed() {
    let Some(server) = Server::start() else {
        return;
    };
    let users = [
        ("nothing", vec![]),
        // The hash may be read, and the scripts may run; they may not write.
        ("reader", vec!["~*", "+hmget", "+evalsha", "+eval"]),
    ];
    for (name, rights) in users {
        let () = redis::cmd("ACL")
            .arg(&["SETUSER", name, "on", ">CANARY"])
            .arg(rights)
            .query(&mut server.connection())
            .unwrap();
    }
    let url = |name: &str| format!("redis://{name}:CANARY@127.0.0.1:{}/", server.port());
    fails(&url("nothing"), &ALL, ErrorKind::Auth, "`NOPERM`");
    fails(&url("reader"), &WRITES, ErrorKind::Auth, "`NOPERM`");
}

#[test]
fn the_rights_that_the_hint_names_are_enough() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&format!("redis://u:p@127.0.0.1:{}/", server.port()));
    let error = {
        let () = redis::cmd("ACL")
            .arg(&["SETUSER", "u", "on", ">p"])
            .query(&mut server.connection())
            .unwrap();
        block_on(store.load()).unwrap_err()
    };
    let hint = error.hint().unwrap();
    let (_, rights) = hint.split_once('`').unwrap();
    let (rights, _) = rights.split_once('`').unwrap();
    let () = redis::cmd("ACL")
        .arg(&["SETUSER", "u"])
        .arg(rights.split(' ').collect::<Vec<_>>())
        .query(&mut server.connection())
        .unwrap();
    // But for `changed`, which waits.
    let swap = block_on(store.compare_and_swap(Stamp::default(), live()));
    swap.unwrap();
    assert_eq!(block_on(store.load()).unwrap(), live());
    let lease = block_on(store.acquire(TTL)).unwrap();
    block_on(store.present(live().stamp(), None)).unwrap();
    block_on(store.release(lease)).unwrap();
    block_on(store.clear(1)).unwrap();
    block_on(store.changed(Stamp::default())).unwrap();
    let denied: u64 = {
        let log: Vec<redis::Value> = redis::cmd("ACL")
            .arg("LOG")
            .query(&mut server.connection())
            .unwrap();
        log.len() as u64
    };
    assert_eq!(denied, 1, "the first look alone");
}

#[test]
fn without_memory_nothing_is_written_and_reading_goes_on() {
    let Some(server) = Server::start() else {
        return;
    };
    let store = open(&server.url());
    let set = |memory: &str| {
        let () = redis::cmd("CONFIG")
            .arg(&["SET", "maxmemory", memory])
            .query(&mut server.connection())
            .unwrap();
    };
    set("1");
    fails(&server.url(), &WRITES, ErrorKind::Auth, "`OOM`");
    assert!(!server.connection().exists::<_, bool>(RECORD).unwrap());
    set("0");
    assert!(failures(&store).is_empty());
}

#[test]
fn a_replica_is_told_from_the_master() {
    let Some(master) = Server::start() else {
        return;
    };
    let replica = Server::builder().replica_of(&master).start().unwrap();
    for store in both(&replica.url(), SHORT * 5) {
        fails_over(&store, &WRITES, ErrorKind::Transport, "a read-only replica");
    }
}

#[test]
fn a_server_that_quotes_what_it_was_sent_is_not_quoted() {
    let renamed = Server::builder().set("rename-command", "EVALSHA \"\"");
    let Some(server) = renamed.start() else {
        return;
    };
    fails_without_hint(&open(&server.url()));
}

fn fails_without_hint(store: &RedisStore) {
    let failures = failures(store);
    assert_eq!(failures.len(), 4);
    for (name, error) in failures {
        let shown = format!("{error} {error:?} {}", error.to_json());
        assert!(error.to_string().contains("`ERR`"), "{name}: {shown}");
        assert!(!shown.contains("CANARY"), "{name}: {shown}");
    }
}
