//! Following names: a field that names another object gets the name that object has now.

use crate::budget::Budget;
use crate::config::{Config, NameReference, Spec};
use crate::error::{BuildError, Result};
use crate::node::{Node, wrong_kind};
use crate::resource::{Gvk, ResId, ResSet, Resource};
use crate::transform::{Make, visit_any};
use std::collections::{HashMap, HashSet};

/// Rewrites the references of every resource.
///
/// Candidates are found by any of their earlier names, so the work grows with the references, not with the square
/// of the resources.
pub(crate) fn fix_references(set: &mut ResSet, config: &Config, budget: &Budget) -> Result<()> {
    let by_kind = specs_by_kind(config);
    let index = Index::new(&set.list);
    if index.by_name.is_empty() {
        return Ok(());
    }
    for at in 0..set.list.len() {
        let original = set.list[at].original_id();
        let of_kind = by_kind.get(original.gvk.kind.as_str()).map_or(&[][..], Vec::as_slice);
        let of_any = by_kind.get("").map_or(&[][..], Vec::as_slice);
        if of_kind.is_empty() && of_any.is_empty() {
            continue;
        }
        // The candidates are read while the referrer is written: its document is taken out meanwhile.
        let mut node = std::mem::take(&mut set.list[at].node);
        let pass = Pass::new(&set.list, &index, at, &node, budget);
        let places = merge_order(of_kind, of_any);
        let mut selected = places.iter().filter(|place| original.gvk.is_selected(&place.spec.gvk));
        let outcome = selected.try_for_each(|place| pass.run(&mut node, place));
        set.list[at].node = node;
        outcome?;
    }
    Ok(())
}

/// A field that may hold a name of the target kind.
#[derive(Clone, Copy)]
struct Place<'c> {
    order: usize,
    target: &'c Gvk,
    spec: &'c Spec,
}

fn specs_by_kind(config: &Config) -> HashMap<&str, Vec<Place<'_>>> {
    let mut by_kind: HashMap<&str, Vec<Place<'_>>> = HashMap::new();
    let mut order = 0;
    for NameReference { target, referrers } in &config.name_reference {
        for spec in referrers {
            by_kind.entry(spec.gvk.kind.as_str()).or_default().push(Place { order, target, spec });
            order += 1;
        }
    }
    by_kind
}

fn merge_order<'p, 'c>(a: &'p [Place<'c>], b: &'p [Place<'c>]) -> Vec<&'p Place<'c>> {
    let mut places: Vec<&Place<'_>> = a.iter().chain(b).collect();
    if !b.is_empty() {
        places.sort_by_key(|p| p.order);
    }
    places
}

/// Resources by the names they had.
struct Index {
    by_name: HashMap<String, Vec<u32>>,
    by_first_namespace: HashMap<String, Vec<u32>>,
    /// Their names now, apart from the documents.
    names: Vec<Names>,
}

struct Names {
    name: String,
    namespace: String,
}

impl Index {
    fn new(list: &[Resource]) -> Self {
        let mut by_name: HashMap<String, Vec<u32>> = HashMap::new();
        let mut by_first_namespace: HashMap<String, Vec<u32>> = HashMap::new();
        for (at, resource) in list.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let first = resource.previous.first().map_or(resource.id.effective_namespace(), |p| &p.namespace);
            let first = if first.is_empty() { "default" } else { first };
            match by_first_namespace.get_mut(first) {
                Some(places) => places.push(at),
                None => {
                    by_first_namespace.insert(first.to_owned(), vec![at]);
                }
            }
            for previous in &resource.previous {
                let places = by_name.entry(previous.name.clone()).or_default();
                if places.last() != Some(&at) {
                    places.push(at);
                }
            }
        }
        let names = list
            .iter()
            .map(|r| Names { name: r.id.name.clone(), namespace: r.id.namespace.clone() })
            .collect();
        Self { by_name, by_first_namespace, names }
    }
}

struct Pass<'s> {
    list: &'s [Resource],
    index: &'s Index,
    at: usize,
    budget: &'s Budget,
    id: &'s ResId,
    role_ref: Option<Gvk>,
    binding_namespaces: HashSet<String>,
}

impl<'s> Pass<'s> {
    fn new(list: &'s [Resource], index: &'s Index, at: usize, document: &Node, budget: &'s Budget) -> Self {
        let id = &list[at].id;
        let role_ref = role_ref(document);
        Self { list, index, at, budget, id, role_ref, binding_namespaces: binding_namespaces(id, document) }
    }

    /// By the kind it had first: patches may have changed it since.
    fn run(&self, document: &mut Node, place: &Place<'_>) -> Result<()> {
        visit_any(document, self.id, place.spec, Make::Nothing, &mut |node| self.set(node, place))
            .map_err(|e| BuildError { message: format!("updating name reference: {}", e.message), ..e })
    }

    fn set(&self, node: &mut Node, place: &Place<'_>) -> std::result::Result<(), String> {
        match node {
            node if node.is_null() => Ok(()),
            Node::Scalar(_) => self.set_scalar(node, place),
            Node::Map(_) => self.set_mapping(node, place),
            Node::Seq(items) => items.iter_mut().try_for_each(|item| match item {
                item if item.is_null() => Ok(()),
                Node::Scalar(_) => self.set_scalar(item, place),
                Node::Map(_) => self.set_mapping(item, place),
                Node::Seq(_) => Err(wrong_kind("a string or a mapping", item)),
            }),
        }
    }

    fn set_scalar(&self, node: &mut Node, place: &Place<'_>) -> std::result::Result<(), String> {
        let old = node.raw_text();
        let candidates = self.candidates(old, None);
        let Some(found) = self.select(candidates, place, false)? else { return Ok(()) };
        let new = &self.index.names[found].name;
        if *new != old {
            self.budget.spend(new.len())?;
            node.set_untagged(new.clone());
        }
        Ok(())
    }

