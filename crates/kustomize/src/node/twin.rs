//! Scalars that change together.
//!
//! The original sets a label at all the fields of an object where it was missing with one and the same node. Whoever
//! later changes the value at one of these fields, by a patch, a replacement or another label, changes it at all of
//! them: a patch of `metadata.labels.app` over a base with `commonLabels` moves the selector too. Here each such scalar
//! carries the number of its group, and a resource is put in order after a change ([`Node::settle_twins`]).

use super::{Node, Scalar};

/// The group of a scalar in its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Twin(u32);

const CHANGED: u32 = 1 << 31;

impl Twin {
    /// Changes alone.
    pub(crate) const NONE: Self = Self(0);

    /// The group with a number.
    pub(crate) fn group(number: u32) -> Self {
        Self((number + 1) & !CHANGED)
    }

    /// The same group, whose other members have to follow.
    pub(crate) fn changed(self) -> Self {
        if self == Self::NONE { self } else { Self(self.0 | CHANGED) }
    }

    fn settled(self) -> Self {
        Self(self.0 & !CHANGED)
    }
}

impl Node {
    /// Gives the members of each group the value that one of them was changed to, the last one where there are more.
    pub(crate) fn settle_twins(&mut self) {
        let mut changed: Vec<Scalar> = Vec::new();
        self.each_scalar(&mut |scalar| {
            let settled = scalar.twin.settled();
            if settled != scalar.twin {
                scalar.twin = settled;
                changed.retain(|other| other.twin != settled);
                changed.push(scalar.clone());
            }
        });
        if !changed.is_empty() {
            self.each_scalar(&mut |scalar| {
                if let Some(value) = changed.iter().find(|value| value.twin == scalar.twin) {
                    scalar.clone_from(value);
                }
            });
        }
    }

    /// Makes every scalar change alone: what the original writes out and reads again.
    pub(crate) fn part_twins(&mut self) {
        self.each_scalar(&mut |scalar| scalar.twin = Twin::NONE);
    }

    fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut Scalar)) {
        match self {
            Self::Scalar(scalar) => visit(scalar),
            Self::Map(map) => map.entries.iter_mut().for_each(|(_, value)| value.each_scalar(visit)),
            Self::Seq(items) => items.iter_mut().for_each(|item| item.each_scalar(visit)),
        }
    }
}
