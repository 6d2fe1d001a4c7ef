use crate::application::HealPauses;
use std::time::Duration;

/// How Argo CD's front-end works. The defaults are Argo CD's own.
#[derive(Debug, Clone)]
pub struct ArgoOptions {
    /// The namespace of AppProjects, repository Secrets and, by default, Applications.
    pub control_namespace: String,
    /// Globs of further namespaces whose Applications count (`application.namespaces`); their project must allow the
    /// namespace too.
    pub application_namespaces: Vec<String>,
    /// How old a comparison may be (`timeout.reconciliation`).
    pub refresh_interval: Duration,
    /// How much older at most, by an amount that is each Application's own.
    pub refresh_jitter: Duration,
    /// The same after a comparison that failed for reasons that may pass.
    pub failed_refresh_interval: Duration,
    /// The pause before the second self-heal of one commit; the first is at once.
    pub self_heal_first: Duration,
    /// By what each further pause grows.
    pub self_heal_factor: f64,
    /// The longest pause.
    pub self_heal_max: Duration,
    /// More deletions than this in one sync wait for a yes; `None` is off.
    pub prune_limit: Option<u32>,
    /// Put the health of each object into `status.resources` (`controller.resource.health.persist`).
    pub inline_resource_health: bool,
    /// The seed of charts' random functions. Passwords and keys come from it: the default takes it from the operating
    /// system, once for the process, so that the same content renders the same.
    pub seed: [u8; 32],
}

impl Default for ArgoOptions {
    fn default() -> Self {
        Self {
            control_namespace: "argocd".into(),
            application_namespaces: Vec::new(),
            refresh_interval: Duration::from_secs(120),
            refresh_jitter: Duration::from_secs(60),
            failed_refresh_interval: Duration::from_secs(30),
            self_heal_first: Duration::from_secs(2),
            self_heal_factor: 3.0,
            self_heal_max: Duration::from_secs(300),
            prune_limit: None,
            inline_resource_health: false,
            seed: rand::random(),
        }
    }
}

impl ArgoOptions {
    pub(crate) fn heal_pauses(&self) -> HealPauses {
        HealPauses { first: self.self_heal_first, factor: self.self_heal_factor, max: self.self_heal_max }
    }
}
