//! What the benches share: adapters that answer at once, a driver for futures
//! that never wait, a runtime that is turned by hand, and the table of what
//! was measured.

mod at_once;
mod by_hand;
mod figures;

pub use at_once::{AtOnce, drive};
pub use by_hand::ByHand;
pub use figures::{Figures, measure};
