//! How an [`Error`] is printed: redacted, the cause left to `source()`.

use std::{error::Error as StdError, fmt};

use serde_json::{Map, Value, json};

use super::Error;
use crate::uri::redacted;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(head) = &inner.head {
            write!(f, "{} {}: ", head.method(), redacted(head.uri()))?;
        }
        if let Some(interceptor) = &inner.interceptor {
            write!(f, "interceptor `{}`: ", interceptor.name())?;
        }
        f.write_str(&inner.message)?;
        if self.attempts() > 1 {
            write!(f, " after {} attempts", self.attempts())?;
        }
        for note in &inner.notes {
            write!(f, "; {note}")?;
        }
        if let Some(hint) = &inner.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("code", &self.code())
            .field("text", &format_args!("{self}"))
            .field("status", &self.status())
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl Error {
    /// Returns the error as JSON text, redacted (axios: `toJSON`).
    ///
    /// Fields: `name`, `message`, `code`, `status`, `method`, `url`,
    /// `attempts`, `interceptor`, `interceptorId`, `cause` (the chain of
    /// sources); a field that does not apply is `null`. Headers and bodies are
    /// left out.
    #[must_use]
    #[doc(alias = "toJSON")]
    pub fn to_json(&self) -> String {
        let mut causes = Vec::new();
        let mut next = self.source();
        while let Some(cause) = next {
            causes.push(Value::from(cause.to_string()));
            next = cause.source();
        }
        let head = self.0.head.as_ref();
        let mut object = Map::new();
        object.insert("name".to_owned(), json!("TollgateError"));
        object.insert("message".to_owned(), json!(self.to_string()));
        object.insert("code".to_owned(), json!(self.code().as_str()));
        object.insert(
            "status".to_owned(),
            json!(self.status().map(|status| status.as_u16())),
        );
        object.insert(
            "method".to_owned(),
            json!(head.map(|head| head.method().as_str())),
        );
        object.insert(
            "url".to_owned(),
            json!(head.map(|head| redacted(head.uri()).to_string())),
        );
        object.insert("attempts".to_owned(), json!(self.attempts()));
        object.insert("interceptor".to_owned(), json!(self.interceptor()));
        let id = self.interceptor_id().map(|id| id.to_string());
        object.insert("interceptorId".to_owned(), json!(id));
        object.insert("cause".to_owned(), Value::Array(causes));
        Value::Object(object).to_string()
    }
}
