//! What the executions of one render share: limits, clock, random numbers, the host's state.

use std::any::Any;
use std::collections::HashMap;

use super::{Context, ExecError, Limit, Trace};
use crate::regexp::Regexp;
use crate::templates::TemplateSet;
use crate::value::{Map, Str, Value, WeakMap};

/// What `{{ .a.b }}` gives where a map has no such key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MissingKey {
    /// No value: prints as `<no value>`. Go's default.
    #[default]
    Invalid,
    /// The zero of the map's element type, nil for most. Prints as `<no value>` too; what Helm uses.
    Zero,
    /// An error.
    Error,
}

/// Bounds on what the templates of one session may do together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Nodes executed, and elements visited by functions.
    pub steps: u64,
    /// Bytes that templates write, those that `include` captures counted again.
    pub output: u64,
    /// Bytes of all strings that functions return, and 24 for each element of lists and maps they return.
    pub memory: u64,
    /// Templates within templates. Go allows 100,000.
    pub depth: u32,
}

impl Default for Limits {
    /// Far above what real charts need: kube-prometheus-stack takes 0.3 million steps and writes 2 MB.
    fn default() -> Self {
        Self { steps: 50_000_000, output: 256 << 20, memory: 1 << 30, depth: 10_000 }
    }
}

/// What a session needs from its caller.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a missing map key gives.
    pub missing_key: MissingKey,
    /// Bounds.
    pub limits: Limits,
    /// Time of `now`: nanoseconds since 1970-01-01T00:00:00Z.
    pub now: i128,
    /// Seed of the random functions. Equal seeds give equal passwords, keys and certificates: pass secret randomness
    /// from the operating system except in tests and simulations.
    pub seed: [u8; 32],
}

/// One render: executes any number of templates over data that they may change.
///
/// Dropping the session empties the maps that templates changed in a way that may have made them hold themselves,
/// so that no memory is lost: data must not be used after its session.
pub struct Session {
    pub(super) missing_key: MissingKey,
    pub(super) limits: Limits,
    pub(super) now: i128,
    pub(super) random: crate::random::Random,
    pub(super) steps: u64,
    pub(super) output: u64,
    pub(super) memory: u64,
    pub(super) depth: u32,
    pub(super) extension: Option<Box<dyn Any>>,
    pub(super) regexps: HashMap<Str, Regexp>,
    changed: Vec<WeakMap>,
}

/// Most expressions that a session keeps compiled.
pub(super) const MAX_REGEXPS: usize = 64;

impl Session {
    /// A session that has used nothing of its limits.
    pub fn new(options: Options) -> Self {
        let Options { missing_key, limits, now, seed } = options;
        Self {
            missing_key,
            limits,
            now,
            random: crate::random::Random::new(seed),
            steps: 0,
            output: 0,
            memory: 0,
            depth: 0,
            extension: None,
            regexps: HashMap::new(),
            changed: Vec::new(),
        }
    }

    /// Gives functions state of the host, which they get with [`Context::extension`].
    pub fn set_extension<T: 'static>(&mut self, extension: T) {
        self.extension = Some(Box::new(extension));
    }

    /// The host's state, if it is a `T`.
    pub fn extension<T: 'static>(&mut self) -> Option<&mut T> {
        self.extension.as_mut()?.downcast_mut()
    }

    /// Executes the template `name` with `data` as its dot and `$`.
    pub fn execute(
        &mut self,
        templates: &TemplateSet,
        name: &[u8],
        data: &Value,
    ) -> Result<Vec<u8>, ExecError> {
        let mut context = Context::new(self, templates.clone());
        context.run(name, data).map_err(|error| *error)?;
        Ok(context.out)
    }

    /// The same, with an account of which line of the template wrote what.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_traced(
        &mut self,
        templates: &TemplateSet,
        name: &[u8],
        data: &Value,
    ) -> Result<(Vec<u8>, Option<Trace>), ExecError> {
        let mut context = Context::new(self, templates.clone());
        context.trace = templates.get(name).cloned().map(Trace::new);
        context.run(name, data).map_err(|error| *error)?;
        Ok((context.out, context.trace))
    }

    /// Steps taken so far, for measurements.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn take_steps(&mut self, count: u64) -> Result<(), Limit> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > self.limits.steps { Err(Limit::Steps(self.limits.steps)) } else { Ok(()) }
    }

    pub(super) fn take_output(&mut self, bytes: usize) -> Result<(), Limit> {
        self.output = self.output.saturating_add(bytes as u64);
        if self.output > self.limits.output { Err(Limit::Output(self.limits.output)) } else { Ok(()) }
    }

    pub(super) fn take_memory(&mut self, bytes: usize) -> Result<(), Limit> {
        self.memory = self.memory.saturating_add(bytes as u64);
        if self.memory > self.limits.memory { Err(Limit::Memory(self.limits.memory)) } else { Ok(()) }
    }

    /// Remembers that `map` got an element that may hold `map` itself.
    pub(crate) fn may_hold_itself(&mut self, map: &Map) {
        self.changed.push(map.downgrade());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for map in self.changed.drain(..) {
            if let Some(map) = map.upgrade() {
                let entries = map.take();
                drop(entries);
            }
        }
    }
}
