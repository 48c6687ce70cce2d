//! Interceptors.
mod outcome;
pub use outcome::{Replay, RequestFlow, ResponseFlow};
#[derive(Clone, Debug)]
pub(crate) struct Named(std::sync::Arc<str>);
impl Named {
    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}
