//! What changes bodies next to the adapter.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{body::Body, error::Result};

/// Changes what the adapter is about to get.
pub(crate) type RequestTransform = Arc<dyn Fn(Body, &mut HeaderMap) -> Result<Body> + Send + Sync>;

/// Changes what the adapter has brought.
pub(crate) type ResponseTransform =
    Arc<dyn Fn(Bytes, &mut HeaderMap, StatusCode) -> Result<Bytes> + Send + Sync>;
