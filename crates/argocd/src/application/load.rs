//! The effects behind a comparison: files are fetched and rendered, kinds are watched, and the two are laid side by
//! side.

use super::compare::{Compare, Comparison};
use super::options::SyncOptions;
use super::parameters;
use super::project::Project;
use super::reconcile::Round;
use super::refresh::Level;
use super::refuse;
use super::request::{self, Identity, Pruning, Target};
use crate::credentials::Repositories;
use holdfast_cluster::{ApiError, ApiRequest, Cluster};
use holdfast_object::{GroupKind, Object, ObjectRef, Value};
use holdfast_render::{Provided, RenderCache, RenderOutcome, Rendered, Scope};
use holdfast_source::{FetchPolicy, GitRef, GitUrl, Grants, Revision, SourceError, Sources};
use holdfast_tree::{FileTree, MountedTree};
use holdfast_types::argocd::{ApplicationSpec, RevisionSet, Source, SourceSet};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Why there is no target.
pub(super) struct Problem {
    /// What is wrong, and where.
    pub(super) message: String,
    /// It may pass by itself: the last target stays in force.
    pub(super) passes: bool,
}

impl Problem {
    fn lasting(message: String) -> Self {
        Self { message, passes: false }
    }

    /// The same, with the source that has it where there are several.
    fn of_source(self, set: &SourceSet, place: usize) -> Self {
        match set.list().get(place).filter(|_| set.are_several()) {
            Some(source) => Self {
                message: format!("source {} ({}): {}", place + 1, source.repo_url, self.message),
                ..self
            },
            None => self,
        }
    }
}

impl From<Problem> for String {
    fn from(problem: Problem) -> Self {
        problem.message
    }
}

/// The files of a source.
pub(super) struct Fetched {
    pub(super) tree: Arc<dyn FileTree>,
    /// The commit, or the version of a chart.
    pub(super) revision: String,
    /// Who may see which credentials while the source is rendered.
    pub(super) grants: Grants,
    /// Flags for kustomizations, as `argocd-cm` has them.
    pub(super) build_options: String,
}

/// Fetches a source at a revision: a commit of a repository, or a chart.
async fn fetch(
    sources: &Sources,
    repositories: &Repositories,
    source: &Source,
    revision: &str,
    max_age: Duration,
) -> Result<Fetched, Problem> {
    let unreadable = |message| Problem { message, passes: true };
    let failed =
        |e: SourceError| Problem { message: format!("{e} ({})", e.hint()), passes: e.is_transient() };
    let pass_credentials = parameters::passes_credentials(source);
    let grants = repositories.grants(pass_credentials).await.map_err(unreadable)?;
    let build_options = repositories.build_options().await.map_err(unreadable)?;
    if source.chart.is_empty() {
        let access = repositories.access(&source.repo_url).await.map_err(unreadable)?;
        let tag_prefix = source.rest.get("tagPrefix").and_then(Value::as_str).unwrap_or_default();
        let wanted = GitRef::Any { text: revision.to_owned(), tag_prefix: tag_prefix.to_owned() };
        let artifact = sources.git(&source.repo_url, &wanted, &access, max_age).await.map_err(failed)?;
        // As with Argo CD, remote bases beside the source are read with the source's own credentials.
        let grants = grants.with_server_of(&source.repo_url, access);
        let revision = artifact.revision.commit().to_owned();
        return Ok(Fetched { tree: artifact.tree, revision, grants, build_options });
    }
    let (url, access) = repositories.charts(&source.repo_url, pass_credentials).await.map_err(unreadable)?;
    let chart =
        sources.charts().chart(&url, &source.chart, revision, &access, max_age).await.map_err(failed)?;
    let archive = chart.archive;
    let unpacked = tokio::task::spawn_blocking(move || holdfast_render::chart_folder(&archive)).await;
    let tree = unpacked.map_err(|e| Problem::lasting(format!("unpacking broke off: {e}")))?;
    let tree =
        tree.map_err(|e| Problem::lasting(format!("chart {} {}: {e}", source.chart, chart.version)))?;
    Ok(Fetched { tree: Arc::new(tree), revision: chart.version, grants, build_options })
}

