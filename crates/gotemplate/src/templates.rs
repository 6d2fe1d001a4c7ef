//! Sets of templates that can call each other by name.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::parse::{Parsed, Tree};
use crate::value::Str;

/// Templates by name. A clone is cheap and independent: additions to it are not seen by the original.
#[derive(Clone, Default, Debug)]
pub struct TemplateSet {
    layer: Arc<Layer>,
}

#[derive(Clone, Default, Debug)]
struct Layer {
    trees: HashMap<Str, Arc<Tree>, RandomState>,
    below: Option<Arc<Layer>>,
    depth: usize,
}

/// Layers above this many are merged into one.
const MAX_LAYERS: usize = 8;

impl TemplateSet {
    /// No template.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a text defines. A template replaces the one of the same name, unless its body is empty.
    pub fn add(&mut self, parsed: &Parsed) {
        for tree in parsed.trees() {
            self.add_tree(tree);
        }
    }

    /// Adds one template, by the rule of [`add`](Self::add).
    pub fn add_tree(&mut self, tree: &Arc<Tree>) {
        if tree.is_empty() && self.get(tree.name()).is_some() {
            return;
        }
        self.own_layer().trees.insert(tree.name().clone(), Arc::clone(tree));
    }

    /// The template of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<Tree>> {
        let mut layer = &self.layer;
        loop {
            if let Some(tree) = layer.trees.get(name) {
                return Some(tree);
            }
            layer = layer.below.as_ref()?;
        }
    }

    /// The names of all templates, sorted.
    pub fn names(&self) -> Vec<Str> {
        let mut names = Vec::new();
        let mut layer = Some(&self.layer);
        while let Some(current) = layer {
            names.extend(current.trees.keys().cloned());
            layer = current.below.as_ref();
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The top layer, which no other set sees.
    fn own_layer(&mut self) -> &mut Layer {
        if Arc::get_mut(&mut self.layer).is_none() {
            if self.layer.depth >= MAX_LAYERS {
                let mut trees = HashMap::default();
                for name in self.names() {
                    if let Some(tree) = self.get(&name) {
                        trees.insert(name, Arc::clone(tree));
                    }
                }
                self.layer = Arc::new(Layer { trees, below: None, depth: 0 });
            } else {
                let below = Arc::clone(&self.layer);
                let depth = below.depth + 1;
                self.layer = Arc::new(Layer { trees: HashMap::default(), below: Some(below), depth });
            }
        }
        Arc::make_mut(&mut self.layer)
    }
}
