//! Finding and reading the files of a kustomization: the load restriction, cycles, remote bases.

use crate::budget::Budget;
use crate::error::{BuildError, Result};
use crate::options::{BuildOptions, LoadRestrictor};
use crate::remote::{ChartSource, GitSource, Need, Provided, RepoUrl, is_http, without_password};
use bytes::Bytes;
use holdfast_tree::{Entry, FileTree, TreeError, join, resolve};
use std::collections::BTreeSet;

/// What all steps of one build share.
pub(crate) struct Context<'a> {
    pub(crate) options: &'a BuildOptions<'a>,
    provided: &'a Provided,
    /// Needs that were looked up among the answers, whatever the answer.
    pub(crate) answered: BTreeSet<Need>,
    /// Needs met so far without an answer.
    pub(crate) needs: Vec<Need>,
    /// Errors found while going on.
    pub(crate) errors: Vec<BuildError>,
    pub(crate) warnings: Vec<BuildError>,
    pub(crate) schemas: crate::schema::Schemas,
    files: usize,
    input_bytes: usize,
    objects: usize,
}

impl<'a> Context<'a> {
    pub(crate) fn new(options: &'a BuildOptions<'a>, provided: &'a Provided) -> Self {
        Self {
            options,
            provided,
            answered: BTreeSet::new(),
            needs: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            schemas: crate::schema::Schemas::new(Budget::new(options.limits.output_bytes)),
            files: 0,
            input_bytes: 0,
            objects: 0,
        }
    }

    /// The body of a URL: asked for, refused with the reason, or there.
    fn http_body(&mut self, url: &str) -> Result<std::result::Result<&'a Bytes, &'a str>> {
        let body = self.provided.http_body(url);
        self.answer(Need::Http { url: url.to_owned() }, body, url)
    }

    fn git_tree(
        &mut self,
        source: &GitSource,
        what: &str,
    ) -> Result<std::result::Result<&'a dyn FileTree, &'a str>> {
        let tree = self.provided.git_tree(source);
        self.answer(Need::Git(source.clone()), tree, what)
    }

    pub(crate) fn chart_tree(
        &mut self,
        source: ChartSource,
    ) -> Result<std::result::Result<&'a dyn FileTree, &'a str>> {
        let tree = self.provided.chart_tree(&source);
        let what = source.name.clone();
        self.answer(Need::Chart(source), tree, &what)
    }

    /// Notes that an answer was used, or that it is missing.
    fn answer<T>(&mut self, need: Need, found: Option<T>, what: &str) -> Result<T> {
        if let Some(found) = found {
            self.answered.insert(need);
            return Ok(found);
        }
        if !self.needs.contains(&need) {
            self.needs.push(need);
        }
        Err(BuildError::new(format!("'{what}' must be fetched first")))
    }

    fn count_file(&mut self, bytes: usize) -> Result<()> {
        let limits = &self.options.limits;
        self.files += 1;
        self.input_bytes += bytes;
        if self.files > limits.files {
            return Err(format!("the build reads more than {} files (limit: files)", limits.files).into());
        }
        if self.input_bytes > limits.input_bytes {
            let message =
                format!("the build reads more than {} bytes (limit: input bytes)", limits.input_bytes);
            return Err(message.into());
        }
        Ok(())
    }

    /// Counts resources that were loaded or generated.
    pub(crate) fn count_objects(&mut self, objects: usize) -> Result<()> {
        self.objects += objects;
        if self.objects > self.options.limits.objects {
            let limit = self.options.limits.objects;
            return Err(format!("the build loads more than {limit} objects (limit: objects)").into());
        }
        Ok(())
    }

    pub(crate) fn read_limits(&self) -> crate::node::ReadLimits {
        let limits = &self.options.limits;
        crate::node::ReadLimits { nodes: limits.yaml_nodes, depth: limits.yaml_depth }
    }
}

