//! A file that is read for each attempt.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    body::Body,
    error::{Error, ErrorKind, Result},
};

/// A file and the length that was declared for it.
pub(super) struct FileSource {
    path: PathBuf,
    length: u64,
}

impl FileSource {
    /// Looks the file up, without opening it.
    pub(super) fn find(path: PathBuf) -> Result<Self> {
        let length = regular(&path)?;
        Ok(Self { path, length })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Returns what to call it in an error.
    pub(super) fn label(&self) -> String {
        format!("the file `{}`", printable(&self.path))
    }

    /// Opens the file, if it is still as long as it was.
    pub(super) fn open(&self) -> Result<File> {
        // First by its name: to open a pipe could block for ever.
        regular(&self.path)?;
        let unreadable = |error| unreadable(&self.path, error);
        let file = File::open(&self.path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        if length == self.length {
            return Ok(file);
        }
        Err(Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "{} has {length} bytes, and had {} when the form was built",
                self.label(),
                self.length
            ),
        )
        .with_hint("send a copy that nobody writes to"))
    }

    pub(super) fn body(&self) -> Body {
        match self.open() {
            Ok(file) => Body::from_reader(file),
            Err(error) => Body::failed(error),
        }
    }
}

/// Returns the length of a regular file: what else there is has none.
fn regular(path: &Path) -> Result<u64> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    Err(Error::new(
        ErrorKind::InvalidRequest,
        format!("`{}` is not a regular file", printable(path)),
    )
    .with_hint("send it with `Part::reader`"))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("the file `{}` cannot be read", printable(path)),
    )
    .with_hint("the path is relative to the working directory unless it is absolute")
    .with_source(error)
}

/// The path as it was given; a line break in it cannot forge a line of a log.
fn printable(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
