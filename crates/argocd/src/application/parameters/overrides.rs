//! Parameters that stand beside the manifests: `.argocd-source.yaml`, and `.argocd-source-<app>.yaml` for one
//! Application (what `argocd app set` writes back, and Image Updater).

use crate::application::refuse::source_problems;
use holdfast_merge::json_merge;
use holdfast_tree::{Entry, FileTree, TreeError, join, resolve};
use holdfast_types::argocd::Source;

/// The most bytes of such a file: it holds a few parameters.
const MAX_BYTES: u64 = 1 << 20;

/// The source as the files at its path change it: each is a merge patch, the Application's own counts over the one for
/// all. Where the source lies they cannot change, nor who sees its credentials.
///
/// `names` are those of the sources whose files it may name.
///
/// # Errors
/// Which file cannot be read, or which of its parameters is not supported.
pub(in crate::application) fn overridden(
    tree: &dyn FileTree,
    path: &str,
    source: &Source,
    instance: &str,
    names: &[&str],
) -> Result<Source, String> {
    let mut merged = source.clone();
    for file in [".argocd-source.yaml".to_owned(), format!(".argocd-source-{instance}.yaml")] {
        let Some(text) = read(tree, path, &file).map_err(|e| format!("{file}: {e}"))? else { continue };
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", join(path, &file).unwrap_or_default());
        let patch = holdfast_yaml::parse(&text, &holdfast_yaml::Options::v2()).map_err(|e| failed(&e))?;
        let before = serde_json::to_value(&merged).map_err(|e| failed(&e))?;
        // An empty file says nothing.
        let after = if patch.is_null() { before } else { json_merge::apply(&before, &patch) };
        merged = serde_json::from_value(after).map_err(|e| failed(&e))?;
        merged.repo_url.clone_from(&source.repo_url);
        merged.path.clone_from(&source.path);
        merged.target_revision.clone_from(&source.target_revision);
        merged.chart.clone_from(&source.chart);
        let problems = source_problems(&merged, names);
        if !problems.is_empty() {
            return Err(failed(&problems.join("; ")));
        }
    }
    Ok(merged)
}

/// The file's bytes, if there is such a file; a link is followed inside of the tree.
fn read(tree: &dyn FileTree, path: &str, file: &str) -> Result<Option<Vec<u8>>, TreeError> {
    let Some(wanted) = join(path, file) else { return Ok(None) };
    let found = match resolve(tree, &wanted) {
        Err(TreeError::NotFound(_) | TreeError::NotAFolder(_)) => return Ok(None),
        found => found?,
    };
    match found.entry {
        Entry::File { size, .. } if size > MAX_BYTES => {
            Err(TreeError::TooLarge { path: found.path, size, limit: MAX_BYTES })
        }
        Entry::File { .. } => tree.read(&found.path).map(|bytes| Some(bytes.to_vec())),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{Value, json};
    use holdfast_tree::MemoryTree;

    fn source() -> Source {
        serde_json::from_value(json!({"repoURL": "https://x/r", "path": "app", "targetRevision": "main",
            "helm": {"values": "a: 1", "parameters": [{"name": "a", "value": "1"}]}}))
        .unwrap()
    }

    fn merged(files: &[(&str, &str)]) -> Result<Value, String> {
        let mut tree = MemoryTree::new();
        tree.insert_folder("app");
        files.iter().for_each(|(path, text)| tree.insert(path, (*text).to_owned()));
        overridden(&tree, "app", &source(), "web", &[]).map(|source| serde_json::to_value(source).unwrap())
    }

    #[test]
    fn the_files_are_merge_patches_and_the_applications_own_counts_last() {
        let plain = serde_json::to_value(source()).unwrap();
        assert_eq!(merged(&[]).unwrap(), plain);
        assert_eq!(merged(&[("app/.argocd-source.yaml", "# nothing\n")]).unwrap(), plain);
        assert_eq!(merged(&[("app/.argocd-source-other.yaml", "helm: {values: 'a: 2'}")]).unwrap(), plain);
        let found = merged(&[
            ("app/.argocd-source.yaml", "helm: {values: 'a: 2', releaseName: all, parameters: null}"),
            (
                "app/.argocd-source-web.yaml",
                "helm: {releaseName: web}\npath: ../secret\nrepoURL: https://evil\nchart: c\n",
            ),
        ]);
        let mut expected = plain;
        expected["helm"] = json!({"values": "a: 2", "releaseName": "web"});
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let failed = |text: &str| merged(&[("app/.argocd-source-web.yaml", text)]).unwrap_err();
        let name = "app/.argocd-source-web.yaml: ";
        assert_eq!(failed("plugin: {name: p}"), format!("{name}spec.source.plugin is not supported yet"));
        assert!(failed("helm: [").starts_with(name), "{}", failed("helm: ["));
        assert!(failed("a").starts_with(name), "{}", failed("a"));
        assert!(failed("helm: {values: 5}").contains("spec.source.helm"), "{}", failed("helm: {values: 5}"));
        let large = format!("# {}", "x".repeat(1 << 20));
        assert!(failed(&large).contains("more than the limit"), "{}", failed(&large));
    }
}
