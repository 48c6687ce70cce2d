//! A waterfall as one HTML page: one row per call, or per process, its phases
//! side by side, over one axis of time. Nothing is loaded and nothing is run.

use std::fmt::{self, Write};

const WIDTH: f64 = 1180.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 26.0;
/// Of a row's height, how much a bar has.
const BAR: f64 = 0.85;
/// Of a row's height, the narrowest bar that can still be seen.
const THINNEST: f64 = 0.25;

/// A page; times are milliseconds from the beginning.
#[derive(Clone, Debug, Default)]
pub struct Waterfall {
    /// The heading.
    pub title: String,
    /// A few sentences below it.
    pub about: String,
    /// What is to be read at a glance: name and value.
    pub facts: Vec<(&'static str, String)>,
    /// The phases that a call may have; spans name them by number.
    pub phases: Vec<Phase>,
    /// One for each call, first one at the top.
    pub rows: Vec<Row>,
    /// What went on beside the calls.
    pub bands: Vec<Band>,
    /// What happened at one moment.
    pub marks: Vec<Mark>,
    /// How high a row is, in pixels of a page that is 1180 wide.
    pub row_height: f64,
    /// What is in the legend beside the phases: how it looks, and its name.
    pub signs: Vec<(Sign, &'static str)>,
}

/// What is no phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The colour of a [`Band`].
    Band,
    /// The line of a [`Mark`].
    Mark,
    /// The tick of a row.
    Tick,
    /// The cross of a row that is cut off.
    Cross,
}

impl Sign {
    fn class(self) -> &'static str {
        match self {
            Self::Band => "band",
            Self::Mark => "mark",
            Self::Tick => "tick",
            Self::Cross => "cross",
        }
    }
}

/// A phase in the legend.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What it is called.
    pub name: &'static str,
    /// Its colour on white, as CSS has it.
    pub light: &'static str,
    /// Its colour on black.
    pub dark: &'static str,
}

impl Phase {
    /// Names a phase and its two colours.
    #[must_use]
    pub const fn new(name: &'static str, light: &'static str, dark: &'static str) -> Self {
        Self { name, light, dark }
    }
}

/// A call, or a process.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What stands before it.
    pub label: Option<String>,
    /// What is shown when one points at it.
    pub tooltip: String,
    /// How much is left free above it.
    pub gap: f64,
    /// When it was cut off.
    pub cut: Option<f64>,
    /// Whether a tick stands before it.
    pub ticked: bool,
    /// Its phases.
    pub spans: Vec<Span>,
}

/// A phase of a call.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Which one.
    pub phase: usize,
    /// When it began.
    pub from: f64,
    /// When it ended.
    pub to: f64,
}

/// Something that takes time beside the calls.
#[derive(Clone, Debug)]
pub struct Band {
    /// At most three short lines, drawn from its beginning to the right.
    pub label: Vec<String>,
    /// When it began.
    pub from: f64,
    /// When it ended.
    pub to: f64,
}

/// Something that happens at a moment.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Two short lines, drawn to the left of it.
    pub label: [String; 2],
    /// When.
    pub at: f64,
}

impl Waterfall {
    /// Makes the page.
    ///
    /// # Errors
    ///
    /// None in practice: text is formatted.
    pub fn to_html(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        let title = escaped(&self.title);
        writeln!(page, "<!doctype html>\n<html lang=\"en\">\n<head>")?;
        writeln!(page, "<meta charset=\"utf-8\">\n<title>{title}</title>")?;
        page.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n");
        writeln!(page, "<style>{STYLE}{}</style>", self.colours()?)?;
        writeln!(page, "</head>\n<body>\n<main>\n<h1>{title}</h1>")?;
        writeln!(page, "<p>{}</p>\n<dl>", escaped(&self.about))?;
        for (name, value) in &self.facts {
            let (name, value) = (escaped(name), escaped(value));
            writeln!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
        }
        page.push_str("</dl>\n<ul>\n");
        for (number, phase) in self.phases.iter().enumerate() {
            let mut spans = self.rows.iter().flat_map(|row| &row.spans);
            if !spans.any(|span| span.phase == number) {
                continue;
            }
            let name = escaped(phase.name);
            writeln!(page, "<li><i class=\"p{number}\"></i>{name}</li>")?;
        }
        for (sign, name) in &self.signs {
            if *sign == Sign::Cross && self.rows.iter().all(|row| row.cut.is_none()) {
                continue;
            }
            let (class, name) = (sign.class(), escaped(name));
            writeln!(page, "<li><i class=\"{class}\"></i>{name}</li>")?;
        }
        page.push_str("</ul>\n");
        self.draw(&mut page)?;
        page.push_str("</main>\n</body>\n</html>\n");
        Ok(page)
    }

