//! The merge keys of the built-in kinds, as facts about Kubernetes 1.21.

/// What stands at a place: one value, a list that a patch replaces, or one that merges by keys (no keys: a set of
/// scalars).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    List,
    Merge(&'static [&'static str]),
}

/// The types on the way to a list that merges. `Opaque` stands for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Opaque,
    /// A kind whose only merging lists are in its metadata.
    Plain,
    /// A kind with a pod template in `spec.template` and `status.conditions`.
    Workload,
    WorkloadSpec,
    StatefulSet,
    StatefulSetSpec,
    Pod,
    PodSpec,
    PodStatus,
    PodTemplate,
    PodTemplateSpec,
    Container,
    EphemeralContainer,
    Job,
    CronJob,
    CronJobSpec,
    JobTemplate,
    Service,
    ServiceSpec,
    ServiceAccount,
    Webhooks,
    /// A kind whose only merging list besides the metadata's is `status.conditions`.
    Conditioned,
    ConditionedStatus,
    Claim,
    Node,
    NodeSpec,
    NodeStatus,
    CsiNode,
    CsiNodeSpec,
    Meta,
}

const NAME: Shape = Shape::Merge(&["name"]);
const TYPE: Shape = Shape::Merge(&["type"]);
const SET: Shape = Shape::Merge(&[]);

impl Type {
    /// The type of a kind the original's schema has.
    pub(crate) fn of_kind(api_version: &str, kind: &str) -> Option<Self> {
        Some(match (api_version, kind) {
            ("apps/v1", "Deployment" | "ReplicaSet" | "DaemonSet") | ("v1", "ReplicationController") => {
                Self::Workload
            }
            ("apps/v1", "StatefulSet") => Self::StatefulSet,
            ("batch/v1", "Job") => Self::Job,
            ("batch/v1" | "batch/v1beta1", "CronJob") => Self::CronJob,
            ("v1", "Pod") => Self::Pod,
            ("v1", "PodTemplate") => Self::PodTemplate,
            ("v1", "Service") => Self::Service,
            ("v1", "ServiceAccount") => Self::ServiceAccount,
            ("v1", "Node") => Self::Node,
            ("v1", "PersistentVolumeClaim") => Self::Claim,
            ("v1", "Namespace")
            | ("policy/v1" | "policy/v1beta1", "PodDisruptionBudget")
            | ("apiregistration.k8s.io/v1" | "apiregistration.k8s.io/v1beta1", "APIService") => {
                Self::Conditioned
            }
            (
                "admissionregistration.k8s.io/v1" | "admissionregistration.k8s.io/v1beta1",
                "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
            ) => Self::Webhooks,
            ("storage.k8s.io/v1" | "storage.k8s.io/v1beta1", "CSINode") => Self::CsiNode,
            _ if is_plain(api_version, kind) => Self::Plain,
            _ => return None,
        })
    }

    /// The type of a built-in OpenAPI definition, for custom schemas that refer to them.
    pub(crate) fn of_definition(name: &str) -> Option<Self> {
        let name = name.strip_prefix("io.k8s.")?;
        Some(match name.rsplit('.').next()? {
            "ObjectMeta" => Self::Meta,
            "PodTemplateSpec" => Self::PodTemplateSpec,
            "PodSpec" => Self::PodSpec,
            "Container" => Self::Container,
            "EphemeralContainer" => Self::EphemeralContainer,
            "JobTemplateSpec" => Self::JobTemplate,
            "DeploymentSpec"
            | "ReplicaSetSpec"
            | "DaemonSetSpec"
            | "JobSpec"
            | "ReplicationControllerSpec" => Self::WorkloadSpec,
            "StatefulSetSpec" => Self::StatefulSetSpec,
            "CronJobSpec" => Self::CronJobSpec,
            "ServiceSpec" => Self::ServiceSpec,
            "PersistentVolumeClaim" => Self::Claim,
            _ => Self::Opaque,
        })
    }

