//! The tree that a schema is stored as; [`TypeRef`](super::TypeRef) is how others walk it.

use super::Scalar;
use serde_json::Value;

/// One type as stored: a scalar, an object, a list, a reference to a named type, or anything.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A single value, with the only values allowed (empty: all).
    Scalar(Scalar, Box<[Value]>),
    /// Any value at all. Not atomic: maps inside are merged key by key, lists are replaced.
    Any { atomic: bool },
    /// A struct, a map, or both.
    Object(Box<ObjectNode>),
    /// A list.
    List(Box<ListNode>),
    /// Another type of the same table; `atomic` overrides what that type says of itself.
    Named { id: u32, atomic: Option<bool> },
    /// `metadata` of a custom resource: the built-in `ObjectMeta`.
    ObjectMeta,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ObjectNode {
    /// Sorted by name.
    pub(super) fields: Vec<FieldNode>,
    pub(super) rest: Rest,
    pub(super) atomic: bool,
    pub(super) preserve_unknown: bool,
}

impl ObjectNode {
    pub(super) fn field(&self, name: &str) -> Option<&FieldNode> {
        self.fields.binary_search_by(|f| f.name.as_ref().cmp(name)).ok().and_then(|i| self.fields.get(i))
    }
}

/// What keys beside the fields hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Rest {
    /// No other keys are known.
    #[default]
    Closed,
    /// Anything.
    Open,
    /// Values of one type: a map.
    Of(Node),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListNode {
    pub(super) items: Node,
    pub(super) relation: Relation,
}

/// How the items of a list relate, after `x-kubernetes-list-type` or, where that is absent, the patch strategy.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Relation {
    Atomic,
    Set,
    Map(Box<[Box<str>]>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct FieldNode {
    pub(super) name: Box<str>,
    pub(super) node: Node,
    pub(super) default: Option<Value>,
    pub(super) required: bool,
    pub(super) nullable: bool,
    pub(super) patch: PatchNode,
}

/// `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key` of a field.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct PatchNode {
    pub(super) merge: bool,
    pub(super) replace: bool,
    pub(super) retain_keys: bool,
    pub(super) merge_key: Option<Box<str>>,
}
