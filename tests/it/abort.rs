//! D3: where a panic ends the process, as with `panic = "abort"`.
//!
//! Hooks are not caught then, and nothing can be: the panic hook runs, and the
//! process is gone. What is in a store outlives it, whole and unlocked. Cargo
//! builds tests to unwind, so the child does itself what that setting does: it
//! aborts when its panic hook has run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use tollgate::{
    MockAdapter, Request,
    auth::{FileStore, JsonRefresh, Token, TokenRefresh, TokenStore},
    blocking::Client,
    runtime::block_on,
};

const MODE: &str = "TOLLGATE_ABORT_CHILD";
const FILE: &str = "TOLLGATE_ABORT_FILE";
const SECRET: &str = "s3cr3t";
const SURVIVED: &str = "the process goes on";

/// A folder that is removed with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = format!("tollgate-abort-{name}-{}", std::process::id());
        Self(env::temp_dir().join(folder))
    }

    fn file(&self) -> PathBuf {
        self.0.join("token.json")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Runs [`child`] in a process of its own.
fn run(mode: &str, file: &Path) -> Output {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "abort::child", "--nocapture", "--test-threads=1"])
        .env(MODE, mode)
        .env(FILE, file)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap()
}

/// Does nothing, unless it was started as a child: signs in, and sends a call
/// whose hook panics while it holds the token and the store's lease.
#[test]
fn child() {
    let Ok(mode) = env::var(MODE) else {
        return;
    };
    if mode == "abort" {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            tell(info);
            std::process::abort();
        }));
    }
    let token = Token::new(SECRET).refresh(SECRET);
    let files = FileStore::new(env::var_os(FILE).unwrap());
    let lease = FileStore::new(env::var_os(FILE).unwrap());
    let refresh = TokenRefresh::builder(files, JsonRefresh::new("https://h/token"))
        .build()
        .unwrap();
    block_on(refresh.sign_in(token.clone())).unwrap();
    let client = Client::new(MockAdapter::new());
    client.interceptors.use_pair(refresh);
    client
        .interceptors
        .request
        .use_sync(move |request: Request| {
            let _lease = block_on(lease.acquire(Duration::from_secs(60)))?;
            panic!("a hook with {token:?} and {request:?}");
        });
    let error = client.get("https://h/me").send().unwrap_err();
    println!("{SURVIVED}: {error}");
}

#[test]
fn a_panic_that_aborts_ends_the_process_and_leaves_the_store_whole_and_free() {
    let folder = Folder::new("aborts");
    let output = run("abort", &folder.file());
    let (said, told) = texts(&output);
    assert!(!output.status.success(), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        assert!(output.status.signal().is_some(), "{:?}", output.status);
    }
    assert!(!said.contains(SURVIVED), "{said}");
    assert!(told.contains("a hook with Token"), "{told}");
    assert!(!told.contains(SECRET), "{told}");

    let store = FileStore::new(folder.file());
    let stored = block_on(store.load()).unwrap();
    let token = stored.token().unwrap();
    assert_eq!(token.access_token().expose(), SECRET);
    // Its lock has gone with the process.
    block_on(store.acquire(Duration::from_secs(1))).unwrap();
}

#[test]
fn a_panic_that_unwinds_ends_its_call_alone() {
    let folder = Folder::new("unwinds");
    let output = run("unwind", &folder.file());
    let (said, told) = texts(&output);
    assert!(output.status.success(), "{said} {told}");
    assert!(said.contains(SURVIVED), "{said}");
    assert!(said.contains("it panicked: a hook with Token"), "{said}");
    assert!(
        !said.contains(SECRET) && !told.contains(SECRET),
        "{said} {told}"
    );
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}
