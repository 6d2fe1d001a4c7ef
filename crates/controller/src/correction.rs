use holdfast_sync::{Correction, explain_correction};

/// The reason of events about drift that was put right, as helm-controller names them.
pub const DRIFT_CORRECTED: &str = "DriftCorrected";

/// The most lines of one event: what is beyond is counted.
const LINES: usize = 10;

/// What an event says about drift that was put right: a line for each field with what it was, who set it and where the
/// wanted value stands. `None` when nothing was put right.
pub fn explain_corrections(corrections: &[Correction]) -> Option<String> {
    let mut lines: Vec<String> = corrections.iter().flat_map(explain_correction).collect();
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    (!lines.is_empty()).then(|| format!("put right: {}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{GroupVersionKind, ObjectRef};
    use holdfast_sync::Reason;

    #[test]
    fn long_lists_are_counted() {
        let kind = GroupVersionKind::new("", "v1", "ConfigMap");
        let missing = |number: usize| Correction {
            object: ObjectRef::new(&kind, "n", format!("c{number:02}")),
            origin: None,
            why: Reason::Missing,
        };
        let all: Vec<Correction> = (0..12).map(missing).collect();
        assert_eq!(explain_corrections(&[]), None);
        assert_eq!(explain_corrections(&all[..1]).unwrap(), "put right: ConfigMap/n/c00 was missing");
        let text = explain_corrections(&all).unwrap();
        assert_eq!(text.lines().count(), LINES + 1);
        assert!(text.ends_with("ConfigMap/n/c09 was missing\nand 2 more"), "{text}");
    }
}
