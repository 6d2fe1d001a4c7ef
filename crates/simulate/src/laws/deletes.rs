use super::{Laws, Look, marks};
use crate::fleet::{App, Item};
use crate::wire::Asked;
use holdfast_object::Value;

impl Laws {
    /// Nothing is deleted that is not ours, that is still wanted, or that was not looked at.
    pub(super) fn deletes_rightly(
        &mut self,
        look: &Look<'_>,
        asked: &Asked,
        item: &Item,
        before: Option<&Value>,
        done: bool,
    ) {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let has =
            |field: &str| body.pointer(&format!("/preconditions/{field}")).is_some_and(Value::is_string);
        if !has("uid") || !has("resourceVersion") {
            self.violate("every delete carries its precondition", format!("{item} was deleted without"));
        }
        let Some(before) = before.filter(|_| done) else { return };
        let owners = marks(item, before);
        if owners.is_empty() {
            self.violate("never delete what is not ours", format!("{item} carries no mark of ours"));
        }
        for app in owners {
            if let Some(why) = self.is_wanted(look, app, item) {
                self.violate("never delete what is wanted", format!("{item} of {app}: {why}"));
            }
            self.may_touch(look, app, item, "deleted");
        }
    }

    fn is_wanted(&self, look: &Look<'_>, app: App, item: &Item) -> Option<&'static str> {
        let custom = look.world.custom(app)?;
        if custom.pointer("/metadata/deletionTimestamp").is_some() {
            return None;
        }
        let floor = self.floors.get(&(app, item.clone())).copied().unwrap_or_default();
        let dropped = look.history(|history| history.is_dropped_since(app, item, floor));
        (!dropped).then_some("no state of the branch since the one applied is without it")
    }

    /// A suspended app is left alone, and a manual one changes only while somebody asked for it.
    pub(super) fn may_touch(&mut self, look: &Look<'_>, app: App, item: &Item, how: &str) {
        let custom = look.world.custom(app);
        let is_going =
            custom.as_ref().is_none_or(|custom| custom.pointer("/metadata/deletionTimestamp").is_some());
        if self.is_known_suspended(app, look.now) && !is_going {
            self.violate("a suspended app is left alone", format!("{item} of {app} was {how}"));
        }
        if app.is_manual() && !is_going {
            let asked = custom.is_some_and(|custom| {
                // An operation that our process gave itself is nobody's wish.
                custom.get("operation").is_some()
                    && custom.pointer("/operation/initiatedBy/automated") != Some(&true.into())
            });
            // A wish that a restore took back a moment ago may be under way.
            if !asked && !self.is_restored_lately(look) {
                let text = format!("{item} of {app} was {how} though nobody asked");
                self.violate("a manual app is never synced by itself", text);
            }
        }
    }
}
