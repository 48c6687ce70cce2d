//! Folders, stores and tokens.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tollgate::{
    auth::{FileStore, Stamp, Stored, Swap, Token, TokenStore},
    runtime::block_on,
};

/// Stands in every token.
pub(crate) const CANARY: &str = "CANARY-Zq7";

pub(crate) const TTL: Duration = Duration::from_secs(60);

/// A folder of a test's own; removed at its end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("tollgate-file-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                // Left by a process that was killed, with the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => {
                    made.unwrap();
                    return Self(path);
                }
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The record's file.
    pub(crate) fn record(&self) -> PathBuf {
        self.0.join("token.json")
    }

    /// A file beside it.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        self.0.join(format!("token.json{ending}"))
    }

    /// A store of its own, as another process would make it.
    pub(crate) fn store(&self) -> FileStore {
        FileStore::new(self.record())
    }

    /// Nothing is left over, and nothing was found to be broken.
    pub(crate) fn assert_tidy(&self) {
        for ending in [".new", ".corrupt"] {
            assert!(!self.beside(ending).exists(), "there is a `{ending}`");
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// The token that is stored with a version; long, so that half of it shows.
pub(crate) fn token(version: u64) -> Token {
    let rest = "x".repeat(3000);
    Token::new(format!("{CANARY}.a.{version}.{rest}")).refresh(format!("{CANARY}.r.{version}"))
}

pub(crate) fn live(stamp: Stamp) -> Stored {
    Stored::live(stamp, token(stamp.version))
}

pub(crate) fn load(store: &FileStore) -> Stored {
    block_on(store.load()).unwrap()
}

pub(crate) fn save(store: &FileStore, expected: Stamp, new: &Stored) {
    let swap = block_on(store.compare_and_swap(expected, new.clone())).unwrap();
    assert_eq!(swap, Swap::Done);
}

/// All of the record belongs to its stamp.
pub(crate) fn assert_whole(stored: &Stored) {
    if let Some(found) = stored.token() {
        assert_eq!(*found, token(stored.stamp().version));
    }
}

/// How often something is done.
pub(crate) fn size(name: &str, normal: usize) -> usize {
    std::env::var(name).map_or(normal, |text| text.parse().unwrap())
}
