//! The gates, in the order in which they fail fastest.

use std::time::Duration;

use crate::{
    examples, features, manifest, models, needs, package, release_runs,
    session::{Outcome, Session, is_installed, now},
};

/// One gate.
struct Gate {
    name: &'static str,
    about: &'static str,
    run: fn(&mut Session) -> Outcome,
}

/// All gates; the order is that of the run.
const GATES: &[Gate] = &[
    Gate {
        name: "needs",
        about: "the programs that tests need are installed",
        run: needs::install,
    },
    Gate {
        name: "format",
        about: "rustfmt has nothing to change",
        run: format,
    },
    Gate {
        name: "spelling",
        about: "typos, where it is installed",
        run: spelling,
    },
    Gate {
        name: "lint",
        about: "clippy has nothing to say about any target",
        run: lint,
    },
    Gate {
        name: "test",
        about: "every test, with plain `cargo test`, then what other features add",
        run: test,
    },
    Gate {
        name: "release",
        about: "property tests and long runs, optimised and with more cases",
        run: release_runs::run,
    },
    Gate {
        name: "loom",
        about: "the token refresh in every order of its events",
        run: models::run,
    },
    Gate {
        name: "docs",
        about: "rustdoc has no warning",
        run: docs,
    },
    Gate {
        name: "features",
        about: "every feature compiles alone, without warnings",
        run: features::run,
    },
    Gate {
        name: "package",
        about: "what would be published is complete and builds",
        run: package::run,
    },
    Gate {
        name: "examples",
        about: "every example runs and prints what it says it prints",
        run: examples::run,
    },
    Gate {
        name: "dependencies",
        about: "cargo-deny, where it is installed",
        run: dependencies,
    },
];

/// Prints the gates and what each one says.
pub(crate) fn list() {
    for gate in GATES {
        println!("{:<13} {}", gate.name, gate.about);
    }
}

/// Runs the gates, stops at the first failure and prints the time of each.
pub(crate) fn run(session: &mut Session, only: &[String]) -> Outcome {
    if let Some(name) = only
        .iter()
        .find(|name| !GATES.iter().any(|it| it.name == **name))
    {
        return Err(format!(
            "there is no gate `{name}`; `cargo xtask gates` lists them"
        ));
    }
    let start = now();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for gate in GATES {
        if !only.is_empty() && !only.iter().any(|name| name == gate.name) {
            continue;
        }
        println!("\n=== {}: {}", gate.name, gate.about);
        let gate_start = now();
        let outcome = (gate.run)(session);
        times.push((gate.name, gate_start.elapsed()));
        match outcome {
            Ok(()) => println!("=== {}: ok in {}", gate.name, shown(gate_start.elapsed())),
            Err(message) => {
                failure = Some(format!("gate `{}` failed: {message}", gate.name));
                break;
            }
        }
    }
    println!("\n=== summary");
    for (name, time) in &times {
        println!("{name:<13} {:>8}", shown(*time));
    }
    println!("{:<13} {:>8}", "total", shown(start.elapsed()));
    for what in session.skipped() {
        println!("!!! SKIPPED: {what}");
    }
    match failure {
        Some(message) => Err(message),
        None if only.is_empty() => {
            println!("all gates passed");
            Ok(())
        }
        None => {
            println!("the gates that were asked for passed");
            Ok(())
        }
    }
}

/// Shows a time as minutes and seconds.
fn shown(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

fn format(session: &mut Session) -> Outcome {
    session.run_cargo(["fmt", "--all", "--check"])
}

fn spelling(session: &mut Session) -> Outcome {
    if !is_installed("typos") {
        session.skip("spelling: `typos` is not installed");
        return Ok(());
    }
    let root = session.path("");
    session.run(std::process::Command::new("typos").current_dir(root))
}

fn lint(session: &mut Session) -> Outcome {
    session.run_cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ])
}

/// Runs plain `cargo test`, as a newcomer would, then each package whose
/// features that run did not all switch on.
fn test(session: &mut Session) -> Outcome {
    session.run_cargo(["test"])?;
    session.run_cargo(["test", "--package", "xtask"])?;
    for package in manifest::published(session)? {
        let more = package.features_not_tested_by_default();
        if more.is_empty() {
            continue;
        }
        println!(
            "plain `cargo test` left out of {}: {}",
            package.name,
            more.join(", ")
        );
        session.run_cargo(["test", "--package", package.name.as_str(), "--all-features"])?;
    }
    Ok(())
}

fn docs(session: &mut Session) -> Outcome {
    let mut command = session.cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
    session.run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn dependencies(session: &mut Session) -> Outcome {
    if !is_installed("cargo-deny") {
        session.skip("dependencies: `cargo-deny` is not installed");
        return Ok(());
    }
    // The root is a package, so that without `--workspace` it would be all.
    let mut args = vec!["deny", "--workspace", "check"];
    if !session.full {
        // Advisories come from the network, so a run without it leaves them out.
        args.extend(["bans", "licenses", "sources"]);
    }
    session.run_cargo(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_does_not_exist_is_refused() {
        let mut session = Session::new().unwrap();
        let error = run(&mut session, &["lnt".to_owned()]).unwrap_err();
        assert!(error.contains("`lnt`"), "{error}");
    }

    #[test]
    fn times_are_minutes_and_seconds() {
        assert_eq!(shown(Duration::from_millis(65_430)), "1:05.4");
        assert_eq!(shown(Duration::ZERO), "0:00.0");
    }

    #[test]
    fn gate_names_are_unique() {
        for (index, gate) in GATES.iter().enumerate() {
            assert!(GATES[index + 1..].iter().all(|it| it.name != gate.name));
        }
    }
}
