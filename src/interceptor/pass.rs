//! The future of a hook that was not overridden.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::error::{Error, Result};

/// Is ready at once with what it was made of.
pub(super) struct PassThrough<T>(Option<Result<T>>);

impl<T> PassThrough<T> {
    pub(super) fn new(result: Result<T>) -> Self {
        Self(Some(result))
    }
}

// Nothing in it is ever pinned.
impl<T> Unpin for PassThrough<T> {}

impl<T> Future for PassThrough<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<T>> {
        Poll::Ready(
            self.0
                .take()
                .unwrap_or_else(|| Err(Error::message("the future was polled after its end"))),
        )
    }
}

/// Tells whether the future of a hook is a [`PassThrough`], by the name of its
/// type, which is all that can be asked of an opaque one. A wrong no only
/// costs a box.
pub(super) fn is_pass_through<F>() -> bool {
    std::any::type_name::<F>().starts_with(concat!(module_path!(), "::PassThrough<"))
}
