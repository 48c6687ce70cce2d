//! [`Wire`]: what few clients and few calls say about the way between the last
//! interceptor and the server; the others pay one pointer for it.

use super::{Config, RedirectHook, Setting};

/// What a client says, and the outcome for a call.
#[derive(Clone, Default)]
pub(crate) struct Wire {
    pub(crate) before_redirect: Option<RedirectHook>,
}

/// What a call sets differently.
#[derive(Default)]
pub(crate) struct WireChanges {
    pub(crate) before_redirect: Setting<RedirectHook>,
}

impl WireChanges {
    /// Merges with what the client says.
    pub(crate) fn merge(self, of_client: Option<&Wire>) -> Wire {
        let of_client = of_client.cloned().unwrap_or_default();
        Wire {
            before_redirect: self.before_redirect.or(of_client.before_redirect),
        }
    }
}

impl Config {
    /// Returns what the client says of the wire, for changing.
    pub(crate) fn wire_mut(&mut self) -> &mut Wire {
        std::sync::Arc::make_mut(self.wire.get_or_insert_default())
    }
}
