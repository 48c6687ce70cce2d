//! The dependency trees stay small, and the core's holds no client, no
//! runtime and no TLS.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test file: without cargo there is nothing to count, and the counts are worth reading"
)]

use std::{collections::BTreeSet, process::Command};

/// Crates that must not be in the core's default tree.
const NOT_IN_THE_CORE: &[&str] = &[
    "aws-lc-rs",
    "boring",
    "hyper",
    "native-tls",
    "openssl",
    "openssl-sys",
    "reqwest",
    "ring",
    "rustls",
    "schannel",
    "security-framework",
    "tokio",
    "ureq",
    "url",
];

/// Returns the crates that a package pulls in with its default features, its
/// own name included.
///
/// For one platform, so that the count is the same wherever the test runs.
fn tree(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--package", package])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let crates: BTreeSet<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    assert!(
        crates.iter().any(|it| it.starts_with("http v")),
        "this is not the tree of a package of ours: {crates:?}"
    );
    crates
}

fn names(crates: &BTreeSet<String>) -> BTreeSet<&str> {
    crates
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect()
}

fn assert_at_most(limit: usize, package: &str) {
    let crates = tree(package);
    println!("{package}: {} crates, at most {limit}", crates.len());
    assert!(
        crates.len() <= limit,
        "{package} pulls in {} crates and may pull in {limit}: {crates:#?}",
        crates.len()
    );
}

#[test]
fn the_core_pulls_in_at_most_32_crates() {
    assert_at_most(32, "tollgate");
}

#[test]
fn the_core_with_ureq_pulls_in_at_most_55_crates() {
    assert_at_most(55, "tollgate-ureq");
}

#[test]
fn the_core_with_reqwest_pulls_in_at_most_115_crates() {
    assert_at_most(115, "tollgate-reqwest");
}

#[test]
fn the_core_with_redis_pulls_in_at_most_100_crates() {
    assert_at_most(100, "tollgate-redis");
}

#[test]
fn the_core_has_no_client_no_runtime_and_no_tls() {
    let crates = tree("tollgate");
    let found: Vec<&&str> = NOT_IN_THE_CORE
        .iter()
        .filter(|name| names(&crates).contains(**name))
        .collect();
    assert!(found.is_empty(), "the core pulls in {found:?}");
}

#[test]
fn a_client_is_seen_where_there_is_one() {
    let crates = tree("tollgate-reqwest");
    for name in ["reqwest", "hyper", "tokio", "rustls"] {
        assert!(names(&crates).contains(name), "{name} is not in {crates:?}");
    }
}
