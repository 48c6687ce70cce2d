//! What may differ on the wire, and the page that says so.

/// What one adapter may write otherwise than another.
const DIFFERS: [&str; 4] = [
    "where a chunked body is cut into chunks",
    "the boundary of a form, which is another each time",
    "the order of headers of different names: HTTP gives it no meaning, and that of one \
     name's values is kept",
    "an `accept` or `accept-encoding` that a call takes off: reqwest sends `*/*` and \
     `identity`, which mean the same",
];

#[test]
fn the_page_says_what_may_differ_on_the_wire() {
    let page = include_str!("../../../../docs/adapters.md");
    let section = page.split("## What still differs\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let list = section.split("\n\n").find(|part| part.starts_with("* "));
    let list = list.unwrap().replace("\n  ", " ");
    let said: Vec<_> = list
        .lines()
        .filter_map(|it| it.strip_prefix("* "))
        .collect();
    assert_eq!(said, DIFFERS);
}
