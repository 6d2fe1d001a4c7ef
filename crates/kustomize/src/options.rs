use crate::helm::ChartInflator;
use crate::inject::Injection;

/// Which files a kustomization may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadRestrictor {
    /// Only files in or below its own folder, with symbolic links followed (`LoadRestrictionsRootOnly`).
    #[default]
    RootOnly,
    /// Any file of the tree (`LoadRestrictionsNone`).
    None,
}

impl std::str::FromStr for LoadRestrictor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "LoadRestrictionsRootOnly" | "rootOnly" => Ok(Self::RootOnly),
            "LoadRestrictionsNone" | "none" => Ok(Self::None),
            other => Err(format!(
                "illegal flag value --load-restrictor {other}; legal values: LoadRestrictionsRootOnly, LoadRestrictionsNone"
            )),
        }
    }
}

/// The order of the output where the kustomization does not set one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reorder {
    /// By kind, then by name (`legacy`).
    Legacy,
    /// As accumulated (`none`).
    None,
    /// Nothing was asked for: the same as `legacy`.
    #[default]
    Unspecified,
}

impl std::str::FromStr for Reorder {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "legacy" => Ok(Self::Legacy),
            "none" => Ok(Self::None),
            "" | "unspecified" => Ok(Self::Unspecified),
            other => Err(format!("illegal flag value --reorder {other}; legal values: [legacy none]")),
        }
    }
}

/// Bounds on what one build may take. A repository that needs more is refused with an error that names the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Kustomizations below one another.
    pub depth: usize,
    /// Files read, counted as often as they are read.
    pub files: usize,
    /// Bytes of all files read.
    pub input_bytes: usize,
    /// Resources alive at once.
    pub objects: usize,
    /// YAML nodes of one file, with aliases expanded.
    pub yaml_nodes: usize,
    /// Nesting of mappings and lists in one file.
    pub yaml_depth: usize,
    /// YAML nodes of all objects at the end.
    pub output_nodes: usize,
    /// Bytes that transformers write: names, labels, patches, copied values.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            files: 50_000,
            input_bytes: 512 << 20,
            objects: 100_000,
            yaml_nodes: 2_000_000,
            yaml_depth: 128,
            output_nodes: 20_000_000,
            output_bytes: 1 << 30,
        }
    }
}

/// How to build.
#[derive(Clone, Copy, Default)]
pub struct BuildOptions<'a> {
    /// Which files may be read.
    pub load_restrictor: LoadRestrictor,
    /// Output order where the kustomization sets none.
    pub reorder: Reorder,
    /// Whether `helmCharts` may be rendered (`--enable-helm`); needs [`BuildOptions::helm`] too.
    pub enable_helm: bool,
    /// Adds `app.kubernetes.io/managed-by` (`--enable-managedby-label`).
    pub managed_by_label: bool,
    /// Bounds.
    pub limits: Limits,
    /// What Flux or Argo CD lays on top of the kustomization that is built.
    pub inject: Option<&'a Injection>,
    /// Renders charts.
    pub helm: Option<&'a dyn ChartInflator>,
}

impl std::fmt::Debug for BuildOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildOptions")
            .field("load_restrictor", &self.load_restrictor)
            .field("reorder", &self.reorder)
            .field("enable_helm", &self.enable_helm)
            .field("managed_by_label", &self.managed_by_label)
            .field("limits", &self.limits)
            .field("inject", &self.inject)
            .field("helm", &self.helm.is_some())
            .finish()
    }
}