    fn colours(&self) -> Result<String, fmt::Error> {
        let (mut light, mut dark) = (String::new(), String::new());
        for (number, phase) in self.phases.iter().enumerate() {
            let rule = |colour| format!(".p{number}{{fill:{colour};background:{colour}}}");
            light.push_str(&rule(phase.light));
            dark.push_str(&rule(phase.dark));
        }
        let mut css = light;
        write!(css, "@media (prefers-color-scheme:dark){{{dark}}}")?;
        Ok(css)
    }

    fn end(&self) -> f64 {
        let spans = self.rows.iter().flat_map(|row| &row.spans);
        let ends = spans.map(|span| span.to);
        ends.chain(self.bands.iter().map(|band| band.to))
            .fold(1.0, f64::max)
    }

    fn draw(&self, page: &mut String) -> fmt::Result {
        let gaps = self.rows.iter().map(|row| row.gap).sum::<f64>();
        let rows = self.row_height * self.rows.len() as f64 + gaps;
        let height = TOP + rows + BOTTOM;
        let scale = (WIDTH - LEFT - RIGHT) / (self.end() * 1.005);
        let x = |ms: f64| LEFT + ms * scale;
        writeln!(
            page,
            "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\">"
        )?;
        let floor = TOP + rows;
        let ticks = (0..).map(|number| f64::from(number) * 500.0);
        let ticks = ticks.take_while(|ms| *ms <= self.end());
        for x in ticks.clone().map(x) {
            writeln!(
                page,
                "<path class=\"grid\" d=\"M{x:.1} {TOP}V{floor:.1}\"/>"
            )?;
        }
        for band in &self.bands {
            let (from, width) = (x(band.from), (band.to - band.from) * scale);
            writeln!(
                page,
                "<rect class=\"band\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{width:.1}\" \
                 height=\"{rows:.1}\"/>"
            )?;
            label(page, &band.label, from + 5.0, "refreshed")?;
        }
        let mut y = TOP;
        for row in &self.rows {
            y += row.gap;
            row.draw(page, (y, self.row_height), x)?;
            y += self.row_height;
        }
        for mark in &self.marks {
            let at = x(mark.at);
            writeln!(page, "<path class=\"mark\" d=\"M{at:.1} 7V{floor:.1}\"/>")?;
            label(page, &mark.label, at - 6.0, "expired")?;
        }
        for ms in ticks {
            let x = x(ms);
            for y in [TOP - 6.0, floor + 17.0] {
                writeln!(
                    page,
                    "<text class=\"axis\" x=\"{x:.1}\" y=\"{y:.1}\">{ms} ms</text>"
                )?;
            }
        }
        writeln!(page, "</svg>")
    }
}

