//! The charts of one render, and which of them take part.
//!
//! Helm works on a copy of the chart for each render: it renames charts after their alias, drops disabled ones and
//! rewrites their values. Aliased charts are shallow copies which share their own subcharts and the list of declared
//! dependencies, so that what happens to one use of a chart happens to the other. [`Node`] has the same sharing.

use crate::chart::{Chart, Dependency};
use crate::values::{CoalesceError, Nulls, coalesce_chart, copy, merge_tables, new_map, table_at};
use holdfast_gotemplate::{Map, Str, Value};
use holdfast_semver::{Constraint, Version};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// A chart in a render, shared.
pub(crate) type NodeRef = Rc<RefCell<Node>>;

/// A chart in a render.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) chart: Arc<Chart>,
    /// The chart's name, or the alias it is used under.
    pub(crate) name: String,
    /// What `dependencies` says, less what was disabled; shared between the uses of an aliased chart.
    pub(crate) declared: Option<Vec<Rc<RefCell<Declared>>>>,
    /// The charts below that take part.
    pub(crate) below: Vec<NodeRef>,
    parent: Weak<RefCell<Node>>,
    /// What this use of a chart was copied from. Charts below that nobody declared still have that one as their
    /// parent, so that their paths have its name and not the alias.
    original: Option<NodeRef>,
    /// The chart's values once those of the charts below were taken over; before, those of `values.yaml` count.
    pub(crate) imported: Option<Map>,
}

/// A dependency as a render changes it.
#[derive(Clone)]
pub(crate) struct Declared {
    pub(crate) dependency: Dependency,
    /// Its values were taken over. Helm leaves them behind in a shape that it does not read again, so that of two uses
    /// of a chart only the first takes over those of the charts below.
    imported: bool,
}

impl Declared {
    fn new(dependency: Dependency) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { dependency, imported: false }))
    }
}

impl Node {
    /// A tree over a chart and all that is below it.
    pub(crate) fn new(chart: &Arc<Chart>) -> NodeRef {
        let declared =
            chart.metadata.dependencies.as_ref().map(|all| all.iter().cloned().map(Declared::new).collect());
        let node = Rc::new(RefCell::new(Self {
            chart: chart.clone(),
            name: chart.metadata.name.clone(),
            declared,
            below: Vec::new(),
            parent: Weak::new(),
            original: None,
            imported: None,
        }));
        let below = chart.dependencies.iter().map(Self::new).collect();
        set_below(&node, below);
        node
    }

    /// This use of a chart, sharing neither its declarations nor the charts below with other uses.
    fn apart(mut self) -> NodeRef {
        for declared in self.declared.iter_mut().flatten() {
            let own = declared.borrow().clone();
            *declared = Rc::new(RefCell::new(own));
        }
        let below = std::mem::take(&mut self.below);
        let below = below.iter().map(|child| Rc::new(RefCell::new(child.borrow().clone()))).collect();
        let node = Rc::new(RefCell::new(self));
        set_below(&node, below);
        node
    }

    /// Whether no chart is above this one.
    pub(crate) fn is_root(&self) -> bool {
        self.parent.upgrade().is_none()
    }

    /// `root/charts/name/…`: what the names of its templates start with.
    pub(crate) fn full_path(&self) -> String {
        match self.parent.upgrade() {
            Some(parent) => format!("{}/charts/{}", parent.borrow().full_path(), self.name),
            None => self.name.clone(),
        }
    }
}

fn set_below(node: &NodeRef, below: Vec<NodeRef>) {
    for child in &below {
        child.borrow_mut().parent = Rc::downgrade(node);
    }
    node.borrow_mut().below = below;
}

/// Drops what the values disable, applies aliases, then takes over imported values.
pub(crate) fn process_dependencies(
    root: &NodeRef,
    values: &Map,
    warnings: &mut Vec<String>,
) -> Result<(), CoalesceError> {
    enable(root, values, "", warnings)?;
    import_below(root, warnings)
}

fn enable(node: &NodeRef, values: &Map, path: &str, warnings: &mut Vec<String>) -> Result<(), CoalesceError> {
    let Some(declared) = node.borrow().declared.clone() else { return Ok(()) };
    let used = uses(&node.borrow().below, &declared);
    set_below(node, used);

    let all = copy(values)?;
    coalesce_chart(node, &all, Nulls::Delete, &mut Vec::new())?;
    let tags = table_at(&all, "tags");
    let mut disabled = BTreeSet::new();
    for dependency in &declared {
        let dependency = &mut dependency.borrow_mut().dependency;
        let by_tags = tags.as_ref().is_none_or(|tags| enabled_by_tags(dependency, tags, warnings));
        dependency.enabled = enabled_by_condition(dependency, &all, path, warnings).unwrap_or(by_tags);
        if !dependency.enabled {
            disabled.insert(dependency.name.clone());
        }
    }
    let kept: Vec<NodeRef> =
        node.borrow().below.iter().filter(|c| !disabled.contains(&c.borrow().name)).cloned().collect();
    for child in &kept {
        let below = format!("{path}{}.", child.borrow().name);
        enable(child, &all, &below, warnings)?;
    }
    let declared: Vec<_> =
        declared.into_iter().filter(|d| !disabled.contains(&d.borrow().dependency.name)).collect();
    node.borrow_mut().declared = (!declared.is_empty()).then_some(declared);
    set_below(node, kept);
    Ok(())
}

