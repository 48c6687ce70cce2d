//! A tree of parameters. It keeps the order of keys, and what JSON has not:
//! `NaN`, integers of 128 bits.

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer, ser};

/// One value.
#[derive(Clone)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Node {
    pub(super) fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }

    /// Returns how many containers stand in one another here, this one
    /// included.
    pub(super) fn depth(&self) -> usize {
        let inner = match self {
            Self::List(items) => items.iter().map(Self::depth).max(),
            Self::Map(entries) => entries.iter().map(|(_, value)| value.depth()).max(),
            _ => return 0,
        };
        1 + inner.unwrap_or_default()
    }

    /// Returns the text of a single value, as JavaScript writes it.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null | Self::List(_) | Self::Map(_) => return None,
            Self::Bool(value) => value.to_string().into(),
            Self::Signed(value) => value.to_string().into(),
            Self::Unsigned(value) => value.to_string().into(),
            Self::Float(value) => float(*value).into(),
            Self::Text(value) => value.into(),
        })
    }

    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            other => other.text().map(Cow::into_owned),
        }
    }
}

/// Writes a number by the rule of ECMAScript's `Number::toString`.
fn float(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if size.is_infinite() {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}Infinity")
    } else if size >= 1e21 {
        format!("{value:e}").replace('e', "e+")
    } else if size > 0.0 && size < 1e-6 {
        format!("{value:e}")
    } else if size > 0.0 {
        value.to_string()
    } else {
        "0".to_owned()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

/// Why a value is no parameters.
#[derive(Debug)]
pub(super) struct Misfit(Cow<'static, str>);

const TOO_DEEP: &str = "it is nested too deeply";

impl Misfit {
    pub(super) fn new(text: &'static str) -> Self {
        Self(text.into())
    }

    pub(super) fn too_deep() -> Self {
        Self::new(TOO_DEEP)
    }

    pub(super) fn is_too_deep(&self) -> bool {
        matches!(self.0, Cow::Borrowed(TOO_DEEP))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misfit {}

impl ser::Error for Misfit {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string().into())
    }
}
