//! The text of parameters, by the rules of axios's `toFormData`.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{ArrayFormat, Parameters, tree::Node};

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

impl Parameters {
    /// Writes all pairs, with `&` between.
    pub(crate) fn write(&self, format: ArrayFormat, target: Target) -> String {
        let mut writer = Writer {
            out: String::new(),
            format,
            target,
        };
        for (key, node) in &self.0 {
            writer.parameter(key, node);
        }
        writer.out
    }
}

struct Writer {
    out: String,
    format: ArrayFormat,
    target: Target,
}

impl Writer {
    /// As in axios, the key of a value is trimmed, that of a container is not.
    fn parameter(&mut self, key: &str, node: &Node) {
        match node {
            Node::List(items) if !items.iter().any(Node::is_container) => {
                self.list(key.trim(), items);
            }
            Node::List(_) | Node::Map(_) => {
                let mut path = without_brackets(key).to_owned();
                self.nested(&mut path, node);
            }
            single => self.pair(key.trim(), single),
        }
    }

    fn list(&mut self, key: &str, items: &[Node]) {
        let present = items.iter().enumerate();
        let present = present.filter_map(|(at, item)| Some((at, item.text()?)));
        let stem = without_brackets(key);
        match self.format {
            // A key that was given brackets keeps them.
            ArrayFormat::Repeat => present.for_each(|(_, item)| self.append(key, &item)),
            ArrayFormat::Brackets => {
                let key = format!("{stem}[]");
                present.for_each(|(_, item)| self.append(&key, &item));
            }
            ArrayFormat::Indices => {
                present.for_each(|(at, item)| self.append(&format!("{stem}[{at}]"), &item));
            }
            ArrayFormat::Comma => {
                let set = self.target.item_set();
                for (nth, (_, item)) in present.enumerate() {
                    if nth == 0 {
                        self.key(stem);
                    } else {
                        self.out.push(',');
                    }
                    encode(&item, set, &mut self.out);
                }
            }
        }
    }

    /// Writes what is in a container; `path` is the same before and after.
    fn nested(&mut self, path: &mut String, node: &Node) {
        let length = path.len();
        let mut child = |token: &dyn std::fmt::Display, node: &Node| {
            // Writing to a `String` cannot fail.
            let _ = write!(path, "[{token}]");
            if node.is_container() {
                self.nested(path, node);
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

    fn pair(&mut self, key: &str, node: &Node) {
        if let Some(value) = node.text() {
            self.append(key, &value);
        }
    }

    fn append(&mut self, key: &str, value: &str) {
        self.key(key);
        encode(value, self.target.set(), &mut self.out);
    }

    fn key(&mut self, key: &str) {
        if !self.out.is_empty() {
            self.out.push('&');
        }
        encode(key, self.target.set(), &mut self.out);
        self.out.push('=');
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
