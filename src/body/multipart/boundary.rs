//! The line between parts, which nobody can foresee.

use std::{collections::hash_map::RandomState, hash::BuildHasher};

/// Draws 128 bits, in hexadecimal.
///
/// Who can foresee the boundary can put one into a value, and so forge parts
/// (CVE-2025-7783 in axios's form library).
///
/// They come from SipHash, keyed by `RandomState`: the standard library draws
/// its 128-bit key from the system's secure generator, once for each thread,
/// and changes it for each state. Boundaries seen by a server do not tell the
/// key. `getrandom` would say so in its name, but brings three crates.
pub(super) fn random() -> String {
    let key = RandomState::new();
    format!("{:016x}{:016x}", key.hash_one(0_u8), key.hash_one(1_u8))
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn boundaries_are_hexadecimal_and_differ() {
        let here = (0..500).map(|_| random());
        let there = thread::spawn(|| (0..500).map(|_| random()).collect::<Vec<_>>());
        let all: HashSet<String> = here.chain(there.join().unwrap()).collect();
        assert_eq!(all.len(), 1000);
        for boundary in &all {
            assert_eq!(boundary.len(), 32);
            assert!(boundary.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn each_bit_is_set_about_half_of_the_time() {
        let mut counts = [0_u32; 128];
        for _ in 0..2000 {
            let bits = u128::from_str_radix(&random(), 16).unwrap();
            for (index, count) in counts.iter_mut().enumerate() {
                *count += u32::from(bits >> index & 1 == 1);
            }
        }
        // Ten standard deviations to either side.
        assert!(
            counts.iter().all(|count| (775..1225).contains(count)),
            "{counts:?}"
        );
    }
}
