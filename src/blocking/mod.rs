//! The same client without async: no runtime, no extra thread.
//!
//! The pipeline, the registries and the interceptors are the ones of the async
//! client; a call drives them on the calling thread. An interceptor that
//! awaits tokio's timers or sockets needs that runtime entered; one that
//! computes, or calls through [`Request::client`](crate::Request::client),
//! needs nothing.
//!
//! ```
//! use tollgate::{MockAdapter, blocking::Client};
//!
//! let client = Client::new(MockAdapter::new().reply(200, "hello"));
//! client.interceptors.request.use_(async |request| Ok(request));
//! assert_eq!(client.get("http://h/").send()?.text()?, "hello");
//! # Ok::<(), tollgate::Error>(())
//! ```

use crate::client::{self, Blocking};

/// Sends calls on the calling thread; see [`client::Client`].
pub type Client = client::Client<Blocking>;

/// Builds a blocking [`Client`]; see [`client::ClientBuilder`].
pub type ClientBuilder = client::ClientBuilder<Blocking>;

/// A call before it is sent; see [`client::Call`].
pub type Call = client::Call<Blocking>;

pub use crate::adapter::BlockingAdapter;