/// Fetches sources at these revisions, or where none is said at their own. Those that name files of others find them
/// in their tree's root.
pub(super) async fn fetch_all(
    sources: &Sources,
    repositories: &Repositories,
    set: &SourceSet,
    revisions: &RevisionSet,
    max_age: Duration,
) -> Result<Vec<Fetched>, Problem> {
    let mut fetched = Vec::with_capacity(set.list().len());
    for (place, source) in set.list().iter().enumerate() {
        let wanted = Some(revisions.at(place)).filter(|revision| !revision.is_empty());
        let wanted = wanted.unwrap_or(&source.target_revision);
        let found = fetch(sources, repositories, source, wanted, max_age).await;
        fetched.push(found.map_err(|problem| problem.of_source(set, place))?);
    }
    Ok(with_references(set, fetched))
}

/// Puts the files of sources with a `ref` into the trees of the charts, which may name them.
fn with_references(set: &SourceSet, mut fetched: Vec<Fetched>) -> Vec<Fetched> {
    let named = set.list().iter().zip(&fetched).filter_map(|(source, fetched)| {
        Some((parameters::mount_point(refuse::reference(source)?), fetched.tree.clone()))
    });
    let mounts: BTreeMap<String, Arc<dyn FileTree>> = named.filter(|_| set.are_several()).collect();
    for (source, fetched) in set.list().iter().zip(&mut fetched) {
        let may_name_files = !source.chart.is_empty() || source.rest.contains_key("helm");
        if may_name_files && !mounts.is_empty() {
            fetched.tree = Arc::new(MountedTree::new(fetched.tree.clone(), mounts.clone()));
        }
    }
    fetched
}

/// How sources are rendered.
pub(super) struct How<'a> {
    /// Where what a render asks for is fetched.
    pub(super) sources: &'a Sources,
    /// How old an answer may be.
    pub(super) max_age: Duration,
    /// What was rendered before; without it everything is rendered anew.
    pub(super) renders: Option<Arc<RenderCache>>,
}

/// Renders each source, in order; one that is there for its files alone gives nothing.
pub(super) async fn render_all(
    how: &How<'_>,
    set: &SourceSet,
    fetched: Vec<Fetched>,
    facts: &request::ReleaseFacts,
) -> Result<Vec<(request::SourceType, Arc<Rendered>)>, Problem> {
    let mut parts = Vec::with_capacity(fetched.len());
    for (place, (source, fetched)) in set.list().iter().zip(fetched).enumerate() {
        if source.path.is_empty() && source.chart.is_empty() {
            parts.push((request::SourceType::Directory, Arc::default()));
            continue;
        }
        let rendered = render(how, source, fetched, facts.clone()).await;
        parts.push(rendered.map_err(|problem| problem.of_source(set, place))?);
    }
    Ok(parts)
}

/// Renders a source with everything it asks for fetched.
async fn render(
    how: &How<'_>,
    source: &Source,
    fetched: Fetched,
    facts: request::ReleaseFacts,
) -> Result<(request::SourceType, Arc<Rendered>), Problem> {
    let Fetched { tree, revision, grants, build_options } = fetched;
    let facts = request::ReleaseFacts {
        revision,
        source: (source.repo_url.clone(), source.path.clone(), source.target_revision.clone()),
        build_options,
        ..facts
    };
    let (source, renders) = (source.clone(), how.renders.clone());
    let run = move |provided: &Provided| {
        let (kind, request) = request::render_request(tree.as_ref(), &source, &facts)?;
        let outcome = match &renders {
            Some(renders) => renders.render(tree.as_ref(), &request, provided, &source.repo_url),
            None => holdfast_render::render(tree.as_ref(), &request, provided).map(|outcome| match outcome {
                RenderOutcome::Rendered(rendered) => Ok(Arc::new(rendered)),
                RenderOutcome::Needs(needs) => Err(needs),
            }),
        };
        let step = outcome.map_err(|e| e.to_string())?;
        Ok::<_, String>(step.map(|rendered| (kind, rendered)))
    };
    let policy = FetchPolicy { grants, ..FetchPolicy::anonymous(how.max_age) };
    let rendered = how.sources.provide(&policy, run).await;
    rendered.map_err(|error| Problem { message: error.to_string(), passes: error.is_transient() })
}

