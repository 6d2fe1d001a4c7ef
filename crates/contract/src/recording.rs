//! The answers of the real server, as they are kept: one line of JSON for each step.

use crate::case::Suite;
use crate::compare::differences;
use crate::run::Outcome;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;

/// What the real server answered to the cases of one suite.
#[derive(Debug, Default)]
pub struct Recording(HashMap<(String, usize), Value>);

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// When the file is not there or no recording.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let mut outcomes = HashMap::new();
        for line in text.lines() {
            let mut entry: Value = serde_json::from_str(line)?;
            let case = entry["case"].as_str().context("a line without a case")?.to_owned();
            let step = entry["step"].as_u64().and_then(|n| usize::try_from(n).ok()).context("no step")?;
            outcomes.insert((case, step), entry["answer"].take());
        }
        Ok(Self(outcomes))
    }

    /// Writes a recording.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(file: &Path, outcomes: &[Outcome]) -> Result<()> {
        let mut text = String::new();
        for outcome in outcomes {
            let line = json!({"case": outcome.case, "step": outcome.step, "request": outcome.request, "answer": outcome.answer});
            text.push_str(&line.to_string());
            text.push('\n');
        }
        std::fs::write(file, text).with_context(|| file.display().to_string())
    }

    /// What is wrong with the outcomes of a suite: differences from the recording, and cases that are marked as
    /// different and are not. `marked` says whether marks count: they are about the sandbox.
    pub fn findings(&self, suite: &Suite, outcomes: &[Outcome], marked: bool) -> Vec<String> {
        let mut findings = Vec::new();
        for case in &suite.cases {
            let mut lines = Vec::new();
            for outcome in outcomes.iter().filter(|o| o.case == case.name) {
                let title = format!("    step {}: {}", outcome.step, outcome.request);
                let differences = match self.0.get(&(case.name.clone(), outcome.step)) {
                    Some(expected) => differences(expected, &outcome.answer),
                    None => vec!["not recorded".to_owned()],
                };
                if !differences.is_empty() {
                    lines.push(title);
                    lines.extend(differences.iter().map(|d| format!("      {d}")));
                }
            }
            let title = format!("  {}/{:?}", suite.name, case.name);
            match (&case.differs, lines.is_empty()) {
                (Some(_), true) if marked => {
                    findings.push(format!("{title}: is marked `differs` and does not differ"));
                }
                (Some(_), false) if marked => {}
                (_, true) => {}
                (_, false) => findings.push(format!("{title}:\n{}", lines.join("\n"))),
            }
        }
        findings
    }
}
