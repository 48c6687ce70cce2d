//! Imports point down the rows.
//!
//! A module uses only rows before its own; nouns alone know one another, on
//! purpose: an `Error` holds a `Response`, which answers with an `Error`.

#![expect(
    clippy::unwrap_used,
    reason = "a test file: what cannot be read fails the test"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The rows, lowest first; a file of a folder may have a row of its own.
const ROWS: &[&[&str]] = &[
    &["runtime", "cancel", "headers", "uri"],
    &[
        "error",
        "body",
        "config",
        "context",
        "progress",
        "query",
        "request",
        "response",
        "interceptor/ids",
        "interceptor/outcome",
    ],
    &["adapter", "interceptor"],
    &["pipeline", "auth"],
    &["client"],
    &["blocking"],
    // It judges adapters through the clients.
    &["adapter/conformance"],
    // Its servers run on the adapters' fault server.
    &["auth/conformance"],
];

/// The row whose modules may use one another.
const NOUNS: usize = 1;

/// Uses the crate as a user does, and so may use all that its root exports.
const LIKE_A_USER: &str = "auth";

/// File, what it may use though that is not below, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "uri/origin.rs",
    "error",
    "an origin is public and is parsed from text: what fails there is the user's `Error`",
)];

/// Public names of `lib.rs` and of each folder, and where they are defined.
type Exports = BTreeMap<String, Vec<String>>;

#[test]
fn imports_point_down() {
    let tree = read_tree();
    let exports = exports(&tree);
    let mut used = BTreeSet::new();
    let mut faults = Vec::new();
    for (file, source) in tree.iter().filter(|(file, _)| *file != "lib.rs") {
        faults.extend(faults_of(file, source, &exports, &mut used));
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));

    for exception in EXCEPTIONS {
        assert!(
            used.contains(&(exception.0, exception.1)),
            "nothing needs the exception for `{}` any more",
            exception.0
        );
    }
}

#[test]
fn a_planted_fault_is_found() {
    let exports = exports(&read_tree());
    let fault = |file, source| {
        let faults = faults_of(file, source, &exports, &mut BTreeSet::new());
        faults.first().cloned().unwrap_or_default()
    };

    let up = "use std::fmt;\nuse crate::{body::Body, pipeline::run};\n";
    assert!(fault("error/mod.rs", up).contains("uses `pipeline`"));
    assert!(fault("cancel.rs", "fn f() -> crate::Body { x }").contains("uses `body`"));
    assert!(fault("pipeline/mod.rs", "use super::client::Call;").contains("uses `client`"));
    assert!(fault("auth/attach.rs", "use crate::pipeline::Chain;").contains("uses `pipeline`"));
    assert!(fault("adapter/mock.rs", "use crate::interceptor::Chain;").contains("`interceptor`"));
    assert!(fault("auth/store/file.rs", "use super::super::Token;").contains("`super::super`"));
    assert!(fault("gadget.rs", "").contains("in no row"));
    assert!(fault("error/mod.rs", "use crate::gadget::G;").contains("uses `gadget::G`"));
    assert!(fault("pipeline/log.rs", "use crate::Client;").contains("uses `client`"));

    let raw = r##"const X: &str = r#"crate::client::"#;"##;
    let test = "#[cfg(test)]\nmod tests { use crate::client::Client; fn f() {} }\n";
    assert_eq!(fault("auth/attach.rs", "use crate::{Client, Error};"), "");
    for fine in [
        raw,
        test,
        "use crate::interceptor::Replay;",
        "// crate::client::Client",
    ] {
        assert_eq!(fault("error/mod.rs", fine), "");
    }
    let both = format!("{test}use crate::client::Call;");
    assert_ne!(fault("error/mod.rs", &both), "");
}

