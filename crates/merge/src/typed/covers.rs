use super::{Keys, Shape, item_element, shape};
use crate::values;
use holdfast_object::schema::{ListType, TypeRef};
use serde_json::{Map, Value};

/// True when merging a configuration into a live object would change nothing: every value is there, and the items of
/// its lists come in the same order. May say false where merging shows that nothing changes after all.
pub(crate) fn covers(live: &Value, config: &Value, ty: TypeRef<'_>) -> bool {
    match (shape(ty, config), live, config) {
        (Shape::Map(keys), Value::Object(live), Value::Object(config)) => covers_map(live, config, keys),
        (Shape::List(list), Value::Array(live), Value::Array(config)) => covers_items(live, config, list),
        (_, live, config) => values::equal(live, config),
    }
}

fn covers_map(live: &Map<String, Value>, config: &Map<String, Value>, keys: Keys<'_>) -> bool {
    config.iter().all(|(key, value)| live.get(key).is_some_and(|live| covers(live, value, keys.child(key))))
}

/// Every item is found after the one before it.
fn covers_items(live: &[Value], config: &[Value], list: ListType<'_>) -> bool {
    let mut rest = live.iter();
    config.iter().all(|item| {
        let Ok(wanted) = item_element(list, item) else { return false };
        let found = rest.find(|other| item_element(list, other).is_ok_and(|element| element == wanted));
        found.is_some_and(|other| covers(other, item, list.items()))
    })
}
