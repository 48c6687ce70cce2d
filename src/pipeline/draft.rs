//! [`Draft`]: a call before it starts, as the caller has said it.

use std::{borrow::Cow, sync::Arc};

use http::{Extensions, HeaderName, HeaderValue};

use super::Transport;
use crate::{
    config::{Base, Config, Setting, Wire, WireChanges},
    error::Error,
    interceptor::{Chain, Interceptors},
    query::{FormatChanges, Parameters, QuerySerializer},
    request::Request,
};

/// A call before it starts: what the caller said, unchecked.
pub(crate) struct Draft {
    pub(crate) request: Request,
    /// The target as it was written.
    pub(crate) target: String,
    /// What `query` added.
    pub(crate) query: Parameters,
    pub(crate) implied: Implied,
    /// The first mistake in the call's own options.
    pub(crate) error: Option<Error>,
}

/// What the body implies.
#[derive(Default)]
pub(crate) enum Implied {
    #[default]
    Nothing,
    /// A content type.
    Type(&'static str),
    /// A body and its type.
    Form(Parameters),
}

/// What few calls say, in a box that the others do without.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) base: Setting<Base>,
    /// The value of `Authorization` that beats any header; sensitive.
    pub(crate) auth: Setting<HeaderValue>,
    /// What no default may set.
    pub(crate) without_headers: Vec<HeaderName>,
    /// What takes types off the client's extensions.
    pub(crate) without_extensions: Vec<fn(&mut Extensions)>,
    pub(crate) formats: FormatChanges,
    pub(crate) query_serializer: Setting<QuerySerializer>,
    /// Run behind the client's own.
    pub(crate) interceptors: Vec<Interceptors>,
    /// Names of the client's interceptors that take no part.
    pub(crate) skipped: Vec<Cow<'static, str>>,
    /// Takes the place of the client's.
    pub(crate) transport: Option<Transport>,
    pub(crate) wire_changes: Option<WireChanges>,
    /// What they come to, once the call has started.
    pub(super) wire: Option<Wire>,
}

/// Returns what holds between the interceptors and the server.
pub(super) fn wire<'a>(config: &'a Config, rare: Option<&'a Rare>) -> Option<&'a Wire> {
    let own = rare.and_then(|rare| rare.wire.as_ref());
    own.or(config.wire.as_deref())
}

impl Rare {
    /// Merges with the client's defaults what has to be merged but once.
    pub(super) fn start(&mut self, config: &Config) {
        if let Some(changes) = self.wire_changes.take() {
            self.wire = Some(changes.merge(config.wire.as_deref()));
        }
        if !self.without_headers.is_empty() {
            let of_client = || config.wire.as_deref().cloned().unwrap_or_default();
            let wire = self.wire.get_or_insert_with(of_client);
            wire.without = Some(self.without_headers.as_slice().into());
        }
    }

    /// Returns the chain of the call, made of the client's.
    pub(super) fn chain(&self, of_client: Arc<Chain>) -> Arc<Chain> {
        if self.interceptors.is_empty() && self.skipped.is_empty() {
            return of_client;
        }
        Arc::new(of_client.for_call(&self.skipped, &self.interceptors))
    }
}

impl Draft {
    pub(crate) fn new(request: Request, target: String) -> Self {
        Self {
            request,
            target,
            query: Parameters::default(),
            implied: Implied::Nothing,
            error: None,
        }
    }

    /// Copies what says where the call goes.
    pub(crate) fn without_body(&self) -> Self {
        let mut request = Request::new(self.request.method().clone());
        request.0.overrides = self.request.0.overrides.clone();
        Self {
            query: self.query.clone(),
            error: self.error.as_ref().map(Error::copy),
            ..Self::new(request, self.target.clone())
        }
    }
}
