//! [`SealKey`]: tokens that Redis keeps and cannot read.
//!
//! XChaCha20-Poly1305 with a random nonce for each write. What is sealed is
//! bound to the name of its key in Redis and to this form: it opens nowhere
//! else.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use tollgate::{Result, auth::Secret};
use zeroize::Zeroizing;

use crate::{answer, error};

/// What a sealed text begins with; one that is not sealed begins with a brace.
const MARK: &[u8] = b"sealed1:";
const NONCE: usize = 24;

/// A key of 256 bits that tokens are sealed with before Redis gets them.
///
/// It is wiped when it is dropped, and never printed. Take it from where the
/// service keeps its other keys; whoever has it, and what Redis holds, has the
/// tokens.
///
/// ```
/// use tollgate_redis::{RedisStore, SealKey};
///
/// let key = SealKey::new([7; 32]);
/// assert_eq!(format!("{key:?}"), "SealKey([REDACTED])");
///
/// let store = RedisStore::builder("tokens:alice")
///     .url("redis://127.0.0.1/")
///     .sealed_with(key)
///     .build()?;
/// # drop(store);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone)]
pub struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

impl From<[u8; 32]> for SealKey {
    fn from(key: [u8; 32]) -> Self {
        Self::new(key)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey([REDACTED])")
    }
}

/// The keys of a store: the first one seals, all open; none leaves texts open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seals(pub(crate) Vec<SealKey>);

impl Seals {
    /// Seals a text for the key `name`, if there is a key to seal with.
    pub(crate) fn seal(&self, name: &str, text: &str) -> Result<Vec<u8>> {
        let Some(key) = self.0.first() else {
            return Ok(text.as_bytes().to_vec());
        };
        let nonce = XNonce::try_generate().map_err(|_| error::no_randomness())?;
        let aad = bound_to(name);
        let payload = Payload {
            msg: text.as_bytes(),
            aad: &aad,
        };
        let sealed = key.cipher().encrypt(&nonce, payload);
        let sealed = sealed.map_err(|_| error::unsealable(name))?;
        Ok([MARK, &nonce, &sealed].concat())
    }

    /// Opens what was sealed for the key `name`.
    pub(crate) fn open(&self, name: &str, text: Vec<u8>) -> Result<Secret> {
        let text = Zeroizing::new(text);
        let plain = match (text.strip_prefix(MARK), self.0.is_empty()) {
            (None, true) => text.to_vec(),
            (None, false) => return Err(error::not_sealed(name)),
            (Some(_), true) => return Err(error::sealed(name)),
            (Some(sealed), false) => self.unseal(name, sealed)?,
        };
        let plain = answer::text(plain);
        let plain = plain.ok_or_else(|| error::corrupt(name, "it is not UTF-8"))?;
        Ok(Secret::new(plain))
    }

    fn unseal(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE>() else {
            return Err(error::corrupt(name, "its seal is cut off"));
        };
        let aad = bound_to(name);
        let open = |key: &SealKey| {
            let payload = Payload {
                msg: sealed,
                aad: &aad,
            };
            key.cipher().decrypt(&XNonce::from(*nonce), payload).ok()
        };
        let plain = self.0.iter().find_map(open);
        plain.ok_or_else(|| error::does_not_open(name, self.0.len()))
    }
}

fn bound_to(name: &str) -> Vec<u8> {
    [b"tollgate-redis\0", MARK, name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use tollgate::ErrorKind;

    use super::*;

    const TEXT: &str = "{\"access\":\"CANARY\"}";

    fn seals(keys: &[u8]) -> Seals {
        Seals(keys.iter().map(|key| SealKey::new([*key; 32])).collect())
    }

    fn refused(seals: &Seals, name: &str, text: &[u8]) -> ErrorKind {
        let error = seals.open(name, text.to_vec()).unwrap_err();
        let shown = format!("{error} {error:?} {}", error.to_json());
        assert!(!shown.contains("CANARY"), "{shown}");
        assert!(error.hint().is_some(), "{shown}");
        error.kind()
    }

    #[test]
    fn what_is_sealed_is_opened_and_holds_nothing_of_the_text() {
        let sealed = seals(&[1]).seal("k", TEXT).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"CANARY"));
        assert_eq!(seals(&[1]).open("k", sealed).unwrap().expose(), TEXT);
    }

    #[test]
    fn each_seal_is_another() {
        let seals = seals(&[1]);
        assert_ne!(
            seals.seal("k", TEXT).unwrap(),
            seals.seal("k", TEXT).unwrap()
        );
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = seals(&[1]).seal("k", TEXT).unwrap();
        let rotated = seals(&[2, 1]);
        assert_eq!(rotated.open("k", old).unwrap().expose(), TEXT);
        let new = rotated.seal("k", TEXT).unwrap();
        assert_eq!(seals(&[2]).open("k", new.clone()).unwrap().expose(), TEXT);
        assert_eq!(refused(&seals(&[1]), "k", &new), ErrorKind::Decode);
    }

    #[test]
    fn a_seal_opens_with_its_key_name_and_bytes_only() {
        let sealed = seals(&[1]).seal("k", TEXT).unwrap();
        assert_eq!(refused(&seals(&[2]), "k", &sealed), ErrorKind::Decode);
        assert_eq!(refused(&seals(&[1]), "other", &sealed), ErrorKind::Decode);
        for at in MARK.len()..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert_eq!(refused(&seals(&[1]), "k", &bent), ErrorKind::Decode);
            assert_eq!(refused(&seals(&[1]), "k", &sealed[..at]), ErrorKind::Decode);
        }
    }

    #[test]
    fn sealed_and_open_texts_are_not_taken_for_each_other() {
        let sealed = seals(&[1]).seal("k", TEXT).unwrap();
        assert_eq!(refused(&seals(&[]), "k", &sealed), ErrorKind::Decode);
        assert_eq!(
            refused(&seals(&[1]), "k", TEXT.as_bytes()),
            ErrorKind::Decode
        );
        let open = seals(&[]).seal("k", TEXT).unwrap();
        assert_eq!(seals(&[]).open("k", open).unwrap().expose(), TEXT);
    }
}
