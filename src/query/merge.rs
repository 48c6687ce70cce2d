//! A call's parameters over the client's, by the rules of axios's `mergeParams`.

use super::{Parameters, tree::Node};

impl Parameters {
    /// Merges by key, in the order of the defaults: a map into a map, anything
    /// else in the place of what was there, `null` too.
    pub(crate) fn over(&self, defaults: &Self) -> Self {
        Self(merge(&defaults.0, &self.0))
    }
}

fn merge(defaults: &[(String, Node)], own: &[(String, Node)]) -> Vec<(String, Node)> {
    let has = |entries: &[(String, Node)], key: &str| entries.iter().any(|(it, _)| it == key);
    let mut merged: Vec<(String, Node)> = Vec::with_capacity(defaults.len() + own.len());
    for (key, default) in defaults {
        if !has(own, key) {
            merged.push((key.clone(), default.clone()));
        } else if !has(&merged, key) {
            // A list of pairs may have the key several times.
            let values = own.iter().filter(|(it, _)| it == key);
            merged.extend(values.map(|(_, value)| (key.clone(), node(default, value))));
        }
    }
    let new = own.iter().filter(|(key, _)| !has(defaults, key));
    merged.extend(new.cloned());
    merged
}

fn node(default: &Node, own: &Node) -> Node {
    match (default, own) {
        (Node::Map(default), Node::Map(own)) => Node::Map(merge(default, own)),
        (_, own) => own.clone(),
    }
}
