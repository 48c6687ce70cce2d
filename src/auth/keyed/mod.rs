//! Many sessions behind one pair: each call says whose it is.
//!
//! *In and out*: an [`Identity`] in a call's extensions in; the session of that
//! identity, and of no other, out.
//!
//! ```text
//! call + Identity ─▶ map (bounded) ─▶ session ─▶ Attach ─▶ … ─▶ Renew
//!                      │ new: the factory                        │
//!                      │ full: the one idle for longest goes     │
//!                      └─ held, while the call is on its way ◀───┘
//! ```
//!
//! *Not here*: what a session does; all of them are as if they were alone.
//!
//! *Concurrency*: a call takes the map's read lock for one look-up. A new
//! session is made outside of any lock, and put in under the write lock; what
//! was put away is dropped after it. Whoever works with a session holds a
//! reference, and under the write lock none can be added: a session to which
//! only the map refers is idle.

mod builder;
mod identity;
mod keyed_token_refresh;
mod map;
mod sent_as;

pub use builder::KeyedTokenRefreshBuilder;
pub use identity::{Identity, IdentityError, MissingIdentity};
pub use keyed_token_refresh::KeyedTokenRefresh;
pub(super) use map::Keyed;
pub(super) use sent_as::{Sending, SentAs};
