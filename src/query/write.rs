//! The text of parameters, by the rules of axios's `toFormData`.

use std::fmt::{Display, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{ArrayFormat, Parameters, QueryFormat, format::Encode, too_deep, tree::Node};
use crate::error::{Error, Result};

/// What is written: the sets of what is encoded differ, as they do in axios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Query,
    /// `application/x-www-form-urlencoded`, by the URL standard.
    Form,
}

/// All but `*-._` (URL standard).
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// `encodeURIComponent`, with `:`, `$` and `,` left as they are; `'` is encoded
/// as in every address here.
const QUERY: &AsciiSet = &QUERY_ITEM.remove(b',');

/// The same where a comma divides.
const QUERY_ITEM: &AsciiSet = &FORM
    .remove(b'!')
    .remove(b'~')
    .remove(b'(')
    .remove(b')')
    .remove(b':')
    .remove(b'$');

impl Target {
    fn set(self) -> &'static AsciiSet {
        match self {
            Self::Query => QUERY,
            Self::Form => FORM,
        }
    }

    fn item_set(self) -> &'static AsciiSet {
        match self {
            Self::Query => QUERY_ITEM,
            Self::Form => FORM,
        }
    }
}

/// Where pairs go.
pub(super) trait Sink {
    /// Begins a pair.
    fn key(&mut self, key: &str);
    /// Adds to its value; an `item` is one of several with commas between.
    fn value(&mut self, value: &str, item: bool);
    fn comma(&mut self);
}

/// Pairs as encoded text.
struct Text<'a> {
    out: String,
    target: Target,
    encode: Option<&'a Encode>,
}

impl Text<'_> {
    fn add(&mut self, text: &str, set: &'static AsciiSet) {
        match self.encode {
            None => encode(text, set, &mut self.out),
            Some(own) => {
                let default = |text: &str| {
                    let mut out = String::new();
                    encode(text, set, &mut out);
                    out
                };
                self.out.push_str(&own(text, &default));
            }
        }
    }
}

impl Sink for Text<'_> {
    fn key(&mut self, key: &str) {
        if !self.out.is_empty() {
            self.out.push('&');
        }
        self.add(key, self.target.set());
        self.out.push('=');
    }

    fn value(&mut self, value: &str, item: bool) {
        let set = if item {
            self.target.item_set()
        } else {
            self.target.set()
        };
        self.add(value, set);
    }

    fn comma(&mut self) {
        self.out.push(',');
    }
}

impl Parameters {
    /// Writes all pairs, with `&` between.
    pub(crate) fn write(&self, format: &QueryFormat, target: Target) -> Result<String> {
        let mut text = Text {
            out: String::new(),
            target,
            encode: format.encode.as_ref(),
        };
        self.visit(format, &mut text)?;
        Ok(text.out)
    }

    /// Hands all pairs to a sink.
    pub(super) fn visit(&self, format: &QueryFormat, sink: &mut impl Sink) -> Result<()> {
        let mut writer = Writer {
            sink,
            format,
            fault: None,
        };
        for (key, node) in &self.0 {
            writer.parameter(key, node);
        }
        match writer.fault {
            None => Ok(()),
            Some(fault) => Err(fault),
        }
    }
}

struct Writer<'a, S> {
    sink: &'a mut S,
    format: &'a QueryFormat,
    /// The first mistake.
    fault: Option<Error>,
}

impl<S: Sink> Writer<'_, S> {
    /// As in axios, the key of a value is trimmed, that of a container is not.
    fn parameter(&mut self, key: &str, node: &Node) {
        match node {
            Node::List(_) | Node::Map(_) if key.trim_end().ends_with("{}") => {
                self.json(key.trim(), node);
            }
            Node::List(items) if !items.iter().any(Node::is_container) => {
                self.list(key.trim(), items);
            }
            Node::List(_) | Node::Map(_) => {
                let mut path = without_brackets(key).to_owned();
                self.nested((&mut path, 1), node);
            }
            single => self.pair(key.trim(), single),
        }
    }

    /// Writes a container whose key ends in `{}`.
    fn json(&mut self, key: &str, node: &Node) {
        if node.depth() > self.format.max_depth {
            return self.too_deep();
        }
        let name = match self.format.meta_tokens {
            true => key,
            false => key.strip_suffix("{}").unwrap_or(key),
        };
        match serde_json::to_string(node) {
            Ok(text) => {
                self.sink.key(name);
                self.sink.value(&text, false);
            }
            Err(error) => {
                self.fault.get_or_insert(error.into());
            }
        }
    }

    fn list(&mut self, key: &str, items: &[Node]) {
        let present = items.iter().enumerate();
        let present = present.filter_map(|(at, item)| Some((at, item.text()?)));
        let stem = without_brackets(key);
        match self.format.arrays {
            // A key that was given brackets keeps them.
            ArrayFormat::Repeat => present.for_each(|(_, item)| self.append(key, &item)),
            ArrayFormat::Brackets => {
                let key = format!("{stem}[]");
                present.for_each(|(_, item)| self.append(&key, &item));
            }
            ArrayFormat::Indices => present.for_each(|(at, item)| {
                let mut path = stem.to_owned();
                self.enter(&mut path, &at);
                self.append(&path, &item);
            }),
            ArrayFormat::Comma => {
                for (nth, (_, item)) in present.enumerate() {
                    if nth == 0 {
                        self.sink.key(stem);
                    } else {
                        self.sink.comma();
                    }
                    self.sink.value(&item, true);
                }
            }
        }
    }

    /// Writes what is in a container; `path` is the same before and after.
    fn nested(&mut self, (path, depth): (&mut String, usize), node: &Node) {
        if depth > self.format.max_depth {
            return self.too_deep();
        }
        let length = path.len();
        let mut child = |token: &dyn Display, node: &Node| {
            self.enter(path, token);
            if node.is_container() {
                self.nested((path, depth + 1), node);
            } else {
                self.pair(path, node);
            }
            path.truncate(length);
        };
        match node {
            Node::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    child(&at, item);
                }
            }
            Node::Map(entries) => {
                for (key, value) in entries {
                    let key = if value.is_container() {
                        key
                    } else {
                        key.trim()
                    };
                    child(&without_brackets(key), value);
                }
            }
            _ => {}
        }
    }

    /// Adds a step to a path.
    fn enter(&self, path: &mut String, token: &dyn Display) {
        // Writing to a `String` cannot fail.
        let _ = match self.format.dots {
            true => write!(path, ".{token}"),
            false => write!(path, "[{token}]"),
        };
    }

    fn pair(&mut self, key: &str, node: &Node) {
        if let Some(value) = node.text() {
            self.append(key, &value);
        }
    }

    fn append(&mut self, key: &str, value: &str) {
        self.sink.key(key);
        self.sink.value(value, false);
    }

    #[cold]
    fn too_deep(&mut self) {
        let limit = self.format.max_depth;
        self.fault.get_or_insert_with(|| too_deep(limit));
    }
}

fn without_brackets(key: &str) -> &str {
    key.strip_suffix("[]").unwrap_or(key)
}

fn encode(text: &str, set: &'static AsciiSet, out: &mut String) {
    for (nth, piece) in text.split(' ').enumerate() {
        if nth > 0 {
            out.push('+');
        }
        out.extend(utf8_percent_encode(piece, set));
    }
}
