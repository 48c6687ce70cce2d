//! What keeps other users out, and a write on the disk: on Unix.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::fault;
use crate::Result;

/// The mode of every file that a store makes.
const PRIVATE: u32 = 0o600;
/// Write permission for everybody.
const BY_ALL: u32 = 0o002;
/// In a folder, only a file's owner may replace it.
const STICKY: u32 = 0o1000;

/// Options that create with mode 0600 and follow no link; std adds
/// `O_CLOEXEC`. A pipe or a device in its place does not hold up the thread.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .mode(PRIVATE)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// Gives its owner what a narrow umask took; others never had anything.
pub(super) fn make_usable(file: &File) -> io::Result<()> {
    if file.metadata()?.mode() & 0o777 == PRIVATE {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(PRIVATE))
}

/// Refuses what is not a file of one name that only its owner can use.
pub(super) fn check(path: &Path, file: &File) -> Result<()> {
    let found = file
        .metadata()
        .map_err(|error| fault::failed("look at", path, error))?;
    if !found.is_file() {
        return Err(fault::not_a_file(path, "something else"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(fault::open_to_others(path, found.mode()));
    }
    if found.nlink() > 1 {
        return Err(fault::many_names(path, found.nlink()));
    }
    Ok(())
}

/// Refuses a folder in which everybody may put another file in place.
pub(super) fn check_folder(path: &Path) -> Result<()> {
    match path.metadata() {
        Ok(found) if found.mode() & BY_ALL != 0 && found.mode() & STICKY == 0 => {
            Err(fault::folder_of_others(path, found.mode()))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(fault::failed("look at", path, error)),
    }
}

/// Tells whether the path still leads to the file that was opened.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    match path.symlink_metadata() {
        Ok(found) => Ok((found.dev(), found.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates a folder and those above it that are missing, for the user alone.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<PathBuf> = path
        .ancestors()
        .take_while(|folder| !folder.exists())
        .map(Path::to_owned)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    missing
        .iter()
        .filter_map(|folder| folder.parent())
        .try_for_each(sync_folder)
}

/// Makes sure that a rename in the folder outlasts a loss of power.
///
/// Some network file systems cannot do it for a folder, and say so.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}
