use crate::{Diagnostic, RenderError, RenderLimits, Rendered};
use globset::{GlobBuilder, GlobMatcher};
use holdfast_object::{Object, ObjectSet, Origin, Value};
use holdfast_tree::{Entry, FileTree, resolve};
use holdfast_yaml::Options;
use std::sync::Arc;

/// How a plain folder is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectoryOptions {
    /// Also the folders below.
    pub recurse: bool,
    /// Only files whose path (relative to the folder) matches this glob; empty is all. `{a,b}` names several.
    pub include: String,
    /// No files whose path matches this glob; empty is none.
    pub exclude: String,
    /// An object that is defined twice is an error. Otherwise the later one counts, with a remark.
    pub unique: bool,
}

/// Reads every manifest of a folder, in the order of their paths. Lists are flattened; documents without content are
/// passed over.
pub(crate) fn render(
    tree: &dyn FileTree,
    path: &str,
    options: &DirectoryOptions,
    limits: &RenderLimits,
) -> Result<Rendered, RenderError> {
    let root = resolve(tree, path)?;
    let filter = Filter::new(options)?;
    let mut reader = Reader {
        tree,
        limits,
        options,
        filter,
        root: root.path.clone(),
        files: Vec::new(),
        objects: ObjectSet::new(),
        problems: Vec::new(),
    };
    match root.entry {
        Entry::File { .. } => reader.files.push(root.path),
        _ => reader.find(&root.path, 0)?,
    }
    reader.read_all()?;
    if !reader.problems.is_empty() {
        return Err(RenderError::Broken(reader.problems));
    }
    let diagnostics = duplicates(&reader.objects);
    if options.unique && !diagnostics.is_empty() {
        return Err(RenderError::Broken(diagnostics));
    }
    Ok(Rendered { objects: reader.objects, diagnostics, ..Rendered::default() })
}

struct Reader<'a> {
    tree: &'a dyn FileTree,
    limits: &'a RenderLimits,
    options: &'a DirectoryOptions,
    filter: Filter,
    root: String,
    files: Vec<String>,
    objects: ObjectSet,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn find(&mut self, folder: &str, depth: usize) -> Result<(), RenderError> {
        if depth > self.limits.depth {
            let limit = self.limits.depth as u64;
            return Err(RenderError::Limit {
                what: format!("{folder}: folders below each other"),
                name: "depth",
                limit,
            });
        }
        for named in self.tree.list(folder)? {
            let path =
                if folder.is_empty() { named.name.clone() } else { format!("{folder}/{}", named.name) };
            let entry = match named.entry {
                // A link is read where it leads, but never to another folder: that could be a cycle, and would read
                // one object twice.
                Entry::Symlink { .. } if is_manifest(&named.name) => resolve(self.tree, &path)?.entry,
                other => other,
            };
            match entry {
                Entry::Folder if self.options.recurse && named.name != ".git" => {
                    self.find(&path, depth + 1)?
                }
                Entry::File { .. } if is_manifest(&named.name) && self.filter.takes(self.relative(&path)) => {
                    self.files.push(path);
                }
                _ => {}
            }
            if self.files.len() > self.limits.files {
                let limit = self.limits.files as u64;
                return Err(RenderError::Limit { what: "the number of files".into(), name: "files", limit });
            }
        }
        Ok(())
    }

    fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(&self.root).map_or(path, |rest| rest.trim_start_matches('/'))
    }

    fn read_all(&mut self) -> Result<(), RenderError> {
        let mut read = 0u64;
        for file in std::mem::take(&mut self.files) {
            let real = resolve(self.tree, &file)?.path;
            let content = self.tree.read(&real)?;
            read += content.len() as u64;
            if read > self.limits.bytes {
                let limit = self.limits.bytes;
                return Err(RenderError::Limit {
                    what: "the size of all files together".into(),
                    name: "bytes",
                    limit,
                });
            }
            self.read_file(&file, &content);
            if self.objects.len() > self.limits.objects {
                let limit = self.limits.objects as u64;
                return Err(RenderError::Limit {
                    what: "the number of objects".into(),
                    name: "objects",
                    limit,
                });
            }
        }
        Ok(())
    }

    fn read_file(&mut self, file: &str, content: &[u8]) {
        let name: Arc<str> = file.into();
        for document in holdfast_yaml::documents(content, &Options::v2()) {
            match document {
                Ok(document) => {
                    let origin = Origin { file: name.clone(), line: document.line, document: document.index };
                    self.take(document.value, &origin);
                }
                Err(error) => {
                    let origin =
                        Origin { file: name.clone(), line: error.line(), document: error.document() };
                    self.problems.push(Diagnostic { origin: Some(origin), message: error.to_string() });
                }
            }
        }
    }

    fn take(&mut self, value: Value, origin: &Origin) {
        if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) {
            return;
        }
        let object = match Object::new(value) {
            Ok(object) => object,
            Err(error) => return self.refuse(origin, &error.to_string()),
        };
        let is_list =
            object.kind().ends_with("List") && object.as_map().get("items").is_some_and(Value::is_array);
        if is_list {
            let items = object.as_map().get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            items.into_iter().for_each(|item| self.take(item, origin));
            return;
        }
        let has_name = !object.name().is_empty() || object.get(&["metadata", "generateName"]).is_some();
        if !has_name {
            return self.refuse(origin, &format!("{} has no metadata.name", object.kind()));
        }
        self.objects.push(object, Some(origin.clone()));
    }

    fn refuse(&mut self, origin: &Origin, message: &str) {
        self.problems.push(Diagnostic { origin: Some(origin.clone()), message: message.to_owned() });
    }
}

