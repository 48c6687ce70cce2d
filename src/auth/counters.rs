//! [`Counters`]: what a session has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use super::RefreshClass;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a session has done so far; numbers only grow.
        ///
        /// ```
        /// use tollgate::auth::{MemoryStore, OAuth2Refresh, TokenRefresh};
        ///
        /// let refresher = OAuth2Refresh::new("https://id.example.com/token", "app");
        /// let refresh = TokenRefresh::builder(MemoryStore::empty(), refresher).build()?;
        /// assert_eq!(refresh.counters().attempts, 0);
        /// # Ok::<(), tollgate::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The counters while they count.
        #[derive(Debug, Default)]
        pub(super) struct Tally {
            $(pub(super) $name: AtomicU64,)*
        }

        impl Tally {
            pub(super) fn read(&self) -> Counters {
                Counters { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// How often the refresher was asked, tries after a failure included.
    attempts,
    /// Refreshes that gave a new token.
    refreshed,
    /// Refreshes that gave a token after an answer had been lost.
    recovered,
    /// Refreshes that gave none, for any reason; the next ones say why.
    failed,
    /// Failures of [`RefreshClass::NotSent`].
    not_sent,
    /// Failures of [`RefreshClass::Ambiguous`].
    ambiguous,
    /// Failures of [`RefreshClass::Rejected`].
    rejected,
    /// Failures of [`RefreshClass::Config`].
    config,
    /// Calls that waited for a refresh which another call had started.
    coalesced,
    /// Calls that got a recent failure again, without anything being sent.
    cooled,
    /// Calls that were replayed, or would have been if they could.
    replays,
    /// Refusals of a token that had been replaced already: replayed at once.
    stale_hits,
    /// Newer tokens that were found in the store.
    adopted,
    /// Refreshes that another holder of the store's lease came before.
    lease_waits,
    /// Tokens that the store did not take at once.
    persist_failed,
    /// Tokens that the server was told to forget.
    revoked,
    /// Panics of refreshers, predicates and event handlers.
    panics,
}

impl Tally {
    pub(super) fn add(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_failure(&self, class: RefreshClass) {
        self.add(&self.failed);
        match class {
            RefreshClass::NotSent => self.add(&self.not_sent),
            RefreshClass::Ambiguous => self.add(&self.ambiguous),
            RefreshClass::Rejected => self.add(&self.rejected),
            RefreshClass::Config => self.add(&self.config),
            RefreshClass::Unchanged
            | RefreshClass::Excessive
            | RefreshClass::Store
            | RefreshClass::Superseded
            | RefreshClass::Interrupted => {}
        }
    }
}
