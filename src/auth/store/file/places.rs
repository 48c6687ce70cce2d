//! [`Places`]: the record's file, and those beside it.

use std::path::{Path, PathBuf, absolute};

use super::fault;
use crate::Result;

/// Where the files of a store are.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) record: PathBuf,
}

impl Places {
    /// Holds on to the folder that is the current one now.
    pub(super) fn new(record: PathBuf) -> Self {
        Self {
            record: absolute(&record).unwrap_or(record),
        }
    }

    /// Returns the folder; the path of a folder, or none, is refused.
    pub(super) fn folder(&self) -> Result<&Path> {
        let folder = self.record.parent();
        folder
            .filter(|_| self.record.file_name().is_some())
            .ok_or_else(|| fault::no_file_name(&self.record))
    }

    /// Locked for as long as a lease; holds its fence.
    pub(super) fn lease(&self) -> PathBuf {
        self.beside(".lock")
    }

    /// Locked for one read and write; holds the stamp.
    pub(super) fn writing(&self) -> PathBuf {
        self.beside(".write-lock")
    }

    /// The next record, until it is complete. There is one for all, so that a
    /// crash leaves at most that one.
    pub(super) fn next(&self) -> PathBuf {
        self.beside(".new")
    }

    /// What was found and is no record.
    pub(super) fn corrupt(&self) -> PathBuf {
        self.beside(".corrupt")
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.record.clone().into_os_string();
        path.push(ending);
        path.into()
    }
}

/// Says that it is a link; where the flags of `open` can, they refuse it too.
pub(super) fn refuse_link(path: &Path) -> Result<()> {
    if path.is_symlink() {
        return Err(fault::not_a_file(path, "a symbolic link"));
    }
    Ok(())
}