impl Round<'_> {
    /// What the spec's sources say: what is at hand for [`Level::Recent`], else the newest commits.
    pub(super) async fn target(&self, spec: &ApplicationSpec, level: Level) -> Result<Arc<Target>, Problem> {
        if let Some(target) = &self.memory.target
            && level == Level::Recent
            && target.spec == *spec
            && target.sources == spec.sources
        {
            return Ok(target.clone());
        }
        let max_age = match level {
            Level::Recent | Level::Latest => self.shared.options.refresh_interval / 2,
            Level::Resolve | Level::Hard => Duration::ZERO,
        };
        self.load(spec, &spec.sources, &RevisionSet::default(), max_age, level == Level::Hard).await
    }

    /// Fetches and renders sources at these revisions, or at their own. `anew` renders even what the cache knows.
    pub(super) async fn load(
        &self,
        spec: &ApplicationSpec,
        sources: &SourceSet,
        revisions: &RevisionSet,
        max_age: Duration,
        anew: bool,
    ) -> Result<Arc<Target>, Problem> {
        let shared = self.shared;
        let fetched = fetch_all(&shared.sources, &shared.repositories, sources, revisions, max_age).await?;
        self.rendered(spec, sources, fetched, max_age, anew).await
    }

    /// The target at the commits that were compared last, from what is kept on this machine: for a process that starts
    /// while a source cannot be reached.
    pub(super) async fn last_good(&self, spec: &ApplicationSpec) -> Option<Arc<Target>> {
        let compared = &self.status.sync;
        if compared.compared_to.sources != spec.sources {
            return None;
        }
        let build_options = self.shared.repositories.build_options().await.ok()?;
        let mut kept = Vec::new();
        for (place, source) in spec.sources.list().iter().enumerate() {
            let commit = compared.revisions.at(place);
            if commit.is_empty() || !source.chart.is_empty() {
                return None;
            }
            let url = GitUrl::parse(&source.repo_url).ok()?;
            let artifact =
                self.shared.sources.cache().cached(&url, &Revision::git("", commit)).await.ok()??;
            kept.push(Fetched {
                tree: artifact.tree,
                revision: commit.to_owned(),
                grants: Grants::default(),
                build_options: build_options.clone(),
            });
        }
        let kept = with_references(&spec.sources, kept);
        self.rendered(spec, &spec.sources, kept, self.shared.options.refresh_interval, false).await.ok()
    }

    async fn rendered(
        &self,
        spec: &ApplicationSpec,
        sources: &SourceSet,
        fetched: Vec<Fetched>,
        max_age: Duration,
        anew: bool,
    ) -> Result<Arc<Target>, Problem> {
        let revisions = RevisionSet::of(sources, fetched.iter().map(|f| f.revision.clone()).collect());
        let facts = self.facts(spec, sources).await;
        let how = How {
            sources: &self.shared.sources,
            max_age,
            renders: (!anew).then(|| self.shared.renders.clone()),
        };
        let parts = render_all(&how, sources, fetched, &facts).await?;
        let identity = Identity::of(&self.app, spec, &self.shared.options.control_namespace);
        let cluster = self.shared.engine.cluster();
        let target =
            Target::new((spec, sources), &revisions, &parts, &identity, &|kind| scope(cluster, kind));
        target.map(Arc::new).map_err(Problem::lasting)
    }

    /// What a chart is told about its release and the cluster, but for what is its source's own.
    async fn facts(&self, spec: &ApplicationSpec, sources: &SourceSet) -> request::ReleaseFacts {
        let cluster = self.shared.engine.cluster();
        let version = self.shared.kube_version.get_or_try_init(|| kube_version(cluster));
        request::ReleaseFacts {
            app: self.app.name().to_owned(),
            instance: request::instance_name(&self.app, &self.shared.options.control_namespace),
            namespace: spec.destination.namespace.clone(),
            project: spec.project.clone(),
            names: refuse::references(sources).into_iter().map(str::to_owned).collect(),
            // Without an answer the chart sees the version Helm assumes.
            kube_version: version.await.cloned().unwrap_or_default(),
            api_versions: cluster.discovery().api_versions(),
            now: self.shared.began,
            seed: self.shared.options.seed,
            ..request::ReleaseFacts::default()
        }
    }

    /// Compares a target with the cluster; `None` while not all of it is known.
    pub(super) async fn compare(
        &mut self,
        spec: &ApplicationSpec,
        target: &Target,
        project: &Project,
    ) -> Option<Comparison> {
        let identity = Identity::of(&self.app, spec, &self.shared.options.control_namespace);
        let (options, _) = request::sync_options(spec, &[], false);
        let desired = target.desired(&options, &|_| true);
        let namespace = target.created_namespace(&options);
        let policy = request::sync_policy(spec, &identity, &options, &Pruning::default());
        let candidates = self.candidates(&identity);
        let mut objects: Vec<ObjectRef> = desired.iter().map(|d| d.reference.clone()).collect();
        objects.extend(namespace.iter().map(|n| n.reference.clone()));
        objects.extend(candidates.iter().cloned());
        // Registered before anything is read, so that no change is lost in between.
        let interests = self.interests(&objects.iter().map(|o| o.key.clone()).collect::<Vec<_>>());
        self.shared.engine.routes().set(&self.app.key(), interests);
        if let Err(message) = self.watch(&objects).await {
            tracing::debug!(application = %self.app.key(), message, "cannot be compared just now");
            return None;
        }
        let cluster = self.shared.engine.cluster();
        let compare = Compare {
            app: &self.app,
            instance: &identity.instance,
            target,
            desired: &desired,
            namespace: namespace.as_ref(),
            candidates: &candidates,
            policy: &policy,
            applied_before: self.status.applied(&target.sources, &target.revisions),
            project,
            is_namespaced: &|object: &Object| is_namespaced(cluster, object),
            inline_health: self.shared.options.inline_resource_health,
        };
        compare.run(self.shared.engine.live())
    }

    /// Whether a kind is served, or made by the target itself; what is not is named as Argo CD does.
    pub(super) fn missing_kinds(&self, target: &Target, options: &SyncOptions) -> Vec<String> {
        if options.skip_dry_run_on_missing_resource {
            return Vec::new();
        }
        let cluster = self.shared.engine.cluster();
        let is_missing = |object: &Object| {
            let kind = object.gvk().group_kind();
            let (own, _) = super::options::of_object(object);
            !own.skip_dry_run_on_missing_resource
                && scope(cluster, &kind) == Scope::Unknown
                && !target.objects.iter().any(|(o, _)| defines(o, &kind))
        };
        let explain = |object: &Object| {
            let gvk = object.gvk();
            format!(
                "The Kubernetes API could not find {}/{} for requested resource {}/{}. Make sure the \"{}\" CRD is \
                 installed on the destination cluster.",
                gvk.group,
                gvk.kind,
                object.namespace(),
                object.name(),
                gvk.kind
            )
        };
        target.objects.iter().map(|(o, _)| o).filter(|o| is_missing(o)).map(explain).collect()
    }
}