fn duplicates(objects: &ObjectSet) -> Vec<Diagnostic> {
    let entries: Vec<_> = objects.iter().collect();
    let place = |at: usize| entries[at].origin.as_ref().map(Origin::to_string).unwrap_or_default();
    let mut found = Vec::new();
    for (key, at) in objects.duplicates() {
        let Some((first, rest)) = at.split_first() else { continue };
        for &again in rest {
            let message = format!("{key} is defined a second time; the first is at {}", place(*first));
            found.push(Diagnostic { origin: entries[again].origin.clone(), message });
        }
    }
    found
}

fn is_manifest(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// The include and exclude globs of Argo CD's directory sources: `*` also matches `/`, and `{a,b}` is either.
struct Filter {
    include: Option<GlobMatcher>,
    exclude: Option<GlobMatcher>,
}

impl Filter {
    fn new(options: &DirectoryOptions) -> Result<Self, RenderError> {
        let compile = |glob: &str| -> Result<Option<GlobMatcher>, RenderError> {
            if glob.is_empty() {
                return Ok(None);
            }
            let built = GlobBuilder::new(glob).literal_separator(false).empty_alternates(true).build();
            built.map(|glob| Some(glob.compile_matcher())).map_err(|error| {
                RenderError::Broken(vec![Diagnostic {
                    origin: None,
                    message: format!("glob '{glob}': {error}"),
                }])
            })
        };
        Ok(Self { include: compile(&options.include)?, exclude: compile(&options.exclude)? })
    }

    fn takes(&self, path: &str) -> bool {
        self.include.as_ref().is_none_or(|glob| glob.is_match(path))
            && !self.exclude.as_ref().is_some_and(|glob| glob.is_match(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_tree::MemoryTree;

    fn tree(files: &[(&str, &str)]) -> MemoryTree {
        let mut tree = MemoryTree::new();
        files.iter().for_each(|(path, content)| tree.insert(path, content.to_string()));
        tree
    }

    fn config_map(name: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
    }

    fn names(tree: &MemoryTree, path: &str, options: &DirectoryOptions) -> Result<Vec<String>, RenderError> {
        let rendered = render(tree, path, options, &RenderLimits::default())?;
        let name =
            |e: &holdfast_object::SetEntry| format!("{}@{}", e.object.name(), e.origin.as_ref().unwrap());
        Ok(rendered.objects.iter().map(name).collect())
    }

    #[test]
    fn every_document_of_every_manifest_is_read_in_order() {
        let two = format!("# first\n{}---\n---\n{}", config_map("a"), config_map("b"));
        let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "in-list"}}]}"#;
        let tree = tree(&[
            ("app/2.yaml", &two),
            ("app/1.json", list),
            ("app/README.md", "no"),
            ("app/sub/c.yml", &config_map("c")),
        ]);
        let flat = DirectoryOptions::default();
        assert_eq!(
            names(&tree, "app", &flat).unwrap(),
            ["in-list@app/1.json:1", "a@app/2.yaml:2", "b@app/2.yaml:8"]
        );
        let all = DirectoryOptions { recurse: true, ..flat };
        assert_eq!(names(&tree, "app", &all).unwrap().len(), 4);
    }

    #[test]
    fn globs_choose_files() {
        let files = [("a.yaml", config_map("a")), ("b.yaml", config_map("b")), ("x/c.yaml", config_map("c"))];
        let tree = tree(&files.each_ref().map(|(p, c)| (*p, c.as_str())));
        let with = |include: &str, exclude: &str| {
            let options = DirectoryOptions {
                recurse: true,
                include: include.into(),
                exclude: exclude.into(),
                ..DirectoryOptions::default()
            };
            names(&tree, "", &options).unwrap().len()
        };
        assert_eq!(with("", ""), 3);
        assert_eq!(with("{a.yaml,x/*}", ""), 2);
        assert_eq!(with("", "x/*"), 2);
        assert_eq!(with("*.yaml", "b.yaml"), 2);
    }

    #[test]
    fn every_broken_document_is_named() {
        let tree = tree(&[
            ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"),
            ("b.yaml", "a: [\n"),
            ("c.yaml", "just text\n"),
        ]);
        let error = names(&tree, "", &DirectoryOptions::default()).unwrap_err().to_string();
        assert!(error.contains("a.yaml:1: ConfigMap has no metadata.name"), "{error}");
        assert!(error.contains("b.yaml:"), "{error}");
        assert!(error.contains("c.yaml:1: expected a mapping, got a string"), "{error}");
    }

    #[test]
    fn an_object_defined_twice_is_said_with_both_places() {
        let tree = tree(&[("a.yaml", &config_map("x")), ("b.yaml", &config_map("x"))]);
        let options = DirectoryOptions::default();
        let rendered = render(&tree, "", &options, &RenderLimits::default()).unwrap();
        let said = rendered.diagnostics[0].to_string();
        assert_eq!(said, "b.yaml:1: ConfigMap/x is defined a second time; the first is at a.yaml:1");
        let unique = DirectoryOptions { unique: true, ..options };
        assert!(render(&tree, "", &unique, &RenderLimits::default()).is_err());
    }

    #[test]
    fn nothing_outside_of_the_tree_is_read() {
        let mut tree = tree(&[("app/a.yaml", &config_map("a"))]);
        tree.insert_link("app/passwd.yaml", "../../etc/passwd");
        let error = names(&tree, "app", &DirectoryOptions::default()).unwrap_err();
        assert_eq!(error, RenderError::PathEscapes("app/passwd.yaml".into()));
        let error = names(&tree, "../other", &DirectoryOptions::default()).unwrap_err();
        assert_eq!(error, RenderError::PathEscapes("../other".into()));
        let error = names(&tree, "missing", &DirectoryOptions::default()).unwrap_err();
        assert_eq!(error, RenderError::PathNotFound("missing".into()));
    }

    #[test]
    fn limits_are_named() {
        let tree = tree(&[("a.yaml", &config_map("a")), ("b.yaml", &config_map("b"))]);
        let check = |limits: RenderLimits, expected: &str| {
            let error = render(&tree, "", &DirectoryOptions::default(), &limits).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        let wide = RenderLimits::default();
        check(RenderLimits { files: 1, ..wide }, "the number of files exceeds the limit of 1 (files)");
        check(
            RenderLimits { bytes: 60, ..wide },
            "the size of all files together exceeds the limit of 60 (bytes)",
        );
        check(RenderLimits { objects: 1, ..wide }, "the number of objects exceeds the limit of 1 (objects)");
    }
}
