//! The query of a call.

use serde::Serialize;

use super::Call;
use crate::client::query;

impl<E> Call<E> {
    /// Adds query parameters (axios: `params`): a map, a struct or a list of
    /// pairs. Arrays repeat their key, `None` is left out.
    #[doc(alias = "params")]
    pub fn query(mut self, parameters: &(impl Serialize + ?Sized)) -> Self {
        match query::encode(parameters) {
            Ok(text) => {
                let query = &mut self.draft.query;
                if !query.is_empty() && !text.is_empty() {
                    query.push('&');
                }
                query.push_str(&text);
            }
            Err(error) => self.fail(error),
        }
        self
    }
}
