use super::node::{FieldNode, ListNode, Node, ObjectNode, PatchNode, Relation, Rest};
use super::{Schemas, UNTYPED};
use serde_json::Value;

/// What a single value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// Text, whatever its format.
    String,
    /// `true` or `false`.
    Bool,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// An integer of no stated size.
    Integer,
    /// A floating point number.
    Double,
    /// A number of no stated form.
    Number,
    /// Bytes, as standard base64 text.
    Bytes,
    /// An RFC 3339 time (seconds, or microseconds for `MicroTime`).
    DateTime,
    /// A number or text, such as a port by number or name.
    IntOrString,
    /// A resource quantity: text or a number, equal when its amount is.
    Quantity,
}

impl Scalar {
    /// Every scalar with its name in the table.
    pub(super) const NAMES: [(Scalar, &'static str); 11] = [
        (Scalar::String, "string"),
        (Scalar::Bool, "bool"),
        (Scalar::Int32, "int32"),
        (Scalar::Int64, "int64"),
        (Scalar::Integer, "integer"),
        (Scalar::Double, "double"),
        (Scalar::Number, "number"),
        (Scalar::Bytes, "bytes"),
        (Scalar::DateTime, "date-time"),
        (Scalar::IntOrString, "int-or-string"),
        (Scalar::Quantity, "quantity"),
    ];
}

/// What a type is, seen through references.
#[derive(Debug, Clone, Copy)]
pub enum TypeKind<'a> {
    /// A single value.
    Scalar(Scalar),
    /// A struct, a map, or both.
    Object(ObjectType<'a>),
    /// A list.
    List(ListType<'a>),
    /// Anything. Where `atomic` is false, maps inside merge key by key and lists are replaced whole; where it is
    /// true (`RawExtension`) the value is replaced whole.
    Any {
        /// Whether the value has one owner as a whole.
        atomic: bool,
    },
}

/// A type of a [`Schemas`]. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct TypeRef<'a> {
    schemas: &'a Schemas,
    node: &'a Node,
    /// Set by a reference with its own `x-kubernetes-map-type`.
    atomic: Option<bool>,
}

static ANY: Node = Node::Any { atomic: false };

impl<'a> TypeRef<'a> {
    pub(super) fn new(schemas: &'a Schemas, node: &'a Node) -> Self {
        Self { schemas, node, atomic: None }
    }

    /// The type of values that no schema describes: maps merge key by key, lists are atomic. Server-side apply
    /// treats custom resources without a schema so ("deduced").
    pub fn untyped() -> TypeRef<'static> {
        TypeRef { schemas: &UNTYPED, node: &ANY, atomic: None }
    }

    /// True for types compiled into the API server: their objects are Go structs, so null and absent are one, and
    /// an object made from nothing already holds its inner structs.
    pub fn is_compiled(self) -> bool {
        !self.schemas.version().is_empty()
    }

    /// What the type is. References are followed; a reference that never ends is anything.
    pub fn kind(self) -> TypeKind<'a> {
        let (at, atomic) = self.resolve();
        match at.node {
            Node::Scalar(scalar, _) => TypeKind::Scalar(*scalar),
            Node::Object(object) => TypeKind::Object(ObjectType {
                schemas: at.schemas,
                node: object,
                atomic: atomic.unwrap_or(object.atomic),
            }),
            Node::List(list) => TypeKind::List(ListType { schemas: at.schemas, node: list }),
            Node::Any { atomic: own } => TypeKind::Any { atomic: atomic.unwrap_or(*own) },
            Node::Named { .. } | Node::ObjectMeta => TypeKind::Any { atomic: false },
        }
    }

    /// Follows references to the node itself; a cycle of bare references ends at the bound.
    fn resolve(self) -> (Self, Option<bool>) {
        const MAX_HOPS: usize = 16;
        let mut at = self;
        let mut atomic = self.atomic;
        for _ in 0..MAX_HOPS {
            match at.node {
                Node::Named { id, atomic: over } => {
                    atomic = atomic.or(*over);
                    at.node = at.schemas.node(*id);
                }
                Node::ObjectMeta => match Schemas::builtin().named("meta.v1.ObjectMeta") {
                    Some(meta) => at = meta,
                    None => return (Self::untyped(), None),
                },
                _ => break,
            }
        }
        (at, atomic)
    }

    /// The only values a scalar may have, or none when it is free.
    pub fn allowed_values(self) -> &'a [Value] {
        match self.resolve().0.node {
            Node::Scalar(_, values) => values,
            _ => &[],
        }
    }

    /// The short name of a named type, such as `core.v1.PodSpec`.
    pub fn name(self) -> Option<&'a str> {
        match self.node {
            Node::Named { id, .. } => Some(self.schemas.name_of(*id)),
            Node::ObjectMeta => Some("meta.v1.ObjectMeta"),
            _ => None,
        }
    }

    /// The field `name` of an object type.
    pub fn field(self, name: &str) -> Option<Field<'a>> {
        match self.kind() {
            TypeKind::Object(object) => object.field(name),
            _ => None,
        }
    }

    /// The type below a key: the field's, the map's values', or anything below anything. `None` where the key is
    /// not known.
    pub fn child(self, key: &str) -> Option<TypeRef<'a>> {
        match self.kind() {
            TypeKind::Object(object) => object.child(key),
            TypeKind::Any { .. } => Some(self.below_any()),
            TypeKind::Scalar(_) | TypeKind::List(_) => None,
        }
    }

    /// The type of a list's items: anything for lists inside untyped values, `None` where this is no list.
    pub fn items(self) -> Option<TypeRef<'a>> {
        match self.kind() {
            TypeKind::List(list) => Some(list.items()),
            TypeKind::Any { .. } => Some(self.below_any()),
            TypeKind::Scalar(_) | TypeKind::Object(_) => None,
        }
    }

    /// Below an untyped value, all is untyped in the same way.
    fn below_any(self) -> TypeRef<'a> {
        self.resolve().0
    }

    /// The type at a path of field names, seen from here; list items are entered with `"*"`.
    pub fn at(self, path: &[&str]) -> Option<TypeRef<'a>> {
        path.iter().try_fold(self, |at, key| if *key == "*" { at.items() } else { at.child(key) })
    }
}

