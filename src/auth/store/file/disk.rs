//! The operations of a store, as they are done to files.
//!
//! ```text
//! lock ─▶ sweep ─▶ read ─▶ compare ─▶ write `.new` ─▶ fsync ─▶ rename ─▶ fsync of the folder ─▶ unlock
//! ```

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    path::Path,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{
    fault,
    lock_file::LockFile,
    places::{Places, refuse_link},
    platform,
};
use crate::{
    Result,
    auth::{Lease, Stamp, Stored},
};

/// What is read and written at most; two tokens at their limit fit in twice.
const MAX_RECORD_BYTES: u64 = 256 * 1024;

/// What the record's file holds.
enum Found {
    Nothing,
    Record(Stored),
    /// No record, and why.
    Broken(crate::Error),
}

/// Reads the record. Nothing is created for it.
pub(super) fn load(places: &Places) -> Result<Stored> {
    platform::check_folder(places.folder()?)?;
    sweep_if_idle(places);
    match read(places)? {
        Found::Record(stored) => Ok(stored),
        Found::Nothing if !exists(&places.writing()) => Ok(Stored::empty(Stamp::default())),
        // Somebody has been here, or has to put it aside.
        Found::Nothing | Found::Broken(_) => begin(places).map(|(_, stored)| stored),
    }
}

/// Replaces the record by what `decide` makes of it, if it makes anything.
pub(super) fn change<T>(
    places: &Places,
    decide: impl FnOnce(Stored) -> (Option<Stored>, T),
) -> Result<T> {
    prepare(places)?;
    let (lock, stored) = begin(places)?;
    let (new, answer) = decide(stored);
    if let Some(new) = new {
        replace(places, &new)?;
        // Only for when the record is lost: no reason to fail, or to wait.
        let _kept_if_possible = lock.set_numbers((new.stamp().epoch, new.stamp().version));
    }
    Ok(answer)
}

/// Waits for the lease's lock, and counts it.
pub(super) fn acquire(places: &Places) -> Result<Lease> {
    prepare(places)?;
    let path = places.lease();
    let (lock, contended) = match LockFile::try_lock(&path)? {
        Some(lock) => (lock, false),
        None => (LockFile::lock(&path)?, true),
    };
    let failed = |error| fault::failed("count the lease in", &path, error);
    let (known, _) = lock.numbers().map_err(failed)?;
    let last = if known == 0 {
        // The first one, or the lock file is new: the record has seen others.
        last_fence(places)
    } else {
        known
    };
    let fence = last.saturating_add(1);
    lock.set_numbers((fence, 0)).map_err(failed)?;
    lock.sync().map_err(failed)?;
    let lease = Lease::new(fence).with_guard(lock).with_age(Duration::ZERO);
    Ok(if contended { lease.contended() } else { lease })
}

fn last_fence(places: &Places) -> u64 {
    match read(places) {
        Ok(Found::Record(stored)) => {
            let presented = stored.presented().map_or(0, |mark| mark.fence);
            stored.fence().max(presented)
        }
        _ => 0,
    }
}

/// Makes the folder, if it is missing.
fn prepare(places: &Places) -> Result<()> {
    let folder = places.folder()?;
    platform::create_folder(folder).map_err(|error| fault::failed("create", folder, error))?;
    platform::check_folder(folder)
}

/// Takes the lock under which the record changes, and reads it.
fn begin(places: &Places) -> Result<(LockFile, Stored)> {
    let path = places.writing();
    let lock = LockFile::lock(&path)?;
    sweep(places)?;
    let stored = match read(places)? {
        Found::Record(stored) => stored,
        Found::Nothing => {
            // It goes on where it was: who knows a later stamp would take
            // whoever signs in next for somebody earlier.
            let (epoch, version) = lock
                .numbers()
                .map_err(|error| fault::failed("read", &path, error))?;
            Stored::empty(Stamp::new(epoch, version))
        }
        Found::Broken(error) => return Err(set_aside(places, error)),
    };
    Ok((lock, stored))
}

/// Moves away what is no record, so that somebody can sign in again.
fn set_aside(places: &Places, error: crate::Error) -> crate::Error {
    let aside = places.corrupt();
    match fs::rename(&places.record, &aside) {
        Ok(()) => {
            // After a loss of power it is found again, and moved again.
            let _once_more_then = places.folder().map(platform::sync_folder);
            fault::set_aside(error, &places.record, &aside)
        }
        Err(failed) => {
            fault::failed("move away", &places.record, failed).with_note(error.to_string())
        }
    }
}

fn read(places: &Places) -> Result<Found> {
    let path = &places.record;
    refuse_link(path)?;
    let file = match platform::options().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(fault::failed("open", path, error)),
    };
    platform::check(path, &file)?;
    let failed = |error| fault::failed("read", path, error);
    let length = file.metadata().map_err(failed)?.len().min(MAX_RECORD_BYTES);
    let room = usize::try_from(length)
        .unwrap_or_default()
        .saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(MAX_RECORD_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > usize::try_from(MAX_RECORD_BYTES).unwrap_or(usize::MAX) {
        return Ok(Found::Broken(fault::too_large(MAX_RECORD_BYTES)));
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Ok(Found::Broken(fault::no_text()));
    };
    match Stored::from_record(text) {
        Ok(stored) => Ok(Found::Record(stored)),
        Err(error) if error.is_decode() => Ok(Found::Broken(error)),
        // A newer version's: it is as it should be, and stays.
        Err(error) => Err(fault::of_record(error, path)),
    }
}

/// Puts the next record in place, all of it or nothing.
fn replace(places: &Places, new: &Stored) -> Result<()> {
    let text = new.to_record();
    let length = text.expose().len();
    if u64::try_from(length).unwrap_or(u64::MAX) > MAX_RECORD_BYTES {
        return Err(fault::will_be_too_large(length, MAX_RECORD_BYTES));
    }
    let next = places.next();
    let moved = write(&next, text.expose()).and_then(|()| {
        fs::rename(&next, &places.record)
            .map_err(|error| fault::failed("replace", &places.record, error))
    });
    if let Err(error) = moved {
        // What could not be removed is swept by the next operation.
        let _swept_then = fs::remove_file(&next);
        return Err(error);
    }
    let folder = places.folder()?;
    platform::sync_folder(folder).map_err(|error| fault::failed("flush", folder, error))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = platform::options()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| fault::failed("create", path, error))?;
    platform::make_usable(&file)
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .map_err(|error| fault::failed("write", path, error))
}

/// Removes what a crash has left; the caller holds the lock.
fn sweep(places: &Places) -> Result<()> {
    let next = places.next();
    match fs::remove_file(&next) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(fault::failed("remove", &next, error))
        }
        _ => Ok(()),
    }
}

/// The same for a reader, which waits for nobody: who writes now will do it.
fn sweep_if_idle(places: &Places) {
    if exists(&places.next())
        && let Ok(Some(_lock)) = LockFile::try_lock(&places.writing())
    {
        // A reader that may not write goes on reading.
        let _read_all_the_same = sweep(places);
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
