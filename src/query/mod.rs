//! Parameters of a query or a form: any `Serialize`, written as axios does.
//!
//! *In and out*: a map, a struct or a list of pairs in, a tree of them between,
//! text out. The tree is made when a call is given its parameters, the text
//! when it is sent, so that the order of a call's options does not matter.

mod format;
mod merge;
mod pairs;
mod reader;
mod shelf;
mod tree;
mod write;

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::error::{Error, ErrorCode, ErrorKind, Result};
pub use format::{ArrayFormat, QueryFormat};
pub(crate) use format::{FormatChanges, Formats};
pub(crate) use shelf::gather;
use tree::{Misfit, Node};
pub(crate) use write::Target;

/// How deep parameters may be nested unless a format says otherwise: axios's
/// limit.
pub(crate) const MAX_DEPTH: usize = 100;

/// The most that a format may say: what is read on the stack has to end.
const DEPTH_LIMIT: usize = 256;

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
    /// Reads a map, a struct or a list of pairs (axios: `toFormData(object, new
    /// URLSearchParams())`).
    ///
    /// With it a [`query_serializer`](crate::ClientBuilder::query_serializer)
    /// changes parameters before they are written, as axios's `visitor` does:
    ///
    /// ```
    /// use serde_json::Value;
    /// use tollgate::{ArrayFormat, Client, MockAdapter, Parameters};
    ///
    /// fn visit(value: &mut Value) {
    ///     match value {
    ///         Value::Bool(yes) => *value = Value::from(if *yes { "1" } else { "0" }),
    ///         Value::Array(items) => items.iter_mut().for_each(visit),
    ///         Value::Object(entries) => entries.values_mut().for_each(visit),
    ///         _ => {}
    ///     }
    /// }
    ///
    /// let client = Client::builder(MockAdapter::new())
    ///     .query_serializer(|parameters| {
    ///         let mut value = serde_json::to_value(parameters)?;
    ///         visit(&mut value);
    ///         Ok(Parameters::from_value(&value)?.encode(ArrayFormat::Repeat))
    ///     })
    ///     .build()?;
    /// let call = client.get("http://h/").query(&[("all", true)]);
    /// assert_eq!(client.uri_for(&call)?, "http://h/?all=1");
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] where it is something else, a key is no
    /// text, or it is nested deeper than 256
    /// ([`ErrorCode::FormDepthExceeded`]).
    #[doc(alias = "visitor")]
    pub fn from_value(value: &(impl Serialize + ?Sized)) -> Result<Self> {
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
        let format = QueryFormat::from(format).max_depth(DEPTH_LIMIT);
        // What was read is no deeper than that.
        self.write(&format, Target::Query).unwrap_or_default()
    }

    /// Writes them as a query by a format, without a `?`.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::FormDepthExceeded`] where they are nested deeper than the
    /// format's [`max_depth`](QueryFormat::max_depth).
    pub fn encode_with(&self, format: &QueryFormat) -> Result<String> {
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
        return too_deep(DEPTH_LIMIT);
    }
    Error::new(
        ErrorKind::InvalidRequest,
        "the parameters cannot be encoded",
    )
    .with_hint("pass a map, a struct or a list of pairs")
    .with_source(misfit)
}

#[cold]
fn too_deep(limit: usize) -> Error {
    let raise = match limit {
        DEPTH_LIMIT => "",
        _ => "raise `max_depth` of the `QueryFormat`, ",
    };
    Error::new(
        ErrorKind::InvalidRequest,
        format!("the parameters are nested deeper than {limit}, which is the limit"),
    )
    .with_code(ErrorCode::FormDepthExceeded)
    .with_hint(format!(
        "{raise}nest them less, or send them as JSON in the body"
    ))
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
