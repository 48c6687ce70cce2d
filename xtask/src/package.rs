//! Checks what would be published: the list of files, then a build of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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
        let name = package.name.as_str();
        let args = ["package", "--list", "--allow-dirty", "--package", name];
        let listed = session.output(&mut session.cargo(args))?;
        let files: Vec<&str> = listed.lines().map(str::trim).collect();
        complete(&files, &sources(session, package)?)
            .map_err(|fault| format!("the package of {name} {fault}"))?;
        println!("{} files, none missing, none too many", files.len());
    }
    let names: Vec<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let archives = pack(session, &names)?;
    build(session, &archives)
}

/// Packs all packages together and returns the archives.
///
/// Cargo could build them itself, but it keeps what it has unpacked by version,
/// and so would build the adapters against the core of an earlier run.
fn pack(session: &Session, names: &[&str]) -> Result<Vec<PathBuf>, String> {
    let folder = session.target().join("package");
    for name in names {
        for old in archives_of(&folder, name) {
            fs::remove_file(&old).map_err(|error| format!("cannot remove an archive: {error}"))?;
        }
    }
    let mut args = vec!["package", "--allow-dirty", "--no-verify", "--offline"];
    for name in names {
        args.extend(["--package", name]);
    }
    session.run_cargo(args)?;
    let archives: Vec<PathBuf> = names
        .iter()
        .flat_map(|name| archives_of(&folder, name))
        .collect();
    if archives.len() == names.len() {
        Ok(archives)
    } else {
        Err(format!(
            "{} packages gave {} archives",
            names.len(),
            archives.len()
        ))
    }
}

/// Returns the archives of a package, of whatever version.
fn archives_of(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "crate"))
        .filter(|path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let version = stem.strip_prefix(name).and_then(|it| it.strip_prefix('-'));
            version.is_some_and(|it| it.starts_with(|first: char| first.is_ascii_digit()))
        })
        .collect()
}

/// Unpacks the archives side by side and checks that they compile, each
/// against what the others hold, with the versions of the lock file.
fn build(session: &Session, archives: &[PathBuf]) -> Outcome {
    let folder = session.target().join("unpacked");
    let fault = |error: std::io::Error| format!("cannot unpack the archives: {error}");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(fault)?;
    }
    fs::create_dir_all(&folder).map_err(fault)?;
    let mut manifest = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n");
    manifest.push_str("\n[patch.crates-io]\n");
    for archive in archives {
        let stem = archive.file_stem().unwrap_or_default().to_string_lossy();
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(archive).arg("-C").arg(&folder);
        session.run(&mut tar)?;
        if let Some((name, _)) = stem.rsplit_once('-') {
            manifest.push_str(&format!("{name} = {{ path = \"{stem}\" }}\n"));
        }
    }
    // With the same profile, the dependencies are those that are compiled.
    manifest.push_str("\n[profile.dev]\n");
    for line in manifest::lines_of(&session.read("Cargo.toml")?, "profile.dev") {
        manifest.push_str(&format!("{line}\n"));
    }
    fs::write(folder.join("Cargo.toml"), manifest).map_err(fault)?;
    fs::copy(session.path("Cargo.lock"), folder.join("Cargo.lock")).map_err(fault)?;
    let mut check = session.cargo(["check", "--workspace", "--offline"]);
    check.current_dir(&folder);
    session.run(check.env("CARGO_TARGET_DIR", session.target()))
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
    for entry in fs::read_dir(session.path(folder)).map_err(fault)? {
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
