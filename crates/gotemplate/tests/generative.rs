//! Templates made by chance: whatever they are, parsing and executing them ends, within limits, without a panic.

use holdfast_gotemplate::{Limits, Numbers, Value};
use serde_json::json;

use crate::support::{session, templates};

/// Pieces that templates are made of; joined at random they are often valid.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{-",
    "-}}",
    " ",
    "\n",
    "(",
    ")",
    "|",
    ",",
    ":=",
    "=",
    "$",
    "$x",
    "$y",
    ".",
    ".a",
    ".m.y.z",
    ".l",
    ".n",
    "nil",
    "true",
    "1",
    "-2.5",
    "0x1F",
    "1e9",
    "'a'",
    "\"s\"",
    "`r`",
    "\"%5.2f|%v|%q\"",
    "\"\\xff\"",
    "{{if .a}}",
    "{{else}}",
    "{{else if .t}}",
    "{{end}}",
    "{{range .l}}",
    "{{range $i, $e := .m}}",
    "{{with .m}}",
    "{{break}}",
    "{{continue}}",
    "{{define \"d\"}}",
    "{{template \"d\" .}}",
    "{{block \"b\" .}}",
    "{{/* c */}}",
    "{{$x := .a}}",
    "{{$x = 2}}",
    "text",
    "é",
    "printf ",
    "index ",
    "slice ",
    "len ",
    "eq ",
    "lt ",
    "and ",
    "or ",
    "not ",
    "dict ",
    "list ",
    "set . ",
    "merge ",
    "mergeOverwrite ",
    "deepCopy ",
    "dig ",
    "keys ",
    "toJson ",
    "fromJson ",
    "toPrettyJson ",
    "splitList ",
    "join ",
    "substr ",
    "trunc ",
    "repeat ",
    "nindent ",
    "wrap ",
    "abbrev ",
    "snakecase ",
    "regexFind ",
    "regexReplaceAll ",
    "regexSplit ",
    "date ",
    "toDate ",
    "dateModify ",
    "now ",
    "durationRound ",
    "urlParse ",
    "urlJoin ",
    "b64dec ",
    "b32dec ",
    "semver ",
    "semverCompare ",
    "until ",
    "untilStep ",
    "seq ",
    "chunk ",
    "round ",
    "divf ",
    "mod ",
    "randAlphaNum ",
    "decryptAES ",
    "genPrivateKey \"ed25519\" ",
    "default ",
    "ternary ",
    "tuple ",
    "uniq ",
    "without ",
];

/// A small generator of random numbers: the test is the same on every machine.
struct Chance(u64);

impl Chance {
    /// Far from those of other rounds.
    fn of(round: u64) -> Self {
        Self(round.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Many pieces in a row, mostly inside of actions.
fn compose(chance: &mut Chance) -> String {
    let mut text = String::new();
    for _ in 0..1 + chance.below(6) {
        if chance.below(3) == 0 {
            text.push_str(PIECES[chance.below(PIECES.len())]);
            continue;
        }
        text.push_str("{{ ");
        for _ in 0..1 + chance.below(6) {
            text.push_str(PIECES[chance.below(PIECES.len())]);
            text.push(' ');
        }
        text.push_str("}}");
    }
    text
}

/// A text with bytes cut out, doubled or moved.
fn mutate(text: &str, chance: &mut Chance) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + chance.below(4) {
        if chars.is_empty() {
            break;
        }
        let (start, len) = (chance.below(chars.len()), 1 + chance.below(8));
        let end = (start + len).min(chars.len());
        match chance.below(3) {
            0 => drop(chars.drain(start..end)),
            1 => {
                let copy = chars[start..end].to_vec();
                let at = chance.below(chars.len());
                chars.splice(at..at, copy);
            }
            _ => {
                let other = chance.below(chars.len());
                chars.swap(start, other);
            }
        }
    }
    chars.into_iter().collect()
}

fn render(text: &str) -> bool {
    let Ok(templates) = templates(text) else { return false };
    let limits = Limits { steps: 20_000, output: 1 << 20, memory: 1 << 22, depth: 50 };
    let data =
        json!({ "a": 1, "l": [1, "b", null], "m": { "x": 1.5, "y": { "z": "q" } }, "n": null, "t": true });
    session(limits).execute(&templates, b"t", &Value::from_json(&data, Numbers::Float64)).is_ok()
}

#[test]
fn composed_templates_end() {
    let (mut rendered, mut rounds) = (0, 0);
    for round in holdfast_testkit::rounds(3_000) {
        let mut chance = Chance::of(round);
        let text = compose(&mut chance);
        rendered += usize::from(render(&text));
        rendered += usize::from(render(&mutate(&text, &mut chance)));
        rounds += 1;
    }
    // Were nearly all of them refused, the test would say nothing about execution.
    assert!(rendered > rounds / 20, "{rendered} of {rounds}");
}

#[test]
fn mutated_templates_end() {
    let seeds = [
        "{{- define \"labels\" -}}\napp: {{ .m.x | quote }}\n{{- end }}{{ range $k, $v := .m }}{{ $k }}: {{ toJson $v | indent 2 }}{{ end }}",
        "{{ $d := dict \"a\" (list 1 2) }}{{ $_ := set $d \"b\" .l }}{{ with $d }}{{ range .b }}{{ . }}{{ end }}{{ end }}",
        "{{ if and .t (eq .m.y.z \"q\") }}{{ printf \"%-5s|%05d\" \"a\" 3 }}{{ else }}{{ fail \"no\" }}{{ end }}",
        "{{ toDate \"2006-01-02\" \"2020-02-29\" | date \"Mon Jan _2 15:04:05 MST 2006\" }}{{ regexReplaceAll \"(a)(b)?\" \"ab\" \"$2$1\" }}",
    ];
    let mut rendered = 0;
    for round in holdfast_testkit::rounds(4_000) {
        let mut chance = Chance::of(round);
        let mut text = seeds[chance.below(seeds.len())].to_owned();
        for _ in 0..1 + chance.below(3) {
            text = mutate(&text, &mut chance);
        }
        rendered += usize::from(render(&text));
    }
    assert!(rendered > 0, "some mutations are harmless");
}
