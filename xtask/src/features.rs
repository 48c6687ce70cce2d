//! Checks that each feature compiles alone, without warnings.
//!
//! Through clippy, whose flags reach the workspace's own crates only: the
//! dependencies are those that the lint gate has compiled.

use crate::{
    manifest,
    session::{Outcome, Session},
};

pub(crate) fn run(session: &mut Session) -> Outcome {
    for package in manifest::published(session)? {
        let name = package.name.as_str();
        check(session, name, &["--no-default-features"])?;
        if package.has_default_features() {
            check(session, name, &[])?;
        }
        for feature in package.features() {
            check(
                session,
                name,
                &["--no-default-features", "--features", feature],
            )?;
        }
        check(session, name, &["--all-features"])?;
    }
    Ok(())
}

fn check(session: &Session, package: &str, flags: &[&str]) -> Outcome {
    let mut args = vec!["clippy", "--quiet", "--package", package];
    args.extend(flags);
    args.extend(["--", "-D", "warnings"]);
    session.run_cargo(args)
}
