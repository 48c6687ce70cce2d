//! Each rule of the scripts, over a real server.

use redis::{Commands, Connection, Value};
use tollgate_redis_kit::Server;

use super::{ACQUIRE, CAS, CLEAR, Lua, PRESENT, RELEASE};
use crate::{answer, ask::Ask};

const T: &str = "{k}:t";
const L: &str = "{k}:l";
const TTL: u64 = 60_000;

/// A server, and what the scripts say there.
struct World {
    _server: Server,
    redis: Connection,
}

impl World {
    fn new() -> Option<Self> {
        let server = Server::start()?;
        let redis = server.connection();
        Some(Self {
            _server: server,
            redis,
        })
    }

    /// Asks, and shows the answer: `fence epoch:version` stands for a record.
    fn ask(&mut self, script: &'static Lua, keys: &[&str], args: &[&str]) -> String {
        let ask = Ask::script(script, keys);
        let ask = args.iter().fold(ask, |ask, arg| ask.arg(*arg));
        let full = ask.in_full().unwrap();
        let Value::Array(parts) = full.query(&mut self.redis).unwrap() else {
            panic!("no array");
        };
        let shown: Vec<String> = parts.into_iter().map(show).collect();
        shown.join(" ")
    }

    fn acquire(&mut self, owner: &str, seen: &str) -> String {
        self.ask(&ACQUIRE, &[T, L], &[owner, &TTL.to_string(), seen])
    }

    /// Writes a live record of a fence.
    fn cas(&mut self, expected: &str, new: &str, fence: &str, owner: &str) -> String {
        let (epoch, version) = expected.split_once(':').unwrap();
        let (next, later) = new.split_once(':').unwrap();
        let args = [
            "e", epoch, version, next, later, "live", fence, "", "{}", owner,
        ];
        self.ask(&CAS, &[T, L], &args)
    }

    fn release(&mut self, owner: &str) -> String {
        self.ask(&RELEASE, &[L], &["e", owner])
    }

    fn field(&mut self, field: &str) -> Option<String> {
        self.redis.hget(T, field).unwrap()
    }

    fn lease(&mut self) -> Option<String> {
        self.redis.get(L).unwrap()
    }
}

