//! [`peak`]: how much memory a process has had.

use std::fs;

/// Returns the most memory that the process has had, in bytes, since now if
/// `anew`; 0 without `/proc`.
#[must_use]
pub fn peak(anew: bool) -> u64 {
    if anew {
        // Where that is not allowed, the peak since the start counts.
        fs::write("/proc/self/clear_refs", "5").unwrap_or_default();
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}
