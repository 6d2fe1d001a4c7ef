//! What happens to the branch.

use crate::dice::Dice;
use crate::fleet::{App, Content, Folder, Head, Item, Kind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names that the objects of one kind have; few, so that they come back. The Kustomizations share theirs, as objects
/// move between them; an object that two APIs want would keep the marks of both.
const NAMES: usize = 9;
/// The most objects of an app.
const MOST: usize = 5;

/// Makes states of the branch out of earlier ones.
pub(crate) struct Commits {
    dice: Dice,
    number: u64,
}

impl Commits {
    pub(crate) fn new(dice: Dice) -> Self {
        Self { dice, number: 100 }
    }

    /// The first state: a few objects of each app.
    pub(crate) fn first(&mut self) -> Head {
        let mut head = Head { folders: BTreeMap::new() };
        for app in App::ALL {
            head.folders.insert(app, Arc::new(Folder::Good(BTreeMap::new())));
        }
        for app in App::ALL {
            for _ in 0..2 + self.dice.below(2) {
                self.add(&mut head, app);
            }
        }
        head
    }

    /// The state after `head`. `past` answers any earlier state.
    pub(crate) fn next(&mut self, head: &Head, past: impl Fn(&mut Dice) -> Head) -> (Head, &'static str) {
        let mut next = head.clone();
        let app = *self.dice.pick(&App::ALL).unwrap_or(&App::Base);
        let what = match self.dice.below(20) {
            0..6 => {
                for _ in 0..=self.dice.below(2) {
                    let app = *self.dice.pick(&App::ALL).unwrap_or(&App::Base);
                    self.change(&mut next, app);
                }
                "changes"
            }
            6..9 => {
                self.add(&mut next, app);
                "adds"
            }
            9..13 => {
                self.drop_one(&mut next, app);
                "removes"
            }
            13..15 => {
                self.rename(&mut next);
                "moves"
            }
            15 => {
                let folder = items(&mut next, app).clone();
                next.folders.insert(app, Arc::new(Folder::Broken(folder)));
                "breaks"
            }
            16..18 => {
                next = past(&mut self.dice);
                "reverts"
            }
            _ => {
                for app in App::ALL {
                    self.change(&mut next, app);
                }
                "changes all"
            }
        };
        if what != "breaks" && what != "reverts" && self.dice.below(2) == 0 {
            repair(&mut next);
        }
        (next, what)
    }

    /// The state after `head` with one more object of a Kustomization, unless there is no room.
    pub(crate) fn grown(&mut self, head: &Head) -> Head {
        let mut next = head.clone();
        let app = *self.dice.pick(&[App::Base, App::Shop, App::Docs]).unwrap_or(&App::Base);
        self.add(&mut next, app);
        next
    }

    /// The state after `head` with something to roll out for the app that waits until its objects are healthy.
    pub(crate) fn rollout(&mut self, head: &Head) -> Head {
        let mut next = head.clone();
        let content = self.content();
        let all = items(&mut next, App::Docs);
        let is_deployment = |item: &&Item| item.kind == Kind::Deployment;
        let item = all.keys().find(is_deployment).cloned();
        let item = item.unwrap_or_else(|| Item { kind: Kind::Deployment, name: "item-docs".into() });
        all.insert(item, content);
        next
    }

    /// The last state: everything is readable, and every app has something new.
    pub(crate) fn last(&mut self, head: &Head) -> Head {
        let mut next = head.clone();
        repair(&mut next);
        for app in App::ALL {
            self.change(&mut next, app);
        }
        next
    }

    fn content(&mut self) -> Content {
        self.number += 1;
        Content(self.number)
    }

    fn change(&mut self, head: &mut Head, app: App) {
        let content = self.content();
        let names: Vec<Item> = head.folder(app).items().keys().cloned().collect();
        if let Some(item) = self.dice.pick(&names) {
            items(head, app).insert(item.clone(), content);
        }
    }

    fn add(&mut self, head: &mut Head, app: App) {
        // Deployments are dear: everything that follows from one is simulated too.
        let kinds = [Kind::ConfigMap, Kind::ConfigMap, Kind::Secret, Kind::Service, Kind::Deployment];
        let kind = *self.dice.pick(&kinds).unwrap_or(&Kind::ConfigMap);
        let pool = match app {
            App::Base | App::Shop | App::Docs => "",
            App::Web | App::Batch => app.name(),
        };
        let item = Item { kind, name: format!("item-{pool}{}", self.dice.below(NAMES)) };
        let is_taken = App::ALL.into_iter().any(|app| head.folder(app).items().contains_key(&item));
        if !is_taken && head.folder(app).items().len() < MOST {
            let content = self.content();
            items(head, app).insert(item, content);
        } else if head.folder(app).items().is_empty() {
            // An app never has nothing, or its folder would not be there.
            let content = self.content();
            let item = Item { kind: Kind::ConfigMap, name: format!("item-{app}") };
            items(head, app).insert(item, content);
        }
    }

    fn drop_one(&mut self, head: &mut Head, app: App) {
        let names: Vec<Item> = head.folder(app).items().keys().cloned().collect();
        if let Some(item) = self.dice.pick(&names).filter(|_| names.len() > 1) {
            items(head, app).remove(item);
        }
    }

    /// An object changes from one Kustomization to another.
    fn rename(&mut self, head: &mut Head) {
        let flux = [App::Base, App::Shop, App::Docs];
        let (from, to) =
            (*self.dice.pick(&flux).unwrap_or(&App::Base), *self.dice.pick(&flux).unwrap_or(&App::Shop));
        let names: Vec<Item> = head.folder(from).items().keys().cloned().collect();
        if from == to || names.len() < 2 {
            return;
        }
        let Some(item) = self.dice.pick(&names) else { return };
        let content = self.content();
        items(head, from).remove(item);
        items(head, to).insert(item.clone(), content);
    }
}

/// What a state holds for an app, to be changed.
pub(crate) fn items(head: &mut Head, app: App) -> &mut BTreeMap<Item, Content> {
    let folder = head.folders.entry(app).or_insert_with(|| Arc::new(Folder::Good(BTreeMap::new())));
    Arc::make_mut(folder).items_mut()
}

fn repair(head: &mut Head) {
    for folder in head.folders.values_mut() {
        if let Folder::Broken(items) = &**folder {
            *folder = Arc::new(Folder::Good(items.clone()));
        }
    }
}
