//! Checks what would be published: the list of files, then a build of them.

use crate::{
    manifest::{self, Package},
    session::{Outcome, Session},
};

/// What every package holds.
const ALWAYS: &[&str] = &[
    "Cargo.toml",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "src/lib.rs",
];

/// What no package holds, by how the path begins.
const NEVER: &[&str] = &[
    ".cargo/",
    ".ci/",
    "adapters/",
    "benches/",
    "examples/",
    "target/",
    "tests/",
    "xtask/",
];

pub(crate) fn run(session: &mut Session) -> Outcome {
    let packages = manifest::published(session)?;
    for package in &packages {
        let args = [
            "package",
            "--list",
            "--allow-dirty",
            "--package",
            package.name.as_str(),
        ];
        let listed = session.output(&mut session.cargo(args))?;
        let files: Vec<&str> = listed.lines().map(str::trim).collect();
        complete(&files, &sources(session, package)?)
            .map_err(|fault| format!("the package of {} {fault}", package.name))?;
        println!("{} files, none missing, none too many", files.len());
    }
    // Together, so that an adapter is built against this core, not against a
    // published one; offline, so that the versions are those of the lock file.
    let mut args = vec!["package", "--allow-dirty", "--offline"];
    for package in &packages {
        args.extend(["--package", package.name.as_str()]);
    }
    session.run_cargo(args)
}

/// Returns the sources and pages that a package must hold.
fn sources(session: &Session, package: &Package) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for folder in ["src", "docs"] {
        let from = format!("{}{folder}", package.folder);
        if session.has(&from) {
            collect(session, &from, &mut files)?;
        }
    }
    Ok(files
        .iter()
        .filter(|file| file.ends_with(".rs") || file.ends_with(".md"))
        .map(|file| file.trim_start_matches(package.folder.as_str()).to_owned())
        .collect())
}

fn collect(session: &Session, folder: &str, files: &mut Vec<String>) -> Outcome {
    let fault = |error| format!("cannot list `{folder}`: {error}");
    for entry in std::fs::read_dir(session.path(folder)).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(session, &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Says what a package lacks or holds too much.
fn complete(files: &[&str], sources: &[String]) -> Outcome {
    let wanted = ALWAYS
        .iter()
        .copied()
        .chain(sources.iter().map(String::as_str));
    let missing: Vec<&str> = wanted.filter(|file| !files.contains(file)).collect();
    if !missing.is_empty() {
        return Err(format!("lacks {}", missing.join(", ")));
    }
    match files
        .iter()
        .find(|file| NEVER.iter().any(|start| file.starts_with(start)))
    {
        Some(file) => Err(format!("holds `{file}`, which is not for users")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_and_a_stray_one_are_found() {
        let mut files = ALWAYS.to_vec();
        let sources = vec!["src/lib.rs".to_owned()];
        assert_eq!(complete(&files, &sources), Ok(()));

        files.push("tests/tree.rs");
        assert!(
            complete(&files, &sources)
                .unwrap_err()
                .contains("tests/tree.rs")
        );
        assert!(
            complete(&files[1..], &sources)
                .unwrap_err()
                .contains("Cargo.toml")
        );
        let more = vec!["src/new.rs".to_owned()];
        assert!(complete(ALWAYS, &more).unwrap_err().contains("src/new.rs"));
    }
}
