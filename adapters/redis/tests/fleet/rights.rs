//! The rights that a user of the store needs: those that `docs/redis.md`
//! names, and no others.

use std::time::{Duration, SystemTime};

use redis::cmd;
use tollgate::{
    ErrorKind, Result,
    auth::{Lease, Presented, Stored, Swap, Token, TokenStore, conformance::Rotation},
    runtime::block_on,
};
use tollgate_redis::PlainStore;
use tollgate_redis_kit::{Server, until_within};

use crate::world::{PATIENT, World, open};

/// Of the keys whose names begin with `fleet`.
const NAMES: [&str; 3] = ["~{fleet*}:t", "~{fleet*}:l", "&{fleet*}:e"];
/// Each of them is needed.
const NEEDED: &str = "+hmget +evalsha +eval +hset +hget +hdel +hincrby +get +set +del +pttl";
/// The same for the plain text of the key itself.
const PLAIN_NAMES: [&str; 3] = ["~fleet*", "~{fleet*}:l", "&{fleet*}:e"];
const PLAIN_NEEDED: &str = "+evalsha +eval +get +set +del +pttl +time";
/// To ask for a lease once more, after a reply was lost.
const AGAIN: &str = "+pexpire";
/// To hear of changes at once, and not by polling.
const TELLING: &str = "+publish +subscribe";
/// Longer than any of this takes.
const TTL: Duration = Duration::from_secs(600);

/// Makes the user anew, who may do this and nothing else.
fn allow(redis: &Server, rights: &[&str]) {
    let mut ask = cmd("ACL");
    ask.arg(&["SETUSER", "fleet", "reset", "on", ">secret"]);
    ask.arg(rights);
    let mut connection = redis.connection();
    ask.exec(&mut connection).unwrap();
    // So that scripts have to be sent again.
    cmd("SCRIPT").arg("FLUSH").exec(&mut connection).unwrap();
}

/// All that the user needs, but one.
fn but(names: [&'static str; 3], needed: &'static str, without: &str) -> Vec<&'static str> {
    let commands = [needed, AGAIN, TELLING];
    let commands = commands.into_iter().flat_map(|some| some.split(' '));
    let all = names.into_iter().chain(commands);
    all.filter(|right| *right != without).collect()
}

fn rights(without: &str) -> Vec<&'static str> {
    but(NAMES, NEEDED, without)
}

fn url(redis: &Server) -> String {
    format!("redis://fleet:secret@127.0.0.1:{}/", redis.port())
}

/// A key of its own, without braces.
fn key(right: &str) -> String {
    let letters = right.chars().filter(char::is_ascii_lowercase);
    format!("fleet-{}", letters.collect::<String>())
}

/// Every operation of the store, on every way through its scripts but that of
/// a lost reply.
fn use_all(redis: &Server, key: &str) -> Result<()> {
    let open = || open(&url(redis), key, PATIENT);
    use_both(&open(), &open())
}

fn use_both(one: &impl TokenStore, two: &impl TokenStore) -> Result<()> {
    block_on(async {
        let stamp = one.load().await?.stamp();
        let next = acquire_after(one, two).await?;
        let mark = Presented::new(next.fence(), SystemTime::UNIX_EPOCH);
        assert_eq!(two.present(stamp, Some(mark)).await?, Swap::Done);
        assert_eq!(two.present(stamp, None).await?, Swap::Done);
        let token = Token::new("a1").refresh("r1");
        let record = Stored::live(stamp.next(), token).with_fence(next.fence());
        assert_eq!(two.compare_and_swap(stamp, record).await?, Swap::Done);
        let last = one.acquire(TTL).await?;
        one.release(last).await?;
        one.clear(u64::MAX).await?;
        Ok(())
    })
}

/// The lease of `two`, which has waited until that of `one` has ended: longer
/// ones of `one` are tried where `two` has come too late to meet it.
async fn acquire_after(one: &impl TokenStore, two: &impl TokenStore) -> Result<Lease> {
    for millis in [50, 500, 5_000] {
        let lease = one.acquire(Duration::from_millis(millis)).await?;
        let next = two.acquire(TTL).await?;
        drop(lease);
        if next.is_contended() {
            return Ok(next);
        }
        two.release(next).await?;
    }
    panic!("a lease was given that somebody else had");
}

#[test]
fn a_user_of_the_store_needs_each_of_its_rights_and_no_others() {
    let Some(redis) = Server::start() else {
        return;
    };
    allow(&redis, &rights(""));
    use_all(&redis, "fleet-all").unwrap();
    for right in NAMES.into_iter().take(2).chain(NEEDED.split(' ')) {
        allow(&redis, &rights(right));
        let refused = use_all(&redis, &key(right));
        let error = refused.expect_err(right);
        assert_eq!(error.kind(), ErrorKind::Auth, "{right}: {error:?}");
        assert!(
            !format!("{error:?} {error}").contains("secret"),
            "{error:?}"
        );
    }
    for right in TELLING.split(' ') {
        allow(&redis, &rights(right));
        use_all(&redis, &key(right)).unwrap();
    }
}

#[test]
fn a_user_of_the_plain_text_needs_each_of_its_rights_and_no_others() {
    let Some(redis) = Server::start() else {
        return;
    };
    let use_all = |key: &str| {
        let open = || PlainStore::over(&open(&url(&redis), key, PATIENT)).unwrap();
        use_both(&open(), &open())
    };
    allow(&redis, &but(PLAIN_NAMES, PLAIN_NEEDED, ""));
    use_all("fleet-plain").unwrap();
    let names = PLAIN_NAMES.into_iter().take(2);
    for right in names.chain(PLAIN_NEEDED.split(' ')) {
        allow(&redis, &but(PLAIN_NAMES, PLAIN_NEEDED, right));
        let refused = use_all(&key(right));
        let error = refused.expect_err(right);
        assert_eq!(error.kind(), ErrorKind::Auth, "{right}: {error:?}");
    }
}

#[test]
fn a_user_of_the_store_reaches_no_other_key() {
    let Some(redis) = Server::start() else {
        return;
    };
    allow(&redis, &rights(""));
    let error = use_all(&redis, "other").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    let hint = error.hint().unwrap();
    for right in NEEDED
        .split(' ')
        .chain(AGAIN.split(' '))
        .chain(TELLING.split(' '))
    {
        assert!(hint.contains(right), "the hint names `{right}`: {hint}");
    }
}

/// With those rights, and with the same without those to tell and to hear.
#[test]
fn a_fleet_with_the_rights_of_the_page_refreshes_once() {
    for (without, soon) in [("", 1), ("+subscribe", 2), ("+publish", 2)] {
        let Some(redis) = Server::start() else {
            return;
        };
        allow(&redis, &rights(without));
        let url = url(&redis);
        let mut world = World::on(redis, 4, Rotation::Strict, |settings| settings.redis = url);
        world.auth.expire_all();
        world.processes.tell_all("calls 20 5");
        assert_eq!(world.called().ok, 4 * 20);
        assert_eq!(world.auth.report().refresh_calls(), 1);

        world.processes.tell(1, "sign-out");
        world.processes.take(1, "signed-out");
        let heard = until_within(Duration::from_secs(soon), || {
            let all = world.processes.ask_all("token", "token");
            all.iter().all(|said| said.text == "token none")
        });
        assert!(heard.is_some(), "without `{without}`");
    }
}
