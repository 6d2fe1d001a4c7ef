//! Which Helm is followed, and every place where that matters.
//!
//! The rest of the crate never compares versions: it asks one of these questions.

use crate::engine::values;
use holdfast_gotemplate::NamedMap;
use std::fmt;
use std::str::FromStr;

/// Whose rules charts are read and rendered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HelmVersion {
    /// Helm 3.22.
    #[default]
    V3,
    /// Helm 4.3.
    V4,
}

/// A text that names no version of Helm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of Helm that is known here: 3 or 4")]
pub struct UnknownVersion(String);

impl FromStr for HelmVersion {
    type Err = UnknownVersion;

    /// `3`, `v3`, `4` or `v4`.
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        match text.trim_start_matches('v') {
            "3" => Ok(Self::V3),
            "4" => Ok(Self::V4),
            _ => Err(UnknownVersion(text.to_owned())),
        }
    }
}

impl fmt::Display for HelmVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3 => "3",
            Self::V4 => "4",
        })
    }
}

impl HelmVersion {
    /// `.Capabilities.HelmVersion.Version`.
    pub fn release(self) -> &'static str {
        match self {
            Self::V3 => "v3.22.0",
            Self::V4 => "v4.3.1",
        }
    }

    fn is_4(self) -> bool {
        self == Self::V4
    }

    /// All documents of a values file count, later ones over earlier ones; before, only the first did.
    pub(crate) fn merges_value_documents(self) -> bool {
        self.is_4()
    }

    /// `--set-json` takes a whole object besides `name=value`.
    pub(crate) fn sets_json_objects(self) -> bool {
        self.is_4()
    }

    /// Nulls among a chart's defaults are dropped; before, templates saw them.
    pub(crate) fn drops_default_nulls(self) -> bool {
        self.is_4()
    }

    /// Each use of an aliased chart has its own charts below; before, they shared them.
    pub(crate) fn copies_aliased_charts(self) -> bool {
        self.is_4()
    }

    /// One file of a chart may be as large as all files together; before, 5 MiB.
    pub(crate) fn bounds_single_files(self) -> bool {
        !self.is_4()
    }

    /// `.Chart` is a mapping, whose absent fields are empty; before, a structure, whose absent fields are errors.
    pub(crate) fn chart_is_a_mapping(self) -> bool {
        self.is_4()
    }

    /// `.Capabilities.KubeVersion.Version` keeps what follows the numbers; before, only its numbers were kept.
    pub(crate) fn keeps_kube_suffix(self) -> bool {
        self.is_4()
    }

    /// A document keeps the white space at its end, and a separator takes none but blanks with it.
    pub(crate) fn keeps_line_breaks(self) -> bool {
        self.is_4()
    }

    /// Admission webhooks are installed after the other known kinds; before, they had no place of their own.
    pub(crate) fn orders_webhooks(self) -> bool {
        self.is_4()
    }

    /// The functions for durations, and `mustToYaml` and `mustToToml`.
    pub(crate) fn has_duration_functions(self) -> bool {
        self.is_4()
    }

    /// A template's error is written over several lines, one step of the chain after the other.
    pub(crate) fn breaks_error_chains(self) -> bool {
        self.is_4()
    }

    /// `.Capabilities.HelmVersion.KubeClientVersion`, which Helm 3 does not have.
    pub(crate) fn kube_client(self) -> Option<&'static str> {
        self.is_4().then_some("v1.37")
    }

    /// Go's package of the types that templates can ask the name of.
    pub(crate) fn types(self) -> &'static Types {
        static V3: Types = Types {
            values: &values::V3,
            capabilities: "*chartutil.Capabilities",
            kube_version: "chartutil.KubeVersion",
            version_set: "chartutil.VersionSet",
        };
        static V4: Types = Types {
            values: &values::V4,
            capabilities: "*common.Capabilities",
            kube_version: "common.KubeVersion",
            version_set: "common.VersionSet",
        };
        match self {
            Self::V3 => &V3,
            Self::V4 => &V4,
        }
    }
}

/// See [`HelmVersion::types`].
pub(crate) struct Types {
    pub(crate) values: &'static NamedMap,
    pub(crate) capabilities: &'static str,
    pub(crate) kube_version: &'static str,
    pub(crate) version_set: &'static str,
}
