//! How a folded scalar changes on its way through kustomize.

use std::borrow::Cow;

/// The value that a folded scalar (`>`) has after kustomize wrote it with go-yaml v3, in its style, and read it
/// again (kyaml's `RNode.MarshalJSON`), which every resource goes through once.
///
/// The emitter doubles the line break after each line that starts at the margin, since a reader folds a single one
/// into a space. It does so even where an indented line follows, before which nothing folds: there, and before the
/// final breaks that `>+` keeps, the text gains a line break. A block that starts with a tab cannot be read again;
/// the error says so.
///
/// # Errors
/// For such a block.
pub fn through_v3(text: Cow<'_, str>) -> Result<Cow<'_, str>, String> {
    if text.is_empty() || !stays_folded(&text) {
        return Ok(text);
    }
    if text.starts_with('\t') {
        return Err("kustomize cannot read a folded block (`>`) that starts with a tab".to_owned());
    }
    if !text.trim_end_matches('\n').contains('\n') && !text.ends_with("\n\n") {
        return Ok(text);
    }
    Ok(Cow::Owned(unfold(&emit(&text), &text)))
}

/// Whether the emitter keeps the folded style: other texts are quoted, which changes nothing.
fn stays_folded(text: &str) -> bool {
    let special = |c: char| {
        !matches!(c, '\t' | '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
    };
    !text.ends_with(' ') && !text.contains(" \n") && !text.contains(special)
}

/// The block's lines as the emitter writes them, without their indentation.
fn emit(text: &str) -> String {
    // Upstream looks at the start of the text where it means what follows the break.
    let doubles = text.trim_start_matches('\n').starts_with(|c| c != ' ' && c != '\t');
    let mut block = String::with_capacity(text.len() + 16);
    let (mut after_break, mut indented) = (true, true);
    for c in text.chars() {
        if c == '\n' {
            if !after_break && !indented && doubles {
                block.push('\n');
            }
            after_break = true;
        } else {
            if after_break {
                indented = c == ' ' || c == '\t';
            }
            after_break = false;
        }
        block.push(c);
    }
    block
}

/// Reads the lines of a folded block; its chomping is that which the emitter chose for `original`.
fn unfold(block: &str, original: &str) -> String {
    let mut text = String::with_capacity(block.len());
    // Line breaks since the last line with content, and whether that line starts with white space.
    let mut breaks = 0;
    let mut last_indented = None;
    for line in block.split('\n') {
        if !line.is_empty() {
            let indented = line.starts_with([' ', '\t']);
            match last_indented {
                Some(false) if !indented && breaks == 1 => text.push(' '),
                Some(false) if !indented => (1..breaks).for_each(|_| text.push('\n')),
                _ => (0..breaks).for_each(|_| text.push('\n')),
            }
            text.push_str(line);
            last_indented = Some(indented);
            breaks = 0;
        }
        breaks += 1;
    }
    // The last line of the split has no break of its own.
    let kept = match (original.ends_with("\n\n") || original == "\n", original.ends_with('\n')) {
        (true, _) => breaks - 1,
        (false, true) => 1,
        (false, false) => 0,
    };
    (0..kept).for_each(|_| text.push('\n'));
    text
}

#[cfg(test)]
mod tests {
    use super::through_v3;

    fn check(text: &str, expected: &str) {
        assert_eq!(through_v3(text.into()).as_deref(), Ok(expected), "{text:?}");
    }

    #[test]
    fn a_line_break_is_gained_before_an_indented_line() {
        check("x(c,\n  y\n)", "x(c,\n\n  y\n)");
        check("x\n\n  y\nz\n", "x\n\n\n  y\nz\n");
        check("\nx\n - y\n\n - z\nw", "\nx\n\n - y\n\n - z\nw");
    }

    #[test]
    fn a_line_break_is_gained_at_a_kept_end() {
        check("q\n\n", "q\n\n\n");
    }

    #[test]
    fn other_texts_stay() {
        for text in
            ["", "\n", "a", "a\n", "a\nb", "a\n\nb\n", " a\n b\nc", "trailing \nspace\n  x", "bell\u{7}\n  x"]
        {
            check(text, text);
        }
    }
}
