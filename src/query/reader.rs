//! The serde serialiser that builds a tree of parameters.
//!
//! It stops at the limit of depth, so that no value can end the stack.

use serde::{Serialize, Serializer, ser};

use super::{
    DEPTH_LIMIT,
    tree::{Misfit, Node},
};

/// Reads a value into a tree.
pub(super) fn read(value: &(impl Serialize + ?Sized)) -> Result<Node, Misfit> {
    value.serialize(Reader {
        depth: 0,
        is_root: true,
    })
}

/// Makes a node of a value that stands `depth` containers deep.
#[derive(Clone, Copy)]
struct Reader {
    depth: usize,
    is_root: bool,
}

impl Reader {
    /// Goes into a container.
    fn inside(self) -> Result<Self, Misfit> {
        if self.depth > DEPTH_LIMIT {
            return Err(Misfit::too_deep());
        }
        Ok(Self {
            depth: self.depth + 1,
            is_root: false,
        })
    }

    /// Goes into a list; one of pairs is no deeper than the map that it is.
    fn inside_list(self) -> Result<Self, Misfit> {
        if self.is_root {
            return Ok(Self {
                depth: 0,
                is_root: false,
            });
        }
        self.inside()
    }

    fn items(self, length: Option<usize>, variant: Option<&'static str>) -> Result<Items, Misfit> {
        let inner = match variant {
            None => self.inside_list()?,
            Some(_) => self.inside()?.inside()?,
        };
        Ok(Items {
            inner,
            variant,
            nodes: Vec::with_capacity(length.unwrap_or(0).min(64)),
        })
    }

    fn entries(self, variant: Option<&'static str>) -> Result<Entries, Misfit> {
        let inner = match variant {
            None => self.inside()?,
            Some(_) => self.inside()?.inside()?,
        };
        Ok(Entries {
            inner,
            variant,
            key: None,
            nodes: Vec::new(),
        })
    }
}

fn wrapped(node: Node, variant: Option<&'static str>) -> Node {
    match variant {
        None => node,
        Some(name) => Node::Map(vec![(name.to_owned(), node)]),
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty => $variant:ident;)*) => {$(
        fn $method(self, value: $type) -> Result<Node, Misfit> {
            Ok(Node::$variant(value.into()))
        }
    )*};
}

impl Serializer for Reader {
    type Ok = Node;
    type Error = Misfit;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    numbers! {
        serialize_bool: bool => Bool;
        serialize_i8: i8 => Signed;
        serialize_i16: i16 => Signed;
        serialize_i32: i32 => Signed;
        serialize_i64: i64 => Signed;
        serialize_u8: u8 => Unsigned;
        serialize_u16: u16 => Unsigned;
        serialize_u32: u32 => Unsigned;
        serialize_u64: u64 => Unsigned;
        serialize_f64: f64 => Float;
        serialize_char: char => Text;
        serialize_str: &str => Text;
    }

    fn serialize_f32(self, value: f32) -> Result<Node, Misfit> {
        // The shortest text of the narrow number, not that of the wide one.
        let wide = value.to_string().parse().unwrap_or(f64::from(value));
        Ok(Node::Float(wide))
    }

    fn serialize_i128(self, value: i128) -> Result<Node, Misfit> {
        Ok(i64::try_from(value).map_or_else(|_| Node::Text(value.to_string()), Node::Signed))
    }

    fn serialize_u128(self, value: u128) -> Result<Node, Misfit> {
        Ok(u64::try_from(value).map_or_else(|_| Node::Text(value.to_string()), Node::Unsigned))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Node, Misfit> {
        let text = std::str::from_utf8(value);
        let text = text.map_err(|_| Misfit::new("its bytes are not text; encode them before"))?;
        Ok(Node::Text(text.to_owned()))
    }

    fn serialize_none(self) -> Result<Node, Misfit> {
        Ok(Node::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, Misfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Node, Misfit> {
        Ok(Node::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, Misfit> {
        Ok(Node::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Node, Misfit> {
        Ok(Node::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Node, Misfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, Misfit> {
        Ok(wrapped(value.serialize(self.inside()?)?, Some(variant)))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Misfit> {
        self.items(length, None)
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, Misfit> {
        self.items(Some(length), None)
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, Misfit> {
        self.items(Some(length), None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items, Misfit> {
        self.items(Some(length), Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries, Misfit> {
        self.entries(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries, Misfit> {
        self.entries(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Entries, Misfit> {
        self.entries(Some(variant))
    }
}

/// A list in the making.
struct Items {
    inner: Reader,
    /// The enum's variant that it is the content of.
    variant: Option<&'static str>,
    nodes: Vec<Node>,
}

macro_rules! items {
    ($($part:ident::$method:ident;)*) => {$(
        impl ser::$part for Items {
            type Ok = Node;
            type Error = Misfit;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
                self.nodes.push(value.serialize(self.inner)?);
                Ok(())
            }

            fn end(self) -> Result<Node, Misfit> {
                Ok(wrapped(Node::List(self.nodes), self.variant))
            }
        }
    )*};
}

items! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

/// A map in the making.
struct Entries {
    inner: Reader,
    variant: Option<&'static str>,
    key: Option<String>,
    nodes: Vec<(String, Node)>,
}

impl ser::SerializeMap for Entries {
    type Ok = Node;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Misfit> {
        let key = key.serialize(self.inner)?.into_text();
        self.key = Some(key.ok_or_else(|| Misfit::new("the key of a map is not text"))?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        let key = self.key.take().unwrap_or_default();
        self.nodes.push((key, value.serialize(self.inner)?));
        Ok(())
    }

    fn end(self) -> Result<Node, Misfit> {
        Ok(wrapped(Node::Map(self.nodes), self.variant))
    }
}

macro_rules! fields {
    ($($part:ident;)*) => {$(
        impl ser::$part for Entries {
            type Ok = Node;
            type Error = Misfit;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Misfit> {
                self.nodes.push((key.to_owned(), value.serialize(self.inner)?));
                Ok(())
            }

            fn end(self) -> Result<Node, Misfit> {
                Ok(wrapped(Node::Map(self.nodes), self.variant))
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}
