//! Folders, and ports.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::{TcpListener, UdpSocket},
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

/// A port of loopback that nobody listens on: below those that systems give to
/// outgoing connections, and reserved while this lives, so that it is still
/// free for a restart.
///
/// Whoever has the same port of UDP, which nobody needs here, has reserved it:
/// that holds among all processes, and ends with the process.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _reserved: UdpSocket,
}

impl Port {
    pub(crate) fn free() -> Self {
        loop {
            let random = RandomState::new().hash_one(()) % 12_000;
            let number = 20_000 + u16::try_from(random).unwrap();
            let Ok(reserved) = UdpSocket::bind(("127.0.0.1", number)) else {
                continue;
            };
            if TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self {
                    number,
                    _reserved: reserved,
                };
            }
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
