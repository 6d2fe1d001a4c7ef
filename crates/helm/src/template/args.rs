//! The arguments of `helm template`, with the grammar of Go's pflag.

use crate::HelmVersion;

/// Parsed arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateArgs {
    /// Which Helm to do as; no flag of Helm's.
    pub helm: HelmVersion,
    /// NAME, where given.
    pub name: Option<String>,
    /// CHART.
    pub chart: String,
    /// `--namespace`; `default` when absent.
    pub namespace: String,
    /// `--values`, in order; `-` is standard input.
    pub values: Vec<String>,
    /// `--set`, in order.
    pub set: Vec<String>,
    /// `--set-string`, in order.
    pub set_string: Vec<String>,
    /// `--set-json`, in order.
    pub set_json: Vec<String>,
    /// `--set-file`, in order.
    pub set_file: Vec<String>,
    /// `--set-literal`, in order.
    pub set_literal: Vec<String>,
    /// `--show-only`: patterns of template paths.
    pub show_only: Vec<String>,
    /// `--api-versions`.
    pub api_versions: Vec<String>,
    /// `--kube-version`, or empty.
    pub kube_version: String,
    /// `--include-crds`.
    pub include_crds: bool,
    /// `--no-hooks`.
    pub no_hooks: bool,
    /// `--skip-tests`.
    pub skip_tests: bool,
    /// `--is-upgrade`.
    pub is_upgrade: bool,
    /// `--validate`: what was rendered is held against the schemas of its kinds, those compiled in and those of the
    /// chart's own definitions.
    pub validate: bool,
    /// `--skip-schema-validation`.
    pub skip_schema_validation: bool,
    /// `--render-subchart-notes`; notes are not printed.
    pub subchart_notes: bool,
    /// `--name-template`, or empty.
    pub name_template: String,
    /// `--generate-name`.
    pub generate_name: bool,
    /// `--output-dir`, or empty.
    pub output_dir: String,
    /// `--release-name`: a folder of that name in the output folder.
    pub release_folder: bool,
    /// `--dependency-update`.
    pub dependency_update: bool,
    /// `--repo`, or empty.
    pub repository: String,
    /// `--version`, or empty.
    pub version: String,
    /// `--devel`.
    pub devel: bool,
    /// Flags that say how to reach a repository, with their values: for the caller, who fetches.
    pub fetch: Vec<(String, String)>,
}

/// Arguments that are wrong, or that make no sense here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// There is no such flag.
    #[error("unknown flag: {0}")]
    Unknown(String),
    /// There is no such flag of one letter.
    #[error("unknown shorthand flag: '{letter}' in {argument}")]
    UnknownShorthand {
        /// The letter.
        letter: char,
        /// The argument that it stands in.
        argument: String,
    },
    /// A flag's value cannot be read.
    #[error("invalid argument {value:?} for {flag:?} flag: {why}")]
    Value {
        /// The flag, as Helm lists it.
        flag: &'static str,
        /// Its value.
        value: String,
        /// Why.
        why: String,
    },
    /// A flag lacks its value.
    #[error("flag needs an argument: {0}")]
    NoValue(String),
    /// A switch has a value that is no boolean.
    #[error(
        "invalid argument {value:?} for {flag:?} flag: strconv.ParseBool: parsing {value:?}: invalid syntax"
    )]
    NotABoolean {
        /// The flag.
        flag: String,
        /// Its value.
        value: String,
    },
    /// CHART is missing.
    #[error("\"helm template\" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]")]
    NoChart,
    /// More than NAME and CHART.
    #[error("expected at most two arguments, unexpected arguments: {0}")]
    TooMany(String),
    /// A name is given twice.
    #[error("cannot set {0} and also specify a name")]
    TwoNames(&'static str),
    /// A flag that Holdfast does not support, and why.
    #[error("{flag} is not supported: {why}")]
    Refused {
        /// The flag.
        flag: String,
        /// Why, and what to do.
        why: &'static str,
    },
}

/// What a flag takes and does.
enum Flag {
    Text(fn(&mut TemplateArgs) -> &mut String),
    /// Each use adds one.
    Texts(fn(&mut TemplateArgs) -> &mut Vec<String>),
    /// Each use adds several, separated by commas.
    List(fn(&mut TemplateArgs) -> &mut Vec<String>),
    Switch(fn(&mut TemplateArgs) -> &mut bool),
    /// Kept for whoever fetches.
    Fetch {
        switch: bool,
    },
    /// Has no effect on what is rendered.
    Ignored {
        switch: bool,
    },
    /// Neither, but its value is checked.
    Checked(fn(&str) -> Result<(), UsageError>),
    Refused {
        switch: bool,
        why: &'static str,
    },
}

