//! Adds the client's defaults to what a call says.
//!
//! Headers: those of all methods, then those of the call's method, then the
//! call's own; the last one to name a header has it, with all its values.
//! Credentials of the client's stay behind where a call leaves its origin.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

use super::{
    draft::{Implied, Rare},
    panicked,
};
use crate::{
    config::{Config, Setting},
    error::{Error, ErrorKind, Result},
    headers::is_credential,
    query::{Parameters, QuerySerializer, Target},
    request::Inner,
};

/// Adds the headers that the call has not named.
///
/// `secrets` are names that stay behind as credentials do.
pub(super) fn headers(
    config: &Config,
    inner: &mut Inner,
    without: &[HeaderName],
    secrets: &[HeaderName],
    foreign: bool,
) {
    let of_method = config.headers_for(&inner.method);
    let mut fill = |defaults: &HeaderMap, over: Option<&HeaderMap>| {
        for name in defaults.keys() {
            // A type without the form's boundary would make it unreadable.
            let ruled = *name == CONTENT_TYPE && inner.body.form().is_some();
            let over = over.is_some_and(|over| over.contains_key(name));
            if ruled || over || inner.headers.contains_key(name) || without.contains(name) {
                continue;
            }
            for value in defaults.get_all(name) {
                // The client's secrets stay with the client's origin.
                if !(foreign && (is_credential(name, value) || secrets.contains(name))) {
                    inner.headers.append(name.clone(), value.clone());
                }
            }
        }
    };
    if let Some(of_method) = of_method {
        fill(of_method, None);
    }
    fill(&config.headers, of_method);
}

/// Sets what `basic_auth` or `bearer_auth` said: of the call, over any header;
/// of the client, over the client's.
pub(super) fn auth(inner: &mut Inner, rare: Option<&Rare>, inherited: Option<&HeaderValue>) {
    let off = rare.is_some_and(|rare| rare.without_headers.contains(&AUTHORIZATION));
    match (rare.map(|rare| &rare.auth), inherited) {
        (Some(Setting::Set(own)), _) => {
            inner.headers.insert(AUTHORIZATION, own.clone());
        }
        (None | Some(Setting::Inherit), Some(value)) if !off => {
            let entry = inner.headers.entry(AUTHORIZATION);
            entry.or_insert_with(|| value.clone());
        }
        _ => {}
    }
}

/// Adds the extensions of types that the call has none of.
pub(super) fn extensions(config: &Config, inner: &mut Inner, rare: Option<&Rare>) {
    let mut merged = config.extensions.clone();
    for take in rare.map_or(&[][..], |rare| &rare.without_extensions) {
        take(&mut merged);
    }
    merged.extend(std::mem::take(&mut inner.extensions));
    inner.extensions = merged;
}

/// Adds the query to the text of an address: the call's over the client's.
pub(super) fn query(
    (config, rare): (&Config, Option<&Rare>),
    text: String,
    own: Parameters,
    inherits: bool,
) -> Result<String> {
    let inherits = inherits && !config.query.is_empty();
    if own.is_empty() && !inherits {
        return Ok(text);
    }
    let parameters = if inherits {
        own.over(&config.query)
    } else {
        own
    };
    let serializer = match rare.map(|rare| &rare.query_serializer) {
        None | Some(Setting::Inherit) => config.query_serializer.as_ref(),
        Some(Setting::Unset) => None,
        Some(Setting::Set(own)) => Some(own),
    };
    let query = match serializer {
        None => written(&parameters, Target::Query, (config, rare))?,
        Some(serialize) => serialized(serialize, &parameters)?,
    };
    Ok(with_query(text, &query))
}

/// Calls a serialiser of the user's; a panic in it is an error. An error of
/// ours that it hands on stays what it is.
#[cold]
fn serialized(serialize: &QuerySerializer, parameters: &Parameters) -> Result<String> {
    let text = catch_unwind(AssertUnwindSafe(|| serialize(parameters)))
        .map_err(|payload| panicked("`query_serializer`", &*payload))?;
    let text = text.map_err(|error| match error.kind() {
        ErrorKind::Interceptor => {
            Error::new(ErrorKind::InvalidRequest, "`query_serializer` failed")
                .with_hint("the cause is the function's own; nothing was sent")
                .with_source(error)
        }
        _ => error,
    })?;
    // What it has not encoded must not end the query.
    Ok(text.replace('#', "%23"))
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

/// Writes parameters by the call's format, or the client's.
fn written(
    parameters: &Parameters,
    target: Target,
    (config, rare): (&Config, Option<&Rare>),
) -> Result<String> {
    let format = match rare {
        Some(rare) => &*rare.formats.merge(target, &config.formats),
        None => config.formats.of(target),
    };
    if !format.is_custom() {
        return parameters.write(format, target);
    }
    let write = || parameters.write(format, target);
    let text = catch_unwind(AssertUnwindSafe(write))
        .unwrap_or_else(|payload| Err(panicked("`encode` of the `QueryFormat`", &*payload)))?;
    Ok(match target {
        // What it has not encoded must not end the query.
        Target::Query => text.replace('#', "%23"),
        Target::Form => text,
    })
}

/// Sets the body of a form, and the type that a body implies unless there is
/// one.
pub(super) fn implied(
    config: &Config,
    inner: &mut Inner,
    implied: Implied,
    rare: Option<&Rare>,
) -> Result<()> {
    let content_type = match implied {
        Implied::Nothing => return Ok(()),
        Implied::Type(content_type) => content_type,
        Implied::Form(parameters) => {
            inner.body = written(&parameters, Target::Form, (config, rare))?.into();
            "application/x-www-form-urlencoded"
        }
    };
    if !rare.is_some_and(|rare| rare.without_headers.contains(&CONTENT_TYPE)) {
        let value = HeaderValue::from_static(content_type);
        inner.headers.entry(CONTENT_TYPE).or_insert(value);
    }
    Ok(())
}
