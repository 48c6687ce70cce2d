//! One run of the gates: where it runs, how strict it is, what it skipped.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// What a gate answers: a message if it failed.
pub(crate) type Outcome = Result<(), String>;

/// One run of the gates.
#[derive(Debug)]
pub(crate) struct Session {
    root: PathBuf,
    cargo: OsString,
    /// More cases, and what needs a network.
    pub(crate) full: bool,
    /// A skip is a failure.
    pub(crate) strict: bool,
    skipped: Vec<String>,
}

impl Session {
    /// Starts a run in the workspace that this program was built from.
    pub(crate) fn new() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("the folder of xtask has no parent")?;
        Ok(Self {
            root: root.to_owned(),
            cargo: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            full: false,
            strict: false,
            skipped: Vec::new(),
        })
    }

    /// Returns a path of the workspace.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Returns the folder that cargo builds in.
    pub(crate) fn target(&self) -> PathBuf {
        let folder = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        self.root.join(folder)
    }

    /// Says whether the workspace holds a file or folder.
    pub(crate) fn has(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    /// Reads a file of the workspace.
    pub(crate) fn read(&self, relative: &str) -> Result<String, String> {
        std::fs::read_to_string(self.path(relative))
            .map_err(|error| format!("cannot read `{relative}`: {error}"))
    }

    /// Prepares a cargo command at the root of the workspace.
    pub(crate) fn cargo<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(args).current_dir(&self.root);
        // Set for this program by `cargo run`; they would leak into builds.
        for name in [
            "CARGO_MANIFEST_DIR",
            "CARGO_MANIFEST_PATH",
            "CARGO_PKG_NAME",
        ] {
            command.env_remove(name);
        }
        // What needs it is installed: a test that finds none fails.
        command.env("TOLLGATE_REDIS_REQUIRED", "1");
        command
    }

    /// Runs cargo with its output unfiltered.
    pub(crate) fn run_cargo<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Outcome {
        self.run(&mut self.cargo(args))
    }

    /// Runs a command with its output unfiltered.
    #[expect(
        clippy::unused_self,
        reason = "every command goes through the session, so that no gate runs one unannounced"
    )]
    pub(crate) fn run(&self, command: &mut Command) -> Outcome {
        let line = printed(command);
        println!("$ {line}");
        let status = command
            .stdin(Stdio::null())
            .status()
            .map_err(|error| format!("cannot run `{line}`: {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("`{line}` ended with {status}"))
        }
    }

    /// Runs a command and returns what it wrote to stdout.
    pub(crate) fn output(&self, command: &mut Command) -> Result<String, String> {
        let line = printed(command);
        println!("$ {line}");
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .current_dir(&self.root)
            .output()
            .map_err(|error| format!("cannot run `{line}`: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(format!("`{line}` ended with {}\n{text}", output.status))
        }
    }

    /// Notes something that cannot run because a part is missing; `--strict`
    /// makes it a failure.
    pub(crate) fn missing(&mut self, what: &str) -> Outcome {
        if self.strict {
            return Err(format!("{what}, and `--strict` allows no skip"));
        }
        self.skip(what);
        Ok(())
    }

    /// Notes a skip that is no failure, even with `--strict`.
    pub(crate) fn skip(&mut self, what: &str) {
        println!("!!! SKIPPED: {what}");
        self.skipped.push(what.to_owned());
    }

    /// Returns what was skipped so far.
    pub(crate) fn skipped(&self) -> &[String] {
        &self.skipped
    }
}

/// Reads the clock, for the time that a gate took.
#[expect(
    clippy::disallowed_methods,
    reason = "a gate is timed by the wall clock; no test depends on it"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Says whether a program is installed.
pub(crate) fn is_installed(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| {
        env::split_paths(&path).any(|folder| {
            folder.join(program).is_file() || folder.join(format!("{program}.exe")).is_file()
        })
    })
}

/// Shows a command as one would type it.
fn printed(command: &Command) -> String {
    let mut words: Vec<String> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    let program = Path::new(command.get_program());
    words.push(program.file_stem().map_or_else(
        || program.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    ));
    words.extend(
        command
            .get_args()
            .map(|word| quoted(&word.to_string_lossy())),
    );
    words.join(" ")
}

fn quoted(word: &str) -> String {
    if word.contains(' ') {
        format!("\"{word}\"")
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_printed_as_one_would_type_it() {
        let mut command = Command::new("/opt/bin/cargo");
        command
            .args(["doc", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .env_remove("CARGO_PKG_NAME");
        assert_eq!(
            printed(&command),
            "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps"
        );
    }

    #[test]
    fn a_missing_part_fails_only_a_strict_run() {
        let mut session = Session::new().unwrap();
        assert_eq!(session.missing("no such test"), Ok(()));
        assert_eq!(session.skipped(), ["no such test"]);
        session.strict = true;
        assert!(session.missing("no such test").is_err());
    }

    #[test]
    fn a_failing_command_is_a_failure_that_names_it() {
        let session = Session::new().unwrap();
        let mut command = session.cargo(["no-such-command"]);
        let error = session.run(command.stderr(Stdio::null())).unwrap_err();
        assert!(
            error.contains("cargo no-such-command` ended with"),
            "{error}"
        );
    }
}