fn flag(name: &str) -> Option<Flag> {
    Some(match name {
        "namespace" => Flag::Text(|a| &mut a.namespace),
        "kube-version" => Flag::Text(|a| &mut a.kube_version),
        "name-template" => Flag::Text(|a| &mut a.name_template),
        "output-dir" => Flag::Text(|a| &mut a.output_dir),
        "repo" => Flag::Text(|a| &mut a.repository),
        "version" => Flag::Text(|a| &mut a.version),
        "set" => Flag::Texts(|a| &mut a.set),
        "set-string" => Flag::Texts(|a| &mut a.set_string),
        "set-json" => Flag::Texts(|a| &mut a.set_json),
        "set-file" => Flag::Texts(|a| &mut a.set_file),
        "set-literal" => Flag::Texts(|a| &mut a.set_literal),
        "show-only" => Flag::Texts(|a| &mut a.show_only),
        "values" => Flag::List(|a| &mut a.values),
        "api-versions" => Flag::List(|a| &mut a.api_versions),
        "include-crds" => Flag::Switch(|a| &mut a.include_crds),
        "no-hooks" => Flag::Switch(|a| &mut a.no_hooks),
        "skip-tests" => Flag::Switch(|a| &mut a.skip_tests),
        "is-upgrade" => Flag::Switch(|a| &mut a.is_upgrade),
        "skip-schema-validation" => Flag::Switch(|a| &mut a.skip_schema_validation),
        "render-subchart-notes" => Flag::Switch(|a| &mut a.subchart_notes),
        "generate-name" => Flag::Switch(|a| &mut a.generate_name),
        "release-name" => Flag::Switch(|a| &mut a.release_folder),
        "dependency-update" => Flag::Switch(|a| &mut a.dependency_update),
        "devel" => Flag::Switch(|a| &mut a.devel),
        "ca-file" | "cert-file" | "key-file" | "username" | "password" | "repository-config"
        | "repository-cache" | "registry-config" => Flag::Fetch { switch: false },
        "insecure-skip-tls-verify" | "plain-http" | "pass-credentials" => Flag::Fetch { switch: true },
        "atomic"
        | "create-namespace"
        | "debug"
        | "disable-openapi-validation"
        | "force"
        | "hide-notes"
        | "kube-insecure-skip-tls-verify"
        | "replace"
        | "skip-crds"
        | "take-ownership"
        | "wait"
        | "wait-for-jobs" => Flag::Ignored { switch: true },
        "timeout" => Flag::Checked(check_timeout),
        "labels" => Flag::Checked(check_labels),
        "description"
        | "kubeconfig"
        | "kube-context"
        | "kube-apiserver"
        | "kube-as-group"
        | "kube-as-user"
        | "kube-ca-file"
        | "kube-token"
        | "kube-tls-server-name"
        | "burst-limit"
        | "qps" => Flag::Ignored { switch: false },
        "validate" => Flag::Switch(|args| &mut args.validate),
        "enable-dns" => Flag::Refused { switch: true, why: "templates cannot open connections" },
        "verify" => Flag::Refused {
            switch: true,
            why: "provenance is checked where a chart is fetched, not where it is rendered",
        },
        "keyring" => Flag::Ignored { switch: false },
        "post-renderer" | "post-renderer-args" => {
            Flag::Refused { switch: false, why: "other programs are not run; pipe the output instead" }
        }
        _ => return None,
    })
}

fn check_timeout(value: &str) -> Result<(), UsageError> {
    let invalid = |why| UsageError::Value { flag: "--timeout", value: value.to_owned(), why };
    holdfast_gotemplate::Duration::parse(value).map(drop).map_err(invalid)
}

fn check_labels(value: &str) -> Result<(), UsageError> {
    match comma_separated(value).iter().find(|label| !label.contains('=')) {
        None => Ok(()),
        Some(label) => Err(UsageError::Value {
            flag: "-l, --labels",
            value: value.to_owned(),
            why: format!("{label} must be formatted as key=value"),
        }),
    }
}

fn short(letter: char) -> Option<&'static str> {
    Some(match letter {
        'n' => "namespace",
        'f' => "values",
        's' => "show-only",
        'a' => "api-versions",
        'g' => "generate-name",
        'l' => "labels",
        _ => return None,
    })
}

