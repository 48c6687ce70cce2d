//! [`Lease`]: what a store answers to who wants to refresh.

use std::{any::Any, fmt, time::Duration};

use super::Stored;

/// The right to spend the refresh token, as a store gives it.
///
/// The default is that of a store without leases.
#[derive(Default)]
pub struct Lease {
    fence: u64,
    contended: bool,
    age: Option<Duration>,
    withheld: bool,
    record: Option<Stored>,
    guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Lease {
    /// Makes a lease with a fence, which grows with every lease of a store; 0
    /// without leases.
    #[must_use]
    pub fn new(fence: u64) -> Self {
        Self {
            fence,
            ..Self::default()
        }
    }

    /// The answer of a store whose record was replaced while somebody else had
    /// the lease: the record that is there now, and no lease. Where the record
    /// is of no use, the lease is asked for again.
    #[must_use]
    pub fn withheld(record: Stored) -> Self {
        Self {
            contended: true,
            withheld: true,
            record: Some(record),
            ..Self::default()
        }
    }

    /// Adds the record as it was when the lease was given, which spares reading
    /// it.
    #[must_use]
    pub fn with_record(mut self, record: Stored) -> Self {
        self.record = Some(record);
        self
    }

    /// Says how long ago, at most, it was given: without the time for which
    /// somebody else had it. Who refreshes has that much less time, so that the
    /// refresh is over before the lease is.
    ///
    /// By default that is when it was asked for. Zero is for a lease that lasts
    /// until it is given back.
    #[must_use]
    pub fn with_age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Notes that somebody else had the lease first.
    #[must_use]
    pub fn contended(mut self) -> Self {
        self.contended = true;
        self
    }

    /// Adds what gives the lease back when it is dropped, as happens where a
    /// runtime is shut down in the middle of a refresh.
    #[must_use]
    pub fn with_guard(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }

    /// Returns the fence.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Tells whether somebody else had the lease first.
    #[must_use]
    pub fn is_contended(&self) -> bool {
        self.contended
    }

    /// Tells whether it is no lease, because the record was replaced meanwhile.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// Returns the record as it was when the lease was given or withheld, if
    /// the store has read it with that.
    #[must_use]
    pub fn record(&self) -> Option<&Stored> {
        self.record.as_ref()
    }

    /// Returns what gives the lease back, if it is of this type: by it a store
    /// knows its own.
    #[must_use]
    pub fn guard<T: Any>(&self) -> Option<&T> {
        self.guard.as_deref()?.downcast_ref()
    }

    pub(in crate::auth) fn age(&self) -> Option<Duration> {
        self.age
    }

    pub(in crate::auth) fn take_record(&mut self) -> Option<Stored> {
        self.record.take()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("fence", &self.fence)
            .field("contended", &self.contended)
            .field("withheld", &self.withheld)
            .finish_non_exhaustive()
    }
}
