//! The stores pass their suite, and a store with a fault does not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tollgate::{
    Error, Result,
    auth::{FileStore, Lease, MemoryStore, Presented, Stamp, StoreSuite, Stored, Swap, TokenStore},
};

use crate::support::Folder;

/// A store whose folder goes with it.
struct Kept {
    store: FileStore,
    _folder: Arc<Folder>,
}

impl Kept {
    fn new(store: FileStore, folder: Arc<Folder>) -> Self {
        Self {
            store,
            _folder: folder,
        }
    }
}

#[async_trait]
impl TokenStore for Kept {
    async fn load(&self) -> Result<Stored> {
        self.store.load().await
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        self.store.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        self.store.clear(epoch).await
    }

    async fn acquire(&self, ttl: Duration) -> Result<Lease> {
        self.store.acquire(ttl).await
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        self.store.present(stamp, presented).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.store.release(lease).await
    }
}

fn no_folder() -> Kept {
    let folder = Arc::new(Folder::new());
    std::fs::write(folder.path().join("file"), "").unwrap();
    Kept::new(
        FileStore::new(folder.path().join("file/token.json")),
        folder,
    )
}

#[test]
fn two_file_stores_over_one_path_conform() {
    let report = StoreSuite::new(|| {
        let folder = Arc::new(Folder::new());
        let first = Kept::new(folder.store(), Arc::clone(&folder));
        (first, Kept::new(folder.store(), folder))
    })
    .failing(no_folder)
    .run();
    println!("{report}");
    report.assert_passed();
    assert_eq!(report.passed().count(), StoreSuite::cases().count());
}

#[test]
fn a_file_store_and_its_clone_conform() {
    let report = StoreSuite::new(|| {
        let folder = Arc::new(Folder::new());
        let store = folder.store();
        let first = Kept::new(store.clone(), Arc::clone(&folder));
        (first, Kept::new(store, folder))
    })
    .failing(no_folder)
    .run();
    report.assert_passed();
}

#[test]
fn a_memory_store_conforms_but_for_leases() {
    let suite = StoreSuite::new(|| {
        let store = Arc::new(MemoryStore::empty());
        (Arc::clone(&store), store)
    });
    let report = suite.without_leases("it is one process's").run();
    report.assert_passed();
    assert_eq!(report.skipped().count(), 6, "{report}");
}

#[test]
fn a_suite_runs_in_a_runtime_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let suite = StoreSuite::new(|| {
        let folder = Arc::new(Folder::new());
        let first = Kept::new(folder.store(), Arc::clone(&folder));
        (first, Kept::new(folder.store(), folder))
    });
    runtime.block_on(suite.check()).assert_passed();
}

#[test]
fn a_case_that_does_not_exist_is_a_failure() {
    let memory = || (MemoryStore::empty(), MemoryStore::empty());
    let suite = StoreSuite::new(memory).skip("no_such_case", "it was renamed");
    let report = suite.only("nor_this").run();
    let failed: Vec<_> = report.failed().map(|(name, _)| name).collect();
    assert_eq!(failed, ["no_such_case", "nor_this"]);
    assert!(report.to_string().contains("saw: no case has this name"));
}

/// A store with one fault.
struct Faulty {
    inner: Arc<MemoryStore>,
    fault: &'static str,
    fences: Arc<AtomicU64>,
}

impl Faulty {
    fn has(&self, fault: &str) -> bool {
        self.fault == fault
    }
}

#[async_trait]
impl TokenStore for Faulty {
    async fn load(&self) -> Result<Stored> {
        let stored = self.inner.load().await?;
        if self.has("leaks") {
            return Err(Error::message(format!(
                "{:?}",
                stored.token().map(|token| token.access_token().expose())
            )));
        }
        match stored.token() {
            _ if self.has("is never empty") => Ok(Stored::dead(stored.stamp())),
            Some(token) if self.has("forgets the scope") => {
                let refresh = token.refresh_token().cloned();
                let bare = tollgate::auth::Token::new(token.access_token().clone());
                let bare = refresh
                    .into_iter()
                    .fold(bare, tollgate::auth::Token::refresh);
                Ok(Stored::live(stored.stamp(), bare))
            }
            _ => Ok(stored),
        }
    }

