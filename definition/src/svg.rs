//! A picture without script: every node a box inside its parent's, every arm a line in its source's box with an arrow
//! at the right that leads to its target's. Arrows run in lanes, so that none crosses a box.
//!
//! Widths are estimates, since nobody measures text here.

use crate::{Definition, NodeDef, NodeId, NodeKind, text};
use std::fmt::Write;

const LINE: usize = 18;
const PAD: usize = 10;
const LANE: usize = 9;
/// Width of a character of the monospaced face, in tenths.
const CHAR: usize = 73;
/// Characters of a line that are shown.
const SHOWN: usize = 72;

pub(super) fn draw(definition: &Definition<'_>) -> String {
    let mut plan = Plan { definition, rows: Vec::new(), boxes: Vec::new(), tops: Vec::new(), y: PAD };
    plan.tops = vec![0; definition.nodes.len()];
    plan.title();
    plan.level(None, 0);
    plan.finish()
}

/// A line of text, and where the arrow at its end leads.
struct Row {
    y: usize,
    x: usize,
    text: String,
    class: &'static str,
    targets: Vec<NodeId>,
}

struct Boxed {
    depth: usize,
    top: usize,
    bottom: usize,
    kind: NodeKind,
}

struct Plan<'d, 'a> {
    definition: &'d Definition<'a>,
    rows: Vec<Row>,
    boxes: Vec<Boxed>,
    /// By node: the line of its name.
    tops: Vec<usize>,
    y: usize,
}

impl Plan<'_, '_> {
    fn row(&mut self, depth: usize, text: String, class: &'static str, targets: &[NodeId]) {
        self.y += LINE;
        let x = PAD + depth * PAD;
        self.rows.push(Row { y: self.y, x, text, class, targets: targets.to_vec() });
    }

    fn title(&mut self) {
        let definition = self.definition;
        self.row(0, definition.machine.to_owned(), "t", &[definition.initial]);
        for (_, arm) in text::own_arms(definition, None) {
            self.row(1, text::arm(arm), "a", arm.targets());
        }
        self.y += PAD;
    }

    fn level(&mut self, parent: Option<NodeId>, depth: usize) {
        for (id, node, _) in text::level(self.definition, parent) {
            self.node(id, node, depth);
        }
    }

    fn node(&mut self, id: NodeId, node: &NodeDef<'_>, depth: usize) {
        let definition = self.definition;
        let top = self.y;
        let mark = match node.kind {
            NodeKind::Final => " \u{25c9}".to_owned(),
            NodeKind::Parallel => " \u{2225}".to_owned(),
            kind if kind.is_history() => format!(" {}", text::history(kind)),
            _ => String::new(),
        };
        self.tops[id.index()] = top + LINE;
        self.row(depth + 1, format!("{}{mark}", node.name), "n", node.initial);
        for hook in text::hooks(node) {
            self.row(depth + 2, hook, "h", &[]);
        }
        for (_, arm) in text::own_arms(definition, Some(id)) {
            self.row(depth + 2, text::arm(arm), "a", arm.targets());
        }
        self.y += PAD / 2;
        if !node.kind.is_leaf() && !node.kind.is_history() {
            self.y += PAD / 2;
            self.level(Some(id), depth + 1);
        }
        self.boxes.push(Boxed { depth, top: top + 3, bottom: self.y, kind: node.kind });
        self.y += PAD / 2;
    }

    fn finish(&self) -> String {
        let widest = self.rows.iter().map(|row| row.x + shown(&row.text).chars().count() * CHAR / 10).max();
        let right = widest.unwrap_or_default() + 3 * PAD;
        let (arrows, lanes) = self.arrows(right);
        let (width, height) = (right + (lanes + 2) * LANE, self.y + PAD);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" font-family=\"monospace\" font-size=\"12\" fill=\"none\" stroke=\"currentColor\">\n<title>{}</title>\n",
            text::xml(self.definition.machine)
        );
        for boxed in &self.boxes {
            write_box(&mut out, boxed, right);
        }
        for row in &self.rows {
            let weight = match row.class {
                "t" => " font-weight=\"bold\" font-size=\"14\"",
                "n" => " font-weight=\"bold\"",
                "h" => " font-style=\"italic\"",
                _ => "",
            };
            let shown = text::xml(&shown(&row.text));
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" fill=\"currentColor\" stroke=\"none\"{weight}>{shown}</text>",
                row.x, row.y
            );
        }
        out + &arrows + "</svg>\n"
    }

    /// Each arrow takes the innermost lane that is free over its height.
    fn arrows(&self, right: usize) -> (String, usize) {
        let mut lanes: Vec<Vec<(usize, usize)>> = Vec::new();
        let mut out = String::new();
        for row in &self.rows {
            for target in &row.targets {
                let (from, to) = (row.y - 4, self.tops.get(target.index()).map_or(row.y, |top| top - 8));
                let span = (from.min(to), from.max(to));
                let free =
                    |taken: &Vec<(usize, usize)>| taken.iter().all(|(a, b)| span.1 < *a || *b < span.0);
                let lane = lanes.iter().position(free).unwrap_or_else(|| {
                    lanes.push(Vec::new());
                    lanes.len() - 1
                });
                lanes[lane].push(span);
                let (start, x) =
                    (row.x + shown(&row.text).chars().count() * CHAR / 10 + 6, right + (lane + 1) * LANE);
                let dash = if row.class == "a" { "" } else { " stroke-dasharray=\"2 3\"" };
                let _ = writeln!(
                    out,
                    "<path d=\"M{start} {from}H{x}V{to}H{right}m6 -4l-6 4l6 4\" stroke-opacity=\"0.6\"{dash}/>"
                );
            }
        }
        (out, lanes.len())
    }
}

fn write_box(out: &mut String, boxed: &Boxed, right: usize) {
    let x = PAD / 2 + boxed.depth * PAD;
    let radius = if boxed.kind == NodeKind::Region { 0 } else { 6 };
    let dash = if boxed.kind == NodeKind::Region { " stroke-dasharray=\"4 3\"" } else { "" };
    let _ = writeln!(
        out,
        "<rect x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{radius}\" stroke-opacity=\"0.5\"{dash}/>",
        boxed.top,
        (right - boxed.depth * 3).saturating_sub(x),
        boxed.bottom - boxed.top
    );
}

/// What is too long is cut.
fn shown(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).chain(['\u{2026}']).collect()
}
