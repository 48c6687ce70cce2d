//! What the manifests say about the published packages.
//!
//! It reads the few lines that the gates need; it is no TOML parser. The
//! manifests of this workspace keep to what it reads: a section per line, a
//! feature per key, arrays of strings.

use crate::session::Session;

/// A package that goes to the registry.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder, empty for the root, else with a slash at the end.
    pub(crate) folder: String,
    features: Vec<Feature>,
    /// Features that its own tests switch on by a dependency on itself.
    tested: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Feature {
    name: String,
    implies: Vec<String>,
}

/// Reads the packages that are published: the root and its adapters.
pub(crate) fn published(session: &Session) -> Result<Vec<Package>, String> {
    let mut folders = vec![String::new()];
    let adapters = session.path("adapters");
    let entries =
        std::fs::read_dir(&adapters).map_err(|error| format!("cannot list `adapters`: {error}"))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("cannot list `adapters`: {error}"))?;
        if entry.path().join("Cargo.toml").is_file() {
            folders.push(format!("adapters/{}/", entry.file_name().to_string_lossy()));
        }
    }
    folders.sort();
    let mut packages = Vec::new();
    for folder in folders {
        let text = session.read(&format!("{folder}Cargo.toml"))?;
        if !lines_of(&text, "package").any(|line| line.replace(' ', "") == "publish=false") {
            packages.push(parse(&folder, &text)?);
        }
    }
    Ok(packages)
}

impl Package {
    /// Returns the names of its features, without `default`.
    pub(crate) fn features(&self) -> impl Iterator<Item = &str> {
        self.features
            .iter()
            .map(|feature| feature.name.as_str())
            .filter(|name| *name != "default")
    }

    /// Says whether it has features that are on unless switched off.
    pub(crate) fn has_default_features(&self) -> bool {
        self.features
            .iter()
            .any(|feature| feature.name == "default" && !feature.implies.is_empty())
    }

    /// Returns the features that plain `cargo test` does not switch on.
    pub(crate) fn features_not_tested_by_default(&self) -> Vec<&str> {
        let mut on = vec!["default"];
        on.extend(self.tested.iter().map(String::as_str));
        let mut index = 0;
        while let Some(name) = on.get(index).copied() {
            let feature = self.features.iter().find(|feature| feature.name == name);
            for implied in feature.iter().flat_map(|feature| &feature.implies) {
                if !on.contains(&implied.as_str()) {
                    on.push(implied);
                }
            }
            index += 1;
        }
        self.features().filter(|name| !on.contains(name)).collect()
    }
}

fn parse(folder: &str, text: &str) -> Result<Package, String> {
    let name = lines_of(text, "package")
        .find_map(|line| line.strip_prefix("name = "))
        .map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| format!("`{folder}Cargo.toml` names no package"))?;
    let tested = lines_of(text, "dev-dependencies")
        .filter(|line| {
            line.strip_prefix(name.as_str())
                .is_some_and(|it| it.starts_with(" ="))
        })
        .flat_map(|line| strings(line.split_once("features").map_or("", |(_, list)| list)))
        .collect();
    Ok(Package {
        features: features(text),
        tested,
        folder: folder.to_owned(),
        name,
    })
}

/// Returns the lines of one section, comments and empty lines left out.
pub(crate) fn lines_of<'a>(text: &'a str, section: &'a str) -> impl Iterator<Item = &'a str> {
    let mut inside = false;
    text.lines().map(str::trim).filter(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            // An array's last line may be a lone bracket, never `[name]`.
            inside = name == section;
            return false;
        }
        inside && !line.is_empty() && !line.starts_with('#')
    })
}

fn features(text: &str) -> Vec<Feature> {
    let mut features: Vec<Feature> = Vec::new();
    for line in lines_of(text, "features") {
        let list = match line.split_once(" = ") {
            Some((name, list)) => {
                features.push(Feature {
                    name: name.to_owned(),
                    implies: Vec::new(),
                });
                list
            }
            None => line,
        };
        if let Some(feature) = features.last_mut() {
            feature.implies.extend(strings(list));
        }
    }
    features
}

/// Returns the quoted words of a list.
fn strings(list: &str) -> impl Iterator<Item = String> {
    list.split('"').skip(1).step_by(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
[package]
name = "thing"

[features]
# on unless switched off
default = ["fast"]
fast = [
    "dep:quick",
    "small",
]
small = []
odd = []
own = []

[dev-dependencies]
thing-else = { features = ["odd"] }
thing = { path = ".", features = ["own"] }
"#;

    #[test]
    fn features_are_read_with_what_they_imply() {
        let package = parse("", MANIFEST).unwrap();
        assert_eq!(package.name, "thing");
        assert_eq!(
            package.features().collect::<Vec<_>>(),
            ["fast", "small", "odd", "own"]
        );
        assert!(package.has_default_features());
    }

    #[test]
    fn a_feature_that_no_plain_test_switches_on_is_found() {
        let package = parse("", MANIFEST).unwrap();
        assert_eq!(package.features_not_tested_by_default(), ["odd"]);
    }

    #[test]
    fn the_published_packages_of_this_workspace_are_read() {
        let packages = published(&Session::new().unwrap()).unwrap();
        let names: Vec<&str> = packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(names.first(), Some(&"tollgate"));
        assert!(names.contains(&"tollgate-ureq") && names.contains(&"tollgate-reqwest"));
        assert!(packages[0].features().any(|name| name == "conformance"));
    }
}
