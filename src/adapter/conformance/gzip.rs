//! Makes gzip without a compressor: stored blocks, and runs of zeros.

/// Puts `data` into a gzip member, uncompressed.
///
/// ```
/// use tollgate::adapter::conformance::gzip;
///
/// assert_eq!(gzip(b"hello").len(), "hello".len() + 23);
/// ```
#[must_use]
pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut blocks = data.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        // `chunks` keeps the length within 16 bits.
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let mut crc = Crc::new();
    crc.update(data);
    out.extend(crc.finish().to_le_bytes());
    // The format counts modulo 2^32.
    out.extend(data.len().to_le_bytes().iter().take(4));
    out
}

/// Makes a gzip member that decodes to `length` zeros: a bomb, about 160 times
/// smaller than what comes out of it.
///
/// ```
/// use tollgate::adapter::conformance::gzip_zeros;
///
/// assert!(gzip_zeros(8 << 20).len() < 64 << 10);
/// ```
#[must_use]
pub fn gzip_zeros(length: usize) -> Vec<u8> {
    let mut bits = Bits {
        out: HEADER.to_vec(),
        pending: 0,
        count: 0,
    };
    // The last block, with the fixed code of RFC 1951 §3.2.6.
    bits.put(0b011, 3);
    if let Some(rest) = length.checked_sub(1) {
        bits.put(ZERO, 8);
        for _ in 0..rest / RUN {
            bits.put(RUN_CODE, 8);
            bits.put(DISTANCE_ONE, 5);
        }
        for _ in 0..rest % RUN {
            bits.put(ZERO, 8);
        }
    }
    bits.put(END_OF_BLOCK, 7);
    let mut out = bits.finish();
    let mut crc = Crc::new();
    let zeros = [0; 4096];
    let mut left = length;
    while let Some(part) = zeros
        .get(..left.min(zeros.len()))
        .filter(|it| !it.is_empty())
    {
        crc.update(part);
        left -= part.len();
    }
    out.extend(crc.finish().to_le_bytes());
    out.extend(length.to_le_bytes().iter().take(4));
    out
}

/// Magic, deflate, no flags, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The longest run that one match makes.
const RUN: usize = 258;

// Huffman codes are packed from their highest bit, so they stand here reversed.

/// The literal 0: `00110000`.
const ZERO: u32 = 0b0000_1100;
/// The length 258, symbol 285: `11000101`.
const RUN_CODE: u32 = 0b1010_0011;
/// The distance 1: `00000`.
const DISTANCE_ONE: u32 = 0;
/// Symbol 256: `0000000`.
const END_OF_BLOCK: u32 = 0;

/// Packs bits, lowest first.
struct Bits {
    out: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, bits: u32, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.flush_byte();
        }
    }

    fn flush_byte(&mut self) {
        let [byte, ..] = self.pending.to_le_bytes();
        self.out.push(byte);
        self.pending >>= 8;
        self.count = self.count.saturating_sub(8);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.flush_byte();
        }
        self.out
    }
}

/// CRC-32 of RFC 1952.
struct Crc(u32);

impl Crc {
    fn new() -> Self {
        Self(u32::MAX)
    }

    fn update(&mut self, data: &[u8]) {
        for &byte in data {
            let [low, ..] = self.0.to_le_bytes();
            let entry = TABLE.get(usize::from(low ^ byte)).copied();
            self.0 = entry.unwrap_or_default() ^ (self.0 >> 8);
        }
    }

    fn finish(self) -> u32 {
        !self.0
    }
}

static TABLE: [u32; 256] = table();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where an index out of bounds is an error"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut entry = index as u32;
        let mut bit = 0;
        while bit < 8 {
            entry = if entry & 1 == 1 {
                0xedb8_8320 ^ (entry >> 1)
            } else {
                entry >> 1
            };
            bit += 1;
        }
        table[index] = entry;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        let mut crc = Crc::new();
        crc.update(b"123456789");
        assert_eq!(crc.finish(), 0xcbf4_3926);
    }

    #[test]
    fn a_stored_block_is_what_other_tools_write() {
        assert_eq!(
            gzip(b"hello"),
            [
                0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 5, 0, 0xfa, 0xff, b'h', b'e', b'l', b'l',
                b'o', 0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0,
            ]
        );
    }

    #[test]
    fn long_data_takes_several_blocks() {
        let data = vec![7; 70_000];
        let out = gzip(&data);
        assert_eq!(out[10..15], [0, 0xff, 0xff, 0, 0]);
        let second = 15 + 65_535;
        assert_eq!(out[second], 1);
        assert_eq!(out.len(), 10 + 2 * 5 + data.len() + 8);
    }

    /// zlib decodes these bytes to 517 zeros.
    #[test]
    fn zeros_are_one_literal_and_matches() {
        let out = gzip_zeros(1 + 2 * RUN);
        let body = &out[10..out.len() - 8];
        assert_eq!(body, [0x63, 0x18, 0x05, 0xa3, 0x00, 0x00]);
    }
}