impl TemplateArgs {
    /// Parses what follows `helm template`.
    ///
    /// # Errors
    /// [`UsageError`].
    pub fn parse(arguments: &[String]) -> Result<Self, UsageError> {
        let mut parsed = Self { namespace: "default".to_owned(), ..Self::default() };
        let mut positional = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                positional.extend(rest.by_ref().cloned());
            } else if let Some(long) = argument.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
                parsed.set_flag(name, argument, value, &mut rest)?;
            } else if argument.len() > 1 && argument.starts_with('-') {
                parsed.shorts(&argument[1..], argument, &mut rest)?;
            } else {
                positional.push(argument.clone());
            }
        }
        parsed.take_positional(positional)
    }

    fn take_positional(mut self, mut positional: Vec<String>) -> Result<Self, UsageError> {
        match positional.len() {
            0 => return Err(UsageError::NoChart),
            1 | 2 => {}
            _ => return Err(UsageError::TooMany(positional[2..].join(", "))),
        }
        self.chart = positional.pop().unwrap_or_default();
        self.name = positional.pop();
        if self.name.is_some() {
            if self.generate_name {
                return Err(UsageError::TwoNames("--generate-name"));
            }
            if !self.name_template.is_empty() {
                return Err(UsageError::TwoNames("--name-template"));
            }
        }
        Ok(self)
    }

    /// `-nfoo`, `-n=foo`, `-n foo`, and several switches behind one dash.
    fn shorts<'a>(
        &mut self,
        letters: &str,
        argument: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), UsageError> {
        for (at, letter) in letters.char_indices() {
            let name = short(letter)
                .ok_or_else(|| UsageError::UnknownShorthand { letter, argument: argument.to_owned() })?;
            let after = &letters[at + letter.len_utf8()..];
            if let Some(Flag::Switch(_)) = flag(name)
                && !after.starts_with('=')
            {
                self.set_flag(name, argument, None, rest)?;
                continue;
            }
            let value = (!after.is_empty()).then(|| after.strip_prefix('=').unwrap_or(after));
            return self.set_flag(name, argument, value, rest);
        }
        Ok(())
    }

    fn set_flag<'a>(
        &mut self,
        name: &str,
        argument: &str,
        value: Option<&str>,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), UsageError> {
        if name == "dry-run" {
            return match value {
                Some("server" | "none" | "false") => {
                    Err(UsageError::Refused { flag: argument.to_owned(), why: "no cluster is asked" })
                }
                _ => Ok(()),
            };
        }
        let flag = flag(name).ok_or_else(|| UsageError::Unknown(argument.to_owned()))?;
        let is_switch = matches!(
            flag,
            Flag::Switch(_)
                | Flag::Fetch { switch: true }
                | Flag::Ignored { switch: true }
                | Flag::Refused { switch: true, .. }
        );
        let value = match (value, is_switch) {
            (Some(value), _) => value,
            (None, true) => "true",
            (None, false) => rest.next().ok_or_else(|| UsageError::NoValue(argument.to_owned()))?,
        };
        let on = if is_switch { boolean(name, value)? } else { true };
        match flag {
            Flag::Text(slot) => value.clone_into(slot(self)),
            Flag::Texts(slot) => slot(self).push(value.to_owned()),
            Flag::List(slot) => slot(self).extend(comma_separated(value)),
            Flag::Switch(slot) => *slot(self) = on,
            Flag::Fetch { .. } => self.fetch.push((name.to_owned(), value.to_owned())),
            Flag::Ignored { .. } => {}
            Flag::Checked(check) => check(value)?,
            Flag::Refused { why, .. } if on => {
                return Err(UsageError::Refused { flag: format!("--{name}"), why });
            }
            Flag::Refused { .. } => {}
        }
        Ok(())
    }

    /// The version to fetch: `--devel` means any, prereleases too.
    pub fn wanted_version(&self) -> String {
        if self.version.is_empty() && self.devel { ">0.0.0-0".to_owned() } else { self.version.clone() }
    }
}

fn boolean(flag: &str, value: &str) -> Result<bool, UsageError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(UsageError::NotABoolean { flag: format!("--{flag}"), value: value.to_owned() }),
    }
}

/// A line of comma-separated values, quoted with `"` where one has a comma in it.
fn comma_separated(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<TemplateArgs, UsageError> {
        TemplateArgs::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags() {
        let args = parse("a ./c -nx --set=a=1 --set b=2 -f v,w -f z --no-hooks=false -g=false --api-versions a/v1,b/v2 -s x --include-crds").unwrap();
        assert_eq!(
            (args.name.as_deref(), args.chart.as_str(), args.namespace.as_str()),
            (Some("a"), "./c", "x")
        );
        assert_eq!(args.set, ["a=1", "b=2"]);
        assert_eq!(args.values, ["v", "w", "z"]);
        assert_eq!(args.api_versions, ["a/v1", "b/v2"]);
        assert!(!args.no_hooks && args.include_crds);
        assert_eq!(comma_separated("a,\"b,\"\"c\"\"\",d"), ["a", "b,\"c\"", "d"]);
    }

    #[test]
    fn refusals() {
        let check =
            |line: &str, expected: &str| assert_eq!(parse(line).unwrap_err().to_string(), expected, "{line}");
        check("c --nope", "unknown flag: --nope");
        check("c --set", "flag needs an argument: --set");
        check("a b c d", "expected at most two arguments, unexpected arguments: c, d");
        check("a c --name-template x", "cannot set --name-template and also specify a name");
        check("a c -g", "cannot set --generate-name and also specify a name");
        check(
            "c --post-renderer x",
            "--post-renderer is not supported: other programs are not run; pipe the output instead",
        );
        check(
            "c --no-hooks=x",
            "invalid argument \"x\" for \"--no-hooks\" flag: strconv.ParseBool: parsing \"x\": invalid syntax",
        );
        assert!(parse("c --validate").unwrap().validate && !parse("c --validate=false").unwrap().validate);
        assert!(parse("").is_err());
    }
}
