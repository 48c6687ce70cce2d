//! [`LockFile`]: a file whose lock the kernel takes back after a crash, with
//! two numbers in it.

use std::{
    fs::{File, TryLockError},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::{fault, places::refuse_link, platform};
use crate::Result;

/// How often a lock file is opened again that somebody has replaced.
const TRIES: u32 = 16;

/// A locked file. Dropped, it is unlocked.
///
/// The lock belongs to this opening of the file: another one excludes it, in
/// the same process too.
#[derive(Debug)]
pub(super) struct LockFile(File);

impl LockFile {
    /// Creates the file if it is missing, and waits for its lock.
    pub(super) fn lock(path: &Path) -> Result<Self> {
        let locked = Self::locked(path, |file| lock(file).map(|()| true))?;
        locked.ok_or_else(|| fault::keeps_changing(path))
    }

    /// Takes the lock if nobody has it.
    pub(super) fn try_lock(path: &Path) -> Result<Option<Self>> {
        Self::locked(path, |file| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }

    fn locked(path: &Path, take: impl Fn(&File) -> io::Result<bool>) -> Result<Option<Self>> {
        let failed = |error| fault::failed("lock", path, error);
        for _ in 0..TRIES {
            let file = open(path)?;
            if !take(&file).map_err(failed)? {
                return Ok(None);
            }
            let locked = Self(file);
            // Otherwise the others lock another file by now.
            if platform::is_at(&locked.0, path).map_err(failed)? {
                return Ok(Some(locked));
            }
        }
        Err(fault::keeps_changing(path))
    }

    /// Returns the two numbers; zeros where there are none.
    pub(super) fn numbers(&self) -> io::Result<(u64, u64)> {
        let mut text = String::new();
        let mut file = &self.0;
        file.seek(SeekFrom::Start(0))?;
        match file.take(64).read_to_string(&mut text) {
            Err(error) if error.kind() != ErrorKind::InvalidData => return Err(error),
            _ => {}
        }
        let mut numbers = text.split_ascii_whitespace().map(str::parse);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(first)), Some(Ok(second)), None) => Ok((first, second)),
            _ => Ok((0, 0)),
        }
    }

    /// Writes the two numbers, always as many bytes, in one go.
    pub(super) fn set_numbers(&self, (first, second): (u64, u64)) -> io::Result<()> {
        let text = format!("{first:020} {second:020}\n");
        let mut file = &self.0;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())?;
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if file.metadata()?.len() != length {
            file.set_len(length)?;
        }
        Ok(())
    }

    /// Waits until the numbers are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing alone would not do while a child process is being made, which
        // has the same opening until it runs its program.
        let _closed_then = self.0.unlock();
    }
}

/// Waits for the lock; a signal does not end the wait.
fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Opens the file, or creates it.
fn open(path: &Path) -> Result<File> {
    let mut options = platform::options();
    options.read(true).write(true);
    for _ in 0..TRIES {
        refuse_link(path)?;
        match options.create_new(false).open(path) {
            Ok(file) => {
                platform::check(path, &file)?;
                return Ok(file);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(fault::failed("open", path, error)),
        }
        match options.create_new(true).open(path) {
            Ok(file) => {
                platform::make_usable(&file)
                    .map_err(|error| fault::failed("create", path, error))?;
                return Ok(file);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(fault::failed("create", path, error)),
        }
    }
    Err(fault::keeps_changing(path))
}
