//! What a child process does: one test of this program, run alone.

use std::{
    io::{BufRead, BufReader, Read, Write, stdin},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::SystemTime,
};

use tollgate::{
    Client, MockAdapter,
    auth::{
        FileStore, Lease, Presented, RefreshClass, RefreshError, Stored, Swap, Token, TokenRefresh,
        TokenStore,
    },
    runtime::block_on,
};

use crate::{
    holders,
    support::{TTL, live, load},
};

const MODE: &str = "TOLLGATE_CHILD";
const FILE: &str = "TOLLGATE_CHILD_FILE";
const EXTRA: &str = "TOLLGATE_CHILD_EXTRA";

/// Prepares this program as a child; `extra` is what the mode asks for.
pub(crate) fn command(mode: &str, file: &Path, extra: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    child_of(&mut command, mode, file, extra);
    command
}

/// Adds the arguments and variables of a child to a command that runs it.
pub(crate) fn child_of(command: &mut Command, mode: &str, file: &Path, extra: &str) {
    command
        .args(["--exact", "child::child", "--nocapture", "--test-threads=1"])
        .env(MODE, mode)
        .env(FILE, file)
        .env(EXTRA, extra)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
}

/// Returns what a child says, one line each; other lines are the harness's.
pub(crate) fn said(output: impl Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    lines.filter_map(|line| {
        // The harness leaves its own line open.
        let (_, text) = line.split_once("said: ")?;
        Some(text.to_owned())
    })
}

pub(crate) fn start(mode: &str, file: &Path, extra: &str) -> (Child, ChildStdout) {
    let mut child = command(mode, file, extra).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    (child, output)
}

pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said: {text}").unwrap();
    out.flush().unwrap();
}

/// Does nothing, unless it was started as a child.
#[test]
fn child() {
    let Ok(mode) = std::env::var(MODE) else {
        return;
    };
    let store = FileStore::new(std::env::var_os(FILE).unwrap());
    let extra = std::env::var(EXTRA).unwrap();
    match mode.as_str() {
        "work" => work(&store),
        "hold" => hold(&store),
        "rotate" => rotate(&store, &extra),
        "refresh" => refresh(&store, &extra),
        "cut" => holders::cut(&store, &extra),
        once => match do_once(&store, once) {
            Ok(text) => say(&format!("done {text}")),
            Err(error) => say(&format!("failed {error} {error:?} {}", error.to_json())),
        },
    }
}

/// Writes for ever, and says what is written when it is.
fn work(store: &FileStore) {
    let mut lease = Lease::default();
    loop {
        let stored = load(store);
        let mut stamp = stored.stamp();
        match fastrand::u8(..10) {
            0 => stamp = block_on(store.clear(stamp.epoch)).unwrap(),
            1 => {
                let mark = Presented::new(lease.fence(), SystemTime::UNIX_EPOCH);
                block_on(store.present(stamp, Some(mark))).unwrap();
            }
            2 => {
                block_on(store.release(lease)).unwrap();
                lease = block_on(store.acquire(TTL)).unwrap();
            }
            choice => {
                let next = if choice == 3 {
                    stamp.next_epoch()
                } else {
                    stamp.next()
                };
                let swap = block_on(store.compare_and_swap(stamp, live(next))).unwrap();
                assert_eq!(swap, Swap::Done);
                stamp = next;
            }
        }
        say(&format!(
            "{} {} {}",
            stamp.epoch,
            stamp.version,
            lease.fence()
        ));
    }
}

/// Takes the lease, and keeps it until it is killed.
fn hold(store: &FileStore) {
    let lease = block_on(store.acquire(TTL)).unwrap();
    say(&lease.fence().to_string());
    let mut nothing = String::new();
    stdin().read_to_string(&mut nothing).unwrap();
    drop(lease);
}

/// One operation, and what is stored by it.
fn do_once(store: &FileStore, what: &str) -> tollgate::Result<String> {
    let shown = |stamp: tollgate::auth::Stamp| format!("{} {}", stamp.epoch, stamp.version);
    let expected = tollgate::auth::Stamp::new(1, 1);
    block_on(async {
        match what {
            "load" => Ok(shown(store.load().await?.stamp())),
            "clear" => Ok(shown(store.clear(9).await?)),
            "present" => {
                let mark = Presented::new(1, SystemTime::UNIX_EPOCH);
                let swap = store.present(expected, Some(mark)).await?;
                assert_eq!(swap, Swap::Done);
                Ok(shown(expected))
            }
            "lock" => {
                let lease = store.acquire(TTL).await?;
                let fence = lease.fence();
                store.release(lease).await?;
                Ok(fence.to_string())
            }
            "first" => {
                let swap = store
                    .compare_and_swap(<_>::default(), live(expected))
                    .await?;
                assert_eq!(swap, Swap::Done);
                Ok(shown(expected))
            }
            _ => {
                let swap = store
                    .compare_and_swap(expected, live(expected.next()))
                    .await?;
                assert_eq!(swap, Swap::Done);
                Ok(shown(expected.next()))
            }
        }
    })
}

/// Presents a refresh token to the parent's server.
pub(crate) fn ask(address: &str, token: &Token) -> Option<Token> {
    let mut stream = TcpStream::connect(address).unwrap();
    let spent = token.refresh_token().unwrap().expose();
    writeln!(stream, "{spent}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    let (access, refresh) = answer.trim().split_once(' ')?;
    Some(Token::new(access).refresh(refresh))
}

fn address_and_count(extra: &str) -> (&str, usize) {
    let (address, count) = extra.split_once(' ').unwrap();
    (address, count.parse().unwrap())
}

/// Rotates by the operations of the store.
fn rotate(store: &FileStore, extra: &str) {
    let (address, count) = address_and_count(extra);
    for _ in 0..count {
        let lease = block_on(store.acquire(TTL)).unwrap();
        let stored = load(store);
        assert_eq!(stored.presented(), None, "an answer was lost");
        let mark = Presented::new(lease.fence(), SystemTime::UNIX_EPOCH);
        let swap = block_on(store.present(stored.stamp(), Some(mark))).unwrap();
        assert_eq!(swap, Swap::Done);
        let next = ask(address, stored.token().unwrap()).unwrap();
        let record = Stored::live(stored.stamp().next(), next).with_fence(lease.fence());
        let swap = block_on(store.compare_and_swap(stored.stamp(), record)).unwrap();
        assert_eq!(swap, Swap::Done);
        block_on(store.release(lease)).unwrap();
        say(&mark.fence.to_string());
    }
}

/// Rotates by sessions, each of which has seen nothing yet.
fn refresh(store: &FileStore, extra: &str) {
    let (address, count) = address_and_count(extra);
    let client = Client::new(MockAdapter::new());
    for _ in 0..count {
        let address = address.to_owned();
        let session = TokenRefresh::builder(store.clone(), async move |_: Client, token: Token| {
            ask(&address, &token).ok_or_else(|| RefreshError::new(RefreshClass::Rejected, "reused"))
        })
        .refresh_timeout(TTL)
        .build()
        .unwrap();
        block_on(session.refresh_now(&client)).unwrap();
        say(&session.counters().refreshed.to_string());
    }
}
