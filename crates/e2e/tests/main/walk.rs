//! `docs/first-steps.md`, run as it stands: its shell blocks in two terminals, with the real kubectl, against
//! `holdfast up examples/fleet` in a checkout of its own. The text blocks say what the terminals show.

use crate::process::Holdfast;
use holdfast_testcluster::program;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What stands for anything, in the page's commands and outputs.
const ANYTHING: char = '…';
/// Parts of the page's commands that are not run: the binary is built already.
const BUILD: &str = "cargo build && ";
/// The command that goes on in the first terminal.
const UP: &str = "holdfast up ";

/// A fenced block of the page.
#[derive(Debug)]
struct Block {
    /// What follows the backquotes: `sh`, `text`, `text first terminal`.
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(info), None) => open = Some(Block { info: info.to_owned(), text: String::new() }),
            (None, Some(block)) => open = Some(Block { text: format!("{}{line}\n", block.text), ..block }),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Fails unless an output holds the pieces of an expected text, one after the other.
fn assert_shows(output: &str, expected: &str) {
    let mut rest = output;
    let pieces = expected.split(['\n', ANYTHING]).map(str::trim).filter(|piece| !piece.is_empty());
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else {
            panic!("after what was found before, {piece:?} is not in the output:\n{output}");
        };
        rest = after;
    }
}

/// A folder of commands to put in front of the PATH: `holdfast`, and the real `kubectl`.
fn commands(folder: &Path, testcluster: &Path) -> String {
    let write = |name: &str, command: String| {
        let file = folder.join(name);
        fs::write(&file, format!("#!/bin/sh\nexec {command} \"$@\"\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("holdfast", env!("CARGO_BIN_EXE_holdfast-e2e").to_owned());
    write("kubectl", format!("{} kubectl", testcluster.display()));
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A terminal in the checkout: a shell script, and what it printed.
struct Terminal {
    folder: PathBuf,
    path: String,
    home: PathBuf,
    /// What earlier blocks exported.
    exports: String,
}

impl Terminal {
    async fn run(&self, script: &str) -> String {
        let script = format!("{}exec 2>&1\n{script}", self.exports);
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env("HOME", &self.home)
            .env("XDG_CACHE_HOME", self.home.join(".cache"))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Test")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "test@example.com")))
            .kill_on_drop(true)
            .output();
        let output = output.await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\n{}:\n{text}", output.status);
        text
    }
}

/// Copies a folder and all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn the_first_steps_are_as_the_page_says() {
    let Some(testcluster) = program::for_tests().unwrap() else { return };
    let (bin, home, clone) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = clone.path().join("clone");
    copy(&repository_root().join("examples/fleet"), &folder.join("examples/fleet"));
    let mut terminal = Terminal {
        folder: folder.clone(),
        path: commands(bin.path(), &testcluster),
        home: home.path().to_owned(),
        exports: String::new(),
    };
    // A fork: its remote is not the address that the resources name.
    let fork = "git init -q -b main && git add . && git commit -qm 'a clone' \
                && git remote add origin https://git.example.com/me/fork";
    terminal.run(fork).await;

    let page = fs::read_to_string(repository_root().join("docs/first-steps.md")).unwrap();
    let mut first: Option<Holdfast> = None;
    let mut shown = String::new();
    let mut checked = 0;
    for Block { info, text } in blocks(&page) {
        match (info.as_str(), &mut first) {
            ("sh", none @ None) => {
                let arguments = text.lines().find_map(|line| line.strip_prefix(UP));
                let arguments = arguments.expect("the first block starts the first terminal");
                assert!(text.starts_with(BUILD.trim_end_matches("&& ")), "{text}");
                let arguments: Vec<_> = ["up"].into_iter().chain(arguments.split_whitespace()).collect();
                let arguments: Vec<_> = arguments.into_iter().map(std::ffi::OsStr::new).collect();
                let mut up = Holdfast::start_in(&folder, &arguments);
                up.until_says("holdfast diff ").await;
                shown = up.output();
                *none = Some(up);
            }
            ("sh", Some(up)) if text.contains(&format!("KUBECONFIG={ANYTHING}")) => {
                let (_, kubeconfig) = up.output().split_once("kubectl --kubeconfig ").map(owned).unwrap();
                let kubeconfig = kubeconfig.split_whitespace().next().unwrap().to_owned();
                terminal.exports = text.replace(ANYTHING, &kubeconfig);
            }
            ("sh", Some(_)) => shown = terminal.run(&text).await,
            ("text first terminal", Some(up)) => {
                up.until_says(text.trim()).await;
                checked += 1;
            }
            ("text", Some(_)) => {
                assert_shows(&shown, &text);
                checked += 1;
            }
            (info, _) => panic!("a block that is not known: {info}"),
        }
    }
    assert_eq!(checked, 7, "every text block is held against a terminal");
    assert!(first.unwrap().stop().await.success());
}

fn owned((before, after): (&str, &str)) -> (String, String) {
    (before.to_owned(), after.to_owned())
}
