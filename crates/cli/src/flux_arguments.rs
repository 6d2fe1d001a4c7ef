//! The flags of Flux' controllers, by their own names.

use holdfast_flux::FluxOptions;
use std::time::Duration;

/// How Flux' resources are run.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Flux")]
pub(crate) struct FluxArguments {
    /// Refuse references to sources of other namespaces.
    #[arg(long)]
    no_cross_namespace_refs: bool,

    /// Refuse kustomizations that name bases, components or files elsewhere.
    #[arg(long)]
    no_remote_bases: bool,

    /// The ServiceAccount of each namespace in whose name objects are applied where a Kustomization names none.
    #[arg(long, value_name = "NAME")]
    default_service_account: Option<String>,

    /// Run only resources with these labels: one shard of several.
    #[arg(long, value_name = "SELECTOR", value_parser = selector)]
    watch_label_selector: Option<String>,

    /// ConfigMaps and Secrets with these labels start the Kustomizations that use them when they change.
    #[arg(
        long,
        value_name = "SELECTOR",
        default_value = holdfast_flux::WATCH_CONFIGS,
        value_parser = selector
    )]
    watch_configs_label_selector: String,

    /// How soon what waits for a dependency is looked at again when nothing wakes it.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = crate::arguments::duration)]
    requeue_dependency: Duration,

    /// Intervals vary by up to this many per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    interval_jitter_percentage: u8,

    /// Undo the changes of this field manager, as kubectl's are; may be given several times.
    #[arg(long, value_name = "NAME")]
    override_manager: Vec<String>,

    /// Kinds that are applied after definitions and classes and before the rest, as Kind.group or Kind.
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    custom_apply_stage_kinds: Vec<String>,

    /// The Secret with age identities, in the namespace of Flux, for Kustomizations that name none.
    #[arg(long, value_name = "NAME")]
    sops_age_secret: Option<String>,

    /// Accept encrypted files that were changed since they were encrypted, as Flux does.
    #[arg(long)]
    ignore_sops_mac: bool,

    /// Where events are posted besides the cluster: Flux' notification-controller.
    #[arg(long, value_name = "URL")]
    events_addr: Option<String>,

    /// Switch gates of Flux: StrictPostBuildSubstitutions, AdditiveCELDependencyCheck, DisableConfigWatchers.
    #[arg(long, value_name = "GATE=BOOL", value_delimiter = ',', value_parser = gate)]
    feature_gates: Vec<(Gate, bool)>,
}

/// The gates of the original that change what is done here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    StrictPostBuildSubstitutions,
    AdditiveCelDependencyCheck,
    DisableConfigWatchers,
    /// On for good: it needs no gate here.
    ExternalArtifact,
}

impl Gate {
    const ALL: [(&'static str, Self); 4] = [
        ("StrictPostBuildSubstitutions", Self::StrictPostBuildSubstitutions),
        ("AdditiveCELDependencyCheck", Self::AdditiveCelDependencyCheck),
        ("DisableConfigWatchers", Self::DisableConfigWatchers),
        ("ExternalArtifact", Self::ExternalArtifact),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, gate)| *gate)
    }
}

/// Whether there is a gate of this name here.
pub(crate) fn knows_gate(name: &str) -> bool {
    Gate::named(name).is_some()
}

fn gate(text: &str) -> Result<(Gate, bool), String> {
    let (name, on) = text.split_once('=').ok_or("write GATE=true or GATE=false")?;
    let gate = Gate::named(name).ok_or_else(|| format!("the gate '{name}' has no counterpart"))?;
    Ok((gate, on.parse().map_err(|_| format!("'{on}' is neither true nor false"))?))
}

fn selector(text: &str) -> Result<String, String> {
    holdfast_flux::WatchSelector::parse(text).map(|_| text.to_owned())
}

impl FluxArguments {
    /// The options, with the namespace in which Flux is or was.
    pub(crate) fn options(&self, flux_namespace: &str, prune_limit: Option<u32>) -> FluxOptions {
        let mut options = FluxOptions {
            requeue_dependency: self.requeue_dependency,
            no_cross_namespace_refs: self.no_cross_namespace_refs,
            events_address: self.events_addr.clone(),
            no_remote_bases: self.no_remote_bases,
            default_service_account: self.default_service_account.clone(),
            watch_selector: self
                .watch_label_selector
                .as_deref()
                .and_then(|text| holdfast_flux::WatchSelector::parse(text).ok()),
            watch_configs: holdfast_flux::WatchSelector::parse(&self.watch_configs_label_selector).ok(),
            jitter_percent: self.interval_jitter_percentage,
            override_managers: self.override_manager.clone(),
            custom_stage_kinds: self.custom_apply_stage_kinds.clone(),
            sops_age_secret: self.sops_age_secret.clone().map(|name| (flux_namespace.to_owned(), name)),
            ignore_sops_mac: self.ignore_sops_mac,
            prune_limit,
            ..FluxOptions::default()
        };
        for (gate, on) in &self.feature_gates {
            match gate {
                Gate::StrictPostBuildSubstitutions => options.strict_substitutions = *on,
                Gate::AdditiveCelDependencyCheck => options.additive_ready_expressions = *on,
                Gate::DisableConfigWatchers if *on => options.watch_configs = None,
                Gate::DisableConfigWatchers | Gate::ExternalArtifact => {}
            }
        }
        options
    }
}