/// An object type: named fields and, perhaps, a type for all other keys.
#[derive(Debug, Clone, Copy)]
pub struct ObjectType<'a> {
    schemas: &'a Schemas,
    node: &'a ObjectNode,
    atomic: bool,
}

impl<'a> ObjectType<'a> {
    /// The named fields, sorted by name.
    pub fn fields(self) -> impl Iterator<Item = Field<'a>> {
        self.node.fields.iter().map(move |node| Field { schemas: self.schemas, node })
    }

    /// A field by name.
    pub fn field(self, name: &str) -> Option<Field<'a>> {
        self.node.field(name).map(|node| Field { schemas: self.schemas, node })
    }

    /// The type of keys that are no named fields: a map's values, or anything where unknown keys are kept.
    pub fn other_keys(self) -> Option<TypeRef<'a>> {
        match &self.node.rest {
            Rest::Closed => None,
            Rest::Open => Some(TypeRef { schemas: self.schemas, node: &ANY, atomic: None }),
            Rest::Of(node) => Some(TypeRef::new(self.schemas, node)),
        }
    }

    /// The type below any key, or `None` where the key is not known.
    pub fn child(self, key: &str) -> Option<TypeRef<'a>> {
        self.field(key).map(Field::ty).or_else(|| self.other_keys())
    }

    /// True for `x-kubernetes-map-type: atomic`: the whole object has one owner.
    pub fn is_atomic(self) -> bool {
        self.atomic
    }

    /// True without named fields: all keys are alike.
    pub fn is_map(self) -> bool {
        self.node.fields.is_empty()
    }

    /// True for `x-kubernetes-preserve-unknown-fields` on this very object: unknown keys here are not pruned.
    pub fn preserves_unknown(self) -> bool {
        self.node.preserve_unknown
    }
}

/// A list type.
#[derive(Debug, Clone, Copy)]
pub struct ListType<'a> {
    schemas: &'a Schemas,
    node: &'a ListNode,
}

/// How the items of a list relate to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind<'a> {
    /// The list is one value with one owner.
    Atomic,
    /// Scalars, each at most once.
    Set,
    /// Objects, told apart by the values of these fields.
    Map(&'a [Box<str>]),
}

impl<'a> ListType<'a> {
    /// The type of the items.
    pub fn items(self) -> TypeRef<'a> {
        TypeRef::new(self.schemas, &self.node.items)
    }

    /// How the items relate: `x-kubernetes-list-type`, or what the patch strategy implies where that is absent.
    pub fn kind(self) -> ListKind<'a> {
        match &self.node.relation {
            Relation::Atomic => ListKind::Atomic,
            Relation::Set => ListKind::Set,
            Relation::Map(keys) => ListKind::Map(keys),
        }
    }
}

/// A named field of an object type.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    schemas: &'a Schemas,
    node: &'a FieldNode,
}

impl<'a> Field<'a> {
    /// Its name.
    pub fn name(self) -> &'a str {
        &self.node.name
    }

    /// Its type.
    pub fn ty(self) -> TypeRef<'a> {
        TypeRef::new(self.schemas, &self.node.node)
    }

    /// The OpenAPI default. For built-in kinds this is often Go's zero value and says only that the field is
    /// always written; the server's own defaulting knows more.
    pub fn default(self) -> Option<&'a Value> {
        self.node.default.as_ref()
    }

    /// True when the object is not valid without it.
    pub fn is_required(self) -> bool {
        self.node.required
    }

    /// True when an explicit null is a value.
    pub fn is_nullable(self) -> bool {
        self.node.nullable
    }

    /// How a strategic merge patch treats it.
    pub fn patch_strategy(self) -> PatchStrategy<'a> {
        let PatchNode { merge, replace, retain_keys, merge_key } = &self.node.patch;
        PatchStrategy {
            merge: *merge,
            replace: *replace,
            retain_keys: *retain_keys,
            merge_key: merge_key.as_deref(),
        }
    }
}

/// A field's `x-kubernetes-patch-strategy` and merge key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PatchStrategy<'a> {
    /// Lists are merged by the key, or as sets of scalars; without it lists are replaced.
    pub merge: bool,
    /// Maps are replaced rather than merged.
    pub replace: bool,
    /// `$retainKeys`: keys that a patch does not name are dropped (unions such as volume sources).
    pub retain_keys: bool,
    /// The field that tells items apart.
    pub merge_key: Option<&'a str>,
}
