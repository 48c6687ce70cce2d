//! The pages are compiled, and what they name exists.
//!
//! Each `docs/*.md` is a module of `lib.rs`, so that its examples are run as
//! doctests. Each file path in backticks, and each relative link, leads to a
//! file of the tree.

#![expect(
    clippy::unwrap_used,
    reason = "a test file: what cannot be read fails the test"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Pages that hold no prose, only the order of the others.
const NO_PAGE: &[&str] = &["docs/SUMMARY.md"];

/// Endings of the files that pages talk about.
const ENDINGS: &[&str] = &[".rs", ".md", ".toml", ".sh", ".yml"];

#[test]
fn every_page_is_compiled() {
    let library = read("src/lib.rs");
    let missing = not_compiled(&tree(), &library);
    assert!(
        missing.is_empty(),
        "not included in src/lib.rs: {missing:?}"
    );
}

#[test]
fn every_file_that_a_page_names_exists() {
    let tree = tree();
    let mut faults = Vec::new();
    for page in tree.iter().filter(|file| is_page(file)) {
        for named in names_nothing(page, &read(page), &tree) {
            faults.push(format!("{page} names `{named}`"));
        }
    }
    assert!(faults.is_empty(), "no such file:\n{}", faults.join("\n"));
}

#[test]
fn a_planted_fault_is_found() {
    let tree: BTreeSet<String> = ["src/lib.rs", "src/auth/token.rs", "docs/auth.md"]
        .map(str::to_owned)
        .into();
    assert_eq!(not_compiled(&tree, ""), ["docs/auth.md"]);
    let library = "#[doc = include_str!(\"../docs/auth.md\")]\npub mod auth {}\n";
    assert!(not_compiled(&tree, library).is_empty());

    let named = |text| names_nothing("docs/auth.md", text, &tree);
    assert_eq!(named("see `src/auth/tokens.rs`"), ["src/auth/tokens.rs"]);
    assert_eq!(named("see `src/gone/`"), ["src/gone/"]);
    assert_eq!(named("see `token.py.rs`"), ["token.py.rs"]);
    assert_eq!(named("see [it](errors.md)"), ["errors.md"]);
    assert_eq!(named("see [it](../src/lob.rs#L3)"), ["../src/lob.rs"]);

    let fine = "`src/auth/token.rs`, `auth/token.rs`, `token.rs`, `src/auth/`, `src/auth`, `src/*.rs`, \
        [it](../src/lib.rs#L3), [there](https://example.com/x.rs), [up](#part), `/me`, \
        `application/json`, `GET /x.rs`\n```text\n`src/made_up.rs`\n```\n";
    assert_eq!(named(fine), [""; 0]);
}

/// Returns the pages that `lib.rs` does not include.
fn not_compiled(tree: &BTreeSet<String>, library: &str) -> Vec<String> {
    tree.iter()
        .filter(|file| file.starts_with("docs/") && file.ends_with(".md"))
        .filter(|file| !NO_PAGE.contains(&file.as_str()))
        .filter(|file| !library.contains(&format!("include_str!(\"../{file}\")")))
        .cloned()
        .collect()
}

/// Says whether users read a file.
fn is_page(file: &str) -> bool {
    let in_docs = file.starts_with("docs/") && file.ends_with(".md");
    in_docs || ["README.md", "CONTRIBUTING.md"].contains(&file.rsplit('/').next().unwrap_or(""))
}

/// Returns the paths that a page names and that lead nowhere.
fn names_nothing(page: &str, text: &str, tree: &BTreeSet<String>) -> Vec<String> {
    let prose = without_blocks(text);
    let words = prose.split('`').skip(1).step_by(2);
    let mut faults: Vec<String> = words
        .filter(|word| is_path(word, tree) && !exists(word, tree))
        .map(str::to_owned)
        .collect();
    for (_, link) in prose
        .match_indices("](")
        .map(|(at, it)| (at, &prose[at + it.len()..]))
    {
        let target = link.split([')', '#', ' ']).next().unwrap_or("");
        if !target.is_empty() && !target.contains(':') && !leads_somewhere(page, target, tree) {
            faults.push(target.to_owned());
        }
    }
    faults
}

/// Cuts out fenced blocks: they are code, and doctests see to it.
fn without_blocks(text: &str) -> String {
    let mut inside = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// Says whether a word in backticks names a file or folder of this tree.
fn is_path(word: &str, tree: &BTreeSet<String>) -> bool {
    let plain = |it: char| it.is_ascii_alphanumeric() || "._-/*".contains(it);
    if word.starts_with('/') || !word.chars().all(plain) {
        return false;
    }
    let top = word.split('/').next().unwrap_or("");
    let below_a_folder =
        word.contains('/') && tree.iter().any(|it| it.starts_with(&format!("{top}/")));
    below_a_folder || ENDINGS.iter().any(|ending| word.ends_with(ending))
}

/// Says whether a path, or the end of one, is in the tree.
fn exists(word: &str, tree: &BTreeSet<String>) -> bool {
    let path = word.split('*').next().unwrap_or("").trim_end_matches('/');
    tree.iter().any(|file| {
        let file = format!("/{file}/");
        path.is_empty()
            || file.contains(&format!("/{path}/"))
            || (word.contains('*') && file.contains(path))
    })
}

/// Says whether a link of a page leads to a file or folder of the tree.
fn leads_somewhere(page: &str, target: &str, tree: &BTreeSet<String>) -> bool {
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    for part in target.split('/') {
        match part {
            ".." => {
                path.pop();
            }
            "." | "" => {}
            name => path.push(name),
        }
    }
    let path = path.join("/");
    tree.iter()
        .any(|file| *file == path || file.starts_with(&format!("{path}/")))
}

/// Lists the files of the workspace.
fn tree() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    list(&root(), "", &mut files);
    assert!(
        files.contains("src/lib.rs"),
        "this is not the workspace: {files:?}"
    );
    files
}

fn list(root: &Path, folder: &str, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("target") || name == ".git" {
            continue;
        }
        let path = format!("{folder}{name}");
        if root.join(&path).is_dir() {
            list(root, &format!("{path}/"), files);
        } else {
            files.insert(path);
        }
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