impl Row {
    fn draw(
        &self,
        page: &mut String,
        (y, height): (f64, f64),
        x: impl Fn(f64) -> f64,
    ) -> fmt::Result {
        let bar = height * BAR;
        if let Some(label) = &self.label {
            let (at, baseline, label) = (LEFT - 10.0, y + 6.0_f64.max(height), escaped(label));
            writeln!(
                page,
                "<text class=\"number\" x=\"{at}\" y=\"{baseline:.1}\">{label}</text>"
            )?;
        }
        let tooltip = escaped(&self.tooltip);
        write!(page, "<g><title>{tooltip}</title>")?;
        // All of the row answers to the pointer.
        let width = WIDTH - RIGHT - LEFT + 6.0;
        let from = LEFT - 6.0;
        write!(
            page,
            "<rect class=\"row\" x=\"{from}\" y=\"{y:.1}\" width=\"{width}\" height=\"{height}\"/>"
        )?;
        if self.ticked {
            write!(
                page,
                "<rect class=\"tick\" x=\"{from}\" y=\"{y:.1}\" width=\"4\" height=\"{bar:.1}\"/>"
            )?;
        }
        for span in &self.spans {
            let (from, to) = (x(span.from), x(span.to));
            let width = (to - from).max(height * THINNEST);
            let phase = span.phase;
            write!(
                page,
                "<rect class=\"p{phase}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                 height=\"{bar:.1}\"/>"
            )?;
        }
        if let Some(cut) = self.cut.map(x) {
            let (left, top, right, bottom) = (cut - 5.0, y - 2.0, cut + 5.0, y + height + 2.0);
            write!(
                page,
                "<path class=\"cross\" d=\"M{left:.1} {top:.1}L{right:.1} {bottom:.1}\
                 M{left:.1} {bottom:.1}L{right:.1} {top:.1}\"/>"
            )?;
        }
        writeln!(page, "</g>")
    }
}

fn label(page: &mut String, lines: &[String], x: f64, class: &str) -> fmt::Result {
    for (line, y) in lines.iter().zip([16, 30, 43]) {
        let text = escaped(line);
        writeln!(
            page,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y}\">{text}</text>"
        )?;
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d2433;--soft:#5a6478;--page:#fbfbfd;--card:#fff;
--line:#d9dde6;--band:#7a5cc4;--mark:#1d2433;--tick:#8a5a2b;--cross:#c2185b;--hover:#0001}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#9aa4b8;--page:#12151c;
--card:#1a1f2a;--line:#2c3342;--band:#a78bfa;--mark:#f4f6fb;--tick:#d9a066;--cross:#ff5c9a;--hover:#fff2}}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{overflow-x:auto;max-width:1240px;margin:0 auto;padding:28px 24px 40px}
h1{font-size:24px;margin:0 0 6px}p{margin:0 0 18px;max-width:115ch;color:var(--soft)}
dl{display:flex;flex-wrap:wrap;gap:10px;margin:0 0 18px}
dl div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 14px}
dt{font-size:12px;color:var(--soft)}dd{margin:0;font-size:20px;font-weight:600}
ul{display:flex;flex-wrap:wrap;gap:6px 18px;list-style:none;margin:0 0 14px;padding:0;font-size:13px}
li{display:flex;align-items:center;gap:7px}
li i{width:18px;height:10px;border-radius:2px;flex:none}
li .band{background:var(--band);opacity:.5}li .tick{width:5px;background:var(--tick)}
li .mark{width:0;height:14px;border-radius:0;border-left:2px dashed var(--mark)}
svg{display:block;box-sizing:border-box;width:100%;min-width:900px;height:auto;background:var(--card);border:1px solid var(--line);
border-radius:8px}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.grid{stroke:var(--line)}svg .axis{text-anchor:middle;paint-order:stroke;stroke:var(--card);stroke-width:5px}
svg .number{text-anchor:end}
svg .band{fill:var(--band);opacity:.2}svg .tick{fill:var(--tick)}
svg .mark{stroke:var(--mark);stroke-dasharray:4 3;fill:none}
li .cross{background:linear-gradient(45deg,#0000 42%,var(--cross) 42% 58%,#0000 58%),
linear-gradient(-45deg,#0000 42%,var(--cross) 42% 58%,#0000 58%);width:12px;height:12px}
svg .cross{stroke:var(--cross);stroke-width:2.5;fill:none}
svg .expired{text-anchor:end;fill:var(--ink);font-weight:600}
svg .refreshed{fill:var(--band);font-weight:600}
svg .row{fill:transparent}svg g:hover .row{fill:var(--hover)}
";
