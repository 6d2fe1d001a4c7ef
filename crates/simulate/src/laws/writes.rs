use super::{Laws, Look, marks};
use crate::fleet::{Content, Item};
use holdfast_object::Value;

impl Laws {
    /// An object never goes back to an older state of the branch, and never becomes what no state says.
    pub(super) fn writes_rightly(
        &mut self,
        look: &Look<'_>,
        item: &Item,
        before: Option<&Value>,
        after: Option<&Value>,
    ) {
        let Some(after) = after else { return };
        if before == Some(after) {
            return;
        }
        let content = Content::of(after);
        for app in marks(item, after) {
            self.may_touch(look, app, item, "written");
            self.is_listed(look, app, item);
            let Some(content) = content else { continue };
            if before.and_then(Content::of) == Some(content) {
                continue;
            }
            let key = (app, item.clone());
            let floor = self.floors.get(&key).copied().unwrap_or_default();
            let Some(state) = look.history(|history| history.first_with(app, item, content, floor)) else {
                let text = format!(
                    "{item} of {app} became {content:?}, which no state since {floor} of the branch says"
                );
                self.violate("never apply an older revision over a newer one", text);
                continue;
            };
            self.floors.insert(key, state);
            if let Some(dependency) = app.depends_on() {
                let reached = self.claimed.get(&dependency).copied();
                if reached.is_none_or(|reached| reached < state) {
                    let text = format!(
                        "{item} of {app} is of state {state}, and {dependency} has only reached {reached:?}"
                    );
                    self.violate("dependencies come first", text);
                }
            }
        }
    }
}
