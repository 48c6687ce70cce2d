//! Whatever its names and values are, a form reads back as it was built.

use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::Config};
use tollgate::{Body, Multipart, Part};

use crate::amount;

/// Text that tempts a reader of forms to see a line, a quote or a boundary.
const TEMPTING: [&str; 15] = [
    "\"",
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "--",
    "\r\n--",
    "--\r\n",
    "; filename=\"",
    "\r\nContent-Type: text/html\r\n\r\n",
    "%22",
    "\\",
    "\0",
    "\u{fc}\u{1f600}",
    "plain",
];

/// Stands for all but the last digit of the form's own boundary.
const BOUNDARY: char = '\u{1}';

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(&TEMPTING[..]).prop_map(str::to_owned),
        ".{0,6}",
        Just(format!("\r\n--{BOUNDARY}")),
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Text,
    Reader,
    Declared,
    Factory,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    file_name: Option<String>,
    content_type: Option<&'static str>,
    value: String,
    way: Way,
}

fn field() -> impl Strategy<Value = Field> {
    let types = option::of(select(&["text/plain", "image/png; a=\"b\""][..]));
    let ways = select(&[Way::Text, Way::Reader, Way::Declared, Way::Factory][..]);
    (text(), option::of(text()), types, text(), ways).prop_map(
        |(name, file_name, content_type, value, way)| Field {
            name,
            file_name,
            content_type,
            value,
            way,
        },
    )
}

impl Field {
    fn part(&self) -> Part {
        let value = bytes::Bytes::from(self.value.clone().into_bytes());
        let length = value.len() as u64;
        let open = {
            let value = value.clone();
            move || Ok(std::io::Cursor::new(value.clone()))
        };
        let mut part = match self.way {
            Way::Text => Part::text(self.value.clone()),
            Way::Reader => Part::reader(open),
            Way::Declared => Part::reader(open).length(length),
            Way::Factory => Part::body(Body::factory(move || value.clone().into())),
        };
        if let Some(name) = &self.file_name {
            part = part.file_name(name.clone());
        }
        if let Some(content_type) = self.content_type {
            part = part.content_type(content_type);
        }
        part
    }

    fn expected(&self) -> Read {
        let octets = self.file_name.as_ref().map(|_| "application/octet-stream");
        Read {
            name: escaped(&self.name),
            file_name: self.file_name.as_deref().map(escaped),
            content_type: self.content_type.or(octets).map(str::to_owned),
            value: self.value.clone().into_bytes(),
        }
    }
}

/// What the reader below has to find between the quotes.
fn escaped(text: &str) -> String {
    let all = text.chars().map(|it| match it {
        '"' => "%22".to_owned(),
        it if it.is_ascii_control() => format!("%{:02X}", it as u32),
        it => it.to_string(),
    });
    all.collect()
}

#[derive(Debug, PartialEq)]
struct Read {
    name: String,
    file_name: Option<String>,
    content_type: Option<String>,
    value: Vec<u8>,
}

fn find(bytes: &[u8], what: &str) -> Option<usize> {
    let mut windows = bytes.windows(what.len());
    windows.position(|window| window == what.as_bytes())
}

/// Reads a form by the letter of RFC 2046, and strictly.
fn parse(mut rest: &[u8], boundary: &str) -> Option<Vec<Read>> {
    let mut all = Vec::new();
    rest = rest.strip_prefix(format!("--{boundary}").as_bytes())?;
    loop {
        if rest == b"--\r\n" {
            return Some(all);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let head_end = find(rest, "\r\n\r\n")?;
        let head = std::str::from_utf8(&rest[..head_end]).ok()?;
        rest = &rest[head_end + 4..];
        let delimiter = format!("\r\n--{boundary}");
        let end = find(rest, &delimiter)?;
        all.push(entry(head, &rest[..end])?);
        rest = &rest[end + delimiter.len()..];
    }
}

fn entry(head: &str, value: &[u8]) -> Option<Read> {
    let mut lines = head.split("\r\n");
    let names = lines
        .next()?
        .strip_prefix("Content-Disposition: form-data; name=\"")?;
    let (name, mut behind) = names.split_once('"')?;
    let mut file_name = None;
    if let Some(more) = behind.strip_prefix("; filename=\"") {
        let (name, end) = more.split_once('"')?;
        file_name = Some(name.to_owned());
        behind = end;
    }
    let content_type = match lines.next() {
        Some(line) => Some(line.strip_prefix("Content-Type: ")?.to_owned()),
        None => None,
    };
    (behind.is_empty() && lines.next().is_none()).then(|| Read {
        name: name.to_owned(),
        file_name,
        content_type,
        value: value.to_vec(),
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(amount("TOLLGATE_PROGRAMS", 256)) })]

    #[test]
    fn a_form_reads_back_as_it_was_built(mut fields in vec(field(), 0..5)) {
        let mut form = Multipart::new();
        let boundary = form.boundary().to_owned();
        for field in &mut fields {
            field.value = field.value.replace(BOUNDARY, &boundary[..31]);
            // The digit behind it may be the last one, by chance: nobody else
            // can know it.
            field.value = field.value.replace(&boundary, "");
            form = form.part(field.name.clone(), field.part());
        }
        let body = form.into_body().unwrap();
        let length = body.length();
        let again = body.try_clone().unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut body.into_reader(), &mut bytes).unwrap();

        let open = |it: &Field| matches!(it.way, Way::Reader | Way::Factory);
        let known = !fields.iter().any(open);
        prop_assert_eq!(length, known.then_some(bytes.len() as u64));
        let expected: Vec<_> = fields.iter().map(Field::expected).collect();
        prop_assert_eq!(parse(&bytes, &boundary), Some(expected));

        let mut second = Vec::new();
        std::io::Read::read_to_end(&mut again.into_reader(), &mut second).unwrap();
        prop_assert_eq!(bytes, second);
    }
}
