//! [`FileStore`]: the store itself.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{disk, line::Line, places::Places};
use crate::{
    Result,
    auth::{Lease, Presented, Stamp, Stored, Swap, TokenStore},
};

/// Keeps the token in a file that the processes of one user share.
///
/// One process refreshes at a time; the others wait, and go on with what it
/// got. A clone, or another store over the same path, excludes it too.
///
/// ```
/// use tollgate::{auth::{FileStore, Stamp, Stored, Swap, Token, TokenStore}, runtime::block_on};
///
/// let folder = std::env::temp_dir().join(format!("tollgate-doc-{}", std::process::id()));
/// let store = FileStore::new(folder.join("token.json"));
/// assert!(block_on(store.load())?.token().is_none());
///
/// let signed_in = Stored::live(Stamp::new(1, 1), Token::new("a1").refresh("r1"));
/// let swap = block_on(store.compare_and_swap(Stamp::default(), signed_in))?;
/// assert_eq!(swap, Swap::Done);
///
/// let elsewhere = FileStore::new(folder.join("token.json"));
/// let stored = block_on(elsewhere.load())?;
/// assert_eq!(stored.token().unwrap().access_token().expose(), "a1");
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Files
///
/// | file | holds |
/// |---|---|
/// | `token.json` | the record; see [`Stored::to_record`] |
/// | `token.json.lock` | locked as long as a lease is held; the number of the last one |
/// | `token.json.write-lock` | locked while the record changes; its stamp |
/// | `token.json.new` | the next record, while it is written |
/// | `token.json.corrupt` | content that was no record, put aside |
///
/// All have the mode 0600 from the moment they exist, whatever the umask is; a
/// missing folder is created with 0700, at the first write. None but the record
/// need be kept or copied. The lock files stay; do not remove them while a
/// process runs. [`load`](TokenStore::load) needs no right to write; a session
/// needs it when it refreshes, signs in or signs out.
///
/// A relative path counts from the folder that is the current one when the
/// store is made. Nothing is touched before the first use.
///
/// # What is promised
///
/// A write that has returned is on the disk: the record, then its name in the
/// folder (`fsync`). Nobody ever sees half a record. Locks are the kernel's: a
/// process that ends, in whatever way, holds none.
///
/// | a process is killed, or the power fails | what is found |
/// |---|---|
/// | before the new record has its name | the old record; the next operation of any process removes `.new`, which may hold a token |
/// | after that, before the write has returned | the new record |
/// | with a lease, before the refresh token is sent | the record; the next one refreshes |
/// | with the refresh token sent, its answer not stored | the old record, marked as [presented](Stored::presented): a strict server has ended the session |
/// | after the answer is stored, with the lease | the new record; the lease is free |
///
/// # What is refused
///
/// On Unix, with an error that names the file and the remedy: a record or lock
/// file that is a symbolic link, is no regular file, has a second name, or a
/// mode that lets others in; a folder in which everybody may replace files
/// (`o+w` without the sticky bit). Records of more than 256 KiB, anywhere.
///
/// Content that is no record is moved to `.corrupt` and reported once, without
/// its text; after that nobody is signed in. A record of a newer version's is
/// left as it is, and reported each time.
///
/// # What is not promised
///
/// * The text is not encrypted: whoever is this user, or root, can read it.
/// * A process that hangs with the lease keeps it: the time that a lease is
///   asked for is not measured. Who waits is cut off by its own time; signing
///   in and out, and reading, do not wait for it.
/// * Network file systems: their locks and flushes are what they are. A folder
///   that cannot be flushed there is accepted.
/// * Elsewhere than on Unix there are no modes to set or refuse, and no flush
///   of the folder: the rights of the folder are inherited. Use one inside of
///   the user's profile.
///
/// The work is done on threads of the store's, in both engines; dropped
/// futures do not stop a write that has begun.
#[derive(Clone)]
pub struct FileStore {
    inner: Arc<Inner>,
}

struct Inner {
    places: Places,
    work: Line,
    leases: Line,
}

impl FileStore {
    /// Keeps the token in the file `path`, which need not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            inner: Arc::new(Inner {
                places: Places::new(path.into()),
                work: Line::new("tollgate-file"),
                leases: Line::new("tollgate-lease"),
            }),
        }
    }

    /// Replaces the record; done even if the caller goes away.
    async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(Stored) -> (Option<Stored>, T) + Send + 'static,
    ) -> Result<T> {
        let places = self.inner.places.clone();
        let work = move || disk::change(&places, decide);
        self.inner.work.run(work).await
    }
}

#[async_trait]
impl TokenStore for FileStore {
    async fn load(&self) -> Result<Stored> {
        let places = self.inner.places.clone();
        let work = move || disk::load(&places);
        self.inner.work.run_if_awaited(work).await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.change(move |stored| {
            if stored.stamp() == expected {
                (Some(new), Swap::Done)
            } else {
                (None, Swap::Conflict(stored))
            }
        })
        .await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.change(move |stored| {
            let stamp = stored.stamp();
            if stamp.epoch > epoch {
                return (None, stamp);
            }
            let empty = Stored::empty(stamp.next_epoch());
            let stamp = empty.stamp();
            (Some(empty), stamp)
        })
        .await
    }

    async fn acquire(&self, _: Duration) -> Result<Lease> {
        let places = self.inner.places.clone();
        let work = move || disk::acquire(&places);
        self.inner.leases.run_if_awaited(work).await
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        self.change(move |stored| {
            if stored.stamp() == stamp {
                (Some(stored.with_presented(presented)), Swap::Done)
            } else {
                (None, Swap::Conflict(stored))
            }
        })
        .await
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("path", &self.inner.places.record)
            .finish_non_exhaustive()
    }
}
