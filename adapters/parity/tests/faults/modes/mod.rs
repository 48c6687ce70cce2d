//! The table, by the part of the exchange that goes wrong.

mod before;
mod brotli;
mod chunks;
mod encodings;
mod heads;
mod lengths;
mod redirects;
mod reuse;
mod uploads;

use crate::mode::Mode;

/// Returns all modes.
pub(crate) fn modes() -> Vec<Mode> {
    let mut modes = before::modes();
    modes.extend(uploads::modes());
    modes.extend(heads::modes());
    modes.extend(heads::garbage());
    modes.extend(lengths::modes());
    modes.extend(chunks::modes());
    modes.extend(encodings::modes());
    modes.extend(brotli::modes());
    modes.extend(redirects::modes());
    modes.extend(reuse::modes());
    modes
}