fn defines(object: &Object, kind: &GroupKind) -> bool {
    let text = |path: &[&str]| object.get(path).and_then(Value::as_str);
    object.kind() == "CustomResourceDefinition"
        && text(&["spec", "group"]) == Some(&kind.group)
        && text(&["spec", "names", "kind"]) == Some(&kind.kind)
}

/// Kubernetes' version, as the server names it.
pub(super) async fn kube_version(cluster: &Cluster) -> Result<String, ApiError> {
    let answer = cluster.request(ApiRequest::get("/version")).await?;
    let version: Value = serde_json::from_slice(&answer.body).map_err(|e| ApiError::unreadable(&e))?;
    Ok(version["gitVersion"].as_str().unwrap_or_default().to_owned())
}

/// Where the cluster keeps a kind.
pub(super) fn scope(cluster: &Cluster, kind: &GroupKind) -> Scope {
    match cluster.discovery().preferred(kind) {
        Some(resource) if resource.namespaced => Scope::Namespaced,
        Some(_) => Scope::Cluster,
        None => Scope::Unknown,
    }
}

/// Whether an object's kind lives in namespaces; where the cluster does not know it, its own namespace tells.
pub(super) fn is_namespaced(cluster: &Cluster, object: &Object) -> bool {
    match scope(cluster, &object.gvk().group_kind()) {
        Scope::Namespaced => true,
        Scope::Cluster => false,
        Scope::Unknown => !object.namespace().is_empty(),
    }
}
