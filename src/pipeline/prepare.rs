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

use http::{HeaderName, Uri, header::AUTHORIZATION};

use super::{
    draft::{self, Draft, Implied, Rare},
    merge,
};
use crate::{
    config::{Base, Config, Setting},
    error::{Error, ErrorKind, Result},
    headers::mark,
    request::Request,
    uri::{Target, canonicalize, join_base, same_origin},
};

pub(super) fn prepare(config: &Config, draft: Draft, rare: Option<&Rare>) -> Result<Request> {
    let Draft {
        mut request,
        target,
        query,
        implied,
        error,
    } = draft;
    if let Some(error) = error {
        return Err(error);
    }
    let (base, own_base) = base_of(config, rare);
    let (mut text, away) = locate(base, target)?;
    // The client's secrets stay with the client's origin, and a parameter may
    // be one.
    if !query.is_empty() || !config.query.is_empty() {
        let elsewhere = (away || own_base) && leaves(config, &text)?;
        text = merge::query((config, rare), text, query, !elsewhere)?;
    }
    let mut canonical = canonicalize(text)?;
    check(config, &request, base, &canonical.uri)?;
    let without: &[HeaderName] = rare.map_or(&[], |rare| &rare.without_headers);
    if without.contains(&AUTHORIZATION) {
        canonical.user_info = None;
    }
    request.set_address(canonical);
    let inner = &mut *request.0;
    let elsewhere = |base: &Base| !same_origin(&base.uri, &inner.uri);
    let foreign = (away || own_base) && config.base.as_ref().is_some_and(elsewhere);
    let wire = draft::wire(config, rare);
    let secrets = wire.map_or(&[][..], |wire| wire.sensitive());
    if config.auth.is_some() || rare.is_some() {
        let inherited = config.auth.as_ref().filter(|_| !foreign);
        merge::auth(inner, rare, inherited);
    }
    if !config.headers.is_empty() || !config.method_headers.is_empty() {
        merge::headers(config, inner, without, secrets, foreign);
    }
    if let Some(form) = inner.body.form() {
        form.settle_type(&mut inner.headers)?;
    } else if !matches!(implied, Implied::Nothing) {
        merge::implied(config, inner, implied, rare)?;
    }
    if let Some(wire) = wire
        && !secrets.is_empty()
    {
        mark(secrets, &mut inner.headers);
        inner.overrides.sensitive.clone_from(&wire.sensitive);
    }
    if !config.extensions.is_empty() {
        merge::extensions(config, inner, rare);
    }
    Ok(request)
}

/// Returns where a draft would be sent, with the defaults as they are.
pub(crate) fn address(config: &Config, draft: &Draft, rare: Option<&Rare>) -> Result<Uri> {
    let prepared = prepare(config, draft.without_body(), rare)?;
    Ok(prepared.0.uri)
}

/// Returns the base of a call, and whether it is the call's own choice.
fn base_of<'a>(config: &'a Config, rare: Option<&'a Rare>) -> (Option<&'a Base>, bool) {
    match rare.map(|rare| &rare.base) {
        None | Some(Setting::Inherit) => (config.base.as_ref(), false),
        Some(Setting::Unset) => (None, true),
        Some(Setting::Set(base)) => (Some(base), true),
    }
}

/// Tells whether an address is off the origin of the client's base.
fn leaves(config: &Config, text: &str) -> Result<bool> {
    let Some(base) = &config.base else {
        return Ok(false);
    };
    let canonical = canonicalize(text.to_owned())?;
    Ok(!same_origin(&base.uri, &canonical.uri))
}

/// Refuses an address off the base's origin, unless it was asked for.
fn check(config: &Config, request: &Request, base: Option<&Base>, uri: &Uri) -> Result<()> {
    let overrides = &request.0.overrides;
    if let Some(base) = base
        && !overrides
            .absolute_urls
            .unwrap_or(config.allow.absolute_urls)
        && !same_origin(&base.uri, uri)
    {
        return Err(leaves_base(base));
    }
    Ok(())
}

/// Returns the absolute text, and whether it is not below the base.
fn locate(base: Option<&Base>, target: String) -> Result<(String, bool)> {
    let Some(base) = base else {
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
