//! Folders, and ports.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder of its own under the system's temporary folder, removed when it is
/// dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default makes no folders")]
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tollgate-redis-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Returns a port of loopback that nobody listens on: below those that systems
/// give to outgoing connections, so that it is still free for a restart.
pub(crate) fn free_port() -> u16 {
    loop {
        let random = RandomState::new().hash_one(()) % 12_000;
        let port = 20_000 + u16::try_from(random).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