/// Reads files for one kustomization.
#[derive(Clone)]
pub(crate) struct Loader<'a> {
    tree: &'a dyn FileTree,
    /// The kustomization's folder, links followed.
    root: String,
    /// Marks the repository in file names without_password to the user; empty in the main tree.
    label: String,
    /// Trees and roots on the way here, this one last.
    visited: Vec<(String, String)>,
    repos: Vec<String>,
    restrictor: LoadRestrictor,
}

/// What a `resources` entry turned out to be.
pub(crate) enum Found<'a> {
    File(Bytes),
    Base(Loader<'a>),
}

impl<'a> Loader<'a> {
    pub(crate) fn new(tree: &'a dyn FileTree, path: &str, restrictor: LoadRestrictor) -> Result<Self> {
        let normal =
            holdfast_tree::normalize(path).ok_or_else(|| format!("'{path}' leads outside of the tree"))?;
        let found = resolve(tree, &normal).map_err(|e| format!("unable to find '{path}': {e}"))?;
        if !matches!(found.entry, Entry::Folder) {
            return Err(format!("'{path}' must be a folder that holds a kustomization").into());
        }
        let visited = vec![(String::new(), found.path.clone())];
        Ok(Self { tree, root: found.path, label: String::new(), visited, repos: Vec::new(), restrictor })
    }

