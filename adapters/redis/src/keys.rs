//! [`Keys`]: what a store is called in Redis.
//!
//! All names of one store share one hash tag, so that a cluster keeps them on
//! one node.

use tollgate::{Error, ErrorKind, Result};

/// The names of one store.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// As the user gave it: the name of a plain text.
    pub(crate) plain: String,
    /// The record: a hash.
    pub(crate) record: String,
    /// The lease: a text that ends with its time.
    pub(crate) lease: String,
    /// The channel where changes are told.
    pub(crate) channel: String,
}

impl Keys {
    /// Makes the user's key the hash tag, unless it has one of its own.
    pub(crate) fn new(key: &str) -> Result<Self> {
        let tag = checked(key)?;
        Ok(Self {
            plain: key.to_owned(),
            record: format!("{tag}:t"),
            lease: format!("{tag}:l"),
            channel: format!("{tag}:e"),
        })
    }
}

fn checked(key: &str) -> Result<String> {
    if key.is_empty() {
        return Err(refused("the key of a token store is empty".to_owned()));
    }
    if key.chars().any(char::is_control) {
        let shown = key.escape_debug();
        return Err(refused(format!("the key `{shown}` has control characters")));
    }
    let own = key
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .is_some_and(|(tag, _)| !tag.is_empty());
    match key.contains(['{', '}']) {
        false => Ok(format!("{{{key}}}")),
        true if own => Ok(key.to_owned()),
        true => Err(refused(format!(
            "the key `{key}` has braces that are no hash tag"
        ))),
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Builder, message).with_hint(
        "give each session a key like `tokens:alice`, or with a hash tag, `{alice}:tokens`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_the_hash_tag_of_all_names() {
        let keys = Keys::new("tokens:alice").unwrap();
        assert_eq!(keys.record, "{tokens:alice}:t");
        assert_eq!(keys.lease, "{tokens:alice}:l");
        assert_eq!(keys.channel, "{tokens:alice}:e");
    }

    #[test]
    fn a_key_with_a_hash_tag_keeps_it() {
        assert_eq!(
            Keys::new("{alice}:tokens").unwrap().record,
            "{alice}:tokens:t"
        );
        assert_eq!(Keys::new("a:{b}}{").unwrap().record, "a:{b}}{:t");
    }

    #[test]
    fn a_key_that_would_break_the_slot_is_refused() {
        for key in ["", "{}a", "}a{", "a}", "{a", "a\nb"] {
            let error = Keys::new(key).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Builder, "{key}");
            assert!(error.hint().is_some());
        }
    }
}
