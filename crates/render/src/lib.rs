//! From an artifact to an object set: choose the renderer, transform, cache by content.
