//! Runs every gate of the workspace.
fn main() {}
