//! Makes brotli (RFC 7932) without a compressor: meta-blocks that are stored,
//! and runs of zeros.

/// The most that one meta-block holds.
const BLOCK_BYTES: usize = 1 << 24;

/// Puts `data` into a brotli stream, uncompressed.
pub(crate) fn brotli(data: &[u8]) -> Vec<u8> {
    let mut bits = Bits::new();
    for block in data.chunks(1 << 16) {
        // More follows; its length in four nibbles, less one; it is stored.
        bits.put(0, 1);
        bits.put(0, 2);
        bits.put(block.len() as u64 - 1, 16);
        bits.put(1, 1);
        bits.align();
        bits.out.extend(block);
    }
    bits.finish()
}

/// Makes a brotli stream that decodes to `blocks` times 16 MiB of zeros: some
/// 20 bytes for each.
pub(crate) fn brotli_zeros(blocks: usize) -> Vec<u8> {
    let mut bits = Bits::new();
    for _ in 0..blocks {
        // More follows; its length in six nibbles, less one; it is compressed.
        bits.put(0, 1);
        bits.put(2, 2);
        bits.put(BLOCK_BYTES as u64 - 1, 24);
        bits.put(0, 1);
        // One type of each block, no postfix, no direct distances, one context
        // mode, one tree of literals and one of distances.
        bits.put(0, 3);
        bits.put(0, 6);
        bits.put(0, 2);
        bits.put(0, 2);
        // Codes of one symbol, which takes no bits then: the literal 0; one
        // literal and a copy of 2118 bytes and more; the distance 1.
        for (symbol, width) in [(0, 8), (399, 10), (16, 6)] {
            bits.put(1, 2);
            bits.put(0, 2);
            bits.put(symbol, width);
        }
        bits.put(BLOCK_BYTES as u64 - 1 - 2118, 24);
        bits.put(0, 1);
    }
    bits.finish()
}

/// Bits, the lowest first.
struct Bits {
    out: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    /// Starts with a window of 64 KiB.
    fn new() -> Self {
        Self {
            out: Vec::new(),
            pending: 0,
            count: 1,
        }
    }

    fn put(&mut self, value: u64, width: u32) {
        self.pending |= value << self.count;
        self.count += width;
        while self.count >= 8 {
            self.out.push((self.pending & 0xff) as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
    }

    /// Ends with an empty meta-block, the last one.
    fn finish(mut self) -> Vec<u8> {
        self.put(0b11, 2);
        self.align();
        self.out
    }
}