    /// What stands in a field of the type.
    pub(crate) fn field(self, name: &str) -> (Self, Shape) {
        use Shape::{List, Merge, One};
        match (self, name) {
            (Self::Opaque, _) => (Self::Opaque, One),
            (Self::Meta, "finalizers") => (Self::Opaque, SET),
            (Self::Meta, "ownerReferences") => (Self::Opaque, Merge(&["uid"])),
            (Self::PodTemplateSpec | Self::JobTemplate, "metadata") => (Self::Meta, One),
            (Self::Workload | Self::Job, "spec") => (Self::WorkloadSpec, One),
            (
                Self::Workload
                | Self::Job
                | Self::StatefulSet
                | Self::Conditioned
                | Self::Service
                | Self::Claim,
                "status",
            ) => (Self::ConditionedStatus, One),
            (Self::ConditionedStatus | Self::PodStatus | Self::NodeStatus, "conditions") => {
                (Self::Opaque, TYPE)
            }
            (Self::WorkloadSpec | Self::StatefulSetSpec, "template") => (Self::PodTemplateSpec, One),
            (Self::StatefulSet, "spec") => (Self::StatefulSetSpec, One),
            (Self::StatefulSetSpec, "volumeClaimTemplates") => (Self::Claim, List),
            (Self::JobTemplate, "spec") => (Self::WorkloadSpec, One),
            (Self::CronJob, "spec") => (Self::CronJobSpec, One),
            (Self::CronJobSpec, "jobTemplate") => (Self::JobTemplate, One),
            (Self::Pod | Self::PodTemplateSpec, "spec") => (Self::PodSpec, One),
            (Self::Pod, "status") => (Self::PodStatus, One),
            (Self::PodStatus, "podIPs") => (Self::Opaque, Merge(&["ip"])),
            (Self::PodTemplate, "template") => (Self::PodTemplateSpec, One),
            (Self::PodSpec, field) => Self::pod_field(field),
            (Self::Container, "ports") => (Self::Opaque, Merge(&["containerPort", "protocol"])),
            (Self::Container | Self::EphemeralContainer, "env") => (Self::Opaque, NAME),
            (Self::Container | Self::EphemeralContainer, "volumeDevices") => {
                (Self::Opaque, Merge(&["devicePath"]))
            }
            (Self::Container | Self::EphemeralContainer, "volumeMounts") => {
                (Self::Opaque, Merge(&["mountPath"]))
            }
            (Self::Service, "spec") => (Self::ServiceSpec, One),
            (Self::ServiceSpec, "ports") => (Self::Opaque, Merge(&["port", "protocol"])),
            (Self::ServiceAccount, "secrets") | (Self::Webhooks, "webhooks") => (Self::Opaque, NAME),
            (Self::Node, "spec") => (Self::NodeSpec, One),
            (Self::NodeSpec, "podCIDRs") => (Self::Opaque, SET),
            (Self::Node, "status") => (Self::NodeStatus, One),
            (Self::NodeStatus, "addresses") => (Self::Opaque, TYPE),
            (Self::CsiNode, "spec") => (Self::CsiNodeSpec, One),
            (Self::CsiNodeSpec, "drivers") => (Self::Opaque, NAME),
            (kind, "metadata") if kind.is_kind() => (Self::Meta, One),
            _ => (Self::Opaque, One),
        }
    }

    fn pod_field(name: &str) -> (Self, Shape) {
        match name {
            "containers" | "initContainers" => (Self::Container, NAME),
            "ephemeralContainers" => (Self::EphemeralContainer, NAME),
            "imagePullSecrets" | "volumes" => (Self::Opaque, NAME),
            "hostAliases" => (Self::Opaque, Shape::Merge(&["ip"])),
            "topologySpreadConstraints" => {
                (Self::Opaque, Shape::Merge(&["topologyKey", "whenUnsatisfiable"]))
            }
            _ => (Self::Opaque, Shape::One),
        }
    }

    fn is_kind(self) -> bool {
        matches!(
            self,
            Self::Plain
                | Self::Workload
                | Self::StatefulSet
                | Self::Pod
                | Self::PodTemplate
                | Self::Job
                | Self::CronJob
                | Self::Service
                | Self::ServiceAccount
                | Self::Webhooks
                | Self::Conditioned
                | Self::Claim
                | Self::Node
                | Self::CsiNode
        )
    }
}

/// Kinds of the original's schema without merging lists of their own.
fn is_plain(api_version: &str, kind: &str) -> bool {
    let kinds: &[&str] = match api_version {
        "v1" => &[
            "Binding",
            "ComponentStatus",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolume",
            "ResourceQuota",
            "Secret",
        ],
        "apps/v1" => &["ControllerRevision"],
        "autoscaling/v1" => &["HorizontalPodAutoscaler", "Scale"],
        "autoscaling/v2beta1" | "autoscaling/v2beta2" => &["HorizontalPodAutoscaler"],
        "apiextensions.k8s.io/v1" | "apiextensions.k8s.io/v1beta1" => &["CustomResourceDefinition"],
        "certificates.k8s.io/v1" | "certificates.k8s.io/v1beta1" => &["CertificateSigningRequest"],
        "coordination.k8s.io/v1" | "coordination.k8s.io/v1beta1" => &["Lease"],
        "discovery.k8s.io/v1" | "discovery.k8s.io/v1beta1" => &["EndpointSlice"],
        "events.k8s.io/v1" | "events.k8s.io/v1beta1" => &["Event"],
        "extensions/v1beta1" => &["Ingress"],
        "flowcontrol.apiserver.k8s.io/v1beta1" => &["FlowSchema", "PriorityLevelConfiguration"],
        "networking.k8s.io/v1" => &["Ingress", "IngressClass", "NetworkPolicy"],
        "networking.k8s.io/v1beta1" => &["Ingress", "IngressClass"],
        "node.k8s.io/v1" | "node.k8s.io/v1beta1" => &["RuntimeClass"],
        "policy/v1beta1" => &["Eviction", "PodSecurityPolicy"],
        "rbac.authorization.k8s.io/v1" | "rbac.authorization.k8s.io/v1beta1" => {
            &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]
        }
        "scheduling.k8s.io/v1" | "scheduling.k8s.io/v1beta1" => &["PriorityClass"],
        "storage.k8s.io/v1" => &["CSIDriver", "StorageClass", "VolumeAttachment"],
        "storage.k8s.io/v1beta1" => &["CSIDriver", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"],
        _ => return false,
    };
    kinds.contains(&kind)
}
