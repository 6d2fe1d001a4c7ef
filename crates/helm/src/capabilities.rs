//! What the cluster and Helm are said to be: `.Capabilities`.

use crate::HelmVersion;
use std::sync::Arc;

/// Kubernetes' version, API versions and Helm's version, as templates see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Kubernetes' version.
    pub kube_version: KubeVersion,
    /// `group/version` of every API, and with a cluster's answer also `group/version/Kind`.
    pub api_versions: Arc<Vec<String>>,
    /// Helm's own version, `v3.22.0`.
    pub helm_version: String,
}

impl Capabilities {
    /// What Helm 3 assumes without a cluster.
    pub fn offline() -> Self {
        Self::of(HelmVersion::V3)
    }

    /// What `helm template` assumes without a cluster: Kubernetes 1.37 and the APIs that its client library knows.
    pub fn of(helm: HelmVersion) -> Self {
        Self {
            kube_version: KubeVersion {
                version: "v1.37.0".to_owned(),
                full: "v1.37.0".to_owned(),
                major: "1".to_owned(),
                minor: "37".to_owned(),
            },
            api_versions: Arc::new(KNOWN_APIS.iter().map(|api| (*api).to_owned()).collect()),
            helm_version: helm.release().to_owned(),
        }
    }

    /// Adds APIs to those that are there.
    pub fn add_api_versions(&mut self, names: &[String]) {
        Arc::make_mut(&mut self.api_versions).extend_from_slice(names);
    }
}

/// A version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// The numbers after a `v`: `v1.36.0`.
    pub version: String,
    /// The same with what follows the numbers: `v1.36.0-gke.100`.
    pub full: String,
    /// The first number.
    pub major: String,
    /// The second number.
    pub minor: String,
}

/// Why a text is no Kubernetes version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubeVersionError {
    /// It does not start with a number.
    #[error("could not parse {0:?} as version")]
    NoVersion(String),
    /// It has no second number.
    #[error("illegal version string {0:?}")]
    OneNumber(String),
    /// The first number starts with 0, or a number is too large.
    #[error("illegal version component {1:?} in {0:?}")]
    Component(String, String),
}

impl KubeVersion {
    /// `.Capabilities.KubeVersion.Version`.
    pub(crate) fn shown(&self, helm: HelmVersion) -> &str {
        if helm.keeps_kube_suffix() { &self.full } else { &self.version }
    }

    /// Reads a version: numbers separated by points, at least two; what follows them is dropped.
    ///
    /// # Errors
    /// [`KubeVersionError`].
    pub fn parse(text: &str) -> Result<Self, KubeVersionError> {
        let trimmed = text.trim_start();
        let trimmed = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let mut numbers = Vec::new();
        let mut rest = trimmed;
        loop {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if end == 0 {
                break;
            }
            numbers.push(&rest[..end]);
            match rest[end..].strip_prefix('.') {
                Some(after) => rest = after,
                None => break,
            }
        }
        if numbers.is_empty() {
            return Err(KubeVersionError::NoVersion(text.to_owned()));
        }
        if numbers.len() < 2 {
            return Err(KubeVersionError::OneNumber(text.to_owned()));
        }
        let mut parsed = Vec::with_capacity(numbers.len());
        for (index, number) in numbers.iter().enumerate() {
            let wrong = || KubeVersionError::Component(text.to_owned(), (*number).to_owned());
            if index == 0 && number.starts_with('0') && *number != "0" {
                return Err(wrong());
            }
            parsed.push(number.parse::<u64>().map_err(|_| wrong())?.to_string());
        }
        Ok(Self {
            version: format!("v{}", parsed.join(".")),
            full: if text.starts_with('v') { text.to_owned() } else { format!("v{text}") },
            major: parsed[0].clone(),
            minor: parsed[1].clone(),
        })
    }
}

/// The APIs that the Kubernetes client library of Helm 3.22 knows, in its order.
const KNOWN_APIS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kube_versions() {
        let check = |text: &str, expected: &str| {
            let got = match KubeVersion::parse(text) {
                Ok(v) => format!("{} {} {}", v.version, v.major, v.minor),
                Err(error) => error.to_string(),
            };
            assert_eq!(got, expected, "{text}");
        };
        check("1.36.0", "v1.36.0 1 36");
        assert_eq!(KubeVersion::parse("1.28.3+k3s1").unwrap().full, "v1.28.3+k3s1");
        check("v1.29", "v1.29 1 29");
        check("1.28.3+k3s1", "v1.28.3 1 28");
        check("1.28.3-gke.100", "v1.28.3 1 28");
        check("1.30.x", "v1.30 1 30");
        check(" 1.2.3.4", "v1.2.3.4 1 2");
        check("one", "could not parse \"one\" as version");
        check("1", "illegal version string \"1\"");
        check("01.2", "illegal version component \"01\" in \"01.2\"");
    }

    #[test]
    fn offline() {
        let capabilities = Capabilities::offline();
        assert_eq!(capabilities.api_versions.len(), 57);
        assert!(capabilities.api_versions.iter().any(|v| v == "apps/v1"));
    }
}
