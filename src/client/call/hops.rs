//! What holds for a call's redirects.

use std::sync::Arc;

use super::Call;
use crate::{
    config::{Redirect, Setting},
    error::Result,
};

impl<E> Call<E> {
    /// Asks a hook before each redirect, in place of the client's; see
    /// [`ClientBuilder::before_redirect`](crate::ClientBuilder::before_redirect).
    #[doc(alias = "beforeRedirect")]
    pub fn before_redirect(
        mut self,
        hook: impl Fn(&mut Redirect<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.draft.wire().before_redirect = Setting::Set(Arc::new(hook));
        self
    }

    /// Follows redirects without asking the client's hook.
    pub fn without_before_redirect(mut self) -> Self {
        self.draft.wire().before_redirect = Setting::Unset;
        self
    }
}
