//! The pages are compiled, and what they name exists.
//!
//! Each `docs/*.md` is a module of `lib.rs`, so that its examples are run as
//! doctests. Each file path in backticks, and each relative link, leads to a
//! file of the tree. Each name of axios is found by a search of the docs, and
//! the rows of modules are those of the test of imports.

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

/// Words of axios that no item here bears, not even as an alias, and why.
const NOT_OURS: &[(&str, &str)] = &[
    ("axios", "the package"),
    ("undefined", "a value of the language"),
    ("null", "a value of the language"),
    ("true", "a value of the language"),
    ("false", "a value of the language"),
    ("default", "how modules export"),
    ("all", "`try_join_all` of futures"),
    ("from", "std's `From`, by `?`"),
    ("HttpStatusCode", "`http::StatusCode`"),
    ("getSetCookie", "`http::HeaderMap`"),
    ("res", "a step on the way to `responseUrl`"),
    ("insecureHTTPParser", "neither reqwest nor ureq has one"),
    ("User-Agent", "a header"),
];

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
fn every_name_of_axios_is_found_by_a_search() {
    let ours: BTreeSet<String> = tree()
        .iter()
        .filter(|file| is_code(file))
        .flat_map(|file| public_names(&read(file)))
        .collect();
    let theirs = first_column(&read("docs/axios-names.md"));
    assert!(theirs.len() > 90, "only {} names were read", theirs.len());
    let missing: Vec<&String> = theirs.difference(&ours).collect();
    let excepted: BTreeSet<_> = NOT_OURS.iter().map(|it| it.0).collect();
    let new: Vec<_> = missing
        .iter()
        .filter(|it| !excepted.contains(it.as_str()))
        .collect();
    assert!(
        new.is_empty(),
        "no public item and no `#[doc(alias)]` bears {new:?}"
    );
    assert_eq!(
        missing.len(),
        excepted.len(),
        "an exception is not needed: of {excepted:?} only {missing:?} are missing"
    );
}

#[test]
fn the_page_has_the_rows_of_the_test_of_imports() {
    let page = rows_of_page(&read("docs/architecture.md"));
    let rows = rows_of_test(&read("tests/layers.rs"));
    assert!(rows.len() > 5, "only {} rows were read", rows.len());
    assert_eq!(page, rows);

    let page = "| row | modules |\n|---|---|\n| 0 | the `a`, `b::c` |\n\n| 1 | `d` |\n";
    assert_eq!(rows_of_page(page), [["a", "b/c"].map(str::to_owned).into()]);
    let test = "const ROWS: &[&[&str]] = &[\n    &[\"a\", \"b/c\"],\n    // \"d\"\n    &[\"e\"],\n];\n\"f\"";
    let rows: [BTreeSet<_>; 2] = [
        ["a", "b/c"].map(str::to_owned).into(),
        [str::to_owned("e")].into(),
    ];
    assert_eq!(rows_of_test(test), rows);
}

#[test]
fn a_name_that_is_missing_is_found() {
    let page = "| axios | here |\n|---|---|\n| `a.b(c)`, `d: { e }` | `f` |\nsee `g`\n";
    assert_eq!(
        first_column(page).into_iter().collect::<Vec<_>>(),
        ["a", "b", "d", "e"]
    );
    let code = "#[doc(alias = \"a\")]\n#[doc(alias(\"e\", \"f\"))]\npub fn b() {}\n// pub fn c() {}\npub(crate) fn d() {}\n\
        pub request: Registry,\nget => GET, \"GET\";\n";
    assert_eq!(public_names(code), ["a", "e", "f", "b", "request", "get"]);
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

/// Returns the modules of each row of the page's table.
fn rows_of_page(page: &str) -> Vec<BTreeSet<String>> {
    let lines = page.lines();
    let table = lines
        .skip_while(|line| *line != "| row | modules |")
        .skip(2);
    let rows = table.take_while(|line| line.starts_with("| "));
    let modules = |row: &str| {
        let code = row.split('`').skip(1).step_by(2);
        code.map(|module| module.replace("::", "/")).collect()
    };
    rows.map(modules).collect()
}

/// Returns the modules of each row of `ROWS` in the test of imports.
fn rows_of_test(source: &str) -> Vec<BTreeSet<String>> {
    let table = source.split("const ROWS: ").nth(1).unwrap_or("");
    let table = table.split("\n];").next().unwrap_or("");
    let lines = table.lines().skip(1);
    let code: String = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let row = |text: &str| {
        let names = text.split('"').skip(1).step_by(2);
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let rows = code.split("],").map(row);
    rows.filter(|row| !row.is_empty()).collect()
}

/// Says whether a file is compiled into the core, or into an adapter.
fn is_code(file: &str) -> bool {
    let roots = ["src/", "adapters/reqwest/src/", "adapters/ureq/src/"];
    file.ends_with(".rs") && roots.iter().any(|root| file.starts_with(root))
}

/// Returns the words in backticks of the first column of a page's tables, as
/// far as the first parenthesis of each.
fn first_column(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let code = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    code.filter_map(|it| it.split('(').next())
        .flat_map(|it| it.split(|it: char| !it.is_ascii_alphanumeric() && !"_-".contains(it)))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns the names that code gives to the public, aliases among them.
fn public_names(code: &str) -> Vec<String> {
    let lines = code.lines().map(str::trim_start);
    let word = |text: &str| {
        let end = text.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let item = |line: &str| {
        if line.contains(" => ") && line.ends_with("\";") {
            return Some(word(line)); // the verbs, which a macro writes
        }
        let item = line.strip_prefix("pub ")?;
        let kinds = ["fn ", "async fn ", "struct ", "enum ", "trait ", "type "];
        let named = kinds.iter().find_map(|kind| item.strip_prefix(kind));
        let field = || item.split_once(": ").map(|_| item);
        named.or_else(field).map(word)
    };
    let names = lines.flat_map(|line| {
        if line.starts_with("#[doc(alias") {
            let aliases = line.split('"').skip(1).step_by(2);
            return aliases.map(str::to_owned).collect();
        }
        Vec::from_iter(item(line))
    });
    names.filter(|name| !name.is_empty()).collect()
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
