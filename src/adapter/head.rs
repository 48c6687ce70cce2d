//! [`check_head`]: how large the head of an answer may be.

use http::HeaderMap;

use super::{AdapterError, failure::MAX_HEADERS};

/// Refuses an answer of more than 100 headers, or of more than `limit` bytes
/// in their names and values, for adapters with a limit of their own.
///
/// # Errors
///
/// [`AdapterError::head_too_large`].
///
/// ```
/// use http::HeaderMap;
/// use tollgate::adapter::check_head;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("server", "four".parse().unwrap());
/// assert!(check_head(&headers, 10).is_ok());
/// assert!(check_head(&headers, 9).is_err());
/// ```
pub fn check_head(headers: &HeaderMap, limit: usize) -> Result<(), AdapterError> {
    let length: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if length > limit || headers.len() > MAX_HEADERS {
        return Err(AdapterError::head_too_large(limit));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_one_name_count_each() {
        let mut headers = HeaderMap::new();
        for _ in 0..MAX_HEADERS {
            headers.append("a", "b".parse().unwrap());
        }
        assert!(check_head(&headers, 2 * MAX_HEADERS).is_ok());
        assert!(check_head(&headers, 2 * MAX_HEADERS - 1).is_err());
        headers.append("a", "b".parse().unwrap());
        assert!(check_head(&headers, usize::MAX).is_err());
    }
}