/// Says what a file uses and may not.
fn faults_of(
    file: &str,
    source: &str,
    exports: &Exports,
    used: &mut BTreeSet<(&'static str, &'static str)>,
) -> Vec<String> {
    let path = module_path(file);
    let Some((own, own_row)) = row_of(&path) else {
        return vec![format!("src/{file} is in no row of `tests/layers.rs`")];
    };
    let code = without_tests(&without_comments(source));
    let mut faults = Vec::new();
    if code.contains("super::super") {
        faults.push(format!("src/{file} uses `super::super`; write `crate::`"));
    }
    for import in imports(&code, path.len() == 1) {
        let first = import.first().map_or("", String::as_str);
        if own == LIKE_A_USER && exports.contains_key(first) {
            continue;
        }
        let Some((module, row)) = row_of(&resolved(&import, exports)) else {
            faults.push(format!(
                "src/{file} uses `{}`, which is in no row of `tests/layers.rs`",
                import.join("::")
            ));
            continue;
        };
        if module == own || row < own_row || (row == NOUNS && own_row == NOUNS) {
            continue;
        }
        match EXCEPTIONS.iter().find(|it| it.0 == file && it.1 == module) {
            Some(exception) => {
                used.insert((exception.0, exception.1));
            }
            None => faults.push(format!(
                "src/{file} (row {own_row}) uses `{module}` (row {row}) by `{}`",
                import.join("::")
            )),
        }
    }
    faults
}

/// Returns the module of the table that a path leads into, and its row.
fn row_of(path: &[String]) -> Option<(&'static str, usize)> {
    let long = path.iter().take(2).cloned().collect::<Vec<_>>().join("/");
    let short = path.first()?;
    let rows = ROWS.iter().enumerate();
    let mut all = rows.flat_map(|(row, modules)| modules.iter().map(move |it| (*it, row)));
    let exact = all.clone().find(|(module, _)| *module == long);
    exact.or_else(|| all.find(|(module, _)| module == short))
}

/// Follows a path through the re-exports of the root and of the folders.
fn resolved(path: &[String], exports: &Exports) -> Vec<String> {
    let mut path = path.to_vec();
    for _ in 0..4 {
        let known = (1..=path.len().min(2)).rev().find_map(|length| {
            let (name, rest) = path.split_at(length);
            exports.get(&name.join("::")).map(|target| (target, rest))
        });
        match known {
            Some((target, rest)) => path = target.iter().chain(rest).cloned().collect(),
            None => break,
        }
    }
    path
}

/// Returns what `lib.rs` and each folder's `mod.rs` re-export.
fn exports(tree: &BTreeMap<String, String>) -> Exports {
    let mut exports = Exports::new();
    for (file, source) in tree {
        let Some(folder) = file
            .strip_suffix("mod.rs")
            .or((file == "lib.rs").then_some(""))
        else {
            continue;
        };
        let folder: Vec<String> = module_path(folder);
        let code = without_tests(&without_comments(source));
        for (name, path) in code.split(';').flat_map(exported) {
            let public: Vec<String> = folder.iter().cloned().chain([name]).collect();
            let target: Vec<String> = folder.iter().chain(&path).cloned().collect();
            if public != target && path.first().is_some_and(|it| it != "crate") {
                exports.insert(public.join("::"), target);
            }
        }
    }
    exports
}

/// Returns the names that a statement exports, and where they come from.
fn exported(statement: &str) -> Vec<(String, Vec<String>)> {
    if let Some((before, tree)) = statement.split_once("use ") {
        let before = before.trim_end();
        if before.ends_with("pub") || before.ends_with("pub(crate)") {
            let all = paths(tree.trim_start_matches("self::")).0;
            return all
                .into_iter()
                .filter_map(|path| Some((path.last()?.clone(), path)))
                .collect();
        }
    } else if let Some((name, path)) = statement
        .split_once("pub type ")
        .and_then(|(_, alias)| alias.split_once(" = "))
    {
        let name = name.split('<').next().unwrap_or(name).to_owned();
        let target = paths(path).0.into_iter().next();
        return target.map(|path| (name, path)).into_iter().collect();
    }
    Vec::new()
}

