//! What is checked, and made, at `build`.

use std::sync::Arc;

use super::TokenRefreshBuilder;
use crate::{
    Error, ErrorKind, Origins, Result,
    auth::{TokenRefresh, attach::require_encryption, session::Session},
};

impl TokenRefreshBuilder {
    /// Builds the pair. The store is not read before the first call.
    ///
    /// # Errors
    ///
    /// The first mistake among the settings: [`ErrorKind::InvalidUrl`] for an
    /// origin or a token endpoint, [`ErrorKind::Builder`] for the others, one
    /// without encryption among them.
    pub fn build(self) -> Result<TokenRefresh> {
        Ok(TokenRefresh::over(self.session()?))
    }

    /// Checks the settings, and makes the session of them.
    pub(in crate::auth) fn session(mut self) -> Result<Arc<Session>> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let invalid = |text: &'static str| Err(Error::new(ErrorKind::Builder, text));
        if self.options.refresh_timeout.is_zero() {
            return invalid("`refresh_timeout` is 0, so no refresh could succeed");
        }
        if self.options.origins.as_ref().is_some_and(Origins::is_empty) {
            return invalid("`origins` is empty, so the token could go nowhere");
        }
        if !self.options.allow_plaintext {
            let named = self.options.origins.iter().flat_map(Origins::iter);
            named.cloned().try_for_each(|it| require_encryption(&it))?;
            for endpoint in self.refresher.endpoints() {
                // A relative one is joined to the client's base.
                if endpoint.contains("://") || endpoint.starts_with("//") {
                    require_encryption(&endpoint.parse()?)?;
                }
            }
        }
        let session = Session::new(self.options, self.store, self.refresher);
        for handler in self.handlers {
            session.handlers.add(handler);
        }
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::{JsonRefresh, LostAnswer, MemoryStore};

    #[test]
    fn the_table_says_what_the_defaults_are() {
        let builder = TokenRefreshBuilder::new(MemoryStore::empty(), JsonRefresh::new("/r"));
        assert_eq!(builder.options.leeway, Duration::from_secs(60));
        assert_eq!(builder.options.early, Duration::from_secs(300));
        assert_eq!(builder.options.refresh_timeout, Duration::from_secs(10));
        assert_eq!(builder.options.attempts, 3);
        assert_eq!(builder.options.lost_answer, LostAnswer::RetryOnce);
        assert_eq!(builder.options.recheck, None);
        assert_eq!(builder.options.header, "authorization");
        assert!(!builder.options.allow_plaintext && !builder.options.also_on_forbidden);
        assert!(builder.options.origins.is_none() && builder.options.refresh_when.is_none());
        assert!(!builder.options.replay_any_method && !builder.options.expiry_from_jwt);
        assert!(builder.options.dpop.is_none());
    }
}
