//! The natural order of keys: digits compare as numbers, and anything else sorts before letters.

use serde_json::{Map, Value};

/// The entries of a mapping in the order in which go-yaml writes them.
#[must_use]
pub fn natural(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    if !entries.is_sorted_by(|a, b| !less(b.0, a.0)) {
        merge_sort(&mut entries);
    }
    entries
}

/// A stable merge sort. The standard one may panic where an order contradicts itself, and upstream's comparison
/// does for some keys (numbers too large for 64 bits wrap around).
fn merge_sort<'m>(entries: &mut Vec<(&'m String, &'m Value)>) {
    let mut from = std::mem::take(entries);
    let mut to = Vec::with_capacity(from.len());
    let mut width = 1;
    while width < from.len() {
        to.clear();
        for pair in from.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some(l), Some(r)) = (left.first(), right.first()) {
                if less(r.0, l.0) {
                    to.push(*r);
                    right = &right[1..];
                } else {
                    to.push(*l);
                    left = &left[1..];
                }
            }
            to.extend_from_slice(left);
            to.extend_from_slice(right);
        }
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    *entries = from;
}

/// Whether go-yaml writes key `a` before key `b`.
fn less(a: &str, b: &str) -> bool {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let common = (0..=common).rev().find(|&at| a.is_char_boundary(at) && b.is_char_boundary(at)).unwrap_or(0);
    let (rest_a, rest_b) = (&a[common..], &b[common..]);
    let (Some(first_a), Some(first_b)) = (rest_a.chars().next(), rest_b.chars().next()) else {
        return rest_a.is_empty() && !rest_b.is_empty();
    };
    match (first_a.is_alphabetic(), first_b.is_alphabetic()) {
        (true, true) => return first_a < first_b,
        (false, true) => return true,
        (true, false) => return false,
        (false, false) => {}
    }
    // A zero after other digits is part of a number: both sides get a leading one, so that it counts.
    let inside_number = (first_a == '0' || first_b == '0')
        && a[..common].chars().rev().take_while(char::is_ascii_digit).any(|c| c != '0');
    let seed = i64::from(inside_number);
    let (digits_a, number_a) = number(rest_a, seed);
    let (digits_b, number_b) = number(rest_b, seed);
    if number_a != number_b {
        number_a < number_b
    } else if digits_a != digits_b {
        digits_a < digits_b
    } else {
        first_a < first_b
    }
}

/// How many digits a text starts with, and the number that they append to `seed`.
fn number(text: &str, seed: i64) -> (usize, i64) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((0, seed), |(count, value), digit| {
        (count + 1, value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::less;

    #[test]
    fn keys_sort_naturally() {
        for (before, after) in [
            ("", "a"),
            ("a", "b"),
            ("a", "aa"),
            ("9", "10"),
            ("a9", "a10"),
            ("a9", "a09"),
            ("10", "a"),
            ("_", "a"),
            ("a-b", "ab"),
            ("A", "a"),
            ("10", "1a"),
            ("x100", "x1000"),
        ] {
            assert!(less(before, after), "{before} < {after}");
            assert!(!less(after, before), "{after} > {before}");
        }
    }
}
