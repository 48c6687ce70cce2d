//! Path and query: dot segments resolved, the rest percent-encoded.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What the WHATWG URL standard encodes in a path, without the space's alias.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// What the WHATWG URL standard encodes in the query of an `http` address.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\'');

/// Writes what follows the authority: a path, always, and a query, if any.
pub(super) fn write(tail: &str, out: &mut String) {
    let tail = tail.split('#').next().unwrap_or_default();
    let (path, query) = match tail.split_once('?') {
        None => (tail, None),
        Some((path, query)) => (path, Some(query)),
    };
    write_path(path, out);
    if let Some(query) = query {
        out.push('?');
        out.extend(utf8_percent_encode(query, QUERY));
    }
}

/// Resolves `.` and `..` (RFC 3986 §5.2.4, also percent-encoded) and encodes.
fn write_path(path: &str, out: &mut String) {
    let floor = out.len();
    out.push('/');
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match dots(segment) {
            // What is written always ends in a slash at this point.
            2 => {
                out.truncate(out.len() - 1);
                let parent = out.get(floor..).and_then(|path| path.rfind('/'));
                out.truncate(parent.map_or(floor, |at| floor + at));
                out.push('/');
            }
            1 => {}
            _ => {
                out.extend(utf8_percent_encode(segment, PATH));
                if !last {
                    out.push('/');
                }
            }
        }
    }
}

/// Counts the dots of a dot segment; 0 for any other segment.
fn dots(segment: &str) -> usize {
    let mut rest = segment;
    let mut count = 0;
    while !rest.is_empty() && count < 3 {
        rest = match rest.strip_prefix('.') {
            Some(rest) => rest,
            None => match rest.get(..3) {
                Some(head) if head.eq_ignore_ascii_case("%2e") => rest.get(3..).unwrap_or_default(),
                _ => return 0,
            },
        };
        count += 1;
    }
    if rest.is_empty() && count < 3 {
        count
    } else {
        0
    }
}

/// In [`class`]: a letter, digit or hyphen of a lower-case host.
pub(super) const HOST: u8 = 1;
/// In [`class`]: stands for itself in a path or query.
const TAIL: u8 = 2;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let host = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let tail = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'/' | b'-' | b'_' | b'.' | b'~' | b'?' | b'=' | b'&' | b'%' | b'+' | b',' | b':'
            );
        #[expect(clippy::indexing_slicing, reason = "256 places for 256 bytes")]
        {
            classes[byte as usize] = host as u8 * HOST + tail as u8 * TAIL;
        }
        if byte == u8::MAX {
            return classes;
        }
        byte += 1;
    }
}

/// Looks a byte up; see [`HOST`].
pub(super) fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Tells whether [`write`] would write the text back unchanged.
pub(super) fn is_plain(tail: &str) -> bool {
    let mut before = b'/';
    for byte in tail.bytes() {
        // A dot after a slash, or an encoded one, may be a dot segment.
        if class(byte) & TAIL == 0 || (before == b'/' && (byte == b'.' || byte == b'%')) {
            return false;
        }
        before = byte;
    }
    true
}
