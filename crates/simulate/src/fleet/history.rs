use super::{App, Content, Item};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// What a commit holds for an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folder {
    /// These objects.
    Good(BTreeMap<Item, Content>),
    /// These objects, and a file that cannot be read: nothing follows from it.
    Broken(BTreeMap<Item, Content>),
}

impl Folder {
    /// The objects, readable or not.
    pub fn items(&self) -> &BTreeMap<Item, Content> {
        let (Self::Good(items) | Self::Broken(items)) = self;
        items
    }

    pub(crate) fn items_mut(&mut self) -> &mut BTreeMap<Item, Content> {
        let (Self::Good(items) | Self::Broken(items)) = self;
        items
    }

    /// The objects that it wants; `None` when it cannot be read.
    pub fn wanted(&self) -> Option<&BTreeMap<Item, Content>> {
        match self {
            Self::Good(items) => Some(items),
            Self::Broken(_) => None,
        }
    }
}

/// One state of the branch. A forced push, a revert and a plain commit each are the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What it holds, by app.
    pub folders: BTreeMap<App, Arc<Folder>>,
}

impl Head {
    /// What it holds for an app.
    pub fn folder(&self, app: App) -> &Folder {
        &self.folders[&app]
    }

    /// The files of an app's folder.
    pub(crate) fn files(&self, app: App) -> Vec<(String, String)> {
        let folder = self.folder(app);
        let mut files: Vec<(String, String)> = folder
            .items()
            .iter()
            .map(|(item, content)| (format!("{app}/{:?}-{}.yaml", item.kind, item.name), content.yaml(item)))
            .collect();
        if matches!(folder, Folder::Broken(_)) {
            files.push((format!("{app}/broken.yaml"), "apiVersion: v1\nkind: [\n".into()));
        }
        files
    }
}

/// Every state that the branch was in.
#[derive(Debug, Clone)]
pub struct History {
    heads: Vec<Head>,
}

impl History {
    /// A branch with its first state.
    pub fn new(first: Head) -> Self {
        Self { heads: vec![first] }
    }

    /// Moves the branch on.
    pub fn push(&mut self, head: Head) -> usize {
        self.heads.push(head);
        self.heads.len() - 1
    }

    /// The present state's number.
    pub fn newest(&self) -> usize {
        self.heads.len() - 1
    }

    /// A state by its number.
    pub fn head(&self, number: usize) -> &Head {
        &self.heads[number]
    }

    /// The numbers from `from` on.
    pub fn since(&self, from: usize) -> impl Iterator<Item = usize> + use<> {
        from..self.heads.len()
    }

    /// The commit of a state, as 40 hexadecimal digits.
    pub fn commit(number: usize) -> String {
        let mut text = String::new();
        let _ = write!(text, "{:040x}", 0xfeed_0000_usize + number);
        text
    }

    /// The state that a revision names (`main@sha1:<commit>` or the commit alone).
    pub fn number_of(&self, revision: &str) -> Option<usize> {
        let commit = revision.rsplit(':').next().unwrap_or(revision);
        let number = usize::from_str_radix(commit, 16).ok()?.checked_sub(0xfeed_0000)?;
        (number < self.heads.len()).then_some(number)
    }

    /// The first state from `from` on that wants exactly this content of an object for an app.
    pub fn first_with(&self, app: App, item: &Item, content: Content, from: usize) -> Option<usize> {
        self.since(from).find(|number| {
            self.head(*number).folder(app).wanted().is_some_and(|items| items.get(item) == Some(&content))
        })
    }

    /// Whether a state from `from` on is readable for an app and does not want an object.
    pub fn is_dropped_since(&self, app: App, item: &Item, from: usize) -> bool {
        self.since(from).any(|number| {
            self.head(number).folder(app).wanted().is_some_and(|items| !items.contains_key(item))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    fn head(items: &[(&str, u64)], broken: bool) -> Head {
        let items: BTreeMap<Item, Content> = items
            .iter()
            .map(|(name, content)| (Item { kind: Kind::ConfigMap, name: (*name).into() }, Content(*content)))
            .collect();
        let folder = Arc::new(if broken { Folder::Broken(items) } else { Folder::Good(items) });
        Head { folders: App::ALL.into_iter().map(|app| (app, folder.clone())).collect() }
    }

    #[test]
    fn what_cannot_be_read_drops_nothing_and_wants_nothing() {
        let item = Item { kind: Kind::ConfigMap, name: "a".into() };
        let mut history = History::new(head(&[("a", 1)], false));
        history.push(head(&[], true));
        assert!(!history.is_dropped_since(App::Base, &item, 0));
        assert_eq!(history.first_with(App::Base, &item, Content(1), 1), None);
        history.push(head(&[], false));
        assert!(history.is_dropped_since(App::Base, &item, 0));
        history.push(head(&[("a", 1)], false));
        assert!(!history.is_dropped_since(App::Base, &item, 3));
        assert_eq!(
            history.first_with(App::Base, &item, Content(1), 1),
            Some(3),
            "a revert is a state of its own"
        );
    }

    #[test]
    fn revisions_name_states() {
        let history = History::new(head(&[], false));
        let commit = History::commit(0);
        assert_eq!(history.number_of(&format!("main@sha1:{commit}")), Some(0));
        assert_eq!(history.number_of(&commit), Some(0));
        assert_eq!(history.number_of(&History::commit(1)), None);
    }
}
