//! tollgate.
pub mod adapter;
mod body;
mod cancel;
mod config;
mod context;
mod error;
mod headers;
pub mod interceptor;
mod request;
mod response;
pub mod runtime;
mod uri;
#[cfg(feature = "tokio")]
pub use adapter::Offload;
pub use adapter::{Adapter, AdapterError, Attempt, BlockingAdapter, MockAdapter, MockReply};
pub use body::{Body, BodyError, BodyReader};
pub use cancel::CancelHandle;
pub use config::{Config, Order};
pub use error::{Error, ErrorCode, ErrorKind, Result};
pub use interceptor::{RequestFlow, ResponseFlow};
pub use request::{Request, RequestHead};
pub use response::Response;
pub use uri::{Origin, Origins};
