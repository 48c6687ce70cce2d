//! What Redis answers, taken apart.
//!
//! By hand: an error of the crate's about a value may show the value.

use std::vec;

use redis::Value;
use tollgate::{Error, ErrorKind, Result};

use crate::codec::Fields;

/// An answer of a script: its name, and what follows.
pub(crate) struct Answer {
    name: Vec<u8>,
    rest: vec::IntoIter<Value>,
}

impl Answer {
    /// Takes a script's answer apart.
    pub(crate) fn of(value: Value) -> Result<Self> {
        let Value::Array(parts) = value else {
            return Err(unexpected());
        };
        let mut rest = parts.into_iter();
        let name = rest.next().and_then(bytes).ok_or_else(unexpected)?;
        Ok(Self { name, rest })
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>> {
        let bytes = self.rest.next().and_then(bytes);
        bytes.ok_or_else(unexpected)
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        let number = self.rest.next().and_then(number);
        number.ok_or_else(unexpected)
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        let text = self.rest.next().and_then(bytes).and_then(text);
        text.ok_or_else(unexpected)
    }

    /// A time that is left, in ms; the most there is if it has no end.
    pub(crate) fn left(&mut self) -> Result<u64> {
        match self.rest.next() {
            Some(Value::Int(left)) => Ok(u64::try_from(left).unwrap_or(u64::MAX)),
            _ => Err(unexpected()),
        }
    }

    pub(crate) fn fields(&mut self) -> Result<Fields> {
        fields(self.rest.next().ok_or_else(unexpected)?)
    }
}

/// Reads the fields of a record, in their order.
pub(crate) fn fields(value: Value) -> Result<Fields> {
    let Value::Array(parts) = value else {
        return Err(unexpected());
    };
    let mut parts = parts.into_iter();
    let mut next = || parts.next().and_then(bytes);
    Ok(Fields {
        schema: next(),
        epoch: next(),
        version: next(),
        state: next(),
        cfence: next(),
        presented: next(),
        record: next(),
    })
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        Value::Int(number) => Some(number.to_string().into_bytes()),
        _ => None,
    }
}

pub(crate) fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}

fn number(value: Value) -> Option<u64> {
    text(bytes(value)?)?.parse().ok()
}

/// Not ours: a proxy's, or a server that is no Redis.
pub(crate) fn unexpected() -> Error {
    Error::new(ErrorKind::Decode, "redis gave an answer of another form")
        .with_hint("see whether the address is that of a Redis server")
}
