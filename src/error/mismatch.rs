//! [`Mismatch`]: what serde says of JSON that does not fit, without the values.

use std::{error::Error as StdError, fmt};

/// The cause of a decode error.
///
/// serde quotes what it has found where it wanted something else, and that may
/// be a secret: an error is printed in places that no body gets to. So the kind
/// of what was found stays, and its value goes.
pub(crate) struct Mismatch(String);

impl From<serde_json::Error> for Mismatch {
    #[cold]
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        if !error.is_data() {
            // These texts are serde_json's own and quote nothing.
            return Self(text);
        }
        Self(without_value(&text).unwrap_or_else(|| {
            let (line, column) = (error.line(), error.column());
            format!("a value is not accepted at line {line} column {column}")
        }))
    }
}

impl Mismatch {
    /// Takes what another deserializer says.
    #[cold]
    pub(crate) fn of(error: &impl fmt::Display) -> Self {
        let text = without_value(&error.to_string());
        Self(text.unwrap_or_else(|| "a value is not accepted".to_owned()))
    }
}

/// Takes the value out of a text of serde's; `None` if the text is another, of
/// the type's own deserializer, which may hold anything.
fn without_value(text: &str) -> Option<String> {
    for known in [
        "missing field ",
        "duplicate field ",
        "unknown field ",
        "invalid length ",
    ] {
        if text.starts_with(known) {
            return Some(text.to_owned());
        }
    }
    for (known, value) in [
        ("invalid type: ", ['"', '`']),
        ("invalid value: ", ['"', '`']),
    ] {
        if let Some(rest) = text.strip_prefix(known) {
            let (found, expected) = rest.split_at(rest.rfind(", expected ")?);
            let kind = found.split(value).next()?.trim_end();
            return Some(format!("{known}{kind}{expected}"));
        }
    }
    let rest = text.strip_prefix("unknown variant `")?;
    let end = rest
        .rfind("`, expected ")
        .or_else(|| rest.rfind("`, there are "))?;
    Some(format!("unknown variant{}", rest.get(end + 1..)?))
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mismatch").field(&self.0).finish()
    }
}

impl StdError for Mismatch {}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use serde::{Deserialize, de::DeserializeOwned};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        #[expect(dead_code, reason = "only its type matters")]
        count: u8,
    }

    #[derive(Debug, Deserialize)]
    enum Unit {
        Second,
    }

    #[derive(Debug, Deserialize)]
    enum Nothing {}

    fn told<T: DeserializeOwned + fmt::Debug>(json: &str) -> String {
        Mismatch::from(serde_json::from_str::<T>(json).unwrap_err()).to_string()
    }

    #[test]
    fn the_kind_of_a_value_is_told_and_the_value_is_not() {
        let tricky = r#"{"count": "CANARY, expected `CANARY`, expected u8"}"#;
        for (text, expected) in [
            (
                told::<Pair>(r#"{"count": "CANARY"}"#),
                "invalid type: string, expected u8 at line 1",
            ),
            (
                told::<Pair>(tricky),
                "invalid type: string, expected u8 at line 1",
            ),
            (
                told::<Pair>(r#"{"count": 777}"#),
                "invalid value: integer, expected u8 at line 1",
            ),
            (
                told::<Pair>(r#"{"count": 7.5}"#),
                "invalid type: floating point, expected u8",
            ),
            (
                told::<Pair>(r#"{"count": [7]}"#),
                "invalid type: sequence, expected u8",
            ),
            (
                told::<Pair>(r#"{"count": true}"#),
                "invalid type: boolean, expected u8",
            ),
            (
                told::<Unit>(r#""CANARY""#),
                "unknown variant, expected `Second` at line 1",
            ),
            (
                told::<Nothing>(r#""CANARY""#),
                "unknown variant, there are no variants at line 1",
            ),
            (
                told::<IpAddr>(r#""CANARY""#),
                "a value is not accepted at line 1 column 8",
            ),
            (
                told::<[u8; 2]>("[1]"),
                "invalid length 1, expected an array of length 2",
            ),
            (told::<Pair>("{}"), "missing field `count` at line 1"),
            (
                told::<Pair>(r#"{"more": 1}"#),
                "unknown field `more`, expected `count`",
            ),
            (told::<Pair>("{"), "EOF while parsing an object at line 1"),
            (told::<Pair>("no"), "expected ident at line 1"),
        ] {
            assert!(text.starts_with(expected), "{text}\nis not\n{expected}");
            assert!(!text.contains("CANARY") && !text.contains("777"), "{text}");
        }
    }
}
