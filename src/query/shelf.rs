//! Pairs back into a value, by the rules of axios's `formDataToJSON`.
//!
//! `a[b]` and `a.b` are paths; `a[]` adds to a list, `a[0]` names a place in
//! it. A list that turns out to have holes, or a name among its places, is an
//! object. There is no prototype here that a name could reach: `__proto__` is
//! left out, as in axios, and `length` is a name as any other.

use std::collections::BTreeMap;

use serde_json::Value;

use super::MAX_DEPTH;
use crate::error::{Error, ErrorCode, ErrorKind, Result};

/// Puts pairs of text together.
pub(crate) fn gather<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Value> {
    let mut root = Shelf::default();
    for (name, text) in pairs {
        place(&mut root, &path(name)?, text.to_owned());
    }
    Ok(root.into_value())
}

/// Splits a name at its dots and brackets; `[]` is an empty step.
fn path(name: &str) -> Result<Vec<&str>> {
    let mut steps = Vec::new();
    let mut rest = name;
    while let Some(at) = rest.find(|it| it != '.' && it != ']') {
        rest = rest.get(at..).unwrap_or_default();
        let inner = rest.strip_prefix('[').unwrap_or(rest);
        let end = inner.find(['.', '[', ']']).unwrap_or(inner.len());
        let (step, after) = inner.split_at(end);
        let closed = inner.len() < rest.len() && after.starts_with(']');
        rest = after;
        if step.is_empty() && !closed {
            continue;
        }
        if steps.len() > MAX_DEPTH {
            return Err(too_deep());
        }
        steps.push(step);
    }
    if steps.is_empty() {
        steps.push("");
    }
    Ok(steps)
}

#[cold]
fn too_deep() -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("the name of a part is nested deeper than {MAX_DEPTH}, which is the limit"),
    )
    .with_code(ErrorCode::FormDepthExceeded)
    .with_hint("nest it less")
}

/// A text, or else what is on the shelf.
struct Node {
    text: Option<String>,
    shelf: Shelf,
}

/// What has entries: a list as long as nothing speaks against it.
#[derive(Default)]
struct Shelf {
    is_list: bool,
    /// One more than the last place.
    length: u64,
    entries: BTreeMap<Key, Node>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Place(u32),
    Name(String),
}

impl Key {
    fn of(step: &str) -> Self {
        let leads_with_zero = step.len() > 1 && step.starts_with('0');
        let digits = step.bytes().all(|it| it.is_ascii_digit()) && !leads_with_zero;
        match step.parse() {
            Ok(place) if digits && place < u32::MAX => Self::Place(place),
            _ => Self::Name(step.to_owned()),
        }
    }
}

/// What JavaScript takes for a number.
fn is_number(step: &str) -> bool {
    let step = step.trim();
    step.is_empty() || step.parse().is_ok_and(f64::is_finite)
}

/// Puts a text where a path leads; tells whether the first step is a name.
fn place(shelf: &mut Shelf, path: &[&str], text: String) -> bool {
    let Some((step, rest)) = path.split_first().filter(|(it, _)| **it != "__proto__") else {
        return true;
    };
    let key = match step.is_empty() && shelf.is_list {
        true => Key::of(&shelf.length.to_string()),
        false => Key::of(step),
    };
    if rest.is_empty() {
        shelf.add(key, text);
    } else {
        let inner = shelf.inner(key);
        if place(inner, rest, text) {
            inner.is_list = false;
        }
    }
    !is_number(step)
}

impl Shelf {
    fn list(entries: impl IntoIterator<Item = Node>) -> Self {
        let entries: BTreeMap<_, _> = (0..).map(Key::Place).zip(entries).collect();
        Self {
            is_list: true,
            length: entries.len() as u64,
            entries,
        }
    }

    fn grow(&mut self, key: &Key) {
        if let Key::Place(place) = key {
            self.length = self.length.max(u64::from(*place) + 1);
        }
    }

    /// Tells whether it is a list without holes and names.
    fn is_whole(&self) -> bool {
        let last = self.entries.last_key_value().map(|(key, _)| key);
        let named = matches!(last, Some(Key::Name(_)));
        self.is_list && !named && self.entries.len() as u64 == self.length
    }

    /// Adds a text; where there is something already, both become a list.
    fn add(&mut self, key: Key, text: String) {
        self.grow(&key);
        let text = Node::text(text);
        let node = match self.entries.remove(&key) {
            None => text,
            Some(mut list) if list.text.is_none() && list.shelf.is_whole() => {
                let place = Key::of(&list.shelf.length.to_string());
                list.shelf.entries.insert(place, text);
                list.shelf.length += 1;
                list
            }
            Some(mut other) => {
                other.shelf.is_list = false;
                Node::list([other, text])
            }
        };
        self.entries.insert(key, node);
    }

    /// Returns what a path goes on in; a text there gives way.
    fn inner(&mut self, key: Key) -> &mut Self {
        self.grow(&key);
        let node = self.entries.entry(key).or_insert_with(|| Node::list([]));
        if node.text.is_some() {
            *node = Node::list([]);
        }
        &mut node.shelf
    }

    /// A path is no deeper than its limit, and so is this.
    fn into_value(self) -> Value {
        let whole = self.is_whole();
        let entries = self.entries.into_iter();
        if whole {
            return entries.map(|(_, node)| node.into_value()).collect();
        }
        let entries = entries.map(|(key, node)| {
            let key = match key {
                Key::Place(place) => place.to_string(),
                Key::Name(name) => name,
            };
            (key, node.into_value())
        });
        Value::Object(entries.collect())
    }
}

impl Node {
    fn text(text: String) -> Self {
        Self {
            text: Some(text),
            shelf: Shelf::default(),
        }
    }

    fn list(entries: impl IntoIterator<Item = Self>) -> Self {
        Self {
            text: None,
            shelf: Shelf::list(entries),
        }
    }

    fn into_value(self) -> Value {
        match self.text {
            Some(text) => text.into(),
            None => self.shelf.into_value(),
        }
    }
}
