//! [`Secret`]: text that is never printed and is wiped when dropped.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A token or password: `Debug` prints `[REDACTED]`, there is no `Display`,
/// and the memory is overwritten on drop.
///
/// [`expose`](Self::expose) is the only way to the text, so that every use of
/// it can be found. A clone is the same text, wiped with the last one. Copies
/// that others make (a header's value, the bytes of a body) are not wiped.
///
/// ```
/// use tollgate::auth::Secret;
///
/// let secret = Secret::from("s3cr3t");
/// assert_eq!(format!("{secret:?}"), "[REDACTED]");
/// assert_eq!(secret.expose(), "s3cr3t");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// Returns the text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl PartialEq for Secret {
    /// Takes the same time wherever the texts differ; their length shows.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        let difference = a.iter().zip(b).fold(0_u8, |sum, (a, b)| sum | (a ^ b));
        a.len() == b.len() && difference == 0
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_looks_at_every_byte_and_at_the_length() {
        assert_eq!(Secret::from("abc"), Secret::from("abc"));
        assert_ne!(Secret::from("abc"), Secret::from("abd"));
        assert_ne!(Secret::from("abc"), Secret::from("ab"));
        assert_ne!(Secret::from(""), Secret::from("a"));
    }
}
