use crate::fields::FieldPath;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// A field that another manager owns with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The other manager as the message prints it: `"kubectl" using apps/v1`.
    pub manager: String,
    /// The field.
    pub path: FieldPath,
}

/// All conflicts of an apply, never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflicts {
    /// The `details.causes` of the API's `Status`.
    pub fn causes(&self) -> Value {
        self.0
            .iter()
            .map(|c| {
                json!({
                    "reason": "FieldManagerConflict",
                    "message": format!("conflict with {}", c.manager),
                    "field": c.path.to_string(),
                })
            })
            .collect()
    }
}

impl fmt::Display for Conflicts {
    /// The API server's message: one line for one conflict, else a list for each manager.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return write!(f, "Apply failed with 1 conflict: conflict with {}: {}", only.manager, only.path);
        }
        let mut by_manager: BTreeMap<&str, Vec<&FieldPath>> = BTreeMap::new();
        for conflict in &self.0 {
            by_manager.entry(&conflict.manager).or_default().push(&conflict.path);
        }
        write!(f, "Apply failed with {} conflicts: ", self.0.len())?;
        for (index, (manager, paths)) in by_manager.iter().enumerate() {
            write!(f, "{}conflicts with {manager}:", if index == 0 { "" } else { "\n" })?;
            paths.iter().try_for_each(|path| write!(f, "\n- {path}"))?;
        }
        Ok(())
    }
}
