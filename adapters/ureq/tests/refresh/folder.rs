//! [`Folder`]: a place for the files of stores, which goes with it.

use std::{
    env, fs, io,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// A new folder among the temporary files.
pub(crate) struct Folder {
    path: PathBuf,
    files: AtomicU64,
}

impl Folder {
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        let path = env::temp_dir().join(format!("tollgate-{name}-{}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self {
            path,
            files: AtomicU64::new(0),
        })
    }

    /// Returns the path of a file that is not there yet.
    pub(crate) fn file(&self) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{number}.json"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind does no harm.
        drop(fs::remove_dir_all(&self.path));
    }
}
