use super::{Laws, Look};
use crate::fleet::{Api, App, Content, History, Item};
use holdfast_object::Value;

/// What a status says to be in force.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    revision: String,
    generation: Option<i64>,
}

impl Laws {
    /// When a status says that a revision is in force, it is.
    pub(super) fn claims_truly(
        &mut self,
        look: &Look<'_>,
        app: App,
        before: Option<&Value>,
        after: Option<&Value>,
    ) {
        let Some(claim) = after.and_then(|custom| claim_of(app, custom)) else { return };
        if before.and_then(|custom| claim_of(app, custom)) == Some(claim.clone()) {
            return;
        }
        let Some(state) = look.history(|history| history.number_of(&claim.revision)) else {
            return self
                .violate("status tells the truth", format!("{app}: no such revision: {}", claim.revision));
        };
        let generation = after.and_then(|c| c.pointer("/metadata/generation")).and_then(Value::as_i64);
        if claim.generation.is_some() && claim.generation > generation {
            let text = format!("{app} has observed {:?} of {generation:?}", claim.generation);
            self.violate("status tells the truth", text);
        }
        let reached = self.claimed.entry(app).or_default();
        *reached = (*reached).max(state);
        let wanted = look.history(|history| history.head(state).folder(app).wanted().cloned());
        let Some(wanted) = wanted else {
            let text = format!("{app} says that state {state} is in force, which cannot be read");
            return self.violate("status tells the truth", text);
        };
        for (item, content) in wanted {
            if self.is_fresh(&item, look.now) {
                continue;
            }
            let live = look.world.item(&item);
            let is_newer = look.history(|history| is_newer(history, &item, live.as_ref(), app, state));
            let problem = match &live {
                None => Some("it is not there".to_owned()),
                Some(live) => content.differs(&item, live),
            };
            if let (Some(problem), false) = (problem, is_newer) {
                let text = format!("{app} says that state {state} is in force; {item}: {problem}");
                self.violate("status tells the truth", text);
            }
        }
    }
}

/// Whether an object is as a newer state wants it, of this app or of the one that it moved to.
fn is_newer(history: &History, item: &Item, live: Option<&Value>, app: App, state: usize) -> bool {
    match live.and_then(Content::of) {
        None => history.is_dropped_since(app, item, state + 1),
        Some(content) => {
            App::ALL.into_iter().any(|other| history.first_with(other, item, content, state + 1).is_some())
        }
    }
}

fn claim_of(app: App, custom: &Value) -> Option<Claim> {
    let text = |path: &str| custom.pointer(path).and_then(Value::as_str);
    match app.api() {
        Api::Flux => {
            let conditions = custom.pointer("/status/conditions")?.as_array()?;
            let ready = conditions.iter().find(|c| c["type"] == "Ready")?;
            if ready["status"] != "True" {
                return None;
            }
            Some(Claim {
                revision: text("/status/lastAppliedRevision")?.to_owned(),
                generation: custom.pointer("/status/observedGeneration").and_then(Value::as_i64),
            })
        }
        Api::ArgoCd => {
            if text("/status/sync/status") != Some("Synced") {
                return None;
            }
            Some(Claim { revision: text("/status/sync/revision")?.to_owned(), generation: None })
        }
    }
}
