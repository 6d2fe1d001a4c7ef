//! Objects below their owners.

use crate::condition::{text, time};
use holdfast_health::{Health, RuleSet, argocd_has_rule, assess};
use holdfast_object::{Object, Value};
use std::collections::{HashMap, HashSet};

/// An object, and what it owns.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'o> {
    /// The object.
    pub object: &'o Object,
    /// How it is, by the rules that were asked for; `None` for kinds that have no rule.
    pub health: Option<Health>,
    /// What it owns, by `ownerReferences`, the oldest first.
    pub children: Vec<Node<'o>>,
}

/// The trees of some objects: each root with everything among `candidates` that it owns, directly or not. An object
/// with several owners stands below the first that is met, and roots stand on their own even when another root owns
/// them; so every object stands once, whatever the references say.
pub fn trees<'o>(roots: &[&'o Object], candidates: &'o [Object], rules: RuleSet) -> Vec<Node<'o>> {
    let mut owned: HashMap<&str, Vec<&'o Object>> = HashMap::new();
    for object in candidates {
        for owner in owners(object) {
            owned.entry(owner).or_default().push(object);
        }
    }
    for children in owned.values_mut() {
        children.sort_by_key(|o| (time(o.get(&["metadata", "creationTimestamp"])), o.key()));
    }
    let mut seen: HashSet<&str> = roots.iter().map(|root| root.uid()).collect();
    roots.iter().map(|root| node(root, &owned, &mut seen, rules)).collect()
}

fn node<'o>(
    object: &'o Object,
    owned: &HashMap<&str, Vec<&'o Object>>,
    seen: &mut HashSet<&'o str>,
    rules: RuleSet,
) -> Node<'o> {
    let mut children = Vec::new();
    for child in owned.get(object.uid()).into_iter().flatten().copied() {
        if seen.insert(child.uid()) {
            children.push(node(child, owned, seen, rules));
        }
    }
    Node { object, health: health(object, rules), children }
}

/// How an object is, by a rule set; `None` where that has nothing to say about the kind.
pub fn health(object: &Object, rules: RuleSet) -> Option<Health> {
    match rules {
        RuleSet::ArgoCd if !argocd_has_rule(object) => None,
        rules => Some(assess(object, rules)),
    }
}

/// The uids of an object's owners.
pub fn owners(object: &Object) -> impl Iterator<Item = &str> {
    let list = object.get(&["metadata", "ownerReferences"]).and_then(Value::as_array);
    list.into_iter().flatten().map(|owner| text(owner, "uid")).filter(|uid| !uid.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn object(kind: &str, uid: &str, owner: &str) -> Object {
        Object::new(json!({"apiVersion": "v1", "kind": kind,
            "metadata": {"name": uid, "uid": uid, "ownerReferences": [{"uid": owner}]}}))
        .unwrap()
    }

    fn draw(node: &Node<'_>) -> String {
        let children: Vec<String> = node.children.iter().map(draw).collect();
        if children.is_empty() {
            node.object.name().to_owned()
        } else {
            format!("{}({})", node.object.name(), children.join(" "))
        }
    }

    #[test]
    fn owned_objects_stand_below_their_owner() {
        let objects = [
            object("Deployment", "deploy", ""),
            object("ReplicaSet", "set", "deploy"),
            object("Pod", "a", "set"),
            object("Pod", "b", "set"),
            object("Pod", "alone", "nobody"),
        ];
        let trees = trees(&[&objects[0]], &objects, RuleSet::Kstatus);
        assert_eq!(trees.iter().map(draw).collect::<Vec<_>>(), ["deploy(set(a b))"]);
    }

    #[test]
    fn a_cycle_of_owners_ends() {
        let objects = [object("A", "a", "b"), object("B", "b", "a")];
        let trees = trees(&[&objects[0]], &objects, RuleSet::Kstatus);
        assert_eq!(trees.iter().map(draw).collect::<Vec<_>>(), ["a(b)"]);
    }
}
