//! Counts what is downloaded, and stops it where a limit is reached.

use super::Failure;
use crate::SourceError;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// A budget of bytes that one connection shares between its requests.
#[derive(Clone)]
pub(crate) struct Meter {
    state: Arc<Mutex<Budget>>,
    failure: Failure,
}

struct Budget {
    what: &'static str,
    used: u64,
    limit_name: &'static str,
    limit: u64,
    total: u64,
}

impl Meter {
    pub(crate) fn new(failure: Failure) -> Self {
        let budget = Budget { what: "", used: 0, limit_name: "", limit: u64::MAX, total: 0 };
        Self { state: Arc::new(Mutex::new(budget)), failure }
    }

    /// Starts a new budget.
    pub(crate) fn allow(&self, what: &'static str, limit_name: &'static str, limit: u64) {
        let mut budget = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *budget = Budget { what, used: 0, limit_name, limit, total: budget.total };
    }

    /// Everything that was downloaded so far.
    pub(crate) fn total(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    /// Counts bytes that arrived.
    pub(crate) fn count(&self, bytes: usize) -> io::Result<()> {
        let mut budget = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        budget.used = budget.used.saturating_add(bytes as u64);
        budget.total = budget.total.saturating_add(bytes as u64);
        if budget.used <= budget.limit {
            return Ok(());
        }
        self.failure.set(SourceError::TooLarge {
            what: budget.what.into(),
            size: budget.used,
            limit_name: budget.limit_name,
            limit: budget.limit,
        });
        Err(io::Error::other("over the size limit"))
    }

    pub(crate) fn reader<R: Read>(&self, inner: R) -> MeteredReader<R> {
        MeteredReader { inner, meter: self.clone() }
    }
}

pub(crate) struct MeteredReader<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for MeteredReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.count(read)?;
        Ok(read)
    }
}
