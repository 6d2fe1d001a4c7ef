use super::Laws;
use crate::fleet::App;
use crate::wire::{Asked, Role};
use crate::world::World;

/// A write of ours to an app's custom resource, from when it is sent until its answer is there or nobody waits for it
/// any more.
pub(crate) struct Turn {
    world: World,
    life: u32,
    app: App,
}

impl Turn {
    /// Takes the turn of a write to a custom resource; `None` for any other request.
    ///
    /// Two at once are against the law: whoever reconciles an app writes one thing after the other, so that somebody
    /// else must be reconciling it at the same time.
    pub(crate) fn take(world: &World, role: Role, asked: &Asked) -> Option<Self> {
        let Role::Ours(life) = role else { return None };
        let app = asked.app().filter(|_| asked.is_write())?;
        let is_taken = !world.laws(|laws| laws.turns.insert((life, app)));
        if is_taken {
            let text = format!("two writes to {app} at the same time");
            world.laws(|laws| laws.violate("one reconcile at a time", text));
            return None;
        }
        Some(Self { world: world.clone(), life, app })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.world.laws(|laws: &mut Laws| laws.turns.remove(&(self.life, self.app)));
    }
}
