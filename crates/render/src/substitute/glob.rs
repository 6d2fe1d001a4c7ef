//! The globs of `${v#…}` and `${v%…}`: Go's `path.Match`, where `*` goes across slashes too.

/// A pattern.
pub(super) struct Glob {
    items: Vec<Item>,
}

enum Item {
    /// Any characters, or none.
    Star,
    /// One character.
    Any,
    One(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Item {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Star | Self::Any => true,
            Self::One(own) => *own == c,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(lo, hi)| (*lo..=*hi).contains(&c)) != *negated
            }
        }
    }
}

impl Glob {
    /// Reads a pattern; `None` when it is none, and so matches nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut items = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            items.push(match c {
                '*' => Item::Star,
                '?' => Item::Any,
                '\\' => Item::One(rest.next()?),
                '[' => class(&mut rest)?,
                c => Item::One(c),
            });
        }
        Some(Self { items })
    }

    /// How many steps matching a text takes.
    pub(super) fn cost(&self, text: &str) -> usize {
        text.len().saturating_mul(self.items.len() + 1)
    }

    /// The length in bytes of the shortest beginning of a text that matches and is not empty.
    pub(super) fn shortest(&self, text: &str) -> Option<usize> {
        self.ends(text, true)
    }

    /// The length of the longest.
    pub(super) fn longest(&self, text: &str) -> Option<usize> {
        self.ends(text, false)
    }

    /// Goes over the text once with every place of the pattern that can be reached by then.
    fn ends(&self, text: &str, first: bool) -> Option<usize> {
        let mut reached = vec![false; self.items.len() + 1];
        self.reach(&mut reached, 0);
        let mut found = None;
        for (at, c) in text.char_indices() {
            let mut next = vec![false; reached.len()];
            for (place, item) in self.items.iter().enumerate().filter(|(place, _)| reached[*place]) {
                if matches!(item, Item::Star) {
                    self.reach(&mut next, place);
                } else if item.matches(c) {
                    self.reach(&mut next, place + 1);
                }
            }
            reached = next;
            if reached.last() == Some(&true) {
                found = Some(at + c.len_utf8());
                if first {
                    break;
                }
            }
        }
        found
    }

    /// Marks a place, and those behind stars that may match nothing.
    fn reach(&self, reached: &mut [bool], mut place: usize) {
        loop {
            if reached[place] {
                return;
            }
            reached[place] = true;
            if !matches!(self.items.get(place), Some(Item::Star)) {
                return;
            }
            place += 1;
        }
    }
}

/// A class after its `[`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Item> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && rest.next_if_eq(&']').is_some() {
            return Some(Item::Class { negated, ranges });
        }
        let lo = class_character(rest)?;
        let hi = if rest.next_if_eq(&'-').is_some() { class_character(rest)? } else { lo };
        ranges.push((lo, hi));
    }
}

fn class_character(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let c = match rest.next()? {
        '-' | ']' => return None,
        '\\' => rest.next()?,
        c => c,
    };
    // Something has to follow, the closing bracket at least.
    rest.peek().map(|_| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_a_text() {
        let check = |pattern: &str, text: &str, expected: Option<(&str, &str)>| {
            let glob = Glob::parse(pattern);
            let found = glob.and_then(|g| Some((g.shortest(text)?, g.longest(text)?)));
            assert_eq!(found.map(|(s, l)| (&text[..s], &text[..l])), expected, "{pattern}");
        };
        check("a", "aab", Some(("a", "a")));
        check("*", "aab", Some(("a", "aab")));
        check("*a", "bab/a", Some(("ba", "bab/a")));
        check("a*b*", "xab", None);
        check("a*b*", "a/b-c", Some(("a/b", "a/b-c")));
        check("??", "äöü", Some(("äö", "äö")));
        check("[a-c][^a-c]", "bx", Some(("bx", "bx")));
        check("[a-c][^a-c]", "bb", None);
        check("\\*", "*a", Some(("*", "*")));
        check("[\\]]", "]", Some(("]", "]")));
        check("", "a", None);
        for broken in ["[", "[a", "[]", "[]a]", "[-a]", "[a-]", "\\", "[^", "[a-"] {
            check(broken, "a[]-", None);
        }
    }
}