fn show(value: Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).unwrap(),
        Value::Int(number) => number.to_string(),
        record @ Value::Array(_) => {
            let fields = answer::fields(record).unwrap();
            let text = |field: Option<Vec<u8>>| {
                field.map_or("-".to_owned(), |it| String::from_utf8(it).unwrap())
            };
            format!(
                "({}:{} {})",
                text(fields.epoch),
                text(fields.version),
                text(fields.cfence)
            )
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_lease_is_given_to_one_owner_with_the_record() {
    let Some(mut it) = World::new() else { return };
    assert_eq!(it.cas("0:0", "1:1", "0", ""), "DONE");
    assert_eq!(it.acquire("a", ""), "GOT 1 (1:1 0)");
    let busy = it.acquire("b", "");
    assert!(
        busy.starts_with("BUSY ") && busy.ends_with(" 1:1"),
        "{busy}"
    );
    assert_eq!(it.release("a"), "DONE");
    assert_eq!(it.acquire("b", "1:1"), "GOT 2 (1:1 0)");
}

#[test]
fn an_owner_that_asks_again_gets_the_same_fence_and_the_time_anew() {
    let Some(mut it) = World::new() else { return };
    assert_eq!(it.acquire("a", ""), "GOT 1 (-:- -)");
    let () = it.redis.pexpire(L, 20_000).unwrap();
    assert_eq!(it.acquire("a", ""), "GOT 1 (-:- -)");
    let left: u64 = it.redis.pttl(L).unwrap();
    assert!(left > TTL / 2, "{left}");
    assert_eq!(it.field("fence").as_deref(), Some("1"));
}

#[test]
fn one_owner_is_not_taken_for_another_that_begins_like_it() {
    let Some(mut it) = World::new() else { return };
    it.acquire("ab", "");
    assert!(it.acquire("a", "").starts_with("BUSY "));
    it.release("a");
    it.release("");
    assert_eq!(it.lease().as_deref(), Some("ab 1"));
}

#[test]
fn whoever_waited_hears_of_the_new_record_and_gets_no_lease() {
    let Some(mut it) = World::new() else { return };
    it.acquire("a", "");
    assert_eq!(it.cas("0:0", "1:1", "1", "a"), "DONE");
    assert_eq!(it.acquire("b", "0:0"), "MOVED (1:1 1)");
    assert_eq!(it.lease(), None);
    assert_eq!(it.acquire("b", "1:1"), "GOT 2 (1:1 1)");
}

#[test]
fn a_write_gives_its_own_lease_back_and_no_others() {
    let Some(mut it) = World::new() else { return };
    assert_eq!(it.cas("0:0", "1:1", "0", ""), "DONE");
    it.acquire("a", "");
    assert_eq!(it.cas("1:1", "1:2", "1", "a"), "DONE");
    assert_eq!(it.lease(), None);
    it.acquire("b", "");
    assert_eq!(it.cas("1:2", "1:3", "1", "a"), "DONE");
    assert_eq!(it.cas("1:3", "1:4", "0", ""), "DONE");
    assert_eq!(it.lease().as_deref(), Some("b 2"));
}

#[test]
fn a_new_epoch_ends_the_lease_of_anybody() {
    let Some(mut it) = World::new() else { return };
    it.acquire("a", "");
    assert_eq!(it.cas("0:0", "1:1", "0", ""), "DONE");
    assert_eq!(it.lease(), None);
    it.acquire("a", "");
    assert_eq!(it.ask(&CLEAR, &[T, L], &["e", "1"]), "STAMP 2 2");
    assert_eq!(it.lease(), None);
    it.acquire("a", "");
    assert_eq!(it.ask(&CLEAR, &[T, L], &["e", "1"]), "STAMP 2 2");
    assert!(it.lease().is_some(), "a later epoch is left alone");
}

#[test]
fn a_stale_owner_does_not_release_its_successors_lease() {
    let Some(mut it) = World::new() else { return };
    it.acquire("a", "");
    let () = it.redis.del(L).unwrap();
    it.acquire("b", "");
    it.release("a");
    assert_eq!(it.lease().as_deref(), Some("b 2"));
}

#[test]
fn a_lower_fence_never_overwrites_and_a_higher_one_does() {
    let Some(mut it) = World::new() else { return };
    assert_eq!(it.cas("0:0", "1:1", "10", ""), "DONE");
    for lower in ["1", "2", "9"] {
        assert_eq!(it.cas("1:1", "1:2", lower, ""), "CONFLICT (1:1 10)");
    }
    assert_eq!(it.cas("0:0", "1:2", "11", ""), "CONFLICT (1:1 10)");
    assert_eq!(it.cas("1:1", "1:2", "100", ""), "DONE");
    assert_eq!(it.cas("1:2", "2:3", "1", ""), "DONE", "another epoch");
    assert_eq!(it.cas("2:3", "2:4", "0", ""), "DONE", "without a lease");
}

#[test]
fn the_next_fence_is_higher_than_that_of_the_record() {
    let Some(mut it) = World::new() else { return };
    assert_eq!(it.cas("0:0", "1:1", "41", ""), "DONE");
    assert_eq!(it.acquire("a", ""), "GOT 42 (1:1 41)");
    assert_eq!(it.cas("1:1", "1:2", "7", ""), "CONFLICT (1:1 41)");
    assert_eq!(it.cas("1:1", "2:2", "7", ""), "DONE");
    assert_eq!(it.acquire("a", ""), "GOT 43 (2:2 7)");
    let huge = u64::MAX.to_string();
    assert_eq!(it.cas("2:2", "2:3", &huge, ""), "DONE");
    it.release("a");
    assert_eq!(it.acquire("a", ""), format!("GOT 44 (2:3 {huge})"));
}

#[test]
fn a_mark_is_for_one_stamp_and_gone_with_the_next_write() {
    let Some(mut it) = World::new() else { return };
    assert_eq!(it.cas("0:0", "1:1", "0", ""), "DONE");
    let present =
        |it: &mut World, version: &str, mark: &str| it.ask(&PRESENT, &[T], &["1", version, mark]);
    assert_eq!(present(&mut it, "2", "5 7"), "CONFLICT (1:1 0)");
    assert_eq!(it.field("presented"), None);
    assert_eq!(present(&mut it, "1", "5 7"), "DONE");
    assert_eq!(it.field("presented").as_deref(), Some("5 7"));
    assert_eq!(present(&mut it, "1", ""), "DONE");
    assert_eq!(it.field("presented"), None);
    present(&mut it, "1", "5 7");
    assert_eq!(it.cas("1:1", "1:2", "0", ""), "DONE");
    assert_eq!(it.field("presented"), None);
    present(&mut it, "2", "5 7");
    it.ask(&CLEAR, &[T, L], &["e", "9"]);
    assert_eq!((it.field("presented"), it.field("record")), (None, None));
}

#[test]
fn a_record_of_another_schema_is_left_as_it_is() {
    let Some(mut it) = World::new() else { return };
    let () = it.redis.hset(T, "schema", "2").unwrap();
    let before: Vec<String> = it.redis.hgetall(T).unwrap();
    assert_eq!(it.acquire("a", ""), "SCHEMA 2");
    assert_eq!(it.cas("0:0", "1:1", "0", ""), "SCHEMA 2");
    assert_eq!(it.ask(&CLEAR, &[T, L], &["e", "9"]), "SCHEMA 2");
    assert_eq!(it.ask(&PRESENT, &[T], &["0", "0", "5 7"]), "SCHEMA 2");
    let after: Vec<String> = it.redis.hgetall(T).unwrap();
    assert_eq!((before, it.lease()), (after, None));
}

#[test]
fn numbers_of_64_bits_are_compared_to_the_last_one() {
    let Some(mut it) = World::new() else { return };
    let (high, low) = (format!("{}:1", u64::MAX), format!("{}:1", u64::MAX - 1));
    assert_eq!(it.cas("0:0", &high, "0", ""), "DONE");
    assert!(it.cas(&low, "1:1", "0", "").starts_with("CONFLICT"));
    let before = (u64::MAX - 1).to_string();
    let cleared = it.ask(&CLEAR, &[T, L], &["e", &before]);
    assert_eq!(cleared, format!("STAMP {} 1", u64::MAX));
}
