//! [`KeyedTokenRefreshBuilder`]: what holds for all identities.

use std::{fmt, sync::Arc};

use super::{
    Identity, Keyed, KeyedTokenRefresh, MissingIdentity,
    map::{Factory, Plan},
};
use crate::{Error, ErrorKind, Result, auth::AuthEvent};

/// The default of [`KeyedTokenRefreshBuilder::max_identities`].
const IDENTITIES: usize = 1_000;
/// The most that [`KeyedTokenRefreshBuilder::max_identities`] may be.
const MAX_IDENTITIES: usize = 100_000;

/// Builds a [`KeyedTokenRefresh`]; see
/// [`TokenRefresh::keyed`](crate::auth::TokenRefresh::keyed).
///
/// | setting | default |
/// |---|---|
/// | `max_identities` | 1 000 |
/// | `missing_identity` | the call fails |
///
/// The other options are those of each session: the factory sets them.
///
/// ```
/// use tollgate::auth::{MemoryStore, MissingIdentity, OAuth2Refresh, TokenRefresh};
///
/// let refresh = TokenRefresh::keyed(|_| {
///     let refresher = OAuth2Refresh::new("https://id.example.com/token", "my-app");
///     Ok(TokenRefresh::builder(MemoryStore::empty(), refresher))
/// })
/// .max_identities(200)
/// .missing_identity(MissingIdentity::Bare)
/// .on_event(|identity, event| println!("{identity}: {event:?}"))
/// .build()?;
/// assert!(refresh.is_empty());
/// # Ok::<(), tollgate::Error>(())
/// ```
#[must_use = "a builder does nothing before `build`"]
pub struct KeyedTokenRefreshBuilder {
    plan: Plan,
}

impl KeyedTokenRefreshBuilder {
    pub(in crate::auth) fn new(factory: Factory) -> Self {
        Self {
            plan: Plan {
                factory,
                handlers: Vec::new(),
                limit: IDENTITIES,
                missing: MissingIdentity::default(),
            },
        }
    }

    /// Sets how many identities may have a session at once, 1–100 000; default
    /// 1 000.
    ///
    /// The next one takes the place of the idle session that was used least
    /// recently; one that has a pause to keep after a failure, or was refreshed
    /// within 30 s, goes only where there is no other. To find it, all are
    /// looked at. Where none is idle the call fails with
    /// [`IdentityError::TooMany`](crate::auth::IdentityError::TooMany), so leave
    /// room for all that are in use at the same time.
    pub fn max_identities(mut self, limit: usize) -> Self {
        self.plan.limit = limit;
        self
    }

    /// Sets what becomes of a call that names no identity.
    pub fn missing_identity(mut self, missing: MissingIdentity) -> Self {
        self.plan.missing = missing;
        self
    }

    /// Calls `handler` on the events of every session, with its identity; see
    /// [`TokenRefresh::on_event`](crate::auth::TokenRefresh::on_event).
    pub fn on_event(
        mut self,
        handler: impl Fn(&Identity, &AuthEvent) + Send + Sync + 'static,
    ) -> Self {
        self.plan.handlers.push(Arc::new(handler));
        self
    }

    /// Builds the pair. No session is made before the first call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Builder`] for a limit that is out of its bounds. Mistakes
    /// in what the factory gives are errors of the call that needs it.
    pub fn build(self) -> Result<KeyedTokenRefresh> {
        let limit = self.plan.limit;
        if limit == 0 || limit > MAX_IDENTITIES {
            return Err(Error::new(
                ErrorKind::Builder,
                format!("`max_identities` is `{limit}`, it has to be 1 to {MAX_IDENTITIES}"),
            ));
        }
        Ok(KeyedTokenRefresh::over(Keyed::new(self.plan)))
    }
}

impl fmt::Debug for KeyedTokenRefreshBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedTokenRefreshBuilder")
            .field("max_identities", &self.plan.limit)
            .field("missing_identity", &self.plan.missing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{JsonRefresh, MemoryStore, TokenRefresh};

    #[test]
    fn the_table_says_what_the_defaults_are() {
        let builder = || {
            TokenRefresh::keyed(|_| {
                let refresher = JsonRefresh::new("/r");
                Ok(TokenRefresh::builder(MemoryStore::empty(), refresher))
            })
        };
        assert_eq!(builder().plan.limit, 1_000);
        assert_eq!(builder().plan.missing, MissingIdentity::Fail);
        for limit in [1, 100_000] {
            assert!(builder().max_identities(limit).build().is_ok());
        }
        for limit in [0, 100_001] {
            let error = builder().max_identities(limit).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Builder);
            assert!(error.to_string().contains(&format!("`{limit}`")), "{error}");
        }
    }
}
