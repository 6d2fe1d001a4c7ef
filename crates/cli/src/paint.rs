//! States in their colours.

use crate::cell::Cell;
use holdfast_health::HealthStatus;
use holdfast_view::{App, SyncState, line};

pub(crate) fn sync(state: SyncState) -> Cell {
    let text = state.to_string();
    match state {
        SyncState::Synced => Cell::good(text),
        SyncState::OutOfSync => Cell::busy(text),
        SyncState::Unknown => Cell::faint(text),
    }
}

pub(crate) fn app_health(app: &App) -> Cell {
    let text = line::health(app);
    if app.suspended || app.deleting { Cell::busy(text) } else { health_as(app.health, text) }
}

pub(crate) fn health(status: HealthStatus) -> Cell {
    health_as(status, status.to_string())
}

fn health_as(status: HealthStatus, text: String) -> Cell {
    match status {
        HealthStatus::Healthy => Cell::good(text),
        HealthStatus::Progressing | HealthStatus::Suspended | HealthStatus::Terminating => Cell::busy(text),
        HealthStatus::Degraded | HealthStatus::Missing => Cell::bad(text),
        HealthStatus::Unknown => Cell::faint(text),
    }
}
