//! The same where files have no Unix mode: the folder's own rights apply.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    path::Path,
};

use super::fault;
use crate::Result;

pub(super) fn options() -> OpenOptions {
    OpenOptions::new()
}

#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(super) fn make_usable(_: &File) -> io::Result<()> {
    Ok(())
}

/// Refuses what is not a file; the caller has refused links.
pub(super) fn check(path: &Path, file: &File) -> Result<()> {
    match file.metadata() {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(fault::not_a_file(path, "something else")),
        Err(error) => Err(fault::failed("look at", path, error)),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(super) fn check_folder(_: &Path) -> Result<()> {
    Ok(())
}

/// Where files have no number, being there has to do.
pub(super) fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
