//! The text that other services share: `{"access_token":…,"refresh_token":…}`.
//!
//! What they do not know of, we keep in a member of ours: the whole record. It
//! counts as long as its tokens are those of the text.

use serde_json::{Map, Value};
use tollgate::{
    Result,
    auth::{Secret, Stamp, Stored, Token},
};
use zeroize::Zeroizing;

use crate::{answer, error};

const ACCESS: &str = "access_token";
const REFRESH: &str = "refresh_token";
/// Where our record is.
const OURS: &str = "tollgate";

/// A text, as it is in Redis: nothing if there is none.
pub(super) type Text = Zeroizing<Vec<u8>>;

/// What a text says.
pub(super) enum Found {
    /// A record that one of us has written.
    Ours(Stored),
    /// A token that another service has written.
    Theirs(Token),
    /// Another service has signed out, or nobody ever signed in.
    Nobody,
}

/// Reads a text.
pub(super) fn read(key: &str, text: &Text) -> Result<Found> {
    let members = members(key, text)?;
    let part = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(error::corrupt(key, &format!("its `{name}` is no text"))),
    };
    let (access, refresh) = (part(ACCESS)?, part(REFRESH)?);
    let ours = members.get(OURS).and_then(|record| {
        let text = Secret::new(record.to_string());
        Stored::from_record(text.expose()).ok()
    });
    if let Some(stored) = ours
        && stored.token().map(|it| it.access_token().expose()) == access
        && stored
            .token()
            .and_then(|it| it.refresh_token())
            .map(Secret::expose)
            == refresh
    {
        return Ok(Found::Ours(stored));
    }
    let Some(access) = access else {
        return Ok(Found::Nobody);
    };
    let mut token = Token::new(access);
    if let Some(refresh) = refresh {
        token = token.refresh(refresh);
    }
    if let Some(kind) = part("token_type")? {
        token = token.token_type(kind);
    }
    if let Some(scope) = part("scope")? {
        token = token.scope(scope);
    }
    Ok(Found::Theirs(token))
}

/// Writes a record over a text: what else another service has written stays
/// while the session does.
pub(super) fn write(key: &str, stored: &Stored, over: &Text, goes_on: bool) -> Result<Text> {
    let mut members = match stored.token() {
        Some(_) if goes_on => members(key, over)?,
        _ => Map::new(),
    };
    if let Some(token) = stored.token() {
        let text = |secret: &Secret| Value::from(secret.expose());
        members.insert(ACCESS.to_owned(), text(token.access_token()));
        match token.refresh_token() {
            Some(refresh) => members.insert(REFRESH.to_owned(), text(refresh)),
            None => members.remove(REFRESH),
        };
    }
    let record = stored.clone().with_presented(None).to_record();
    let record = serde_json::from_str(record.expose());
    members.insert(OURS.to_owned(), record.map_err(|_| answer::unexpected())?);
    Ok(Zeroizing::new(
        Value::Object(members).to_string().into_bytes(),
    ))
}

fn members(key: &str, text: &Text) -> Result<Map<String, Value>> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(error::corrupt(key, "it is no JSON object")),
        Err(_) => Err(error::corrupt(key, "it is not JSON")),
    }
}

/// Gives what was found a stamp: its own where that is later than the last one
/// that was seen here, else the next.
pub(super) fn stamped(found: Found, last: Option<&Stored>) -> Stored {
    let before = last.map_or(Stamp::default(), Stored::stamp);
    let was_live = last.is_some_and(|last| last.token().is_some());
    let next = |live: bool| {
        if live == was_live {
            before.next()
        } else {
            before.next_epoch()
        }
    };
    match found {
        Found::Ours(stored) => {
            let own = stored.stamp();
            let is_later = own.epoch >= before.epoch && own.version > before.version;
            if last.is_none() || is_later {
                return stored;
            }
            let stamp = next(stored.token().is_some());
            let restamped = match stored.token() {
                Some(token) => Stored::live(stamp, token.clone()),
                None if stored.is_dead() => Stored::dead(before.next()),
                None => Stored::empty(stamp),
            };
            restamped.with_fence(stored.fence())
        }
        Found::Theirs(token) => Stored::live(next(true), token),
        Found::Nobody if last.is_none() => Stored::empty(before),
        Found::Nobody => Stored::empty(next(false)),
    }
}
