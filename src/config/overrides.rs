//! [`Overrides`]: what one call sets differently from its client.

use std::{sync::Arc, time::Duration};

use http::HeaderName;

use super::{Allow, Config, Order, StatusPolicy};
use crate::cancel::CancelHandle;

/// One setting of a call: the client's, none, or its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Setting<T> {
    #[default]
    Inherit,
    Unset,
    Set(T),
}

impl<T> Setting<T> {
    /// Merges with the client's value.
    pub(crate) fn or(self, inherited: Option<T>) -> Option<T> {
        match self {
            Self::Inherit => inherited,
            Self::Unset => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T: Clone> Setting<T> {
    /// Merges with the client's value, and keeps both.
    pub(crate) fn over(&self, inherited: Option<&T>) -> Option<T> {
        match self {
            Self::Inherit => inherited.cloned(),
            Self::Unset => None,
            Self::Set(value) => Some(value.clone()),
        }
    }
}

impl<T> Setting<Vec<T>> {
    /// Adds to a list of the call's own.
    pub(crate) fn add(&mut self, value: T) {
        match self {
            Self::Set(values) => values.push(value),
            Self::Inherit | Self::Unset => *self = Self::Set(vec![value]),
        }
    }
}

/// What one call sets differently from its client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) timeout: Setting<Duration>,
    pub(crate) deadline: Setting<Duration>,
    pub(crate) read_timeout: Setting<Duration>,
    pub(crate) max_response_bytes: Setting<u64>,
    pub(crate) max_request_bytes: Setting<u64>,
    pub(crate) max_redirects: Option<u32>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) absolute_urls: Option<bool>,
    pub(crate) downgrade: Option<bool>,
    pub(crate) cross_origin_bodies: Option<bool>,
    pub(crate) order: Option<Order>,
    pub(crate) status: Option<StatusPolicy>,
    pub(crate) stream: Option<bool>,
    /// Headers that are not printed; they may have no mark yet.
    pub(crate) sensitive: Option<Arc<[HeaderName]>>,
    pub(crate) cancel: Setting<CancelHandle>,
}

impl Overrides {
    /// Merges what is allowed with what the client allows.
    pub(crate) fn allow(&self, config: &Config) -> Allow {
        let of_client = config.allow;
        Allow {
            absolute_urls: self.absolute_urls.unwrap_or(of_client.absolute_urls),
            downgrade: self.downgrade.unwrap_or(of_client.downgrade),
            cross_origin_bodies: self
                .cross_origin_bodies
                .unwrap_or(of_client.cross_origin_bodies),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_inherits_unsets_or_sets() {
        assert_eq!(Setting::Inherit.or(Some(1)), Some(1));
        assert_eq!(Setting::<i32>::Unset.or(Some(1)), None);
        assert_eq!(Setting::Set(2).or(Some(1)), Some(2));
        for setting in [Setting::Inherit, Setting::Unset, Setting::Set(2)] {
            assert_eq!(setting.over(Some(&1)), setting.or(Some(1)));
        }
    }
}
