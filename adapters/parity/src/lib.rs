//! The lanes on which every law about the wire holds: async and blocking, over
//! reqwest and over ureq.

pub mod failures;
mod lane;
mod memory;
mod nobody;

pub use lane::{
    Adapts, AsyncLane, BlockingLane, Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking,
    UreqOffload,
};
pub use memory::peak;
pub use nobody::Nobody;
