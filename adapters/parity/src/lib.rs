//! The lanes on which every law about the wire holds: async and blocking, over
//! reqwest and over ureq.

mod lane;

pub use lane::{
    Adapts, AsyncLane, BlockingLane, Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking,
    UreqOffload,
};
