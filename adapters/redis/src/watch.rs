//! [`Bell`]: wakes those who wait for a message; [`Bells`]: which for which.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError, Weak},
};

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

/// The bells of the channels that are listened to.
#[derive(Default)]
pub(crate) struct Bells {
    bells: HashMap<String, Vec<Weak<Bell>>>,
    /// With so many channels, those that nobody has any more are looked for.
    full: usize,
}

impl Bells {
    /// Adds a bell; true if its channel is new.
    pub(crate) fn add(&mut self, channel: String, bell: Weak<Bell>) -> bool {
        match self.bells.entry(channel) {
            Entry::Vacant(new) => {
                new.insert(vec![bell]);
                true
            }
            Entry::Occupied(mut known) => {
                let bells = known.get_mut();
                bells.retain(|bell| bell.strong_count() > 0);
                if !bells.iter().any(|other| other.ptr_eq(&bell)) {
                    bells.push(bell);
                }
                false
            }
        }
    }

    pub(crate) fn channels(&self) -> Vec<String> {
        self.bells.keys().cloned().collect()
    }

    pub(crate) fn ring(&self, channel: &str) {
        let bells = self.bells.get(channel).into_iter().flatten();
        bells.filter_map(Weak::upgrade).for_each(|bell| bell.ring());
    }

    /// Takes the channels out that nobody has any more, where it is worth it.
    pub(crate) fn abandoned(&mut self) -> Vec<String> {
        if self.bells.len() < self.full.max(8) {
            return Vec::new();
        }
        let silent = |_: &String, bells: &mut Vec<Weak<Bell>>| {
            bells.iter().all(|bell| bell.strong_count() == 0)
        };
        let gone = self.bells.extract_if(silent).map(|(channel, _)| channel);
        let gone = gone.collect();
        self.full = self.bells.len() * 2;
        gone
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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

    #[test]
    fn a_channel_rings_all_its_bells_and_no_other() {
        let mut bells = Bells::default();
        let [one, two, other] = [(); 3].map(|()| Arc::new(Bell::default()));
        let mut add = |channel: &str, bell| bells.add(channel.to_owned(), Arc::downgrade(bell));
        assert!(add("k", &one));
        assert!(!add("k", &two));
        assert!(!add("k", &two), "twice");
        assert!(add("other", &other));
        let heard = |bell: &Arc<Bell>| bell.listen();
        let (first, second, third) = (heard(&one), heard(&two), heard(&other));
        bells.ring("k");
        bells.ring("nobody's");
        assert!(first.now_or_never().is_some() && second.now_or_never().is_some());
        assert!(third.now_or_never().is_none());
    }

    #[test]
    fn channels_that_nobody_has_are_taken_out() {
        let mut bells = Bells::default();
        let kept = Arc::new(Bell::default());
        bells.add("kept".to_owned(), Arc::downgrade(&kept));
        let mut gone = 0;
        for number in 0..1000 {
            let bell = Arc::new(Bell::default());
            bells.add(number.to_string(), Arc::downgrade(&bell));
            drop(bell);
            gone += bells.abandoned().len();
            assert!(bells.channels().len() < 20);
        }
        assert!(gone > 900 && bells.channels().contains(&"kept".to_owned()));
    }
}
