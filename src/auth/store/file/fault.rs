//! What goes wrong with files, said without what they hold.

use std::{io, path::Path};

use crate::{Error, ErrorKind};

/// The error of an operation of the file system.
pub(super) fn failed(what: &str, path: &Path, source: io::Error) -> Error {
    let hint = match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "this user has to be able to read and write in the folder"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        io::ErrorKind::Unsupported => "put the file on a local disk",
        _ => "",
    };
    let error = refused(format!("cannot {what} `{}`", path.display())).with_source(source);
    if hint.is_empty() {
        return error;
    }
    error.with_hint(hint)
}

pub(super) fn no_file_name(path: &Path) -> Error {
    refused(format!("the path `{}` names no file", path.display()))
        .with_hint("give `FileStore` the path of a file, such as `token.json`")
}

pub(super) fn not_a_file(path: &Path, what: &str) -> Error {
    refused(format!("`{}` is {what}, not a file", path.display()))
        .with_hint("give `FileStore` the path of the file itself")
}

#[cfg(unix)]
pub(super) fn open_to_others(path: &Path, mode: u32) -> Error {
    refused(format!(
        "the file `{}` has the mode `{:04o}`: others than its owner can use it",
        path.display(),
        mode & 0o7777
    ))
    .with_hint("sign in anew if others may have read it; then `chmod 600`")
}

#[cfg(unix)]
pub(super) fn folder_of_others(path: &Path, mode: u32) -> Error {
    refused(format!(
        "the folder `{}` has the mode `{:04o}`: everybody can replace what is in it",
        path.display(),
        mode & 0o7777
    ))
    .with_hint("use a folder of this user's own, or `chmod o-w`")
}

#[cfg(unix)]
pub(super) fn many_names(path: &Path, count: u64) -> Error {
    refused(format!(
        "the file `{}` has `{count}` names: it can be changed through another",
        path.display()
    ))
    .with_hint("remove the other hard links")
}

pub(super) fn keeps_changing(path: &Path) -> Error {
    refused(format!(
        "cannot lock `{}`: it was replaced each time",
        path.display()
    ))
    .with_hint("see who removes or replaces the lock file")
}

pub(super) fn too_large(limit: u64) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("the token record has more than `{limit}` bytes"),
    )
}

pub(super) fn will_be_too_large(length: usize, limit: u64) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("the token record would have `{length}` bytes, and at most `{limit}` are kept"),
    )
    .with_hint("store a shorter token or scope")
}

pub(super) fn no_text() -> Error {
    Error::new(
        ErrorKind::Decode,
        "the token record cannot be read: it is not UTF-8",
    )
}

/// Adds to an error which file it is about.
pub(super) fn of_record(error: Error, path: &Path) -> Error {
    error.with_note(format!("the record is in `{}`", path.display()))
}

/// The error of content that is no record, and was moved.
pub(super) fn set_aside(error: Error, path: &Path, aside: &Path) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("the file `{}` holds no token record", path.display()),
    )
    .with_source(error)
    .with_hint(format!(
        "sign in again; it was moved to `{}`, which may hold a token: delete it when you have looked",
        aside.display()
    ))
}

pub(super) fn no_thread(source: io::Error) -> Error {
    refused("no thread could be started for the token file".to_owned()).with_source(source)
}

pub(super) fn cut_off() -> Error {
    refused("the thread of the token file was cut off".to_owned())
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Auth, message)
}