    pub(crate) fn tree(&self) -> &'a dyn FileTree {
        self.tree
    }

    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// The last part of the root's path.
    pub(crate) fn base_name(&self) -> &str {
        self.root.rsplit('/').next().unwrap_or_default()
    }

    /// A file's name for messages and origins.
    pub(crate) fn display(&self, path: &str) -> String {
        let joined = if is_http(path) {
            path.to_owned()
        } else {
            join(&self.root, path).unwrap_or_else(|| path.into())
        };
        if self.label.is_empty() || is_http(path) { joined } else { format!("{}//{joined}", self.label) }
    }

    /// Reads a file relative to the root.
    pub(crate) fn load(&self, path: &str, context: &mut Context<'a>) -> Result<Bytes> {
        if is_http(path) {
            return self.load_http(path, context);
        }
        let Some(full) = join(&self.root, path) else {
            return Err(format!("'{path}' leads outside of the tree").into());
        };
        let found = resolve(self.tree, &full).map_err(tree_error)?;
        if !matches!(found.entry, Entry::File { .. }) {
            return Err(format!("'{path}' must resolve to a file").into());
        }
        if self.restrictor == LoadRestrictor::RootOnly
            && !is_inside(holdfast_tree::parent(&found.path), &self.root)
        {
            return Err(format!(
                "security; file '{path}' is not in or below '{}'; allow it with --load-restrictor LoadRestrictionsNone",
                self.root
            )
            .into());
        }
        let bytes = self.tree.read(&found.path).map_err(tree_error)?;
        context.count_file(bytes.len())?;
        Ok(bytes)
    }

    fn load_http(&self, url: &str, context: &mut Context<'a>) -> Result<Bytes> {
        let body = context
            .http_body(url)?
            .map_err(|why| format!("cannot read '{}': {why}", without_password(url)))?;
        context.count_file(body.len())?;
        Ok(body.clone())
    }

    /// Reads a file's text.
    pub(crate) fn load_text(&self, path: &str, context: &mut Context<'a>) -> Result<String> {
        let bytes = self.load(path, context)?;
        String::from_utf8(bytes.to_vec())
            .map_err(|_| BuildError::new("not a UTF-8 text").in_file(&self.display(path)))
    }

    /// What a `resources` entry names: a file, or a folder or repository with a kustomization.
    pub(crate) fn find(&self, path: &str, context: &mut Context<'a>) -> Result<Found<'a>> {
        if path.is_empty() {
            return Err("a resource path must not be empty".into());
        }
        let repo = RepoUrl::parse(path);
        if is_http(path) && !repo.as_ref().is_some_and(|r| r.only_git) {
            // What is no file may be a repository.
            if repo.is_none() || context.http_body(path)?.is_ok() {
                return self.load(path, context).map(Found::File);
            }
        }
        if let Some(repo) = repo {
            return self.base_in_repo(path, &repo, context).map(Found::Base);
        }
        let full = join(&self.root, path).ok_or_else(|| format!("'{path}' leads outside of the tree"))?;
        match resolve(self.tree, &full) {
            Ok(found) if matches!(found.entry, Entry::File { .. }) => {
                self.load(path, context).map(Found::File)
            }
            Ok(found) => self.base_at(path, found.path, context).map(Found::Base),
            Err(TreeError::NotFound(_)) => Err(format!("'{path}': no such file or folder").into()),
            Err(error) => Err(tree_error(error)),
        }
    }

    /// The kustomization in a folder or repository, as components name it.
    pub(crate) fn base(&self, path: &str, context: &mut Context<'a>) -> Result<Loader<'a>> {
        if let Some(repo) = RepoUrl::parse(path) {
            return self.base_in_repo(path, &repo, context);
        }
        let full = join(&self.root, path).ok_or_else(|| format!("'{path}' leads outside of the tree"))?;
        let found = resolve(self.tree, &full).map_err(tree_error)?;
        self.base_at(path, found.path, context)
    }

    fn base_at(&self, path: &str, root: String, context: &Context<'a>) -> Result<Loader<'a>> {
        if path.starts_with('/') {
            return Err(format!("new root '{path}' cannot be absolute").into());
        }
        let entry = self.tree.entry(&root).map_err(tree_error)?;
        if !matches!(entry, Some(Entry::Folder)) {
            return Err(format!("'{path}' must be a folder that holds a kustomization").into());
        }
        self.check_depth(context)?;
        if let Some((_, visited)) = self
            .visited
            .iter()
            .rev()
            .find(|(label, visited)| *label == self.label && is_inside(visited, &root))
        {
            return Err(
                format!("cycle detected: candidate root '{root}' contains visited root '{visited}'").into()
            );
        }
        let mut loader = self.clone();
        loader.visited.push((self.label.clone(), root.clone()));
        loader.root = root;
        Ok(loader)
    }

    fn base_in_repo(&self, path: &str, repo: &RepoUrl, context: &mut Context<'a>) -> Result<Loader<'a>> {
        self.check_depth(context)?;
        if let Some(earlier) = self.repos.iter().find(|earlier| earlier.starts_with(path)) {
            return Err(format!("cycle detected: URI '{path}' referenced by previous URI '{earlier}'").into());
        }
        let tree = context.git_tree(&repo.source, path)?;
        let tree = tree.map_err(|why| format!("cannot fetch '{}': {why}", without_password(path)))?;
        let mut loader = Loader::new(tree, &repo.path, LoadRestrictor::RootOnly)?;
        loader.label = format!("{}@{}", repo.source.repo, repo.source.reference);
        loader.visited = self.visited.clone();
        loader.visited.push((loader.label.clone(), loader.root.clone()));
        loader.repos.clone_from(&self.repos);
        loader.repos.push(path.to_owned());
        Ok(loader)
    }

    fn check_depth(&self, context: &Context<'a>) -> Result<()> {
        let limit = context.options.limits.depth;
        if self.visited.len() >= limit {
            return Err(format!("more than {limit} kustomizations below one another (limit: depth)").into());
        }
        Ok(())
    }
}

fn tree_error(error: TreeError) -> BuildError {
    BuildError::new(error.to_string())
}

impl Loader<'_> {
    /// Whether anything stands at a path relative to the root.
    pub(crate) fn exists(&self, path: &str) -> bool {
        join(&self.root, path).is_some_and(|full| resolve(self.tree, &full).is_ok())
    }

    /// The tree path of a folder relative to the root, if there is one.
    pub(crate) fn folder(&self, path: &str) -> Option<String> {
        let found = resolve(self.tree, &join(&self.root, path)?).ok()?;
        let inside = self.restrictor == LoadRestrictor::None || is_inside(&found.path, &self.root);
        (matches!(found.entry, Entry::Folder) && inside).then_some(found.path)
    }
}

/// True when `path` is `folder` or lies below it.
fn is_inside(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path == folder
        || (path.starts_with(folder) && path.as_bytes().get(folder.len()) == Some(&b'/'))
}
