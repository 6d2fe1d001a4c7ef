//! Damaged kustomizations and patches: a build never panics, and gives the same answer twice.
//!
//! A few hundred rounds in `cargo test`, as many as fit into the time with `HOLDFAST_FUZZ_SECONDS`. A round follows
//! from its number alone.

use crate::properties::{Case, cases, options, run};
use holdfast_kustomize::{Outcome, to_yaml};

/// Numbers that follow from a seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }
}

/// One change of a text: a line taken away, doubled, swapped, cut, indented, or something odd put in.
fn mutate(text: &str, at: usize, kind: usize) -> String {
    const ODD: [&str; 20] = [
        "null",
        "[]",
        "{}",
        "~",
        "- ",
        "$patch: delete",
        "\"\\u0000\"",
        "&a [*a]",
        "*b",
        "<<: {a: b}",
        "0x1f",
        "..",
        "/",
        "*",
        "[a=b]",
        "-1",
        "99999999999999999999",
        "|",
        ">-\n  x",
        "$(A)",
    ];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return ODD[at % ODD.len()].to_owned();
    }
    let line = at % lines.len();
    match kind % 8 {
        0 => {
            lines.remove(line);
        }
        1 => lines.insert(line, lines[line].clone()),
        2 => lines.swap(line, (at / 7) % text.lines().count()),
        3 => {
            let cut = lines[line].char_indices().map(|(i, _)| i).nth(at % 11).unwrap_or(0);
            lines[line].truncate(cut);
        }
        4 => lines[line].insert(0, ' '),
        5 => {
            let value = ODD[at % ODD.len()];
            let key = lines[line].split_once(':').map(|(key, _)| key.to_owned());
            lines[line] = key.map_or_else(|| value.to_owned(), |key| format!("{key}: {value}"));
        }
        6 => lines.insert(line, ODD[at % ODD.len()].to_owned()),
        _ => lines[line] = lines[line].replacen(|c: char| c.is_ascii_lowercase(), "é", 1),
    }
    lines.join("\n")
}

/// A case with a few of its texts damaged; now and then a file of another case stands in for one of its own.
fn damaged(numbers: &mut Numbers) -> Case {
    let all = cases();
    let mut case = all[numbers.below(all.len())].clone();
    for _ in 0..=numbers.below(3) {
        let file = numbers.below(case.files.len());
        if numbers.below(12) == 0 {
            let other = &all[numbers.below(all.len())].files;
            case.files[file].1.clone_from(&other[numbers.below(other.len())].1);
        }
        case.files[file].1 = mutate(&case.files[file].1, numbers.below(10_000), numbers.below(8));
    }
    case
}

#[test]
fn damaged_cases_are_answered() {
    for round in holdfast_testkit::rounds(600) {
        let case = damaged(&mut Numbers(round));
        let tree = case.tree();
        let first = run(&tree, &case.path, &options());
        match &first {
            Ok(Outcome::Built(built)) => {
                assert_eq!(to_yaml(&built.objects).is_empty(), built.objects.is_empty())
            }
            Ok(Outcome::Needs(needs)) => assert!(!needs.is_empty(), "round {round}"),
            Err(errors) => {
                assert!(!errors.0.is_empty(), "round {round}");
                assert!(errors.0.iter().all(|e| !e.message.is_empty()), "round {round}: {errors:?}");
            }
        }
        assert_eq!(first, run(&tree, &case.path, &options()), "round {round}");
    }
}
