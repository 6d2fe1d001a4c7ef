use holdfast_object::{Object, ObjectSet, Origin};
use holdfast_tree::{Entry, FileTree};
use holdfast_yaml::Options;
use std::sync::Arc;

/// Groups whose resources make a folder one of Flux, Argo CD or Flagger.
const GROUPS: &[&str] = &[
    "source.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "helm.toolkit.fluxcd.io",
    "image.toolkit.fluxcd.io",
    "notification.toolkit.fluxcd.io",
    "argoproj.io",
    "flagger.app",
];

/// Folders below the start that are looked into, and files that are read: a bound for a mistaken start.
const MAX_DEPTH: usize = 24;
const MAX_FILES: usize = 20_000;

/// The custom resources of a folder.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The resources with their files, each once.
    pub resources: ObjectSet,
    /// Files that could not be read as manifests and that seem to hold one of these resources.
    pub broken: Vec<String>,
    /// How many manifests were looked at.
    pub files: usize,
}

impl Found {
    /// How many of each kind there are, apps before the others.
    pub fn counts(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<(bool, String, usize)> = Vec::new();
        for entry in &self.resources {
            let (is_other, kind) = (!crate::is_app(&entry.object), entry.object.kind());
            match counts.iter_mut().find(|(_, known, _)| known == kind) {
                Some((.., count)) => *count += 1,
                None => counts.push((is_other, kind.to_owned(), 1)),
            }
        }
        counts.sort();
        counts.into_iter().map(|(_, kind, count)| (kind, count)).collect()
    }
}

/// Finds the custom resources of Flux, Argo CD and Flagger in a folder and all below it. Charts' templates are not
/// looked into; files that are no manifests are passed over.
pub fn discover(tree: &dyn FileTree, folder: &str) -> Found {
    let mut found = Found::default();
    walk(tree, folder, 0, &mut found);
    let mut seen = std::collections::HashSet::new();
    found.resources =
        std::mem::take(&mut found.resources).into_iter().filter(|e| seen.insert(e.object.key())).collect();
    found
}

fn walk(tree: &dyn FileTree, folder: &str, depth: usize, found: &mut Found) {
    let Ok(entries) = tree.list(folder) else { return };
    let is_chart = entries.iter().any(|named| named.name == "Chart.yaml");
    for named in entries {
        let path = if folder.is_empty() { named.name.clone() } else { format!("{folder}/{}", named.name) };
        match named.entry {
            Entry::Folder if named.name.starts_with('.') || (is_chart && named.name == "templates") => {}
            Entry::Folder if depth < MAX_DEPTH => walk(tree, &path, depth + 1, found),
            Entry::File { .. } if is_manifest(&named.name) && found.files < MAX_FILES => {
                read(tree, &path, found)
            }
            _ => {}
        }
    }
}

fn is_manifest(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

fn read(tree: &dyn FileTree, path: &str, found: &mut Found) {
    let Ok(content) = tree.read(path) else { return };
    found.files += 1;
    // Most manifests of a repository are others; whether a group is named at all is quickly told.
    let mentions = |group: &&str| content.windows(group.len()).any(|window| window == group.as_bytes());
    if !GROUPS.iter().any(mentions) {
        return;
    }
    let file: Arc<str> = path.into();
    for document in holdfast_yaml::documents(&content, &Options::v2()) {
        match document {
            Ok(document) => {
                let Ok(object) = Object::new(document.value) else { continue };
                // A kustomization.yaml has a group of its own, and no name.
                if GROUPS.contains(&object.gvk().group.as_str()) && !object.name().is_empty() {
                    let origin = Origin { file: file.clone(), line: document.line, document: document.index };
                    found.resources.push(object, Some(origin));
                }
            }
            Err(error) => found.broken.push(format!("{path}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_tree::MemoryTree;

    #[test]
    fn resources_are_found_and_others_passed_over() {
        let mut tree = MemoryTree::new();
        let app = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: a\n";
        tree.insert("fleet/apps/a.yaml", format!("# an app\n{app}"));
        tree.insert("fleet/copy/a.yaml", app);
        tree.insert("fleet/deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n");
        tree.insert(
            "fleet/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
        );
        tree.insert("fleet/chart/Chart.yaml", "name: c\n");
        tree.insert("fleet/chart/templates/app.yaml", app.replace("name: a", "name: {{ .Release.Name }}"));
        tree.insert("fleet/bad.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: [\n");
        tree.insert("elsewhere/b.yaml", app.replace("name: a", "name: b"));
        let found = discover(&tree, "fleet");
        let places: Vec<_> = found.resources.iter().map(|e| e.origin.as_ref().unwrap().to_string()).collect();
        assert_eq!(places, ["fleet/apps/a.yaml:2"]);
        assert_eq!(found.broken.len(), 1, "{:?}", found.broken);
        assert_eq!(found.counts(), [("Application".to_owned(), 1)]);
    }
}
