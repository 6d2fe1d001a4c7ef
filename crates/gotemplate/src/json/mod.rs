//! JSON as Go's `encoding/json` reads and writes it.

mod decode;
mod encode;

pub use decode::decode;
pub use encode::{EncodeError, Style, encode};
