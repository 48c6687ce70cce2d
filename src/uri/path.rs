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

/// Tells whether [`write`] would write the text back unchanged.
pub(super) fn is_plain(tail: &str) -> bool {
    let mut before = b'/';
    for byte in tail.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'/' | b'-' | b'_' | b'.' | b'~' | b'?' | b'=' | b'&' | b'%' | b'+' | b',' | b':'
            );
        // A dot after a slash, or an encoded one, may be a dot segment.
        if !plain || (before == b'/' && (byte == b'.' || byte == b'%')) {
            return false;
        }
        before = byte;
    }
    true
}
