//! Parameters as pairs of text that nobody has encoded.

use super::{Parameters, QueryFormat, write::Sink};
use crate::error::Result;

/// Pairs as they are.
#[derive(Default)]
struct Pairs(Vec<(String, String)>);

impl Sink for Pairs {
    fn key(&mut self, key: &str) {
        self.0.push((key.to_owned(), String::new()));
    }

    fn value(&mut self, value: &str, _: bool) {
        if let Some((_, last)) = self.0.last_mut() {
            last.push_str(value);
        }
    }

    fn comma(&mut self) {
        self.value(",", false);
    }
}

impl Parameters {
    /// Returns all pairs, in order, not encoded.
    pub(crate) fn pairs(&self, format: &QueryFormat) -> Result<Vec<(String, String)>> {
        let mut pairs = Pairs::default();
        self.visit(format, &mut pairs)?;
        Ok(pairs.0)
    }
}
