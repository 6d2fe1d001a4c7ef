//! Shamir's secret sharing over GF(2^8) with AES' polynomial, a polynomial for each byte, as Vault and sops divide a
//! key: a part is the values at one x, and that x at its end.

use crate::DataKey;

/// The key that was divided, or `None` when the parts do not belong together.
pub(crate) fn combine(parts: &[DataKey]) -> Option<DataKey> {
    let parts: Vec<&[u8]> = parts.iter().map(DataKey::bytes).collect();
    let length = parts.first()?.len();
    if parts.len() < 2 || length < 2 || parts.iter().any(|part| part.len() != length) {
        return None;
    }
    let places: Vec<u8> = parts.iter().map(|part| part[length - 1]).collect();
    let is_double = |(number, place): (usize, &u8)| places[..number].contains(place);
    if places.contains(&0) || places.iter().enumerate().any(is_double) {
        return None;
    }
    let byte = |at: usize| {
        let values = parts.iter().map(|part| part[at]);
        values.zip(&places).fold(0, |sum, (value, place)| sum ^ multiply(value, basis(&places, *place)))
    };
    Some(DataKey::new((0..length - 1).map(byte).collect()))
}

/// Lagrange's basis polynomial of `place` at 0.
fn basis(places: &[u8], place: u8) -> u8 {
    let others = places.iter().filter(|other| **other != place);
    others.fold(1, |product, other| multiply(product, multiply(*other, inverse(place ^ other))))
}

fn inverse(of: u8) -> u8 {
    // a^254, the group having 255 elements.
    let mut result = 1;
    for bit in (0..8).rev() {
        result = multiply(result, result);
        if 254 >> bit & 1 == 1 {
            result = multiply(result, of);
        }
    }
    result
}

fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        let carry = a >> 7;
        a = (a << 1) ^ (carry * 0x1B);
        b >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_is_one() {
        assert!((1..=255).all(|a| multiply(a, inverse(a)) == 1));
    }

    #[test]
    fn parts_of_a_line_meet_at_zero() {
        // f(x) = 7 + 3x
        let part = |x: u8| DataKey::new(vec![7 ^ multiply(3, x), x]);
        assert_eq!(combine(&[part(1), part(9)]).unwrap().bytes(), [7]);
        assert_eq!(combine(&[part(200), part(2), part(77)]).unwrap().bytes(), [7]);
        assert!(combine(&[part(1), part(1)]).is_none());
        assert!(combine(&[part(1)]).is_none());
    }
}
