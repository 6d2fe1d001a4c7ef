//! Recursion that does not overflow the stack.

/// Stack that must be left before a nested template, expression or value is visited, in bytes: more than the frames
/// between two calls of [`grow`] take, also without optimisation.
const RED_ZONE: usize = 128 * 1024;
/// Stack that is added where less is left, in bytes.
const STEP: usize = 2 * 1024 * 1024;

/// Calls `visit` on this stack, or on a new piece of it where little is left.
pub(crate) fn grow<R>(visit: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(RED_ZONE, STEP, visit)
}