/// Returns the paths below `crate::`, and below `super::` if that is the root.
fn imports(code: &str, super_is_root: bool) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for (start, certain) in [("crate::", true), ("super::", false)] {
        if !certain && !super_is_root {
            continue;
        }
        for (index, _) in code.match_indices(start) {
            let before = code[..index].chars().next_back();
            if before.is_some_and(|it| it.is_alphanumeric() || it == '_') {
                continue;
            }
            let below = paths(&code[index + start.len()..]).0;
            // In an inline module, `super` is the file itself: what is no
            // module of the table is an item of the file.
            found.extend(
                below
                    .into_iter()
                    .filter(|it| certain || row_of(it).is_some()),
            );
        }
    }
    found
}

/// Reads a use tree and returns its paths, and the text behind it.
fn paths(text: &str) -> (Vec<Vec<String>>, &str) {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        let mut all = Vec::new();
        loop {
            rest = rest.trim_start_matches(|it: char| it.is_whitespace() || it == ',');
            if let Some(behind) = rest.strip_prefix('}') {
                return (all, behind);
            }
            let (some, behind) = paths(rest);
            if behind.len() == rest.len() {
                return (all, behind);
            }
            all.extend(some);
            rest = behind;
        }
    }
    let end = text
        .find(|it: char| !it.is_alphanumeric() && it != '_' && it != '*')
        .unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if name.is_empty() {
        return (Vec::new(), text);
    }
    let mut below = vec![Vec::new()];
    if let Some(behind) = rest.strip_prefix("::") {
        (below, rest) = paths(behind);
    } else if let Some(behind) = rest.trim_start().strip_prefix("as ") {
        let name = behind.trim_start();
        rest = name.trim_start_matches(|it: char| it.is_alphanumeric() || it == '_');
    }
    let with_name = |mut path: Vec<String>| {
        path.insert(0, name.to_owned());
        path
    };
    (below.into_iter().map(with_name).collect(), rest)
}

/// Returns the names of the modules that lead to a file or folder of `src`.
fn module_path(file: &str) -> Vec<String> {
    file.trim_end_matches("mod.rs")
        .trim_end_matches(".rs")
        .split('/')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Blanks out comments and the insides of strings.
fn without_comments(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r\"") || rest.starts_with("r#") {
            raw_string(rest)
        } else if first == '"' {
            string(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else if rest.starts_with("'\\") {
            4
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[length..];
    }
    code
}

/// Returns the length of the string at the start.
fn string(text: &str) -> usize {
    let mut escaped = true;
    let end = text.find(|it| {
        let ends = it == '"' && !escaped;
        escaped = it == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |index| index + 1)
}

/// Returns the length of the raw string at the start, or of its first letter
/// if it is a raw identifier.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|it| *it == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 1;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = hashes + 2;
    text[start..]
        .find(&end)
        .map_or(text.len(), |index| start + index + end.len())
}

/// Cuts out what is compiled for tests only.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(index) = rest.find("#[cfg(test)]") {
        let (before, test) = rest.split_at(index);
        kept.push_str(before);
        rest = &test[item_length(test)..];
    }
    kept.push_str(rest);
    kept
}

/// Returns the length of the item at the start, attributes included.
fn item_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let end = text.find(|it| {
        match it {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (it == ';' || it == '}')
    });
    end.map_or(text.len(), |index| index + 1)
}

/// Reads `src`, without the files that are compiled for tests only.
fn read_tree() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut tree = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if file.ends_with(".rs") && !file.ends_with("/tests.rs") {
                let source = fs::read_to_string(&path).unwrap();
                tree.insert(file.replace('\\', "/"), source);
            }
        }
    }
    assert!(tree.len() > 20, "only {} files were found", tree.len());
    tree
}
