//! What processes cost, as Linux tells it (`/proc`).

use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Time on a processor, its own and the kernel's for it.
    pub(crate) cpu: Duration,
    /// The most memory that it had resident, in bytes.
    pub(crate) peak: u64,
}

/// Linux counts processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used so far.
pub(crate) fn usage(id: u32) -> Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{id}/{file}");
        fs::read_to_string(&path).with_context(|| format!("{path} (this needs Linux)"))
    };
    let (stat, status) = (read("stat")?, read("status")?);
    let (_, cpu) = parse_stat(&stat).context("the processor time of a process")?;
    Ok(Usage { cpu, peak: parse_peak(&status).context("the memory of a process")? })
}

/// The processor time of all processes that this one started, and those started, but for one of them.
pub(crate) fn children_cpu(but: Option<u32>) -> Duration {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        // A process may end while it is looked at.
        let stat = id.and_then(|_| fs::read_to_string(entry.path().join("stat")).ok());
        if let (Some(id), Some((parent, cpu))) = (id, stat.as_deref().and_then(parse_stat)) {
            parents.insert(id, (parent, cpu));
        }
    }
    let own = std::process::id();
    let is_below = |mut id: u32| {
        while let Some((parent, _)) = parents.get(&id) {
            if Some(id) == but {
                return false;
            }
            if *parent == own {
                return true;
            }
            id = *parent;
        }
        false
    };
    parents.iter().filter(|(id, _)| is_below(**id)).map(|(_, (_, cpu))| *cpu).sum()
}

/// Parent and processor time of a line of `/proc/ID/stat`. The name, in brackets, may hold anything.
fn parse_stat(line: &str) -> Option<(u32, Duration)> {
    let (_, after) = line.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: u32 = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    Some((fields.get(1)?.parse().ok()?, TICK * ticks))
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "12 (a) b) S 7 12 12 0 -1 4194560 9 0 0 0 150 25 0 0 20 0 4 0 99 1 2 3\n";
        assert_eq!(parse_stat(stat), Some((7, Duration::from_millis(1750))));
        assert_eq!(parse_peak("Name:\ta\nVmHWM:\t   40 kB\nVmRSS:\t 20 kB\n"), Some(40 * 1024));
        assert_eq!(parse_stat("12 (a"), None);
        let own = usage(std::process::id()).unwrap();
        assert!(own.peak > 0);
    }
}
