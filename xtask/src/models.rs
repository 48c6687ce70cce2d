//! The token refresh under loom: every order of its events.

use crate::session::{Outcome, Session};

/// Where the models are.
const MODELS: &str = "src/auth/session/loom_models";

/// Runs the models; in a folder of their own, as the flag is for all crates.
pub(crate) fn run(session: &mut Session) -> Outcome {
    if !session.has(MODELS) {
        return session.missing(&format!("loom: there is no `{MODELS}`"));
    }
    let mut command = session.cargo([
        "test",
        "--package",
        "tollgate",
        "--lib",
        "--profile",
        "models",
        "loom_models",
    ]);
    command
        .env("RUSTFLAGS", "--cfg tollgate_loom")
        .env("CARGO_TARGET_DIR", session.target().join("loom"));
    session.run(&mut command)
}
