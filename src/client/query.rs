//! Query and form parameters from any `Serialize`.

use serde::Serialize;
use serde_json::{Map, Value};
use serde_qs::{ArrayFormat, Config};

use crate::error::{Error, ErrorKind, Result};

/// Encodes parameters: a map, a struct or a list of pairs.
///
/// Arrays repeat their key, nested objects use brackets, `None` is dropped, a
/// space becomes `+`: axios with `indexes: null`.
pub(super) fn encode(parameters: &(impl Serialize + ?Sized)) -> Result<String> {
    let text = serialize(&parameters)?;
    // A list at the top has no keys: `serde_qs` writes its items as values.
    if text.starts_with('=') {
        return encode_pairs(parameters);
    }
    Ok(text)
}

fn encode_pairs(parameters: &(impl Serialize + ?Sized)) -> Result<String> {
    let value = serde_json::to_value(parameters).map_err(unfit)?;
    let items = match value {
        Value::Array(items) => items,
        Value::Null => return Ok(String::new()),
        _ => return Err(unfit("it is a single value")),
    };
    let mut out = String::new();
    for item in items {
        let pair: [Value; 2] = match item {
            Value::Array(pair) => pair
                .try_into()
                .map_err(|_| unfit("an item of the list is not a pair"))?,
            _ => return Err(unfit("an item of the list is not a pair")),
        };
        let [key, value] = pair;
        if value.is_null() {
            continue;
        }
        let key = match key {
            Value::String(key) => key,
            Value::Number(key) => key.to_string(),
            Value::Bool(key) => key.to_string(),
            _ => return Err(unfit("the key of a pair is not text")),
        };
        let encoded = serialize(&Map::from_iter([(key, value)]))?;
        if !out.is_empty() && !encoded.is_empty() {
            out.push('&');
        }
        out.push_str(&encoded);
    }
    Ok(out)
}

fn serialize(value: &impl Serialize) -> Result<String> {
    let config = Config::new().array_format(ArrayFormat::Unindexed);
    let mut text = config.serialize_string(value).map_err(unfit)?;
    // A key without `=` is a `None`, which axios leaves out.
    if text.split('&').any(|pair| !pair.contains('=')) {
        let kept: Vec<&str> = text.split('&').filter(|pair| pair.contains('=')).collect();
        text = kept.join("&");
    }
    Ok(text)
}

fn unfit(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        "the parameters cannot be encoded",
    )
    .with_hint("pass a map, a struct or a list of pairs")
    .with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Search<'a> {
        text: &'a str,
        page: Option<u32>,
        tags: Vec<&'a str>,
    }

    #[test]
    fn structs_and_pairs() {
        let search = Search {
            text: "a b&c:$,",
            page: None,
            tags: vec!["x", "y"],
        };
        assert_eq!(encode(&search).unwrap(), "text=a+b%26c:$,&tags=x&tags=y");
        assert_eq!(
            encode(&[("a", 1), ("b", 2), ("a", 3)]).unwrap(),
            "a=1&b=2&a=3"
        );
        assert_eq!(encode(&[("verbose", "1")]).unwrap(), "verbose=1");
        assert_eq!(encode(&[("a", None::<u8>)]).unwrap(), "");
        assert_eq!(encode(&()).unwrap(), "");
    }

    #[test]
    fn what_has_no_keys_is_refused() {
        assert!(encode(&5).is_err());
        assert!(encode("text").is_err());
        assert!(encode(&[1, 2]).is_err());
    }
}
