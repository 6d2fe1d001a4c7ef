//! Chance, from a seed.

use std::time::Duration;

/// A stream of pseudo-random numbers (SplitMix64): the same seed throws the same dice.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice for a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x5DEE_CE66_D1CE_4E5B)
    }

    /// Dice of their own for a part of the simulation, so that one more throw in one part changes nothing in another.
    pub fn split(&mut self) -> Self {
        Self(self.roll())
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; zero when `end` is.
    pub fn below(&mut self, end: usize) -> usize {
        let roll = self.roll();
        usize::try_from(roll % u64::try_from(end.max(1)).unwrap_or(u64::MAX)).unwrap_or_default()
    }

    /// True in `parts` of 1,000 throws.
    pub fn per_mille(&mut self, parts: u16) -> bool {
        // Thrown even where it cannot hit, so that a quiet time uses as many throws as a stormy one.
        self.below(1000) < usize::from(parts)
    }

    /// One of several; `None` of none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// A duration between two, in whole milliseconds.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least).as_millis();
        let span = usize::try_from(span).unwrap_or(usize::MAX).saturating_add(1);
        least + Duration::from_millis(u64::try_from(self.below(span)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_and_parts_are_apart() {
        let throws = |seed: u64, first: usize| {
            let mut dice = Dice::new(seed);
            let (mut one, mut two) = (dice.split(), dice.split());
            for _ in 0..first {
                one.roll();
            }
            two.roll()
        };
        assert_eq!(throws(1, 0), throws(1, 9));
        assert_ne!(throws(1, 0), throws(2, 0));
    }

    #[test]
    fn throws_stay_within_their_bounds() {
        let mut dice = Dice::new(7);
        let (least, most) = (Duration::from_millis(3), Duration::from_millis(5));
        assert!((0..200).map(|_| dice.between(least, most)).all(|d| d >= least && d <= most));
        assert!((0..200).all(|_| !dice.per_mille(0) && dice.per_mille(1000)));
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
