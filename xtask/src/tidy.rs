//! The project's own rules, as a check: file lengths, first-page comments, dependency direction, document links, and
//! tests that documents name.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// A file beyond this has a concept in it that waits for a name (generated tables and tests of tables aside).
const MAX_LINES: usize = 800;

/// Pairs that must not depend on each other: the left crate may not name the right one.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("flux", "argocd", "front-ends never import each other"),
    ("argocd", "flux", "front-ends never import each other"),
    ("sandbox", "controller", "sandbox and controllers meet at the Kubernetes API"),
    ("controller", "sandbox", "sandbox and controllers meet at the Kubernetes API"),
    ("flux", "sandbox", "sandbox and controllers meet at the Kubernetes API"),
    ("argocd", "sandbox", "sandbox and controllers meet at the Kubernetes API"),
];

/// Crates without an async runtime, clock, network or file system.
const PURE: &[&str] = &[
    "yaml",
    "object",
    "tree",
    "merge",
    "gotemplate",
    "helm",
    "kustomize",
    "render",
    "health",
    "semver",
    "sync",
    "types",
];

/// What a pure crate may not depend on.
const IMPURE: &[&str] =
    &["tokio", "reqwest", "hyper", "kube", "gix", "axum", "holdfast-source", "holdfast-cluster"];

/// Checks everything and reports all findings together.
pub(crate) fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let mut findings = Vec::new();
    check_sources(root, &mut findings)?;
    check_dependencies(root, &mut findings)?;
    check_links(root, &mut findings)?;
    check_named_tests(root, &mut findings)?;
    if findings.is_empty() {
        println!("tidy: nothing to say");
        return Ok(());
    }
    for finding in &findings {
        println!("{finding}");
    }
    bail!("{} findings", findings.len())
}

fn check_sources(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    for file in files_with(root, &["rs"])? {
        let name = shown(root, &file);
        let text = fs::read_to_string(&file)?;
        let lines = text.lines().count();
        if lines > MAX_LINES {
            findings.push(format!(
                "{name}: {lines} lines, more than {MAX_LINES}: which concept waits for a name?"
            ));
        }
        let is_front_page = name.ends_with("src/lib.rs") || name.ends_with("src/main.rs");
        if is_front_page && !text.trim_start().starts_with("//!") {
            findings
                .push(format!("{name}: the first page says what the crate is for and what it refuses to do"));
        }
    }
    Ok(())
}

fn check_dependencies(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    for folder in fs::read_dir(root.join("crates"))? {
        let manifest = folder?.path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        let name =
            manifest.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let depends = dependencies(&text);
        for (from, to, why) in FORBIDDEN {
            if name == *from && depends.iter().any(|d| *d == format!("holdfast-{to}")) {
                findings.push(format!("crates/{name}/Cargo.toml: depends on holdfast-{to}: {why}"));
            }
        }
        if depends.iter().any(|d| d == "holdfast-simulate") {
            findings.push(format!("crates/{name}/Cargo.toml: nothing depends on the simulation"));
        }
        if text.contains("planted") && !matches!(name.as_str(), "sync" | "simulate") {
            findings.push(format!("crates/{name}/Cargo.toml: bugs on purpose are for the simulation only"));
        }
        if PURE.contains(&name.as_str()) {
            for impure in IMPURE.iter().filter(|i| depends.iter().any(|d| d == *i)) {
                findings
                    .push(format!("crates/{name}/Cargo.toml: depends on {impure}, but the crate is pure"));
            }
        }
    }
    Ok(())
}

/// The names under `[dependencies]` of a manifest; development dependencies may be impure.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.starts_with("dependencies]");
        } else if inside && let Some(end) = line.find(['.', ' ', '=']) {
            names.push(line[..end].to_owned());
        }
    }
    names
}

/// Every relative link of every document names a file that is there.
fn check_links(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    for file in files_with(root, &["md"])? {
        let text = fs::read_to_string(&file)?;
        for (number, line) in text.lines().enumerate() {
            for target in links(line) {
                let path = target.split('#').next().unwrap_or_default();
                if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                    continue;
                }
                if !file.parent().unwrap_or(root).join(path).exists() {
                    findings.push(format!(
                        "{}:{}: link to nothing: {target}",
                        shown(root, &file),
                        number + 1
                    ));
                }
            }
        }
    }
    Ok(())
}

fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The document whose table names tests.
const NAMES_TESTS: &str = "docs/faults.md";

/// Every test that the document names is there.
fn check_named_tests(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    let mut sources = String::new();
    for file in files_with(&root.join("crates"), &["rs"])? {
        sources.push_str(&fs::read_to_string(file)?);
    }
    for (number, line) in fs::read_to_string(root.join(NAMES_TESTS))?.lines().enumerate() {
        let missing = named_tests(line).filter(|name| !sources.contains(&format!("fn {name}(")));
        findings.extend(
            missing.map(|name| format!("{NAMES_TESTS}:{}: no test of this name: {name}", number + 1)),
        );
    }
    Ok(())
}

/// The names of tests in a line of a table: several words of code, joined by `_`.
fn named_tests(line: &str) -> impl Iterator<Item = &str> {
    let is_name = |text: &&str| {
        text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let code = line.split('`').skip(1).step_by(2);
    code.filter(is_name).filter(move |_| line.starts_with('|'))
}

/// The files below `root` with one of the extensions, sorted; build output and hidden folders are left out.
pub(crate) fn files_with(root: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with("target") && !name.starts_with('.') && name != "node_modules" {
                    folders.push(path);
                }
            } else if extensions.iter().any(|e| path.extension().is_some_and(|x| x == *e)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shipped_dependencies_count() {
        let manifest = "[dependencies]\nbytes.workspace = true\nx = { path = \"a\" }\n[dev-dependencies]\ntokio = \"1\"\n";
        assert_eq!(dependencies(manifest), ["bytes", "x"]);
    }

    #[test]
    fn tests_that_a_line_names() {
        let named = |line| named_tests(line).collect::<Vec<_>>();
        assert_eq!(
            named("| 409 | `a_storm_passes`, `b_too` (`cluster`) | `A_B` |"),
            ["a_storm_passes", "b_too"]
        );
        assert_eq!(named("cargo `a_b`"), Vec::<&str>::new());
    }

    #[test]
    fn links_of_a_line() {
        assert_eq!(links("see [a](b.md) and [c](d.md#e)").collect::<Vec<_>>(), ["b.md", "d.md#e"]);
    }
}
