//! Parameters of a query or a form: any `Serialize`, written as axios does.
//!
//! *In and out*: a map, a struct or a list of pairs in, a tree of them between,
//! text out. The tree is made when a call is given its parameters, the text
//! when it is sent, so that the order of a call's options does not matter.

mod merge;
mod reader;
mod tree;
mod write;

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::error::{Error, ErrorCode, ErrorKind, Result};
use tree::{Misfit, Node};
pub(crate) use write::Target;

/// How deep parameters may be nested: axios's limit.
pub(crate) const MAX_DEPTH: usize = 100;

/// How an array in parameters is written (axios: `indexes`).
///
/// | | `{"a": [1, 2]}` | axios |
/// |---|---|---|
/// | `Repeat` | `a=1&a=2` | `indexes: null` |
/// | `Brackets` | `a[]=1&a[]=2` | `indexes: false`, its default |
/// | `Indices` | `a[0]=1&a[1]=2` | `indexes: true` |
/// | `Comma` | `a=1,2` | – |
///
/// The brackets are percent-encoded, as in axios. Also as there, an array that
/// holds arrays or objects, or that stands in one, is written with indices in
/// every format; and `null` is left out.
///
/// ```
/// use tollgate::{ArrayFormat, Client, MockAdapter};
///
/// let client = Client::builder(MockAdapter::new())
///     .array_format(ArrayFormat::Comma)
///     .build()?;
/// let call = client.get("http://h/").query(&[("id", [3, 4])]);
/// assert_eq!(client.uri_for(&call)?, "http://h/?id=3,4");
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ArrayFormat {
    /// The key, once more for each item: what most servers read.
    #[default]
    Repeat,
    /// The key with `[]` behind it: PHP, Rails, axios's default.
    Brackets,
    /// The key with the item's index in brackets.
    Indices,
    /// One key, the items with commas between; a comma in an item is encoded.
    Comma,
}

/// The parameters of a call, merged, as a serialiser of one's own gets them.
///
/// They serialise as a map, in order, with what is `null`. `Debug` shows the
/// keys only.
///
/// ```
/// use tollgate::{ArrayFormat, MockAdapter, Parameters, blocking::Client};
///
/// let client = Client::builder(MockAdapter::new())
///     .query_serializer(|parameters: &Parameters| {
///         Ok(format!("{}&v=1", parameters.encode(ArrayFormat::Brackets)))
///     })
///     .build()?;
/// let call = client.get("http://h/").query(&[("a", [1])]);
/// assert_eq!(client.uri_for(&call)?, "http://h/?a%5B%5D=1&v=1");
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Parameters(Vec<(String, Node)>);

/// A serialiser of one's own.
pub(crate) type QuerySerializer = Arc<dyn Fn(&Parameters) -> Result<String> + Send + Sync>;

impl Parameters {
    /// Reads a map, a struct or a list of pairs.
    pub(crate) fn of(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        let node = reader::read(value).map_err(unfit)?;
        match node {
            Node::Null => Ok(Self::default()),
            Node::Map(entries) => Ok(Self(entries)),
            Node::List(items) => {
                let pairs = items.into_iter().map(pair);
                pairs.collect::<Result<_, _>>().map(Self).map_err(unfit)
            }
            _ => Err(unfit(Misfit::new("it is a single value"))),
        }
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes them as a query, percent-encoded, without a `?`.
    #[must_use]
    pub fn encode(&self, format: ArrayFormat) -> String {
        self.write(format, Target::Query)
    }

    /// Adds more behind them.
    pub(crate) fn append(&mut self, more: Self) {
        if self.0.is_empty() {
            *self = more;
        } else {
            self.0.extend(more.0);
        }
    }

    /// Makes a key one that stands for nothing, also over a default.
    pub(crate) fn unset(&mut self, key: String) {
        self.0.retain(|(other, _)| *other != key);
        self.0.push((key, Node::Null));
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, key: &str) {
        self.0.retain(|(other, _)| other != key);
    }
}

fn pair(item: Node) -> Result<(String, Node), Misfit> {
    let not_a_pair = || Misfit::new("an item of the list is not a pair");
    let Node::List(pair) = item else {
        return Err(not_a_pair());
    };
    let [key, value] = <[Node; 2]>::try_from(pair).map_err(|_| not_a_pair())?;
    let key = key.into_text();
    Ok((
        key.ok_or_else(|| Misfit::new("the key of a pair is not text"))?,
        value,
    ))
}

fn unfit(misfit: Misfit) -> Error {
    if misfit.is_too_deep() {
        return Error::new(
            ErrorKind::InvalidRequest,
            format!("the parameters are nested deeper than {MAX_DEPTH}, which is the limit"),
        )
        .with_code(ErrorCode::FormDepthExceeded)
        .with_hint("nest them less, or send them as JSON in the body");
    }
    Error::new(
        ErrorKind::InvalidRequest,
        "the parameters cannot be encoded",
    )
    .with_hint("pass a map, a struct or a list of pairs")
    .with_source(misfit)
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().map(|(key, _)| key);
        f.debug_list().entries(keys).finish()
    }
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
