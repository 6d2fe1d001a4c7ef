//! `kustomize.buildOptions` of `argocd-cm`: flags of `kustomize build` for every kustomization.

use holdfast_kustomize::{LoadRestrictor, Reorder};

/// What the flags say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct BuildFlags {
    /// `--enable-helm`.
    pub(super) enable_helm: bool,
    /// `--enable-managedby-label`.
    pub(super) managed_by_label: bool,
    /// `--load-restrictor`.
    pub(super) load_restrictor: LoadRestrictor,
    /// `--reorder`.
    pub(super) reorder: Reorder,
}

/// Flags about programs that kustomize would run: no program is ever run, and a kustomization that needs one fails by
/// itself and says so. The others of a repository are none the worse for them.
const OF_PROGRAMS: &[&str] = &[
    "--enable-alpha-plugins",
    "--enable-exec",
    "--enable-star",
    "--network",
    "--as-current-user",
    "--helm-debug",
];
/// The same, each with a value.
const OF_PROGRAMS_WITH_VALUE: &[&str] = &["--helm-command", "--network-name", "--mount", "--env", "-e"];

impl BuildFlags {
    /// Reads the flags as a command line without quotes, which is how Argo CD takes it apart.
    ///
    /// # Errors
    /// Which flag is not known, or what is wrong with its value.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("kustomize.buildOptions of argocd-cm: {why}");
        let mut flags = Self::default();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let (flag, inline) = word.split_once('=').map_or((word, None), |(f, v)| (f, Some(v)));
            let is_on = || match inline {
                None | Some("true" | "1") => Ok(true),
                Some("false" | "0") => Ok(false),
                Some(other) => Err(wrong(format!("{flag} is true or false, not {other}"))),
            };
            match flag {
                "--enable-helm" => flags.enable_helm = is_on()?,
                "--enable-managedby-label" => flags.managed_by_label = is_on()?,
                _ if OF_PROGRAMS.contains(&flag) => {}
                "--load-restrictor" | "--reorder" => {
                    let value = inline.or_else(|| words.next()).unwrap_or_default();
                    match flag {
                        "--reorder" => flags.reorder = value.parse().map_err(wrong)?,
                        _ => flags.load_restrictor = value.parse().map_err(wrong)?,
                    }
                }
                _ if OF_PROGRAMS_WITH_VALUE.contains(&flag) => {
                    if inline.is_none() {
                        words.next();
                    }
                }
                _ => return Err(wrong(format!("{word} is not supported"))),
            }
        }
        Ok(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_kustomize_reads_them() {
        let read = |text: &str| BuildFlags::read(text);
        assert_eq!(read(""), Ok(BuildFlags::default()));
        let flags = BuildFlags { enable_helm: true, ..BuildFlags::default() };
        assert_eq!(read("--enable-helm"), Ok(flags));
        assert_eq!(read("--enable-helm=true  --helm-command helm3 --network"), Ok(flags));
        assert_eq!(read("--enable-alpha-plugins --enable-exec"), Ok(BuildFlags::default()));
        let flags = BuildFlags {
            load_restrictor: LoadRestrictor::None,
            reorder: Reorder::Legacy,
            managed_by_label: true,
            ..BuildFlags::default()
        };
        let text = "--load-restrictor LoadRestrictionsNone --reorder=legacy --enable-managedby-label";
        assert_eq!(read(text), Ok(flags));
        let failed = |text: &str| read(text).unwrap_err();
        assert_eq!(failed("--output x"), "kustomize.buildOptions of argocd-cm: --output is not supported");
        assert!(failed("--enable-helm=maybe").contains("is true or false, not maybe"));
        assert!(failed("--load-restrictor").contains("legal values"), "{}", failed("--load-restrictor"));
    }
}
