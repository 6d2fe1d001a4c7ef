//! What every front-end shares: triggers, the keyed queue, wake-ups, status, leases.
