//! Runs every gate of the workspace: `cargo xtask test`.
//!
//! It has no dependencies, so that it is built in a second.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: what it prints is what it is for"
)]

mod examples;
mod features;
mod gates;
mod manifest;
mod models;
mod needs;
mod package;
mod release_runs;
mod session;

use std::process::ExitCode;

use session::{Outcome, Session};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--full] [--strict] [--only GATE]...
      Runs the gates in order and stops at the first that fails.
      --full    more cases in the release runs, and the checks that need a network
      --strict  what would be skipped because it is not there is a failure
      --only    runs just the gates that are named
  gates
      Lists the gates.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Outcome {
    match words {
        ["test", options @ ..] => {
            let (mut session, only) = test_options(options)?;
            gates::run(&mut session, &only)
        }
        ["gates"] => {
            gates::list();
            Ok(())
        }
        [] | ["help" | "--help" | "-h", ..] => {
            println!("{USAGE}");
            Ok(())
        }
        [other, ..] => Err(format!("there is no command `{other}`\n\n{USAGE}")),
    }
}

/// Reads the options of `test`.
fn test_options(options: &[&str]) -> Result<(Session, Vec<String>), String> {
    let mut session = Session::new()?;
    let mut only = Vec::new();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--full" => session.full = true,
            "--strict" => session.strict = true,
            "--only" => {
                let name = options.next().ok_or("`--only` needs the name of a gate")?;
                only.push((*name).to_owned());
            }
            other => return Err(format!("there is no option `{other}`\n\n{USAGE}")),
        }
    }
    Ok((session, only))
}
