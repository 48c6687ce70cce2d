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
    modes.extend(bodies().map(Mode::streams));
    modes.extend(redirects::modes());
    modes.extend(reuse::modes());
    modes
}

/// What goes wrong in a body, or after it.
fn bodies() -> impl Iterator<Item = Mode> {
    let modes = [lengths::modes(), chunks::modes()];
    let encoded = [encodings::modes(), brotli::modes()];
    modes.into_iter().chain(encoded).flatten()
}
