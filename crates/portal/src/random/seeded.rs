//! Chance that can be repeated: the same seed gives the same course.

/// A generator for mishaps (splitmix64).
#[derive(Debug, Clone, Default)]
pub struct Seeded(u64);

impl Seeded {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Whether something happens that happens in `percent` of cases.
    pub fn hits(&mut self, percent: u64) -> bool {
        percent > 0 && self.next() % 100 < percent
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept_and_the_course_repeats() {
        let course = |seed| {
            let mut chance = Seeded::new(seed);
            (0..1000).map(|_| chance.hits(20)).collect::<Vec<_>>()
        };
        let hits = course(1).into_iter().filter(|hit| *hit).count();
        assert!((150..250).contains(&hits), "{hits} of 1000");
        assert_eq!(course(1), course(1));
        assert_ne!(course(1), course(2));
        let mut chance = Seeded::new(1);
        assert!((0..1000).all(|_| chance.hits(100)) && !(0..1000).any(|_| chance.hits(0)));
    }
}
