//! What the benches share: adapters that answer at once, a driver for futures
//! that never wait, and the table of what was measured.

mod at_once;
mod figures;

pub use at_once::{AtOnce, drive};
pub use figures::Figures;
