//! The modes in which the lanes may differ, and the page that says so.

use crate::modes::modes;

#[test]
fn the_page_has_every_mode_that_varies() {
    let page = include_str!("../../../../docs/adapters.md");
    let mut lines = page.lines().skip_while(|it| *it != "| fault | why |");
    let said: Vec<_> = lines
        .by_ref()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let rows: Vec<_> = modes()
        .iter()
        .filter_map(|mode| Some(format!("| {} | {} |", mode.name, mode.varies?)))
        .collect();
    assert!(!rows.is_empty());
    assert_eq!(said, rows, "the table is\n{}", rows.join("\n"));
}
