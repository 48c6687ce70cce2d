//! [`IntoOrigins`]: the ways to say where a token may go.

use crate::{Origin, Origins, Result};

/// Where a token may go: [`Origins`], or texts such as
/// `["https://api.example.com"]`.
pub trait IntoOrigins {
    /// Reads the origins.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidUrl`](crate::ErrorKind::InvalidUrl) for a text that is not an absolute address.
    fn into_origins(self) -> Result<Origins>;
}

impl IntoOrigins for Origins {
    fn into_origins(self) -> Result<Origins> {
        Ok(self)
    }
}

impl IntoOrigins for Origin {
    fn into_origins(self) -> Result<Origins> {
        Ok(self.into())
    }
}

impl<I> IntoOrigins for I
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    fn into_origins(self) -> Result<Origins> {
        self.into_iter()
            .map(|text| text.as_ref().parse::<Origin>())
            .collect()
    }
}