    async fn compare_and_swap(&self, expected: Stamp, new: Stored) -> Result<Swap> {
        let stored = self.inner.load().await?;
        if self.has("swaps over anything") {
            return self.inner.compare_and_swap(stored.stamp(), new).await;
        }
        if self.has("keeps marks")
            && let Some(mark) = stored.presented()
        {
            return self
                .inner
                .compare_and_swap(expected, new.with_presented(mark))
                .await;
        }
        self.inner.compare_and_swap(expected, new).await
    }

    async fn clear(&self, epoch: u64) -> Result<Stamp> {
        let stored = self.inner.load().await?;
        if self.has("clears anything") {
            return self.inner.clear(u64::MAX).await;
        }
        if self.has("clears nothing") {
            return Ok(stored.stamp().next_epoch());
        }
        self.inner.clear(epoch).await
    }

    async fn acquire(&self, _: Duration) -> Result<Lease> {
        let more = u64::from(!self.has("has one fence"));
        Ok(Lease::new(
            self.fences.fetch_add(more, Ordering::SeqCst) + 1,
        ))
    }

    async fn present(&self, stamp: Stamp, presented: Option<Presented>) -> Result<Swap> {
        if self.has("marks nothing") {
            return Ok(Swap::Done);
        }
        self.inner.present(stamp, presented).await
    }
}

/// Returns the cases that a store with the fault fails.
fn failed(fault: &'static str) -> Vec<String> {
    let report = StoreSuite::new(move || {
        let store = Arc::new(MemoryStore::empty());
        let faulty = |inner| Faulty {
            inner,
            fault,
            fences: Arc::default(),
        };
        (faulty(Arc::clone(&store)), faulty(store))
    })
    .run();
    report.failed().map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn each_fault_is_found_by_its_case() {
    for (fault, case) in [
        ("leaks", "what_was_written_is_read"),
        ("is never empty", "a_new_store_is_empty"),
        ("forgets the scope", "what_was_written_is_read"),
        ("forgets the scope", "any_text_fits"),
        ("forgets the scope", "large_tokens_fit"),
        (
            "swaps over anything",
            "a_swap_over_another_stamp_writes_nothing",
        ),
        ("swaps over anything", "of_writers_at_once_one_wins"),
        ("keeps marks", "a_mark_is_gone_with_the_next_write"),
        ("marks nothing", "a_mark_leaves_the_record_as_it_is"),
        ("clears anything", "clear_leaves_a_later_epoch_alone"),
        ("clears nothing", "clear_ends_an_epoch_and_those_before"),
        ("clears nothing", "signing_in_and_out_waits_for_no_lease"),
        ("has one fence", "a_fence_is_higher_than_those_before"),
        ("has one fence", "all_who_wait_get_a_lease"),
        ("", "a_lease_is_given_to_one_at_a_time"),
        ("", "a_lease_that_is_dropped_is_given_back"),
        ("", "who_stops_waiting_keeps_no_lease"),
    ] {
        let failed = failed(fault);
        assert!(
            failed.iter().any(|name| name == case),
            "{fault}: {failed:?}"
        );
    }
}

#[test]
fn an_error_with_a_token_in_it_is_found() {
    let suite = StoreSuite::new(|| (MemoryStore::empty(), MemoryStore::empty()));
    let report = suite
        .only("errors_hold_no_token")
        .failing(|| {
            let token = tollgate::auth::Token::new("CANARY-7Dq");
            Faulty {
                inner: Arc::new(MemoryStore::new(token)),
                fault: "leaks",
                fences: Arc::default(),
            }
        })
        .run();
    let failed: Vec<_> = report.failed().collect();
    assert_eq!(failed, [("errors_hold_no_token", "an error holds a token")]);
}
