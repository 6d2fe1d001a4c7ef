//! Which line of a template wrote which part of its output.

use std::sync::Arc;

use crate::parse::Tree;

/// How many places one trace keeps; output beyond them counts as written by the last one.
const MAX_MARKS: usize = 1 << 20;

/// Where the output of a template came from in the template's own text. What another template wrote counts as written
/// by the action that called it.
pub struct Trace {
    tree: Arc<Tree>,
    marks: Vec<Mark>,
}

/// From `output` on, the output came from `position` in the text.
struct Mark {
    output: usize,
    position: u32,
    /// Whether the text was copied, so that later bytes of the output are later bytes of the text.
    copied: bool,
}

impl Trace {
    pub(super) fn new(tree: Arc<Tree>) -> Self {
        Self { tree, marks: Vec::new() }
    }

    pub(super) fn mark(&mut self, output: usize, position: u32, copied: bool) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(Mark { output, position, copied });
        }
    }

    /// The line of the template's text, from 1, that wrote the byte at `offset` of the output.
    pub fn line(&self, offset: usize) -> usize {
        let after = self.marks.partition_point(|mark| mark.output <= offset);
        let Some(mark) = after.checked_sub(1).and_then(|index| self.marks.get(index)) else { return 1 };
        let copied = if mark.copied { offset - mark.output } else { 0 };
        let position = (mark.position as usize + copied).min(self.tree.unit.text.len());
        self.tree.unit.line_and_column(u32::try_from(position).unwrap_or(u32::MAX)).0
    }
}
