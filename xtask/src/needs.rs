//! Programs that tests need beside the Rust toolchain.

use std::process::Command;

use crate::session::{Outcome, Session, is_installed};

/// A program, and the package that holds it.
struct Program {
    name: &'static str,
    /// The part of the tree whose tests need it.
    needed_by: &'static str,
    apt: &'static str,
    dnf: &'static str,
    /// `None` if it is for Linux only: elsewhere its tests do without it.
    brew: Option<&'static str>,
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "redis-server",
        needed_by: "adapters/redis",
        apt: "redis-server",
        dnf: "redis",
        brew: Some("redis"),
    },
    Program {
        name: "strace",
        needed_by: "tests/file_store",
        apt: "strace",
        dnf: "strace",
        brew: None,
    },
];

/// Installs what is needed and missing.
pub(crate) fn install(session: &mut Session) -> Outcome {
    for program in PROGRAMS {
        if !session.has(program.needed_by) {
            continue;
        }
        if program.brew.is_none() && !cfg!(target_os = "linux") {
            println!("{} is for Linux only", program.name);
            continue;
        }
        if is_installed(program.name) {
            println!("{} is installed", program.name);
            continue;
        }
        println!("{} needs {}", program.needed_by, program.name);
        for words in commands(program, is_installed, is_root())? {
            let (first, rest) = words.split_first().ok_or("a command has no words")?;
            session.run(Command::new(first).args(rest))?;
        }
        if !is_installed(program.name) {
            return Err(format!("`{}` is still not there", program.name));
        }
    }
    Ok(())
}

/// Returns the commands that install a program on this system.
fn commands(
    program: &Program,
    has: impl Fn(&str) -> bool,
    root: bool,
) -> Result<Vec<Vec<&'static str>>, String> {
    let mut commands = if has("apt-get") {
        vec![
            vec!["apt-get", "update"],
            vec![
                "apt-get",
                "install",
                "--yes",
                "--no-install-recommends",
                program.apt,
            ],
        ]
    } else if has("dnf") {
        vec![vec!["dnf", "install", "--assumeyes", program.dnf]]
    } else if has("brew") {
        let install = program.brew.map(|name| vec!["brew", "install", name]);
        return Ok(install.into_iter().collect());
    } else {
        return Err(format!(
            "`{}` is missing and there is no apt-get, dnf or brew; install it by hand",
            program.name
        ));
    };
    if !root {
        for command in &mut commands {
            command.insert(0, "sudo");
        }
    }
    Ok(commands)
}

/// Says whether this user may install without `sudo`.
fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_installs_without_sudo() {
        let program = &PROGRAMS[0];
        let apt = |name: &str| name == "apt-get";
        assert_eq!(
            commands(program, apt, true).unwrap()[0],
            ["apt-get", "update"]
        );
        assert_eq!(
            commands(program, apt, false).unwrap()[1][..2],
            ["sudo", "apt-get"]
        );
        let brew = |name: &str| name == "brew";
        assert_eq!(
            commands(program, brew, false).unwrap(),
            [["brew", "install", "redis"]]
        );
    }

    #[test]
    fn a_system_without_a_known_installer_is_told_what_is_missing() {
        let error = commands(&PROGRAMS[0], |_| false, true).unwrap_err();
        assert!(error.contains("`redis-server`"), "{error}");
    }
}
