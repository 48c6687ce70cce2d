//! Runs the examples and compares what they print with what they promise.
//!
//! An example says what it prints in its header comment: a line with
//! `Expected output`, then a fenced block. Without one, it must only succeed.

use crate::session::{Outcome, Session};

/// One example, with the arguments that make it a short run.
struct Example {
    name: &'static str,
    args: &'static [&'static str],
}

const EXAMPLES: &[Example] = &[
    Example::plain("token_refresh"),
    Example::plain("token_storm"),
    Example::plain("two_processes"),
    Example {
        name: "two_processes",
        args: &["--strict"],
    },
    Example::plain("redis_fleet"),
    Example {
        name: "redis_fleet",
        args: &["--no-lock"],
    },
    Example::plain("sign_in"),
    Example::plain("quick_start"),
    Example::plain("blocking"),
    Example::plain("order"),
    Example::plain("short_circuit"),
    Example::plain("recover"),
    Example::plain("custom_adapter"),
    Example::plain("progress"),
    Example::plain("axum_router"),
    Example::plain("error_gallery"),
];

impl Example {
    const fn plain(name: &'static str) -> Self {
        Self { name, args: &[] }
    }

    fn file(&self) -> String {
        format!("examples/{}.rs", self.name)
    }
}

pub(crate) fn run(session: &mut Session) -> Outcome {
    unlisted(session)?;
    let mut there = Vec::new();
    for example in EXAMPLES {
        if session.has(&example.file()) {
            there.push(example);
        } else {
            session.missing(&format!("examples: there is no `{}` yet", example.file()))?;
        }
    }
    if there.is_empty() {
        return Ok(());
    }
    session.run_cargo([
        "build",
        "--release",
        "--package",
        "tollgate-examples",
        "--examples",
    ])?;
    for example in there {
        check(session, example)?;
    }
    Ok(())
}

/// Fails if there is an example that the table does not name.
fn unlisted(session: &Session) -> Outcome {
    let entries = std::fs::read_dir(session.path("examples"))
        .map_err(|error| format!("cannot list `examples`: {error}"))?;
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix(".rs")
            && !EXAMPLES.iter().any(|example| example.name == name)
        {
            return Err(format!(
                "`examples/{file}` is not in the table of `xtask/src/examples.rs`"
            ));
        }
    }
    Ok(())
}

fn check(session: &Session, example: &Example) -> Outcome {
    let package = "tollgate-examples";
    let mut args = vec!["run", "--quiet", "--release", "--package", package];
    args.extend(["--example", example.name, "--"]);
    args.extend(example.args);
    let printed = session.output(&mut session.cargo(args))?;
    print!("{printed}");
    match expected_output(&session.read(&example.file())?) {
        Some(expected) => compare(&expected, &printed)
            .map_err(|difference| format!("`{}` {difference}", example.file())),
        None => Ok(()),
    }
}

/// Returns the block that an example's header comment promises.
fn expected_output(source: &str) -> Option<Vec<String>> {
    let mut lines = source
        .lines()
        .take_while(|line| line.starts_with("//"))
        .map(|line| line.trim_start_matches(['/', '!']))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .skip_while(|line| !line.contains("Expected output"))
        .skip_while(|line| !line.starts_with("```"))
        .skip(1)
        .peekable();
    lines.peek()?;
    Some(
        lines
            .take_while(|line| !line.starts_with("```"))
            .map(|line| line.trim_end().to_owned())
            .collect(),
    )
}

fn compare(expected: &[String], printed: &str) -> Outcome {
    let printed: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
    for number in 0..expected.len().max(printed.len()) {
        let promise = expected.get(number).map_or("(nothing)", String::as_str);
        let fact = printed.get(number).copied().unwrap_or("(nothing)");
        if promise != fact {
            return Err(format!(
                "promises in line {} of its output\n  {promise}\nand prints\n  {fact}",
                number + 1
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! Shows it.\n//!\n//! Expected output:\n//!\n//! ```text\n//! one\n//!   two\n//! ```\n\nfn main() {}\n";

    #[test]
    fn the_promise_is_read_from_the_header() {
        assert_eq!(expected_output(SOURCE).unwrap(), ["one", "  two"]);
        assert_eq!(expected_output("//! Shows it.\nfn main() {}\n"), None);
        assert_eq!(
            expected_output("fn main() {}\n// Expected output\n// ```\n// x\n"),
            None
        );
    }

    #[test]
    fn output_that_differs_from_the_promise_is_found() {
        let expected = expected_output(SOURCE).unwrap();
        assert_eq!(compare(&expected, "one\n  two\n"), Ok(()));
        assert!(compare(&expected, "one\n").unwrap_err().contains("line 2"));
        assert!(compare(&expected, "one\n  two\nthree\n").is_err());
        assert!(compare(&expected, "one\ntwo\n").is_err());
    }
}