    fn set_mapping(&self, node: &mut Node, place: &Place<'_>) -> std::result::Result<(), String> {
        let Node::Map(map) = node else { return Ok(()) };
        let Some(name) = map.get("name") else {
            return Err("path config error; no 'name' field in node".into());
        };
        let old = name.raw_text().to_owned();
        let namespace = map.get("namespace").map(|n| n.raw_text().to_owned());
        let candidates = self.candidates(&old, namespace.as_deref());
        let Some(found) = self.select(candidates, place, true)? else { return Ok(()) };
        let Names { name, namespace } = &self.index.names[found];
        if *name == old && namespace.is_empty() {
            return Ok(());
        }
        if let Some(node) = map.get_mut("name") {
            node.set_untagged(name.clone());
        }
        if namespace.is_empty() {
            return Ok(());
        }
        match map.get_mut("namespace") {
            Some(node) => node.set_untagged(namespace.clone()),
            None => map.set("namespace", Node::text(namespace.clone())),
        }
        Ok(())
    }

    /// Resources that had the name and that this one can refer to; with a namespace only those of it: by their
    /// first namespace if any has it, else by today's.
    fn candidates(&self, name: &str, namespace: Option<&str>) -> Vec<usize> {
        let named = self.index.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let visible = named.iter().map(|at| *at as usize).filter(|at| self.can_refer_to(*at));
        let Some(namespace) = namespace else { return visible.collect() };
        let first = |at: usize| {
            let first = self.list[at].previous.first().map_or("", |p| p.namespace.as_str());
            if first.is_empty() { "default" } else { first }
        };
        // The original groups all candidates, not only those of the name.
        let grouped = self.index.by_first_namespace.get(namespace).map_or(&[][..], Vec::as_slice);
        let any_first = grouped.iter().any(|at| self.can_refer_to(*at as usize));
        visible
            .filter(|at| {
                if any_first {
                    first(*at) == namespace
                } else {
                    self.list[*at].id.effective_namespace() == namespace
                }
            })
            .collect()
    }

    fn can_refer_to(&self, at: usize) -> bool {
        let other = &self.list[at].id;
        self.id.cluster_scoped
            || other.cluster_scoped
            || self.id.same_namespace(other)
            || (!self.binding_namespaces.is_empty() && self.binding_namespaces.contains(&other.namespace))
    }

    /// The one resource that is meant, or none.
    fn select(
        &self,
        mut candidates: Vec<usize>,
        place: &Place<'_>,
        whole: bool,
    ) -> std::result::Result<Option<usize>, String> {
        let list = self.list;
        candidates.retain(|at| had_kind(&list[*at], place.target));
        if place.spec.path.ends_with("roleRef/name")
            && let Some(kind) = &self.role_ref
        {
            candidates.retain(|at| had_kind(&list[*at], kind));
        }
        if !self.id.cluster_scoped {
            candidates.retain(|at| {
                let id = &list[*at].id;
                id.cluster_scoped || id.gvk.kind == "ServiceAccount" || self.id.same_namespace(id)
            });
        }
        if let [only] = candidates[..] {
            return Ok(Some(only));
        }
        let own = &list[self.at];
        candidates.retain(|at| same_lineage(&list[*at], own, true));
        if candidates.len() > 1 {
            candidates.retain(|at| same_lineage(&list[*at], own, false));
        }
        let Some(first) = candidates.first().copied() else { return Ok(None) };
        let names = &self.index.names;
        let same = |at: &usize| {
            names[*at].name == names[first].name && (!whole || names[*at].namespace == names[first].namespace)
        };
        if candidates.iter().all(same) {
            return Ok(Some(first));
        }
        let ids: Vec<String> = candidates.iter().map(|at| list[*at].id.to_string()).collect();
        Err(format!("found multiple possible referrals: {}", ids.join(", ")))
    }
}

fn had_kind(resource: &Resource, gvk: &Gvk) -> bool {
    let id = &resource.id.gvk;
    (gvk.group.is_empty() || gvk.group == id.group)
        && (gvk.version.is_empty() || gvk.version == id.version)
        && (gvk.kind.is_empty() || resource.previous.iter().any(|p| p.kind == gvk.kind))
}

/// True when prefixes and suffixes end alike; with `open` also when one of them has none.
fn same_lineage(a: &Resource, b: &Resource, open: bool) -> bool {
    let fits = |a: &[String], b: &[String]| {
        if a.is_empty() || b.is_empty() {
            return open || a.len() == b.len();
        }
        a.ends_with(b) || b.ends_with(a)
    };
    fits(&a.prefixes, &b.prefixes) && fits(&a.suffixes, &b.suffixes)
}

fn role_ref(node: &Node) -> Option<Gvk> {
    let role_ref = node.get("roleRef")?;
    Some(Gvk::new(role_ref.get("apiGroup")?.raw_text(), "", role_ref.get("kind")?.raw_text()))
}

/// Namespaces of the service accounts that a role binding names: it may refer to what is in them.
fn binding_namespaces(id: &ResId, document: &Node) -> HashSet<String> {
    if id.gvk.kind != "RoleBinding" {
        return HashSet::new();
    }
    let subjects = document.get("subjects").and_then(Node::as_seq).unwrap_or_default();
    subjects
        .iter()
        .filter(|s| s.get("kind").is_some_and(|k| k.raw_text() == "ServiceAccount"))
        .filter_map(|s| s.get("namespace").map(|n| n.raw_text().to_owned()))
        .collect()
}
