//! Token refresh over ureq: both engines, each store and each refresher; and
//! that what is wrong does not pass.

mod conforms;
mod faulty;
mod folder;
