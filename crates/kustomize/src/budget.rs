//! How much a build may write. Small files can ask for large output: a long label on every object, a value copied
//! into itself again and again.

use crate::node::Node;
use std::cell::Cell;

/// Parts of a path, or levels of a value that is copied: more than any object has.
pub(crate) const MAX_PATH: usize = 128;

/// Bytes that may still be written.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    left: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, left: Cell::new(limit) }
    }

    /// Takes what writing a text costs.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), String> {
        let Some(left) = self.left.get().checked_sub(bytes) else {
            return Err(format!("the build writes more than {} bytes (limit: output bytes)", self.limit));
        };
        self.left.set(left);
        Ok(())
    }

    /// Takes what copying a value costs; refuses what is nested too deep to be copied safely.
    pub(crate) fn copy(&self, node: &Node) -> Result<(), String> {
        if node.depth() > MAX_PATH * 2 {
            return Err(format!("a value nested more than {} deep cannot be copied", MAX_PATH * 2));
        }
        self.spend(node.bytes())
    }
}