/// The charts below by their uses: those that no declaration fits as they are, then one per declaration that fits
/// one. Declarations with an alias take its name.
fn uses(below: &[NodeRef], declared: &[Rc<RefCell<Declared>>]) -> Vec<NodeRef> {
    let fits = |chart: &NodeRef, dependency: &Dependency| {
        let chart = chart.borrow();
        chart.name == dependency.name && in_range(&dependency.version, &chart.chart.metadata.version)
    };
    let mut used: Vec<NodeRef> =
        below.iter().filter(|c| !declared.iter().any(|d| fits(c, &d.borrow().dependency))).cloned().collect();
    for dependency in declared {
        let dependency = &mut dependency.borrow_mut().dependency;
        if let Some(chart) = below.iter().find(|c| fits(c, dependency)) {
            let mut copy = chart.borrow().clone();
            copy.original = Some(chart.clone());
            if !dependency.alias.is_empty() {
                copy.name.clone_from(&dependency.alias);
            }
            used.push(if copy.chart.helm.copies_aliased_charts() {
                copy.apart()
            } else {
                Rc::new(RefCell::new(copy))
            });
        }
        if !dependency.alias.is_empty() {
            dependency.name = dependency.alias.clone();
        }
    }
    used
}

/// Whether a version lies in a range; false when one of them cannot be read.
pub(crate) fn in_range(range: &str, version: &str) -> bool {
    match (Version::parse(version), Constraint::parse(range)) {
        (Ok(version), Ok(range)) => range.matches(&version),
        _ => false,
    }
}

/// On when a tag is on or none of its tags is set.
fn enabled_by_tags(dependency: &Dependency, tags: &Map, warnings: &mut Vec<String>) -> bool {
    let (mut on, mut off) = (false, false);
    for tag in &dependency.tags {
        match tags.get(tag.as_bytes()) {
            Some(Value::Bool(true)) => on = true,
            Some(Value::Bool(false)) => off = true,
            Some(_) => {
                warnings.push(format!("Tag '{tag}' for chart {} returned non-bool value", dependency.name))
            }
            None => {}
        }
    }
    on || !off
}

/// What the first condition path that leads to a boolean says.
fn enabled_by_condition(
    dependency: &Dependency,
    values: &Map,
    path: &str,
    warnings: &mut Vec<String>,
) -> Option<bool> {
    for condition in dependency.condition.trim().split(',').filter(|c| !c.is_empty()) {
        match scalar_at(values, &format!("{path}{condition}")) {
            Some(Value::Bool(enabled)) => return Some(enabled),
            Some(_) => warnings.push(format!(
                "Condition path '{condition}' for chart {} returned non-bool value",
                dependency.name
            )),
            None => {}
        }
    }
    None
}

/// The value at a dotted path, unless it is a mapping.
fn scalar_at(values: &Map, path: &str) -> Option<Value> {
    let (above, key) = match path.rsplit_once('.') {
        Some((above, key)) => (table_at(values, above)?, key),
        None => (values.clone(), path),
    };
    above.get(key.as_bytes()).filter(|value| !matches!(value, Value::Map(_)))
}

fn import_below(node: &NodeRef, warnings: &mut Vec<String>) -> Result<(), CoalesceError> {
    let below = node.borrow().below.clone();
    for child in &below {
        import_below(child, warnings)?;
    }
    import(node, warnings)
}

/// Lays the values that the declarations import below the chart's own.
fn import(node: &NodeRef, warnings: &mut Vec<String>) -> Result<(), CoalesceError> {
    let Some(declared) = node.borrow().declared.clone() else { return Ok(()) };
    let mut own = new_map();
    coalesce_chart(node, &own, Nulls::Keep, &mut Vec::new())?;
    let imported = new_map();
    for declared in &declared {
        let Declared { dependency, imported: done } = &mut *declared.borrow_mut();
        let wanted = if *done { &[] } else { dependency.import_values.as_slice() };
        let pairs: Vec<(String, String)> = wanted.iter().filter_map(import_pair).collect();
        *done = true;
        for (child, parent) in &pairs {
            let Some(table) = table_at(&own, &format!("{}.{child}", dependency.name)) else {
                warnings.push(format!("ImportValues missing table from chart {}: {child}", dependency.name));
                continue;
            };
            // An empty mapping is imported as another one, which does not share what is laid over it.
            let table = if table.is_empty() { new_map() } else { table };
            merge_tables(&imported, &nested(parent, table), warnings)?;
        }
        dependency.import_values = pairs
            .into_iter()
            .map(|(child, parent)| serde_json::json!({"child": child, "parent": parent}))
            .collect();
    }
    if !imported.is_empty() {
        // What was imported still shares mappings with the chart's values, which are about to change.
        own = copy(&own)?;
        merge_tables(&own, &imported, warnings)?;
    }
    node.borrow_mut().imported = Some(own);
    Ok(())
}

/// Where values come from in the child and go to in the parent; `exports.NAME` to the root for a plain name.
fn import_pair(value: &serde_json::Value) -> Option<(String, String)> {
    let text = |key: &str| match value.get(key) {
        Some(serde_json::Value::String(text)) => text.clone(),
        None | Some(serde_json::Value::Null) => "<nil>".to_owned(),
        Some(other) => other.to_string(),
    };
    match value {
        serde_json::Value::Object(_) => Some((text("child"), text("parent"))),
        serde_json::Value::String(name) => Some((format!("exports.{name}"), ".".to_owned())),
        _ => None,
    }
}

/// A mapping below the parts of a dotted path; `.` is the mapping itself.
fn nested(path: &str, table: Map) -> Map {
    if path == "." {
        return table;
    }
    path.split('.')
        .rev()
        .fold(table, |inner, part| [(Str::from(part), Value::Map(inner))].into_iter().collect())
}
