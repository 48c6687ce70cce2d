//! Cookies that clients share, and a token among them.
//!
//! *In and out*: an address in, a `Cookie` header out; an answer's
//! `Set-Cookie` headers in.
//!
//! *Rules* (RFC 6265): domain, path, `Secure` and the order of cookies. Of the
//! draft that follows it (6265bis): the prefixes `__Host-` and `__Secure-`, no
//! `Secure` cookie from where there is no encryption, 400 days at most. Expiry
//! goes by the jar's clock. There is no list of public suffixes: a domain of
//! one label is refused, `co.uk` is not.
//!
//! *Not here*: cookies of redirects that were followed. The core follows them
//! below the interceptors, so what an answer in the middle sets is not seen,
//! and a hop within the origin carries the cookies of the first address.
//!
//! *Concurrency*: one mutex, held for the length of a look-up; never across an
//! await, the clock or code of the user's.

mod contents;
mod entry;
mod pair;
mod record;
mod shared;

pub(super) use contents::Contents;
pub use pair::{AttachCookies, KeepCookies};
pub(super) use record::{Names, Record};
pub use shared::CookieJar;
pub(super) use shared::{Source, not_absolute, parse_url};
