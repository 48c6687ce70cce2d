//! [`Bell`]: wakes those who wait for a message.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

/// Rings for all who listen, once.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<Vec<oneshot::Sender<()>>>);

impl Bell {
    /// Listens from now on: what rings after this is heard.
    pub(crate) fn listen(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut listeners = self.lock();
        listeners.retain(|listener| !listener.is_canceled());
        listeners.push(sender);
        receiver
    }

    pub(crate) fn ring(&self) {
        let listeners = std::mem::take(&mut *self.lock());
        for listener in listeners {
            // Who went away hears nothing.
            let _: Result<(), ()> = listener.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn all_who_listen_hear_it_once() {
        let bell = Bell::default();
        let (mut one, mut two) = (bell.listen(), bell.listen());
        assert!((&mut one).now_or_never().is_none());
        bell.ring();
        assert!((&mut one).now_or_never().is_some());
        assert!((&mut two).now_or_never().is_some());
        assert!(bell.listen().now_or_never().is_none());
    }

    #[test]
    fn who_goes_away_leaves_nothing_behind() {
        let bell = Bell::default();
        for _ in 0..100 {
            drop(bell.listen());
        }
        let _last = bell.listen();
        assert_eq!(bell.lock().len(), 1);
    }
}
