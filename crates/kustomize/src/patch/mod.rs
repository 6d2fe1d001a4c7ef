//! Patches: strategic merge and JSON, and the transformers that apply them.

mod json;
mod merge;
mod transform;

pub(crate) use json::{apply as apply_json, normalize, open_annotations, parse_patch};
pub(crate) use merge::merge;
pub(crate) use transform::{JsonPatch, PatchStep, StrategicPatches};
