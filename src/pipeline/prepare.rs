//! Merges the client's defaults and the call's options into one request.
//!
//! *In and out*: a [`Draft`] in; a [`Request`] with an absolute, canonical
//! address out, or an error that names what is wrong with it.
//!
//! ```text
//! [prepare] ─▶ request interceptors ─▶ adapter ⟲ redirects ─▶ settle ─▶ …
//! ```
//!
//! *Not here*: anything that depends on the attempt; a replay starts behind
//! this stage.

use http::{HeaderValue, header};

use crate::{
    config::{Base, Config},
    error::{Error, ErrorKind, Result},
    headers::is_credential,
    request::Request,
    uri::{Target, canonicalize, join_base, same_origin},
};

/// A call before it starts: what the caller said, unchecked.
pub(crate) struct Draft {
    pub(crate) request: Request,
    /// The target as it was written.
    pub(crate) target: String,
    /// What `query` added, encoded, without a separator.
    pub(crate) query: String,
    /// The content type that `json` and `form` imply.
    pub(crate) content_type: Option<HeaderValue>,
    /// The first mistake in the call's own options.
    pub(crate) error: Option<Error>,
}

pub(super) fn prepare(config: &Config, draft: Draft) -> Result<Request> {
    if let Some(error) = draft.error {
        return Err(error);
    }
    let mut request = draft.request;
    let (text, away) = locate(config, draft.target)?;
    let text = with_query(text, &draft.query);
    let canonical = canonicalize(text)?;
    if let (false, Some(base)) = (config.allow.absolute_urls, &config.base)
        && !same_origin(&base.uri, &canonical.uri)
    {
        return Err(leaves_base(base));
    }
    request.set_address(canonical);
    let inner = &mut *request.0;
    let foreign = away
        && config
            .base
            .as_ref()
            .is_some_and(|base| !same_origin(&base.uri, &inner.uri));
    for name in config.headers.keys() {
        // A type without the form's boundary would make it unreadable.
        let ruled = *name == header::CONTENT_TYPE && inner.body.form().is_some();
        if ruled || inner.headers.contains_key(name) {
            continue;
        }
        for value in config.headers.get_all(name) {
            // The client's secrets stay with the client's origin.
            if !(foreign && is_credential(name, value)) {
                inner.headers.append(name.clone(), value.clone());
            }
        }
    }
    if let Some(form) = inner.body.form() {
        form.settle_type(&mut inner.headers)?;
    } else if let Some(value) = draft.content_type {
        inner.headers.entry(header::CONTENT_TYPE).or_insert(value);
    }
    Ok(request)
}

/// Returns the absolute text, and whether it is not below the base.
fn locate(config: &Config, target: String) -> Result<(String, bool)> {
    let Some(base) = &config.base else {
        return match Target::of(&target) {
            Target::Absolute => Ok((target, false)),
            Target::ProtocolRelative | Target::Relative => Err(Error::new(
                ErrorKind::InvalidUrl,
                format!("`{}` is not an absolute address", printable(&target)),
            )
            .with_hint("give the client a `base_url`, or the call an `https://…` address")),
        };
    };
    match Target::of(&target) {
        Target::Relative => Ok((join_base(&base.text, &target)?, false)),
        Target::Absolute => Ok((target, true)),
        Target::ProtocolRelative => {
            let scheme = base.uri.scheme_str().unwrap_or("https");
            Ok((format!("{scheme}:{target}"), true))
        }
    }
}

fn with_query(mut text: String, query: &str) -> String {
    if query.is_empty() {
        return text;
    }
    // axios: a fragment is cut off where parameters are added.
    if let Some(at) = text.find('#') {
        text.truncate(at);
    }
    text.push(if text.contains('?') { '&' } else { '?' });
    text.push_str(query);
    text
}

fn leaves_base(base: &Base) -> Error {
    let origin = crate::uri::Origin::of(&base.uri).map_or_else(String::new, |it| it.to_string());
    Error::new(
        ErrorKind::InvalidUrl,
        format!("the address leaves the base's origin `{origin}`"),
    )
    .with_hint("use a path, or build the client with `allow_absolute_urls(true)`")
}

/// A target as it may stand in a message: no query, no user-info.
fn printable(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let path = path.rsplit_once('@').map_or(path, |(_, rest)| rest);
    path.chars()
        .take(60)
        .collect::<String>()
        .escape_debug()
        .to_string()
}

/// Reads a base address once, when the client is built.
pub(crate) fn read_base(text: &str) -> Result<Base> {
    if Target::of(text) != Target::Absolute {
        return Err(Error::new(
            ErrorKind::InvalidUrl,
            format!("the base address `{}` is not absolute", printable(text)),
        )
        .with_hint("write it as `https://host/path`"));
    }
    let canonical = canonicalize(text.to_owned())?;
    if canonical.user_info.is_some() {
        return Err(Error::new(
            ErrorKind::InvalidUrl,
            "the base address holds a user or a password",
        )
        .with_hint("take it out, and use `basic_auth` or an interceptor"));
    }
    // The text keeps its slashes and query: the join is textual.
    let text = text.split('#').next().unwrap_or_default().to_owned();
    Ok(Base {
        text,
        uri: canonical.uri,
    })
}
