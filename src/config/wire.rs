//! [`Wire`]: what few clients and few calls say about the way between the last
//! interceptor and the server; the others pay one pointer for it.

use std::{sync::Arc, time::Duration};

use http::HeaderName;

use super::{
    Config, RedirectHook, Setting,
    transforms::{RequestTransform, ResponseTransform},
};
use crate::progress::Handler;

/// The least that a body has to move, judged by windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinRate {
    pub(crate) bytes_per_second: u64,
    pub(crate) window: Duration,
}

impl MinRate {
    pub(crate) fn new(bytes_per_second: u64, window: Duration) -> Self {
        Self {
            bytes_per_second,
            window: window.max(Duration::from_millis(1)),
        }
    }

    fn parts(self) -> (u64, Duration) {
        (self.bytes_per_second, self.window)
    }
}

/// What a client says, and the outcome for a call.
#[derive(Clone, Default)]
pub(crate) struct Wire {
    pub(crate) before_redirect: Option<RedirectHook>,
    /// Headers that are secrets, beside the usual ones.
    pub(crate) sensitive: Option<Arc<[HeaderName]>>,
    /// Headers that the adapter is not to add by itself; a call's alone.
    pub(crate) without: Option<Arc<[HeaderName]>>,
    pub(crate) min_upload_rate: Option<MinRate>,
    pub(crate) min_download_rate: Option<MinRate>,
    /// Bytes per second, at least 1.
    pub(crate) max_upload_rate: Option<u64>,
    pub(crate) max_download_rate: Option<u64>,
    pub(crate) transform_request: Vec<RequestTransform>,
    pub(crate) transform_response: Vec<ResponseTransform>,
    pub(crate) on_upload_progress: Option<Handler>,
    pub(crate) on_download_progress: Option<Handler>,
}

impl Wire {
    /// Returns the names of the headers that are secrets.
    pub(crate) fn sensitive(&self) -> &[HeaderName] {
        self.sensitive.as_deref().unwrap_or_default()
    }

    /// Adds names to those that are secrets already.
    pub(crate) fn add_sensitive(&mut self, names: impl IntoIterator<Item = HeaderName>) {
        let all = self.sensitive().iter().cloned().chain(names).collect();
        self.sensitive = Some(all);
    }
}

/// What a call sets differently.
#[derive(Default)]
pub(crate) struct WireChanges {
    pub(crate) before_redirect: Setting<RedirectHook>,
    /// The client's names do not hold.
    pub(crate) without_sensitive: bool,
    pub(crate) sensitive: Vec<HeaderName>,
    pub(crate) min_upload_rate: Setting<MinRate>,
    pub(crate) min_download_rate: Setting<MinRate>,
    pub(crate) max_upload_rate: Setting<u64>,
    pub(crate) max_download_rate: Setting<u64>,
    pub(crate) transform_request: Setting<Vec<RequestTransform>>,
    pub(crate) transform_response: Setting<Vec<ResponseTransform>>,
    pub(crate) on_upload_progress: Setting<Handler>,
    pub(crate) on_download_progress: Setting<Handler>,
}

impl WireChanges {
    /// Merges with what the client says.
    pub(crate) fn merge(self, of_client: Option<&Wire>) -> Wire {
        let mut wire = of_client.cloned().unwrap_or_default();
        wire.before_redirect = self.before_redirect.or(wire.before_redirect);
        wire.min_upload_rate = self.min_upload_rate.or(wire.min_upload_rate);
        wire.min_download_rate = self.min_download_rate.or(wire.min_download_rate);
        wire.max_upload_rate = self.max_upload_rate.or(wire.max_upload_rate);
        wire.max_download_rate = self.max_download_rate.or(wire.max_download_rate);
        let requests = self.transform_request.or(Some(wire.transform_request));
        wire.transform_request = requests.unwrap_or_default();
        let responses = self.transform_response.or(Some(wire.transform_response));
        wire.transform_response = responses.unwrap_or_default();
        wire.on_upload_progress = self.on_upload_progress.or(wire.on_upload_progress);
        wire.on_download_progress = self.on_download_progress.or(wire.on_download_progress);
        if self.without_sensitive {
            wire.sensitive = None;
        }
        if !self.sensitive.is_empty() {
            wire.add_sensitive(self.sensitive);
        }
        wire
    }
}

impl Config {
    /// Returns the names of the headers that are secrets, beside the usual
    /// ones.
    #[must_use]
    pub fn sensitive_headers(&self) -> &[HeaderName] {
        self.wire.as_ref().map_or(&[], |wire| wire.sensitive())
    }

    /// Returns the least bytes per second of an upload, and the window that
    /// they are counted over.
    #[must_use]
    pub fn min_upload_rate(&self) -> Option<(u64, Duration)> {
        self.wire.as_ref()?.min_upload_rate.map(MinRate::parts)
    }

    /// Returns the least bytes per second of a download, and the window that
    /// they are counted over.
    #[must_use]
    pub fn min_download_rate(&self) -> Option<(u64, Duration)> {
        self.wire.as_ref()?.min_download_rate.map(MinRate::parts)
    }

    /// Returns the most bytes per second of an upload.
    #[must_use]
    pub fn max_upload_rate(&self) -> Option<u64> {
        self.wire.as_ref()?.max_upload_rate
    }

    /// Returns the most bytes per second of a download.
    #[must_use]
    pub fn max_download_rate(&self) -> Option<u64> {
        self.wire.as_ref()?.max_download_rate
    }

    /// Tells whether calls tell a handler of their uploads.
    #[must_use]
    pub fn has_upload_progress(&self) -> bool {
        let wire = self.wire.as_ref();
        wire.is_some_and(|wire| wire.on_upload_progress.is_some())
    }

    /// Tells whether calls tell a handler of their downloads.
    #[must_use]
    pub fn has_download_progress(&self) -> bool {
        let wire = self.wire.as_ref();
        wire.is_some_and(|wire| wire.on_download_progress.is_some())
    }

    /// Returns what the client says of the wire, for changing.
    pub(crate) fn wire_mut(&mut self) -> &mut Wire {
        Arc::make_mut(self.wire.get_or_insert_default())
    }
}
