//! [`Multipart`]: forms of several parts as a body (RFC 7578).
//!
//! *In and out*: names and [`Part`]s in; a [`Body`](super::Body) that can be
//! sent again, and the `Content-Type` that goes with it, out.
//!
//! ```text
//! Multipart ─ into_body ─▶ [piece, piece, …] ─ for each attempt ─▶ frames
//!    boundary, names, lengths are fixed here   files and readers are opened here
//! ```
//!
//! *Not here*: reading forms.

mod boundary;
mod content_type;
mod file;
mod form;
mod head;
mod part;
mod pieces;
mod value;

pub(crate) use content_type::Form;
pub use form::Multipart;
pub use part::Part;
