//! How many callbacks may be under way to one host: more while it answers well, a few when it does not.

/// At first.
const FIRST: usize = 16;
/// At least: it is by these that a host which fails is seen to be well again.
const LEAST: usize = 4;
/// At most.
pub(super) const MOST: usize = 256;

/// The pace of one host. It grows by each that is delivered while most of it is in use, and is halved by each that is
/// not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    limit: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { limit: FIRST }
    }
}

impl Pace {
    /// How many more may be sent beside so many that are under way.
    pub(super) fn room(self, under_way: usize) -> usize {
        self.limit.saturating_sub(under_way)
    }

    /// Of so many under way, one has been delivered, or not.
    pub(super) fn note(&mut self, is_delivered: bool, under_way: usize) {
        self.limit = match is_delivered {
            true if under_way * 2 > self.limit => (self.limit + 1).min(MOST),
            // Fewer would do as well: nothing is learnt of more.
            true => self.limit,
            false => (self.limit / 2).max(LEAST),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many rounds in which all that may be under way is answered.
    fn rounds(pace: &mut Pace, count: usize, is_delivered: bool) {
        for _ in 0..count {
            for under_way in (1..=pace.limit).rev() {
                pace.note(is_delivered, under_way);
            }
        }
    }

    #[test]
    fn a_host_that_answers_well_gets_more_and_one_that_fails_few() {
        let mut pace = Pace::default();
        assert_eq!((pace.room(0), pace.room(10), pace.room(99)), (16, 6, 0));
        rounds(&mut pace, 12, true);
        assert_eq!(pace.room(0), MOST);
        rounds(&mut pace, 1, false);
        assert_eq!(pace.room(0), LEAST);
        rounds(&mut pace, 1, true);
        assert!((5..=8).contains(&pace.room(0)), "it is tried with a few more: {pace:?}");
    }

    #[test]
    fn one_that_needs_no_more_gets_no_more() {
        let mut pace = Pace::default();
        (0..1000).for_each(|_| pace.note(true, 3));
        assert_eq!(pace, Pace::default());
    }
}
