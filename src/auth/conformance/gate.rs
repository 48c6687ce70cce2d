//! [`Hold`]: answers that wait until the test lets them go.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Holds answers back while it lives; dropping it lets all of them go.
///
/// What is held is decided already: a refresh has rotated, a call was let
/// through or refused. Only the client does not know it yet.
///
/// ```
/// use tollgate::auth::conformance::StrictAuthServer;
///
/// let server = StrictAuthServer::start()?;
/// let held = server.hold_refreshes();
/// // ... a call meets a 401 and refreshes; `held.wait_for(1, …)` sees it ...
/// held.release(1);
/// # assert_eq!(held.waiting(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "answers are held while this lives"]
pub struct Hold {
    gate: Arc<Gate>,
}

impl Hold {
    pub(super) fn new(gate: &Arc<Gate>) -> Self {
        gate.lock().holds += 1;
        Self {
            gate: Arc::clone(gate),
        }
    }

    /// Returns how many answers are held now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.gate.lock().waiting
    }

    /// Waits until `count` answers are held; `false` if that takes longer.
    #[must_use]
    pub fn wait_for(&self, count: usize, within: Duration) -> bool {
        let (state, _) = self
            .gate
            .changed
            .wait_timeout_while(self.gate.lock(), within, |state| state.waiting < count)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting >= count
    }

    /// Lets the next `count` answers go, those that come later included.
    pub fn release(&self, count: usize) {
        self.gate.lock().permits += count;
        self.gate.changed.notify_all();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        state.holds = state.holds.saturating_sub(1);
        if state.holds == 0 {
            state.permits = 0;
            state.opened += 1;
        }
        drop(state);
        self.gate.changed.notify_all();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// Where the answers of an endpoint pass.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    holds: usize,
    waiting: usize,
    permits: usize,
    /// How often the last hold was dropped: whoever waited then may go, also
    /// if there is a new hold before its thread wakes.
    opened: u64,
    /// The server is about to end.
    broken: bool,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when nobody holds answers, or one is released.
    pub(super) fn pass(&self) {
        let mut state = self.lock();
        if state.holds == 0 || state.broken {
            return;
        }
        state.waiting += 1;
        self.changed.notify_all();
        let opened = state.opened;
        let mut state = self
            .changed
            .wait_while(state, |state| {
                state.opened == opened && state.permits == 0 && !state.broken
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.opened == opened {
            state.permits = state.permits.saturating_sub(1);
        }
        state.waiting -= 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Lets everything through from now on.
    pub(super) fn tear_down(&self) {
        self.lock().broken = true;
        self.changed.notify_all();
    }
}
