//! The two engines, as types.

mod sealed {
    #[expect(unnameable_types, reason = "nobody else may implement it")]
    pub trait Sealed {}
}

/// What drives a client's calls: [`Async`] or [`Blocking`].
pub trait Engine: sealed::Sealed + 'static {}

/// Calls are futures.
#[derive(Clone, Copy, Debug)]
pub enum Async {}

/// Calls run on the calling thread.
#[derive(Clone, Copy, Debug)]
pub enum Blocking {}

impl sealed::Sealed for Async {}
impl sealed::Sealed for Blocking {}
impl Engine for Async {}
impl Engine for Blocking {}
