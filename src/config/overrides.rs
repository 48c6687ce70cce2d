//! [`Overrides`]: what one call sets differently from its client.

use std::time::Duration;

use super::{Order, StatusPolicy};
use crate::{cancel::CancelHandle, progress::Handler};

/// One setting of a call: the client's, none, or its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Setting<T> {
    #[default]
    Inherit,
    Unset,
    Set(T),
}

impl<T: Copy> Setting<T> {
    /// Merges with the client's value.
    pub(crate) fn or(self, inherited: Option<T>) -> Option<T> {
        match self {
            Self::Inherit => inherited,
            Self::Unset => None,
            Self::Set(value) => Some(value),
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
    pub(crate) order: Option<Order>,
    pub(crate) status: Option<StatusPolicy>,
    pub(crate) stream: bool,
    pub(crate) cancel: Option<CancelHandle>,
    pub(crate) on_upload_progress: Option<Handler>,
    pub(crate) on_download_progress: Option<Handler>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_inherits_unsets_or_sets() {
        assert_eq!(Setting::Inherit.or(Some(1)), Some(1));
        assert_eq!(Setting::<i32>::Unset.or(Some(1)), None);
        assert_eq!(Setting::Set(2).or(Some(1)), Some(2));
    }
}
