//! Our process: everything that is the product, from its start to a sudden end.

use crate::fleet::URL;
use crate::wire::{Life, Role, Wire};
use crate::world::World;
use anyhow::{Context, Result};
use holdfast_cluster::Cluster;
use holdfast_platform::{Platform, PlatformOptions};
use holdfast_source::GitUrl;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often an Application is compared without a reason: seldom, so that a lost wake-up shows.
const REFRESH: Duration = Duration::from_secs(3600);

/// One life of our process.
pub(crate) struct Process {
    life: Arc<Life>,
    platform: Platform,
    number: u32,
}

impl Process {
    /// Starts the life of this number, with the storage that the lives before it left.
    pub(crate) fn start(world: &World, number: u32, storage: &Path) -> Result<Self> {
        world.note(format_args!("our process starts for the {number}. time"));
        let life = Arc::new(Life::default());
        let service = world.sandbox().service();
        let wire = Wire::new(service, world.clone(), Role::Ours(number), life.clone());
        let cluster = Cluster::new(kube::Client::new(wire, "default"));
        let mut options = PlatformOptions::new(storage);
        options.clock = world.clock();
        options.concurrency = 16;
        options.argocd.seed = [7; 32];
        options.argocd.refresh_interval = REFRESH;
        let sources = Platform::sources(&options);
        let url = GitUrl::parse(URL).context("the fleet's address")?;
        sources.stand_in(&url, Arc::new(world.repository().clone()));
        Ok(Self { life, platform: Platform::start(cluster, sources, &options), number })
    }

    /// Which life it is.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The product.
    pub(crate) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) {
        self.life.ended().await;
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.life.is_over()
    }

    /// Ends it at once: what is under way comes to nothing from here.
    pub(crate) fn end(self) {
        self.life.end();
        // What remains of it runs into the closed connection and goes away.
        tokio::spawn(self.platform.stop());
    }

    /// Lets it finish what is under way, as on a signal.
    pub(crate) async fn stop(self) {
        self.platform.stop().await;
        self.life.end();
    }

    /// A webhook says that the repository has news.
    pub(crate) fn hear_of_news(&self) {
        if let Ok(url) = GitUrl::parse(URL) {
            self.platform.serves().changed(&url);
        }
    }
}
